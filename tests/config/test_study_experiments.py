"""The study compares like with like: every experiment has as many steps as its controls."""

from importlib.resources import files
from pathlib import Path

import pytest

from aiwave.config.command_schemas import TrainConfig
from aiwave.config.composing import composed
from aiwave.config.plan import about, plan
from aiwave.config.validation import validate
from aiwave.training.stage_codec import build_codec
from aiwave.training.starting_weights import load_weights

DATA = ["dataset=folder", "dataset.root=/data", "dataset.subset=cells", "dataset.intensity_scale=256"]


def composed_all(group):
    """The valid configurations of a folder of experiments, by name."""
    names = [path.name.removesuffix(".yaml") for path in (files("aiwave.conf") / f"experiment/{group}").iterdir()]
    found = {name: composed("train", [f"experiment={group}/{name}", *DATA], lambda: TrainConfig) for name in names}
    for cfg in found.values():
        validate(cfg, TrainConfig)
    return found


@pytest.mark.parametrize(("group", "epochs"), [("study", 24), ("study_scratch", 48)])
def test_every_experiment_has_the_steps_of_its_control_and_a_name_of_its_own(group, epochs):
    found = composed_all(group)
    assert {sum(stage.epochs for stage in plan(cfg)) for cfg in found.values()} == {epochs}
    assert {name: cfg.name for name, cfg in found.items()} == {name: f"{name}_cells" for name in found}


def test_every_question_about_transforms_starts_from_the_same_ready_made_model():
    for cfg in composed_all("study").values():
        load_weights(build_codec(cfg, plan(cfg)[0]), Path(cfg.init_from))


def test_the_transforms_are_those_asked_for():
    found = composed_all("study")
    kinds = {name: about(cfg)["transform"] for name, cfg in found.items()}
    assert {name: kinds.pop(name) for name in ("cdf97", "additive", "hybrid", "more_additive")} == {
        "cdf97": "cdf97",
        "additive": "additive",
        "hybrid": "hybrid",
        "more_additive": "additive",
    }
    assert set(kinds.values()) == {"affine"}
