"""What a configuration may say: every key, its type and its allowed values."""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from .errors import AiwaveError

Component = Literal["transform", "rate", "entropy", "post"]
Target = Annotated[str, Field(pattern=r"^(aiwave|torch\.nn|torch\.optim|pytorch_lightning)\.")]
Triple = Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]
Rates = Annotated[list[PositiveFloat], Field(min_length=1)]


class Node(BaseModel):
    """A node of the configuration; keys that it does not name are mistakes."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


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
    seed: NonNegativeInt
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

    model_config = ConfigDict(extra="allow")
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
    padding: Literal["zeros", "reflect", "replicate"] = "zeros"
    input_padding: Literal["zeros", "reflect", "replicate"] = "replicate"


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


class Entropy(Node):
    """`conf/entropy`."""

    target: Target = Field(alias="_target_")
    levels: PositiveInt
    channels: PositiveInt
    layers: NonNegativeInt
    mixtures: PositiveInt


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

    accelerator: Literal["cpu", "gpu", "auto"]
    devices: PositiveInt
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]
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
    seed: NonNegativeInt
    lmbda: PositiveFloat
    init_from: str | None
    resume: str | None
    evaluate: bool
    run_dir: str


class EvaluateConfig(Node):
    """`conf/evaluate.yaml`, composed."""

    run: str
    seed: NonNegativeInt
    after: str | None
    dataset: Dataset | None = None
    qualities: Rates | None
    tile: Annotated[int, Field(ge=16)]
    out: str | None
    logger: Logger


def validate(cfg: DictConfig, schema: type[Node]) -> None:
    """Check a composed configuration.

    Raises:
        AiwaveError: At the first missing, unknown or impossible value; names the key and what it may be.
    """
    for key in _missing(OmegaConf.to_container(cfg), ""):
        raise AiwaveError(f"{key} is not given: add {key}=... to the command.")
    try:
        schema.model_validate(OmegaConf.to_container(cfg, resolve=True))
    except ValidationError as error:
        raise AiwaveError(_sentence(error.errors(include_url=False)[0], schema)) from error


def _missing(node: Any, path: str) -> Iterator[str]:
    """The keys below `path` whose value is mandatory and absent."""
    if node == "???":
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _missing(value, f"{path}.{key}".lstrip("."))


def _sentence(problem: Any, schema: type[Node]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        given = f", not {problem['input']!r}" if not isinstance(problem["input"], dict) else ""
        return f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}{given}."
    allowed = _keys(schema, problem["loc"][:-1])
    near = difflib.get_close_matches(str(problem["loc"][-1]), allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{key} is not a key of the configuration: {hint}allowed are {', '.join(allowed)}."


def _keys(schema: type[Node], path: tuple[str | int, ...]) -> list[str]:
    """The keys of the node at `path`, found by following the annotations of `schema`."""
    node: Any = schema
    for part in path:
        if isinstance(node, type) and issubclass(node, Node):
            fields = (f for name, f in node.model_fields.items() if part in (name, f.alias))
            field = next(fields, None)  # None: the key of a dictionary of nodes
            node = (field and _node_type(field.annotation)) or node
    return [field.alias or name for name, field in node.model_fields.items()]


def _node_type(annotation: Any) -> type[Node] | None:
    if isinstance(annotation, type) and issubclass(annotation, Node):
        return annotation
    found = (_node_type(argument) for argument in getattr(annotation, "__args__", ()))
    return next((node for node in found if node is not None), None)
