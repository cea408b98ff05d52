import json
import math
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger, WandbLogger

from aiwave.errors import AiwaveError
from aiwave.report.rd_plot import plot_rd
from aiwave.report.tables import RdRow, read_rd_csv
from aiwave.tracking import CsvTracker, NoTracker, TensorBoardTracker, WandbTracker
from aiwave.tracking import wandb_tracker as wandb_run
from aiwave.tracking.wandb_files import next_step
from aiwave.tracking.wandb_tracker import run_id, wandb_mode

TRACKERS = [CsvTracker, NoTracker, TensorBoardTracker, WandbTracker]
ROWS = [
    RdRow("brain", "a.nii", "ours", 0.01, 0.5, 38.0, 1.0, 1.0),
    RdRow("brain", "b.nii", "ours", 0.01, 0.7, 40.0, 1.0, 1.0),
    RdRow("brain", "a.nii", "ours", 0, 3.0, math.inf, 1.0, 1.0),
]
SUMMARY = {
    "rd/brain/ours/0.01/bpp": 0.6,
    "rd/brain/ours/0.01/psnr_db": 39.0,
    "rd/brain/ours/0/bpp": 3.0,
    "rd/brain/ours/0/psnr_db": math.inf,
}
KEY = "0123456789" * 4


@pytest.fixture
def wandb_home(tmp_path, monkeypatch):
    """A user without any W&B settings or credentials; returns the place of the netrc file."""
    import wandb

    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb_config"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.chdir(tmp_path)
    wandb.teardown()
    yield tmp_path / "netrc"
    wandb.teardown()


@pytest.fixture
def figure(tmp_path):
    plot_rd(ROWS, tmp_path / "figure.png")
    return tmp_path / "figure.png"


def run(tracker, folder, figure, name="stage_1", status="ok"):
    """One short run with everything in it."""
    folder.mkdir(exist_ok=True)
    logger = tracker.open(folder, "exp", name, "train", ["fast"], {"model": {"width": 8}})
    logger.log_metrics({"loss": 1.5}, step=3)
    tracker.log_rd(ROWS, figure)
    tracker.close(status)
    tracker.close(status)
    return logger


def wandb_records(path):
    """Read a .wandb file: a LevelDB log of protobuf records, in blocks of 32 KiB after 7 bytes of header."""
    from wandb.proto import wandb_internal_pb2

    data, position, record = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while len(data) - position >= 7:
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        record += data[position + 7 : position + 7 + length]
        position += 7 + length
        if position > len(data):  # cut short
            return
        if kind in (1, 4):  # the whole record or its last part
            parsed = wandb_internal_pb2.Record()
            parsed.ParseFromString(record)
            yield parsed
            record = b""


def wandb_content(folder):
    """Gather what a .wandb file says about its run."""
    (path,) = folder.rglob("*.wandb")
    content = {"config": {}, "summary": {}, "history": [], "files": [], "folder": path.parent}
    for record in wandb_records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            content["run"] = record.run
            content["config"] |= values(record.run.config.update)
        elif kind == "config":
            content["config"] |= values(record.config.update)
        elif kind == "summary":
            content["summary"] |= values(record.summary.update)
        elif kind == "history":
            content["history"].append(values(record.history.item))
        elif kind == "files":
            content["files"] += [item.path for item in record.files.files]
        elif kind == "exit":
            content["exit_code"] = record.exit.exit_code
    return content


def values(items):
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def test_parts_of_a_resumed_offline_run_are_one_history(tmp_path, monkeypatch, wandb_home):
    """The same identity, resumed, and steps that continue: what `wandb sync` joins, and does not overwrite."""
    import wandb

    monkeypatch.setenv("WANDB_MODE", "offline")
    for part in range(3):
        tracker = WandbTracker("proj", None)
        logger = tracker.open(tmp_path / "run", "exp", "stage", "train", [], {})
        for step in range(4):
            logger.log_metrics({"loss": float(step)}, step=4 * part + step)
        tracker.close("ok")
        wandb.teardown()  # wandb's service closes the files a moment after a run ends
        if part == 1:  # killed while it wrote the last entry
            path = sorted((tmp_path / "run/wandb").glob("offline-run-*/*.wandb"))[-1]
            path.write_bytes(path.read_bytes()[: list(history_ends(path))[-1] - 3])
        time.sleep(1.1)  # the folders are named by the second
    parts = [wandb_content(path) for path in sorted((tmp_path / "run/wandb").glob("offline-run-*"))]
    assert [[entry["_step"] for entry in part["history"]] for part in parts] == [
        [0, 1, 2, 3],
        [4, 5, 6],
        [7, 8, 9, 10],
    ]
    assert [entry["trainer/global_step"] for entry in parts[2]["history"]] == [8, 9, 10, 11]
    assert [part["run"].resume for part in parts] == [True] * 3
    assert len({part["run"].run_id for part in parts}) == 1
    assert next_step(tmp_path / "run", "another") == 0


def history_ends(path):
    """Positions in a small .wandb file, of one block, where an entry of the history ends."""
    from wandb.proto import wandb_internal_pb2

    data, position = path.read_bytes(), 7
    assert len(data) < 32768
    while len(data) - position >= 7:
        length = struct.unpack_from("<H", data, position + 4)[0]
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data[position + 7 : position + 7 + length])
        position += 7 + length
        if record.WhichOneof("record_type") == "history":
            yield position


def test_wandb_writes_separate_readable_offline_runs(tmp_path, monkeypatch, wandb_home, figure, capfd):
    import wandb

    monkeypatch.setenv("WANDB_MODE", "offline")
    tracker = WandbTracker("proj", None, ["study"])
    logger = run(tracker, tmp_path / "one", figure)
    assert isinstance(logger, WandbLogger)
    first_location = tracker.location
    run(tracker, tmp_path / "two", figure, "stage_2", "failed")
    assert wandb.run is None
    assert "".join(capfd.readouterr()) == ""
    wandb.teardown()  # wandb's service closes the files a moment after a run ends

    one, two = wandb_content(tmp_path / "one"), wandb_content(tmp_path / "two")
    assert Path(first_location) == one["folder"]
    assert Path(tracker.location) == two["folder"]
    assert (one["run"].run_id, two["run"].run_id) == (run_id("exp", "stage_1"), run_id("exp", "stage_2"))
    assert (one["exit_code"], two["exit_code"]) == (0, 1)
    header = one["run"]
    assert (header.project, header.run_group, header.display_name) == ("proj", "exp", "stage_1")
    assert (header.job_type, list(header.tags), header.resume) == ("train", ["study", "fast"], True)
    assert not header.HasField("git")
    assert one["config"]["model"] == {"width": 8}
    assert one["history"][0]["loss"] == 1.5
    assert one["history"][0]["trainer/global_step"] == 3
    assert {key: one["summary"][key] for key in SUMMARY} == pytest.approx(SUMMARY)
    media = [item for item in one["files"] if item.startswith("media/")]
    (table,) = [item for item in media if item.startswith("media/table/rd/") and item.endswith(".table.json")]
    (image,) = [item for item in media if item.endswith(".png")]
    stored = json.loads((one["folder"] / "files" / table).read_text())
    assert [RdRow(*values) for values in stored["data"]] == ROWS
    assert (one["folder"] / "files" / image).read_bytes() == figure.read_bytes()
    assert not [item for item in one["files"] if "code" in item or "patch" in item]


def test_wandb_tags_keep_its_limit_and_what_it_refuses_is_one_sentence(tmp_path, monkeypatch, wandb_home):
    monkeypatch.setenv("WANDB_MODE", "offline")
    mixture = "+".join(f"set_{number}" for number in range(30))
    tracker = WandbTracker("proj", None, [mixture, "x" * 64])
    logger = tracker.open(tmp_path, "exp", "a", "train", [mixture, "y" * 65], {})
    assert list(logger.experiment.tags) == [mixture[:63] + "…", "x" * 64, "y" * 63 + "…"]
    tracker.close("ok")
    with pytest.raises(AiwaveError, match=r"^W&B cannot start a run: Tag at index 0 is empty\. [^\n]*\.$"):
        WandbTracker("proj", None, [""]).open(tmp_path, "exp", "b", "train", [], {})
    with pytest.raises(AiwaveError, match=r"^W&B cannot start a run: [^\n]*project name 'a/b'[^\n]*\.$"):
        WandbTracker("a/b", None).open(tmp_path, "exp", "b", "train", [], {})


def test_wandb_goes_offline_by_itself_but_not_against_the_users_wish(tmp_path, monkeypatch, wandb_home):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(wandb_run, "INIT_TIMEOUT_S", 1.0)
    with pytest.raises(AiwaveError, match="W&B cannot start a run"):
        WandbTracker("proj", "online").open(tmp_path, "exp", "a", "train", [], {})
    tracker = WandbTracker("proj")
    with pytest.warns(UserWarning, match="stays offline"):
        tracker.open(tmp_path, "exp", "a", "train", [], {})
    tracker.close("ok")
    assert "offline-run" in tracker.location
    assert list(Path(tracker.location).glob("*.wandb"))


def test_wandb_can_be_disabled_and_keeps_away_from_foreign_runs(tmp_path, wandb_home, figure):
    import wandb

    run(WandbTracker("proj", "disabled"), tmp_path / "off", figure)
    assert list((tmp_path / "off").iterdir()) == []
    foreign = wandb.init(mode="disabled")
    with pytest.raises(AiwaveError, match="already open"):
        WandbTracker("proj", "disabled").open(tmp_path, "exp", "a", "train", [], {})
    foreign.finish()


def test_wandb_mode_is_the_wish_then_the_environment_then_the_login(monkeypatch, wandb_home):
    assert wandb_mode(None) == "offline"
    wandb_home.write_text(f"machine api.wandb.ai\n  login user\n  password {KEY}\n")
    assert wandb_mode(None) == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert wandb_mode(None) == "offline"
    assert wandb_mode("online") == "online"


def test_wandb_mode_follows_an_api_key(monkeypatch, wandb_home):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert wandb_mode(None) == "online"
    monkeypatch.setenv("WANDB_API_KEY", "short")
    with pytest.raises(AiwaveError, match="credentials are unusable"):
        wandb_mode(None)


def test_wandb_mode_ignores_credentials_of_other_machines(wandb_home):
    wandb_home.write_text(f"machine example.org\n  login user\n  password {KEY}\n")
    assert wandb_mode(None) == "offline"


def test_wandb_mode_follows_wandbs_own_settings(tmp_path, wandb_home):
    folder = tmp_path / "wandb"
    folder.mkdir()
    (folder / "settings").write_text("[default]\nmode = disabled\n")
    assert wandb_mode(None) == "disabled"


def test_wandb_mode_rejects_others(wandb_home):
    with pytest.raises(AiwaveError, match="'sometimes'"):
        wandb_mode("sometimes")


def test_csv_tracker_writes_and_never_overwrites(tmp_path, figure):
    tracker = CsvTracker()
    assert isinstance(run(tracker, tmp_path / "run", figure), CSVLogger)
    run(tracker, tmp_path / "run", figure)
    for version in (0, 1):
        folder = tmp_path / "run" / "csv" / "train" / f"version_{version}"
        assert "1.5" in (folder / "metrics.csv").read_text()
        assert "width: 8" in (folder / "hparams.yaml").read_text()
        assert "stage_1" in (folder / "hparams.yaml").read_text()
        assert read_rd_csv(folder / "rd.csv") == ROWS
        assert (folder / "rd.png").read_bytes() == figure.read_bytes()
    assert Path(tracker.location) == folder


def test_tensorboard_tracker_writes_readable_events(tmp_path, figure):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TensorBoardTracker(tags=["study"])
    assert isinstance(run(tracker, tmp_path / "run", figure), TensorBoardLogger)
    events = EventAccumulator(tracker.location).Reload()
    assert events.Scalars("loss")[0].value == 1.5
    assert events.Scalars("loss")[0].step == 3
    assert {key: events.Scalars(key)[0].value for key in SUMMARY} == pytest.approx(SUMMARY)
    (image,) = events.Images("rd/curves")
    assert image.encoded_image_string.startswith(b"\x89PNG")
    (text,) = events.Tensors("rd/table/text_summary")
    assert b"brain" in text.tensor_proto.string_val[0]
    assert "study" in (Path(tracker.location) / "hparams.yaml").read_text()


@pytest.mark.parametrize("make", [CsvTracker, TensorBoardTracker, WandbTracker])
def test_nothing_can_be_logged_without_an_open_run(make, figure):
    tracker = make(**({"project": "proj"} if make is WandbTracker else {}))
    assert tracker.location == ""
    tracker.close("failed")
    with pytest.raises(AiwaveError, match="No run is open"):
        tracker.log_rd(ROWS, figure)


def test_no_tracker_does_nothing(tmp_path, figure):
    tracker = NoTracker()
    assert tracker.open(tmp_path / "run", "exp", "a", "train", [], {}) is False
    tracker.log_rd(ROWS, figure)
    tracker.close("ok")
    assert tracker.location == ""
    assert not (tmp_path / "run").exists()


def test_importing_the_package_is_cheap():
    code = "import sys, aiwave.tracking; assert not {'wandb', 'tensorboard', 'mlflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
