"""Context model: one small causal network for the coefficients of all subbands and rates."""

from collections.abc import Iterator
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...bounds import LayersOrNone, Levels, Width
from ..bands import BANDS, DETAILS
from ..conv import CausalConv3d, Conv3d
from ..post import local_mean
from ..quantisation.codes import FIRST_STATES
from ..quantisation.trellis import trellis
from ..subbands import Subbands
from ..transform.layout import Sharing
from ..transform.wavelet_transform import WaveletTransform
from ..transform.wavelets import Wavelet
from .band_layers import OrientedOwn, OrientedPoint, OrientedSiblings, SharedOwn, SharedPoint, SharedSiblings, deeper
from .base import BandTable, BitsOf, EntropyModel, per_band
from .density import Density, DependentBits
from .prediction import BandPredictor, CrossPredictor

LAYERS = {False: (SharedSiblings, SharedOwn, SharedPoint), True: (OrientedSiblings, OrientedOwn, OrientedPoint)}
"""The outer layers of a network, by whether it is oriented."""


def _check_dependent(dependent: bool, possible: bool, states: int) -> None:
    """Raise ValueError for dependent quantisation where it is not possible, and for a trellis without it."""
    if dependent and not possible:
        raise ValueError("dependent quantisation needs short_context, and no reversible transform")
    if states != FIRST_STATES and not dependent:
        raise ValueError("only dependent quantisation has a trellis: set entropy.dependent=true or leave states out")


class ContextEntropy(EntropyModel):
    """Autoregressive model shared by all bands, from coarse to fine, conditioned on the quantisation step.

    A coefficient's density depends on what the decoder already has: the band's own coefficients before it in raster
    order (masked convs), the bands of the same level coded before, and a reconstruction of the coarser levels. The
    reconstruction is by the plain wavelet, so that the densities depend on the coded integers and the step alone,
    whatever the trained transform. Bands differ by rows of tables; `density` is centred on a causal linear prediction.
    Without `short_context` the band's own coefficients are excluded, without `long_context` all others.

    A `reversible` model is for the integers of a reversible transform: the reconstruction is by the reversible 5/3, and
    bands also predict each other (see `CrossPredictor`). It needs both contexts; raises ValueError otherwise.

    With `dependent`, coefficients have one of two quantisers (see `quantisation/dependent.py`), whose densities differ
    by rows of tables; this needs the short context and no reversible transform. `states` is the number of states of the
    trellis (see `Trellis`). Raises ValueError for others, or for any but FIRST_STATES if quantisation is not dependent.

    With `magnitudes`, the network also sees the magnitudes of a band's own coefficients, and those of other bands
    instead of their values: few channels cannot otherwise add up what varies about zero (see `docs/research-log.md`).
    Raises ValueError for them without the short context.

    With `oriented`, the layers next to a level's coefficients and to densities have separate weights for each of its
    eight bands, and there are two more of them (see `band_layers.py`).

    `sharing` is that of the transform: if it is `sections`, the reconstruction does not combine sections either, and
    the low bands of odd sections, LLH, are images as well.
    """

    kind = "context"

    def __init__(
        self,
        levels: Levels,
        channels: Width,
        layers: LayersOrNone,
        density: Density,
        long_context: bool = True,
        short_context: bool = True,
        reversible: bool = False,
        sharing: Sharing | str = Sharing.ISOTROPIC,
        dependent: bool = False,
        oriented: bool = False,
        states: Literal[8, 64, 256] = FIRST_STATES,
        magnitudes: bool = False,
    ) -> None:
        super().__init__()
        if reversible and not (long_context and short_context):
            raise ValueError("a reversible context model needs long_context and short_context")
        if magnitudes and not short_context:
            raise ValueError("magnitudes need short_context")
        _check_dependent(dependent, short_context and not reversible, states)
        self.dependent = dependent
        self.states = trellis(states).states
        self.sections = Sharing(sharing) is Sharing.SECTIONS
        self.levels = levels
        self.channels = channels
        self.magnitudes = magnitudes
        self.density = density
        coarse = nn.Sequential(Conv3d(2, channels), nn.ReLU(), Conv3d(channels, channels))
        self.coarse = coarse if long_context else None
        siblings, own_layer, point = LAYERS[oriented]
        self.siblings = siblings(channels) if long_context else None
        self.own = own_layer(channels, 1 + magnitudes) if short_context else None
        self.band = BandTable(levels * BANDS, channels, std=1.0)
        self.band_step = BandTable(levels * BANDS, channels)
        self.blocks = nn.ModuleList(CausalConv3d(channels, channels, include_centre=True) for _ in range(layers))
        self.deeper = deeper(channels) if oriented else None
        self.mix = point(channels, channels)
        self.head = point(channels, density.size)
        self.band_head = BandTable(levels * BANDS, density.size)
        images = range(BANDS // 2, levels * BANDS, BANDS) if self.sections else ()
        self.second_mix = BandTable(levels * BANDS, channels) if dependent else None
        self.second_head = BandTable(levels * BANDS, density.size) if dependent else None
        self.prediction = BandPredictor(levels * BANDS, (0, *images)) if short_context else None
        self.cross = CrossPredictor(levels * BANDS) if reversible else None
        wavelet = Wavelet.CDF53 if reversible else Wavelet.CDF97
        own = Sharing.SECTIONS if self.sections else Sharing.ISOTROPIC
        self.synthesis = WaveletTransform(wavelet, levels=1, sharing=own, reversible=reversible)

    def densities(self, q: Subbands, step: Tensor) -> Iterator[tuple[Tensor, BitsOf]]:
        """See `EntropyModel.densities`; one level at a time."""
        step = per_band(step, self.levels)
        same = q.map_with(torch.mul, step / step[:, :1])  # all bands in the coarsest one's steps
        approx: Tensor | None = None
        for level, stack in enumerate(q.level_stacks()):
            first = level and 1 + DETAILS * level
            yield stack, self._level_bits(level, stack, approx, step[:, first : first + stack.shape[1]])
            if level + 1 < self.levels:
                low = same.approx if approx is None else approx
                approx = self.synthesis.inverse(Subbands(low, (same.details[level],), q.splits[level]))

    def _level_bits(self, level: int, stack: Tensor, approx: Tensor | None, step: Tensor) -> BitsOf:
        """The function that returns the bits of one level's coefficients.

        `stack` (B, n, d, h, w) holds the level's bands in quantisation steps, n = 8 at the coarsest level (0) and 7
        at the others; `approx` (B, 1, d, h, w), in steps of the coarsest band, is the reconstruction of the coarser
        levels (None at level 0); `step` (B, n) is in intensity units.
        """
        ids = torch.arange(BANDS - stack.shape[1], BANDS, device=stack.device) + level * BANDS
        features = self._conditions(ids, step) + self._earlier(stack)
        if approx is not None and self.coarse is not None:
            features = features + self._coarser(approx).unsqueeze(1)
        predicted = torch.zeros_like(stack) if self.prediction is None else self.prediction(stack, ids)
        if self.cross is not None:
            predicted = predicted + self.cross(stack, approx, ids)
        mixed = self._mixed(features)
        if self.dependent:
            return DependentBits(
                self.density, stack, self.states, partial(self._parameters_of, mixed, ids), predicted, step
            )
        parameters = self._parameters_of(mixed, ids)
        return partial(self.density.bits, parameters=parameters, predicted=predicted, step=step)

    def _earlier(self, stack: Tensor) -> Tensor:
        """Context from the band itself and the bands before it: (B, n, d, h, w) -> (B, n, C, d, h, w)."""
        squashed = torch.asinh(stack)
        inputs = (squashed, squashed.abs()) if self.magnitudes else (squashed,)
        features = squashed.new_zeros(*stack.shape[:2], self.channels, *stack.shape[2:])
        if self.siblings is not None:
            features = features + self.siblings(inputs[-1])
        if self.own is not None:
            features = features + self.own(torch.stack(inputs, dim=2))
        return features

    def _conditions(self, ids: Tensor, step: Tensor) -> Tensor:
        """Embedding of bands and steps: (n,) and (B, n) -> (B, n, C, 1, 1, 1)."""
        log_step = torch.log(step).unsqueeze(-1)
        condition = self.band(ids) + self.band_step(ids) * log_step
        return condition.view(*condition.shape, 1, 1, 1)

    def _coarser(self, approx: Tensor) -> Tensor:
        """(B, 1, d, h, w) in steps -> (B, C, d, h, w)."""
        assert self.coarse is not None
        detail = torch.asinh(approx - local_mean(approx))
        return self.coarse(torch.cat((detail, torch.asinh(approx) / 4), dim=1))

    def _mixed(self, features: Tensor) -> Tensor:
        """(B, n, C, d, h, w) -> input of the head, before adding the quantiser's embedding: the same shape."""
        hidden = features.flatten(0, 1)
        for block in self.blocks:
            hidden = hidden + block(F.relu(hidden))
        hidden = hidden.unflatten(0, features.shape[:2])
        if self.deeper is not None:
            hidden = hidden + self.deeper(hidden)
        mixed: Tensor = self.mix(F.relu(hidden))
        return mixed

    def _parameters_of(self, mixed: Tensor, ids: Tensor, second: Tensor | None = None) -> Tensor:
        """(B, n, C, d, h, w) -> the density's parameters (B, n, d, h, w, size).

        `second` (B, n, d, h, w) is 1 where coefficients have the second quantiser, else 0.
        """
        change = None
        if second is not None and self.second_mix is not None and self.second_head is not None:
            mixed = mixed + second.unsqueeze(2) * _by_band(self.second_mix(ids))
            change = second.unsqueeze(2) * _by_band(self.second_head(ids))
        output = self.head(F.relu(mixed)) + _by_band(self.band_head(ids))
        return (output if change is None else output + change).movedim(2, -1)


def _by_band(rows: Tensor) -> Tensor:
    """Rows by band (n, C) -> (1, n, C, 1, 1, 1)."""
    return rows.view(1, *rows.shape, 1, 1, 1)
