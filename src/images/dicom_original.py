"""Headers of a DICOM series, kept compactly: what all files share is stored once."""

import io
import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AiwaveError
from .dicom_instance import PIXELS, Instance, lenient, reading
from .dicom_planes import Plane
from .image import Original

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FORMAT = "dicom"
HEADERS = Path("The DICOM headers")  # named in errors in place of a file
MOST = 1 << 30  # bytes of headers that are unpacked
IDENTIFYING = tuple(
    """
    PatientName PatientID PatientBirthDate PatientBirthTime PatientBirthName PatientSex PatientAge PatientSize
    PatientWeight PatientAddress PatientTelephoneNumbers PatientMotherBirthName PatientComments PatientState
    OtherPatientIDs OtherPatientNames OtherPatientIDsSequence IssuerOfPatientID EthnicGroup Occupation MilitaryRank
    AdditionalPatientHistory CountryOfResidence RegionOfResidence MedicalRecordLocator ResponsiblePerson
    AccessionNumber StudyID AdmissionID ImageComments InstitutionName InstitutionAddress StationName
    InstitutionalDepartmentName DeviceSerialNumber ReferringPhysicianName ReferringPhysicianAddress
    ReferringPhysicianTelephoneNumbers PhysiciansOfRecord PerformingPhysicianName NameOfPhysiciansReadingStudy
    RequestingPhysician ScheduledPerformingPhysicianName OperatorsName PersonName VerifyingObserverName
    ContentCreatorName RequestAttributesSequence StudyDate StudyTime SeriesDate AcquisitionDate ContentDate
    """.split()  # noqa: SIM905
)
"""Attributes that identify people, from the basic profile of PS3.15."""


@dataclass(frozen=True)
class Record:
    """Headers of the files of a series, encoded as Explicit VR Little Endian without pixels.

    `places` are the file and its frame or tile of every plane of the voxels, in their order; `tiles` is the number of
    tiles of a mosaic, 0 for others. `unused` are the bits of a file's pixels that are not in the voxels, as unsigned
    integers of the size of a voxel, b"" if there are none. `rescales` are slope and intercept of every plane, [] if all
    have the same.
    """

    headers: list[bytes]
    places: list[tuple[int, int]]
    tiles: int
    unused: list[bytes]
    rescales: list[tuple[float, float]]

    def datasets(self) -> "Iterator[Dataset]":
        """Parse the headers. Raises AiwaveError if they are damaged."""
        for header in self.headers:
            yield parsed(header)


def original_of(planes: Sequence[Plane], unused: Sequence[bytes]) -> Original | None:
    """The headers of the files of `planes`, which are in the order of the voxels; `unused` is by file.

    None if a file has planes that are not among them, since it could not be written back, or for more than `MOST`.
    """
    instances = list({id(plane.instance): plane.instance for plane in planes}.values())
    numbers = {id(instance): k for k, instance in enumerate(instances)}
    places = [(numbers[id(plane.instance)], plane.index) for plane in planes]
    tiles = planes[0].tiles
    if len(places) != sum(tiles or instance.count for instance in instances):
        return None
    known: dict[tuple, bytes] = {}
    headers = [_elements(instance, known) for instance in instances]
    if sum(len(value) for header in headers for value in header.values()) > MOST:
        return None
    shared = {tag: value for tag, value in headers[0].items() if all(one.get(tag) == value for one in headers[1:])}
    content = [b"".join(shared[tag] for tag in sorted(shared))]
    columns = []
    for tag in sorted({tag for header in headers for tag in header if tag not in shared}):
        values = [header.get(tag, b"") for header in headers]
        distinct = list(dict.fromkeys(values))
        which = {value: k for k, value in enumerate(distinct)}
        columns.append([[len(value) for value in distinct], [which[value] for value in values]])
        content += distinct
    index = {
        "files": len(instances),
        "shared": len(content[0]),
        "columns": [[lengths, which if len(lengths) < len(headers) else None] for lengths, which in columns],
        "places": None
        if places == [(k, 0) for k in range(len(places))]
        else [list(one) for one in zip(*places, strict=True)],
        "tiles": tiles,
        "rescales": [plane.rescale for plane in planes] if len({plane.rescale for plane in planes}) > 1 else None,
        "unused": [len(bits) for bits in unused] if any(unused) else None,
    }
    head = json.dumps(index, separators=(",", ":")).encode()
    return Original(FORMAT, zlib.compress(b"".join([struct.pack("<I", len(head)), head, *content, *unused]), 9))


def record_of(original: Original | None) -> Record:
    """Unpack the headers. Raises AiwaveError if they are not those of DICOM files, or damaged."""
    if original is None or original.format != FORMAT:
        raise AiwaveError("The file does not hold the headers of DICOM files: write another format.")
    try:
        return _unpacked(original.data)
    except (zlib.error, struct.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise AiwaveError(f"The file is damaged: its DICOM headers cannot be unpacked ({error}).") from error


def identifying(original: Original) -> list[str]:
    """Names of the attributes present, in whatever depth, that identify a patient, a person or an institution."""
    found: set[str] = set()
    with lenient():
        for data in record_of(original).datasets():
            found |= {element.keyword for element in data.iterall() if element.keyword in IDENTIFYING and element.value}
    return [name for name in IDENTIFYING if name in found]


def rescales(original: Original) -> list[tuple[float, float]]:
    """Slope and intercept of every plane, in the order of the voxels; [] if all are those that the image states."""
    return record_of(original).rescales


def parsed(header: bytes) -> "Dataset":
    """The data set that `Record.headers` encodes. Raises AiwaveError if it is damaged."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    with reading(HEADERS):
        data = read_dataset(io.BytesIO(header), is_implicit_VR=False, is_little_endian=True)
        data.file_meta = FileMetaDataset()
        return data


def _elements(instance: Instance, known: dict[tuple, bytes]) -> dict[int, bytes]:
    """Elements of a header by tag, each encoded as Explicit VR Little Endian; values in that encoding stay as is.

    `known` are elements encoded before, since most are the same in every file of a series.
    """
    from copy import deepcopy

    from pydicom.dataelem import RawDataElement
    from pydicom.filewriter import correct_ambiguous_vr

    found: dict[int, bytes] = {}
    with reading(instance.path):
        data = instance.header
        keep = data.original_encoding == (False, True)
        if not keep:
            data = correct_ambiguous_vr(deepcopy(data), True)
        charset = data.get("SpecificCharacterSet") or "iso8859"
        for tag in sorted(data.keys()):
            if tag in PIXELS or (tag.element == 0 and tag.group > 6):
                continue
            element: Any = data.get_item(tag) if keep else data[tag]
            if not isinstance(element, RawDataElement):
                found[int(tag)] = _encoded(element, charset)
                continue
            key = (int(tag), element.VR, element.length, element.value)
            found[int(tag)] = known[key] if key in known else known.setdefault(key, _encoded(element, charset))
    return found


def _encoded(element: Any, charset: str | Sequence[str]) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_data_element(stream, element, charset if isinstance(charset, str) else list(charset))
    return stream.getvalue()


def _unpacked(data: bytes) -> Record:
    unzipper = zlib.decompressobj()
    content = unzipper.decompress(data, MOST)
    if not unzipper.eof:
        raise ValueError(f"they are truncated, or longer than {MOST} bytes")
    (length,) = struct.unpack_from("<I", content)
    index = json.loads(content[4 : 4 + length])
    place = 4 + length

    def take(size: int) -> bytes:
        nonlocal place
        if not 0 <= size <= len(content) - place:
            raise ValueError("a length is wrong")
        place += size
        return content[place - size : place]

    shared, files = take(index["shared"]), int(index["files"])
    if files < 0 or files * (len(shared) + 1) > MOST:
        raise ValueError(f"they are those of {files} files")
    parts: list[list[bytes]] = [[shared] for _ in range(files)]
    for lengths, which in index["columns"]:
        values = [take(size) for size in lengths]
        for part, k in zip(parts, range(files) if which is None else which, strict=True):
            part.append(values[k])
    unused = [take(size) for size in index["unused"] or [0] * files]
    places = [(k, 0) for k in range(files)] if index["places"] is None else list(zip(*index["places"], strict=True))
    scales = [(float(slope), float(intercept)) for slope, intercept in index["rescales"] or []]
    if sum(len(one) for part in parts for one in part) > MOST:
        raise ValueError(f"they are longer than {MOST} bytes")
    return Record([b"".join(part) for part in parts], places, int(index["tiles"]), unused, scales)
