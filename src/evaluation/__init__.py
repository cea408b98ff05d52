"""Measuring rate and distortion on whole volumes."""

from .measure import measure_volume
from .results import evaluate_codec, join_results, print_results, track_results

__all__ = ["evaluate_codec", "join_results", "measure_volume", "print_results", "track_results"]
