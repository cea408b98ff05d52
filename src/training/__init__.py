"""Training: the Lightning module, the staged schedule, run folders and checkpoints."""

from .build import build_codec, plan
from .device import torch_device
from .prepare import prepare_new, prepare_resumed
from .restore import last_finished, trained_codec
from .run_folder import RunFolder
from .schedule import run_schedule, run_stage, run_tags
from .task import CompressionTask
from .weights import load_weights

__all__ = [
    "CompressionTask",
    "RunFolder",
    "build_codec",
    "last_finished",
    "load_weights",
    "plan",
    "prepare_new",
    "prepare_resumed",
    "run_schedule",
    "run_stage",
    "run_tags",
    "torch_device",
    "trained_codec",
]
