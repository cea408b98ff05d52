"""Lightning callbacks: freezing, checkpoints, averaged weights, gradient health, RD logging, metrics and progress."""

from .end_by_sigterm import EndBySigterm
from .freeze import FreezeComponents
from .health import GradientHealth
from .pictures import Pictures
from .progress import MetricsTable, Progress
from .rd_logging import RdLogging
from .stage_checkpoint import StageCheckpoint
from .weight_average import WeightAverage

__all__ = [
    "EndBySigterm",
    "FreezeComponents",
    "GradientHealth",
    "MetricsTable",
    "Pictures",
    "Progress",
    "RdLogging",
    "StageCheckpoint",
    "WeightAverage",
]
