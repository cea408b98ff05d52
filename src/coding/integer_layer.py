"""An integer linear layer that floating-point arithmetic computes exactly."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..models.bands import BANDS
from .constants import CUBE, DOUBLE, SINGLE

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """out = floor((weight^T x + bias) / 2**shift), all in integers.

    `weight` is (K, N) of 16 bits, `bias` (N,) int64 (it includes half a unit of the result, so that floor rounds),
    `shift` (N,) int64. Inputs are integers of magnitude at most `limit`, so |bias| + sum |weight| * limit bounds every
    partial sum of an output; in `dtype`, float32 or float64, these sums are exact. Outputs must fit float32. Raises
    ValueError for layers without such a bound.

    The methods are those of the reference, in PyTorch.
    """

    weight: np.ndarray
    bias: np.ndarray
    shift: np.ndarray
    limit: int

    def __post_init__(self) -> None:
        """Check the bound of every output channel."""
        size, outputs = self.weight.shape
        shapes_fit = self.bias.shape == self.shift.shape == (outputs,) and 0 < size < 2**20 and outputs > 0
        small = shapes_fit and _largest(self.weight) < 2**15 and _largest(self.bias) < DOUBLE
        if not (small and 0 <= self.limit < SINGLE and 0 <= int(self.shift.min()) <= int(self.shift.max()) < 63):
            raise ValueError("weights, biases, shifts and limit of an integer layer do not fit together")
        worst = int(self.bounds.max())
        if worst >= DOUBLE:
            raise ValueError(f"an output of the layer may reach {worst}, beyond what float64 holds exactly")
        if self.reach >= SINGLE:
            raise ValueError(f"an output of the layer may reach {self.reach}, beyond what float32 holds exactly")

    @cached_property
    def bounds(self) -> np.ndarray:
        """Bound of every partial sum of an output in magnitude, (N,) int64."""
        return np.abs(self.weight.astype(np.int64)).sum(axis=0) * self.limit + np.abs(self.bias.astype(np.int64))

    @property
    def reach(self) -> int:
        """Bound of every output in magnitude."""
        return int((self.bounds >> self.shift).max()) + 1

    @cached_property
    def dtype(self) -> "torch.dtype":
        """The type in which sums are exact."""
        import torch

        return torch.float32 if int(self.bounds.max()) < SINGLE else torch.float64

    @cached_property
    def operands(self) -> "tuple[Tensor, Tensor, Tensor]":
        """Weight, bias and 2**-shift in this type."""
        import torch

        factor = np.ldexp(1.0, -self.shift.astype(np.int32))
        weight, bias, factors = (torch.tensor(part, dtype=self.dtype) for part in (self.weight, self.bias, factor))
        return weight, bias, factors

    def __call__(self, x: "Tensor") -> "Tensor":
        """(rows, K) -> (rows, N), float32 integers."""
        weight, bias, _ = self.operands
        return self.finish(bias.addmm(x.to(self.dtype), weight))

    def accumulate(self, x: "Tensor", first: int) -> "Tensor":
        """Contribution of inputs `first` to `first` + k to the sum before `finish`: (rows, k) -> (rows, N), `dtype`."""
        return x.to(self.dtype) @ self.operands[0][first : first + x.shape[1]]

    def finish(self, total: "Tensor") -> "Tensor":
        """Sums that include the bias -> outputs."""
        return total.mul_(self.operands[2]).floor_().float()


def by_tap(layer: IntegerLayer) -> IntegerLayer:
    """A layer over bands coded before, its inputs reordered from (band, tap) to (tap, band), for four bands or all."""
    by_band = layer.weight.reshape(-1, CUBE, layer.weight.shape[1])
    width = BANDS if len(by_band) > BANDS // 2 else BANDS // 2
    weight = np.zeros((CUBE, width, by_band.shape[-1]), by_band.dtype)
    weight[:, : len(by_band)] = by_band.swapaxes(0, 1)
    return replace(layer, weight=weight.reshape(CUBE * width, -1))


def _largest(array: np.ndarray) -> int:
    """The largest magnitude of an integer array, which has entries."""
    return max(-int(array.min()), int(array.max()))


Integers = TypeVar("Integers", bound=Any)


def rounded_shift(x: Integers, shift: int) -> Integers:
    """Integers x / 2**shift, an array or a tensor, to the nearest integer, halves up."""
    return (x + (1 << shift >> 1)) >> shift
