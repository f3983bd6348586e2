"""Every kernel against attention computed by PyTorch in float64, its gradients included."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lsmlib.nn import cpu_attention
from lsmlib.nn.attention import attention, choose_kernel

HERE = ["plain", "blocked", "xla", "portable"]  # kernels that run on any machine; cuDNN's needs its GPU


def draw_arrays(b=2, n=5, m=7, h=2, c=4, scale=1.0, visible=0.6, seed=0):
    draw = np.random.default_rng(seed)
    query, gradient = draw.standard_normal((2, b, n, h, c)).astype(np.float32)
    key, value = draw.standard_normal((2, b, m, h, c)).astype(np.float32)
    return query * np.float32(scale), key, value, gradient, None if visible is None else draw.random((b, m)) < visible


def attend(kernel, query, key, value, gradient, visible):
    """Output and the gradients of query, key and value, compiled."""

    @jax.jit
    def compute(query, key, value, gradient, visible):
        output, pull = jax.vjp(lambda *arrays: attention(*arrays, visible, kernel=kernel), query, key, value)
        return output, *pull(gradient)

    return [np.asarray(x) for x in compute(query, key, value, gradient, visible)]


def attend_with_torch(query, key, value, gradient, visible):
    """The same in float64, by PyTorch; samples without a visible key apart, which it is not asked about."""
    arrays = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (query, key, value)]
    mask = None if visible is None else torch.tensor(visible | ~visible.any(1, keepdims=True))[:, None, None, :]
    moved = (x.transpose(1, 2) for x in arrays)
    output = torch.nn.functional.scaled_dot_product_attention(*moved, attn_mask=mask).transpose(1, 2)
    if visible is not None:
        output = output * torch.tensor(visible.any(1))[:, None, None, None]
    output.backward(torch.tensor(gradient, dtype=torch.float64))
    return [output.detach().numpy(), *(x.grad.numpy() for x in arrays)]


def assert_close(found, expected, query, key, value, gradient):
    """Equal but for float32's rounding, which softmax multiplies by the size of the largest score."""
    largest = {name: np.abs(x).max() for name, x in zip("qkvg", (query, key, value, gradient), strict=True)}
    pairs = (query, key), (gradient, value)
    score, slope = (np.abs(np.einsum("bnhc,bmhc->bhnm", *pair)).max() / np.sqrt(query.shape[-1]) for pair in pairs)
    sizes = {
        "output": largest["v"],
        "gradient of query": slope * largest["k"],
        "gradient of key": slope * largest["q"] * query.shape[1],
        "gradient of value": largest["g"] * query.shape[1],
    }
    for (name, size), one, other in zip(sizes.items(), found, expected, strict=True):
        assert np.abs(one - other).max() <= 1e-6 * (1 + score) * size, name


def test_weights_are_those_computed_by_hand():
    # scores ln 3 and 0: weights 3/4 and 1/4
    query, key = np.ones((1, 1, 1, 1), np.float32), np.log(np.float32([3, 1])).reshape(1, 2, 1, 1)
    value = np.float32([4, 8]).reshape(1, 2, 1, 1)
    for kernel in HERE:
        assert float(attention(query, key, value, kernel=kernel).item()) == pytest.approx(5, rel=1e-6)
    # four channels halve the scores: 2 ln 3 · 4 / (4 · 2) is ln 3 again
    wide = [np.repeat(x, 4, axis=3) for x in (query, key / 2, value)]
    for kernel in HERE:
        np.testing.assert_allclose(np.asarray(attention(*wide, kernel=kernel)), 5, rtol=1e-6)


@pytest.mark.parametrize("kernel", HERE)
@pytest.mark.parametrize("scale", [1, 8, 64])
@pytest.mark.parametrize("visible", [None, 0.6])
def test_output_and_gradients_are_those_of_pytorch(kernel, scale, visible):
    arrays = draw_arrays(3, 33, 41, 3, 8, scale, visible, seed=scale)
    if visible:
        arrays[4][0], arrays[4][1] = False, np.arange(41) == 17  # no visible key; only one
    assert_close(attend(kernel, *arrays), attend_with_torch(*arrays), *arrays[:4])


@settings(max_examples=8)
@given(
    b=st.integers(1, 3), n=st.integers(1, 9), m=st.integers(1, 9), h=st.integers(1, 3), c=st.integers(1, 9),
    scale=st.sampled_from([0.0, 1.0, 30.0]), visible=st.sampled_from([None, 0.0, 0.5, 1.0]), seed=st.integers(0, 99),
)  # fmt: skip
def test_blocks_are_right_for_any_shape(b, n, m, h, c, scale, visible, seed):
    arrays = draw_arrays(b, n, m, h, c, scale, visible, seed)
    assert_close(attend("blocked", *arrays), attend_with_torch(*arrays), *arrays[:4])


@pytest.mark.parametrize("kernel", HERE)
def test_what_is_invisible_changes_no_bit(kernel):
    query, key, value, gradient, visible = draw_arrays(3, 6, 9)
    visible[1] = False
    before = attend(kernel, query, key, value, gradient, visible)
    for junk in (np.nan, 1e9, -np.inf):
        hidden = ~visible[:, :, None, None]
        after = attend(kernel, query, np.where(hidden, junk, key), np.where(hidden, junk, value), gradient, visible)
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))
    for slopes in before[2:]:
        assert (slopes[~visible] == 0).all() and (slopes[visible] != 0).any()
    assert (before[0][1] == 0).all() and (before[1][1] == 0).all()  # the sample without any visible key
    assert (before[0][[0, 2]] != 0).all()


@pytest.mark.parametrize("kernel", HERE)
def test_what_is_visible_and_not_a_number_is_not_hidden(kernel):
    query, key, value, gradient, _ = draw_arrays()
    odd = np.uint32([0x7FC00123]).view(np.float32)[0]  # a NaN with bits of its own, as some files have
    for arrays in ((query, np.where(key == key[1, 3, 0, 2], odd, key), value), (query, key, value)):
        output, *_ = attend(kernel, *arrays, gradient, None)
        where = np.isnan(output).all(axis=(1, 3))
        assert where.tolist() == [[False, False], [bool(np.isnan(arrays[1]).any()), False]]


@pytest.mark.parametrize("kernel", HERE)
def test_order_of_keys_queries_and_samples_does_not_matter(kernel):
    query, key, value, gradient, visible = draw_arrays(4, 6, 8)
    output = attend(kernel, query, key, value, gradient, visible)[0]
    keys, queries, samples = (np.random.default_rng(1).permutation(size) for size in (8, 6, 4))
    moved = (query[:, queries], key[:, keys], value[:, keys], gradient, visible[:, keys])
    np.testing.assert_allclose(attend(kernel, *moved)[0], output[:, queries], atol=1e-6)
    moved = (x[samples] for x in (query, key, value, gradient, visible))
    np.testing.assert_allclose(attend(kernel, *moved)[0], output[samples], atol=1e-6)
    # a query that looks at the first half only would differ from one that looks at all
    assert np.abs(attend(kernel, query, key[:, :4], value[:, :4], gradient, visible[:, :4])[0] - output).max() > 0.01


@pytest.mark.parametrize("kernel", HERE)
def test_half_precision_comes_back_as_it_went_in(kernel):
    query, key, value, _, visible = draw_arrays(2, 5, 300, 2, 4, visible=0.9)
    exact = attention(query, key, value, visible, kernel="plain")
    halves = [jnp.asarray(x, jnp.bfloat16) for x in (query, key, value)]
    output = attention(*halves, visible, kernel=kernel)
    assert output.dtype == jnp.bfloat16
    np.testing.assert_allclose(output.astype(np.float32), exact, atol=0.02)


@pytest.mark.parametrize(("together", "largest"), [(1, 2**22), (3 * 35, 2**22), (1, 20)])
def test_sizes_of_blocks_change_nothing(monkeypatch, together, largest):
    arrays = draw_arrays(3, 5, 7, 2)
    monkeypatch.setattr(cpu_attention, "TOGETHER", together)
    monkeypatch.setattr(cpu_attention, "LARGEST", largest)
    assert_close(attend("blocked", *arrays), attend_with_torch(*arrays), *arrays[:4])


def test_exponential_under_jit():
    x = np.linspace(0, -87, 100_001, dtype=np.float32)
    error = np.abs(np.asarray(jax.jit(cpu_attention.fast_exp)(x), np.float64) / np.exp(x.astype(np.float64)) - 1)
    assert error.max() < 4e-6 and error[x > -10].max() < 1e-6
    assert 0 < cpu_attention.fast_exp(jnp.float32([-88, -1e30, -np.inf])).max() < 2e-38
    assert np.isfinite(cpu_attention.fast_exp(jnp.float32([1e4, np.inf]))).all()


def test_samples_on_several_devices_stay_there():
    program = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from lsmlib.nn.attention import attention

def compute(query, key, value, visible):
    loss = lambda *arrays: (attention(*arrays, visible, kernel=kernel) ** 2).sum()
    return jax.value_and_grad(loss, (0, 1, 2))(query, key, value)

draw = np.random.default_rng(0)
arrays = [*draw.standard_normal((3, 6, 5, 3, 4)).astype("float32"), draw.random((6, 5)) < 0.7]
kernel = "plain"
expected = jax.jit(compute)(*arrays)
kernel = "blocked"
across = NamedSharding(Mesh(np.array(jax.devices()), ("batch",)), PartitionSpec("batch"))
arrays = [jax.device_put(array, across) for array in arrays]
compiled = jax.jit(lambda *arrays: compute(*arrays)).lower(*arrays).compile()
assert "all-gather" not in compiled.as_text() and "all-to-all" not in compiled.as_text()
found = compiled(*arrays)
jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5), found, expected)
assert found[1][0].sharding.is_equivalent_to(across, 4)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_other_backends_compute_a_portable_form():
    program = """
import os, sys
os.environ["KERAS_BACKEND"] = "numpy"
import numpy as np
from lsmlib.nn.attention import attention, choose_kernel
from lsmlib.nn.norm import LayerNorm
assert choose_kernel("float32", 8) == "portable"
one = np.ones((1, 2, 1, 1), "float32")
value = np.array([1, 3], "float32").reshape(1, 2, 1, 1)
assert attention(one, one, value, np.array([[True, True]])).ravel().tolist() == [2, 2]
np.testing.assert_allclose(LayerNorm()(np.array([[1, 3]], "float32")), [[-1, 1]], atol=1e-5)
try:
    attention(one, one, one, kernel="blocked")
except ValueError as error:
    assert "the backend of Keras is 'numpy'" in str(error)
else:
    raise SystemExit("not refused")
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize(
    ("platform", "dtype", "channels", "kernel"),
    [
        ("cpu", "float32", 16, "blocked"), ("cpu", "bfloat16", 64, "blocked"),
        ("tpu", "bfloat16", 64, "xla"), ("tpu", "float32", 64, "xla"), ("rocm", "bfloat16", 64, "xla"),
        ("cuda 8.0", "bfloat16", 64, "cudnn"), ("cuda 12.0", "float16", 8, "cudnn"), ("cuda 9.0", "float32", 64, "xla"),
        ("cuda 7.5", "float16", 64, "xla"), ("cuda 9.0", "bfloat16", 12, "xla"), ("cuda 9.0", "bfloat16", 136, "xla"),
        ("no jax", "float32", 64, "portable"),
    ],
)  # fmt: skip
def test_choice_of_kernel(platform, dtype, channels, kernel):
    assert choose_kernel(dtype, channels, platform) == kernel


def test_wrong_arguments_are_named():
    query, key, value, _, visible = draw_arrays()
    with pytest.raises(ValueError, match="kernel is 'flash'; expected None or one of 'plain', 'blocked'"):
        attention(query, key, value, kernel="flash")
    with pytest.raises(ValueError, match="kernel='cudnn' cannot run here: it is for NVIDIA GPUs, and JAX computes on"):
        attention(query, key, value, kernel="cudnn")
    with pytest.raises(ValueError, match=r"query \(2, 5, 2, 4\), key \(2, 7, 2, 3\).* expected \[b, n, h, c\]"):
        attention(query, key[..., :3], value)
    with pytest.raises(ValueError, match=r"value \(2, 6, 2, 4\)"):
        attention(query, key, value[:, :6])
    with pytest.raises(ValueError, match=r"query \(5, 2, 4\)"):
        attention(query[0], key, value)
    with pytest.raises(ValueError, match="at least one key"):
        attention(query, key[:, :0], value[:, :0])
    with pytest.raises(ValueError, match="float32, float16, float32; expected floats of one dtype"):
        attention(query, key.astype(np.float16), value)
    with pytest.raises(ValueError, match=r"visible is float32 \(2, 7\); expected bool \[b, m\] = \(2, 7\)"):
        attention(query, key, value, visible.astype(np.float32))
    with pytest.raises(ValueError, match=r"visible is bool \(2, 5\)"):
        attention(query, key, value, visible[:, :5])


def attend_in_stretches(kernel, query, key, value, gradient, lengths):
    """Output and the gradients of query, key and value, compiled."""

    @jax.jit
    def compute(query, key, value, gradient, lengths):
        attended = lambda *arrays: attention(*arrays, lengths=lengths, kernel=kernel)  # noqa: E731
        output, pull = jax.vjp(attended, query, key, value)
        return output, *pull(gradient)

    return [np.asarray(x) for x in compute(query, key, value, gradient, np.int32(lengths))]


def stretches_with_torch(arrays, lengths):
    """Each stretch by itself; zeros beyond them."""
    results = [np.zeros(arrays[0].shape) for _ in range(4)]
    for row, row_lengths in enumerate(lengths):
        start = 0
        for length in row_lengths:
            here = slice(row, row + 1), slice(start, start + length)
            if length:
                for result, found in zip(results, attend_with_torch(*(x[here] for x in arrays), None), strict=True):
                    result[here] = found
            start += length
    return results


@pytest.mark.parametrize("kernel", HERE)
@pytest.mark.parametrize(
    ("n", "lengths"),
    [(9, [[9], [4], [0]]), (40, [[12, 0, 25]]), (1300, [[300, 37, 900], [1, 0, 1299]])],
    ids=["one a row", "several", "longer than a tile"],
)
def test_stretches_attend_to_themselves_alone(kernel, n, lengths):
    arrays = draw_arrays(len(lengths), n, n, 2, 8, scale=4, visible=None)[:4]
    found, expected = attend_in_stretches(kernel, *arrays, lengths), stretches_with_torch(arrays, lengths)
    assert_close(found, expected, *arrays)
    beyond = np.arange(n) >= np.sum(lengths, axis=1)[:, None]
    assert all((x[beyond] == 0).all() for x in found)


@settings(max_examples=5)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(0, 9), st.integers(1, 9), st.integers(0, 99))
def test_stretches_are_right_for_any_lengths(lengths, room, h, seed):
    n = max(sum(lengths) + room, 1)
    arrays = draw_arrays(1, n, n, h, 4, scale=4, visible=None, seed=seed)[:4]
    found = attend_in_stretches("blocked", *arrays, [lengths])
    assert_close(found, stretches_with_torch(arrays, [lengths]), *arrays)


@pytest.mark.parametrize("kernel", HERE)
def test_what_stands_beyond_the_stretches_changes_no_bit(kernel):
    lengths = [[5, 7, 0], [3, 0, 0]]
    arrays = draw_arrays(2, 16, 16, 2, 4, visible=None)[:4]
    beyond = (np.arange(16) >= np.sum(lengths, axis=1)[:, None])[:, :, None, None]
    before = attend_in_stretches(kernel, *arrays, lengths)
    for junk in (np.nan, 1e9, -np.inf):
        spoilt = [np.where(beyond, np.float32(junk), x) for x in arrays[:3]]
        after = attend_in_stretches(kernel, *spoilt, arrays[3], lengths)
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def test_a_stretch_that_is_no_number_leaves_the_others_as_they_are():
    lengths = [[400, 150, 750]]  # with tiles that reach into the stretches beside them
    arrays = draw_arrays(1, 1310, 1310, 1, 4, visible=None)[:4]
    before = attend_in_stretches("blocked", *arrays, lengths)
    for start, length in ((0, 400), (400, 150), (550, 750)):
        here = slice(start, start + length)
        spoilt = [x.copy() for x in arrays]
        for x in spoilt:
            x[:, here] = np.nan
        after = attend_in_stretches("blocked", *spoilt, lengths)
        for one, other in zip(before, after, strict=True):
            assert np.isnan(other[:, here]).all()
            np.testing.assert_array_equal(np.delete(one, np.r_[here], axis=1), np.delete(other, np.r_[here], axis=1))


def test_lengths_that_do_not_fit_are_refused():
    query, key, value, _, visible = draw_arrays(2, 7, 7)
    lengths = np.int32([[3], [7]])
    for options, message in (
        ({"lengths": lengths, "visible": visible}, "and no visible"),
        ({"lengths": lengths[:1]}, r"lengths is int32 \(1, 1\); expected int32 \[b, d\] with b = 2"),
        ({"lengths": lengths.astype(np.float32)}, "lengths is float32"),
    ):
        with pytest.raises(ValueError, match=message):
            attention(query, key, value, **options)
    with pytest.raises(ValueError, match="as many keys as queries"):
        attention(query, key[:, :5], value[:, :5], lengths=lengths)
