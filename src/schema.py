"""What a configuration may say: every key, its type and its allowed values."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Component = Literal["transform", "rate", "entropy", "post"]
Target = Annotated[str, Field(pattern=r"^(aiwave|torch\.nn|torch\.optim|pytorch_lightning)\.")]
Triple = Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Sharing = Literal["isotropic", "axial", "none"]
Decay = Annotated[float, Field(ge=0, lt=1)]
Accelerator = Literal["cpu", "gpu", "auto"]
Rates = Annotated[list[PositiveFloat], Field(min_length=1)]
Qualities = Annotated[list[float], Field(min_length=1)]
Names = Annotated[list[str], Field(min_length=1)]


class Node(BaseModel):
    """A node of the configuration; keys that it does not name are mistakes."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class About(Node):
    """What is known of a data set; spacing is (z, y, x) in mm, `bits` are those that its voxels really use."""

    modality: str | None
    dtype: Literal["uint8", "int8", "uint16", "int16"] | None
    bits: Annotated[int, Field(ge=1, le=16)] | None
    spacing: Annotated[list[PositiveFloat], Field(min_length=3, max_length=3)] | None
    source: str | None
    licence: str | None
    citation: str | None


class Cache(Node):
    """`conf/cache`."""

    target: Target = Field(alias="_target_")
    folder: str | None
    crops_per_read: PositiveInt


class Dataset(Node):
    """`conf/dataset`, with `conf/loader`."""

    target: Target = Field(alias="_target_")
    name: str
    root: str | None
    subset: str
    sharing: Sharing
    peak: PositiveFloat | None
    intensity_scale: PositiveFloat | None
    steps: Rates
    step_range: Annotated[Rates, Field(min_length=2, max_length=2)]
    lambdas: Rates
    about: About
    crop: Triple
    batch_size: PositiveInt
    epoch_steps: PositiveInt
    val_crops: PositiveInt
    num_workers: NonNegativeInt
    seed: Seed
    cache: Cache
    distinct_batches: PositiveInt | None = None


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
    """`conf/lifting`: the network of a lifting step."""

    target: Target = Field(alias="_target_")
    partial: Literal[True] = Field(alias="_partial_")
    channels: PositiveInt
    depth: PositiveInt
    activation: Call
    intensity_scale: PositiveFloat | None
    damping: PositiveFloat
    padding: Literal["zeros", "reflect", "replicate"]
    input_padding: Literal["zeros", "reflect", "replicate"]


class Scale(Node):
    """`conf/scale`: how the raw scale field of an affine step becomes a factor."""

    target: Target = Field(alias="_target_")
    bound: PositiveFloat


class Transform(Node):
    """`conf/transform`."""

    target: Target = Field(alias="_target_")
    wavelet: Literal["cdf97", "cdf53"]
    levels: Annotated[int, Field(ge=1, le=5)]
    sharing: Sharing
    boundary: Literal["symmetric", "published"]
    trainable_taps: bool
    net: Net | None
    scale: Scale | None
    reversible: bool = False


class Density(Node):
    """`conf/density`: the density of a coefficient."""

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
    intensity_scale: PositiveFloat | None


class Rounding(Node):
    """`conf/rounding`."""

    target: Target = Field(alias="_target_")
    soft_share: Annotated[float, Field(ge=0, le=1)]


class Rate(Node):
    """`conf/rate`."""

    target: Target = Field(alias="_target_")
    levels: PositiveInt
    lmbda: PositiveFloat | None
    initial_step: PositiveFloat | None
    per_band: bool
    step_range: Rates
    ladder: Rates


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


class TrainConfig(Node):
    """`conf/train.yaml`, composed."""

    dataset: Dataset
    cache: Cache
    model: ModelSizes
    transform: Transform
    lifting: Net
    scale: Scale
    entropy: Entropy
    density: Density
    post: Post
    rate: Rate
    rounding: Rounding
    lr_schedule: LrSchedule
    schedule: Schedule
    stage: Stage | None = None
    callbacks: dict[str, Call | None]
    logger: Logger
    also: Logger | None = None
    trainer: Trainer
    launcher: LauncherNode | None = None
    search: SearchNode | None = None
    name: str
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
    dataset: Dataset | None = None
    cache: Cache
    qualities: Rates | None
    tile: Annotated[int, Field(ge=16)]
    similarity: bool
    anchor_table: str | None
    real: bool
    optimise: bool
    accelerator: Accelerator
    out: str | None
    logger: Logger


class Version(Node):
    """How a program tells its version."""

    arguments: str
    pattern: str
    wanted: str


class Programs(Node):
    """Where the programs of an external codec are, and how long they may take [s]."""

    folder: str | None
    variable: str
    encoder: Names
    decoder: Names
    encoder_high: Names | None = None
    decoder_high: Names | None = None
    version: Version
    timeout: PositiveFloat


class AnchorAbout(Node):
    """What is told of a codec."""

    title: str
    licence: str
    source: str


class AnchorCodec(Node):
    """`conf/anchor`."""

    target: Target = Field(alias="_target_")
    name: str
    unit: str
    ladder_8: Qualities
    ladder_16: Qualities
    settings: dict[str, Any]
    programs: Programs | None
    about: AnchorAbout


class AnchorsConfig(Node):
    """`conf/anchors.yaml`, composed."""

    dataset: Dataset
    cache: Cache
    anchor: Annotated[dict[str, AnchorCodec], Field(min_length=1)]
    seed: Seed
    qualities: Qualities | None
    workers: PositiveInt | None
    out: str


class DataConfig(Node):
    """`conf/data.yaml`, composed."""

    dataset: Dataset
    cache: Cache
    seed: Seed
    volumes: PositiveInt
    out: str | None


class Source(Node):
    """`conf/source`."""

    fetch: Call
    suffix: Literal[".tif", ".nii.gz"]
    offset: int | None
    allow_float: bool
    crops: Call
    split: Call


class PrepareConfig(Node):
    """`conf/prepare.yaml`, composed."""

    dataset: Dataset
    cache: Cache
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
