"""Contrast and brightness: a volume costs the same with more of either, at a step that is larger by as much."""

import numpy as np
import pytest

from aiwave.api import compress, decompress
from aiwave.bitstream.container import open_stream
from aiwave.pretrained.choice import shipped_model
from tests.conftest import textured
from tests.files import psnr

VOLUME = textured((32, 32, 32), 0).astype(np.uint16)


@pytest.mark.parametrize("name", ["general_nano", "general_fast", "em_nano"])
@pytest.mark.parametrize("factor", [16, 256])
def test_a_volume_of_more_contrast_costs_the_same(name, factor):
    step = shipped_model(name).description.step_range[1]
    plain = compress(VOLUME, model=name, step=step)
    bright = compress(VOLUME * factor, model=name, step=step * factor)
    assert len(bright) == pytest.approx(len(plain), rel=0.02)
    lost = psnr(decompress(plain), VOLUME) - psnr(decompress(bright) / factor, VOLUME)
    assert abs(lost) < 0.1


TYPES = ("uint16", "int16", "int32", "float32")


@pytest.mark.parametrize(
    ("name", "quality", "dtype"),
    [("general_nano", {"step": 9.0}, dtype) for dtype in TYPES]
    + [("em_lossless", {"lossless": True}, dtype) for dtype in TYPES]
    + [("general_nano", {"max_error": 3}, dtype) for dtype in TYPES[:2]],
)
def test_a_brighter_volume_costs_the_same(name, quality, dtype):
    bright = (VOLUME + 30_000).astype(dtype)
    data = compress(bright, model=name, **quality)
    assert len(data) == pytest.approx(len(compress(VOLUME, model=name, **quality)), rel=0.01)
    assert np.abs(decompress(data).astype(float) - bright).max() <= {"general_nano": 40, "em_lossless": 0}[name]


@pytest.mark.parametrize("quality", [{"psnr": 34.0}, {"bpp": 0.5}])
def test_a_quality_is_met_in_all_of_16_bits(quality):
    bright = VOLUME * np.uint16(256)
    data = compress(bright, model="general_nano", **quality)
    assert open_stream(data).header.step > 150 * 8
    met = psnr(decompress(data), bright, 65535.0) if "psnr" in quality else 8 * len(data) / VOLUME.size
    assert met == pytest.approx(*quality.values(), rel=0.02)


def test_streams_say_whether_the_model_knows_another_step():
    flags = [open_stream(compress(VOLUME, model="em_nano", step=step)).header.clamped for step in (1, 4, 40, 60)]
    assert flags == [True, False, False, True]
    assert not open_stream(compress(VOLUME, model="em_lossless", lossless=True)).header.clamped
