"""Opening stores at a path or address: Zarr, OME-Zarr, N5, neuroglancer precomputed, folders of TIFF sections."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import AiwaveError
from ..images import tiff_files
from .ome_metadata import axes_of, multiscales_of
from .sections import open_sections
from .stored_array import StoredArray
from .tensorstore_arrays import Keys, open_with_tensorstore
from .zarr_arrays import open_with_zarr

MARKS = ("zarr.json", ".zarray", ".zattrs", ".zgroup", "attributes.json", "info")
"""Names of metadata, of which a store has at least one."""


def is_store(name: str) -> bool:
    """True for an address, a folder with metadata of a store, and a folder of TIFF sections."""
    if "://" in name:
        return True
    path = Path(name)
    return path.is_dir() and (any((path / mark).is_file() for mark in MARKS) or tiff_files.has_slices(path))


def open_store(name: str, axes: str | None = None, level: int = 0) -> StoredArray:
    """Open the array at a path or address (http, https, gs, s3, file): of an image, that of a `level`, 0 the finest.

    `axes` names the axes of an array whose metadata does not, in its order, as in czyx. Raises AiwaveError if there is
    no array that can be read, or no such level.
    """
    if "://" not in name:
        path = Path(name)
        if not path.exists():
            raise AiwaveError(f"{name} cannot be read: it does not exist.")
        if path.is_dir() and not any((path / mark).is_file() for mark in MARKS) and tiff_files.has_slices(path):
            _require_level(name, level, 1)
            return open_sections(path)
    place = name.rstrip("/")
    keys = Keys(place)
    if (about := keys.read("zarr.json")) is not None:
        return _zarr(place, keys, about, 3, axes, level)
    if (about := keys.read(".zarray")) is not None:
        return _zarr(place, keys, about, 2, axes, level)
    if (about := keys.read(".zattrs")) is not None and multiscales_of(about) is not None:
        return _zarr(place, keys, about, 2, axes, level)
    if (about := keys.read("attributes.json")) is not None:
        return _n5(place, about, axes, level)
    if (about := keys.read("info")) is not None and isinstance(about.get("scales"), list):
        _require_level(name, level, len(about["scales"]))
        driver = {"driver": "neuroglancer_precomputed", "scale_index": level}
        return open_with_tensorstore(place, place, driver, axes, _stamp(about))
    raise AiwaveError(
        f"{name} holds no array that can be read: a store is Zarr, OME-Zarr, N5, neuroglancer precomputed, or a folder "
        "of TIFF sections."
    )


def _require_level(name: str, level: int, count: int) -> None:
    if level >= count:
        there = "its only one is 0" if count == 1 else f"it has those from 0 to {count - 1}"
        raise AiwaveError(f"{name} has no level {level}: {there}.")


def _zarr(name: str, keys: Keys, about: Mapping[str, Any], version: int, axes: str | None, level: int) -> StoredArray:
    """The array itself, or a level of the image in a group."""
    found = multiscales_of(about)
    _require_level(name, level, 1 if found is None else len(found["datasets"]))
    if found is not None:
        path = str(found["datasets"][level]["path"]).strip("/")
        place, ome = f"{name}/{path}", found
    elif about.get("node_type") == "group" or (version == 2 and "shape" not in about):
        raise AiwaveError(f"{name} is a group of Zarr without an image of several levels: give the path of an array.")
    else:
        place, path = name, name.rpartition("/")[2]
        ome = _multiscales_beside(name, version, path)
    array = about if found is None else Keys(place).require("zarr.json" if version == 3 else ".zarray")
    opened = _array(name, place, array, version, None if ome is None else axes_of(ome, path), axes)
    attributes = about.get("attributes") or {} if version == 3 else keys.read(".zattrs") or {}
    kept = attributes.get("aiwave") if isinstance(attributes, Mapping) else None
    geometry = kept.get("image") if isinstance(kept, Mapping) else None
    if found is None or level or not isinstance(geometry, Mapping):
        return opened
    return StoredArray(**{**vars(opened), "geometry": geometry})


def _array(name: str, place: str, about: Mapping[str, Any], version: int, ome: Any, axes: str | None) -> StoredArray:
    text = json.dumps(about.get("codecs") or [about.get("compressor"), about.get("filters")])
    if '"aiwave"' in text:  # which tensorstore does not have
        return open_with_zarr(name, place, ome, axes, _stamp(about))
    driver = {"driver": "zarr3" if version == 3 else "zarr"}
    return open_with_tensorstore(name, place, driver, axes, _stamp(about), ome)


def _multiscales_beside(name: str, version: int, path: str) -> Any:
    """The image that an array is a level of, as the group around it says."""
    group = name.rpartition("/")[0]
    if not group or group.endswith(":/"):
        return None
    about = Keys(group).read("zarr.json" if version == 3 else ".zattrs")
    found = None if about is None else multiscales_of(about)
    return found if found is not None and any(one["path"] == path for one in found["datasets"]) else None


def _n5(name: str, about: Mapping[str, Any], axes: str | None, level: int) -> StoredArray:
    place = name
    if "dimensions" in about:
        _require_level(name, level, 1)
    else:
        place = f"{name}/s{level}"
        group, about = about, Keys(place).read("attributes.json") or {}
        if "dimensions" not in about:
            raise AiwaveError(f"{name} is a group of N5 without a data set s{level}: give the path of a data set.")
        about = {**group, **about}
    return open_with_tensorstore(name, place, {"driver": "n5"}, axes, _stamp(about), n5=about)


def _stamp(about: Mapping[str, Any]) -> str:
    return sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
