"""Rate-distortion results as files: a CSV, a table for the terminal and a figure."""

from .bd_table import BdEntry, bd_entries, bd_numbers
from .contact_sheet import contact_sheet, save_contact_sheet
from .gather import Gathered, gather
from .make import Report, make_report
from .markdown import bd_markdown
from .mean_curves import RdPoint, format_table, mean_curves
from .peaks import known_peaks
from .pictures import save_filters, save_slices
from .rd_plot import plot_rd, rd_figure
from .rd_row import RdRow
from .rd_table import COLUMNS, read_rd_csv, write_rd_csv
from .slices import Slice, middle, pictures, read_slices, save_slice

__all__ = [
    "COLUMNS",
    "BdEntry",
    "Gathered",
    "RdPoint",
    "RdRow",
    "Report",
    "Slice",
    "bd_entries",
    "bd_markdown",
    "bd_numbers",
    "contact_sheet",
    "format_table",
    "gather",
    "known_peaks",
    "make_report",
    "mean_curves",
    "middle",
    "pictures",
    "plot_rd",
    "rd_figure",
    "read_rd_csv",
    "read_slices",
    "save_contact_sheet",
    "save_filters",
    "save_slice",
    "save_slices",
    "write_rd_csv",
]
