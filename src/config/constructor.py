"""Schema of an option from the constructor that its `_target_` names: its keys, types and bounds."""

import difflib
import inspect
from collections.abc import Callable
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import PurePath
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field, TypeAdapter, create_model
from pydantic.errors import PydanticSchemaGenerationError

from ..errors import AiwaveError
from .data_schema import Appearance, Cache
from .model_schema import Activation, Density, Net, Scale
from .node import Call, Node
from .trust import module_of

PLAIN = (Enum, PurePath, BaseModel)

OBJECTS: dict[str, type[Call]] = {
    "activation": Activation,
    "appearance": Appearance,
    "cache": Cache,
    "density": Density,
    "net": Net,
    "scale": Scale,
}
"""Schemas with the classes that a constructor's parameter of this name takes; any other takes trusted ones alone."""


class Arguments(Node):
    """Base of the generated schemas, each named after the class that takes the arguments."""


def named(target: str) -> type:
    """The class with a dotted name. Raises AiwaveError if there is none, or it is another package's."""
    module, _, name = target.rpartition(".")
    try:
        home = import_module(module)
    except ImportError as error:
        if not isinstance(error, ModuleNotFoundError):
            raise AiwaveError(f"{target} cannot be imported: {error}") from error
        if not module.startswith(str(error.name)):
            raise AiwaveError(f"{target} needs the package {error.name}, which is not installed") from error
        raise AiwaveError(f"there is no {target}") from error
    found = getattr(home, name, None)
    if found is None:
        classes = [each for each in dir(home) if isinstance(getattr(home, each, None), type)]
        near = difflib.get_close_matches(name, classes, n=1)
        raise AiwaveError(f"{module} has no {name}" + "".join(f"; perhaps {word} is meant" for word in near))
    home_of = module_of(target) or module.partition(".")[0]
    if not (isinstance(found, type) and f"{found.__module__}.".startswith(f"{home_of}.")):
        raise AiwaveError(f"{target} is no class of {home_of}")
    return found


def arguments(call: Call) -> type[Arguments]:
    """Schema of the arguments that `call` gives to its target.

    Raises:
        AiwaveError: If the target does not exist, or is not of the kind that `call` requires; names no key.
    """
    made = named(call.target)
    kind, given = _contract(named(call.kind) if isinstance(call.kind, str) else call.kind)
    if isinstance(kind, type) and not issubclass(made, kind):
        raise AiwaveError(f"{call.target} is no {kind.__name__}")
    if given is not None and not call.partial:
        raise AiwaveError(f"{call.target} must be called later: add _partial_: true")
    if given is None and call.partial:
        raise AiwaveError(f"{call.target} must be built at once: leave _partial_ out")
    return _schema(made, frozenset(given or ()))


@cache
def _schema(made: type, given: frozenset[str]) -> type[Arguments]:
    """Schema of a class's constructor, without the arguments that the program itself supplies."""
    parameters, is_open = _parameters(made)
    fields: dict[str, Any] = {
        f"{name}_": (_field(hint, name), Field(... if default is inspect.Parameter.empty else default, alias=name))
        for name, (hint, default) in parameters.items()
        if name not in given
    }
    return create_model(
        made.__name__, __base__=Arguments, __cls_kwargs__={"extra": "allow"} if is_open else None, **fields
    )


def _parameters(made: type) -> tuple[dict[str, tuple[Any, Any]], bool]:
    """Annotation and default of every parameter by name, and True if further ones are accepted.

    The `**options` of a constructor stand for the parameters of the next class's.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for cls in made.__mro__[:-1]:
        if "__init__" not in vars(cls):
            continue
        own: Any = vars(cls)["__init__"]
        is_ours = cls.__module__.startswith("aiwave.") or module_of(f"{cls.__module__}.")
        hints = get_type_hints(own, include_extras=True) if is_ours else {}
        parameters = list(inspect.signature(own).parameters.values())[1:]
        for each in parameters:
            if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
                found.setdefault(each.name, (hints.get(each.name, Any), each.default))
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            return found, False
    has_own = any("__init__" in vars(cls) for cls in made.__mro__[:-1])
    return found, has_own


def _field(hint: Any, name: str) -> Any:
    """Configuration type for a parameter: calls that build objects in their place, other types unchanged."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_field(parts[0], name), *hint.__metadata__]
    if origin in (Union, UnionType):
        enum = any(isinstance(part, type) and issubclass(part, Enum) for part in parts)
        return Union[tuple(_field(part, name) for part in parts if not (enum and part is str))]  # noqa: UP007
    is_object = isinstance(hint, type) and hint.__module__ != "builtins" and not issubclass(hint, PLAIN)
    if (is_object and hint is not Any) or origin is Callable:
        targets = OBJECTS[name].targets if name in OBJECTS else ()
        return type("CallOf", (Call,), {"__module__": __name__, "kind": hint, "targets": targets})
    try:
        TypeAdapter(hint)
    except PydanticSchemaGenerationError:
        return Any
    return hint


def _contract(kind: Any) -> tuple[Any, frozenset[str] | None]:
    """Class of the instance that an annotation requires, and None, or the arguments that its factory is given later.

    A `Callable` or a protocol with `__call__` requires a factory.
    """
    if get_origin(kind) is Callable:
        parts = get_args(kind)
        return parts[1], frozenset()
    if getattr(kind, "_is_protocol", False) and "__call__" in vars(kind):
        hints = get_type_hints(kind.__call__)
        return hints.pop("return"), frozenset(hints)
    return kind, None
