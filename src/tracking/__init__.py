"""Experiment tracking (Weights & Biases, CSV files, TensorBoard or none) and the provenance of results.

Importing this package imports none of the tracking libraries; each tracker imports its own when it opens a run.
"""

from .base import Status, Tracker
from .csv_tracker import CsvTracker
from .many_trackers import ManyTrackers
from .no_tracker import NoTracker
from .provenance import git_state, machine, package_versions
from .tensorboard_tracker import TensorBoardTracker
from .wandb_tracker import WandbTracker

__all__ = [
    "CsvTracker",
    "ManyTrackers",
    "NoTracker",
    "Status",
    "TensorBoardTracker",
    "Tracker",
    "WandbTracker",
    "git_state",
    "machine",
    "package_versions",
]
