"""NT-Xent by hand and by loops; SimCLR brings views of one window together."""

import numpy as np
import pytest

import lsmlib
from lsmlib import cut_windows
from lsmlib.evaluate import SimCLR, nt_xent
from lsmlib.signals import normalise
from tests.cohorts import small_cohort

MINUTES = 60


def in_loops(projected: np.ndarray, temperature: float) -> float:
    """Equation 1 of the paper, term by term, in float64."""
    views = len(projected)
    unit = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    losses = []
    for i in range(views):
        partner = (i + views // 2) % views
        others = [np.exp(unit[i] @ unit[k] / temperature) for k in range(views) if k != i]
        losses.append(-np.log(np.exp(unit[i] @ unit[partner] / temperature) / sum(others)))
    return float(np.mean(losses))


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_against_loops(temperature):
    projected = np.random.default_rng(0).standard_normal((12, 5))
    assert float(nt_xent(projected.astype(np.float32), temperature)) == pytest.approx(
        in_loops(projected, temperature), rel=1e-5
    )


def test_by_hand():
    # two windows at right angles, each view like its partner: e^1 against e^1 + 2 e^0, for all four views
    pairs = np.float32([[3, 0], [0, 2], [1, 0], [0, 5]])
    assert float(nt_xent(pairs, 1.0)) == pytest.approx(-np.log(np.e / (np.e + 2)), rel=1e-5)
    assert float(nt_xent(np.ones((8, 3), np.float32), 0.1)) == pytest.approx(np.log(7), rel=1e-5)
    wrong = pairs[[0, 1, 3, 2]]  # partners are at right angles, strangers alike: e^0 against e^1 + 2 e^0
    assert float(nt_xent(wrong, 1.0)) == pytest.approx(-np.log(1 / (np.e + 2)), rel=1e-5)


@pytest.fixture(scope="module")
def windows():
    return cut_windows(small_cohort(6, people=3, gaps=0), MINUTES)


def test_training_tells_windows_apart(windows):
    model = SimCLR(lsmlib.LSM1("nano", minutes=MINUTES), seed=1)
    start = model.embed(windows)
    logs = lsmlib.pretrain(model, windows, steps=200, batch_size=16, progress=False)
    by_chance = np.log(2 * 16 - 1)  # 16 windows, two views each: one partner among 31
    assert np.mean(logs["loss"][-10:]) < by_chance - 0.5 < np.mean(logs["loss"][:3])
    after = model.embed(windows)
    assert after.shape == (windows.sizes["day"], 128)
    assert np.abs(after - start).max() > 0.1
    np.testing.assert_allclose(after, model.backbone(normalise(windows["signals"].values)), atol=1e-4)


def test_views_differ_and_the_seed_gives_the_weights(windows):
    base = lsmlib.LSM1("nano", minutes=MINUTES)
    first, same, other = (SimCLR(base, seed=seed) for seed in (1, 1, 2))
    signals = normalise(windows["signals"].values)[:3]
    views = np.asarray(first(signals))
    assert views.shape == (6, 128)
    assert np.abs(views[:3] - views[3:]).max() > 1e-3
    np.testing.assert_array_equal(same(signals), views)
    assert np.abs(np.asarray(other(signals)) - views).max() > 1e-2
    alike = np.asarray(SimCLR(base, augment=())(signals))
    np.testing.assert_allclose(alike[:3], alike[3:], atol=1e-6)


def test_refusals(windows):
    base = lsmlib.LSM1("nano", minutes=MINUTES)
    with pytest.raises(ValueError, match="temperature is 0"):
        SimCLR(base, temperature=0)
    with pytest.raises(ValueError, match="crop"):
        SimCLR(base, augment=("crop",))
    with pytest.raises(ValueError, match="windows have shape"):
        SimCLR(base).embed(cut_windows(small_cohort(2, gaps=0), 120))
