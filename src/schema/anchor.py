"""Traditional codecs."""

from typing import Any

from pydantic import Field, PositiveFloat

from .node import Names, Node, Qualities, Target


class Version(Node):
    """How a program tells its version."""

    arguments: str
    pattern: str
    wanted: str


class Programs(Node):
    """Where the programs of an external codec are, and how long they may take [s]."""

    folder: str | None
    variable: str
    encoder: Names
    decoder: Names
    encoder_high: Names | None = None
    decoder_high: Names | None = None
    version: Version
    timeout: PositiveFloat


class AnchorAbout(Node):
    """What is told of a codec."""

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
