"""`aiwave anchors`: rate-distortion curves of traditional codecs."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig
from tabulate import tabulate

from ..errors import AiwaveError
from .hydra_app import run_application

if TYPE_CHECKING:
    from ..config.node import Node
    from ..evaluation.anchors.anchor import Anchor
    from ..evaluation.anchors.compare import Results

ACTION, CHOICE = "list", "anchor="


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input, or if a codec failed."""
    function = show_list if ACTION in arguments else measure_anchors
    run_application("anchors", function, _schema, overrides_of(arguments))


def overrides_of(arguments: Sequence[str]) -> list[str]:
    """Overrides to compose the configuration with: every chosen anchor under its name, then the other arguments.

    Raises AiwaveError if none is chosen but one is needed, or if one does not exist.
    """
    options = [given for given in arguments if given != ACTION and not given.startswith(CHOICE)]
    chosen = chosen_anchors(arguments) or (anchor_names() if ACTION in arguments else [])
    if not chosen and not any(given.startswith("-") for given in options):
        raise AiwaveError(f"anchor is not given: add anchor=NAME,NAME with any of {', '.join(anchor_names())}.")
    return [*(f"+anchor@anchor.{name}={name}" for name in chosen), *options]


def chosen_anchors(arguments: Sequence[str]) -> list[str]:
    """The names in anchor=NAME,NAME or anchor=[NAME,NAME]. Raises AiwaveError for one that does not exist."""
    given = [argument.removeprefix(CHOICE) for argument in arguments if argument.startswith(CHOICE)]
    names = [name.strip(" []'\"") for text in given for name in text.split(",")]
    known = anchor_names()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise AiwaveError(f"There is no anchor {name!r}: {hint}allowed are {', '.join(known)}.")
    return list(dict.fromkeys(names))


def anchor_names() -> list[str]:
    """The names of the anchors, from the files of `conf/anchor`."""
    from importlib.resources import files

    folder = files("aiwave.conf") / "anchor"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def measure_anchors(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Measure `cfg.anchor` on the test volumes of `cfg.dataset`; write rd.csv and rd.png into `cfg.out`.

    Raises:
        AiwaveError: If the data cannot be used; at the end, if a codec failed: how often, and why the first time.
    """
    from ..config.building import build
    from ..config.data_schema import Dataset
    from ..evaluation.anchors.compare import compare
    from ..report.rd_plot import RD_FIGURE, plot_rd
    from ..system import cores, quieten

    quieten()
    anchors = _anchors(cfg)
    data = build(cfg.dataset, Dataset, "dataset")
    data.setup("test")
    folder = Path(cfg.out)
    results = compare(anchors, data, folder, cfg.qualities, cfg.workers or cores())
    if results.rows:
        plot_rd(list(results.rows.values()), folder / RD_FIGURE, data.known_peak)
    _summarise(results)


def show_list(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Print which codecs of `cfg.anchor` can be used here, their versions, and where to get the others."""
    anchors = _anchors(cfg)
    found = [(anchor, anchor.availability()) for anchor in anchors]
    lines = [
        (anchor.name, "yes" if there.available else "no", there.version, anchor.about["title"], there.where)
        for anchor, there in found
    ]
    print(tabulate(lines, ("codec", "here", "version", "what", "where"), tablefmt="plain", disable_numparse=True))


def _anchors(cfg: DictConfig) -> "list[Anchor]":
    from ..config.building import build
    from ..config.command_schemas import AnchorsConfig
    from ..config.data_schema import AnchorCodec
    from ..config.validation import validate

    validate(cfg, AnchorsConfig)
    return [build(cfg.anchor[name], AnchorCodec, f"anchor.{name}", convert="all") for name in cfg.anchor]


def _summarise(results: "Results") -> None:
    from ..report.gather import FAILED
    from ..report.rd_plot import RD_FIGURE
    from ..report.tables import RD_TABLE, format_table

    if results.rows:
        print(f"\n{format_table(results.rows.values())}\n")
        print(f"RD plot   {results.folder / RD_FIGURE}")
        print(f"RD table  {results.folder / RD_TABLE}")
    failed = [reason for key, reason in results.failed.items() if key in results.asked]
    if failed:
        first = failed[0]
        count = f"{len(failed)} of {len(results.asked)} points could not be measured"
        raise AiwaveError(f"{count} (see {results.folder / FAILED}), the first because: {first}")


def _schema() -> "type[Node]":
    from ..config.command_schemas import AnchorsConfig

    return AnchorsConfig
