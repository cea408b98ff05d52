"""Crops depend on seed, epoch and index alone, and only move voxels."""

from queue import Queue

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from aiwave.datamodules import MemoryCache, Volume, VolumeDataModule
from aiwave.datamodules.crops import CropDataset, Item, ReadAhead
from aiwave.errors import AiwaveError
from tests.modules import SETTINGS


class ArrayDataModule(VolumeDataModule):
    """Volumes given as arrays."""

    arrays: tuple = ()

    def training_volumes(self):
        for index, array in enumerate(self.arrays):
            yield Volume("arrays", f"a{index}", array)

    test_volumes = training_volumes


def positions(shape):
    """Every voxel encodes where it is."""
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def module(*arrays, **options):
    settings = SETTINGS | {
        "name": "arrays",
        "subset": "all",
        "crop": (4, 8, 8),
        "batch_size": 3,
        "epoch_steps": 5,
        "val_crops": 7,
        "seed": 1,
    }
    made = ArrayDataModule(**(settings | options))
    made.arrays = arrays
    return made


def crops_of(*arrays, crop, seed=0, length=1):
    items = [Item.of(Volume("s", f"f{index}", array)) for index, array in enumerate(arrays)]
    return CropDataset(items, crop, seed, length, MemoryCache(1))


def epoch_of(loader, epoch):
    loader.sampler.set_epoch(epoch)
    return torch.stack([batch["image"] for batch in loader])


def test_batches_have_the_promised_form():
    loader = module(positions((12, 40, 20))).train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader) == 5
    for batch in batches:
        assert set(batch) == {"image"}
        assert type(batch["image"]) is torch.Tensor
        assert batch["image"].shape == (3, 1, 4, 8, 8)
        assert batch["image"].dtype == torch.float32


def test_epochs_repeat_whatever_the_workers():
    arrays = (positions((12, 40, 20)), positions((8, 16, 16)))
    alone, shared = (module(*arrays, num_workers=n).train_dataloader() for n in (0, 2))
    second = epoch_of(alone, 2)
    first = epoch_of(alone, 1)
    assert torch.equal(first, epoch_of(shared, 1))
    assert torch.equal(second, epoch_of(shared, 2))
    assert not torch.equal(first, second)
    other_seed = module(*arrays, seed=2).train_dataloader()
    assert not torch.equal(first, epoch_of(other_seed, 1))


def test_an_epoch_that_is_left_early_can_be_started_again():
    loader = module(positions((12, 40, 20)), num_workers=1).train_dataloader()
    first = epoch_of(loader, 1)
    assert torch.equal(next(iter(loader))["image"], first[0])
    assert torch.equal(epoch_of(loader, 1), first)


def test_the_next_batch_is_taken_while_one_is_worked_on():
    asked = Queue()

    class Loader(list):
        sampler = None

        def __iter__(self):
            for batch in super().__iter__():
                asked.put(batch)
                yield batch

    batches = iter(ReadAhead(Loader([1, 2, 3])))
    assert next(batches) == 1
    assert [asked.get(timeout=9) for _ in range(2)] == [1, 2]  # without being asked for the second
    assert list(batches) == [2, 3]


def test_crops_of_an_epoch_differ():
    crops = epoch_of(module(positions((12, 40, 20))).train_dataloader(), 0).reshape(15, -1)
    assert len(crops.unique(dim=0)) == 15


@pytest.mark.parametrize("crop", [(4, 8, 8), (4, 6, 8)])
def test_augmentation_only_moves_voxels(crop):
    voxels = positions((12, 40, 20))
    dataset = crops_of(voxels, crop=crop, length=200)
    orientations = set()
    for index in range(200):
        image = dataset[0, index][0]["image"][0].numpy().astype(int)
        assert image.shape == crop
        corner = np.unravel_index(image.min(), voxels.shape)
        window = voxels[tuple(slice(c, c + side) for c, side in zip(corner, crop, strict=True))]
        np.testing.assert_array_equal(np.sort(image, axis=None), np.sort(window, axis=None))
        orientations.add(tuple(image[step] - image[0, 0, 0] for step in [(1, 0, 0), (0, 1, 0), (0, 0, 1)]))
    # flips of three axes, times the transpose of a square plane
    assert len(orientations) == (16 if crop[1] == crop[2] else 8)


def test_sixteen_bits_are_exact_in_float():
    voxels = np.full((4, 8, 8), 65535, np.uint16)
    voxels[0, 0, 0] = 32769
    image = crops_of(voxels, crop=voxels.shape)[0, 0][0]["image"]
    assert sorted(image.unique().tolist()) == [32769.0, 65535.0]


def test_volumes_are_chosen_by_their_voxels():
    small, large = np.zeros((4, 8, 8), np.uint8), np.ones((12, 16, 16), np.uint8)
    dataset = crops_of(small, large, crop=(4, 8, 8), length=400)
    chosen = np.mean([dataset[0, index][0]["image"].mean().item() for index in range(400)])
    assert chosen == pytest.approx(12 / 13, abs=0.04)


def test_held_out_slab_is_never_trained_on():
    data = module(positions((12, 40, 20)), epoch_steps=60)
    trained = set(epoch_of(data.train_dataloader(), 0).long().unique().tolist())
    validated = set(torch.cat([b["image"] for b in data.val_dataloader()]).long().unique().tolist())
    slab = set(positions((12, 40, 20))[:, -8:].flatten().tolist())
    assert validated <= slab
    assert not trained & slab
    rows = {voxel // 20 % 40 for voxel in trained}
    assert rows == set(range(32))


def test_short_volume_is_validated_on_itself():
    data = module(positions((8, 16, 16)), epoch_steps=60)
    trained = epoch_of(data.train_dataloader(), 0).long().unique()
    assert len(trained) > 0.9 * 8 * 16 * 16
    assert sum(len(batch["image"]) for batch in data.val_dataloader()) == 7


def test_validation_crops_are_fixed():
    data = module(positions((12, 40, 20)))
    once, again = ([batch["image"] for batch in data.val_dataloader()] for _ in range(2))
    assert [len(batch) for batch in once] == [3, 3, 1]
    assert torch.equal(torch.cat(once), torch.cat(again))
    fresh = module(positions((12, 40, 20)), num_workers=2).val_dataloader()
    assert torch.equal(torch.cat(once), torch.cat([batch["image"] for batch in fresh]))
    assert len(torch.cat(once).flatten(1).unique(dim=0)) > 1


class Recorder(pl.LightningModule):
    """Keeps what it is given to train on."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = {}

    def training_step(self, batch, _):
        self.seen.setdefault(self.current_epoch, []).append(batch["image"].clone())
        return self.layer(batch["image"].mean().reshape(1, 1)).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(data, epochs, folder, checkpoint=None):
    recorder = Recorder()
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(recorder, datamodule=data, ckpt_path=checkpoint)
    trainer.save_checkpoint(folder / "last.ckpt")
    return {epoch: torch.stack(batches) for epoch, batches in recorder.seen.items()}


@pytest.mark.parametrize("workers", [0, 2])
def test_resumed_run_sees_what_an_uninterrupted_one_sees(tmp_path, workers):
    voxels = positions((12, 40, 20))
    whole = fit(module(voxels), 3, tmp_path)
    fit(module(voxels, num_workers=workers), 1, tmp_path)
    resumed = fit(module(voxels, num_workers=workers), 3, tmp_path, tmp_path / "last.ckpt")
    assert sorted(resumed) == [1, 2]
    assert all(torch.equal(resumed[epoch], whole[epoch]) for epoch in (1, 2))
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(whole[1], whole[2])


@pytest.mark.parametrize(
    ("dtype", "largest", "peak", "scale"),
    [
        ("uint8", 17, 255.0, 256.0),
        ("int8", -128, 255.0, 256.0),
        ("uint16", 4095, 65535.0, 4096.0),
        ("uint16", 4096, 65535.0, 8192.0),
        ("int16", -1024, 65535.0, 2048.0),
        ("int16", -32768, 65535.0, 65536.0),
    ],
)
def test_sample_format_is_found(dtype, largest, peak, scale):
    voxels = np.zeros((4, 8, 8), dtype)
    voxels[3, 7, 7] = largest
    data = module(voxels)
    data.setup()
    assert (data.dtype, data.peak, data.intensity_scale) == (np.dtype(dtype), peak, scale)
    given = module(voxels, peak=4095.0, intensity_scale=1000.0)
    given.setup()
    assert (given.peak, given.intensity_scale) == (4095.0, 1000.0)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_volume_smaller_than_a_crop_is_mirrored(dtype):
    voxels = (np.arange(3 * 9 * 9) - 100).astype(dtype).reshape(3, 9, 9)
    items = [Item.of(Volume("s", "f", voxels))]
    image = CropDataset(items, (8, 9, 10), 0, 1, MemoryCache(1), augment=False)[0, 0][0]["image"][0].numpy()
    np.testing.assert_array_equal(image, voxels[[0, 1, 2, 2, 1, 0, 0, 1]][..., [*range(9), 8]].astype(np.float32))


def test_mixed_bit_depths():
    with pytest.raises(AiwaveError, match="a1 is uint8, others are uint16"):
        module(positions((12, 40, 20)), np.zeros((4, 8, 8), np.uint8)).setup()


@pytest.mark.parametrize(
    ("key", "value"),
    [("crop", (8, 8)), ("crop", (8, 8, 0)), ("batch_size", 0), ("epoch_steps", 0), ("val_crops", 0)],
)
def test_impossible_settings(key, value):
    with pytest.raises(AiwaveError, match=rf"dataset\.{key} is"):
        module(**{key: value})
