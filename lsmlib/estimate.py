"""What a training will need, before its first step: memory by formula, and the least time it can take.

Memory is what has to be kept from the forward to the backward pass, and what stays throughout; a device needs some
more, for what lives shortly. Time is that of the matrix products alone, at the speed that this device has just shown
for one: no step is faster, and a good one not much slower.
"""

from time import perf_counter
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from lsmlib.models.flops import count_tokens, training_flops
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.nn.attention import choose_kernel
from lsmlib.nn.transformer import Stack

STATE = 16  # bytes in training of each parameter: itself, its gradient and AdamW's two moments, all float32


class StepEstimate(NamedTuple):
    """Of one step of training, on one device."""

    state: int  # bytes of weights, their gradients, and what the optimizer remembers
    activations: int  # bytes kept from the forward to the backward pass
    flops: float  # operations of the matrix products

    def describe(self, steps: int, flops_per_second: float) -> str:
        """One line for human eyes: steps of which each takes at least as long as its products at this speed."""
        memory = (self.state + self.activations) / 1e9
        seconds = self.flops / flops_per_second
        return (
            f"about {memory:.2g} GB; {self.flops / 1e9:,.1f} billion operations a step, at "
            f"{flops_per_second / 1e9:,.0f} billion a second {seconds:.2g} s at least; "
            f"{_duration(seconds * steps)} for {steps:,} steps"
        )


def estimate_step(model: LSM1 | LSM2, rows: xr.Dataset, batch_size: int, rematerialise: bool = False) -> StepEstimate:
    """What a step of ``pretrain`` needs.

    Args:
        model: as it will be trained.
        rows: what it will be trained on; of days, the first 128 are looked at.
        batch_size: rows of a batch.
        rematerialise: as in ``pretrain``.

    Raises:
        ValueError: if the rows do not fit the model.
    """
    dtype = model.dtype_policy.compute_dtype
    stacks = list(zip(model.size, count_tokens(model, rows), strict=True))
    blocks = [float(np.mean(_block(stack, np.asarray(tokens, float), dtype))) for stack, tokens in stacks]
    if rematerialise:  # what goes into each block, and all of the one that is at work
        kept = max(blocks) + sum(_bytes(dtype) * s.layers * s.width * float(np.mean(tokens)) for s, tokens in stacks)
    else:
        kept = sum(stack.layers * block for (stack, _), block in zip(stacks, blocks, strict=True))
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    return StepEstimate(STATE * weights, round(batch_size * kept), batch_size * training_flops(model, rows).total)


def measure_flops(dtype: str = "float32") -> float:
    """Operations a second of a matrix product on this device, the best of five."""
    side = 1024 if jax.default_backend() == "cpu" else 8192
    square, multiply = jnp.ones((side, side), dtype), jax.jit(jnp.matmul)
    multiply(square, square).block_until_ready()  # compiles
    times = []
    for _ in range(5):
        start = perf_counter()
        multiply(square, square).block_until_ready()
        times.append(perf_counter() - start)
    return 2 * side**3 / min(times)


def _block(stack: Stack, tokens: np.ndarray, dtype: str) -> np.ndarray:
    """Bytes that one block keeps of rows of so many tokens.

    What comes into each half, and that normalised; queries, keys, values and what attention gives; four times the
    hidden layer, for GELU. Kernels that do not compute scores again keep these, too.
    """
    kept = _bytes(dtype) * (8 * stack.width + 4 * stack.mlp) * tokens + 4 * stack.heads * tokens
    if choose_kernel(dtype, stack.width // stack.heads) in ("plain", "portable", "xla"):
        kept = kept + _bytes(dtype) * stack.heads * tokens**2
    return kept


def _bytes(dtype: str) -> int:
    return 4 if dtype == "float32" else 2


def _duration(seconds: float) -> str:
    for name, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {name}"
    return f"{seconds:.0f} seconds"
