"""YAML files that people write: read with the line of every key, so that a fault can be pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from probatum.errors import InputError


def read_mapping(path: Path, kind: type[InputError], what: str) -> tuple[dict[str, Any], yaml.Node | None]:
    """Read a YAML file that holds a mapping.

    Args:
        path: the file.
        kind: the error to raise.
        what: what the file is, such as "a study is a mapping of settings".

    Returns:
        The mapping, and the tree of nodes that `line_of` looks lines up in.

    Raises:
        InputError: of the given kind: the file is not UTF-8, not YAML, or no mapping.
    """
    try:
        source = path.read_text(encoding="utf-8")
        tree, raw = yaml.compose(source), yaml.safe_load(source)
    except UnicodeDecodeError as error:
        raise kind(f"{path}: not UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise kind(f"{path}:{line}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(raw, dict):
        raise kind(f"{path}:1: {what}, found {type(raw).__name__}")
    return raw, tree


def line_of(node: yaml.Node | None, where: Sequence[int | str]) -> int:
    """Return the 1-based line of the deepest node on the way that the file really has."""
    line = 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
