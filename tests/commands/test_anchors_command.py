"""`aiwave anchors`: several codecs in one command, rows as they come, going on, failing honestly."""

import csv
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from aiwave.cli import main
from aiwave.commands.anchors import anchor_names, chosen_anchors
from aiwave.config.data_schema import AnchorCodec
from aiwave.errors import AiwaveError
from aiwave.evaluation.anchors import AnchorJob, measure, run_jobs
from aiwave.report.slices import Slice, read_slices
from aiwave.report.tables import read_rd_csv
from tests.anchors import CONFIGS, anchor, fragile, measured, smooth
from tests.evaluation.anchors.test_programs import hm, jp3d

PROJECT = Path(__file__).parents[2]
MEASURED = Path(os.environ.get("AIWAVE_TEST_ANCHORS", PROJECT / "../shared/anchors/measured.csv"))
DATA = Path(os.environ.get("AIWAVE_TEST_DATA", PROJECT / "../shared/data"))


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(data_root, *arguments):
    return main(["anchors", "dataset=folder", f"dataset.root={data_root}", "dataset.subset=cells", *arguments])


def failures(folder):
    with (folder / "failed.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_several_codecs_in_one_command_give_one_table(data_root, tmp_path, capsys):
    assert run(data_root, "anchor=zstd,jpegls", "qualities=[0]", "workers=2") == 0
    folder = tmp_path / "anchors/cells"
    rows = read_rd_csv(folder / "rd.csv")
    assert {(row.file, row.codec) for row in rows} == {
        (f"test{k}.tif", c) for k in range(2) for c in ("zstd", "jpegls")
    }
    for row in rows:
        voxels = tifffile.imread(data_root / "test/cells" / row.file)
        coded = anchor(row.codec).code(voxels, 0)
        assert (row.dataset, row.quality, row.psnr_db, row.max_error) == ("cells", 0, math.inf, 0)
        assert row.bpp == 8 * coded.size / voxels.size
    assert (folder / "rd.png").is_file()
    assert not (folder / "failed.csv").exists()
    assert "zstd" in capsys.readouterr().out


def test_done_rows_are_skipped_and_missing_ones_added(data_root, tmp_path):
    assert run(data_root, "anchor=jpegls", "qualities=[0,4]", "out=o") == 0
    table = tmp_path / "o/rd.csv"
    first = table.read_text().splitlines()
    table.write_text("\n".join([*first[:2], *first[3:]]) + "\n")
    assert run(data_root, "anchor=jpegls", "qualities=[0,4,9]", "out=o") == 0
    second = table.read_text().splitlines()
    assert second[:4] == [*first[:2], *first[3:]]
    assert len(second) == 1 + 2 * 3
    keys = {(row.file, row.quality) for row in read_rd_csv(table)}
    assert keys == {(f"test{k}.tif", q) for k in range(2) for q in (0, 4, 9)}
    written = table.stat().st_mtime_ns
    assert run(data_root, "anchor=jpegls", "qualities=[0,4,9]", "out=o") == 0
    assert table.stat().st_mtime_ns == written


def test_the_slice_nearest_to_one_bit_is_kept_when_it_goes_on(data_root, tmp_path):
    def shown():
        return {one.row.quality for one in read_slices(tmp_path / "o")}

    assert run(data_root, "anchor=jpegls", "qualities=[60]", "out=o") == 0
    assert shown() == {60}
    assert run(data_root, "anchor=jpegls", "qualities=[0]", "out=o") == 0
    assert shown() == {60}
    (tmp_path / "o/rd.csv").unlink()
    assert run(data_root, "anchor=jpegls", "qualities=[0]", "out=o") == 0
    assert shown() == {0}


def test_rows_of_other_settings_are_not_mixed(data_root, tmp_path, capsys):
    assert run(data_root, "anchor=zstd", "out=o") == 0
    assert json.loads((tmp_path / "o/anchors.json").read_text())["zstd"]["settings"] == {"level": 19}
    assert run(data_root, "anchor=zstd", "anchor.zstd.settings.level=3", "out=o") == 1
    assert "holds rows of zstd with other settings or version" in capsys.readouterr().err
    both = ["anchor=zstd", "anchor.zstd.settings.level=3", "anchor.zstd.name=zstd_3", "out=o"]
    assert run(data_root, *both) == 0
    assert {row.codec for row in read_rd_csv(tmp_path / "o/rd.csv")} == {"zstd", "zstd_3"}


def test_a_codec_that_fails_is_noted_and_the_others_go_on(data_root, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("AIWAVE_JP3D", raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    options = ["anchor=jp3d,zstd", "qualities=[0]", "out=o"]
    assert run(data_root, *options, f"anchor.jp3d.programs.folder={empty}") == 1
    assert {row.codec for row in read_rd_csv(tmp_path / "o/rd.csv")} == {"zstd"}
    failed = failures(tmp_path / "o")
    assert sorted((f["dataset"], f["file"], f["codec"], f["quality"]) for f in failed) == [
        ("cells", f"test{k}.tif", "jp3d", "0") for k in range(2)
    ]
    assert sorted(path.name for path in (tmp_path / "o/slices").glob("*.npz")) == [
        f"cells.test{k}.tif.zstd.npz" for k in range(2)
    ]
    assert all("opj_jp3d_compress is not in" in f["reason"] for f in failed)
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(
        "aiwave: 2 of 4 points could not be measured (see o/failed.csv), the first because: opj_jp3d"
    )


def test_what_failed_is_tried_again(data_root, tmp_path):
    programs = tmp_path / "programs"
    options = ["anchor=jp3d", "qualities=[2]", "out=o", f"anchor.jp3d.programs.folder={programs}"]
    programs.mkdir()
    assert run(data_root, *options) == 1
    assert len(failures(tmp_path / "o")) == 2
    jp3d(programs)
    assert run(data_root, *options) == 0
    assert not (tmp_path / "o/failed.csv").exists()
    assert [row.bpp for row in read_rd_csv(tmp_path / "o/rd.csv")] == [8, 8]


def test_what_failed_in_an_earlier_command_does_not_fail_this_one(data_root, tmp_path, capsys):
    assert run(data_root, "anchor=jpegls", "qualities=[0.5,1]", "out=o") == 1
    assert "2 of 4 points could not be measured" in capsys.readouterr().err
    assert run(data_root, "anchor=jpegls", "qualities=[1,2]", "out=o") == 0
    assert {float(f["quality"]) for f in failures(tmp_path / "o")} == {0.5}
    assert run(data_root, "anchor=jpegls", "qualities=[0.5]", "out=o") == 1


def test_programs_are_keys_of_external_codecs_alone(data_root, capsys):
    assert run(data_root, "anchor=jp3d", "+anchor.jp3d.programs.foldr=x") == 1
    sentence = capsys.readouterr().err
    assert "anchor.jp3d.programs.foldr is not a key of the configuration: did you mean folder? allowed are" in sentence
    assert run(data_root, "anchor=zstd", "+anchor.zstd.programs=null") == 1
    assert "anchor.zstd.programs is not a key of Zstd" in capsys.readouterr().err


def test_programs_are_found_through_the_environment(data_root, tmp_path, monkeypatch, capsys):
    jp3d(tmp_path / "one")
    hm(tmp_path / "two")
    monkeypatch.setenv("AIWAVE_JP3D", str(tmp_path / "one"))
    monkeypatch.setenv("AIWAVE_HM", str(tmp_path / "two"))
    monkeypatch.setenv("AIWAVE_KAKADU", str(tmp_path))
    assert main(["anchors", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(lines) == {"codec", *CONFIGS}
    assert lines["jp3d"].split()[1] == lines["hevc_rext"].split()[1] == lines["sperr"].split()[1] == "yes"
    assert "16.15" in lines["hevc_lossless"]
    assert lines["jpeg2000_part2"].split()[1] == "no"
    assert "AIWAVE_KAKADU" in lines["jpeg2000_part2"]
    assert "kakadusoftware" in lines["jpeg2000_part2"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "anchor is not given: add anchor=NAME,NAME with any of blosc2"),
        (["anchor=sper"], "There is no anchor 'sper': did you mean sperr? allowed are blosc2"),
        (["anchor=zstd,"], "There is no anchor ''"),
        (["anchor=zstd", "qualities=[]"], "qualities"),
        (["anchor=zstd", "workers=0"], "workers"),
        (["anchor=zstd", "anchor.zstd.setings.level=3"], "anchor.zstd.setings is not a key"),
        (["anchor=zstd", "dataset=folder", "dataset.root=nowhere", "dataset.subset=x"], "nowhere is not a folder"),
    ],
)
def test_bad_input_is_said_in_one_sentence(arguments, words, capsys):
    assert main(["anchors", *arguments]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("aiwave: ")
    assert words in said


def test_anchors_can_be_named_in_two_ways():
    assert chosen_anchors(["anchor=jp3d,sperr"]) == chosen_anchors(["anchor=[jp3d, sperr]"]) == ["jp3d", "sperr"]
    assert anchor_names() == sorted(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations_are_named_like_their_file_and_valid(name):
    assert AnchorCodec.model_validate(CONFIGS[name]).name == name


def test_a_process_that_dies_takes_only_its_own_job_down(tmp_path):
    voxels = smooth((2, 3, 4), np.uint8, 255)
    qualities = [3.0, 1.0, 4.0, 2.0, 5.0]
    jobs = [AnchorJob("set", "a", voxels, fragile(), quality, 255.0) for quality in qualities]
    outcomes = {job.quality: outcome for job, outcome in run_jobs(jobs, 2)}
    assert set(outcomes) == set(qualities)
    assert all(isinstance(outcomes[quality], Slice) for quality in (3, 4, 5))
    assert str(outcomes[1]) == "fragile crashed on a."
    assert str(outcomes[2]) == "fragile failed on a: the reason."


def test_a_job_that_was_taken_down_is_tried_again(tmp_path):
    job = AnchorJob("set", "a", smooth((2, 3, 4), np.uint8, 255), fragile(mark=str(tmp_path / "mark")), 1.0, 255.0)
    ((_, outcome),) = run_jobs([job], 1)
    assert isinstance(outcome, Slice)


def test_another_size_is_a_failure(tmp_path, monkeypatch):
    codec, voxels = anchor("zstd"), smooth((2, 3, 4), np.uint8, 255)
    monkeypatch.setattr(codec, "decode", lambda *_: voxels[:1])
    with pytest.raises(AiwaveError, match="zstd decoded a to 1×3×4 voxels instead of 2×3×4"):
        measure(AnchorJob("set", "a", voxels, codec, 0.0, 255.0))


@pytest.mark.skipif(not (MEASURED.exists() and DATA.is_dir()), reason="no measured anchors or data here")
@pytest.mark.parametrize("subset", ["fib25", "bold"])
def test_points_agree_with_those_measured_elsewhere(subset, tmp_path):
    from aiwave.datamodules.volume import load_volumes

    names = {"sperr": "sperr", "jpegxl_ll": "jpegxl", "jpegls": "jpegls"}
    path = sorted((DATA / "test" / subset).iterdir())[0]
    (volume,) = load_volumes(path, subset)
    peak = 255.0 if volume.voxels.itemsize == 1 else 65535.0
    known = [row for row in measured(MEASURED, tmp_path) if row.file == volume.file and row.codec in names]
    assert len(known) == 7
    for row in known:
        ours = measure(AnchorJob(subset, volume.file, volume.voxels, anchor(names[row.codec]), row.quality, peak)).row
        assert ours.bpp == pytest.approx(row.bpp, rel=0.01)
        assert ours.psnr_db == pytest.approx(row.psnr_db, abs=0.01)
