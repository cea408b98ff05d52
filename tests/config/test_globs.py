"""Globs over the options in a group's folders, and telling the runs of a sweep apart."""

from importlib.resources import files

import pytest

from aiwave.cli import main
from aiwave.config.composing import expand_glob
from aiwave.errors import AiwaveError
from aiwave.report.tables import read_rd_csv
from tests.short_runs import TINY


def test_a_glob_becomes_the_options_that_match():
    names = {path.name.removesuffix(".yaml") for path in (files("aiwave.conf") / "experiment/ablation").iterdir()}
    expanded = expand_glob("experiment=glob(ablation/*)")
    assert set(expanded.removeprefix("experiment=").split(",")) == {f"ablation/{name}" for name in names}
    assert expand_glob("experiment='glob(ablation/*)'") == "experiment='glob(ablation/*)'"  # quoted: a plain string
    assert (
        expand_glob("experiment=glob('ablation/sharing_*')")
        == "experiment=ablation/sharing_axial,ablation/sharing_none"
    )


@pytest.mark.parametrize("override", ["seed=0", "-m", "model=glob(*)", "experiment=quickstart", "name=a/b"])
def test_everything_else_stays(override):
    assert expand_glob(override) == override


def test_a_glob_without_match_is_refused_with_what_there_is():
    with pytest.raises(AiwaveError, match="ablation/baseline"):
        expand_glob("experiment=glob(ablations/*)")


def test_ablations_run_as_a_sweep_and_their_curves_are_told_apart(data_root, tmp_path):
    order = [
        "schedule=warm_three_stage",
        "schedule.order=[warmup]",
        "schedule.stages.warmup.epochs=1",
        "logger=none",
        "dataset.crop=[8,8,8]",
    ]
    sweep = ["-m", "experiment=glob(ablation/rounding_*)", f"hydra.sweep.dir={tmp_path}"]
    assert main(["train", *TINY, f"dataset.root={data_root}", *order, *sweep]) == 0
    codecs = {row.codec for row in read_rd_csv(tmp_path / "rd.csv")}
    names = [f"rounding_{name}_cells" for name in ("noise", "soft_then_hard")]
    assert codecs == {f"{name}: aiwave_cdf97_context (estimated)" for name in names}
