"""The rules that say what kind of work a prompt asks for, compiled for the hook that asks while the user waits.

They are read where the models have them: the seed `intent_rules`, and the macros that part a text into clauses. Patterns
are RE2 there; what Python writes otherwise is translated.
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

# How many clauses of a text decide: the var of `int_classified_text`.
DECIDING_CLAUSES = 2
_SEED = "seeds/intent_rules.csv"
_MACROS = "macros/request_clauses.sql"
_CLASSES = ("P", "L")


def key(project: Path) -> str:
    """Which rules they are: the same as long as compiling them gives the same."""
    return content_digest((project / _SEED).read_bytes() + (project / _MACROS).read_bytes())


def known_key(file: Path) -> str:
    """Which rules a file holds; empty where it cannot be read."""
    try:
        return str(marshal.loads(file.read_bytes())["key"])
    except (OSError, ValueError, EOFError, TypeError, KeyError):
        return ""


def compiled(project: Path) -> bytes:
    """All that `agent_store.record.hooks.task_type` loads."""
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
    """The patterns that the macros replace, one after the other, and by what; that of the lead-in is the last."""
    import jinja2

    found: list[tuple[str, str]] = []

    def replace_all(text: str, pattern: str, replacement: str) -> str:
        found.append((_unquoted(pattern), _unquoted(replacement)))
        return text

    environment = jinja2.Environment(autoescape=False)
    environment.globals.update(regex_replace_all=replace_all, split_text=lambda text, _: text)
    macros: Any = environment.from_string(path.read_text(encoding="utf-8")).module
    macros.request_clauses("text")
    macros.without_lead_in("clause")
    return found


def _unquoted(literal: str) -> str:
    return literal.strip()[1:-1].replace("''", "'")


def _code(pattern: str) -> tuple[int, bytes, int]:
    """What the engine of regular expressions runs: flags, code, number of groups."""
    from re import _compiler, _parser  # type: ignore[attr-defined]

    parsed = _parser.parse(pattern, re.ASCII)
    flags = int(parsed.state.flags | re.ASCII)
    return flags, array("I", _compiler._code(parsed, re.ASCII)).tobytes(), parsed.state.groups


def _translated(pattern: str, classes: dict[str, str]) -> str:
    """A pattern of RE2 as Python writes it: classes of letters and punctuation, and the end of the text."""
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
    """The characters of a Unicode category, as they stand in a set."""
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
