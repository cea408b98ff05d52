"""Tags of TIFF files come back when the same voxels are written."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from aiwave.images import read_image, write_image

from ..raw_images import noise

LAYOUT = {"StripOffsets", "StripByteCounts", "RowsPerStrip", "Compression", "TileOffsets", "TileByteCounts"}
LAYOUT |= {"TileWidth", "TileLength", "Predictor"}


def tags_of(path):
    """Tags of every page by name, with the bytes of the description, apart from the layout."""
    with tifffile.TiffFile(path) as file:
        return [{tag.name: tag.value for tag in page.aspage().tags if tag.name not in LAYOUT} for page in file.pages], (
            file.byteorder,
            file.is_bigtiff,
            [(series.axes, series.shape) for series in file.series],
        )


def written_again(tmp_path, path):
    write_image(read_image(str(path)), str(tmp_path / "again.tif"))
    return tmp_path / "again.tif"


def ome(path):
    metadata = {"axes": "ZTYX", "PhysicalSizeX": 0.1, "TimeIncrement": 2.5, "Channel": {"Name": "mCherry"}}
    tifffile.imwrite(path, noise((4, 3, 5, 6)), ome=True, photometric="minisblack", metadata=metadata)


def ome_channels(path):
    tifffile.imwrite(
        path, noise((4, 3, 5, 6)), ome=True, photometric="minisblack", metadata={"axes": "ZCYX"}, bigtiff=True
    )


def imagej(path):
    tifffile.imwrite(
        path,
        noise((3, 4, 2, 5, 6))[:, :, :1],
        imagej=True,
        resolution=(10.5, 7.25),
        metadata={"axes": "TZCYX", "unit": "micron", "spacing": -0.5, "finterval": 0.1, "Labels": ["a", "b"] * 6},
    )


def imagej_channels(path):
    tifffile.imwrite(path, noise((4, 2, 5, 6)), imagej=True, metadata={"axes": "ZCYX", "Ranges": (0, 9, 1, 8)})


def colours(path):
    voxels = noise((4, 5, 6, 3), "uint8", 0, 256)
    tifffile.imwrite(path, voxels, photometric="rgb", resolution=(300, 300), datetime=True, software="a camera")


def colours_and_alpha(path):
    voxels = noise((4, 4, 5, 6), "uint16")
    tifffile.imwrite(path, voxels, photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"])


def palette(path):
    colormap = noise((3, 256), "uint16")
    tifffile.imwrite(path, noise((4, 5, 6), "uint8", 0, 256), photometric="palette", colormap=colormap)


def white_is_zero(path):
    tifffile.imwrite(path, noise((4, 5, 6), "uint8", 0, 256), photometric="miniswhite", byteorder=">")


def separations(path):
    tifffile.imwrite(path, noise((3, 5, 6, 4), "uint8", 0, 256), photometric="separated")


def samples(path):
    voxels = noise((3, 5, 6, 2), "float32")
    tifffile.imwrite(path, voxels, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"])


def bilevel(path):
    tifffile.imwrite(path, noise((3, 5, 9), "bool", 0, 2), photometric="miniswhite")


def private(path):
    """Tags that only some pages have, or with other values, as microscopes write them."""
    with tifffile.TiffWriter(path, byteorder=">") as file:
        for k, page in enumerate(noise((5, 6, 7))):
            extra = [
                (65001, "s", 0, f"position {k}", False),
                (65002, "d", 2, (k / 3, 1.0), False),
                (65003, "H", 3, (1, 2, 3), False),
            ]
            file.write(
                page,
                metadata=None,
                description=f"page {k}\nüber".encode() if k != 3 else None,
                extratags=extra[: 3 - k % 2],
                datetime=f"2024:05:0{k + 1} 10:11:12",
                software="microscope 7",
                resolution=(123.25, 77 / 3),
                resolutionunit="centimeter",
                compression="lzw",
                subfiletype=2,
            )


KINDS = [ome, ome_channels, imagej, imagej_channels, colours, colours_and_alpha, palette, white_is_zero, separations]
KINDS += [samples, bilevel, private]


@pytest.mark.parametrize("make", KINDS)
def test_tags_and_pages_are_restored(tmp_path, make):
    make(tmp_path / "first.tif")
    again = written_again(tmp_path, tmp_path / "first.tif")
    before, kind = tags_of(tmp_path / "first.tif")
    after, same = tags_of(again)
    assert same == kind
    assert len(after) == len(before)
    for first, second in zip(before, after, strict=True):
        assert {key: str(value) for key, value in second.items()} == {key: str(value) for key, value in first.items()}
    np.testing.assert_array_equal(tifffile.imread(again), tifffile.imread(tmp_path / "first.tif"))


def test_jpeg_comes_back_as_the_colours_it_decodes_to(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise((16, 16, 3), "uint8", 0, 256), photometric="rgb", compression="jpeg")
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.YCBCR
    again = written_again(tmp_path, path)
    with tifffile.TiffFile(again) as file:
        assert file.pages[0].photometric == tifffile.PHOTOMETRIC.RGB
    np.testing.assert_array_equal(tifffile.imread(again), tifffile.imread(path))


def test_a_stack_with_one_directory(tmp_path):
    """ImageJ writes stacks beyond 4 GB so: their pages follow the first without directories."""
    voxels = noise((6, 7, 8))
    tifffile.imwrite(tmp_path / "a.tif", voxels, truncate=True, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 1
    again = written_again(tmp_path, tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(str(again)).voxels, voxels)
    assert tags_of(again) == tags_of(tmp_path / "a.tif")


def test_a_description_comes_back_byte_for_byte(tmp_path):
    text = "ImageJ=1.53t\nimages=4\nunit=\\u00B5m\nspacing=-0.5\nnäme=Î¼\n".encode()
    tifffile.imwrite(tmp_path / "a.tif", noise((4, 5, 6)), description=text, metadata=None)
    assert text in written_again(tmp_path, tmp_path / "a.tif").read_bytes()


def test_the_original_is_kept_compactly_and_always_the_same(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise((500, 5, 6)), imagej=True)
    first, second = (read_image(str(tmp_path / "a.tif")).original for _ in range(2))
    assert first == second
    assert len(first.data) < 1500


@pytest.mark.parametrize("change", ["shape", "type"])
def test_other_voxels_get_a_header_of_their_own(tmp_path, change):
    ome(tmp_path / "a.tif")
    image = read_image(str(tmp_path / "a.tif"))
    voxels = image.voxels[:, :, :4] if change == "shape" else image.voxels.astype("uint32")
    write_image(replace(image, voxels=voxels), str(tmp_path / "b.tif"))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.is_imagej
        assert not file.is_ome
    again = read_image(str(tmp_path / "b.tif"))
    np.testing.assert_array_equal(again.voxels, voxels)
    assert again.period == pytest.approx(2.5)


def test_what_tags_point_to_is_left_out_with_a_note(tmp_path):
    voxels = noise((4, 16, 16))
    with tifffile.TiffWriter(tmp_path / "levels.ome.tif") as file:
        file.write(voxels, subifds=1, photometric="minisblack", metadata={"axes": "ZYX"})
        file.write(voxels[:, ::2, ::2], subfiletype=1)
    image = read_image(str(tmp_path / "levels.ome.tif"))
    assert image.note == "without what the tags of the file point to: its smaller images"
    np.testing.assert_array_equal(image.voxels, voxels)
    ome(tmp_path / "plain.ome.tif")
    assert read_image(str(tmp_path / "plain.ome.tif")).note == ""
