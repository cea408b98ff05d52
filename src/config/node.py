"""Nodes of the configuration schema: the base that refuses unknown keys, and types of common values."""

import difflib
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator
from pydantic_core import PydanticCustomError

from .trust import module_of

LONGEST_NAME = 100  # characters


def _plain(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError("name", f"must have at most {LONGEST_NAME} characters, so give a shorter one")  # type: ignore[arg-type]
    if not re.fullmatch(r"[^/\\\x00-\x1f\x7f.][^/\\\x00-\x1f\x7f]*", name):
        raise PydanticCustomError(
            "name", "must be a name that has no slash, backslash or control character and does not begin with a dot"
        )
    return name


PlainName = Annotated[str, AfterValidator(_plain)]
"""A name that is safe as that of a file or folder: no path, not hidden, one line."""

Component = Literal["transform", "rate", "entropy", "post"]

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

    `targets` of a subclass are the classes that it may name, a closed list; `trust=MODULE` on the command line adds to
    it. `kind` is the kind of object required: an annotation, or the dotted name of a class; None if nothing is built,
    so that nothing is imported. Fields are the keys that all options of a group share, if the program itself
    reads them; all other keys are specific to the option.
    """

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    kind: ClassVar[Any] = object
    targets: ClassVar[tuple[str, ...]] = ()
    target: str = Field(alias="_target_")
    partial: bool = Field(default=False, alias="_partial_")

    @field_validator("target")
    @classmethod
    def _is_listed(cls, target: str) -> str:
        if target in cls.targets or module_of(target):
            return target
        near = difflib.get_close_matches(target[:200], cls.targets, n=1)
        words = {"meant": f" (perhaps {near[0]} is meant)" if near else "", "targets": ", ".join(cls.targets)}
        said = "it must be one of {targets}{meant}, or a class of your own with trust=MODULE on the command line"
        raise PydanticCustomError("target", said, words)  # type: ignore[arg-type]
