"""The bands of tiles, quantised and coded by the compiled core."""

from collections.abc import Callable, Sequence
from types import ModuleType

import numpy as np

from ..models.bands import DETAILS, Size, splits
from .constants import COEFFICIENT_LIMIT
from .engine import Levels
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized
from .native_coarse import next_approx
from .native_coder import NativeCoder

Choose = Callable[[int, Size, np.ndarray, np.ndarray, np.ndarray | None, int], np.ndarray]


class NativeEntropy:
    """Quantises and codes tiles with an integer model, as `Engine` says; `native` is the compiled module."""

    def __init__(self, native: ModuleType, model: IntegerContext | IntegerFactorized, threads: int = 1) -> None:
        self._native, self._model = native, model
        self._coder = NativeCoder(native, model, threads)

    def quantised(self, exact: Levels, size: Size, log_step: int, looks: int) -> Levels:
        """See `Engine.quantised`; bits are weighed in the context of the previous choice `looks` times."""
        if not self._model.dependent:
            nearest = [np.rint(stack).astype(np.int32) for stack in exact]
            return self._chosen(self._coder.choose_integers, exact, nearest, size, log_step) if looks else nearest
        q = self._first_path(exact, size, log_step)
        for _ in range(looks):
            q = self._chosen(self._coder.choose_path, exact, q, size, log_step)
        return q

    def encode(self, q: Levels, size: Size, log_step: int) -> list[list[bytes]]:
        """See `Engine.encode`. Raises ValueError for coefficients that are too large."""
        if max(max(-int(stack.min()), int(stack.max())) for stack in q) > COEFFICIENT_LIMIT:
            raise ValueError(f"a coefficient is beyond {COEFFICIENT_LIMIT}")
        segments: list[list[bytes]] = [[] for _ in q[0]]
        approx: np.ndarray | None = None
        for level, (stack, whole) in enumerate(zip(q, splits(size, len(q)), strict=True)):
            coded = self._coder.encode_level(level, whole, stack, approx, log_step)
            for own, added in zip(segments, coded, strict=True):
                own.extend(added)
            approx = self._next_approx(level, stack, approx, whole)
        return segments

    def decode(self, tiles: Sequence[Sequence[bytes]], size: Size, log_step: int, levels: int) -> Levels:
        """See `Engine.decode`."""
        q: Levels = []
        approx: np.ndarray | None = None
        for level, whole in enumerate(splits(size, self._model.levels)[:levels]):
            first, last = (1 + DETAILS * level if level else 0), 1 + DETAILS * (level + 1)
            segments = [tile[first:last] for tile in tiles]
            q.append(self._coder.decode_level(level, whole, segments, approx, log_step))
            approx = self._next_approx(level, q[-1], approx, whole)
        return q

    def _chosen(self, choose: Choose, exact: Levels, before: Levels, size: Size, log_step: int) -> Levels:
        """The choice in the context of the choice `before`."""
        q: Levels = []
        approx: np.ndarray | None = None
        for level, whole in enumerate(splits(size, len(exact))):
            q.append(choose(level, whole, exact[level], before[level], approx, log_step))
            approx = self._next_approx(level, before[level], approx, whole)
        return q

    def _first_path(self, exact: Levels, size: Size, log_step: int) -> Levels:
        """The path through the trellis before any look at the entropy model."""
        sizes = enumerate(splits(size, len(exact)))
        return [self._coder.choose_path(level, whole, exact[level], None, None, log_step) for level, whole in sizes]

    def _next_approx(self, level: int, stack: np.ndarray, approx: np.ndarray | None, size: Size) -> np.ndarray | None:
        """The reconstruction for the level after this one, which splits `size`; None if it needs none."""
        model = self._model
        options = model.synthesis(level) if isinstance(model, IntegerContext) else None
        return None if options is None else next_approx(self._native, stack, approx, size, **options)
