"""The network of a lifting step, which predicts an additive shift and, for the affine transform, a scale."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from ..bounds import Count, Positive, known
from .conv import Conv3d, zero_initialised

Padding = Literal["zeros", "reflect", "replicate"]


class LiftingNet(nn.Module):
    """Residual 3-D CNN of a lifting step (aiWave, arXiv 2203.05822, section III).

    conv 1 -> `channels`, then `depth` convs, plus the first conv's output, then one conv to the shift; `activation`
    before each inner conv. The input is divided by `intensity_scale`, the output multiplied by it and by `damping`.
    The last conv is initialised to zero, so the step starts as the fixed wavelet.

    With `scale` (a module such as `BoundedScale`) a second zero-initialised conv outputs the raw scale field.
    `padding` is that of the inner convs, `input_padding` that of the first (modes of `torch.nn.Conv3d`). Raises
    ValueError while `intensity_scale` is None, as in a configuration before its data are read.
    """

    def __init__(
        self,
        channels: Count,
        depth: Count,
        activation: Callable[[], nn.Module],
        intensity_scale: Positive | None,
        damping: Positive = 0.1,
        padding: Padding = "zeros",
        input_padding: Padding = "replicate",
        scale: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.intensity_scale = known(intensity_scale)
        self.damping = damping
        self.first = Conv3d(1, channels, padding=input_padding)
        layers = [nn.Sequential(activation(), Conv3d(channels, channels, padding=padding)) for _ in range(depth)]
        self.inner = nn.Sequential(*layers)
        self.shift_head = zero_initialised(Conv3d(channels, 1, padding=padding))
        self.scale_head = zero_initialised(Conv3d(channels, 1)) if scale is not None else None
        self.scale = scale
        if self.scale_head is not None and self.scale_head.bias is not None:
            nn.init.constant_(self.scale_head.bias, getattr(scale, "initial_raw", 0.0))

    def forward(self, skip: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, 1, D, H, W) in intensity units -> shift in intensity units and scale (None: additive), same shape."""
        first = self.first(skip / self.intensity_scale)
        features = first + self.inner(first)
        shift = self.shift_head(features) * (self.intensity_scale * self.damping)
        if self.scale is None or self.scale_head is None:
            return shift, None
        return shift, self.scale(self.scale_head(features))
