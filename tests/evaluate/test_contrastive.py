"""NT-Xent by hand and by loops; SimCLR brings views of one window together."""

import keras
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


def trained(windows, **options):
    model = SimCLR(lsmlib.LSM1("nano", minutes=MINUTES), seed=1)
    return model, lsmlib.pretrain(model, windows, steps=3, batch_size=8, progress=False, **options)


def test_validation_takes_no_part_in_training_and_draws_no_picture(windows, tmp_path):
    valid = windows.isel(day=slice(40, 60))
    model, logs = trained(windows, valid=valid, evaluate_every=2, log_dir=tmp_path)
    plain, plain_logs = trained(windows)
    for ours, theirs in zip(model.variables, plain.variables, strict=True):
        np.testing.assert_array_equal(ours.value, theirs.value, err_msg=ours.path)
    assert logs["loss"] == plain_logs["loss"]
    assert logs["valid_step"] == [2, 3]
    assert logs["valid_loss"][1] == model.validation_loss(valid) != logs["valid_loss"][0]
    names = [path.name for path in tmp_path.iterdir()]
    assert "log.csv" in names and not [name for name in names if name.endswith(".png")]


def test_a_loss_that_is_no_number_stops_and_leaves_a_file_that_can_be_read(windows, tmp_path):
    model = SimCLR(lsmlib.LSM1("nano", minutes=MINUTES), augment=("noise",), temperature=0.2, seed=1)
    with pytest.raises(FloatingPointError, match="back at step 0, and saved to"):
        lsmlib.pretrain(model, windows, steps=9, batch_size=8, learning_rate=1e30, progress=False, log_dir=tmp_path)
    saved = keras.saving.load_model(tmp_path / "last_finite_step_0.keras")
    assert saved.get_config() == model.get_config()
    np.testing.assert_array_equal(saved.embed(windows), model.embed(windows))


@pytest.mark.parametrize(("rows", "batches"), [(10, [10]), (70, [64, 64])])
def test_the_validation_loss_is_that_of_full_batches(windows, rows, batches):
    """Without augmentation the views of a window are alike, so the loss can be had from embeddings, in loops."""
    model = SimCLR(lsmlib.LSM1("nano", minutes=MINUTES), augment=(), temperature=0.5, seed=1)
    some = windows.isel(day=slice(rows))
    projected = np.asarray(model(normalise(some["signals"].values)))[:rows]
    mixed = np.random.default_rng(0).permutation(rows)
    order = np.concatenate([mixed, mixed])[: sum(batches)].reshape(len(batches), -1)
    expected = np.mean([in_loops(projected[np.concatenate([batch, batch])], 0.5) for batch in order])
    assert model.validation_loss(some) == pytest.approx(expected, rel=1e-4)


def test_the_views_of_validation_are_always_the_same(windows):
    some = windows.isel(day=slice(20))
    model = SimCLR(lsmlib.LSM1("nano", minutes=MINUTES), seed=1)
    loss = model.validation_loss(some)
    model(normalise(some["signals"].values))  # moves the model's own stream of views on
    assert model.validation_loss(some) == loss
    plain = SimCLR(lsmlib.LSM1("nano", minutes=MINUTES), augment=(), seed=1)
    assert plain.validation_loss(some) < loss - 0.01  # views that are alike are easier to bring together


def test_refusals(windows):
    base = lsmlib.LSM1("nano", minutes=MINUTES)
    with pytest.raises(ValueError, match="temperature is 0"):
        SimCLR(base, temperature=0)
    with pytest.raises(ValueError, match="crop"):
        SimCLR(base, augment=("crop",))
    with pytest.raises(ValueError, match="windows have shape"):
        SimCLR(base).embed(cut_windows(small_cohort(2, gaps=0), 120))
    with pytest.raises(ValueError, match=r"there is 1 window; .* expected at least 2"):
        SimCLR(base).validation_loss(windows.isel(day=[0]))
    with pytest.raises(ValueError, match="windows have shape"):
        SimCLR(base).validation_loss(cut_windows(small_cohort(2, gaps=0), 120))
