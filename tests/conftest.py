"""Fixtures shared by the tests: small real files to train on, no network, no account."""

import locale

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import settings

from .serving import server  # noqa: F401  (a fixture)

settings.register_profile("no_clock", deadline=None)  # how long an example takes depends on the machine
settings.load_profile("no_clock")


@pytest.fixture(scope="session", autouse=True)
def _offline(tmp_path_factory):
    """W&B offline, without the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_CONFIG_DIR", str(tmp_path_factory.mktemp("wandb_config")))
        yield


@pytest.fixture(autouse=True)
def _seed():
    """Fresh weights are the same in every run, whatever test ran before."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _locale():
    """GDCM's writer leaves the C locale behind, in which text files are ASCII."""
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


def textured(shape, seed):
    """A smooth 8-bit volume with noise, (D, H, W)."""
    rng = np.random.default_rng(seed)
    field = rng.standard_normal(shape).cumsum(0).cumsum(1).cumsum(2)
    field = 100 * field / np.abs(field).max()
    return np.clip(128 + field + 2 * rng.standard_normal(shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def data_root(tmp_path_factory):
    """train/cells and test/cells with two TIFF stacks each."""
    root = tmp_path_factory.mktemp("data")
    for split, first in (("train", 0), ("test", 10)):
        folder = root / split / "cells"
        folder.mkdir(parents=True)
        for k in range(2):
            tifffile.imwrite(folder / f"{split}{k}.tif", textured((24, 26, 28), first + k), photometric="minisblack")
    return root
