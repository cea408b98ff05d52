"""Bounded numbers for annotations of constructors, which configurations are validated against."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]
Count = Annotated[int, Ge(1)]
CountOrNone = Annotated[int, Ge(0)]
Levels = Annotated[int, Ge(1), Le(5)]
LevelsOrNone = Annotated[int, Ge(0), Le(5)]
Width = Annotated[int, Ge(1), Le(1024)]
Layers = Annotated[int, Ge(1), Le(64)]
LayersOrNone = Annotated[int, Ge(0), Le(64)]
Seed = Annotated[int, Ge(0), Lt(2**32)]


def known(intensity_scale: float | None) -> float:
    """The intensity scale. Raises ValueError if it is None."""
    if intensity_scale is None:
        raise ValueError("intensity_scale is not known before the data are read: give dataset.intensity_scale")
    return intensity_scale
