"""The scale field of an affine lifting step: mapping of a raw network output to a positive factor."""

import torch
from torch import Tensor, nn

from ..bounds import Positive


class BoundedScale(nn.Module):
    """scale = exp(b * tanh(raw / b)), so exp(-b) < scale < exp(b).

    At raw = 0 it is exactly 1 with derivative 1: an affine step starts as an additive one and can learn immediately,
    and its inverse never divides by less than exp(-b).
    """

    initial_raw = 0.0

    def __init__(self, bound: Positive = 0.5) -> None:
        super().__init__()
        if bound <= 0:
            raise ValueError(f"bound must be positive, not {bound}")
        self.bound = bound

    def forward(self, raw: Tensor) -> Tensor:
        """Any shape -> the same shape and dtype."""
        return torch.exp(self.bound * torch.tanh(raw / self.bound))


class PublishedScale(nn.Module):
    """scale = sigmoid(256 * raw + 2), raw starting at 1 (the published parametrisation, for parity).

    It starts at sigmoid(258) = 1 with a gradient that is exactly 0 in float32, so it never learns from there; elsewhere
    it can come close to 0, where the inverse transform overflows. Train with `BoundedScale` instead.
    """

    initial_raw = 1.0

    def forward(self, raw: Tensor) -> Tensor:
        """Any shape -> the same shape and dtype."""
        return torch.sigmoid(256 * raw + 2)
