"""`aiwave prepare`: turn a data set, fetched or the user's own, into small files with a manifest."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ..errors import AiwaveError
from ..system import user_path
from .hydra_app import run_application

if TYPE_CHECKING:
    from ..config.node import Node
    from ..datamodules.sources.pipeline import Pipeline
    from ..datamodules.sources.splits import Share

DRY_RUN = "--dry-run"


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name; --dry-run is check=true. Raises AiwaveError for bad input."""
    overrides = ["check=true" if given == DRY_RUN else given for given in arguments]
    if {"-h", "--help"} & set(overrides) and not any(given.startswith("dataset=") for given in overrides):
        overrides.append("dataset=folder")  # help shows a configuration, which nothing else completes
    run_application("prepare", prepare, _schema, overrides)


def prepare(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Prepare `<cfg.root>/<cfg.dataset.subset>` as specified by `cfg.source`, or only check it.

    Raises:
        AiwaveError: If the images cannot be fetched, read, stored exactly or written, or the check finds a problem.
        Interrupted: On Ctrl-C; the same command continues.
    """
    from ..config.command_schemas import PrepareConfig
    from ..config.validation import validate
    from ..datamodules.manifest import MANIFEST

    validate(cfg, PrepareConfig)
    pipeline = _pipeline(cfg)
    if cfg.check:
        _check(pipeline)
        return
    prepared, done = pipeline.run()
    counts = ", ".join(f"{split} {prepared.count(split)}" for split in ("train", "val", "test"))
    subjects = len(prepared.record.plan) if prepared.record else 0
    if done == 0:
        print(f"nothing to do: all {subjects} subjects are prepared in {prepared.path}")
    else:
        print(f"prepared  {done} of {subjects} subjects")
    print(f"files     {counts}\nmanifest  {prepared.path / MANIFEST}")
    if prepared.record and prepared.record.rounded:
        print(f"rounded   floats by up to {max(prepared.record.rounded.values()):g}")


def _pipeline(cfg: DictConfig) -> "Pipeline":
    from omegaconf import OmegaConf

    from ..config.building import build
    from ..config.data_schema import Crops, Fetch, Split
    from ..datamodules.sources.pipeline import Pipeline
    from ..datamodules.sources.subject import Conversion

    source, root = cfg.source, user_path(cfg.root)
    options = OmegaConf.to_container(source, resolve=True)
    assert isinstance(options, dict)
    if cfg["from"]:
        del options["fetch"]
    return Pipeline(
        source=build(source.fetch, Fetch, "source.fetch"),
        given=user_path(cfg["from"]) if cfg["from"] else None,
        split=build(source.split, Split, "source.split"),
        how=Conversion(source.suffix, source.offset, source.allow_float, build(source.crops, Crops, "source.crops")),
        folder=root / cfg.dataset.subset,
        downloads=root / "downloads" / cfg.dataset.name,
        options={str(key): value for key, value in options.items()},
    )


def _check(pipeline: "Pipeline") -> None:
    """Print the folder's problems, or what would be done. Raises AiwaveError if there is a problem."""
    prepared = pipeline.open()
    if prepared.record is None:
        _foretell(pipeline)
        return
    problems = prepared.problems()
    for problem in problems:
        print(problem)
    if problems:
        wrong = "1 thing is" if len(problems) == 1 else f"{len(problems)} things are"
        raise AiwaveError(
            f"{wrong} wrong with {prepared.path}, the first: {problems[0]}; "
            "the same command without the check repairs all but extra files, which are yours to delete."
        )
    files = sum(map(len, prepared.entries.values()))
    print(f"{prepared.path}: {files} files of {len(prepared.record.plan)} subjects are as they were prepared")


def _foretell(pipeline: "Pipeline") -> None:
    print(f"{pipeline.folder} would be created; nothing is there yet")
    if (raws := pipeline.local()) is None:
        size = pipeline.source.size
        amount = "an unknown amount of data" if size is None else f"up to {size / 1e9:.2f} GB"
        print(f"{amount} would be fetched into {pipeline.downloads}")
        return
    for subject, shares in pipeline.plan(raws).items():
        print(f"  {subject}: {', '.join(_words(share) for share in shares)}")


def _words(share: "Share") -> str:
    return share.split if share.part == 1 else f"{share.split} ({share.part:.0%})"


def _schema() -> "type[Node]":
    from ..config.command_schemas import PrepareConfig

    return PrepareConfig
