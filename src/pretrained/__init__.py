"""Models that come with the package: their cards, their files, and which suits a volume."""

from .card import Card, card_of, cards, shipped_bytes
from .choose import AUTO, Choice, candidates

__all__ = ["AUTO", "Card", "Choice", "candidates", "card_of", "cards", "shipped_bytes"]
