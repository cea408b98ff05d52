"""Models that come with the package: their cards, their files, and which suits a volume."""

from .card import Card, card_of, cards, shipped_bytes
from .choose import AUTO, LOOKED_AT, SECTIONS, Choice, candidates, middle, modalities

__all__ = [
    "AUTO",
    "LOOKED_AT",
    "SECTIONS",
    "Card",
    "Choice",
    "candidates",
    "card_of",
    "cards",
    "middle",
    "modalities",
    "shipped_bytes",
]
