"""The schema of configurations: every key, its type and its allowed values."""

from .anchor import AnchorCodec
from .commands import AnchorsConfig, DataConfig, EvaluateConfig, PrepareConfig, ReportConfig, TrainConfig
from .model import Rounding, Transform
from .node import Call, Node

__all__ = [
    "AnchorCodec",
    "AnchorsConfig",
    "Call",
    "DataConfig",
    "EvaluateConfig",
    "Node",
    "PrepareConfig",
    "ReportConfig",
    "Rounding",
    "TrainConfig",
    "Transform",
]
