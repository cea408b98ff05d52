"""A prepared folder: repeated, interrupted, changed and checked."""

import errno
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from aiwave.datamodules.manifest import Manifest
from aiwave.datamodules.sources import pipeline
from aiwave.datamodules.volume import load_volumes
from aiwave.errors import AiwaveError
from aiwave.images.image_files import WRITERS
from tests.raw_images import noise, prepare, restored

SMALL = ("source.crops.size=[8,16,16]", "source.split.val=0.25", "source.split.test=0.25")


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for k in range(4):
        voxels = noise((9, 20, 24), seed=k)
        tifffile.imwrite(folder / f"s{k}.tif", voxels, photometric="minisblack")
    return folder


def state(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(capfd):
    """Standard output, and the one sentence on standard error if there is one."""
    out, err = capfd.readouterr()
    sentences = [line for line in err.splitlines() if line.startswith("aiwave: ")]
    assert "Traceback" not in err
    assert len(sentences) <= 1
    return out, "".join(sentences)


@pytest.mark.parametrize("suffix", [".tif", ".nii.gz"])
def test_bytes_are_the_same_every_time_and_a_second_run_does_nothing(raw, tmp_path, capfd, suffix):
    options = (*SMALL, f"source.suffix={suffix}")
    assert prepare(raw, tmp_path / "a", *options) == 0
    assert prepare(raw, tmp_path / "b", *options) == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    before = state(tmp_path / "a")
    told(capfd)
    assert prepare(raw, tmp_path / "a", *options) == 0
    assert "nothing to do: all 4 subjects are prepared" in told(capfd)[0]
    assert state(tmp_path / "a") == before
    files = {path.name for path in contents(tmp_path / "a")} - {"manifest.csv", "prepare.json"}
    assert files
    assert all(name.endswith(suffix) for name in files)


def test_manifest_says_what_is_in_the_files(raw, tmp_path):
    prepare(raw, tmp_path, *SMALL)
    manifest = Manifest.read(tmp_path / "set")
    for entry in manifest.entries:
        (volume,) = load_volumes(manifest.verify(entry), "set")
        found = volume.voxels.min(), volume.voxels.max(), len(np.unique(volume.voxels))
        assert found == (entry.minimum, entry.maximum, entry.distinct)
        assert entry.file.startswith(f"{entry.split}/{entry.subject}_")
        assert entry.source == str(raw / f"{entry.subject}.tif")
    splits = {entry.subject: entry.split for entry in manifest.entries}
    assert sorted(splits.values()) == ["test", "train", "train", "val"]
    assert len({(entry.subject, entry.split) for entry in manifest.entries}) == 4


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_interrupted_run_keeps_what_is_done_and_goes_on(raw, tmp_path, capfd, monkeypatch, stop):
    assert prepare(raw, tmp_path / "whole", *SMALL) == 0
    real, written = WRITERS[".nii.gz"], []

    def failing(image, path):
        if len(written) == 3:
            path.write_bytes(b"half")
            raise stop
        written.append(path)
        real.write(image, path)

    monkeypatch.setitem(WRITERS, ".nii.gz", replace(real, write=failing))
    told(capfd)
    assert prepare(raw, tmp_path / "out", *SMALL) == (130 if isinstance(stop, KeyboardInterrupt) else 1)
    sentence = told(capfd)[1]
    reason = "Interrupted" if isinstance(stop, KeyboardInterrupt) else "No space left on device"
    assert reason in sentence
    assert "1 of 4 subjects are in" in sentence
    assert "the same command continues" in sentence
    manifest = Manifest.read(tmp_path / "out/set")
    manifest.check()
    files = {path for path in (tmp_path / "out/set").rglob("*") if path.is_file()}
    named = {manifest.folder / entry.file for entry in manifest.entries}
    assert files == named | {manifest.path, manifest.folder / "prepare.json"}  # no halves, nothing unnamed
    done = state(tmp_path / "out/set/" / manifest.entries[0].split)
    monkeypatch.undo()
    assert prepare(raw, tmp_path / "out", *SMALL) == 0
    assert "3 of 4 subjects" in told(capfd)[0]
    assert done.items() <= state(tmp_path / "out/set").items()
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_check_names_what_differs_and_a_run_mends_it(raw, tmp_path, capfd):
    assert prepare(raw, tmp_path, *SMALL, "--dry-run") == 0
    assert "would be created" in (out := told(capfd)[0])
    assert all(f"s{k}: t" in out or f"s{k}: val" in out for k in range(4))
    assert not (tmp_path / "set").exists()
    prepare(raw, tmp_path, *SMALL)
    (tmp_path / "set/train/.cache").mkdir()
    (tmp_path / "set/train/.cache/a.pt").write_bytes(b"what cache=persistent keeps there")
    left = tmp_path / "set/train/.aiwave-0123456789abcdef.tmp"
    left.write_bytes(b"what a killed preparation leaves, until the next one a minute later")
    assert prepare(raw, tmp_path, *SMALL, "check=true") == 0
    left.unlink()
    whole = contents(tmp_path / "set")
    first, second, *_ = (tmp_path / "set" / entry.file for entry in Manifest.read(tmp_path / "set").entries)
    first.write_bytes(first.read_bytes() + b"x")
    second.unlink()
    (tmp_path / "set/train/more.nii.gz").write_bytes(b"x")
    told(capfd)
    assert prepare(raw, tmp_path, *SMALL, "check=true") == 1
    out, sentence = told(capfd)
    assert f"{first} has changed since it was prepared" in out
    assert f"{second} is missing" in out
    assert "more.nii.gz is extra" in out
    assert "3 things are wrong" in sentence
    with pytest.raises(AiwaveError, match=r"has changed since it was prepared: run aiwave prepare"):
        Manifest.read(tmp_path / "set").check()
    assert prepare(raw, tmp_path, *SMALL) == 0
    (tmp_path / "set/train/more.nii.gz").unlink()
    assert contents(tmp_path / "set") == whole


def test_other_options_are_refused(raw, tmp_path, capfd):
    prepare(raw, tmp_path, *SMALL)
    before = state(tmp_path / "set")
    told(capfd)
    assert prepare(raw, tmp_path, *SMALL, "source.crops.air=5", "source.split.seed=1") == 1
    sentence = told(capfd)[1]
    assert "source.crops.air was None and is now 5" in sentence
    assert "source.split.seed was 0 and is now 1" in sentence
    assert state(tmp_path / "set") == before


def test_other_subjects_are_refused(raw, tmp_path, capfd):
    prepare(raw, tmp_path, *SMALL)
    shutil.copy(raw / "s0.tif", raw / "new.tif")
    assert prepare(raw, tmp_path, *SMALL) == 1
    assert "The source now has new" in told(capfd)[1]
    for name in ("new", "s0"):
        (raw / f"{name}.tif").unlink()
    assert prepare(raw, tmp_path, *SMALL) == 1
    assert "The source no longer has s0" in told(capfd)[1]


def test_folder_that_is_not_ours_is_left_alone(raw, tmp_path, capfd):
    assert prepare(raw, tmp_path, *SMALL, subset="raw") == 1
    assert "is where the images are" in told(capfd)[1]
    (tmp_path / "set").mkdir()
    (tmp_path / "set/thesis.txt").write_text("mine")
    assert prepare(raw, tmp_path, *SMALL) == 1
    assert "was not made by aiwave prepare" in told(capfd)[1]
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["thesis.txt"]


def test_disk_without_room_is_told_before_anything_is_written(raw, tmp_path, capfd, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9, 1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert prepare(raw, tmp_path / "out", *SMALL) == 1
    assert "0.00 MB free" in told(capfd)[1]
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_all_air_is_refused(raw, tmp_path, capfd):
    assert prepare(raw, tmp_path, *SMALL, "source.crops.air=2000") == 1
    assert "has no file for train: every crop is air" in told(capfd)[1]
    assert json.loads((tmp_path / "set/prepare.json").read_text())["empty"] == ["s0", "s1", "s2", "s3"]


def test_rounding_is_recorded(tmp_path, capfd):
    (tmp_path / "raw").mkdir()
    for k in range(3):
        np.save(tmp_path / f"raw/s{k}.npy", noise((8, 16, 16)) + np.float32(0.25 * (k == 1)))
    assert prepare(tmp_path / "raw", tmp_path, *SMALL, "source.allow_float=true") == 0
    assert "rounded   floats by up to 0.25" in told(capfd)[0]
    assert json.loads((tmp_path / "set/prepare.json").read_text())["rounded"] == {"s1": 0.25}
    np.testing.assert_array_equal(restored(tmp_path / "set", "s0")[0].voxels, noise((8, 16, 16)))


def test_place_that_cannot_be_written(raw, capfd):
    assert prepare(raw, "/proc/nothing", *SMALL) == 1
    assert "Cannot write /proc/nothing" in told(capfd)[1]


def test_check_of_free_space_counts_downloads(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(pipeline, "check_free_space", lambda folder, needed, purpose: asked.append(needed))

    class Remote(pipeline.Source):
        size = 1000

        def fetch(self, folder):
            raise AiwaveError("no network")

    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/part").write_bytes(bytes(400))
    run = pipeline.Pipeline(Remote(), None, None, None, tmp_path / "set", tmp_path / "downloads", {})
    with pytest.raises(AiwaveError, match="no network"):
        run.run()
    assert asked == [1600]


def test_the_script_is_the_command(raw, tmp_path):
    script = Path(__file__).parents[3] / "scripts/prepare.py"
    given = ["dataset=folder", "dataset.subset=set", f"from={raw}", f"root={tmp_path}", *SMALL]
    done = subprocess.run([sys.executable, script, *given], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "prepared  4 of 4 subjects"), done.stderr
    assert Manifest.read(tmp_path / "set").entries


def test_package_is_imported_without_the_heavy_libraries():
    heavy = ("monai", "SimpleITK", "tifffile")
    code = f"import aiwave.datamodules.sources, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
