"""Arguments of a sweep: recognised, recorded in its folder, and restored on resumption."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import AiwaveError
from ..runs.run_folder import SWEEP, check_links
from ..writing import replacing

MULTIRUN = ("-m", "--multirun")

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
    return given[-1] if given and (given[-1] / SWEEP).is_file() else None


def with_recorded(arguments: Sequence[str]) -> list[str]:
    """The effective arguments: those given or, for `resume=SWEEP`, the recorded ones with another launcher, if given.

    Raises:
        AiwaveError: If anything else of a resumed sweep would change.
    """
    folder = resumed_folder(arguments)
    if folder is None:
        return [given for given in arguments if given not in MULTIRUN]
    added = [given for given in arguments if not given.startswith("resume=") and given not in MULTIRUN]
    recorded = _read(folder)
    check_links(folder)
    for given in added:
        if not given.startswith("launcher") and not (given.startswith(OF_JOBS) and given in recorded):
            raise AiwaveError(
                f"A resumed sweep keeps its recorded arguments: leave out {given}, or start a new sweep "
                "(only launcher may change)."
            )
    another, keys = any(given.startswith("launcher=") for given in added), {_key(given) for given in added}
    kept = [given for given in recorded if _key(given) not in keys and not (another and given.startswith("launcher"))]
    for given in kept:
        _check_harmless(given, folder / SWEEP)
    return [*kept, *added, f"{PLACE}{folder}"]


def _key(given: str) -> str:
    return given.lstrip("+~").partition("=")[0].partition("@")[0]


OF_A_LAUNCHER = ("launcher", "launcher.jobs", "launcher.threads", "launcher.gpus")


def _check_harmless(given: str, path: Path) -> None:
    """Raise AiwaveError for a recorded argument that chooses programs or files to read: the command line must say it.

    Anybody may have written the record.
    """
    key = _key(given)
    if key.startswith(("hydra", "trust")) or (key.startswith("launcher") and key not in OF_A_LAUNCHER):
        raise AiwaveError(
            f"{path} records {given}, which could run programs: if the sweep is yours, add {given} to the command."
        )
    if "${" in given:
        raise AiwaveError(f"{path} records {given}, which reads other values: start a new sweep with the value itself.")


def record(arguments: Sequence[str], folder: Path) -> None:
    """Store the arguments of a sweep in its folder, unless already there.

    Raises:
        AiwaveError: If the folder holds a sweep with other arguments.
    """
    said = [given for given in arguments if not given.startswith(PLACE)]
    if not (folder / SWEEP).is_file():
        with replacing(folder / SWEEP) as temporary:
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
        arguments = json.loads((folder / SWEEP).read_text(encoding="utf-8"))["arguments"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AiwaveError(f"{folder / SWEEP} cannot be read: this sweep's folder is damaged.") from error
    return [str(given) for given in arguments]
