"""TIFF stacks through tifffile."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from monai.config.type_definitions import PathLike
from monai.data.image_reader import ImageReader
from monai.utils.misc import ensure_tuple

from ..errors import AiwaveError
from .header import Header
from .stored import check_single_channel, check_voxels, unreadable

SUFFIXES = (".tif", ".tiff")


class TiffReader(ImageReader):
    """MONAI reader of .tif and .tiff stacks: pages are slices, a single page is a volume of one slice.

    Gives the stored values, exactly, as a (D, H, W) or, for a series, (T, D, H, W) integer array.
    Raises AiwaveError, naming the file, when it is damaged or not such an array.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Tell whether every name ends in a suffix this reader takes."""
        return all(str(name).lower().endswith(SUFFIXES) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> tuple[str, np.ndarray]:
        """Return the file's name and its voxels, checked."""
        path = Path(ensure_tuple(data)[0])
        with _only_series(path) as series:
            voxels = series.asarray().reshape(_stack_shape(series))
        return str(path), check_voxels(str(path), voxels)

    def get_data(self, img: tuple[str, np.ndarray]) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the voxels and, as metadata, the dtype they are stored in."""
        return img[1], {"stored_dtype": img[1].dtype.name}


def tiff_header(path: Path) -> Header:
    """Return shape and dtype of the stack at `path` without reading its voxels.

    Raises AiwaveError if its directory cannot be read or tells of a colour image or of unlike pages.
    """
    with _only_series(path) as series:
        return Header(_stack_shape(series), np.dtype(series.dtype).newbyteorder("="))


class _Complaints(logging.Handler):
    """Keeps what tifffile only logs: a directory cut short is not an exception to it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _only_series(path: Path) -> Iterator[tifffile.TiffPageSeries]:
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


def _stack_shape(series: tifffile.TiffPageSeries) -> tuple[int, ...]:
    """(T, D, H, W) for a series with four axes, (D, H, W) for fewer."""
    if series.ndim == 4:
        return tuple(series.shape)
    height, width = series.keyframe.imagelength, series.keyframe.imagewidth
    return series.size // (height * width), height, width
