"""Extending one half of a split signal past its ends, as the lifting filters need it."""

from enum import StrEnum

import torch
from torch import Tensor


class Phase(StrEnum):
    """Which samples of the full signal a half holds."""

    EVEN = "even"
    ODD = "odd"


class Boundary(StrEnum):
    """How the signal continues outside.

    `symmetric` mirrors the full signal about its first and last sample, as JPEG 2000 does (ISO/IEC 15444-1,
    annex F.4.7). `published` mirrors each half by itself, which repeats the wrong neighbour at one end.
    """

    SYMMETRIC = "symmetric"
    PUBLISHED = "published"


def extend(half: Tensor, phase: Phase, boundary: Boundary) -> Tensor:
    """Add one sample at both ends of axis 2.

    `half` is (B, C, n, a, b), n >= 1: the even or the odd samples of a signal of 2n samples. Returns
    (B, C, n + 2, a, b). Seen from one half, mirroring the full signal repeats the end sample on one side and skips
    it on the other.
    """
    n = half.shape[2]
    skip_first = min(1, n - 1)
    skip_last = max(0, n - 2)
    mirrored_by_itself = boundary == Boundary.PUBLISHED
    first = skip_first if phase is Phase.EVEN or mirrored_by_itself else 0
    last = skip_last if phase is Phase.ODD or mirrored_by_itself else n - 1
    return torch.cat((half[:, :, first : first + 1], half, half[:, :, last : last + 1]), dim=2)
