"""Globs over the options in a group's folders, and telling the runs of a sweep apart."""

from importlib.resources import files

import pytest

from aiwave.cli import main
from aiwave.config.command_schemas import PrepareConfig, TrainConfig
from aiwave.config.composing import composed, expand_glob
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


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("experiment=ablation/baselin", "There is no experiment/ablation/baselin: did you mean ablation/baseline"),
        ("experiment=quikstart", "There is no experiment/quikstart: did you mean quickstart?"),
        ("experiment=baseline", "did you mean ablation/baseline?"),
        ("experiment=zzz", "There is no experiment/zzz: the options of experiment are "),
        ("post=cn", "There is no post/cn: did you mean cnn? the options of post are cnn, none, "),
        ("+stage@schedule.stages.more=zz", "There is no stage/zz: the options of stage are additive, affine, "),
        ("+experiment@more=odd", "There is no dataset/fantom, which experiment/odd names: did you mean phantom?"),
    ],
)
def test_an_option_that_does_not_exist_is_refused_with_those_of_all_folders(override, words, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/odd.yaml").write_text("defaults: [/dataset: fantom]\n")
    with pytest.raises(AiwaveError) as caught:
        composed("train", [f"hydra.searchpath=[file://{tmp_path}]", override], lambda: TrainConfig)
    said = str(caught.value)
    assert words in said
    assert "\n" not in said
    assert "experiment are" not in said or {"quickstart,", "odd,", "ablation/one_stage,"} <= set(said.split())


@pytest.mark.parametrize(
    ("missing", "words"), [("zzz", "the options of experiment are ablation/"), ("ligt", "did you mean light?")]
)
def test_a_list_with_an_option_that_does_not_exist_is_refused(missing, words):
    with pytest.raises(AiwaveError) as caught:
        composed("train", [f"experiment=[quickstart,{missing}]"], lambda: TrainConfig)
    assert f"There is no experiment/{missing}: {words}" in str(caught.value)


def test_a_missing_option_is_asked_for_with_what_there_is():
    with pytest.raises(AiwaveError, match=r"^dataset is missing: give dataset=NAME with one of attention, "):
        composed("prepare", ["root=data"], lambda: PrepareConfig)


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
