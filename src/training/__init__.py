"""Training: the Lightning module, the staged schedule, checkpoints, and a run from its configuration to its results."""

from .task import CompressionTask, ConstantRate, CosineDecay

__all__ = ["CompressionTask", "ConstantRate", "CosineDecay"]
