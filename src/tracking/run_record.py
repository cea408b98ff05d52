"""Record of a run's name, group and tags, for loggers that have no notion of them."""

from collections.abc import Sequence
from typing import Any


def run_record(group: str, name: str, job_type: str, tags: Sequence[str]) -> dict[str, Any]:
    """Return the names of a run under one key, to be recorded with its configuration."""
    return {"run": {"group": group, "name": name, "job_type": job_type, "tags": list(tags)}}
