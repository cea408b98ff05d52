"""DICOM series written back into files, from their voxels and their kept headers."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import AiwaveError
from ..writing import filling
from . import dicom_mosaic
from .dicom_instance import Instance, lenient, reading
from .dicom_original import HEADERS, Record, record_of
from .image import Image

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

METHOD, DESCRIPTION = "AIWAVE", "Lossy compression with aiWave"
EXTREMES = ("SmallestImagePixelValue", "LargestImagePixelValue")
EXTREMES_OF_SERIES = ("SmallestPixelValueInSeries", "LargestPixelValueInSeries")


def write_folder(image: Image, folder: Path, exact: bool, ratio: float | None = None) -> list[Path]:
    """Write the files that an image was read from into a new folder, uncompressed; return their paths in order.

    If `exact`, the voxels are those read, and the headers are written as they were, with their UIDs. Otherwise the
    files are new ones that declare a lossy compression, by the factor `ratio` if it is known, and name their sources.

    Raises AiwaveError if the image has no DICOM headers, or voxels of another shape or type than they declare, or if
    the folder is not empty or cannot be written.
    """
    record = record_of(image.original)
    files = _by_file(image, record)
    key = b"" if exact else hashlib.sha256(image.voxels.tobytes()).digest()
    names = [f"{k:0{len(str(len(files)))}d}.dcm" for k in range(1, len(files) + 1)]
    with filling(folder) as temporary, lenient():
        for name, data, planes, unused in zip(names, record.datasets(), files, record.unused, strict=True):
            pixels = dicom_mosaic.packed(planes)[None] if record.tiles else planes
            with reading(HEADERS):
                _check(pixels, data)
            if exact and unused:
                bits = np.frombuffer(unused, f"u{pixels.itemsize}").reshape(pixels.shape)
                pixels = (pixels.view(bits.dtype) ^ bits).view(pixels.dtype)
            if not exact:
                pixels = _in_range(pixels, data)
                _declare_lossy(data, key, ratio)
            _save(data, pixels, temporary / name)
    return [folder / name for name in names]


def _by_file(image: Image, record: Record) -> list[np.ndarray]:
    """Frames or tiles of every file, each (F, H, W). Raises AiwaveError if the record has another number of them."""
    planes = image.voxels.reshape(-1, *image.voxels.shape[-2:])
    if len(planes) != len(record.places):
        raise AiwaveError(
            f"The image has {len(planes)} slices, but its DICOM headers are those of {len(record.places)}: write the "
            "whole image, or another format."
        )
    counts = [0] * len(record.headers)
    for file, index in record.places:
        counts[file] = max(counts[file], index + 1)
    files = [np.zeros((count, *planes.shape[1:]), planes.dtype) for count in counts]
    for plane, (file, index) in zip(planes, record.places, strict=True):
        files[file][index] = plane
    return files


def _check(pixels: np.ndarray, data: "Dataset") -> None:
    """Raise AiwaveError unless pixels (F, H, W) have the size and type that a header declares."""
    declared = Instance(HEADERS, data)
    if pixels.shape != (declared.count, *declared.size) or pixels.dtype != declared.dtype:
        raise AiwaveError(
            f"The image has slices of {list(pixels.shape[1:])} {pixels.dtype} voxels, but its DICOM headers declare "
            f"{list(declared.size)} {declared.dtype}: write the whole image, or another format."
        )


def _in_range(pixels: np.ndarray, data: "Dataset") -> np.ndarray:
    """Pixels clipped to the range of the bits that a header declares as stored."""
    bits, stored = 8 * pixels.itemsize, int(data.get("BitsStored") or 8 * pixels.itemsize)
    if pixels.dtype.kind == "f" or stored >= bits:
        return pixels
    limits = np.iinfo(pixels.dtype)
    return np.clip(pixels, limits.min >> (bits - stored), limits.max >> (bits - stored))


def _declare_lossy(data: "Dataset", key: bytes, ratio: float | None) -> None:
    """Make a data set a new one, derived from its former self; its new UIDs depend on those and on `key`."""
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    source = Dataset()
    source.ReferencedSOPClassUID = data.get("SOPClassUID", "")
    source.ReferencedSOPInstanceUID = data.get("SOPInstanceUID", "")
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        setattr(data, keyword, generate_uid(entropy_srcs=[str(data.get(keyword)), key.hex()]))
    for keyword in (*EXTREMES, *EXTREMES_OF_SERIES):
        if keyword in data:
            delattr(data, keyword)
    method = Dataset()
    method.CodeValue, method.CodingSchemeDesignator, method.CodeMeaning = "113040", "DCM", "Lossy Compression"
    data.SourceImageSequence, data.DerivationCodeSequence = [source], [method]
    data.DerivationDescription = DESCRIPTION
    data.ImageType = ["DERIVED", *list(data.get("ImageType") or ["", "PRIMARY"])[1:]]
    data.LossyImageCompression = "01"
    ratios, methods = _values(data, "LossyImageCompressionRatio"), _values(data, "LossyImageCompressionMethod")
    methods += [""] * (len(ratios) - len(methods))  # values of both belong together by their order
    data.LossyImageCompressionMethod = [*methods, METHOD]
    if ratio is not None and len(ratios) == len(methods):
        data.LossyImageCompressionRatio = [*ratios, f"{ratio:.6g}"]


def _values(data: "Dataset", keyword: str) -> list:
    """Values of an element, [] if it is absent or empty."""
    if keyword not in data or data[keyword].is_empty:
        return []
    element = data[keyword]
    return list(element.value) if element.VM > 1 else [element.value]


def _save(data: "Dataset", pixels: np.ndarray, path: Path) -> None:
    """Write a file as Explicit VR Little Endian with the pixels (F, H, W)."""
    from pydicom import dcmwrite
    from pydicom.pixels.utils import pack_bits
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    bits = int(data.BitsAllocated)
    little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    content = pack_bits(little) if bits == 1 else little.tobytes() + b"\0" * (little.nbytes % 2)
    if pixels.dtype.kind == "f":
        keyword, vr = ("FloatPixelData", "OF") if bits == 32 else ("DoubleFloatPixelData", "OD")
    else:
        keyword, vr = "PixelData", "OB" if bits <= 8 else "OW"
    setattr(data, keyword, content)
    data[keyword].VR = vr
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # a file needs UIDs, even if its data set has none
    unnamed = generate_uid(entropy_srcs=[path.name, hashlib.sha256(content).hexdigest()])
    data.file_meta.MediaStorageSOPClassUID = data.get("SOPClassUID") or SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.get("SOPInstanceUID") or unnamed
    dcmwrite(path, data, enforce_file_format=True)
