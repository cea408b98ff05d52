"""Launchers: they run the jobs of a sweep here, on all cores, on Slurm or on a Ray cluster."""

from .joblib_launcher import JoblibLauncher
from .launcher import Launcher, LocalLauncher, SweepJob, Work
from .ray_launcher import RayLauncher
from .slurm_launcher import SlurmLauncher

__all__ = ["JoblibLauncher", "Launcher", "LocalLauncher", "RayLauncher", "SlurmLauncher", "SweepJob", "Work"]
