"""The reference: tiles coded by PyTorch, which defines what the format means."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..models.bands import Size, splits
from ..models.quantisation.slopes import LOOKS
from ..models.subbands import Subbands
from ..models.transform.wavelet_transform import ReversibleTransform, WaveletTransform
from .band_coder import BandCoder
from .encoder_choice import dependent, optimised
from .engine import Levels, Parameters
from .exact_transform import ExactTransform
from .float_modules import post_module, transform_module
from .integer_voxels import IntegerVoxels


class LosslessTransform(Protocol):
    """Integer-to-integer transform, the same on every machine.

    LLL of a flat volume equals its intensity, with networks approximately.
    """

    def forward(self, x: Tensor) -> Subbands:
        """(B, 1, D, H, W) integers as float64 -> subbands of integers, as float64 or int64."""

    def inverse(self, subbands: Subbands) -> Tensor:
        """Subbands, or only the coarsest levels -> integers (B, 1, D, H, W), as float64 or int64."""


class ReferenceEngine:
    """See `Engine`. Raises AiwaveError if weights do not fit their description."""

    def __init__(self, parameters: Parameters) -> None:
        self._part, self._integers = parameters.transform, parameters.integers
        assert not isinstance(parameters.entropy, IntegerVoxels)  # it has an engine of its own
        self.coder = BandCoder(parameters.entropy)
        self._post = post_module(parameters.post, parameters.post_weights)
        self._transform: WaveletTransform | None = None
        if parameters.integers is None:
            self._transform = transform_module(parameters.transform, parameters.transform_weights)

    @cached_property
    def _lossless(self) -> LosslessTransform:
        if self._integers is not None:
            return ExactTransform(self._integers)
        return ReversibleTransform(WaveletTransform("cdf53", self._part.levels, self._part.sharing)).double()

    def _real(self) -> WaveletTransform:
        assert self._transform is not None
        return self._transform

    @torch.inference_mode()
    def forward(self, voxels: np.ndarray, lossless: bool) -> Levels:
        """See `Engine.forward`."""
        x = torch.from_numpy(np.ascontiguousarray(voxels))[None, None]
        if lossless:
            return levels_of(self._lossless.forward(x.double()).map(Tensor.long), 0)
        return levels_of(self._real()(x.float()), 0)

    @torch.inference_mode()
    def inverse(self, coefficients: Levels, size: Size, lossless: bool) -> np.ndarray:
        """See `Engine.inverse`."""
        whole = splits(size, self._part.levels)[len(coefficients) - 1]
        q = subbands_of([stack[None] for stack in coefficients], whole)
        x = self._lossless.inverse(q.map(Tensor.double)).long() if lossless else self._real().inverse(q)
        return x[0, 0].numpy()

    @torch.inference_mode()
    def filtered(self, x_hat: np.ndarray, step: float, known: float) -> np.ndarray:
        """See `Engine.filtered`."""
        x, steps = torch.from_numpy(x_hat)[None, None], torch.tensor([[step], [known]])
        return self._post(x, *steps)[0, 0].numpy()

    def quantised(self, exact: Levels, size: Size, log_step: int, optimise: bool) -> Levels:
        """See `Engine.quantised`."""
        subbands = subbands_of(exact, size)
        if self.coder.model.dependent:
            return levels_of(dependent(self.coder, subbands, log_step, LOOKS if optimise else 0))
        if optimise:
            return levels_of(optimised(self.coder, subbands, log_step))
        return levels_of(subbands.map(torch.round))

    def encode(self, q: Levels, size: Size, log_step: int) -> list[list[bytes]]:
        """See `Engine.encode`."""
        return self.coder.encode(subbands_of(q, size).map(Tensor.long), log_step)

    def decode(self, tiles: Sequence[Sequence[bytes]], size: Size, log_step: int, levels: int) -> Levels:
        """See `Engine.decode`."""
        return levels_of(self.coder.decode(tiles, size, log_step, levels))


def subbands_of(levels: Levels, size: Size) -> Subbands:
    """Levels of T tiles (T, n, d, h, w), those that split `size` or fewer -> subbands."""
    first, *rest = (torch.from_numpy(stack) for stack in levels)
    return Subbands(first[:, :1], (first[:, 1:], *rest), size)


def levels_of(subbands: Subbands, tile: int | None = None) -> Levels:
    """Subbands of T tiles -> their levels: as they are for one `tile`, else int32 of all."""
    stacks = [stack.numpy() for stack in subbands.level_stacks()]
    return [stack.astype(np.int32) for stack in stacks] if tile is None else [stack[tile] for stack in stacks]
