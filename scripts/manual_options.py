"""The reference of all groups of options, from the schemas and the files in `conf/`."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from types import UnionType
from typing import Any, Union, get_args, get_origin

from manual_schema import raw, source, table

from aiwave.config.command_schemas import AnchorsConfig, PrepareConfig, TrainConfig
from aiwave.config.constructor import arguments, named
from aiwave.config.node import Call, Node

PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "codec": (
        "Options of the codec",
        ("model", "transform", "lifting", "scale", "entropy", "density", "post", "rate", "rounding"),
    ),
    "data": ("Options of data", ("dataset", "loader", "cache", "appearance", "source")),
    "training": ("Options of training", ("schedule", "stage", "lr_schedule", "trainer", "callbacks")),
    "runs": ("Options of runs", ("logger", "launcher", "anchor")),
    "experiments": ("Named experiments", ("experiment", "sweep", "debug")),
}
"""Title and groups of each page."""

WORDS = {
    "loader": "How crops are drawn, whatever the data set.",
    "model": "Widths and depths; a name also selects the options of other groups that belong to it.",
    "transform": "The transform.",
    "entropy": "Code lengths of the transform's coefficients.",
    "post": "The filter after the inverse transform.",
    "rate": "How the quantisation step follows from the wanted rate.",
    "rounding": "What stands for rounding in training.",
    "dataset": "Volumes for training, validation and tests.",
    "cache": "Where volumes stay between crops.",
    "appearance": "Crops as they are stored, or varied.",
    "source": "Where the volumes of a data set come from, and how `aiwave prepare` cuts and splits them.",
    "schedule": "Stages and their order.",
    "stage": "One stage: what is frozen, how long it lasts, and how fast its parts learn.",
    "lr_schedule": "Learning rate over the steps of a stage.",
    "trainer": "Where and how exactly numbers are computed.",
    "callbacks": "What happens beside training.",
    "logger": "Where metrics go.",
    "launcher": "Where the jobs of a sweep run.",
    "anchor": "Codecs to compare with; see [traditional codecs](../anchors.md).",
    "experiment": "Overrides under a name: `aiwave train experiment=NAME`.",
    "sweep": "Many runs under a name: `aiwave train sweep=NAME`; see [sweeps](../sweeps.md).",
    "debug": "Short runs that show mistakes: `aiwave train debug=NAME`.",
}


def options_page(name: str) -> str:
    """Markdown of a page of `PAGES`."""
    title, groups = PAGES[name]
    text = "Made of the files in `conf/` and of the schemas that check them. `${...}` is the value of another key."
    return "\n\n".join([f"# {title}", text, *(_group(group) for group in groups)]) + "\n"


def option_names(group: str) -> list[str]:
    """Options of a group, those in subfolders with their paths."""

    def below(folder: Any, prefix: str) -> Iterator[str]:
        for each in sorted(folder.iterdir(), key=lambda one: (one.is_dir(), one.name)):
            if each.is_dir():
                yield from below(each, f"{prefix}{each.name}/")
            elif each.name.endswith(".yaml"):
                yield prefix + each.name.removesuffix(".yaml")

    return list(below(files("aiwave.conf") / group, ""))


def _group(group: str) -> str:
    schema = schema_of(group)
    said = (schema.__doc__ or "").partition(":")[2].strip() if schema else ""
    text = WORDS.get(group) or f"{said[0].upper()}{said[1:]}"
    chosen = [entry for entry in raw("train.yaml")["defaults"] if isinstance(entry, dict)]
    default = [entry[group] for entry in chosen if entry.get(group)]
    parts = [f"## {group}", text + "".join(f" `aiwave train` takes `{group}={name}` by default." for name in default)]
    shared = _described(schema) if schema else {}
    if shared.get("properties"):
        parts.append(table(shared, {}, {}))
    if schema is not None and issubclass(schema, Call):
        parts += [_class(target, group, schema, set(shared["properties"])) for target in _targets(group)]
    return "\n\n".join([*parts, *(_option(group, name) for name in option_names(group))])


@cache
def schema_of(group: str) -> type[Node] | None:
    """Schema of a group; None if its options are overrides of other groups."""
    for config in (TrainConfig, PrepareConfig, AnchorsConfig):
        if group in config.model_fields:
            return next(_nodes(config.model_fields[group].annotation), None)
    return None


def _nodes(hint: Any) -> Iterator[type[Node]]:
    """Schemas in an annotation."""
    if get_origin(hint) in (Union, UnionType, dict):
        for part in get_args(hint):
            yield from _nodes(part)
    elif isinstance(hint, type) and issubclass(hint, Node):
        yield hint


@cache
def _targets(group: str) -> dict[str, bool]:
    """Classes that the options of a group build, in their order, and True for those called later."""
    values = [raw(f"{group}/{name}.yaml") for name in option_names(group)]
    calls = [
        call for each in values for call in (each, *each.values()) if isinstance(call, dict) and "_target_" in call
    ]
    own = [each for each in calls if each["_target_"] in schema_targets(group)]
    return {call["_target_"]: bool(call.get("_partial_")) for call in own}


def schema_targets(group: str) -> tuple[str, ...]:
    """Classes that the options of a group may build."""
    schema = schema_of(group)
    return schema.targets if schema is not None and issubclass(schema, Call) else ()


def _described(schema: type[Node]) -> dict[str, Any]:
    """JSON schema of the keys that all options of a group have."""
    described = schema.model_json_schema()
    properties = {key: field for key, field in described["properties"].items() if not key.startswith("_")}
    return {**described, "properties": properties}


def _class(target: str, group: str, schema: type[Call], shared: set[str]) -> str:
    """A class, what it says of itself, and its arguments but for those that all options of the group share."""
    call = schema.model_construct(target=target, partial=_targets(group)[target])
    described = arguments(call).model_json_schema()
    described["properties"] = {key: field for key, field in described["properties"].items() if key not in shared}
    rows = table(described, {}, {}) if described["properties"] else f"No {'other ' if shared else ''}keys."
    said = "\n".join(line.strip() for line in (named(target).__doc__ or "").strip().splitlines())
    return f"### {target.rpartition('.')[2]}\n\n`{target}`\n\n{said}\n\n{rows}"


def _option(group: str, name: str) -> str:
    text = source(f"{group}/{name}.yaml")
    return f"### `{group}={name}` {{#{group}-{name.replace('/', '-')}}}\n\n```yaml\n{text}\n```"
