"""Schema of training, trackers and launchers."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from .node import Accelerator, Component, Decay, Node, Seed, Target


class LearningRates(Node):
    """Adam's rate per component."""

    transform: PositiveFloat
    rate: PositiveFloat
    entropy: PositiveFloat
    post: PositiveFloat


class LrSchedule(Node):
    """`conf/lr_schedule`."""

    target: Target = Field(alias="_target_")
    warmup: NonNegativeFloat


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


class Logger(Node):
    """`conf/logger`."""

    target: Target = Field(alias="_target_")
    project: str
    mode: Literal["online", "offline", "disabled"] | None
    tags: list[str]


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


class LauncherNode(Node):
    """`conf/launcher`."""

    target: Target = Field(alias="_target_")
    jobs: PositiveInt | None
    threads: PositiveInt | None
    gpus: NonNegativeInt
    options: dict[str, Any]


class SearchNode(Node):
    """The key `search` of `conf/sweep`."""

    target: Target = Field(alias="_target_")
    trials: PositiveInt
    seed: Seed
