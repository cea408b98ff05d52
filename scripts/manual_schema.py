"""Files of the configuration and their schemas as Markdown: the words that the generated pages share."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import yaml

Schema = Mapping[str, Any]

NAMES = {
    "number": "number",
    "integer": "whole number",
    "string": "text",
    "boolean": "`true` or `false`",
    "null": "`null`",
}


def source(name: str) -> str:
    """Text of a file of the configuration, without Hydra's directives."""
    text = (files("aiwave.conf") / name).read_text(encoding="utf-8")
    return re.sub(r"^# @package .*\n", "", text).strip()


def raw(name: str) -> dict[str, Any]:
    """Values of a file of the configuration, not composed."""
    return dict(yaml.safe_load(source(name)) or {})


def comments(name: str) -> dict[str, str]:
    """Comments behind keys of the outermost level."""
    return dict(re.findall(r"^(\w+):.*?\s#\s*(.+)$", source(name), flags=re.MULTILINE))


def table(schema: Schema, values: Mapping[str, Any], notes: Mapping[str, str]) -> str:
    """Table of keys: the default of each, the values it may have, and, if any has one, the comment beside it."""
    rows = []
    for key, field in schema["properties"].items():
        value = values[key] if key in values else field.get("default", "???")
        rows.append([f"`{key}`", shown(value), words(field, schema), notes.get(key, "")])
    width = 4 if any(row[3] for row in rows) else 3
    header = ["key", "default", "values", ""]
    lines = [header, ["---"] * 4, *rows]
    return "\n".join("| " + " | ".join(map(cell, line[:width])) + " |" for line in lines)


def shown(value: Any) -> str:
    """A value as YAML writes it; what must be given has none."""
    if value == "???":
        return "*required*"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
    return f"`{text}`"


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def words(field: Schema, schema: Schema) -> str:
    """Values that a key accepts, from its JSON schema."""
    field = _followed(field, schema)
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(words(each, schema) for each in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = field.get("type")
    if kind == "array":
        few, most = field.get("minItems"), field.get("maxItems")
        count = f" ({few})" if few and few == most else f" ({few} or more)" if few else ""
        return f"list{count}: {words(field.get('items', {}), schema)}"
    if kind == "object":
        return _object(field)
    return f"{NAMES.get(str(kind), 'anything')}{_bounds(field)}"


def _bounds(field: Schema) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    above, below = field.get("exclusiveMinimum"), field.get("exclusiveMaximum")
    first = f"from {low}" if low is not None else f"above {above}" if above is not None else ""
    last = f"to {high}" if high is not None else f"below {below}" if below is not None else ""
    return "".join(f" {each}" for each in (first, last) if each)


def _object(field: Schema) -> str:
    properties = field.get("properties", {})
    if "_target_" in properties:
        return "an object, by `_target_`"
    return "keys " + ", ".join(f"`{name}`" for name in properties) if properties else "keys and values"


def _followed(field: Schema, schema: Schema) -> Schema:
    while "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    return field
