"""A model that writes and reads streams: exact entropy model, transform and post-filter, from a model file."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np
from msgspec import ValidationError

from ..coding.constants import log_step_of
from ..coding.core import compiled_core
from ..coding.engine import Engine, Parameters, VoxelEngine
from ..coding.integer_context import IntegerContext
from ..coding.integer_factorized import IntegerFactorized
from ..coding.integer_reversible import IntegerReversible
from ..coding.integer_voxels import IntegerVoxels
from ..coding.model_parts import model_from_arrays
from ..errors import AiwaveError
from ..models.transform.layout import Boundary, LearnedSteps, Sharing, transform_kind
from ..models.transform.wavelets import Wavelet
from .description import Description
from .model_file import DAMAGED, LARGEST, unpack

LEAST_GAIN, MOST_GAIN = 1e-6, 1e6
"""Gains of a wavelet are about 1; those of 0 cannot be undone."""

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Model:
    """A model for coding streams. `data` is the model file, `identity` its SHA-256 in hexadecimal."""

    data: bytes
    identity: str
    description: Description
    parameters: Parameters

    def __reduce__(self) -> tuple[Callable[[bytes], "Model"], tuple[bytes]]:
        """Pickle as the model file."""
        return Model.from_bytes, (self.data,)

    @property
    def name(self) -> str:
        """Display name."""
        return self.description.name

    @property
    def levels(self) -> int:
        """Levels of the transform."""
        return self.description.transform.levels

    @property
    def log_steps(self) -> tuple[int, int]:
        """Smallest and largest step of training, as `log_step` counts them."""
        low, high = map(log_step_of, self.description.step_range)
        return low, high

    @property
    def dependent(self) -> bool:
        """True if quantisation is dependent, so that coefficients count in half steps."""
        return self.parameters.entropy.dependent

    @property
    def only_lossless(self) -> bool:
        """True for a purely lossless model."""
        return self.parameters.integers is not None or isinstance(self.parameters.entropy, IntegerVoxels)

    @property
    def codes_losslessly(self) -> bool:
        """True if there is a transform for lossless coding."""
        try:
            self.require(lossless=True)
        except AiwaveError:
            return False
        return True

    def require(self, lossless: bool) -> None:
        """Raise AiwaveError, with what to do, if the model has no transform for this kind of coding."""
        if self.only_lossless:
            if not lossless:
                reason = "codes only losslessly: ask for lossless, or take another model"
                raise AiwaveError(f"The model {self.name} {reason}.")
        elif lossless and self.dependent:
            raise AiwaveError(f"The model {self.name} codes only lossily: give a step, PSNR or rate.")
        elif lossless:
            self._require_plain()

    def _require_plain(self) -> None:
        """Raise AiwaveError for a lossy model whose transform is not the 5/3, which is also reversible."""
        part = self.description.transform
        if part.wavelet is Wavelet.CDF53 and part.net is None and part.boundary is Boundary.SYMMETRIC:
            return
        affine = part.net is not None and part.net.scale is not None
        learned = LearnedSteps.ALL if part.net is None else part.net.learned
        kind = transform_kind(part.wavelet, part.net is not None, affine, learned)
        other = (
            "train one with experiment=lossless, or take one with transform=cdf53"
            if affine
            else "export it with --lossless, or better train one with experiment=lossless"
        )
        raise AiwaveError(
            f"A lossy model with the transform {kind} cannot code lossless files: {other}; "
            "or give a step, PSNR or rate."
        )

    @property
    def engine(self) -> Engine:
        """Coder of transform coefficients: the compiled core, or the reference (see `compiled_core`)."""
        return self._engine_of(compiled_core())

    @property
    def voxels(self) -> VoxelEngine | None:
        """Coder of voxels, for a model without a transform, which has no `engine`."""
        return self._voxels_of(compiled_core()) if isinstance(self.parameters.entropy, IntegerVoxels) else None

    @cached_property
    def _voxels_of(self) -> Callable[[ModuleType | None], VoxelEngine]:
        entropy = self.parameters.entropy
        assert isinstance(entropy, IntegerVoxels)
        return cache(lambda core: _voxel_engine(core, entropy))

    @cached_property
    def _engine_of(self) -> Callable[[ModuleType | None], Engine]:
        return cache(lambda core: _engine(core, self.parameters))

    @classmethod
    def from_file(cls, path: Path) -> "Model":
        """Read a model file. Raises AiwaveError, with its path, if it cannot be read, or as `from_bytes` does."""
        try:
            if path.stat().st_size > LARGEST:
                raise AiwaveError(f"{path} is too large to be a model file: give one that aiwave export wrote.")
            data = path.read_bytes()
        except OSError as error:
            raise AiwaveError(f"The model {path} cannot be read: {error.strerror}.") from error
        try:
            return cls.from_bytes(data)
        except AiwaveError as error:
            raise AiwaveError(f"{path}: {error}") from error

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Read a model file. Raises AiwaveError if it is damaged or of another version."""
        described, arrays = unpack(data)
        try:
            description = Description.of(described)
        except (ValidationError, RecursionError) as error:
            raise AiwaveError(DAMAGED.format("its description is invalid")) from error
        entropy = model_from_arrays(description.entropy, _under("entropy.", arrays))
        integers = None
        if description.reversible is not None:
            integers = model_from_arrays(description.reversible, _under("reversible.", arrays))
        assert isinstance(entropy, IntegerContext | IntegerFactorized | IntegerVoxels)  # as the description says
        assert isinstance(integers, IntegerReversible | None)
        if isinstance(entropy, IntegerVoxels) and not _is_plain(description):
            raise AiwaveError(DAMAGED.format("a voxel model has no transform but the one of its previews"))
        if integers is not None and entropy.dependent:
            raise AiwaveError(DAMAGED.format("its parts are of the wrong kinds"))
        if any(part.levels != description.transform.levels for part in (entropy, integers) if part is not None):
            raise AiwaveError(DAMAGED.format("its parts have different levels"))
        _check_weights(arrays)
        is_plain = integers is not None or isinstance(entropy, IntegerVoxels)
        transform = {} if is_plain else _under("transform.", arrays)
        post = {} if isinstance(entropy, IntegerVoxels) else _under("post.", arrays)
        if arrays:
            raise AiwaveError(DAMAGED.format(f"it holds {min(arrays)!r}, which belongs nowhere"))
        parameters = Parameters(description.transform, transform, description.post, post, entropy, integers)
        model = cls(data, hashlib.sha256(data).hexdigest(), description, parameters)
        assert model.voxels or model.engine  # its weights fit
        return model


def _engine(core: ModuleType | None, parameters: Parameters) -> Engine:
    """An engine for the parameters. Raises AiwaveError if weights do not fit their description."""
    if core is None:
        from ..coding.reference_engine import ReferenceEngine

        return ReferenceEngine(parameters)
    from ..coding.native_engine import NativeEngine

    return NativeEngine(core, parameters)


def _voxel_engine(core: ModuleType | None, entropy: IntegerVoxels) -> VoxelEngine:
    if core is None:
        from ..coding.voxel_coder import VoxelCoder

        return VoxelCoder(entropy)
    from ..coding.native_voxels import NativeVoxels

    return NativeVoxels(core, entropy)


def _is_plain(description: Description) -> bool:
    """True for the reversible 5/3 of previews alone."""
    part = description.transform
    plain = part.wavelet is Wavelet.CDF53 and part.net is None and part.boundary is Boundary.SYMMETRIC
    isotropic = plain and part.sharing is Sharing.ISOTROPIC
    return isotropic and description.post.kind == "none" and description.reversible is None


def _check_weights(weights: Mapping[str, np.ndarray]) -> None:
    """Raise AiwaveError for weights that are not finite float32, and for gains that cannot be undone."""
    if any(array.dtype != np.float32 for array in weights.values()):
        raise AiwaveError(DAMAGED.format("it has weights that are not float32"))
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise AiwaveError(DAMAGED.format("it has weights that are not finite"))
    gains = [np.abs(array) for name, array in weights.items() if name.endswith("_gain")]
    if not all(((gain > LEAST_GAIN) & (gain < MOST_GAIN)).all() for gain in gains):
        raise AiwaveError(DAMAGED.format("a gain of its transform is out of range"))


def _under(prefix: str, items: dict[str, Item]) -> dict[str, Item]:
    """Remove the items whose names begin with `prefix`, and return them by the rest of their names."""
    return {name.removeprefix(prefix): items.pop(name) for name in list(items) if name.startswith(prefix)}
