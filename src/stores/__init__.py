"""Stores: arrays of any size, opened by path or address and read box by box, with their axes."""

from .axes import Axis
from .opening import is_store, open_store
from .stored_array import StoredArray

__all__ = ["Axis", "StoredArray", "is_store", "open_store"]
