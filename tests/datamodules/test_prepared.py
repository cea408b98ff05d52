"""Prepared folders: only what the manifest names, unchanged, from any cache, with any number of workers."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from aiwave.cli import main
from aiwave.datamodules import FolderDataModule, MemoryCache, NoCache, PersistentCache, PreparedDataModule
from aiwave.datamodules.manifest import Entry, Manifest, sha256_of
from aiwave.errors import AiwaveError, complaint
from tests.conftest import textured
from tests.modules import SETTINGS

CACHES = [MemoryCache(1), MemoryCache(2), PersistentCache(2), NoCache(2)]


def entry(folder, split, index, shape):
    file = folder / split / f"{split}{index}.tif"
    file.parent.mkdir(parents=True, exist_ok=True)
    voxels = textured(shape, index)
    tifffile.imwrite(file, voxels, photometric="minisblack")
    extremes = int(voxels.min()), int(voxels.max()), len(np.unique(voxels))
    geometry = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    name, subject = file.relative_to(folder).as_posix(), f"{split}{index}"
    box = ",".join(f"0:{side}" for side in shape)
    return Entry(name, sha256_of(file), subject, split, shape, "uint8", *extremes, *geometry, 0, 1.0, 0.0, box, "made")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "cells"
    counts = {"train": 3, "val": 1, "test": 2}
    entries = [entry(folder, split, k, (12, 20 + k, 24)) for split, count in counts.items() for k in range(count)]
    Manifest(folder, tuple(entries)).write()
    tifffile.imwrite(folder / "train/stranger.tif", np.full((12, 20, 24), 7, np.uint8), photometric="minisblack")
    return tmp_path


def module(root, cls=PreparedDataModule, **options):
    given = {"name": "cells", "subset": "cells", "root": root and str(root), "crop": (8, 16, 16), "batch_size": 4}
    return cls(**(SETTINGS | given | {"epoch_steps": 3} | options))


def epoch_of(data, epoch=0):
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return torch.stack([batch["image"] for batch in loader])


@pytest.mark.parametrize("cache", CACHES)
def test_epochs_repeat_whatever_the_cache_and_the_workers(root, cache):
    plain = epoch_of(module(root, cache=type(cache)(crops_per_read=cache.crops_per_read)))
    reference = epoch_of(module(root, cache=MemoryCache(cache.crops_per_read)))
    shared = epoch_of(module(root, cache=cache, num_workers=2))
    assert plain.shape == (3, 4, 1, 8, 16, 16)
    assert torch.equal(plain, reference)
    assert torch.equal(plain, shared)
    assert not torch.equal(plain, epoch_of(module(root, cache=cache), 1))


def test_only_the_files_of_the_manifest_are_read(root):
    data = module(root)
    data.setup()
    assert [item.file for item in data._training] == ["train/train0.tif", "train/train1.tif", "train/train2.tif"]
    assert [item.file for item in data._validation] == ["val/val0.tif"]
    assert [volume.file for volume in data.test_volumes()] == ["test0.tif", "test1.tif"]
    assert (data.dtype, data.peak, data.intensity_scale) == (np.dtype("uint8"), 255.0, 256.0)
    assert {split: len(volumes) for split, volumes in data.some_volumes(2).items()} == {"train": 2, "val": 1, "test": 2}


def test_a_folder_is_read_by_its_manifest_if_it_has_one(root):
    assert torch.equal(epoch_of(module(root, FolderDataModule)), epoch_of(module(root)))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_changed_or_missing_file_is_refused(root, split):
    file = root / f"cells/{split}/{split}1.tif"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    read = module(root).setup if split == "train" else lambda: list(module(root).test_volumes())
    with pytest.raises(AiwaveError, match=rf"{split}1\.tif has changed since it was prepared"):
        read()
    file.unlink()
    with pytest.raises(AiwaveError, match=rf"{split}1\.tif is missing"):
        read()


def test_without_a_manifest_the_command_that_makes_it_is_named(tmp_path):
    with pytest.raises(AiwaveError, match=r"no manifest\.csv: run aiwave prepare dataset=cells root="):
        module(tmp_path).setup()


def test_a_persistent_cache_is_used_again_and_made_anew_when_crop_or_file_change(root):
    kept = root / "kept"
    first = epoch_of(module(root, cache=PersistentCache(2, str(kept))))
    files = {file.name: file.stat().st_mtime_ns for file in kept.iterdir()}
    assert len(files) == 3
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        "from tests.datamodules.test_prepared import *;"
        "epoch_of(module(Path(sys.argv[2]), cache=PersistentCache(2, sys.argv[3])))"
    )
    repository = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, repository, root, kept], check=True, env=os.environ)
    assert {file.name: file.stat().st_mtime_ns for file in kept.iterdir()} == files
    padded = epoch_of(module(root, cache=PersistentCache(2, str(kept)), crop=(16, 16, 16)))
    assert padded.shape[3:] == (16, 16, 16)
    assert len(list(kept.iterdir())) == 6
    manifest = Manifest.read(root / "cells")
    file = root / "cells/train/train0.tif"
    tifffile.imwrite(file, np.full((12, 20, 24), 9, np.uint8), photometric="minisblack")
    changed = dataclasses.replace(manifest.entries[0], sha256=sha256_of(file), minimum=9, maximum=9, distinct=1)
    Manifest(manifest.folder, (changed, *manifest.entries[1:])).write()
    second = epoch_of(module(root, cache=PersistentCache(2, str(kept))))
    assert not torch.equal(first, second)
    assert (second.flatten(2) == 9).all(dim=2).any()


def test_a_persistent_cache_survives_half_a_file_and_says_where_it_cannot_write(root):
    kept = root / "kept"
    cache = PersistentCache(2, str(kept))
    first = epoch_of(module(root, cache=cache))
    for file in kept.iterdir():
        file.write_bytes(file.read_bytes()[:700])  # as when the disk was full or the machine went down
    assert torch.equal(epoch_of(module(root, cache=cache)), first)
    assert all(file.stat().st_size > 700 for file in kept.iterdir())
    loader = module(root, cache=cache).train_dataloader()
    shutil.rmtree(kept)
    kept.write_text("a file where the folder was")
    with pytest.raises(AiwaveError, match=r"Cannot write .*kept/"):
        next(iter(loader))


def test_what_goes_wrong_in_a_worker_is_one_sentence_too(root):
    data = module(root, cache=NoCache(2), num_workers=1)
    loader = data.train_dataloader()
    for file in (root / "cells/train").glob("*.tif"):
        file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(AiwaveError) as caught:
        next(iter(loader))
    sentence = complaint(caught.value)
    assert sentence is not None
    assert re.fullmatch(r"\S+\.tif cannot be read \(.*\): it is truncated or damaged, so fetch it again\.", sentence)


def test_crops_per_read_must_divide_the_batch():
    with pytest.raises(AiwaveError, match=r"dataset\.batch_size is 4, not a multiple of cache\.crops_per_read 3"):
        module(None, cache=MemoryCache(3))


def test_data_show_draws_every_split(root, tmp_path):
    import matplotlib.image

    arguments = ["dataset=folder", f"dataset.root={root}", "dataset.subset=cells", f"out={tmp_path}/sheet.png"]
    assert main(["data", "show", *arguments, "volumes=2"]) == 0
    sheet = matplotlib.image.imread(tmp_path / "sheet.png")
    assert sheet.shape[0] > 3 * 3 * 150  # three splits of three planes
    assert len(np.unique(sheet)) > 100


@pytest.mark.parametrize("arguments", [["data"], ["data", "sow", "dataset=phantom"], ["data", "dataset=phantom"]])
def test_data_says_what_it_can_do(arguments, capfd):
    assert main(arguments) == 1
    assert "aiwave data show dataset=NAME" in capfd.readouterr().err
