"""The simulator: people → behaviour → physiology → sensors → missingness, as pure JAX functions of a key.

A person's day depends only on (seed, person, day): asking for more people, in other batches or other processes, changes
no bit of it. For that, every day is computed by one compiled program of one fixed shape, ``BLOCK`` days at a time,
however many are asked for. (Another kind of processor may round differently in the last bits.)

Simulated people are a teaching instrument. They are not a substitute for data.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import dask
import dask.array as da
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from lsmlib.checks import check_whole
from lsmlib.cohort import make_cohort
from lsmlib.signals import MINUTES_PER_DAY, SIGNAL_NAMES
from lsmlib.simulate.behaviour import ACTIVITIES, MOODS, Behaviour, live_day
from lsmlib.simulate.missingness import MODES, lose_episodes, lose_single_readings
from lsmlib.simulate.people import Traits, draw_traits
from lsmlib.simulate.physiology import Physiology, respond_to_day
from lsmlib.simulate.sensors import measure_day

BLOCK = 64  # days a program computes at once: a shard of a store
FIRST_DATE = np.datetime64("2024-03-01", "D")
LAST_PERSON, MOST_DAYS = 10**9, 100_000
LABELS = ("age", "sex", "bmi", "hypertension", "anxiety", "homa_ir")
_SHAPES = {  # what a simulated block holds, behind its day dimension
    "signals": ((MINUTES_PER_DAY, len(SIGNAL_NAMES)), np.float32),
    "activity": ((MINUTES_PER_DAY,), np.int8),
    "asleep": ((MINUTES_PER_DAY,), np.int8),
    "mood": ((MINUTES_PER_DAY,), np.int8),
    "missing_mode": ((MINUTES_PER_DAY, len(SIGNAL_NAMES)), np.int8),
}


class SimulatedDay(NamedTuple):
    """One day with everything that made it; fields of behaviour and body are ``[t]``."""

    traits: Traits
    behaviour: Behaviour
    body: Physiology
    complete: jax.Array  # [t, s] the readings before any was lost, physical units
    missing_mode: jax.Array  # [t, s] code of MODES, -1 where observed


def simulate_day(seed: int, person: int, day: int) -> SimulatedDay:
    """One day of one person, from who they are to what the device lost.

    Args:
        seed: of the whole simulated world, 0 to 2³² - 1.
        person: the person's number, from 0.
        day: the day's number, from 0; day 0 is Friday, 1 March 2024.

    Raises:
        ValueError: if a number is not as described.
    """
    check_whole("seed", seed, 0, 2**32 - 1)
    check_whole("person", person, 0, LAST_PERSON)
    check_whole("day", day, 0, MOST_DAYS - 1)
    block = np.zeros(BLOCK, np.uint32)
    days = _simulate_block(np.uint32(seed), block + np.uint32(person), block + np.uint32(day))
    day_of_block = jax.tree.map(lambda values: values[0], days)
    return day_of_block._replace(complete=day_of_block.complete.T, missing_mode=day_of_block.missing_mode.T)


# Each room is a program of its own. In one large program XLA computes a room's minutes again inside every reader of
# them, and takes twice the time for the day.
_people, _live, _body, _sensors, _single, _episodes = (
    jax.jit(jax.vmap(room))
    for room in (draw_traits, live_day, respond_to_day, measure_day, lose_single_readings, lose_episodes)
)


@jax.jit
def _keys(seed: jax.Array, person: jax.Array, day: jax.Array) -> tuple[jax.Array, ...]:
    """Keys ``[d]`` of the person, and of the day's body, sensors and losses."""
    world = jax.random.key(seed)
    person_key = jax.vmap(lambda number: jax.random.fold_in(world, number))(person)
    day_key = jax.vmap(jax.random.fold_in)(person_key, day + 1_000_000_000)
    return person_key, *jnp.moveaxis(jax.vmap(lambda key: jax.random.split(key, 4))(day_key), 1, 0)


def _simulate_block(seed: np.uint32, person: np.ndarray, day: np.ndarray) -> SimulatedDay:
    """``BLOCK`` days at once, room after room: every field ``[d, ...]``, readings and modes ``[d, s, t]``."""
    person_key, body_key, sensor_key, single_key, episode_key = _keys(seed, person, day)
    traits = _people(person_key)
    behaviour = _live(person_key, day, traits)
    body = _body(body_key, traits, behaviour)
    complete = _sensors(sensor_key, traits, behaviour, body)
    missing_mode = _episodes(episode_key, person_key, behaviour, _single(single_key, behaviour))
    return SimulatedDay(traits, behaviour, body, complete, missing_mode)


@partial(jax.jit, static_argnames=("names", "gaps"))
def _record(days: SimulatedDay, names: tuple[str, ...], gaps: bool = True) -> dict[str, jax.Array]:
    """What a Cohort keeps of simulated days, minutes before signals."""
    readings = jnp.where(days.missing_mode < 0, days.complete, jnp.nan) if gaps else days.complete
    kept = {
        "signals": jnp.swapaxes(readings, 1, 2),
        "activity": days.behaviour.activity.astype(jnp.int8),
        "asleep": (days.behaviour.stage > 0).astype(jnp.int8),
        "mood": days.behaviour.mood.astype(jnp.int8),
        "missing_mode": jnp.swapaxes(days.missing_mode, 1, 2),
    }
    return {name: kept[name] for name in names}


def record_signals(seed: int, person: np.ndarray, day: np.ndarray) -> jax.Array:
    """Readings of ``BLOCK`` days, float32 ``[d, t, s]``, NaN where lost, left on the device that computed them."""
    return _record(_simulate_block(np.uint32(seed), person, day), ("signals",))["signals"]


def simulate_cohort(
    people: int | Iterable[int],
    days: int,
    seed: int = 0,
    *,
    chunks: int | None = None,
    missing_mode: bool = False,
    gaps: bool = True,
) -> xr.Dataset:
    """Simulate a Cohort: people with traits and labels, their days, and the gaps of real devices.

    Args:
        people: how many people, or their numbers: ``range(1000, 2000)`` is another machine's share of the same world.
        days: consecutive days of each person, from 1 March 2024.
        seed: of the whole simulated world, 0 to 2³² - 1.
        chunks: days in a chunk of a Dask-backed Cohort, for cohorts larger than memory; ``None`` simulates at once.
        missing_mode: also keep why each reading is missing, ``missing_mode [d, t, s]``.
        gaps: ``False`` gives the same days before any reading was lost. No device records such days; they show what
            gaps cost, and what a method could do that had none to learn from.

    Returns:
        A Cohort (see ``lsmlib.cohort``) with ``len(people) * days`` days, one person after another.

    Raises:
        ValueError: if people, days, seed or chunks are not as described, or reasons are asked for of days without gaps.
    """
    numbers = _check_people(people)
    if missing_mode and not gaps:
        raise ValueError(
            "missing_mode is True and gaps is False; nothing is missing then, so there is no reason to keep"
        )
    check_whole("days", days, 1, MOST_DAYS)
    check_whole("seed", seed, 0, 2**32 - 1)
    if chunks is not None:
        check_whole("chunks", chunks, 1, 10**6)
    person, day = np.repeat(numbers, days), np.tile(np.arange(days, dtype=np.uint32), len(numbers))
    names = [name for name in _SHAPES if missing_mode or name != "missing_mode"]
    simulate = partial(_simulate, names=tuple(names), gaps=gaps)
    data = simulate(seed, person, day) if chunks is None else _plan(seed, person, day, names, chunks, simulate)
    flags = {"activity": ACTIVITIES, "asleep": None, "mood": MOODS, "missing_mode": MODES}
    return make_cohort(
        data["signals"],
        person=[f"s{seed}p{number:06d}" for number in person],
        date=FIRST_DATE + day.astype("timedelta64[D]"),
        labels=_labels(seed, numbers, days),
        per_minute={name: (data[name], flags[name]) if flags[name] else data[name] for name in names[1:]},
        attrs={"source": "simulated by lsmlib; not recordings of people", "licence": "Apache-2.0", "seed": int(seed)},
    )


def _check_people(people: int | Iterable[int]) -> np.ndarray:
    if isinstance(people, int | np.integer):
        check_whole("people", people, 1, LAST_PERSON + 1)
        return np.arange(people, dtype=np.uint32)
    numbers = np.asarray(list(people) if isinstance(people, Iterable) else people)
    valid = numbers.ndim == 1 and numbers.size > 0 and numbers.dtype.kind in "iu"
    if not valid or numbers.min() < 0 or numbers.max() > LAST_PERSON:
        raise ValueError(f"people is {people!r}; expected a count, or a sequence of whole numbers from 0 to 10⁹")
    unique, count = np.unique(numbers, return_counts=True)
    if len(unique) < len(numbers):
        raise ValueError(f"people names {unique[count > 1][0]} twice or more; expected each number once")
    return numbers.astype(np.uint32)


def _labels(seed: int, numbers: np.ndarray, days: int) -> dict[str, np.ndarray]:
    """Each person's labels, repeated for each of their days."""
    padded = np.pad(numbers, (0, -len(numbers) % BLOCK)).reshape(-1, BLOCK)
    keys = [_keys(np.uint32(seed), block, np.zeros_like(block))[0] for block in padded]
    traits = [_people(key) for key in keys]
    labels = {name: np.concatenate([getattr(t, name) for t in traits])[: len(numbers)] for name in LABELS}
    labels["sex"] = np.where(labels["sex"] > 0, "female", "male")
    return {name: np.repeat(values, days) for name, values in labels.items()}


def _simulate(
    seed: int, person: np.ndarray, day: np.ndarray, names: Sequence[str], gaps: bool
) -> dict[str, np.ndarray]:
    """Simulate rows at once, on all cores, into arrays ``[d, ...]``."""
    data = {name: np.empty((len(person), *_SHAPES[name][0]), _SHAPES[name][1]) for name in names}

    def fill(start: int) -> None:
        rows = slice(start, start + BLOCK)
        padding = (0, BLOCK - len(person[rows]))
        days = _simulate_block(np.uint32(seed), np.pad(person[rows], padding), np.pad(day[rows], padding))
        block = _record(days, tuple(names), gaps)
        for name in names:
            data[name][rows] = block[name][: len(person[rows])]

    starts = range(0, len(person), BLOCK)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in tqdm(
            pool.map(fill, starts), "simulating (the first block also compiles)", len(starts), unit=" blocks", delay=2
        ):
            pass
    return data


def _plan(
    seed: int, person: np.ndarray, day: np.ndarray, names: Sequence[str], chunks: int, simulate: Callable[..., Any]
) -> dict[str, Any]:
    """The same as ``_simulate``, as Dask arrays: one task simulates a chunk, and each array takes its part of it."""
    parts: dict[str, list[da.Array]] = {name: [] for name in names}
    delayed = dask.delayed(simulate, pure=True)
    for start in range(0, len(person), chunks):
        rows = slice(start, start + chunks)
        block = delayed(seed, person[rows], day[rows])
        for name in names:
            shape, dtype = _SHAPES[name]
            parts[name].append(da.from_delayed(block[name], (len(person[rows]), *shape), dtype))
    return {name: da.concatenate(blocks) for name, blocks in parts.items()}
