"""Names and texts as SQL literals, for statements that take no parameters."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string, for ATTACH and COMMENT ON."""
    return "'" + text.replace("'", "''") + "'"
