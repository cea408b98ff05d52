"""The interactive report: one self-contained HTML file that loads nothing from the network."""

from .write_page import write_page

__all__ = ["write_page"]
