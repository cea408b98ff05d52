"""Phantoms: the same for the same seed, and like what they stand for."""

import numpy as np
import pytest

from aiwave.datamodules import PhantomDataModule
from aiwave.datamodules.phantoms.fields import random_field
from aiwave.datamodules.phantoms.phantom import make_phantom
from aiwave.errors import AiwaveError
from tests.modules import SETTINGS

SHAPE = (32, 40, 48)


def make(kind, seed=0, shape=SHAPE):
    return make_phantom(kind, shape, np.random.default_rng(seed))


def module(subset, seed=0):
    given = {"name": "phantom", "subset": subset, "crop": (32, 32, 32), "seed": seed}
    return PhantomDataModule(**(SETTINGS | given))


@pytest.mark.parametrize("kind", ["em", "ct"])
def test_seed_decides_every_voxel(kind):
    assert make(kind, 3).tobytes() == make(kind, 3).tobytes()
    assert make(kind, 3).tobytes() != make(kind, 4).tobytes()


@pytest.mark.parametrize("shape", [(32, 40, 48), (31, 33, 35)])
@pytest.mark.parametrize(("kind", "dtype"), [("em", "uint8"), ("ct", "uint16")])
def test_shape_and_dtype(kind, dtype, shape):
    voxels = make(kind, shape=shape)
    assert (voxels.shape, voxels.dtype.name) == (shape, dtype)


def test_em_has_the_histogram_and_noise_of_neuropil():
    voxels = make("em", shape=(64, 64, 64)).astype(float)
    low, high = np.percentile(voxels, [1, 99])
    assert 110 < voxels.mean() < 150
    assert 25 < voxels.std() < 40
    assert 40 < low < 90
    assert 170 < high < 220
    for axis in range(3):
        assert 4 <= np.median(np.abs(np.diff(voxels, axis=axis))) <= 9


def test_ct_has_air_lung_tissue_and_bone_in_twelve_bits():
    voxels = make("ct", shape=(64, 64, 64))
    assert voxels.min() == 0
    assert voxels.max() < 4096
    assert voxels.max() > 1400
    for low, high in [(0, 60), (80, 300), (850, 1150), (1200, 2000)]:
        assert np.mean((voxels >= low) & (voxels <= high)) > 0.02, (low, high)


@pytest.mark.parametrize("kind", ["em", "ct"])
def test_volumes_of_the_data_module(kind):
    data = module(kind)
    first, second = data.test_volumes()
    assert [first.file, second.file] == [f"phantom_{kind}_test0", f"phantom_{kind}_test1"]
    assert first.shape == second.shape == (64, 64, 64)
    assert not np.array_equal(first.voxels, second.voxels)
    assert next(module(kind).test_volumes()).voxels.tobytes() == first.voxels.tobytes()
    assert next(module(kind, seed=1).test_volumes()).voxels.tobytes() != first.voxels.tobytes()


def test_ct_is_trained_on():
    data = module("ct")
    batches = list(data.train_dataloader())
    assert [tuple(batch["image"].shape) for batch in batches] == [(2, 1, 32, 32, 32)] * 2
    assert (data.dtype.name, data.peak) == ("uint16", 65535.0)
    assert data.intensity_scale in (2048.0, 4096.0)


def test_other_subsets_are_refused():
    with pytest.raises(AiwaveError, match=r"no phantom 'mri': set dataset\.subset to em or ct"):
        module("mri").setup()


@pytest.mark.parametrize("width", [0.7, 5.0, 20.0])
def test_fields_are_standard_and_smooth(width):
    field = random_field((40, 50, 60), width, np.random.default_rng(0))
    assert field.shape == (40, 50, 60)
    assert field.dtype == np.float32
    assert abs(field.mean()) < 0.5
    assert 0.5 < field.std() < 1.5
    assert np.diff(field, axis=0).std() < 1.2 / max(width, 0.7)
