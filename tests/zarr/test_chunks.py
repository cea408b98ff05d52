"""The chunks of array stores: short, checked, and the same streams."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.bitstream.chunk import constant_chunk, constant_volume, short_form, whole_form
from aiwave.bitstream.container import open_stream
from aiwave.bitstream.encoder import compress
from aiwave.bitstream.header import FIXED
from aiwave.errors import AiwaveError
from aiwave.pretrained.choice import shipped_model
from aiwave.zarr import AiwaveV2
from aiwave.zarr.settings import Settings
from aiwave.zarr.volumes import decode, encode
from tests.conftest import textured

LOSSLESS = Settings("em_lossless", "lossless")
TYPES = ["bool", "uint8", "int8", "uint16", "int16", "int32", "uint64", "float16", "float32", "float64"]


@pytest.mark.parametrize("options", [{"lossless": True}, {"step": 5.0}, {"psnr": 35.0}], ids=str)
def test_a_chunk_is_a_stream_with_a_shorter_header(options):
    model = shipped_model("em_lossless" if "lossless" in options else "em_nano")
    stream = compress(textured((20, 21, 22), 0), model, model_only=True, **options)
    chunk = short_form(stream)
    assert whole_form(chunk, model.identity) == stream
    tiles = int(open_stream(stream).index.bytes_of(0))
    assert len(chunk) - tiles <= 32


def test_a_chunk_that_no_step_brings_to_a_psnr_gets_a_better_one():
    volume = np.zeros((16, 16, 16), np.uint16)
    volume[3:7, 4:9, 5:8] = textured((4, 5, 3), 1).astype(np.uint16) + 100
    with pytest.raises(AiwaveError, match="20 dB was not met"):
        compress(volume, shipped_model("general_nano"), psnr=20.0)
    wanted = Settings("general_nano", {"psnr": 20.0})
    chunk = encode(volume, wanted)
    back = decode(chunk, volume.shape, volume.dtype, wanted)
    assert np.square(back.astype(float) - volume).mean() < 65535**2 / 10**2  # better than 20 dB
    assert len(chunk) < len(encode(volume, Settings("general_nano", {"step": 4.0})))


def test_a_chunk_with_another_model_is_refused():
    chunk = encode(textured((20, 21, 22), 0), LOSSLESS)
    with pytest.raises(AiwaveError, match="its model is another"):
        whole_form(chunk, shipped_model("voxels_best").identity)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(128, 128, 128), (3, 1, 64, 64, 64)])
def test_a_chunk_of_one_value_takes_at_most_32_bytes(dtype, shape):
    volume = np.full(shape, 1, dtype)
    chunk = encode(volume, LOSSLESS)
    assert len(chunk) <= 32
    np.testing.assert_array_equal(decode(chunk, shape, volume.dtype, LOSSLESS), volume)
    inside = [(size // 2, size) for size in shape]
    assert decode(chunk, shape, volume.dtype, LOSSLESS, inside).shape == tuple(b - a for a, b in inside)


def test_minus_zero_is_not_zero():
    volume = np.zeros((2, 3, 4), np.float32)
    volume[1, 2, 3] = -0.0
    assert constant_chunk(volume) is None
    nan = np.full((2, 3, 4), np.nan)
    assert np.isnan(constant_volume(constant_chunk(nan))).all()


def test_a_forged_truth_value_is_refused():
    chunk = bytearray(constant_chunk(np.ones((2, 3, 4), bool)))
    chunk[-5] = 2
    chunk[-4:] = struct.pack("<I", zlib.crc32(chunk[:-4]))
    with pytest.raises(AiwaveError, match="truth value"):
        constant_volume(bytes(chunk))


@given(
    shape=st.lists(st.integers(1, 9), min_size=3, max_size=5),
    dtype=st.sampled_from(TYPES),
    swapped=st.booleans(),
    seed=st.integers(0, 99),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_any_chunk_and_any_region_of_it_come_back(shape, dtype, swapped, seed, data):
    kind = np.dtype(dtype).newbyteorder(">" if swapped else "=")
    volume = np.random.default_rng(seed).integers(0, 2 if dtype == "bool" else 90, shape).astype(kind)
    chunk = encode(volume, LOSSLESS)
    decoded = decode(chunk, shape, kind, LOSSLESS)
    assert decoded.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(decoded, volume)
    starts = [data.draw(st.integers(0, size - 1)) for size in shape]
    region = [(start, data.draw(st.integers(start + 1, size))) for start, size in zip(starts, shape, strict=True)]
    inside = tuple(slice(a, b) for a, b in region)
    np.testing.assert_array_equal(decode(chunk, shape, kind, LOSSLESS, region), volume[inside])


@given(at=st.integers(0, 10**6), byte=st.integers(1, 255), cut=st.booleans(), flat=st.booleans())
@settings(max_examples=120, deadline=None)
def test_a_damaged_chunk_is_refused(at, byte, cut, flat):
    volume = np.full((4, 5, 6), 7, np.uint8) if flat else textured((8, 9, 10), 0)
    chunk = encode(volume, LOSSLESS)
    at %= len(chunk)
    damaged = chunk[:at] if cut else bytes([*chunk[:at], chunk[at] ^ byte, *chunk[at + 1 :]])
    with pytest.raises(AiwaveError):
        decode(damaged, volume.shape, volume.dtype, LOSSLESS)


def forged_constant(sizes):
    """A sound constant chunk of any sizes, made without our encoder."""
    numbers = [bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21]) for size in sizes]
    head = bytes([0, 0, len(sizes)]) + b"".join(numbers) + b"\7"
    return head + struct.pack("<I", zlib.crc32(head))


@pytest.mark.parametrize("sizes", [(1 << 24,) * 3, (1 << 24,) * 4, (1 << 13, 1 << 13, 1 << 12)], ids=str)
def test_a_constant_chunk_that_declares_terabytes_is_refused(sizes):
    assert (AiwaveV2("em_lossless").decode(forged_constant((2, 3, 4))) == np.full((2, 3, 4), 7)).all()
    chunk = forged_constant(sizes)
    with pytest.raises(AiwaveError, match=r"makes no sense|declares .* GB of memory"):
        AiwaveV2("em_lossless").decode(chunk)
    with pytest.raises(AiwaveError, match=r"makes no sense|of another array"):
        decode(chunk, (2, 3, 4), np.dtype("uint8"), LOSSLESS)


def test_a_stream_that_declares_gigabytes_is_refused_where_no_metadata_does():
    stream = compress(np.zeros((4, 4, 4), "uint16"), LOSSLESS.load(), lossless=True, tile=512)
    fields = list(FIXED.unpack(stream[: FIXED.size]))
    fields[7:11] = [1, 1 << 13, 1 << 12, 1 << 11]
    fixed = FIXED.pack(*fields)
    with pytest.raises(AiwaveError, match=r"declares .* GB of memory"):
        AiwaveV2("em_lossless").decode(short_form(fixed + struct.pack("<I", zlib.crc32(fixed))))


@pytest.mark.parametrize("out", [np.zeros(5, "uint8"), bytes(24), bytearray(23)], ids=["few", "constant", "odd"])
def test_what_a_chunk_does_not_fit_into_is_refused(out):
    with pytest.raises(AiwaveError, match="does not fit where it is to go"):
        AiwaveV2("em_lossless").decode(encode(np.full((2, 3, 4), 7, "uint8"), LOSSLESS), out)
    whole = np.zeros((4, 3, 2), "uint8").T
    AiwaveV2("em_lossless").decode(encode(textured((2, 3, 4), 0), LOSSLESS), whole)
    np.testing.assert_array_equal(whole, textured((2, 3, 4), 0))


def test_metadata_opens_no_file(tmp_path):
    from tests.files import file_model

    file = tmp_path / "own.aiwm"
    file.write_bytes(file_model("lossy").data)
    assert Settings(str(file), {"step": 4}).model == file_model("lossy").identity
    for read in (Settings.of, AiwaveV2.from_config):
        assert read({"model": "em_lossless"}).model == shipped_model("em_lossless").identity
        with pytest.raises(AiwaveError, match="The metadata names the model"):
            read({"model": str(file), "mode": {"step": 4}})


@pytest.mark.parametrize("mode", [{"step": 6}, {"psnr": 38.0}, {"max_error": 2}], ids=str)
def test_the_quality_is_that_of_the_mode(mode):
    lossy = Settings("em_lossless" if "max_error" in mode else "em_nano", mode)
    volume = textured((40, 40, 40), 1)
    decoded = decode(encode(volume, lossy), volume.shape, volume.dtype, lossy).astype(float)
    error = np.abs(decoded - volume)
    assert error.max() > 0
    if "psnr" in mode:
        assert 10 * np.log10(255**2 / np.mean(error**2)) == pytest.approx(38.0, abs=0.11)
    assert error.max() <= {"step": 12, "max_error": 2}.get(next(iter(mode)), 255)


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"mode": "lossy"}, "mode 'lossy' is unknown"),
        ({"mode": {"step": -1}}, "unknown"),
        ({"mode": {"step": 1, "psnr": 2}}, "unknown"),
        ({"mode": {"step": True}}, "unknown"),
        ({"model": 3}, "named by text"),
        ({"model": "em_losless"}, "em_losless"),
        ({"level": 3}, "no setting level"),
    ],
)
def test_settings_that_do_not_exist_are_refused(configuration, words):
    with pytest.raises(AiwaveError, match=words):
        Settings.of(configuration)


def test_the_model_is_found_in_a_folder_or_named(tmp_path, monkeypatch):
    from tests.files import file_model

    model = file_model("plain")
    lossy = Settings(model.identity, {"step": 4})
    with pytest.raises(AiwaveError, match=f"model {model.identity[:16]}….*AIWAVE_MODELS"):
        encode(textured((8, 8, 8), 0), lossy)
    (tmp_path / "plain.aiwm").write_bytes(model.data)
    monkeypatch.setenv("AIWAVE_MODELS", str(tmp_path))
    volume = textured((8, 8, 8), 0)
    assert np.abs(decode(encode(volume, lossy), volume.shape, volume.dtype, lossy).astype(int) - volume).max() < 16


def test_the_faster_model_for_any_image_is_taken_where_none_is_named():
    for mode, name in (("lossless", "voxels_fast"), ({"max_error": 1}, "voxels_fast"), ({"psnr": 40}, "general_nano")):
        assert Settings("auto", mode).resolved().model == shipped_model(name).identity
