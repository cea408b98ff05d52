"""Several sets at once, and crops that look as if they came from other scanners."""

import shutil

import numpy as np
import pytest
import tifffile
import torch

from aiwave.datamodules import Appearance, FolderDataModule, MixtureDataModule
from aiwave.errors import AiwaveError
from tests.modules import SETTINGS

FLAT = {"dark": (10, np.uint8, 12), "light": (200, np.uint8, 30), "deep": (3000, np.uint16, 12)}


@pytest.fixture
def root(tmp_path):
    for name, (value, dtype, side) in FLAT.items():
        for split in ("train", "test"):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            tifffile.imwrite(folder / "a.tif", np.full((12, side, side), value, dtype), photometric="minisblack")
    return tmp_path


def module(root, subset, cls=MixtureDataModule, **options):
    return cls(**SETTINGS | {"root": str(root), "name": "mixed", "subset": subset, "crop": (8, 8, 8)} | options)


def epoch_of(data):
    data.setup("fit")
    return torch.cat([batch["image"] for batch in data.train_dataloader()])


def test_crops_come_from_every_set_equally_often_whatever_its_size(root):
    crops = epoch_of(module(root, "dark+light", epoch_steps=100))
    share = (crops.amax(dim=(1, 2, 3, 4)) == 10).float().mean()
    assert share.item() == pytest.approx(0.5, abs=0.12)


def test_crops_come_from_a_set_as_often_as_it_counts(root):
    crops = epoch_of(module(root, "dark*4+light", epoch_steps=100))
    share = (crops.amax(dim=(1, 2, 3, 4)) == 10).float().mean()
    assert share.item() == pytest.approx(0.8, abs=0.1)
    assert module(root, "dark*4+light").subsets == ["dark", "light"]


@pytest.mark.parametrize("subset", ["dark*0+light", "dark*x+light", "dark*-1+light", "dark*1.5+light"])
def test_a_set_counts_a_whole_number_of_times(root, subset):
    with pytest.raises(AiwaveError, match="a whole number of times"):
        module(root, subset)


def test_volumes_say_which_set_they_are_from(root):
    data = module(root, "dark+light")
    data.setup("fit")
    assert [(v.dataset, int(v.voxels.max())) for v in data.test_volumes()] == [("dark", 10), ("light", 200)]
    assert data.identity() != module(root, "light+dark").identity()


def test_sets_without_test_volumes_are_only_trained_on(root):
    shutil.rmtree(root / "test/dark")
    assert [v.dataset for v in module(root, "dark+light").test_volumes()] == ["light"]
    shutil.rmtree(root / "test/light")
    with pytest.raises(AiwaveError, match="test/dark is not a folder"):
        next(module(root, "dark+light").test_volumes())


def test_bit_depths_go_together_only_with_a_peak(root):
    with pytest.raises(AiwaveError, match="mixes bit depths"):
        module(root, "dark+deep").setup("fit")
    data = module(root, "dark+deep", peak=65535)
    assert epoch_of(data).max() == 3000
    assert data.known_peak == 65535


@pytest.mark.parametrize("subset", ["dark+dark", "dark+", "+"])
def test_sets_must_differ_and_have_names(root, subset):
    with pytest.raises(AiwaveError, match="names of different sets"):
        module(root, subset)


def test_stored_appearance_changes_nothing(root):
    rng = np.random.default_rng(0)
    tifffile.imwrite(
        root / "train/dark/a.tif", rng.integers(0, 255, (12, 20, 20), dtype=np.uint8), photometric="minisblack"
    )
    plain = epoch_of(module(root, "dark", FolderDataModule))
    assert torch.equal(plain, epoch_of(module(root, "dark", FolderDataModule, appearance=Appearance(0, [1, 1], 0, 1))))
    varied = epoch_of(module(root, "dark", FolderDataModule, appearance=Appearance(1, [0.5, 2], 1, 1)))
    assert not torch.equal(plain, varied)
    assert torch.equal(varied, varied.round())


def test_contrast_multiplies_within_its_range():
    crop, state = torch.full((1, 4, 4, 4), 100.0), np.random.RandomState(0)
    factors = [float(Appearance(1, [0.5, 2], 0, 1)(crop, state).mean()) / 100 for _ in range(500)]
    assert 0.49 <= min(factors) < 0.55
    assert 1.8 < max(factors) <= 2.01
    assert np.mean(np.log(factors)) == pytest.approx(0, abs=0.06)


def test_blur_smooths_planes_alone():
    crop = torch.zeros(1, 5, 9, 9)
    crop[0, 2, 4, 4] = 10_000
    blurred = Appearance(1, [1, 1], 2, 1)(crop, np.random.RandomState(1))
    assert blurred[0, 2].sum().item() == pytest.approx(10_000, abs=81)
    assert blurred[0, 2].max() < 10_000
    assert blurred[0, [0, 1, 3, 4]].abs().max() == 0


def test_planes_are_left_out_evenly_and_enough_are_left():
    volume = torch.arange(20.0).view(1, 20, 1, 1)
    appearance, state, strides = Appearance(1, [1, 1], 0, 4), np.random.RandomState(0), set()
    for _ in range(50):
        planes = appearance.thinned(volume, 6, state).flatten()
        steps = torch.diff(planes).unique()
        assert len(steps) == 1
        assert len(planes) >= 6
        strides.add(int(steps))
    assert strides == {2, 3}
    assert appearance.thinned(volume, 11, state) is volume


@pytest.mark.parametrize("options", [(2, [1, 1], 0, 1), (0.5, [2, 1], 0, 1), (0.5, [1, 1], -1, 1), (0.5, [1, 1], 0, 0)])
def test_impossible_appearances_are_refused(options):
    with pytest.raises(AiwaveError, match="appearance has share="):
        Appearance(*options)
