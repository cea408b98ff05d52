"""Looks at a few boxes of a source, to choose a model and a step by trial."""

import numpy as np

from ..api import compress, info
from ..pretrained.choice import automatic_model, needs_trial
from ..stores.spread import COUNT, SIDE, spread
from ..stores.stored_array import StoredArray


def model_for(source: StoredArray, lossless: bool, modality: str | None, max_error: int | None) -> tuple[str, str]:
    """The name of the ready-made model that `automatic_model` takes for a few boxes, and why.

    Nothing is read if it needs no trial. Raises AiwaveError if there is none for such voxels.
    """
    sample = _sample(source) if needs_trial(lossless, modality, max_error) else None
    model, why = automatic_model(sample, lossless, modality, max_error)
    return model.name, why


def step_for(source: StoredArray, model: str, psnr: float) -> float:
    """The quantisation step with which a model, by name or file, codes a few boxes at a PSNR [dB].

    Raises AiwaveError if there is none.
    """
    return float(info(compress(_sample(source), model, psnr=psnr))["step"])


def _sample(source: StoredArray) -> np.ndarray:
    """A few boxes as a series (T, D, H, W), or the only one as a volume."""
    blocks = [source.read(box) for box in spread(source.shape, SIDE, COUNT)]
    blocks = [block.reshape(block.shape[-3:]) for block in blocks]
    return np.stack(blocks) if len(blocks) > 1 else blocks[0]
