"""Batches: the right rows, the same again, from any step, in equal parts."""

import os
import subprocess
import sys

import grain
import jax
import keras
import numpy as np
import pytest
import tensorstore
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib.signals import normalise
from tests.cohorts import small_cohort

DAYS = 22


@pytest.fixture(scope="module")
def cohort():
    return small_cohort(DAYS, people=11)


@pytest.fixture(scope="module")
def stored(cohort, tmp_path_factory):
    path = tmp_path_factory.mktemp("batches") / "cohort.zarr"
    lsmlib.save_cohort(cohort, path)
    return lsmlib.open_cohort(path)


def take(batches: grain.IterDataset, count: int) -> list:
    return [batch for _, batch in zip(range(count), batches, strict=False)]


def rows_of(batches: list, cohort: xr.Dataset) -> list[list[int]]:
    """Which rows of the Cohort the batches hold, recognised by their values."""
    known = {day.tobytes(): row for row, day in enumerate(normalise(cohort["signals"].values))}
    return [[known[day.tobytes()] for day in batch] for batch in batches]


def assert_same(left, right) -> None:
    jax.tree.map(np.testing.assert_array_equal, left, right)
    assert jax.tree.structure(left) == jax.tree.structure(right)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_batch_is_normalised_rows(cohort, stored, lazy):
    source = stored if lazy else cohort
    before = cohort["signals"].values.copy()
    (batch,) = take(lsmlib.make_batches(source, 5, shuffle=False), 1)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, normalise(cohort["signals"].values[:5]))
    assert np.isnan(batch).any()  # gaps stay gaps
    assert np.nanmax(np.abs(batch)) <= 5
    np.testing.assert_array_equal(cohort["signals"].values, before)  # nothing is normalised in place in the Cohort


def test_every_epoch_is_a_new_order_of_all_rows(cohort):
    rows = rows_of(take(lsmlib.make_batches(cohort, 11, seed=3), 6), cohort)
    epochs = [rows[0] + rows[1], rows[2] + rows[3], rows[4] + rows[5]]
    assert all(sorted(epoch) == list(range(DAYS)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    other = rows_of(take(lsmlib.make_batches(cohort, 11, seed=4), 2), cohort)
    assert epochs[0] != other[0] + other[1]


def test_the_order_never_changes(cohort):
    """A run must be repeatable with a later version: the first rows, as they were when this was written."""
    assert rows_of(take(lsmlib.make_batches(cohort, 4, seed=0), 2), cohort) == ORDER


ORDER = [[0, 21, 2, 11], [20, 17, 9, 1]]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), step=st.integers(0, 30), size=st.integers(1, DAYS))
def test_resuming_at_any_step_is_exact(seed, step, size):
    straight = take(lsmlib.make_batches(SMALL, size, seed, labels=["age"]), step + 2)
    resumed = take(lsmlib.make_batches(SMALL, size, seed, labels=["age"], start_step=step), 2)
    assert_same(straight[step:], resumed)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4), share=st.integers(1, 5))
def test_processes_share_a_batch(seed, count, share):
    whole = take(lsmlib.make_batches(SMALL, count * share, seed), 3)
    parts = [
        take(lsmlib.make_batches(SMALL, count * share, seed, process_index=i, process_count=count), 3)
        for i in range(count)
    ]
    for step in range(3):
        np.testing.assert_array_equal(whole[step], np.concatenate([part[step] for part in parts]))


# One short window of each day: what is tried many times should be quick to read.
SMALL = lsmlib.cut_windows(small_cohort(DAYS, people=11), minutes=10, stride=1440, max_missing=0.99)


def test_iterators_have_a_state(stored):
    iterator = iter(lsmlib.make_batches(stored, 4))
    for _ in range(7):
        next(iterator)
    state = iterator.get_state()
    after = [next(iterator) for _ in range(3)]
    again = iter(lsmlib.make_batches(stored, 4))
    again.set_state(state)
    assert_same(after, [next(again) for _ in range(3)])


def test_memory_and_store_give_the_same_batches_after_any_selection(cohort, stored):
    for select in (
        lambda c: c,
        lambda c: lsmlib.split_people(c, (0.5, 0.5), seed=1)[1],
        lambda c: c.isel(day=slice(None, None, -2)),
        lambda c: c.sel(day=c["hypertension"] == 1),
    ):
        batches = [take(lsmlib.make_batches(select(c), 4, labels=["age"]), 5) for c in (cohort, stored)]
        assert_same(*batches)


def test_a_changed_cohort_gives_changed_batches(cohort, stored):
    """A Cohort that came from a store and was then changed must not be read from the store behind its back."""
    changed = stored.assign(signals=stored["signals"].fillna(0).clip(70, 75))
    with pytest.raises(ValueError, match="rr_percent_valid"):
        lsmlib.check_cohort(changed)
    filled = stored.assign(signals=stored["signals"].where(stored["asleep"] != 1))
    (batch,) = take(lsmlib.make_batches(filled, DAYS, shuffle=False), 1)
    expected = np.where(cohort["asleep"].values[:, :, None] == 1, np.nan, normalise(cohort["signals"].values))
    np.testing.assert_array_equal(batch, expected.astype(np.float32))


def test_labels(cohort, stored):
    for source in (cohort, stored):
        ((signals, label),) = take(lsmlib.make_batches(source, 6, labels="hypertension", shuffle=False), 1)
        assert label.dtype == np.float32
        np.testing.assert_array_equal(label, cohort["hypertension"][:6])
        assert signals.shape == (6, 1440, 26)
        ((_, labels),) = take(lsmlib.make_batches(source, 6, labels=["age", "activity"], shuffle=False), 1)
        np.testing.assert_array_equal(labels["age"], cohort["age"][:6])
        np.testing.assert_array_equal(labels["activity"], cohort["activity"][:6])
        assert labels["activity"].dtype == np.int8


def test_windows_make_batches(cohort):
    windows = lsmlib.cut_windows(cohort, max_missing=0.3)
    (batch,) = take(lsmlib.make_batches(windows, 8), 1)
    assert batch.shape == (8, 300, 26)
    assert not np.isnan(batch).any()


def test_one_pass(cohort):
    rows = rows_of(take(lsmlib.make_batches(cohort, 8, repeat=False, drop_remainder=False), 99), cohort)
    assert [len(batch) for batch in rows] == [8, 8, 6]
    assert sorted(row for batch in rows for row in batch) == list(range(DAYS))
    assert len(take(lsmlib.make_batches(cohort, 8, repeat=False), 99)) == 2
    assert len(take(lsmlib.make_batches(cohort, 8, repeat=False, start_step=1), 99)) == 1


def test_no_more_is_read_than_a_few_batches(stored):
    metric = "/tensorstore/kvstore/file/bytes_read"

    def count() -> int:
        return tensorstore.experimental_collect_matching_metrics(metric)[0]["values"][0]["value"]

    before = count()
    stored["signals"].isel(day=[0]).load()
    a_day = count() - before
    before = count()
    batches = lsmlib.make_batches(stored, 2, seed=1)
    assert count() == before  # making them reads nothing
    iterator = iter(batches)
    next(iterator)
    assert count() - before < (1 + 4 + 2 + 1) * 2 * 1.2 * a_day  # this one, four ahead, one in each thread's hands


def test_keras_fits_on_batches(cohort):
    gap_free = keras.layers.Lambda(lambda x: keras.ops.where(keras.ops.isnan(x), 0.0, x))
    model = keras.Sequential([gap_free, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    batches = lsmlib.make_batches(cohort, 4, labels="hypertension")
    history = model.fit(batches, epochs=2, steps_per_epoch=3, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 2
    assert np.isfinite(history.history["loss"]).all()
    one_pass = lsmlib.make_batches(cohort, 4, labels="hypertension", repeat=False, drop_remainder=False)
    assert np.isfinite(model.evaluate(one_pass, steps=6, verbose=0))


TENSORFLOW = """
import numpy as np, lsmlib
from tests.cohorts import small_cohort
cohort = small_cohort(9)
batches = lsmlib.make_batches(cohort, 4, seed=5, labels=["age", "activity"], start_step=1)
same = lsmlib.as_tf_dataset(batches)
import tensorflow as tf
assert isinstance(same, tf.data.Dataset)
for _ in range(2):  # every iteration starts anew
    for (x, y), (u, v), _ in zip(batches, same.as_numpy_iterator(), range(5)):
        assert x.tobytes() == u.tobytes() and y.keys() == v.keys()
        assert all(y[name].tobytes() == v[name].tobytes() and y[name].dtype == v[name].dtype for name in y)
assert same.element_spec[0].shape.as_list() == [None, 1440, 26]
print("same")
"""


def test_tf_data_has_the_same_batches():
    """In a process of its own: TensorFlow beside JAX is slow to import and warns about matters that are not ours."""
    run = subprocess.run([sys.executable, "-c", TENSORFLOW], capture_output=True, text=True, env=dict(os.environ))
    assert run.stdout.strip() == "same", run.stderr[-2000:]


def test_tensorflow_is_optional(cohort, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match=r"pip install 'lsmlib\[tensorflow\]'"):
        lsmlib.as_tf_dataset(lsmlib.make_batches(cohort, 4))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 23}, r"batch_size is 23, but there are 22 rows.*drop_remainder=False"),
        ({"batch_size": "4"}, "batch_size is '4'; expected a whole number, 1 or more"),
        ({"batch_size": 4.0}, "batch_size is 4.0; expected a whole number"),
        ({"batch_size": True}, "batch_size is True; expected a whole number"),
        ({"seed": None}, "seed is None; expected a whole number, 0 to"),
        ({"seed": 1.5}, "seed is 1.5; expected a whole number"),
        ({"seed": -1}, "seed is -1; expected a whole number"),
        ({"process_count": 2.0}, "process_count is 2.0; expected a whole number"),
        ({"process_index": "0"}, "process_index is '0'; expected a whole number"),
        ({"start_step": 1.0}, "start_step is 1.0; expected a whole number"),
        ({"start_step": -1}, "start_step is -1"),
        ({"start_step": 5, "repeat": False}, "one pass has 5 batches"),
        ({"process_index": 2, "process_count": 2}, "process_index is 2; expected 0 to 1"),
        ({"process_index": 0, "process_count": 3}, "expected a multiple of the 3 processes"),
        ({"process_index": 0, "process_count": 2, "drop_remainder": False}, "last batch has 2 rows"),
        ({"labels": "hypertention"}, r"unknown label 'hypertention'; expected one of \["),
        ({"labels": ["age", "bmi"]}, r"label 'bmi' is NaN for 11 of 22 rows. Keep the others: cohort.isel"),
        ({"labels": "sex"}, "label 'sex' is <U6"),
        ({"labels": "signals"}, "label 'signals' is float32 with dims"),
    ],
)
def test_refusals(cohort, options, words):
    with pytest.raises(ValueError, match=words):
        lsmlib.make_batches(cohort, **{"batch_size": 4, **options})


def test_dask_computations_are_refused_with_advice(stored):
    with pytest.raises(ValueError, match=r"Dask computation of 0.00 GB.*cohort.compute\(\).*save_cohort"):
        lsmlib.make_batches(stored.chunk(day=4), 4)


def test_what_is_no_cohort_is_refused(cohort):
    with pytest.raises(ValueError, match="signals has dims"):
        lsmlib.make_batches(cohort.transpose("minute", ...), 4)
