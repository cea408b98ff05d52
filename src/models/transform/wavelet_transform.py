"""The wavelet-like transform of a volume, real-valued and reversible."""

from functools import partial
from typing import Protocol, cast

from torch import Tensor, nn

from ...bounds import Levels
from ..subbands import Subbands
from .layout import Boundary, LearnedSteps, Sharing, transform_kind
from .lifting import LiftingScheme
from .reversible_lifting import IntegerScheme, ReversibleLifting
from .separable import SeparableTransform
from .wavelets import Wavelet


class NetMaker(Protocol):
    """Makes the network of a lifting step with or without a scale, such as a partial `LiftingNet`."""

    def __call__(self, *, scale: nn.Module | None) -> nn.Module:
        """A network as `LiftingNet` is one; `scale` makes factors of its raw scale field (None: additive)."""


class WaveletTransform(SeparableTransform):
    """Separable multi-level transform with trained lifting steps (aiWave, section III).

    Reconstruction is perfect for any weights. `net` creates the net of one lifting step: `net(scale=...)` (None: the
    plain wavelet). `scale` maps its raw scale field to a factor (None: additive lifting; a module such as
    `BoundedScale`: affine). All variants are equal at initialisation. With `learned` "last", a hybrid transform, only
    the last predict and update step have nets: half the parameters and arithmetic.

    `reversible` rounds the increment of every step and omits the gains (see `ReversibleTransform`): integers below
    2**24 are mapped to integers, in the dtype of the volume, and reconstructed exactly. The weights are those of the
    lossy transform. Raises ValueError if an affine transform is requested to be reversible.
    """

    def __init__(
        self,
        wavelet: Wavelet | str = Wavelet.CDF97,
        levels: Levels = 2,
        sharing: Sharing | str = Sharing.ISOTROPIC,
        boundary: Boundary | str = Boundary.SYMMETRIC,
        trainable_taps: bool = False,
        net: NetMaker | None = None,
        scale: nn.Module | None = None,
        reversible: bool = False,
        learned: LearnedSteps | str = LearnedSteps.ALL,
    ) -> None:
        learned = LearnedSteps(learned)
        self.affine = net is not None and scale is not None
        if reversible and self.affine:
            raise ValueError("affine lifting is not reversible on integers: for lossless coding use additive or cdf53")
        make_net = None if net is None else partial(net, scale=scale)
        scheme = ReversibleLifting if reversible else LiftingScheme
        super().__init__(
            levels,
            Sharing(sharing),
            lambda: scheme(Wavelet(wavelet), Boundary(boundary), trainable_taps, make_net, learned),
        )
        if self.sharing is Sharing.SECTIONS:
            cast(LiftingScheme, self.schemes[0]).make_lazy()
        self.learned = learned
        self.kind = transform_kind(str(wavelet), net is not None, self.affine, learned)
        self.reversible = reversible


class ReversibleTransform(SeparableTransform):
    """An additive transform whose lifting steps add integers, without gains; it shares the weights of `transform`.

    With CDF 5/3 it is the reversible transform of JPEG 2000 (ISO/IEC 15444-1, annex F.4.8.1). Integers are represented
    exactly, in float64; increments are computed in the dtype of the weights. The inverse recomputes them, so it is
    exact if the same machine, dtype and gradient mode computes both. The gradient passes straight through the rounding.

    Raises ValueError for affine lifting.
    """

    def __init__(self, transform: WaveletTransform) -> None:
        if transform.affine:
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
