"""Rounding to integers: hard when coding, hard or relaxed by noise in training."""

import torch
from torch import Tensor, nn

from ...bounds import Share


def straight_through_round(x: Tensor) -> Tensor:
    """Round to the nearest integer, with the gradient of the identity. Any shape -> the same shape and dtype.

    Source: Bengio et al., "Estimating or propagating gradients through stochastic neurons" (2013).
    """
    return x + (torch.round(x) - x).detach()


class Rounding(nn.Module):
    """The quantiser. In evaluation mode it always rounds.

    In training, it adds noise, uniform between -1/2 and 1/2, instead of rounding in the first fraction `soft_share` of
    a stage's steps (Ballé et al., "End-to-end optimized image compression", 2017); after that it rounds with a
    straight-through gradient. 0: straight-through throughout; 1: noise throughout; between: soft, then hard (after Guo
    et al., "Soft then hard", 2021, who also freeze the encoder in the hard part). Raises ValueError outside 0..1.

    With `rate_distortion`, hard rounding is done by the codec, in the same way as by an encoder of files (see
    `optimised`).
    """

    def __init__(self, soft_share: Share = 0.0, rate_distortion: bool = False) -> None:
        super().__init__()
        if not 0 <= soft_share <= 1:
            raise ValueError(f"soft_share must be between 0 and 1, not {soft_share}")
        self.soft_share = soft_share
        self.rate_distortion = rate_distortion
        self.done = 0.0
        self.generator: torch.Generator | None = None

    def begin_step(self, done: float, generator: torch.Generator) -> None:
        """Set, before a training step, the fraction of the stage done so far (0 <= `done` < 1) and the noise source."""
        self.done = done
        self.generator = generator

    @property
    def is_soft(self) -> bool:
        """True if the next forward pass adds noise instead of rounding."""
        return self.training and self.done < self.soft_share

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, in quantisation steps -> the same shape and dtype."""
        if not self.is_soft:
            return straight_through_round(x)
        return x + (torch.rand(x.shape, generator=self.generator) - 0.5).to(x)
