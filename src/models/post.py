"""Post-filters that reduce quantisation errors in the reconstruction."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..bounds import LayersOrNone, Positive, Width, known
from .conv import Conv3d, zero_initialised


class PostFilter(nn.Module):
    """Residual 3-D CNN conditioned on the quantisation step.

    Its inputs are the reconstruction minus its local mean, in steps and compressed by asinh, and the logarithm of the
    nearest step `known` from training; `layers` inner convs of `channels`. The last conv is initialised to zero, so the
    filter starts as the identity. Its output is in steps, so that one filter serves all rates.
    """

    def __init__(self, channels: Width, layers: LayersOrNone) -> None:
        super().__init__()
        inner = [nn.Sequential(nn.ReLU(), Conv3d(channels, channels)) for _ in range(layers)]
        self.first = Conv3d(2, channels)
        self.inner = nn.Sequential(*inner)
        self.last = nn.Sequential(nn.ReLU(), zero_initialised(Conv3d(channels, 1)))

    def forward(self, x: Tensor, step: Tensor, known: Tensor) -> Tensor:
        """(B, 1, D, H, W) in intensity units and steps (B,) -> the filtered volume, same shape and dtype."""
        width = step.view(-1, 1, 1, 1, 1)
        detail = torch.asinh((x - local_mean(x)) / width)
        condition = torch.log(known).view_as(width).expand_as(x)
        first = self.first(torch.cat((detail, condition), dim=1))
        return x + width * self.last(first + self.inner(first))


class PublishedPost(nn.Module):
    """The published filter (aiWave, section III), not conditioned on step or rate.

    conv 1 -> `channels`, `layers` residual blocks, conv, plus the first conv's output, conv to 1, plus the input, on
    x / (`intensity_scale` - 1) - 1/2. Published sizes: 64 channels, 6 blocks, scale 256. Raises ValueError while
    `intensity_scale` is None, as in a configuration before its data are read.
    """

    def __init__(self, channels: Width, layers: LayersOrNone, intensity_scale: Positive | None = 256.0) -> None:
        super().__init__()
        self.peak = known(intensity_scale) - 1
        self.first = Conv3d(1, channels)
        self.inner = nn.ModuleList(
            nn.Sequential(Conv3d(channels, channels), nn.ReLU(), Conv3d(channels, channels)) for _ in range(layers)
        )
        self.collect = Conv3d(channels, channels)
        self.last = Conv3d(channels, 1)

    def forward(self, x: Tensor, step: Tensor, known: Tensor) -> Tensor:
        """(B, 1, D, H, W) in intensity units -> the filtered volume, same shape and dtype. Steps are not used."""
        return (self.normalised(x / self.peak - 0.5) + 0.5) * self.peak

    def normalised(self, x: Tensor) -> Tensor:
        """The filter for intensities normalised to -1/2 to 1/2."""
        start = hidden = self.first(x)
        for block in self.inner:
            hidden = hidden + block(hidden)
        return x + self.last(self.collect(hidden) + start)


class NoPost(nn.Module):
    """No filter: the reconstruction, unchanged."""

    def forward(self, x: Tensor, step: Tensor, known: Tensor) -> Tensor:
        """Return (B, 1, D, H, W) unchanged."""
        return x


def local_mean(x: Tensor, size: int = 5) -> Tensor:
    """Mean over a cube of `size` voxels, with replicate padding. (B, C, D, H, W) -> the same shape."""
    return F.avg_pool3d(F.pad(x, [size // 2] * 6, mode="replicate"), size, stride=1)
