"""Training crops read from a store when they are needed."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from ..stores import StoredArray
from ..stores.stored_array import Box
from .appearance import Appearance
from .crops import KEY, Crop, Item, plain, probabilities, random_moves, random_state

NEAR = 64
"""Crops of a group begin in one cell of this many voxels per side, so that they need few chunks, or tiles of them."""


class StoreCrops(Dataset[list[Crop]]):
    """Random crops of volumes in stores, of which only the chunks that a crop lies in are read.

    Entry (e, i) is the i-th group of `per_read` crops of epoch e, each {"image": float32 (1, d, h, w)}, as those of
    `CropDataset`: it depends on (seed, e, i) alone, and the position of each crop is uniform in its volume, which is
    chosen in proportion to its voxels. The crops of a group lie near each other. With `augment` they are flipped and
    rotated, and passed through `appearance`; one that drops planes is given a box of more planes.
    """

    def __init__(
        self,
        items: Sequence[Item],
        crop: Sequence[int],
        seed: int,
        length: int,
        per_read: int,
        augment: bool = True,
        appearance: Appearance | None = None,
    ) -> None:
        self._items, self._probabilities = items, probabilities(items)
        self._crop, self._seed, self._length, self._per_read = tuple(crop), seed, length, per_read
        self._random = random_moves(crop, 1, augment)
        self._appearance = appearance if augment else None

    def __len__(self) -> int:
        return self._length

    def boxes(self, epoch: int, index: int) -> list[tuple[Item, Box]]:
        """The boxes that entry (epoch, index) reads, with the volumes that they lie in."""
        return self._boxes(random_state(self._seed, epoch, index))

    def __getitem__(self, key: tuple[int, int]) -> list[Crop]:
        state = random_state(self._seed, *key)
        boxes = self._boxes(state)
        self._random.set_random_state(state=state)
        return [{KEY: self._changed(_read(item, box), state)} for item, box in boxes]

    def _boxes(self, state: np.random.RandomState) -> list[tuple[Item, Box]]:
        item = self._items[int(state.choice(len(self._items), p=self._probabilities))]
        planes, *rest = self._crop
        if self._appearance is not None and self._appearance.share > 0:
            planes *= max(1, min(self._appearance.stride, item.shape[0] // planes))
        sides = (planes, *rest)
        ends = [size - side + 1 for size, side in zip(item.shape, sides, strict=True)]
        cell = [int(state.randint(end)) // NEAR * NEAR for end in ends]
        found = []
        for _ in range(self._per_read):
            starts = [int(state.randint(low, min(low + NEAR, end))) for low, end in zip(cell, ends, strict=True)]
            found.append((item, tuple(slice(a, a + side) for a, side in zip(starts, sides, strict=True))))
        return found

    def _changed(self, image: torch.Tensor, state: np.random.RandomState) -> torch.Tensor:
        """The crop of a box (1, D, H, W), augmented."""
        if self._appearance is None:
            return plain(self._random({KEY: image})[0][KEY])
        crop = self._random({KEY: self._appearance.thinned(image, self._crop[0], state)})[0][KEY]
        return self._appearance(plain(crop), state)


def _read(item: Item, box: Box) -> torch.Tensor:
    """A box (1, D, H, W) of a volume in a store, as float32. Raises AiwaveError if it cannot be read."""
    assert isinstance(item.image, StoredArray)
    leading = [slice(0, 1)] * (len(item.image.shape) - 3)
    voxels = item.image.read((*leading, *box))
    return torch.from_numpy(voxels.reshape(1, *voxels.shape[-3:]).astype(np.float32))
