"""Physiology: how this body answers to its day. Everything is a lagged response to behaviour plus slow drift."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lsmlib.signals import MINUTES_PER_DAY
from lsmlib.simulate.behaviour import Behaviour
from lsmlib.simulate.noise import decaying_sum, few_normals, respond, trailing_mean, wander, white
from lsmlib.simulate.people import Traits


class Physiology(NamedTuple):
    """The body's state; every field is ``[t]``."""

    heart_rate: jax.Array  # bpm
    rr_median: jax.Array  # ms, over the last 5 minutes, as the two below
    rmssd: jax.Array  # ms; fast, vagal variability
    sdnn: jax.Array  # ms; all variability
    tonic: jax.Array  # µS, slow skin conductance
    phasic: jax.Array  # µS, bursts on top of it
    skin_temperature: jax.Array  # °C


def respond_to_day(key: jax.Array, traits: Traits, behaviour: Behaviour) -> Physiology:
    """The body's answer to one day; a pure function of the key, the person and what the person did."""
    slow_key, chance_key, day_key = jax.random.split(key, 3)
    #                       heart  vagal  slow variability  ambient  sweat  skin  heart, from minute to minute
    slow = wander(slow_key, [18.0, 14.0, 14.0, 500.0, 45.0, 120.0, 2.2, 90.0])
    day_shift = few_normals(day_key, 5)  # this day against the person's other days
    minute = jnp.arange(MINUTES_PER_DAY)
    asleep = (behaviour.stage > 0).astype(jnp.float32)
    circadian = jnp.cos((minute - 960.0 - 60.0 * traits.chronotype) * (2 * jnp.pi / MINUTES_PER_DAY))

    heart_rate = _heart_rate(traits, behaviour, asleep, circadian, (slow[6], slow[0], slow[7]), slow[1], day_shift)
    over_rest = heart_rate - traits.resting_heart_rate
    strain = respond(jnp.stack([behaviour.effort, behaviour.stress]), [4.0, 3.0])

    # Vagal tone: high in deep sleep, withdrawn by effort, stress and a fast heart. The constant puts the average
    # person near the published 34 ms.
    log_rmssd = (
        3.34
        + traits.vagal_tone
        + 0.10 * day_shift[1]
        + 0.22 * asleep
        + 0.15 * (behaviour.stage == 2)
        - 0.10 * (behaviour.stage == 3)
        - 0.6 * strain[0]
        - 0.35 * strain[1]
        - 0.009 * over_rest
        + 0.22 * slow[1]
    )
    rmssd = jnp.exp(log_rmssd)
    # Slow variability on top of the fast: SDNN² = RMSSD²/2 + slow², which keeps RMSSD below √2 SDNN as it must be.
    slow_rr = jnp.exp(3.42 + 0.55 * traits.vagal_tone + 0.10 * day_shift[1] - 0.5 * strain[0] + 0.40 * slow[2])
    rr_now = 60_000.0 / heart_rate
    rr_median = trailing_mean(rr_now, 5)
    rr_trend = rr_now - jnp.concatenate([jnp.broadcast_to(rr_now[:1], (4,)), rr_now[:-4]])
    sdnn = jnp.sqrt(0.5 * rmssd**2 + slow_rr**2 + rr_trend**2 / 12.0)

    tonic, phasic = _sweat(chance_key, traits, behaviour, asleep, strain, slow[4], day_shift[2])
    return Physiology(
        heart_rate=heart_rate,
        rr_median=rr_median,
        rmssd=rmssd,
        sdnn=sdnn,
        tonic=tonic,
        phasic=phasic,
        skin_temperature=_skin(traits, behaviour, asleep, circadian, strain, slow[3], slow[5], day_shift[3]),
    )


def _heart_rate(traits, behaviour, asleep, circadian, restless, vagal, day_shift):
    """Heart rate [t] in bpm: what the minute asks for, followed fast on the way up and slower on the way down."""
    maximum = 208.0 - 0.7 * traits.age  # Tanaka et al. 2001
    reserve = maximum - traits.resting_heart_rate
    # Healthy hearts slow down by night, by so many bpm; stiff arteries blunt the dip ("non-dippers").
    dip = 1.5 - 0.8 * traits.arterial_stiffness
    level = (
        traits.resting_heart_rate
        - dip * asleep
        + 2.5 * day_shift[0]
        + 1.4 * circadian
        - 2.5 * (behaviour.stage == 2)
        + 3.0 * (behaviour.stage == 3)
        + 11.0 * behaviour.stress
    )
    # Measured by regression on steps (fitbit, 2016; 4 people): of the fast answer to a minute of walking, 0.30 come in
    # the minute before it, because people rise before the first counted step, then 0.50, 0.15 and 0.05. A sixth or so
    # more lasts for a quarter of an hour. 100 steps a minute add 27 to 58 bpm in all.
    asked = reserve * behaviour.effort
    begun = 0.58 * asked + 0.42 * jnp.concatenate([asked[1:], asked[-1:]])
    recovery = jnp.clip(0.95 - 0.2 * traits.fitness + 0.12 * traits.arterial_stiffness, 0.6, 2.5)
    lasts = 14.0 * jnp.exp(-0.25 * traits.fitness)
    # The larger of a fast and a slow response rises with the one and falls with the other.
    up, down, lasting, settled = respond(
        jnp.stack([begun, begun, asked, level]), jnp.stack([0.8, recovery, lasts, 1.5])
    )
    answer = 0.9 * jnp.maximum(up, down) + 0.15 * lasting

    # A heart at rest wanders. Measured on minutes 10 and more after the last step (fitbit, 2016; 4 people): its change
    # over 1, 2, 5 and 18 minutes has a root mean square of 2.3 to 4.0, 3.0 to 5.4, 3.7 to 7.2 and 4.4 to 8.9 bpm.
    scale = jnp.exp(0.15 * traits.vagal_tone + 0.22 * day_shift[4] + 0.3 * vagal)
    wandering = (
        scale * (1.0 - 0.15 * asleep + 0.07 * lasting) * (1.9 * restless[0] + 1.3 * restless[1] + 2.5 * restless[2])
    )
    return jnp.clip(settled + answer + wandering, 36.0, maximum)


def _sweat(key, traits, behaviour, asleep, strain, drift, day_shift):
    """Skin conductance in µS: a slow level [t], and bursts [t] that start in a minute and decay over three."""
    chance = white(key, 2)
    log_level = (
        0.82 + traits.sweat + 0.16 * day_shift + 0.45 * drift + 1.6 * strain[0] + 0.65 * strain[1] - 0.35 * asleep
    )
    tonic = jnp.exp(jnp.clip(log_level, -4.0, 3.9))
    # Bursts: a minute has one when its noise passes a threshold that stress and deep sleep ("storms") lower.
    threshold = 1.9 - 1.3 * behaviour.stress - 0.8 * (behaviour.stage == 2) - 0.12 * traits.worry
    burst = jnp.where(chance[0] > threshold, tonic * 0.22 * jnp.exp(0.5 * chance[1]), 0.0)
    return tonic, decaying_sum(burst[None], jnp.exp(jnp.array([-1.0 / 3.0])))[0]


def _skin(traits, behaviour, asleep, circadian, strain, ambient, drift, day_shift):
    """Skin temperature [t] in °C: warm in bed, cool in stress, effort, water and cold air, behind a slow sensor."""
    target = (
        31.15
        - 0.25 * traits.worry
        + 1.1 * day_shift
        + 2.0 * asleep
        - 0.45 * circadian
        - 2.2 * strain[0]
        - 0.9 * strain[1]
        + 1.8 * ambient * (1.0 - 0.5 * asleep)
        + 0.5 * drift
        - 2.0 * behaviour.outdoors
        - 3.5 * behaviour.wet
    )
    return respond(target[None], [34.0])[0]
