"""Training starts from ready-made models: their integers become weights, which round to these integers again."""

from pathlib import Path

import pytest
import torch

from aiwave.api import compress, find_model
from aiwave.bitstream.from_codec import model_file
from aiwave.bitstream.model import Model
from aiwave.coding.integer_context import IntegerContext
from aiwave.coding.to_float import float_weights
from aiwave.coding.to_integer.entropy_from_float import integer_factorized
from aiwave.config.command_schemas import TrainConfig
from aiwave.config.composing import composed
from aiwave.config.plan import plan
from aiwave.errors import AiwaveError
from aiwave.pretrained.card import cards
from aiwave.runs.run_folder import RunFolder
from aiwave.training.stage_codec import build_codec, run_model_file
from aiwave.training.starting_weights import load_weights

from ..builders import entropy, shake
from ..conftest import textured
from ..short_runs import train

OF_EM_NANO = ["model=nano", "model.levels=3", "transform=hybrid", "entropy.dependent=true", "entropy.states=256"]
ONE_STEP = ["schedule=one_stage", "epochs=1", "dataset.epoch_steps=1", "logger=none", "evaluate=false"]


def codec_of(name, *overrides):
    cfg = composed("train", [f"experiment=release/{name}", *overrides], lambda: TrainConfig)
    return build_codec(cfg, plan(cfg)[-1])


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_ready_made_model_becomes_the_codec_of_its_recipe_and_back(card):
    model = find_model(card.name)
    codec = codec_of(card.name)
    load_weights(codec, Path(card.name))
    again = Model.from_bytes(model_file(codec, card.name))
    before, after = (float_weights(each.parameters.entropy) for each in (model, again))
    assert before.keys() == after.keys()
    narrow = isinstance(model.parameters.entropy, IntegerContext) and model.parameters.entropy.limit < 2**12 - 1
    for name, value in before.items():  # wider activations leave a bit less for weights
        assert (value - after[name]).abs().max() <= (2**-6 if narrow else 0), name
    for kind in ("transform_weights", "post_weights"):
        one, other = getattr(model.parameters, kind), getattr(again.parameters, kind)
        assert one.keys() == other.keys()
        assert all((value == other[name]).all() for name, value in one.items())


def test_what_it_codes_stays_the_same():
    codec = codec_of("em_nano")
    load_weights(codec, Path("em_nano"))
    volume = textured((20, 24, 28), 3)
    files = [
        compress(volume, Model.from_bytes(data), step=6.0)
        for data in (find_model("em_nano").data, model_file(codec, "em_nano"))
    ]
    assert len(files[0]) == len(files[1])


def test_a_factorized_model_too():
    model = shake(entropy("factorized"), std=0.2)
    integers = integer_factorized(model)
    found = float_weights(integers)
    torch.testing.assert_close(found, dict(model.state_dict()), rtol=0, atol=2**-8)
    model.load_state_dict(found)
    assert all(
        (layer.weight == integers.layers[name].weight).all() for name, layer in integer_factorized(model).layers.items()
    )


def test_a_run_starts_from_a_name_or_a_model_file(data_root, tmp_path):
    (tmp_path / "given.aiwm").write_bytes(find_model("em_nano").data)
    starts = []
    for name, given in (("named", "em_nano"), ("file", tmp_path / "given.aiwm")):
        assert train(data_root, tmp_path / name, *OF_EM_NANO, *ONE_STEP, f"init_from={given}", epochs=[]) == 0
        starts.append(RunFolder(tmp_path / name).facts("joint")["starting_loss"])
    assert starts[0] == starts[1]
    assert train(data_root, tmp_path / "scratch", *OF_EM_NANO, *ONE_STEP, epochs=[]) == 0
    assert starts[0] < RunFolder(tmp_path / "scratch").facts("joint")["validation_loss"]
    Model.from_bytes(run_model_file(tmp_path / "named"))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("lifting.intensity_scale=4096", "intensity_scale 256.0, not 4096;"),
        ("lifting.damping=1", "damping 0.1, not 1;"),
        ("lifting.activation._target_=torch.nn.SiLU", "activation Tanh, not SiLU;"),
    ],
)
def test_networks_that_would_compute_something_else_with_the_same_weights(setting, words):
    with pytest.raises(AiwaveError, match=words):
        load_weights(codec_of("general_lifting", setting), Path("general_lifting"))
    load_weights(codec_of("general_lifting", "lifting.damping=1"), Path("general_nano"))


def test_names_and_models_that_do_not_fit(data_root, tmp_path, capfd):
    for given, words in (
        ("em_nanoo", "em_nano, "),
        ("voxels_fast", "does not fit"),
        ("mri_nano", "deeper"),
        ("general_lifting", "does not have"),
    ):
        assert train(data_root, tmp_path / given, *OF_EM_NANO, *ONE_STEP, f"init_from={given}", epochs=[]) == 1
        error = capfd.readouterr().err
        assert words in error
        assert len(error.splitlines()) == 1


LARGER = ["model.context_channels=48", "model.context_layers=3"]


def wide_and_narrow():
    narrow, wide = codec_of("general_nano").eval(), codec_of("general_nano", *LARGER).eval()
    for codec in (narrow, wide):
        load_weights(codec, Path("general_nano"))
    return narrow, wide


@torch.no_grad()
def test_a_wider_and_deeper_context_model_begins_as_the_one_it_is_given():
    narrow, wide = wide_and_narrow()
    step = torch.tensor([20.0])
    q = narrow.analyse(torch.from_numpy(textured((20, 24, 28), 3)).float().view(1, 1, 20, 24, 28), step)
    torch.testing.assert_close(wide.code_length(q, step), narrow.code_length(q, step), rtol=1e-5, atol=1e-2)


def test_what_is_new_in_it_learns_from_the_first_step_on():
    _, wide = wide_and_narrow()
    step = torch.tensor([20.0])
    x = torch.from_numpy(textured((20, 24, 28), 3)).float().view(1, 1, 20, 24, 28)
    wide.code_length(wide.analyse(x, step), step).sum().backward()
    assert wide.entropy.blocks[2].weight.grad[:32].flatten(1).any(dim=1).all()
    assert wide.entropy.mix.weight.grad[:, :32, 32:].any()


def test_widths_that_do_not_fit_are_refused_as_ever():
    for setting in ("model.context_channels=16", "model.mixtures=4", "model.levels=2", "model.context_layers=1"):
        with pytest.raises(AiwaveError, match="does not fit"):
            load_weights(codec_of("general_nano", setting), Path("general_nano"))
