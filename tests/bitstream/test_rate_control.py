"""Meeting a PSNR or a rate; the length that is estimated and the real one."""

import re

import numpy as np
import pytest
import torch

from aiwave.api import compress, decompress
from aiwave.bitstream import info
from aiwave.bitstream.target import Solver, Target
from aiwave.bitstream.tile_codec import TileCodec
from aiwave.bitstream.trial import Trial
from aiwave.coding.band_coder import BandCoder
from aiwave.coding.reference_engine import subbands_of
from aiwave.errors import AiwaveError
from tests.conftest import textured
from tests.files import file_model, noise, psnr

VOLUME = textured((24, 20, 28), 2)


@pytest.mark.parametrize("target", [33.0, 41.5])
@pytest.mark.parametrize("kind", ["lossy", "lossless"])
def test_a_psnr_is_met(kind, target):
    data = compress(VOLUME, file_model(kind), psnr=target, tile=16, model_only=True)
    assert abs(psnr(decompress(data, model=file_model(kind)), VOLUME) - target) < 0.1


def test_the_peak_follows_the_dtype():
    volume = VOLUME.astype(np.int16) * 16 - 2000
    data = compress(volume, file_model("plain"), psnr=70, model_only=True)
    assert abs(psnr(decompress(data, model=file_model("plain")), volume, 65535.0) - 70) < 0.1


@pytest.mark.parametrize("share", [1.3, 2.0])
def test_a_rate_is_met_with_everything_included(share):
    target = share * info(compress(VOLUME, file_model("plain"), step=25, model_only=True))["bpp"]
    data = compress(VOLUME, file_model("plain"), bpp=target, metadata={"model": "a name"}, model_only=True)
    assert 8 * len(data) / VOLUME.size == pytest.approx(target, rel=0.02)


def test_a_sample_of_tiles_stands_for_the_whole(monkeypatch):
    """Half of the volume is noise, so that the sample must be corrected by what the whole gives."""
    monkeypatch.setattr("aiwave.bitstream.step_search.SAMPLED", 1)
    volume = np.concatenate((textured((16, 16, 32), 0), noise((16, 16, 16)) // 8), axis=2)
    data = compress(volume, file_model("plain"), psnr=38, tile=16, model_only=True)
    assert abs(psnr(decompress(data, model=file_model("plain")), volume) - 38) < 0.1


@pytest.mark.parametrize("certain", [0.0, 1e9])
def test_a_psnr_is_met_that_only_a_share_of_tiles_is_decoded_for(monkeypatch, certain):
    """With many standard errors all tiles are decoded in the end."""
    for module in ("step_search", "trial"):
        monkeypatch.setattr(f"aiwave.bitstream.{module}.MEASURED", 3)
    monkeypatch.setattr("aiwave.bitstream.trial.CERTAIN", certain)
    volume = textured((48, 32, 32), 5)
    data = compress(volume, file_model("plain"), psnr=39, tile=16, model_only=True)
    assert abs(psnr(decompress(data, model=file_model("plain")), volume) - 39) < 0.1


@pytest.mark.parametrize("target", [{"psnr": 200.0}, {"psnr": 1.0}, {"bpp": 90.0}, {"bpp": 0.001}])
def test_what_is_out_of_reach_is_refused_with_what_is_within(target):
    with pytest.raises(
        AiwaveError,
        match=r"was not met with this model and volume: (steps from|step [\d.]+, where the search ends, gave) ",
    ):
        compress(VOLUME[:8, :8, :8], file_model("plain"), **target, model_only=True)


def test_more_than_one_wrong_voxel_allows_is_refused_as_no_error_at_all():
    """One wrong voxel of eight, by one, is 57.16 dB."""
    with pytest.raises(AiwaveError, match=r"volume: step [\d.]+, where the search ends, gave no error at all\."):
        compress(VOLUME[:2, :2, :2], file_model("plain"), psnr=60.0, model_only=True)


@pytest.mark.parametrize("target", [50.2, 52.7, 1.0])
def test_the_nearest_that_a_refusal_names_comes_with_the_step_it_names(target):
    """In a tiny volume most targets lie between the steps."""
    volume, model = VOLUME[:2, :2, :2], file_model("plain")
    try:
        data = compress(volume, model, psnr=target, model_only=True)
        assert abs(psnr(decompress(data, model=model), volume) - target) < 0.1
    except AiwaveError as error:
        value, step = re.search(r"the nearest, (\S+) dB, comes with step (\S+)\.$", str(error)).groups()
        decoded = decompress(compress(volume, model, step=float(step), model_only=True), model=model)
        assert psnr(decoded, volume) == pytest.approx(float(value), rel=1e-3)


def test_few_tiles_are_coded_in_vain(monkeypatch):
    """At rates that differ between tiles."""
    monkeypatch.setattr("aiwave.bitstream.step_search.SAMPLED", 1)
    coded, code = [], Trial.code
    monkeypatch.setattr(Trial, "code", lambda self, tiles: (coded.extend(tiles), code(self, tiles)))
    volume = (textured((32, 48, 48), 6) * np.linspace(0.2, 1, 48)).astype("uint8")
    data = compress(volume, file_model("plain"), psnr=42, tile=16, model_only=True)
    assert abs(psnr(decompress(data, model=file_model("plain")), volume) - 42) < 0.1
    assert 18 <= len(coded) <= 1.5 * 18


@pytest.mark.parametrize(
    "quality",
    [{}, {"lossless": True, "step": 2.0}, {"psnr": 40, "bpp": 1}],
)
def test_one_quality_is_given(quality):
    with pytest.raises(AiwaveError, match="exactly one of lossless, step, psnr, bpp and max_error"):
        compress(VOLUME, file_model(), **quality, model_only=True)


@pytest.mark.parametrize(
    "quality", [{"step": 0.0}, {"step": -1.0}, {"step": 1e300}, {"psnr": float("nan")}, {"bpp": -1}]
)
def test_impossible_qualities_are_refused(quality):
    with pytest.raises(AiwaveError):
        compress(VOLUME, file_model("plain"), **quality, model_only=True)


def test_lossless_needs_a_reversible_transform():
    with pytest.raises(AiwaveError, match="affine cannot code lossless files: train one with experiment=loss"):
        compress(VOLUME, file_model("lossy"), lossless=True, model_only=True)


@pytest.mark.parametrize("quality", [{"step": 2.0}, {"psnr": 40.0}, {"bpp": 1.0}])
def test_a_lossless_model_is_not_asked_for_less(quality):
    with pytest.raises(AiwaveError, match="learned codes only losslessly"):
        compress(VOLUME, file_model("learned"), **quality, model_only=True)


@pytest.mark.parametrize("target", [Target(40.0, None), Target(None, 2.0)])
def test_the_solver_asks_rarely(target):
    """A smooth falling curve, another one for the rate than the solver assumes."""

    def curve(log_step):
        x = log_step / 256
        return 60 - 5 * x - 0.3 * x**2 if target.bpp is None else np.log(6 / (1 + np.exp(0.9 * x - 1)))

    solver, goal, x = Solver((-512, 1500), target), target.scaled(target.value), 400
    while x not in solver.known:
        solver.known[x] = curve(x)
        x = solver.next(goal)
    assert min(abs(value - goal) for value in solver.known.values()) < target.tolerance / 4
    assert len(solver.known) <= 7


def test_the_stream_is_as_long_as_estimated():
    """Header, index and ends of segments aside."""
    model, volume = file_model("plain"), textured((40, 40, 40), 4)
    codec = TileCodec(model, 256, False, optimise=True)
    q = subbands_of(codec.analyse([volume.astype(np.float32)]), volume.shape)
    bits = float(BandCoder(model.parameters.entropy).bits(q, 256).sum())
    data = compress(volume, model, step=float(torch.tensor(1.0).exp()), model_only=True)
    assert bits < 8 * len(data) < 1.01 * bits + 8 * 200


def test_weighing_bits_against_errors_pays():
    """Less rate at the same step, and at the same PSNR."""
    model, volume = file_model("plain"), textured((40, 40, 40), 4)
    nearest = compress(volume, model, step=8.0, optimise=False, model_only=True)
    weighed = compress(volume, model, step=8.0, model_only=True)
    assert len(weighed) < 0.98 * len(nearest)
    reached = psnr(volume, decompress(nearest, model=model))
    equal = [compress(volume, model, psnr=reached, optimise=choice, model_only=True) for choice in (False, True)]
    assert len(equal[1]) < len(equal[0])


@pytest.mark.parametrize("seed", range(6))
def test_rates_of_padded_volumes_count_the_masks_as_they_are_stored(seed):
    volume = textured((7 + seed, 23, 20), seed).astype("float32")
    volume[..., :2] = np.nan
    data = compress(volume, "mri_nano", bpp=3.0 + seed / 4, tile=16, optimise=False)
    assert info(data)["masked"]
    assert 8 * len(data) / volume.size == pytest.approx(3.0 + seed / 4, rel=0.0203)


def test_where_no_tile_needs_a_step_the_finest_is_told():
    volume = np.zeros((20, 20, 20), np.uint8)
    volume[5:15, 5:15] = 255
    data = compress(volume, "general_nano", psnr=40.0)
    assert np.array_equal(decompress(data), volume)
    assert info(data)["step"] == pytest.approx(1.2 / 8, rel=0.01)
