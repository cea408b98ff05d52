"""Sizes and PSNRs of two small volumes: a change that costs bits or decibels fails here."""

import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest

from aiwave.api import compress, decompress
from aiwave.datamodules.phantoms.phantom import make_phantom
from aiwave.images.image_files import read_image
from aiwave.pretrained.choice import shipped_model
from tests.files import psnr

MARGIN = 0.005


def brain():
    """Diffusion MRI of a head, 24 x 64 x 64, of the files that nibabel is tested with."""
    file = Path(nibabel.__file__).parent / "tests/data/example4d.nii.gz"
    return np.ascontiguousarray(read_image(str(file)).voxels[0, :, 16:80, 32:96])


def cells():
    """A phantom of electron microscopy, 32 x 64 x 64."""
    return make_phantom("em", (32, 64, 64), np.random.default_rng(0))


VOLUMES = {"brain": (brain, 3888970399), "cells": (cells, 1222136775)}
"""What makes each, and its CRC-32."""

SIZES = {
    ("brain", "voxels_best"): 81543,
    ("brain", "voxels_fast"): 82233,
    ("cells", "em_lossless"): 73747,
    ("cells", "voxels_best"): 72665,
    ("cells", "voxels_fast"): 73963,
}
LOSSY = {
    ("brain", "general_fast", 20.0): (36135, 82.66),
    ("brain", "general_lifting", 4.0): (62401, 95.98),
    ("brain", "general_nano", 20.0): (35384, 82.68),
    ("brain", "mri_nano", 4.0): (63400, 95.92),
    ("cells", "general_fast", 20.0): (7999, 35.59),
    ("cells", "general_lifting", 20.0): (6827, 35.53),
    ("cells", "general_nano", 20.0): (7481, 35.66),
    ("cells", "em_nano", 4.0): (42597, 47.88),
    ("cells", "em_nano", 20.0): (7893, 35.54),
}
"""Bytes and decibels by volume, model and step."""


@pytest.mark.parametrize("name", VOLUMES)
def test_the_volumes_are_the_ones_that_were_measured(name):
    make, crc = VOLUMES[name]
    assert zlib.crc32(make().tobytes()) == crc


@pytest.mark.parametrize(("name", "model"), SIZES)
def test_lossless_files_are_as_small_as_ever(name, model):
    volume = VOLUMES[name][0]()
    data = compress(volume, shipped_model(model), lossless=True)
    np.testing.assert_array_equal(decompress(data), volume)
    assert len(data) == pytest.approx(SIZES[name, model], rel=MARGIN)


@pytest.mark.parametrize(("name", "model", "step"), LOSSY)
def test_lossy_files_are_as_small_and_as_close_as_ever(name, model, step):
    volume = VOLUMES[name][0]()
    data = compress(volume, shipped_model(model), step=step)
    size, decibels = LOSSY[name, model, step]
    assert len(data) == pytest.approx(size, rel=MARGIN)
    peak = 255 if volume.dtype == np.uint8 else 65535
    assert psnr(decompress(data), volume, peak) == pytest.approx(decibels, rel=MARGIN)
