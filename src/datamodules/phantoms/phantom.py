"""The data module of phantoms, synthetic volumes that resemble microscopy or tomography."""

import hashlib
from collections.abc import Iterator

import numpy as np

from ...errors import AiwaveError
from ..volume import Volume
from ..volume_datamodule import VolumeDataModule

TRAIN_SHAPE = (96, 96, 96)

TEST_SHAPE = (64, 64, 64)

VOLUMES = 2

SPLITS = ("train", "test")


class PhantomDataModule(VolumeDataModule):
    """Synthetic volumes: `subset` is "em" (uint8 neuropil) or "ct" (uint16 chest, 12 bits).

    There are two training volumes of 96³ and two test volumes of 64³ voxels, determined by `seed`. Volumes are named
    like `phantom_em_test0`. `root` is not used: sweeps over data sets give all of them the same one. Another subset
    raises AiwaveError.
    """

    def training_volumes(self) -> Iterator[Volume]:
        """Synthesise and yield the training volumes."""
        return self._make("train", TRAIN_SHAPE)

    def test_volumes(self) -> Iterator[Volume]:
        """Synthesise and yield the test volumes, one at a time."""
        return self._make("test", TEST_SHAPE)

    def identity(self) -> str:
        """Hash of name, subset and seed, whatever the root."""
        return hashlib.sha256(f"{self.name}/{self.subset}/{self.seed}".encode()).hexdigest()

    def _make(self, split: str, shape: tuple[int, int, int]) -> Iterator[Volume]:
        for index in range(VOLUMES):
            rng = np.random.default_rng([self.seed, SPLITS.index(split), index])
            yield Volume(str(self.name), f"phantom_{self.subset}_{split}{index}", make_phantom(self.subset, shape, rng))


def make_phantom(kind: str, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Return (D, H, W) voxels: uint8 for `kind` "em", uint16 below 4096 for "ct".

    Raises AiwaveError for other kinds.
    """
    if kind == "em":
        from .neuropil import neuropil

        return neuropil(shape, rng)
    if kind == "ct":
        from .chest import chest

        return chest(shape, rng)
    raise AiwaveError(f"There is no phantom {kind!r}: set dataset.subset to em or ct.")
