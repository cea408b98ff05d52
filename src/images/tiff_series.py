"""The images in a TIFF file: the file is opened for one of them, or refused."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AiwaveError
from .image import unreadable
from .tiff_references import check_named_files, check_page_files, check_pages_end

if TYPE_CHECKING:
    import tifffile

LISTED = 8
"""Images that a message lists."""


class _Complaints(logging.Handler):
    """Errors that tifffile only logs, such as a truncated directory."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def only_series(path: Path, number: int | None = None) -> Iterator["tifffile.TiffPageSeries"]:
    """Open the file at `path` for its only series of equal pages, or for series `number`, counted from 1.

    Raises AiwaveError, naming the file, if it is damaged or of another format, if pages or a codec are missing, and,
    with a list, if there are several series and no number, or no such number.
    """
    import tifffile

    complaints = _Complaints()
    logger = tifffile.logger()
    logger.addHandler(complaints)
    try:
        check_pages_end(path)
        with tifffile.TiffFile(path) as file:
            check_named_files(path, file)
            all_series = file.series
            if complaints.messages:
                raise ValueError(complaints.messages[0])
            if not (len(all_series) == 1 if number is None else 1 <= number <= len(all_series)):
                which = f"has no image {number}, but holds" if number is not None else "holds"
                raise AiwaveError(f"{path} {which} {_listed(all_series)}.")
            series = all_series[(number or 1) - 1]
            check_page_files(path, series)
            _check_pages(path, series)
            _check_compression(path, series)
            yield series
    except AiwaveError:
        raise
    except tifffile.TiffFileError as error:
        if "not a TIFF file" not in str(error):
            raise unreadable(str(path), str(error).rstrip(".")) from error
        raise AiwaveError(
            f"{path} cannot be read: it does not begin as a TIFF file, so it is damaged or of another format."
        ) from error
    except Exception as error:  # every codec raises its own
        raise unreadable(str(path), str(error).rstrip(".")) from error
    finally:
        logger.removeHandler(complaints)


def _check_pages(path: Path, series: "tifffile.TiffPageSeries") -> None:
    """Raise AiwaveError if pages are missing that an OME description declares, which tifffile replaces by zeros."""
    missing = sum(page is None for page in series.pages)
    if missing:
        raise AiwaveError(
            f"{path} lacks {missing} of the {len(series.pages)} pages that it declares: fetch it again, together with "
            "the other files of the image, if its description names some."
        )


def _check_compression(path: Path, series: "tifffile.TiffPageSeries") -> None:
    """Raise AiwaveError if the voxels are compressed in a way that no installed codec knows."""
    from tifffile import TIFF

    code = int(series.keyframe.compression)
    try:
        TIFF.DECOMPRESSORS[code]
    except (KeyError, ValueError) as error:
        raise AiwaveError(
            f"{path} has the TIFF compression {code}, which cannot be read: save it with deflate or LZW."
        ) from error


def _listed(all_series: "Sequence[tifffile.TiffPageSeries]") -> str:
    """Number of the images of a file, and what to do: with their shapes and names."""
    shapes = ["×".join(map(str, series.shape)) for series in all_series]
    kind = "images of different shapes" if len(set(shapes)) > 1 else "images" if len(shapes) > 1 else "image"
    named = [
        f"{k}: {shape} {series.dtype}" + (f" {series.name}" if series.name else "")
        for k, (shape, series) in enumerate(zip(shapes, all_series, strict=True), start=1)
    ]
    more = f"; and {len(named) - LISTED} more" if len(named) > LISTED else ""
    choice = f"{'; '.join(named[:LISTED])}{more}"
    return f"{len(shapes)} {kind}: save one as a stack, or give the number of one as --series: {choice}"
