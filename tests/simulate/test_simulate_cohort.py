"""A person's day depends only on the seed, the person and the day: not on who asks, with whom, where and how."""

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib.simulate import BLOCK, SimulatedDay, simulate_day
from tests.optimised import optimise_simulator

SEED, PEOPLE, DAYS = 14, 34, 3  # two blocks, the second one not full


@pytest.fixture(scope="module")
def cohort():
    return lsmlib.simulate_cohort(people=PEOPLE, days=DAYS, seed=SEED, missing_mode=True)


def assert_same_bytes(left: xr.Dataset, right: xr.Dataset) -> None:
    """Every variable to the last bit, and everything that describes it."""
    assert sorted(left.variables) == sorted(right.variables)
    assert left.attrs == right.attrs
    for name in left.variables:
        one, other = left[name], right[name]
        assert (one.dims, one.shape, one.dtype, one.attrs) == (other.dims, other.shape, other.dtype, other.attrs), name
        assert one.values.tobytes() == other.values.tobytes(), name


def person_number(cohort: xr.Dataset) -> np.ndarray:
    return np.array([int(name.partition("p")[2]) for name in cohort["person"].values])


def test_what_a_simulated_cohort_holds(cohort):
    lsmlib.check_cohort(cohort)
    assert dict(cohort.sizes) == {"day": PEOPLE * DAYS, "minute": 1440, "signal": 26}
    assert BLOCK < PEOPLE * DAYS < 2 * BLOCK
    np.testing.assert_array_equal(person_number(cohort), np.repeat(np.arange(PEOPLE), DAYS))
    dates = np.datetime64("2024-03-01") + np.tile(np.arange(DAYS), PEOPLE)
    np.testing.assert_array_equal(cohort["date"].values.astype("datetime64[D]"), dates)
    assert set(cohort["sex"].values) == {"female", "male"}
    assert set(np.unique(cohort["asleep"])) == {0, 1}
    for name in ("age", "bmi", "hypertension", "anxiety", "homa_ir"):
        values = cohort[name].values.reshape(PEOPLE, DAYS)
        assert np.isfinite(values).all()
        assert (values == values[:, :1]).all()  # a person's labels are the same on all days
        assert len(np.unique(values)) > 1
    assert cohort.attrs["seed"] == SEED
    assert "not recordings" in cohort.attrs["source"]
    assert "missing_mode" not in lsmlib.simulate_cohort(people=1, days=1)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("chunks", [1, 25, BLOCK, 10_000])
def test_chunks_change_nothing(cohort, chunks, scheduler):
    people, days = (2, 2) if chunks == 1 else (PEOPLE, DAYS)
    lazy = lsmlib.simulate_cohort(people, days, SEED, chunks=chunks, missing_mode=True)
    assert dask.is_dask_collection(lazy["signals"].data)
    assert lazy["signals"].chunks[0][0] == min(chunks, people * days)
    with dask.config.set(scheduler=scheduler):
        assert_same_bytes(lazy.compute(), lsmlib.simulate_cohort(people, days, SEED, missing_mode=True))


def test_four_processes_change_nothing(cohort):
    from distributed import Client, LocalCluster

    lazy = lsmlib.simulate_cohort(PEOPLE, DAYS, SEED, chunks=13, missing_mode=True)
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(4)
        client.run(optimise_simulator)
        assert_same_bytes(lazy.compute(), cohort)
        worked = client.run(lambda dask_worker: len(dask_worker.state.log) > 0)
    assert len(worked) == 4
    assert all(worked.values())


@pytest.mark.parametrize(
    "people",
    [range(10, 20), list(reversed(range(PEOPLE))), [33], np.array([30, 2, 17]), (person for person in (5, 3))],
    ids=["range", "reversed", "one", "array", "generator"],
)
def test_some_people_in_any_order_are_the_same_people(cohort, people):
    some = lsmlib.simulate_cohort(people, DAYS, SEED, missing_mode=True)
    rows = np.concatenate([np.flatnonzero(person_number(cohort) == number) for number in person_number(some)[::DAYS]])
    assert len(rows) == some.sizes["day"]
    assert_same_bytes(some, cohort.isel(day=rows))


def test_more_people_and_more_days_leave_the_others_alone(cohort):
    more = lsmlib.simulate_cohort(PEOPLE + 40, DAYS + 1, SEED, missing_mode=True)
    first = (person_number(more) < PEOPLE) & (more["date"].values < np.datetime64("2024-03-01") + DAYS)
    assert_same_bytes(more.isel(day=first), cohort)


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    people=st.lists(st.integers(0, 10**9), min_size=1, max_size=5, unique=True),
    days=st.integers(1, 9),
    data=st.data(),
)
def test_a_day_is_the_same_alone_and_in_company(seed, people, days, data):
    row = data.draw(st.integers(0, len(people) * days - 1))
    cohort = lsmlib.simulate_cohort(people, days, seed)
    assert_agrees(simulate_day(seed, people[row // days], row % days), cohort.isel(day=row))


def assert_agrees(alone: SimulatedDay, row: xr.Dataset) -> None:
    missing_mode, signals = np.asarray(alone.missing_mode), row["signals"].values
    np.testing.assert_array_equal(np.isnan(signals), missing_mode >= 0)
    observed = missing_mode < 0
    assert np.asarray(alone.complete)[observed].tobytes() == signals[observed].tobytes()
    np.testing.assert_array_equal(alone.behaviour.activity, row["activity"])
    np.testing.assert_array_equal(alone.behaviour.stage > 0, row["asleep"] == 1)
    np.testing.assert_array_equal(alone.behaviour.mood, row["mood"])
    for name in ("age", "bmi", "hypertension", "anxiety", "homa_ir"):
        assert np.float32(getattr(alone.traits, name)) == row[name].values
    assert ("male", "female")[int(alone.traits.sex)] == row["sex"]


def test_a_day_alone_is_a_row_of_a_cohort_with_its_reasons(cohort):
    for row in (0, 1, 65, PEOPLE * DAYS - 1):
        alone = simulate_day(SEED, row // DAYS, row % DAYS)
        assert_agrees(alone, cohort.isel(day=row))
        np.testing.assert_array_equal(alone.missing_mode, cohort["missing_mode"][row])


def test_without_gaps_they_are_the_same_days(cohort):
    complete = lsmlib.simulate_cohort(PEOPLE, DAYS, SEED, gaps=False)
    values, observed = complete["signals"].values, cohort["missing_mode"].values < 0
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values[observed], cohort["signals"].values[observed])
    np.testing.assert_array_equal(values[65], simulate_day(SEED, 65 // DAYS, 65 % DAYS).complete)
    lazy = lsmlib.simulate_cohort(2, 2, SEED, chunks=2, gaps=False).compute()
    assert_same_bytes(lazy, lsmlib.simulate_cohort(2, 2, SEED, gaps=False))


def test_seeds_people_and_days_differ(cohort):
    values = {}
    for seed in (0, 1, 2**32 - 1):
        complete = lsmlib.simulate_cohort((0, 1, 10**9), 8, seed, gaps=False)["signals"].values.reshape(3, 8, 1440, 26)
        values |= {(seed, person, day): complete[person, day] for person in range(3) for day in (0, 1, 7)}
    assert len({day.tobytes() for day in values.values()}) == 27
    noise = [np.diff(day[:, lsmlib.SIGNAL_NAMES.index("axis_mean")]) for day in values.values()]
    correlation = np.corrcoef(noise) - np.eye(27)
    assert np.abs(correlation).max() < 0.15  # five times what chance gives
    labels = np.stack([cohort[name].values[::DAYS] for name in ("age", "bmi", "homa_ir")])
    assert all(len(np.unique(label)) == PEOPLE for label in labels)


def test_a_bar_is_drawn_only_when_it_takes_long(cohort, capsys):
    lsmlib.simulate_cohort(people=1, days=1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"people": 0}, "people is 0; expected a whole number, 1 to "),
        ({"people": -1}, "people is -1; expected a whole number, 1 to "),
        ({"people": 1.5}, r"people is 1\.5; expected a count, or a sequence of whole numbers"),
        ({"people": True}, "people is True; expected a whole number"),
        ({"people": "12"}, "people is '12'; expected a count, or"),
        ({"people": []}, r"people is \[\]; expected a count, or"),
        ({"people": [1.5]}, "expected a count, or a sequence of whole numbers from 0 to 10⁹"),
        ({"people": [0, -1]}, r"people is \[0, -1\]; expected .* from 0"),
        ({"people": [10**9 + 1]}, "from 0 to 10⁹"),
        ({"people": [4, 7, 4]}, "people names 4 twice or more; expected each number once"),
        ({"people": 10**9 + 2}, "people is 1000000002; expected a whole number, 1 to 1000000001"),
        ({"days": 0}, "days is 0; expected a whole number, 1 to 100000"),
        ({"days": -3}, "days is -3"),
        ({"days": 1.5}, "days is 1.5; expected a whole number"),
        ({"days": None}, "days is None; expected a whole number"),
        ({"seed": -1}, "seed is -1; expected a whole number, 0 to 4294967295"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"seed": None}, "seed is None; expected a whole number"),
        ({"chunks": 0}, "chunks is 0; expected a whole number, 1 to "),
        ({"chunks": 2.0}, "chunks is 2.0; expected a whole number"),
        ({"gaps": False, "missing_mode": True}, "missing_mode is True and gaps is False"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(ValueError, match=words):
        lsmlib.simulate_cohort(**{"people": 1, "days": 1, **options})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 2**32}, "seed is 4294967296; expected"),
        ({"person": -1}, "person is -1; expected a whole number, 0 to "),
        ({"day": 1.5}, "day is 1.5; expected a whole number, 0 to "),
    ],
)
def test_a_day_that_cannot_be_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        simulate_day(**{"seed": 0, "person": 0, "day": 0, **options})
