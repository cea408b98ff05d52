"""The reference of all commands, from their argument parsers and configurations."""

import argparse
from collections.abc import Iterator
from importlib import import_module

from manual_schema import comments, raw, table

from aiwave.commands import COMMANDS
from aiwave.commands.completion import USAGE
from aiwave.config.command_schemas import (
    AnchorsConfig,
    DataConfig,
    EvaluateConfig,
    PrepareConfig,
    ReportConfig,
    TrainConfig,
)
from aiwave.config.node import Node

COMPOSED: dict[str, type[Node]] = {
    "prepare": PrepareConfig,
    "data": DataConfig,
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "anchors": AnchorsConfig,
    "report": ReportConfig,
}
"""Commands that take `key=value`, with the schemas of their configurations."""

INTRODUCTION = """# Commands

This page is made of the commands' own parsers and schemas. `aiwave COMMAND --help` prints the same; the status is 0 if
all went well, 1 for bad input, 2 for a command line that cannot be read, and 130 after Ctrl-C.

Commands with `key=value` are composed by [Hydra](https://hydra.cc): a group such as `transform` takes the name of
an option ([codec](options-codec.md), [data](options-data.md), [training](options-training.md),
[runs](options-runs.md), [experiments](options-experiments.md)), a key takes a value, and `-m` runs every combination of
values separated by commas."""


def commands_page() -> str:
    """Markdown of the page."""
    return "\n\n".join([INTRODUCTION, *(_section(name, words) for name, words in COMMANDS.items())]) + "\n"


def _section(name: str, words: str) -> str:
    text = f"## aiwave {name} {{#{name}}}\n\n{words[0].upper()}{words[1:]}.\n\n"
    if name in COMPOSED:
        return text + _keys(name, COMPOSED[name])
    return text + "\n\n".join(f"```text\n{each.strip()}\n```" for each in _helps(name))


def _helps(name: str) -> Iterator[str]:
    """Help of a command with arguments, and of its subcommands."""
    command = import_module(f"aiwave.commands.{name}")
    make = getattr(command, "arguments_of", None)
    if name == "completion":
        yield USAGE
        return
    if make is None:
        raise LookupError(f"scripts/manual_commands.py knows no parser of {name}")
    parser: argparse.ArgumentParser = make()
    yield _help(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from map(_help, action.choices.values())


def _help(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=88)  # type: ignore[assignment]
    return parser.format_help()


def _keys(name: str, schema: type[Node]) -> str:
    """Groups with their defaults, then keys, of a command that is composed."""
    values = raw(f"{name}.yaml")
    chosen = [entry for entry in values.pop("defaults") if isinstance(entry, dict)]
    groups = {key: option for entry in chosen for key, option in entry.items() if not key.startswith("override")}
    given = ", ".join(f"`{key}={'null' if option is None else option}`" for key, option in groups.items())
    keys = schema.model_json_schema()
    names = [key for key in values if key in keys["properties"] and key not in groups]
    keys["properties"] = {key: keys["properties"][key] for key in names}
    rows = table(keys, values, comments(f"{name}.yaml"))
    return f"Groups, with the options chosen unless you name others: {given}.\n\n{rows}"
