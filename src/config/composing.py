"""Composition of a command's configuration outside Hydra's main, and globs over the options of a group."""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from ..errors import AiwaveError

if TYPE_CHECKING:
    from hydra.errors import MissingConfigException

    from .node import Node


MANY = 16
"""Options of a group above which a message names close ones alone."""


def composed(
    name: str, overrides: Sequence[str], schema: Callable[[], "type[Node]"], hydra: bool = False
) -> DictConfig:
    """`conf/<name>.yaml` with `overrides`; with `hydra`, also Hydra's own settings.

    Raises:
        AiwaveError: For a key that does not exist, or overrides that cannot be read.
    """
    from hydra import compose, initialize_config_module

    overrides = [as_text(given, schema) for given in overrides]
    with worded(name, overrides, schema), initialize_config_module("aiwave.conf", version_base="1.3"):
        return compose(name, overrides=list(overrides), return_hydra_config=hydra)


@contextmanager
def worded(name: str, overrides: Sequence[str], schema: Callable[[], "type[Node]"]) -> Iterator[None]:
    """Turn Hydra's errors about overrides of `conf/<name>.yaml` into AiwaveError; `schema` has the keys to suggest."""
    from hydra.errors import ConfigCompositionException

    try:
        yield
    except ConfigCompositionException as error:
        raise unknown(error, name, overrides, schema) from error
    except ValueError as error:
        raise AiwaveError(f"The overrides {' '.join(overrides)!r} cannot be read: {error}.") from error


def unknown(error: Exception, name: str, overrides: Sequence[str], schema: Callable[[], "type[Node]"]) -> Exception:
    """AiwaveError for a key or option that does not exist or is missing, or several values outside of a sweep.

    Other errors unchanged.
    """
    from hydra.errors import MissingConfigException

    from .validation import unknown_key

    if isinstance(error, MissingConfigException):
        return _no_option(error, name)
    if several := re.search(r"^Ambiguous value for argument '([^=]+)=(.*?)'\n", str(error), re.DOTALL):
        key, value = several.groups()
        return AiwaveError(
            f"{key} has several values, {value}: if they are one, quote it twice, as \"{key}='{value}'\"; if not, add "
            "-m to run with each."
        )
    if missing := re.match(r"You must specify '([^']+)', e\.g, .*Available options:(.*)", str(error), re.DOTALL):
        group, options = missing[1], ", ".join(missing[2].split())
        return AiwaveError(f"{group} is missing: give {group}=NAME with one of {options}.")
    found = re.search(r"Could not override '([^']+)'", str(error))
    if found is None:
        return error
    return AiwaveError(unknown_key(found[1].split("@")[0].split("."), schema(), _chosen(name, overrides)))


def _no_option(error: "MissingConfigException", name: str) -> Exception:
    """AiwaveError for an option that its group lacks, with close ones or else all that it has; others unchanged."""
    text = str(error)
    found = re.search(r"^In '([^']+)': Could not find .*^Available options in '([^']+)':", text, re.DOTALL | re.M)
    found = found or re.search(r"^In '([^']+)': Could not load '([^'/]+)/[^']+'", text)  # one of a list of options
    if found is None or error.missing_cfg_file is None:
        return error
    place, group = found.groups()
    missing = error.missing_cfg_file.removeprefix(f"{group}/")
    known = sorted({*(error.options or ()), *_options(group)})
    own = missing.rpartition("/")[2]
    near = difflib.get_close_matches(missing, known) or [
        option for option in known if difflib.get_close_matches(own, [option.rpartition("/")[2]])
    ]
    whose = "" if place in (name, "hydra/config") else f", which {place} names"
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    options = "" if near and len(known) > MANY else f"the options of {group} are {', '.join(known)}."
    return AiwaveError(f"There is no {group}/{missing}{whose}: {hint}{options}".rstrip())


def _chosen(name: str, overrides: Sequence[str]) -> Any:
    """The configuration with the options that the overrides choose, but without their values.

    None if it cannot be composed, as for the several values of a sweep.
    """
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    options = [given for given in overrides if re.match(r"hydra\.searchpath=|[^.=@]+(@[^=]+)?=", given)]
    try:
        with initialize_config_module("aiwave.conf", version_base="1.3"):
            return OmegaConf.to_container(compose(name, overrides=options))
    except (HydraException, OmegaConfBaseException, ValueError):
        return None


def as_text(override: str, schema: Callable[[], "type[Node]"]) -> str:
    """Quote the value of an override whose key takes text, if Hydra's grammar would make something else of it.

    That is a number (`dataset.subset=2024`), the path of an existing file with a comma, or one that is no value at all
    in this grammar, such as `from=ü`.
    """
    from .validation import takes_text

    found = re.fullmatch(r"(\+{0,2}([\w.]+)=)(.+)", override, re.DOTALL)
    if found is None or found[3] in ("null", "???") or "${" in found[3] or not takes_text(found[2], schema()):
        return override
    value = _read(override)
    is_file = value != found[3] and os.path.exists(os.path.expanduser(found[3]))
    if isinstance(value, str | list) and not is_file:
        return override
    return f"{found[1]}{quoted(found[3])}"


def _read(override: str) -> Any:
    """The value of an override in Hydra's grammar, a list for several; None if there is none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        (parsed,) = OverridesParser.create().parse_overrides([override])
        return list(parsed.sweep_string_iterator()) if parsed.is_sweep_override() else parsed.value()
    except (HydraException, ValueError, TypeError):
        return None


def quoted(text: str) -> str:
    """Quote text for Hydra's grammar: a backslash stands for itself, except before a quote."""
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + m[2].replace("'", "\\'"), text)
    return f"'{escaped}'"


def expand_glob(override: str) -> str:
    """`experiment=glob(ablation/*)` -> `experiment=ablation/a,ablation/b`; any other override unchanged.

    Only patterns with a slash are expanded here: Hydra expands the others.

    Raises:
        AiwaveError: If the group has no such option.
    """
    found = re.fullmatch(r"([\w/@.]+)=glob\(['\"]?([^'\"(),]+/[^'\"(),]+)['\"]?\)", override)
    if found is None:
        return override
    group, pattern = found.groups()
    return f"{group}={','.join(options(group.split('@')[0], pattern))}"


def options(group: str, pattern: str) -> list[str]:
    """Options of a group that match `pattern`. Raises AiwaveError if none does."""
    matching = [option for option in _options(group) if fnmatch(option, pattern)]
    if not matching:
        known = ", ".join(_options(group)) or "none"
        raise AiwaveError(f"{pattern} matches no option of the group {group}: its options are {known}.")
    return matching


def _options(group: str) -> list[str]:
    """All options of a group, those in subfolders as `folder/name`."""
    folder = Path(str(files("aiwave.conf"))) / group
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
