"""The compiled transforms and filters: NumPy arrays in and out, without PyTorch.

`native` is the compiled module (see `core`), `threads` how many may compute at a time; results do not depend on it. A
tile's level stacks are a list from coarse to fine: the bands (8, d, h, w) of the coarsest level, LLL first, then
(7, d, h, w). Bands smaller than others of their level have zeros at the far ends. Raises AiwaveError for models whose
weights do not fit their description.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import AiwaveError
from ..models.bands import Size
from ..models.transform.layout import SCHEME_OF_PART, Sharing
from .constants import FEATURE_FRACTION, FEATURE_RANGE, TANH_FRACTION
from .exact_tables import tanh_table
from .integer_layer import IntegerLayer
from .integer_reversible import IntegerReversible
from .parts import NetPart, PostPart, TransformPart

Arrays = Mapping[str, np.ndarray]


class NativeTransform:
    """The float32 transform of a tile; without networks, every bit is that of PyTorch."""

    def __init__(self, native: ModuleType, part: TransformPart, weights: Arrays) -> None:
        with _fitting(weights) as rest:
            schemes = [_float_scheme(native, part, k, rest) for k in range(_schemes(part.sharing))]
        self._transform = _separable(native.FloatTransform, part.levels, part.sharing, schemes)

    def forward(self, voxels: np.ndarray, threads: int = 1) -> list[np.ndarray]:
        """Voxels (d, h, w) in intensity units -> level stacks, float32."""
        return self._transform.forward(np.ascontiguousarray(voxels, dtype=np.float32), threads)  # type: ignore[no-any-return]

    def inverse(self, stacks: Sequence[np.ndarray], size: Size, threads: int = 1) -> np.ndarray:
        """The level stacks of a tile of `size` (d, h, w), or the coarsest of them -> voxels, float32.

        Without the finest levels, the result has the size of the LLL band of the finest one given, at that level.
        """
        given = [np.ascontiguousarray(stack, dtype=np.float32) for stack in stacks]
        return self._transform.inverse(given, size, threads)  # type: ignore[no-any-return]


class NativeReversible:
    """The lossless transform of a tile, in integers: the same everywhere."""

    def __init__(self, native: ModuleType, model: IntegerReversible) -> None:
        count, steps = model.taps.shape[:2]
        schemes = [
            native.IntegerScheme(
                steps=[(model.taps[k, n].tolist(), _integer_net(native, model, k, n)) for n in range(steps)],
                boundary=str(model.boundary),
            )
            for k in range(count)
        ]
        self._transform = _separable(native.IntegerTransform, model.levels, model.sharing, schemes)

    @classmethod
    def plain(cls, native: ModuleType, levels: int, sharing: str) -> "NativeReversible":
        """The reversible 5/3 of JPEG 2000, with which lossy models code losslessly."""
        transform = cls.__new__(cls)
        schemes = [
            native.IntegerScheme(steps=[(taps, None) for taps in _plain_taps(sharing, k)], boundary="symmetric")
            for k in range(_schemes(sharing))
        ]
        transform._transform = _separable(native.IntegerTransform, levels, sharing, schemes)
        return transform

    def forward(self, voxels: np.ndarray, threads: int = 1) -> list[np.ndarray]:
        """Integers (d, h, w) -> level stacks, int64."""
        return self._transform.forward(np.ascontiguousarray(voxels, dtype=np.int64), threads)  # type: ignore[no-any-return]

    def inverse(self, stacks: Sequence[np.ndarray], size: Size, threads: int = 1) -> np.ndarray:
        """Level stacks of integers -> voxels, int64; otherwise as `NativeTransform.inverse`."""
        given = [np.ascontiguousarray(stack, dtype=np.int64) for stack in stacks]
        return self._transform.inverse(given, size, threads)  # type: ignore[no-any-return]


class NativeFilter:
    """The post-filter of a tile, in float32."""

    def __init__(self, native: ModuleType, part: PostPart, weights: Arrays) -> None:
        with _fitting(weights) as rest:
            self._filter = _filter(native, part, rest)

    def __call__(self, x: np.ndarray, step: float, known: float, threads: int = 1) -> np.ndarray:
        """A reconstruction (d, h, w) in intensity units, its quantisation step and the nearest of training -> the
        filtered one.
        """
        if self._filter is None:
            return x
        return self._filter(np.ascontiguousarray(x, dtype=np.float32), step, known, threads)  # type: ignore[no-any-return]


@contextmanager
def _fitting(arrays: Arrays) -> Iterator[dict[str, np.ndarray]]:
    """A copy of `arrays`, all of which the block takes out. Raises AiwaveError if it cannot, or leaves some."""
    rest = dict(arrays)
    try:
        yield rest
        if rest:
            raise ValueError(f"{min(rest)!r} belongs nowhere")
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise AiwaveError("The model is damaged: its weights do not fit its description; store it again.") from error


def _parts(sharing: str) -> list[int]:
    """Index of the scheme of each part: the one split along z, the two along y, the four along x."""
    return [scheme for row in SCHEME_OF_PART[Sharing(sharing)] for scheme in row]


def _schemes(sharing: str) -> int:
    return 1 + max(_parts(sharing))


def _separable(make: Any, levels: int, sharing: str, schemes: list) -> Any:
    return make(levels=levels, scheme_of_part=_parts(sharing), schemes=schemes)


def _float_scheme(native: ModuleType, part: TransformPart, index: int, weights: dict[str, np.ndarray]) -> Any:
    """Take the weights of a scheme out of `weights`."""
    prefix = f"schemes.{index}."
    lifting = part.wavelet.lifting
    steps = []
    count = len(lifting.steps)
    for n in range(count):
        taps = _floats(weights, f"{prefix}steps.{n}.taps", (3,))
        learns = part.net is not None and part.net.learned.learns(n, count)
        net = _float_net(native, part.net, f"{prefix}steps.{n}.net.", weights) if part.net and learns else None
        steps.append((taps, net))
    low, high = (float(_floats(weights, prefix + name, ())) for name in ("low_gain", "high_gain"))
    lazy = part.sharing == "sections" and index == 0
    return native.FloatScheme(
        steps=steps,
        boundary=str(part.boundary),
        low_gain=low,
        high_gain=high,
        flat_gain=1.0 if lazy else lifting.flat_gain,
    )


def _float_net(native: ModuleType, part: NetPart, prefix: str, weights: dict[str, np.ndarray]) -> Any:
    inside = part.channels, part.channels
    return native.LiftingNet(
        intensity_scale=part.intensity_scale,
        damping=part.damping,
        activation=part.activation,
        padding=part.padding,
        input_padding=part.input_padding,
        bound=part.scale or 0.0,
        first=_conv(weights, prefix + "first", 1, part.channels),
        inner=[_conv(weights, f"{prefix}inner.{k}.1", *inside) for k in range(part.depth)],
        shift_head=_conv(weights, prefix + "shift_head", part.channels, 1),
        scale_head=None if part.scale is None else _conv(weights, prefix + "scale_head", part.channels, 1),
    )


def _filter(native: ModuleType, part: PostPart, weights: dict[str, np.ndarray]) -> Any:
    """The compiled filter, None if there is none."""
    if part.kind == "none":
        return None
    channels, layers = part.channels, range(part.layers)
    first = _conv(weights, "first", 2 if part.kind == "filter" else 1, channels)
    if part.kind == "filter":
        inner = [_conv(weights, f"inner.{k}.1", channels, channels) for k in layers]
        return native.step_filter(first=first, inner=inner, last=_conv(weights, "last.1", channels, 1))
    blocks = [tuple(_conv(weights, f"inner.{k}.{n}", channels, channels) for n in (0, 2)) for k in layers]
    return native.published_filter(
        peak=part.intensity_scale - 1,
        first=first,
        blocks=blocks,
        collect=_conv(weights, "collect", channels, channels),
        last=_conv(weights, "last", channels, 1),
    )


def _conv(weights: dict[str, np.ndarray], name: str, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Take weight and bias of a 3x3x3 convolution out of `weights`."""
    return _floats(weights, name + ".weight", (outputs, inputs, 3, 3, 3)), _floats(weights, name + ".bias", (outputs,))


def _floats(weights: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = weights.pop(name)
    if array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} is not made of {shape} finite numbers")
    return np.ascontiguousarray(array).reshape(shape)


def _integer_net(native: ModuleType, model: IntegerReversible, scheme: int, step: int) -> Any:
    """The network of a step, None for a plain wavelet."""
    if (net := model.net(scheme, step)) is None:
        return None
    return native.IntegerNet(
        factors=model.factors[scheme, step].tolist(),
        padding=model.padding,
        input_padding=model.input_padding,
        first=_layer(net.first),
        inner=[_layer(layer) for layer in net.inner],
        head=_layer(net.head),
        tanh=tanh_table(FEATURE_FRACTION, TANH_FRACTION, FEATURE_RANGE).astype(np.int16),
    )


def _layer(layer: IntegerLayer) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Weight, bias, shift and limit of an integer layer."""
    weight = np.ascontiguousarray(layer.weight, dtype=np.int16)
    return weight, layer.bias.astype(np.int64), layer.shift.astype(np.int64), layer.limit


def _plain_taps(sharing: str, scheme: int) -> list[list[int]]:
    half = 0 if sharing == "sections" and scheme == 0 else 2**15
    return [[0, -half, -half], [half // 2, half // 2, 0]]
