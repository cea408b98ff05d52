"""Nodes of the configuration schema: the base that refuses unknown keys, and types of common values."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic_core import PydanticCustomError

PACKAGES = ("aiwave", "torch.nn", "torch.optim", "pytorch_lightning")
"""Packages whose classes a configuration may name."""


def _allowed(target: str) -> str:
    if not target.startswith(tuple(f"{package}." for package in PACKAGES)):
        raise PydanticCustomError("target", "it must be a class of {packages}", {"packages": ", ".join(PACKAGES)})
    return target


Component = Literal["transform", "rate", "entropy", "post"]

Target = Annotated[str, AfterValidator(_allowed)]

Triple = Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]

Seed = Annotated[int, Field(ge=0, lt=2**32)]

Sharing = Literal["isotropic", "axial", "none", "sections"]

Decay = Annotated[float, Field(ge=0, lt=1)]

Accelerator = Literal["cpu", "gpu", "auto"]

Rates = Annotated[list[PositiveFloat], Field(min_length=1)]

Qualities = Annotated[list[float], Field(min_length=1)]

Names = Annotated[list[str], Field(min_length=1)]


class Node(BaseModel):
    """A node of the configuration; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class Call(Node):
    """An object that `_target_` builds from keyword arguments, which must be those of its constructor.

    `kind` of a subclass is the kind of object required: an annotation, or the dotted name of a class; None if nothing
    is built, so that nothing is imported. Fields are the keys that all options of a group share, if the program itself
    reads them; all other keys are specific to the option.
    """

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    kind: ClassVar[Any] = object
    target: Target = Field(alias="_target_")
    partial: bool = Field(default=False, alias="_partial_")
