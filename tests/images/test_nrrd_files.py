"""NRRD: headers written by hand, exact voxels, and headers that come back."""

import bz2
import gzip
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from aiwave.errors import AiwaveError
from aiwave.images import Image, read_image, read_images, read_voxels, write_image

from ..raw_images import noise

VOXELS = noise((3, 4, 5), "int16")
SHEAR = ("left-posterior-superior", "(1,0,0) (0.5,1,0) (0,0,2)", "(1,2,3)")


def header(sizes=(5, 4, 3), encoding="raw", kind="short", **fields):
    lines = ["NRRD0004", f"type: {kind}", f"dimension: {len(sizes)}", f"sizes: {' '.join(map(str, sizes))}"]
    lines += [f"{name.replace('_', ' ')}: {value}" for name, value in fields.items()]
    return "\n".join([*lines, *([] if "endian" in fields else ["endian: little"]), f"encoding: {encoding}", "", ""])


def nrrd(path, content=None, **fields):
    text = header(**fields).encode()
    path.write_bytes(text + (VOXELS.astype("<i2").tobytes() if content is None else content))
    return str(path)


def in_space(space, directions, origin):
    return {"space": space, "space_directions": directions, "space_origin": origin}


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("raw", bytes),
        ("gzip", gzip.compress),
        ("gz", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
        ("bzip2", bz2.compress),
        ("bz2", bz2.compress),
        ("hex", lambda data: data.hex().encode()),
        ("ascii", lambda data: b"\n".join(b"%d" % value for value in np.frombuffer(data, "<i2"))),
    ],
)
def test_encodings(tmp_path, encoding, encode):
    path = nrrd(tmp_path / "a.nrrd", encode(VOXELS.astype("<i2").tobytes()), encoding=encoding)
    np.testing.assert_array_equal(read_image(path).voxels, VOXELS)


def test_an_encoding_that_is_not_readable_is_named(tmp_path):
    with pytest.raises(AiwaveError, match=r"a\.nrrd has the encoding zrl, which cannot be read: save it with raw"):
        read_image(nrrd(tmp_path / "a.nrrd", encoding="zrl"))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64", "float32", "float64"])
def test_types_in_either_byte_order(tmp_path, dtype):
    voxels = noise((3, 4, 5), dtype, 0, 100)
    kind = {"float32": "float", "float64": "double", "int64": "long long int", "uint8": "uchar"}.get(dtype, dtype)
    for endian in ("little", "big"):
        content = voxels.astype(np.dtype(dtype).newbyteorder(endian[0].replace("l", "<").replace("b", ">"))).tobytes()
        found = read_image(nrrd(tmp_path / "a.nrrd", content, kind=kind, endian=endian)).voxels
        assert found.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(found, voxels)


@pytest.mark.parametrize(
    "fields",
    [
        in_space(*SHEAR),
        in_space("right-anterior-superior", "(0.8,0.6,0) (-1.2,1.6,0) (0,0,2.5)", "(1,-2,3)"),
        in_space("LAS", "(0.8,0.6,0) (-1.2,1.6,0) (0,0,2.5)", "(1,-2,3)"),
        in_space("scanner-xyz", "(0,1,0) (1,0,0) (0,0,-1)", "(1,-2,3)"),
        {"spacings": "1 2 3", "axis_mins": "10 20 30"},
        {"spacings": "1 2 3", "axis_mins": "10 20 30", "centers": "node node node"},
        {},
    ],
    ids=str,
)
def test_geometry_is_that_of_itk(tmp_path, fields):
    path = nrrd(tmp_path / "a.nrrd", **fields)
    expected, image = sitk.ReadImage(path), read_image(path)
    assert image.spacing == pytest.approx(expected.GetSpacing()[::-1])
    assert image.origin == pytest.approx(expected.GetOrigin())
    assert image.direction == pytest.approx(expected.GetDirection())
    np.testing.assert_array_equal(image.voxels, sitk.GetArrayFromImage(expected))


def test_shear_is_kept_and_written(tmp_path):
    image = read_image(nrrd(tmp_path / "a.nrrd", **in_space(*SHEAR)))
    assert image.spacing == pytest.approx((2, 1.25**0.5, 1))
    assert np.reshape(image.direction, (3, 3))[:, 1] == pytest.approx(np.array([0.5, 1, 0]) / 1.25**0.5)
    for suffix in (".nrrd", ".mha"):
        write_image(replace(image, original=None), str(tmp_path / f"b{suffix}"))
        for again in (read_image(str(tmp_path / f"b{suffix}")), image):
            assert again.direction == pytest.approx(image.direction, abs=1e-12)
            assert again.position((1, 2, 3)) == pytest.approx(image.position((1, 2, 3)))
        itk = sitk.ReadImage(str(tmp_path / f"b{suffix}"))
        assert itk.TransformIndexToPhysicalPoint((3, 2, 1)) == pytest.approx(image.position((1, 2, 3)))


@pytest.mark.parametrize(
    ("fields", "spacing", "direction"),
    [
        ({"spacings": "1 2 -3"}, (3, 2, 1), (1, 0, 0, 0, 1, 0, 0, 0, -1)),
        ({"spacings": "1 0 nan"}, (1, 1, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1)),
        (in_space("LPS", "(0,0,0) (0,2,0) (0,0,inf)", "(nan,1,2)"), (1, 2, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1)),
        (in_space("LPS", "(1,0,0) (2,0,0) (0,0,3)", "(0,0,0)"), (3, 2, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1)),
    ],
)
def test_invalid_lengths_become_valid(tmp_path, fields, spacing, direction):
    image = read_image(nrrd(tmp_path / "a.nrrd", **fields))
    assert (image.spacing, image.direction) == (spacing, direction)
    assert np.isfinite(image.origin).all()
    for suffix in (".tif", ".nrrd", ".mha"):
        write_image(image, str(tmp_path / f"b{suffix}"))
        assert read_image(str(tmp_path / f"b{suffix}")).spacing == pytest.approx(spacing)


def test_units_of_space(tmp_path):
    fields = in_space("LPS", "(2,0,0) (0,2,0) (0,0,5)", "(1,2,3)") | {"space_units": '"um" "um" "microns"'}
    image = read_image(nrrd(tmp_path / "a.nrrd", **fields))
    assert image.spacing == pytest.approx((0.005, 0.002, 0.002))
    assert image.origin == pytest.approx((0.001, 0.002, 0.003))


SERIES = noise((2, 3, 4, 5), "int16")
SPACE = "(1,0,0) (0,1,0) (0,0,2)"


@pytest.mark.parametrize(
    ("kinds", "more"),
    [
        ("list domain domain domain", {}),
        ("domain domain domain list", {}),
        ("space space space time", {}),
        ("domain domain domain domain", None),
        ("vector domain domain domain", {"MultiVolume.NumberOfFrames:": "=2"}),
    ],
)
def test_sequences_are_series(tmp_path, kinds, more):
    first = kinds.split()[0] not in ("domain", "space")
    directions = f"none {SPACE}" if first else f"{SPACE} none"
    fields = {"kinds": kinds} if more is None else in_space("LPS", directions, "(1,2,3)") | {"kinds": kinds}
    lines = header((2, 5, 4, 3) if first else (5, 4, 3, 2), **fields)
    if more:
        lines = lines.replace("endian:", "MultiVolume.NumberOfFrames:=2\nendian:")
    stored = np.moveaxis(SERIES, 0, -1) if first else SERIES
    (tmp_path / "a.nrrd").write_bytes(lines.encode() + np.ascontiguousarray(stored).tobytes())
    image = read_image(str(tmp_path / "a.nrrd"))
    np.testing.assert_array_equal(image.voxels, SERIES)
    assert not image.channels
    assert image.spacing == ((1, 1, 1) if more is None else (2, 1, 1))
    np.testing.assert_array_equal(read_voxels(tmp_path / "a.nrrd"), SERIES)


@pytest.mark.parametrize("kind", ["vector", "RGB-color", "2-vector", "covariant-vector", "3D-symmetric-matrix"])
def test_components_are_channels(tmp_path, kind):
    content = np.ascontiguousarray(np.moveaxis(SERIES, 0, -1)).tobytes()
    fields = in_space("LPS", f"none {SPACE}", "(1,2,3)") | {"kinds": f"{kind} domain domain domain"}
    path = nrrd(tmp_path / "a.nrrd", content, sizes=(2, 5, 4, 3), **fields)
    image = read_image(path)
    np.testing.assert_array_equal(image.voxels, SERIES)
    assert image.channels
    np.testing.assert_array_equal(read_image(path, channel=2).voxels, SERIES[1])
    with pytest.raises(AiwaveError, match=r"a\.nrrd is a colour image or has several channels \(2 values"):
        read_voxels(tmp_path / "a.nrrd")


def test_complex_voxels(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", bytes(240), sizes=(2, 5, 4, 3), kinds="complex domain domain domain")
    with pytest.raises(AiwaveError, match=r"a\.nrrd holds complex voxels: save their real and imaginary parts apart"):
        read_image(path)


def test_series_of_vectors_come_back(tmp_path):
    content = noise((2, 3, 4, 5, 3), "int16")
    kinds = "vector domain domain domain list"
    path = nrrd(tmp_path / "a.nrrd", content.tobytes(), sizes=(3, 5, 4, 3, 2), kinds=kinds)
    both = read_image(path)
    assert both.hyperstack == 3
    np.testing.assert_array_equal(both.voxels, np.moveaxis(content, -1, 1).reshape(6, 3, 4, 5))
    write_image(both, str(tmp_path / "again.nrrd"))
    np.testing.assert_array_equal(read_image(tmp_path / "again.nrrd").voxels, both.voxels)
    np.testing.assert_array_equal(read_image(path, channel=3).voxels, content[..., 2])


@pytest.mark.parametrize("channels", [False, True])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_itk_reads_what_is_written(tmp_path, channels, suffix):
    image = Image(SERIES, (2.5, 0.75, 0.5), (10.0, -20.5, 30.0), period=0.0 if channels else 2.5, channels=channels)
    write_image(image, str(tmp_path / f"a{suffix}"))
    itk = sitk.ReadImage(str(tmp_path / f"a{suffix}"))
    found = sitk.GetArrayFromImage(itk)
    np.testing.assert_array_equal(np.moveaxis(found, -1, 0) if channels else found, SERIES)
    assert itk.GetNumberOfComponentsPerPixel() == (2 if channels else 1)
    assert itk.GetSpacing()[:3] == (0.5, 0.75, 2.5)
    assert itk.GetOrigin()[:3] == (10.0, -20.5, 30.0)
    again = read_image(str(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(again.voxels, SERIES)
    assert again.channels is channels
    assert again.period == (image.period if suffix == ".nrrd" else 0)


@pytest.mark.parametrize(("dtype", "written"), [("bool", "uint8"), ("float16", "float32"), ("uint64", "uint64")])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_types_that_the_format_lacks_become_wider(tmp_path, dtype, written, suffix):
    voxels = noise((3, 4, 5), dtype, 0, 2)
    write_image(Image(voxels), str(tmp_path / f"a{suffix}"))
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"a{suffix}")))
    assert found.dtype == np.dtype(written)
    np.testing.assert_array_equal(found, voxels)


DETACHED = VOXELS.astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("fields", "lines", "files"),
    [
        ({"data_file": "a.raw"}, "", {"a.raw": DETACHED}),
        ({"datafile": "a b.raw", "byte_skip": "-1"}, "", {"a b.raw": b"header" + DETACHED}),
        ({"data_file": "a.raw", "line_skip": "2", "byte_skip": "3"}, "", {"a.raw": b"one\ntwo\n123" + DETACHED}),
        ({"data_file": "s%02d.raw 3 1 -1"}, "", {f"s0{3 - k}.raw": DETACHED[40 * k : 40 * k + 40] for k in range(3)}),
        ({}, "data file: LIST\nx.raw\ny.raw\nz.raw\n", {f"{'xyz'[k]}.raw": DETACHED[40 * k :][:40] for k in range(3)}),
    ],
    ids=str,
)
def test_detached_voxels(tmp_path, fields, lines, files):
    (tmp_path / "a.nhdr").write_text(header(**fields).rstrip("\n") + "\n" + lines)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read_image(str(tmp_path / "a.nhdr")).voxels, VOXELS)
    missing = next(iter(files))
    (tmp_path / missing).unlink()
    with pytest.raises(AiwaveError, match=rf"a\.nhdr keeps its voxels in .*{missing}, which does not exist: put it"):
        read_image(str(tmp_path / "a.nhdr"))


def test_a_detached_header_without_a_data_file(tmp_path):
    path = nrrd(tmp_path / "a.nhdr")
    with pytest.raises(AiwaveError, match=r"a\.nhdr names no file with its voxels: add it to the header"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header().encode() + DETACHED[:-1], "it holds 119 of 120 bytes of voxels.*truncated or damaged"),
        (header((1 << 20, 1 << 10, 1 << 10)).encode() + DETACHED, "it holds 120 of 2199023255552 bytes"),
        (header(encoding="gzip").encode() + gzip.compress(DETACHED)[:-9], "truncated or damaged"),
        (header(encoding="bz2").encode() + bz2.compress(DETACHED)[:-9], "truncated or damaged"),
        (header(encoding="txt").encode() + b"1 2 3", "it holds 3 of 60 voxels"),
        (header((5, 4, 0)).encode(), r"an empty axis in its shape \[0, 4, 5\]: save it with voxels"),
        (header((5, 4)).encode() + DETACHED, r"2 axes \[4, 5\]"),
        (header(kind="block").encode() + DETACHED, "voxels of type block: save it with"),
        (b"NRRD0004\ntype: short\n", "its header has no field 'sizes'"),
        (b"hello", "does not begin with NRRD"),
    ],
)
def test_true_reasons(tmp_path, content, words):
    (tmp_path / "a.nrrd").write_bytes(content)
    with pytest.raises(AiwaveError, match=rf"a\.nrrd .*{words}"):
        read_images(tmp_path / "a.nrrd")


def lines_of(path):
    text = path.read_bytes().partition(b"\n\n")[0].decode("utf-8")
    return [line for line in text.splitlines() if not line.startswith(("encoding", "endian", "data file", "byte skip"))]


@pytest.mark.parametrize("detached", [False, True])
def test_the_header_comes_back(tmp_path, detached):
    text = """NRRD0005
# Ünïcode, as 3D Slicer writes it
type: short
dimension: 4
space: right-anterior-superior
sizes: 2 5 4 3
space directions: none (0.80000000000000004,0,0) (0,0.8,0) (0,0,2.50)
kinds: list domain domain domain
labels: "frame" "" "" ""
encoding: bzip2
endian: big
measurement frame: (1,0,0) (0,1,0) (0,0,1)
space origin: (90,-126,-72)
DATA

DWMRI_b-value:=1000
MultiVolume.FrameLabels:=0,10
axis 0 index type:=numeric
"""
    text = text.replace("DATA\n\n", "byte skip: 0\ndata file: a.raw\n" if detached else "")
    content = bz2.compress(np.ascontiguousarray(np.moveaxis(SERIES, 0, -1)).astype(">i2").tobytes())
    name = "a.nhdr" if detached else "a.nrrd"
    (tmp_path / name).write_bytes(text.encode() + b"\n" + (b"" if detached else content))
    (tmp_path / "a.raw").write_bytes(content)
    image = read_image(str(tmp_path / name))
    np.testing.assert_array_equal(image.voxels, SERIES)
    write_image(image, str(tmp_path / "b.nrrd"))
    assert lines_of(tmp_path / "b.nrrd") == lines_of(tmp_path / name)
    again = read_image(str(tmp_path / "b.nrrd"))
    np.testing.assert_array_equal(again.voxels, SERIES)
    assert (again.spacing, again.origin, again.direction) == (image.spacing, image.origin, image.direction)
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "b.nrrd")))
    np.testing.assert_array_equal(np.moveaxis(found, -1, 0), SERIES)
    write_image(replace(image, voxels=image.voxels[:, 1:]), str(tmp_path / "c.nrrd"))
    np.testing.assert_array_equal(read_image(str(tmp_path / "c.nrrd")).voxels, SERIES[:, 1:])


@pytest.mark.parametrize("suffix", ["nhdr", "nrrd", "mhd", "mha"])
def test_a_header_names_no_file_outside_of_its_folder(suffix, tmp_path):
    secret = tmp_path / "secret.raw"
    secret.write_bytes(bytes(range(64)))
    folder = tmp_path / "given"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "own.raw").write_bytes(bytes(64))
    (folder / "link.raw").symlink_to(secret)
    (folder / "way").symlink_to(tmp_path)
    (folder / "inside.raw").symlink_to("below/own.raw")
    path = folder / f"a.{suffix}"

    def name(words):
        if suffix[0] == "n":
            head = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 4 4\nencoding: raw\ndata file: "
            path.write_text(f"{head}{words}\n\n".replace("LIST ", "LIST\n"))
        else:
            head = "NDims = 3\nDimSize = 4 4 4\nElementType = MET_UCHAR\nElementDataFile = "
            path.write_text(f"{head}{words}\n".replace("LIST ", "LIST\n"))
        return read_image(str(path)).voxels

    for words in (
        *(
            str(secret),
            "../secret.raw",
            "below/../../secret.raw",
            "below/../below/own.raw",
            "link.raw",
            "way/secret.raw",
        ),
        *(f"LIST {secret}", "LIST link.raw", "../secret%d.raw 1 2 1", "/proc/self/environ", "/etc/passwd"),
    ):
        with pytest.raises(AiwaveError, match=rf"a\.{suffix} names the file .* not in its own folder"):
            name(words)
    assert not name("below/own.raw").any()
    assert not name("inside.raw").any()
    with pytest.raises(AiwaveError, match="no pattern of at most"):
        name("x%999999999d.raw 1 2 1")
    with pytest.raises(AiwaveError, match="no pattern of at most"):
        name("x%d.raw 1 999999999 1")
    with pytest.raises(AiwaveError, match="is no file"):
        name("below")
