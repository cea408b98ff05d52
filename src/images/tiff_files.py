"""TIFF stacks, and folders of TIFF slices, through tifffile."""

import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError
from .image import Image, ImageHeader, check_dimensions, check_single_channel, native, unreadable

if TYPE_CHECKING:
    import tifffile

SUFFIXES = (".tif", ".tiff")
MILLIMETRES = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "um": 1e-3, "µm": 1e-3, "\\u00b5m": 1e-3, "micron": 1e-3}
MILLIMETRES |= {"nm": 1e-6, "nanometer": 1e-6, "micrometer": 1e-3, "m": 1000.0, "inch": 25.4}


def takes(path: Path) -> bool:
    """True if `path` is a TIFF file, or a folder that has some."""
    return bool(slices(path)) if path.is_dir() else path.name.lower().endswith(SUFFIXES)


def slices(folder: Path) -> list[Path]:
    """The TIFF files of a folder in natural order: slice 10 after slice 9."""
    files = (path for path in folder.iterdir() if path.name.lower().endswith(SUFFIXES) and path.name[0] != ".")
    return sorted(files, key=lambda path: [int(part) if part.isdigit() else part for part in _parts(path)])


def has_slices(folder: Path) -> bool:
    """True if a folder has several TIFF files and the first has a single page."""
    files = slices(folder)
    return len(files) > 1 and header(files[0]).shape[0] == 1


def header(path: Path) -> ImageHeader:
    """Return shape and dtype of a stack without reading its voxels.

    Raises AiwaveError, naming the file, if its directory cannot be read or has colours or unequal pages.
    """
    with _only_series(path) as series:
        return ImageHeader(_shape(series), np.dtype(series.dtype).newbyteorder("="))


def read(path: Path) -> list[Image]:
    """Read a stack, (D, H, W) or (T, D, H, W), or the slices of a folder.

    Raises AiwaveError, naming the file, if it is damaged or has colours, and for missing or unequal slices.
    """
    if path.is_dir():
        return [_from_slices(slices(path))]
    voxels, spacing = _stack(path)
    check_dimensions(str(path), voxels.shape)
    return [Image(voxels, spacing)]


def write(image: Image, path: Path) -> None:
    """Write a deflated stack that ImageJ reads with its spacing in mm, including signed voxels."""
    import tifffile

    z, y, x = image.spacing
    frames = image.voxels.shape[0] if image.voxels.ndim == 4 else 1
    depth = image.voxels.shape[-3]
    lines = [f"ImageJ=1.54f\nimages={frames * depth}", f"slices={depth}", f"frames={frames}" * (frames > 1)]
    lines += ["hyperstack=true" * (frames > 1), "unit=mm", f"spacing={z!r}", "loop=false\n"]
    pages = image.voxels.reshape(-1, *image.voxels.shape[-2:])
    tifffile.imwrite(
        path,
        pages,
        photometric="minisblack",
        compression="zlib",
        resolution=(1 / x, 1 / y),
        description="\n".join(filter(None, lines)),
        metadata=None,
        bigtiff=pages.nbytes > 1 << 31,
    )


def _stack(path: Path) -> tuple[np.ndarray, tuple[float, float, float]]:
    with _only_series(path) as series:
        return native(series.asarray().reshape(_shape(series))), _spacing(series)


def _from_slices(files: Sequence[Path]) -> Image:
    _check_complete(files)
    first, spacing = _stack(files[0])
    found = []
    for file in files:
        voxels, _ = _stack(file)
        if voxels.shape[0] != 1:
            raise AiwaveError(f"{file} has {voxels.shape[0]} pages: keep single slices and stacks in separate folders.")
        if (voxels.shape, voxels.dtype) != (first.shape, first.dtype):
            raise AiwaveError(
                f"{file} has {_kind(voxels)}, but {files[0].name} has {_kind(first)}: slices of a volume are alike, "
                "so put those of other volumes into separate folders."
            )
        found.append(voxels[0])
    return Image(np.stack(found), spacing)


def _check_complete(files: Sequence[Path]) -> None:
    """Raise AiwaveError if the numbers at the end of the names do not increase in equal steps."""
    numbers = [int(found[-1]) for file in files if (found := re.findall(r"\d+", file.stem))]
    steps = np.diff(numbers)
    if len(numbers) != len(files) or len(files) < 3 or (steps == steps[0]).all():
        return
    usual = int(np.median(steps))
    for k in np.flatnonzero(steps != usual).tolist():
        raise AiwaveError(
            f"{files[0].parent}: slices are missing between {files[k].name} and {files[k + 1].name}: add them, or "
            "number the existing ones without gaps."
        )


def _spacing(series: "tifffile.TiffPageSeries") -> tuple[float, float, float]:
    """Spacing (z, y, x) in mm as written by ImageJ or this program; 1 where it is missing."""
    from tifffile import TiffPage

    described = (series.parent and series.parent.imagej_metadata) or {}
    scale = MILLIMETRES.get(str(described.get("unit")))
    page = series.keyframe
    if scale is None or not isinstance(page, TiffPage):
        return 1.0, 1.0, 1.0
    x, y = (_length(page.tags.get(name)) for name in ("XResolution", "YResolution"))
    return float(described.get("spacing", 1.0)) * scale, y * scale, x * scale


def _length(tag: "tifffile.TiffTag | None") -> float:
    """Length of a pixel in the file's unit."""
    above, below = tag.value if tag is not None else (1, 1)
    return below / above if above and below else 1.0


def _kind(voxels: np.ndarray) -> str:
    return f"{voxels.shape[-2]}×{voxels.shape[-1]} {voxels.dtype} pixels"


def _parts(path: Path) -> list[str]:
    return re.split(r"(\d+)", path.name)


class _Complaints(logging.Handler):
    """Errors that tifffile only logs, such as a truncated directory."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _only_series(path: Path) -> Iterator["tifffile.TiffPageSeries"]:
    """Open the file at `path` for its only series of equal pages. Raises AiwaveError as `header` does."""
    import tifffile

    complaints = _Complaints()
    logger = tifffile.logger()
    logger.addHandler(complaints)
    try:
        with tifffile.TiffFile(path) as file:
            all_series = file.series
            if complaints.messages:
                raise ValueError(complaints.messages[0])
            if len(all_series) != 1:
                raise AiwaveError(f"{path} holds {len(all_series)} images of different shapes: save one stack.")
            check_single_channel(str(path), _channels(all_series[0]))
            yield all_series[0]
    except AiwaveError:
        raise
    except Exception as error:  # every codec raises its own
        raise unreadable(str(path), str(error).rstrip(".")) from error
    finally:
        logger.removeHandler(complaints)


def _channels(series: "tifffile.TiffPageSeries") -> int:
    return math.prod(size for axis, size in zip(series.axes, series.shape, strict=True) if axis in "SC")


def _shape(series: "tifffile.TiffPageSeries") -> tuple[int, ...]:
    """(T, D, H, W) for a series with four axes, (D, H, W) for fewer."""
    if series.ndim == 4:
        return tuple(series.shape)
    height, width = series.keyframe.imagelength, series.keyframe.imagewidth
    return series.size // (height * width), height, width
