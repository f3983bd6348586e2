"""What is said beforehand is about what JAX then keeps and XLA then computes."""

import re

import jax
import numpy as np
import pytest

import lsmlib
from lsmlib.estimate import STATE, StepEstimate, estimate_step, measure_flops
from lsmlib.models.flops import training_flops
from tests.cohorts import small_cohort
from tests.windows import small_windows


def kept_by_jax(model, batch, printed):
    """Bytes that JAX keeps from forward to backward, its own list."""

    def loss(weights):
        outputs, _ = model.stateless_call(weights, [v.value for v in model.non_trainable_variables], batch)
        return (outputs["prediction"] ** 2).sum()

    jax.ad_checkpoint.print_saved_residuals(loss, [v.value for v in model.trainable_variables])
    kept = re.findall(r"^(f32|i32|bool)\[([\d,]*)\] output of", printed.readouterr().out, flags=re.MULTILINE)
    sizes = {"f32": 4, "i32": 4, "bool": 1}
    return sum(sizes[kind] * int(np.prod([int(n) for n in shape.split(",") if n])) for kind, shape in kept)


@pytest.mark.parametrize("kind", ["lsm1", "lsm2"])
def test_activations_are_about_what_jax_keeps(kind, capsys):
    if kind == "lsm1":
        rows, model = small_windows(rows=16), lsmlib.LSM1("tiny", minutes=60)
    else:
        rows, model = small_cohort(8, people=4, gaps=1), lsmlib.LSM2("nano")
    batch = next(iter(lsmlib.make_batches(rows, 8, seed=0, prepare=getattr(model, "prepare", None))))
    estimate = estimate_step(model, rows, 8)
    assert 0.6 < estimate.activations / kept_by_jax(model, batch, capsys) < 1.1
    assert estimate.state == STATE * sum(int(np.prod(w.shape)) for w in model.trainable_variables)
    assert estimate.flops == 8 * training_flops(model, rows).total
    assert estimate_step(model, rows, 16).activations == pytest.approx(2 * estimate.activations, rel=1e-6)
    assert estimate_step(model, rows, 8, rematerialise=True).activations < 0.6 * estimate.activations


def test_the_line_says_what_was_computed():
    line = StepEstimate(state=500_000_000, activations=1_500_000_000, flops=4e12).describe(1800, 2e12)
    assert line == (
        "about 2 GB; 4,000.0 billion operations a step, at 2,000 billion a second 2 s at least; 60.0 minutes for 1,800 "
        "steps"
    )


def test_a_product_is_timed():
    assert 1e8 < measure_flops() < 1e16
