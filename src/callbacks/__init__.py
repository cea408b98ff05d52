"""Lightning callbacks: freezing, checkpoints, health, RD logging, averaged weights and progress."""

from .checkpoint import StageCheckpoint
from .freeze import FreezeComponents
from .health import GradientHealth
from .pictures import Pictures
from .progress import Progress
from .rd_logging import RdLogging
from .weight_average import WeightAverage

__all__ = [
    "FreezeComponents",
    "GradientHealth",
    "Pictures",
    "Progress",
    "RdLogging",
    "StageCheckpoint",
    "WeightAverage",
]
