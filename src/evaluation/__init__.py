"""Evaluation of rate and distortion on whole volumes."""

from .detail import Detail, detail, write_details
from .measure import Measured, measure_volume
from .measure_real import measure_real
from .results import evaluate_codec, join_results, print_results, track_results, tracked

__all__ = [
    "Detail",
    "Measured",
    "detail",
    "evaluate_codec",
    "join_results",
    "measure_real",
    "measure_volume",
    "print_results",
    "track_results",
    "tracked",
    "write_details",
]
