"""Tracking with Weights & Biases."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from ..report import COLUMNS, RdRow
from .base import NOTHING, Status, Tracker, opened
from .rd_summary import rd_summary
from .wandb_charts import rd_charts
from .wandb_mode import WandbMode
from .wandb_run import start_run

if TYPE_CHECKING:
    from wandb import Run


class WandbTracker(Tracker):
    """Writes `<folder>/wandb/` and, if online, a page on the W&B server.

    The run's identity is derived from group and name, so that a resumed stage continues its page.

    Args:
        project: The W&B project.
        mode: "online", "offline", "disabled", or None to follow WANDB_MODE, the settings of wandb and whether
            the user is logged in, in this order. An unreachable server is an error unless the mode is None:
            the run then stays offline.
        tags: Labels of every run.
    """

    def __init__(self, project: str, mode: WandbMode | None = None, tags: Sequence[str] = ()) -> None:
        self.project = project
        self.mode = mode
        self.tags = list(tags)
        self._run: Run | None = None
        self._location = ""

    def open(
        self, folder: Path, group: str, name: str, job_type: str, tags: Sequence[str], config: dict[str, Any]
    ) -> WandbLogger:
        """Start a run; see `Tracker.open`. Processes after the first get a logger that does nothing."""
        self.close("ok")
        self._start(
            self.mode,
            dir=folder,
            project=self.project,
            id=run_id(group, name),
            group=group,
            name=name,
            job_type=job_type,
            tags=list(dict.fromkeys([*self.tags, *tags])),
            config=config,
        )
        return WandbLogger(
            project=self.project,
            save_dir=folder,
            version=run_id(group, name),
            log_model=False,
            experiment=self._run,
        )

    @rank_zero_only
    def _start(self, mode: str | None, **arguments: Any) -> None:
        self._run, self._location = start_run(mode, **arguments)

    @rank_zero_only
    def log_rd(
        self,
        rows: Sequence[RdRow],
        figure: Path,
        pictures: Mapping[str, Path] = NOTHING,
        numbers: Mapping[str, float] = NOTHING,
    ) -> None:
        """Log table, charts, figure and pictures; add means and numbers to the summary; see `Tracker.log_rd`."""
        import wandb

        run = opened(self._run)
        table = wandb.Table(columns=list(COLUMNS), data=[list(astuple(row)) for row in rows])
        images = {name: wandb.Image(str(picture)) for name, picture in {"curves": figure, **pictures}.items()}
        run.log({"rd/table": table, **rd_charts(rows), **{f"rd/{name}": image for name, image in images.items()}})
        run.summary.update({**rd_summary(rows), **numbers})

    @rank_zero_only
    def log_picture(self, name: str, picture: Path) -> None:
        """Log an image; see `Tracker.log_picture`."""
        import wandb

        opened(self._run).log({name: wandb.Image(str(picture))})

    def close(self, status: Status) -> None:
        """End the open run and, online, wait for its upload; see `Tracker.close`."""
        if self._run is not None:
            self._run.finish(exit_code=int(status == "failed"))
            self._run = None

    @property
    def location(self) -> str:
        """Return the address of the last run if online, else its folder."""
        return self._location


def run_id(group: str, name: str) -> str:
    """Return the W&B identity of a run, a function of group and name."""
    return hashlib.sha256(f"{group}\n{name}".encode()).hexdigest()[:16]
