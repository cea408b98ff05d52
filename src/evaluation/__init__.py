"""Measuring rate and distortion on whole volumes."""

from .evaluate import evaluate_codec, print_results
from .measure import measure_volume

__all__ = ["evaluate_codec", "measure_volume", "print_results"]
