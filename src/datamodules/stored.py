"""Which stored arrays are volumes this platform takes, and the sentences that refuse the others."""

import numpy as np

from ..errors import AiwaveError

DTYPES = ("uint8", "int8", "uint16", "int16")


def unreadable(file: str, reason: str) -> AiwaveError:
    """Return the error for a truncated or damaged `file`; `reason` is what its decoder reported."""
    return AiwaveError(f"{file} cannot be read ({reason}): it is truncated or damaged, so fetch it again.")


def not_finite(file: str) -> AiwaveError:
    """Return the error for a `file` with float voxels some of which are not finite."""
    return AiwaveError(f"{file} holds NaN or infinite voxels: replace them and convert it to integers.")


def check_single_channel(file: str, channels: int) -> None:
    """Raise AiwaveError if a voxel of `file` has more than one channel."""
    if channels != 1:
        raise AiwaveError(f"{file} is a colour image ({channels} values per voxel): save one channel of it.")


def check_dimensions(file: str, shape: tuple[int, ...]) -> None:
    """Raise AiwaveError unless `shape` is (D, H, W) or a series (T, D, H, W), without empty axes."""
    if len(shape) not in (3, 4):
        raise AiwaveError(
            f"{file} has {len(shape)} axes {list(shape)}: save a volume (z, y, x) or a series of volumes (t, z, y, x)."
        )
    if 0 in shape:
        raise AiwaveError(f"{file} has an empty axis in its shape {list(shape)}: save it with voxels.")


def check_voxels(file: str, voxels: np.ndarray) -> np.ndarray:
    """Return (D, H, W) or (T, D, H, W) `voxels` of 8 or 16 bits unchanged, in native byte order.

    Raises AiwaveError, naming `file`, for floats (non-finite ones first), other types and other dimensions.
    """
    check_dimensions(file, voxels.shape)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise not_finite(file)
    if voxels.dtype.name not in DTYPES:
        raise AiwaveError(f"{file} holds {voxels.dtype} voxels: convert it to one of {', '.join(DTYPES)}.")
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
