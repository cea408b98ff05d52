"""Arrays of Zarr with our codec: written and read by zarr-python, Dask and xarray."""

import numpy as np
import pytest
from zarr.core import codec_pipeline
from zarr.storage import MemoryStore

import zarr
from aiwave.bitstream.tile_work import DecodeTiles
from aiwave.errors import AiwaveError
from aiwave.pretrained.choice import shipped_model
from aiwave.zarr import AiwaveCodec, AiwaveV2
from tests.conftest import textured

VOLUME = textured((30, 40, 50), 0)


PIPELINES = [name for name in ("BatchedCodecPipeline", "FusedCodecPipeline") if hasattr(codec_pipeline, name)]


@pytest.fixture(params=PIPELINES)
def _pipeline(request):
    """All ways of zarr-python to run codecs: from version 3.4 on there are two."""
    with zarr.config.set({"codec_pipeline.path": f"zarr.core.codec_pipeline.{request.param}"}):
        yield


def array(store, volume=VOLUME, chunks=(16, 32, 32), mode="lossless", **options):
    made = zarr.create_array(
        store,
        shape=volume.shape,
        chunks=chunks,
        dtype=volume.dtype,
        serializer=AiwaveCodec(mode=mode),
        compressors=None,
        **options,
    )
    made[:] = volume
    return zarr.open_array(store, mode="r")


@pytest.mark.usefixtures("_pipeline")
@pytest.mark.parametrize("shards", [None, (32, 64, 64)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_arrays_come_back_whole_and_in_part(shards, dtype):
    volume = VOLUME.astype(dtype) - (100 if dtype != "uint8" else 0)
    read = array(MemoryStore(), volume, shards=shards)
    np.testing.assert_array_equal(read[:], volume)
    for part in (np.s_[3:29, ::3, -1], np.s_[5], np.s_[..., 7:9], np.s_[29:2:1, 1:1, :], np.s_[:, 39, 10:11]):
        np.testing.assert_array_equal(read[part], volume[part])
    np.testing.assert_array_equal(read.oindex[[1, 5, 22], :, [0, 49]], volume[np.ix_([1, 5, 22], range(40), [0, 49])])
    np.testing.assert_array_equal(read.vindex[[1, 5], [2, 2], [3, 40]], volume[[1, 5], [2, 2], [3, 40]])


def test_metadata_names_the_model_by_its_hash():
    (codec,) = array(MemoryStore()).metadata.to_dict()["codecs"]
    assert codec == {
        "name": "aiwave",
        "configuration": {"model": shipped_model("voxels_fast").identity, "mode": "lossless"},
    }


def test_series_and_channels_are_chunks_too():
    series = np.stack([[textured((10, 12, 14), k)] for k in range(3)])
    read = array(MemoryStore(), series, (2, 1, 8, 8, 8))
    np.testing.assert_array_equal(read[:], series)
    np.testing.assert_array_equal(read[1:, 0, 3:9, 5], series[1:, 0, 3:9, 5])


@pytest.mark.usefixtures("_pipeline")
def test_a_part_of_a_chunk_decodes_the_tiles_that_it_touches(monkeypatch):
    volume = textured((128, 128, 128), 0)
    read = array(MemoryStore(), volume, (128, 128, 128))
    seen, whole = [], DecodeTiles.__call__

    def decode(self, batch):
        seen.append(len(batch.tiles))
        return whole(self, batch)

    monkeypatch.setattr(DecodeTiles, "__call__", decode)
    np.testing.assert_array_equal(read[3, :5, 100:], volume[3, :5, 100:])
    assert sum(seen) == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_format_2_has_the_codec_through_numcodecs(order):
    store = MemoryStore()
    made = zarr.create_array(
        store,
        shape=VOLUME.shape,
        chunks=(16, 32, 32),
        dtype=VOLUME.dtype,
        compressors=AiwaveV2("em_lossless"),
        zarr_format=2,
        order=order,
    )
    made[:] = VOLUME
    read = zarr.open_array(store, mode="r", zarr_format=2)
    np.testing.assert_array_equal(read[:], VOLUME)
    with pytest.raises(AiwaveError, match="needs the name of a model"):
        AiwaveV2("auto")


@pytest.mark.parametrize("dtype", [">i2", ">f4", "<i2"])
def test_format_2_refuses_big_endian_arrays_that_it_could_not_give_back(dtype):
    store = MemoryStore()
    volume = VOLUME.astype(dtype)
    options = {"shape": volume.shape, "chunks": (16, 32, 32), "dtype": volume.dtype, "zarr_format": 2}
    made = zarr.create_array(store, compressors=AiwaveV2("em_lossless"), **options)
    if dtype.startswith(">"):
        with pytest.raises(AiwaveError, match=f"little-endian arrays, not {dtype}"):
            made[:] = volume
    else:
        made[:] = volume
        np.testing.assert_array_equal(zarr.open_array(store, mode="r")[:], volume)


def test_dask_and_xarray_read_and_write_it(tmp_path):
    import dask.array
    import xarray

    array(str(tmp_path / "a.zarr"))
    lazy = dask.array.from_zarr(str(tmp_path / "a.zarr"))
    assert lazy.chunksize == (16, 32, 32)
    assert float(lazy[4:20].mean().compute(scheduler="threads")) == pytest.approx(VOLUME[4:20].mean())
    names = ("z", "y", "x")
    data = xarray.Dataset({"em": (names, VOLUME)})
    encoding = {"em": {"chunks": (16, 32, 32), "serializer": AiwaveCodec(mode={"max_error": 1}), "compressors": None}}
    data.to_zarr(tmp_path / "x.zarr", encoding=encoding, zarr_format=3)
    again = xarray.open_zarr(tmp_path / "x.zarr", consolidated=False)
    assert again["em"].dims == names
    assert np.abs(again["em"].values.astype(int) - VOLUME).max() == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "words"), [((8, 8), "uint8", "3 to 5 axes"), ((8, 8, 8), "complex64", "complex64 cannot be")]
)
def test_arrays_that_are_no_volumes_are_refused(shape, dtype, words):
    with pytest.raises(AiwaveError, match=words):
        zarr.create_array(
            MemoryStore(), shape=shape, chunks=shape, dtype=dtype, serializer=AiwaveCodec(), compressors=None
        )


def test_a_damaged_chunk_is_said_in_a_sentence(tmp_path):
    array(str(tmp_path / "a.zarr"))
    path = tmp_path / "a.zarr/c/0/0/0"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(AiwaveError, match="The file is damaged"):
        zarr.open_array(str(tmp_path / "a.zarr"), mode="r")[:]
