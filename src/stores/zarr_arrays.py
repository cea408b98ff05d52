"""Arrays of Zarr that zarr-python reads: those with our codec."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.request import Request, urlopen

import numpy as np

from ..errors import AiwaveError, complaint, printable
from ..images.image import native
from .axes import ORDER, Axis, names_of
from .stored_array import Box, StoredArray
from .tensorstore_arrays import words_of


@dataclass(frozen=True)
class ZarrVoxels:
    """An array of zarr-python at a path or address; `order` are its axes in our order."""

    name: str
    place: str
    order: tuple[int, ...]
    stamp: str

    def read(self, box: Box) -> np.ndarray:
        """The voxels of a box. Raises AiwaveError if they cannot be read."""
        inside = [slice(None)] * len(box)
        for axis, part in zip(self.order, box, strict=True):
            inside[axis] = part
        try:
            return native(np.asarray(_opened(self.place, self.stamp)[tuple(inside)]).transpose(self.order))
        except Exception as error:  # of zarr-python, of whatever holds the store, or of a codec
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # chunks that zarr-python leaves undone, at exit
            reason = complaint(error) or f"{printable(str(error).rstrip('.'), 300)}."
            raise AiwaveError(f"{self.name} cannot be read at {words_of(box)}: {reason}") from error


def open_with_zarr(name: str, place: str, ome: Sequence[Axis] | None, wanted: str | None, stamp: str) -> StoredArray:
    """Open the array at a place, called `name`, with axes as `wanted`, or as `ome` or itself has them.

    Raises AiwaveError for shards at a server that sends only whole files.
    """
    array = _opened(place, stamp)
    if place.startswith("http") and array.shards:
        _require_ranges(name, place)
    labels: Any = [one.name for one in ome] if ome else getattr(array.metadata, "dimension_names", None)
    letters = names_of(name, array.ndim, labels, wanted)
    found = list(ome) if ome else [Axis("")] * array.ndim
    order = tuple(letters.index(letter) for letter in ORDER if letter in letters)
    return StoredArray(
        name,
        ZarrVoxels(name, place, order, stamp),
        tuple(int(array.shape[axis]) for axis in order),
        np.dtype(array.dtype),
        tuple(replace(found[axis], name=letters[axis]) for axis in order),
        stamp,
    )


def _require_ranges(name: str, place: str) -> None:
    """Raise AiwaveError if a server does not send parts of files; one that cannot be reached is told when reading."""
    first_byte = Request(f"{place}/zarr.json", headers={"Range": "bytes=0-0"})
    with suppress(OSError), urlopen(first_byte, timeout=10) as answer:
        if answer.status != HTTPStatus.PARTIAL_CONTENT:
            raise AiwaveError(
                f"{name} is in shards, and its server does not send parts of them (Range requests): copy the store, or "
                "take another server."
            )


@lru_cache(maxsize=8)
def _opened(place: str, stamp: str) -> Any:
    """The array with these metadata, of which `stamp` is a digest: others may be there later."""
    import zarr

    return zarr.open_array(place, mode="r")
