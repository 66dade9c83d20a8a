"""Marks: placeholders for removed texts, with the length of each text.

    [redacted:github_token:1a2b3c4d](40)      the same secret gets the same mark
    [redacted:content](1042/1050/1103)        characters, bytes, and characters as a JSON string

The macros `char_count`, `byte_count` and `escaped_char_count` read the lengths, so that the cost of a text is still known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "[redacted:"
_MARK: Final = re.compile(r"(\[redacted:[a-z0-9_]{1,40}(?::[0-9a-f]{8})?\])\(\d{1,9}(?:/\d{1,9}/\d{1,9})?\)")


def mark(kind: str, original: str, digest: str = "", *, as_json: int | None = None) -> str:
    """The mark for a text: its kind, a salted hash if equal texts should get equal marks, and its lengths.

    `as_json` is the number of characters the text took up inside its JSON string.
    """
    characters = len(original)
    size = len(original.encode("utf-8", "surrogatepass"))
    escaped = len(json.dumps(original, ensure_ascii=False)) - 2 if as_json is None else as_json
    is_plain = characters == size == escaped
    lengths = f"({characters})" if is_plain else f"({characters}/{size}/{escaped})"
    return f"{PREFIX}{kind}{':' + digest if digest else ''}]{lengths}"


def is_mark(text: str) -> bool:
    """Whether a text consists of a single mark."""
    return text.startswith(PREFIX) and _MARK.fullmatch(text) is not None


def without_lengths(text: str) -> str:
    """A log text that merely quotes marks: its own length counts, not the lengths in the marks."""
    return _MARK.sub(r"\1", text)


def with_lengths(text: str, marks: Mapping[str, tuple[int, int, int]]) -> str:
    """A text whose secret marks lack lengths, with lengths added from `marks`: characters, bytes, bytes in JSON."""
    for found, (characters, size, in_json) in marks.items():
        as_json = in_json - size + characters
        is_plain = characters == size == as_json
        lengths = f"({characters})" if is_plain else f"({characters}/{size}/{as_json})"
        text = re.sub(re.escape(found) + r"(?!\()", found.replace("\\", "") + lengths, text)
    return text
