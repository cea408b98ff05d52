"""Tracking in Weights & Biases, with rate-distortion curves as its charts."""

import hashlib
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from pydantic import ValidationError
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn

from ..errors import AiwaveError
from ..report.tables import COLUMNS, RdRow, mean_curves
from .tracker import NOTHING, Status, Tracker, opened, rd_summary, run_id
from .wandb_files import next_step

if TYPE_CHECKING:
    from wandb import Run


def rd_charts(rows: Iterable[RdRow]) -> dict[str, Any]:
    """One line chart per data set, `rd/chart/<dataset>`: mean PSNR [dB] against rate [bit/voxel], a line per codec.

    Names that wandb cannot take end in a hash instead, so that those of two sets still differ.
    """
    import wandb

    points: dict[str, list[list[Any]]] = {}
    for (dataset, codec), curve in mean_curves(rows).items():
        lossy = [[codec, point.bpp, point.psnr_db] for point in curve if math.isfinite(point.psnr_db)]
        points.setdefault(dataset, []).extend(lossy)
    return {
        f"rd/chart/{_fitting(dataset)}": wandb.plot.line(
            wandb.Table(columns=["codec", "bpp", "psnr_db"], data=found),
            x="bpp",
            y="psnr_db",
            stroke="codec",
            title=f"{dataset}: PSNR [dB] over bits per voxel",
            split_table=True,
        )
        for dataset, found in points.items()
        if found
    }


LONGEST_CHART = 60  # characters; the name of a chart's table, which begins with the run's, can have 128


def _fitting(dataset: str) -> str:
    plain = re.sub(r"[/\\:]|^\.+", "_", dataset)
    if plain == dataset and len(dataset) <= LONGEST_CHART:
        return dataset
    return f"{plain[: LONGEST_CHART - 9]}-{hashlib.sha256(dataset.encode()).hexdigest()[:8]}"


WandbMode = Literal["online", "offline", "disabled"]


def wandb_mode(wished: str | None) -> WandbMode:
    """Return the mode to run Weights & Biases in.

    The first of these that is set: `wished`; the environment variable WANDB_MODE; the mode that `wandb offline` or
    `wandb disabled` stored in wandb's settings; "online" for a user who is logged in; "offline".

    Raises:
        AiwaveError: If the mode is not one of `WandbMode`, or the stored credentials are malformed.
    """
    mode = wished or os.environ.get("WANDB_MODE") or _default_mode()
    if mode not in get_args(WandbMode):
        raise AiwaveError(f"The W&B mode is {mode!r}, but it must be one of {', '.join(get_args(WandbMode))}.")
    return cast(WandbMode, mode)


def _default_mode() -> str:
    """The mode that wandb's own `init` would choose, found without a prompt and without changing wandb's state."""
    from wandb.errors import AuthenticationError
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib.wbauth import authenticate_session

    settings = wandb_setup.singleton().settings
    if settings.mode != "online":
        return settings.mode
    try:
        credentials = authenticate_session(host=settings.base_url, source="aiwave", prompt=False, update_session=False)
    except AuthenticationError as error:
        raise AiwaveError(f"W&B credentials are unusable: {str(error).rstrip('.')}.") from error
    return "online" if credentials else "offline"


INIT_TIMEOUT_S = 60.0
LONGEST_TAG = 64  # characters; wandb refuses longer ones
FINISH_TIMEOUT_S = 600.0  # wandb waits forever by default; whatever is not uploaded by then stays on disk


def start_run(wished: str | None, **arguments: Any) -> tuple["Run", str]:
    """Start a run.

    Args:
        wished: Mode of the run; None to let `wandb_mode` choose, and to fall back to offline if that fails.
        arguments: Arguments of `wandb.init`.

    Returns:
        The run, and its address if online or its folder if offline.

    Raises:
        AiwaveError: If a run is already open, or wandb refuses to start one.
    """
    import wandb

    if wandb.run is not None:
        raise AiwaveError("A W&B run is already open in this process; end it with wandb.finish() first.")
    mode = wandb_mode(wished)
    try:
        return _start(mode, **arguments)
    except wandb.errors.CommError as error:
        # the failed run keeps its identity occupied until wandb's service restarts
        wandb.teardown()
        if wished is not None:
            raise AiwaveError(f"W&B cannot start a run: {_first_line(error)}.") from error
        rank_zero_warn(f"W&B cannot be reached, so this run stays offline: {_first_line(error)}.")
        return _start("offline", **arguments)
    except wandb.errors.Error as error:
        raise AiwaveError(f"W&B cannot start a run: {_first_line(error)}.") from error
    except ValidationError as error:
        reasons = "; ".join(found["msg"].removeprefix("Value error, ") for found in error.errors())
        raise AiwaveError(f"W&B cannot start a run: {reasons}.") from error


def _start(mode: WandbMode, **arguments: Any) -> tuple["Run", str]:
    import wandb

    settings = wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        finish_timeout=FINISH_TIMEOUT_S,
        init_timeout=INIT_TIMEOUT_S,
        quiet=True,
        save_code=False,
        silent=True,
    )
    begin = next_step(Path(arguments["dir"]), arguments["id"]) if mode == "offline" and "id" in arguments else 0
    run = wandb.init(mode=mode, resume="allow", settings=settings, **arguments)
    if begin:  # online, the server says where a resumed run has come to
        run.log({}, step=begin, commit=False)
    # the steps of the Trainer, as WandbLogger defines them for its own runs
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    # asking an offline run for its address prints a warning
    address = run.url if mode == "online" else None
    folder = "" if mode == "disabled" else str(run.settings.sync_dir)
    return run, address or folder


def _shortened(tag: str) -> str:
    """A tag as it is, or its beginning: the name of a mixture of sets can be hundreds of characters long."""
    return tag if len(tag) <= LONGEST_TAG else f"{tag[: LONGEST_TAG - 1]}…"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".:")


class WandbTracker(Tracker):
    """Writes `<folder>/wandb/` and, if online, a page on the W&B server.

    The run's identity is derived from group and name, so that a resumed stage continues its page. Offline, each part
    of a resumed run has a folder of its own, whose steps follow those of the part before: `wandb sync` joins them.

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
            tags=list(dict.fromkeys(_shortened(tag) for tag in (*self.tags, *tags))),
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
