"""Which of the images in a TIFF file is read, and which files are refused before that."""

import re
import struct
import uuid

import numpy as np
import pytest
import tifffile

from aiwave.errors import AiwaveError
from aiwave.images import read_images, read_voxels
from aiwave.images.image_files import read_image

from ..raw_images import noise
from .volume_files import cut, full_range, write_tiff


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
    with pytest.raises(AiwaveError, match=r"a\.tif lacks 1 of the 4 pages that it declares: fetch it again"):
        read_images(tmp_path / "a.tif")


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


def ome_plane(path, voxels, other, own="00000001-0000-0000-0000-000000000000"):
    """A plane whose description has a second one in the file `other`."""
    planes = "".join(
        f'<TiffData IFD="0" FirstZ="{k}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{key}</UUID></TiffData>'
        for k, (name, key) in enumerate([("/home/me/before.tif", own), (other, "2")])
    )
    height, width = voxels.shape
    xml = (
        '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY up "..">]>'
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{width}" SizeY="{height}" SizeZ="2" '
        f'SizeC="1" SizeT="1"><Channel ID="Channel:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )
    tifffile.imwrite(path, voxels, photometric="minisblack", metadata=None, description=xml.encode())


@pytest.mark.parametrize(
    "name", ["../secret.tif", "{above}/secret.tif", "&up;/secret.tif", "sub/../../secret.tif", "link.tif"]
)
def test_an_ome_description_names_files_of_its_own_folder_only(name, tmp_path):
    voxels = noise((2, 5, 6)).astype("uint16")
    folder = tmp_path / "own"
    (folder / "sub").mkdir(parents=True)
    for secret in (tmp_path / "secret.tif", folder / "sub/beside.tif"):
        tifffile.imwrite(secret, voxels[1], photometric="minisblack", metadata=None)
    (folder / "link.tif").symlink_to(tmp_path / "secret.tif")
    ome_plane(folder / "a.tif", voxels[0], "sub/beside.tif")
    np.testing.assert_array_equal(read_voxels(folder / "a.tif"), voxels)
    ome_plane(folder / "a.tif", voxels[0], name.format(above=tmp_path))
    with pytest.raises(AiwaveError, match=r"a\.tif names the file '.*', which is not in its own folder"):
        read_images(folder / "a.tif")


def micro_manager_plane(path, pixels):
    """A plane as NDTiff version 2 stores it: uncompressed, with a summary after the header."""
    height, width = pixels.shape
    start, summary = 26, b"{}"
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, start), (277, 1), (278, height)]
    tags += [(279, pixels.size), (51123, 32)]
    with path.open("wb") as file:
        file.write(struct.pack("<2sHIIIII", b"II", 42, start + pixels.size, 483729, 2, 2355492, len(summary)) + summary)
        file.write(pixels.tobytes() + struct.pack("<H", len(tags)))
        for code, value in tags:
            file.write(struct.pack("<HHII", code, 4, 1, value))
        file.write(bytes(4))


def test_an_index_of_micro_manager_names_files_of_its_own_folder_only(tmp_path):
    pixels = noise((2, 5, 6)).astype("uint8")
    folder = tmp_path / "own"
    folder.mkdir()
    for k, path in enumerate([folder / "a.tif", folder / "b.tif", tmp_path / "b.tif"]):
        micro_manager_plane(path, pixels[min(k, 1)])
    for name in ("b.tif", "../b.tif"):
        entries = b""
        for z, file in enumerate(["a.tif", name]):
            axes = f'{{"z": {z}}}'.encode()
            entries += struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(file)) + file.encode()
            entries += struct.pack("<IiiiiIii", 26, 6, 5, 0, 0, 0, 0, 0)
        (folder / "NDTiff.index").write_bytes(entries)
        if name == "b.tif":
            np.testing.assert_array_equal(read_voxels(folder / "a.tif"), pixels)
        else:
            with pytest.raises(AiwaveError, match=r"a\.tif names a file that is not in its own folder"):
                read_images(folder / "a.tif")


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("count", "back"), [(1, 0), (3, 1), (150, 0), (150, 149)])
def test_pages_in_a_circle_are_refused(count, back, big, tmp_path):
    """Without the check, tifffile would list them without end."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff=big) as writer:
        for k in range(count):
            writer.write(noise((1, 5, 6))[0].astype("uint16"), metadata={"k": k}, photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        offsets = [page.offset for page in file.pages]
        last = file.pages[-1]
        size, tag, layout = (8, 20, "<Q") if big else (2, 12, "<I")
        place = last.offset + size + tag * len(last.tags)
    data = bytearray(path.read_bytes())
    assert struct.unpack_from(layout, data, place) == (0,)
    struct.pack_into(layout, data, place, offsets[back])
    path.write_bytes(data)
    with pytest.raises(AiwaveError, match=rf"a\.tif cannot be read \(its page {count} is followed by an earlier one"):
        read_images(path)
