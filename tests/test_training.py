import csv
import subprocess
import sys

import jax
import keras
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

import lsmlib
from lsmlib.masking import Mixture
from lsmlib.models.lsm1 import LSM1
from lsmlib.optimizer import Schedule, _rate, make_optimizer
from lsmlib.training_logs import SNAPSHOT_STEPS
from tests.models.compiled import run
from tests.sizes import SMALL
from tests.windows import small_windows


@pytest.fixture(scope="module")
def windows():
    return small_windows(rows=16)


def weights_of(model):
    return [np.array(weight) for weight in model.weights]


def train(windows, steps=6, **options):
    model = LSM1(SMALL, minutes=60, seed=1)
    return model, lsmlib.pretrain(model, windows, steps=steps, batch_size=4, seed=2, progress=False, **options)


def test_the_schedule_warms_up_and_falls_to_zero():
    optimizer = make_optimizer(steps=100, learning_rate=2e-3, warmup=0.1)
    rate = [float(optimizer._learning_rate(step)) for step in range(101)]
    assert rate[0] == 0 and rate[5] == pytest.approx(1e-3) and rate[10] == pytest.approx(2e-3)
    assert rate[55] == pytest.approx(1e-3, rel=1e-3) and rate[100] == pytest.approx(0, abs=1e-9)
    assert np.argmax(rate) == 10


def test_decay_is_decoupled_and_spares_what_is_no_matrix():
    model = LSM1(SMALL, minutes=60)
    optimizer = make_optimizer(steps=10, learning_rate=0.1, warmup=0.1, weight_decay=0.5)
    optimizer.build(model.trainable_variables)
    before = [np.array(weight) for weight in model.trainable_weights]
    zeros, after, state = list(map(np.zeros_like, before)), before, [kept.value for kept in optimizer.variables]
    apply = jax.jit(optimizer.stateless_apply)
    for _ in range(2):  # at rates 0 and 0.1
        after, state = apply(state, zeros, after)
    for weight, now, then in zip(model.trainable_weights, after, before, strict=True):
        shrunk = 0.95 if weight.path.endswith("kernel") else 1.0
        np.testing.assert_allclose(now, then * shrunk, rtol=1e-6, err_msg=weight.path)


def test_pretrain_is_compile_and_fit_bit_for_bit(windows):
    model, history = train(windows)
    by_hand = LSM1(SMALL, minutes=60, seed=1)
    by_hand.compile(make_optimizer(6))
    batches = lsmlib.make_batches(windows, 4, seed=2)
    by_hand.fit(batches, steps_per_epoch=6, shuffle=False, verbose=0)
    for ours, theirs in zip(weights_of(model), weights_of(by_hand), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(history["loss"]) == len(history["learning_rate"]) == 6
    assert history["learning_rate"][-1] == pytest.approx(0, abs=1e-8)


def test_the_first_loss_is_that_of_the_first_weights_and_masks(windows):
    _, history = train(windows, steps=2)
    model = LSM1(SMALL, minutes=60, seed=1)
    loss, _ = run(model, next(iter(lsmlib.make_batches(windows, 4, seed=2))))
    assert history["loss"][0] == pytest.approx(float(loss), rel=1e-5)


def test_validation_takes_no_part_in_training(windows):
    plain, _ = train(windows)
    model, history = train(windows, valid=small_windows(rows=5, seed=9), evaluate_every=4)
    for ours, theirs in zip(weights_of(model), weights_of(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert history["valid_step"] == [4, 6]
    assert history["valid_loss"][-1] == pytest.approx(model.validation_loss(small_windows(rows=5, seed=9)), rel=1e-6)


def test_gradients_are_clipped_to_a_norm_of_one():
    weight = keras.Variable(np.zeros(3, np.float32))
    for gradient, clipped in (([3e3, 0, 4e3], [0.6, 0, 0.8]), ([0.3, 0, 0.4], [0.3, 0, 0.4])):
        optimizer = make_optimizer(10)
        optimizer.build([weight])
        optimizer.apply([np.array(gradient, np.float32)])
        # Adam's steps hide how large a gradient is; its running mean, a tenth of the first gradient, does not
        np.testing.assert_allclose(optimizer._momentums[0], 0.1 * np.array(clipped), rtol=1e-5)


def test_files_of_a_run(windows, tmp_path):
    _, history = train(windows, valid=windows, evaluate_every=3, log_dir=tmp_path / "run")
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert [row["valid_loss"] != "" for row in rows] == [False, False, True, False, False, True]
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert "reconstruction_000003.png" in names and "reconstruction_000006.png" in names
    assert any(name.startswith("events.out.tfevents") for name in names)


def test_a_trained_model_is_loaded_by_a_process_that_trains_nothing(windows, tmp_path):
    """With its optimizer, whose schedule is ours and of a room that loading by itself does not enter."""
    model, _ = train(windows)
    model.save(tmp_path / "m.keras")
    code = "import sys, lsmlib; print(int(lsmlib.load_model(sys.argv[1]).optimizer.iterations))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "m.keras")], capture_output=True, text=True)
    assert done.stdout.strip() == "6", done.stderr[-2000:]


def test_a_loss_that_is_no_number_stops_with_the_last_finite_weights(windows, tmp_path):
    model = LSM1(SMALL, minutes=60, seed=1)
    before = weights_of(model)
    with pytest.raises(
        FloatingPointError, match=r"loss is nan at step .*back at step 0.*saved to.*lower learning_rate"
    ):
        lsmlib.pretrain(model, windows, steps=50, batch_size=4, learning_rate=1e30, progress=False, log_dir=tmp_path)
    for now, then in zip(weights_of(model), before, strict=True):
        np.testing.assert_array_equal(now, then)
    saved = lsmlib.load_model(tmp_path / "last_finite_step_0.keras")
    np.testing.assert_array_equal(saved.embed(windows), model.embed(windows))
    assert SNAPSHOT_STEPS > 50


def test_accumulated_batches_are_one_large_batch(windows):
    """Of complete days every mask hides as many tokens, so that the mean of two batches' losses is the loss of both."""

    def train(steps, batch_size, accumulate):
        model = lsmlib.LSM2(SMALL, minutes=60, mixture=Mixture(chances=(1, 0, 0)), drop=0)
        options = {"steps": steps, "batch_size": batch_size, "accumulate": accumulate, "learning_rate": 1e-2}
        history = lsmlib.pretrain(model, windows, **options, progress=False)
        return model.embed(windows), history

    (whole, one), (halves, two) = train(4, 8, 1), train(8, 4, 2)
    np.testing.assert_allclose(halves, whole, atol=1e-4)
    np.testing.assert_allclose(np.reshape(two["loss"], (4, 2)).mean(axis=1), one["loss"], rtol=1e-5)
    np.testing.assert_allclose(two["learning_rate"][1::2], one["learning_rate"], atol=1e-9)


def test_rematerialised_training_is_the_same(windows):
    plain, history = train(windows)
    model, again = train(windows, rematerialise=True)
    assert again["loss"] == pytest.approx(history["loss"], rel=1e-5)
    for ours, theirs in zip(weights_of(model), weights_of(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"evaluate_every": 0}, "evaluate_every is 0"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"accumulate": 4}, "accumulate is 4; expected a divisor of the 6 steps"),
    ],
)
def test_options_out_of_range(windows, options, message):
    with pytest.raises(ValueError, match=message):
        train(windows, **options)


def test_windows_with_gaps_or_of_another_length_are_refused(windows):
    with pytest.raises(ValueError, match="windows have gaps"):
        train(windows.assign(signals=windows["signals"].where(windows["signals"] < windows["signals"].max())))
    with pytest.raises(ValueError, match="cut_windows"):
        train(windows.isel(minute=slice(30)))


def test_the_rate_is_compiled_once_however_often_it_is_asked_for():
    _rate.clear_cache()
    for changes in (100, 200):
        rate, points = Schedule(changes, 1e-3, 0.1), np.array([0, 0.05, 0.1, 0.55, 1])
        found = [float(rate(np.int32(step))) for step in points * changes]
        np.testing.assert_allclose(found, [0, 5e-4, 1e-3, 5e-4, 0], atol=1e-9)  # a tenth rising, then half a cosine
    assert _rate._cache_size() == 1


def test_trainings_of_any_length_and_rate_are_one_program(windows, tmp_path):
    """Or grids of trainings would mostly compile: what JAX keeps of them is one file."""
    kept = jax.config.jax_compilation_cache_dir
    try:
        jax.config.update("jax_compilation_cache_dir", str(tmp_path))
        compilation_cache.reset_cache()
        (_, short), (_, long) = train(windows, steps=3), train(windows, steps=5, learning_rate=3e-3)
    finally:
        jax.config.update("jax_compilation_cache_dir", kept)
        compilation_cache.reset_cache()
    assert len(list(tmp_path.glob("jit_train_step-*-cache"))) == 1
    assert short["loss"][:2] == long["loss"][:2] and short["loss"][2] != long["loss"][2]


def test_no_step_brings_all_variables_up_to_date(windows, monkeypatch):
    """A callback that asks Keras for its model makes it do so, which takes as long as a small model's step."""
    calls, sync = [], LSM1.jax_state_sync
    monkeypatch.setattr(LSM1, "jax_state_sync", lambda model: calls.append(model._jax_state_synced) or sync(model))
    train(windows, steps=20)
    assert calls.count(False) <= 2  # at the end


def test_two_optimizers_of_one_schedule_and_one_from_its_config():
    schedule = Schedule(10, 1e-3, 0.1)
    first, second = (type(make_optimizer(1))(schedule) for _ in range(2))
    copy = type(first).from_config(first.get_config())
    for optimizer in (first, second, copy):
        optimizer.iterations.assign(1)
        assert float(optimizer.learning_rate) == pytest.approx(1e-3)
        assert any(variable is optimizer._learning_rate.numbers for variable in optimizer.variables)
