"""The study compares like with like: every experiment has as many steps as its controls."""

from importlib.resources import files

from aiwave.config.command_schemas import TrainConfig
from aiwave.config.composing import composed
from aiwave.config.plan import about, plan
from aiwave.config.validation import validate


def test_every_experiment_has_the_steps_of_its_controls_and_a_name_of_its_own():
    names = [path.name.removesuffix(".yaml") for path in (files("aiwave.conf") / "experiment/study").iterdir()]
    data = ["dataset=folder", "dataset.root=/data", "dataset.subset=cells"]
    found = {name: composed("train", [f"experiment=study/{name}", *data], lambda: TrainConfig) for name in names}
    for cfg in found.values():
        validate(cfg, TrainConfig)
    assert {sum(stage.epochs for stage in plan(cfg)) for cfg in found.values()} == {60}
    assert {name: cfg.name for name, cfg in found.items()} == {name: f"{name}_cells" for name in names}
    kinds = {name: about(cfg)["transform"] for name, cfg in found.items()}
    assert {name: kinds.pop(name) for name in ("cdf97", "additive", "hybrid", "more_additive")} == {
        "cdf97": "cdf97",
        "additive": "additive",
        "hybrid": "hybrid",
        "more_additive": "additive",
    }
    assert set(kinds.values()) == {"affine"}
