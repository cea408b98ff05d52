"""The package as a user gets it: a wheel with its configuration, a quick command line, a README that works."""

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from aiwave.commands.anchors import overrides_of
from aiwave.commands.report import overrides as report_overrides
from aiwave.commands.runs import arguments_of as of_runs
from aiwave.config.command_schemas import (
    AnchorsConfig,
    DataConfig,
    EvaluateConfig,
    PrepareConfig,
    ReportConfig,
    TrainConfig,
)
from aiwave.config.composing import expand_glob
from aiwave.config.plan import plan
from aiwave.config.validation import validate
from aiwave.errors import EXTRAS
from aiwave.images import Image, read_image, write_image
from aiwave.pretrained.card import card_of, shipped_bytes
from aiwave.sweeps import is_sweep
from aiwave.sweeps.expand import expand
from tests.conftest import textured

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = {
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "prepare": PrepareConfig,
    "data": DataConfig,
    "anchors": AnchorsConfig,
    "report": ReportConfig,
}
EXTENSIONS = ("entropy=band", "lifting=linear", "logger=text", "trust=my_plugins", "transform=rotation")
"""Options that docs/extend.md makes; `test_extend.py` runs its commands."""
OVERRIDES = {"anchors": overrides_of, "report": report_overrides}
PLACEHOLDERS = {"SWEEP": "runs/sweeps/one", "DATA": "data", "NAME": "cells", "OTHER": "cells", "RUN": "runs/one"}


PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
TEXT = "\n".join(page.read_text() for page in PAGES)


def commands():
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", TEXT, flags=re.DOTALL)
    lines = [line.split("#")[0].strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    lines = [re.sub(r"^(torchrun|srun) .*?(?=aiwave )", "", line) for line in lines]
    lines = list(dict.fromkeys(lines))  # several pages show the same
    return [line for line in lines if line.startswith("aiwave ") and not any(option in line for option in EXTENSIONS)]


@pytest.mark.parametrize("command", commands())
def test_commands_of_the_readme_and_the_docs_compose(command):
    _, name, *arguments = re.sub(
        "|".join(rf"\b{word}\b" for word in PLACEHOLDERS), lambda m: PLACEHOLDERS[m[0]], command
    ).split(maxsplit=2)
    given = shlex.split(" ".join(arguments))
    command_module = import_module(f"aiwave.commands.{name}")
    if hasattr(command_module, "arguments_of"):
        assert command_module.arguments_of().parse_args(given)
        return
    if name == "runs":
        assert of_runs().parse_args(given)
        return
    words = [expand_glob(word) for word in given if word not in ("-m", "show")]
    overrides = [re.sub(r"(=[^\[{,]+),.*", r"\1", word) for word in words]
    if "sweep=search" in given:  # its jobs follow from its results
        overrides = [word for word in words if not word.startswith(("sweep", "search"))]
    elif name == "train" and is_sweep(given):
        overrides = list(expand([word for word in given if word != "-m"])[0])
    if name in OVERRIDES:
        overrides = OVERRIDES[name](given)
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        cfg = compose(name, overrides=overrides)
    validate(cfg, SCHEMAS[name])
    if name == "train":
        assert plan(cfg)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python scripts/[^`\n]+", TEXT))))
def test_scripts_of_the_docs_exist_and_have_their_options(command):
    _, script, *words = command.split()
    source = (ROOT / script).read_text()
    assert [word for word in words if word.startswith("--") and f'"{word}"' not in source] == []


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/compress.md"])
def test_python_of_the_first_pages_runs(page, tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("model.aiwm").write_bytes(shipped_bytes(card_of("em_nano")))
    found = {"volume": textured((32, 128, 128), 0)}
    exec(compile(code, page, "exec"), found)
    assert found["part"].shape == (32, 64, 64)
    assert np.abs(found["part"].astype(int) - found["volume"][:, 64:, 64:]).mean() < 4.5


def test_the_readme_is_short_and_names_targets_that_exist():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 120
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"quickstart", "test"} <= named <= targets
    assert {"quickstart", "test", "help", "lint", "format"} <= targets


def test_the_version_is_one():
    from aiwave import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert project["version"] == __version__
    assert f"\nversion: {__version__}\n" in citation
    changes = (ROOT / "CHANGELOG.md").read_text()
    (dated,) = re.findall(rf"^## \[{re.escape(__version__)}\] - (\S+)$", changes, re.MULTILINE)
    assert re.findall(r"^date-released: (\S+)$", citation, re.MULTILINE) == ([] if dated == "unreleased" else [dated])


def test_workflows_pin_what_they_use_and_hooks_are_the_tools_of_lint():
    used = re.findall(r"uses: (\S+)", "".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")))
    assert used
    assert all(re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+|\./\.github/workflows/test\.yml", action) for action in used)
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert f"rev: v{pins['ruff']}\n" in hooks
    assert f"rev: v{pins['clang-format']}\n" in hooks


def test_quickstart_says_first_what_it_will_do():
    command = ["make", "--dry-run", "--no-print-directory", "quickstart"]  # `make test` runs this, too
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    first = done.stdout.splitlines()[0]
    assert "Install aiWave" in first or "Train a small codec" in first
    assert "--quiet" not in done.stdout


def test_help_and_import_need_no_heavy_library():
    code = (
        "import sys, aiwave, aiwave.cli; assert aiwave.cli.main(['--help']) == 0; "
        "heavy = {'torch', 'hydra', 'wandb', 'SimpleITK', 'matplotlib', 'imagecodecs', 'av'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
    assert "evaluate" in done.stdout


CORE = """
import sys
from importlib.abc import MetaPathFinder
from aiwave.errors import EXTRAS

class OnlyTheCore(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in " ".join(EXTRAS.values()).split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, OnlyTheCore())
from aiwave.cli import main
sys.exit(main(sys.argv[1:]))
"""


def with_the_core_alone(folder, *arguments):
    """Run a command where no module of any extra can be imported."""
    command = [sys.executable, "-c", CORE, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", [".npy", ".nii.gz", ".tif", ".nrrd", ".mha"])
def test_coding_a_file_needs_no_extra(tmp_path, suffix):
    volume = textured((12, 14, 16), 0)
    write_image(Image(volume), str(tmp_path / f"in{suffix}"))
    for command in (["compress", f"in{suffix}", "v.aiw"], ["info", "v.aiw"], ["decompress", "v.aiw", f"out{suffix}"]):
        done = with_the_core_alone(tmp_path, *command)
        assert done.returncode == 0, done.stderr
    assert np.array_equal(read_image(str(tmp_path / f"out{suffix}")).voxels, volume)


@pytest.mark.parametrize("command", [["models", "list"], ["models", "show", "em_nano"], ["--help"], ["--version"]])
def test_what_tells_of_models_needs_no_extra(tmp_path, command):
    done = with_the_core_alone(tmp_path, *command)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["train", "evaluate", "prepare", "data", "anchors", "report"])
def test_a_command_without_its_extra_says_how_to_install_it(tmp_path, name):
    done = with_the_core_alone(tmp_path, name, "show" if name == "data" else "x=1", "dataset=phantom")
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("aiwave: This needs ")
    assert sentence.endswith("which is not installed: run pip install 'aiwave[train]'.")


def test_extras_are_those_of_the_package():
    """Every module that `aiwave.errors.EXTRAS` names belongs to a distribution of that extra."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    homes = packages_distributions()
    for extra, modules in EXTRAS.items():
        named = {re.split("[>=<]", requirement)[0].lower() for requirement in extras[extra]}
        for module in modules.split():
            assert module not in homes or {home.lower() for home in homes[module]} & named, module
    assert set(re.findall(r"[a-z]+", extras["all"][0].partition("[")[2])) == set(EXTRAS)


@pytest.mark.parametrize("name", ["train", "evaluate", "prepare", "report"])
def test_hydra_help_lists_groups_and_options_without_loading_torch(name):
    command = [sys.executable, "-X", "importtime", "-m", "aiwave", name, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\| +hydra$", done.stderr, re.MULTILINE)
    assert not re.search(r"\| +torch$", done.stderr, re.MULTILINE)
    for line in ("transform: additive, affine, cdf53, cdf97", "schedule: one_stage, three_stage, warm_three_stage"):
        assert line in done.stdout


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_the_scripts_are_the_commands(name, tmp_path):
    command = [sys.executable, ROOT / "scripts" / f"{name}.py", "nonsense=1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("aiwave: nonsense is not a key of the configuration")
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the sources."""
    source = tmp_path_factory.mktemp("source")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", "."]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (path,) = (source / "dist").glob("*.whl")
    return path


def test_the_wheel_holds_every_module_and_every_configuration_file(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {f"aiwave/{path.relative_to(ROOT / 'src')}" for path in (ROOT / "src").rglob("*.py")}
    configs = {f"aiwave/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")}
    page = {f"aiwave/report/page/{path.name}" for path in (ROOT / "src/report/page").iterdir() if path.is_file()}
    models = {f"aiwave/{path.relative_to(ROOT / 'src')}" for path in (ROOT / "src/pretrained/models").iterdir()}
    assert modules | configs | page | models | {"aiwave/py.typed"} <= names
    assert not any(name.endswith(".former") for name in names)


def test_the_wheel_trains_in_another_environment_and_folder(wheel, tmp_path):
    environment, work = tmp_path / "environment", tmp_path / "somewhere"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    # the libraries come from the environment of the tests; its editable aiwave does not, being a path hook
    (site,) = (environment / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = subprocess.run(
        [python, "-c", "import aiwave; print(aiwave.__file__)"], cwd=work, capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(site)
    small = [
        "model=tiny",
        "dataset.crop=[16,16,16]",
        "dataset.epoch_steps=2",
        "dataset.val_crops=1",
        "dataset.steps=[4,12]",
    ]
    short = [f"schedule.stages.{name}.epochs=1" for name in ("warmup", "additive", "affine", "finetune")]
    command = [environment / "bin/aiwave", "train", "experiment=quickstart", *small, *short]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    paths = dict(re.findall(r"^(RD plot|RD table|tracked) +(.+)$", done.stdout, flags=re.MULTILINE))
    assert (work / paths["RD plot"]).is_file()
    assert (work / paths["RD table"]).is_file()
    assert (work / paths["tracked"]).is_dir()
    assert "aiwave_affine_context (estimated)" in done.stdout


@pytest.mark.slow
def test_the_whole_quickstart(tmp_path):
    """`make quickstart` as it is: its loss falls and its curve is monotone."""
    from aiwave.cli import main
    from aiwave.report.tables import read_rd_csv

    assert main(["train", "experiment=quickstart", "logger=csv", f"run_dir={tmp_path}/run"]) == 0
    rows = read_rd_csv(tmp_path / "run/rd.csv")
    for name in {row.file for row in rows}:
        curve = sorted((row.quality, row.bpp, row.psnr_db) for row in rows if row.file == name)
        assert [bpp for _, bpp, _ in curve] == sorted((bpp for _, bpp, _ in curve), reverse=True)
        assert [psnr for *_, psnr in curve] == sorted((psnr for *_, psnr in curve), reverse=True)
    losses = []
    for stage in ("warmup", "additive", "affine", "finetune"):
        (metrics,) = (tmp_path / "run").glob(f"csv/{stage}/*/metrics.csv")
        header, *lines = (line.split(",") for line in metrics.read_text().splitlines())
        losses += [float(line[header.index("val/loss")]) for line in lines if line[header.index("val/loss")]]
    assert losses[-1] < losses[len(losses) // 2] < losses[0]
