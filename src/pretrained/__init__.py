"""Models that come with the package: their cards, their files, and which suits a volume."""

from .card import FORMER, Card, card_of, cards, former_bytes, shipped_bytes
from .choose import AUTO, Choice, candidates

__all__ = [
    "AUTO",
    "FORMER",
    "Card",
    "Choice",
    "candidates",
    "card_of",
    "cards",
    "former_bytes",
    "shipped_bytes",
]
