"""Reading of a recorded configuration, which anybody may have written: plain YAML whose interpolations are closed."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from ..errors import AiwaveError

LARGEST = 1 << 18
"""Most characters of a configuration; those of this program have less than a tenth."""

DEEPEST = 24
"""Most levels of nesting."""

SHOWN = 100

MOST = 16
"""Most interpolations: a recorded configuration is resolved and has none, and many can multiply without bound."""

INTERPOLATION = re.compile(r"\$\{\.*[A-Za-z_][\w-]*(\.[\w-]+)*\}")


def read_recorded(path: Path) -> DictConfig:
    """The configuration in a YAML file, with its interpolations resolved.

    Raises:
        AiwaveError: If it is no readable configuration, is too large or nested too deeply, has YAML aliases, which can
            stand for gigabytes, or interpolations other than a few of its own keys, such as `${oc.env:NAME}`.
    """
    return parsed(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a small file. Raises AiwaveError if it cannot be read or is too large for a configuration."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise AiwaveError(f"{path} cannot be read as text: {_first_line(error)}.") from error
    if len(text) > LARGEST:
        raise AiwaveError(f"{path} is too large for a configuration: more than {LARGEST >> 10} KiB.")
    return text


def parsed(text: str, path: Path) -> DictConfig:
    """The configuration in the text of a file; see `read_recorded`."""
    try:
        aliased = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, yaml.SafeLoader))
        cfg = None if aliased else OmegaConf.load(StringIO(text))
        plain = OmegaConf.to_container(cfg) if isinstance(cfg, DictConfig) else None
    except Exception as error:  # the YAML parser's own error types
        raise AiwaveError(f"{path} cannot be read as YAML: {_first_line(error)}.") from error
    if aliased:
        raise AiwaveError(f"{path} has YAML aliases (*), which recorded configurations never have: write them out.")
    if not isinstance(cfg, DictConfig):
        raise AiwaveError(f"{path} is not a configuration.")
    texts = _texts(plain, path)
    for key, value in texts:
        check_closed(INTERPOLATION.sub("", value), f"{path}: {key}")
    found = sum(value.count("${") for _, value in texts)
    if found > MOST:
        raise AiwaveError(f"{path} has {found} interpolations, more than {MOST}: write their values instead.")
    try:
        OmegaConf.resolve(cfg)
    except Exception as error:  # of OmegaConf, or a recursion
        raise AiwaveError(f"{path} cannot be resolved: {_first_line(error)}.") from error
    for key, value in _texts(OmegaConf.to_container(cfg), path):
        check_closed(value, f"{path}: {key}")  # two harmless halves may have become one
    return cfg


def check_closed(text: str, where: str) -> None:
    """Raise AiwaveError if a text from a file has an interpolation, such as one that reads the environment."""
    if "${" in text:
        raise AiwaveError(
            f"{where} is {text[:SHOWN]!r}, but a recorded configuration can only interpolate its own keys: write the "
            "value instead."
        )


def _texts(node: Any, path: Path, key: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Every text below a node, keys included, with its dotted key. Raises AiwaveError if it is nested too deeply."""
    if depth > DEEPEST:
        raise AiwaveError(f"{path} is nested more than {DEEPEST} levels deep, as no configuration is.")
    if isinstance(node, dict):
        below = [(f"{key}.{name}".lstrip("."), part) for name, value in node.items() for part in (name, value)]
    elif isinstance(node, list):
        below = [(f"{key}.{number}", value) for number, value in enumerate(node)]
    else:
        return [(key, node)] if isinstance(node, str) else []
    return [found for name, value in below for found in _texts(value, path, name, depth + 1)]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".:")
