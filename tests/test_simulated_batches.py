"""Simulated days without end are those of the cohort of the same seed."""

import jax
import numpy as np
import pytest

import lsmlib
from lsmlib.optimizer import make_optimizer
from tests.sizes import SMALL


@pytest.fixture(scope="module")
def cohort():
    return lsmlib.simulate_cohort(people=75, days=2, seed=7)  # two blocks and a bit


def take(batches, count):
    return [batch for _, batch in zip(range(count), batches, strict=False)]


def test_days_are_those_of_the_cohort_bit_for_bit(cohort):
    """Batches that divide a block and that do not, and one that is larger than a block."""
    for size, count in ((48, 3), (75, 2)):
        expected = take(lsmlib.make_batches(cohort, size, shuffle=False), count)
        found = take(lsmlib.simulate_batches(size, seed=7, days=2), count)
        for one, two in zip(expected, found, strict=True):
            assert isinstance(two, jax.Array)
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("packing", ["exact", "paper"])
def test_a_model_reads_what_it_would_of_the_cohort(cohort, packing):
    model = lsmlib.LSM2(SMALL, packing=packing, seed=3)
    expected = take(lsmlib.make_batches(cohort, 30, shuffle=False, prepare=model.prepare), 4)
    found = take(lsmlib.simulate_batches(30, seed=7, days=2, model=model), 4)
    for one, two in zip(expected, found, strict=True):
        if packing == "paper":
            one["signals"] = model.grid.to_windows(model.to_tokens(one["signals"])[0])
        assert one.keys() == two.keys()
        for name, values in one.items():
            np.testing.assert_array_equal(values, two[name])


def test_a_training_goes_on_where_it_was(cohort):
    whole = take(lsmlib.simulate_batches(16, seed=7, days=2), 6)
    rest = take(lsmlib.simulate_batches(16, seed=7, days=2, start_step=4), 2)
    for one, two in zip(whole[4:], rest, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(whole[0], whole[1], equal_nan=True)
    (far,) = take(lsmlib.simulate_batches(16, seed=7, start_step=10**6), 1)  # nothing before it is simulated
    assert np.isfinite(far).any()


def test_fit_takes_them():
    model = lsmlib.LSM2(SMALL)
    model.compile(make_optimizer(3))
    batches = lsmlib.simulate_batches(4, model=model)
    history = model.fit(batches, steps_per_epoch=3, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"days": 0}, "days is 0"),
        ({"start_step": -1}, "start_step is -1"),
        ({"model": lsmlib.LSM1("nano")}, "model is a LSM1; expected an LSM2, or None"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(ValueError, match=words):
        lsmlib.simulate_batches(**{"batch_size": 4, **options})
