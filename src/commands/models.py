"""`aiwave models`: the models that come with the package."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from ..pretrained import Card, card_of, cards
from .output import parser


def main(arguments: Sequence[str]) -> None:
    """The command, given what follows its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    print(_listing(cards()) if args.action == "list" else _card(card_of(args.name)))


def _listing(known: Sequence[Card]) -> str:
    rows = [("model", "for", "coding", "parameters", "bytes")]
    rows += [(c.name, c.modality, c.coding, f"{c.parameters:,}", f"{c.bytes:,}") for c in known]
    return "\n".join(
        f"{name:<16}{modality:<10}{coding:<10}{parameters:>12}{size:>11}"
        for name, modality, coding, parameters, size in rows
    )


def _card(card: Card) -> str:
    lines = asdict(card) | {"lossless": card.coding, "trained_on": "\n              ".join(card.trained_on)}
    names = {"lossless": "coding", "trained_on": "trained on", "experiment": "trained by", "weak": "bad at"}
    lines["experiment"] = f"aiwave train experiment={card.experiment} dataset=folder dataset.root=DATA ..."
    return "\n".join(f"{names.get(key, key):<14}{value}" for key, value in lines.items())


def arguments_of() -> argparse.ArgumentParser:
    """The parser of the arguments."""
    given = parser("models", "The models that come with the package: --model takes their names.")
    actions = given.add_subparsers(dest="action", required=True, metavar="list|show")
    actions.add_parser("list", help="all of them")
    show = actions.add_parser("show", help="what is known of one")
    show.add_argument("name", metavar="NAME")
    return given
