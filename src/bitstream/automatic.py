"""The ready-made model for a volume."""

import numpy as np
import torch

from ..coding.step import log_step_of
from ..errors import AiwaveError
from ..pretrained.card import Card
from ..pretrained.choose import LOOKED_AT, SECTIONS, candidates, middle
from .batch import TileCodec
from .model import Model
from .shipped import shipped_model


def automatic_model(volume: np.ndarray, lossless: bool, modality: str | None = None) -> tuple[Model, str]:
    """The model for integers (D, H, W) or (T, D, H, W), and a sentence that says which and why.

    `modality` is `em`, `ct`, `mri`, `fmri`, `sections` or what DICOM calls it. Raises AiwaveError if no model
    comes into question.
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
    """The step in the middle of those that a model was trained for."""
    low, high = shipped_model(card.name).description.step_range
    return 0 if card.lossless else log_step_of((low * high) ** 0.5)


@torch.inference_mode()
def _bits(card: Card, part: np.ndarray, log_step: int) -> float:
    """Estimated bits of a part with a model, lossless or at a step."""
    model = shipped_model(card.name)
    q = TileCodec(model, log_step, card.lossless).analyse([part.astype(np.int32) - min(0, int(part.min()))])
    return float(model.coder.bits(q, log_step).sum())
