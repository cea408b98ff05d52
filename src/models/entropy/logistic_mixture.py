"""Discretised logistic mixture as the density of an integer coefficient."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def mixture_bits(q: Tensor, logits: Tensor, means: Tensor, log_scales: Tensor, half: Tensor | float = 0.5) -> Tensor:
    """-log2 of the probability of every coefficient, without underflow for unlikely ones.

    `q` is (...), `half` (...) or a number; `logits`, `means`, `log_scales` are (..., K), means and scales in
    quantisation steps. p(q) = sum_k w_k [S((q + half - m_k) / s_k) - S((q - half - m_k) / s_k)] with the logistic
    function S (Salimans et al., "PixelCNN++", 2017). Each difference is computed as S(b) S(-a) (1 - exp(a - b)), whose
    logarithm is accurate in both tails.
    """
    inverse = torch.exp(-log_scales)
    centred = q.unsqueeze(-1) - means
    reach = (half.unsqueeze(-1) if isinstance(half, Tensor) else half) * inverse
    centred = centred * inverse
    log_p = F.logsigmoid(centred + reach) + F.logsigmoid(reach - centred) + torch.log(-torch.expm1(-2 * reach))
    total = torch.logsumexp(log_p + F.log_softmax(logits, dim=-1), dim=-1)
    return total / -math.log(2)
