"""How long a training step of LSM-2 takes on CPU, in its two forms, against PyTorch in the same two.

    python benchmarks/bench_lsm2.py            print the table
    python benchmarks/bench_lsm2.py --write    also put it into benchmarks/README.md

Simulated days of 26 × 1,440 with their gaps, patches of 10 × 1, hidden as LSM-2 hides them; encoder 128 wide, 4 layers,
4 heads; decoder 64 wide, 2 layers, 4 heads; batches of 4 days, float32. The peer is a PyTorch model of the same layers,
with scaled_dot_product_attention, no dropout and the same optimizer, written here: once in the paper's form (half of
the tokens dropped, key masks, all tokens decoded), once with exact packing (no token that is masked, no padding, a loop
over days in attention alone), on the very batches of ours.

Ways take turns (``side_by_side``). A step of ours is one of ``model.fit``. One more way reads days, without training.
"""

from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
from side_by_side import Rounds, Way, keep_memory, run, serve, serve_fit

BATCH, BATCHES = 4, 12
ENCODER, DECODER = (4, 128, 4, 512), (2, 64, 4, 256)  # layers, width, heads, hidden width at each token


def describe(rounds: Rounds) -> str:
    lines = rounds.table(f"a step of {BATCH} days", ("jax", "keras", "torch"))
    if not {"paper", "torch", "lsm2", "whole", "half"} <= set(rounds.chosen):
        return "\n".join(lines)
    made = rounds.last["lsm2"]["input"]
    return "\n".join(
        [
            *lines,
            "",
            f"- {BATCH / rounds.seconds('lsm2'):.1f} days a second; {1 / rounds.ratio('lsm2', 'paper'):.1f} times as "
            "many as PyTorch in the paper's form (must: 2.5).",
            f"- {1 / rounds.ratio('lsm2', 'torch'):.2f} times as many as PyTorch with exact packing (must: 0.75).",
            f"- Days of which half is missing are embedded {1 / rounds.ratio('half', 'whole'):.1f} times as fast as "
            "complete ones (must: 2).",
            f"- Making a batch takes {1000 * made:.1f} ms, {made / rounds.seconds('lsm2'):.1%} of a step.",
        ]
    )


def make_days() -> Any:
    import lsmlib

    return lsmlib.simulate_cohort(people=24, days=2)


def make_model(**options: Any) -> Any:
    import lsmlib
    from lsmlib.models.sizes import Size
    from lsmlib.nn.transformer import Stack

    return lsmlib.LSM2(Size(Stack(*ENCODER), Stack(*DECODER)), **options)


def serve_lsm2(rows: int | None = None, **options: Any) -> None:
    import lsmlib
    import lsmlib.models.lsm2
    from lsmlib.optimizer import make_optimizer

    keep_memory()
    if rows is not None:
        lsmlib.models.lsm2.rows_for = lambda days: rows
    model = make_model(**options)
    model.compile(make_optimizer(10_000))
    # the same few batches again and again: each of their lengths is compiled for before anything is measured
    source = lsmlib.make_batches(make_days(), BATCH, prepare=model.prepare)
    batches = list(islice(source, BATCHES))
    model.fit(((batch,) for batch in batches), steps_per_epoch=BATCHES, shuffle=False, verbose=0)
    serve_fit(model, ((batch,) for batch in cycle(batches)), source)


def serve_embed(missing: float) -> None:
    """Days as long as they are, with this share of tokens missing."""
    keep_memory()
    model = make_model()
    days = make_days().isel(day=slice(0, BATCH))
    draw = np.random.default_rng(0)
    gaps = (draw.random((BATCH, 144, 26)) < missing).repeat(10, axis=1)
    whole = days["signals"].fillna(days["signals"].mean(["day", "minute"]))
    days = days.assign(signals=whole.where(~gaps))
    serve(lambda: model.embed(days))


def serve_torch(form: str) -> None:
    import torch
    from torch import nn
    from torch.nn.functional import scaled_dot_product_attention

    import lsmlib
    from lsmlib.nn.positions import sincos_positions

    class Block(nn.Module):
        def __init__(self, width: int, heads: int, mlp: int) -> None:
            super().__init__()
            self.heads = heads
            self.norm_1, self.norm_2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
            self.query_key_value, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, mlp), nn.GELU(), nn.Linear(mlp, width))

        def forward(self, x: Any, mask: Any, lengths: Any) -> Any:
            split = self.query_key_value(self.norm_1(x)).unflatten(-1, (3, self.heads, -1))
            if lengths is None:
                q, k, v = split.permute(2, 0, 3, 1, 4)
                seen = scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
            else:
                parts = [part.permute(2, 0, 3, 1, 4) for part in split.split(lengths, dim=1)]
                seen = torch.cat([scaled_dot_product_attention(*p).transpose(1, 2).flatten(2) for p in parts], dim=1)
            x = x + self.projection(seen)
            return x + self.mlp(self.norm_2(x))

    class Stack(nn.Module):
        def __init__(self, layers: int, width: int, heads: int, mlp: int) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(Block(width, heads, mlp) for _ in range(layers))
            self.norm = nn.LayerNorm(width, 1e-6)
            self.positions = torch.tensor(sincos_positions(144, 26, width))

        def forward(self, x: Any, number: Any, mask: Any = None, lengths: Any = None) -> Any:
            x = x + self.positions[number]
            for block in self.blocks:
                x = block(x, mask, lengths)
            return self.norm(x)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = Stack(*ENCODER), Stack(*DECODER)
            self.embed, self.between = nn.Linear(10, ENCODER[1]), nn.Linear(ENCODER[1], DECODER[1])
            self.mask_token, self.predict = nn.Parameter(torch.zeros(DECODER[1])), nn.Linear(DECODER[1], 10)

    torch.manual_seed(0)
    batches = [
        {name: torch.tensor(value) for name, value in (batch if form == "exact" else paper_form(batch)).items()}
        for batch in islice(lsmlib.make_batches(make_days(), BATCH, prepare=make_model().prepare), BATCHES)
    ]
    model = Model().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=1e-4)
    turns = cycle(batches)

    def step() -> None:
        batch = next(turns)
        number, decoded = batch["number"].long(), batch["decoded"].long()
        optimizer.zero_grad()
        if form == "exact":
            lengths, decoded_lengths = batch["lengths"][0].tolist(), batch["decoded_lengths"][0].tolist()
            k, m = sum(lengths), sum(decoded_lengths)
            encoded = model.encoder(model.embed(batch["values"][:, :k]), number[:, :k], lengths=lengths)
            decoded, options = decoded[:, :m], {"lengths": decoded_lengths}
        else:
            m = decoded.shape[1]
            encoded = model.encoder(model.embed(batch["values"]), number, mask=batch["visible"][:, None, None])
            options = {"mask": batch["readable"][:, None, None]}
        source = batch["source"][:, :m].long()
        tokens = model.between(encoded).gather(1, source.clamp(min=0)[:, :, None].expand(-1, -1, DECODER[1]))
        tokens = torch.where((source >= 0)[:, :, None], tokens, model.mask_token)
        prediction = model.predict(model.decoder(tokens, decoded, **options))
        scored = batch["scored"][:, :m]
        loss = ((prediction - batch["target"][:, :m])[scored] ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    serve(step)


def paper_form(packed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same days, a row each: half of the tokens in the encoder, all of them in the decoder, with masks of keys."""
    lengths, decoded_lengths = packed["lengths"][0], packed["decoded_lengths"][0]
    shape, n, read = (BATCH,), 144 * 26, 72 * 26
    result = {
        "values": np.zeros((*shape, read, 10), np.float32), "number": np.zeros((*shape, read), np.int64),
        "visible": np.arange(read) < np.maximum(lengths, 1)[:, None],
        "decoded": np.tile(np.arange(n), (*shape, 1)), "source": np.full((*shape, n), -1),
        "readable": np.zeros((*shape, n), bool), "target": np.zeros((*shape, n, 10), np.float32),
        "scored": np.zeros((*shape, n, 10), bool),
    }  # fmt: skip
    starts, decoded_starts = (np.concatenate([[0], np.cumsum(x)[:-1]]) for x in (lengths, decoded_lengths))
    for day in range(BATCH):
        here = slice(starts[day], starts[day] + lengths[day])
        result["values"][day, : lengths[day]] = packed["values"][0, here]
        result["number"][day, : lengths[day]] = packed["number"][0, here]
        result["source"][day, packed["number"][0, here]] = np.arange(lengths[day])
        here = slice(decoded_starts[day], decoded_starts[day] + decoded_lengths[day])
        at = packed["decoded"][0, here]
        result["readable"][day, at] = True
        result["target"][day, at], result["scored"][day, at] = packed["target"][0, here], packed["scored"][0, here]
    return result


WAYS = {
    "paper": Way("PyTorch, the paper's form", partial(serve_torch, "paper"), keeps_memory=False),
    "torch": Way("PyTorch, exact packing", partial(serve_torch, "exact"), keeps_memory=False),
    "lsm2": Way("**`lsmlib.LSM2`**", serve_lsm2),
    "padded": Way("a day a row, padded to the longest", partial(serve_lsm2, rows=BATCH)),
    "form": Way('`packing="paper"`', partial(serve_lsm2, packing="paper")),
    "whole": Way("embedding complete days", partial(serve_embed, 0.0)),
    "half": Way("embedding days half missing", partial(serve_embed, 0.5)),
}

if __name__ == "__main__":
    run(__file__, WAYS, describe, 15, __doc__)
