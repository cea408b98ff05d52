"""Composition of a command's configuration outside Hydra's main, and globs over the options of a group."""

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
    from .node import Node


def composed(
    name: str, overrides: Sequence[str], schema: Callable[[], "type[Node]"], hydra: bool = False
) -> DictConfig:
    """`conf/<name>.yaml` with `overrides`; with `hydra`, also Hydra's own settings.

    Raises:
        AiwaveError: For a key that does not exist, or overrides that cannot be read.
    """
    from hydra import compose, initialize_config_module

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
    """AiwaveError for an error about a key that does not exist; any other error unchanged."""
    from .validation import unknown_key

    found = re.search(r"Could not override '([^']+)'", str(error))
    if found is None:
        return error
    return AiwaveError(unknown_key(found[1].split("@")[0].split("."), schema(), _chosen(name, overrides)))


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
            return OmegaConf.to_container(compose(name, overrides=options), resolve=True)
    except (HydraException, OmegaConfBaseException, ValueError):
        return None


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
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))
