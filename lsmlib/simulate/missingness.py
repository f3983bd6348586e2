"""Missingness: how a complete day becomes the day that a device really records.

Gaps come in the four published modes (LSM-2, Xu, Narayanswamy et al. 2025, arXiv 2506.05321): the whole device off; one
sensor off; motion noise; and readings out of range that were removed. Each day has a target share of missing readings,
drawn so that a cohort has the published mean 0.49, deviation 0.15 and range 0.02 to 0.80. Noise and removed readings
come first, from the body's motion and from chance. Then the day goes through a list of candidate episodes (charging, a
night without the device, a sensor that saves power) in a random order of its own, and takes one after another until the
target is reached; the last one ends early.

Nothing here looks at a label, and the target share is independent of the person's health. Where gaps fall follows
motion and sleep, which health touches; a test and notebook 01 check that this tells a model nothing.
"""

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri

from lsmlib.signals import MINUTES_PER_DAY, SIGNALS
from lsmlib.simulate.behaviour import Behaviour
from lsmlib.simulate.noise import decaying_sum, wander

MODES = ("device off", "sensor off", "noise", "out of range")
DEVICE_OFF, SENSOR_OFF, NOISE, OUT_OF_RANGE = range(4)
OBSERVED = -1

MEAN_MISSING, SD_MISSING = 0.49, 0.15  # share of a day's readings, as published
LEAST_MISSING, MOST_MISSING = 0.03, 0.79  # targets, inside the published range

# Signals that vanish together. Heart-rate variability is its own group: the device computes it only in some modes.
_HEART_RATE = ("heart_rate", "heart_rate_at_rest")
GROUPS = ("heart rate", "variability", "motion", "altimeter", "conductance", "temperature")
_GROUP_OF_SENSOR = {"ACC": 2, "ALT": 3, "EDA": 4, "TEMP": 5}
GROUP_OF_SIGNAL = jnp.array(
    [0 if s.name in _HEART_RATE else 1 if s.sensor == "PPG" else _GROUP_OF_SENSOR[s.sensor] for s in SIGNALS]
)
_MEMBERS = jax.nn.one_hot(GROUP_OF_SIGNAL, len(GROUPS), axis=0)  # [group, s]

# Which groups a sensor that is off takes with it, and how often.
_OFF_SETS = jnp.array(
    [
        [0, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 1, 1, 0, 0],
    ],
    bool,
)
_OFF_ODDS = jnp.cumsum(jnp.array([0.34, 0.14, 0.20, 0.14, 0.08, 0.05, 0.05]))
DEVICE_EPISODES, SENSOR_EPISODES, SHORT_EPISODES = 7, 8, 6
LONGEST_SMALL_GAP = jnp.array([30.0, 7.0])  # minutes, of noise and of removed readings


def lose_single_readings(key: jax.Array, behaviour: Behaviour) -> jax.Array:
    """Readings lost to noise or removed as impossible, int8 ``[s, t]``: a code of ``MODES``, -1 where observed."""
    slow_key, chance_key = jax.random.split(key)
    optics, contact = wander(slow_key, [6.0, 15.0])
    # A jolted optical sensor loses the beats it needs for variability long before it loses the heart rate.
    jolt = optics + 5.0 * behaviour.motion
    dry = contact > 2.6 - 2.0 * behaviour.wet
    group = GROUP_OF_SIGNAL[:, None]
    lost = ((group == 0) & (jolt > 4.0)) | ((group == 1) & (jolt > 2.5)) | ((group == 4) & dry)

    # Each signal may have one short gap of either kind in a day: when it starts, how long it is, whether it happens.
    start, length, happens = jax.random.uniform(chance_key, (3, 2, len(SIGNALS), 1))
    since = jnp.arange(MINUTES_PER_DAY) - MINUTES_PER_DAY * start
    inside = (since >= 0) & (since < LONGEST_SMALL_GAP[:, None, None] * length) & (happens < 0.5)  # [kind, s, t]
    return jnp.where(inside[1], OUT_OF_RANGE, jnp.where(inside[0] | lost, NOISE, OBSERVED)).astype(jnp.int8)


def lose_episodes(key: jax.Array, person_key: jax.Array, behaviour: Behaviour, single: jax.Array) -> jax.Array:
    """Add the day's episodes without the device or a sensor to the readings already lost one by one.

    Returns:
        int8 ``[s, t]``: why each reading of the day is missing, a code of ``MODES``, or -1 where it was observed.
    """
    episode_key, day_key = jax.random.split(key)
    habits = jax.random.uniform(jax.random.fold_in(person_key, 1_000_081), (3,))
    chance = ndtri(jnp.stack([habits[0], jax.random.uniform(day_key, minval=1e-6)]))
    target = MEAN_MISSING + SD_MISSING * (0.6 * chance[0] + 0.8 * chance[1])
    target = jnp.clip(target, LEAST_MISSING, MOST_MISSING) * len(SIGNALS) * MINUTES_PER_DAY  # readings

    covers, takes, mode = _episodes(episode_key, habits, behaviour)  # [e, t], [e, group], [e]
    none = len(mode)
    first = jnp.full((len(GROUPS), MINUTES_PER_DAY), none)  # the first episode that takes a reading
    for number in reversed(range(none)):
        first = jnp.where(covers[number] & takes[number][:, None], number, first)

    # The day takes episode after episode until the target is reached, and the last of them ends early.
    left = _MEMBERS @ (single < 0).astype(jnp.float32)  # [group, t] readings that an episode can still take
    cost = jnp.zeros(none + 1).at[first].add(left)
    alone = len(SIGNALS) * MINUTES_PER_DAY - jnp.sum(left)
    missing = alone + jnp.cumsum(cost[:none])
    last = jnp.sum(missing <= target)
    budget = target - jnp.where(last > 0, missing[last - 1], alone)
    spent = decaying_sum(jnp.sum(jnp.where(first == last, left, 0.0), axis=0)[None], jnp.ones(1))[0]  # a plain sum
    taken = (first < last) | ((first == last) & (spent <= budget))
    large = jnp.where(taken, jnp.append(mode, OBSERVED)[first], OBSERVED)[GROUP_OF_SIGNAL]
    return jnp.where(large >= 0, large, single).astype(jnp.int8)


def _episodes(key, habits, behaviour):
    """Candidate episodes in the order in which the day considers them: minutes, groups taken, mode."""
    count = DEVICE_EPISODES + SENSOR_EPISODES + SHORT_EPISODES
    chance = jax.random.uniform(key, (count + 2, 5), minval=1e-6)
    kind = jnp.repeat(
        jnp.arange(3), jnp.array([DEVICE_EPISODES, SENSOR_EPISODES, SHORT_EPISODES]), total_repeat_length=count
    )
    mean = jnp.array([130.0, 260.0, 14.0])[kind]
    length = jnp.clip(-mean * jnp.log(chance[:count, 0]), 8.0, 900.0)
    all_day = (kind == 1) & (chance[:count, 1] < 0.35)
    start = jnp.where(all_day, 0.0, (MINUTES_PER_DAY + 0.5 * length) * chance[:count, 2] - 0.5 * length)
    length = jnp.where(all_day, MINUTES_PER_DAY, length)

    # Charging comes first and always happens, so no day is complete. A night without the device is a habit.
    charge_start = jnp.where(habits[1] < 0.5, 400.0, 1150.0) + 150.0 * chance[count, 0]
    charge_length = 42.0 + 60.0 * chance[count, 1]
    minute = jnp.arange(MINUTES_PER_DAY)
    start = jnp.concatenate([charge_start[None], start])
    length = jnp.concatenate([charge_length[None], length])
    covers = (minute >= start[:, None]) & (minute < (start + length)[:, None])
    night_off = (habits[2] + 0.25 * (chance[count + 1, 0] - 0.5) < 0.27) & (behaviour.stage > 0)
    covers = jnp.concatenate([covers[:1], night_off[None], covers[1:]])

    off_set = _OFF_SETS[jnp.searchsorted(_OFF_ODDS, chance[:count, 3] * _OFF_ODDS[-1])]
    whole_device = (kind == 0) | ((kind == 2) & (chance[:count, 1] < 0.4))
    takes = jnp.concatenate([jnp.ones((2, len(GROUPS)), bool), whole_device[:, None] | off_set])
    mode = jnp.where(jnp.concatenate([jnp.ones(2, bool), whole_device]), DEVICE_OFF, SENSOR_OFF).astype(jnp.int8)

    # Some days lose the device more, others its sensors; short gaps come last and fill up to the target.
    leaning = 1.2 * (chance[count + 1, 1] - 0.5)
    turn = chance[:count, 4] + jnp.array([leaning, -leaning, 5.0])[kind]
    order = jnp.concatenate([jnp.array([0, 1]), 2 + jnp.argsort(turn)])
    return covers[order], takes[order], mode[order]
