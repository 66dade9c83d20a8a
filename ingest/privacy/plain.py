"""Unescaped text that rules can read, and the mapping back to the original bytes.

A transcript is JSON, often with nested JSON, and contains source code and terminal colours. A rule should see
`password = "x"` in each of them. A run of backslashes and the character after it count as one character at any depth,
so that a text reads the same plain, escaped and escaped twice.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import Final, NamedTuple

MARK: Final = re.compile(rb"\[redacted:[a-z0-9_]+:[0-9a-f]{8}\]")
# How rules see a mark: no pattern includes it in a secret.
MARK_BYTE: Final = b"\x00"
# Each alternative begins with a different letter: `re` then skips the rest of a text five times as fast.
_ESCAPES: Final = (
    rb"\[redacted:[a-z0-9_]+:[0-9a-f]{8}\]"
    rb"|\x1b\[[0-9;]*m"
    rb"|\\\\*(?:(?P<colour>(?:u001[bB]|x1[bB]|033|e)\[[0-9;]*m)|u(?P<code>[0-9a-fA-F]{4})"
    rb"(?:(?<=[dD][89abAB][0-9a-fA-F]{2})\\+u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2}))?"
    rb"|(?P<letter>[nrtbf\"'`/\n\r])?)"
    rb"|\x00"
)
_UNIT: Final = re.compile(_ESCAPES)
_UNIT_OR_PERCENT: Final = re.compile(_ESCAPES + rb"|%[0-9a-fA-F]{2}")
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


class _Unit(NamedTuple):
    """Bytes that count as one character, or as none: their position in the plain text and in the original."""

    plain_start: int
    plain_end: int
    start: int
    end: int
    run: int  # backslashes before it


class Plain:
    """A piece of a text as seen by rules."""

    def __init__(self, text: bytes, start: int, end: int, *, percent: bool = False) -> None:
        """Unescape a piece; with `percent` also URL escapes."""
        self._whole = text
        self._offset = start
        self._piece = text[start:end]
        self._unit = _UNIT_OR_PERCENT if percent else _UNIT
        self.text = self._unit.sub(_character, self._piece)

    @cached_property
    def _units(self) -> list[_Unit]:
        """All escapes; most pieces hold no secret and need none."""
        units = []
        shift = 0
        for found in self._unit.finditer(self._piece):
            size = len(_character(found))
            start, end = found.span()
            run = end - start - 1 if found["letter"] else 0
            units.append(
                _Unit(start + shift, start + shift + size, self._offset + start, self._offset + end, run)
            )
            shift += size - (end - start)
        return units

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original positions of characters in the plain text."""
        return self._original(start).start, self._original(end - 1).end

    def run(self, at: int) -> int:
        """The number of backslashes before a character."""
        return self._original(at).run

    def stood(self, at: int) -> bytes:
        """Return a character in its original form."""
        unit = self._original(at)
        return self._whole[unit.start : unit.end]

    def _original(self, at: int) -> _Unit:
        place = bisect_right(self._units, at, key=lambda unit: unit.plain_start) - 1
        if place < 0:
            return _Unit(at, at + 1, self._offset + at, self._offset + at + 1, 0)
        unit = self._units[place]
        if at < unit.plain_end:
            return unit
        byte = unit.end + at - unit.plain_end
        return _Unit(at, at + 1, byte, byte + 1, 0)


def _character(found: re.Match[bytes]) -> bytes:
    """The character that an escape represents."""
    if found["code"]:
        code = int(found["code"], 16)
        if found["low"]:
            code = 0x10000 + ((code & 0x3FF) << 10) + (int(found["low"], 16) & 0x3FF)
        return chr(code).encode("utf-8", "surrogatepass")
    if found["letter"]:
        return _LETTERS.get(found["letter"], found["letter"])
    whole = found[0]
    if whole[:1] == b"\\" and not found["colour"]:
        return b"\\"
    if whole[:1] == b"%":
        return bytes([int(whole[1:], 16)])
    # A mark counts as a byte that is in no secret, and so does that byte itself; a terminal colour counts as nothing.
    return MARK_BYTE if whole[:1] in (b"[", MARK_BYTE) else b""
