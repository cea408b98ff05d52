"""Tracking in TensorBoard event files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from ..report.tables import RdRow, format_table
from .tracker import NOTHING, Status, Tracker, opened, rd_summary, run_record


class TensorBoardTracker(Tracker):
    """Writes `<folder>/tensorboard/<job type>/`; continuing a run adds a further event file to it.

    `tags` are labels of every run.
    """

    def __init__(self, tags: Sequence[str] = ()) -> None:
        self.tags = list(tags)
        self._logger: TensorBoardLogger | None = None
        self._location = ""

    def open(
        self, folder: Path, group: str, name: str, job_type: str, tags: Sequence[str], config: dict[str, Any]
    ) -> TensorBoardLogger:
        """Start a run; see `Tracker.open`."""
        self.close("ok")
        self._logger = logger = TensorBoardLogger(folder, name="tensorboard", version=job_type, default_hp_metric=False)
        self._location = logger.log_dir
        logger.log_hyperparams({**config, **run_record(group, name, job_type, [*self.tags, *tags])})
        return logger

    @rank_zero_only
    def log_rd(
        self,
        rows: Sequence[RdRow],
        figure: Path,
        pictures: Mapping[str, Path] = NOTHING,
        numbers: Mapping[str, float] = NOTHING,
    ) -> None:
        """Add the table as text, figure and pictures as images, means and numbers as scalars; see `Tracker.log_rd`."""
        writer = opened(self._logger).experiment
        table = format_table(rows).replace("\n", "\n    ")
        writer.add_text("rd/table", f"    {table}")
        writer.add_image("rd/curves", _pixels(figure), dataformats="HWC")
        for name, picture in pictures.items():
            writer.add_image(f"rd/{name}", _pixels(picture), dataformats="HWC")
        for key, number in {**rd_summary(rows), **numbers}.items():
            writer.add_scalar(key, number)
        writer.flush()

    @rank_zero_only
    def log_picture(self, name: str, picture: Path) -> None:
        """Add an image; see `Tracker.log_picture`."""
        from matplotlib.image import imread

        opened(self._logger).experiment.add_image(name, imread(picture)[..., :3], dataformats="HWC")

    def close(self, status: Status) -> None:
        """End the open run; see `Tracker.close`."""
        if self._logger is not None:
            self._logger.finalize("success" if status == "ok" else "failed")
            self._logger = None

    @property
    def location(self) -> str:
        """Return the folder of the last run."""
        return self._location


def _pixels(path: Path) -> Any:
    """A PNG as (H, W, 3) floats from 0 to 1."""
    from matplotlib.image import imread

    pixels = imread(path)
    return pixels[..., None].repeat(3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
