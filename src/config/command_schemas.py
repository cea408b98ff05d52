"""Schemas of the composed configuration of each command."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from .data_schema import AnchorCodec, Appearance, Cache, Dataset, Described, Source
from .model_schema import Density, Entropy, ModelSizes, Net, Post, Rate, Rounding, Scale, Transform
from .node import Accelerator, Decay, Node, PlainName, Qualities, Rates, Seed
from .training_schema import Callback, LauncherNode, Logger, LrSchedule, Schedule, SearchNode, Stage, Trainer


class TrainConfig(Node):
    """`conf/train.yaml`, composed."""

    cache: Cache
    appearance: Appearance | None = None
    dataset: Dataset
    model: ModelSizes
    scale: Scale
    lifting: Net
    transform: Transform
    density: Density
    entropy: Entropy
    post: Post
    rate: Rate
    rounding: Rounding
    lr_schedule: LrSchedule
    schedule: Schedule
    stage: Stage | None = None
    callbacks: dict[str, Callback | None]
    logger: Logger
    also: Logger | None = None
    trainer: Trainer
    launcher: LauncherNode | None = None
    search: SearchNode | None = None
    name: PlainName
    seed: Seed
    lmbda: PositiveFloat | None
    epochs: PositiveInt | None
    ema: Decay | None
    init_from: str | None
    resume: str | None
    evaluate: bool
    anchor_table: str | None = None
    again: bool
    runs_dir: str
    run_dir: str


class EvaluateConfig(Node):
    """`conf/evaluate.yaml`, composed."""

    run: str
    seed: Seed
    after: str | None
    cache: Cache
    appearance: Appearance | None = None
    dataset: Dataset | None = None
    qualities: Rates | None
    tile: Annotated[int, Field(ge=16)]
    similarity: bool
    anchor_table: str | None
    real: bool
    optimise: bool
    accelerator: Accelerator
    out: str | None
    logger: Logger


class AnchorsConfig(Node):
    """`conf/anchors.yaml`, composed."""

    cache: Cache
    appearance: Appearance | None = None
    dataset: Dataset
    anchor: Annotated[dict[str, AnchorCodec], Field(min_length=1)]
    seed: Seed
    qualities: Qualities | None
    workers: PositiveInt | None
    out: str


class DataConfig(Node):
    """`conf/data.yaml`, composed."""

    cache: Cache
    appearance: Appearance | None = None
    dataset: Dataset
    seed: Seed
    volumes: PositiveInt
    out: str | None


class PrepareConfig(Node):
    """`conf/prepare.yaml`, composed."""

    cache: Cache
    appearance: Appearance | None = None
    dataset: Described
    source: Source
    root: str
    given: str | None = Field(alias="from")
    check: bool
    seed: Seed


class ReportConfig(Node):
    """`conf/report.yaml`, composed."""

    folders: Annotated[list[str], Field(min_length=1)]
    against: str | None
    out: str
    logger: Logger
