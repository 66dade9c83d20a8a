"""The front matter of a Markdown file, read as leniently as by the client."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from ingest.text import YamlError, load_yaml

# A header holds only names and descriptions.
MOST_FRONT_MATTER: Final = 64 * 1024
_LONGEST_NUMBER: Final = 3_321  # in bits: a thousand digits
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9(][^#\n\"'`{}\[\]&*!|>%@\\]*")
_PLAIN_LINE = re.compile(r"^([A-Za-z][\w-]*):[ \t]+([^ \t](?:.*[^ \t])?)[ \t]*$")


def split_front_matter(text: str) -> tuple[str | None, str]:
    """The front matter of a Markdown file (None if it has none) and the rest."""
    if not text.startswith("---"):
        return None, text
    match = re.match(r"---[ \t]*\r?\n(.*?)(?:^|\n)---[ \t]*(?:\r?\n|$)", text, re.DOTALL)
    return (match[1], text[match.end() :]) if match else (None, text)


def plain_front_matter(text: str) -> dict[str, str] | None:
    """Front matter of plain `key: value` lines, which need no YAML parser; None if it is anything else."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _PLAIN_LINE.match(line)
        if (
            match is None
            or not _PLAIN_VALUE.fullmatch(match[2])
            or ": " in match[2]
            or match[2].endswith(":")
        ):
            return None
        if match[1] in found:
            return None
        found[match[1]] = match[2]
    return found


def read_front_matter(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Front matter as a mapping, or the reason why it is not one. The client accepts some invalid YAML, so the lines
    are tried too.
    """
    plain = plain_front_matter(text)
    if plain is not None:
        return plain, None
    try:
        loaded = load_yaml(text, MOST_FRONT_MATTER)
    except YamlError as error:
        lines = [match for line in text.splitlines() if (match := _PLAIN_LINE.match(line))]
        loose = {match[1]: match[2].strip("\"'") for match in lines}
        return loose or None, f"front matter is not YAML: {error}"
    if loaded is None:
        return {}, None
    if not isinstance(loaded, dict):
        return None, "front matter is not a mapping"
    return {str(_simple(key)): _simple(value) for key, value in loaded.items()}, None


def _simple(value: object) -> Any:  # noqa: ANN401 - what JSON can hold
    """A YAML value in a form that JSON supports: dates, sets and infinite numbers as text."""
    if isinstance(value, dict):
        return {str(_simple(key)): _simple(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_simple(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        return "a number of more than 1,000 digits"
    return value if value is None or isinstance(value, str | int | float) else str(value)
