"""Random crops that depend on nothing but seed, epoch and index."""

from collections.abc import Sequence

import numpy as np
import torch
from monai.data.dataset import CacheDataset
from monai.transforms.compose import Compose
from monai.transforms.croppad.dictionary import RandSpatialCropd
from monai.transforms.spatial.dictionary import RandFlipd, RandRotate90d
from monai.transforms.utility.dictionary import EnsureChannelFirstd, EnsureTyped
from torch.utils.data import Dataset

from .fits import check_fits
from .volume import Volume

KEY = "image"


class CropDataset(Dataset[dict[str, torch.Tensor]]):
    """Random crops of volumes held in memory.

    Item (e, i) is the i-th crop of epoch e: {"image": float32 (1, d, h, w)}, raw intensities. It depends on
    (seed, e, i) alone, whatever worker makes it. A volume is chosen with probability proportional to its
    voxels, the crop's place uniformly in it. With `augment`, crops are flipped along each axis and, if square
    in plane, turned by right angles in (y, x).

    Raises AiwaveError for a volume smaller than `crop` (d, h, w), in voxels.
    """

    def __init__(
        self, volumes: Sequence[Volume], crop: Sequence[int], seed: int, length: int, augment: bool = True
    ) -> None:
        for volume in volumes:
            check_fits(volume.file, volume.shape, crop)
        sizes = np.array([volume.voxels.size for volume in volumes], dtype=np.float64)
        self._probabilities = sizes / sizes.sum()
        self._seed = seed
        self._length = length
        self._random = _random_transforms(crop, augment)
        # cached tensors share the memory and dtype of the volumes: crops become float32, not volumes
        self._cached = CacheDataset(
            [{KEY: torch.from_numpy(volume.voxels)} for volume in volumes],
            Compose([EnsureChannelFirstd(KEY, channel_dim="no_channel")]),
            num_workers=1,
            progress=False,
            copy_cache=False,
            as_contiguous=False,
        )

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, key: tuple[int, int]) -> dict[str, torch.Tensor]:
        epoch, index = key
        sequence = np.random.SeedSequence([self._seed, epoch, index])
        state = np.random.RandomState(np.random.MT19937(sequence))
        volume = int(state.choice(len(self._probabilities), p=self._probabilities))
        self._random.set_random_state(state=state)
        image = self._random(self._cached[volume])[KEY]
        return {KEY: image.as_tensor().contiguous()}


def _random_transforms(crop: Sequence[int], augment: bool) -> Compose:
    """Crop, make float32 and, with `augment`, flip and turn (1, D, H, W) tensors; voxels are only moved."""
    steps = [
        RandSpatialCropd(KEY, roi_size=tuple(crop), random_center=True, random_size=False),
        EnsureTyped(KEY, dtype=torch.float32),
    ]
    if augment:
        steps += [RandFlipd(KEY, prob=0.5, spatial_axis=axis) for axis in range(3)]
        if crop[1] == crop[2]:
            # three of the four right-angle turns are not the identity
            steps.append(RandRotate90d(KEY, prob=0.75, max_k=3, spatial_axes=(1, 2)))
    return Compose(steps)
