"""The interface of an integer entropy model that codes bands."""

from typing import Protocol

from torch import Tensor

from ..models.subbands import Subbands
from .integer_density import IntegerDensity
from .wavefront import Memory, Wavefront


class BandModel(Protocol):
    """The densities of one band of T tiles, given its known coefficients; see `BandPass`."""

    def write(self, start: int, end: int, q: Tensor) -> None: ...  # noqa: D102

    def mixed(self, start: int, end: int) -> tuple[Tensor, Tensor]: ...  # noqa: D102

    def parameters(self, mixed: Tensor, second: Tensor | None = None) -> Tensor: ...  # noqa: D102


class LevelModel(Protocol):
    """The bands of one level, requested in coding order.

    Densities of a position may be requested once all its neighbours in the previous bands are written.
    """

    def band(self, letters: int, log_step: int) -> BandModel: ...  # noqa: D102


class IntegerModel(Protocol):
    """An entropy model in integers."""

    @property
    def levels(self) -> int: ...  # noqa: D102

    @property
    def density(self) -> IntegerDensity: ...  # noqa: D102

    @property
    def dependent(self) -> bool: ...  # noqa: D102

    @property
    def states(self) -> int: ...  # noqa: D102

    def next_approx(self, q: Subbands, level: int, approx: Tensor | None) -> Tensor | None: ...  # noqa: D102

    def fronts(self, wave: Wavefront) -> list[tuple[int, int]]: ...  # noqa: D102

    def level(  # noqa: D102
        self, level: int, wave: Wavefront, tiles: int, approx: Tensor | None, memory: Memory | None = None
    ) -> LevelModel: ...
