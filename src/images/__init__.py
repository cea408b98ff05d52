"""Images: volumes with their geometry, read from files and written to files.

Heavy libraries (nibabel, pydicom, tifffile) are imported when a file is read or written, MONAI only by
`monai_readers`.
"""

from .image import Image, Original
from .image_files import read_image, read_images, read_voxels, write_image
from .image_metadata import image_metadata, image_of, part_of

__all__ = [
    "Image",
    "Original",
    "image_metadata",
    "image_of",
    "part_of",
    "read_image",
    "read_images",
    "read_voxels",
    "write_image",
]
