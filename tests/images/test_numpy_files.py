"""NumPy arrays in files and on standard input."""

import io
from pathlib import Path

import numpy as np
import pytest

from aiwave.errors import AiwaveError
from aiwave.images import Image, read_image, read_images
from aiwave.images.numpy_files import read_stream, write

from ..raw_images import noise


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "<u2", ">u2", ">i4", "uint32", "int64", "uint64", "float16", ">f4", "float64"]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_and_orders(tmp_path, dtype, order):
    voxels = np.asarray(noise((4, 5, 6), "int16", 0, 2).astype(dtype), order=order)
    np.save(tmp_path / "a.npy", voxels)
    for image in (read_image(str(tmp_path / "a.npy")), read_stream(io.BytesIO((tmp_path / "a.npy").read_bytes()))):
        np.testing.assert_array_equal(image.voxels, voxels)
        assert image.voxels.dtype == voxels.dtype.newbyteorder("=")
        assert image.voxels.dtype.isnative
        assert image.voxels.flags.writeable


def test_floats_that_are_not_finite_are_read_as_stored(tmp_path):
    voxels = np.array([[[np.nan, np.inf, -np.inf, 1.5]]], np.float32)
    np.save(tmp_path / "a.npy", voxels)
    np.testing.assert_array_equal(read_image(str(tmp_path / "a.npy")).voxels, voxels)


def array(value):
    stream = io.BytesIO()
    np.save(stream, value, allow_pickle=True)
    return stream.getvalue()


def claim(shape):
    """A header that claims more than there is."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<u2", "fortran_order": False, "shape": shape})
    return stream.getvalue() + bytes(100)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (array(np.full((4, 4, 4), "a")), r"holds text, which is no voxels: save an array of integers or floats\.$"),
        (array(np.full((4, 4, 4), b"a")), r"holds text"),
        (array(np.full((4, 4, 4), None, object)), r"holds Python objects, which are never loaded: save an array"),
        (array(np.zeros((4, 4, 4), complex)), r"holds complex voxels: save"),
        (array(np.zeros((4, 4, 4), "M8[s]")), r"holds datetime64.* values, which are no voxels"),
        (array(np.zeros((4, 4, 4), [("a", "i2"), ("b", "i2")])), r"holds void\d+ values, which are no voxels"),
        (array(np.zeros((4, 5))), r"has 2 axes \[4, 5\]: save a volume \(z, y, x\)"),
        (array(np.zeros(4)), r"has 1 axes \[4\]: save a volume"),
        (array(np.zeros((4, 0, 5))), r"has an empty axis in its shape \[4, 0, 5\]: save it with voxels"),
        (array(np.zeros((9, 8, 7, 3))), r"colour image"),
        (claim((1 << 20, 1 << 10, 1 << 10)), r"it holds 100 of 2199023255552 bytes of voxels.*truncated"),
        (claim((1 << 40, 1 << 40, 1 << 40)), r"it holds 100 of \d{37} bytes"),
        (claim((-1, -100, 1)), r"its shape is \[-1, -100, 1\]"),
        (array(np.zeros((4, 5, 6))).replace(b"}", b" "), r"cannot be read"),
        (array(np.zeros((4, 5, 6)))[:-1], r"it holds 959 of 960 bytes"),
        (array(np.zeros((4, 5, 6)))[:30], r"cannot be read"),
        (array(np.zeros((4, 5, 6)))[:8], r"cannot be read"),
    ],
)
def test_other_arrays_are_refused(tmp_path, content, words):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(AiwaveError, match=rf"a\.npy .*{words}"):
        read_images(tmp_path / "a.npy")
    with pytest.raises(AiwaveError, match=rf"Standard input .*{words}"):
        read_stream(io.BytesIO(content))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMP"])
def test_no_array(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(AiwaveError, match=r"a\.npy cannot be read"):
        read_images(tmp_path / "a.npy")
    with pytest.raises(AiwaveError, match=r"Standard input is not a NumPy array: send"):
        read_stream(io.BytesIO(content))


def test_archives(tmp_path):
    np.savez(tmp_path / "a.npz", a=noise((3, 4, 5)))
    with pytest.raises(AiwaveError, match=r"a\.npz is an archive of arrays: save one of them with numpy\.save"):
        read_images(tmp_path / "a.npz")
    with pytest.raises(AiwaveError, match=r"Standard input is an archive of arrays"):
        read_stream(io.BytesIO((tmp_path / "a.npz").read_bytes()))


def test_a_full_disk_is_named_whatever_numpy_says_of_it():
    for size in (3, 60):  # within NumPy's buffer, and beyond it
        with pytest.raises(OSError, match=r"No space left|not all of it arrived") as caught:
            write(Image(noise((size, 16, 16))), Path("/dev/full"))
        assert caught.value.strerror
