"""Model files: safetensors with a description in the header, and a seal."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import AiwaveError

VERSION = 1

LARGEST = 1 << 30
"""Largest size of a model file [bytes]."""

KEY = "aiwave"
"""The only key of the metadata: the order of several would not be deterministic."""

UNSEALED = "0" * 64

DAMAGED = "The model is damaged: {}; store it again from its checkpoint."

BEFORE = (
    "The model file was written before version 1 of the format: train the model again, or use it with commit 6ce39fe "
    "of this program."
)


def pack(description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A description, representable in JSON, and arrays as the bytes of a model file, deterministically.

    The seal is the SHA-256 of the file with 64 zeros in place of the seal.
    """
    text = json.dumps({"seal": UNSEALED, "version": VERSION, **description}, separators=(",", ":"))
    data = save({name: np.asarray(array, order="C") for name, array in arrays.items()}, {KEY: text})
    return _with_seal(data, UNSEALED, _hash(data))


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inverse of `pack`: the description, and arrays of any type that safetensors has in NumPy.

    Raises AiwaveError for anything else; sizes are checked against the length of `data` before they are used.
    """
    try:
        arrays = load(data)
        header = json.loads(
            data[8 : 8 + int.from_bytes(data[:8], "little")], object_pairs_hook=_once
        )  # for the metadata
        description = json.loads(header["__metadata__"][KEY], object_pairs_hook=_once)
        json.dumps(description, ensure_ascii=False).encode()  # ValueError for escaped halves of characters
    except SafetensorError as error:
        raise AiwaveError(
            f"It is no model file, or only a part of one: not a complete safetensors file ({_in_one_line(error)}); "
            "give a .aiwm file, or store the model again from its checkpoint."
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AiwaveError(DAMAGED.format("its header cannot be read")) from error
    if not isinstance(description, dict):
        raise AiwaveError(DAMAGED.format("its header cannot be read"))
    version, seal = description.pop("version", None), description.pop("seal", None)
    if version is None and "format" in description:
        raise AiwaveError(BEFORE)
    if version != VERSION:
        raise AiwaveError(
            f"The model file has version {version!r}, this program reads version {VERSION}: update the program."
        )
    if not re.fullmatch("[0-9a-f]{64}", str(seal)) or _hash(_with_seal(data, seal, UNSEALED)) != seal:
        raise AiwaveError(DAMAGED.format("its checksum does not fit"))
    return description, arrays


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError if a name occurs twice, which readers take for one or the other."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _with_seal(data: bytes, before: str, after: str) -> bytes:
    """The file with the first occurrence of `before` replaced; nothing before the seal can look like one."""
    return data.replace(before.encode(), after.encode(), 1)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()).removeprefix("Error while deserializing: ")
