"""The configuration tree: uniform groups, small files, checked values, experiments that run."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_module

import aiwave.conf
from aiwave.errors import AiwaveError
from aiwave.report import read_rd_csv
from aiwave.schema import TrainConfig
from aiwave.train import train
from aiwave.training import run_tags
from aiwave.validation import validate

CONF = Path(aiwave.conf.__file__).parent
GROUPS = sorted({path.parent.name for path in CONF.glob("*/*.yaml")} - {"experiment"})
EXPERIMENTS = sorted(
    str(path.relative_to(CONF / "experiment").with_suffix("")) for path in CONF.glob("experiment/**/*.yaml")
)


def composed(*overrides):
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        return compose("train", overrides=list(overrides))


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_of_a_group_has_the_same_keys(group):
    keys = {path.stem: list(yaml.safe_load(path.read_text())) for path in (CONF / group).glob("*.yaml")}
    assert len({tuple(k) for k in keys.values()}) == 1, keys


def test_files_are_short():
    assert [path for path in CONF.rglob("*.yaml") if len(path.read_text().splitlines()) > 45] == []
    long = [path.name for path in CONF.glob("*/*.yaml") if len(path.read_text().splitlines()) > 20]
    assert long == []


@pytest.mark.parametrize("transform", ["cdf97", "cdf53", "additive", "affine"])
@pytest.mark.parametrize("entropy", ["factorized", "context_shared", "context_published"])
@pytest.mark.parametrize(
    "options", ["experiment=fixed_rate", "rate=variable", "post=none", "schedule=warm_three_stage", "trainer=gpu"]
)
def test_options_combine(transform, entropy, options):
    validate(composed(f"transform={transform}", f"entropy={entropy}", options), TrainConfig)


def test_runs_are_tagged_with_what_they_are():
    assert run_tags(composed("experiment=fixed_rate", "lmbda=0.4")) == [
        "phantom_em",
        "affine",
        "ContextEntropy",
        "lmbda=0.4",
    ]
    assert run_tags(composed("transform=cdf53", "entropy=factorized")) == ["phantom_em", "cdf53", "FactorizedEntropy"]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_trains_two_steps_and_evaluates(experiment, data_root, tmp_path):
    sizes = ["dataset.crop=[8,8,8]", "dataset.epoch_steps=2", "dataset.batch_size=1", "dataset.val_crops=1"]
    sizes += ["dataset.num_workers=0"]
    data = ["dataset=folder", f"dataset.root={data_root}", "dataset.subset=cells", "dataset.steps=[8]"]
    cfg = composed(f"experiment={experiment}", "model=tiny", "logger=none", "callbacks=quiet", *data, *sizes)
    for stage in cfg.schedule.stages.values():
        stage.epochs = 1
    train(cfg, tmp_path / "run", [])
    assert len(list((tmp_path / "run/stages").glob("*/done.json"))) == len(cfg.schedule.order)
    assert len(read_rd_csv(tmp_path / "run/rd.csv")) == 2


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+model.contxt_channels=3", ["model.contxt_channels", "did you mean context_channels", "mixtures"]),
        ("+stages=3", ["stages", "did you mean stage", "dataset"]),
        ("transform.sharing=diagonal", ["transform.sharing", "isotropic", "axial", "none", "diagonal"]),
        ("model.levels=9", ["model.levels", "5", "9"]),
        ("dataset.crop=[8,8]", ["dataset.crop", "3"]),
        ("dataset.batch_size=0", ["dataset.batch_size", "greater than 0"]),
        ("schedule.stages.affine.freeze=[entropie]", ["schedule.stages.affine.freeze.0", "entropy", "entropie"]),
        ("+schedule.stages.affine.lr.taps=1", ["schedule.stages.affine.lr.taps", "transform"]),
        ("lmbda=-1", ["lmbda", "-1"]),
        ("lmbda=1e400", ["lmbda", "finite"]),
        ("seed=5000000000", ["seed", "4294967296"]),
        ("trainer.devices=0", ["trainer.devices", "greater than 0"]),
        ("dataset=folder", ["dataset.root", "not given"]),
        ("entropy._target_=os.system", ["entropy._target_", "os.system"]),
        ("rounding.soft_share=2", ["rounding.soft_share", "less than or equal to 1"]),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_is_allowed(override, words):
    with pytest.raises(AiwaveError) as caught:
        validate(composed(override), TrainConfig)
    sentence = str(caught.value)
    assert [word for word in words if word not in sentence] == [], sentence
    assert "\n" not in sentence
