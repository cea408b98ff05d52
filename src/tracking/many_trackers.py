"""Several trackers at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

from ..report import RdRow
from .base import NOTHING, Status, Tracker


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
        for tracker in self.trackers:
            tracker.close(status)

    @property
    def location(self) -> str:
        """Return the locations of all trackers."""
        return ", ".join(tracker.location for tracker in self.trackers if tracker.location)
