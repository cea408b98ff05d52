"""Which ready-made model suits a volume."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .card import Card, cards

AUTO = "auto"
"""In place of a model's name: choose one."""

DICOM_MODALITIES = {"CT": "ct", "PT": "ct", "MR": "mri"}
"""What DICOM calls them, for those that a model is made for."""


@dataclass(frozen=True)
class Choice:
    """Models that come into question, the likeliest first, and why, as the end of a sentence."""

    candidates: list[Card]
    why: str


def candidates(voxels: np.ndarray, lossless: bool, modality: str | None = None) -> Choice:
    """The models for a volume (D, H, W) or series (T, D, H, W); `modality` is ours or DICOM's, if it is known.

    A modality that has a model decides. Otherwise 8 bits mean electron microscopy, series functional MRI and negative
    values CT; what is left is CT or MRI, and the sizes of both must tell.
    """
    kind, why = _modality(voxels, modality)
    suitable = [card for card in cards() if card.lossless == lossless]
    return Choice([card for name in kind for card in suitable if card.modality == name], why)


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
    return ["ct", "mri", "fmri"], "it codes a part of the volume in the fewest bits"
