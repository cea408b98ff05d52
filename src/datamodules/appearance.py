"""Augmentation that makes one scanner's images look like those of others."""

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Len
from torch import Tensor

from ..bounds import Count, NotNegative, Positive, Share
from ..errors import AiwaveError


class Appearance:
    """Random changes of training crops, each applied independently to a fraction `share` of them.

    Intensities are multiplied by a factor, log-uniform in `contrast`; planes are smoothed by a Gaussian of up to `blur`
    voxels; up to `stride` - 1 of every `stride` planes are dropped, as in thick sections. Voxels remain integers.
    """

    def __init__(
        self, share: Share, contrast: Annotated[Sequence[Positive], Len(2, 2)], blur: NotNegative, stride: Count
    ) -> None:
        if not 0 <= share <= 1 or len(contrast) != 2 or not 0 < contrast[0] <= contrast[1] or blur < 0 or stride < 1:
            raise AiwaveError(
                f"appearance has share={share}, contrast={list(contrast)}, blur={blur}, stride={stride}: give a share "
                "between 0 and 1, two increasing positive factors, a blur of at least 0 and a stride of at least 1."
            )
        self.share, self.blur, self.stride = share, blur, stride
        self.log_contrast = math.log(contrast[0]), math.log(contrast[1])

    def thinned(self, volume: Tensor, planes: int, state: np.random.RandomState) -> Tensor:
        """A view of a volume (1, D, H, W) with some planes dropped and at least `planes` kept."""
        most = min(self.stride, volume.shape[1] // planes)
        if self.share == 0 or most < 2 or state.random() >= self.share:
            return volume
        stride = state.randint(2, most + 1)
        return volume[:, state.randint(stride) :: stride] if volume.shape[1] // stride > planes else volume[:, ::stride]

    def __call__(self, crop: Tensor, state: np.random.RandomState) -> Tensor:
        """Augment a crop (1, d, h, w), float32 that holds integers; same shape and dtype."""
        if self.share == 0:
            return crop
        factor = math.exp(state.uniform(*self.log_contrast)) if state.random() < self.share else 1.0
        sigma = state.uniform(0, self.blur) if state.random() < self.share else 0.0
        if factor == 1 and sigma == 0:
            return crop
        if sigma:
            from scipy.ndimage import gaussian_filter

            crop = torch.from_numpy(gaussian_filter(crop.numpy(), (0, 0, sigma, sigma), mode="mirror"))
        return (crop * factor).round_()
