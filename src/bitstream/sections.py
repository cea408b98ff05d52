"""Named arrays and a description in one piece of bytes: the layout of safetensors."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import AiwaveError

TYPES: dict[str, np.dtype[Any]] = {"U8": np.dtype("u1"), "F32": np.dtype("<f4")}
HEADER_LIMIT = 1 << 20
DAMAGED = "The model is damaged: {}; store it again from its checkpoint."


def pack(description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A description that JSON can hold, and arrays of uint8 or float32, as bytes; the same every time."""
    text = json.dumps(description, separators=(",", ":"), sort_keys=True)
    header: dict[str, Any] = {"__metadata__": {"aiwave": text}}
    data = b""
    for name, array in arrays.items():
        kind = next(key for key, dtype in TYPES.items() if dtype == array.dtype)
        part = array.astype(TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    return len(encoded).to_bytes(8, "little") + encoded + data


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inverse of `pack`: the description, and arrays that share the memory of `data`.

    Raises AiwaveError for anything else; sizes are checked against the length of `data` before they are used.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(HEADER_LIMIT, len(data) - 8):
        raise AiwaveError(DAMAGED.format("its header is cut short"))
    try:
        header = json.loads(data[8 : 8 + length])
        description = json.loads(header.pop("__metadata__")["aiwave"])
        body = memoryview(data)[8 + length :]
        arrays, end = {}, 0
        for name, entry in header.items():
            arrays[name] = _array(body, entry, end)
            end += arrays[name].nbytes
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AiwaveError(DAMAGED.format("its header cannot be read")) from error
    if end != len(body) or not isinstance(description, dict):
        raise AiwaveError(DAMAGED.format("its length does not fit its header"))
    return description, arrays


def _array(body: memoryview, entry: Mapping[str, Any], start: int) -> np.ndarray:
    """One array; arrays follow each other without gaps. Raises ValueError or KeyError."""
    dtype, shape = TYPES[entry["dtype"]], tuple(entry["shape"])
    if any(type(side) is not int or side < 0 for side in shape) or len(shape) > 8:
        raise ValueError("a shape is not one")
    end = start + dtype.itemsize * math.prod(shape)
    if entry["data_offsets"] != [start, end] or end > len(body):
        raise ValueError("an array does not fit")
    return np.frombuffer(body[start:end], dtype).reshape(shape)
