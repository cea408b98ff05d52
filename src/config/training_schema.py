"""Schemas of training, trackers and launchers."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from .node import Accelerator, Call, Component, Decay, Node, PlainName


class LearningRates(Node):
    """Adam's learning rate per component.

    `scale`, of the raw affine factor, and `taps`, of taps and gains, are parts of the transform: null for its own rate.
    """

    transform: PositiveFloat
    scale: PositiveFloat | None = None
    taps: PositiveFloat | None = None
    rate: PositiveFloat
    entropy: PositiveFloat
    post: PositiveFloat


class LrSchedule(Call):
    """`conf/lr_schedule`."""

    targets = ("aiwave.training.ConstantRate", "aiwave.training.CosineDecay")


class Stage(Node):
    """`conf/stage`."""

    name: PlainName
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

    stages: dict[PlainName, Stage]
    order: Annotated[list[PlainName], Field(min_length=1)]
    carry: Literal["best", "last"]


class Logger(Call):
    """`conf/logger`."""

    kind = "aiwave.tracking.tracker.Tracker"
    targets = (
        "aiwave.tracking.CsvTracker",
        "aiwave.tracking.MlflowTracker",
        "aiwave.tracking.NoTracker",
        "aiwave.tracking.TensorBoardTracker",
        "aiwave.tracking.WandbTracker",
    )


class Callback(Call):
    """An entry `NAME` of `conf/callbacks`; of Lightning's, those that write no files."""

    kind = "pytorch_lightning.Callback"
    targets = (
        "aiwave.callbacks.GradientHealth",
        "aiwave.callbacks.Pictures",
        "aiwave.callbacks.Progress",
        "aiwave.callbacks.RdLogging",
        "pytorch_lightning.callbacks.DeviceStatsMonitor",
        "pytorch_lightning.callbacks.EarlyStopping",
        "pytorch_lightning.callbacks.LearningRateMonitor",
        "pytorch_lightning.callbacks.RichProgressBar",
        "pytorch_lightning.callbacks.ThroughputMonitor",
        "pytorch_lightning.callbacks.Timer",
        "pytorch_lightning.callbacks.TQDMProgressBar",
    )


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
    targets = (
        "aiwave.sweeps.launchers.JoblibLauncher",
        "aiwave.sweeps.launchers.LocalLauncher",
        "aiwave.sweeps.launchers.RayLauncher",
        "aiwave.sweeps.launchers.SlurmLauncher",
    )


class SearchNode(Call):
    """The key `search` of `conf/sweep`."""

    kind = "aiwave.sweeps.search.Search"
    targets = ("aiwave.sweeps.search.Search",)
