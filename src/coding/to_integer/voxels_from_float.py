"""Conversion of a trained voxel model to its integer twin."""

from typing import cast

import numpy as np
from torch import nn

from ...models.entropy.voxels import ACTIVATION, VoxelEntropy
from ...models.neighbours import NEAR
from ..constants import PARAMETER_FRACTION
from ..integer_density import IntegerDensity
from ..integer_voxels import FRACTION, INPUT_LIMIT, IntegerVoxels
from .rounded_layer import quantised_layer

BITS = (12, 12)
"""Bits per weight: products of 16 bits cost the same."""

INNER = 9
"""Fractional bits of activations, which have 12 bits."""

LIMIT = (int(ACTIVATION) << INNER) - 1

PREVIEWS = 3
"""Levels of previews."""


def integer_voxels(model: VoxelEntropy) -> IntegerVoxels:
    """Round a trained model. Raises ValueError where a weight is too large."""
    hidden = [cast(nn.Linear, layer) for layer in model.hidden]
    layers, fraction, limit = {}, FRACTION, INPUT_LIMIT
    for k, layer in enumerate(hidden):
        layers[f"hidden{k}"] = quantised_layer(layer.weight, layer.bias, (fraction, INNER), limit, BITS)
        fraction, limit = INNER, LIMIT
    out = PARAMETER_FRACTION
    layers["head"] = quantised_layer(model.head.weight, model.head.bias, (INNER, out), LIMIT, BITS)
    layers["skip"] = quantised_layer(model.skip.weight, None, (FRACTION, out), INPUT_LIMIT, BITS)
    far = np.array(model.offsets[len(NEAR) :], np.int64).reshape(-1, 3)
    return IntegerVoxels(PREVIEWS, LIMIT, IntegerDensity("logistic", model.components), layers, far)
