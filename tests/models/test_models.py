"""The named models: their sizes against the published ones, and which options they choose."""

import re

import pytest
from hydra import compose, initialize_config_module

from aiwave.config.command_schemas import TrainConfig
from aiwave.config.plan import plan
from aiwave.config.validation import validate
from aiwave.models.codec import count_parameters, format_parameters
from aiwave.models.conv import CausalConv3d
from aiwave.models.entropy import ContextEntropy, FactorizedEntropy, MonotoneNet, PublishedContext
from aiwave.training.stage_codec import build_codec

PUBLISHED = ["aiwave_heavy", "aiwave_light", "iwave3d"]


def configured(*overrides):
    with initialize_config_module("aiwave.conf", version_base="1.3"):
        cfg = compose("train", overrides=["dataset.intensity_scale=256", *overrides])
    validate(cfg, TrainConfig)
    return cfg


def built(*overrides):
    cfg = configured(*overrides)
    return build_codec(cfg, plan(cfg)[-1])


def stored_half(module):
    """Parameters that masked kernels of 3x3x3 would hold beyond the two slices kept here."""
    return sum(conv.weight.numel() // 2 for conv in module.modules() if isinstance(conv, CausalConv3d))


def test_aiwave_heavy_has_the_published_sizes():
    codec = built("model=aiwave_heavy", "lmbda=9")
    counts = count_parameters(codec)
    nets = sum(p.numel() for p in codec.entropy.nets.parameters())
    assert (counts["transform"], counts["post"], counts["rate"]) == (424_858, 1_442_049, 1)
    assert counts["entropy"] - nets == 195_410
    unused = sum(p.numel() for p in codec.entropy.long_context.doublers.parameters())  # published: twice as many
    assert counts["entropy"] - nets + unused == pytest.approx(0.31e6, rel=2e-2)
    assert nets == pytest.approx(47.60e6, rel=1e-3)
    assert nets + stored_half(codec.entropy.nets) == pytest.approx(58.7e6, rel=1e-3)
    assert sum(counts.values()) + stored_half(codec) + unused == pytest.approx(60.9e6, rel=1e-3)


def test_nano_is_small_and_has_all_rates():
    codec = built("model=nano")
    assert sum(count_parameters(codec).values()) <= 200_000
    assert len(codec.rate.qualities) == 5


def test_the_table_of_parameters_adds_up():
    *rows, last = format_parameters(built("model=tiny")).splitlines()[1:]
    counts = [int(re.sub(",", "", row.split()[1])) for row in (*rows, last)]
    assert sum(counts[:-1]) == counts[-1] == sum(p.numel() for p in built("model=tiny").parameters())


@pytest.mark.parametrize(
    ("model", "kind", "entropy"),
    [
        ("aiwave_light", "affine", FactorizedEntropy),
        ("iwave3d", "additive", PublishedContext),
        ("nano", "affine", ContextEntropy),
    ],
)
def test_models_choose_their_parts(model, kind, entropy):
    codec = built(f"model={model}", *(["lmbda=9"] if model in PUBLISHED else []))
    assert codec.transform.kind == kind
    assert type(codec.entropy) is entropy
    assert isinstance(codec.entropy.density, MonotoneNet) == (model in PUBLISHED)


@pytest.mark.parametrize("model", ["nano", *PUBLISHED])
def test_the_command_line_has_the_last_word(model):
    cfg = configured(f"model={model}", "transform=cdf97", "rate=variable", "density=laplace", "model.mixtures=7")
    assert cfg.transform.net is None
    assert cfg.rate._target_.endswith("VariableRate")
    assert cfg.entropy.density._target_.endswith("Laplace")
    assert (
        configured(f"model={model}", "lmbda=9", "density=logistic_mixture", "model.mixtures=7").density.components == 7
    )


def test_an_experiment_wins_over_the_model():
    assert configured("experiment=light", "model=iwave3d", "lmbda=9").entropy._target_.endswith("FactorizedEntropy")
