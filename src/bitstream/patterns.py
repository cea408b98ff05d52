"""Patterns: voxels of any type as unsigned integers in the order of the values, and tables of them as bytes."""

import zlib
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .header import DAMAGED

MOST = 1 << 16
"""Numbers of 16 bits: most patterns of a table."""


def ordered(voxels: np.ndarray) -> np.ndarray:
    """Voxels as unsigned integers of their size in the order of the values; NaN of either sign comes at the ends."""
    bits = 8 * voxels.dtype.itemsize
    plain, top = voxels.view(f"u{bits // 8}"), np.array(1 << (bits - 1), f"u{bits // 8}")
    if voxels.dtype.kind == "u":
        return plain
    if voxels.dtype.kind == "i":
        return plain ^ top
    return np.where(plain & top, ~plain, plain | top)


def from_ordered(patterns: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The inverse of `ordered`."""
    plain = patterns.astype(f"u{dtype.itemsize}", copy=False)
    top = np.array(1 << (8 * dtype.itemsize - 1), plain.dtype)
    if dtype.kind == "i":
        plain = plain ^ top
    elif dtype.kind == "f":
        plain = np.where(plain & top, plain ^ top, ~plain)
    return plain.view(dtype)


def table_to_bytes(table: np.ndarray) -> bytes:
    """Deflated differences of rising patterns, the first from zero, byte plane by byte plane."""
    differences = np.diff(table, prepend=table.dtype.type(0)).astype(table.dtype.newbyteorder("<"))
    planes = differences.view(np.uint8).reshape(len(table), -1).T
    return zlib.compress(planes.tobytes(), 9)


def table_from_bytes(data: bytes, dtype: np.dtype[Any]) -> np.ndarray:
    """The values of `dtype` of a table. Raises AiwaveError if it is damaged."""
    engine = zlib.decompressobj()
    try:
        raw = engine.decompress(data, MOST * dtype.itemsize)
    except zlib.error as error:
        raise AiwaveError(DAMAGED.format("its table of values cannot be read")) from error
    if not engine.eof or engine.unused_data or not raw or len(raw) % dtype.itemsize:
        raise AiwaveError(DAMAGED.format("its table of values is cut short"))
    planes = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1)
    differences = np.ascontiguousarray(planes.T).view(f"<u{dtype.itemsize}")[:, 0]
    if not differences[1:].all():
        raise AiwaveError(DAMAGED.format("its table of values is invalid"))
    patterns = np.cumsum(differences, dtype=differences.dtype)
    if (patterns[1:] <= patterns[:-1]).any():
        raise AiwaveError(DAMAGED.format("its table of values does not rise"))
    return from_ordered(patterns, dtype)
