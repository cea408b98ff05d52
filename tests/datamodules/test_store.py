"""Crops and volumes of stores lie where they say, in the box of their split, and can be read again."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import zarr
from aiwave.config.command_schemas import TrainConfig
from aiwave.config.composing import composed
from aiwave.datamodules import Appearance, NoCache, PersistentCache, StoreDataModule
from aiwave.errors import AiwaveError
from aiwave.runs.run_folder import RunFolder
from aiwave.training.run import prepare_new, prepare_resumed
from aiwave.zarr import AiwaveCodec
from tests.conftest import textured
from tests.modules import SETTINGS
from tests.stores.test_opening import precomputed, written

SHAPE, CROP = (24, 70, 20), (4, 8, 8)

POSITIONS = np.arange(np.prod(SHAPE), dtype="uint16").reshape(SHAPE)


def module(root, **options):
    own = {"level": 0, "axes": None, "channel": None, "boxes": None, "volumes": 3, "volume_side": 6, "pool_mb": 1}
    given = {"name": "zarr", "subset": "level0", "root": root and str(root), "crop": CROP, "cache": NoCache(2)}
    return StoreDataModule(**(SETTINGS | given | own | options))


@pytest.fixture
def store(tmp_path):
    return written(tmp_path / "a.zarr", "zarr3", POSITIONS)


def held(array, box):
    """The voxels of a box, as sorted numbers: crops are flipped and rotated."""
    return np.sort(array[box], axis=None).tolist()


def inside(voxels, split, data):
    box = data.splits[split]
    places = np.array(np.unravel_index(np.asarray(voxels).astype(int).ravel(), SHAPE)).T
    return (places >= box.start).all() and (places < box.stop).all()


@pytest.mark.parametrize("kind", ["zarr3", "zarr", "n5", "precomputed", "aiwave", "http"])
def test_crops_are_those_that_their_boxes_name(tmp_path, kind, request):
    if kind == "precomputed":
        root = precomputed(tmp_path / "a", POSITIONS.T[..., None], (3, 4, 5))
    elif kind == "aiwave":
        root = str(tmp_path / "a.zarr")
        options = {"serializer": AiwaveCodec(), "compressors": None}
        zarr.create_array(root, shape=SHAPE, chunks=(24, 70, 20), dtype="uint16", **options)[:] = POSITIONS
    else:
        root = written(tmp_path / "a", "zarr3" if kind == "http" else kind, POSITIONS.T if kind == "n5" else POSITIONS)
    if kind == "http":
        server = request.getfixturevalue("server")
        files = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
        server.files = {f"/{path.relative_to(tmp_path)}": path.read_bytes() for path in files}
        root = f"{server.url}/a"
    data = module(root)
    data.setup("fit")
    crops = data.crops(data.items()[0], 0, 8, augment=True)
    for index in range(3):
        boxes, group = crops.boxes(1, index), crops[1, index]
        assert len(boxes) == len(group) == 2
        for (item, box), crop in zip(boxes, group, strict=True):
            assert crop["image"].dtype == torch.float32
            assert crop["image"].shape == (1, *CROP)
            start = data.splits["train"].start
            place = tuple(slice(k + a.start, k + a.stop) for k, a in zip(start, box, strict=True))
            assert held(crop["image"].numpy(), np.s_[...]) == held(POSITIONS, place)
            assert item.image.name == root


def test_splits_share_no_voxel(store):
    data = module(store)
    for split, batches in (("train", data.train_dataloader()), ("val", data.val_dataloader())):
        for batch in batches:
            assert batch["image"].shape == (2, 1, *CROP)
            assert inside(batch["image"], split, data)
    tests = list(data.test_volumes())
    assert len(tests) == 3
    for volume in tests:
        assert inside(volume.voxels, "test", data)
        ends = [slice(int(a), int(b)) for a, b in re.findall(r"[zyx](\d+)-(\d+)", volume.file)]
        np.testing.assert_array_equal(volume.voxels, POSITIONS[tuple(ends)])
    assert sum(np.prod(box.shape) for box in data.splits.values()) == POSITIONS.size


def test_epochs_are_the_same_in_every_run(store):
    first, again, other = (module(store, seed=seed).train_dataloader() for seed in (1, 1, 2))
    crops = [torch.cat([batch["image"] for batch in loader]) for loader in (first, again, other)]
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


@pytest.mark.slow
def test_crops_do_not_depend_on_the_processes_that_load_them(store):
    alone, shared = (list(module(store, num_workers=n, epoch_steps=4).train_dataloader()) for n in (0, 2))
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(alone, shared, strict=True))


def test_crops_of_a_group_are_near_and_each_is_anywhere(tmp_path):
    path = str(tmp_path / "wide.zarr")
    zarr.create_array(path, shape=(4, 8, 1000), chunks=(4, 8, 64), dtype="uint8")
    whole = {"train": "0:4,0:8,0:300", "val": "0:4,0:8,300:400"}
    crops = module(path, boxes=whole).crops(module(path, boxes=whole).items()[0], 0, 1, augment=True)
    starts = np.array([[box[2].start for _, box in crops.boxes(0, index)] for index in range(6000)])
    assert np.abs(starts[:, 0] - starts[:, 1]).max() < 64
    expected = 6000 / 293
    for column in starts.T:
        counts = np.bincount(column, minlength=293)
        assert len(counts) == 293
        assert np.square(counts - expected).sum() / expected < 292 + 5 * np.sqrt(2 * 292)


def test_levels_channels_and_times(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    images = [textured((2, 3, *side), k) for k, side in enumerate([(12, 60, 16), (8, 40, 10)])]
    for k, image in enumerate(images):
        group.create_array(str(k), shape=image.shape, chunks=(1, 1, 8, 8, 8), dtype="uint8")[:] = image
    axes = [{"name": name} for name in "tczyx"]
    scales = [{"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": [1] * 5}]} for k in (0, 1)]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": scales}]}
    data = module(tmp_path / "a.zarr", level=1, channel=2)
    training, _ = data.items()
    assert [item.shape for item in training] == [(8, 24, 10)] * 2  # both times
    volumes = list(data.test_volumes())
    assert {volume.file[-2:] for volume in volumes} == {"#0", "#1"}
    for volume in volumes:
        z, y, x = (slice(int(a), int(b)) for a, b in re.findall(r"[zyx](\d+)-(\d+)", volume.file))
        np.testing.assert_array_equal(volume.voxels, images[1][int(volume.file[-1]), 1, z, y, x])
    for channel, words in ((None, "has several channels: choose one of 1 to 3"), (4, "has no channel 4: .* 1 to 3")):
        with pytest.raises(AiwaveError, match=words):
            module(tmp_path / "a.zarr", channel=channel).setup()


def test_planes_can_be_dropped(store):
    thin = Appearance(share=1, contrast=(1, 1), blur=0, stride=3)
    data = module(store, appearance=thin)
    crops = data.crops(data.items()[0], 0, 1, augment=True)
    strides = set()
    for index in range(20):
        (_, box), *_ = crops.boxes(0, index)
        assert box[0].stop - box[0].start == 12
        image = crops[0, index][0]["image"][0].numpy().astype(int)
        planes = sorted({int(plane.min()) // (SHAPE[1] * SHAPE[2]) for plane in image})
        strides |= set(np.diff(planes).tolist())
    assert strides == {2, 3}


def test_a_store_is_named_by_its_voxels_and_boxes_wherever_it_lies(store, tmp_path):
    name = module(store).identity()
    shutil.copytree(store, tmp_path / "moved")
    moved = module(tmp_path / "moved", boxes=module(store).determined()["boxes"])
    assert moved.identity() == name
    moved = module(tmp_path / "moved", boxes={"train": "0:24,0:40,0:20", "val": "0:24,40:70,0:20"})
    assert moved.identity() != name
    written(tmp_path / "other", "zarr3", POSITIONS + 1)
    assert module(tmp_path / "other").identity() != name


def test_a_run_records_what_it_read_and_does_not_go_on_with_something_else(store, tmp_path):
    given = ["dataset=zarr", f"dataset.root={store}", "dataset.crop=[4,8,8]", "experiment=quickstart"]
    cfg = composed("train", [*given, f"run_dir={tmp_path}/run", "logger=none"], lambda: TrainConfig, hydra=True)
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    folder = RunFolder(tmp_path / "run")
    prepare_new(cfg, folder, [])
    recorded = folder.read_config().dataset
    assert recorded.boxes == {"train": "0:24,0:54,0:20", "val": "0:24,54:62,0:20", "test": "0:24,62:70,0:20"}
    assert recorded.intensity_scale == 65536
    prepare_resumed(cfg, folder, [])
    zarr.open_array(store, mode="r+")[:] = 0
    with pytest.raises(AiwaveError, match=r"have another hash than .*run recorded"):
        prepare_resumed(cfg, folder, [])


BOXES = {"train": "0:24,0:40,0:20", "val": "0:24,40:60,0:20"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"crop": (32, 8, 8)}, r"dataset.crop 32x8x8 does not fit into 0:24,0:54,0:20, the box for train of "),
        ({"boxes": BOXES | {"val": "0:24,69:70,0:20"}}, r"dataset.crop 4x8x8 does not fit into .* for val"),
        ({"boxes": BOXES | {"val": "0:24,39:60,0:20"}}, r"dataset.boxes: train .* and val .* overlap"),
        ({"boxes": BOXES | {"val": "0:24,60:71,0:20"}}, r"dataset.boxes.val .* does not lie in .*0:24,0:70,0:20"),
        ({"boxes": BOXES | {"best": "0:24,60:70,0:20"}}, r"dataset.boxes.best is .*: give boxes for train, val and"),
        ({"boxes": {"train": BOXES["train"]}}, r"dataset.boxes has none for val"),
        ({"level": 1}, r"has no level 1: its only one is 0"),
        ({"axes": "czyx"}, r"has 3 axes, which 'czyx' does not name"),
        ({"cache": PersistentCache(1)}, r"cache=persistent keeps whole volumes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_bad_settings_are_one_sentence(store, options, words):
    with pytest.raises(AiwaveError, match=words):
        module(store, **options).setup()


def test_bad_stores_are_one_sentence(tmp_path):
    for root, words in (("nowhere.zarr", "nowhere.zarr cannot be read: it does not exist"), (None, "root is not set")):
        with pytest.raises(AiwaveError, match=words):
            module(root).setup()
    floats = written(tmp_path / "floats", "zarr3", POSITIONS.astype("float32"))
    with pytest.raises(AiwaveError, match="has voxels of the type float32: training takes integers of 8 or 16 bits"):
        module(floats).setup()
    foreign = Path(written(tmp_path / "foreign", "zarr3", POSITIONS)) / "zarr.json"
    foreign.write_text(foreign.read_text().replace('"bytes"', '"a_codec"'))
    with pytest.raises(AiwaveError, match=r"foreign cannot be opened \(.*a_codec"):
        module(foreign.parent).setup()
    damaged = written(tmp_path / "damaged", "zarr", POSITIONS.astype("uint8"))
    for chunk in Path(damaged).glob("[0-9]*"):
        chunk.write_bytes(b"damaged")
    with pytest.raises(AiwaveError, match=r"damaged cannot be read at .*Invalid blosc"):
        next(iter(module(damaged).train_dataloader()))


def test_without_a_box_for_tests_there_are_none(store):
    data = module(store, boxes=BOXES)
    data.setup("fit")
    with pytest.raises(AiwaveError, match=r"dataset\.boxes has none for test"):
        next(data.test_volumes())
