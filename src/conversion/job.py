"""The job of a conversion, which every worker gets whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..stores.stored_array import StoredArray
from .levels import Level


@dataclass(frozen=True)
class Job:
    """Source and destination of a conversion: `folder` is the unfinished store, `journal` in it tells what is done.

    `codec` is our codec's configuration, its model a name or file, or else `other`, the name or JSON of another codec.
    With `verify` all chunks are decoded and compared, else one of each part. `digest` tells jobs apart.
    """

    source: StoredArray
    folder: Path
    levels: tuple[Level, ...]
    codec: Mapping[str, Any] | None
    other: str | None
    verify: bool
    digest: str = ""

    @property
    def journal(self) -> Path:
        """The folder of what is done."""
        return self.folder / "journal"

    @property
    def exact(self) -> bool:
        """True if decoded chunks must be those that were coded."""
        return self.codec is not None and self.codec["mode"] == "lossless"
