"""Learned monotone function as the cumulative distribution of a coefficient."""

import torch
import torch.nn.functional as F
from torch import Tensor

WIDTHS = (1, 3, 3, 3, 3, 1)
SHAPES = tuple(zip(WIDTHS[1:], WIDTHS[:-1], strict=True))
MATRICES = [rows * columns for rows, columns in SHAPES]
BIASES = [rows for rows, _ in SHAPES]
GATES = BIASES[:-1]
PARAMETERS = sum(MATRICES) + sum(BIASES) + sum(GATES)
FLOOR = 1e-9


def monotone_cdf(x: Tensor, parameters: Tensor) -> Tensor:
    """F(x) between 0 and 1, monotone in x: x (...) and parameters (..., 58) -> (...).

    Source: Ballé et al., "Variational image compression with a scale hyperprior" (2018), section 6.1, with the
    parameters predicted for every coefficient (aiWave): first all matrices (made positive by softplus), then all
    biases, then the gates. v <- H v + b, then v <- v + tanh(a) tanh(v) except at the end, then the logistic function.
    """
    matrices, biases, gates = parameters.split([sum(MATRICES), sum(BIASES), sum(GATES)], dim=-1)
    v = x.unsqueeze(-1)
    layers = zip(SHAPES, F.softplus(matrices).split(MATRICES, -1), biases.split(BIASES, -1), strict=True)
    gate = iter(torch.tanh(gates).split(GATES, -1))
    for (rows, columns), matrix, bias in layers:
        v = (matrix.unflatten(-1, (rows, columns)) @ v.unsqueeze(-1)).squeeze(-1) + bias
        if rows > 1:
            v = v + next(gate) * torch.tanh(v)
    return torch.sigmoid(v.squeeze(-1))


def monotone_bits(x: Tensor, parameters: Tensor, half: Tensor | float) -> Tensor:
    """-log2 [F(x + half) - F(x - half)], at most about 29.9 bits: x (...), parameters (..., 58) -> (...).

    `half` is the half width of the interval around x, such as half a quantisation step, in units of x, broadcastable.
    """
    with torch.autocast(x.device.type, enabled=False):  # the difference below needs every digit
        p = monotone_cdf(x + half, parameters) - monotone_cdf(x - half, parameters)
    return -torch.log2(p.clamp_min(FLOOR))
