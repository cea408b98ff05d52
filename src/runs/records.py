"""Records of a run in JSON, which anybody may have written: their fields are checked before they are used."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import AiwaveError

LARGEST = 1 << 22
"""Most bytes of a record; that of a run with 500 packages has 20,000."""

VERSION = 1
"""Version of run folders, which provenance.json states."""


class RunRecord(BaseModel):
    """A record; further fields are kept."""

    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())


class Machine(RunRecord):
    """The machine that a run was made on, as far as it is read again."""

    torch_threads: Annotated[int, Field(ge=1, le=4096)] | None = None


class Provenance(RunRecord):
    """provenance.json: what a run was made of."""

    version: int
    aiwave: str
    id: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    command: str
    git: dict[str, Any]
    packages: dict[str, Any]
    machine: Machine
    data: dict[str, str] = Field(default_factory=dict)
    identity: str = ""


class DoneMark(RunRecord):
    """done.json: the end of a stage.

    `validation_loss` is its lowest, `starting_loss` that of the weights that it was given.
    """

    epochs: int = 0
    seconds_since_start_or_resume: float = 0.0
    validation_loss: float | None = None
    starting_loss: float | None = None
    final_loss: float | None = None
    ended_worse: bool = False


def read_record(
    path: Path, kind: type[RunRecord], check: Callable[[dict[str, Any]], None] | None = None
) -> dict[str, Any]:
    """The fields of a record, after `check`, which may explain why they are not those of `kind`.

    Raises:
        AiwaveError: If the file cannot be read or a field is not of its type, or as `check` does.
    """
    damaged = f"{path} cannot be read: this run folder is damaged."
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        known = json.loads(text) if len(text) <= LARGEST else None
    except (OSError, ValueError, RecursionError) as error:
        raise AiwaveError(damaged) from error
    if not isinstance(known, dict):
        raise AiwaveError(damaged)
    if check is not None:
        check(known)
    try:
        return kind.model_validate(known).model_dump()
    except (ValidationError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            raise AiwaveError(damaged) from error
        field = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise AiwaveError(f"{path} is damaged: its {field} is missing or no such value.") from error


def check_version(folder: Path, record: dict[str, Any]) -> None:
    """Raise AiwaveError if the provenance `record` of a run's folder is of another version than VERSION."""
    if "version" not in record:
        raise AiwaveError(
            f"{folder} was written before version {VERSION} of run folders: train again, or use it with commit 6ce39fe "
            "of this program."
        )
    if record["version"] != VERSION:
        raise AiwaveError(
            f"{folder} was written by aiwave {record.get('aiwave')}, which is newer than this {version('aiwave')}: "
            "update aiwave."
        )
