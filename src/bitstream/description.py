"""Description of a codec in a model file."""

from typing import Annotated

from msgspec import Meta

from ..coding.parts import (
    ContextPart,
    FactorizedPart,
    Part,
    Positive,
    PostPart,
    ReversiblePart,
    TransformPart,
    VoxelsPart,
)


class Description(Part, frozen=True):
    """Everything in a model file but its arrays. `gain` is a level's LLL of a flat volume divided by the intensity.

    With a voxel model or `reversible` the model codes only losslessly, otherwise lossily (and losslessly with the plain
    5/3, unless quantisation is dependent).
    """

    name: Annotated[str, Meta(max_length=100)]
    transform: TransformPart
    post: PostPart
    step_range: tuple[Positive, Positive]
    gain: Annotated[float, Meta(gt=1e-3, lt=1e3)]
    entropy: ContextPart | FactorizedPart | VoxelsPart
    reversible: ReversiblePart | None

    def __post_init__(self) -> None:
        """Raise ValueError for a range that begins with its larger end."""
        if self.step_range[0] > self.step_range[1]:
            raise ValueError("a range begins with its smaller end")
