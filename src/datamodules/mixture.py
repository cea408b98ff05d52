"""Mixtures of data sets."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .crops import Item
from .folder import FolderDataModule
from .volume import Volume
from .volume_datamodule import VolumeDataModule


class MixtureDataModule(VolumeDataModule):
    """The sets named by `subset`, joined by "+", each read by `FolderDataModule` from the same root.

    Training crops come from every set equally often, whatever its size, or N times as often from a set named NAME*N.
    Each set holds out its own voxels for validation. Sets of 8 and of 16 bits can be mixed only if `peak` is given,
    since PSNR needs a common one.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._options = options
        if len(set(self.subsets)) < len(self.subsets) or not all(self.subsets):
            raise AiwaveError(f"dataset.subset is {self.subset!r}: join the names of different sets by +, as in em+ct.")
        if not all(share.isdecimal() and int(share) for share in self._shares):
            raise AiwaveError(
                f"dataset.subset is {self.subset!r}: a set counts a whole number of times, as in em*3+ct."
            )

    @property
    def subsets(self) -> list[str]:
        """The names of the sets."""
        return [part.partition("*")[0] for part in self.subset.split("+")]

    @property
    def _shares(self) -> list[str]:
        return [part.partition("*")[2] or "1" for part in self.subset.split("+")]

    @cached_property
    def parts(self) -> list[FolderDataModule]:
        """A data module for every set."""
        return [FolderDataModule(**self._options | {"subset": name, "name": name}) for name in self.subsets]

    def items(self) -> tuple[list[Item], list[Item]]:
        """The volumes of all sets, weighted so that every set counts equally."""
        training: list[Item] = []
        validation: list[Item] = []
        for part, share in zip(self.parts, self._shares, strict=True):
            kept, held = part.items()
            training += _weighing(int(share), kept)
            validation += _weighing(1, held)
        return training, validation

    def training_volumes(self) -> Iterator[Volume]:
        """Yield the training volumes, set by set."""
        return chain.from_iterable(part.training_volumes() for part in self.parts)

    def test_volumes(self) -> Iterator[Volume]:
        """Yield the test volumes, set by set; sets without any are only trained on.

        Raises AiwaveError if no set has one.
        """
        tested = [part for part in self.parts if part.has_test_volumes]
        return chain.from_iterable(part.test_volumes() for part in tested or self.parts)

    def identity(self) -> str:
        """Hash of the sets' hashes."""
        return hashlib.sha256("\n".join(part.identity() for part in self.parts).encode()).hexdigest()

    def check_depth(self, file: str, dtype: np.dtype) -> None:
        """See `VolumeDataModule.check_depth`; bit depths may differ if the peak is given."""
        if self._options["peak"] is None:
            super().check_depth(file, dtype)


def _weighing(share: int, items: list[Item]) -> list[Item]:
    """The items of a set, with weights such that its voxels together weigh `share`."""
    voxels = float(sum(np.prod(item.shape) for item in items))
    return [replace(item, weight=share / voxels) for item in items]
