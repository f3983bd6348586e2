"""Fine-tuning learns, starts where it says, and leaves what it was given alone."""

import keras
import numpy as np
import pytest

import lsmlib
from lsmlib import cut_windows
from lsmlib.evaluate import (
    TokenPool,
    conv_net,
    draw_shots,
    embed_pooled,
    few_shot,
    fine_tune,
    fine_tune_learner,
    linear_learner,
)
from lsmlib.evaluate.finetune import Shuffled
from lsmlib.signals import normalise
from tests.cohorts import small_cohort

WINDOWS, MINUTES = 48, 60


@pytest.fixture(scope="module")
def windows():
    """48 windows of 12 people; in every other one the heart rate is high."""
    cohort = small_cohort(12, people=12, gaps=0)
    windows = cut_windows(cohort, MINUTES).isel(day=slice(0, WINDOWS * 6, 6))
    windows["signals"][1::2, :, 0] = 120
    return windows


LABELS = np.array(["calm", "run"])[np.arange(WINDOWS) % 2]
TRAIN, TEST = np.arange(32), np.arange(32, 48)


@pytest.fixture(scope="module")
def model():
    return lsmlib.LSM1("nano", minutes=MINUTES, seed=3)


def test_mean_and_maximum_over_the_models_tokens(windows, model):
    layer, fresh = TokenPool(model), TokenPool(model, seed=4)
    signals = normalise(windows["signals"].values)
    tokens = np.asarray(model.encode(signals))
    expected = np.concatenate([tokens.mean(axis=1), tokens.max(axis=1)], axis=1)
    np.testing.assert_allclose(layer(signals), expected, atol=1e-5)
    np.testing.assert_allclose(embed_pooled(model, windows, batch_size=20), expected, atol=1e-5)
    np.testing.assert_allclose(expected[:, :64], model.embed(windows), atol=1e-5)
    assert np.abs(np.asarray(fresh(signals)) - expected).max() > 0.1
    assert [w.shape for w in fresh.weights] == [w.shape for w in layer.weights] == [
        w.shape for w in model.encoder.weights
    ]  # fmt: skip
    again = TokenPool(lsmlib.LSM1("nano", minutes=MINUTES, seed=9), seed=4)
    np.testing.assert_array_equal(fresh(signals[:2]), again(signals[:2]))


def test_fine_tuning_learns_and_leaves_the_model_as_it_was(windows, model):
    before = [np.array(weight.value) for weight in model.weights]
    labels = np.where(np.isin(np.arange(WINDOWS), TRAIN), LABELS, "")
    found = fine_tune(model, windows, labels, steps=60, batch_size=16, learning_rate=3e-3)
    assert isinstance(found, keras.Model)
    assert found.classes == ["calm", "run"]
    signals = normalise(windows["signals"].values)
    scores = found.predict_windows(signals, batch_size=10)  # 48 are no multiple of 10
    assert scores.shape == (WINDOWS, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(scores, keras.ops.softmax(found(signals)), atol=1e-4)
    assert (scores.argmax(axis=1) == (LABELS == "run"))[TEST].mean() > 0.9
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.value, value)


@pytest.mark.parametrize("classes", [["calm", "run"], ["calm", "run", "swim"]])
def test_it_starts_from_the_linear_probe(windows, model, classes):
    labels, people = np.array(classes)[np.arange(WINDOWS) % len(classes)], windows["person"].values
    probe = linear_learner(embed_pooled(model, windows), people, penalty=10.0)(TRAIN[:9], labels[:9], TEST)
    start = fine_tune_learner(model, windows, steps=1, learning_rate=1e-9)(TRAIN[:9], labels[:9], TEST)
    np.testing.assert_allclose(start, probe, atol=2e-3)
    assert probe.std() > 0.05


def test_every_training_begins_at_the_same_start(windows, model):
    learner = fine_tune_learner(model, windows, steps=5, learning_rate=1e-3)
    first = learner(TRAIN, LABELS[TRAIN], TEST)
    other = learner(TRAIN[:4], LABELS[:4], TEST)
    np.testing.assert_array_equal(learner(TRAIN, LABELS[TRAIN], TEST), first)
    assert np.abs(other - first).max() > 1e-4
    known = np.where(np.arange(WINDOWS) < 32, LABELS, "")
    once = fine_tune(model, windows, known, steps=5, learning_rate=1e-3)
    # the same but for what vectors are standardised by: here the tested windows are not held out
    np.testing.assert_allclose(once.predict_windows(normalise(windows["signals"].values))[TEST], first, atol=0.2)


def test_all_weights_are_trained(windows, model):
    found = fine_tune(model, windows, LABELS, steps=4, learning_rate=1e-3)  # the rate is 0 in the first
    start = TokenPool(model)
    names = {weight.path.split("/", 1)[1] for weight in found.backbone.weights}
    assert len(names) == len(start.weights)
    for trained, value in zip(found.backbone.weights, start.weights, strict=True):
        if not trained.path.endswith("query_key_value/bias"):  # keys shifted by a constant change nothing
            assert np.abs(trained.value - value.value).max() > 0, trained.path


@pytest.mark.parametrize("parameters", [60_000, 1_800_000])
def test_the_convolutional_network_has_the_size_that_was_asked_for(parameters):
    network = conv_net(parameters)
    assert network.count_params() == pytest.approx(parameters, rel=0.25)
    assert network.output_shape[0] is None and len(network.output_shape) == 2


def test_the_convolutional_network_learns_and_repeats(windows):
    first, second = (fine_tune_learner(conv_net(20_000, MINUTES, seed=1), windows, steps=40, learning_rate=3e-3)
                     (TRAIN, LABELS[TRAIN], TEST) for _ in range(2))  # fmt: skip
    np.testing.assert_array_equal(first, second)
    assert (first.argmax(axis=1) == (LABELS == "run")[TEST]).mean() > 0.9


def test_batches_are_full_and_see_every_row_equally_often():
    rows, codes = np.array([3, 5, 8]), np.array([0, 1, 0])
    batches = Shuffled(np.arange(10.0), rows, codes, steps=9, batch_size=2, seed=0)
    seen = np.concatenate([batches[step][0] for step in range(len(batches))])
    assert [len(batches[step][0]) for step in range(9)] == [2] * 9
    assert np.unique(seen, return_counts=True)[1].tolist() == [6, 6, 6]
    for step in range(9):
        signals, code = batches[step]
        np.testing.assert_array_equal(code, [{3: 0, 5: 1, 8: 0}[int(value)] for value in signals])
    assert len(Shuffled(np.arange(10.0), rows, codes, 2, 32, 0)[0][0]) == 3  # all, where they are fewer than a batch


def test_it_is_a_learner_for_few_shots(windows, model):
    people = windows["person"].values
    learner = fine_tune_learner(model, windows, steps=2)
    scores = few_shot({"fine-tuned": learner}, LABELS, people, shots=(1, 2), repeats=2)
    assert len(scores) == 2 * 2 * 5
    assert len(list(draw_shots(LABELS, people, (1, 2), 2))) == 4


def test_refusals(windows, model):
    with pytest.raises(ValueError, match="fine-tuning is of classes"):
        fine_tune(model, windows, np.arange(WINDOWS, dtype=float))
    with pytest.raises(ValueError, match=r"the classes are \['run'\]; expected at least two"):
        fine_tune(model, windows, np.full(WINDOWS, "run"))
    with pytest.raises(ValueError, match="steps is 0"):
        fine_tune(model, windows, LABELS, steps=0)
    with pytest.raises(ValueError, match="learning_rate is 0"):
        fine_tune(model, windows, LABELS, learning_rate=0)
    with pytest.raises(ValueError, match="batch_size is 0"):
        fine_tune(model, windows, LABELS, batch_size=0)
    with pytest.raises(ValueError, match="parameters is 10; expected a whole number, 10000 or more"):
        conv_net(10)
    learner = fine_tune_learner(model, windows, steps=1)
    learner(TRAIN, LABELS[TRAIN], TEST)
    with pytest.raises(ValueError, match="this learner began with classes"):
        learner(TRAIN, np.array(["a", "b"])[TRAIN % 2], TEST)
    gaps = windows.copy(deep=True)
    gaps["signals"][0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="windows have gaps"):
        fine_tune(model, gaps, LABELS)
