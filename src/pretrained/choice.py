"""Ready-made models by name or identity, and the automatic choice of one for a volume."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from ..bitstream.grid import middle
from ..bitstream.model import Model
from ..bitstream.tile_codec import TileCodec
from ..coding.constants import log_step_of
from ..errors import AiwaveError
from .card import Card, card_of, cards, shipped_bytes


@cache
def shipped_model(name: str) -> Model:
    """A model of the package by its name. Raises AiwaveError if there is none, or it is damaged."""
    return Model.from_bytes(shipped_bytes(card_of(name)))


def shipped_by_identity(identity: str) -> Model | None:
    """The model of the package with this identity, None if there is none."""
    found = next((card.name for card in cards() if card.sha256 == identity), None)
    return None if found is None else shipped_model(found)


AUTO = "auto"
"""Model name that stands for the automatic choice."""

SECTIONS = "sections"
"""Modality of models for stacks of nearly uncorrelated sections, whatever they show."""

ROUGH = 2
"""Threshold of `roughness`: nearly isotropic voxels have 0.8 to 1.6, stacks of thick sections 2.6 to 3.3."""

LOOKED_AT = 64
"""Voxels per side of the central part that the choice is based on."""

FEWEST = "it codes a part of the volume in the fewest bits"
"""Reason for a model chosen by trial."""

DICOM_MODALITIES = {"CT": "ct", "PT": "ct", "MR": "mri"}
"""Modalities that have models, by their DICOM names."""


@dataclass(frozen=True)
class Choice:
    """Candidate models, the likeliest modality first, and the reason, as the end of a sentence."""

    candidates: list[Card]
    why: str


def candidates(voxels: np.ndarray, lossless: bool, modality: str | None = None) -> Choice:
    """Candidate models for a volume (D, H, W) or series (T, D, H, W); `modality` is ours or DICOM's, if it is known.

    A modality that has models decides; several models of it are compared by size. Otherwise 8 bits imply electron
    microscopy, series functional MRI and negative values CT; the rest is CT or MRI, again compared by size. If
    neighbouring sections hardly resemble each other, models for such stacks are candidates, too.
    """
    kind, why = _modality(voxels, modality)
    suitable = [card for card in cards() if card.lossless == lossless]
    if len(kind) == 1 and sum(card.modality == kind[0] for card in suitable) > 1:
        why = f"{why} and {FEWEST}"
    if SECTIONS not in kind and roughness(middle(voxels, LOOKED_AT)) > ROUGH:
        kind = [*kind, SECTIONS]
    return Choice([card for name in kind for card in suitable if card.modality == name], why)


def modalities() -> list[str]:
    """Modalities that `candidates` accepts, ours and DICOM's."""
    return [*sorted({card.modality for card in cards()}), *DICOM_MODALITIES]


def roughness(part: np.ndarray) -> float:
    """Mean absolute difference of neighbours along z, divided by that within sections (D, H, W); 0 if undefined."""
    differences = [np.diff(part.astype(np.int32), axis=axis) for axis in range(3)]
    across, *within = (np.abs(difference).mean() if difference.size else math.nan for difference in differences)
    known = [mean for mean in within if mean > 0]
    return float(across / np.mean(known)) if known and across > 0 else 0.0


def _modality(voxels: np.ndarray, modality: str | None) -> tuple[Sequence[str], str]:
    known = {card.modality for card in cards()}
    given = DICOM_MODALITIES.get(modality or "", modality)
    series = voxels.ndim == 4 and voxels.shape[0] > 1
    if given in known:
        kind = "fmri" if given == "mri" and series and "fmri" in known else given
        return [kind], f"the modality is {modality}"
    if voxels.dtype.itemsize == 1:
        return ["em"], "it has 8 bits"
    if int(voxels.min()) < 0:
        return ["ct"], "it has negative values"
    if series:
        return ["fmri"], "it is a series"
    return ["ct", "mri", "fmri"], FEWEST


def automatic_model(volume: np.ndarray, lossless: bool, modality: str | None = None) -> tuple[Model, str]:
    """The model for integers (D, H, W) or (T, D, H, W), and a sentence that names it and the reason.

    `modality` is `em`, `ct`, `mri`, `fmri`, `sections` or DICOM's name for one of them. Raises AiwaveError if there is
    no candidate.
    """
    choice = candidates(volume, lossless, modality)
    if not choice.candidates:
        raise AiwaveError(_missing(lossless, bool(candidates(volume, not lossless, modality).candidates)))
    best = choice.candidates[0]
    if len(choice.candidates) > 1:
        part, log_step = middle(volume, LOOKED_AT), _log_step(best)
        best = min(choice.candidates, key=lambda card: _bits(card, part, log_step))
    found = best.modality == SECTIONS and choice.candidates[0].modality != SECTIONS
    why = "neighbouring sections hardly resemble each other" if found else choice.why
    return shipped_model(best.name), f"model {best.name}, since {why}"


def _missing(lossless: bool, other: bool) -> str:
    """Error message for a missing model, which mentions models for the `other` kind of coding."""
    kind = "lossless" if lossless else "lossy"
    quality = "a step, PSNR or rate (--step, --psnr or --bpp)" if lossless else "lossless"
    choose = f"choose {quality}, or give" if other else "give"
    return f"No ready-made model codes such volumes ({kind}): {choose} a model file or the folder of a run."


def _log_step(card: Card) -> int:
    """ln(step) in units of 2**-8, at the geometric mean of the step range of a model; 0 if it is lossless."""
    low, high = shipped_model(card.name).description.step_range
    return 0 if card.lossless else log_step_of((low * high) ** 0.5)


@torch.inference_mode()
def _bits(card: Card, part: np.ndarray, log_step: int) -> float:
    """Estimated bits of a part with a model, lossless or at a step."""
    model = shipped_model(card.name)
    q = TileCodec(model, log_step, card.lossless).analyse([part.astype(np.int32) - min(0, int(part.min()))])
    return float(model.coder.bits(q, log_step).sum())
