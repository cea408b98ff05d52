"""Integer models as model files hold them: a description in plain values, and named integer arrays."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .integer_context import IntegerContext
from .integer_density import IntegerDensity
from .integer_factorized import IntegerFactorized
from .integer_layer import IntegerLayer
from .integer_reversible import IntegerReversible
from .integer_voxels import IntegerVoxels
from .parts import ContextPart, FactorizedPart, LayerPart, ReversiblePart, VoxelsPart

IntegerModel = IntegerContext | IntegerFactorized | IntegerReversible | IntegerVoxels

TYPES = [np.dtype(name) for name in ("int8", "int16", "int32", "int64")]

AnyPart = ContextPart | FactorizedPart | ReversiblePart | VoxelsPart

PARTS: dict[type[IntegerModel], type[AnyPart]] = {
    IntegerContext: ContextPart,
    IntegerFactorized: FactorizedPart,
    IntegerReversible: ReversiblePart,
    IntegerVoxels: VoxelsPart,
}


def model_to_arrays(model: IntegerModel) -> tuple[AnyPart, dict[str, np.ndarray]]:
    """The description of a model and its arrays, each in the smallest signed integer type that holds it.

    The weight (K, N), bias (N,) and shift (N,) of a layer are NAME.weight, NAME.bias and NAME.shift; tables are named
    after the model's fields.
    """
    part = PARTS[type(model)]
    plain = {name: getattr(model, name) for name in part.__struct_fields__ if name != "layers"}
    plain["layers"] = [{"name": name, "limit": layer.limit} for name, layer in model.layers.items()]
    if "density" in plain:
        plain["density"] = vars(plain["density"])
    arrays = {
        f"{name}.{key}": getattr(layer, key)
        for name, layer in model.layers.items()
        for key in ("weight", "bias", "shift")
    }
    arrays |= {field.name: getattr(model, field.name) for field in fields(model)}
    return part.of(plain), {name: _smallest(array) for name, array in arrays.items() if isinstance(array, np.ndarray)}


def model_from_arrays(part: AnyPart, arrays: Mapping[str, np.ndarray]) -> IntegerModel:
    """The inverse of `model_to_arrays`. Raises AiwaveError if description and arrays do not fit together."""
    try:
        if any(array.dtype not in TYPES for array in arrays.values()):
            raise TypeError("arrays of an integer model hold signed integers")
        rest = {name: array.astype(np.int64) for name, array in arrays.items()}
        layers = {layer.name: _layer(rest, layer) for layer in part.layers}
        model = next(kind for kind, described in PARTS.items() if type(part) is described)
        plain = {name: value for name, value in part.plain().items() if name not in ("kind", "layers")}
        if "density" in plain:
            plain["density"] = IntegerDensity(**plain["density"])
        optional: dict[str, Any] = {"prediction": None} if model is IntegerContext else {}
        return model(layers=layers, **(optional | rest), **plain)
    except (ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, AttributeError) as error:
        raise AiwaveError(
            "The model is damaged: the parts of its integer model do not fit together; store it again from its "
            "checkpoint."
        ) from error


def _smallest(array: np.ndarray) -> np.ndarray:
    """The array in the first of TYPES that holds all its values."""
    largest = int(np.abs(array.astype(np.int64)).max())
    return array.astype(next(dtype for dtype in TYPES if largest <= np.iinfo(dtype).max))


def _layer(arrays: dict[str, np.ndarray], part: LayerPart) -> IntegerLayer:
    """Take a layer's arrays out of `arrays`. Raises KeyError if one is missing."""
    weight, bias, shift = (arrays.pop(f"{part.name}.{key}") for key in ("weight", "bias", "shift"))
    return IntegerLayer(weight, bias, shift, part.limit)
