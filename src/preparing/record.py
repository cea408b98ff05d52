"""The record of a prepared folder: options, plan, and subjects that gave no file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import AiwaveError
from ..system import replacing
from .raw import Raw
from .splits import Plan, Share

NAME = "prepare.json"


@dataclass
class Record:
    """The record, stored as prepare.json beside the manifest.

    `options` are those of the source, except the path of the user's own files. `plan` assigns shares to every subject.
    `empty` lists the subjects without an informative crop; `rounded` is the largest rounding of floats, by subject.
    """

    options: dict[str, Any]
    plan: Plan
    empty: list[str] = field(default_factory=list)
    rounded: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Record | None":
        """Read the record of `folder`; None if there is none. Raises AiwaveError if it is damaged."""
        path = folder / NAME
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            plan = {name: tuple(Share(**share) for share in shares) for name, shares in stored["plan"].items()}
            return cls(dict(stored["options"]), plan, list(stored["empty"]), dict(stored["rounded"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AiwaveError(f"{path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AiwaveError(f"{path} is damaged: delete {folder} and prepare it again.") from error

    def write(self, folder: Path) -> None:
        """Store the record atomically. Raises AiwaveError if it cannot be written."""
        with replacing(folder / NAME) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def check_options(self, options: Mapping[str, Any], folder: Path) -> None:
        """Raise AiwaveError, naming the differences, if the folder was prepared with other options."""
        then, now = dict(_flat(self.options)), dict(_flat(options))
        differing = [key for key in [*then, *(key for key in now if key not in then)] if then.get(key) != now.get(key)]
        if differing:
            words = ", ".join(f"source.{key} was {then.get(key)} and is now {now.get(key)}" for key in differing)
            raise AiwaveError(
                f"{folder} was prepared with other options ({words}): prepare into another root, or delete the folder."
            )

    def check_subjects(self, raws: Sequence[Raw], folder: Path) -> None:
        """Raise AiwaveError, naming them, if the source lost or gained subjects: the split would change."""
        there = {raw.subject for raw in raws}
        for words, names in (("no longer has", self.plan.keys() - there), ("now has", there - self.plan.keys())):
            if names:
                raise AiwaveError(
                    f"The source {words} {', '.join(sorted(names)[:5])}, and {folder} was split before that: prepare "
                    "into another root, or delete the folder."
                )


def _flat(options: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
