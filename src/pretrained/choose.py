"""Choice of a ready-made model for a volume."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .card import Card, cards

AUTO = "auto"
"""In place of a model's name: choose one."""

SECTIONS = "sections"
"""The modality of models for stacks of sections that hardly resemble each other, whatever they show."""

ROUGH = 2
"""More `roughness` than that: nearly isotropic voxels have 0.8 to 1.6, stacks of thick sections 2.6 to 3.3."""

LOOKED_AT = 64
"""Voxels a side of the part, from the middle, that models are chosen by."""

FEWEST = "it codes a part of the volume in the fewest bits"
"""Reason given where a trial decided."""

DICOM_MODALITIES = {"CT": "ct", "PT": "ct", "MR": "mri"}
"""DICOM's names of the modalities that have models."""


@dataclass(frozen=True)
class Choice:
    """Models that come into question, the likeliest modality first, and why, as the end of a sentence."""

    candidates: list[Card]
    why: str


def candidates(voxels: np.ndarray, lossless: bool, modality: str | None = None) -> Choice:
    """The models for a volume (D, H, W) or series (T, D, H, W); `modality` is ours or DICOM's, if it is known.

    A modality that has models decides; of several, sizes must tell. Otherwise 8 bits mean electron microscopy, series
    functional MRI and negative values CT; what is left is CT or MRI, and again sizes must tell. Where neighbouring
    sections hardly resemble each other, the models for that come into question, too.
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


def middle(voxels: np.ndarray, side: int) -> np.ndarray:
    """The middle of a volume (D, H, W), or of the first of a series (T, D, H, W): at most `side` voxels a side."""
    frame = voxels.reshape(-1, *voxels.shape[-3:])[0]
    starts = [max(0, (size - side) // 2) for size in frame.shape]
    return frame[tuple(slice(start, start + side) for start in starts)]


def roughness(part: np.ndarray) -> float:
    """The mean difference between neighbours along z, divided by that within sections (D, H, W); 0 if there is none."""
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
