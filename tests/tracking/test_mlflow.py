"""MLflow: a server on this machine, with a SQLite file, is asked through its own API what a training has told it."""

import json
import math
import os
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from pytorch_lightning.loggers import MLFlowLogger

from aiwave.errors import AiwaveError
from aiwave.tracking import MlflowTracker
from aiwave.tracking.local_server import HOST, free_port, local_server
from tests.short_runs import train
from tests.tracking.test_trackers import ROWS, figure  # noqa: F401

pytest.importorskip("mlflow", reason="MLflow is not installed: pip install 'aiwave[mlflow]'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a server."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", HOST)
        patch.setenv("no_proxy", HOST)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder)]
        with local_server("MLflow", command, port) as address:
            patch.setenv("MLFLOW_TRACKING_URI", address.rstrip("/"))
            yield address.rstrip("/")


def asked(address, path, **body):
    """An answer of the server's REST API."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{address}/api/2.0/mlflow/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def runs_of(address, experiment):
    """The runs of an experiment by their tag `aiwave.stage`, and the run that they are nested in."""
    found = asked(address, f"experiments/get-by-name?experiment_name={experiment}")["experiment"]
    runs = asked(address, "runs/search", experiment_ids=[found["experiment_id"]])["runs"]
    for run in runs:
        for part in ("tags", "metrics", "params"):
            run["data"][part] = {item["key"]: item["value"] for item in run["data"].get(part, [])}
    (parent,) = [run for run in runs if "aiwave.stage" not in run["data"]["tags"]]
    return {run["data"]["tags"]["aiwave.stage"]: run for run in runs if run is not parent}, parent


def artifact(address, run, path):
    query = f"run_uuid={run['info']['run_id']}&path={path}"
    with urllib.request.urlopen(f"{address}/get-artifact?{query}", timeout=60) as reply:
        return reply.read()


def test_a_training_is_found_through_the_api(served, data_root, tmp_path):
    folder = tmp_path / "run"
    assert train(data_root, folder, "logger=mlflow", "logger.experiment=whole") == 0
    stages, parent = runs_of(served, "whole")
    assert set(stages) == {"additive", "affine", "finetune", "evaluate"}
    for name, run in stages.items():
        assert run["info"]["status"] == "FINISHED"
        assert run["data"]["tags"]["mlflow.parentRunId"] == parent["info"]["run_id"]
        assert run["data"]["params"]["dataset/subset"] == "cells"
        if name != "evaluate":
            assert math.isfinite(run["data"]["metrics"]["val/loss"])
            assert run["data"]["metrics"]["val/psnr_3"] > run["data"]["metrics"]["val/psnr_12"]
            assert artifact(served, run, "slices.png") == (folder / "stages" / name / "slices.png").read_bytes()
    evaluation = stages["evaluate"]
    assert artifact(served, evaluation, "rd/curves.png") == (folder / "rd.png").read_bytes()
    table, again = artifact(served, evaluation, "rd/rd.csv").decode(), (folder / "rd.csv").read_text()
    assert table.splitlines() == again.splitlines()
    for picture in (folder / "slices").glob("*.png"):
        assert artifact(served, evaluation, f"rd/{picture.name}") == picture.read_bytes()
    means = {key: value for key, value in evaluation["data"]["metrics"].items() if key.endswith("/3/bpp")}
    rows = [line.split(",") for line in table.splitlines()[1:]]
    assert list(means.values()) == [pytest.approx(sum(float(r[4]) for r in rows if float(r[3]) == 3) / 2)]


def test_a_run_that_is_opened_again_continues(served, tmp_path, figure):  # noqa: F811
    tracker = MlflowTracker("again", ["study"])
    for step in range(2):
        logger = tracker.open(tmp_path, "exp", "one", "affine", ["fast"], {"width": 8 + step, "provenance": {"a": 1}})
        assert isinstance(logger, MLFlowLogger)
        logger.log_metrics({"loss": 2.0 - step}, step=step)
        tracker.log_rd(ROWS, figure)
        tracker.close("failed" if step else "ok")
        tracker.close("ok")
    stages, parent = runs_of(served, "again")
    (run,) = stages.values()
    assert (run["info"]["status"], parent["info"]["status"]) == ("FAILED", "FAILED")
    assert run["data"]["tags"]["aiwave.tags"] == "study, fast"
    assert run["data"]["params"] == {"width": "8"}
    assert run["data"]["metrics"]["rd/brain/ours/0.01/bpp"] == 0.6
    history = asked(served, f"metrics/get-history?run_id={run['info']['run_id']}&metric_key=loss")["metrics"]
    assert [(point["step"], point["value"]) for point in history] == [(0, 2.0), (1, 1.0)]
    assert f"/runs/{run['info']['run_id']}" in tracker.location
    assert tracker.location.startswith(served)


def test_a_server_that_is_gone_ends_no_training(served, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker = MlflowTracker("gone")
    logger = tracker.open(tmp_path, "exp", "one", "affine", [], {})
    monkeypatch.setattr(logger.client._tracking_client.store, "get_host_creds", nobody)
    with pytest.warns(UserWarning, match="MLflow does not answer"):
        logger.log_metrics({"loss": 1.0}, step=0)
    logger.log_metrics({"loss": 1.0}, step=1)
    tracker.close("ok")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(AiwaveError, match=r"MLflow at http://127\.0\.0\.1:9 cannot be used"):
        MlflowTracker("gone").open(tmp_path, "exp", "one", "affine", [], {})


def nobody():
    from mlflow.utils.rest_utils import MlflowHostCreds

    return MlflowHostCreds("http://127.0.0.1:9")


def test_without_a_server_it_is_a_file_in_the_working_folder(tmp_path):
    code = (
        "from aiwave.tracking import MlflowTracker; from pathlib import Path; tracker = MlflowTracker('alone'); "
        "tracker.open(Path(), 'exp', 'one', 'affine', [], {'width': 8}).log_metrics({'loss': 1.0}, step=0); "
        "tracker.close('ok'); print(tracker.location)"
    )
    alone = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"sqlite:///{tmp_path}/mlflow.db"
    assert done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlruns"}
