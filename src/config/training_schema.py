"""Schemas of training, trackers and launchers."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from .node import Accelerator, Call, Component, Decay, Node


class LearningRates(Node):
    """Adam's learning rate per component."""

    transform: PositiveFloat
    rate: PositiveFloat
    entropy: PositiveFloat
    post: PositiveFloat


class LrSchedule(Call):
    """`conf/lr_schedule`."""


class Stage(Node):
    """`conf/stage`."""

    name: str
    transform: dict[str, Any]
    rounding: dict[str, Any]
    freeze: list[Component]
    epochs: PositiveInt
    lr: LearningRates
    clip: PositiveFloat
    lr_schedule: LrSchedule
    ema: Decay | None


class Schedule(Node):
    """`conf/schedule`."""

    stages: dict[str, Stage]
    order: Annotated[list[str], Field(min_length=1)]
    carry: Literal["best", "last"]


class Logger(Call):
    """`conf/logger`."""

    kind = "aiwave.tracking.tracker.Tracker"


class Trainer(Node):
    """`conf/trainer`."""

    accelerator: Accelerator
    devices: PositiveInt
    num_nodes: PositiveInt
    strategy: Literal["auto", "ddp"]
    precision: Literal["32-true", "bf16-mixed", "64-true"]
    log_every_n_steps: PositiveInt
    accumulate_grad_batches: PositiveInt
    compile: bool
    profile: bool


class LauncherNode(Call):
    """`conf/launcher`."""

    kind = "aiwave.sweeps.launchers.Launcher"


class SearchNode(Call):
    """The key `search` of `conf/sweep`."""

    kind = "aiwave.sweeps.search.Search"
