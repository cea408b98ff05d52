"""Real volumes, prepared and put together again."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from aiwave.cli import main
from aiwave.datamodules.manifest import Manifest
from aiwave.datamodules.volume import load_volumes
from tests.raw_images import BY_REGION, prepare, restored
from tests.short_runs import train

REAL = Path(os.environ.get("AIWAVE_TEST_DATA", Path(__file__).parents[3] / ".." / "shared" / "data"))
pytestmark = pytest.mark.skipif(not (REAL / "MANIFEST.csv").is_file(), reason="no real volumes")
SETS = ["fib25", "vnc_sstem", "qin_ct", "msd_spleen", "skyra_t1", "heart_mri", "bold"]


@pytest.mark.parametrize("name", SETS)
def test_real_sets_come_back_exactly(tmp_path, name):
    untrained = not (REAL / "train" / name).is_dir()
    options = (REAL / "test" / name, tmp_path, BY_REGION) if untrained else (REAL, tmp_path)
    suffix = "source.suffix=.tif" if name in ("fib25", "vnc_sstem") else "source.suffix=.nii.gz"
    assert prepare(*options, suffix, subset=name) == 0
    manifest = Manifest.read(tmp_path / name)
    with (REAL / "MANIFEST.csv").open() as stream:
        files = [row["file"] for row in csv.DictReader(stream) if row["file"].split("/")[1] == name]
    assert files
    assert {entry.source for entry in manifest.entries} == {str(REAL / file) for file in files}
    for file in files:
        (subject,) = {entry.subject for entry in manifest.entries if entry.source == str(REAL / file)}
        volumes = restored(manifest.folder, subject)
        originals = list(load_volumes(REAL / file, "real"))
        assert len(volumes) == len(originals)
        for time, original in enumerate(originals):
            np.testing.assert_array_equal(volumes[time].voxels, original.voxels)
    for split in ("train", "val", "test"):
        assert manifest.split(split)
    subjects = {
        split: {(entry.subject, entry.box) for entry in manifest.split(split)} for split in ("train", "val", "test")
    }
    assert not subjects["train"] & subjects["test"]
    _train_and_look(tmp_path, name)


def _train_and_look(root, name):
    """Two steps of training on the prepared set, and its contact sheet."""
    given = [f"dataset.root={root}", f"dataset.subset={name}"]
    options = ["logger=none", "evaluate=false", "schedule.order=[additive]", "schedule.stages.additive.epochs=1"]
    assert train(root, root / "run", *options, given[1], epochs=[]) == 0
    assert (root / "run/stages/additive/done.json").is_file()
    assert main(["data", "show", "dataset=folder", *given, f"out={root}/sheet.png", "volumes=2"]) == 0
    assert (root / "sheet.png").stat().st_size > 10000
