"""The codec: transform, quantiser, entropy model and post-filter as one module, and a table of its parameters."""

from dataclasses import dataclass

import torch
from tabulate import tabulate
from torch import Tensor, nn

from .bands import band_names
from .entropy.base import EntropyModel
from .post import NoPost
from .quantisation.rate import LosslessRate, Rate
from .quantisation.rounding import Rounding
from .quantisation.slopes import LOOKS
from .rdo import dependent, optimised
from .subbands import Subbands
from .transform.wavelet_transform import WaveletTransform


def count_parameters(codec: nn.Module) -> dict[str, int]:
    """Number of parameters (trainable or not) of every child that has any, in the order of the children."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in codec.named_children()}
    return {name: count for name, count in counts.items() if count}


def format_parameters(codec: nn.Module) -> str:
    """Plain-text table of `count_parameters`, with the sum in the last line."""
    counts = count_parameters(codec)
    rows = [(name, f"{count:,}") for name, count in [*counts.items(), ("all", sum(counts.values()))]]
    columns = ("component", "parameters")
    return tabulate(rows, columns, tablefmt="plain", disable_numparse=True, colalign=("left", "right"))


LARGEST = 1e6
"""Magnitude to which coefficients are clamped, in intensity units."""


@dataclass(frozen=True)
class Coded:
    """A coded batch.

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
    """aiWave (arXiv 2203.05822): trained wavelet transform, quantiser, entropy model, post-processing.

    Its four children are the components that stages freeze by name: `transform`, `rate`, `entropy`, `post`.
    `post(x, step, known)` filters the reconstruction, `known` being the nearest step of training; `rounding` is the
    rounding in training (default: straight-through).

    With an entropy model that is `dependent`, quantisation is too (see `quantisation/dependent.py`), never softened.

    The codec is lossless with a `LosslessRate`, which needs a reversible transform, `NoPost` and hard rounding; raises
    ValueError for an incompatible combination.
    """

    def __init__(
        self,
        transform: WaveletTransform,
        rate: Rate,
        entropy: EntropyModel,
        post: nn.Module,
        rounding: Rounding | None = None,
    ) -> None:
        super().__init__()
        self.transform = transform
        self.rate = rate
        self.entropy = entropy
        self.post = post
        self.rounding = rounding or Rounding()
        self.lossless = isinstance(rate, LosslessRate)
        hard = self.rounding.soft_share == 0 and not self.rounding.rate_distortion
        fits = transform.reversible and isinstance(post, NoPost) and hard
        if entropy.dependent and (self.lossless or self.rounding.soft_share > 0):
            raise ValueError("dependent quantisation is for lossy coding, with rounding=rate_distortion")
        if self.lossless and not fits:
            raise ValueError("lossless coding needs a reversible transform, no filter and straight-through rounding")
        if transform.reversible and not self.lossless:
            raise ValueError("a reversible transform has no gains, so it is for lossless coding only")

    @property
    def name(self) -> str:
        """Transform and entropy model, such as `affine_context` or `lossless_cdf53_context`."""
        return f"{'lossless_' * self.lossless}{self.transform.kind}_{self.entropy.kind}"

    @property
    def band_names(self) -> list[str]:
        """The subbands in coding order."""
        return band_names(self.transform.levels)

    def forward(self, x: Tensor, step: Tensor) -> Coded:
        """Code (B, 1, D, H, W), raw intensities, with quantisation steps (B,) in the same units.

        Lossless training assumes perfect reconstruction without computing it: that saves a third of the time.
        """
        q = self.analyse(x, step)
        x_hat = x if self.lossless and self.training else self.synthesise(q, step)
        return Coded(x_hat, self.code_length(q, step))

    def analyse(self, x: Tensor, step: Tensor) -> Subbands:
        """Transform and quantise: (B, 1, D, H, W) -> subbands of integers (as float), softened by `rounding`.

        With a `dependent` entropy model they are multiples of 1/2.
        """
        limit = LARGEST
        coefficients = self.transform(x).map(lambda band: band.clamp(-limit, limit))
        exact = coefficients.map_with(torch.div, self.rate.band_steps(step))
        known = self.rate.band_steps(self.rate.known(step))
        if self.entropy.dependent:
            return dependent(self.entropy, exact, known, LOOKS if self.rounding.rate_distortion else 0)
        if self.rounding.rate_distortion and not self.rounding.is_soft:
            return optimised(self.entropy, exact, known)
        return exact.map(self.rounding).existing()

    def code_length(self, q: Subbands, step: Tensor) -> Tensor:
        """Bits of every band, (B, bands), for the output of `analyse` at the steps (B,)."""
        return self.entropy(q, self.rate.band_steps(self.rate.known(step)))

    def synthesise(self, q: Subbands, step: Tensor) -> Tensor:
        """Dequantise, invert the transform and post-process: -> (B, 1, D, H, W) in intensity units."""
        x_hat = self.transform.inverse(q.map_with(torch.mul, self.rate.band_steps(step)))
        return self.post(x_hat, step, self.rate.known(step))
