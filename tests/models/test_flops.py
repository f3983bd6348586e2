"""The formula for operations is held to what XLA counts in a compiled forward and backward pass."""

import jax
import numpy as np
import pytest

import lsmlib
from lsmlib.models.flops import count_flops, language_flops, training_flops
from lsmlib.models.sizes import SensorLMSize, Size
from lsmlib.nn.transformer import Stack
from lsmlib.signals import normalise
from tests.test_checkpoints import data_of
from tests.windows import small_windows

# wide enough for products to outweigh norms, softmax and GELU, which XLA counts and the formula leaves out
WIDE, NARROW = Stack(2, 256, 4, 1024), Stack(2, 128, 4, 512)


@pytest.fixture(scope="module")
def windows():
    return small_windows(rows=4)


def counted_by_xla(model, batch, backward):
    """Operations of the loss, or of its gradient, with attention in its plain form: XLA looks into no kernel."""
    fixed = [v.value for v in model.non_trainable_variables]

    def loss(weights):
        outputs, _ = model.stateless_call(weights, fixed, batch)
        leaves = [x for name, x in outputs.items() if name in ("prediction", "day", "text", "logits")]
        return sum((leaf**2).sum() for leaf in leaves)

    function = jax.grad(loss) if backward else loss
    compiled = jax.jit(function).lower([v.value for v in model.trainable_variables]).compile()
    return compiled.cost_analysis()["flops"]


@pytest.fixture(autouse=True)
def plain_attention(monkeypatch):
    monkeypatch.setattr("lsmlib.nn.attention.choose_kernel", lambda *arguments, **options: "plain")


@pytest.mark.parametrize("backward", [False, True])
def test_lsm1(windows, backward):
    model = lsmlib.LSM1(Size(WIDE, NARROW), minutes=60)
    batch = normalise(windows["signals"].values)
    flops = training_flops(model, windows)
    expected = len(batch) * (flops.total if backward else flops.forward)
    assert counted_by_xla(model, batch, backward) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("backward", [False, True])
def test_lsm2(windows, backward):
    """A day a row, as long as the row, so that there is no padding to be counted."""
    model = lsmlib.LSM2(Size(WIDE, NARROW), minutes=60)
    signals = normalise(windows["signals"].values)
    hidden = np.zeros((4, model.grid.tokens), bool)
    hidden[:, 128:] = True
    batch = model.pack(signals, hidden, rows=4)
    k, m = batch["values"].shape[1], batch["decoded"].shape[1]
    assert (batch["lengths"] == k).all()
    flops = count_flops(model, k, m)
    expected = 4 * (flops.total if backward else flops.forward)
    assert counted_by_xla(model, batch, backward) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("objective", ["coca", "siglip"])
@pytest.mark.parametrize("backward", [False, True])
def test_sensorlm(windows, objective, backward, monkeypatch):
    size = SensorLMSize(WIDE, WIDE, WIDE)
    model = lsmlib.SensorLM(size, objective, minutes=60, patch_signals=2, caption_queries=8, context=32)
    days = data_of("SensorLM", windows).assign(signals=windows["signals"])  # complete: 78 tokens a day
    tokens = model.describe(days)["tokens"][:, 0].astype(np.int32)
    monkeypatch.setattr("lsmlib.packing.GRAIN", 78)
    monkeypatch.setattr("lsmlib.models.sensorlm.rows_for", lambda days: days)
    batch = {**model.pack(normalise(days["signals"].values)), "tokens": tokens}
    assert batch["values"].shape[:2] == (4, 78)
    flops = language_flops(model, days, tokens.shape[1])
    expected = 4 * (flops.total if backward else flops.forward)
    assert counted_by_xla(model, batch, backward) == pytest.approx(expected, rel=0.1)


def test_of_gaps_nothing_is_counted(windows):
    model = lsmlib.SensorLM(SensorLMSize(NARROW, NARROW, NARROW), minutes=60, context=32)
    whole, gaps = (language_flops(model, days, 20) for days in (windows, windows.assign(
        signals=windows["signals"].where(np.arange(60)[:, None] < 30)
    )))  # fmt: skip
    assert 0.3 < gaps.forward / whole.forward < 0.9
    longer = language_flops(model, windows, 30)
    assert longer.total > whole.total
