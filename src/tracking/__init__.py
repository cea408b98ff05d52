"""Experiment tracking: Weights & Biases, CSV files, TensorBoard or none.

Importing this package imports none of the tracking libraries; each tracker does when it opens a run.
"""

from .csv_tracker import CsvTracker
from .tensorboard_tracker import TensorBoardTracker
from .tracker import ManyTrackers, NoTracker, Status, Tracker
from .wandb_tracker import WandbTracker

__all__ = ["CsvTracker", "ManyTrackers", "NoTracker", "Status", "TensorBoardTracker", "Tracker", "WandbTracker"]
