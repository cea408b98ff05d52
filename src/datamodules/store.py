"""The data module of stores: arrays of any size, here or elsewhere, of which only what is needed is read."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from ..bounds import Count, CountOrNone
from ..errors import AiwaveError
from ..stores import StoredArray, open_store
from ..stores.spread import COUNT, SIDE, fingerprint, spread
from ..stores.tensorstore_arrays import TensorstoreVoxels
from ..system import user_path
from .caching import PersistentCache
from .crops import Item
from .sources.splits import Box, Share, disjoint_boxes, regions
from .store_crops import StoreCrops
from .volume import Volume
from .volume_datamodule import VolumeDataModule

SHARES = [Share("train", 0.8), Share("val", 0.1), Share("test", 0.1)]
"""Parts of the longest axis for each split, unless there are boxes."""


class StoreDataModule(VolumeDataModule):
    """Boxes of the array at `root`, a path or an address: OME-Zarr, Zarr, N5, precomputed, or TIFF sections.

    `level` is that of an image with several, 0 the finest; `axes` names the axes of an array that does not, as in czyx;
    of several channels, one is chosen by `channel`, from 1. All times of a series are volumes of their own.

    `boxes` holds that of each split, {train: "z0:z1,y0:y1,x0:x1", ...}, in voxels of that level; without, the longest
    axis is cut into 80 % for training, then 10 % for validation and 10 % for tests. Boxes share no voxel. Volumes to
    test on are `volumes` boxes of at most `volume_side` voxels per side, spread over that of the split.

    Crops are read when they are needed, `cache.crops_per_read` near each other; each process that loads them keeps
    `pool_mb` MB of decoded chunks. Raises AiwaveError for a store that cannot be read, or is not of integers of 8 or
    16 bits, and for boxes that overlap, lie outside, or do not hold a crop.
    """

    start_method = "spawn"  # tensorstore's threads do not survive a fork

    def __init__(
        self,
        level: CountOrNone,
        axes: str | None,
        channel: Count | None,
        boxes: Mapping[str, str] | None,
        volumes: Count,
        volume_side: Count,
        pool_mb: CountOrNone,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if isinstance(self.cache, PersistentCache):
            raise AiwaveError("cache=persistent keeps whole volumes, which stores are too large for: leave it out.")
        self.level, self.axes, self.channel, self.boxes = level, axes, channel, boxes
        self.volumes, self.volume_side, self.pool_mb = volumes, volume_side, pool_mb

    @cached_property
    def array(self) -> StoredArray:
        """The array, of one channel."""
        if not self.root:
            raise AiwaveError("dataset.root is not set: give the path or address of a store.")
        root = self.root if "://" in self.root else str(user_path(self.root))
        found = open_store(root, self.axes, self.level)
        if found.dtype.kind not in "ui" or found.dtype.itemsize > 2:
            raise AiwaveError(f"{root} has voxels of the type {found.dtype}: training takes integers of 8 or 16 bits.")
        if isinstance(found.voxels, TensorstoreVoxels):
            found = replace(found, voxels=replace(found.voxels, cache=self.pool_mb * 1_000_000))
        return found.part([self._of_axis(axis.name, size) for axis, size in zip(found.axes, found.shape, strict=True)])

    def _of_axis(self, name: str, size: int) -> slice:
        """All of an axis, or the channel."""
        if name != "c" or (size == 1 and self.channel is None):
            return slice(0, size)
        if self.channel is None or self.channel > size:
            given = "has several channels" if self.channel is None else f"has no channel {self.channel}"
            raise AiwaveError(f"{self.root} {given}: choose one of 1 to {size} as dataset.channel.")
        return slice(self.channel - 1, self.channel)

    @cached_property
    def splits(self) -> dict[str, Box]:
        """The box (z, y, x) of each split."""
        shape = self.array.shape[-3:]
        if self.boxes is None:
            parts = regions(SHARES, shape, self.crop)
            found = {share.split: box for share, box in zip(SHARES, parts, strict=True)}
        else:
            found = disjoint_boxes(self.boxes, "dataset.boxes")
        for split, box in found.items():
            if np.less(box.start, 0).any() or np.greater(box.stop, shape).any():
                whole = ",".join(f"0:{size}" for size in shape)
                raise AiwaveError(f"dataset.boxes.{split} {box} does not lie in {self.root}, which is {whole}.")
        return found

    def determined(self) -> dict[str, Any]:
        """See `VolumeDataModule.determined`; also the boxes, so that the same are read again."""
        return {**super().determined(), "boxes": {split: str(box) for split, box in self.splits.items()}}

    def identity(self) -> str:
        """Hash of the array's metadata, of the voxels of some boxes of it, and of where the splits lie."""
        boxes = {split: str(box) for split, box in sorted(self.splits.items())}
        return hashlib.sha256(json.dumps([fingerprint(self.array), boxes]).encode()).hexdigest()

    def items(self) -> tuple[list[Item], list[Item]]:
        """The training and validation volumes, unread but for some boxes of 16-bit ones whose largest is wanted."""
        return self._items("train"), self._items("val")

    def training_volumes(self) -> Iterator[Volume]:
        """Yield boxes of the split "train"."""
        return self._volumes("train")

    def test_volumes(self) -> Iterator[Volume]:
        """Yield boxes of the split "test"."""
        return self._volumes("test")

    def crops(self, items: list[Item], seed: int, length: int, augment: bool) -> Dataset[Any]:
        """See `VolumeDataModule.crops`."""
        return StoreCrops(items, self.crop, seed, length, self.cache.crops_per_read, augment, self.appearance)

    def _part(self, split: str) -> StoredArray:
        """The box of a split, of all times. Raises AiwaveError if there is none."""
        if split not in self.splits:
            raise AiwaveError(f"dataset.boxes has none for {split}: add it as {split}: z0:z1,y0:y1,x0:x1.")
        leading = [slice(0, size) for size in self.array.shape[:-3]]
        return self.array.part([*leading, *self.splits[split].slices])

    def _items(self, split: str) -> list[Item]:
        part = self._part(split)
        if np.less(part.shape[-3:], self.crop).any():
            raise AiwaveError(
                f"dataset.crop {'x'.join(map(str, self.crop))} does not fit into {self.splits[split]}, the box for "
                f"{split} of {self.root}: give a smaller crop, or other boxes as dataset.boxes."
            )
        lowest, highest = self._extremes(part)
        depth, height, width = part.shape[-3:]
        whole = [slice(0, size) for size in part.shape[-3:]]
        return [
            Item(
                f"{split}#{number}",
                part.part([*(slice(k, k + 1) for k in place), *whole]),
                (depth, height, width),
                part.dtype,
                lowest,
                highest,
            )
            for number, place in enumerate(np.ndindex(*part.shape[:-3]))
        ]

    def _extremes(self, part: StoredArray) -> tuple[int, int]:
        """Lowest and highest voxel: of some boxes if the intensity scale depends on them, else of the type."""
        if part.dtype.itemsize == 1 or self.intensity_scale is not None:
            limits = np.iinfo(part.dtype)
            return int(limits.min), int(limits.max)
        blocks = [part.read(box) for box in spread(part.shape, SIDE, COUNT)]
        return min(int(block.min()) for block in blocks), max(int(block.max()) for block in blocks)

    def _volumes(self, split: str) -> Iterator[Volume]:
        part = self._part(split)
        for box in spread(part.shape, self.volume_side, self.volumes):
            voxels = part.read(box)
            *times, z, y, x = (f"{a + one.start}-{a + one.stop}" for a, one in zip(part.start, box, strict=True))
            frame = "".join(f"#{one.split('-')[0]}" for one, size in zip(times, part.shape, strict=False) if size > 1)
            yield Volume(str(self.name), f"z{z}_y{y}_x{x}{frame}", voxels.reshape(voxels.shape[-3:]))
