"""An integer model as bytes: the layout of safetensors, every tensor in the smallest integer type that holds it."""

import hashlib
import json
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import AiwaveError
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized
from .integer_layer import IntegerLayer
from .integer_reversible import IntegerReversible
from .mixture import IntegerDensity

VERSION, ORIENTED_VERSION, TRELLIS_VERSION = 1, 2, 3
"""That of context models with a trellis of more than eight states is the third, of other oriented ones the second."""

IntegerPart = IntegerContext | IntegerFactorized | IntegerReversible
KINDS: dict[str, type] = {
    "context": IntegerContext,
    "factorized": IntegerFactorized,
    "reversible": IntegerReversible,
}
TYPES: dict[str, np.dtype[Any]] = {
    "I8": np.dtype("<i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
}
DAMAGED = "The model is damaged: {}; store it again from its checkpoint."


def model_to_bytes(model: IntegerPart) -> bytes:
    """The same model always gives the same bytes."""
    kind = next(name for name, cls in KINDS.items() if isinstance(model, cls))
    meta: dict[str, Any] = {"version": _version(model), "kind": kind}
    if not isinstance(model, IntegerReversible):
        meta["density"] = list(vars(model.density).values())
    meta["limits"] = {name: layer.limit for name, layer in model.layers.items()}
    tensors: dict[str, Tensor] = {}
    for name, layer in model.layers.items():
        tensors |= {f"{name}.{part}": getattr(layer, part) for part in ("weight", "bias", "shift")}
    for field in fields(model):
        value = getattr(model, field.name)
        if isinstance(value, Tensor):
            tensors[field.name] = value
        elif isinstance(value, int | str):
            meta[field.name] = value
    header: dict[str, Any] = {"__metadata__": {"aiwave": json.dumps(meta, separators=(",", ":"))}}
    data = b""
    for name, tensor in tensors.items():
        dtype = next(key for key, t in TYPES.items() if int(tensor.abs().max()) <= np.iinfo(t).max)
        part = tensor.numpy().astype(TYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def model_from_bytes(data: bytes) -> IntegerPart:
    """The inverse of `model_to_bytes`. Raises AiwaveError for anything else."""
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        meta = json.loads(header.pop("__metadata__")["aiwave"])
        version = meta.pop("version")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AiwaveError(DAMAGED.format("its header cannot be read")) from error
    if version not in range(VERSION, TRELLIS_VERSION + 1):
        raise AiwaveError(
            f"The model has format version {version}, this program reads {VERSION} to {TRELLIS_VERSION}: "
            "update the program."
        )
    try:
        tensors = {name: _tensor(data[end:], entry) for name, entry in header.items()}
        layers = {name: IntegerLayer(*_parts(tensors, name), int(limit)) for name, limit in meta.pop("limits").items()}
        kind = KINDS[meta.pop("kind")]
        optional: dict[str, Any] = {"prediction": None} if kind is IntegerContext else {}
        if "density" in meta:
            meta["density"] = IntegerDensity(*meta["density"])
        part: IntegerPart = kind(layers=layers, **(optional | meta | tensors))
        if version != _version(part):
            raise ValueError("the version is that of other models")
        return part
    except (ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise AiwaveError(DAMAGED.format("its contents do not fit together")) from error


def _version(model: IntegerPart) -> int:
    if not isinstance(model, IntegerContext):
        return VERSION
    return TRELLIS_VERSION if model.trellis is not None else ORIENTED_VERSION if model.oriented else VERSION


def _parts(tensors: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor, Tensor]:
    weight, bias, shift = (tensors.pop(f"{name}.{part}") for part in ("weight", "bias", "shift"))
    return weight, bias, shift


def _tensor(data: bytes, entry: dict[str, Any]) -> Tensor:
    first, last = entry["data_offsets"]
    values = np.frombuffer(data[first:last], dtype=TYPES[entry["dtype"]]).astype(np.int64)
    return torch.from_numpy(values).view(entry["shape"])


def model_identity(data: bytes) -> str:
    """The SHA-256 of a model's bytes, in hexadecimal: what a stream names its model by."""
    return hashlib.sha256(data).hexdigest()
