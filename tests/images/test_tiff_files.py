"""TIFF stacks as ImageJ and others write them."""

import numpy as np
import pytest
import tifffile

from aiwave.images import Image, read_images, read_voxels, write_image

from ..raw_images import noise
from .volume_files import full_range, write_tiff


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"byteorder": ">"},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"metadata": None},
    ],
    ids=str,
)
def test_kinds_of_tiff(tmp_path, options):
    voxels = full_range("uint16", (4, 5, 6))
    path = write_tiff(tmp_path / "a.tif", voxels, **options)
    found = read_voxels(path)
    assert found.dtype == np.uint16
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, voxels)


def test_single_page_is_a_volume_of_one_slice(tmp_path):
    page = full_range("uint8", (5, 6))
    np.testing.assert_array_equal(read_voxels(write_tiff(tmp_path / "p.tif", page)), page[None])


def test_spacing_of_imagej(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        noise((3, 4, 5), "uint8", 0, 255),
        imagej=True,
        resolution=(1 / 4.6, 1 / 4.6),
        metadata={"axes": "ZYX", "spacing": 45.0, "unit": "nm"},
    )
    (image,) = read_images(tmp_path / "a.tif")
    np.testing.assert_allclose(image.spacing, (45e-6, 4.6e-6, 4.6e-6), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_spacing_is_written_as_imagej_reads_it(tmp_path, dtype):
    voxels = full_range(dtype, (3, 4, 5))
    write_image(Image(voxels, (2.5, 0.75, 0.5)), str(tmp_path / "a.tif"))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.imagej_metadata["spacing"], file.imagej_metadata["unit"]) == (2.5, "mm")
        assert file.asarray().dtype == np.dtype(dtype)
    (image,) = read_images(tmp_path / "a.tif")
    np.testing.assert_allclose(image.spacing, (2.5, 0.75, 0.5), rtol=1e-6)
