"""Expansion of a sweep's arguments into the overrides of its jobs."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from ..config.composing import composed, expand_glob, options, worded
from ..errors import AiwaveError
from .sweep_arguments import is_for_jobs

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

    from ..config.node import Node

Overrides = tuple[str, ...]

MOST_JOBS = 1000
"""Jobs of a sweep; every one is composed and checked before the first one starts."""


def schema() -> "type[Node]":
    """Schema of a job's configuration."""
    from ..config.command_schemas import TrainConfig

    return TrainConfig


def parsed(arguments: Sequence[str]) -> dict[str, "Override"]:
    """Overrides in Hydra's grammar, by key; the last of several with the same key wins. Raises AiwaveError."""
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    with worded("train", arguments, schema), initialize_config_module("aiwave.conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        found = OverridesParser.create(loader).parse_overrides([expand_glob(given) for given in arguments])
        return {override.get_key_element(): override for override in found}


def expand(arguments: Sequence[str]) -> list[Overrides]:
    """The overrides of every job: all combinations of the values given and of those varied by `sweep=NAME`.

    A sweep's values may depend on the other options, as lambdas depend on the data set: they are looked up for every
    combination of the command line's own values, which take precedence where both name a key.

    Raises:
        AiwaveError: If the arguments cannot be read, or a sweep varies nothing.
    """
    jobs: list[Overrides] = []
    for given in combinations(parsed(arguments)):
        varied = parsed([*params(configuration(given)), *given])
        jobs += combinations(varied)
        _check_number(len(jobs))
    named = any(given.startswith("sweep=") for given in arguments)
    if not jobs or (named and len(jobs) == 1 and not params(configuration(jobs[0]))):
        raise AiwaveError(f"The sweep {' '.join(arguments)!r} varies nothing: give a key several values, as seed=0,1.")
    return list(dict.fromkeys(tuple(text for text in job if is_for_jobs(text)) for job in jobs))


def configuration(overrides: Sequence[str]) -> DictConfig:
    """The configuration of a job, with Hydra's own. Raises AiwaveError."""
    for name, function in (("choices", _choices), ("options", _options)):
        OmegaConf.register_new_resolver(name, function, replace=True)
    return composed("train", overrides, schema, hydra=True)


def params(cfg: DictConfig) -> list[str]:
    """The parameters that the configuration's sweep varies, as overrides."""
    node = OmegaConf.to_container(cfg.hydra.sweeper, resolve=True)
    return [f"{key}={value}" for key, value in ((node or {}).get("params") or {}).items()]  # type: ignore[union-attr]


def combinations(overrides: dict[str, "Override"]) -> list[Overrides]:
    """All combinations of discrete values, the last key varying fastest.

    Raises AiwaveError for a continuous range, and for more than `MOST_JOBS` combinations.
    """
    _check_number(math.prod(value_count(override) for override in overrides.values()))
    return [tuple(row) for row in itertools.product(*(_values(key, o) for key, o in overrides.items()))]


def value_count(override: "Override") -> float:
    """Number of values of an override, none of which is generated. Raises AiwaveError for a range without an end."""
    from hydra.core.override_parser.types import RangeSweep

    if not override.is_discrete_sweep():
        return 1
    sweep = override.value()
    if not isinstance(sweep, RangeSweep):
        return len(list(override.sweep_string_iterator()))
    start, stop, step = sweep.start or 0, sweep.stop or 0, sweep.step
    if not step or any(value != value or abs(value) == math.inf for value in (start, stop, step)):
        raise AiwaveError(f"{override.input_line} is a range without an end: give three numbers, the step not zero.")
    return max(0, -((start - stop) // step))


def _check_number(jobs: float) -> None:
    if jobs > MOST_JOBS:
        raise AiwaveError(f"The sweep has more than {MOST_JOBS} jobs: give its keys fewer values.")


def _values(key: str, override: "Override") -> list[str]:
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}" if not key.startswith("~") else str(override.input_line)]
    if not override.is_discrete_sweep():
        raise AiwaveError(f"{override.input_line} is a range, not a list of values: use it with sweep=search.")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _choices(values: Any) -> str:
    return ",".join(str(value) for value in values)


def _options(group: str, pattern: str) -> str:
    return ",".join(options(group, pattern))
