"""One DICOM file: its header, its pixels as stored, and what may be wrong with either."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..budget import check_image_budget
from ..errors import AiwaveError, printable
from . import dicom_decoders
from .image import check_single_channel, native, unreadable

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PIXELS = {0x7FE00008: "float32", 0x7FE00009: "float64", 0x7FE00010: ""}
"""Tags of pixel data, and their type of voxel; "" if the header declares it."""
IMAGES = ("Segmentation", "RT Dose", "Parametric Map", "Enhanced US Volume")
"""Kinds of images, besides those that have it in their name."""
DECLARED = ("BitsAllocated", "BitsStored", "Rows", "Columns")
UNCOMPRESSED = {(True, True): "1.2.840.10008.1.2", (False, True): "1.2.840.10008.1.2.1"}
LONGEST = 200  # characters of a reason
BIG_ENDIAN = "1.2.840.10008.1.2.2"


@dataclass(frozen=True, eq=False)
class Instance:
    """An open DICOM file: `header` is the data set without its pixels, which are not read yet."""

    path: Path
    header: "Dataset"

    @classmethod
    def open(cls, path: Path) -> "Instance":
        """Read the header. Raises AiwaveError, naming the file, if it is not DICOM, or damaged."""
        return cls(path, _parsed(path, pixels=False))

    @property
    def is_image(self) -> bool:
        """True if the file should have pixels, unlike a report, a structure set or a presentation state."""
        return self._has_size or " Image" in f" {self.kind}" or self.kind in IMAGES

    @property
    def _has_size(self) -> bool:
        return all(keyword in self.header for keyword in ("Rows", "Columns", "BitsAllocated"))

    @property
    def kind(self) -> str:
        """DICOM's name for the class of the file's content, such as "RT Structure Set"."""
        from pydicom.uid import UID

        uid = str(self.header.get("SOPClassUID") or self.header.file_meta.get("MediaStorageSOPClassUID") or "")
        name = UID(uid).name if uid else "object of unknown kind"
        return printable(name.removesuffix(" Storage"), 100)

    @property
    def syntax(self) -> str:
        """UID of the transfer syntax; if a file does not declare it, that in which its header was read."""
        declared = self.header.file_meta.get("TransferSyntaxUID")
        implicit, little = self.header.original_encoding
        return str(declared or UNCOMPRESSED.get((bool(implicit), bool(little)), BIG_ENDIAN))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of a frame."""
        return int(self.header.Rows), int(self.header.Columns)

    @property
    def count(self) -> int:
        """Number of frames."""
        return max(int(self.header.get("NumberOfFrames") or 1), 1)

    @cached_property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
        bits = int(self.header.BitsAllocated)
        if self.header.get("PixelRepresentation") is None and bits in (32, 64):
            return np.dtype(f"float{bits}")
        sign = "" if self.header.get("PixelRepresentation") == 1 else "u"
        return np.dtype("uint8" if bits == 1 else f"{sign}int{bits}")

    def check_size(self) -> None:
        """Raise AiwaveError, naming the file, if it is too small for the frames that it declares."""
        if not self._has_size:
            raise AiwaveError(f"{self.path} is a {self.kind} without pixels: fetch it again, or move it elsewhere.")
        bits = 8 * self.dtype.itemsize if int(self.header.BitsAllocated) > 1 else 1
        least = 8 * self.count  # every compressed frame is an item with a tag and a length
        if self.syntax in (*UNCOMPRESSED.values(), BIG_ENDIAN):
            least = self.count * int(np.prod(self.size)) * bits // 8
        if least > (present := self.path.stat().st_size):
            raise unreadable(str(self.path), f"its {present} bytes cannot hold {self.count} frames of {self.size}")
        check_image_budget(self.count * math.prod(self.size) * self.dtype.itemsize, self.path)

    def check_kind(self) -> None:
        """Raise AiwaveError, naming the file, if it holds colours or pixels that cannot be decoded."""
        from pydicom.uid import UID

        with reading(self.path):
            check_single_channel(str(self.path), int(self.header.get("SamplesPerPixel") or 1))
            if "PALETTE" in text(self.header, "PhotometricInterpretation"):
                raise AiwaveError(f"{self.path} is a colour image (indices of a palette): save its grey values.")
            try:
                dicom_decoders.decoder_of(self.syntax)
            except NotImplementedError as error:
                raise AiwaveError(
                    f"{self.path} has the transfer syntax {UID(self.syntax).name}, which no package decodes here: "
                    "convert it to Explicit VR Little Endian."
                ) from error

    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Read the frames, (F, H, W), and the bits beyond those that hold the values, as unsigned integers (F, H, W).

        The second array is empty if there are none. Elements after the pixels are added to the header. Raises
        AiwaveError, naming the file, if it is damaged or has no pixels.
        """
        from pydicom.uid import UID

        data = _parsed(self.path, pixels=True)
        if not any(tag in data for tag in PIXELS):
            raise unreadable(str(self.path), "its pixels are missing or cut off")
        with reading(self.path):
            for tag in sorted(data.keys()):
                if tag > max(PIXELS):
                    self.header[tag] = data[tag]
            decoder, plugin = dicom_decoders.decoder_of(self.syntax)
            data.file_meta.TransferSyntaxUID = UID(self.syntax)
            for keyword in ("PixelRepresentation", "BitsStored"):  # some programs omit them
                if keyword not in data and "PixelData" in data:
                    setattr(data, keyword, data.BitsAllocated if keyword == "BitsStored" else 0)
            options: Any = {"allow_excess_frames": True, "correct_unused_bits": False}
            whole, _ = decoder.as_array(data, raw=True, decoding_plugin=plugin, **options)
            if whole.size != self.count * int(np.prod(self.size)):
                raise ValueError(f"it has {whole.size // int(np.prod(self.size))} frames instead of {self.count}")
            frames = native(whole.reshape(self.count, *self.size))
            used = self._used(frames)
            voxels = used.astype(self.dtype, copy=False)
            if used.dtype != voxels.dtype and not np.array_equal(used, voxels):
                raise ValueError(f"its values do not fit into {self.dtype}")
        if used is frames or decoder.is_encapsulated:
            return voxels, np.empty(0, np.uint8)
        unused = frames.view(f"u{frames.itemsize}") ^ used.view(f"u{used.itemsize}")
        return voxels, unused if unused.any() else np.empty(0, np.uint8)

    def _used(self, frames: np.ndarray) -> np.ndarray:
        """The values without the bits that do not belong to them, sign extended; the same array if all do.

        pydicom has extended the sign of values compressed with a precision of their own.
        """
        bits, allocated = 8 * frames.itemsize, int(self.header.BitsAllocated)
        stored = int(self.header.get("BitsStored") or bits)
        high = int(number(self.header, "HighBit", stored - 1))
        done = self.syntax in (*dicom_decoders.JPEG_LS, *dicom_decoders.JPEG_2000, *dicom_decoders.HTJ2K)
        if frames.dtype.kind == "f" or done or stored >= bits or allocated == 1 or allocated != bits:
            return frames
        if not stored - 1 <= high < bits:
            raise ValueError(f"its values of {stored} bits cannot end at bit {high} of {bits}")
        used = frames << (bits - 1 - high)
        return np.right_shift(used, bits - stored, out=used)


@contextmanager
def lenient() -> Iterator[None]:
    """A block in which pydicom neither refuses nor warns of values against the standard, since they are kept as is."""
    from pydicom.config import disable_value_validation

    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """A block in which pydicom reads `path`, `lenient`, and with every failure as an AiwaveError that names it."""
    with lenient():
        try:
            yield
        except AiwaveError:
            raise
        except Exception as error:  # a damaged file makes pydicom and decoders raise almost anything
            raise unreadable(str(path), _reason(error)) from error


def text(data: "Dataset", keyword: str) -> str:
    """Value of an element as text, "" if it is absent or empty."""
    value = data.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def numbers(data: "Dataset", keyword: str, count: int) -> list[float]:
    """The `count` finite numbers of an element, [] if it is absent, or holds fewer or more."""
    value: Any = data.get(keyword)
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
    found = [float(one) for one in values if one not in (None, "")]
    return found if len(found) == count and all(np.isfinite(found)) else []


def number(data: "Dataset", keyword: str, default: float = 0.0) -> float:
    """The number of an element, `default` if it is absent."""
    return next(iter(numbers(data, keyword, 1)), default)


def _parsed(path: Path, pixels: bool) -> "Dataset":
    """The data set of a file. Raises AiwaveError, naming it, if it is not DICOM, or damaged."""
    from pydicom import dcmread
    from pydicom.dataset import FileMetaDataset

    with reading(path):
        data = dcmread(path, stop_before_pixels=not pixels, force=True)
        if not hasattr(data, "file_meta"):
            data.file_meta = FileMetaDataset()
        if not data.file_meta and "SOPClassUID" not in data and "Rows" not in data:
            raise AiwaveError(f"{path} cannot be read: it is not a DICOM file, so move or rename it.")
        if "DirectoryRecordSequence" not in data:
            for keyword in DECLARED:  # conversion from bytes happens here, where its failure is reported
                data.get(keyword)
        return data


def _reason(error: Exception) -> str:
    """First line of an error's message, of the decoder where one failed."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
    reason = lines[1].partition(": ")[2] if lines[0].startswith("Unable to decode") and len(lines) > 1 else lines[0]
    return reason.partition(". ")[0][:LONGEST].rstrip(".:")
