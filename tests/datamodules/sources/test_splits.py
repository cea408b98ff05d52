"""Crops lie where they should, and what tests never trains."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwave.datamodules.sources import AsGiven, GridCrops, RandomCrops, Raw, SplitByRegion, SplitBySubject
from aiwave.datamodules.sources.splits import Box, regions
from aiwave.errors import AiwaveError

SHAPES = st.tuples(*[st.integers(1, 30)] * 3)
SIZES = st.tuples(*[st.integers(3, 20)] * 3)
FRACTIONS = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45))


def raws(count, splits=(None,)):
    return [Raw(f"s{k}", Path(f"s{k}.tif"), splits[k % len(splits)], "here") for k in range(count)]


def whole(shape):
    return Box((0, 0, 0), tuple(shape))


@settings(deadline=None)
@given(SHAPES, SIZES, FRACTIONS, st.integers(0, 5), st.sampled_from([None, 0, 1, 2]), st.booleans(), st.booleans())
def test_splits_of_a_volume_have_no_voxel_in_common(shape, size, fractions, seed, axis, grid, rest):
    shares = SplitByRegion(*fractions, seed, axis).plan(raws(1))["s0"]
    owner = np.zeros(shape, np.int64)
    boxes = regions(shares, shape, size)
    for box in boxes:
        owner[box.slices] += 1
    assert (owner == 1).all()  # the slabs cover the volume, each voxel once
    crops = GridCrops(size, rest=rest) if grid else RandomCrops(size, 5, seed)
    taken = np.zeros(shape, np.int64)
    for number, region in enumerate(boxes, 1):
        if 0 in region.shape:
            continue
        found = crops.boxes(taken, 0, region, "s0")
        assert found
        for box in found:
            assert (taken[box.slices] == 0).all()  # nor do crops of one split
            taken[box.slices] = number
            wanted = np.minimum(size, region.shape)
            assert (np.array(box.shape) < 1.5 * wanted + 1).all()
            if not (grid and rest):
                assert box.shape == tuple(wanted)
        if grid and rest:
            assert (taken[region.slices] == number).all()


@given(st.integers(1, 30), FRACTIONS, st.integers(0, 5))
def test_subjects_are_in_one_split_each(count, fractions, seed):
    given_raws = raws(count)
    rule = SplitBySubject(*fractions, seed)
    least = sum(max(1, round(part * count)) for part in fractions if part)
    if least >= count:
        with pytest.raises(AiwaveError, match=r"cannot be split by subject.*SplitByRegion"):
            rule.plan(given_raws)
        return
    plan = rule.plan(given_raws)
    assert list(plan) == sorted(raw.subject for raw in given_raws)
    assert all(len(shares) == 1 and shares[0].part == 1 for shares in plan.values())
    there = {shares[0].split for shares in plan.values()}
    assert there == {"train"} | ({"val"} if fractions[0] else set()) | ({"test"} if fractions[1] else set())
    assert plan == rule.plan(given_raws[::-1])


def test_seed_changes_the_split():
    plans = [SplitBySubject(0.2, 0.2, seed).plan(raws(10)) for seed in range(5)]
    assert len({str(plan) for plan in plans}) > 1


def test_source_decides_and_the_rest_is_completed():
    rule = AsGiven(0.25, 0.2, 0)
    assert rule.plan(raws(10)) == SplitBySubject(0.25, 0.2, 0).plan(raws(10))
    given_plan = rule.plan(raws(6, ("train", "val", "test")))
    assert [shares[0].split for shares in given_plan.values()] == ["train", "val", "test"] * 2
    plan = rule.plan(raws(8, ("train", "test")))
    assert all(plan[f"s{k}"][0].split == "test" for k in (1, 3, 5, 7))
    assert sorted(plan[f"s{k}"][0].split for k in (0, 2, 4, 6)) == ["train", "train", "train", "val"]
    one = rule.plan(raws(2, ("train", "test")))
    assert [(share.split, share.part) for share in one["s0"]] == [("train", 0.75), ("val", 0.25)]


@pytest.mark.parametrize("split", ["train", "test"])
def test_source_that_lacks_a_split(split):
    missing = {"train": "test", "test": "train"}[split]
    with pytest.raises(AiwaveError, match=rf"no images for {missing}:.*SplitByRegion"):
        AsGiven(0.1, 0.2, 0).plan(raws(3, (split,)))


def test_slabs_have_room_for_crops_where_there_is_any():
    shares = SplitByRegion(0.1, 0.1, 0).plan(raws(1))["s0"]
    assert {box.shape[1] for box in regions(shares, (30, 400, 100), (64, 64, 64))} == {64, 272}
    assert {box.shape[1] for box in regions(shares, (30, 120, 100), (64, 64, 64))} == {30, 60}


def test_thin_stacks_keep_all_their_slices():
    for crops in (GridCrops((64, 64, 64)), RandomCrops((64, 64, 64), 3, 0)):
        for box in crops.boxes(np.zeros((20, 256, 40), np.uint8), 0, whole((20, 256, 40)), "a"):
            assert box.shape == (20, 64, 40)


@pytest.mark.parametrize("offset", [0, -1000])
def test_air_is_left_out(offset):
    voxels = np.zeros((8, 8, 16), np.uint16)
    voxels[:4, 4:, 8:12] = 100
    voxels[0, 0, 0] = 100
    found = GridCrops((4, 4, 4), air=50 + offset, filled=0.5).boxes(voxels, offset, whole(voxels.shape), "a")
    assert found == [Box((0, 4, 8), (4, 8, 12))]
    assert GridCrops((4, 4, 4), air=100 + offset).boxes(voxels, offset, whole(voxels.shape), "a") == []
    random = RandomCrops((4, 4, 4), 4, 1, air=50 + offset, filled=0.4)
    boxes = random.boxes(voxels, offset, whole(voxels.shape), "a")
    assert boxes
    assert all((voxels[box.slices] > 50).mean() > 0.4 for box in boxes)


def test_random_crops_follow_from_seed_and_name():
    volume = np.zeros((40, 40, 40), np.uint8)
    at = lambda seed, key: RandomCrops((8, 8, 8), 5, seed).boxes(volume, 0, whole(volume.shape), key)  # noqa: E731
    assert at(0, "a") == at(0, "a")
    assert len({str(at(seed, key)) for seed in range(3) for key in "ab"}) == 6


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GridCrops((4, 0, 4)), "at least 1 voxel"),
        (lambda: GridCrops((4, 4, 4), filled=1), "fraction"),
        (lambda: RandomCrops((4, 4, 4), 0, 0), "at least 1"),
        (lambda: SplitBySubject(0.5, 0.5, 0), "nothing to train on"),
        (lambda: SplitByRegion(0.1, 0.1, 0, 3), "axis is 3"),
    ],
)
def test_impossible_settings(make, words):
    with pytest.raises(AiwaveError, match=words):
        make()
