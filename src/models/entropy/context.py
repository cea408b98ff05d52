"""One small causal network for the coefficients of every subband and every rate."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conv import CausalConv3d, Conv3d
from ..post import local_mean
from ..subbands import BAND_LETTERS, Subbands
from ..transform import WaveletTransform
from .logistic_mixture import mixture_bits
from .prediction import BandPredictor

BANDS = len(BAND_LETTERS)


class ContextEntropy(nn.Module):
    """Autoregressive model shared by all bands, from coarse to fine, conditioned on the quantisation step.

    A coefficient's density depends on what the decoder already has: the band's own coefficients before it in raster
    order (masked convs), the bands of the same level coded before, and a reconstruction of the coarser levels. The
    reconstruction is that of the plain wavelet, so that the densities follow from the coded integers and the step
    alone, whatever transform is trained. Bands differ by embeddings; the density is a mixture of `mixtures` logistics
    around a causal linear prediction.
    """

    kind = "context"

    def __init__(self, levels: int, channels: int, layers: int, mixtures: int) -> None:
        super().__init__()
        self.levels = levels
        self.coarse = nn.Sequential(Conv3d(2, channels), nn.ReLU(), Conv3d(channels, channels))
        self.siblings = Conv3d(BANDS, channels)
        self.own = CausalConv3d(1, channels, include_centre=False)
        self.band = nn.Embedding(levels * BANDS, channels)
        self.band_step = _zero_embedding(levels * BANDS, channels)
        self.blocks = nn.ModuleList(CausalConv3d(channels, channels, include_centre=True) for _ in range(layers))
        self.mix = Conv3d(channels, channels, kernel=1)
        self.head = Conv3d(channels, 3 * mixtures, kernel=1)
        self.band_head = _zero_embedding(levels * BANDS, 3 * mixtures)
        self.prediction = BandPredictor(levels * BANDS)
        self.synthesis = WaveletTransform(levels=1)

    def forward(self, q: Subbands, step: Tensor) -> Tensor:
        """Quantised subbands and steps (B,) -> bits of every band, (B, bands)."""
        return torch.cat([bits.sum(dim=(2, 3, 4)) for bits in self.coefficient_bits(q, step)], dim=1)

    def coefficient_bits(self, q: Subbands, step: Tensor) -> list[Tensor]:
        """Quantised subbands and steps (B,) -> bits of every coefficient, shaped as `q.level_stacks()`."""
        bits = []
        approx: Tensor | None = None
        for level, stack in enumerate(q.level_stacks()):
            bits.append(self.level_bits(level, stack, approx, step))
            if level + 1 < self.levels:
                low = stack[:, :1] if approx is None else approx
                approx = self.synthesis.inverse(Subbands(low, (stack[:, -(BANDS - 1) :],)))
        return bits

    def level_bits(self, level: int, stack: Tensor, approx: Tensor | None, step: Tensor) -> Tensor:
        """Bits of every coefficient of one level, (B, n, d, h, w).

        `stack` (B, n, d, h, w) holds the level's bands in quantisation steps, n = 8 at the coarsest level (0) and 7
        at the others; `approx` (B, 1, d, h, w), in steps, reconstructs what is coarser (None at level 0).
        """
        ids = torch.arange(BANDS - stack.shape[1], BANDS, device=stack.device) + level * BANDS
        features = self._own_and_siblings(stack) + self._conditions(ids, step, stack)
        if approx is not None:
            features = features + self._coarser(approx).unsqueeze(1)
        logits, means, log_scales = self._density(features, ids).chunk(3, dim=-1)
        predicted = self.prediction(stack, ids).unsqueeze(-1)
        means = predicted + means * log_scales.exp()
        return mixture_bits(stack, logits, means, log_scales)

    def _own_and_siblings(self, stack: Tensor) -> Tensor:
        """What the band itself and the bands before it tell: (B, n, d, h, w) -> (B, n, C, d, h, w)."""
        count = stack.shape[1]
        squashed = torch.asinh(stack)
        all_bands = F.pad(squashed, (0, 0, 0, 0, 0, 0, BANDS - count, 0))
        coded_before = torch.ones(BANDS, BANDS, device=stack.device).tril(-1)[-count:]
        siblings = all_bands.unsqueeze(1) * coded_before.view(1, count, BANDS, 1, 1, 1)
        own = squashed.flatten(0, 1).unsqueeze(1)
        features = self.siblings(siblings.flatten(0, 1)) + self.own(own)
        return features.unflatten(0, stack.shape[:2])

    def _conditions(self, ids: Tensor, step: Tensor, stack: Tensor) -> Tensor:
        """Which band and which step: (n,) and (B,) -> (B, n, C, 1, 1, 1)."""
        log_step = torch.log(step).view(-1, 1, 1)
        condition = self.band(ids) + self.band_step(ids) * log_step
        return condition.view(*condition.shape, 1, 1, 1)

    def _coarser(self, approx: Tensor) -> Tensor:
        """(B, 1, d, h, w) in steps -> (B, C, d, h, w)."""
        detail = torch.asinh(approx - local_mean(approx))
        return self.coarse(torch.cat((detail, torch.asinh(approx) / 4), dim=1))

    def _density(self, features: Tensor, ids: Tensor) -> Tensor:
        """(B, n, C, d, h, w) -> mixture parameters (B, n, d, h, w, 3 * mixtures)."""
        hidden = features.flatten(0, 1)
        for block in self.blocks:
            hidden = hidden + block(F.relu(hidden))
        output = self.head(F.relu(self.mix(F.relu(hidden)))).unflatten(0, features.shape[:2])
        return (output + self.band_head(ids).view(1, len(ids), -1, 1, 1, 1)).movedim(2, -1)


def _zero_embedding(count: int, channels: int) -> nn.Embedding:
    embedding = nn.Embedding(count, channels)
    nn.init.zeros_(embedding.weight)
    return embedding
