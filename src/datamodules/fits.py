"""Whether a volume has room for a crop."""

from collections.abc import Sequence

from ..errors import AiwaveError


def check_fits(file: str, shape: Sequence[int], crop: Sequence[int]) -> None:
    """Raise AiwaveError if a volume of `shape` (D, H, W) has no room for a `crop` (d, h, w)."""
    if any(size < side for size, side in zip(shape, crop, strict=True)):
        smaller = ",".join(str(min(size, side)) for size, side in zip(shape, crop, strict=True))
        raise AiwaveError(
            f"{file} has {_sides(shape)} voxels (z, y, x), fewer than the crop {_sides(crop)}: set "
            f"dataset.crop=[{smaller}] or leave the file out."
        )


def _sides(shape: Sequence[int]) -> str:
    return "×".join(str(side) for side in shape)
