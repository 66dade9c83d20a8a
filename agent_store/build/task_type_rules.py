"""The rules that classify the task of a prompt, compiled for the hook that runs while the user waits.

They come from the same source as the models': the seed `intent_rules`, and the macros that split a text into clauses.
Those patterns are RE2; syntax that differs in Python is translated.
"""

from __future__ import annotations

import csv
import marshal
import re
import unicodedata
from array import array
from pathlib import Path
from typing import Any

from ingest.text import content_digest

# How many clauses of a text are classified: the var of `int_classified_text`.
DECIDING_CLAUSES = 2
_SEED = "seeds/intent_rules.csv"
_MACROS = "macros/request_clauses.sql"
_CLASSES = ("P", "L")


def key(project: Path) -> str:
    """Identifies the rules: equal as long as compiling them gives the same result."""
    return content_digest((project / _SEED).read_bytes() + (project / _MACROS).read_bytes())


def known_key(file: Path) -> str:
    """The key of the rules in a file; empty if it cannot be read."""
    try:
        return str(marshal.loads(file.read_bytes())["key"])
    except (OSError, ValueError, EOFError, TypeError, KeyError):
        return ""


def compiled(project: Path) -> bytes:
    """Everything that `agent_store.record.hooks.task_type` loads."""
    classes = {name: _ranges(name) for name in _CLASSES}

    def code_of(pattern: str) -> tuple[int, bytes, int]:
        return _code(_translated(pattern, classes))

    with (project / _SEED).open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["rule_order"]))
    rules = [
        (row["source"] or "text", int(row["rule_order"]), row["category"], code_of(row["pattern"]))
        for row in rows
    ]
    *splitting, lead_in = [
        (code_of(pattern), template) for pattern, template in _replacements(project / _MACROS)
    ]
    held = {
        "key": key(project),
        "rules": rules,
        "splitting": splitting,
        "lead_in": lead_in,
        "deciding_clauses": DECIDING_CLAUSES,
    }
    return marshal.dumps(held)


def _replacements(path: Path) -> list[tuple[str, str]]:
    """The patterns that the macros replace, in order, with their replacements; the lead-in comes last."""
    import jinja2

    found: list[tuple[str, str]] = []

    def replace_all(text: str, pattern: str, replacement: str) -> str:
        found.append((_unquoted(pattern), _unquoted(replacement)))
        return text

    environment = jinja2.Environment(autoescape=False)
    environment.globals.update(regex_replace_all=replace_all)
    macros: Any = environment.from_string(path.read_text(encoding="utf-8")).module
    macros.request_clauses("text")
    macros.without_lead_in("clause")
    return found


def _unquoted(literal: str) -> str:
    return literal.strip()[1:-1].replace("''", "'")


def _code(pattern: str) -> tuple[int, bytes, int]:
    """The compiled form for the regular expression engine: flags, code, number of groups."""
    from re import _compiler, _parser  # type: ignore[attr-defined]

    parsed = _parser.parse(pattern, re.ASCII)
    flags = int(parsed.state.flags | re.ASCII)
    return flags, array("I", _compiler._code(parsed, re.ASCII)).tobytes(), parsed.state.groups


def _translated(pattern: str, classes: dict[str, str]) -> str:
    """An RE2 pattern in Python's syntax: letter and punctuation classes, and the end of the text."""
    pieces: list[str] = []
    is_in_set = False
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            if pattern[place + 1] == "p":
                ranges = classes[pattern[place + 2]]
                pieces.append(ranges if is_in_set else f"[{ranges}]")
                place += 3
            else:
                pieces.append(pattern[place : place + 2])
                place += 2
            continue
        place += 1
        if is_in_set:
            is_in_set = sign != "]"
            pieces.append("\\[" if sign == "[" else sign)
        elif sign == "[":
            is_in_set = True
            pieces.append(sign)
            for literal in ("^", "]"):
                if pattern.startswith(literal, place):
                    pieces.append(literal if literal == "^" else "\\]")
                    place += 1
        else:
            pieces.append(r"\Z" if sign == "$" else sign)
    return "".join(pieces)


def _ranges(category: str) -> str:
    """The characters of a Unicode category, as ranges of a set."""
    ranges: list[list[int]] = []
    for code in range(0x110000):
        if unicodedata.category(chr(code)).startswith(category):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(
        re.escape(chr(low)) if low == high else f"{re.escape(chr(low))}-{re.escape(chr(high))}"
        for low, high in ranges
    )
