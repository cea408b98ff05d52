"""TIFF stacks, and folders of TIFF slices, as raw images."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError
from .image import Image

if TYPE_CHECKING:
    import tifffile

SUFFIXES = (".tif", ".tiff")
MILLIMETRES = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "um": 1e-3, "µm": 1e-3, "\\u00b5m": 1e-3, "micron": 1e-3}
MILLIMETRES |= {"nm": 1e-6, "nanometer": 1e-6, "micrometer": 1e-3, "m": 1000.0, "inch": 25.4}


def takes(path: Path) -> bool:
    """Tell whether `path` is a TIFF file or a folder that has some."""
    return bool(slices(path)) if path.is_dir() else path.name.lower().endswith(SUFFIXES)


def slices(folder: Path) -> list[Path]:
    """The TIFF files of a folder in natural order: slice 10 after slice 9."""
    files = (path for path in folder.iterdir() if path.name.lower().endswith(SUFFIXES) and path.name[0] != ".")
    return sorted(files, key=lambda path: [int(part) if part.isdigit() else part for part in _parts(path)])


def read(path: Path) -> list[Image]:
    """Read a stack, (D, H, W) or (T, D, H, W), or the slices of a folder.

    Raises AiwaveError, naming the file, for a damaged one, colours, slices of unlike sizes or types, or missing ones.
    """
    from ..datamodules.stored import check_dimensions

    if path.is_dir():
        return [_from_slices(slices(path))]
    voxels, spacing = _stack(path)
    check_dimensions(str(path), voxels.shape)
    return [Image(voxels, spacing)]


def _stack(path: Path) -> tuple[np.ndarray, tuple[float, float, float]]:
    from ..datamodules.tiff_reader import only_series, stack_shape

    with only_series(path) as series:
        voxels = series.asarray().reshape(stack_shape(series))
        spacing = _spacing(series)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False), spacing


def _from_slices(files: Sequence[Path]) -> Image:
    _check_complete(files)
    first, spacing = _stack(files[0])
    found = []
    for file in files:
        voxels, _ = _stack(file)
        if voxels.shape[0] != 1:
            raise AiwaveError(f"{file} has {voxels.shape[0]} pages: keep single slices and stacks in folders apart.")
        if (voxels.shape, voxels.dtype) != (first.shape, first.dtype):
            raise AiwaveError(
                f"{file} has {_kind(voxels)}, but {files[0].name} has {_kind(first)}: slices of a volume are alike, "
                "so put those of other volumes into folders of their own."
            )
        found.append(voxels[0])
    return Image(np.stack(found), spacing)


def _check_complete(files: Sequence[Path]) -> None:
    """Raise AiwaveError if the numbers at the end of the names do not go up in equal steps."""
    numbers = [int(found[-1]) for file in files if (found := re.findall(r"\d+", file.stem))]
    steps = np.diff(numbers)
    if len(numbers) != len(files) or len(files) < 3 or (steps == steps[0]).all():
        return
    usual = int(np.median(steps))
    for k in np.flatnonzero(steps != usual).tolist():
        raise AiwaveError(
            f"{files[0].parent}: slices are missing between {files[k].name} and {files[k + 1].name}: add them, or "
            "number those that there are without gaps."
        )


def _spacing(series: "tifffile.TiffPageSeries") -> tuple[float, float, float]:
    """(z, y, x) in mm as ImageJ or this program wrote it; 1 where nothing is said."""
    from tifffile import TiffPage

    described = (series.parent and series.parent.imagej_metadata) or {}
    scale = MILLIMETRES.get(str(described.get("unit")))
    page = series.keyframe
    if scale is None or not isinstance(page, TiffPage):
        return 1.0, 1.0, 1.0
    x, y = (_length(page.tags.get(name)) for name in ("XResolution", "YResolution"))
    return float(described.get("spacing", 1.0)) * scale, y * scale, x * scale


def _length(tag: "tifffile.TiffTag | None") -> float:
    """The length of a pixel in units of the file."""
    above, below = tag.value if tag is not None else (1, 1)
    return below / above if above and below else 1.0


def _kind(voxels: np.ndarray) -> str:
    return f"{voxels.shape[-2]}×{voxels.shape[-1]} {voxels.dtype} pixels"


def _parts(path: Path) -> list[str]:
    return re.split(r"(\d+)", path.name)
