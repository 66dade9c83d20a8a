"""SQL in dbt templates: everything that is not SQL is blanked; each name in it is a usage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ingest.code.symbols import USAGE, Symbol

TEMPLATE: Final = re.compile(r"\{[{%#]")
_TEMPLATE_STATEMENTS: Final = {"{%": "%}", "{#": "#}"}
_TEMPLATE_EXPRESSIONS: Final = {"{{": "}}"}
_TEMPLATE_NAME: Final = re.compile(r"\b(?:ref|source)\(\s*(?:['\"]\w+['\"]\s*,\s*)?['\"](\w+)['\"]")


def without_template(text: str) -> str:
    """SQL with a name in place of each template expression, and blanks in place of each statement.

    Every byte keeps its position, so lines and columns stay correct.
    """

    def name(part: str) -> str:
        return re.sub(r"[^\n]", " " if "\n" in part else "x", part)

    without_statements = _with_parts_replaced(
        text, _TEMPLATE_STATEMENTS, lambda part: re.sub(r"[^\n]", " ", part)
    )
    return _with_parts_replaced(without_statements, _TEMPLATE_EXPRESSIONS, name)


def _with_parts_replaced(text: str, pairs: Mapping[str, str], replace: Callable[[str], str]) -> str:
    """A text with everything between two signs replaced, including the signs; an unclosed pair stays.

    Each sign is searched once: a pattern would search for the end of every unclosed start.
    """
    opening = re.compile("|".join(map(re.escape, pairs)))
    parts: list[str] = []
    unclosed: set[str] = set()
    done = position = 0
    while found := opening.search(text, position):
        position = found.end()
        if found[0] in unclosed:
            continue
        end = text.find(pairs[found[0]], position)
        if end < 0:
            unclosed.add(found[0])
            continue
        position = end + len(pairs[found[0]])
        parts += (text[done : found.start()], replace(text[found.start() : position]))
        done = position
    return "".join([*parts, text[done:]])


def template_references(text: str) -> Iterator[Symbol]:
    """The models and sources that a dbt template names."""
    seen: set[tuple[str, int]] = set()
    line, counted = 1, 0
    for found in _TEMPLATE_NAME.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        if (found[1], line) not in seen:
            seen.add((found[1], line))
            yield Symbol(found[1], None, None, USAGE, line, line)
