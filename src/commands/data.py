"""`aiwave data show`: look at a data set before training on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ..errors import AiwaveError
from .hydra_app import run_application

if TYPE_CHECKING:
    from ..config.node import Node
    from ..datamodules.volume_datamodule import VolumeDataModule

ACTION = "show"


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    actions = [given for given in arguments if "=" not in given and not given.startswith("-")]
    if actions not in ([ACTION], []) or (not actions and not any(given.startswith("-") for given in arguments)):
        raise AiwaveError(f"aiwave data can {ACTION} a data set: give aiwave data {ACTION} dataset=NAME.")
    run_application("data", show, _schema, [given for given in arguments if given != ACTION])


def show(cfg: DictConfig, output: Path | None, overrides: Sequence[str]) -> None:
    """Draw `cfg.volumes` volumes per split of `cfg.dataset` into `cfg.out`, by default `contact_sheet_NAME.png`.

    Raises:
        AiwaveError: If the data cannot be used or the figure cannot be written.
    """
    from ..config.building import build
    from ..config.command_schemas import DataConfig
    from ..config.data_schema import Dataset
    from ..config.validation import validate
    from ..report.contact_sheet import save_contact_sheet
    from ..report.slices import file_name
    from ..system import quieten

    quieten()
    validate(cfg, DataConfig)
    data: VolumeDataModule = build(cfg.dataset, Dataset, "dataset")
    target = Path(cfg.out) if cfg.out else Path(f"contact_sheet_{file_name(str(data.name))}.png")
    save_contact_sheet(data.some_volumes(cfg.volumes), _title(data), target)
    print(f"contact sheet  {target}")


def _title(data: "VolumeDataModule") -> str:
    about = data.about
    spacing = about["spacing"] and "×".join(f"{side:g}" for side in about["spacing"]) + " mm (z×y×x)"
    facts = (about["modality"], spacing, about["licence"])
    return ", ".join(str(fact) for fact in (data.name, *facts) if fact)


def _schema() -> "type[Node]":
    from ..config.command_schemas import DataConfig

    return DataConfig
