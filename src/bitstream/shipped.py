"""Models that come with the package, loaded."""

from functools import cache

from ..pretrained.card import card_of, cards, shipped_bytes
from .model import Model


@cache
def shipped_model(name: str) -> Model:
    """A model that comes with the package. Raises AiwaveError if there is none of that name, or it is damaged."""
    return Model.from_bytes(shipped_bytes(card_of(name)))


def shipped_by_identity(identity: str) -> Model | None:
    """The model that comes with the package and has this identity, if one has."""
    found = next((card.name for card in cards() if card.sha256 == identity), None)
    return None if found is None else shipped_model(found)
