"""Resource budget: files of a few kilobytes cannot ask for gigabytes, and what is merely empty decodes cheaply."""

import gzip
import resource
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest

import aiwave
from aiwave import budget
from aiwave.bitstream import Model
from aiwave.bitstream.container import open_stream, write_stream
from aiwave.bitstream.header import FIXED
from aiwave.bitstream.metadata import Metadata
from aiwave.bitstream.model_file import pack, unpack
from aiwave.bitstream.tile_index import CodedTile, Mode
from aiwave.bitstream.working_memory import working_memory
from aiwave.budget import allow_large, check_budget
from aiwave.cli import main
from aiwave.errors import AiwaveError
from aiwave.images.image_files import read_image
from aiwave.pretrained.choice import shipped_model
from tests.files import file_model, noise

SMALL = noise((8, 8, 8), "uint16")


def claiming(shape, side, mode, chunk=b"", lossless=True):
    """A sound stream of a header that claims `shape`, and tiles that hold next to nothing."""
    data = aiwave.compress(SMALL, file_model(), lossless=True, tile=8, model_only=True)
    header = replace(open_stream(data).header, shape=(1, *shape), side=side, lossless=lossless)
    if mode != Mode.MODEL:
        header = replace(header, identity=bytes(32))
    chunks = {Mode.CONSTANT: [], Mode.MODEL: [chunk] * header.levels}.get(mode, [chunk])
    return write_stream(header, Metadata(), b"", b"", [CodedTile(chunks, 7, mode)] * header.grid.count)


def refused(data, **options):
    with pytest.raises(
        AiwaveError, match=r"^The file has only \d+ bytes, but declares .* GB .* --allow-large"
    ) as caught:
        aiwave.decompress(data, **options)
    assert str(caught.value).count(".") <= 4


@pytest.mark.parametrize(("side", "wide"), [(512, Mode.JPEG_XL), (320, Mode.MODEL)])
def test_a_tile_of_a_few_bytes_does_not_take_gigabytes(side, wide):
    data = claiming((side,) * 3, side, wide, b"\1\2")
    assert len(data) < 300
    assert aiwave.info(data)["shape"] == [side] * 3
    if wide == Mode.MODEL:  # of 4 channels: 1.4 GB
        refused(data, model=file_model())
    else:
        refused(data)


def test_layers_that_keep_their_inputs_count_as_memory():
    described, arrays = unpack(file_model().data)
    layers = described["entropy"]["layers"]
    block = next(layer for layer in layers if layer["name"].startswith("block"))
    more = dict(arrays)
    for k in range(40):
        layers.append(block | {"name": f"block_{k}"})
        own = {key: arrays[f"entropy.{block['name']}.{key}"] for key in ("weight", "bias", "shift")}
        more |= {f"entropy.block_{k}.{key}": np.zeros_like(array) for key, array in own.items()}
    deep = Model.from_bytes(pack(described, more))
    size, tile = (192, 192, 192), 192**3
    assert working_memory(deep, size, tile) >= working_memory(file_model(), size, tile) + 40 * 16 * 2 * tile / 8
    data = replace_identity(claiming((192,) * 3, 192, Mode.MODEL, b"\1\2"), deep)
    refused(data, model=deep)


def test_the_planes_of_the_voxel_model_count_as_memory():
    model = shipped_model("voxels_fast")
    back = max(-(x + 2 * y + 4 * z) for z, y, x in model.parameters.entropy.offsets)
    assert working_memory(model, (1024, 1024, 1), 1) >= 4 * (1 + back) * (1024 + 8) * (1024 + 16)


def test_threads_are_as_many_as_the_budget_has_room_for(monkeypatch):
    seen = []

    def outcomes(work, tasks, helpers):
        seen.append(helpers)
        yield from ()

    monkeypatch.setattr("aiwave.bitstream.decoder.outcomes", outcomes)
    monkeypatch.setattr("aiwave.bitstream.decoder.helpers_for", lambda count: 15)
    monkeypatch.setattr("aiwave.bitstream.decoder.working_memory", lambda *_: 300 << 20)
    data = claiming((128, 64, 64), 64, Mode.MODEL, b"\1\2")
    aiwave.decompress(data, model=file_model())
    with allow_large():
        aiwave.decompress(data, model=file_model())
    assert seen == [2, 15]


def replace_identity(data, model):
    stream = open_stream(data)
    header = replace(stream.header, identity=bytes.fromhex(model.identity))
    return write_stream(header, Metadata(), b"", b"", [stream.tile(0, header.levels)])


def test_an_empty_scan_decodes_in_little_more_memory_than_it_has_voxels():
    data = aiwave.compress(np.zeros((512, 256, 256), "uint16"), lossless=True)
    assert len(data) < 200
    tracemalloc.start()
    volume = aiwave.decompress(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (volume.shape, volume.any()) == ((512, 256, 256), False)
    assert peak < 1.2 * volume.nbytes
    big = claiming((512, 512, 512), 512, Mode.CONSTANT)
    assert (aiwave.decompress(big, level=2) == 7).all()
    assert aiwave.decompress(big, region=[(0, 512), (0, 512), (7, 9)]).shape == (512, 512, 2)


def test_a_volume_beyond_the_budget_needs_a_region_or_consent(monkeypatch):
    data = _endless()
    refused(data)
    assert aiwave.decompress(data, region=[(5, 9)] * 3).shape == (4, 4, 4)
    small = aiwave.compress(SMALL, file_model(), lossless=True, tile=8, model_only=True)
    monkeypatch.setattr(budget, "BASE", -(1 << 30))
    refused(small, model=file_model())
    np.testing.assert_array_equal(aiwave.decompress(small, model=file_model(), allow_large=True), SMALL)


def _endless():
    """2**40 voxels in tiles of 512^3, all zero: an index that is left out."""
    stream = aiwave.compress(np.zeros((4, 4, 4), "uint16"), lossless=True, tile=512)
    fields = list(FIXED.unpack(stream[: FIXED.size]))
    fields[7:11] = [1, 1 << 14, 1 << 13, 1 << 13]
    fixed = FIXED.pack(*fields)
    return fixed + struct.pack("<I", zlib.crc32(fixed))


def test_constant_tiles_have_the_same_previews_as_ever():
    volume = np.full((9, 10, 16), 41, "int16")
    volume[:, :, 8:] = noise((9, 10, 8), "int16")
    for quality in ({"lossless": True}, {"step": 3.0}):
        data = aiwave.compress(volume, file_model("plain" if "step" in quality else "lossless"), tile=8, **quality)
        model = file_model("plain" if "step" in quality else "lossless")
        assert open_stream(data).index.modes.tolist().count(Mode.CONSTANT) > 0
        for level in (1, 2):
            preview = aiwave.decompress(data, level=level, model=model)
            assert preview.shape == tuple(-(-side >> level) for side in volume.shape)
            assert (preview[..., : 8 >> level] == 41).all()


def nifti(folder):
    import nibabel

    header = nibabel.Nifti1Header()
    header.set_data_dtype("f8")
    header.set_data_shape((2048, 2048, 2048))
    (folder / "x.nii.gz").write_bytes(gzip.compress(bytes(header.binaryblock + bytes(4 + 10**6))))
    return "x.nii.gz"


def nrrd(folder):
    head = "NRRD0004\ntype: double\ndimension: 3\nsizes: 2048 2048 2048\nencoding: bzip2\n\n"
    (folder / "x.nrrd").write_bytes(head.encode() + b"BZh9")
    return "x.nrrd"


def metaimage(folder):
    head = "NDims = 3\nDimSize = 2048 2048 2048\nElementType = MET_DOUBLE\nCompressedData = True\n"
    (folder / "x.mha").write_bytes(f"{head}ElementDataFile = LOCAL\n".encode() + zlib.compress(bytes(1000)))
    return "x.mha"


def tiff(folder):
    import tifffile

    shape = (1 << 14, 1 << 14)
    page = {"shape": shape, "dtype": "float64", "compression": "zlib", "rowsperstrip": shape[0], "metadata": None}
    tifffile.imwrite(folder / "x.tif", iter([zlib.compress(bytes(1000))] * 2), **page | {"shape": (2, *shape)})
    return "x.tif"


@pytest.mark.parametrize("make", [nifti, nrrd, metaimage, tiff])
def test_an_image_that_declares_gigabytes_is_refused_before_they_are_taken(make, tmp_path):
    name = str(tmp_path / make(tmp_path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(AiwaveError, match=r"x\.[a-z.]+ has only .* GB .* --allow-large .* or save it uncompressed\.$"):
        read_image(name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_what_is_beyond_the_budget_can_be_allowed(tmp_path, capsys):
    name = str(tmp_path / nrrd(tmp_path))
    assert main(["compress", name, str(tmp_path / "x.aiw")]) == 1
    assert "--allow-large" in capsys.readouterr().err
    assert main(["compress", name, str(tmp_path / "x.aiw"), "--allow-large"]) == 1
    assert "--allow-large" not in capsys.readouterr().err
    with allow_large():
        check_budget(1 << 60, 1, "x", "wait")
    with allow_large(False), pytest.raises(AiwaveError, match="or wait"):
        check_budget(1 << 60, 1, "x", "wait")
