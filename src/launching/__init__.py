"""Launchers for the jobs of a sweep: on this machine one by one, on all its cores, on Slurm or on a Ray cluster."""

from .base import Job, Launcher, Work
from .joblib_launcher import JoblibLauncher
from .local import LocalLauncher
from .ray_launcher import RayLauncher
from .slurm_launcher import SlurmLauncher

__all__ = ["Job", "JoblibLauncher", "Launcher", "LocalLauncher", "RayLauncher", "SlurmLauncher", "Work"]
