"""MINC files of both versions, through nibabel: netCDF (MINC 1), and HDF5 (MINC 2), which needs h5py.

Their headers are not kept.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..budget import check_image_budget
from ..errors import AiwaveError
from .axis_order import AxisOrder
from .bounded_stream import DAMAGE, opened, read_up_to
from .image import Image, check_numeric, unreadable
from .nifti_geometry import placement
from .placement import Placement, sound_length

SUFFIXES = (".mnc", ".mnc.gz")
HDF5 = b"\x89HDF"
PIECE_BYTES = 1 << 26
SPACE = ("zspace", "yspace", "xspace")


def takes(path: Path) -> bool:
    """True if `path` is a MINC file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path, channel: int | None = None) -> list[Image]:
    """Read the file as one image, (D, H, W) or (T, D, H, W).

    Voxels are those stored, with one slope and intercept. Where each slice is scaled in its own way, they are the
    physical values as float32, which the image's note says. Raises AiwaveError, naming the file, if it is damaged, has
    other axes or voxels of a type that is not supported, if `channel` is given, or h5py is missing.
    """
    with _opened_minc(path) as minc:
        found = _header(str(path), minc)
        check_image_budget(int(np.prod(found.order.shape)) * found.dtype.itemsize, path)
        voxels = _stored(minc, found)
        scaling = _scaling(minc, found)
    slope, intercept, note = 1.0, 0.0, ""
    if scaling.is_one:
        slope, intercept = float(scaling.slope.flat[0]), float(scaling.intercept.flat[0])
    else:
        voxels = (voxels * scaling.slope + scaling.intercept).astype(np.float32)
        note = "physical values as float32, since each slice is scaled in its own way"
    voxels, _ = found.order.arranged(voxels, channel)
    spacing, origin, direction = found.place
    return [Image(voxels, spacing, origin, direction, slope, intercept, period=found.period, note=note)]


@contextmanager
def _opened_minc(path: Path) -> Iterator[Any]:
    """nibabel's view of the file. Raises AiwaveError if it is no MINC file, refers to others, or fails in the block."""
    from nibabel.externals.netcdf import netcdf_file
    from nibabel.minc1 import Minc1File
    from nibabel.minc2 import Minc2File

    try:
        content = _content(path)
        if not content.startswith(HDF5):
            yield Minc1File(netcdf_file(io.BytesIO(content), mmap=False))
            return
        with _hdf5(path, content) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unknown spacings, taken as regular
            yield Minc2File(file)
    except AiwaveError:
        raise
    except Exception as error:  # nibabel and h5py raise errors of any class where a file is damaged
        raise unreadable(str(path), str(error).strip("'\"").rstrip(".") or type(error).__name__) from error


def _content(path: Path) -> bytes:
    """The file, unzipped if it is gzipped. Raises AiwaveError if that takes too much memory or it is damaged."""
    content = bytearray()
    try:
        with opened(path) as stream:
            while piece := read_up_to(stream, PIECE_BYTES):
                content += piece
                check_image_budget(len(content), path)
    except DAMAGE as error:
        raise unreadable(str(path), str(error).rstrip(".")) from error
    return bytes(content)


def _hdf5(path: Path, content: bytes) -> Any:
    """The HDF5 file of this content. Raises AiwaveError without h5py, or if the image lies in other files."""
    try:
        import h5py
    except ImportError as error:
        raise AiwaveError(
            f"{path} is a MINC 2 file, which needs h5py: pip install 'aiwave[minc]', or convert it with mnc2nii."
        ) from error
    file = h5py.File(io.BytesIO(content), "r")
    outside = []

    def visit(name: str, link: Any) -> None:
        if isinstance(link, h5py.ExternalLink) or _lies_elsewhere(file, name, link):
            outside.append(name)

    file.visititems_links(visit)
    if outside:
        raise AiwaveError(f"{path} refers to other files ({outside[0]}), which is refused: save it as one file.")
    return file


def _lies_elsewhere(file: Any, name: str, link: Any) -> bool:
    """True if a hard link leads to an array whose values another file holds."""
    import h5py

    item = file[name] if isinstance(link, h5py.HardLink) else None
    return isinstance(item, h5py.Dataset) and (bool(item.external) or item.is_virtual)


@dataclass(frozen=True)
class _MincHeader:
    """Names of the stored axes, their order in the image, type of the voxels, seconds between times, and geometry."""

    names: tuple[str, ...]
    order: AxisOrder
    dtype: np.dtype
    period: float
    place: Placement


def _header(file: str, minc: Any) -> _MincHeader:
    """Header of the image. Raises AiwaveError unless it has three axes of space and at most one of time."""
    names = tuple(minc._dim_names)
    shape, zooms, dtype = tuple(minc.get_data_shape()), minc.get_zooms(), np.dtype(minc.get_data_dtype())
    space = [k for k, name in enumerate(names) if name in SPACE]
    others = [k for k in range(len(names)) if k not in space]
    if len(space) != 3 or len(others) > 1 or any(names[k] != "time" for k in others):
        raise AiwaveError(
            f"{file} has the axes {', '.join(names)}: save a volume, or a series of volumes over time, of z, y and x."
        )
    check_numeric(file, dtype)
    letters = "".join("T" if name == "time" else "ZYX"[space.index(k)] for k, name in enumerate(names))
    period = abs(float(getattr(minc._dims[others[0]], "step", 0))) if others else 0.0
    columns = minc.get_affine()[:, [2, 1, 0, 3]]  # nibabel's are those of the axes as stored, slowest first
    return _MincHeader(
        names,
        AxisOrder(file, letters, shape),
        dtype,
        period if np.isfinite(period) and period > 0 else 0.0,
        placement(columns, [sound_length(zooms[k]) for k in reversed(space)]),
    )


def _stored(minc: Any, found: _MincHeader) -> np.ndarray:
    """Stored voxels, in native byte order and of the shape of the file. Raises ValueError if there are too few."""
    image = minc._image
    data = np.asarray(image.data if hasattr(image, "typecode") else image[()])
    voxels = data.view(found.dtype).reshape(found.order.shape)
    return voxels.astype(found.dtype.newbyteorder("="))


@dataclass(frozen=True)
class _Scaling:
    """Physical value = `slope` * voxel + `intercept`, whose shapes broadcast to the voxels'."""

    slope: np.ndarray
    intercept: np.ndarray

    @property
    def is_one(self) -> bool:
        """True if all slices share slope and intercept."""
        return bool((self.slope == self.slope.flat[0]).all() and (self.intercept == self.intercept.flat[0]).all())


def _scaling(minc: Any, found: _MincHeader) -> _Scaling:
    """Scaling of integers: the valid range of voxels becomes that of `image-min` and `image-max`, of each slice or all.

    Floats have none (MINC programmer's guide, "Pixel values and real values"). Raises ValueError if they do not fit.
    """
    if found.dtype.kind == "f":
        return _Scaling(np.ones(()), np.zeros(()))
    low, high = (_values(minc, limit, found) for limit in (minc._image_min, minc._image_max))
    valid_low, valid_high = (float(value) for value in minc._get_valid_range())
    if not valid_low < valid_high:
        raise ValueError(f"its valid range is {valid_low:g} to {valid_high:g}")
    slope = (high - low) / (valid_high - valid_low)
    intercept = low - valid_low * slope
    if not (np.isfinite(slope).all() and np.isfinite(intercept).all() and (slope != 0).any()):
        raise ValueError("its image-min and image-max span no values")
    return _Scaling(slope, intercept)


def _values(minc: Any, limit: Any, found: _MincHeader) -> np.ndarray:
    """Values of `image-min` or `image-max`, whose axes are the first of the image, with further ones of length 1."""
    names = tuple(minc._get_dimensions(limit))
    values = np.asarray(minc._get_array(limit) if names else minc._get_scalar(limit), float)
    if names != found.names[: len(names)] or values.shape != found.order.shape[: len(names)]:
        raise ValueError("the axes of image-min and image-max are not the first of the image")
    return values.reshape(values.shape + (1,) * (len(found.order.shape) - values.ndim))
