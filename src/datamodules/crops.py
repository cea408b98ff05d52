"""Training crops: the volumes that they are cut from, their order, and batches of them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from monai.transforms.compose import Compose
from monai.transforms.croppad.dictionary import RandSpatialCropSamplesd, SpatialPadd
from monai.transforms.spatial.dictionary import RandFlipd, RandRotate90d
from monai.transforms.utility.dictionary import EnsureChannelFirstd, EnsureTyped
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ..errors import AiwaveError
from ..images.monai_readers import volume_loader
from ..stores import StoredArray
from .appearance import Appearance
from .caching import Cache, Record
from .volume import Volume


@dataclass(frozen=True, eq=False)
class Item:
    """A volume, in memory, in a file or in a store, with facts about its voxels.

    `image` holds the (D, H, W) voxels, the path of their file or the part of a store; `shape` is (D, H, W), `lowest`
    and `highest` are the extremes of the voxels. `version` changes whenever the content of the file does. Crops are cut
    from the volume in proportion to its number of voxels times `weight`.
    """

    file: str
    image: Tensor | Path | StoredArray
    shape: tuple[int, int, int]
    dtype: np.dtype
    lowest: int
    highest: int
    version: str = field(default="")
    weight: float = field(default=1.0)

    @classmethod
    def of(cls, volume: Volume) -> Self:
        """The item of a volume in memory; shares its voxels."""
        voxels = volume.voxels
        extremes = int(voxels.min()), int(voxels.max())
        return cls(volume.file, torch.from_numpy(voxels), volume.shape, voxels.dtype, *extremes)

    @property
    def magnitude(self) -> int:
        """The largest |voxel|."""
        return max(self.highest, -self.lowest)


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index) for every index below `length`; with `distinct`, (0, index % distinct).

    Of every `batch` consecutive indices, process `rank` of `processes` gets an equal share, in order.
    Lightning calls `set_epoch` at the start of each epoch, also after resuming; without Lightning, call it yourself.
    """

    def __init__(
        self,
        length: int,
        epoch: int = 0,
        distinct: int | None = None,
        batch: int = 1,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        share = batch // processes
        self.indices = [index for index in range(length) if index % batch // share == rank]
        self.epoch = epoch
        self.distinct = distinct

    def set_epoch(self, epoch: int) -> None:
        """Yield the keys of `epoch` from the next iteration on."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if self.distinct is not None:
            return ((0, index % self.distinct) for index in self.indices)
        return ((self.epoch, index) for index in self.indices)

    def __len__(self) -> int:
        return len(self.indices)


KEY = "image"

Crop = dict[str, torch.Tensor]


class CropDataset(Dataset[Any]):
    """Random crops of volumes, which `cache` keeps loaded.

    Entry (e, i) is the i-th group of crops of epoch e, `cache.crops_per_read` of {"image": float32 (1, d, h, w)} in
    raw intensities. It depends on (seed, e, i) alone, not on the worker that makes it. All crops of a group come from
    one volume, chosen with probability proportional to its weight times its number of voxels; their positions are
    uniform in it. A volume smaller than `crop` (d, h, w), in voxels, is extended at its far ends by mirroring. With
    `augment`, crops are flipped along each axis, rotated by right angles in (y, x) if square there, and passed through
    `appearance`.
    """

    def __init__(
        self,
        items: Sequence[Item],
        crop: Sequence[int],
        seed: int,
        length: int,
        cache: Cache,
        augment: bool = True,
        appearance: Appearance | None = None,
    ) -> None:
        self._probabilities = probabilities(items)
        self._seed = seed
        self._length = length
        first = items[0].image
        beside = first.parent if isinstance(first, Path) else None
        self._volumes = cache.dataset(
            [_record(item) for item in items], _deterministic(beside is not None, crop), beside
        )
        self._random = random_moves(crop, cache.crops_per_read, augment)
        self._planes = crop[0]
        self._appearance = appearance if augment else None

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, key: tuple[int, int]) -> list[Crop]:
        state = random_state(self._seed, *key)
        volume = int(state.choice(len(self._probabilities), p=self._probabilities))
        self._random.set_random_state(state=state)
        image = self._kept(volume)
        if self._appearance is None:
            return [{KEY: plain(crop[KEY])} for crop in self._random({KEY: image})]
        crops = self._random({KEY: self._appearance.thinned(image, self._planes, state)})
        return [{KEY: self._appearance(plain(crop[KEY]), state)} for crop in crops]

    def _kept(self, volume: int) -> Any:
        """A volume, loaded and padded, (1, D, H, W). Raises AiwaveError if it cannot be read."""
        try:
            return self._volumes[volume][KEY]
        except RuntimeError as error:  # MONAI's wrapper, naming the transform; its cause is lost between processes
            if isinstance(error.__cause__, AiwaveError):
                raise error.__cause__ from None
            raise


def probabilities(items: Sequence[Item]) -> np.ndarray:
    """Probability that a crop is cut from each volume: in proportion to its weight times its number of voxels."""
    sizes = np.array([item.weight * np.prod(item.shape) for item in items], dtype=np.float64)
    return sizes / sizes.sum()


def random_state(seed: int, epoch: int, index: int) -> np.random.RandomState:
    """Random numbers for group `index` of an epoch, the same in every process."""
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, epoch, index])))


def plain(crop: Any) -> torch.Tensor:
    """A crop as a contiguous tensor, without MONAI's metadata."""
    return torch.as_tensor(crop.as_tensor()).contiguous()


def collate(groups: Sequence[Sequence[Crop]]) -> Crop:
    """Groups of crops as one batch {"image": float32 (B, 1, d, h, w)}."""
    return {KEY: torch.stack([crop[KEY] for group in groups for crop in group])}


class ReadAhead:
    """The batches of a `DataLoader` with processes: a thread takes each from them while the one before is worked on.

    PyTorch does so when it is asked for a batch, which takes milliseconds even if that is ready. No `DataLoader`
    itself, since Lightning would end the processes of one while the thread still waits for them.
    """

    def __init__(self, loader: DataLoader[Crop]) -> None:
        self._loader, self.sampler = loader, loader.sampler

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Crop]:
        batches = iter(self._loader)
        with ThreadPoolExecutor(1, "read-ahead") as thread:
            coming = thread.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = thread.submit(next, batches, None)
                yield batch


def _record(item: Item) -> Record:
    image = item.image
    return {KEY: str(image), "version": item.version} if isinstance(image, Path) else {KEY: image}


def _deterministic(in_files: bool, crop: Sequence[int]) -> Compose:
    """Load (if `in_files`) and pad to (1, D, H, W) in the stored dtype, uint16 as int32: the part worth caching."""
    load = [volume_loader()] if in_files else []
    channel = EnsureChannelFirstd(KEY, channel_dim="no_channel")
    return Compose([*load, channel, SpatialPadd(KEY, tuple(crop), method="end", mode="symmetric")])


def random_moves(crop: Sequence[int], count: int, augment: bool) -> Compose:
    """Cut `count` crops, convert them to float32 and, with `augment`, flip and rotate them; voxels are only moved."""
    steps = [
        RandSpatialCropSamplesd(KEY, tuple(crop), count, random_center=True, random_size=False),
        EnsureTyped(KEY, dtype=torch.float32),
    ]
    if augment:
        steps += [RandFlipd(KEY, prob=0.5, spatial_axis=axis) for axis in range(3)]
        if crop[1] == crop[2]:
            # three of the four right-angle rotations are not the identity
            steps.append(RandRotate90d(KEY, prob=0.75, max_k=3, spatial_axes=(1, 2)))
    return Compose(steps)
