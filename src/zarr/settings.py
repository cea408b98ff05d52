"""Settings of the codec: its model and the quality, as a store's metadata has them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from os import environ
from pathlib import Path
from typing import Any

from ..api import find_model
from ..bitstream.model import Model
from ..errors import AiwaveError, printable
from ..pretrained.card import cards
from ..pretrained.choice import AUTO, shipped_by_identity

FOLDER = "AIWAVE_MODELS"
"""Environment variable that names a folder of model files, `*.aiwm`, beside the ready-made models."""

LOSSLESS = "lossless"

QUALITIES = ("step", "psnr", "max_error")

Mode = str | Mapping[str, float]


@dataclass(frozen=True)
class Settings:
    """`model` is a name, a model file, the SHA-256 of one in hexadecimal, or `auto`; `mode` is `lossless` or one of
    {"step": S}, {"psnr": P}, {"max_error": E}, as `aiwave.compress` takes them.

    Raises AiwaveError for anything else.
    """

    model: str
    mode: Mode

    def __post_init__(self) -> None:
        """Check the mode, and replace a name by the model's SHA-256."""
        if not _is_mode(self.mode):
            raise AiwaveError(
                f'The mode {self.mode!r} is unknown: give "lossless" or one of step, psnr and max_error with a '
                'positive number, a whole one for max_error, as in {"step": 4}.'
            )
        if not isinstance(self.model, str):
            raise AiwaveError(f"A model is named by text, not by a {type(self.model).__name__}.")
        if self.model != AUTO:
            object.__setattr__(self, "model", _identity(self.model))

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> "Settings":
        """Settings as metadata has them, which may name no file. Raises AiwaveError for other keys and models."""
        if unknown := set(configuration) - {"model", "mode"}:
            raise AiwaveError(
                f"The codec has no setting {printable(min(map(str, unknown)), 40)}: it has model and mode."
            )
        model = configuration.get("model", AUTO)
        named = {AUTO, *(card.name for card in cards())}
        if isinstance(model, str) and model not in named and not re.fullmatch("[0-9a-f]{64}", model):
            raise AiwaveError(
                f"The metadata names the model {printable(repr(model), 80)}: it must be a SHA-256 or ready-made."
            )
        return cls(model, configuration.get("mode", LOSSLESS))

    def as_dict(self) -> dict[str, Any]:
        """The settings as metadata has them."""
        return {"model": self.model, "mode": self.mode if isinstance(self.mode, str) else dict(self.mode)}

    def resolved(self) -> "Settings":
        """The same with a model in place of `auto`, the faster of those for images of any kind."""
        if self.model != AUTO:
            return self
        lossless = self.mode == LOSSLESS or "max_error" in self.mode
        return Settings("voxels_fast" if lossless else "general_nano", self.mode)

    @property
    def quality(self) -> dict[str, Any]:
        """The arguments of `compress` for this mode."""
        return {"lossless": True} if isinstance(self.mode, str) else dict(self.mode)

    def load(self) -> Model:
        """The model. Raises AiwaveError if it is nowhere."""
        return _model(self.model)


def _is_mode(mode: object) -> bool:
    if isinstance(mode, str):
        return mode == LOSSLESS
    if not isinstance(mode, Mapping) or len(mode) != 1:
        return False
    ((name, value),) = mode.items()
    is_positive = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    return name in QUALITIES and is_positive and (name != "max_error" or float(value).is_integer())


def _identity(model: str) -> str:
    """The SHA-256 of a model, given by itself, by the name of a ready-made model, or by a file."""
    if re.fullmatch("[0-9a-f]{64}", model):
        return model
    if (found := next((card.sha256 for card in cards() if card.name == model), None)) is not None:
        return found
    loaded = find_model(model)
    _given[loaded.identity] = loaded
    return loaded.identity


_given: dict[str, Model] = {}
"""Models of this process that were given by their files."""


@cache
def _model(identity: str) -> Model:
    if (found := _given.get(identity) or shipped_by_identity(identity)) is not None:
        return found
    folder = environ.get(FOLDER)
    for path in sorted(Path(folder).glob("*.aiwm")) if folder else []:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise AiwaveError(f"The model {path} in {FOLDER} cannot be read: {error.strerror}.") from error
        if sha256(data).hexdigest() == identity:
            return Model.from_bytes(data)
    raise AiwaveError(
        f"The chunks need the model {identity[:16]}…, which is not ready-made: put its file, *.aiwm, into a folder and "
        f"name that in {FOLDER}."
    )
