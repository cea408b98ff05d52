"""Inspection, comparison and repetition of runs, using only their folders."""

from .difference import differences
from .listing import find_runs, format_runs, state_of
from .rerun import rerun
from .showing import show_run

__all__ = ["differences", "find_runs", "format_runs", "rerun", "show_run", "state_of"]
