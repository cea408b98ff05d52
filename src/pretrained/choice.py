"""Ready-made models by name or identity, and the automatic choice of one for a volume."""

from functools import cache

import numpy as np

from ..bitstream.bounded_error import STEP, to_ranks
from ..bitstream.encoder import compress as encode
from ..bitstream.header import NARROW
from ..bitstream.model import Model
from ..bitstream.trial_parts import cost, textured_parts
from ..bitstream.voxel_types import checked, prepare
from ..coding.constants import log_step_of
from ..errors import AiwaveError
from .card import ANY, MODALITIES, Card, card_of, cards, shipped_bytes


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

FAR = 1.02
"""Cost, as a multiple of the best so far, from which on a candidate is not tried on further parts."""

DICOM_MODALITIES = {"CT": "ct", "PT": "ct", "MR": "mri"}
"""Modalities by their DICOM names."""


def candidates(lossless: bool, modality: str | None = None) -> list[Card]:
    """Candidate models: those for a modality, ours or DICOM's, and for any; all if there are none, or for None.

    Those that are taken by name alone are left out.
    """
    suitable = [card for card in cards() if card.lossless == lossless and not card.by_name]
    wanted = DICOM_MODALITIES.get(modality or "", modality)
    return [card for card in suitable if wanted is None or card.modality in (wanted, ANY)] or suitable


def modalities() -> list[str]:
    """Modalities that `candidates` accepts, ours and DICOM's."""
    return [*MODALITIES, *DICOM_MODALITIES]


def needs_trial(lossless: bool, modality: str | None = None, max_error: int | None = None) -> bool:
    """True if `automatic_model` looks at the volume: if there are several candidates, or ways to keep an error."""
    return len(candidates(lossless, modality)) > 1 or max_error is not None


def automatic_model(
    volume: np.ndarray | None, lossless: bool, modality: str | None = None, max_error: int | None = None
) -> tuple[Model, str]:
    """The model for a volume (D, H, W) or series (T, D, H, W), and a sentence that names it and the reason.

    Every candidate codes some parts of the volume, unless no trial is needed; then it may be None. `modality`, one of
    `modalities`, leaves only models for it and for any. With `max_error` the parts are coded within that error. Raises
    AiwaveError if there is no candidate.
    """
    tried = candidates(lossless, modality)
    if not tried:
        raise AiwaveError(_missing(lossless, bool(candidates(not lossless, modality))))
    trial = needs_trial(lossless, modality, max_error)
    parts = textured_parts(_as_coded(volume)) if trial and volume is not None else []
    if max_error is None:
        best, count = _cheapest(tried, parts, 0), len(tried)
    else:
        best, count = _within(tried, candidates(False, modality), parts, max_error)
    reasons = [f"the modality is {modality}"] if len(tried) < len(candidates(lossless)) else []
    if parts:
        reasons.append(f"it codes parts of the volume best, of {count}")
    elif trial:
        reasons.append("the volume has no texture where it was looked at")
    alone = "it is for images of any kind" if best.modality == ANY else "no other one codes such files"
    why = " and ".join(reasons) or alone
    return shipped_model(best.name), f"model {best.name}, since {why}"


def _within(lossless: list[Card], lossy: list[Card], parts: list[np.ndarray], error: int) -> tuple[Card, int]:
    """The candidate whose files of the parts within an error are smallest, and the number of those that were tried."""
    best = _cheapest(lossless, [to_ranks(part, error)[0] for part in parts], 0)
    if error < 2 or not lossy or not parts:
        return best, len(lossless)
    other = _cheapest(lossy, parts, log_step_of(STEP * error))

    def size(card: Card) -> int:
        return sum(len(encode(part, shipped_model(card.name), max_error=error)) for part in parts)

    return min(best, other, key=size), len(lossless) + len(lossy)


def _as_coded(volume: np.ndarray) -> np.ndarray:
    """The volume as lossless models code it: other types than 8- and 16-bit integers become numbers."""
    voxels = checked(volume)
    return voxels if voxels.dtype in NARROW else prepare(voxels, lossless=True).voxels


def _cheapest(tried: list[Card], parts: list[np.ndarray], log_step: int) -> Card:
    """The candidate of least cost at a step on all parts; those far behind are dropped part by part.

    Without parts it is one for any image, if there is one.
    """
    if len(tried) == 1 or not parts:
        return next((card for card in tried if card.modality == ANY), tried[0])
    totals = dict.fromkeys((card.name for card in tried), 0.0)
    for part in parts:
        totals = {name: total + cost(shipped_model(name), part, log_step) for name, total in totals.items()}
        limit = FAR * min(totals.values())
        totals = {name: total for name, total in totals.items() if total <= limit}
        if len(totals) == 1:
            break
    return card_of(min(totals, key=lambda name: totals[name]))


def _missing(lossless: bool, other: bool) -> str:
    """Error message for a missing model, which mentions models for the `other` kind of coding."""
    kind = "lossless" if lossless else "lossy"
    quality = "a step, PSNR or rate (--step, --psnr or --bpp)" if lossless else "lossless"
    choose = f"choose {quality}, or give" if other else "give"
    return f"No ready-made model codes such volumes ({kind}): {choose} a model file or the folder of a run."
