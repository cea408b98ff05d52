"""The model: plain `nn.Module`s, independent of configuration, tracking and files."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .public import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Import the public names on first access: the bands and codes below them do without PyTorch."""
    public = import_module(".public", __name__)
    if name in public.__all__:
        return getattr(public, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
