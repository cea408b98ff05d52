"""The weights of a smaller codec within a larger one, which computes the same until it is trained."""

import re

import torch
from torch import Tensor

from ..models.bands import BANDS

ENTROPY = "entropy."

BLOCKS = f"{ENTROPY}blocks."

WIDTH_OF = f"{ENTROPY}band.scaled"
"""A parameter of context models whose last axis has their channels."""


def inherited(given: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a codec, by name, in the shapes of a larger one's `own`, as far as these can be derived.

    Each of several lifting schemes inherits the only one; each of a level's bands the weights that they shared. Further
    channels of a context model see the given ones, but not the other way round, and further blocks add nothing.
    Anything else stays as it is.
    """
    stored = _for_all_schemes(given, own)
    stored = {name: _for_all_bands(name, value, own.get(name)) for name, value in stored.items()}
    stored = _for_more_channels(stored, own)
    new_blocks = (name for name in own if name.startswith(BLOCKS) and name not in stored)
    further = {name: torch.zeros_like(own[name]) for name in new_blocks if f"{BLOCKS}0.weight" in stored}
    return stored | further


def _for_all_schemes(given: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    first, scheme = "transform.schemes.0.", re.compile(r"transform\.schemes\.\d+\.")
    if any(scheme.match(name) and not name.startswith(first) for name in given):
        return given
    sources = {name: scheme.sub(first, name) for name in own if scheme.match(name)}
    return given | {name: given[source] for name, source in sources.items() if source in given}


def _for_all_bands(name: str, value: Tensor, like: Tensor | None) -> Tensor:
    if like is not None and name.startswith(ENTROPY) and like.shape == (BANDS, *value.shape):
        return value.expand_as(like).clone()
    return value


def _for_more_channels(given: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    if WIDTH_OF not in given or WIDTH_OF not in own:
        return given
    before, after = given[WIDTH_OF].shape[-1], own[WIDTH_OF].shape[-1]
    if before >= after:
        return given
    grown = {(before, after), (2 * before, 2 * after)}

    def wider(value: Tensor, like: Tensor) -> Tensor:
        """The given value within the new one's initial weights."""
        sizes = list(zip(value.shape, like.shape, strict=False))
        if value.ndim != like.ndim or not all(a == b or (a, b) in grown for a, b in sizes):
            return value
        wide = like.clone()
        if value.ndim >= 5:  # (..., outputs, inputs, kz, ky, kx)
            wide.narrow(-5, 0, value.shape[-5]).zero_()
        wide[tuple(slice(size) for size in value.shape)] = value
        return wide

    parts = {name: wider(value, own[name]) for name, value in given.items() if name in own and name.startswith(ENTROPY)}
    return given | parts
