"""Status of a run, in a file of its folder, readable whatever became of its process."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from ..atomic import replacing

State = Literal["running", "finished", "failed", "interrupted", "reused"]
NAME = "status.json"
DONE = ("finished", "reused")


@dataclass(frozen=True)
class RunStatus:
    """`state`, `reason` of a failure, `seconds` taken since start or resumption, and the reused run (`same_as`)."""

    state: State
    reason: str = ""
    seconds: float = 0.0
    same_as: str = ""

    @property
    def is_done(self) -> bool:
        """True if nothing is left to train."""
        return self.state in DONE

    def write(self, folder: Path) -> None:
        """Write the status to `folder`. Raises AiwaveError if the disk refuses."""
        with replacing(folder / NAME) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")


def read_status(folder: Path) -> RunStatus | None:
    """The status in `folder`; None if there is no readable one."""
    try:
        known = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return RunStatus(**known) if known["state"] in get_args(State) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
