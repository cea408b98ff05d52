"""What must hold of an integer context model so that it runs, and exactly."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..models.subbands import BAND_LETTERS
from ..models.trellis import POLYNOMIALS
from .coarse_context import SQUASH_LIMIT
from .constants import LOG_STEP_FRACTION, LOG_STEP_LIMIT
from .integer_layer import EXACT
from .wavefront import CENTRE, TAPS

if TYPE_CHECKING:
    from .integer_context import IntegerContext

LARGEST = 2**31
"""Entries of tables stay below, so that no sum here overflows."""

BY_BAND = {"siblings", "own", "widen", "narrow", "mix", "head"}
"""The layers that an oriented model has for each of a level's bands."""

CROSS_LIMIT = 2**22
COARSE_LIMIT = 2**18
"""What sums of a filter's magnitudes stay below, for coefficients and for the reconstruction: then float64 is exact.

Coefficients reach 2**23 in units of 2**-6 of a tap, differences of the reconstruction 2**34.
"""


def check_context(model: "IntegerContext") -> None:
    """Raise ValueError if the parts do not fit together or a sum might be inexact."""
    _check_shapes(model)
    _check_sums(model)


def _check_shapes(model: "IntegerContext") -> None:
    if not isinstance(model.fraction, int) or not 0 <= model.fraction <= 12 or not 0 < model.limit < 2**24:
        raise ValueError("the units of activations are out of range")
    for one, other in ((model.cross, model.cross_coarse), (model.second_head, model.second_mix)):
        if (one is None) != (other is None):
            raise ValueError("one half of what belongs together is missing")
    if model.trellis is not None and not model.dependent:
        raise ValueError("only dependent quantisation has a trellis")
    if model.dependent and not (isinstance(model.trellis, int) and model.trellis in POLYNOMIALS):
        raise ValueError(f"a trellis of {model.trellis} states does not fit")
    rows, width, size = model.levels * len(BAND_LETTERS), model.band.shape[-1], model.density.size
    shapes = {
        "band": (rows, width),
        "band_step": (rows, width),
        "band_head": (rows, size),
        "prediction": (rows, CENTRE),
        "cross": (rows, len(BAND_LETTERS), len(TAPS)),
        "cross_coarse": (rows, len(TAPS)),
        "second_mix": (rows, width),
        "second_head": (rows, size),
    }
    for name, shape in shapes.items():
        if (table := getattr(model, name)) is not None and (tuple(table.shape) != shape or not _is_small(table)):
            raise ValueError(f"{name} does not fit the other parts")
    _check_layers(model, width, size)


def _check_layers(model: "IntegerContext", width: int, size: int) -> None:
    names = set(model.layers)
    kinds = {name.partition(".")[0] for name in names} if model.oriented else names
    needed = {"own", "siblings"} if model.cross is not None else {"own"} if model.dependent else set()
    needed |= {"coarse0", "coarse1"} if "siblings" in kinds else set()
    needed |= {"widen", "narrow"} if model.oriented else set()
    expected = {f"{kind}.{letters}" for kind in kinds & BY_BAND for letters in range(len(BAND_LETTERS))}
    whole = expected | (kinds - BY_BAND) == names if model.oriented else not kinds & {"widen", "narrow"}
    if not needed <= kinds or (model.dependent and model.cross is not None) or not whole:
        raise ValueError("the layers do not fit the other parts")
    taps, causal = len(TAPS), CENTRE + 1
    for name, layer in model.layers.items():
        kind, _, letters = name.partition(".")
        before = max(int(letters), 1) if letters else len(BAND_LETTERS)
        shape = {
            "coarse0": (2 * taps, width),
            "coarse1": (width * taps, width),
            "siblings": (before * taps, width),
            "own": (CENTRE, width),
            "widen": (width, 2 * width),
            "narrow": (2 * width, width),
            "mix": (width, width),
            "head": (width, size),
        }.get(kind, (causal * width, width))
        limit = SQUASH_LIMIT if kind in ("coarse0", "siblings", "own") else model.limit
        sees_itself = name == "siblings.0" and bool(layer.weight.any())
        if layer.weight.shape != shape or layer.limit < limit or sees_itself:
            raise ValueError(f"the layer {name} does not fit the other parts")


def _check_sums(model: "IntegerContext") -> None:
    most: dict[str, int] = {}
    for name, layer in model.layers.items():
        kind = name.partition(".")[0]
        most[kind] = max(most.get(kind, 0), layer.reach)
    sums = sum(reach for kind, reach in most.items() if kind not in ("coarse0", "widen", "mix", "head"))
    embedded = _largest(model.band) + _largest(model.band_step) * (LOG_STEP_LIMIT >> LOG_STEP_FRACTION)
    mixed = most["mix"] + _largest(model.second_mix)
    output = most["head"] + _largest(model.band_head) + _largest(model.second_head)
    predictor = 0 if model.prediction is None else int(model.prediction.abs().sum(dim=1).max())
    if max(sums + embedded, mixed, output) >= EXACT[torch.float32] or predictor >= 2**30:
        raise ValueError("the weights are too large for exact sums")
    if model.cross is not None and model.cross_coarse is not None:
        reach = predictor + int(model.cross.abs().sum(dim=(1, 2)).max())
        if reach >= CROSS_LIMIT or int(model.cross_coarse.abs().sum(dim=1).max()) >= COARSE_LIMIT:
            raise ValueError("the prediction from other bands is too large for exact sums")


def _is_small(table: Tensor) -> bool:
    return table.numel() > 0 and int(table.min()) > -LARGEST and int(table.max()) < LARGEST


def _largest(table: Tensor | None) -> int:
    return 0 if table is None else int(table.abs().max())
