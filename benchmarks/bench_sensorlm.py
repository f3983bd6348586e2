"""How long a training step of SensorLM takes on CPU, against its matrix products alone; how fast captions are written.

    python benchmarks/bench_sensorlm.py            print the tables
    python benchmarks/bench_sensorlm.py --write    also put them into benchmarks/README.md

Simulated days of 26 × 1,440 with their gaps and captions of the semantic level, CoCa: patches of 30 × 2, sensor encoder
128 wide, 4 layers, 4 heads; text encoder and decoder as wide, 3 layers each; batches of 16 days, float32. The floor:
as many operations as the step's mathematics needs (``lsmlib.models.flops``), in products of 1024 × 1024, which are what
this CPU does best, in the same turns.

Captions are of 16 days and 96 tokens, of which none ends before, greedy. The peer is GPT-2 of Hugging Face's
transformers with as many layers, as wide, as many tokens in its vocabulary and its own cache of keys and values; it
looks at no day, so reading days is measured apart.

Ways take turns (``side_by_side``). A step of ours is one of ``model.fit``.
"""

from typing import Any

from side_by_side import Rounds, Way, keep_memory, run, serve, serve_fit

BATCH, TOKENS = 16, 96
ENCODER, TEXT, DECODER = (4, 128, 4, 512), (3, 128, 4, 512), (3, 128, 4, 512)  # layers, width, heads, hidden width
SIDE = 1024  # of the floor's products


def describe(rounds: Rounds) -> str:
    lines = rounds.table(f"{BATCH} days", ("jax", "keras", "torch", "transformers"))
    if {"step", "floor"} <= set(rounds.chosen):
        made = rounds.last["step"]["input"]
        flops = rounds.last["floor"]["flops"]
        lines += [
            "",
            f"- A step needs {flops / 1e9:.1f} billion operations in matrix products, {flops / 1e9 / BATCH:.2f} a day. "
            f"It takes {rounds.ratio('step', 'floor'):.1f} times as long as these alone at "
            f"{flops / 1e9 / rounds.seconds('floor'):.0f} billion a second.",
            f"- Making a batch takes {1000 * made:.1f} ms, {made / rounds.seconds('step'):.1%} of a step.",
        ]
    if {"cached", "uncached", "days", "gpt2"} <= set(rounds.chosen):
        written = BATCH * (TOKENS - 1)
        speed = {way: written / (rounds.seconds(way) - rounds.seconds("days")) for way in ("cached", "uncached")}
        speed["gpt2"] = written / rounds.seconds("gpt2")
        lines += [
            f"- Writing, the days' reading apart: {speed['cached']:,.0f} tokens a second with caches, "
            f"{speed['uncached']:,.0f} without: {speed['cached'] / speed['uncached']:.0f} times as many. GPT-2: "
            f"{speed['gpt2']:,.0f}; ours {speed['cached'] / speed['gpt2']:.1f} times as many.",
        ]
    return "\n".join(lines)


def make_days() -> Any:
    import lsmlib
    from lsmlib.text import CaptionMixture

    cohort = lsmlib.simulate_cohort(people=48, days=2)
    said = (CaptionMixture(wordings=1).write(cohort) != "").all(axis=1)
    return cohort.isel(day=said.nonzero()[0])


def make_model(**options: Any) -> Any:
    import lsmlib
    from lsmlib.models.sizes import SensorLMSize
    from lsmlib.nn.transformer import Stack

    size = SensorLMSize(Stack(*ENCODER), Stack(*TEXT), Stack(*DECODER))
    return lsmlib.SensorLM(size, patch_minutes=30, **options)


def make_batches(model: Any) -> list[Any]:
    """The same few batches again and again: each of their lengths is compiled for before anything is measured."""
    from itertools import islice

    import lsmlib

    days = make_days()
    return list(islice(lsmlib.make_batches(days, BATCH, prepare=model.prepare, beside=model.describe(days)), 4))


def serve_step() -> None:
    from itertools import cycle

    import lsmlib
    from lsmlib.optimizer import make_optimizer

    keep_memory()
    model, days = make_model(), make_days()
    source = lsmlib.make_batches(days, BATCH, prepare=model.prepare, beside=model.describe(days))
    batches = make_batches(model)
    model.compile(make_optimizer(10_000))
    model.fit(((batch,) for batch in batches), steps_per_epoch=len(batches), shuffle=False, verbose=0)
    serve_fit(model, ((batch,) for batch in cycle(batches)), source)


def serve_floor() -> None:
    import jax
    import jax.numpy as jnp
    import numpy as np

    from lsmlib.models.flops import language_flops

    model = make_model()
    padded = np.mean([batch["tokens"].shape[1] for batch in make_batches(model)])
    flops = BATCH * language_flops(model, make_days(), float(padded)).total
    square, multiply = jnp.ones((SIDE, SIDE)), jax.jit(jnp.matmul)
    products = round(flops / (2 * SIDE**3))

    def step() -> None:
        for _ in range(products):
            multiply(square, square).block_until_ready()

    serve(step, flops=flops)


def serve_days() -> None:
    keep_memory()
    model, days = make_model(), make_days().isel(day=slice(BATCH))
    serve(lambda: model.embed(days))


def serve_captions(cached: bool) -> None:
    import lsmlib.models.generation

    keep_memory()
    lsmlib.models.generation.END = -1  # no token ends a text, so that all are as long
    model, days = make_model(), make_days().isel(day=slice(BATCH))

    def step() -> None:
        written = model._write(days, 1, 0.0, TOKENS, 0, BATCH, cached)
        assert written.shape == (BATCH, TOKENS) and (written > 0).all()  # noqa: S101

    serve(step)


def serve_gpt2() -> None:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    vocabulary = make_model().tokenizer.vocabulary_size
    layers, width, heads, mlp = TEXT[0] + DECODER[0], *TEXT[1:]
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=256, n_embd=width, n_layer=layers, n_head=heads, n_inner=mlp,
        bos_token_id=1, eos_token_id=None, pad_token_id=0, attn_implementation="sdpa",
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    start = torch.ones((BATCH, 1), dtype=torch.long)

    def step() -> None:
        with torch.inference_mode():
            written = model.generate(
                start, attention_mask=torch.ones_like(start), max_new_tokens=TOKENS - 1, do_sample=False, use_cache=True
            )
        assert written.shape == (BATCH, TOKENS)  # noqa: S101

    serve(step)


WAYS = {
    "step": Way("**a training step of `lsmlib.SensorLM`**", serve_step),
    "floor": Way("its matrix products alone", serve_floor),
    "days": Way("reading the days", serve_days),
    "cached": Way("**`caption`: reading them and writing 95 tokens of each**", lambda: serve_captions(True)),
    "uncached": Way("the same without caches", lambda: serve_captions(False)),
    "gpt2": Way("GPT-2, PyTorch, with its cache: writing alone", serve_gpt2, keeps_memory=False),
}

if __name__ == "__main__":
    run(__file__, WAYS, describe, 7, __doc__)
