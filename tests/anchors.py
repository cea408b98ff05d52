"""Anchors as their configuration makes them, volumes to code, and programs that stand in for real ones."""

import os
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import yaml
from hydra.utils import instantiate

import aiwave.conf
from aiwave.evaluation.anchors import Anchor, CodedVolume
from aiwave.report.tables import read_rd_csv

FOLDER = Path(aiwave.conf.__file__).parent / "anchor"
CONFIGS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}
EXTERNAL = [name for name, config in CONFIGS.items() if "programs" in config]
IN_PROCESS = [name for name in CONFIGS if name not in EXTERNAL]


def anchor(name, folder=None, **programs):
    """The anchor `name`, its programs in `folder`."""
    config = yaml.safe_load(yaml.safe_dump(CONFIGS[name]))
    if folder is not None:
        config["programs"] |= {"folder": str(folder), **programs}
    return instantiate(config, _convert_="all")


def measured(table, folder):
    """The rows of a table of measured codecs; those of codecs without a numeric quality are left out."""
    header, *lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.split(",")[3] != "lossless"]
    (folder / "measured.csv").write_text("".join([header, *kept]), encoding="utf-8")
    return read_rd_csv(folder / "measured.csv")


def smooth(shape, dtype, most, seed=0):
    """A smooth volume with some noise, from 0 to `most`."""
    rng = np.random.default_rng(seed)
    field = rng.standard_normal(shape)
    for axis in range(3):
        field = np.cumsum(field, axis)
    field = field - field.min()
    field = field / max(field.max(), 1e-9) * most + rng.normal(0, most / 200, shape)
    return field.clip(0, most).round().astype(dtype)


def stub(folder, name, body):
    """An executable of that name that runs `body`, Python that has `given`, its arguments, and `Path`."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    lines = f"#!{sys.executable} -SE\nimport sys\nfrom pathlib import Path\ngiven = sys.argv[1:]\n"
    path.write_text(lines + dedent(body))
    path.chmod(0o755)
    return path


class Fragile(Anchor):
    """Brings its process down at quality 1, once if `settings.mark` names a file, raises at 2 and works at others."""

    def availability(self):
        raise NotImplementedError

    def code(self, voxels, quality):
        mark = self.settings.get("mark")
        if quality == 1 and not (mark and Path(mark).exists()):
            if mark:
                Path(mark).touch()
            os.abort()
        if quality == 2:
            raise ValueError("first line\nthe reason")
        return CodedVolume(10, voxels, 1.0, 1.0)


def fragile(**settings):
    return Fragile("fragile", "number", [1], [1], {}, settings)
