"""Layout of a transform: which steps learn, which directions share a scheme, how halves of a signal are extended."""

from enum import StrEnum


class Phase(StrEnum):
    """Parity of the samples of the full signal that a half holds."""

    EVEN = "even"
    ODD = "odd"


class LearnedSteps(StrEnum):
    """Lifting steps that have a network: all of the wavelet's, or only its last predict and update step."""

    ALL = "all"
    LAST = "last"

    def learns(self, step: int, count: int) -> bool:
        """True if step number `step` of `count` has a network."""
        return self is LearnedSteps.ALL or step >= count - 2


class Boundary(StrEnum):
    """Extension of the signal beyond its ends.

    `symmetric` mirrors the full signal about its first and last sample, as JPEG 2000 does (ISO/IEC 15444-1,
    annex F.4.7). `published` mirrors each half separately, which repeats the wrong neighbour at one end.
    """

    SYMMETRIC = "symmetric"
    PUBLISHED = "published"


class Sharing(StrEnum):
    """Directions that share one scheme.

    `sections` is for volumes whose neighbouring sections hardly resemble each other: along z, the scheme is initialised
    to the lazy wavelet, which only separates even and odd sections.
    """

    ISOTROPIC = "isotropic"
    AXIAL = "axial"
    NONE = "none"
    SECTIONS = "sections"


SCHEME_OF_PART: dict[Sharing, tuple[tuple[int, ...], ...]] = {
    Sharing.ISOTROPIC: ((0,), (0, 0), (0, 0, 0, 0)),
    Sharing.AXIAL: ((0,), (1, 1), (1, 1, 1, 1)),
    Sharing.NONE: ((0,), (1, 2), (3, 4, 5, 6)),
    Sharing.SECTIONS: ((0,), (1, 1), (1, 1, 1, 1)),
}
"""Index of the scheme that splits each part left by the previous axes, for the axes z, y, x."""


def transform_kind(wavelet: str, has_nets: bool, affine: bool, learned: str = LearnedSteps.ALL) -> str:
    """Name of a kind of transform: the plain wavelet's, `additive`, `affine`, `hybrid` or `hybrid_affine`."""
    if not has_nets:
        return wavelet
    if learned == LearnedSteps.LAST:
        return "hybrid_affine" if affine else "hybrid"
    return "affine" if affine else "additive"
