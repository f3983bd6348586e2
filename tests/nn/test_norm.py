"""Layer norm against Keras' and PyTorch's own, in value and in gradient."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch

from lsmlib.nn.norm import LayerNorm


def pull(layer, inputs, gradient):
    """Output and the gradients of the input, gamma and beta, compiled."""

    @jax.jit
    def compute(weights, inputs, gradient):
        output, back = jax.vjp(lambda weights, x: layer.stateless_call(weights, [], x)[0], weights, inputs)
        (gamma, beta), slopes = back(gradient)
        return output, slopes, gamma, beta

    return compute([weight.value for weight in layer.weights], inputs, gradient)


def with_weights(layer, width, draw):
    layer.build((None, width))
    layer.set_weights([draw.standard_normal(width), draw.standard_normal(width)])
    return layer


@pytest.mark.parametrize("shape", [(1, 3), (4, 7, 5), (2, 3, 2, 8)])
def test_values_and_gradients_are_those_of_keras(shape):
    draw = np.random.default_rng(0)
    inputs, gradient = draw.standard_normal((2, *shape)).astype(np.float32)
    ours = with_weights(LayerNorm(), shape[-1], draw)
    theirs = keras.layers.LayerNormalization(epsilon=1e-6)
    theirs.build(shape)
    theirs.set_weights(ours.get_weights())
    for one, other in zip(pull(ours, inputs, gradient), pull(theirs, inputs, gradient), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_values_and_gradients_are_those_of_pytorch_in_float64():
    draw = np.random.default_rng(0)
    inputs, gradient = draw.standard_normal((2, 3, 4, 24)).astype(np.float32)
    ours = with_weights(LayerNorm(), 24, draw)
    theirs = torch.nn.LayerNorm(24, eps=1e-6, dtype=torch.float64)
    theirs.load_state_dict({"weight": torch.tensor(ours.gamma.numpy()), "bias": torch.tensor(ours.beta.numpy())})
    x = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    output = theirs(x)
    output.backward(torch.tensor(gradient, dtype=torch.float64))
    expected = output.detach(), x.grad, theirs.weight.grad, theirs.bias.grad
    for one, other in zip(pull(ours, inputs, gradient), expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=1e-5)


def test_by_hand():
    # mean 2, variance 1; then times 2, plus 10
    layer = LayerNorm(epsilon=1e-12)
    layer.build((None, 2))
    layer.set_weights([np.array([2.0, 2.0]), np.array([10.0, 10.0])])
    np.testing.assert_allclose(layer(np.array([[1.0, 3.0]])), [[8, 12]], rtol=1e-6)


def test_constant_rows_are_finite_and_give_beta():
    layer = with_weights(LayerNorm(), 6, np.random.default_rng(0))
    results = pull(layer, np.full((2, 6), 7, np.float32), np.ones((2, 6), np.float32))
    assert all(np.isfinite(x).all() for x in results)
    np.testing.assert_allclose(results[0], np.broadcast_to(layer.beta.numpy(), (2, 6)), atol=1e-6)


def test_statistics_of_bfloat16_are_float32():
    # 4,096 values about 3: a sum in bfloat16 stops growing long before its end
    draw = np.random.default_rng(0)
    inputs = jnp.asarray(3 + draw.standard_normal((2, 4096)), jnp.bfloat16)
    layer = with_weights(LayerNorm(dtype="mixed_bfloat16"), 4096, draw)
    output, slopes, gamma, beta = pull(layer, inputs, jnp.ones_like(inputs))
    assert (output.dtype, slopes.dtype, gamma.dtype, beta.dtype) == ("bfloat16", "bfloat16", "float32", "float32")
    whole = LayerNorm()
    whole.build((None, 4096))
    whole.set_weights(layer.get_weights())
    expected = pull(whole, inputs.astype(jnp.float32), jnp.ones((2, 4096)))
    np.testing.assert_array_equal(output, expected[0].astype(jnp.bfloat16))
    np.testing.assert_allclose(gamma, expected[2], atol=1e-5)


def test_it_is_made_again_from_its_config():
    layer = LayerNorm(epsilon=1e-3, name="norm", dtype="mixed_bfloat16")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert isinstance(again, LayerNorm)
    assert (again.epsilon, again.name, again.dtype_policy.name) == (1e-3, "norm", "mixed_bfloat16")
    again.build((None, 3))
    assert [weight.name for weight in again.weights] == ["gamma", "beta"]
    assert again.compute_output_shape((5, 3)) == (5, 3)


def test_epsilon_must_be_positive():
    with pytest.raises(ValueError, match="epsilon is 0; expected a small positive number"):
        LayerNorm(epsilon=0)
