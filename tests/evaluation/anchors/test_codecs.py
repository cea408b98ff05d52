"""Traditional codecs inside this program: real sizes, exact lossless modes, curves that fall."""

import numpy as np
import pytest
import pywt
import torch

from aiwave.errors import AiwaveError
from aiwave.evaluation.anchors import AnchorJob, CodedVolume, measure
from aiwave.evaluation.anchors.anchor import from_unsigned, to_unsigned
from aiwave.evaluation.anchors.jpeg2000_axial import forward_53, forward_97, inverse_53, inverse_97
from aiwave.evaluation.anchors.run_jobs import psnr
from aiwave.report.metrics.volume_metrics import Psnr
from tests.anchors import CONFIGS, IN_PROCESS, anchor, smooth

KINDS = {"8": (np.uint8, 255), "12": (np.uint16, 4095), "16": (np.uint16, 65535)}
LOSSLESS = [name for name in IN_PROCESS if 0 in CONFIGS[name]["ladder_8"]]
LOSSY = [name for name in IN_PROCESS if len(CONFIGS[name]["ladder_8"]) > 1]


def run(name, voxels, quality):
    coded = anchor(name).code(voxels, quality)
    assert isinstance(coded, CodedVolume)
    assert (coded.voxels.shape, coded.voxels.dtype) == (voxels.shape, voxels.dtype)
    return coded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 24), (5, 13, 17), (9, 33, 40)], ids=str)
@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_is_exact_for_any_size_and_depth(name, shape, kind):
    voxels = smooth(shape, *KINDS[kind])
    if name == "x265_lossless" and kind == "16":
        pytest.skip("at most 12 bits")
    assert np.array_equal(run(name, voxels, 0).voxels, voxels)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_survives_noise_and_constants(name):
    noise = np.random.default_rng(1).integers(0, 256, (4, 40, 40), np.uint8)
    assert np.array_equal(run(name, noise, 0).voxels, noise)
    flat = np.full((4, 64, 64), 7, np.uint8)
    coded = run(name, flat, 0)
    assert np.array_equal(coded.voxels, flat)
    assert coded.size < flat.nbytes / 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOSSY)
def test_less_quality_means_fewer_bytes_and_more_error(name, kind):
    voxels = smooth((12, 48, 40), *KINDS[kind])
    ladder = [quality for quality in anchor(name).ladder(voxels.dtype) if quality]
    points = [(coded.size, error(coded.voxels, voxels)) for coded in (run(name, voxels, q) for q in ladder)]
    better_first = points if CONFIGS[name]["unit"].startswith(("target", "max")) is False else points[::-1]
    sizes, errors = zip(*better_first, strict=True)
    assert list(sizes) == sorted(sizes, reverse=True)
    assert list(errors) == sorted(errors)
    assert sizes[0] > 1.5 * sizes[-1]
    assert errors[0] < errors[-1] < (voxels.max() / 4) ** 2


def error(decoded, voxels):
    return float(np.square(decoded.astype(float) - voxels).mean())


@pytest.mark.parametrize("name", IN_PROCESS)
def test_sizes_are_those_of_what_the_decoder_reads(name):
    """The stream decodes from its own bytes, and the size is the length of them all."""
    codec, voxels = anchor(name), smooth((6, 40, 48), np.uint16, 4000)
    quality = codec.ladder(voxels.dtype)[0]
    stream = codec.encode(voxels, quality)
    coded = run(name, voxels, quality)
    assert abs(coded.size - len(stream) - 14) <= 4
    assert np.array_equal(codec.decode(stream, voxels.shape, voxels.dtype, 12), coded.voxels)
    assert coded.encode_s > 0
    assert coded.decode_s > 0


def test_streams_of_libraries_are_counted_whole():
    import imagecodecs

    voxels = smooth((6, 40, 48), np.uint8, 255)
    slices = [imagecodecs.jpegls_encode(image) for image in voxels]
    assert run("jpegls", voxels, 0).size == sum(map(len, slices)) + 4 * len(slices) + 14
    assert run("zstd", voxels, 0).size == len(imagecodecs.zstd_encode(voxels.tobytes(), 19)) + 14


@pytest.mark.parametrize(("name", "quality", "bound"), [("jpegls", 3, 3), ("sz3", 1, 2.56), ("zfp", 8, 20.5)])
def test_bounded_errors_stay_within_their_bound(name, quality, bound):
    voxels = smooth((8, 40, 40), np.uint8, 255)
    worst = np.abs(run(name, voxels, quality).voxels.astype(int) - voxels).max()
    assert 0 < worst <= bound + 0.5


@pytest.mark.parametrize("name", ["jpeg2000", "jpeg2000_axial"])
@pytest.mark.parametrize("kind", KINDS)
def test_jpeg2000_reaches_the_psnr_it_was_asked_for(name, kind):
    dtype, most = KINDS[kind]
    voxels = smooth((16, 64, 64), dtype, most)
    found = 10 * np.log10(most**2 / error(run(name, voxels, 42).voxels, voxels))
    assert abs(found - 42) < 1


@pytest.mark.parametrize("side", [33, 40, 63, 64, 65, 80])
def test_x265_decodes_what_it_encoded_at_any_picture_size(side):
    """Its pictures of a single coding-tree unit are not decoded as encoded: they must not be made."""
    voxels = smooth((6, side, 64), np.uint8, 255)
    assert np.array_equal(run("x265_lossless", voxels, 0).voxels, voxels)


@pytest.mark.parametrize(
    ("name", "quality", "words"),
    [
        ("zstd", 3, "0 only"),
        ("blosc2", 3, "0 only"),
        ("jpegls", 0.5, "whole number"),
        ("jpegls", 300, "127"),
        ("sperr", -1, "0 or more"),
        ("jpegxl", 26, "0 to 25"),
        ("sz3", 101, "0 to 100"),
        ("x265", 52, "0 to 51"),
        ("x265_lossless", 1, "0 to 0"),
    ],
)
def test_an_impossible_quality_is_refused(name, quality, words):
    with pytest.raises(AiwaveError, match=f"{name} has no quality {quality:g}: .*{words}"):
        anchor(name).code(smooth((2, 16, 16), np.uint8, 255), quality)


def test_signed_volumes_come_back_signed():
    voxels = smooth((4, 20, 20), np.int32, 2000).astype(np.int16) - 1019
    shifted, shift = to_unsigned(voxels)
    assert (shift, shifted.dtype, shifted.min()) == (1024, np.uint16, voxels.min() + 1024)
    assert np.array_equal(from_unsigned(shifted, shift, voxels.dtype), voxels)
    assert to_unsigned(np.array([[[-128, 127]]], np.int8))[0].tolist() == [[[0, 255]]]
    row = measure(AnchorJob("ct", "a", voxels, anchor("jpegls"), 0.0, 65535.0)).row
    assert (row.psnr_db, row.max_error, row.codec) == (float("inf"), 0, "jpegls")
    row = measure(AnchorJob("ct", "a", voxels, anchor("jpegls"), 5.0, 65535.0)).row
    assert row.max_error == 5


def test_psnr_is_that_of_the_metric():
    one, two = (smooth((3, 8, 9), np.uint16, 60000, seed) for seed in (0, 1))
    metric = Psnr(65535)
    metric.update(torch.from_numpy(one.astype(float)), torch.from_numpy(two.astype(float)))
    assert psnr(one.astype(int) - two, 65535) == pytest.approx(metric.compute().item(), rel=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 16, 33])
@pytest.mark.parametrize("levels", [1, 3])
def test_the_axial_wavelets_invert(length, levels):
    voxels = np.random.default_rng(0).integers(0, 65536, (length, 3, 2))
    assert np.array_equal(inverse_53(forward_53(voxels, levels), levels), voxels)
    assert np.allclose(inverse_97(forward_97(voxels, levels), levels), voxels, atol=1e-6)


def test_the_axial_wavelet_is_cdf_97():
    signal = np.random.default_rng(0).standard_normal((64, 1, 1))
    ours = forward_97(signal, 1)[:, 0, 0]
    low, high = pywt.dwt(signal[:, 0, 0], "bior4.4", mode="symmetric")
    assert np.allclose(ours[6:26], low[8:28], atol=1e-6)
    assert np.allclose(ours[38:58], -high[8:28], atol=1e-6)
