"""Models that come with the package, loaded."""

from functools import cache

from ..pretrained import card_of, cards, former_bytes, shipped_bytes
from .model import Model


@cache
def shipped_model(name: str) -> Model:
    """A model that comes with the package. Raises AiwaveError if there is none of that name, or it is damaged."""
    return Model.from_bytes(shipped_bytes(card_of(name)))


def shipped_by_identity(identity: str) -> Model | None:
    """The model that comes or once came with the package and has this identity, if one has."""
    found = next((card.name for card in cards() if card.sha256 == identity), None)
    if found is not None:
        return shipped_model(found)
    former = former_bytes(identity)
    return None if former is None else Model.from_bytes(former)
