"""Voxels of DICOM files, as stored: types, compressed transfer syntaxes, and every test file of pydicom."""

from functools import partial

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from aiwave.errors import AiwaveError
from aiwave.images import dicom, dicom_decoders, read_image, read_images

from .dicom_files import PACKAGED, ct

COMPRESSED = {
    "MR_small_RLE.dcm": "RLE",
    "MR_small_jp2klossless.dcm": "JPEG 2000",
    "MR_small_jpeg_ls_lossless.dcm": "JPEG-LS",
}


def stored(path, values, syntax=ExplicitVRLittleEndian, **elements):
    """The CT with `values` (H, W) as its pixels."""
    data = ct()
    data.Rows, data.Columns = values.shape
    data.BitsAllocated = data.BitsStored = 8 * values.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(values.dtype.kind == "i")
    data.PixelData = values.tobytes()
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data["PixelData"].VR = "OB" if syntax != ExplicitVRLittleEndian else "OW"
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path)
    return str(path)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_integers_of_any_size(tmp_path, dtype):
    limits = np.iinfo(dtype)
    values = np.random.default_rng(0).integers(limits.min, limits.max, (16, 17), dtype, endpoint=True)
    image = read_image(stored(tmp_path / "a.dcm", values))
    assert image.voxels.dtype == dtype
    np.testing.assert_array_equal(image.voxels[0], values)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "float32"), ("DoubleFloatPixelData", "float64")])
def test_floats(tmp_path, keyword, dtype):
    values = np.random.default_rng(0).normal(size=(16, 17)).astype(dtype)
    values[0, 0] = np.nan
    data = ct()
    del data.PixelData, data.PixelRepresentation, data.BitsStored, data.HighBit
    data.Rows, data.Columns, data.BitsAllocated = 16, 17, 8 * values.itemsize
    setattr(data, keyword, values.tobytes())
    data.save_as(tmp_path / "a.dcm")
    image = read_image(str(tmp_path / "a.dcm"))
    assert image.voxels.dtype == dtype
    np.testing.assert_array_equal(image.voxels[0], values)


@pytest.mark.parametrize("bits", [16, 32])
def test_big_endian(tmp_path, bits):
    values = np.random.default_rng(0).integers(-30000, 30000, (16, 16)).astype(f"int{bits}")
    data = ct()
    data.remove_private_tags()
    data.Rows = data.Columns = 16
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit = bits - 1
    data.PixelData = values.astype(f">i{bits // 8}").tobytes()
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(tmp_path / "a.dcm", data, implicit_vr=False, little_endian=False)
    image = read_image(str(tmp_path / "a.dcm"))
    np.testing.assert_array_equal(image.voxels[0], values)


def test_bits_beyond_the_values_are_ignored(tmp_path):
    values = np.arange(256, dtype="uint16").reshape(16, 16)
    high = stored(tmp_path / "a.dcm", values << 4 | 5, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(read_image(high).voxels[0], values)
    low = stored(tmp_path / "b.dcm", values | 0xF000, BitsStored=12, HighBit=11, PixelRepresentation=1)
    np.testing.assert_array_equal(read_image(low).voxels[0], values)


@pytest.mark.parametrize("name", COMPRESSED)
def test_lossless_compression(name):
    expected = pydicom.dcmread(PACKAGED / "MR_small.dcm").pixel_array
    np.testing.assert_array_equal(read_image(str(PACKAGED / name)).voxels[0], expected)


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        ("1.2.840.10008.1.2.4.57", imagecodecs.ljpeg_encode),
        ("1.2.840.10008.1.2.4.70", imagecodecs.ljpeg_encode),
        ("1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode),
        ("1.2.840.10008.1.2.4.90", partial(imagecodecs.jpeg2k_encode, level=0, reversible=True, codecformat="j2k")),
        ("1.2.840.10008.1.2.4.201", partial(imagecodecs.htj2k_encode, reversible=True)),
    ],
)
@pytest.mark.parametrize(("bits", "signed"), [(8, False), (12, False), (16, False), (16, True)])
def test_frames_compressed_without_loss(tmp_path, syntax, encode, bits, signed):
    dtype, least = f"{'' if signed else 'u'}int{8 if bits == 8 else 16}", -(1 << (bits - 1)) if signed else 0
    frames = np.random.default_rng(0).integers(least, least + (1 << bits), (3, 32, 24)).astype(dtype)
    data = ct()
    data.NumberOfFrames, data.Rows, data.Columns = frames.shape
    data.BitsAllocated, data.BitsStored, data.HighBit = 8 * frames.itemsize, bits, bits - 1
    data.PixelRepresentation = int(signed)
    data.PixelData = encapsulate([bytes(encode(frame)) for frame in frames.view(f"u{frames.itemsize}")])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(tmp_path / "a.dcm")
    image = read_image(str(tmp_path / "a.dcm"))
    assert image.voxels.dtype == dtype
    np.testing.assert_array_equal(image.voxels, frames)


@pytest.mark.parametrize(
    "name", ["JPEG2000.dcm", "693_J2KI.dcm", "JPEGLSNearLossless_16.dcm", "JPGExtended.dcm", "image_dfl.dcm"]
)
def test_lossy_compression_is_decoded_as_by_gdcm(name):
    image = read_image(str(PACKAGED / name))
    itk = sitk.GetArrayFromImage(sitk.ReadImage(str(PACKAGED / name))).reshape(image.voxels.shape)
    np.testing.assert_array_equal(image.slope * image.voxels + image.intercept, itk)


@pytest.mark.parametrize("name", [*COMPRESSED, "MR_small.dcm", "JPGExtended.dcm", "rtdose_rle.dcm"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_truncated_pixels_are_refused(tmp_path, name, kept):
    content = (PACKAGED / name).read_bytes()
    start = content.index(b"\xe0\x7f\x10\x00")
    (tmp_path / name).write_bytes(content[: start + int(kept * (len(content) - start))])
    with pytest.raises(AiwaveError, match="truncated or damaged"):
        read_images(tmp_path / name)


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        ("1.2.840.10008.1.2.4.50", imagecodecs.jpeg8_encode),
        ("1.2.840.10008.1.2.4.70", imagecodecs.ljpeg_encode),
        ("1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode),
        ("1.2.840.10008.1.2.4.90", partial(imagecodecs.jpeg2k_encode, level=0, codecformat="j2k")),
        ("1.2.840.10008.1.2.4.201", imagecodecs.htj2k_encode),
    ],
)
@pytest.mark.parametrize("kept", [0.5, 0.98])
def test_a_compressed_frame_that_is_cut_off_is_refused(tmp_path, syntax, encode, kept):
    content = bytes(encode(np.random.default_rng(0).integers(0, 256, (32, 32), "uint8")))
    path = stored(
        tmp_path / "a.dcm",
        np.zeros((32, 32), "uint8"),
        PixelData=encapsulate([content[: int(kept * len(content))]]),
        syntax=syntax,
    )
    with pytest.raises(AiwaveError, match="truncated or damaged"):
        read_image(path)


def test_an_unknown_transfer_syntax_is_named(tmp_path):
    data = ct()
    data.save_as(tmp_path / "a.dcm")
    content = (tmp_path / "a.dcm").read_bytes()
    old, new = (uid.encode().ljust(20, b"\0") for uid in (ExplicitVRLittleEndian, "1.2.840.10008.9.9.9"))
    assert content.count(old) == 1
    (tmp_path / "a.dcm").write_bytes(content.replace(old, new))
    with pytest.raises(AiwaveError, match=r"has the transfer syntax 1\.2\.840\.10008\.9\.9\.9, which no package"):
        read_images(tmp_path / "a.dcm")


def files():
    return [path for path in sorted(PACKAGED.rglob("*")) if path.suffix != ".py" and dicom.is_dicom(path)]


def test_every_file_of_pydicom_is_read_or_refused_with_the_true_reason():
    reasons = (
        "is a colour image",
        "holds no image, but 1 ",
        " without pixels: ",
        "truncated or damaged",
        "not a DICOM",
    )
    read, refused = 0, []
    for path in files():
        try:
            (image,) = read_images(path)
        except AiwaveError as error:
            refused.append(str(error))
            continue
        data = pydicom.dcmread(path)
        assert int(data.get("SamplesPerPixel", 1)) == 1
        np.testing.assert_array_equal(image.voxels.ravel(), data.pixel_array.ravel())
        read += 1
    assert read >= 50
    assert [sentence for sentence in refused if not any(reason in sentence for reason in reasons)] == []


@pytest.mark.parametrize(
    ("uid", "encode"),
    [
        ("1.2.840.10008.1.2.4.90", imagecodecs.jpeg2k_encode),
        ("1.2.840.10008.1.2.4.50", imagecodecs.jpeg8_encode),
        ("1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode),
    ],
)
def test_the_size_of_a_compressed_frame_is_known_before_it_is_decoded(uid, encode):
    frame = bytes(encode(np.arange(35 * 20, dtype="uint16").astype("uint8").reshape(35, 20)))
    assert dicom_decoders.declared_size(frame, uid) == (35, 20)
    for end in range(len(frame)):
        assert dicom_decoders.declared_size(frame[:end], uid) in (None, (35, 20))
