"""`aiwave models`: the models that come with the package."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from tabulate import tabulate

from ..pretrained.card import ANY, Card, card_of, cards
from .arguments import parser


def main(arguments: Sequence[str]) -> None:
    """Run the command with the arguments after its name. Raises AiwaveError for bad input."""
    args = arguments_of().parse_args(arguments)
    print(_listing(cards()) if args.action == "list" else _card(card_of(args.name)))


def _listing(known: Sequence[Card]) -> str:
    rows = [
        (c.name, c.modality, c.coding, "no" if c.by_name else "yes", f"{c.parameters:,}", f"{c.bytes:,}") for c in known
    ]
    columns = ("model", "for", "coding", "auto", "parameters", "bytes")
    sides = ("left", "left", "left", "left", "right", "right")
    return tabulate(rows, columns, tablefmt="plain", disable_numparse=True, colalign=sides)


def _card(card: Card) -> str:
    own = {
        "lossless": card.coding,
        "trained_on": "\n".join(card.trained_on),
        "by_name": "by name only" if card.by_name else "by itself",
    }
    lines = asdict(card) | own
    names = {
        "lossless": "coding",
        "trained_on": "trained on",
        "experiment": "trained by",
        "weak": "bad at",
        "run": "training run",
        "by_name": "compress takes it",
    }
    data = "dataset.root=DATA" if card.modality == ANY else "dataset=folder dataset.root=DATA ..."
    lines["experiment"] = f"aiwave train experiment={card.experiment} {data}"
    return tabulate(
        [(names.get(key, key), value) for key, value in lines.items()], tablefmt="plain", disable_numparse=True
    )


def arguments_of() -> argparse.ArgumentParser:
    """The parser of the arguments."""
    given = parser("models", "The models that come with the package: --model takes their names.")
    actions = given.add_subparsers(dest="action", required=True, metavar="list|show")
    actions.add_parser("list", help="all of them")
    show = actions.add_parser("show", help="what is known of one")
    show.add_argument("name", metavar="NAME")
    return given
