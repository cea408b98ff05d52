"""Sweeps: many runs from one command, on any launcher, which can be interrupted and resumed.

`run_sweep` runs a sweep, `search.Search` chooses its jobs. Importing this package imports nothing heavy.
"""

from .sweep_arguments import is_sweep

__all__ = ["is_sweep"]
