"""The interactive report: one HTML file with everything inside, which asks no other computer for anything."""

from .write import write_page

__all__ = ["write_page"]
