"""Image files as sources: read once, and kept as plain voxels that every worker can map."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..errors import AiwaveError
from ..images.image_files import STREAM, read_image
from ..images.image_metadata import image_metadata
from ..stores.physical_axes import axes_of_image
from ..stores.stored_array import Box, StoredArray
from ..system import check_free_space
from ..writing import replacing


@dataclass(frozen=True)
class MappedVoxels:
    """Voxels in a .npy file."""

    file: str

    def read(self, box: Box) -> np.ndarray:
        """The voxels of a box. Raises AiwaveError if the file is gone."""
        try:
            return np.array(np.load(self.file, mmap_mode="r")[box])
        except (OSError, ValueError) as error:
            raise AiwaveError(f"{self.file} cannot be read: all workers need it, under one name.") from error


def open_image(name: str, scratch: Path, channel: int | None, series: int | None) -> tuple[StoredArray, str]:
    """The image of a file or folder as an array, kept in the folder `scratch`, and a note of what was left out.

    Raises AiwaveError if it cannot be read, or there is no room for its voxels.
    """
    if name == STREAM:
        raise AiwaveError("A store is made of a file, not of standard input: give its name.")
    path = Path(name)
    image = read_image(name, channel, series)
    voxels = image.voxels.reshape(-1, image.hyperstack, *image.voxels.shape[1:]) if image.hyperstack else image.voxels
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    about = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    stamp = sha256(repr((about, channel, series)).encode()).hexdigest()
    kept = scratch / f"voxels-{stamp[:16]}.npy"
    if not kept.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        check_free_space(scratch, image.voxels.nbytes, f"unpack {name}")
        with replacing(kept) as temporary, temporary.open("wb") as file:
            np.save(file, voxels)
    geometry = image_metadata(image)
    geometry.pop("original", None)
    found = StoredArray(
        name,
        MappedVoxels(str(kept.resolve())),
        voxels.shape,
        np.dtype(voxels.dtype.str),  # TIFF's integers of 64 bits may be long long, which Zarr does not know
        axes_of_image(image),
        stamp,
        geometry,
        original=image.original,
    )
    return found, image.note
