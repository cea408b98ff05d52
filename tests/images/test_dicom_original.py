"""Headers of DICOM files, kept and written back: element by element, compactly, deterministically."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from aiwave.errors import AiwaveError
from aiwave.images import Original, dicom, read_image
from aiwave.images.dicom_original import identifying, rescales
from aiwave.images.dicom_writer import write_folder

from .dicom_files import PACKAGED, differences, series, unzipped

SINGLE = [
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_padded.dcm",
    "rtdose.dcm",
    "liver_1frame.dcm",
    "image_dfl.dcm",
    "examples_overlay.dcm",
    "693_J2KI.dcm",
    "JPGExtended.dcm",
]


def same(image, other):
    np.testing.assert_array_equal(image.voxels, other.voxels)
    assert image.voxels.dtype == other.voxels.dtype
    for name in ("spacing", "origin", "direction", "slope", "intercept", "modality", "period", "channels"):
        assert getattr(image, name) == getattr(other, name), name


def check_exact(source, folder):
    """Read a file or folder, write it back, and compare."""
    image = read_image(str(source))
    written = write_folder(image, folder, exact=True)
    same(read_image(str(folder)), image)
    paths = [source] if source.is_file() else [path for path in source.iterdir() if dicom.is_dicom(path)]
    sources = [pydicom.dcmread(path) for path in paths]
    by_uid = {data.get("SOPInstanceUID"): data for data in sources if "Rows" in data}
    assert len(written) == len(by_uid)
    for path in written:
        data = pydicom.dcmread(path)
        original = by_uid[data.get("SOPInstanceUID")]
        assert differences(original, data) == []
        np.testing.assert_array_equal(data.pixel_array, original.pixel_array)
    return image


@pytest.mark.parametrize("name", SINGLE)
def test_a_file_is_written_back(tmp_path, name):
    check_exact(PACKAGED / name, tmp_path / "out")


@pytest.mark.parametrize("name", ["siemens_dwi_1000.dcm.gz", "philips_mprage.dcm.gz"])
def test_mosaics_and_frames_are_written_back_as_one_file(tmp_path, name):
    path = unzipped(name, tmp_path)
    check_exact(path, tmp_path / "out")
    (written,) = (tmp_path / "out").iterdir()
    assert pydicom.dcmread(written).PixelData == pydicom.dcmread(path).PixelData


def test_a_series_is_written_back_and_its_headers_are_small(tmp_path):
    sizes = []
    for count in (4, 44):
        series(tmp_path / f"in{count}", count, lambda data, k: setattr(data, "RescaleSlope", str(1 + k / 8)))
        image = check_exact(tmp_path / f"in{count}", tmp_path / f"out{count}")
        sizes.append(len(image.original.data))
        assert rescales(image.original) == [(1 + k / 8, -1024) for k in range(count)]
    assert sizes[1] - sizes[0] < 40 * 30
    assert read_image(str(tmp_path / "in44")).original == image.original


def test_names_in_any_script_are_kept(tmp_path):
    def change(data, k):
        data.SpecificCharacterSet, data.PatientName = ["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"

    series(tmp_path / "in", 3, change)
    check_exact(tmp_path / "in", tmp_path / "out")


def test_bits_that_are_not_in_the_voxels_are_written_back(tmp_path):
    series(tmp_path / "in", 4, _with_bits)
    image = read_image(str(tmp_path / "in"))
    assert image.voxels.max() < 1 << 12
    write_folder(image, tmp_path / "out", exact=True)
    sources = {data.SOPInstanceUID: data for data in map(pydicom.dcmread, (tmp_path / "in").iterdir())}
    for path in (tmp_path / "out").iterdir():
        data = pydicom.dcmread(path)
        assert data.PixelData == sources[data.SOPInstanceUID].PixelData


def _with_bits(data, k):
    data.BitsStored, data.HighBit, data.PixelRepresentation = 12, 11, 0
    data.PixelData = (np.frombuffer(data.PixelData, "<u2") | (0x7000 if k == 2 else 0)).astype("<u2").tobytes()


def test_lossy_voxels_are_new_files_that_say_so(tmp_path):
    series(tmp_path / "in", 3)
    image = read_image(str(tmp_path / "in"))
    changed = replace(image, voxels=image.voxels + np.int16(1))
    first = write_folder(changed, tmp_path / "out", exact=False, ratio=12.5)
    write_folder(changed, tmp_path / "again", exact=False, ratio=12.5)
    same(read_image(str(tmp_path / "out")), changed)
    data = pydicom.dcmread(first[0])
    assert data.SOPInstanceUID != data.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.9.1"
    assert data.SeriesInstanceUID != "1.2.3.9"
    assert data.StudyInstanceUID == pydicom.dcmread(next((tmp_path / "in").iterdir())).StudyInstanceUID
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in first}) == 1
    assert (data.LossyImageCompression, data.LossyImageCompressionMethod) == ("01", "AIWAVE")
    assert (data.LossyImageCompressionRatio, data.ImageType[0]) == (12.5, "DERIVED")
    assert data.DerivationDescription
    for path in first:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_lossy_voxels_stay_within_the_stored_bits(tmp_path):
    series(tmp_path / "in", 3, _with_bits)
    image = read_image(str(tmp_path / "in"))
    write_folder(replace(image, voxels=image.voxels + np.uint16(3000)), tmp_path / "out", exact=False)
    assert read_image(str(tmp_path / "out")).voxels.max() == 4095


def test_what_cannot_be_written_is_refused(tmp_path):
    series(tmp_path / "in", 3)
    image = read_image(str(tmp_path / "in"))
    for other, words in (
        (replace(image, original=None), "does not hold the headers of DICOM files"),
        (replace(image, original=Original("dicom", image.original.data[:-20])), "The file is damaged"),
        (replace(image, original=Original("dicom", b"rubbish")), "The file is damaged"),
        (replace(image, voxels=image.voxels[:2]), "has 2 slices, but its DICOM headers are those of 3"),
        (replace(image, voxels=image.voxels[:, ::2]), r"slices of \[64, 128\] int16 voxels"),
        (replace(image, voxels=image.voxels.astype("uint16")), "uint16 voxels"),
    ):
        with pytest.raises(AiwaveError, match=words):
            write_folder(other, tmp_path / "out", exact=True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    with pytest.raises(AiwaveError, match="exists and is not empty"):
        write_folder(image, tmp_path / "in", exact=True)


def test_identifying_attributes_are_named(tmp_path):
    def change(data, k):
        data.PatientName, data.InstitutionName = "Doe^Jane", "Hospital" if k == 1 else ""

    series(tmp_path, 3, change)
    found = identifying(read_image(str(tmp_path)).original)
    assert {"PatientName", "PatientID", "InstitutionName", "OtherPatientIDsSequence"} <= set(found)
    assert "PatientAddress" not in found
