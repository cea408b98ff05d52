"""FreeSurfer's MGH and AFNI's HEAD and BRIK files, through nibabel.

Their headers are not kept. Voxels are read here, since nibabel takes the memory that a header claims.
"""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .axis_order import AxisOrder
from .bounded_stream import DAMAGE, opened, read_up_to, read_voxel_bytes
from .image import Image, check_numeric, unreadable
from .nifti_geometry import placement
from .placement import Placement, sound_length

MGH, AFNI = (".mgh", ".mgz", ".mgh.gz"), (".head", ".brik", ".brik.gz")
SUFFIXES = (*MGH, *AFNI)
MGH_HEADER, MGH_START = 90, 284
"""Bytes of the header of an MGH file, and of all before its voxels."""
LONGEST = 1 << 26
"""Most bytes of a HEAD file."""
AFNI_TIMES = {77001: 1e-3, 77002: 1.0}
"""Seconds by the code of a unit; the other is Hz."""


def takes(path: Path) -> bool:
    """True if `path` is an MGH or AFNI file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read(path: Path, channel: int | None = None) -> list[Image]:
    """Read the file as one image, (D, H, W), (T, D, H, W) or (C, D, H, W), as stored, with the slope of AFNI.

    `path` is an MGH file, or a HEAD or BRIK beside the other one. AFNI's sub-bricks are channels unless they are
    times. `channel`, counted from 1, chooses one. Raises AiwaveError, naming the file, if it is damaged or truncated,
    lacks its other half, has voxels that are not supported or no such channel.
    """
    return [_mgh(path, channel) if path.name.lower().endswith(MGH) else _afni(path, channel)]


def is_second_half(path: Path) -> bool:
    """True if `path` is a BRIK, which is read with the HEAD beside it."""
    return path.name.lower().endswith(AFNI[1:]) and _beside(path, ".HEAD") is not None


def _mgh(path: Path, channel: int | None) -> Image:
    from nibabel.freesurfer.mghformat import MGHHeader

    try:
        with opened(path) as stream:
            block = bytes(read_up_to(stream, MGH_START))
            if len(block) < MGH_START:
                raise ValueError(f"it holds {len(block)} of {MGH_START} bytes of header")
            fields = MGHHeader(block[:MGH_HEADER], check=False)
            order, dtype = _mgh_axes(str(path), fields)
            content, tail = read_voxel_bytes(stream, math.prod(order.shape) * dtype.itemsize, str(path))
            period = float(np.frombuffer(tail, ">f4", 1)[0]) / 1000 if len(tail) >= 4 and "T" in order.letters else 0.0
    except DAMAGE as error:
        raise unreadable(str(path), str(error).rstrip(".")) from error
    period = period if math.isfinite(period) and period > 0 else 0.0
    with np.errstate(all="ignore"):  # a damaged affine is corrected
        affine = np.array(fields.get_affine(), float)
    place = placement(affine, [sound_length(length) for length in fields["delta"]])
    return _image(order, np.frombuffer(content, dtype), channel, place, period=period)


def _mgh_axes(file: str, fields: Any) -> tuple[AxisOrder, np.dtype]:
    """Axes and type of the voxels. Raises AiwaveError if the header is none or they are not supported."""
    from nibabel.freesurfer.mghformat import data_type_codes

    sides, code = [int(side) for side in fields["dims"]], int(fields["type"])
    if int(fields["version"]) != 1 or min(sides) < 0:
        raise AiwaveError(f"{file} cannot be read (it has no MGH header): fetch it again.")
    if code not in data_type_codes.value_set():
        raise AiwaveError(f"{file} has voxels of type {code}, which cannot be read: convert it to NIfTI.")
    return _order(file, "TZYX", sides[::-1]), np.dtype(fields.get_data_dtype())


def _afni(path: Path, channel: int | None) -> Image:
    is_head = path.name.lower().endswith(AFNI[0])
    head, brik = (path, _beside(path, ".BRIK", ".BRIK.gz")) if is_head else (_beside(path, ".HEAD"), path)
    if head is None or brik is None:
        raise AiwaveError(f"{path} has no {'BRIK' if is_head else 'HEAD'} file beside it: add it.")
    found = _afni_header(head)
    check_numeric(str(head), found.dtype)
    if len(set(found.slopes)) > 1:
        raise AiwaveError(
            f"{head} scales its sub-bricks differently, which an image cannot keep: convert it to floats with AFNI's "
            "3dcalc."
        )
    order = _order(str(head), found.letters, found.shape)
    try:
        with opened(brik) as stream:
            content, _ = read_voxel_bytes(stream, math.prod(order.shape) * found.dtype.itemsize, str(brik))
    except DAMAGE as error:
        raise unreadable(str(brik), str(error).rstrip(".")) from error
    period = found.period if "T" in order.letters else 0.0
    return _image(order, np.frombuffer(content, found.dtype), channel, found.place, found.slopes[0], period)


@dataclass(frozen=True)
class _AfniHeader:
    """Axes, slowest first, type, slope of each sub-brick, time between them in s, and geometry."""

    letters: str
    shape: tuple[int, ...]
    dtype: np.dtype
    slopes: tuple[float, ...]
    period: float
    place: Placement


def _afni_header(head: Path) -> _AfniHeader:
    """The header in a HEAD file. Raises AiwaveError if it is damaged, or of voxels that nibabel does not know."""
    from nibabel.brikhead import AFNIHeader, AFNIHeaderError, AFNIImageError

    try:
        with opened(head) as stream:
            text = read_up_to(stream, LONGEST).decode("latin-1").replace("\r\n", "\n")
        fields = AFNIHeader.from_fileobj(io.StringIO(text))
        info, scaling = fields.info, fields.get_data_scaling()
        shape = tuple(int(side) for side in fields.get_data_shape())[::-1]
        if len(shape) != 4 or min(shape) < 0:
            raise ValueError(f"its axes are {list(shape)}")
        is_series, period = "TAXIS_NUMS" in info, 0.0
        if is_series and "TAXIS_FLOATS" in info:
            period = float(info["TAXIS_FLOATS"][1]) * AFNI_TIMES.get(int(info["TAXIS_NUMS"][2]), 0.0)
        return _AfniHeader(
            "TZYX" if is_series else "CZYX",
            shape,
            np.dtype(fields.get_data_dtype()),
            (1.0,) if scaling is None else tuple(float(slope) for slope in scaling),
            period if math.isfinite(period) and period > 0 else 0.0,
            placement(fields.get_affine(), [sound_length(length) for length in fields.get_zooms()[:3]]),
        )
    except AFNIImageError as error:
        raise AiwaveError(
            f"{head} cannot be read ({str(error).rstrip('.')}): convert it to NIfTI with 3dAFNItoNIFTI."
        ) from error
    except KeyError as error:
        raise unreadable(str(head), f"its header lacks {error.args[0]}") from error
    except (AFNIHeaderError, *DAMAGE, TypeError, LookupError, AttributeError) as error:
        reason = str(error).partition(". ")[0].partition("\n")[0].rstrip(".")
        raise unreadable(str(head), reason or "its header is damaged") from error


def _order(file: str, letters: str, shape: Sequence[int]) -> AxisOrder:
    """Axes of an array, slowest first, without the first if its length is 1."""
    skipped = 1 if shape[0] == 1 else 0
    return AxisOrder(file, letters[skipped:], tuple(shape[skipped:]))


def _image(
    order: AxisOrder, stored: np.ndarray, channel: int | None, place: Placement, slope: float = 1, period: float = 0
) -> Image:
    voxels, counted = order.arranged(stored.reshape(order.shape), channel)
    spacing, origin, direction = place
    return Image(voxels, spacing, origin, direction, slope, period=period, **counted)


def _beside(path: Path, *suffixes: str) -> Path | None:
    """An existing file of the name of `path`, that of AFNI, with another suffix, in lower or upper case."""
    stem = re.sub(r"\.(head|brik|brik\.gz)$", "", path.name, flags=re.IGNORECASE)
    names = [stem + spelt for suffix in suffixes for spelt in (suffix, suffix.lower())]
    return next((file for name in names if (file := path.with_name(name)).is_file()), None)
