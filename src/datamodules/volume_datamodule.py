"""The base of all data modules: random crops for training, held-out crops for validation, whole test volumes."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from ..errors import AiwaveError
from ..images.image import peak_of
from .appearance import Appearance
from .caching import Cache
from .crops import CropDataset, EpochSampler, Item, ReadAhead, collate
from .volume import Volume

MINIMUM_CROPS = 3


def hold_out(volumes: Sequence[Volume], crop: Sequence[int]) -> tuple[list[Volume], list[Volume]]:
    """Split `volumes` into training and validation volumes.

    The end of the last volume along its longest axis, as thick as `crop` (d, h, w) there, is held out for validation
    if that axis is at least three crops long. Otherwise both sets are all volumes.
    """
    *others, last = volumes
    axis = int(np.argmax(last.shape))
    cut = last.shape[axis] - crop[axis]
    if last.shape[axis] < MINIMUM_CROPS * crop[axis]:
        return list(volumes), list(volumes)
    kept, held = np.split(last.voxels, [cut], axis=axis)
    return [*others, replace(last, voxels=kept)], [replace(last, voxels=held)]


def _check_crops(crop: Sequence[int], counts: Mapping[str, int], cache: Cache) -> None:
    """Raise AiwaveError for a crop without three sides, a count below one, or a batch that is no whole reads."""
    if len(crop) != 3 or min(crop) < 1:
        raise AiwaveError(f"dataset.crop is {list(crop)}: give three sides (z, y, x) of at least 1 voxel.")
    for key, value in counts.items():
        if value < 1:
            raise AiwaveError(f"dataset.{key} is {value}: give at least 1.")
    if counts["batch_size"] % cache.crops_per_read:
        raise AiwaveError(
            f"dataset.batch_size is {counts['batch_size']}, not a multiple of cache.crops_per_read "
            f"{cache.crops_per_read}: change one of them."
        )


VALIDATION_EPOCH = 2**32 - 1  # no training epoch has this number

Batch = dict[str, torch.Tensor]


class VolumeDataModule(pl.LightningDataModule):
    """Random crops to train on and whole volumes to test on.

    `name` and `subset` name the data set, `root` is its folder and `about` describes it: modality, dtype, real bit
    depth, spacing, source, licence, citation. `crop` is (z, y, x), in voxels. An epoch has `epoch_steps` batches of
    `batch_size` crops, cut from volumes that `cache` keeps; with `distinct_batches`, that many batches are repeated;
    validation uses the same `val_crops` crops every time. `appearance` augments training crops, if given.
    `peak` (for PSNR) and `intensity_scale` (divisor of intensities) are determined from the data if None. `sharing`,
    `steps`, `step_range` and `lambdas` are stored for the model, training and evaluation.

    Training crops depend on `training_seed`, initially `seed`: set another before training on the same data again.
    After `setup`, `dtype` is the stored dtype, `peak` is 255 or 65535 by bit depth, `intensity_scale` is 256
    for 8 bits, else the smallest power of two above the largest training |voxel| (None if only testing).
    """

    start_method: str | None = None  # of processes that load crops: the system's own

    def __init__(
        self,
        name: str,
        root: str | None,
        subset: str,
        sharing: str,
        peak: float | None,
        intensity_scale: float | None,
        steps: Sequence[float],
        step_range: Sequence[float],
        lambdas: Sequence[float],
        about: Mapping[str, Any],
        crop: Sequence[int],
        batch_size: int,
        epoch_steps: int,
        val_crops: int,
        num_workers: int,
        seed: int,
        cache: Cache,
        distinct_batches: int | None = None,
        appearance: Appearance | None = None,
    ) -> None:
        super().__init__()
        _check_crops(crop, {"batch_size": batch_size, "epoch_steps": epoch_steps, "val_crops": val_crops}, cache)
        self.name, self.root, self.subset = name, root, subset
        self.sharing, self.about, self.cache = sharing, dict(about), cache
        self.crop = tuple(crop)
        self.batch_size, self.epoch_steps, self.val_crops = batch_size, epoch_steps, val_crops
        self.num_workers, self.seed, self.distinct_batches = num_workers, seed, distinct_batches
        self.training_seed = seed
        self.appearance = appearance
        self.peak, self.intensity_scale = peak, intensity_scale
        self.steps, self.step_range, self.lambdas = tuple(steps), tuple(step_range), tuple(lambdas)
        self.dtype: np.dtype | None = None
        self._training: list[Item] | None = None
        self._validation: list[Item] = []
        self._validation_crops: list[Batch] | None = None

    @abstractmethod
    def training_volumes(self) -> Iterator[Volume]:
        """Yield the training volumes. Raises AiwaveError if there is none."""

    @abstractmethod
    def test_volumes(self) -> Iterator[Volume]:
        """Yield the test volumes, one file in memory at a time. Raises AiwaveError if there is none."""

    def some_volumes(self, count: int) -> dict[str, list[Volume]]:
        """At most `count` volumes of every readable split. Raises AiwaveError as `test_volumes` does."""
        return {
            "train": list(islice(self.training_volumes(), count)),
            "test": list(islice(self.test_volumes(), count)),
        }

    def identity(self) -> str:
        """Hash that identifies the data: here of what they are made from, elsewhere of what they contain."""
        made_from = f"{self.name}/{self.subset}/{self.seed}/{self.root}"
        return hashlib.sha256(made_from.encode(errors="surrogateescape")).hexdigest()

    def setup(self, stage: str | None = None) -> None:
        """Read the training volumes and determine `dtype`, `peak` and `intensity_scale`.

        For the stages "test" and "predict" only the first test volume is read: a set need not have training volumes.
        Raises AiwaveError for missing or unreadable files and for mixed bit depths.
        """
        if stage in ("test", "predict"):
            if self.dtype is None:
                volume = next(self.test_volumes())
                self._describe([(volume.file, volume.voxels.dtype)])
        elif self._training is None:
            training, validation = self.items()
            self._describe([(item.file, item.dtype) for item in (*training, *validation)])
            if self.intensity_scale is None:
                self.intensity_scale = float(1 << max(item.magnitude for item in training).bit_length())
            self._training, self._validation = training, validation

    def items(self) -> tuple[list[Item], list[Item]]:
        """The training and validation volumes. Raises AiwaveError as `training_volumes` does."""
        kept, held = hold_out(list(self.training_volumes()), self.crop)
        return [Item.of(volume) for volume in kept], [Item.of(volume) for volume in held]

    def crops(self, items: list[Item], seed: int, length: int, augment: bool) -> Dataset[Any]:
        """Random crops of some volumes: `length` groups of `cache.crops_per_read` in each epoch."""
        return CropDataset(items, self.crop, seed, length, self.cache, augment, self.appearance)

    def determined(self) -> dict[str, Any]:
        """Settings that `setup` has found, by their keys in the configuration, which records them."""
        return {"peak": self.peak, "intensity_scale": self.intensity_scale}

    @property
    def known_peak(self) -> float:
        """`peak` as determined by `setup`. Raises AiwaveError before `setup`."""
        if self.peak is None:
            raise AiwaveError(f"The peak of {self.name}/{self.subset} is not known before its volumes are read.")
        return self.peak

    def check_depth(self, file: str, dtype: np.dtype) -> None:
        """Raise AiwaveError if a volume has another bit depth than the first: the peak of the PSNR would be wrong."""
        if self.dtype is not None and dtype.itemsize != self.dtype.itemsize:
            raise AiwaveError(
                f"{self.name} mixes bit depths ({file} is {dtype}, others are {self.dtype}): use one of them at a time."
            )

    def _describe(self, files: Sequence[tuple[str, np.dtype]]) -> None:
        """Set `dtype`, and the values that depend on its bit depth, from file names and dtypes."""
        self.dtype = files[0][1]
        for file, dtype in files:
            self.check_depth(file, dtype)
        if self.peak is None:
            self.peak = peak_of(self.dtype)
        if self.intensity_scale is None and self.dtype.itemsize == 1:
            self.intensity_scale = 256.0

    def train_dataloader(self) -> DataLoader[Batch] | ReadAhead:
        """Batches {"image": float32 (B, 1, d, h, w)}; epoch e is the same in every run with this `training_seed`.

        With several processes, B is this process's share of `batch_size`.
        """
        per_read = self.cache.crops_per_read
        length = self.epoch_steps * self.batch_size // per_read
        distinct = self.distinct_batches and self.distinct_batches * self.batch_size // per_read
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        rank, processes = (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)
        loader: DataLoader[Batch] = DataLoader(
            self.crops(self._trained_on(), self.training_seed, length, augment=True),
            batch_size=self.batch_size // per_read // processes,
            sampler=EpochSampler(length, epoch, distinct, self.batch_size // per_read, rank, processes),
            collate_fn=collate,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            multiprocessing_context=self.start_method if self.num_workers else None,
        )
        return ReadAhead(loader) if self.num_workers else loader

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same crops every time, not augmented, as batches {"image": float32 (B, 1, d, h, w)}."""
        self._trained_on()
        if self._validation_crops is None:
            crops = self.crops(self._validation, self.seed, self.val_crops, augment=False)
            self._validation_crops = [crops[VALIDATION_EPOCH, index][0] for index in range(self.val_crops)]
        return DataLoader(_Fixed(self._validation_crops), batch_size=self.batch_size)

    def _trained_on(self) -> list[Item]:
        if self._training is None:
            self.setup("fit")
        return self._training or []


class _Fixed(Dataset[Batch]):
    """Data set of precomputed crops."""

    def __init__(self, crops: Sequence[Batch]) -> None:
        self._crops = crops

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, index: int) -> Batch:
        return self._crops[index]
