"""Globs over options in subfolders of a group, which Hydra's own globs do not reach."""

import re
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

from .errors import AiwaveError


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
    """The options of a group that match `pattern`. Raises AiwaveError if none does."""
    matching = [option for option in _options(group) if fnmatch(option, pattern)]
    if not matching:
        known = ", ".join(_options(group)) or "none"
        raise AiwaveError(f"{pattern} matches no option of the group {group}: there are {known}.")
    return matching


def _options(group: str) -> list[str]:
    """The options of a group, those in subfolders as `folder/name`."""
    folder = Path(str(files("aiwave.conf"))) / group
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))
