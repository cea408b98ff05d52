"""What a configuration may say: every key, its type and its allowed values."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

Component = Literal["transform", "rate", "entropy", "post"]
Target = Annotated[str, Field(pattern=r"^(aiwave|torch\.nn|torch\.optim|pytorch_lightning)\.")]
Triple = Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Accelerator = Literal["cpu", "gpu", "auto"]
Rates = Annotated[list[PositiveFloat], Field(min_length=1)]


class Node(BaseModel):
    """A node of the configuration; keys that it does not name are mistakes."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class Dataset(Node):
    """`conf/dataset`."""

    target: Target = Field(alias="_target_")
    name: str
    root: str | None
    subset: str
    crop: Triple
    batch_size: PositiveInt
    epoch_steps: PositiveInt
    val_crops: PositiveInt
    num_workers: NonNegativeInt
    seed: Seed
    peak: PositiveFloat | None
    intensity_scale: PositiveFloat | None
    steps: Rates
    step_range: Annotated[Rates, Field(min_length=2, max_length=2)]
    lambdas: Rates


class ModelSizes(Node):
    """`conf/model`."""

    levels: Annotated[int, Field(ge=1, le=5)]
    lifting_channels: PositiveInt
    lifting_depth: PositiveInt
    context_channels: PositiveInt
    context_layers: NonNegativeInt
    mixtures: PositiveInt
    post_channels: PositiveInt
    post_layers: NonNegativeInt


class Call(Node):
    """Anything that `_target_` builds from keyword arguments."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    target: Target = Field(alias="_target_")


class Net(Node):
    """The network of a lifting step."""

    target: Target = Field(alias="_target_")
    partial: Literal[True] = Field(alias="_partial_")
    channels: PositiveInt
    depth: PositiveInt
    activation: Call
    intensity_scale: PositiveFloat | None
    damping: PositiveFloat
    padding: Literal["zeros", "reflect", "replicate"]
    input_padding: Literal["zeros", "reflect", "replicate"]


class Transform(Node):
    """`conf/transform`."""

    target: Target = Field(alias="_target_")
    wavelet: Literal["cdf97", "cdf53"]
    levels: Annotated[int, Field(ge=1, le=5)]
    sharing: Literal["isotropic", "axial", "none"]
    boundary: Literal["symmetric", "published"]
    trainable_taps: bool
    net: Net | None
    scale: Call | None


class Density(Node):
    """The density of a coefficient."""

    target: Target = Field(alias="_target_")
    components: PositiveInt


class Entropy(Node):
    """`conf/entropy`."""

    target: Target = Field(alias="_target_")
    levels: PositiveInt
    channels: PositiveInt
    layers: NonNegativeInt
    density: Density
    long_context: bool
    short_context: bool


class Post(Node):
    """`conf/post`."""

    target: Target = Field(alias="_target_")
    channels: PositiveInt
    layers: NonNegativeInt


class Rate(Node):
    """`conf/rate`."""

    target: Target = Field(alias="_target_")
    lmbda: PositiveFloat | None
    step_range: Rates
    ladder: Rates


class LearningRates(Node):
    """Adam's rate per component."""

    transform: PositiveFloat
    rate: PositiveFloat
    entropy: PositiveFloat
    post: PositiveFloat


class Stage(Node):
    """`conf/stage`."""

    name: str
    transform: dict[str, Any]
    freeze: list[Component]
    epochs: PositiveInt
    lr: LearningRates
    clip: PositiveFloat


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
    devices: Literal[1]
    precision: Literal["32-true", "bf16-mixed", "64-true"]
    log_every_n_steps: PositiveInt


class TrainConfig(Node):
    """`conf/train.yaml`, composed."""

    dataset: Dataset
    model: ModelSizes
    transform: Transform
    entropy: Entropy
    post: Post
    rate: Rate
    schedule: Schedule
    stage: Stage | None = None
    callbacks: dict[str, Call | None]
    logger: Logger
    trainer: Trainer
    name: str
    seed: Seed
    lmbda: PositiveFloat | None
    init_from: str | None
    resume: str | None
    evaluate: bool
    run_dir: str


class EvaluateConfig(Node):
    """`conf/evaluate.yaml`, composed."""

    run: str
    seed: Seed
    after: str | None
    dataset: Dataset | None = None
    qualities: Rates | None
    tile: Annotated[int, Field(ge=16)]
    accelerator: Accelerator
    out: str | None
    logger: Logger
