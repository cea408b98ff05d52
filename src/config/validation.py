"""Validation of a configuration against its schema, with errors in one sentence."""

import difflib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import yaml
from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from ..errors import AiwaveError
from .constructor import Arguments, arguments
from .node import Call, Node

Keys = tuple[str | int, ...]

SHOWN = 100  # characters of a wrong value that a message repeats


def validate(
    cfg: DictConfig, schema: type[Node], source: Path | None = None, place: str = "", imports: bool = True
) -> None:
    """Validate a composed configuration, one read from the file `source`, or the part at key `place`.

    Without `imports` the arguments of the classes that it names are left unchecked, so that none of these is imported.

    Raises:
        AiwaveError: For the first missing, unknown or invalid value; names the key and the valid values.
    """
    for key in _missing(OmegaConf.to_container(cfg), ""):
        raise AiwaveError(f"{key} is not given: add {key}=... to the command.")
    raw = OmegaConf.to_container(cfg, resolve=True)
    calls: set[Keys] = set()
    try:
        _check(raw, schema, (place,) if place else (), calls, imports)
        if imports:
            _check_special(raw, (place,) if place else (), calls)
    except AiwaveError as error:
        raise AiwaveError(f"{source}: {error}" if source else str(error)) from error


def _missing(node: Any, path: str) -> Iterator[str]:
    """The keys below `path` whose value is mandatory and absent."""
    if node == "???":
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _missing(value, f"{path}.{key}".lstrip("."))


def _check(raw: Any, schema: type[Node], path: Keys, calls: set[Keys], imports: bool) -> None:
    """Check a node and everything below it, including the arguments of a `_target_`, whose paths it adds to `calls`.

    Raises AiwaveError.
    """
    try:
        node = schema.model_validate(raw)
    except ValidationError as error:
        raise AiwaveError(_sentence(error.errors(include_url=False)[0], schema, path)) from error
    if isinstance(node, Call):
        calls.add(path)
    if isinstance(node, Call) and node.kind is not None:
        if imports:
            given = {key: value for key, value in raw.items() if key not in SPECIAL}
            _check(given, _arguments(node, path), path, calls, imports)
        return
    for name, field in type(node).model_fields.items():
        if name in node.model_fields_set:
            key = field.alias or name
            _check_below(getattr(node, name), raw[key], (*path, key), calls, imports)


def _check_below(value: Any, raw: Any, path: Keys, calls: set[Keys], imports: bool) -> None:
    if isinstance(value, Node):
        _check(raw, type(value), path, calls, imports)
    elif isinstance(value, dict):
        for key in value:
            _check_below(value[key], raw[key], (*path, key), calls, imports)


SPECIAL = ("_target_", "_partial_")


def _check_special(raw: Any, path: Keys, calls: set[Keys]) -> None:
    """Raise AiwaveError for a key of Hydra's, such as `_target_`, where the schema builds nothing, or unknown to it."""
    if isinstance(raw, list):
        for number, value in enumerate(raw):
            _check_special(value, (*path, number), calls)
    elif isinstance(raw, dict):
        for key, value in raw.items():
            special = isinstance(key, str) and key.startswith("_") and key.endswith("_")
            if special and not (path in calls and key in SPECIAL):
                raise AiwaveError(f"{_dotted((*path, key))}: nothing can be built here: leave it out.")
            _check_special(value, (*path, key), calls)


def _arguments(call: Call, path: Keys) -> type[Arguments]:
    try:
        return arguments(call)
    except AiwaveError as error:
        raise AiwaveError(f"{_dotted((*path, '_target_'))}: {error}.") from error


def _sentence(problem: Any, schema: type[Node], path: Keys) -> str:
    key = _dotted((*path, *problem["loc"]))
    if problem["type"] in ("too_short", "too_long"):
        return f"{key}: must have {_counted(**problem['ctx'])}, not {_clipped(problem['input'])}."
    if problem["type"] != "extra_forbidden":
        given = f", not {_clipped(problem['input'])}" if not isinstance(problem["input"], dict) else ""
        return f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}{given}."
    return unknown_key(problem["loc"], schema, path=path)


def _counted(min_length: int = 0, max_length: int = 0, **context: Any) -> str:
    """The number of values that a list or mapping may have, given the bound that it breaks."""
    bound = min_length or max_length
    return f"at {'least' if min_length else 'most'} {bound} {'value' if bound == 1 else 'values'}"


def _clipped(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def unknown_key(keys: Sequence[str | int], schema: type[Node], cfg: Any = None, path: Keys = ()) -> str:
    """Message about an unknown key of the configuration: its first wrong part, and the valid keys.

    `keys` are relative to `path` in the configuration, the node that `schema` describes. `cfg` holds the values there,
    whose `_target_`s determine the constructors that take a node's keys; None if they are not known.
    """
    annotation: Any = schema
    allowed: list[str] = []
    followed = list(path)
    whose = "the configuration"
    for part in keys:
        followed.append(part)
        node = _without_none(annotation)
        if isinstance(node, type) and issubclass(node, Call) and node.kind is not None:
            if isinstance(cfg, dict):
                node = arguments(node.model_validate(cfg))
            elif part not in _keys(node):  # its target, which might take it, is not known
                whole = (*path, *keys)
                return f"{_dotted(whole)} is not a key of the configuration: {_where(whole)}leave it out."
        allowed = _keys(node)
        if get_origin(node) is dict and get_args(node)[1] is not Any and isinstance(cfg, dict):
            allowed = list(cfg)  # such as the stages of the schedule
        if isinstance(node, type) and issubclass(node, Arguments):
            whose = node.__name__
        if allowed and part not in allowed:
            break
        annotation = _below(node, str(part))
        cfg = cfg.get(part) if isinstance(cfg, dict) else None
    near = difflib.get_close_matches(str(followed[-1]), allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else _where(followed)
    listed = f"allowed are {', '.join(allowed)}" if allowed else "it takes none"
    return f"{_dotted(followed)} is not a key of {whose}: {hint}{listed}."


def _where(keys: Sequence[str | int]) -> str:
    """Options of a group that have a key, as the beginning of a hint; empty if none has it."""
    group, *below = keys
    options = sorted((Path(str(files("aiwave.conf"))) / str(group)).glob("*.yaml")) if len(below) == 1 else []
    having = [
        f"{group}={path.stem}" for path in options if below[0] in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    return f"{' and '.join(having)} {'has' if len(having) == 1 else 'have'} it; " if having else ""


def takes_text(key: str, schema: type[Node]) -> bool:
    """True if the value at a dotted key is any text, such as a name or a path."""
    annotation: Any = schema
    for part in key.split("."):
        annotation = _below(_without_none(annotation), part)
    return _without_none(annotation) is str


def _dotted(keys: Sequence[str | int]) -> str:
    return ".".join(str(key) for key in keys)


def _keys(annotation: Any) -> list[str]:
    """Keys of a node; empty for anything but a node with fixed keys."""
    node = _without_none(annotation)
    if not (isinstance(node, type) and issubclass(node, Node)):
        return []
    return [field.alias or name for name, field in node.model_fields.items()]


def _below(annotation: Any, part: str) -> Any:
    """The annotation of the value at key `part`."""
    node = _without_none(annotation)
    if get_origin(node) is dict:
        return get_args(node)[1]
    fields = node.model_fields.items() if part in _keys(node) else ()
    return next((field.annotation for name, field in fields if part in (name, field.alias)), None)


def _without_none(annotation: Any) -> Any:
    """Strip None from an optional annotation: X | None -> X."""
    kinds = get_args(annotation)
    return next(kind for kind in kinds if kind is not NoneType) if NoneType in kinds else annotation
