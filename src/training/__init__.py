"""Training: the Lightning module, the staged schedule, run folders and checkpoints."""

from ..runs.run_folder import RunFolder, last_finished
from ..runs.session import session
from .about import run_tags
from .build import build_codec, plan
from .device import torch_device
from .follow import follow
from .lr_schedule import ConstantRate, CosineDecay
from .prepare import prepare_new, prepare_resumed
from .processes import all_processes, is_follower
from .restore import trained_codec
from .schedule import run_schedule, run_stage
from .task import CompressionTask
from .weights import load_weights

__all__ = [
    "CompressionTask",
    "ConstantRate",
    "CosineDecay",
    "RunFolder",
    "all_processes",
    "build_codec",
    "follow",
    "is_follower",
    "last_finished",
    "load_weights",
    "plan",
    "prepare_new",
    "prepare_resumed",
    "run_schedule",
    "run_stage",
    "run_tags",
    "session",
    "torch_device",
    "trained_codec",
]
