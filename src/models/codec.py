"""The whole codec: transform, quantiser, entropy model and post-processing as one differentiable function."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .entropy import EntropyModel
from .quantize import straight_through_round
from .rate import Rate
from .subbands import Subbands, band_names
from .transform import WaveletTransform

COEFFICIENT_LIMIT = 1e6


@dataclass(frozen=True)
class Coded:
    """What coding a batch gives.

    `x_hat` (B, 1, D, H, W) is the reconstruction in intensity units; `bits` (B, bands) the estimated code length of
    every subband, in the order of `band_names`.
    """

    x_hat: Tensor
    bits: Tensor

    @property
    def bpp(self) -> Tensor:
        """Bits per voxel of every volume, (B,)."""
        return self.bits.sum(dim=1) / self.x_hat[0].numel()


class WaveletCodec(nn.Module):
    """aiWave (arXiv 2203.05822): trained wavelet transform, uniform quantiser, entropy model, post-processing.

    Its four children are the components that stages freeze by name: `transform`, `rate`, `entropy`, `post`.
    `post(x, step)` filters the reconstruction.
    """

    def __init__(self, transform: WaveletTransform, rate: Rate, entropy: EntropyModel, post: nn.Module) -> None:
        super().__init__()
        self.transform = transform
        self.rate = rate
        self.entropy = entropy
        self.post = post

    @property
    def name(self) -> str:
        """Transform and entropy model, such as `affine_context`."""
        return f"{self.transform.kind}_{self.entropy.kind}"

    @property
    def band_names(self) -> list[str]:
        """The subbands in coding order."""
        return band_names(self.transform.levels)

    def forward(self, x: Tensor, step: Tensor) -> Coded:
        """Code (B, 1, D, H, W), raw intensities, with quantisation steps (B,) in the same units."""
        q = self.analyse(x, step)
        return Coded(self.synthesise(q, step, x.shape[2:]), self.entropy(q, step))

    def analyse(self, x: Tensor, step: Tensor) -> Subbands:
        """Transform and quantise: (B, 1, D, H, W) -> subbands of integers (as float; gradient passes straight)."""
        width = step.view(-1, 1, 1, 1, 1)
        limit = COEFFICIENT_LIMIT
        return self.transform(x).map(lambda band: straight_through_round(band.clamp(-limit, limit) / width))

    def synthesise(self, q: Subbands, step: Tensor, size: Sequence[int]) -> Tensor:
        """Dequantise, invert the transform, post-process: -> (B, 1, *size) in intensity units."""
        width = step.view(-1, 1, 1, 1, 1)
        x_hat = self.transform.inverse(q.map(lambda band: band * width), size)
        return self.post(x_hat, step)
