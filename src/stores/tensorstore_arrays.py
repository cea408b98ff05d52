"""Arrays that tensorstore reads: Zarr, N5, neuroglancer precomputed, on a disk or elsewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AiwaveError, printable
from ..images.image import native
from .axes import ORDER, Axis, names_of, unit_name
from .stored_array import Box, StoredArray

RETRIES = {"max_retries": 5, "initial_delay": "500ms", "max_delay": "4s"}

CACHE = 128 << 20
"""Bytes of decoded chunks that are kept unless the caller wants others, since boxes may cut through chunks."""

ADVICE = "check the path or address"


class Keys:
    """The metadata files in a folder or at an address. Raises AiwaveError if it cannot be reached."""

    def __init__(self, place: str) -> None:
        import tensorstore

        self.place = place
        try:
            self._store = tensorstore.KvStore.open(f"{_url(place)}/", context=_context()).result()
        except ValueError as error:
            raise _unreadable(place, error) from error

    def read(self, name: str) -> dict[str, Any] | None:
        """The JSON object in a file, None if there is no such file. Raises AiwaveError if it is none."""
        try:
            found = self._store.read(name).result()
        except ValueError as error:
            raise _unreadable(self.place, error) from error
        if found.state != "value":
            return None
        try:
            about = json.loads(found.value)
        except (ValueError, RecursionError) as error:
            raise AiwaveError(f"{self.place}/{name} is damaged: it is not JSON.") from error
        if not isinstance(about, dict):
            raise AiwaveError(f"{self.place}/{name} is damaged: it is not an object of JSON.")
        return about

    def require(self, name: str) -> dict[str, Any]:
        """The JSON object in a file. Raises AiwaveError if there is none."""
        if (found := self.read(name)) is None:
            raise AiwaveError(f"{self.place}/{name} is missing: the store is incomplete.")
        return found


@dataclass(frozen=True)
class TensorstoreVoxels:
    """An array by tensorstore's specification, as JSON; `order` are its axes in our order, of which others are one.

    Arrays with the same `cache` share that many bytes for decoded chunks.
    """

    name: str
    spec: str
    order: tuple[int, ...]
    stamp: str
    cache: int = CACHE

    def read(self, box: Box) -> np.ndarray:
        """The voxels of a box. Raises AiwaveError if they cannot be read."""
        store = _opened(self.spec, self.name, self.stamp, self.cache)
        first = store.domain.inclusive_min
        inside: list[Any] = list(first)
        for axis, part in zip(self.order, box, strict=True):
            inside[axis] = slice(first[axis] + part.start, first[axis] + part.stop)
        kept = sorted(self.order)
        try:
            block: np.ndarray = store[tuple(inside)].read().result()
        except (ValueError, IndexError) as error:
            raise AiwaveError(f"{self.name} cannot be read at {words_of(box)}: {first_words(error)}.") from error
        return native(block.transpose([kept.index(axis) for axis in self.order]))


def words_of(box: Box) -> str:
    """A box as the user would write it."""
    return ",".join(f"{part.start}:{part.stop}" for part in box)


def open_with_tensorstore(
    name: str,
    place: str,
    driver: Mapping[str, Any],
    wanted: str | None,
    stamp: str,
    ome: Sequence[Axis] | None = None,
    n5: Mapping[str, Any] | None = None,
) -> StoredArray:
    """Open the array at a place, called `name`, whose axes are `wanted`, or as `ome`, `n5` or itself has them.

    Raises AiwaveError if it cannot be read.
    """
    spec = json.dumps({**driver, "kvstore": f"{_url(place)}/"})
    store = _opened(spec, name, stamp)
    found = _own_axes(store)
    labels: Sequence[object] = list(store.domain.labels)
    if driver["driver"] == "neuroglancer_precomputed":
        labels = "xyzc" if store.domain[3].size > 1 else "xyz"
    elif n5 is not None:
        labels = labels if all(labels) else names_of(name, store.ndim, None)[::-1]  # N5 has the fastest axis first
        found = _n5_axes(n5, store.ndim) or found
    elif ome is not None:
        labels, found = [one.name for one in ome], list(ome)
        if len(found) != store.ndim:
            raise AiwaveError(f"{name} is damaged: it has {store.ndim} axes, and its metadata names {len(found)}.")
    letters = names_of(name, len(labels), labels, wanted)
    order = tuple(letters.index(letter) for letter in ORDER if letter in letters)
    return StoredArray(
        name,
        TensorstoreVoxels(name, spec, order, stamp),
        tuple(int(store.shape[axis]) for axis in order),
        np.dtype(store.dtype.numpy_dtype),
        tuple(replace(found[axis], name=letters[axis]) for axis in order),
        stamp,
    )


def _own_axes(store: Any) -> list[Axis]:
    """Units and scales that the store tells, and where its first voxel lies."""
    found = []
    for unit, first in zip(store.dimension_units, store.domain.inclusive_min, strict=True):
        scale = 1.0 if unit is None else unit.multiplier
        found.append(Axis("", "" if unit is None else unit_name(unit.base_unit), scale, first * scale))
    return found


def _n5_axes(about: Mapping[str, Any], count: int) -> list[Axis] | None:
    """Units and scales of the attributes that viewers of N5 agree on, None without them."""
    given = about.get("pixelResolution", about.get("resolution"))
    scales = given.get("dimensions") if isinstance(given, Mapping) else given
    units = given.get("unit") if isinstance(given, Mapping) else about.get("units")
    if not isinstance(scales, list) or len(scales) != count or not all(isinstance(k, int | float) for k in scales):
        return None
    names = units if isinstance(units, list) and len(units) == count else [units] * count
    return [Axis("", unit_name(unit), float(scale)) for unit, scale in zip(names, scales, strict=True)]


@lru_cache(maxsize=8)
def _opened(spec: str, name: str, stamp: str, cache: int = CACHE) -> Any:
    """The array with these metadata, of which `stamp` is a digest: others may be there later."""
    return open_spec(json.loads(spec), name, _context(cache))


def open_spec(spec: Mapping[str, Any], name: str, context: Any, advice: str = ADVICE) -> Any:
    """Open the array of a specification of tensorstore, called `name`, in a context that `context_with` made.

    Raises AiwaveError, with `advice`, if it cannot be opened.
    """
    import tensorstore

    try:
        return tensorstore.open(spec, read=True, context=context).result()
    except ValueError as error:
        raise _unreadable(name, error, advice) from error


@lru_cache(maxsize=4)
def _context(cache: int = CACHE) -> Any:
    """Settings of arrays: one thread, a cache of so many bytes, a few retries."""
    return context_with({"cache_pool": {"total_bytes_limit": cache}, "data_copy_concurrency": {"limit": 1}})


def context_with(settings: Mapping[str, Any]) -> Any:
    """A context of tensorstore with these settings, in which failed requests are repeated a few times."""
    import tensorstore

    return tensorstore.Context({**settings, "http_request_retries": RETRIES, "gcs_request_retries": RETRIES})


def _url(place: str) -> str:
    return place if "://" in place else Path(place).resolve().as_uri()


def _unreadable(name: str, error: Exception, advice: str = ADVICE) -> AiwaveError:
    return AiwaveError(f"{name} cannot be opened ({first_words(error)}): {advice}.")


def first_words(error: Exception) -> str:
    """tensorstore's message, without the specification that it repeats."""
    return printable(str(error).split(" [")[0].split("\n")[0].rstrip("."), 300)
