"""An integer model as a model file holds it: a description in plain values, and named arrays of integers."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from ..errors import AiwaveError
from ..models.transform.boundary import Boundary
from ..models.transform.separable import Sharing
from .integer_context import IntegerContext
from .integer_factorized import IntegerFactorized
from .integer_layer import IntegerLayer
from .integer_mixture import IntegerDensity
from .integer_reversible import IntegerReversible

IntegerModel = IntegerContext | IntegerFactorized | IntegerReversible

TYPES = [np.dtype(name) for name in ("int8", "int16", "int32", "int64")]

Padding = Literal["zeros", "reflect", "replicate"]

Levels = Annotated[int, Field(ge=1, le=8)]


class IntegerPart(BaseModel):
    """A part of the description; what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LayerPart(IntegerPart):
    """A layer: its weight, bias and shift are arrays; `limit` is that of its inputs."""

    name: str
    limit: int


class DensityPart(IntegerPart):
    """The densities, as `IntegerDensity` has them."""

    family: Literal["logistic", "laplace"]
    components: Annotated[int, Field(ge=1, le=64)]


class ContextPart(IntegerPart):
    """An `IntegerContext`."""

    kind: Literal["context"] = "context"
    levels: Levels
    limit: int
    fraction: int
    density: DensityPart
    sections: Literal[1] | None
    trellis: int | None
    layers: list[LayerPart]


class FactorizedPart(IntegerPart):
    """An `IntegerFactorized`."""

    kind: Literal["factorized"] = "factorized"
    levels: Levels
    density: DensityPart
    layers: list[LayerPart]


class ReversiblePart(IntegerPart):
    """An `IntegerReversible`."""

    kind: Literal["reversible"] = "reversible"
    levels: Levels
    sharing: Sharing
    boundary: Boundary
    padding: Padding
    input_padding: Padding
    layers: list[LayerPart]


AnyPart = ContextPart | FactorizedPart | ReversiblePart

PARTS: dict[type[IntegerModel], type[AnyPart]] = {
    IntegerContext: ContextPart,
    IntegerFactorized: FactorizedPart,
    IntegerReversible: ReversiblePart,
}


def model_to_arrays(model: IntegerModel) -> tuple[AnyPart, dict[str, np.ndarray]]:
    """The description of a model and its arrays, every one of the smallest signed integers that hold it.

    The weight (K, N), bias (N,) and shift (N,) of a layer are NAME.weight, NAME.bias and NAME.shift; tables have the
    names that they have in the model.
    """
    part = PARTS[type(model)]
    plain = {name: getattr(model, name) for name in part.model_fields if name not in ("kind", "layers")}
    plain["layers"] = [{"name": name, "limit": layer.limit} for name, layer in model.layers.items()]
    if "density" in plain:
        plain["density"] = vars(plain["density"])
    tensors = {
        f"{name}.{key}": getattr(layer, key)
        for name, layer in model.layers.items()
        for key in ("weight", "bias", "shift")
    }
    tensors |= {field.name: getattr(model, field.name) for field in fields(model)}
    return part.model_validate(plain), {
        name: _smallest(tensor) for name, tensor in tensors.items() if isinstance(tensor, Tensor)
    }


def model_from_arrays(part: AnyPart, arrays: Mapping[str, np.ndarray]) -> IntegerModel:
    """The inverse of `model_to_arrays`. Raises AiwaveError if description and arrays do not fit together."""
    try:
        if any(array.dtype not in TYPES for array in arrays.values()):
            raise TypeError("arrays of an integer model hold signed integers")
        rest = {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}
        layers = {layer.name: _layer(rest, layer) for layer in part.layers}
        model = next(kind for kind, described in PARTS.items() if type(part) is described)
        plain = part.model_dump(mode="json", exclude={"kind", "layers"})
        if "density" in plain:
            plain["density"] = IntegerDensity(**plain["density"])
        optional: dict[str, Any] = {"prediction": None} if model is IntegerContext else {}
        return model(layers=layers, **(optional | rest), **plain)
    except (ValueError, LookupError, TypeError, RuntimeError, ArithmeticError, AttributeError) as error:
        raise AiwaveError(
            "The model is damaged: the parts of its integer model do not fit together; store it again from its "
            "checkpoint."
        ) from error


def _smallest(tensor: Tensor) -> np.ndarray:
    """An array of the first of TYPES that holds all its values."""
    largest = int(tensor.abs().max())
    return tensor.numpy().astype(next(dtype for dtype in TYPES if largest <= np.iinfo(dtype).max))


def _layer(arrays: dict[str, Tensor], part: LayerPart) -> IntegerLayer:
    """Take the arrays of a layer. Raises KeyError if one is missing."""
    weight, bias, shift = (arrays.pop(f"{part.name}.{key}") for key in ("weight", "bias", "shift"))
    return IntegerLayer(weight, bias, shift, part.limit)
