"""Tracking in CSV files, without a service."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.utilities import rank_zero_only

from ..report.rd_plot import RD_FIGURE
from ..report.tables import RD_TABLE, RdRow, write_rd_csv
from ..writing import replacing
from .tracker import NOTHING, Status, Tracker, opened, run_record


class CsvTracker(Tracker):
    """Writes metrics.csv, hparams.yaml and, if any, rd.csv and rd.png to `<folder>/csv/<job type>/version_<n>/`.

    Continuing a run starts the next version, so that nothing is overwritten. `tags` are labels of every run.
    """

    def __init__(self, tags: Sequence[str] = ()) -> None:
        self.tags = list(tags)
        self._logger: CSVLogger | None = None
        self._location = ""

    def open(
        self, folder: Path, group: str, name: str, job_type: str, tags: Sequence[str], config: dict[str, Any]
    ) -> CSVLogger:
        """Start a run; see `Tracker.open`."""
        self.close("ok")
        self._logger = logger = CSVLogger(folder, name=f"csv/{job_type}")
        self._location = logger.log_dir
        logger.log_hyperparams({**config, **run_record(group, name, job_type, [*self.tags, *tags])})
        logger.save()
        return logger

    @rank_zero_only
    def log_rd(
        self,
        rows: Sequence[RdRow],
        figure: Path,
        pictures: Mapping[str, Path] = NOTHING,
        numbers: Mapping[str, float] = NOTHING,
    ) -> None:
        """Write the tables, and copy figure and pictures beside the metrics; see `Tracker.log_rd`."""
        folder = Path(opened(self._logger).log_dir)
        write_rd_csv(rows, folder / RD_TABLE)
        _copy(figure, folder / RD_FIGURE)
        for name, picture in pictures.items():
            _copy(picture, folder / "pictures" / f"{name}.png")
        if numbers:
            with replacing(folder / "numbers.csv") as temporary:
                temporary.write_text("".join(f"{key},{value!r}\n" for key, value in numbers.items()), encoding="utf-8")

    @rank_zero_only
    def log_picture(self, name: str, picture: Path) -> None:
        """Copy the picture beside the metrics; see `Tracker.log_picture`."""
        _copy(picture, Path(opened(self._logger).log_dir) / f"{name}.png")

    def close(self, status: Status) -> None:
        """End the open run; see `Tracker.close`."""
        if self._logger is not None:
            self._logger.finalize(status)
            self._logger = None

    @property
    def location(self) -> str:
        """Return the folder of the last run."""
        return self._location


def _copy(source: Path, path: Path) -> None:
    with replacing(path) as temporary:
        shutil.copyfile(source, temporary)
