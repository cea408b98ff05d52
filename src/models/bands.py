"""The bands of a 3-D wavelet decomposition: their names, order and sizes."""

from collections.abc import Sequence

BAND_LETTERS = ("LLL", "HLL", "LHL", "HHL", "LLH", "HLH", "LHH", "HHH")
"""Band names; letters are for (x)(y)(z), so HLL is high-pass along x only. LLL first, then details in coding order."""

BANDS = len(BAND_LETTERS)
"""Number of bands that a level splits into."""

DETAILS = BANDS - 1
"""Number of detail bands of a level."""

FRONT = (4, 2, 1)
"""Weights of (z, y, x) in t = x + 2y + 4z: every causal neighbour in 3x3x3 of a position has a smaller t.

Positions of equal t, a front, can be decoded at once. The order is part of the bitstream's definition.
"""

Size = tuple[int, int, int]
"""(D, H, W) or (d, h, w)."""


def splits(size: Sequence[int], levels: int) -> list[Size]:
    """The size (d, h, w) that each of `levels` levels splits, from coarse to fine; the last is `size` itself."""
    depth, height, width = size
    return [(-(-depth >> k), -(-height >> k), -(-width >> k)) for k in reversed(range(levels))]


def band_size(size: Size, letters: int = 0) -> Size:
    """The size of a band, given by its index among the eight, of a level that splits `size`."""
    depth, height, width = ((n + (not letters >> k & 1)) // 2 for n, k in zip(size, (2, 1, 0), strict=True))
    return depth, height, width


def detail_sizes(size: Size) -> list[Size]:
    """The sizes of the seven details of a level that splits `size`."""
    return [band_size(size, letters) for letters in range(1, BANDS)]


def band_count(levels: int) -> int:
    """Number of bands of a decomposition: 15 for two levels."""
    return 1 + DETAILS * levels


def band_names(levels: int) -> list[str]:
    """Band names in coding order: LLL2, HLL2, ..., HHH2, HLL1, ..., HHH1 for two levels."""
    names = [f"{BAND_LETTERS[0]}{levels}"]
    return names + [f"{letters}{level}" for level in range(levels, 0, -1) for letters in BAND_LETTERS[1:]]
