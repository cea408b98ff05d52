"""Coefficients that no voxel of a tile needs: an encoder's choice, unknown to decoders.

Tiles are extended to multiples of 2**levels. Voxels out there are not kept, so neither are coefficients that only they
depend on.
"""

from collections.abc import Sequence

from torch import Tensor

from .boundary import Phase
from .subbands import Subbands


def needed(size: int, sources: Sequence[Phase]) -> int:
    """How many coefficients of each half the first `size` samples follow from.

    `sources` are the halves that the lifting steps read, in the order of analysis: a step that reads the even samples
    needs one more of them than there are odd ones, one that reads the odd samples as many.
    """
    even, odd = (size - 1) // 2, (size - 2) // 2
    for source in sources:
        if source is Phase.EVEN:
            even = max(even, odd + 1)
        else:
            odd = max(odd, even)
    return max(even, odd) + 1


def without_beyond(q: Subbands, size: Sequence[int], sources: Sequence[Phase] | None) -> Subbands:
    """Subbands (B, n, d, h, w) of a tile of `size` (D, H, W) with zeros in all details that its voxels do not need.

    `sources` belong to lifting steps of three taps without networks; None: there are others, all is needed.
    """
    if sources is None:
        return q
    kept = list(size)
    details: list[Tensor] = []
    for level in reversed(q.details):
        kept = [needed(length, sources) for length in kept]
        inside = level.clone()
        for axis, length in enumerate(kept, start=2):
            inside.narrow(axis, min(length, level.shape[axis]), max(0, level.shape[axis] - length)).zero_()
        details.insert(0, inside)
    return Subbands(q.approx, tuple(details))
