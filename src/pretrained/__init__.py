"""Models that come with the package: their cards, their files, and which suits a volume."""

from .card import Card, card_of, cards, shipped_bytes
from .choose import Choice, candidates

__all__ = ["Card", "Choice", "candidates", "card_of", "cards", "shipped_bytes"]
