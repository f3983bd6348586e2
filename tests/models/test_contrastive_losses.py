"""The losses against their definitions in float64, and against open_clip's where that is installed."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from lsmlib.models.contrastive_losses import caption_loss, clip_loss, siglip_loss


def draw_vectors(seed=0, count=7, width=12):
    vectors = np.random.default_rng(seed).standard_normal((2, count, width))
    return (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)


def draw_captions(seed=0):
    draw = np.random.default_rng(seed)
    labels = draw.integers(1, 20, (5, 9)).astype(np.int32)
    for row, length in zip(labels, (9, 1, 4, 7, 2), strict=True):
        row[length:] = 0
    return draw.standard_normal((5, 9, 20)).astype(np.float32), labels


def log_softmax(logits, axis):
    return logits - np.log(np.exp(logits).sum(axis=axis, keepdims=True))


def test_clip_by_its_definition():
    day, text = draw_vectors()
    logits = 14.0 * np.float64(day) @ np.float64(text).T
    expected = -(np.diag(log_softmax(logits, 0)).mean() + np.diag(log_softmax(logits, 1)).mean()) / 2
    assert float(clip_loss(day, text, 14.0)) == pytest.approx(expected, rel=1e-5)


def test_clip_where_all_are_alike_and_where_all_are_told_apart():
    same = np.ones((6, 4), np.float32) / 2
    assert float(clip_loss(same, same, 10.0)) == pytest.approx(math.log(6), rel=1e-6)
    apart = np.eye(6, dtype=np.float32)
    assert float(clip_loss(apart, apart, 100.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(clip_loss(apart, np.roll(apart, 1, axis=0), 100.0)) == pytest.approx(100.0, rel=1e-5)


def test_siglip_by_its_definition():
    day, text = draw_vectors(1)
    logits = 9.0 * np.float64(day) @ np.float64(text).T - 8.0
    signs = 2 * np.eye(7) - 1
    expected = np.log1p(np.exp(-signs * logits)).sum() / 7
    assert float(siglip_loss(day, text, 9.0, -8.0)) == pytest.approx(expected, rel=1e-5)


def test_captioning_by_its_definition():
    logits, labels = draw_captions()
    chances = log_softmax(np.float64(logits), 2)
    expected = -np.mean([chances[i, j, labels[i, j]] for i, j in zip(*np.nonzero(labels), strict=True)])
    assert float(caption_loss(logits, labels)) == pytest.approx(expected, rel=1e-5)


def test_padding_never_enters_the_captioning_loss():
    logits, labels = draw_captions()
    loss = float(caption_loss(logits, labels))
    for strange in (1e9, -1e9, np.nan):
        other = np.where((labels == 0)[:, :, None], np.float32(strange), logits)
        assert float(caption_loss(other, labels)) == loss
    longer = np.pad(logits, ((0, 0), (0, 5), (0, 0)), constant_values=3.0), np.pad(labels, ((0, 0), (0, 5)))
    assert float(caption_loss(*longer)) == pytest.approx(loss, rel=1e-6)
    assert float(caption_loss(logits, np.zeros_like(labels))) == 0.0


@pytest.fixture(scope="module")
def peer():
    """open_clip's module of losses alone: the package itself needs torchvision, which losses do not."""
    found = importlib.util.find_spec("open_clip")
    if found is None:
        pytest.skip("open_clip is not installed: see the Makefile")
    pytest.importorskip("torch")
    place = Path(found.origin).with_name("loss.py")
    spec = importlib.util.spec_from_file_location("open_clip_loss", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(3))
def test_all_equal_open_clips(peer, seed):
    import torch

    day, text = draw_vectors(seed, count=16, width=32)
    logits, labels = draw_captions(seed)
    one, two = torch.tensor(day), torch.tensor(text)
    expected = float(peer.ClipLoss()(one, two, 14.0))
    assert float(clip_loss(day, text, 14.0)) == pytest.approx(expected, rel=1e-5)
    expected = float(peer.SigLipLoss()(one, two, torch.tensor(10.0), torch.tensor(-10.0)))
    assert float(siglip_loss(day, text, 10.0, -10.0)) == pytest.approx(expected, rel=1e-5)
    both = peer.CoCaLoss(caption_loss_weight=2.0, clip_loss_weight=1.0, pad_id=0)
    expected = float(sum(both(one, two, torch.tensor(logits), torch.tensor(labels).long(), 14.0)))
    ours = 1.0 * float(clip_loss(day, text, 14.0)) + 2.0 * float(caption_loss(logits, labels))
    assert ours == pytest.approx(expected, rel=1e-5)
