"""TIFF stacks as ImageJ and others write them."""

import re
import uuid

import numpy as np
import pytest
import tifffile

from aiwave.errors import AiwaveError
from aiwave.images import Image, read_images, read_voxels, write_image
from aiwave.images.image_files import read_header, read_image

from ..raw_images import noise
from .volume_files import cut, full_range, write_tiff


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
    assert read_header(path).shape == voxels.shape


def test_single_page_is_a_volume_of_one_slice(tmp_path):
    page = full_range("uint8", (5, 6))
    np.testing.assert_array_equal(read_voxels(write_tiff(tmp_path / "p.tif", page)), page[None])


def test_lost_pages_of_a_plain_tiff(tmp_path):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as stack:
        for page in full_range("uint8", (10, 16, 16)):
            stack.write(page, metadata=None, contiguous=False)
    with pytest.raises(AiwaveError, match="truncated"):
        read_voxels(cut(path, 0.6))


def test_pages_of_different_shapes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as stack:
        for side in (5, 6):
            stack.write(full_range("uint8", (side, side)))
    with pytest.raises(AiwaveError, match=r"mixed\.tif holds 2 images of different shapes"):
        read_voxels(tmp_path / "mixed.tif")


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


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n"])
def test_other_files_are_no_damage(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(AiwaveError, match=r"a\.tif cannot be read: it does not begin as a TIFF file"):
        read_images(tmp_path / "a.tif")


def test_an_unknown_compression_is_named(tmp_path):
    write_tiff(tmp_path / "a.tif", noise((3, 4, 5)), compression="zlib")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        places = [page.aspage().tags["Compression"].offset + 8 for page in file.pages]
    for place in places:
        content[place : place + 2] = (60001).to_bytes(2, "little")
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(AiwaveError, match=r"a\.tif has the TIFF compression 60001, which cannot be read: save it with"):
        read_images(tmp_path / "a.tif")


def test_one_of_several_images_is_chosen(tmp_path):
    path, images = tmp_path / "two.ome.tif", [noise((4, 5, 6)), noise((3, 7, 8)) + 1, noise((4, 5, 6)) // 2]
    with tifffile.TiffWriter(path) as stack:
        for k, image in enumerate(images):
            options = {"PhysicalSizeX": k + 2, "PhysicalSizeXUnit": "mm"}
            stack.write(image, metadata={"axes": "ZYX", "Name": f"part{k}", **options}, photometric="minisblack")
    listed = r"3 images of different shapes: .*--series: 1: 4×5×6 uint16 part0; 2: 3×7×8 uint16 part1; 3: 4×5×6 uint16"
    for read in (read_images, lambda path: read_image(str(path))):
        with pytest.raises(AiwaveError, match=r"two\.ome\.tif holds " + listed):
            read(path)
    for k, image in enumerate(images, start=1):
        found = read_image(str(path), series=k)
        np.testing.assert_array_equal(found.voxels, image)
        assert found.spacing[2] == k + 1
        assert found.original is None
        assert found.note == f"image {k} of 3, without the tags of the file"
    with pytest.raises(AiwaveError, match="has no image 4, but holds " + listed):
        read_image(str(path), series=4)
    write_tiff(tmp_path / "one.tif", images[0])
    assert read_image(str(tmp_path / "one.tif"), series=1).note == ""
    np.save(tmp_path / "a.npy", images[0])
    with pytest.raises(AiwaveError, match="neither DICOM nor TIFF"):
        read_image(str(tmp_path / "a.npy"), series=1)


def test_pages_that_ome_declares_but_are_missing(tmp_path):
    """tifffile fills them with zeros."""
    voxels = noise((4, 5, 6))
    tifffile.imwrite(tmp_path / "a.ome.tif", voxels, photometric="minisblack", metadata={"axes": "ZYX"})
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        xml = file.ome_metadata
    tifffile.imwrite(tmp_path / "a.tif", voxels[:3], photometric="minisblack", metadata=None, description=xml.encode())
    for read in (read_images, read_header):
        with pytest.raises(AiwaveError, match=r"a\.tif lacks 1 of the 4 pages that it declares: fetch it again"):
            read(tmp_path / "a.tif")


def test_an_ome_image_of_several_files(tmp_path):
    voxels = noise((4, 5, 6))
    tifffile.imwrite(tmp_path / "whole.ome.tif", voxels, photometric="minisblack", metadata={"axes": "ZYX"})
    with tifffile.TiffFile(tmp_path / "whole.ome.tif") as file:
        xml = file.ome_metadata
    planes = "".join(
        f'<TiffData IFD="0" FirstZ="{k}" PlaneCount="1"><UUID FileName="{k}.tif">urn:uuid:{uuid.UUID(int=k)}</UUID>'
        "</TiffData>"
        for k in range(4)
    )
    for k in range(4):
        one = re.sub("<TiffData[^>]*/>", planes, xml).replace(
            'UUID="urn', f'UUID="urn:uuid:{uuid.UUID(int=k)}" old="urn'
        )
        options = {"photometric": "minisblack", "metadata": None, "description": one.encode()}
        tifffile.imwrite(tmp_path / f"{k}.tif", voxels[k], **options)
    (image,) = read_images(tmp_path / "0.tif")
    np.testing.assert_array_equal(image.voxels, voxels)
    assert image.original is None
    (tmp_path / "2.tif").unlink()
    with pytest.raises(AiwaveError, match=r"0\.tif lacks 1 of the 4 pages that it declares: .* other files"):
        read_images(tmp_path / "0.tif")
