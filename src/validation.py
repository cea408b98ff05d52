"""Validation of a configuration against its schema, with errors in one sentence."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from .errors import AiwaveError
from .schema import Node


def validate(cfg: DictConfig, schema: type[Node], source: Path | None = None) -> None:
    """Check a composed configuration, or one read from the file `source`.

    Raises:
        AiwaveError: For the first missing, unknown or invalid value; names the key and the valid values.
    """
    for key in _missing(OmegaConf.to_container(cfg), ""):
        raise AiwaveError(f"{key} is not given: add {key}=... to the command.")
    try:
        schema.model_validate(OmegaConf.to_container(cfg, resolve=True))
    except ValidationError as error:
        place = f"{source}: " if source else ""
        raise AiwaveError(place + _sentence(error.errors(include_url=False)[0], schema)) from error


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
    return unknown_key(problem["loc"], schema)


def unknown_key(path: Sequence[str | int], schema: type[Node]) -> str:
    """Message about a key that the configuration does not have: the first wrong part of `path`, and the valid keys."""
    annotation: Any = schema
    allowed: list[str] = []
    followed: list[str] = []
    for part in path:
        followed.append(str(part))
        allowed = _keys(annotation)
        if allowed and part not in allowed:
            break
        annotation = _below(annotation, str(part))
    near = difflib.get_close_matches(followed[-1], allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{'.'.join(followed)} is not a key of the configuration: {hint}allowed are {', '.join(allowed)}."


def _keys(annotation: Any) -> list[str]:
    """The keys of a node; none for anything but a node of fixed keys."""
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
