"""Models that come with the package: their cards, their files, and which suits a volume."""

from .card import FORMER, Card, card_of, cards, former_bytes, shipped_bytes
from .choose import AUTO, LOOKED_AT, SECTIONS, Choice, candidates, middle, modalities

__all__ = [
    "AUTO",
    "FORMER",
    "LOOKED_AT",
    "SECTIONS",
    "Card",
    "Choice",
    "candidates",
    "card_of",
    "cards",
    "former_bytes",
    "middle",
    "modalities",
    "shipped_bytes",
]
