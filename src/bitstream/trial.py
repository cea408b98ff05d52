"""Trials of rate control: tiles coded at one step."""

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from .grid import Tile
from .step_search import MEASURED, Search
from .tile_index import Mode
from .tile_work import EncodedTile, MeasureTiles

CERTAIN = 3.0
"""Standard errors of an estimated PSNR that must lie within the tolerance; otherwise all tiles are decoded."""


@dataclass(frozen=True, eq=False)
class Total:
    """An estimated sum over tiles, and its standard error in relation to it."""

    value: float
    deviation: float = 0.0


class Trial:
    """The tiles coded at one step."""

    def __init__(self, search: Search, log_step: int) -> None:
        self.search = search
        self.log_step = log_step
        self.codec = search.writer.lossy(log_step)
        self.parts = dict[int, EncodedTile]()

    @property
    def is_complete(self) -> bool:
        """True if all tiles are coded."""
        return len(self.parts) == len(self.search.order)

    @property
    def needs_model(self) -> bool:
        """True if a tile needs the model."""
        return any(part.coded.mode == Mode.MODEL for part in self.parts.values())

    @property
    def is_exact(self) -> bool:
        """True if all tiles are coded, and known to decode without any error."""
        if self.search.target.psnr is None or not self.is_complete:
            return False
        errors = (p.coefficient_error if p.squared_error is None else p.squared_error for p in self.parts.values())
        return all(error == 0 for error in errors)

    def code(self, tiles: Sequence[Tile]) -> None:
        """Code tiles, from which the search learns, and report those that no trial has coded before as processed."""
        search, writer = self.search, self.search.writer
        work = replace(writer.encoder(self.codec), measured=search.measured, looks=search.survey.looks)
        if search.target.psnr is not None:
            work = replace(work, limits=writer.limits)
        with closing(writer.encoded(work, tiles)) as done:
            self.parts |= {tile.number: part for tile, part in done}
        search.learn(self.log_step, {tile.number: self.parts[tile.number] for tile in tiles})
        for tile in tiles:
            if tile.number not in search.reported:
                search.reported.add(tile.number)
                writer.report(tile)

    def value(self) -> float:
        """PSNR or rate of the whole, as far as it is coded, and else as it is expected; see `Target.scaled`."""
        search = self.search
        each = search.estimates(self.log_step)
        missing = float(sum(each[k] for k, tile in enumerate(search.order) if tile.number not in self.parts))
        if search.target.psnr is None:
            return search.scaled(8 * len(self.stream()) + missing)
        return search.scaled(self._error().value + search.ratio * missing)

    def _error(self) -> Total:
        """Squared error: that of all coefficients, times the ratio of both in the tiles where both are measured."""
        inexact = [part for part in self.parts.values() if part.squared_error is None or part.coefficient_error]
        known = [(p.squared_error, p.coefficient_error) for p in inexact if p.squared_error is not None]
        errors, coefficients = np.array(known, np.float64).reshape(-1, 2).T
        if len(known) == len(inexact):
            return Total(float(errors.sum()))
        all_coefficients = sum(part.coefficient_error or 0.0 for part in inexact)
        if len(known) < MEASURED:  # too few for a ratio of their own, let alone its deviation
            return Total(self.search.ratio * all_coefficients, math.inf)
        ratio = float(errors.sum()) / max(float(coefficients.sum()), 1.0)
        total = ratio * all_coefficients
        spread = float(np.square(errors - ratio * coefficients).sum()) / max(1, len(known) - 1) / len(known)
        deviation = len(inexact) * math.sqrt(spread * (1 - len(known) / len(inexact))) / max(total, 1.0)
        return Total(total, deviation)

    def certain(self, goal: float) -> bool:
        """True if all tiles meet the goal; decodes more of them for as long as an estimate leaves doubts."""
        target, count = self.search.target, MEASURED
        while target.psnr is not None:
            doubt, distance = CERTAIN * target.relative * self._error().deviation, abs(self.value() - goal)
            unknown = {number: part for number, part in self.parts.items() if part.squared_error is None}
            if not unknown or not distance - doubt <= target.tolerance < distance + doubt:
                break
            self._measure(unknown, [tile for tile in self.search.order if tile.number in unknown][:count])
            count *= 2
        return abs(self.value() - goal) <= target.tolerance

    def _measure(self, parts: Mapping[int, EncodedTile], tiles: Sequence[Tile]) -> None:
        """Decode tiles to measure their error."""
        writer = self.search.writer
        with closing(writer.encoded(MeasureTiles(self.codec, writer.limits, parts), tiles)) as done:
            self.parts |= {tile.number: part for tile, part in done}

    def stream(self) -> bytes:
        """The stream; tiles that are not coded yet are empty."""
        return self.search.writer.joined(self.codec, self.search.survey.fixed | self.parts)
