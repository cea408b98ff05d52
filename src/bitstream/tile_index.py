"""Index of tiles: how each is coded, and the lengths and checksums of its chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..errors import AiwaveError
from .header import DAMAGED, LATEST, VERSION, Header

WORD = np.dtype("<u4")

FLAT_LIMIT = 1 << 16
"""Most tiles of an index that is left out."""


class Mode(IntEnum):
    """Coding of a tile. Those but `MODEL` store the numbers to code exactly, in lossy streams as well.

    `VOXELS` is that of voxel models, which code no other. A tile that is `REPEATED` is coded as an earlier one.
    """

    MODEL = 0
    CONSTANT = 1
    JPEG_XL = 2
    LZMA = 3
    VOXELS = 4
    REPEATED = 5

    @property
    def needs_model(self) -> bool:
        """True if a model codes the tile."""
        return self in (Mode.MODEL, Mode.VOXELS)


@dataclass(frozen=True)
class CodedTile:
    """A chunk per level, from coarse to fine, and a checksum of the decoded tile (see `TileCodec.content`).

    Modes but `MODEL` have one chunk. `CONSTANT` and `REPEATED` have none, and in place of the checksum the number, or
    that of the earlier tile.
    """

    chunks: Sequence[bytes]
    content: int
    mode: Mode = Mode.MODEL


@dataclass(frozen=True, eq=False)
class TileIndex:
    """`modes` (tiles,) uint8; `words` (tiles, 2L + 1) uint32: length and checksum per level, then the content's."""

    modes: np.ndarray
    words: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Bytes of every chunk, (tiles, L) int64."""
        return self.words[:, 0:-1:2].astype(np.int64)

    @property
    def mixed(self) -> bool:
        """True if some tile is coded in another way than by coefficients, so that the modes have to be stored."""
        return bool(self.modes.any())

    @property
    def needs_model(self) -> bool:
        """True if a model codes some tile."""
        return any(Mode(mode).needs_model for mode in np.unique(self.modes))

    def bytes_of(self, tile: int) -> int:
        """Bytes of a tile's chunks and of its words in the index."""
        return int(self.sizes[tile].sum()) + WORD.itemsize * int(_used(self.modes[tile : tile + 1], self.words).sum())

    @property
    def version(self) -> int:
        """The version of streams with such tiles."""
        return LATEST if (self.modes > Mode.LZMA).any() else VERSION

    @property
    def is_flat(self) -> bool:
        """True if all tiles are constantly 0, and few enough for the section to be left out."""
        return len(self.modes) <= FLAT_LIMIT and bool((self.modes == Mode.CONSTANT).all()) and not self.words.any()

    def to_bytes(self) -> bytes:
        """The section: the words, after the modes if they are `mixed`; no bytes at all if it `is_flat`.

        Its length does not depend on lengths and checksums of chunks.
        """
        if not self.mixed:
            return self.words.tobytes()
        return b"" if self.is_flat else self.modes.tobytes() + self.words[_used(self.modes, self.words)].tobytes()

    @classmethod
    def from_bytes(cls, data: memoryview, header: Header) -> "TileIndex":
        """The inverse of `to_bytes`. Raises AiwaveError if it does not fit the header."""
        count, width = header.grid.count, 2 * header.levels + 1
        if not header.mixed:
            if len(data) != count * width * WORD.itemsize:
                raise _misfit()
            return cls(np.zeros(count, np.uint8), np.frombuffer(data, WORD).reshape(count, width))
        if not len(data) and count <= FLAT_LIMIT:
            return cls(np.full(count, Mode.CONSTANT, np.uint8), np.zeros((count, width), WORD))
        if len(data) < count * (1 + WORD.itemsize):
            raise _misfit()
        modes = np.frombuffer(data, np.uint8, count)
        words = np.zeros((count, width), WORD)
        used = _used(modes, words)
        if modes.max() > max(Mode) or len(data) != count + WORD.itemsize * int(used.sum()):
            raise _misfit()
        words[used] = np.frombuffer(data, WORD, offset=count)
        if not (index := cls(modes, words)).repeats_earlier_ones:
            raise _misfit()
        return index

    @property
    def repeats_earlier_ones(self) -> bool:
        """True if what is repeated comes before, and has chunks."""
        (repeated,) = np.nonzero(self.modes == Mode.REPEATED)
        earlier = self.words[repeated, -1]
        return (
            bool((earlier < repeated).all()) and not np.isin(self.modes[earlier], (Mode.CONSTANT, Mode.REPEATED)).any()
        )


def _used(modes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Mask of the words that tiles of these modes store."""
    used = np.zeros((len(modes), words.shape[1]), bool)
    used[modes == Mode.MODEL] = True
    used[(modes > Mode.CONSTANT) & (modes < Mode.REPEATED), :2] = True
    used[:, -1] = True
    return used


def _misfit() -> AiwaveError:
    return AiwaveError(DAMAGED.format("its index does not fit its shape"))
