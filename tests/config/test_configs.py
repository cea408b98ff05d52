"""The configuration tree: uniform groups, small files, checked values, experiments that run."""

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_module

import aiwave.conf
from aiwave.cli import main
from aiwave.config import data_schema as data
from aiwave.config import model_schema as model
from aiwave.config import training_schema as training
from aiwave.config.command_schemas import TrainConfig
from aiwave.config.constructor import arguments
from aiwave.config.node import Call
from aiwave.config.plan import run_tags
from aiwave.config.validation import validate
from aiwave.errors import AiwaveError
from aiwave.report.tables import read_rd_csv
from aiwave.training.run import train

CONF = Path(aiwave.conf.__file__).parent
GROUPS = sorted({path.parent.name for path in CONF.glob("*/*.yaml")} - {"experiment"})
MADE = {
    each.__doc__.split("`")[1].removeprefix("conf/"): each
    for module in (data, model, training)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Call) and each is not Call and each.kind is not None
}
"""The schemas of the groups whose options are classes."""
ALL = "".join(path.read_text() for path in CONF.glob("*/*.yaml"))
EXPERIMENTS = sorted(
    str(path.relative_to(CONF / "experiment").with_suffix("")) for path in CONF.glob("experiment/**/*.yaml")
)
OFTEN = ("quickstart", "fixed_rate", "lossless", "ablation/one_stage", "ablation/no_post", "ablation/density_laplace")
OFTEN += ("ablation/entropy_factorized", "ablation/scale_published", "study/hybrid", "release/em_nano")
"""Experiments that every run of the suite trains; together they build each kind of component."""
TRAINED = [pytest.param(name, marks=[] if name in OFTEN else pytest.mark.slow) for name in EXPERIMENTS]


def composed(*overrides):
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        return compose("train", overrides=list(overrides))


def keys_of(group):
    return {path.stem: list(yaml.safe_load(path.read_text())) for path in (CONF / group).glob("*.yaml")}


@pytest.mark.parametrize("group", GROUPS)
def test_keys_that_options_of_a_group_share_come_in_the_same_order(group):
    for (one, first), (other, second) in combinations(keys_of(group).items(), 2):
        assert [key for key in first if key in second] == [key for key in second if key in first], (one, other)


def whole(path):
    """An option of a group with what it takes from another one of the group."""
    node = yaml.safe_load(path.read_text())
    others = [name for name in node.get("defaults", []) if isinstance(name, str) and name != "_self_"]
    return {key: value for name in others for key, value in whole(path.with_stem(name)).items()} | node


@pytest.mark.parametrize("group", sorted(set(MADE) & set(GROUPS)))
def test_keys_that_options_of_a_group_share_mean_the_same(group):
    """Of one type and with the same bounds, as JSON schema tells them, whatever takes them; every key is taken."""
    seen = {}
    for path in (CONF / group).glob("*.yaml"):
        node = whole(path)
        fields = arguments(MADE[group].model_construct(target=node["_target_"], partial="_partial_" in node))
        types = {field.alias: (str(field.annotation), str(field.metadata)) for field in fields.model_fields.values()}
        own = set(node) - {"_target_", "_partial_", "defaults"}
        assert own <= set(types), path
        for key in own:
            assert seen.setdefault(key, types[key]) == types[key], (path, key)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"_target_: (aiwave[\w.]+)", ALL))))
def test_constructors_that_the_configuration_names_are_annotated(target):
    fields = (
        arguments(Call.model_construct(target=target, partial=False)).model_fields if ".anchors." not in target else {}
    )
    assert [name for name, field in fields.items() if field.annotation is Any] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["entropy=factorized", "entropy.dependent=true"],
            ["entropy.dependent", "FactorizedEntropy", "context_shared"],
        ),
        (["entropy=context_published", "entropy.oriented=true"], ["oriented", "PublishedContext", "context_shared"]),
        (["rate=lossless", "rate.per_band=true"], ["rate.per_band", "rate=fixed and rate=variable have it", "levels"]),
        (["rate.initial_step=3"], ["rate.initial_step", "VariableRate", "rate=fixed has it"]),
        (["post=none", "post.channels=8"], ["post.channels", "NoPost", "post=cnn", "it takes none"]),
        (["scale=published", "scale.bound=1"], ["scale.bound", "PublishedScale", "scale=bounded"]),
        (["density=laplace", "density.components=2"], ["density.components", "Laplace", "density=logistic_mixture"]),
        (["logger=csv", "logger.mode=offline"], ["logger.mode", "CsvTracker", "logger=wandb"]),
        (["launcher.gpus=1"], ["launcher.gpus", "LocalLauncher", "launcher=slurm"]),
        (["cache.folder=x"], ["cache.folder", "MemoryCache", "cache=persistent"]),
        (["lifting.chanels=3"], ["lifting.chanels", "did you mean channels?", "LiftingNet"]),
        (["-m", "entropy=factorized,context_shared", "entropy.chanels=3"], ["entropy.chanels", "channels"]),
    ],
)
def test_a_key_of_another_option_is_refused_with_the_options_that_have_it(options, words, capfd):
    assert main(["train", *options]) in (1, 2)
    sentence = capfd.readouterr().err.strip().splitlines()[-1]
    assert [word for word in words if word not in sentence] == [], sentence


@pytest.mark.parametrize("dataset", sorted(path.stem for path in (CONF / "dataset").glob("*.yaml")))
def test_runs_on_every_data_set_have_a_name_without_being_given_one(dataset):
    root = ["dataset.root=x"] if dataset != "phantom" else []
    subset = ["dataset.subset=x"] if dataset in ("folder", "mixture", "zarr") else []
    validate(composed(f"dataset={dataset}", *root, *subset, "debug=fast"), TrainConfig, imports=False)


def test_what_an_experiment_asks_of_an_option_without_it_is_refused():
    with pytest.raises(
        AiwaveError, match=r"entropy\.dependent is not a key of FactorizedEntropy: entropy=context_shared"
    ):
        validate(composed("experiment=release/em_nano", "entropy=factorized"), TrainConfig)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["experiment=quickstart"],
            ["no stage warmup or additive or affine or finetune", "choose schedule=warm_three_stage", "or drop the"],
        ),
        (["+schedule.stages.affine.epochs=3"], ["no stage affine", "three_stage or schedule=warm", "~schedule"]),
        (["+schedule.stages.mine.epochs=3"], ["no stage mine", "stages are joint", "a schedule that has it"]),
        (["schedule.stages.affine.epochs=3"], ["schedule.stages.affine is not a key", "allowed are joint"]),
        (["dataset=folder", "schedule.stages.jiont.epochs=3"], ["did you mean joint?", "allowed are joint"]),
        (["+schedule.stages.joint.epoch=3"], ["schedule.stages.joint.epoch is not", "did you mean epochs?"]),
    ],
)
def test_options_of_a_stage_that_the_schedule_lacks_are_refused_with_the_stages_it_has(options, words, capfd):
    assert main(["train", "schedule=one_stage", *options]) == 1
    sentence = capfd.readouterr().err.strip()
    assert [word for word in words if word not in sentence] == [], sentence


def test_dropped_options_of_an_absent_stage_are_not_missed():
    dropped = [f"~schedule.stages.{name}" for name in ("warmup", "additive", "affine", "finetune")]
    validate(composed("experiment=quickstart", "schedule=one_stage", *dropped), TrainConfig)


def test_files_are_short():
    assert [path for path in CONF.rglob("*.yaml") if len(path.read_text().splitlines()) > 45] == []
    long = [path.name for path in CONF.glob("*/*.yaml") if len(path.read_text().splitlines()) > 20]
    assert long == []


@pytest.mark.parametrize("transform", ["cdf97", "cdf53", "additive", "hybrid", "affine"])
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
def test_every_experiment_composes(experiment):
    data = ["dataset=folder", "dataset.root=/data", "dataset.subset=cells"]
    validate(composed(f"experiment={experiment}", *data), TrainConfig)


@pytest.mark.parametrize("experiment", TRAINED)
def test_every_experiment_trains_two_steps_and_evaluates(experiment, data_root, tmp_path):
    sizes = ["dataset.crop=[8,8,8]", "dataset.epoch_steps=2", "dataset.batch_size=1", "dataset.val_crops=1"]
    sizes += ["dataset.num_workers=0"]
    data = ["dataset=folder", f"dataset.root={data_root}", "dataset.subset=cells", "dataset.steps=[8]"]
    cfg = composed(
        f"experiment={experiment}", "model=tiny", "init_from=null", "logger=none", "callbacks=quiet", *data, *sizes
    )
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
        ("+schedule.stages.affine.lr.tap=1", ["schedule.stages.affine.lr.tap", "did you mean taps?"]),
        ("lmbda=-1", ["lmbda", "-1"]),
        ("lmbda=1e400", ["lmbda", "finite"]),
        ("seed=5000000000", ["seed", "4294967296"]),
        ("trainer.devices=0", ["trainer.devices", "greater than 0"]),
        ("dataset=folder", ["dataset.root", "not given"]),
        ("entropy._target_=os.system", ["entropy._target_", "os.system", "aiwave.models.entropy.ContextEntropy"]),
        ("entropy._target_=torch.nn.modules.module.OrderedDict", ["entropy._target_", "trust=MODULE"]),
        ("entropy._target_=aiwave.models.nothing.At", ["entropy._target_", "trust=MODULE"]),
        ("density._target_=aiwave.models.entropy.Laplac", ["trust=MODULE", "perhaps aiwave.models.entropy.Laplace is"]),
        ("entropy._target_=torch.nn.Tanh", ["entropy._target_", "torch.nn.Tanh", "trust=MODULE"]),
        ("entropy._target_=aiwave.config.composing.composed", ["entropy._target_", "trust=MODULE"]),
        ("+stage.transform.net._target_=os.system", ["stage"]),
        ("+dataset.about._target_=os.system", ["dataset.about._target_"]),
        ("name=a/b", ["name", "a/b"]),
        ("lifting._partial_=false", ["lifting._target_", "_partial_: true"]),
        ("+lifting.scale=3", ["lifting.scale is not a key of LiftingNet", "damping"]),
        ("+post._partial_=true", ["post._target_", "leave _partial_ out"]),
        ("~entropy.density", ["entropy.density", "required"]),
        ("entropy.density=3", ["entropy.density"]),
        ("entropy.states=9", ["entropy.states", "8, 64 or 256", "9"]),
        ("lifting.padding=wrap", ["lifting.padding", "'zeros', 'reflect' or 'replicate'", "wrap"]),
        ("lifting.channels=0", ["lifting.channels", "greater than or equal to 1"]),
        ("post.layers=-1", ["post.layers", "greater than or equal to 0"]),
        ("logger.mode=of", ["logger.mode", "'online', 'offline' or 'disabled'"]),
        ("+callbacks.rd.every=3", ["callbacks.rd.every is not a key of RdLogging"]),
        ("rounding.soft_share=2", ["rounding.soft_share", "less than or equal to 1"]),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_is_allowed(override, words):
    with pytest.raises(AiwaveError) as caught:
        validate(composed(override), TrainConfig)
    sentence = str(caught.value)
    assert [word for word in words if word not in sentence] == [], sentence
    assert "\n" not in sentence
