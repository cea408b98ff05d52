"""Tables of values: volumes that use few of the values in their range are coded by rank, if that is shorter."""

import zlib

import numpy as np

from ..errors import AiwaveError

SAMPLE = 1 << 20
LIMIT = 1 << 20


def pack_values(volume: np.ndarray) -> np.ndarray | None:
    """The sorted distinct values, int32, of 16-bit integers (..., H, W) if their ranks are likely shorter; else None.

    The comparison is between entropies of differences along the last axis, in a sample of evenly spaced rows.
    """
    values = _distinct(volume)
    if len(values) < 2 or len(values) == values[-1] - values[0] + 1 or volume.shape[-1] < 2:
        return None
    rows = volume.reshape(-1, volume.shape[-1])
    sample = rows[:: max(1, volume.size // SAMPLE)].astype(np.int32)
    ranks = ranks_in(values, sample)
    saved = (_difference_bits(sample) - _difference_bits(ranks)) * volume.size
    return values if saved > 1.05 * 8 * len(values_to_bytes(values)) else None


def _distinct(volume: np.ndarray) -> np.ndarray:
    """The sorted distinct values, section by section: much faster than a sort or a hash."""
    low = int(volume.min())
    seen = np.zeros(int(volume.max()) - low + 1, bool)
    for section in volume.reshape(-1, *volume.shape[-2:]):
        seen[section.astype(np.intp) - low] = True
    return (np.flatnonzero(seen) + low).astype(np.int32)


def ranks_in(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The index, int32, of each of `numbers` in sorted values of 16 bits that hold them all: faster than a search."""
    table = np.zeros(int(values[-1]) - int(values[0]) + 1, np.int32)
    table[values - values[0]] = np.arange(len(values))
    ranks: np.ndarray = table[numbers.astype(np.int32) - values[0]]
    return ranks


def _difference_bits(rows: np.ndarray) -> float:
    """Estimated entropy of the differences: that of a Laplace density with their mean magnitude, in bits."""
    return float(np.log2(2 * np.e * np.abs(np.diff(rows, axis=-1)).mean() + 1))


def values_to_bytes(values: np.ndarray) -> bytes:
    """Sorted int32 values -> zlib of little-endian differences, the first from zero."""
    return zlib.compress(np.diff(values, prepend=np.int32(0)).astype("<i4").tobytes(), 9)


def values_from_bytes(data: bytes, low: int, high: int) -> np.ndarray:
    """The inverse of `values_to_bytes`: increasing int64 values from `low` to `high`.

    Raises AiwaveError for anything else.
    """
    engine = zlib.decompressobj()
    try:
        raw = engine.decompress(data, LIMIT)
        values = np.cumsum(np.frombuffer(raw, "<i4").astype(np.int64))
    except (zlib.error, ValueError) as error:
        raise AiwaveError("The file is damaged: its table of values cannot be read.") from error
    if not engine.eof or engine.unused_data or not len(values):
        raise AiwaveError("The file is damaged: its table of values is cut short.")
    if (np.diff(values) <= 0).any() or values[0] < low or values[-1] > high:
        raise AiwaveError("The file is damaged: its table of values is invalid.")
    return values
