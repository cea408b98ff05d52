"""Experiment tracking: Weights & Biases, MLflow, TensorBoard, CSV files or none.

Importing this package imports none of the tracking libraries; each tracker does when it opens a run.
"""

from .csv_tracker import CsvTracker
from .mlflow_tracker import MlflowTracker
from .tensorboard_tracker import TensorBoardTracker
from .tracker import ManyTrackers, NoTracker, Status, Tracker
from .wandb_tracker import WandbTracker

__all__ = [
    "CsvTracker",
    "ManyTrackers",
    "MlflowTracker",
    "NoTracker",
    "Status",
    "TensorBoardTracker",
    "Tracker",
    "WandbTracker",
]
