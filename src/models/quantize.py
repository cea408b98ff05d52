"""Rounding to integers during training and coding."""

import torch
from torch import Tensor


def straight_through_round(x: Tensor) -> Tensor:
    """Round to the nearest integer; the gradient passes as if nothing had happened. Any shape, same shape and dtype.

    Source: Bengio et al., "Estimating or propagating gradients through stochastic neurons" (2013).
    """
    return x + (torch.round(x) - x).detach()
