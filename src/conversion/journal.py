"""The journal of an unfinished store: its settings, and a lock, so that one command at a time fills it."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import AiwaveError, printable
from ..locks import lock
from ..writing import replacing

SETTINGS = "settings.json"

WORDS = {
    "source": "source",
    "fingerprint": "state of the source",
    "codec": "codec or quality",
    "levels": "shape, chunks, shards or levels",
    "verify": "--verify",
}
"""Entries of the settings, as a sentence has them."""


def unfinished(target: Path) -> Path:
    """The folder of a store that is not finished, beside where it will be."""
    return target.with_name(f"{target.name}.part")


def is_begun(folder: Path) -> bool:
    """True if an unfinished store has settings, and with them something to go on with."""
    return (folder / "journal" / SETTINGS).exists()


@contextmanager
def locked(folder: Path) -> Iterator[Callable[[], None]]:
    """Hold the journal in an unfinished store for this process, and yield what lets go of it before the block ends.

    Raises AiwaveError if another process has it.
    """
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    with (folder / "journal" / "lock").open("w") as file:
        with suppress(OSError):  # a file system without locks
            if not lock(file.fileno()):
                raise AiwaveError(f"{folder} is being filled by another command: wait until that has ended.")
        yield file.close


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Remove an unfinished store after an error if no part of it is finished: there is nothing to go on with, and its
    settings, which may be what is wrong, would have to be kept to.
    """
    try:
        yield
    except BaseException:
        if not any((folder / "journal").glob("*/*")):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def begin(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Write the settings of a new store, or compare them with those it was begun with; true if it is new.

    Raises AiwaveError, naming what differs, if they are others.
    """
    path = folder / "journal" / SETTINGS
    if not path.exists():
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(settings, indent=1), encoding="utf-8")
        return True
    try:
        before = json.loads(path.read_bytes())
    except ValueError as error:
        raise AiwaveError(f"{path} is damaged: remove {folder} and start again.") from error
    check_same(before, settings, folder)
    return False


def check_same(before: Mapping[str, Any], settings: Mapping[str, Any], folder: Path) -> None:
    """Raise AiwaveError, naming what differs, unless a store has these settings."""
    plain = json.loads(json.dumps(settings))
    other = [key for key in plain if before.get(key) != plain[key]]
    if other == ["fingerprint"]:
        raise changed(plain["source"], folder)
    if other:
        words = ", ".join(WORDS[key] for key in other if key != "fingerprint")
        raise AiwaveError(
            f"{folder} was begun with other settings ({printable(words)}): give those, or remove it, or choose another "
            "name."
        )


def changed(source: str, folder: Path) -> AiwaveError:
    """The error for a source that is not what it was."""
    return AiwaveError(
        f"{source} has changed since {folder} was begun, which would be a mixture of both: remove {folder} and start "
        "again."
    )
