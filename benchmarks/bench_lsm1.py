"""How long a training step of LSM-1 takes on CPU, against PyTorch's masked autoencoder of the same shape.

    python benchmarks/bench_lsm1.py            print the table
    python benchmarks/bench_lsm1.py --write    also put it into benchmarks/README.md

780 tokens of 50 values, of which 80 % are hidden; encoder 128 wide, 4 layers, 4 heads; decoder 64 wide, 2 layers, 4
heads; batches of 32, float32. The peer is ViTMAE of Hugging Face's transformers with scaled_dot_product_attention, 784
tokens of 49 values, because its images are square, and AdamW with the norm of gradients clipped, as ours.

Ways take turns (``side_by_side``). A step of ours is one of ``model.fit``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from side_by_side import Rounds, Way, keep_memory, run, serve, serve_fit

BATCH = 32
ENCODER, DECODER = (4, 128, 4, 512), (2, 64, 4, 256)  # layers, width, heads, hidden width at each token


def describe(rounds: Rounds) -> str:
    lines = rounds.table(f"a step of {BATCH} windows", ("jax", "keras", "torch", "transformers"))
    if {"vitmae", "lsm1"} <= set(rounds.chosen):
        made = rounds.last["lsm1"]["input"]
        lines += [
            "",
            f"- A step takes {rounds.ratio('lsm1', 'vitmae'):.2f} times the peer's (must: 1.25).",
            f"- Making a batch takes {1000 * made:.1f} ms, {made / rounds.seconds('lsm1'):.1%} of a step (must: 5 %).",
        ]
    return "\n".join(lines)


def serve_vitmae() -> None:
    import torch
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    (layers, width, heads, mlp), (d_layers, d_width, d_heads, d_mlp) = ENCODER, DECODER
    config = ViTMAEConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=mlp,
        decoder_hidden_size=d_width, decoder_num_hidden_layers=d_layers, decoder_num_attention_heads=d_heads,
        decoder_intermediate_size=d_mlp, image_size=28 * 7, patch_size=7, num_channels=1, mask_ratio=0.8,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = ViTMAEForPreTraining(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=1e-4)
    images = torch.randn(BATCH, 1, 28 * 7, 28 * 7)

    def step() -> None:
        optimizer.zero_grad()
        loss = model(images).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    serve(step)


def serve_lsm1(prepare: Callable[[], Any] = lambda: None) -> None:
    import lsmlib
    from lsmlib.models.sizes import Size
    from lsmlib.nn.transformer import Stack
    from lsmlib.optimizer import make_optimizer

    prepare()
    # 1,300 minutes of 26 signals, padded to 30, in patches of 10 × 5: 130 × 6 tokens
    model = lsmlib.LSM1(Size(Stack(*ENCODER), Stack(*DECODER)), minutes=1300)
    windows = lsmlib.cut_windows(lsmlib.simulate_cohort(people=32, days=4), minutes=1300, max_missing=0.99)
    model.compile(make_optimizer(10_000))
    serve_fit(model, lsmlib.make_batches(windows, BATCH))


def split_in_two() -> None:
    import jax
    import keras

    keep_memory()
    jax.config.update("jax_num_cpu_devices", 2)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def undo() -> None:
    """What a model of Keras' own layers and ops would be."""
    import keras

    import lsmlib.nn.attention
    import lsmlib.nn.transformer

    lsmlib.nn.attention.choose_kernel = lambda *_: "plain"
    lsmlib.nn.transformer.LayerNorm = partial(keras.layers.LayerNormalization, epsilon=1e-6)


WAYS = {
    "vitmae": Way("ViTMAE, PyTorch", serve_vitmae, keeps_memory=False),
    "lsm1": Way("**`lsmlib.LSM1`**", partial(serve_lsm1, keep_memory)),
    "two": Way("the same as two devices, `DataParallel`", partial(serve_lsm1, split_in_two)),
    "kept": Way("of plain attention and Keras' layer norm", partial(serve_lsm1, lambda: (keep_memory(), undo()))),
    "naive": Way("that, and freed memory given back", partial(serve_lsm1, undo)),
}

if __name__ == "__main__":
    run(__file__, WAYS, describe, 15, __doc__)
