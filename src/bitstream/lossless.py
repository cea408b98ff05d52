"""Transforms from integers to integers, for lossless files."""

from typing import Protocol

import torch
from torch import Tensor

from ..errors import AiwaveError
from ..models.subbands import Subbands
from ..models.transform.boundary import Boundary
from ..models.transform.wavelet_transform import ReversibleTransform, WaveletTransform


class LosslessTransform(Protocol):
    """Integers to integers and back, the same on every machine.

    LLL of a flat volume is the volume's intensity, nearly so with networks.
    """

    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W) integers as float64 -> subbands of integers, as float64 or int64."""

    def inverse(self, subbands: Subbands) -> Tensor:
        """Subbands, or just the coarsest levels of them -> integers (B, 1, D, H, W), as float64 or int64."""


def lossless_transform(transform: WaveletTransform) -> LosslessTransform:
    """The exact form of the transform of a lossy model. Raises AiwaveError if it has none."""
    if transform.kind != "cdf53" or any(p.boundary != Boundary.SYMMETRIC for p in _steps(transform)):
        other = (
            "train one with experiment=lossless, or take one with transform=cdf53"
            if transform.kind == "affine"
            else "export it with --lossless, or better train one with experiment=lossless"
        )
        raise AiwaveError(
            f"A lossy model with the transform {transform.kind} cannot code lossless files: {other}; "
            "or give a step, PSNR or rate."
        )
    exact = WaveletTransform("cdf53", transform.levels, transform.sharing)
    return ReversibleTransform(exact).to(torch.float64)


def _steps(transform: WaveletTransform) -> list:
    return [step for scheme in transform.schemes for step in scheme.lifting_steps()]  # type: ignore[operator, union-attr]
