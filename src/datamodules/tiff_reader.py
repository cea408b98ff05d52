"""TIFF stacks through tifffile."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile

from ..errors import AiwaveError
from .header import Header
from .stored import check_single_channel, check_voxels, unreadable
from .volume_reader import VolumeReader

SUFFIXES = (".tif", ".tiff")


class TiffReader(VolumeReader):
    """MONAI reader of .tif and .tiff stacks: pages are slices, a single page is a volume of one slice."""

    suffixes = SUFFIXES

    def voxels(self, path: Path) -> np.ndarray:
        """Read and check the voxels of one file; see `VolumeReader`."""
        with only_series(path) as series:
            voxels = series.asarray().reshape(stack_shape(series))
        return check_voxels(str(path), voxels)


def tiff_header(path: Path) -> Header:
    """Return shape and dtype of the stack at `path` without reading its voxels.

    Raises AiwaveError if its directory cannot be read or tells of a colour image or of unlike pages.
    """
    with only_series(path) as series:
        return Header(stack_shape(series), np.dtype(series.dtype).newbyteorder("="))


class _Complaints(logging.Handler):
    """Keeps what tifffile only logs: a directory cut short is not an exception to it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def only_series(path: Path) -> Iterator[tifffile.TiffPageSeries]:
    """Open the file at `path` for its one series of like pages. Raises AiwaveError as `tiff_header` does."""
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


def _channels(series: tifffile.TiffPageSeries) -> int:
    return math.prod(size for axis, size in zip(series.axes, series.shape, strict=True) if axis in "SC")


def stack_shape(series: tifffile.TiffPageSeries) -> tuple[int, ...]:
    """(T, D, H, W) for a series with four axes, (D, H, W) for fewer."""
    if series.ndim == 4:
        return tuple(series.shape)
    height, width = series.keyframe.imagelength, series.keyframe.imagewidth
    return series.size // (height * width), height, width
