"""Synthesis functions of a transform."""

import torch
from torch import Tensor

from .subbands import band_names
from .transform import WaveletTransform


def synthesis_functions(transform: WaveletTransform, amplitude: float = 16.0) -> dict[str, Tensor]:
    """Response to one coefficient of `amplitude`, in intensity units, in the middle of each band, by band name.

    Each is (S, S, S) with S = 8 * 2**levels, divided by the amplitude, less the response to no coefficient. The
    functions of a trained transform depend on the signal around them: these are for a flat signal.
    """
    side = 8 * 2**transform.levels
    parameter = next(transform.parameters(), torch.zeros(1))
    flat = torch.zeros(1, 1, side, side, side, device=parameter.device, dtype=parameter.dtype)
    empty = transform(flat).map(torch.zeros_like)
    ground = transform.inverse(empty)
    functions = []
    for part in range(1 + transform.levels):
        for band in range((empty.approx, *empty.details)[part].shape[1]):
            pulse = empty.map(torch.clone)
            tensor = (pulse.approx, *pulse.details)[part]
            tensor[0, band, tensor.shape[2] // 2, tensor.shape[3] // 2, tensor.shape[4] // 2] = amplitude
            functions.append((transform.inverse(pulse) - ground)[0, 0] / amplitude)
    return dict(zip(band_names(transform.levels), functions, strict=True))
