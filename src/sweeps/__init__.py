"""Sweeps: many runs from one command, wherever they run, which can be stopped and taken up again.

`run_sweep` runs one, `search.Search` chooses its jobs. Importing this package imports nothing heavy.
"""

from .arguments import is_sweep

__all__ = ["is_sweep"]
