"""The two halves of a split signal: boundary extension for lifting filters, and interleaving."""

import torch
from torch import Tensor

from .layout import Boundary, Phase


def extend(half: Tensor, phase: Phase, boundary: Boundary, targets: int) -> Tensor:
    """Extend axis 2 as needed by a step that lifts `targets` samples of the other half.

    `half` is (B, C, n, a, b): the even or the odd samples of a signal of n + `targets` samples, 2 or more. Returns
    (B, C, `targets` + 2, a, b): the samples -1 to `targets`. Within one half, mirroring the full signal repeats the
    end sample or skips it.
    """
    size = half.shape[2]
    places = [-1, *range(min(targets + 1, size), targets + 1)]
    if boundary == Boundary.PUBLISHED:
        mirrored = [_mirrored(place, size) for place in places]
    else:
        odd = int(phase is Phase.ODD)
        mirrored = [(_mirrored(2 * place + odd, size + targets) - odd) // 2 for place in places]
    before, *after = (half[:, :, place : place + 1] for place in mirrored)
    return torch.cat((before, half[:, :, : targets + 1], *after), dim=2)


def _mirrored(place: int, size: int) -> int:
    """Index into a signal of `size` samples, mirrored about its ends, of the sample at `place`."""
    period = max(1, 2 * (size - 1))
    place %= period
    return min(place, period - place) if size > 1 else 0


def interleaved(even: Tensor, odd: Tensor, axis: int = 2) -> Tensor:
    """Interleave even and odd samples along an axis; there may be one more even sample."""
    count = odd.shape[axis]
    pairs = torch.stack((even.narrow(axis, 0, count), odd), dim=axis + 1).flatten(axis, axis + 1)
    return pairs if even.shape[axis] == count else torch.cat((pairs, even.narrow(axis, count, 1)), dim=axis)
