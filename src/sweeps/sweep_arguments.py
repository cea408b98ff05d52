"""Arguments of a sweep: recognised, recorded in its folder, and restored on resumption."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import AiwaveError
from ..system import replacing

MULTIRUN = ("-m", "--multirun")

NAME = "sweep.json"

PLACE = "hydra.sweep.dir="

OURS = ("hydra", "launcher")  # not passed to the jobs, and free to change when a sweep is resumed

OF_JOBS = "hydra.searchpath="  # the exception: where to find configuration files


def is_sweep(arguments: Sequence[str]) -> bool:
    """True if these arguments of `aiwave train` start or resume a sweep."""
    if any(given.startswith("--") and given not in MULTIRUN for given in arguments):
        return False  # Hydra's own, such as --help
    named = any(given.startswith("sweep=") and given not in ("sweep=null", "sweep=") for given in arguments)
    return named or any(given in MULTIRUN for given in arguments) or resumed_folder(arguments) is not None


def is_for_jobs(given: str) -> bool:
    """True if an argument of a sweep is passed on to its jobs."""
    return not given.startswith(OURS) or given.startswith(OF_JOBS)


def resumed_folder(arguments: Sequence[str]) -> Path | None:
    """The sweep's folder if there is a `resume=SWEEP`."""
    given = [Path(text.removeprefix("resume=")) for text in arguments if text.startswith("resume=")]
    return given[-1] if given and (given[-1] / NAME).is_file() else None


def with_recorded(arguments: Sequence[str]) -> list[str]:
    """The effective arguments: those given or, for `resume=SWEEP`, the recorded ones with another launcher, if given.

    Raises:
        AiwaveError: If anything else of a resumed sweep would change.
    """
    folder = resumed_folder(arguments)
    if folder is None:
        return [given for given in arguments if given not in MULTIRUN]
    added = [given for given in arguments if not given.startswith("resume=") and given not in MULTIRUN]
    for given in added:
        if not given.startswith("launcher"):
            raise AiwaveError(
                f"A resumed sweep keeps its recorded arguments: leave out {given}, or start a new sweep "
                "(only launcher may change)."
            )
    kept = [given for given in _read(folder) if not (added and given.startswith("launcher"))]
    return [*kept, *added, f"{PLACE}{folder}"]


def record(arguments: Sequence[str], folder: Path) -> None:
    """Store the arguments of a sweep in its folder, unless already there.

    Raises:
        AiwaveError: If the folder holds a sweep with other arguments.
    """
    said = [given for given in arguments if not given.startswith(PLACE)]
    if not (folder / NAME).is_file():
        with replacing(folder / NAME) as temporary:
            temporary.write_text(json.dumps({"arguments": said}, indent=2), encoding="utf-8")
    elif _of_jobs(_read(folder)) != _of_jobs(said):
        raise AiwaveError(
            f"{folder} holds another sweep: continue it with `aiwave train resume={folder}` or choose another "
            "hydra.sweep.dir."
        )


def _of_jobs(arguments: Sequence[str]) -> list[str]:
    return [given for given in arguments if is_for_jobs(given)]


def _read(folder: Path) -> list[str]:
    try:
        arguments = json.loads((folder / NAME).read_text(encoding="utf-8"))["arguments"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AiwaveError(f"{folder / NAME} cannot be read: this sweep's folder is damaged.") from error
    return [str(given) for given in arguments]
