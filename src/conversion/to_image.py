"""Conversion of a region of an array to an image file."""

import math

from ..errors import AiwaveError
from ..images.image_files import lost_by, write_image
from ..images.image_metadata import image_of
from ..stores.physical_axes import image_of_array
from ..stores.stored_array import StoredArray

MOST = 1 << 33
"""Bytes of an image that are written without consent."""


def convert_to_image(source: StoredArray, name: str, force: bool, allow_large: bool) -> list[str]:
    """Write an array to an image file, and return what that cannot keep.

    Raises AiwaveError if it is too large for a file, or has both times and channels.
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
    if voxels.ndim > 4:
        raise AiwaveError(f"{source.name} has times and channels: choose one of either with --region t,c,z,y,x.")
    image = image_of(voxels, source.geometry) if source.geometry else image_of_array(voxels, axes)
    write_image(image, name, force=force)
    return lost_by(name, image)
