"""Traditional codecs."""

from typing import Any

from pydantic import Field, PositiveFloat

from .node import Names, Node, Qualities, Target


class Version(Node):
    """Arguments that make a program print its version, and the pattern that finds it."""

    arguments: str
    pattern: str
    wanted: str


class Programs(Node):
    """Programs of an external codec, where to look for them, and their timeout [s]."""

    folder: str | None
    variable: str
    encoder: Names
    decoder: Names
    encoder_high: Names | None = None
    decoder_high: Names | None = None
    version: Version
    timeout: PositiveFloat


class AnchorAbout(Node):
    """Description of a codec."""

    title: str
    licence: str
    source: str


class AnchorCodec(Node):
    """`conf/anchor`."""

    target: Target = Field(alias="_target_")
    name: str
    unit: str
    ladder_8: Qualities
    ladder_16: Qualities
    settings: dict[str, Any]
    programs: Programs | None
    about: AnchorAbout
