"""Description of a codec in a model file."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ..coding.parts import ContextPart, FactorizedPart, Part, Positive, PostPart, ReversiblePart, TransformPart


def _ascending(steps: tuple[float, float]) -> tuple[float, float]:
    if steps[0] > steps[1]:
        raise ValueError("a range begins with its smaller end")
    return steps


class Description(Part):
    """Everything in a model file but its arrays. `gain` is a level's LLL of a flat volume divided by the intensity.

    With `reversible` the model codes only losslessly, otherwise lossily (and losslessly with the plain 5/3, unless
    quantisation is dependent).
    """

    name: Annotated[str, Field(max_length=100)]
    transform: TransformPart
    post: PostPart
    step_range: Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
    gain: Annotated[float, Field(gt=1e-3, lt=1e3)]
    entropy: Annotated[ContextPart | FactorizedPart, Field(discriminator="kind")]
    reversible: ReversiblePart | None
