"""LSM-1 without its cohorts is a masked autoencoder: with the same weights it must equal Hugging Face's ViTMAE.

Written by others, in PyTorch, with other shapes of weights (separate query, key and value; a convolution for patches)
and another order of tokens (shuffled, and unshuffled for the decoder): what the two share is the mathematics.
"""

import jax
import numpy as np
import pytest
import torch
from transformers import ViTMAEConfig, ViTMAEForPreTraining
from transformers.models.vit_mae.modeling_vit_mae import build_2d_sinusoidal_position_embedding

from lsmlib.masking import keep_random
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.sizes import Size
from lsmlib.nn.positions import sincos_positions
from lsmlib.nn.transformer import Stack

SIZE = Size(Stack(3, 48, 4, 96), Stack(2, 32, 2, 64))
HIDE = 0.75
GRID = 13  # 26 minutes × 26 signals in patches of 2 × 2: a square of whole patches, which is all that ViTMAE can take


@pytest.fixture(scope="module")
def ours() -> LSM1:
    model = LSM1(SIZE, minutes=26, patch_minutes=2, patch_signals=2, hide=HIDE, class_token=True, seed=3)
    draw = np.random.default_rng(0)
    for variable in model.trainable_variables:  # biases start at zero and scales at one: move them all
        variable.assign(variable + 0.1 * draw.standard_normal(variable.shape).astype(np.float32))
    return model


@pytest.fixture(scope="module")
def theirs(ours) -> ViTMAEForPreTraining:
    encoder, decoder = SIZE
    config = ViTMAEConfig(
        hidden_size=encoder.width, num_hidden_layers=encoder.layers, num_attention_heads=encoder.heads,
        intermediate_size=encoder.mlp, decoder_hidden_size=decoder.width, decoder_num_hidden_layers=decoder.layers,
        decoder_num_attention_heads=decoder.heads, decoder_intermediate_size=decoder.mlp, image_size=26, patch_size=2,
        num_channels=1, mask_ratio=HIDE, layer_norm_eps=1e-6,
    )  # fmt: skip
    model = ViTMAEForPreTraining(config).eval()
    weights = {name: torch.tensor(value) for name, value in _as_theirs(_by_path(ours)).items()}
    for name, width in (("vit.embeddings.position_embeddings", 48), ("decoder.decoder_pos_embed", 32)):
        positions = np.concatenate([np.zeros((1, width)), sincos_positions(GRID, GRID, width)])[None]
        weights[name] = torch.tensor(positions, dtype=torch.float32)
    model.load_state_dict(weights, strict=True)
    return model


@pytest.fixture(scope="module")
def example() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    return draw.standard_normal((5, 26, 26)).astype(np.float32), draw.random((5, GRID * GRID)).astype(np.float32)


def test_loss_predictions_and_hidden_tokens_are_equal(ours, theirs, example):
    values, noise = example
    with torch.no_grad():
        expected = theirs(torch.tensor(values)[:, None], noise=torch.tensor(noise))
    outputs = ours({"signals": values, "kept": keep_random(noise, ours.kept)})
    np.testing.assert_array_equal(outputs["hidden"], expected.mask.numpy().astype(bool))
    predicted = expected.logits.numpy()
    assert np.abs(outputs["prediction"] - predicted).max() <= 1e-4 * np.abs(predicted).max()
    loss = float(ours.compute_loss(y_pred=outputs))
    assert loss == pytest.approx(expected.loss.item(), rel=1e-5)


def test_every_gradient_is_equal(ours, theirs, example):
    values, noise = example
    theirs.zero_grad()
    theirs(torch.tensor(values)[:, None], noise=torch.tensor(noise)).loss.backward()
    expected = {name: weight.grad.numpy() for name, weight in theirs.named_parameters() if weight.requires_grad}

    inputs = {"signals": values, "kept": keep_random(noise, ours.kept)}
    fixed = [variable.value for variable in ours.non_trainable_variables]

    @jax.jit
    def loss(trainable):
        outputs, _ = ours.stateless_call(trainable, fixed, inputs, training=False)
        scored = outputs["hidden"][:, :, None]
        return (((outputs["prediction"] - outputs["target"]) * scored) ** 2).sum() / (4 * scored.sum())

    gradients = jax.grad(loss)([variable.value for variable in ours.trainable_variables])
    paths = [variable.path for variable in ours.trainable_variables]
    found = _as_theirs({_inner(path): np.asarray(value) for path, value in zip(paths, gradients, strict=True)})
    assert found.keys() == expected.keys()
    for name in expected:
        largest = np.abs(expected[name]).max()
        if name.endswith("k_proj.bias"):  # adds the same to all scores of a query: no gradient but rounding
            assert max(largest, np.abs(found[name]).max()) < 1e-6
        else:
            assert np.abs(found[name] - expected[name]).max() <= 1e-4 * largest, name


def test_positions_are_those_of_vision_transformers():
    for longest in (30.0, 10_000.0):
        expected = build_2d_sinusoidal_position_embedding(7, 5, 48, temperature=longest)
        np.testing.assert_allclose(sincos_positions(7, 5, 48, longest, height=1), expected.numpy(), atol=1e-6)


def _by_path(model: LSM1) -> dict[str, np.ndarray]:
    return {_inner(variable.path): np.asarray(variable) for variable in model.trainable_variables}


def _inner(path: str) -> str:
    return path.split("/", 1)[1]


def _as_theirs(ours: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights, or their gradients, under the names and in the shapes of the other implementation."""
    theirs = {
        "vit.embeddings.cls_token": ours["encoder/class_token"],
        "vit.embeddings.patch_embeddings.projection.weight": ours["encoder/embedding/kernel"].T.reshape(-1, 1, 2, 2),
        "vit.embeddings.patch_embeddings.projection.bias": ours["encoder/embedding/bias"],
        "decoder.mask_token": ours["decoder/mask_token"],
    }
    linear = {"decoder.decoder_embed": "decoder/embedding", "decoder.decoder_pred": "decoder/prediction"}
    norms = {"vit.layernorm": "encoder/transformer/norm", "decoder.decoder_norm": "decoder/transformer/norm"}
    for stack, there, here in (
        (SIZE.encoder, "vit.layers", "encoder"),
        (SIZE.decoder, "decoder.decoder_layers", "decoder"),
    ):
        for i in range(stack.layers):
            block, name = f"{here}/transformer/block_{i}", f"{there}.{i}"
            norms |= {f"{name}.layernorm_before": f"{block}/norm_1", f"{name}.layernorm_after": f"{block}/norm_2"}
            linear |= {
                f"{name}.attention.o_proj": f"{block}/projection",
                f"{name}.mlp.fc1": f"{block}/mlp_in",
                f"{name}.mlp.fc2": f"{block}/mlp_out",
            }
            for part, letter in enumerate("qkv"):
                split = slice(part * stack.width, (part + 1) * stack.width)
                kernel, bias = ours[f"{block}/query_key_value/kernel"], ours[f"{block}/query_key_value/bias"]
                theirs[f"{name}.attention.{letter}_proj.weight"] = kernel[:, split].T
                theirs[f"{name}.attention.{letter}_proj.bias"] = bias[split]
    for there, here in linear.items():
        theirs |= {f"{there}.weight": ours[f"{here}/kernel"].T, f"{there}.bias": ours[f"{here}/bias"]}
    for there, here in norms.items():
        theirs |= {f"{there}.weight": ours[f"{here}/gamma"], f"{there}.bias": ours[f"{here}/beta"]}
    return theirs
