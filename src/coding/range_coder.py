"""Range coding of batches of symbols with integer frequencies.

constriction takes frequencies as floats and adds 1 to each: integers less one, which with their number sum to 2**24,
are reproduced exactly, since every sum is exact in float32 and the factor it scales them by is 1.
"""

import numpy as np

from .constants import TOTAL_BITS

TOTAL = 1 << TOTAL_BITS
WORD = 32


def encode_intervals(left: np.ndarray, frequency: np.ndarray) -> bytes:
    """Code symbols, each given as an interval of the range 2**24, in the order they are to be decoded.

    `left` and `frequency` are (n,) int64: every symbol stands for left, ..., left + frequency - 1. The alphabets must
    have three symbols or more, or two equal ones.
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
    """The last word, or a larger one that ends the message just as well and has fewer bytes that are not zero."""
    for bits in (24, 16, 8):
        rounded = -(-word >> bits) << bits
        if rounded < 1 << WORD and (rounded << WORD) < lower + width:
            return rounded
    return word


class Decoder:
    """The symbols of one segment (as `encode_intervals` made it), asked for in batches. Zeros follow its end."""

    def __init__(self, segment: bytes) -> None:
        from constriction import stream

        padded = segment + bytes(-len(segment) % 4)
        self._decoder = stream.queue.RangeDecoder(np.frombuffer(padded, dtype=">u4").astype(np.uint32))
        self._categorical = stream.model.Categorical(perfect=False)
        self._uniform = stream.model.Uniform()

    def categorical(self, frequencies: np.ndarray) -> np.ndarray:
        """Symbols (n,) int32 of alphabets whose frequencies less one are (n, size) float32."""
        return self._decoder.decode(self._categorical, frequencies)

    def uniform(self, bits: np.ndarray) -> np.ndarray:
        """Numbers (n,) int32 of so many bits each, (n,) int32, between 1 and 23, all values equally likely."""
        return self._decoder.decode(self._uniform, np.left_shift(1, bits, dtype=np.int32))
