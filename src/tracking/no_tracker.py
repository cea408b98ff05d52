"""No tracking."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..report import RdRow
from .base import NOTHING, Status, Tracker


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
