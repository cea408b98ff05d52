"""Modules whose classes a configuration may build because the command line says so: `trust=MODULE`.

Only the command line can trust a module: no file can, neither a configuration nor the record of a run or sweep.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import AiwaveError

PREFIX = "trust="

_modules: list[str] = []


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """A command's arguments without `trust=MODULE,MODULE`, and the modules. Raises AiwaveError if one is no name."""
    rest = [given for given in arguments if not given.startswith(PREFIX)]
    words = [given.removeprefix(PREFIX) for given in arguments if given.startswith(PREFIX)]
    modules = [module for word in words for module in word.strip("[]").split(",")]
    for module in modules:
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", module):
            raise AiwaveError(f"{PREFIX}{module} names no module: give its dotted name, as in trust=my_plugins.")
    return rest, modules


@contextmanager
def trusting(modules: Iterable[str]) -> Iterator[None]:
    """Trust `modules`, besides those trusted already, within the block."""
    before = list(_modules)
    _modules.extend(modules)
    try:
        yield
    finally:
        _modules[:] = before


def trusted() -> tuple[str, ...]:
    """The trusted modules, to be handed on to another process."""
    return tuple(_modules)


def module_of(target: str) -> str | None:
    """The trusted module in which a dotted name lies, itself or in a submodule; None if it lies in none."""
    return next((module for module in _modules if target.startswith(f"{module}.")), None)
