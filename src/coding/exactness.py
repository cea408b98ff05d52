"""Checks that float32 products are float32 products."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import AiwaveError
from ..models.conv import conv3d


@cache
def _probe() -> tuple[Tensor, Tensor, Tensor]:
    """Integers whose products need 24 bits, and the sums of them: (256, 448), (448, 32), (256, 32) float32."""
    x = (torch.arange(256 * 448) * 7919 % 2048).view(256, 448)
    weight = (torch.arange(448 * 32) * 31 % 15 - 7).view(448, 32)
    return x.float(), weight.float(), (x @ weight).float()


@cache
def _volume_probe() -> tuple[Tensor, Tensor, Tensor]:
    """(2, 16, 6, 7, 8), a kernel (16, 16, 3, 3, 3) and what they give, integers that need 24 bits, as float32."""
    x = (torch.arange(2 * 16 * 336) * 7919 % 1025 - 512).view(2, 16, 6, 7, 8)
    weight = (torch.arange(16 * 432) * 31 % 127 - 63).view(16, 16, 3, 3, 3)
    patches = F.pad(x, [1] * 6).unfold(2, 3, 1).unfold(3, 3, 1).unfold(4, 3, 1)
    rows = patches.permute(0, 2, 3, 4, 1, 5, 6, 7).reshape(-1, 432)
    result = (rows @ weight.flatten(1).T).view(2, 6, 7, 8, 16).permute(0, 4, 1, 2, 3)
    return x.float(), weight.float(), result.float()


@torch.no_grad()
def require_exact_convolutions() -> None:
    """Raise AiwaveError where a convolution rounds: its inputs, or in a transformed domain."""
    x, weight, expected = _volume_probe()
    both, single = (conv3d(part, weight, None, [1] * 3) for part in (x, x[:1]))
    if not (torch.equal(both, expected) and torch.equal(single, expected[:1])):
        raise AiwaveError(
            "Convolutions are not exact here, so files cannot be coded: "
            "call torch.set_float32_matmul_precision('highest')."
        )


def require_exact_products() -> None:
    """Raise AiwaveError where PyTorch is set to round the inputs of matrix products (to bfloat16 or TF32)."""
    x, weight, expected = _probe()
    if not torch.equal(torch.addmm(torch.zeros(32), x, weight), expected):
        raise AiwaveError(
            "Matrix products are not exact here, so files cannot be coded: "
            "call torch.set_float32_matmul_precision('highest')."
        )
