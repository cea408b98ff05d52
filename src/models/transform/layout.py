"""Layout of a transform: which directions share a scheme, and how the halves of a signal are extended."""

from enum import StrEnum


class Phase(StrEnum):
    """Parity of the samples of the full signal that a half holds."""

    EVEN = "even"
    ODD = "odd"


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
