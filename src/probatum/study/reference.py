"""The study file for editors and for readers: JSON Schema and a page of every setting, from one description each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from probatum.study.file import Study

TITLE = """# The study file

Every setting, as `probatum schema --page` prints it. `probatum schema > study.schema.json` is for editors: with
`# yaml-language-server: $schema=study.schema.json` as a study's first line they complete and check it.
Unknown keys are refused. A setting without a default must be given."""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "nothing"}
Node = dict[str, Any]


def study_schema() -> Node:
    """Return the JSON Schema (draft 2020-12) of a study file."""
    schema = Study.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def study_page() -> str:
    """Return the reference page, Markdown: a table for each section."""
    schema = study_schema()
    sections = [TITLE, *(_section(place, node) for place, node in _sections(schema, schema, ""))]
    return "\n\n".join(sections) + "\n"


def _sections(schema: Node, node: Node, place: str) -> Iterator[tuple[str, Node]]:
    """Yield a section and those in it, each with its dotted place."""
    yield place, node
    for name, setting in node["properties"].items():
        if inner := _referred(setting):
            dots = f"{place}.{name}".lstrip(".") + ("[]" if setting.get("type") == "array" else "")
            yield from _sections(schema, schema["$defs"][inner], dots)


def _referred(setting: Node) -> str | None:
    """Return the name of the section that a setting holds, or holds a list of."""
    options = [setting, setting.get("items", {}), *setting.get("anyOf", ())]
    return next((option["$ref"].rsplit("/", 1)[-1] for option in options if "$ref" in option), None)


def _section(place: str, node: Node) -> str:
    said = " ".join(node["description"].split())
    rows = [_row(name, setting, name in node.get("required", ())) for name, setting in node["properties"].items()]
    heading = f"## `{place}`" if place else "## At the top"
    return "\n".join([heading, "", said, "", "| setting | value | default | what it is |", "|---|---|---|---|", *rows])


def _row(name: str, setting: Node, required: bool) -> str:
    cells = (f"`{name}`", _value(setting), _default(setting, required), setting.get("description", ""))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(setting: Node, required: bool) -> str:
    if required:
        return "must be given"
    if "default" not in setting or _referred(setting):
        return "see below" if _referred(setting) else "empty"
    given = setting["default"]
    return "" if given is None else f"`{given if isinstance(given, str) else json.dumps(given)}`"


def _value(setting: Node) -> str:
    """Return in words what a setting takes."""
    if "anyOf" in setting:
        return " or ".join(_value(option) for option in setting["anyOf"] if option.get("type") != "null")
    if "$ref" in setting:
        return "a section"
    if "const" in setting:
        return f"`{json.dumps(setting['const']).strip(chr(34))}`"
    if "enum" in setting:
        return ", ".join(f"`{choice}`" for choice in setting["enum"])
    if "type" not in setting:
        return "anything"
    if setting["type"] == "array":
        return (
            " and ".join(map(_value, setting.get("prefixItems", ())))
            or f"list of: {_value(setting.get('items') or {})}"
        )
    if setting["type"] == "object":
        return f"mapping to: {_value(setting.get('additionalProperties') or {})}"
    bounds = [f"{sign} {setting[bound]:g}" for bound, sign in BOUNDS.items() if bound in setting]
    return " ".join([TYPES[setting["type"]], ", ".join(bounds)]).strip() + _examples(setting)


def _examples(setting: Node) -> str:
    return f" such as {', '.join(f'`{one}`' for one in setting['examples'])}" if "examples" in setting else ""
