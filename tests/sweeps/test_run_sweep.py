"""Sweeps: what they consist of, what is left of them when jobs fail, and taking them up again."""

import csv
import shutil
import sys
import time
from importlib.resources import files
from pathlib import Path

import pytest
import tifffile

from aiwave.cli import main
from aiwave.config.composing import composed
from aiwave.errors import AiwaveError
from aiwave.report.tables import RdRow, read_rd_csv, write_rd_csv
from aiwave.runs.session import session
from aiwave.sweeps import is_sweep, run_sweep
from aiwave.sweeps.expand import expand, schema
from tests.short_runs import TINY

CONF = Path(str(files("aiwave.conf")))
ONE = [*TINY, "schedule=one_stage", "epochs=1", "logger=none"]


def sweep(data_root, folder, *overrides):
    return main(["train", *ONE, f"dataset.root={data_root}", f"hydra.sweep.dir={folder}", *overrides])


def listed(folder):
    with (folder / "jobs.csv").open() as file:
        return list(csv.DictReader(file))


def written(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("[0-9]*/stages/*/*.ckpt")}


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["-m", "seed=0,1"], True),
        (["sweep=rd_ladder"], True),
        (["sweep=null"], False),
        (["sweep=rd_ladder", "--help"], False),
        (["resume=nowhere"], False),
        (["experiment=quickstart"], False),
    ],
)
def test_what_is_a_sweep(arguments, answer):
    assert is_sweep(arguments) == answer


def test_jobs_are_all_combinations():
    jobs = expand(["seed=0,1", "lmbda=range(1,4)", "name=x", "hydra.sweep.dir=y", "launcher=joblib", "launcher.jobs=3"])
    assert len(jobs) == len(set(jobs)) == 6
    assert jobs[1] == ("seed=0", "lmbda=2", "name=x")


def test_the_ladder_is_that_of_each_data_set_and_gives_way_to_the_command_line():
    jobs = expand(["sweep=rd_ladder", "dataset=fib25,heart_mri", "dataset.root=x", "transform=affine,cdf97"])
    lambdas = {
        name: {text.removeprefix("lmbda=") for job in jobs if f"dataset={name}" in job for text in job if "lmb" in text}
        for name in ("fib25", "heart_mri")
    }
    assert lambdas == {"fib25": {"16", "9", "3", "1", "0.4"}, "heart_mri": {"2400", "450", "50", "4"}}
    assert len(jobs) == 2 * (5 + 4)
    assert len(expand(["sweep=rd_ladder", "lmbda=1,2,3"])) == 3


@pytest.mark.parametrize(("name", "least"), [("transforms", 4), ("ablations", 15), ("datasets", 5)])
def test_named_sweeps_have_jobs(name, least):
    assert len(expand([f"sweep={name}", "dataset.root=x"])) >= least


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep=nothing"], ["sweep/nothing", "rd_ladder", "transforms"]),
        (["-m", "transfrom=affine,cdf97"], ["transfrom", "did you mean transform?"]),
        (["sweep=rd_ladder", "lmbda=interval(1,2)"], ["lmbda=interval(1,2)", "sweep=search"]),
        (["-m", "seed=range(3,3)"], ["varies nothing"]),
        (["-m", "seed=range(0,10,0)"], ["seed=range(0,10,0)", "without an end"]),
        (["-m", "lmbda=range(1.0,1e999)"], ["without an end"]),
        (["-m", "seed=range(0,1000000000000)"], ["more than 1000 jobs"]),
        (["-m", "seed=shuffle(range(0,1000000000000))"], ["more than 1000 jobs"]),
        (["-m", "seed=range(0,100)", "lmbda=range(1,100)"], ["more than 1000 jobs"]),
        (["sweep=search", "lmbda=range(1.0,9.0,1e-9)"], ["lmbda=range(1.0,9.0,1e-9) cannot be searched", "10000"]),
        (["sweep=search", "lmbda=range(9,1)"], ["lmbda=range(9,1) cannot be searched: the range is empty"]),
        (["sweep=search", "lmbda=interval(2,1)"], ["lmbda=interval(2,1) cannot be searched: "]),
        (["-m", "seed=0,1", "launcher=slrm"], ["launcher/slrm", "slurm"]),
    ],
)
def test_what_is_no_sweep_is_refused_before_anything_is_written(arguments, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 1
    said = capfd.readouterr().err
    assert [word for word in words if word not in said] == [], said
    assert list(tmp_path.iterdir()) == []


def test_a_launcher_that_is_not_installed_names_its_extra(data_root, tmp_path, monkeypatch, capfd):
    for launcher, package in (("slurm", "submitit"), ("ray", "ray")):
        monkeypatch.setitem(sys.modules, package, None)
        assert sweep(data_root, tmp_path / launcher, "-m", "seed=0,1", f"launcher={launcher}") == 1
        assert f"pip install 'aiwave[{launcher}]'" in capfd.readouterr().err
        assert not (tmp_path / launcher).exists()


def test_a_failed_job_is_reported_and_only_the_missing_runs_again(data_root, tmp_path, capfd):
    data = tmp_path / "data"
    shutil.copytree(data_root, data)
    arguments = ["-m", "dataset.subset=cells,other", "transform=cdf97,additive"]
    assert sweep(data, tmp_path / "sweep", *arguments) == 1
    said = capfd.readouterr().err
    assert "2 of 4 jobs failed, the first (dataset.subset=other transform=cdf97) because" in said
    assert [job["state"] for job in listed(tmp_path / "sweep")] == ["finished", "finished", "failed", "failed"]
    assert "other" in listed(tmp_path / "sweep")[2]["reason"]
    assert {row.dataset for row in read_rd_csv(tmp_path / "sweep/rd.csv")} == {"cells"}
    before = written(tmp_path / "sweep")
    for split in ("train", "test"):
        shutil.copytree(data / split / "cells", data / split / "other")
    assert main(["train", f"resume={tmp_path}/sweep"]) == 0
    after = written(tmp_path / "sweep")
    assert {path: after[path] for path in before} == before
    assert len(after) == 2 * len(before)
    assert {row.dataset for row in read_rd_csv(tmp_path / "sweep/rd.csv")} == {"cells", "other"}
    assert (tmp_path / "sweep/rd.png").is_file()
    assert main(["train", f"resume={tmp_path}/sweep", "seed=3"]) == 1
    assert "leave out seed=3" in capfd.readouterr().err
    assert sweep(data, tmp_path / "sweep", "-m", "seed=0,1") == 1
    assert "holds another sweep" in capfd.readouterr().err


def test_jobs_after_an_interrupted_one_have_not_begun(data_root, tmp_path, monkeypatch, capfd):
    def stop_at_the_second(job):
        job.folder.mkdir(parents=True)
        with session(job.folder):
            time.sleep(0.2)
            if job.number == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(run_sweep, "_train", stop_at_the_second)
    assert sweep(data_root, tmp_path / "sweep", "-m", "seed=0,1,2,3") == 130
    jobs = listed(tmp_path / "sweep")
    assert [job["state"] for job in jobs] == ["finished", "interrupted", "not begun", "not begun"]
    assert [float(job["seconds"]) >= 0.2 for job in jobs] == [True, True, False, False]
    assert [job["reason"] for job in jobs[2:]] == ["", ""]
    said = capfd.readouterr().out
    assert "1 finished, 1 interrupted, 2 not begun" in said
    assert "failed" not in said
    assert "continue  aiwave train resume=" in said


def test_a_job_that_failed_tells_how_long_it_took(data_root, tmp_path, monkeypatch):
    def fail(job):
        time.sleep(0.2)
        raise AiwaveError("No.")

    monkeypatch.setattr(run_sweep, "_train", fail)
    assert sweep(data_root, tmp_path / "sweep", "-m", "seed=0,1") == 1
    ends = [(job["state"], float(job["seconds"]) >= 0.2) for job in listed(tmp_path / "sweep")]
    assert ends == [("failed", True)] * 2


def test_a_finished_identical_run_is_offered_and_reused_by_sweeps(data_root, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    common = ["train", *ONE, f"dataset.root={data_root}", "transform=cdf97"]
    assert main([*common, "run_dir=runs/first"]) == 0
    capfd.readouterr()
    assert main([*common, "logger=csv", "trainer.log_every_n_steps=3", "dataset.num_workers=1"]) == 1
    assert "runs/first is a finished run of the same configuration" in capfd.readouterr().err
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["first"]
    assert main([*common, "again=true", "run_dir=runs/second"]) == 0
    assert main([*common, "-m", "seed=0,1", "hydra.sweep.dir=runs/sweep"]) == 0
    assert [job["state"] for job in listed(tmp_path / "runs/sweep")] == ["reused", "finished"]
    assert not (tmp_path / "runs/sweep/0/stages").exists()
    assert len(read_rd_csv(tmp_path / "runs/sweep/rd.csv")) == 2 * len(read_rd_csv(tmp_path / "runs/first/rd.csv"))


def test_other_images_in_files_of_the_same_names_and_sizes_are_trained_on(data_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(data_root, "denoised")
    for path in Path("denoised").rglob("*.tif"):
        tifffile.imwrite(path, tifffile.imread(path) // 2, photometric="minisblack")
    both = ["-m", f"dataset.root={data_root},denoised", "transform=cdf97", "hydra.sweep.dir=runs/sweep"]
    assert main(["train", *ONE, *both]) == 0
    assert [job["state"] for job in listed(tmp_path / "runs/sweep")] == ["finished", "finished"]
    before, after = (read_rd_csv(tmp_path / f"runs/sweep/{job}/rd.csv") for job in range(2))
    assert [row.bpp for row in before] != [row.bpp for row in after]


def test_a_search_proposes_jobs_and_is_taken_up_where_it_stopped(data_root, tmp_path, capfd):
    given = ["model.lifting_channels=4", "model.context_channels=8"]  # what the command line says is not varied
    space = [
        "stage=joint",
        "sweep=search",
        "schedule=three_stage",
        *given,
        "stage.lr.entropy=tag(log,interval(1e-9,0.03))",
    ]
    assert sweep(data_root, tmp_path / "sweep", *space, "search.trials=2") == 0
    before = written(tmp_path / "sweep")
    assert sweep(data_root, tmp_path / "sweep", *space, "search.trials=2") == 0
    assert written(tmp_path / "sweep") == before
    said = capfd.readouterr().out
    assert "best      job" in said
    assert len(listed(tmp_path / "sweep")) == 2
    rates = {job["overrides"].split("stage.lr.entropy=")[1] for job in listed(tmp_path / "sweep")}
    assert len(rates) == 2
    assert all(1e-9 < float(rate) < 0.03 for rate in rates)


def test_the_report_of_a_sweep_compares_its_jobs_and_the_anchors(data_root, tmp_path, capfd):
    others = [RdRow("cells", f"test{k}.tif", "other", q, 16 / q, 30 + 8 / q, 1, 1) for k in range(2) for q in (1, 8)]
    write_rd_csv(others, tmp_path / "anchors.csv")
    arguments = ["-m", "transform=cdf97,additive", f"anchor_table={tmp_path}/anchors.csv"]
    assert sweep(data_root, tmp_path / "sweep", *arguments) == 0
    assert "| aiwave_additive_context (estimated) |" in capfd.readouterr().out
    with (tmp_path / "sweep/report/bd.csv").open() as file:
        compared = {row["codec"] for row in csv.DictReader(file)}
    assert compared == {"aiwave_cdf97_context (estimated)", "aiwave_additive_context (estimated)"}
    assert {row.codec for row in read_rd_csv(tmp_path / "sweep/report/rd.csv")} == compared | {"other"}
    assert "aiwave_additive_context" in (tmp_path / "sweep/report/report.html").read_text()


def test_jobs_know_where_configuration_files_lie(tmp_path):
    (tmp_path / "transform").mkdir()
    (tmp_path / "transform/mine.yaml").write_text((CONF / "transform/additive.yaml").read_text())
    arguments = [f"hydra.searchpath=[file://{tmp_path}]", "transform=mine,cdf97", "hydra.sweep.dir=x"]
    jobs = expand(arguments)
    assert len(jobs) == 2
    assert [composed("train", job, schema).transform.net is None for job in jobs] == [False, True]


def test_a_record_that_asks_for_a_billion_jobs_is_refused(tmp_path, capfd):
    (tmp_path / "sweep.json").write_text('{"arguments": ["seed=range(0,1000000000)"]}')
    assert main(["train", f"resume={tmp_path}"]) == 1
    assert "more than 1000 jobs" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.json"]


def test_a_range_belongs_to_a_search():
    with pytest.raises(AiwaveError, match="sweep=search"):
        expand(["seed=interval(0,1)"])
