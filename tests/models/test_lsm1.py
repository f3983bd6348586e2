import json
import zipfile

import keras
import numpy as np
import pytest

import lsmlib
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.sizes import LSM1_SIZES, Size, nano_of_width
from lsmlib.nn.transformer import Stack, Transformer, seed_stream
from lsmlib.signals import normalise
from tests.models.compiled import run
from tests.windows import small_windows

SIZE = Size(Stack(2, 16, 2, 32), Stack(1, 12, 2, 24))
SMALL = {"size": SIZE, "minutes": 60}


@pytest.fixture(scope="module")
def windows():
    return small_windows(rows=12)


@pytest.fixture(scope="module")
def model():
    return LSM1(**SMALL)


def signals_of(windows):
    return normalise(windows["signals"].values)


@pytest.mark.parametrize(("size", "millions"), [("tiny", 2.22), ("small", 7.28), ("base", 110.7), ("large", 328.1)])
def test_parameters_are_the_papers(size, millions):
    """From shapes alone: making 328 million weights would take a gigabyte and no more proof."""
    with keras.StatelessScope():
        counted = _count(LSM1_SIZES[size])
    assert counted == pytest.approx(millions * 1e6, rel=0.005)


def _count(size: Size) -> int:
    def of(stack: Stack) -> int:
        w = stack.width
        attention, mlp = 4 * w * w + 4 * w, 2 * w * stack.mlp + stack.mlp + w
        return stack.layers * (attention + mlp + 4 * w) + 2 * w

    encoder, decoder = size
    ends = 51 * encoder.width + (encoder.width + 1) * decoder.width + decoder.width + (decoder.width + 1) * 50
    return of(encoder) + of(decoder) + ends


@pytest.mark.parametrize("size", ["nano", "tiny", "small"])
def test_the_count_from_shapes_is_that_of_the_model(size):
    assert LSM1(size).count_params() == _count(LSM1_SIZES[size])


def test_nano_at_other_widths():
    assert nano_of_width(64) == LSM1_SIZES["nano"]
    assert LSM1(nano_of_width(16)).count_params() == _count(nano_of_width(16))
    counts = [_count(nano_of_width(width)) for width in (16, 64, 256)]
    # blocks grow with the square, embeddings and biases with the width alone
    assert 8 < counts[1] / counts[0] < 16 and 14 < counts[2] / counts[1] < 16
    for width in (0, 8, 40):
        with pytest.raises(ValueError, match=f"width is {width}; expected a multiple of 16"):
            nano_of_width(width)


def test_named_outputs_and_their_shapes(model, windows):
    outputs = model(signals_of(windows))
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "encoded": (12, 7, 16), "prediction": (12, 36, 50), "target": (12, 36, 50), "hidden": (12, 36),
    }  # fmt: skip
    np.testing.assert_array_equal(np.asarray(outputs["hidden"]).sum(axis=1), 29)  # 80 % of 36, exactly


def test_hidden_values_reach_nothing_but_the_target(model, windows):
    values = signals_of(windows)
    kept = np.tile(np.arange(9, dtype=np.int32), (12, 1))
    _, first = run(model, {"signals": values, "kept": kept})
    cells = np.repeat(np.asarray(first["hidden"])[:, :, None], 50, axis=2)
    spoilt = np.where(
        model.grid.to_windows(cells), np.random.default_rng(0).choice([np.nan, 1e9], values.shape), values
    )
    _, second = run(model, {"signals": spoilt.astype(np.float32), "kept": kept})
    for name in ("encoded", "prediction", "hidden"):
        np.testing.assert_array_equal(first[name], second[name])


def test_the_loss_is_taken_on_hidden_tokens_only(model, windows):
    outputs = {name: np.array(value) for name, value in model(signals_of(windows)).items()}
    real = np.broadcast_to(model.grid.real_cells(), (12, 36, 50)) & outputs["hidden"][:, :, None]
    by_hand = np.square(outputs["prediction"] - outputs["target"])[real].mean(dtype=np.float64)
    assert float(model.compute_loss(y_pred=outputs)) == pytest.approx(by_hand, rel=1e-6)
    outputs["prediction"][~real] = 1e6
    assert float(model.compute_loss(y_pred=outputs)) == pytest.approx(by_hand, rel=1e-6)


def test_samples_have_masks_of_their_own(model, windows):
    values = signals_of(windows)
    draw = np.random.default_rng(2)
    kept = np.argsort(draw.random((12, 36)), axis=1)[:, :7].astype(np.int32)
    forward, backward, alone = (
        np.asarray(run(model, {"signals": values[rows], "kept": kept[rows]})[1]["prediction"])
        for rows in (slice(None), slice(None, None, -1), slice(3, 4))
    )
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-5)
    np.testing.assert_allclose(forward[3:4], alone, atol=1e-5)


def test_padding_of_kept_tokens_changes_nothing(model, windows):
    values, kept = signals_of(windows), np.tile(np.arange(7, dtype=np.int32), (12, 1))
    padded = np.concatenate([kept, np.full((12, 5), -1, np.int32)], axis=1)
    short, long = (run(model, {"signals": values, "kept": k})[1] for k in (kept, padded))
    np.testing.assert_allclose(short["prediction"], long["prediction"], atol=1e-5)
    np.testing.assert_array_equal(short["hidden"], long["hidden"])


def test_the_order_of_kept_tokens_changes_nothing(model, windows):
    values, kept = signals_of(windows), np.tile(np.arange(7, dtype=np.int32), (12, 1))
    there, back = (run(model, {"signals": values, "kept": k})[1]["prediction"] for k in (kept, kept[:, ::-1].copy()))
    np.testing.assert_allclose(there, back, atol=1e-5)


def test_blocks_without_positions_are_permutation_equivariant():
    transformer = Transformer(Stack(2, 32, 4, 64), seed_stream(0))
    transformer.build((None, None, 32))
    draw = np.random.default_rng(0)
    tokens, order = draw.standard_normal((3, 11, 32)).astype(np.float32), draw.permutation(11)
    np.testing.assert_allclose(transformer(tokens)[:, order], transformer(tokens[:, order]), atol=1e-5)


def test_one_seed_repeats_and_two_differ(windows):
    values = signals_of(windows)
    first, again, other = (LSM1(**SMALL, seed=seed)(values) for seed in (1, 1, 2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert (np.asarray(first["hidden"]) != np.asarray(other["hidden"])).any()
    assert (np.asarray(first["prediction"]) != np.asarray(other["prediction"])).any()


def test_masks_are_drawn_anew_at_each_call(windows):
    model, values = LSM1(**SMALL), signals_of(windows)
    assert (np.asarray(model(values)["hidden"]) != np.asarray(model(values)["hidden"])).any()


def test_embeddings_are_the_mean_over_tokens_of_each_window(model, windows):
    embedded = model.embed(windows, batch_size=5)
    assert embedded.shape == (12, 16) and embedded.dtype == np.float32
    by_hand = np.asarray(model.encode(signals_of(windows))).mean(axis=1)
    np.testing.assert_allclose(embedded, by_hand, atol=1e-5)


def test_reconstruct_gives_predictions_where_hidden_and_values_elsewhere(model, windows):
    hidden = np.zeros(windows["signals"].shape, bool)
    hidden[:, 12, 3] = True  # hides a whole token, though only one of its cells is asked for
    values = windows["signals"].values
    filled = model.reconstruct(windows, hidden)
    np.testing.assert_array_equal(filled[~hidden], values[~hidden])
    assert (filled[hidden] != values[hidden]).all()
    spoilt = windows.assign(signals=(windows["signals"].dims, np.where(hidden, np.nan, values)))
    spoilt["signals"].values[:, 11, 2] += 5.0  # in the same token: not seen either
    np.testing.assert_array_equal(model.reconstruct(spoilt, hidden)[hidden], filled[hidden])


def test_reconstruct_with_everything_hidden_is_finite(model, windows):
    filled = model.reconstruct(windows, np.ones(windows["signals"].shape, bool))
    assert np.isfinite(filled).all()


def test_impute_touches_no_measured_value(model, windows):
    gaps = np.random.default_rng(0).random(windows["signals"].shape) < 0.05
    windows = windows.assign(signals=windows["signals"].where(~gaps))
    filled = model.impute(windows)
    np.testing.assert_array_equal(filled["signals"].values[~gaps], windows["signals"].values[~gaps])
    lsmlib.check_cohort(filled)  # finite, and no negative steps
    marked = windows.assign(signals=filled["signals"], observed=(windows["signals"].dims, ~gaps))
    np.testing.assert_allclose(model.impute(marked)["signals"], filled["signals"], rtol=1e-5)


def test_fit_learns_and_evaluate_works(windows):
    model = LSM1(**SMALL)
    model.compile(keras.optimizers.AdamW(3e-3))
    batches = lsmlib.make_batches(windows, 4, seed=0)
    history = model.fit(batches, steps_per_epoch=20, epochs=1, shuffle=False, verbose=0).history
    assert history["step_loss"][-1] < 1.2
    assert model.evaluate(signals_of(windows), verbose=0, return_dict=True)["loss"] < 1.2


class Interrupted(keras.callbacks.Callback):
    """Ctrl-C after the second step."""

    def on_train_batch_end(self, batch, logs=None):
        if batch:
            raise KeyboardInterrupt


def test_a_training_that_fails_or_is_interrupted_leaves_a_model_that_works(windows):
    model = LSM1(**SMALL)
    model.compile("adam")
    before, embedded = model.get_weights(), model.embed(windows)
    short = signals_of(windows)[:, :40]
    with pytest.raises(ValueError, match="windows have shape"):
        model.fit(short, batch_size=4, verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.embed(windows), embedded)
    with pytest.raises(KeyboardInterrupt):
        batches = lsmlib.make_batches(windows, 4, seed=0)
        model.fit(batches, steps_per_epoch=4, shuffle=False, verbose=0, callbacks=[Interrupted()])
    assert np.isfinite(model.embed(windows)).all()
    assert any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("class_token", [False, True])
def test_a_keras_file_keeps_weights_masks_and_optimizer(windows, tmp_path, class_token):
    model, values = LSM1(**SMALL, class_token=class_token, augment=("noise",)), signals_of(windows)
    model.compile(keras.optimizers.AdamW(1e-3))
    model.train_on_batch(values)
    model.save(tmp_path / "m.keras")
    loaded = lsmlib.load_model(tmp_path / "m.keras")
    assert loaded.get_config() == model.get_config()
    assert int(loaded.optimizer.iterations) == 1
    np.testing.assert_array_equal(loaded.embed(windows), model.embed(windows))
    # the next masks and noise are the same; of this step alone, as Keras' own `loss` may be a mean over both
    losses = [float(one.train_on_batch(values, return_dict=True)["step_loss"]) for one in (model, loaded)]
    assert losses[0] == losses[1]
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


def test_weights_of_another_architecture_are_refused(tmp_path):
    deep = LSM1(SIZE._replace(encoder=Stack(3, 16, 2, 32)), minutes=60)
    deep.save_weights(tmp_path / "deep.weights.h5")
    shallow = LSM1(**SMALL)
    before = [np.array(weight) for weight in shallow.weights]
    with pytest.raises(ValueError, match=r"another architecture.*block_2.*absent in the model"):
        shallow.load_weights(tmp_path / "deep.weights.h5")
    wide = LSM1(**SMALL, patch_signals=2)
    with pytest.raises(ValueError, match=r"decoder/prediction.*20\).*50\)"):
        LSM1(**SMALL).load_weights(_saved(wide, tmp_path))
    for weight, was in zip(shallow.weights, before, strict=True):
        np.testing.assert_array_equal(weight, was)


def _saved(model, folder):
    model.save_weights(folder / "w.weights.h5")
    return folder / "w.weights.h5"


def test_files_that_are_not_ours_are_refused(model, tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        lsmlib.load_model(tmp_path / "none.keras")
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="holds a Sequential"):
        lsmlib.load_model(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"ends in \.keras"):
        model.save(tmp_path / "model.h5")
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert json.loads(archive.read("config.json"))["class_name"] == "LSM1"
    whole = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"model\.keras is cut off"):
        lsmlib.load_model(tmp_path / "model.keras")


def test_a_loss_from_outside_is_refused(windows):
    model = LSM1(**SMALL)
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="the loss 'mse'; expected none, because LSM1 computes its own"):
        model.fit(signals_of(windows), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "huge"}, "no size 'huge'; choose one of 'nano', 'tiny'"),
        ({"size": Size(Stack(1, 30, 4, 8), Stack(1, 8, 2, 8))}, "multiple of its heads"),
        ({"minutes": 0}, "minutes is 0"),
        ({"patch_minutes": 400}, "patch_minutes is 400"),
        ({"hide": 1.0}, "hides 180 of 180"),
        ({"hide": 0.0}, "hides 0 of 180"),
        ({"augment": ("rotate",)}, "rotate"),
        ({"augment": "flip"}, "augment has 'flip'; expected a tuple of names"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_built_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        LSM1(**arguments)


def test_windows_that_do_not_fit_are_refused(model, windows):
    with pytest.raises(ValueError, match=r"\(12, 30, 26\).*cut_windows\(cohort, minutes=60\)"):
        model.embed(windows.isel(minute=slice(30)))
    with pytest.raises(ValueError, match=r"\(12, 30, 26\)"):
        model(np.zeros((12, 30, 26), np.float32))
    gaps = windows.copy(deep=True)
    gaps["signals"].values[4, 3, 2] = np.nan
    with pytest.raises(ValueError, match=r"1 of 12 windows have gaps.*number 4"):
        model.embed(gaps)
    with pytest.raises(ValueError, match="signal 0 is 'skin_temperature_slope'"):
        model.embed(windows.isel(signal=slice(None, None, -1)))
    with pytest.raises(ValueError, match="hidden is float64"):
        model.reconstruct(windows, np.zeros(windows["signals"].shape))
    with pytest.raises(ValueError, match="hidden is bool"):
        model.reconstruct(windows, np.zeros((12, 60), bool))


def test_bfloat16_keeps_weights_predictions_and_loss_in_float32(windows):
    model = LSM1(**SMALL, dtype="mixed_bfloat16")
    loss, outputs = run(model, signals_of(windows))
    assert outputs["encoded"].dtype == "bfloat16" and outputs["prediction"].dtype == "float32"
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    _, exact = run(LSM1(**SMALL), signals_of(windows))
    np.testing.assert_allclose(outputs["prediction"], exact["prediction"], atol=0.1)
    assert loss.dtype == "float32"
