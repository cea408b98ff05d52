"""The base of all configuration nodes: mistakes are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

Component = Literal["transform", "rate", "entropy", "post"]
Target = Annotated[str, Field(pattern=r"^(aiwave|torch\.nn|torch\.optim|pytorch_lightning)\.")]
Triple = Annotated[list[PositiveInt], Field(min_length=3, max_length=3)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Sharing = Literal["isotropic", "axial", "none", "sections"]
Decay = Annotated[float, Field(ge=0, lt=1)]
Accelerator = Literal["cpu", "gpu", "auto"]
Rates = Annotated[list[PositiveFloat], Field(min_length=1)]
Qualities = Annotated[list[float], Field(min_length=1)]
Names = Annotated[list[str], Field(min_length=1)]


class Node(BaseModel):
    """A node of the configuration; keys that it does not name are mistakes."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class Call(Node):
    """Anything that `_target_` builds from keyword arguments."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    target: Target = Field(alias="_target_")
