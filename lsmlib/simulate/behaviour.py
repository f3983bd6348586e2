"""Behaviour: what a person does on a day, minute by minute.

The 20 activities are a documented choice. Neither paper's full class list is public; running, skiing, kayaking, golf,
walking, outdoor biking and aerobic workout are named in the authors' own texts, LSM-1's eight classes are reported to
be biking, elliptical, HIIT, strength training, swimming, running, walking and weightlifting, and the rest are the
activities that such devices commonly offer to log.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri

from lsmlib.signals import MINUTES_PER_DAY
from lsmlib.simulate.noise import few_normals, wander, white
from lsmlib.simulate.people import Traits


class Activity(NamedTuple):
    """How one logged activity looks to a body and to a wrist."""

    name: str
    frequency: float  # relative; how often people log it
    minutes: float  # median duration
    effort: float  # share of the heart-rate reserve
    intervals: float  # 0 steady, 1 hard and easy minutes in turn
    cadence: float  # steps a minute that the device counts
    motion: float  # energy at the wrist, 0 still to 1 violent
    rhythm: float  # 0 irregular to 1 periodic
    climb: float  # metres of height gained or lost a minute
    wet: float  # 1 in water: contacts lose the skin, skin cools
    outdoors: float


ACTIVITY_TABLE = (
    Activity("walk", 30, 35, 0.28, 0.0, 108, 0.45, 0.85, 0.8, 0, 1),
    Activity("run", 12, 38, 0.72, 0.0, 162, 0.85, 0.95, 1.5, 0, 1),
    Activity("outdoor bike", 7, 55, 0.58, 0.2, 4, 0.40, 0.35, 3.5, 0, 1),
    Activity("spinning", 4, 42, 0.66, 0.4, 0, 0.25, 0.70, 0.0, 0, 0),
    Activity("elliptical", 4, 32, 0.58, 0.0, 118, 0.50, 0.95, 0.0, 0, 0),
    Activity("treadmill", 5, 34, 0.60, 0.1, 138, 0.68, 1.00, 0.0, 0, 0),
    Activity("swim", 3, 38, 0.58, 0.1, 0, 0.65, 0.75, 0.0, 1, 0),
    Activity("weightlifting", 7, 48, 0.36, 0.6, 6, 0.40, 0.15, 0.0, 0, 0),
    Activity("strength training", 6, 42, 0.44, 0.5, 12, 0.48, 0.20, 0.0, 0, 0),
    Activity("HIIT", 4, 26, 0.72, 1.0, 58, 0.80, 0.40, 0.0, 0, 0),
    Activity("yoga", 4, 48, 0.16, 0.0, 0, 0.16, 0.05, 0.0, 0, 0),
    Activity("pilates", 2, 42, 0.22, 0.1, 0, 0.22, 0.10, 0.0, 0, 0),
    Activity("aerobic workout", 4, 42, 0.55, 0.3, 84, 0.66, 0.60, 0.0, 0, 0),
    Activity("rowing", 2, 28, 0.66, 0.2, 18, 0.60, 0.90, 0.0, 0, 0),
    Activity("hike", 4, 120, 0.46, 0.0, 94, 0.50, 0.60, 5.0, 0, 1),
    Activity("stair climber", 2, 24, 0.66, 0.0, 62, 0.36, 0.90, 0.0, 0, 0),
    Activity("tennis", 2, 70, 0.55, 0.7, 52, 0.74, 0.25, 0.0, 0, 1),
    Activity("golf", 2, 160, 0.24, 0.2, 54, 0.30, 0.30, 1.0, 0, 1),
    Activity("skiing", 1, 150, 0.45, 0.5, 5, 0.55, 0.30, 14.0, 0, 1),
    Activity("kayaking", 1, 75, 0.44, 0.1, 0, 0.56, 0.80, 0.0, 0.5, 1),
)
ACTIVITIES = tuple(activity.name for activity in ACTIVITY_TABLE)
MOODS = ("calm", "content", "excited", "tired", "sad", "frustrated", "stressed")
FIRST_WEEKDAY = 4  # day 0 is Friday, 1 March 2024: the period of LSM-2's and SensorLM's corpora begins there
LOGGED_BOUTS, STRESS_EPISODES, MOOD_LOGS, COMMUTES = 2, 5, 2, 2  # the most of each in one day

_FEATURES = jnp.array([activity[2:] for activity in ACTIVITY_TABLE], jnp.float32)  # minutes, effort, ..., outdoors
_LOG_FREQUENCY = jnp.log(jnp.array([activity.frequency for activity in ACTIVITY_TABLE], jnp.float32))


class Behaviour(NamedTuple):
    """A lived day; every field is ``[t]``."""

    stage: jax.Array  # 0 awake, 1 light, 2 deep, 3 REM
    activity: jax.Array  # code of the logged activity, -1 for none
    mood: jax.Array  # code at the minute of a log, -1 elsewhere
    stress: jax.Array  # 0 to 1
    effort: jax.Array  # share of the heart-rate reserve that movement asks for
    cadence: jax.Array  # steps a minute
    motion: jax.Array  # wrist energy, 0 to 1
    rhythm: jax.Array  # 0 irregular to 1 periodic
    climb: jax.Array  # metres a minute
    wet: jax.Array
    outdoors: jax.Array


def live_day(person_key: jax.Array, day: jax.Array, traits: Traits) -> Behaviour:
    """What this person does on this day, given ``Traits``; a pure function of the key and the day's number."""
    keys = jax.random.split(jax.random.fold_in(person_key, day), 6)
    minute = jnp.arange(MINUTES_PER_DAY)
    slow = wander(keys[0], [4.0, 30.0, 12.0])
    stage = _sleep(person_key, day, traits, minute, awakening=slow[2])
    awake = stage == 0
    settled = awake & (_nearest_sleep(stage) == 0)

    activity, sport = _logged_bouts(keys[1], day, traits, minute, settled)
    active = activity >= 0
    stress = jnp.where(awake & ~active, _stress(keys[2], day, traits, minute), 0.0)
    commuting = _commutes(keys[3], day, traits, minute) & settled & ~active

    # Unlogged movement. A minute has steps when urges that last minutes to half an hour, and the moment's, pass the
    # person's threshold. Weights, thresholds and cadences are set by 33 people's recorded waking minutes (fitbit,
    # 2016): 24 % have steps; bouts last 1 minute in 43 % and 3.3 on average, rests 10.3 on average, 1 to 3 in half of
    # them; a walked minute has 24 steps in the median, and more than 90 in 10 %.
    lively = 0.20 * traits.taste[0] + 0.05 * traits.fitness + 0.18 * jnp.cos((minute - 900) * (2 * jnp.pi / 1000))
    busy = 0.60 * slow[0] + 0.56 * slow[2] + 0.52 * slow[1] + lively
    chance = white(keys[4], 4)
    urge = busy - 0.80
    pottering = awake & ~active & ~commuting & (urge + 0.32 * chance[3] > 0)
    pace = 107.0 * jnp.exp(0.06 * traits.taste[1])
    # Steps grow with the urge up to the person's own pace, and vary more the fewer they are.
    vary = (0.75 - 0.35 * jnp.clip(urge, 0.0, 1.0)) * chance[0] + 0.18 * chance[3]
    shuffle = 3.5 + jnp.exp(jnp.clip(1.93 - 0.245 * slow[0] + 0.70 * slow[2] + 1.5 * urge + vary, -1.0, 6.0))
    shuffle = shuffle / jnp.cbrt(1 + (shuffle / pace) ** 3)
    errand = jnp.clip(1.5 * (0.283 * slow[0] + 0.744 * slow[2] - 1.75), 0.0, 1.0)  # a walk somewhere, at that pace
    strolled = shuffle + errand * (pace * (1 + 0.05 * chance[0]) - shuffle)
    strolled = strolled * jnp.where(chance[1] < -1.4, 0.3, 1.0)  # a bout that ended early in its last minute
    cadence = jnp.where(pottering, strolled, 0.0)
    cadence = jnp.where(commuting, pace * (1 + 0.05 * chance[0]), cadence)
    cadence = jnp.where(active, sport.cadence * (1 + 0.05 * chance[0]), cadence)

    climbing_stairs = (cadence > 20) & ~active & (chance[1] > 2.05)
    in_a_lift_or_car = awake & (cadence == 0) & (chance[1] > 3.8)
    climb = jnp.where(climbing_stairs, 9.0 + 3.0 * chance[2], 0.0)
    climb = jnp.where(in_a_lift_or_car, 34.0 * jnp.exp(0.5 * chance[2]), climb)
    climb = jnp.where(active, sport.climb * jnp.exp(0.8 * chance[2]), climb)

    walking = cadence / 115.0
    hard_minute = 1.0 + sport.intervals * jnp.where((minute // 2) % 2 == 0, 0.28, -0.42)
    # Busy people stand between steps and use their hands, at times briskly: hearts are up around steps, too.
    upright = 0.038 * jnp.clip(busy + 0.1, 0.0, 1.5) + 0.11 * (busy > 0.0) * jnp.maximum(chance[1] - 0.8, 0.0)
    upright = jnp.where(awake, upright, 0.0)
    afoot = 0.34 * walking * jnp.exp(0.4 * (1 - errand) * chance[2]) + 0.022 * jnp.maximum(climb, 0) * (walking > 0)
    effort = jnp.where(active, sport.effort * hard_minute, upright + afoot)
    fidget = jnp.where(
        awake, jnp.maximum(0.10 + 0.05 * slow[0] + 0.03 * slow[1], 0.035), 0.012 + 0.02 * (slow[2] > 1.6)
    )
    motion = jnp.where(active, sport.motion * (0.75 + 0.25 * hard_minute), fidget + 0.42 * walking)
    return Behaviour(
        stage=stage,
        activity=activity,
        mood=_moods(keys[5], traits, minute, awake, stress, active),
        stress=stress,
        effort=jnp.clip(effort, 0.0, 1.0),
        cadence=cadence,
        motion=jnp.clip(motion, 0.0, 1.0),
        rhythm=jnp.where(active, sport.rhythm, 0.75 * walking * (cadence > 60)),
        climb=climb,
        wet=sport.wet,
        outdoors=jnp.maximum(sport.outdoors, commuting.astype(jnp.float32)),
    )


def is_weekend(day: jax.Array) -> jax.Array:
    """Whether a day's number falls on Saturday or Sunday."""
    return (day + FIRST_WEEKDAY) % 7 >= 5


def night(person_key: jax.Array, day: jax.Array, traits: Traits) -> tuple[jax.Array, jax.Array]:
    """Sleep onset and waking of the night that ends on ``day``, in minutes after that day's midnight.

    The night belongs to the morning it ends on, so that one evening and the next morning agree on it although each day
    is simulated on its own.
    """
    later, longer = few_normals(jax.random.fold_in(jax.random.fold_in(person_key, 1_000_003), day), 2)
    free = is_weekend(day).astype(jnp.float32)
    onset = -38.0 + 60.0 * traits.chronotype + 35.0 * free + 35.0 * later
    length = jnp.clip(428.0 - 16.0 * traits.worry + 35.0 * free + 45.0 * longer, 240.0, 620.0)
    return onset, onset + length


def _sleep(person_key, day, traits, minute, awakening):
    """Sleep stages [t]: cycles of about 90 minutes, deep sleep early in the night, REM late, short awakenings."""

    def stages(onset, wake, offset):
        since = minute + offset - onset
        share = since / (wake - onset)
        cycle = (since % 91.0) / 91.0
        deep = (cycle > 0.22) & (cycle < 0.68 - 0.55 * share)
        rem = cycle > 0.98 - 0.32 * share
        inside = (since >= 0) & (share < 1)
        disturbed = awakening > 2.25 - 0.2 * traits.worry
        return jnp.where(inside & ~disturbed, jnp.where(deep, 2, jnp.where(rem, 3, 1)), 0)

    this_morning = stages(*night(person_key, day, traits), 0.0)
    this_evening = stages(*night(person_key, day + 1, traits), -float(MINUTES_PER_DAY))
    return jnp.maximum(this_morning, this_evening)


def _nearest_sleep(stage, minutes=10):
    """Deepest stage within some minutes of each minute [t]: people do not leave for a run between two dreams."""
    padded = jnp.pad(stage, minutes)
    return jnp.max(jnp.stack([padded[i : i + MINUTES_PER_DAY] for i in range(0, 2 * minutes + 1, 5)]), axis=0)


def _logged_bouts(key, day, traits, minute, settled):
    """Code of the logged activity [t], and the table's row at each minute (zeros where none)."""
    kinds = len(ACTIVITY_TABLE)
    chance = jax.random.uniform(key, (LOGGED_BOUTS, kinds + 4), minval=1e-6)
    wish = _LOG_FREQUENCY + 1.3 * traits.taste - jnp.log(-jnp.log(chance[:, :kinds]))  # Gumbel: a draw by odds
    code = jnp.argmax(wish, axis=-1)
    table = _FEATURES[code]  # [bout, feature]

    free = is_weekend(day).astype(jnp.float32)
    slot = (3 * chance[0, kinds]).astype(jnp.int32)  # before work, at noon, after work
    first = jnp.array([430.0, 740.0, 1060.0])[slot] * (1 - free) + 640.0 * free
    later, longer = ndtri(chance[:, kinds + 1]), ndtri(chance[:, kinds + 2])
    start = jnp.stack([first, jnp.where(first < 900, 1080.0, 700.0)]) + 30.0 * traits.chronotype + 40.0 * later
    minutes = jnp.clip(table[:, 0] * jnp.exp(0.32 * longer), 10.0, 300.0)
    likely = jax.nn.sigmoid(-0.3 + 0.75 * traits.fitness + 0.4 * free) * jnp.array([1.0, 0.22])
    happens = chance[:, kinds + 3] < likely

    inside = happens & (minute[:, None] >= start) & (minute[:, None] < start + minutes) & settled[:, None]  # [t, bout]
    inside = inside.at[:, 1].set(inside[:, 1] & ~inside[:, 0])
    activity = jnp.where(inside[:, 0], code[0], jnp.where(inside[:, 1], code[1], -1))
    rows = jnp.where(inside[:, :1], table[0], jnp.where(inside[:, 1:], table[1], 0.0))
    return activity, Activity("", 0.0, *jnp.moveaxis(rows, -1, 0))


def _stress(key, day, traits, minute):
    """Stress [t], 0 to 1: a few episodes that rise over minutes and fade slowly, more of them in worried people."""
    start, length, strength, chance = jax.random.uniform(key, (4, STRESS_EPISODES))
    start = 480.0 + 840.0 * start
    length = 12.0 + 40.0 * length
    likely = jax.nn.sigmoid(-1.2 + 1.1 * traits.worry - 0.5 * is_weekend(day))
    since = minute[:, None] - start
    shape = jnp.minimum(jnp.clip(since / 6.0, 0, 1), jnp.clip((length - since) / 12.0, 0, 1))
    return jnp.max(jnp.where(chance < likely, (0.45 + 0.55 * strength) * shape, 0.0), axis=-1)


def _commutes(key, day, traits, minute):
    """Minutes [t] of walking to and from work, for people who do so, on weekdays."""
    later, longer = few_normals(key, 2 * COMMUTES).reshape(2, COMMUTES)
    start = jnp.array([500.0, 1035.0]) + 15.0 * later
    inside = (minute[:, None] >= start) & (minute[:, None] < start + 11.0 + 3.0 * longer)
    return inside.any(axis=-1) & (traits.commutes > 0) & ~is_weekend(day)


def _moods(key, traits, minute, awake, stress, active):
    """Mood codes [t] at the minutes of a log, -1 elsewhere; the words follow stress, worry and exercise."""
    chance = jax.random.uniform(key, (MOOD_LOGS, 2 + len(MOODS)), minval=1e-6)
    when = 480 + (900 * chance[:, 0]).astype(jnp.int32)
    logs = chance[:, 1] < 0.35
    strained, moved = stress[when], active[jnp.maximum(when - 60, 0)] | active[jnp.maximum(when - 120, 0)]
    calm = 0.6 - 1.5 * strained - 0.3 * traits.worry
    zero = jnp.zeros_like(calm)
    logits = jnp.stack(
        [
            calm + 0.3,
            calm + 0.5 * moved + 0.3,
            -0.9 + 1.2 * moved + zero,
            -0.3 + 0.8 * (when > 1200) + zero,
            -1.6 + 0.5 * traits.worry + zero,
            -1.3 + 1.8 * strained + 0.3 * traits.worry,
            -1.1 + 3.0 * strained + 0.5 * traits.worry,
        ],
        axis=-1,
    )
    code = jnp.argmax(logits - jnp.log(-jnp.log(chance[:, 2:])), axis=-1)
    here = (minute[:, None] == when) & logs & awake[:, None]
    return jnp.max(jnp.where(here, code, -1), axis=-1)
