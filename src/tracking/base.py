"""The interface of a tracker."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pytorch_lightning.loggers import Logger

from ..errors import AiwaveError
from ..report import RdRow

Status = Literal["ok", "failed"]
Run = TypeVar("Run")
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Tracker(ABC):
    """One run at a time: a training stage or an evaluation, opened, logged to and closed.

    Its constructor takes the options of `conf/logger/NAME.yaml`.
    """

    @abstractmethod
    def open(
        self, folder: Path, group: str, name: str, job_type: str, tags: Sequence[str], config: dict[str, Any]
    ) -> Logger | list[Logger] | bool:
        """Start a run, after closing the previous one, and return its logger for the `Trainer`.

        Args:
            folder: Existing folder of the stage; all files of the run go there.
            group: Name shared by the stages and evaluations of one experiment.
            name: Name of this run within the group; opening the same name again continues the run.
            job_type: What the run does, such as "train" or "eval".
            tags: Labels of this run, in addition to those of the tracker.
            config: Settings to record, as plain values.

        Returns:
            One or several loggers, or False for no logging.

        Raises:
            AiwaveError: If the tracking service cannot be used.
        """

    @abstractmethod
    def log_rd(
        self,
        rows: Sequence[RdRow],
        figure: Path,
        pictures: Mapping[str, Path] = NOTHING,
        numbers: Mapping[str, float] = NOTHING,
    ) -> None:
        """Record an RD table, its figure and its means per quality in the open run.

        Args:
            rows: The table.
            figure: PNG of its curves.
            pictures: Further PNGs, such as slices, by name.
            numbers: Further numbers, such as BD-rates, by name.

        Raises:
            AiwaveError: If no run is open.
        """

    @abstractmethod
    def log_picture(self, name: str, picture: Path) -> None:
        """Record a PNG under `name` in the open run.

        Raises:
            AiwaveError: If no run is open.
        """

    @abstractmethod
    def close(self, status: Status) -> None:
        """End the open run with this outcome; do nothing if no run is open."""

    @property
    @abstractmethod
    def location(self) -> str:
        """Folder or address of the last opened run, for the user; empty if there is none."""


def opened(run: Run | None) -> Run:
    """Return `run`.

    Raises:
        AiwaveError: If it is None, i.e. no run is open.
    """
    if run is None:
        raise AiwaveError("No run is open to log to; open the tracker first.")
    return run
