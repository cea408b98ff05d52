"""Rate-distortion results as files: a CSV, a table for the terminal and a figure."""

from .mean_curves import RdPoint, format_table, mean_curves
from .rd_plot import plot_rd, rd_figure
from .rd_row import RdRow
from .rd_table import COLUMNS, read_rd_csv, write_rd_csv

__all__ = [
    "COLUMNS",
    "RdPoint",
    "RdRow",
    "format_table",
    "mean_curves",
    "plot_rd",
    "rd_figure",
    "read_rd_csv",
    "write_rd_csv",
]
