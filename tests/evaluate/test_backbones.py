"""Vectors of windows are what they say, and networks have the size that was asked for."""

import jax
import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import TokenPool, conv_net, embed_pooled
from lsmlib.evaluate.backbones import mean_and_maximum
from lsmlib.signals import normalise
from tests.windows import small_windows


def test_mean_and_maximum_over_the_models_tokens():
    windows, model = small_windows(rows=48), lsmlib.LSM1("nano", minutes=60, seed=3)
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
    again = TokenPool(lsmlib.LSM1("nano", minutes=60, seed=9), seed=4)
    np.testing.assert_array_equal(fresh(signals[:2]), again(signals[:2]))


def test_the_gradient_of_the_maximum_goes_to_one_token_also_where_several_are_as_high():
    tokens = np.array([[[1.0, 5.0], [3.0, 5.0], [3.0, 2.0]]], np.float32)
    gradient = jax.grad(lambda tokens: mean_and_maximum(tokens)[:, 2:].sum())(tokens)
    np.testing.assert_array_equal(gradient, [[[0, 1], [1, 0], [0, 0]]])


@pytest.mark.parametrize("parameters", [60_000, 1_800_000])
def test_the_convolutional_network_has_the_size_that_was_asked_for(parameters):
    network = conv_net(parameters)
    assert network.count_params() == pytest.approx(parameters, rel=0.25)
    assert network.output_shape[0] is None and len(network.output_shape) == 2
    with pytest.raises(ValueError, match="parameters is 10; expected a whole number, 10000 or more"):
        conv_net(10)
