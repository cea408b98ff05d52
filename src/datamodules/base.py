"""What every data module shares: training crops, validation crops, test volumes, and the sample format."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from ..errors import AiwaveError
from .fits import check_fits
from .hold_out import hold_out
from .sampler import EpochSampler
from .volume import Volume

VALIDATION_EPOCH = 2**32 - 1  # no training epoch has this number

Batch = dict[str, torch.Tensor]


class VolumeDataModule(pl.LightningDataModule):
    """Random crops to train on and whole volumes to test on.

    `name` and `subset` name the data set, `root` is its folder. `crop` is (z, y, x), in voxels. An epoch has
    `epoch_steps` batches of `batch_size` crops; validation has the same `val_crops` crops every time. `peak`
    (for PSNR) and `intensity_scale` (to divide intensities by) are found from the data when None. `steps`,
    `step_range` and `lambdas` are kept for training and evaluation to read.

    Training crops follow from `training_seed`, at first `seed`: whoever trains twice on the same data sets it anew.
    After `setup`, `dtype` is the stored dtype, `peak` is 255 or 65535 by bit depth, `intensity_scale` is 256
    for 8 bits, else the smallest power of two above the largest training |voxel| (None if only testing).
    """

    def __init__(
        self,
        name: str,
        root: str | None,
        subset: str,
        crop: Sequence[int],
        batch_size: int,
        epoch_steps: int,
        val_crops: int,
        num_workers: int,
        seed: int,
        peak: float | None,
        intensity_scale: float | None,
        steps: Sequence[float],
        step_range: Sequence[float],
        lambdas: Sequence[float],
    ) -> None:
        super().__init__()
        if len(crop) != 3 or min(crop) < 1:
            raise AiwaveError(f"dataset.crop is {list(crop)}: give three sides (z, y, x) of at least 1 voxel.")
        for key, value in (
            ("batch_size", batch_size),
            ("epoch_steps", epoch_steps),
            ("val_crops", val_crops),
        ):
            if value < 1:
                raise AiwaveError(f"dataset.{key} is {value}: give at least 1.")
        self.name, self.root, self.subset = name, root, subset
        self.crop = tuple(crop)
        self.batch_size, self.epoch_steps, self.val_crops = batch_size, epoch_steps, val_crops
        self.num_workers, self.seed = num_workers, seed
        self.training_seed = seed
        self.peak, self.intensity_scale = peak, intensity_scale
        self.steps, self.step_range, self.lambdas = tuple(steps), tuple(step_range), tuple(lambdas)
        self.dtype: np.dtype | None = None
        self._training: list[Volume] | None = None
        self._validation: list[Volume] = []
        self._validation_crops: list[Batch] | None = None

    @abstractmethod
    def training_volumes(self) -> Iterator[Volume]:
        """Yield the volumes to train on. Raises AiwaveError when there is none."""

    @abstractmethod
    def test_volumes(self) -> Iterator[Volume]:
        """Yield the volumes to test on, one file in memory at a time. Raises AiwaveError if there is none."""

    def setup(self, stage: str | None = None) -> None:
        """Read the training volumes and find `dtype`, `peak` and `intensity_scale`.

        For the stages "test" and "predict" only the first test volume is read: a set need not have others.
        Raises AiwaveError for missing or unreadable files, volumes smaller than a crop, and mixed bit depths.
        """
        if stage in ("test", "predict"):
            if self.dtype is None:
                self._describe([next(self.test_volumes())])
        elif self._training is None:
            volumes = list(self.training_volumes())
            for volume in volumes:
                check_fits(volume.file, volume.shape, self.crop)
            self._describe(volumes)
            if self.intensity_scale is None:
                self.intensity_scale = float(1 << max(_magnitude(v.voxels) for v in volumes).bit_length())
            self._training, self._validation = hold_out(volumes, self.crop)

    @property
    def known_peak(self) -> float:
        """`peak` as `setup` found it. Raises AiwaveError before that."""
        if self.peak is None:
            raise AiwaveError(f"The peak of {self.name}/{self.subset} is not known before its volumes are read.")
        return self.peak

    def check_depth(self, volume: Volume) -> None:
        """Raise AiwaveError if a volume has another bit depth than the first: the peak of the PSNR would be wrong."""
        if self.dtype is not None and volume.voxels.dtype.itemsize != self.dtype.itemsize:
            raise AiwaveError(
                f"{self.name} mixes bit depths ({volume.file} is {volume.voxels.dtype}, others are {self.dtype}): "
                "use one of them at a time."
            )

    def _describe(self, volumes: Sequence[Volume]) -> None:
        """Set `dtype` and what follows from its bit depth."""
        self.dtype = volumes[0].voxels.dtype
        for volume in volumes:
            self.check_depth(volume)
        eight_bits = self.dtype.itemsize == 1
        if self.peak is None:
            self.peak = 255.0 if eight_bits else 65535.0
        if self.intensity_scale is None and eight_bits:
            self.intensity_scale = 256.0

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches {"image": float32 (B, 1, d, h, w)}; epoch e is the same in any run with this `training_seed`."""
        from .crops import CropDataset

        length = self.epoch_steps * self.batch_size
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        return DataLoader(
            CropDataset(self._trained_on(), self.crop, self.training_seed, length),
            batch_size=self.batch_size,
            sampler=EpochSampler(length, epoch),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same crops every time, unturned, as batches {"image": float32 (B, 1, d, h, w)}."""
        from .crops import CropDataset

        self._trained_on()
        if self._validation_crops is None:
            crops = CropDataset(self._validation, self.crop, self.seed, self.val_crops, augment=False)
            self._validation_crops = [crops[VALIDATION_EPOCH, index] for index in range(self.val_crops)]
        return DataLoader(_Fixed(self._validation_crops), batch_size=self.batch_size)

    def _trained_on(self) -> list[Volume]:
        if self._training is None:
            self.setup("fit")
        return self._training or []


class _Fixed(Dataset[Batch]):
    """Crops made once."""

    def __init__(self, crops: Sequence[Batch]) -> None:
        self._crops = crops

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, index: int) -> Batch:
        return self._crops[index]


def _magnitude(voxels: np.ndarray) -> int:
    """Largest |voxel| of an integer array."""
    return max(int(voxels.max()), -int(voxels.min()))
