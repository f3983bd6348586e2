import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lsmlib
from lsmlib.models.gaps import fill_gaps
from lsmlib.models.sensorlm import SensorLM
from lsmlib.models.sizes import SENSORLM_SIZES, SensorLMSize, count_parameters
from lsmlib.nn.causal import attend_pairs, causal_pairs
from lsmlib.nn.transformer import Stack
from lsmlib.signals import MEAN, SD, normalise
from lsmlib.text import CaptionMixture, CaptionTokenizer, train_tokenizer
from tests.models.compiled import run
from tests.test_checkpoints import Stopped, state_of, stop_at
from tests.text.days import eventful_cohort
from tests.windows import small_windows

STACK = Stack(1, 16, 2, 32)
CLASSES = ["Run", "Swim", "Bike", "Yoga"]
PROMPT = "The log shows {name}."
TOKENS = 6 * 13  # of an hour in patches of ten minutes of two signals


def make_windows(rows=16, seed=0):
    """Hours of four classes, told by whether heart rate and skin temperature are high or low, with gaps elsewhere."""
    windows = small_windows(rows=rows, seed=seed)
    kinds = np.arange(rows) % 4
    values = (MEAN + SD * 0.1 * np.random.default_rng(seed).standard_normal(windows["signals"].shape)).astype("float32")
    for column, high in ((0, kinds % 2), (24, kinds // 2)):
        values[:, :, column] += (SD[column] * (3 * high - 1.5))[:, None]
    gaps = np.random.default_rng(seed + 1).random((rows, 6, 26)).repeat(10, axis=1) < 0.4
    gaps |= np.random.default_rng(seed + 2).random(values.shape) < 0.02
    gaps[:, :, [0, 24]] = False
    texts = [PROMPT.format(name=CLASSES[kind]) for kind in kinds]
    signals = windows["signals"].copy(data=np.where(gaps, np.nan, np.clip(values, *limits())))
    return windows.assign(signals=signals, caption=("day", texts)).drop_vars("observed")


def limits():
    return np.array([[s.low for s in lsmlib.SIGNALS], [s.high for s in lsmlib.SIGNALS]], np.float32)


@pytest.fixture(scope="module")
def windows():
    return make_windows()


@pytest.fixture(scope="module")
def tokenizer(windows):
    return train_tokenizer(windows["caption"].values.tolist(), 300)


@pytest.fixture(scope="module")
def make(tokenizer):
    def build(objective="coca", **options):
        options = {"minutes": 60, "context": 48, "caption_queries": 4, "tokenizer": tokenizer} | options
        return SensorLM(SensorLMSize(STACK, STACK, STACK), objective, **options)

    return build


@pytest.fixture(scope="module")
def trained(make, windows):
    """A model after some steps, and their losses."""
    model = make()
    history = lsmlib.pretrain(model, windows, steps=100, batch_size=16, learning_rate=1e-2, progress=False)
    return model, history["loss"]


def inputs_of(model, windows, rows=8):
    some = windows.isel(day=slice(0, rows))
    tokens = model.describe(some)["tokens"][:, 0].astype(np.int32)
    return normalise(some["signals"].values), tokens


def test_a_packed_batch_and_a_plain_one_give_the_same(make, windows):
    for options in ({}, {"patch_missing_if": "any"}, {"gaps": "filled"}):
        model = make(**options)
        signals, tokens = inputs_of(model, windows, 4)
        signals[0], signals[1] = np.nan, 1.0  # nothing observed; everything
        inputs = {"signals": signals, "tokens": tokens}
        plain = model(inputs) if "gaps" in options else run(model, inputs)[1]  # on the host gaps are filled
        _, packed = run(model, {**model.pack(signals), "tokens": tokens})
        for name in ("day", "text", "logits"):
            assert np.isfinite(plain[name]).all()
            np.testing.assert_allclose(plain[name], packed[name], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(packed["day"], axis=1), 1, rtol=1e-5)
        assert not np.allclose(packed["day"][0], packed["day"][2], atol=1e-2)


def test_no_bit_depends_on_what_stands_where_nothing_is_observed(make, windows):
    model = make()
    signals, tokens = inputs_of(model, windows, 4)
    packed = model.pack(signals)
    lengths = packed["lengths"].sum(axis=1)
    assert (lengths < packed["values"].shape[1]).all()
    beyond = np.arange(packed["values"].shape[1]) >= lengths[:, None]
    _, expected = run(model, {**packed, "tokens": tokens})
    for strange in (np.nan, 1e9):
        values = np.where(beyond[:, :, None], np.float32(strange), packed["values"])
        _, found = run(model, {**packed, "values": values, "tokens": tokens})
        for name in ("day", "logits"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_which_patches_are_tokens(make):
    """Of one day: a whole patch, one with one reading, one without any, and zeros for what is missing."""
    signals = np.full((1, 60, 26), np.nan, np.float32)
    signals[0, :10, :2] = 2.0
    signals[0, 10, 2] = 3.0
    loose, strict = make().pack(signals), make(patch_missing_if="any").pack(signals)
    assert loose["lengths"].item() == 2 and strict["lengths"].item() == 1
    assert loose["number"][0, :2].tolist() == [0, 14]
    np.testing.assert_array_equal(loose["values"][0, 0], 2.0)
    np.testing.assert_array_equal(loose["values"][0, 1], [3.0] + 19 * [0.0])
    assert make(gaps="filled").pack(signals)["lengths"].item() == TOKENS
    odd = SensorLM(SensorLMSize(STACK, STACK, STACK), minutes=60, signals=3, patch_missing_if="any")
    assert odd.pack(np.ones((1, 60, 3), np.float32))["lengths"].item() == 12  # the fourth signal is padding


def test_gaps_are_filled_along_time():
    signals = np.full((1, 6, 2), np.nan, np.float32)
    signals[0, [1, 4], 0] = 1.0, 4.0
    np.testing.assert_allclose(fill_gaps(signals)[0].T, [[1, 1, 2, 3, 4, 4], [0, 0, 0, 0, 0, 0]])


def test_labels_are_the_tokens_shifted_by_one_and_later_tokens_change_no_earlier_logits(make, windows):
    model = make()
    signals, tokens = inputs_of(model, windows, 4)
    _, outputs = run(model, {"signals": signals, "tokens": tokens})
    np.testing.assert_array_equal(outputs["labels"], tokens[:, 1:])
    assert outputs["logits"].shape[:2] == outputs["labels"].shape
    changed = tokens.copy()
    changed[:, 7:] = (changed[:, 7:] + 11) % 250 + 3
    _, other = run(model, {"signals": signals, "tokens": changed})
    np.testing.assert_array_equal(other["logits"][:, :7], outputs["logits"][:, :7])
    assert not np.allclose(other["logits"][:, 7:], outputs["logits"][:, 7:])
    assert not np.allclose(other["text"], outputs["text"], atol=1e-4)


def test_padding_changes_nothing(make, windows):
    model = make()
    signals, tokens = inputs_of(model, windows, 4)
    longer = np.pad(tokens, ((0, 0), (0, 48 - tokens.shape[1])))
    (first, one), (second, two) = (run(model, {"signals": signals, "tokens": ids}) for ids in (tokens, longer))
    np.testing.assert_allclose(one["text"], two["text"], atol=1e-6)
    assert float(first) == pytest.approx(float(second), rel=1e-6)
    alone = model.embed_text(["Run."])
    np.testing.assert_allclose(model.embed_text(["Run.", "A much longer text about a day."])[:1], alone, atol=1e-6)


def test_attention_to_pairs_by_its_definition():
    draw = np.random.default_rng(0)
    query, key, value = draw.standard_normal((3, 2, 5, 3, 4)).astype(np.float32)
    found = np.asarray(attend_pairs(query, key, value, causal_pairs(5)))
    for b, n, h in np.ndindex(2, 5, 3):
        weights = np.exp(key[b, : n + 1, h] @ query[b, n, h] / 2)
        np.testing.assert_allclose(found[b, n, h], weights @ value[b, : n + 1, h] / weights.sum(), atol=1e-5)


def test_coca_learns_what_days_and_texts_have_in_common(trained, windows):
    model, losses = trained
    assert losses[-1] < 0.5 * losses[0]
    fresh = make_windows(rows=16, seed=5)
    scores = model.zero_shot(fresh, CLASSES, [PROMPT])
    assert list(scores.columns) == CLASSES and scores.shape == (16, 4)
    assert (scores.to_numpy().argmax(axis=1) == np.arange(16) % 4).mean() >= 0.9
    found = model.retrieve(fresh, fresh["caption"].values.tolist(), count=1)
    assert (found.places[:, 0] % 4 == np.arange(16) % 4).mean() >= 0.9
    back = model.retrieve(fresh["caption"].values.tolist(), fresh, count=16)
    assert back.places.shape == (16, 16) and (np.diff(back.similarities, axis=1) <= 0).all()
    texts = model.caption(fresh)
    assert np.mean([CLASSES[row % 4] in text for row, text in enumerate(texts)]) >= 0.9


@pytest.mark.parametrize("objective", ["clip", "siglip", "cap"])
def test_other_objectives_learn(make, windows, objective):
    model = make(objective)
    losses = lsmlib.pretrain(model, windows, steps=40, batch_size=16, learning_rate=1e-2, progress=False)["loss"]
    assert np.mean(losses[-3:]) < 0.9 * losses[0]
    names = {weight.path.split("/")[1] for weight in model.trainable_weights}
    assert ("temperature" in names) == (objective != "cap")
    assert any("decoder" in weight.path for weight in model.weights) == (objective == "cap")
    if objective == "cap":
        np.testing.assert_allclose(np.linalg.norm(model.embed(windows), axis=1), 1, rtol=1e-5)
        with pytest.raises(ValueError, match="no vectors of texts"):
            model.embed_text(["Run"])
    else:
        with pytest.raises(ValueError, match=f"'{objective}', which has no decoder"):
            model.caption(windows)


@pytest.mark.parametrize(("beams", "temperature"), [(1, 0.0), (3, 0.0), (1, 1.5)])
def test_generation_with_and_without_caches_is_the_same_token_for_token(trained, windows, beams, temperature):
    model, _ = trained
    days = windows.isel(day=slice(0, 4))
    with_caches, without = (model._write(days, beams, temperature, 40, 3, 4, cached) for cached in (True, False))
    np.testing.assert_array_equal(with_caches, without)
    ends = [row.tolist().index(model.tokenizer.end_id) for row in with_caches if model.tokenizer.end_id in row]
    assert temperature or len(ends) == 4
    for row in with_caches:  # after the end there is padding, and before it none
        padding = row == model.tokenizer.padding_id
        if padding.any():
            assert row[padding.argmax() - 1] == model.tokenizer.end_id and padding[padding.argmax() :].all()


def test_greedy_takes_the_likeliest_next_token(trained, windows):
    model, _ = trained
    days = windows.isel(day=slice(0, 4))
    signals = normalise(days["signals"].values)
    found = model._write(days, 1, 0.0, 6, 0, 4)
    logits = np.array(run(model, {"signals": signals, "tokens": found})[1]["logits"])
    logits[:, :, : model.tokenizer.end_id] = -np.inf
    np.testing.assert_array_equal(logits.argmax(axis=2), found[:, 1:])


def test_as_many_beams_as_tokens_find_the_likeliest_of_all_texts(trained, windows):
    model, _ = trained
    days, count = windows.isel(day=[2]), model.tokenizer.vocabulary_size
    found = model._write(days, count, 0.0, 3, 0, 1)[0]
    start, end = model.tokenizer.start_id, model.tokenizer.end_id
    tokens = np.zeros((count, 3), np.int32)
    tokens[:, 0], tokens[:, 1] = start, np.arange(count)

    @jax.jit
    def decode(packed, tokens):
        pooled = jnp.repeat(model.pool_days(packed), count, axis=0)
        read, _ = model.text_vectors(tokens)
        return model.text.decode(read, model.text.remember(pooled[:, 1:]))

    logits = np.array(decode(model.pack(normalise(days["signals"].values)), tokens), np.float64)
    logits[:, :, :end] = -np.inf
    logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
    both = logits[0, 0][:, None] + logits[:, 1]
    both[end] = -np.inf
    both[end, 0] = logits[0, 0, end]
    best = divmod(int(both.argmax()), count)
    assert tuple(found[1:]) == best


def test_what_is_drawn_depends_on_the_seed_alone(trained, windows):
    model, _ = trained
    options = {"temperature": 2.0, "max_tokens": 16}
    one = model.caption(windows, seed=1, **options)
    assert model.caption(windows, seed=1, batch_size=5, **options) == one
    assert model.caption(windows, seed=2, **options) != one


def test_a_keras_file_gives_the_same_model(trained, windows, tmp_path):
    model, _ = trained
    model.save(tmp_path / "m.keras")
    loaded = lsmlib.load_model(tmp_path / "m.keras")
    assert isinstance(loaded, SensorLM) and loaded.tokenizer.to_json() == model.tokenizer.to_json()
    assert loaded.captions == model.captions
    np.testing.assert_array_equal(loaded.embed(windows), model.embed(windows))
    np.testing.assert_array_equal(loaded.embed_text(["Run"]), model.embed_text(["Run"]))
    assert loaded.caption(windows) == model.caption(windows)


def test_weights_of_another_tokenizer_are_refused(make, tmp_path):
    one, two = (train_tokenizer([text] * 3, 264) for text in ("low low lower", "new new newest"))
    assert one.vocabulary_size == two.vocabulary_size
    make(tokenizer=one).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="the weights belong to another tokenizer"):
        make(tokenizer=two).load_weights(tmp_path / "m.weights.h5")
    make(tokenizer=one).load_weights(tmp_path / "m.weights.h5")


def test_a_training_that_was_stopped_goes_on_bit_for_bit(make, windows, tmp_path, monkeypatch):
    def train(model, folder):
        options = {"steps": 6, "batch_size": 16, "seed": 2, "progress": False, "checkpoint_every": 2}
        return lsmlib.pretrain(model, windows, checkpoint_dir=folder, valid=windows, **options)

    whole = make(seed=1)
    history = train(whole, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, 5)
        train(make(seed=1), tmp_path / "stopped")
    again = make(seed=1)
    assert train(again, tmp_path / "stopped") == history
    for one, other in zip(state_of(whole), state_of(again), strict=True):
        np.testing.assert_array_equal(one, other)
    other = windows.assign(caption=windows["caption"].str.replace("Run", "Jog"))
    with pytest.raises(ValueError, match=r"holds another run: .*data people and dates"):
        lsmlib.pretrain(make(seed=1), other, steps=6, batch_size=16, checkpoint_dir=tmp_path / "whole", progress=False)


SHARED = """
import json, sys
import numpy as np, keras, jax
import lsmlib
from lsmlib.models.contrastive_losses import clip_loss, siglip_loss
assert jax.device_count() == 2
day, text = np.load(sys.argv[1])
keras.distribution.set_distribution(keras.distribution.DataParallel())
sharding = jax.sharding.NamedSharding(
    jax.sharding.Mesh(np.array(jax.devices()), "batch"), jax.sharding.PartitionSpec("batch")
)
shared = [jax.device_put(x, sharding) for x in (day, text)]
found = [jax.jit(jax.value_and_grad(loss))(*shared) for loss in (
    lambda a, b: clip_loss(a, b, 10.0), lambda a, b: siglip_loss(a, b, 10.0, -5.0))]
np.savez(sys.argv[2], *[np.asarray(x) for pair in found for x in pair])
"""


def test_days_on_two_devices_are_compared_with_the_texts_of_both(tmp_path):
    from lsmlib.models.contrastive_losses import clip_loss, siglip_loss

    vectors = np.random.default_rng(0).standard_normal((2, 8, 6)).astype(np.float32)
    np.save(tmp_path / "in.npy", vectors)
    several = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": several}
    subprocess.run(
        [sys.executable, "-c", SHARED, tmp_path / "in.npy", tmp_path / "out.npz"], check=True, env=environment
    )
    found = np.load(tmp_path / "out.npz")
    alone = [
        jax.value_and_grad(loss)(*vectors)
        for loss in (lambda a, b: clip_loss(a, b, 10.0), lambda a, b: siglip_loss(a, b, 10.0, -5.0))
    ]
    for one, other in zip(found.values(), [x for pair in alone for x in pair], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_it_starts_from_an_lsm2(make, windows, tokenizer):
    lsm2 = lsmlib.LSM2("nano", minutes=60)
    options = {"tokenizer": tokenizer, "context": 32, "caption_queries": 2}
    same = SensorLM.from_lsm2(lsm2, **options)
    assert same.grid == lsm2.grid and same.patch_missing_if == lsm2.patch_missing_if
    signals = normalise(windows["signals"].values[:2])
    packed = same.pack(signals)
    arrays = [packed[name] for name in ("values", "number", "lengths")]
    np.testing.assert_array_equal(*(jax.jit(model.encoder)(*arrays) for model in (same, lsm2)))
    pairs = SensorLM.from_lsm2(lsm2, patch_signals=2, **options)
    for one, other in zip(pairs.encoder.transformer.weights, lsm2.encoder.transformer.weights, strict=True):
        np.testing.assert_array_equal(one.value, other.value)
    assert pairs.encoder.embedding.kernel.shape[0] == 20
    with pytest.raises(ValueError, match=r"the encoder is .*, the LSM-2's .*; expected the same"):
        SensorLM.from_lsm2(lsm2, SensorLMSize(STACK, STACK, STACK), **options)


def test_captions_of_whole_days_are_drawn_by_place(tokenizer):
    days = eventful_cohort(days=3)
    mixture = CaptionMixture(levels=("semantic", ("structural", "semantic")), wordings=2)
    texts = mixture.write(days)
    assert texts.shape == (3, 4) and texts[0, 1].endswith(texts[0, 0]) and len(set(texts[0])) == 4
    size = SensorLMSize(STACK, STACK, STACK)
    model = SensorLM(size, tokenizer=tokenizer, context=2048, captions=mixture)
    beside = model.describe(days)
    assert model.tokenizer.decode(beside["tokens"][0]) == texts[0].tolist()
    signals = normalise(days["signals"].values)
    drawn = [
        [row.tolist() for row in model.prepare(signals, np.arange(3) + 3 * epoch, beside)["tokens"]]
        for epoch in range(6)
    ]
    assert len({tuple(epoch[0]) for epoch in drawn}) > 1  # in different epochs, different captions of a day
    batches = lsmlib.make_batches(days, 3, 0, prepare=model.prepare, beside=beside)
    first = next(iter(batches))
    order = [beside["tokens"].astype(int).tolist().index(r) for r in beside["tokens"].astype(int).tolist()]
    assert order == [0, 1, 2]
    again = next(iter(lsmlib.make_batches(days, 3, 0, prepare=model.prepare, beside=beside)))
    jax.tree.map(np.testing.assert_array_equal, first, again)


def test_sizes():
    nano = SensorLM("nano", tokenizer=CaptionTokenizer.from_json(lsmlib.text.caption_tokenizer().to_json()))
    assert nano.grid.tokens == 1872 and 0.25e6 < nano.count_params() < 0.5e6
    assert count_parameters(SENSORLM_SIZES["base"]) == pytest.approx(170e6, rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "both"}, "objective is 'both'; expected 'coca' or 'clip'"),
        ({"gaps": "zero"}, "gaps is 'zero'; expected 'masked' or 'filled'"),
        ({"patch_missing_if": "some"}, "patch_missing_if is 'some'"),
        ({"context": 2}, "context is 2"),
        ({"caption_queries": 0}, "caption_queries is 0"),
        ({"caption_weight": 0.0}, "caption_weight is 0.0; expected a number above 0"),
        ({"tokenizer": 3}, "tokenizer is a int"),
        ({"tokenizer": "{}"}, "this is no tokenizer"),
    ],
)
def test_what_cannot_be_built_is_said(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
    with pytest.raises(ValueError, match="there is no size 'giant'"):
        SensorLM("giant")


def test_bad_input_is_refused(trained, windows):
    model, _ = trained
    few = windows.isel(day=slice(0, 2))
    for classes, message in (
        (["Run", "Run"], "classes holds 'Run' more than once"),
        (["Run", " "], "none of them empty"),
        (["Run"], "two or more"),
        ("Run", "expected a list"),
        ([], "expected texts"),
    ):
        with pytest.raises(ValueError, match=message):
            model.zero_shot(few, classes)
    with pytest.raises(ValueError, match=r"has no \{name\}"):
        model.zero_shot(few, ["a", "b"], prompts=["it was"])
    with pytest.raises(ValueError, match="the context 48"):
        model.embed_text(["far too long " * 30])
    assert model.embed_text(["zażółć 走る 🏃"]).shape == (1, 16)  # no character is unknown
    with pytest.raises(ValueError, match="count is 9"):
        model.retrieve(few, ["a", "b"], count=9)
    for options, message in (
        ({"beams": 0}, "beams is 0"),
        ({"max_tokens": 99}, "max_tokens is 99"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": 1.0, "beams": 2}, "expected one or the other"),
    ):
        with pytest.raises(ValueError, match=message):
            model.caption(few, **options)
    with pytest.raises(ValueError, match=r"expected \[b, 60, 26\]"):
        model.embed(few.isel(minute=slice(0, 30)))
    with pytest.raises(ValueError, match="there are no captions"):
        model.prepare(normalise(few["signals"].values), np.arange(2))
    with pytest.raises(ValueError, match="nothing is said of 1 of 2 days, the first of them day 1"):
        model.describe(few.assign(caption=("day", ["a", ""])))
    with pytest.raises(ValueError, match="expected a Cohort of whole days"):
        model.describe(few.drop_vars("caption"))
    with pytest.raises(ValueError, match="there is 1 day"):
        model.validation_loss(few.isel(day=[0]))


def test_bfloat16_keeps_vectors_and_logits_in_float32(make, windows):
    full, half = make(), make(dtype="mixed_bfloat16")
    signals, tokens = inputs_of(full, windows, 4)
    (one, _), (two, outputs) = (run(model, {"signals": signals, "tokens": tokens}) for model in (full, half))
    assert {keras.backend.standardize_dtype(outputs[name].dtype) for name in ("day", "text", "logits")} == {"float32"}
    assert float(two) == pytest.approx(float(one), rel=0.03)
