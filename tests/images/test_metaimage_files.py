"""MetaImage: headers written by hand, exact voxels, and headers that come back."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from aiwave.errors import AiwaveError
from aiwave.images import read_image, read_images, read_voxels, write_image

from ..raw_images import noise

VOXELS = noise((3, 4, 5), "int16")
RAW = VOXELS.astype("<i2").tobytes()
TEXT = """ObjectType = Image
NDims = 3
Comment = lung = left, Übersicht
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 0.8 0.6 0 -0.6 0.8 0 0 0 1
Offset = 10.5 -20 30
CenterOfRotation = 0 0 0
AnatomicalOrientation = RAI
ElementSpacing = 0.80000000000000004 0.8 2.50
DimSize = 5 4 3
Modality = MET_MOD_CT
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""


def meta(path, content=RAW, **fields):
    """A file with other fields than those of `TEXT`, or with new ones before the last."""
    text = TEXT
    for name, value in fields.items():
        lines = [line for line in text.splitlines() if line.startswith(f"{name} =")]
        new = f"{name} = {value}"
        text = text.replace(lines[0], new) if lines else text.replace("ElementType", f"{new}\nElementType", 1)
    path.write_bytes(text.encode() + content)
    return str(path)


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({}, RAW),
        ({"CompressedData": "True"}, zlib.compress(RAW)),
        ({"CompressedData": "True", "CompressedDataSize": len(zlib.compress(RAW))}, zlib.compress(RAW)),
        ({"BinaryDataByteOrderMSB": "True"}, VOXELS.astype(">i2").tobytes()),
        ({"BinaryData": "False"}, " ".join(map(str, VOXELS.ravel())).encode()),
        ({"HeaderSize": 7}, b"1234567" + RAW),
        ({"HeaderSize": -1}, b"1234567" + RAW),
    ],
    ids=str,
)
def test_storage(tmp_path, fields, content):
    path = meta(tmp_path / "a.mha", content, **fields)
    image = read_image(path)
    np.testing.assert_array_equal(image.voxels, VOXELS)
    assert (image.spacing, image.origin) == ((2.5, 0.8, 0.8), (10.5, -20, 30))
    assert image.direction == sitk.ReadImage(meta(tmp_path / "b.mha")).GetDirection()


@pytest.mark.parametrize(
    ("spacing", "expected", "turn"),
    [("1 2 -3", (3, 2, 1), -1), ("1 0 3", (3, 1, 1), 1), ("1 2 nan", (1, 2, 1), 1), ("inf 2 3", (3, 2, 1), 1)],
)
def test_invalid_lengths_become_valid(tmp_path, spacing, expected, turn):
    path = meta(tmp_path / "a.mha", ElementSpacing=spacing, TransformMatrix="1 0 0 0 1 0 0 0 1")
    image = read_image(path)
    assert (image.spacing, image.direction[8]) == (expected, turn)
    write_image(replace(image, original=None), str(tmp_path / "b.mha"))
    assert sitk.ReadImage(str(tmp_path / "b.mha")).GetSpacing()[::-1] == expected


def test_shear_and_units(tmp_path):
    image = read_image(meta(tmp_path / "a.mha", TransformMatrix="1 0 0 0.5 1 0 0 0 1", ElementSpacing="1 1 2"))
    itk = sitk.ReadImage(str(tmp_path / "a.mha"))
    assert image.position((1, 2, 3)) == pytest.approx(itk.TransformIndexToPhysicalPoint((3, 2, 1)))
    assert np.linalg.norm(np.reshape(image.direction, (3, 3)), axis=0) == pytest.approx(1)
    scaled = read_image(meta(tmp_path / "b.mha", DistanceUnits="um"))
    assert scaled.spacing == pytest.approx((2.5e-3, 8e-4, 8e-4))
    assert scaled.origin == pytest.approx((0.0105, -0.02, 0.03))


def test_components_are_channels(tmp_path):
    voxels = noise((3, 4, 5, 3), "int16")
    path = meta(tmp_path / "a.mha", voxels.tobytes(), ElementNumberOfChannels=3)
    image = read_image(path)
    np.testing.assert_array_equal(image.voxels, np.moveaxis(voxels, -1, 0))
    assert image.channels
    np.testing.assert_array_equal(read_image(path, channel=1).voxels, voxels[..., 0])
    with pytest.raises(AiwaveError, match=r"a\.mha is a colour image or has several channels \(3 values"):
        read_voxels(tmp_path / "a.mha")
    write_image(image, str(tmp_path / "b.mha"))
    itk = sitk.ReadImage(str(tmp_path / "b.mha"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(itk), voxels)


@pytest.mark.parametrize(
    ("data_file", "files"),
    [
        ("a.raw", {"a.raw": RAW}),
        ("LIST\nx.raw\ny.raw\nz.raw", {f"{'xyz'[k]}.raw": RAW[40 * k :][:40] for k in range(3)}),
        ("s%02d.raw 1 3 1", {f"s0{k + 1}.raw": RAW[40 * k :][:40] for k in range(3)}),
    ],
)
def test_detached_voxels(tmp_path, data_file, files):
    path = meta(tmp_path / "a.mhd", b"", ElementDataFile=data_file)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read_image(path).voxels, VOXELS)
    missing = next(iter(files))
    (tmp_path / missing).unlink()
    with pytest.raises(AiwaveError, match=rf"a\.mhd keeps its voxels in .*{missing}, which does not exist: put it"):
        read_image(path)


@pytest.mark.parametrize(
    ("fields", "content", "words"),
    [
        ({}, RAW[:-1], "it holds 119 of 120 bytes of voxels.*truncated or damaged"),
        ({"DimSize": "1048576 1024 1024"}, RAW, "it holds 120 of 2199023255552 bytes"),
        ({"CompressedData": "True"}, zlib.compress(RAW)[:-9], "truncated or damaged"),
        ({"DimSize": "5 4"}, RAW, r"2 axes \[4, 5\]"),
        ({"DimSize": "5 4 0"}, b"", r"an empty axis in its shape \[0, 4, 5\]"),
        ({"DimSize": "5 four 3"}, RAW, "its DimSize is '5 four 3'"),
        ({"ElementType": "MET_STRING"}, RAW, "the ElementType MET_STRING: save it with integers or floats"),
        ({"ElementDataFile": ""}, b"", "names no file with its voxels"),
    ],
)
def test_true_reasons(tmp_path, fields, content, words):
    meta(tmp_path / "a.mha", content, **fields)
    with pytest.raises(AiwaveError, match=rf"a\.mha .*{words}"):
        read_images(tmp_path / "a.mha")


@pytest.mark.parametrize("content", [b"", b"hello\nthere", bytes(1000), b"ObjectType = Image\nNDims = 3\n"])
def test_no_header(tmp_path, content):
    (tmp_path / "a.mha").write_bytes(content)
    with pytest.raises(AiwaveError, match=r"a\.mha cannot be read \(.*it is truncated or damaged"):
        read_images(tmp_path / "a.mha")


STORAGE = ("BinaryData", "CompressedData", "ElementDataFile")


def lines_of(path):
    text = path.read_bytes().partition(b"ElementDataFile")[0].decode("utf-8")
    return [line for line in text.splitlines() if not line.startswith(STORAGE)]


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_the_header_comes_back(tmp_path, suffix):
    path = meta(tmp_path / f"a{suffix}", RAW, Patient_Name="A = B")
    image = read_image(path)
    write_image(image, str(tmp_path / "b.mha"))
    assert lines_of(tmp_path / "b.mha") == lines_of(tmp_path / f"a{suffix}")
    itk = sitk.ReadImage(str(tmp_path / "b.mha"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(itk), VOXELS)
    assert itk.GetMetaData("Patient_Name") == "A = B"
    write_image(replace(image, voxels=image.voxels[1:]), str(tmp_path / "c.mha"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "c.mha"))), VOXELS[1:])
