"""Axes, types and extents of NIfTI headers: what is read, and true reasons for what is not."""

import gzip
import struct
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from aiwave.errors import AiwaveError
from aiwave.images import read_image, read_images, read_voxels, write_image

from ..raw_images import noise

AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])


def nifti(path, array, kind=nibabel.Nifti1Image, **patches):
    """A file that nibabel writes, (x, y, z, ...), with other bytes at `at<offset>` of its header."""
    nibabel.save(kind(array, AFFINE), path)
    content = path.read_bytes()
    zipped = content[:2] == b"\x1f\x8b"
    content = bytearray(gzip.decompress(content) if zipped else content)
    for name, data in patches.items():
        content[int(name[2:]) : int(name[2:]) + len(data)] = data
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


def axes(*sides):
    return struct.pack("<8h", len(sides), *sides, *[1] * (7 - len(sides)))


TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_is_as_stored(tmp_path, dtype, kind, order):
    array = np.arange(60).reshape(3, 4, 5).astype(dtype)
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(dtype))
    nibabel.save(kind(array, AFFINE, header, dtype=dtype), tmp_path / "a.nii")
    image = read_image(str(tmp_path / "a.nii"))
    assert (image.voxels.dtype, image.voxels.dtype.isnative) == (np.dtype(dtype), True)
    np.testing.assert_array_equal(image.voxels, array.T)


@pytest.mark.parametrize(
    ("sides", "shape", "channels"),
    [
        ((3, 4, 5), (5, 4, 3), False),
        ((3, 4, 5, 1), (5, 4, 3), False),
        ((3, 4, 5, 2), (2, 5, 4, 3), False),
        ((3, 4, 5, 0), (5, 4, 3), False),
        ((3, 4, 5, 1, 2), (2, 5, 4, 3), True),
        ((3, 4, 5, 1, 1, 2), (2, 5, 4, 3), True),
        ((3, 4, 5, 2, 1, 1, 1), (2, 5, 4, 3), False),
        ((6, 20), (1, 20, 6), False),
    ],
)
def test_axes(tmp_path, sides, shape, channels):
    voxels = noise((np.prod(shape), 1, 1), "int16")
    path = nifti(tmp_path / "a.nii", voxels, at40=axes(*sides))
    image = read_image(str(path))
    assert (image.voxels.shape, image.channels) == (shape, channels)
    np.testing.assert_array_equal(image.voxels.ravel(), voxels.ravel())
    if channels:
        with pytest.raises(AiwaveError, match=r"a\.nii is a colour image or has several channels \(2 values"):
            read_voxels(path)
    else:
        assert read_voxels(path).shape == shape


def test_times_and_channels(tmp_path):
    array = noise((3, 4, 5, 2, 6), "int16")
    path = nifti(tmp_path / "a.nii", array)
    both = read_image(str(path))
    assert both.hyperstack == 6
    np.testing.assert_array_equal(both.voxels.reshape(2, 6, 5, 4, 3)[1, 4], array[..., 1, 4].T)
    for name, written in (("same.nii", both), ("new.nii", replace(both, original=None))):
        write_image(written, str(tmp_path / name))
        again = nibabel.load(tmp_path / name)
        assert again.shape == array.shape
        np.testing.assert_array_equal(np.asanyarray(again.dataobj), array)
    image = read_image(str(path), channel=4)
    assert (image.channels, image.original) == (False, None)
    np.testing.assert_array_equal(image.voxels, array[..., 3].T)
    with pytest.raises(AiwaveError, match="no channel 7: give --channel 1 to 6"):
        read_image(str(path), channel=7)


@pytest.mark.parametrize("letters", ["RGB", "RGBA"])
def test_colours_are_channels(tmp_path, letters):
    values = noise((3, 4, 5, len(letters)), "uint8", 0, 255)
    pixels = values.view([(letter, "u1") for letter in letters])[..., 0]
    path = nifti(tmp_path / "a.nii.gz", pixels, at112=np.array([3, 1], "<f4").tobytes())
    image = read_image(str(path))
    assert (image.channels, image.slope, image.intercept) == (True, 1, 0)
    np.testing.assert_array_equal(image.voxels, values.transpose(3, 2, 1, 0))


VOLUME = noise((3, 4, 5), "int16")
REFUSALS = {
    "complex": ({"at70": b"\x20\0"}, r"a\.nii holds complex voxels: save their real and imaginary parts"),
    "long complex": ({"at70": struct.pack("<h", 2048)}, r"a\.nii holds complex voxels"),
    "bits": ({"at70": b"\1\0"}, r"a\.nii holds single bits, whose order is not defined: save it with integers"),
    "long double": ({"at70": struct.pack("<h", 1536)}, r"a\.nii holds floats of 128 bits: save it"),
    "no type": ({"at70": b"\0\0"}, r"a\.nii has voxels of type 0, which NIfTI does not define: correct datatype"),
    "no axes": ({"at40": b"\0\0"}, r"a\.nii declares 0 axes, but NIfTI has 1 to 7: correct dim in its header"),
    "too many axes": ({"at40": b"\x09\0"}, r"a\.nii declares 9 axes"),
    "negative axis": ({"at42": struct.pack("<h", -3)}, r"a\.nii has an axis of negative length in \[-3, 4, 5\]"),
    "empty axis": ({"at44": b"\0\0"}, r"a\.nii has an empty axis in its shape \[5, 0, 3\]"),
    "start": ({"at108": struct.pack("<f", 1e12)}, r"a\.nii declares that its voxels begin after 999999995904 bytes"),
    "no magic": ({"at344": bytes(4)}, r"a\.nii cannot be read \(its header lacks n\+1 at byte 344\): if it is an An"),
    "pair": ({"at344": b"ni1\0"}, r"a\.nii has no a\.img beside it, which holds its voxels: add it"),
    "other file": (
        {"at0": b"ENVI"},
        r"a\.nii cannot be read \(it has no NIfTI or Analyze header\): give it the suffix",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_true_reasons(tmp_path, case):
    patches, words = REFUSALS[case]
    with pytest.raises(AiwaveError, match=words) as found:
        read_images(nifti(tmp_path / "a.nii", VOLUME, **patches))
    assert "truncated" not in str(found.value)


@pytest.mark.parametrize("length", [0, 3, 347, 351, 360])
def test_truncation(tmp_path, length):
    path = nifti(tmp_path / "a.nii", VOLUME)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(AiwaveError, match=r"a\.nii cannot be read .* truncated or damaged, so fetch it again"):
        read_images(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_what_follows_the_voxels(tmp_path, suffix):
    path = nifti(tmp_path / f"a{suffix}", VOLUME)
    whole = gzip.decompress(path.read_bytes()) if suffix.endswith("gz") else path.read_bytes()
    for length, fits in ((1 << 20, True), ((1 << 20) + 1, False)):
        content = whole + bytes(length)
        path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
        if fits:
            np.testing.assert_array_equal(read_image(str(path)).voxels, VOLUME.T)
        else:
            with pytest.raises(AiwaveError, match="holds far more data than the 120 bytes of voxels that its header"):
                read_images(path)


def test_compression_is_recognised_by_content(tmp_path):
    for name, content in (("a.nii", ".nii.gz"), ("b.nii.gz", ".nii")):
        nifti(tmp_path / f"x{content}", VOLUME).rename(tmp_path / name)
        np.testing.assert_array_equal(read_image(str(tmp_path / name)).voxels, VOLUME.T)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair, nibabel.Spm99AnalyzeImage])
@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_pairs_by_either_name(tmp_path, kind, zipped):
    nibabel.save(kind(VOLUME, AFFINE), tmp_path / f"a.img{zipped}")
    for suffix in (".hdr", ".img"):
        image = read_image(str(tmp_path / f"a{suffix}{zipped}"))
        np.testing.assert_array_equal(image.voxels, VOLUME.T)
        assert image.spacing == (3, 2, 2)


def test_an_image_without_its_header_is_no_nifti(tmp_path):
    (tmp_path / "a.img").write_bytes(bytes(400))
    with pytest.raises(AiwaveError, match=r"a\.img is not an image that can be read"):
        read_images(tmp_path / "a.img")


def test_headers_with_damage(tmp_path):
    """No header ends in anything but an image or one sentence."""
    path = nifti(tmp_path / "a.nii", noise((6, 5, 4, 3), "int16"))
    content, random, read = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(600):
        mutated = bytearray(content)
        for place in random.integers(0, 352, random.integers(1, 12)):
            mutated[place] = random.choice([0, 1, 127, 128, 255, random.integers(256)])
        path.write_bytes(mutated)
        try:
            (image,) = read_images(path)
        except AiwaveError:
            continue
        read += 1
        assert np.isfinite([*image.spacing, *image.origin, *image.direction]).all()
    assert 100 < read < 600
