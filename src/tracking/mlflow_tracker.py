"""Tracking in MLflow, on a server or in a file of one's own."""

import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn

from ..errors import AiwaveError
from ..report.tables import RD_TABLE, RdRow, write_rd_csv
from .tracker import NOTHING, Status, Tracker, opened, rd_summary, run_id

if TYPE_CHECKING:
    from mlflow import MlflowClient

IDENTITY, GROUP, STAGE, LABELS = "aiwave.id", "aiwave.group", "aiwave.stage", "aiwave.tags"
"""Tags of a run; MLflow chooses the identities of runs itself, so that ours is one of them."""

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
"""Defaults of environment variables: MLflow reports nothing to its makers, gives up after seconds, not minutes, and
starts no processes for jobs of other kinds."""

TRAINING = "?workflowType=machine_learning"
"""End of the address of a page, which otherwise shows what MLflow has for language models."""

BATCH = 1000
"""The most numbers that MLflow takes at once."""


def mlflow_address() -> str:
    """Return where MLflow keeps runs: MLFLOW_TRACKING_URI or, by default, `mlflow.db` in the working folder.

    Raises:
        ModuleNotFoundError: If MLflow is not installed.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return os.environ.get("MLFLOW_TRACKING_URI") or mlflow.get_tracking_uri()


class MlflowTracker(Tracker):
    """Records stages and evaluations as MLflow runs, nested in one run for their group.

    Only the environment says where: `MLFLOW_TRACKING_URI`, else `mlflow.db` and `mlruns/` in the working folder, as for
    every user of MLflow. `experiment` is the name of the MLflow experiment, `tags` are labels of every run.

    Raises:
        ModuleNotFoundError: If MLflow is not installed.
    """

    def __init__(self, experiment: str, tags: Sequence[str] = ()) -> None:
        if find_spec("mlflow") is None:
            raise ModuleNotFoundError("MLflow is not installed", name="mlflow")
        self.experiment = experiment
        self.tags = list(tags)
        self._logger: _Logger | None = None
        self._parent = ""
        self._location = ""

    def open(
        self, folder: Path, group: str, name: str, job_type: str, tags: Sequence[str], config: dict[str, Any]
    ) -> MLFlowLogger:
        """Start or continue a run; see `Tracker.open`. The configuration is recorded when it starts."""
        self.close("ok")
        address = mlflow_address()
        with _refusals(address):
            logger = _Logger(self.experiment, tracking_uri=address, run_name=name)
            client, place = logger.client, _experiment(logger.client, self.experiment)
            self._parent, _ = _run(client, place, run_id(group, ""), group, {GROUP: group})
            about = {GROUP: group, STAGE: job_type, LABELS: ", ".join([*self.tags, *tags])}
            about["mlflow.parentRunId"] = self._parent
            identity, is_new = _run(client, place, run_id(group, name), name, about)
            logger.use(identity)
            if is_new:
                logger.log_hyperparams({key: value for key, value in config.items() if key != "provenance"})
                client.log_dict(identity, config, "record.yaml")
        self._logger = logger
        is_server = address.startswith("http")
        self._location = f"{address}/#/experiments/{place}/runs/{identity}{TRAINING}" if is_server else address
        return logger

    def log_rd(
        self,
        rows: Sequence[RdRow],
        figure: Path,
        pictures: Mapping[str, Path] = NOTHING,
        numbers: Mapping[str, float] = NOTHING,
    ) -> None:
        """Store table, figure and pictures in `rd/`, means and numbers as metrics; see `Tracker.log_rd`."""
        logger = opened(self._logger)
        with _refusals(mlflow_address()), TemporaryDirectory(prefix="aiwave_") as name:
            folder = Path(name)
            write_rd_csv(rows, folder / RD_TABLE)
            for title, picture in {"curves": figure, **pictures}.items():
                shutil.copyfile(picture, folder / f"{title}.png")
            logger.client.log_artifacts(logger.identity, name, "rd")
        logger.log_metrics({**rd_summary(rows), **numbers})

    def log_picture(self, name: str, picture: Path) -> None:
        """Store a picture; see `Tracker.log_picture`."""
        logger = opened(self._logger)
        with _refusals(mlflow_address()), TemporaryDirectory(prefix="aiwave_") as folder:
            copy = shutil.copyfile(picture, Path(folder) / f"{name}.png")
            logger.client.log_artifact(logger.identity, str(copy))

    def close(self, status: Status) -> None:
        """End the open run and its group's; see `Tracker.close`. A server that is gone is no reason to fail."""
        if self._logger is None:
            return
        from mlflow.exceptions import MlflowException

        logger, self._logger = self._logger, None
        with suppress(MlflowException):
            for run in (logger.identity, self._parent):
                logger.client.set_terminated(run, "FINISHED" if status == "ok" else "FAILED")

    @property
    def location(self) -> str:
        """Return the page of the last run on a server, else the address of the file."""
        return self._location


class _Logger(MLFlowLogger):
    """Lightning's logger, with names that MLflow accepts; a training outlives the server that it reports to."""

    is_lost = False

    @property
    def identity(self) -> str:
        """MLflow's identity of the run."""
        return str(self._run_id)

    @property
    def client(self) -> "MlflowClient":
        """Connection to the store, with or without a run."""
        return self._mlflow_client

    def use(self, identity: str) -> None:
        """Log to an existing run."""
        self._run_id = identity

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers; after the first failure, which is told, none."""
        from mlflow.exceptions import MlflowException

        named = [(metric_name(key), value) for key, value in metrics.items()]
        try:
            for first in range(0, 0 if self.is_lost else len(named), BATCH):
                super().log_metrics(dict(named[first : first + BATCH]), step)
        except MlflowException as error:
            self.is_lost = True
            rank_zero_warn(f"MLflow does not answer, so the rest of this run is not in it: {_first_line(error)}.")

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Do nothing: the tracker ends its runs."""


def metric_name(name: str) -> str:
    """Return `name` with the characters that MLflow accepts: `val/bpp@25` becomes `val/bpp_25`, and () are dropped."""
    return re.sub(r"[^\w/. -]", "", name.replace("@", "_"))


def _experiment(client: "MlflowClient", name: str) -> str:
    """Identity of the experiment, which is created if missing."""
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found is not None else client.create_experiment(name)


def _run(client: "MlflowClient", place: str, identity: str, name: str, tags: dict[str, str]) -> tuple[str, bool]:
    """MLflow's identity of our run `identity`, which is running from now on, and whether it is new."""
    found = client.search_runs([place], f"tags.`{IDENTITY}` = '{identity}'", max_results=1)
    run = found[0] if found else client.create_run(place, run_name=name, tags={**tags, IDENTITY: identity})
    client.update_run(run.info.run_id, status="RUNNING")
    return run.info.run_id, not found


@contextmanager
def _refusals(address: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise AiwaveError(
            f"MLflow at {address} cannot be used ({_first_line(error)}): start its server, or correct "
            "MLFLOW_TRACKING_URI."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200].rstrip(".:")
