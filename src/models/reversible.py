"""Reversible integer transform from a trained one."""

from typing import cast

from torch import Tensor, nn

from .lifting import LiftingScheme
from .reversible_lifting import IntegerScheme
from .separable import SeparableTransform
from .subbands import Subbands
from .transform import WaveletTransform


class ReversibleTransform(SeparableTransform):
    """An additive transform whose lifting steps add integers, without gains; it shares the weights of `transform`.

    With CDF 5/3 it is the reversible transform of JPEG 2000 (ISO/IEC 15444-1, annex F.4.8.1). Integers are represented
    exactly, in float64; increments are computed in the dtype of the weights. The inverse recomputes them, so it is
    exact if the same machine, dtype and gradient mode computes both. The gradient passes straight through the rounding.

    Raises ValueError for affine lifting.
    """

    def __init__(self, transform: WaveletTransform) -> None:
        if transform.kind == "affine":
            raise ValueError("affine lifting is not reversible on integers: for lossless coding use additive or cdf53")
        wrapped = (cast(LiftingScheme, scheme) for scheme in transform.schemes)
        super().__init__(transform.levels, transform.sharing, lambda: SharedScheme(next(wrapped)))

    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W), integers of any dtype -> subbands of integers as float64; any size."""
        return super().forward(x.double())


class SharedScheme(IntegerScheme):
    """Scheme that borrows the steps of another scheme, which keeps owning them."""

    def __init__(self, scheme: LiftingScheme) -> None:
        super().__init__(scheme.lifting_steps())
        self.scheme: nn.Module = scheme
