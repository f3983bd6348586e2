"""How large a model is: one table.

LSM-1 (Narayanswamy, Liu et al., 2025) names its sizes by parameters, encoder and decoder together: 2, 7, 110 and 328
million, as reported. The widths and depths below reach them (2.22, 7.28, 110.7 and 328.1 million); those of base and
large are ViT-B and ViT-L with the decoder of masked autoencoders (He et al., 2022), those of tiny and small fit the
reported sizes but need not be the paper's. ``nano`` is ours, for tests and for a first look.

LSM-2 (Xu, Narayanswamy et al., 2025) has 25 million parameters, as reported, and embeddings of 384 numbers; its base
below, with 24.56 million, is what fits. Its other sizes are ours.
"""

from typing import NamedTuple, TypeVar

from lsmlib.nn.transformer import Stack


class Size(NamedTuple):
    """An encoder and a decoder."""

    encoder: Stack
    decoder: Stack


class SensorLMSize(NamedTuple):
    """A sensor encoder, a text encoder, and a multimodal decoder of the text encoder's width."""

    encoder: Stack
    text: Stack
    decoder: Stack


LSM1_SIZES = {
    "nano": Size(Stack(2, 64, 4, 256), Stack(1, 48, 4, 192)),
    "tiny": Size(Stack(4, 192, 3, 768), Stack(2, 128, 4, 512)),
    "small": Size(Stack(8, 256, 4, 1024), Stack(2, 192, 4, 768)),
    "base": Size(Stack(12, 768, 12, 3072), Stack(8, 512, 16, 2048)),
    "large": Size(Stack(24, 1024, 16, 4096), Stack(8, 512, 16, 2048)),
}

LSM2_SIZES = {
    "nano": Size(Stack(2, 64, 4, 256), Stack(1, 48, 4, 192)),
    "tiny": Size(Stack(4, 128, 4, 512), Stack(2, 64, 4, 256)),
    "small": Size(Stack(8, 256, 4, 1024), Stack(2, 128, 4, 512)),
    "base": Size(Stack(12, 384, 6, 1536), Stack(4, 256, 4, 1024)),
}

SENSORLM_SIZES = {
    "nano": SensorLMSize(Stack(2, 64, 4, 256), Stack(2, 64, 4, 256), Stack(1, 64, 4, 256)),
    "tiny": SensorLMSize(Stack(4, 128, 4, 512), Stack(3, 128, 4, 512), Stack(3, 128, 4, 512)),
    "small": SensorLMSize(Stack(8, 256, 4, 1024), Stack(4, 256, 4, 1024), Stack(4, 256, 4, 1024)),
    "base": SensorLMSize(Stack(12, 768, 12, 3072), Stack(6, 768, 12, 3072), Stack(6, 768, 12, 3072)),
    "large": SensorLMSize(Stack(24, 1024, 16, 4096), Stack(12, 1024, 16, 4096), Stack(12, 1024, 16, 4096)),
    "huge": SensorLMSize(Stack(32, 1280, 16, 5120), Stack(16, 1280, 16, 5120), Stack(16, 1280, 16, 5120)),
}

AnySize = TypeVar("AnySize", Size, SensorLMSize)


def size_of(name: str | AnySize, table: dict[str, AnySize]) -> AnySize:
    """Look a size up by name; a size of one's own is checked and handed back.

    Raises:
        ValueError: if the table has no such size, or a width is no multiple of its heads or of 4.
    """
    if isinstance(name, str) and name not in table:
        raise ValueError(f"there is no size {name!r}; choose one of {', '.join(map(repr, table))}, or pass a Size")
    kind = type(next(iter(table.values())))
    size = table[name] if isinstance(name, str) else kind(*(Stack(*stack) for stack in name))
    for stack in size:
        if min(stack) < 1 or stack.width % stack.heads or stack.width % 4:
            raise ValueError(f"{stack} cannot be built; expected a width that is a multiple of its heads and of 4")
    return size


def nano_of_width(width: int) -> Size:
    """LSM-1's nano made wider or narrower, for scaling experiments: the same layers, heads of 16, decoder of 3/4 width.

    Blocks grow with the square of the width, and a width of 64 is nano itself.

    Raises:
        ValueError: if the width is no multiple of 16.
    """
    if width < 16 or width % 16:
        raise ValueError(f"width is {width}; expected a multiple of 16, such as 32")
    (encoder, decoder), heads = LSM1_SIZES["nano"], width // 16
    inner = 3 * width // 4
    return Size(Stack(encoder.layers, width, heads, 4 * width), Stack(decoder.layers, inner, heads, 4 * inner))


def count_parameters(size: Size | SensorLMSize) -> int:
    """Parameters of all blocks; embeddings and predictions, which depend on patches and vocabulary, come on top."""
    blocks = (
        stack.layers * (4 * stack.width**2 + 2 * stack.width * stack.mlp + 9 * stack.width + stack.mlp)
        for stack in size
    )
    return sum(blocks)
