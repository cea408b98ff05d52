"""Folders of TIFF sections, of which only the rows that are needed are read."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..errors import AiwaveError, printable
from ..images.image import native
from ..images.tiff_files import first_section, slices
from .physical_axes import axes_of_image
from .stored_array import Box, StoredArray


@dataclass(frozen=True)
class SectionVoxels:
    """The sections of a folder, one file for each, in natural order."""

    folder: str
    shape: tuple[int, int]
    dtype: str
    stamp: str

    def read(self, box: Box) -> np.ndarray:
        """The voxels of a box (z, y, x). Raises AiwaveError for a section that is damaged or unlike the first."""
        z, y, x = box
        files = _files(self.folder, self.stamp)[z]
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        for k, file in enumerate(files):
            out[k] = self._part(file, y, x)
        return out

    def _part(self, file: Path, y: slice, x: slice) -> np.ndarray:
        import tifffile

        import zarr

        try:
            with tifffile.TiffFile(file) as opened:
                page = opened.pages.first
                if (page.shape, np.dtype(page.dtype).name) != (self.shape, self.dtype):
                    raise AiwaveError(
                        f"{file} has {page.shape} {page.dtype} pixels, but the first section has {self.shape} "
                        f"{self.dtype}: sections of a volume are alike."
                    )
                with page.aszarr() as store:
                    return native(np.asarray(zarr.open_array(store, mode="r")[y, x]))
        except AiwaveError:
            raise
        except Exception as error:  # every codec raises its own
            words = printable(str(error).rstrip("."), 200)
            raise AiwaveError(f"{file} cannot be read ({words}): it is damaged, so fetch it again.") from error


def open_sections(folder: Path) -> StoredArray:
    """Open a folder of sections. Raises AiwaveError for colours, gaps in the numbers of its files, or damage."""
    files = slices(folder)
    first = first_section(files)
    if first.voxels.ndim != 3:
        raise AiwaveError(f"{folder} has sections in colour or with several channels: save one channel of them.")
    _, height, width = first.voxels.shape
    about = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    stamp = sha256(repr(about).encode()).hexdigest()
    return StoredArray(
        str(folder),
        SectionVoxels(str(folder.resolve()), (height, width), first.voxels.dtype.name, stamp),
        (len(files), height, width),
        first.voxels.dtype,
        axes_of_image(first),
        stamp,
    )


@lru_cache(maxsize=2)
def _files(folder: str, stamp: str) -> list[Path]:
    return slices(Path(folder))
