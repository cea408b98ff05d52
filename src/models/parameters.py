"""Size of a codec, component by component."""

from tabulate import tabulate
from torch import nn


def count_parameters(codec: nn.Module) -> dict[str, int]:
    """Number of parameters (trainable or not) of every child that has any, in the order of the children."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in codec.named_children()}
    return {name: count for name, count in counts.items() if count}


def format_parameters(codec: nn.Module) -> str:
    """Plain-text table of `count_parameters`, with the sum in the last line."""
    counts = count_parameters(codec)
    rows = [(name, f"{count:,}") for name, count in [*counts.items(), ("all", sum(counts.values()))]]
    columns = ("component", "parameters")
    return tabulate(rows, columns, tablefmt="plain", disable_numparse=True, colalign=("left", "right"))
