"""Lightning callbacks: freezing, checkpoints, health, RD logging and progress."""

from .checkpoint import StageCheckpoint
from .freeze import FreezeComponents
from .health import GradientHealth
from .progress import Progress
from .rd_logging import RdLogging

__all__ = ["FreezeComponents", "GradientHealth", "Progress", "RdLogging", "StageCheckpoint"]
