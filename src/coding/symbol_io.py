"""Range coding of symbols: a recorder that writes segments, and a reader."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..errors import AiwaveError
from .constants import TOTAL_BITS
from .symbols import PHASES

TOTAL = 1 << TOTAL_BITS

WORD = 32


def encode_intervals(left: np.ndarray, frequency: np.ndarray) -> bytes:
    """Range-code symbols, each given as an interval of the range 2**24, in the order of decoding.

    `left` and `frequency` are (n,) int64: a symbol occupies left, ..., left + frequency - 1. Alphabets must have at
    least three symbols, or two of equal frequency.
    """
    from constriction import stream

    rest = TOTAL - left - frequency
    first, last = left == 0, rest == 0
    other = TOTAL - frequency
    before = np.where(last, other // 2, left)
    rows = np.stack((before, frequency, rest), axis=1)
    rows[first] = np.stack((frequency, other // 2, other - other // 2), axis=1)[first]
    rows[last] = np.stack((other // 2, other - other // 2, frequency), axis=1)[last]
    symbols = np.where(first, 0, np.where(last, 2, 1)).astype(np.int32)
    encoder = stream.queue.RangeEncoder()
    if len(symbols):
        encoder.encode(symbols, stream.model.Categorical(perfect=False), (rows - 1).astype(np.float32))
    words = encoder.get_compressed()
    _, (lower, width) = encoder.pos()
    if len(words):
        words[-1] = _shortest_end(int(words[-1]), int(lower), int(width))
    return words.astype(">u4").tobytes().rstrip(b"\0")


def _shortest_end(word: int, lower: int, width: int) -> int:
    """The last word, or a larger one that ends the message equally well with fewer non-zero bytes."""
    for bits in (24, 16, 8):
        rounded = -(-word >> bits) << bits
        if rounded < 1 << WORD and (rounded << WORD) < lower + width:
            return rounded
    return word


class Decoder:
    """Decoder of one segment (see `encode_intervals`), batch by batch. Zeros follow the segment's end."""

    def __init__(self, segment: bytes) -> None:
        from constriction import stream

        padded = segment + bytes(-len(segment) % 4)
        self._decoder = stream.queue.RangeDecoder(np.frombuffer(padded, dtype=">u4").astype(np.uint32))
        self._categorical = stream.model.Categorical(perfect=False)
        self._uniform = stream.model.Uniform()

    def categorical(self, frequencies: np.ndarray) -> np.ndarray:
        """Symbols (n,) int32, given the frequencies minus one of their alphabets, (n, size) float32."""
        return self._decoder.decode(self._categorical, frequencies)

    def uniform(self, bits: np.ndarray) -> np.ndarray:
        """Numbers (n,) int32 of `bits` (n,) int32 bits each, between 1 and 23, with all values equally likely."""
        return self._decoder.decode(self._uniform, np.left_shift(1, bits, dtype=np.int32))


class Recorder:
    """Collects the symbols of one band of T tiles as intervals, and writes a segment per tile.

    Symbols are written front by front; within a front, phase by phase; within a phase, by position.
    """

    def __init__(self, tiles: int, front_starts: Sequence[int]) -> None:
        self.tiles = tiles
        self._starts = torch.tensor(front_starts)
        self._keys = [torch.empty(0, dtype=torch.int64)]
        self._left = [torch.empty(0, dtype=torch.int64)]
        self._frequency = [torch.empty(0, dtype=torch.int64)]
        self._of_row = torch.empty(0)

    def at(self, positions: Tensor) -> None:
        """Set the positions (n,) of the rows that follow, tile by tile."""
        front = torch.bucketize(positions, self._starts, right=True) - 1
        tile = torch.arange(self.tiles).unsqueeze(1)
        self._of_row = ((tile * len(self._starts) + front) * PHASES).flatten()

    def categorical(self, phase: int, rows: Tensor, table: Tensor, symbols: Tensor | None) -> Tensor:
        """See `SymbolCoder.categorical`."""
        assert symbols is not None
        at = symbols.unsqueeze(1)
        upto = table.long().cumsum(dim=1).gather(1, at).squeeze(1) + symbols + 1
        frequency = table.gather(1, at).squeeze(1).long() + 1
        self._add(phase, rows, upto - frequency, frequency)
        return symbols

    def uniform(self, phase: int, rows: Tensor, bits: Tensor, symbols: Tensor | None) -> Tensor:
        """See `SymbolCoder.uniform`."""
        assert symbols is not None
        self._add(phase, rows, symbols << (TOTAL_BITS - bits), 1 << (TOTAL_BITS - bits))
        return symbols

    def _add(self, phase: int, rows: Tensor, left: Tensor, frequency: Tensor) -> None:
        self._keys.append(self._of_row[rows] + phase)
        self._left.append(left)
        self._frequency.append(frequency)

    def segments(self) -> list[bytes]:
        """The recorded symbols, one segment per tile."""
        keys, left, frequency = (torch.cat(x).numpy() for x in (self._keys, self._left, self._frequency))
        order = np.argsort(keys, kind="stable")
        tile = keys[order] // (len(self._starts) * PHASES)
        bounds = np.searchsorted(tile, np.arange(self.tiles + 1))
        parts = [order[a:b] for a, b in pairwise(bounds)]
        return [encode_intervals(left[part], frequency[part]) for part in parts]

    def bits(self) -> Tensor:
        """Code length [bit] of every tile, (T,) float64."""
        keys, frequency = torch.cat(self._keys), torch.cat(self._frequency)
        tile = keys // (len(self._starts) * PHASES)
        return torch.zeros(self.tiles, dtype=torch.float64).index_add_(0, tile, TOTAL_BITS - frequency.double().log2())


class Reader:
    """Reads symbols of several segments side by side."""

    def __init__(self, segments: Sequence[bytes]) -> None:
        self._decoders = [Decoder(segment) for segment in segments]
        self._active: list[Decoder] = []
        self._bounds = np.zeros(1, dtype=np.int64)

    def at(self, parts: Sequence[tuple[int, int]]) -> None:
        """Set the segments of the rows that follow: each segment's index and its number of rows, in order."""
        self._active = [self._decoders[segment] for segment, _ in parts]
        self._bounds = np.cumsum([0, *(rows for _, rows in parts)])

    def categorical(self, phase: int, rows: Tensor, table: Tensor, symbols: Tensor | None) -> Tensor:
        """See `SymbolCoder.categorical`. Raises AiwaveError for data that no encoder writes."""
        return self._read(Decoder.categorical, rows, table.contiguous().numpy())

    def uniform(self, phase: int, rows: Tensor, bits: Tensor, symbols: Tensor | None) -> Tensor:
        """See `SymbolCoder.uniform`. Raises AiwaveError for data that no encoder writes."""
        return self._read(Decoder.uniform, rows, bits.int().numpy())

    def _read(self, read: Callable[[Decoder, np.ndarray], np.ndarray], rows: Tensor, models: np.ndarray) -> Tensor:
        bounds = np.searchsorted(rows.numpy(), self._bounds).tolist()
        out = np.empty(len(rows), dtype=np.int64)
        for decoder, a, b in zip(self._active, bounds[:-1], bounds[1:], strict=True):
            if a == b:
                continue
            try:
                out[a:b] = read(decoder, models[a:b])
            except (AssertionError, ValueError) as error:
                raise AiwaveError(
                    "The coded data is damaged: a segment holds symbols that no encoder writes."
                ) from error
        return torch.from_numpy(out)
