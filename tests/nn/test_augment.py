import numpy as np

from lsmlib.nn.augment import NOISE, STRETCH, Augment


def test_nothing_asked_for_changes_nothing():
    x = np.random.default_rng(0).standard_normal((4, 30, 26)).astype(np.float32)
    np.testing.assert_array_equal(Augment((), 0)(x), x)


def test_flip_runs_about_half_of_the_windows_backwards():
    x = np.random.default_rng(0).standard_normal((400, 6, 2)).astype(np.float32)
    flipped = np.asarray(Augment(("flip",), 0)(x))
    same, back = (flipped == x).all(axis=(1, 2)), (flipped == x[:, ::-1]).all(axis=(1, 2))
    assert (same ^ back).all()
    assert 160 < back.sum() < 240  # four standard deviations


def test_stretch_of_a_ramp_is_a_slower_ramp_within_it():
    ramp = np.tile(np.linspace(0, 1, 101, dtype=np.float32)[None, :, None], (300, 1, 3))
    stretched = np.asarray(Augment(("stretch",), 0)(ramp))
    slope = np.diff(stretched, axis=1) * 100
    np.testing.assert_allclose(slope, slope[:, :1, :1] * np.ones_like(slope), atol=2e-4)
    assert 1 / STRETCH - 1e-4 <= slope.min() < 0.83 and 0.97 < slope.max() <= 1 + 1e-4
    assert stretched.min() >= 0 and stretched.max() <= 1


def test_noise_is_normal_and_of_the_strength_said():
    noise = np.asarray(Augment(("noise",), 0)(np.zeros((20, 100, 26), np.float32))) / NOISE
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert abs((np.abs(noise) < 1).mean() - 0.6827) < 0.01


def test_every_window_is_changed_in_its_own_way():
    x = np.tile(np.random.default_rng(0).standard_normal((1, 30, 26)).astype(np.float32), (8, 1, 1))
    changed = np.asarray(Augment(("stretch",), 0)(x))
    assert len(np.unique(changed[:, 15, 0])) == 8
