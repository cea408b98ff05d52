"""Conversion of a region of an array to an image file."""

import math
from dataclasses import replace

from ..errors import AiwaveError
from ..images.image_files import lost_by, write_image
from ..images.image_metadata import image_of
from ..stores.physical_axes import image_of_array
from ..stores.stored_array import StoredArray

MOST = 1 << 33
"""Bytes of an image that are written without consent."""


def convert_to_image(source: StoredArray, name: str, force: bool, allow_large: bool) -> list[str]:
    """Write an array to an image file, and return what that cannot keep.

    Raises AiwaveError if it is too large for a file.
    """
    size = math.prod(source.shape) * source.dtype.itemsize
    if size > MOST and not allow_large:
        raise AiwaveError(
            f"{source.name} takes {size / 1e9:.1f} GB of memory here: give a --region, or add --allow-large."
        )
    voxels = source.read(tuple(slice(0, size) for size in source.shape))
    axes = source.axes
    while voxels.ndim > 3 and voxels.shape[0] == 1:
        voxels, axes = voxels[0], axes[1:]
    channels = 0
    if voxels.ndim == 5:
        times_first = voxels if axes[0].name == "t" else voxels.swapaxes(0, 1)
        channels, voxels = times_first.shape[1], times_first.reshape(-1, *voxels.shape[2:])
        axes = (*(axis for axis in axes[:2] if axis.name == "t"), *axes[2:])
    image = image_of(voxels, source.geometry) if source.geometry else image_of_array(voxels, axes)
    counts_channels = voxels.ndim == 4 and axes[0].name == "c"
    hyperstack = channels if channels > 1 else 0
    image = replace(image, channels=counts_channels, hyperstack=hyperstack, original=source.original)
    write_image(image, name, force=force)
    return lost_by(name, image)
