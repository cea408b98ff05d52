"""Size of a codec, component by component."""

from torch import nn


def count_parameters(codec: nn.Module) -> dict[str, int]:
    """Number of parameters (trainable or not) of every child that has any, in the order of the children."""
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in codec.named_children()}
    return {name: count for name, count in counts.items() if count}


def format_parameters(codec: nn.Module) -> str:
    """Plain-text table of `count_parameters`, with the sum in the last line."""
    counts = count_parameters(codec)
    lines = [("component", "parameters"), *((name, f"{count:,}") for name, count in counts.items())]
    lines.append(("all", f"{sum(counts.values()):,}"))
    return "\n".join(f"{name:<10}{count:>12}" for name, count in lines)
