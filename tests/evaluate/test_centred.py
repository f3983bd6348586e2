"""Centred embeddings: they add up to the plain mean, are zero on average, and are silent on what was not measured."""

import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import CentredEmbedder, signal_means
from lsmlib.signals import normalise
from lsmlib.windows import fill_gaps
from tests.sizes import SMALL


@pytest.fixture(scope="module")
def model():
    return lsmlib.LSM2(SMALL, patch_minutes=60, seed=3)


@pytest.fixture(scope="module")
def days():
    return lsmlib.simulate_cohort(people=9, days=1, seed=5)


def counts(model, days):
    """Observed tokens of each day and signal, [d, s]."""
    observed = model.observed_tokens(~np.isnan(days["signals"].values))
    return observed.reshape(len(observed), model.grid.rows, model.grid.columns).sum(axis=1)


def test_signals_weighted_by_their_tokens_add_up_to_the_plain_mean(model, days):
    centre = CentredEmbedder(model, days, batch_size=4)
    count = counts(model, days)
    observed = model.observed_tokens(~np.isnan(days["signals"].values)) & centre.known
    assert observed.sum() == count.sum()  # nothing is left out below
    usual = np.stack([centre.usual[day].mean(axis=0) for day in observed])
    vectors = centre(days).reshape(len(count), model.grid.columns, -1)
    weighted = (vectors * count[:, :, None]).sum(axis=1) / count.sum(axis=1)[:, None]
    np.testing.assert_allclose(weighted + usual, model.embed(days), atol=2e-5)


def test_reference_days_are_usual_on_average(model, days):
    centre = CentredEmbedder(model, days)
    vectors = centre(days).reshape(days.sizes["day"], model.grid.columns, -1)
    total = (vectors * counts(model, days)[:, :, None]).sum(axis=0)
    np.testing.assert_allclose(total, 0, atol=1e-3)
    assert np.abs(vectors).max() > 0.01


def test_a_signal_without_readings_is_zero_and_a_position_new_to_it_is_left_out(model, days):
    values = days["signals"].values.copy()
    values[:, :, 0] = np.nan
    without = days.assign(signals=days["signals"].copy(data=values))
    vectors = CentredEmbedder(model, days)(without).reshape(days.sizes["day"], model.grid.columns, -1)
    assert not vectors[:, 0].any()
    never_seen = CentredEmbedder(model, without)(days).reshape(vectors.shape)
    assert not never_seen[:, 0].any()
    assert never_seen[:, 1:].any()


def test_order_and_company_of_days_change_nothing(model, days):
    centre = CentredEmbedder(model, days, batch_size=4)
    order = np.array([4, 0, 8, 2])
    np.testing.assert_allclose(centre(days.isel(day=order)), centre(days)[order], atol=2e-5)


def test_reference_without_readings_is_refused(model, days):
    empty = days.assign(signals=days["signals"].copy(data=np.full(days["signals"].shape, np.nan, np.float32)))
    with pytest.raises(ValueError, match="no reference day has a token"):
        CentredEmbedder(model, empty)


def test_means_of_each_signal_add_up_to_the_mean_of_lsm1(days):
    filled = days.assign(signals=days["signals"].copy(data=fill_gaps(days["signals"].values)))
    rival = lsmlib.LSM1(SMALL, minutes=1440, patch_minutes=60, patch_signals=1, seed=3)
    vectors = signal_means(rival, filled, batch_size=4).reshape(9, 26, -1)
    np.testing.assert_allclose(vectors.mean(axis=1), rival.embed(filled), atol=2e-5)
    tokens = np.asarray(rival.encode(normalise(filled["signals"].values))).reshape(9, 24, 26, -1)
    np.testing.assert_allclose(vectors[:, 7], tokens[:, :, 7].mean(axis=1), atol=2e-5)
    with pytest.raises(ValueError, match="holds 5 signals; expected patch_signals=1"):
        signal_means(lsmlib.LSM1(SMALL, minutes=1440), filled)
    with pytest.raises(ValueError, match="have gaps"):
        signal_means(rival, days)
