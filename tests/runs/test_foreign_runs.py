"""A run or sweep folder of a stranger runs no program, reads no environment, writes nowhere and hangs nothing."""

import copy
import json
import pickle
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

from aiwave.cli import main
from aiwave.config.trust import trusted
from aiwave.errors import AiwaveError
from aiwave.runs.run_folder import RunFolder
from tests.short_runs import TINY, train

SECRET = "hush-4711"


@pytest.fixture(scope="module")
def trained(data_root, tmp_path_factory):
    """A run of one stage."""
    folder = tmp_path_factory.mktemp("foreign") / "run"
    assert train(data_root, folder, "schedule=one_stage", "epochs=1", "logger=none", epochs=[]) == 0
    return folder


class Touch:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.fixture
def planted(trained, tmp_path, monkeypatch):
    """A copy of the run, and a function that changes a key of its configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", SECRET)
    shutil.copytree(trained, tmp_path / "run")

    def plant(key, value):
        path = tmp_path / "run/config.yaml"
        cfg = yaml.safe_load(path.read_text())
        *parts, last = key.split(".")
        node = cfg
        for part in parts:
            node[part] = node.get(part) or {}
            node = node[part]
        node[last] = value
        path.write_text(yaml.safe_dump(cfg))
        return tmp_path / "run"

    return plant


def there(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refusal(capfd, *arguments):
    """The one sentence with which a command refuses, having written nothing."""
    capfd.readouterr()
    before = there(Path.cwd())
    assert main([str(given) for given in arguments]) == 1
    captured = capfd.readouterr()
    assert there(Path.cwd()) == before
    assert SECRET not in captured.out + captured.err
    (sentence,) = captured.err.strip().splitlines()
    return sentence


def commands(run):
    np.save("image.npy", np.zeros((8, 8, 8), np.uint8))
    return [
        ["export", run],
        ["evaluate", f"run={run}"],
        ["train", f"resume={run}"],
        ["runs", "rerun", run],
        ["compress", "image.npy", "image.aiw", "--model", run],
        ["compress", "image.npy", "image.aiw", "--model", run / "stages/joint/last.ckpt"],
    ]


MARK = "left_behind"
TOUCH = {"args": ["touch", MARK]}
SHELL = {"command": f"touch {MARK}"}
ROUTES = {
    "a walk to os.system": ("entropy", {"_target_": "aiwave.runs.provenance.os.system", **SHELL}),
    "os.system itself": ("post", {"_target_": "os.system", **SHELL}),
    "a walk to subprocess": ("rate", {"_target_": "aiwave.runs.provenance.subprocess.run", **TOUCH}),
    "our own runner of programs": ("rounding", {"_target_": "aiwave.evaluation.anchors.program.run", **TOUCH}),
    "a walk to torch.load": (
        "transform",
        {"_target_": "aiwave.datamodules.caching.torch.load", "f": "evil.pt", "weights_only": False},
    ),
    "a class that unpickles": ("entropy.density", {"_target_": "torch.nn.modules.module.torch.load", "f": "evil.pt"}),
    "a function that writes": ("scale", {"_target_": "aiwave.runs.run_folder.write_text", "path": MARK, "text": "x"}),
    "a network": ("transform.net", {"_target_": "os.system", **SHELL}),
    "an activation": ("lifting.activation", {"_target_": "os.system", "_partial_": True, **SHELL}),
    "arguments of a listed class": ("post.channels", {"_target_": "os.system", **SHELL}),
    "what a stage changes": ("schedule.stages.joint.transform.net", {"_target_": "os.system", **SHELL}),
    "a stage's rounding": ("schedule.stages.joint.rounding", {"_target_": "os.system", **SHELL}),
    "a learning-rate schedule": ("schedule.stages.joint.lr_schedule", {"_target_": "os.system", **SHELL}),
    "a callback": ("callbacks.evil", {"_target_": "pytorch_lightning.callbacks.LambdaCallback", "setup": "x"}),
    "a callback that writes": (
        "callbacks.evil",
        {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint", "dirpath": MARK},
    ),
    "a profiler": ("callbacks.evil", {"_target_": "pytorch_lightning.profilers.PyTorchProfiler", "dirpath": MARK}),
    "a logger": ("logger", {"_target_": "pytorch_lightning.loggers.CSVLogger", "save_dir": MARK}),
    "a second logger": ("also", {"_target_": "os.system", **SHELL}),
    "a launcher": (
        "launcher",
        {"_target_": "aiwave.sweeps.launchers.joblib_launcher.subprocess.run", **TOUCH},
    ),
    "a search": ("search", {"_target_": "os.system", **SHELL}),
    "a data set": ("dataset", {"_target_": "os.system", **SHELL}),
    "facts about a data set": ("dataset.about.licence", {"_target_": "os.system", **SHELL}),
    "a cache": ("dataset.cache", {"_target_": "os.system", **SHELL}),
    "an appearance": ("dataset.appearance", {"_target_": "os.system", **SHELL}),
    "a source": ("dataset.cache", {"_target_": "aiwave.datamodules.sources.MrNet", "path": MARK}),
    "an anchor's programs": (
        "callbacks.evil",
        {"_target_": "aiwave.evaluation.anchors.Kakadu", "programs": {"encoder": ["touch"]}},
    ),
    "another special key": ("entropy._args_", [f"touch {MARK}"]),
    "a module that a file trusts": ("trust", "os"),
}

PLAIN = (
    "arguments of a listed class",
    "what a stage changes",
    "a stage's rounding",
    "facts about a data set",
    "another special key",
    "a module that a file trusts",
)
"""Routes through keys where no object belongs."""


@pytest.mark.parametrize("route", ROUTES)
def test_no_target_outside_the_lists_is_followed(route, planted, capfd):
    key, value = ROUTES[route]
    run = planted(key, value)
    Path("evil.pt").write_bytes(pickle.dumps(Touch(MARK)))
    for command in (["export", run], ["evaluate", f"run={run}"]):
        sentence = refusal(capfd, *command)
        assert key in sentence, sentence
        if route not in PLAIN:
            assert value["_target_"] in sentence
            assert "trust=MODULE" in sentence
    assert not Path(MARK).exists()


@pytest.mark.parametrize("number", range(6))
def test_every_command_that_reads_a_run_is_closed(number, planted, capfd):
    run = planted(*ROUTES["a walk to os.system"])
    sentence = refusal(capfd, *commands(run)[number])
    assert "entropy._target_" in sentence
    assert "aiwave.runs.provenance.os.system" in sentence
    assert "trust=MODULE" in sentence


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "run_${oc.env:TOKEN}"),
        ("name", "run_${oc.decode:${oc.env:TOKEN}}"),
        ("dataset.about.licence", "${oc.env:TOKEN}"),
        ("dataset.root", "${oc.select:name}"),
        ("anchor_table", "${hydra:runtime.cwd}"),
        ("init_from", "${now:%Y}"),
        ("dataset.about.source", "${.citation}{oc.env:TOKEN}"),
        ("name", "../../outside"),
        ("name", "a\x1b[2Jb"),
    ],
)
def test_nothing_is_read_from_the_environment_and_names_are_names(key, value, planted, capfd):
    planted("dataset.about.citation", "$")
    run = planted(key, value)
    for command in (["export", run], ["runs", "show", run], ["evaluate", f"run={run}"]):
        sentence = refusal(capfd, *command)
        assert key in sentence
    assert main(["runs", "list", str(run)]) == 0
    listed = capfd.readouterr().out
    assert "unreadable" in listed
    assert "\x1b" not in listed
    assert SECRET not in listed


def test_keys_of_the_configuration_itself_are_interpolated(planted):
    run = planted("name", "${dataset.subset}_mine")
    assert main(["export", str(run)]) == 0
    assert RunFolder(run).read_config().name == "cells_mine"


@pytest.mark.parametrize("stage", ["../../../x", "..", ".hidden", "a/b", "", "/tmp/x", "a\nb"])
def test_a_stage_is_a_folder_of_the_run(stage, planted, data_root, tmp_path, capfd):
    run = planted("schedule.order", [stage])
    cfg = yaml.safe_load((run / "config.yaml").read_text())
    cfg["schedule"]["stages"][stage] = copy.deepcopy(cfg["schedule"]["stages"]["joint"])
    (run / "config.yaml").write_text(yaml.safe_dump(cfg))
    assert "schedule." in refusal(capfd, "train", f"resume={run}")
    assert "schedule." in refusal(capfd, "export", run)


def test_a_stage_of_the_command_line_is_named_like_a_folder(data_root, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    root = ["train", *TINY, f"dataset.root={data_root}", "run_dir=deep/er/run"]
    sentence = refusal(capfd, *root, "stage=joint", "stage.name=../../../x")
    assert "stage.name" in sentence
    assert "name" in refusal(capfd, *root, "name=../x")


def bomb(levels=12, width=9):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * width)}]" for k in range(1, levels)]
    return "\n".join(lines)


def interpolated(levels=12, width=9):
    lines = ["a0: {x: 1}"]
    lines += [f"a{k}: {{{', '.join(f'x{n}: ${{a{k - 1}}}' for n in range(width))}}}" for k in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "aliases": bomb(),
    "interpolations": interpolated(),
    "nesting": "a: " + "[" * 2000 + "]" * 2000,
    "a little nesting": "a: " + "[" * 60 + "]" * 60,
    "length": "a: " + "x" * 300_000,
    "a number": "a: " + "9" * 5000,
    "a loop": "a: ${b}\nb: ${a}",
    "a pickle": "a: !!python/object/apply:os.system ['touch left_behind']",
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_file_hangs_the_commands(name, planted, capfd):
    run = planted("seed", 0)
    (run / "config.yaml").write_text(BOMBS[name])
    for command in (["runs", "show", run], ["export", run], ["report", run, "out=out"], ["evaluate", f"run={run}"]):
        assert "config.yaml" in refusal(capfd, *command)
    assert main(["runs", "list", str(run.parent)]) == 0
    assert "unreadable" in capfd.readouterr().out


PLUGIN = """
import os
from pathlib import Path
from subprocess import Popen
from torch import nn
from aiwave.models.post import PostFilter

class Mine(PostFilter):
    def __init__(self, channels: int = 4, layers: int = 1) -> None:
        super().__init__(channels, layers)
        Path("seen").touch()
"""


def test_a_module_of_the_users_own_needs_a_word_on_the_command_line(planted, tmp_path, monkeypatch, capfd):
    (tmp_path / "my_plugins.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    run = planted("post._target_", "my_plugins.Mine")
    for command in commands(run):
        sentence = refusal(capfd, *command)
        assert "post._target_" in sentence
        assert "my_plugins.Mine" in sentence
        assert "trust=MODULE" in sentence
    assert not Path("seen").exists()
    for target in ("my_plugins.Popen", "my_plugins.os.system", "my_plugins.Path", "my_plugins.nothing"):
        planted("post._target_", target)
        assert "post._target_" in refusal(capfd, "export", run, "trust=my_plugins")
    planted("post._target_", "my_plugins.Mine")
    for command in (["evaluate", f"run={run}"], ["train", f"resume={run}"], ["runs", "rerun", run]):
        assert main([*map(str, command), "trust=my_plugins"]) == 0, capfd.readouterr().err
        assert Path("seen").exists()
        Path("seen").unlink()
    # the format of model files has no such filter, and says so, having built it
    assert "of kind Mine cannot be stored" in refusal_after(capfd, "export", run, "trust=my_plugins")
    assert trusted() == ()
    assert "names no module" in refusal(capfd, "export", run, "trust=os.system('x')")
    sys.modules.pop("my_plugins", None)


def refusal_after(capfd, *arguments):
    capfd.readouterr()
    assert main([str(given) for given in arguments]) == 1
    return capfd.readouterr().err.strip()


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("launcher.options.slurm_setup=[touch left_behind]", "could run programs"),
        ("+launcher.address=ray://there:1", "could run programs"),
        ("hydra.searchpath=[file:///nowhere]", "could run programs"),
        ("+hydra.callbacks.x._target_=os.system", "could run programs"),
        ("trust=os", "could run programs"),
        ("name=run_${oc.env:TOKEN}", "reads other values"),
        ("logger._target_=os.system", "trust=MODULE"),
        ("launcher._target_=os.system", "could run programs"),
    ],
)
def test_the_record_of_a_sweep_runs_nothing(argument, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", SECRET)
    Path("sweep").mkdir()
    Path("sweep/sweep.json").write_text(json.dumps({"arguments": ["seed=0,1", *TINY, "dataset.root=x", argument]}))
    capfd.readouterr()
    assert main(["train", "resume=sweep"]) == 1
    said = "".join(capfd.readouterr())
    assert words in said
    assert SECRET not in said
    assert not Path(MARK).exists()


def test_reports_of_foreign_folders_write_inside_their_own(planted, tmp_path, capfd):
    run = planted("seed", 0)
    table = run / "rd.csv"
    rows = table.read_text().replace("cells,", "../../../../x,").replace("test0.tif", "../../y")
    table.write_text(rows)
    (run / "anchors.json").write_text('{"a": "</script><script>1"}')
    before = set(there(tmp_path))
    assert main(["report", str(run), "out=out"]) == 0
    assert {name for name in set(there(tmp_path)) - before if not name.startswith("out")} == set()
    assert not [path for path in tmp_path.parent.iterdir() if path.name.startswith(("x", "rd_"))]


@pytest.mark.parametrize("name", ["console.log", ".lock", "slices", "stages", "stages/joint", "rd.csv", "wandb"])
def test_no_link_leads_out_of_a_run(name, planted, tmp_path, capfd):
    run = planted("seed", 0)
    outside = tmp_path / "outside"
    if (run / name).exists():
        (run / name).rename(outside)
    elif name == "wandb":
        outside.mkdir()
    (run / name).symlink_to(outside)
    for command in commands(run):
        assert f"{name} is a link" in refusal(capfd, *command)
    Path("sweep").mkdir()
    Path("sweep/sweep.json").write_text(json.dumps({"arguments": ["seed=0,1", *TINY, "dataset.root=x"]}))
    Path("sweep/0").symlink_to(tmp_path)
    assert "sweep/0 is a link" in refusal(capfd, "train", "resume=sweep")


def test_slices_of_foreign_folders_are_small_planes_or_refused(planted, capfd):
    run = planted("seed", 0)
    (path,) = (run / "slices").glob("*.test0*.npz")
    with np.load(path) as stored:
        known = dict(stored)
    for changed in (
        {"original": np.zeros((1 << 15, 1 << 14), np.uint8)},
        {"original": np.array([[None]], object)},
        {"decoded": np.zeros((3, 3), complex)},
        {"names": np.array("abc")},
        {"numbers": np.array(["a"] * 5)},
    ):
        np.savez_compressed(path, **(known | changed))
        assert path.name in refusal(capfd, "report", run, "out=out")


def test_the_record_of_a_prepared_folder_builds_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("data/x").mkdir(parents=True)
    evil = {"_target_": "os.system", "command": f"touch {MARK}"}
    record = {
        "options": {"fetch": evil, "crops": evil},
        "plan": {"a": [{"split": "train"}]},
        "empty": [],
        "rounded": {},
    }
    Path("data/x/prepare.json").write_text(json.dumps(record))
    Path("raw").mkdir()
    np.save("raw/a.npy", np.zeros((8, 8, 8), np.uint8))
    prepare = ["prepare", "dataset=folder", "from=raw", "root=data", "dataset.subset=x"]
    assert "data/x" in refusal(capfd, *prepare)
    assert "data/x" in refusal(capfd, *prepare, "check=true")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../../x"),
        ("id", None),
        ("command", 3),
        ("version", 99),
        ("machine", {"torch_threads": 10**9}),
        ("machine", {"torch_threads": "all"}),
        ("git", []),
    ],
)
def test_the_provenance_is_checked(field, value, planted, capfd):
    run = planted("seed", 0)
    known = json.loads((run / "provenance.json").read_text())
    (run / "provenance.json").write_text(json.dumps(known | {field: value}))
    for command in (["runs", "show", run], ["runs", "rerun", run], ["evaluate", f"run={run}"]):
        refusal(capfd, *command)
    (run / "provenance.json").unlink()
    assert "provenance.json" in refusal(capfd, "export", run)


def test_of_two_processes_that_begin_a_run_in_one_folder_one_does(trained, tmp_path, monkeypatch):
    cfg = RunFolder(trained).read_config()
    together = threading.Barrier(2)

    def wait_for_the_other(path):
        together.wait()
        return {}

    monkeypatch.setattr("aiwave.runs.run_folder.git_state", wait_for_the_other)
    outcomes = []

    def begin(number):
        try:
            RunFolder(tmp_path / "run").create(cfg, [f"seed={number}"], {})
        except AiwaveError as error:
            outcomes.append(str(error))
        else:
            outcomes.append(f"--seed={number}")

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused, done = sorted(outcomes, key=lambda text: text.startswith("--"))
    assert done.startswith("--seed=")
    assert "already holds a run" in refused or "Another process" in refused
    assert RunFolder(tmp_path / "run").provenance()["command"].endswith(done.removeprefix("--"))
