"""Cards of ready-made models: what each is for and how it was trained."""

import json
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ..errors import AiwaveError

SUFFIX = ".json"

ANY = "any"
"""Modality of models for images of all kinds."""

MODALITIES = ("ct", "em", "fmri", "mri", "sections")
"""Those that models may be for; `sections` are stacks whose neighbours hardly resemble each other."""


@dataclass(frozen=True)
class Card:
    """A ready-made model: `NAME.aiwm` beside its card `NAME.json`.

    `modality` is one of `MODALITIES`, or `any`, `lossless` the kind of coding, `sha256` the hash of
    its file. `experiment` trains it again, `trained_on` lists data sets with licence and attribution, `use` and `weak`
    describe its purpose and its weaknesses, `run` the training run that it came from. `compress` never takes
    one by itself that is for use `by_name`: another one is faster, or makes smaller files of nearly all kinds.
    """

    name: str
    modality: str
    lossless: bool
    parameters: int
    bytes: int
    sha256: str
    experiment: str
    trained_on: list[str]
    use: str
    weak: str
    run: str = "several rounds by hand, listed in the manual under Ready-made models"
    by_name: bool = False

    @property
    def coding(self) -> str:
        """Kind of coding: `lossless` or `lossy`."""
        return "lossless" if self.lossless else "lossy"


def cards() -> list[Card]:
    """The cards of all models in the package, sorted by name."""
    found = (entry for entry in _folder().iterdir() if entry.name.endswith(SUFFIX))
    return sorted(
        (Card(**json.loads(entry.read_text(encoding="utf-8"))) for entry in found), key=lambda card: card.name
    )


def is_name(given: str) -> bool:
    """True if this names a ready-made model rather than a path: it is a plain word, and nothing here is called so."""
    path = Path(given)
    return path.name == given and not path.suffix and not path.exists()


def card_of(name: str) -> Card:
    """The card of the model `name`. Raises AiwaveError if there is none."""
    known = {card.name: card for card in cards()}
    if name not in known:
        raise AiwaveError(f"No model is called {name}: choose one of {', '.join(known)}, or give a file.")
    return known[name]


def shipped_bytes(card: Card) -> bytes:
    """The model file of a card. Raises AiwaveError if it is missing, or its hash differs from the card's."""
    import hashlib

    entry = _folder() / f"{card.name}.aiwm"
    try:
        data = entry.read_bytes()
    except OSError as error:
        raise AiwaveError(f"The model {card.name} cannot be read ({error.strerror}): install aiwave again.") from error
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise AiwaveError(f"The model {card.name} is damaged (its hash differs): install aiwave again.")
    return data


def _folder() -> Traversable:
    return files(__package__) / "models"
