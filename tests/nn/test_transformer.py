"""Blocks begin as they are told to."""

import re

import jax
import numpy as np
import pytest

import lsmlib
from lsmlib.nn.transformer import MimeticUniform, Stack, Transformer, seed_stream


def test_keys_begin_as_queries_and_values_as_ever():
    mimetic, plain = (np.asarray(MimeticUniform(gain, seed=3)((8, 24))) for gain in (2.5, 0))
    query, key, value = np.split(mimetic, 3, axis=1)
    np.testing.assert_array_equal(query, np.float32(2.5) * plain[:, :8])
    np.testing.assert_array_equal(key, query)
    np.testing.assert_array_equal(value, plain[:, 16:])


def test_every_block_begins_so_and_nothing_else_changes():
    plain, mimetic = (Transformer(Stack(2, 8, 2, 16), seed_stream(0), gain) for gain in (0.0, 3.0))
    for transformer in (plain, mimetic):
        transformer.build((None, None, 8))
    for ours, theirs in zip(mimetic.weights, plain.weights, strict=True):
        if ours.path.endswith("query_key_value/kernel"):
            np.testing.assert_array_equal(ours[:, :8], ours[:, 8:16])
            np.testing.assert_array_equal(ours[:, 16:], theirs[:, 16:])
        else:
            np.testing.assert_array_equal(ours, theirs)


def test_tokens_then_attend_to_their_like():
    """The score of a random token with itself is a sum of squares; the others vary around 0."""
    draw = np.random.default_rng(0)
    tokens = draw.standard_normal((200, 64))
    kernel = np.asarray(MimeticUniform(3.0, seed=0)((64, 192)), float)
    scores = (tokens @ kernel[:, :64]) @ (tokens @ kernel[:, 64:128]).T
    assert (scores.argmax(axis=1) == np.arange(200)).all()
    alone = np.asarray(MimeticUniform(0, seed=0)((64, 192)), float)
    scores = (tokens @ alone[:, :64]) @ (tokens @ alone[:, 64:128]).T
    assert (scores.argmax(axis=1) == np.arange(200)).mean() < 0.1


def test_rematerialised_blocks_keep_what_goes_in_and_give_the_same_gradient(capsys):
    transformer = Transformer(Stack(3, 32, 4, 128), seed_stream(0))
    transformer.build((None, None, 32))
    tokens = np.random.default_rng(0).standard_normal((2, 64, 32)).astype(np.float32)

    def loss(x):
        return (transformer(x) ** 2).sum()

    gradients, kept = [], []
    for transformer.rematerialise in (False, True):
        gradients.append(np.asarray(jax.grad(loss)(tokens)))
        jax.ad_checkpoint.print_saved_residuals(loss, tokens)
        lines = [line for line in capsys.readouterr().out.splitlines() if "output of" in line]
        shapes = [re.match(r"f32\[([\d,]*)\]", line)[1].split(",") for line in lines]
        kept.append(sum(np.prod([int(n) for n in shape]) for shape in shapes) // (2 * 64))  # a token
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-5)
    last = 32 + 2  # of the last norm, and of the loss
    assert kept[1] <= 3 * 32 + last  # what each block hands on
    assert kept[0] > 3 * (5 * 32 + 3 * 128)


@pytest.mark.parametrize("gain", [-1, float("inf"), float("nan")])
@pytest.mark.parametrize("model", [lsmlib.LSM1, lsmlib.LSM2])
def test_gains_that_make_no_sense(model, gain):
    with pytest.raises(ValueError, match="mimetic is"):
        model("nano", minutes=60, mimetic=gain)


def test_files_keep_the_choice(tmp_path):
    lsmlib.LSM1("nano", minutes=60, mimetic=2.0).save(tmp_path / "m.keras")
    assert lsmlib.load_model(tmp_path / "m.keras").get_config()["mimetic"] == 2.0
