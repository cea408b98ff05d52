"""DICOM files for the tests: series, mosaics, enhanced multi-frame images and segmentations made from pydicom's CT."""

import gzip
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

PACKAGED = Path(pydicom.__file__).parent / "data/test_files"
SIEMENS_AND_PHILIPS = Path(nibabel.__file__).parent / "nicom/tests/data"


def ct():
    return pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))


def series(folder, count=8, change=lambda data, k: None, uid="1.2.3.9", first=0):
    """Slices 5 mm apart; slice k holds the CT's pixels + k. Returns their (count, 128, 128) voxels."""
    folder.mkdir(parents=True, exist_ok=True)
    plane = ct().pixel_array
    for k in range(count):
        data = ct()
        data.SeriesInstanceUID, data.SOPInstanceUID = uid, f"{uid}.{first + k + 1}"
        data.InstanceNumber = first + k + 1
        data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 5 * k]
        data.PixelData = (plane + k).astype("<i2").tobytes()
        change(data, k)
        data.save_as(folder / f"{(3 * k) % count:03d}_{first + k}.dcm")  # names tell nothing of the order
    return np.stack([plane + k for k in range(count)])


def unzipped(name, folder):
    """A file of a Siemens or Philips scanner that nibabel's tests use, unzipped into `folder`."""
    path = folder / name.removesuffix(".gz")
    content = (SIEMENS_AND_PHILIPS / name).read_bytes()
    path.write_bytes(gzip.decompress(content) if name.endswith(".gz") else content)
    return path


def wrapper(path):
    """nibabel's view of a file, without its warning that its DICOM readers are experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom.dicomwrappers import wrapper_from_file

        return wrapper_from_file(path)


def multiframe(path, voxels, frames, sop="1.2.840.10008.5.1.4.1.1.4.1", dimensions=(), shared=None, **elements):
    """An enhanced multi-frame file; `frames` give the functional groups of each frame of `voxels` (F, H, W)."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.SeriesInstanceUID = sop, "1.2.3.4.1", "1.2.3.4"
    data.Modality, data.SamplesPerPixel, data.PhotometricInterpretation = "MR", 1, "MONOCHROME2"
    data.NumberOfFrames, data.Rows, data.Columns = voxels.shape
    data.BitsAllocated = data.BitsStored = 8 * voxels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(voxels.dtype.kind == "i")
    data.DimensionIndexSequence = Sequence([_pointer(tag) for tag in dimensions])
    data.SharedFunctionalGroupsSequence = Sequence([shared or Dataset()])
    data.PerFrameFunctionalGroupsSequence = Sequence(list(frames))
    data.PixelData = voxels.tobytes()
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data["PixelData"].VR = "OW" if data.BitsAllocated > 8 else "OB"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)
    return path


def groups(position=None, orientation=None, spacing=None, index=None, rescale=None, segment=None, **timing):
    """The functional groups of a frame."""
    found = Dataset()
    for name, elements in (
        ("PlanePositionSequence", {"ImagePositionPatient": position}),
        ("PlaneOrientationSequence", {"ImageOrientationPatient": orientation}),
        ("PixelMeasuresSequence", {"PixelSpacing": spacing}),
        ("FrameContentSequence", {"DimensionIndexValues": index}),
        ("SegmentIdentificationSequence", {"ReferencedSegmentNumber": segment}),
        ("PixelValueTransformationSequence", rescale or {"RescaleSlope": None}),
        ("MRTimingAndRelatedParametersSequence", timing or {"RepetitionTime": None}),
    ):
        if None not in elements.values():
            item = Dataset()
            for keyword, value in elements.items():
                setattr(item, keyword, value)
            setattr(found, name, Sequence([item]))
    return found


def differences(one, other):
    """Tags of elements, except pixels and the retired lengths of groups, that two data sets do not share."""
    tags = {tag for tag in (*one.keys(), *other.keys()) if tag.group != 0x7FE0 and tag.element}
    return [
        str(tag)
        for tag in sorted(tags)
        if tag not in one or tag not in other or (one[tag].VR, one[tag].value) != (other[tag].VR, other[tag].value)
    ]


def _pointer(keyword):
    item = Dataset()
    item.DimensionIndexPointer = pydicom.tag.Tag(keyword)
    return item
