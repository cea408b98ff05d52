"""Stores of every kind, written by their own libraries, are opened with their axes and read box by box."""

import json
import pickle

import numpy as np
import pytest
import tensorstore
import tifffile

import zarr
from aiwave.errors import AiwaveError
from aiwave.stores import Axis, is_store, open_store
from aiwave.zarr import AiwaveCodec
from tests.conftest import textured

VOLUME = textured((10, 12, 14), 0)
BOX = np.s_[2:9, 0:5, 3:14]


def written(path, driver, array, **metadata):
    """A store of tensorstore; `array` has its order of axes."""
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/"}, **metadata}
    tensorstore.open(spec, create=True, dtype=array.dtype.name, shape=array.shape).result()[...] = array
    return str(path)


def precomputed(path, array, offset=(0, 0, 0)):
    scale = {"resolution": [4, 5, 40], "size": array.shape[:3], "chunk_size": [8, 8, 8], "voxel_offset": offset}
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{path}/"},
        "multiscale_metadata": {"type": "image", "data_type": array.dtype.name, "num_channels": array.shape[3]},
        "scale_metadata": {**scale, "encoding": "raw"},
    }
    tensorstore.open(spec, create=True).result()[...] = array
    return str(path)


def ome(path, version, transforms, outer=()):
    """A group of OME-Zarr, written by zarr-python, with an array 0."""
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    options = {"chunk_key_encoding": {"name": "v2", "separator": "/"}} if version == "0.4" else {}
    group.create_array("0", shape=VOLUME.shape, chunks=(8, 8, 8), dtype="uint8", **options)[:] = VOLUME
    image = {
        "axes": [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"],
        "datasets": [{"path": "0", "coordinateTransformations": transforms}],
        **({"coordinateTransformations": outer} if outer else {}),
    }
    if version == "0.4":
        group.attrs["multiscales"] = [{"version": "0.4", **image}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    return str(path)


def same(opened, volume=VOLUME, axes=None):
    assert (opened.shape, opened.dtype) == (volume.shape, volume.dtype)
    again = pickle.loads(pickle.dumps(opened))  # workers read it
    whole = again.read(tuple(slice(0, size) for size in volume.shape))
    np.testing.assert_array_equal(whole, volume)
    if volume.ndim == 3:
        np.testing.assert_array_equal(opened.part(BOX).read(np.s_[1:3, 0:5, 2:4]), volume[3:5, 0:5, 5:7])
    if axes is not None:
        assert list(opened.axes) == axes


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_has_units_and_the_transformations_of_the_level_and_of_the_image(tmp_path, version):
    transforms = [{"type": "scale", "scale": [40, 5, 4]}, {"type": "translation", "translation": [1, 2, 3]}]
    path = ome(tmp_path / "a.zarr", version, transforms, [{"type": "scale", "scale": [2, 1, 1]}])
    axes = [Axis("z", "nanometer", 80, 2), Axis("y", "nanometer", 5, 2), Axis("x", "nanometer", 4, 3)]
    same(open_store(path), axes=axes)
    same(open_store(f"{path}/0"), axes=axes)
    moved = open_store(path).part(BOX).axes
    assert [axis.translation for axis in moved] == [2 + 2 * 80, 2, 3 + 3 * 4]


@pytest.mark.parametrize("driver", ["zarr", "zarr3"])
@pytest.mark.parametrize("dtype", ["uint8", ">i2", "float32"])
def test_plain_zarr_is_read_whatever_its_type(tmp_path, driver, dtype):
    volume = VOLUME.astype(np.dtype(dtype).newbyteorder("="))
    if dtype == ">i2" and driver == "zarr":
        zarr.create_array(str(tmp_path / "a"), shape=VOLUME.shape, dtype=dtype, zarr_format=2)[:] = VOLUME
        same(open_store(str(tmp_path / "a")), volume)
    else:
        same(open_store(written(tmp_path / "a", driver, volume)), volume)


def test_axes_come_from_the_metadata_or_the_user_and_are_put_in_order(tmp_path):
    series = np.stack([VOLUME, VOLUME + 1])
    names = {"metadata": {"dimension_names": ["x", "c", "z", "y"]}}
    path = written(tmp_path / "named", "zarr3", series.transpose(3, 0, 1, 2), **names)
    opened = open_store(path)
    same(opened, series)
    assert "".join(axis.name for axis in opened.axes) == "czyx"
    plain = written(tmp_path / "plain", "zarr", series)
    assert [axis.name for axis in open_store(plain).axes] == ["t", "z", "y", "x"]
    assert [axis.name for axis in open_store(plain, "czyx").axes] == ["c", "z", "y", "x"]
    for wrong in ("zyx", "czyy", "qzyx"):
        with pytest.raises(AiwaveError, match="give one letter for each"):
            open_store(plain, wrong)


def test_n5_has_its_fastest_axis_first(tmp_path):
    about = {"units": ["nm", "nm", "nm"], "resolution": [4, 5, 40]}
    path = written(tmp_path / "n5" / "s0", "n5", VOLUME.T, metadata=about)
    axes = [Axis("z", "nanometer", 40), Axis("y", "nanometer", 5), Axis("x", "nanometer", 4)]
    same(open_store(path), axes=axes)
    (tmp_path / "n5" / "attributes.json").write_text('{"n5": "2.0.0"}')
    same(open_store(str(tmp_path / "n5")), axes=axes)
    other = written(tmp_path / "other", "n5", VOLUME.T)
    file = tmp_path / "other/attributes.json"
    about = json.loads(file.read_text()) | {"pixelResolution": {"dimensions": [1, 2, 3], "unit": "um"}}
    file.write_text(json.dumps(about))
    same(open_store(other), axes=[Axis(name, "micrometer", k) for name, k in zip("zyx", (3, 2, 1), strict=True)])


def test_precomputed_lies_where_its_offset_says(tmp_path):
    opened = open_store(precomputed(tmp_path / "a", VOLUME.T[..., None], (10, 20, 30)))
    axes = [Axis("z", "nanometer", 40, 1200), Axis("y", "nanometer", 5, 100), Axis("x", "nanometer", 4, 40)]
    same(opened, axes=axes)
    colours = np.stack([VOLUME, VOLUME + 3])
    opened = open_store(precomputed(tmp_path / "b", colours.T))
    same(opened, colours)
    assert opened.axes[0].name == "c"


def test_a_store_is_read_by_its_address(tmp_path):
    path = written(tmp_path / "a", "zarr3", VOLUME)
    assert is_store(f"file://{path}")
    same(open_store(f"file://{path}"))


def test_our_own_codec_is_read_by_zarr_python(tmp_path):
    path = str(tmp_path / "a.zarr")
    options = {"serializer": AiwaveCodec(), "compressors": None, "dimension_names": ["x", "z", "y"]}
    turned = VOLUME.transpose(2, 0, 1)
    zarr.create_array(path, shape=turned.shape, chunks=(8, 8, 8), dtype="uint8", **options)[:] = turned
    same(open_store(path))


@pytest.mark.parametrize(
    ("at", "words"), [(100, "the checksum of level 0 of tile 0 does not fit"), (-6, "checksum do not match")]
)
def test_a_damaged_shard_of_our_own_codec_is_said_in_a_sentence(tmp_path, at, words):
    path = tmp_path / "a.zarr"
    options = {"serializer": AiwaveCodec(), "compressors": None, "shards": (16, 16, 16)}
    zarr.create_array(path, shape=VOLUME.shape, chunks=(8, 8, 8), dtype="uint8", **options)[:] = VOLUME
    shard = path / "c/0/0/0"
    data = bytearray(shard.read_bytes())
    data[at] ^= 1  # in a chunk, and in the index
    shard.write_bytes(data)
    with pytest.raises(AiwaveError, match=f"a.zarr cannot be read at 0:10,0:12,0:14: .*{words}"):
        open_store(str(path)).read(np.s_[0:10, 0:12, 0:14])


def test_shards_are_read_from_servers_that_send_parts_of_them(tmp_path, server):
    options = {"serializer": AiwaveCodec(), "compressors": None, "shards": (16, 16, 16)}
    zarr.create_array(tmp_path / "a", shape=VOLUME.shape, chunks=(8, 8, 8), dtype="uint8", **options)[:] = VOLUME
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    server.files = {f"/{path.relative_to(tmp_path)}": path.read_bytes() for path in files}
    same(open_store(f"{server.url}/a"))
    server.ranges = False
    with pytest.raises(AiwaveError, match=r"/a is in shards, and its server does not send parts of them"):
        open_store(f"{server.url}/a")


def sections(folder, volume, **options):
    folder.mkdir()
    for k, section in enumerate(volume):
        tifffile.imwrite(folder / f"s{k}.tif", section, photometric="minisblack", **options)
    return folder


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "rowsperstrip": 3}, {"tile": (16, 16)}], ids=str)
def test_sections_are_read_in_part_and_in_natural_order(tmp_path, options):
    volume = textured((12, 20, 21), 1).astype("uint16") * 200
    path = sections(tmp_path / "s", volume, **options)
    assert is_store(str(path))
    opened = open_store(str(path))
    same(opened, volume)


def test_sections_that_are_missing_damaged_or_unlike_are_named(tmp_path):
    path = sections(tmp_path / "s", VOLUME)
    (path / "s7.tif").rename(tmp_path / "away.tif")
    with pytest.raises(AiwaveError, match=r"missing between s6\.tif and s8\.tif"):
        open_store(str(path))
    tifffile.imwrite(path / "s7.tif", VOLUME[0, 1:])
    with pytest.raises(AiwaveError, match=r"s7\.tif has .* but the first section has"):
        same(open_store(str(path)))
    (path / "s7.tif").write_bytes(b"II*\0 and no more")
    with pytest.raises(AiwaveError, match=r"s7\.tif cannot be read"):
        same(open_store(str(path)))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no array"),
        ({"zarr.json": '{"node_type": "group"}'}, "group of Zarr without an image"),
        ({"zarr.json": "{"}, "is not JSON"),
        ({"zarr.json": "[]"}, "not an object"),
        ({"zarr.json": '{"node_type": "array", "zarr_format": 3}'}, "cannot be opened"),
        ({".zattrs": '{"multiscales": [{"datasets": []}]}'}, "have no datasets"),
        ({".zattrs": '{"multiscales": [{"datasets": [{"path": "../../etc"}]}]}'}, "have no datasets"),
        ({"attributes.json": "{}"}, "without a data set s0"),
    ],
)
def test_what_is_no_array_is_said_in_a_sentence(tmp_path, files, words):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(AiwaveError, match=words):
        open_store(str(tmp_path))
    with pytest.raises(AiwaveError, match="does not exist"):
        open_store(str(tmp_path / "nothing"))


def test_a_block_that_is_missing_is_black_as_in_viewers(tmp_path):
    path = precomputed(tmp_path / "a", VOLUME.T[..., None])
    next((tmp_path / "a").glob("*/0-8_0-8_0-8")).unlink()
    same(open_store(path), np.where(np.indices(VOLUME.shape).max(0) < 8, 0, VOLUME).astype("uint8"))


@pytest.mark.parametrize("scale", [[1, 2], [1, 2, 0], [1, 2, float("nan")], [1, 2, 10**400]], ids=range(4))
def test_axes_that_make_no_sense_are_said_in_a_sentence(tmp_path, scale):
    with pytest.raises(AiwaveError, match="transformations of 0 make no sense"):
        open_store(ome(tmp_path / "a.zarr", "0.5", [{"type": "scale", "scale": scale}]))
