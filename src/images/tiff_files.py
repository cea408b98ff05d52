"""TIFF stacks, and folders of TIFF slices, through tifffile."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..budget import check_image_budget
from ..errors import AiwaveError
from .axis_order import AxisOrder
from .image import Image, check_numeric
from .physical_units import millimetres
from .tiff_calibration import calibration
from .tiff_original import left_out, original_of, write_as_original
from .tiff_series import only_series

if TYPE_CHECKING:
    import tifffile

SUFFIXES = (".tif", ".tiff")
WRITTEN = (("nm", 1e-4), ("micron", 1e-1), ("mm", math.inf))
"""Units of the files written, each for pixels shorter than a length in mm."""

MOST = (1 << 32) - 1  # in a rational number of TIFF


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
    if len(files) < 2:
        return False
    with only_series(files[0]) as series:
        return _order(files[0], series).image_shape[-3:-2] == (1,)


def read(path: Path, channel: int | None = None) -> list[Image]:
    """Read a stack, or the slices of a folder: (D, H, W), (T, D, H, W) or (C, D, H, W).

    `channel`, counted from 1, chooses one. A whole stack keeps its tags as the image's original.
    Raises AiwaveError, naming the file, if it is damaged, has other axes or no such channel, and for missing or unequal
    slices.
    """
    if path.is_dir():
        return [_from_slices(slices(path), channel)]
    return [_stack(path, channel)]


def read_one(path: Path, channel: int | None, number: int | None) -> Image:
    """Read image `number`, counted from 1, of a file, or the only one of a file or folder.

    One of several keeps no tags, which describe them all. Raises AiwaveError as `read` does, and if there are several
    and no number, or no such number.
    """
    if path.is_dir() and number is not None:
        raise AiwaveError(f"{path} is a folder of TIFF slices, so it has no series to choose from: leave --series out.")
    return read(path, channel)[0] if number is None else _stack(path, channel, number=number)


def write(image: Image, path: Path) -> None:
    """Write a deflated stack: with the tags and page order of its original, if that is a TIFF file of the same voxels.

    Otherwise a stack or hyperstack of which ImageJ reads spacing, period and channels, signed voxels included.
    """
    if not write_as_original(image, path):
        _write_imagej(image, path)


def _write_imagej(image: Image, path: Path) -> None:
    import tifffile

    unit = next(name for name, limit in WRITTEN if image.spacing[2] < limit)
    z, y, x = (side / (millimetres(unit) or 1.0) for side in image.spacing)
    frames = len(image.voxels) if image.voxels.ndim == 4 else 1
    channels = image.channel_count or 1
    stacks = image.voxels.reshape(-1, channels, *image.voxels.shape[-3:]).swapaxes(1, 2)  # channels of a slice adjoin
    pages = np.ascontiguousarray(stacks.reshape(-1, *stacks.shape[-2:]))
    lines = ["ImageJ=1.54f", f"images={len(pages)}"]
    lines += [f"channels={channels}"] if channels > 1 or image.channels else []
    lines += [f"frames={frames // channels}"] if frames > channels or (frames == 1 and image.voxels.ndim == 4) else []
    lines += ["hyperstack=true"] if image.voxels.ndim == 4 else []
    lines += ["mode=composite"] if channels > 1 else []
    lines += [f"slices={image.voxels.shape[-3]}", f"unit={unit}", f"spacing={z!r}"]
    lines += [f"finterval={image.period!r}"] if image.period else []
    tifffile.imwrite(
        path,
        pages,
        photometric="minisblack",
        compression="zlib",
        resolution=(_resolution(x), _resolution(y)),
        description="\n".join([*lines, "loop=false\n"]),
        metadata=None,
        bigtiff=pages.nbytes > 1 << 31,
        ome=False,
    )


def _resolution(length: float) -> float:
    """Pixels per unit, within what a rational number of TIFF can hold."""
    return min(max(1 / length, 1 / MOST), float(MOST))


def _stack(path: Path, channel: int | None, keep: bool = True, number: int | None = None) -> Image:
    """The image of a file, or the one of a number; with `keep`, and all of the file, with its original."""
    with only_series(path, number) as series:
        order = _order(path, series)
        check_numeric(str(path), np.dtype(series.dtype))
        if channel is None:
            order.image_shape  # noqa: B018  # refuses other axes before the voxels are read
        check_image_budget(math.prod(order.shape) * np.dtype(series.dtype).itemsize, path)
        voxels, counted = order.arranged(series.asarray().reshape(order.shape), channel)
        spacing, period = calibration(series)
        count = len(series.parent.series) if series.parent else 1
        original = original_of(series, order) if keep and channel is None and count == 1 else None
        missing = left_out(series)
    if count > 1:
        note = f"image {number} of {count}, without the tags of the file"
    else:
        note = f"without what the tags of the file point to: {' and '.join(missing)}" if missing else ""
    return Image(voxels, spacing, period=period, **counted, original=original, note=note)


def _order(path: Path, series: "tifffile.TiffPageSeries") -> AxisOrder:
    """Axes of a series. ImageJ composes 7 channels at most: more, of single planes, are a stack of undeclared axes."""
    described = (series.parent and series.parent.imagej_metadata) or {"mode": "composite"}
    planes = series.axes == "CYX" and series.shape[0] > 7 and described.get("mode") != "composite"
    return AxisOrder(str(path), "QYX" if planes else series.axes, tuple(series.shape))


def _from_slices(files: Sequence[Path], channel: int | None) -> Image:
    """The volume, of one or several channels, whose slices are the files."""
    _check_complete(files)
    first = _stack(files[0], channel, keep=False)
    found = []
    for file in files:
        voxels = _stack(file, channel, keep=False).voxels
        if voxels.shape[-3] != 1:
            raise AiwaveError(
                f"{file} has {voxels.shape[-3]} pages: keep single slices and stacks in separate folders."
            )
        if (voxels.shape, voxels.dtype) != (first.voxels.shape, first.voxels.dtype):
            raise AiwaveError(
                f"{file} has {_kind(voxels)}, but {files[0].name} has {_kind(first.voxels)}: slices of a volume are "
                "alike, so put those of other volumes into separate folders."
            )
        found.append(voxels)
    return replace(first, voxels=np.concatenate(found, axis=-3))


def first_section(files: Sequence[Path]) -> Image:
    """The first of the files of a folder, which are single slices without gaps in their numbers.

    Raises AiwaveError for gaps, a first file of several pages, and as `read` does.
    """
    _check_complete(files)
    first = _stack(files[0], None, keep=False)
    if first.voxels.shape[-3] != 1:
        raise AiwaveError(f"{files[0]} has {first.voxels.shape[-3]} pages: give the stack itself.")
    return first


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


def _kind(voxels: np.ndarray) -> str:
    channels = f" with {len(voxels)} channels" if voxels.ndim == 4 else ""
    return f"{voxels.shape[-2]}×{voxels.shape[-1]} {voxels.dtype} pixels{channels}"


def _parts(path: Path) -> list[str]:
    return re.split(r"(\d+)", path.name)
