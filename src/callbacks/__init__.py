"""Lightning callbacks: freezing, checkpoints, health, RD logging, metrics tables, averaged weights and progress."""

from .checkpoint import StageCheckpoint
from .end_together import EndTogether
from .freeze import FreezeComponents
from .health import GradientHealth
from .metrics_table import MetricsTable
from .pictures import Pictures
from .progress import Progress
from .rd_logging import RdLogging
from .weight_average import WeightAverage

__all__ = [
    "EndTogether",
    "FreezeComponents",
    "GradientHealth",
    "MetricsTable",
    "Pictures",
    "Progress",
    "RdLogging",
    "StageCheckpoint",
    "WeightAverage",
]
