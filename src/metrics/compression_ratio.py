"""Compression ratio."""

from ..errors import AiwaveError


def compression_ratio(stored_bits: int, bpp: float) -> float | None:
    """Return the bits of a stored sample (8 or 16) over the bits per voxel of the code; None for a rate of zero.

    Raises:
        AiwaveError: If `stored_bits` is not positive or `bpp` is negative.
    """
    if stored_bits <= 0 or bpp < 0:
        raise AiwaveError(f"There is no compression ratio of {stored_bits} stored bits to {bpp:g} bit/voxel.")
    return stored_bits / bpp if bpp else None
