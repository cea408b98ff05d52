"""Axes, spacing and period of TIFF stacks, from what OME, ImageJ and tifffile say of them."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from aiwave.errors import AiwaveError
from aiwave.images import Image, read_image, read_images, read_voxels, write_image
from aiwave.images.image_files import lost_by

from ..raw_images import noise

SIZES = {"T": 3, "C": 2, "Z": 4, "Y": 5, "X": 6}
OME = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.5}


def ome(path, axes, **metadata):
    voxels = noise([SIZES[axis] for axis in axes])
    tifffile.imwrite(path, voxels, ome=True, photometric="minisblack", metadata={"axes": axes, **metadata})
    return voxels


def transposed(voxels, axes, wanted):
    return voxels.transpose([axes.index(axis) for axis in wanted])


@pytest.mark.parametrize("axes", ["TZYX", "ZTYX"])
def test_series_in_any_order(tmp_path, axes):
    voxels = ome(tmp_path / "a.tif", axes)
    image = read_image(str(tmp_path / "a.tif"))
    np.testing.assert_array_equal(image.voxels, transposed(voxels, axes, "TZYX"))
    assert not image.channels


@pytest.mark.parametrize("axes", ["CZYX", "ZCYX"])
def test_channels_in_any_order(tmp_path, axes):
    voxels = ome(tmp_path / "a.tif", axes)
    image = read_image(str(tmp_path / "a.tif"))
    np.testing.assert_array_equal(image.voxels, transposed(voxels, axes, "CZYX"))
    assert image.channels
    second = read_image(str(tmp_path / "a.tif"), channel=2)
    np.testing.assert_array_equal(second.voxels, transposed(voxels, axes, "CZYX")[1])
    assert (second.channels, second.original) == (False, None)
    with pytest.raises(AiwaveError, match=r"a\.tif is a colour image or has several channels \(2 values"):
        read_voxels(tmp_path / "a.tif")


@pytest.mark.parametrize("axes", ["TCZYX", "TZCYX", "CTZYX"])
def test_times_and_channels_are_a_hyperstack(tmp_path, axes):
    voxels = ome(tmp_path / "a.tif", axes)
    both = read_image(str(tmp_path / "a.tif"))
    assert (both.channels, both.hyperstack) == (False, 2)
    expected = transposed(voxels, axes, "TCZYX")
    np.testing.assert_array_equal(both.voxels, expected.reshape(-1, *expected.shape[2:]))
    write_image(both, str(tmp_path / "again.tif"))
    with tifffile.TiffFile(tmp_path / "again.tif") as file:  # its own tags, and planes in its own order
        assert file.series[0].axes == axes
        np.testing.assert_array_equal(file.asarray(), voxels)
    write_image(replace(both, original=None), str(tmp_path / "new.tif"))
    with tifffile.TiffFile(tmp_path / "new.tif") as file:
        assert file.series[0].axes == "TZCYX"
        np.testing.assert_array_equal(file.asarray(), transposed(voxels, axes, "TZCYX"))
    assert lost_by("a.npy", replace(both, original=None))[-1] == "channels apart from times"
    with pytest.raises(AiwaveError, match=r"a\.tif is a colour image or has several channels \(2 values"):
        read_voxels(tmp_path / "a.tif")
    for channel in (1, 2):
        image = read_image(str(tmp_path / "a.tif"), channel=channel)
        np.testing.assert_array_equal(image.voxels, transposed(voxels, axes, "CTZYX")[channel - 1])
        assert not image.channels
    for channel in (0, 3, -1):
        with pytest.raises(AiwaveError, match=rf"no channel {channel}: give --channel 1 to 2"):
            read_image(str(tmp_path / "a.tif"), channel=channel)


def test_a_volume_has_no_channel_to_choose(tmp_path):
    for name in ("a.tif", "a.nii"):
        write_image(Image(noise((4, 5, 6))), str(tmp_path / name))
        with pytest.raises(AiwaveError, match=r"has no channels: leave out --channel"):
            read_image(str(tmp_path / name), channel=1)


@pytest.mark.parametrize(("planar", "axes"), [("contig", (3, 0, 1, 2)), ("separate", (1, 0, 2, 3))])
def test_colour_pages(tmp_path, planar, axes):
    voxels = noise((4, 5, 6, 3) if planar == "contig" else (4, 3, 5, 6), "uint8", 0, 256)
    tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="rgb", planarconfig=planar)
    image = read_image(str(tmp_path / "a.tif"))
    np.testing.assert_array_equal(image.voxels, voxels.transpose(axes))
    assert image.channels


def test_folder_of_colour_slices(tmp_path):
    voxels = noise((3, 5, 6, 3), "uint8", 0, 256)
    for k, page in enumerate(voxels):
        tifffile.imwrite(tmp_path / f"{k}.tif", page, photometric="rgb")
    image = read_image(str(tmp_path))
    np.testing.assert_array_equal(image.voxels, np.moveaxis(voxels, -1, 0))
    assert image.channels
    np.testing.assert_array_equal(read_image(str(tmp_path), channel=3).voxels, voxels[..., 2])


def test_axes_without_meaning(tmp_path):
    for shape in ((4, 5, 6), (3, 4, 5, 6)):
        voxels = noise(shape)
        tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="minisblack")
        np.testing.assert_array_equal(read_voxels(tmp_path / "a.tif"), voxels)
    tifffile.imwrite(tmp_path / "a.tif", noise((2, 3, 4, 5, 6)), photometric="minisblack")
    with pytest.raises(AiwaveError, match=r"has 5 axes QQQYX \[2, 3, 4, 5, 6\]: save a volume"):
        read_images(tmp_path / "a.tif")


def test_planes_that_tifffile_declares_as_channels(tmp_path):
    """tifffile takes the slices of a stack without `axes` for channels of ImageJ, which has at most 7."""
    for depth, channels, options in (
        (20, False, {"imagej": True}),
        (3, True, {"imagej": True}),
        (20, True, {"ome": True, "metadata": {"axes": "CYX"}}),
    ):
        voxels = noise((depth, 5, 6))
        tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="minisblack", **options)
        image = read_image(str(tmp_path / "a.tif"))
        np.testing.assert_array_equal(image.voxels, voxels[:, None] if channels else voxels)
        assert image.channels is channels
    write_image(Image(noise((9, 1, 5, 6)), channels=True), str(tmp_path / "a.tif"))
    assert read_image(str(tmp_path / "a.tif")).channels


@pytest.mark.parametrize(
    ("units", "millimetre"),
    [({}, 1e-3), ("µm", 1e-3), ("nm", 1e-6), ("mm", 1.0), ("cm", 10.0), ("in", 25.4), ("Å", 1e-7)],
    ids=str,
)
def test_spacing_of_ome(tmp_path, units, millimetre):
    named = {f"PhysicalSize{axis}Unit": units for axis in "XYZ"} if units else {}
    ome(tmp_path / "a.tif", "ZYX", **OME, **named)
    spacing = read_image(str(tmp_path / "a.tif")).spacing
    np.testing.assert_allclose(spacing, np.array([0.5, 0.1, 0.1]) * millimetre, rtol=1e-12)


def test_pixels_of_ome_are_no_length(tmp_path):
    ome(tmp_path / "a.tif", "ZYX", **OME, **{f"PhysicalSize{axis}Unit": "pixel" for axis in "XYZ"})
    assert read_image(str(tmp_path / "a.tif")).spacing == (1, 1, 1)


@pytest.mark.parametrize(("unit", "second"), [("ms", 1e-3), ("s", 1.0), ("min", 60.0)])
def test_period_of_ome(tmp_path, unit, second):
    ome(tmp_path / "a.tif", "TZYX", TimeIncrement=2.5, TimeIncrementUnit=unit)
    assert read_image(str(tmp_path / "a.tif")).period == pytest.approx(2.5 * second)


def imagej(path, unit, spacing=0.5, resolution=(10, 10), shape=(4, 5, 6), **metadata):
    """A stack as ImageJ writes it: with a description of its own, which need not be ASCII."""
    lines = [f"{key}={value}" for key, value in metadata.items()]
    text = "\n".join(["ImageJ=1.53t", f"images={shape[0]}", f"unit={unit}", f"spacing={spacing}", *lines, ""])
    tifffile.imwrite(
        path, noise(shape), description=text.encode(), metadata=None, resolution=resolution, photometric="minisblack"
    )


@pytest.mark.parametrize(
    ("unit", "millimetre"),
    [
        ("micron", 1e-3),
        ("microns", 1e-3),
        ("um", 1e-3),
        ("µm", 1e-3),
        ("\\u00B5m", 1e-3),
        ("micrometers", 1e-3),
        ("nm", 1e-6),
        ("mm", 1.0),
        ("cm", 10.0),
        ("inch", 25.4),
        ("inches", 25.4),
    ],
)
def test_units_of_imagej(tmp_path, unit, millimetre):
    imagej(tmp_path / "a.tif", unit)
    spacing = read_image(str(tmp_path / "a.tif")).spacing
    np.testing.assert_allclose(spacing, np.array([0.5, 0.1, 0.1]) * millimetre, rtol=1e-12)


def test_a_byte_for_micro(tmp_path):
    imagej(tmp_path / "a.tif", "um")
    content = (tmp_path / "a.tif").read_bytes().replace(b"unit=um", b"unit=\xb5m")
    (tmp_path / "a.tif").write_bytes(content)
    assert read_image(str(tmp_path / "a.tif")).spacing == pytest.approx((5e-4, 1e-4, 1e-4))


@pytest.mark.parametrize("unit", ["pixel", "", "banana"])
def test_other_units_are_no_length(tmp_path, unit):
    imagej(tmp_path / "a.tif", unit)
    assert read_image(str(tmp_path / "a.tif")).spacing == (1, 1, 1)


@pytest.mark.parametrize(("dpi", "unit"), [(72, "inch"), (300, "inch"), (118.11, "centimeter")])
def test_the_resolution_of_a_print_is_no_spacing(tmp_path, dpi, unit):
    tifffile.imwrite(tmp_path / "a.tif", noise((4, 5, 6)), resolution=(dpi, dpi), resolutionunit=unit)
    assert read_image(str(tmp_path / "a.tif")).spacing == (1, 1, 1)


@pytest.mark.parametrize(
    ("spacing", "resolution", "expected"),
    [
        (-0.5, (10, 10), (0.5, 0.1, 0.1)),
        (0, (10, 10), (1.0, 0.1, 0.1)),
        ("nan", (10, 10), (1.0, 0.1, 0.1)),
        ("-inf", (10, 10), (1.0, 0.1, 0.1)),
        (0.5, (0, 10), (0.5, 0.1, 1.0)),
        (1e-12, (4e9, 1e-9), (1e-12, 1e9, 2.5e-10)),
    ],
)
def test_a_spacing_that_is_read_can_be_written(tmp_path, spacing, resolution, expected):
    imagej(tmp_path / "a.tif", "mm", spacing, resolution)
    image = read_image(str(tmp_path / "a.tif"))
    assert image.spacing == pytest.approx(expected, rel=1e-6)
    for suffix in (".tif", ".nrrd", ".mha", ".npy"):
        write_image(Image(image.voxels, image.spacing), str(tmp_path / f"b{suffix}"))


def test_period_of_imagej(tmp_path):
    for unit, period in (("sec", 2.5), ("ms", 0.0025)):
        imagej(tmp_path / "a.tif", "um", finterval=2.5, tunit=unit)
        assert read_image(str(tmp_path / "a.tif")).period == pytest.approx(period)


@pytest.mark.parametrize("channels", [False, True])
def test_series_and_channels_are_written_as_imagej_reads_them(tmp_path, channels):
    voxels = noise((3, 4, 5, 6))
    image = Image(voxels, (0.0005, 0.0002, 0.0001), period=0.0 if channels else 2.2, channels=channels)
    write_image(image, str(tmp_path / "a.tif"))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        (series,) = file.series
        assert series.axes == ("ZCYX" if channels else "TZYX")
        np.testing.assert_array_equal(series.asarray(), voxels.swapaxes(0, 1) if channels else voxels)
        assert file.imagej_metadata["unit"] == "micron"
        assert file.imagej_metadata.get("finterval", 0) == image.period
    again = read_image(str(tmp_path / "a.tif"))
    np.testing.assert_array_equal(again.voxels, voxels)
    assert (again.channels, again.period) == (channels, image.period)
    assert again.spacing == pytest.approx(image.spacing)


def test_fields_that_a_format_cannot_keep():
    sheared = (1.0, 0.3, 0.0, 0.0, 0.953939, 0.0, 0.0, 0.0, 1.0)
    series = Image(noise((3, 4, 5, 6)), (2.0, 1.0, 1.0), direction=sheared, period=2.2)
    assert lost_by("a.tif", series) == ["direction"]
    assert lost_by("a.nii", series) == []
    assert lost_by("a.npy", series) == ["spacing", "direction", "period"]
    assert lost_by("a.npy", Image(noise((3, 4, 5, 6)), channels=True)) == ["channels"]
    assert lost_by("a.tif", Image(noise((3, 4, 5, 6)), channels=True)) == []


@pytest.mark.parametrize("dtype", ["bool", "uint32", "int64", "uint64", "float16", "float32", "float64"])
def test_all_types_are_read_and_written_as_stored(tmp_path, dtype):
    voxels = noise((4, 5, 9), dtype, 0, 2)
    tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="minisblack", byteorder=">")
    for original in (True, False):
        image = read_image(str(tmp_path / "a.tif"))
        assert image.voxels.dtype == np.dtype(dtype)
        assert image.voxels.dtype.isnative
        np.testing.assert_array_equal(image.voxels, voxels)
        write_image(image if original else Image(image.voxels), str(tmp_path / "a.tif"))


def test_complex_voxels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 5, 6), np.complex64))
    with pytest.raises(AiwaveError, match=r"a\.tif holds complex voxels: save their real and imaginary parts"):
        read_images(tmp_path / "a.tif")
