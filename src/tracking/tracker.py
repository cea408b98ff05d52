"""Trackers of runs: their interface, one that records nothing, and one that forwards to several."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pytorch_lightning.loggers import Logger

from ..errors import AiwaveError
from ..report.tables import RdRow, mean_curves


def run_record(group: str, name: str, job_type: str, tags: Sequence[str]) -> dict[str, Any]:
    """Return the names of a run under one key, to be recorded with its configuration."""
    return {"run": {"group": group, "name": name, "job_type": job_type, "tags": list(tags)}}


def run_id(group: str, name: str) -> str:
    """Return the identity of a run for a tracking service, a function of group and name."""
    return hashlib.sha256(f"{group}\n{name}".encode()).hexdigest()[:16]


def rd_summary(rows: Iterable[RdRow]) -> dict[str, float]:
    """Return mean rate [bit/voxel] and PSNR [dB] as `rd/<dataset>/<codec>/<quality>/<bpp or psnr_db>`."""
    return {
        f"rd/{dataset}/{codec}/{point.quality:g}/{measure}": getattr(point, measure)
        for (dataset, codec), points in mean_curves(rows).items()
        for point in points
        for measure in ("bpp", "psnr_db")
    }


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
            folder: Existing folder of the run, for the files that trackers keep.
            group: Name shared by the stages and evaluations of one experiment.
            name: Name of this run within the group; opening the same name again continues the run.
            job_type: What the run does: the name of a stage, "evaluate" or "report".
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


@contextmanager
def tracked(tracker: Tracker, *of_open: Any) -> Iterator[None]:
    """Tracked run around a block, opened with the arguments of `Tracker.open`; it failed if the block raises."""
    status: Status = "failed"
    try:
        tracker.open(*of_open)
        yield
        status = "ok"
    finally:
        tracker.close(status)


class NoTracker(Tracker):
    """Records nothing; `open` returns False."""

    def open(
        self, folder: Path, group: str, name: str, job_type: str, tags: Sequence[str], config: dict[str, Any]
    ) -> bool:
        """Return False: the `Trainer` logs nowhere."""
        return False

    def log_rd(
        self,
        rows: Sequence[RdRow],
        figure: Path,
        pictures: Mapping[str, Path] = NOTHING,
        numbers: Mapping[str, float] = NOTHING,
    ) -> None:
        """Do nothing."""

    def log_picture(self, name: str, picture: Path) -> None:
        """Do nothing."""

    def close(self, status: Status) -> None:
        """Do nothing."""

    @property
    def location(self) -> str:
        """Return the empty string."""
        return ""


class ManyTrackers(Tracker):
    """Forwards every call to each of `trackers`, in order."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self.trackers = list(trackers)

    def open(
        self, folder: Path, group: str, name: str, job_type: str, tags: Sequence[str], config: dict[str, Any]
    ) -> list[Logger]:
        """Start a run with each tracker; see `Tracker.open`. Returns the loggers of those that have one."""
        loggers = [tracker.open(folder, group, name, job_type, tags, config) for tracker in self.trackers]
        return [logger for logger in loggers if isinstance(logger, Logger)]

    def log_rd(
        self,
        rows: Sequence[RdRow],
        figure: Path,
        pictures: Mapping[str, Path] = NOTHING,
        numbers: Mapping[str, float] = NOTHING,
    ) -> None:
        """See `Tracker.log_rd`."""
        for tracker in self.trackers:
            tracker.log_rd(rows, figure, pictures, numbers)

    def log_picture(self, name: str, picture: Path) -> None:
        """See `Tracker.log_picture`."""
        for tracker in self.trackers:
            tracker.log_picture(name, picture)

    def close(self, status: Status) -> None:
        """End the run of each tracker; see `Tracker.close`."""
        with ExitStack() as closing:  # all of them, even if one fails
            for tracker in self.trackers:
                closing.callback(tracker.close, status)

    @property
    def location(self) -> str:
        """Return the locations of all trackers."""
        return ", ".join(tracker.location for tracker in self.trackers if tracker.location)
