"""Cuts a file into chunks at its definitions or headings, and cuts long ones again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from ingest.code.symbols import DEFINITION_TYPES, MAX_NAME_CHARACTERS, Definition

MAX_CHUNK_LINES: Final = 100
MAX_CHUNK_CHARACTERS: Final = 12_000
SMALL_CHUNK_LINES: Final = 6
MERGED_CHUNK_LINES: Final = 20
PLAIN_CHUNK_LINES: Final = 60
_CHUNK_TYPES: Final = frozenset(DEFINITION_TYPES) - {"variable", "endpoint", "macro"}


@dataclass(frozen=True, slots=True)
class CodeChunk:
    """A piece of a file that belongs together."""

    line_start: int
    line_end: int
    char_start: int
    char_end: int
    kind: str
    name: str | None
    text: str


def nested_definitions(definitions: list[Definition]) -> list[Definition]:
    """The definitions that become chunks, each with the definitions inside it; returns the outermost."""
    top: list[Definition] = []
    stack: list[Definition] = []
    for one in definitions:
        if one.symbol_type not in _CHUNK_TYPES or (one.is_scope and one.symbol_type == "function"):
            continue
        while stack and stack[-1].end_byte <= one.start_byte:
            stack.pop()
        (stack[-1].children if stack else top).append(one)
        stack.append(one)
    return top


# A piece: first line, last line, kind, name.
_Piece = tuple[int, int, str, str | None]


def plain_pieces(lines: list[str]) -> list[_Piece]:
    return [(1, len(lines), "text", None)]


def pieces_of(definitions: list[Definition], first: int, last: int, lines: list[str]) -> list[_Piece]:
    """Cut a range of lines at its definitions; long definitions are cut again at those inside them."""
    pieces: list[_Piece] = []
    line = first
    for one in definitions:
        start, end = max(one.first_line, line), min(one.line_end, last)
        if start > end:
            continue
        if start > line:
            pieces.append((line, start - 1, "block", None))
        if end - start >= MAX_CHUNK_LINES and one.children:
            inner = pieces_of(one.children, start, end, lines)
            head = inner[0]
            if head[2] == "block":
                inner[0] = (head[0], head[1], one.symbol_type, one.name)
            pieces += inner
        else:
            pieces.append((start, end, one.symbol_type, one.name))
        line = end + 1
    if line <= last:
        pieces.append((line, last, "block", None))
    return [piece for piece in pieces if any(text.strip() for text in lines[piece[0] - 1 : piece[1]])]


def merged_pieces(pieces: list[_Piece]) -> list[_Piece]:
    """Merge small neighbours, so that ten constants and three one-liners are one chunk."""
    merged: list[_Piece] = []
    for piece in pieces:
        if merged:
            before = merged[-1]
            is_small = piece[1] - piece[0] < SMALL_CHUNK_LINES and before[1] - before[0] < MERGED_CHUNK_LINES
            was_small = before[2] == "block" or before[1] - before[0] < SMALL_CHUNK_LINES
            if is_small and was_small and piece[1] - before[0] < MERGED_CHUNK_LINES:
                names = (
                    ", ".join(name for name in (before[3], piece[3]) if name)[:MAX_NAME_CHARACTERS] or None
                )
                kind = before[2] if before[2] == piece[2] or piece[3] is None else "block"
                kind = piece[2] if before[3] is None and piece[3] is not None else kind
                merged[-1] = (before[0], piece[1], kind, names)
                continue
        merged.append(piece)
    return merged


def end_sections(headings: list[Definition], last: int) -> None:
    """A heading's section extends to the next heading of its level or above; higher headings contain it."""
    open_headings: list[Definition] = []
    for one in headings:
        while open_headings and open_headings[-1].level >= one.level:
            open_headings.pop().line_end = one.line - 1
        one.container = open_headings[-1].name if open_headings else None
        open_headings.append(one)
    for one in open_headings:
        one.line_end = last


def section_pieces(headings: list[Definition], last: int, lines: list[str]) -> list[_Piece]:
    starts = [one.line for one in headings]
    pieces: list[_Piece] = []
    if not starts:
        return [(1, last, "text", None)]
    if starts[0] > 1:
        pieces.append((1, starts[0] - 1, "text", None))
    first, names = 0, ""
    for one, following in zip(headings, [*starts[1:], last + 1], strict=True):
        if one.line >= following:
            continue
        # A heading directly above another one belongs to it.
        first = first or one.line
        names = f"{names}, {one.name}" if names else str(one.name)
        if following <= last and not any(line.strip() for line in lines[one.body_line - 1 : following - 1]):
            continue
        pieces.append((first, following - 1, "section", names[:MAX_NAME_CHARACTERS]))
        first, names = 0, ""
    return pieces


def chunks_of(lines: list[str], pieces: list[_Piece]) -> Iterator[CodeChunk]:
    """Make the chunks; a chunk that is too long is cut at a blank line if it has one."""
    offsets = list(accumulate((len(line) + 1 for line in lines), initial=0))
    for first, last, kind, name in pieces:
        limit = PLAIN_CHUNK_LINES if kind in {"text", "section"} else MAX_CHUNK_LINES
        for start, end in _windows(lines, offsets, first, last, limit):
            text = "\n".join(lines[start - 1 : end])
            if not text.strip():
                continue
            yield CodeChunk(
                start, end, offsets[start - 1], offsets[end] - 1, kind, name, text[:MAX_CHUNK_CHARACTERS]
            )


def _windows(
    lines: list[str], offsets: list[int], first: int, last: int, limit: int
) -> Iterator[tuple[int, int]]:
    longest = limit + limit // 2
    start = first
    while start <= last:
        end = last if last - start < longest else start + limit - 1
        if offsets[end] - offsets[start - 1] > MAX_CHUNK_CHARACTERS:
            end = max(start, bisect_right(offsets, offsets[start - 1] + MAX_CHUNK_CHARACTERS) - 1)
        if end < last:
            lowest = start + (end - start) // 2
            end = next((line for line in range(end, lowest, -1) if not lines[line - 1].strip()), end)
        yield start, end
        start = end + 1
