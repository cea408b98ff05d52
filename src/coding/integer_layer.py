"""An integer linear layer that floating-point arithmetic computes exactly."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

EXACT = {torch.float32: 2**24, torch.float64: 2**53}
"""Magnitude up to which a type represents every integer: sums below it are exact in any order."""


@dataclass(frozen=True)
class IntegerLayer:
    """out = floor((weight^T x + bias) / 2**shift), all in integers.

    `weight` is (K, N) int16, `bias` (N,) int64 (it includes half a unit of the result, so that floor rounds), `shift`
    (N,) int64. Inputs are integers of magnitude at most `limit`, so |bias| + sum |weight| * limit bounds every partial
    sum of an output; `dtype` is a type in which these sums are exact. Outputs must fit float32. Raises ValueError for
    layers without such a bound.
    """

    weight: Tensor
    bias: Tensor
    shift: Tensor
    limit: int
    dtype: torch.dtype = field(init=False)
    operands: tuple[Tensor, Tensor, Tensor] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the bound of every output channel, choose the type and bring weight, bias and 2**-shift into it."""
        size, outputs = self.weight.shape
        shapes_fit = self.bias.shape == self.shift.shape == (outputs,) and size < 2**20 and outputs > 0
        small = shapes_fit and int(self.weight.abs().max()) < 2**15 and int(self.bias.abs().max()) < 2**53
        if not (small and 0 <= self.limit < 2**24 and 0 <= int(self.shift.min()) <= int(self.shift.max()) < 63):
            raise ValueError("weights, biases, shifts and limit of an integer layer do not fit together")
        worst = int(self.bounds.max())
        fitting = [dtype for dtype, exact in EXACT.items() if worst < exact]
        if not fitting:
            raise ValueError(f"an output of the layer may reach {worst}, beyond what float64 holds exactly")
        if self.reach >= EXACT[torch.float32]:
            raise ValueError(f"an output of the layer may reach {self.reach}, beyond what float32 holds exactly")
        factor = torch.tensor([2.0**-n for n in self.shift.tolist()], dtype=fitting[0])
        object.__setattr__(self, "dtype", fitting[0])
        object.__setattr__(self, "operands", (self.weight.to(fitting[0]), self.bias.to(fitting[0]), factor))

    @property
    def bounds(self) -> Tensor:
        """Bound of every partial sum of an output in magnitude, (N,) int64."""
        return self.weight.long().abs().sum(dim=0) * self.limit + self.bias.abs()

    @property
    def reach(self) -> int:
        """Bound of every output in magnitude."""
        return int((self.bounds >> self.shift).max()) + 1

    def __call__(self, x: Tensor) -> Tensor:
        """(rows, K) -> (rows, N), float32 integers."""
        return self.finish(torch.addmm(self.operands[1], x.to(self.dtype), self.operands[0]))

    def accumulate(self, x: Tensor, first: int) -> Tensor:
        """Contribution of inputs `first` to `first` + k to the sum before `finish`: (rows, k) -> (rows, N), `dtype`."""
        return x.to(self.dtype) @ self.operands[0][first : first + x.shape[1]]

    def finish(self, total: Tensor) -> Tensor:
        """Sums that include the bias -> outputs."""
        return total.mul_(self.operands[2]).floor_().to(torch.float32)


def quantised_layer(
    weight: Tensor,
    bias: Tensor | None,
    fractions: tuple[int, int],
    limit: int,
    bits: tuple[int, int] = (8, 5),
) -> IntegerLayer:
    """Round a float layer, `weight` (N, K) and `bias` (N,).

    `fractions` are the fractional bits of input and output. The weights of an output channel count in units of a power
    of two, so that scaling back is a shift: the finest unit with which the largest weight has `bits[0]` bits and
    float32 is exact, but with no fewer than `bits[1]` bits; otherwise the layer is computed in float64. Raises
    ValueError for weights that are too large.
    """
    most, least = bits
    weight = weight.detach().double()
    offset = torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias.detach().double()
    largest = weight.abs().amax(dim=1).clamp_min(2.0**-16)
    finest = torch.floor(torch.log2((2 ** (most - 1) - 0.5) / largest)).long()
    coarsest = (fractions[1] - fractions[0]) * torch.ones_like(finest)
    if bool((finest < coarsest).any()):
        raise ValueError(f"weights up to {largest.max():g} are too large for {most} bits")
    exponent = finest
    for _ in range(most - least + 1):
        layer = _rounded_layer(weight, offset, exponent, fractions, limit)
        too_large = layer.bounds >= EXACT[torch.float32]
        if not bool(too_large.any()):
            return layer
        exponent = torch.maximum(exponent - too_large.long(), coarsest)
    return _rounded_layer(weight, offset, finest, fractions, limit)


def _rounded_layer(
    weight: Tensor, offset: Tensor, exponent: Tensor, fractions: tuple[int, int], limit: int
) -> IntegerLayer:
    """The layer with weights in units of 2**-exponent, (N,)."""
    shift = exponent + fractions[0] - fractions[1]
    values = torch.round(weight * 2.0 ** exponent[:, None]).to(torch.int16)
    half = torch.where(shift > 0, 2 ** (shift - 1).clamp_min(0), 0)
    bias = torch.round(offset * 2.0 ** (exponent + fractions[0])).long() + half
    return IntegerLayer(values.T.contiguous(), bias, shift, limit)
