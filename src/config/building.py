"""Objects from a configuration: the only place where a `_target_` is followed, once its schema has been checked."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from ..errors import AiwaveError
from .node import Call
from .validation import validate


def build(node: DictConfig | None, schema: type[Call], place: str, convert: str = "none") -> Any:
    """The object that the node at key `place` describes; None for None. `convert` is Hydra's `_convert_`.

    Raises:
        AiwaveError: If the schema does not name its class, its arguments are invalid, or it is too large to be built.
    """
    if node is None:
        return None
    plain = OmegaConf.to_container(node, resolve=True)
    fixed = OmegaConf.create({place: plain})  # what is checked is what is built, whatever interpolations do
    for text in texts(plain):
        if "${" in text:
            raise AiwaveError(f"{place}: {text[:100]!r} is left over after all interpolations: leave it out.")
    validate(fixed[place], schema, place=place)
    try:
        return instantiate(fixed[place], _convert_=convert)
    except InstantiationException as error:
        if isinstance(error.__cause__, RuntimeError | MemoryError | OverflowError):
            reason = (str(error.__cause__).splitlines() or ["it is too large"])[0]
            raise AiwaveError(f"{place} cannot be built: {reason.rstrip('.')}.") from error
        raise


def texts(node: Any) -> list[str]:
    """Every text in plain values, keys included."""
    if isinstance(node, dict):
        return [text for pair in node.items() for part in pair for text in texts(part)]
    if isinstance(node, list | tuple):
        return [text for part in node for text in texts(part)]
    return [node] if isinstance(node, str) else []
