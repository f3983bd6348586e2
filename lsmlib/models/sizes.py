"""How large a model is: one table.

LSM-1 (Narayanswamy, Liu et al., 2025) names its sizes by parameters, encoder and decoder together: 2, 7, 110 and 328
million, as reported. The widths and depths below reach them (2.22, 7.28, 110.7 and 328.1 million); those of base and
large are ViT-B and ViT-L with the decoder of masked autoencoders (He et al., 2022), those of tiny and small fit the
reported sizes but need not be the paper's. ``nano`` is ours, for tests and for a first look.

LSM-2 (Xu, Narayanswamy et al., 2025) has 25 million parameters, as reported, and embeddings of 384 numbers; its base
below, with 24.56 million, is what fits. Its other sizes are ours.
"""

from typing import NamedTuple

from lsmlib.nn.transformer import Stack


class Size(NamedTuple):
    """An encoder and a decoder."""

    encoder: Stack
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


def size_of(name: str | Size, table: dict[str, Size]) -> Size:
    """Look a size up by name; a ``Size`` of one's own is checked and handed back.

    Raises:
        ValueError: if the table has no such size, or a width is no multiple of its heads or of 4.
    """
    if isinstance(name, str) and name not in table:
        raise ValueError(f"there is no size {name!r}; choose one of {', '.join(map(repr, table))}, or pass a Size")
    size = table[name] if isinstance(name, str) else Size(*(Stack(*stack) for stack in name))
    for stack in size:
        if min(stack) < 1 or stack.width % stack.heads or stack.width % 4:
            raise ValueError(f"{stack} cannot be built; expected a width that is a multiple of its heads and of 4")
    return size


def count_parameters(size: Size) -> int:
    """Parameters of all blocks; embeddings and predictions, which depend on the patches, add some percent at most."""
    blocks = (
        stack.layers * (4 * stack.width**2 + 2 * stack.width * stack.mlp + 9 * stack.width + stack.mlp)
        for stack in size
    )
    return sum(blocks)
