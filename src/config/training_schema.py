"""Schemas of training, trackers and launchers."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

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

    @model_validator(mode="before")
    @classmethod
    def _has_stages(cls, raw: Any) -> Any:
        """Refuse options of a stage that the schedule lacks: all that there is of such a stage are these options."""
        stages = raw.get("stages") if isinstance(raw, dict) else None
        if not isinstance(stages, dict):
            return raw
        absent = [name for name, stage in stages.items() if _is_absent(stage)]
        if not absent:
            return raw
        words = {
            "absent": " or ".join(absent),
            "stages": ", ".join(name for name in stages if name not in absent) or "none",
            "schedules": " or ".join(_schedules_with(absent)) or "a schedule that has it",
            "drop": " ".join(f"~schedule.stages.{name}" for name in absent),
        }
        said = "it has no stage {absent}, but the experiment or an override sets options of it; its stages are "
        said += "{stages}: choose {schedules}, or drop the options with {drop}"
        raise PydanticCustomError("absent_stage", said, words)  # type: ignore[arg-type]


def _is_absent(stage: Any) -> bool:
    """True for a stage without a name and others of the keys that every stage has."""
    return isinstance(stage, dict) and "name" not in stage and len(stage) < len(Stage.model_fields) - 1


def _schedules_with(stages: list[str]) -> list[str]:
    """Overrides that choose the schedules with all of these stages."""
    folder = Path(str(files("aiwave.conf"))) / "schedule"
    defaults = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
    return [f"schedule={name}" for name, text in defaults.items() if all(f"@stages.{one}:" in text for one in stages)]


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
