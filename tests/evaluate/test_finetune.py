"""Fine-tuning learns, starts where it says, leaves what it was given alone, and is judged on other people."""

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
    fine_tune_probe,
    linear_learner,
    score_predictions,
)
from lsmlib.evaluate.finetune import Shuffled
from lsmlib.models.sizes import Size
from lsmlib.nn.transformer import Stack
from lsmlib.signals import SD, normalise
from tests.cohorts import small_cohort

WINDOWS, MINUTES = 48, 60


@pytest.fixture(scope="module")
def windows():
    """48 windows of 12 people; in every other one the heart rate is high."""
    cohort = small_cohort(12, people=12, gaps=0)
    windows = cut_windows(cohort, MINUTES).isel(day=slice(0, WINDOWS * 6, 6))
    windows["signals"][1::2, :, 0] = 120
    return windows


@pytest.fixture(scope="module")
def levels(windows):
    """The same, with a heart rate that is one number in each window."""
    levels = windows.copy(deep=True)
    levels["signals"][:, :, 0] = LEVEL[:, None]
    return levels


LABELS = np.array(["calm", "run"])[np.arange(WINDOWS) % 2]
LEVEL = np.random.default_rng(5).uniform(50, 150, WINDOWS)  # beats per minute
BEATS = 60 * LEVEL  # an hour: a number in a unit of its own
TRAIN, TEST = np.arange(32), np.arange(32, 48)


@pytest.fixture(scope="module")
def model():
    return lsmlib.LSM1(Size(Stack(1, 32, 2, 64), Stack(1, 16, 2, 32)), minutes=MINUTES, seed=3)


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


def test_numbers_are_learned_in_their_own_unit(levels, model):
    labels = np.where(np.isin(np.arange(WINDOWS), TRAIN), BEATS, np.nan)
    signals = normalise(levels["signals"].values)
    start, found = (
        fine_tune(model, levels, labels, steps=steps, batch_size=16, learning_rate=rate)
        for steps, rate in ((1, 1e-9), (60, 1e-4))
    )
    assert found.classes == []
    targets = found.encode(BEATS[TRAIN])
    assert targets.mean() == pytest.approx(0, abs=1e-5) and targets.std() == pytest.approx(1, abs=1e-5)
    before, after = (np.square(one.predict_windows(signals, batch_size=10) - BEATS) for one in (start, found))
    assert after[TRAIN].mean() < 0.05 * before[TRAIN].mean()
    assert after[TEST].mean() < 0.1 * BEATS.var()
    scored = found.evaluate(signals[TRAIN], targets, verbose=0)  # what was minimised, in standard deviations
    assert scored == pytest.approx(after[TRAIN].mean() / BEATS[TRAIN].var(), rel=1e-3)


@pytest.mark.parametrize(
    "labels",
    [LABELS, np.array(["calm", "run", "swim"])[np.arange(WINDOWS) % 3], 1000 + LEVEL],
    ids=["two classes", "three classes", "numbers"],
)
def test_it_starts_from_the_linear_probe(levels, model, labels):
    people = levels["person"].values
    probe = linear_learner(embed_pooled(model, levels), people, penalty=10.0)(TRAIN[:9], labels[:9], TEST)
    start = fine_tune_learner(model, levels, steps=1, learning_rate=1e-9)(TRAIN[:9], labels[:9], TEST)
    np.testing.assert_allclose(start, probe, atol=2e-3 if probe.ndim == 2 else 0.05)
    assert probe.std() > 0.05 and (probe.ndim == 2 or probe.std() > 5)


def test_trainings_of_numbers_begin_at_the_same_start(levels, model):
    learner = fine_tune_learner(model, levels, steps=3, learning_rate=1e-3)
    first = learner(TRAIN, LEVEL[TRAIN], TEST)
    other = learner(TRAIN, 7 + 2 * LEVEL[TRAIN], TEST)
    np.testing.assert_allclose(other, 7 + 2 * first, rtol=1e-4)  # another unit is the same task


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


def probed(model, windows, labels, **options):
    return fine_tune_probe(model, windows, labels, steps=20, learning_rate=3e-3, **options)


def test_the_probe_predicts_other_peoples_labels(windows, levels, model):
    """Two classes and a number that stand in the heart rate, some unknown; dealt out anew they are chance."""
    known = np.arange(WINDOWS) % 12 != 5
    found = probed(model, windows, np.where(known, LABELS, ""))
    np.testing.assert_array_equal(found.truth, LABELS[known])
    np.testing.assert_array_equal(found.people, windows["person"].values[known])
    assert found.classes.tolist() == ["calm", "run"]
    assert score_predictions(found, 0)["value"]["AUROC"] > 0.95
    number = probed(model, levels, np.where(known, BEATS, np.nan))
    assert score_predictions(number, 0)["value"]["R²"] > 0.8
    order = np.random.default_rng(1).permutation(WINDOWS)
    assert score_predictions(probed(model, windows, LABELS[order]), 0)["value"]["AUROC"] == pytest.approx(0.5, abs=0.15)


def test_the_probe_does_not_know_the_people(windows):
    """Windows that name their person by a level of each signal, and a label dealt out among people."""
    model = lsmlib.LSM1("nano", minutes=MINUTES, seed=3)  # smaller ones do not always learn the last of these
    _, whose = np.unique(windows["person"].values, return_inverse=True)
    named = windows.copy(deep=True)
    draw = np.random.default_rng(2)
    named["signals"] += (SD * draw.uniform(-2, 2, (12, 26)))[whose][:, None].astype(np.float32)
    ill = np.array(["no", "yes"])[draw.permutation(12) % 2][whose]
    found = probed(model, named, ill, of="person")
    assert score_predictions(found, 0)["value"]["AUROC"] < 0.75
    np.testing.assert_array_equal(found.people, np.unique(windows["person"].values))
    np.testing.assert_array_equal(found.truth[whose], ill)
    # the same windows, dealt into folds one by one, tell it
    alone = named.assign(person=("day", [f"p{row:02d}" for row in range(WINDOWS)]))
    assert score_predictions(probed(model, alone, ill), 0)["value"]["AUROC"] > 0.95


def test_what_belongs_to_people_is_the_mean_of_their_windows(levels, model):
    age = np.unique(levels["person"].values, return_inverse=True)[1] + 20.0
    windows, people = (fine_tune_probe(model, levels, age, of=of, steps=1) for of in ("window", "person"))
    for name, mean, truth in zip(people.people, people.scores, people.truth, strict=True):
        of_person = windows.people == name
        assert mean == pytest.approx(windows.scores[of_person].mean())
        assert truth == windows.truth[of_person][0]


def test_refusals(windows, model):
    with pytest.raises(ValueError, match=r"labels are int64 \[48\]; expected names of classes as text, or floats"):
        fine_tune(model, windows, np.arange(WINDOWS))
    with pytest.raises(ValueError, match=r"labels are <U4 \[47\]; expected .* \[48\], one a window"):
        fine_tune_probe(model, windows, LABELS[1:])
    with pytest.raises(ValueError, match="of is 'people'; expected 'window' or 'person'"):
        fine_tune_probe(model, windows, LABELS, of="people")
    with pytest.raises(ValueError, match=r"the known labels are \['run'\]; expected at least two that differ"):
        fine_tune(model, windows, np.full(WINDOWS, "run"))
    with pytest.raises(ValueError, match=r"the known labels are \[41.5\]; expected at least two"):
        fine_tune(model, windows, np.where(np.arange(WINDOWS) % 2, 41.5, np.nan))
    with pytest.raises(ValueError, match="steps is 0"):
        fine_tune(model, windows, LABELS, steps=0)
    with pytest.raises(ValueError, match="learning_rate is 0"):
        fine_tune(model, windows, LABELS, learning_rate=0)
    with pytest.raises(ValueError, match="batch_size is 0"):
        fine_tune(model, windows, LABELS, batch_size=0)
    learner = fine_tune_learner(model, windows, steps=1)
    learner(TRAIN, LABELS[TRAIN], TEST)
    with pytest.raises(ValueError, match="this learner began with classes"):
        learner(TRAIN, np.array(["a", "b"])[TRAIN % 2], TEST)
    gaps = windows.copy(deep=True)
    gaps["signals"][0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="windows have gaps"):
        fine_tune(model, gaps, LABELS)
