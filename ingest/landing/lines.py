"""Reads complete lines from an offset of a file, and salvages those that are not JSON objects."""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from types import TracebackType
from typing import Final, Self

from ingest.files import open_regular

MIB: Final = 1024 * 1024
READ_BYTES: Final = 16 * MIB
# A longer line is not kept whole, to limit memory.
MAX_LINE_BYTES: Final = 256 * MIB
# A longer line is kept, but not parsed: parsing takes about twenty times its size in memory, and a build has 1 GB.
MOST_PARSED_BYTES: Final = 32 * MIB
KEPT_OF_OVERLONG_BYTES: Final = 64 * 1024
# Transcripts compress to a tenth. An archive of a few bytes can unpack to terabytes.
MOST_UNPACKED_RATIO: Final = 200
LEAST_UNPACKED_BYTES: Final = 64 * MIB
# This many bytes before the remembered offset are read again to check that the file is still the same.
TAIL_BYTES: Final = 4096
# The first line is compared as well, unless it is longer than this.
HEAD_CHECK_BYTES: Final = 64 * 1024

# Limit on the attempts to find whole objects after a line's torn start.
_MAX_RECOVERY_STARTS: Final = 1_000
_MAX_RECOVERY_CHARACTERS: Final = 64 * MIB
_BOM: Final = "\ufeff"
_ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"  # half a pair
    r"|\\."  # any other escape, so that an escaped backslash is not mistaken for the start of one
)
_LONE_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_DECODER: Final = json.JSONDecoder(strict=False)
_WHITESPACE: Final = " \t\r\n"

NOT_JSON: Final = "not JSON"
NOT_AN_OBJECT: Final = "JSON, but not an object"
TORN: Final = "incomplete JSON object"
TOO_DEEP: Final = "JSON nested too deeply"
UNREAD: Final = f"longer than {MOST_PARSED_BYTES // MIB} MiB: kept, but not parsed"
OVERLONG: Final = f"longer than {MAX_LINE_BYTES // MIB} MiB: only its beginning is kept"


def digest(data: bytes) -> str:
    """Return a short hash of bytes, as text."""
    return blake2b(data, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive complete lines of a file."""

    lines: list[bytes]  # without their line feeds
    offset: int  # of the first line
    size: int  # in bytes, line feeds included
    has_returns: bool = False  # some lines may have Windows line ends
    overlong_ending: bytes = b""  # if set: the single line is the start of a line too long to keep, and this is its end
    open_ended: bool = False  # the last line has no line feed


@dataclass(frozen=True, slots=True)
class Part:
    """The landed form of one line: the whole line, or one of the objects glued together on it."""

    part_number: int
    byte_offset: int
    line: str
    repaired_line: str | None = None
    original_bytes: bytes | None = None
    set_aside_reason: str | None = None


class LineFile:
    """One file of lines, plain or compressed, opened for reading; offsets count uncompressed bytes."""

    def __init__(self, path: str, *, is_archive: bool) -> None:
        """Open it; data appended after this moment is left for the next run."""
        self._file = open_regular(path)
        self.is_archive = is_archive
        self.damage = ""
        self.fell_short = False
        try:
            self.status = os.fstat(self._file.fileno())
            self._archive = gzip.GzipFile(fileobj=self._file) if is_archive else None
            self.size = self._uncompressed_size() if is_archive else self.status.st_size
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Return the open file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, count: int) -> bytes:
        """Return some of the next bytes; from a damaged archive, everything readable before the damage."""
        return self._file.read(count) if self._archive is None else self._archive.read1(count)

    def _seek(self, offset: int) -> None:
        (self._archive or self._file).seek(offset)

    def _uncompressed_size(self) -> int:
        """Count the readable bytes; a damaged archive, or one that unpacks almost endlessly, is read as far as
        possible.
        """
        size = 0
        most = max(LEAST_UNPACKED_BYTES, MOST_UNPACKED_RATIO * self.status.st_size)
        try:
            while block := self._read(MIB):
                size += len(block)
                if size > most:
                    self.damage = f"an archive that unpacks to more than {MOST_UNPACKED_RATIO} times its size"
                    break
        except (EOFError, OSError, zlib.error) as error:
            self.damage = f"damaged archive: {error}"
        return size

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`."""
        self._seek(offset)
        blocks: list[bytes] = []
        while count > 0 and (block := self._read(min(count, READ_BYTES))):
            blocks.append(block)
            count -= len(block)
        return b"".join(blocks)

    def shrank_below(self, offset: int) -> bool:
        """Whether the file has become shorter than the part that was read."""
        return not self.is_archive and os.fstat(self._file.fileno()).st_size < offset

    def chunks(self, offset: int) -> Iterator[Chunk]:
        """Yield all complete lines from `offset` to the size that the file had when it was opened.

        A last line without a line feed is left out, unless it is a whole object anyway or ends an undamaged archive,
        where nothing can follow it.
        """
        position = at = offset  # of the first byte that has not been yielded, and of the next byte to read
        pending: list[bytes] = []  # the start of a line that has not ended yet
        pending_size = 0
        is_overlong = False
        ending = b""
        while at < self.size:
            self._seek(at)  # other positions of the file may have been read in between
            block = self._read(min(self.size - at, READ_BYTES))
            if not block:
                self.fell_short = True
                return
            at += len(block)
            if is_overlong:
                end = block.find(b"\n") + 1
                ending = (ending + (block[:end] if end else block))[-TAIL_BYTES:]
                pending_size += end or len(block)
                if not end:
                    continue
                yield Chunk(pending, position, pending_size, overlong_ending=ending)
                position += pending_size
                block = block[end:]
                pending, pending_size, is_overlong = [], 0, False
            if pending and b"\n" not in block:
                pending.append(block)
                pending_size += len(block)
                if pending_size > MAX_LINE_BYTES:
                    ending = _end_of(pending)
                    pending, is_overlong = [b"".join(pending[:16])[:KEPT_OF_OVERLONG_BYTES]], True
                continue
            if pending:
                pending.append(block)
                block = b"".join(pending)
            lines = block.split(b"\n")
            rest = lines.pop()
            size = len(block) - len(rest)
            if lines:
                yield Chunk(lines, position, size, has_returns=b"\r" in block)
                position += size
            pending, pending_size = ([rest], len(rest)) if rest else ([], 0)
        if pending and not is_overlong:
            line = b"".join(pending)
            if is_whole_object(line) or (self.is_archive and not self.damage):
                yield Chunk([line], position, len(line), open_ended=True)


def is_whole_object(line: bytes) -> bool:
    """Whether a line without its line feed is complete anyway: no proper prefix of an object is an object."""
    if not (line.startswith(b"{") and line.rstrip().endswith(b"}")):
        return False
    import orjson

    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _end_of(blocks: list[bytes]) -> bytes:
    """Return the last bytes of the joined blocks, without joining them all."""
    first, size = len(blocks), 0
    while first and size < TAIL_BYTES:
        first -= 1
        size += len(blocks[first])
    return b"".join(blocks[first:])[-TAIL_BYTES:]


def tail_of(before: bytes, lines: list[bytes], *, open_ended: bool = False) -> bytes:
    """Return the last bytes of a file after these lines, given the tail `before` that preceded them."""
    pieces: list[bytes] = []
    missing = TAIL_BYTES
    line_feed = b"" if open_ended else b"\n"
    for line in reversed(lines):
        pieces.append(line[-missing:] + line_feed)
        missing -= len(pieces[-1])
        line_feed = b"\n"
        if missing <= 0:
            break
    else:
        pieces.append(before)
    return b"".join(reversed(pieces))[-TAIL_BYTES:]


def without_return(line: bytes) -> bytes:
    """Return a line without the carriage return that Windows writes before the line feed."""
    return line[:-1] if line.endswith(b"\r") else line


def parts_of(raw: bytes, byte_offset: int) -> list[Part]:
    """Return the landed parts of a line that is not plainly one JSON object; nothing for an empty line.

    The text is always kept. Changes that a parser needs (half surrogate pairs, NUL bytes and other control
    characters, byte order marks) are made only in `repaired_line`. Bytes that are not UTF-8 are shown as U+FFFD and
    kept unchanged in `original_bytes`.
    """
    original: bytes | None = None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text, original = raw.decode("utf-8", "replace"), raw
    if len(raw) > MOST_PARSED_BYTES:
        return [Part(0, byte_offset, text, None, original, UNREAD)]
    if not text.strip(_WHITESPACE + _BOM):
        return []
    if _is_object(text):
        return [Part(0, byte_offset, text, None, original)]
    # Every change keeps the number of characters, so positions in one are positions in the other.
    readable = readable_json(text)
    if readable != text and _is_object(readable):
        return [Part(0, byte_offset, text, readable.strip(_WHITESPACE), original)]
    pieces = _pieces(readable)
    if not pieces:  # nothing but NUL bytes
        return [Part(0, byte_offset, text, None, original, NOT_JSON)]
    if len(pieces) == 1:
        _start, _end, repaired, reason = pieces[0]
        return [Part(0, byte_offset, text, repaired, original, reason)]
    parts: list[Part] = []
    for number, (start, end, repaired, reason) in enumerate(pieces):
        piece = text[start:end]
        if repaired is None and reason is None and readable[start:end] != piece:
            repaired = readable[start:end]  # noqa: PLW2901
        # The original bytes stay with the first part, since the boundaries of the parts are unknown in them.
        kept = original if number == 0 else None
        offset = byte_offset + (len(text[:start].encode()) if original is None else 0)
        parts.append(Part(number, offset, piece, repaired, kept, reason))
    return parts


def _is_object(text: str) -> bool:
    import orjson

    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def readable_json(text: str) -> str:
    """Replace characters that JSON parsers refuse, one for one."""
    if text.startswith(_BOM):
        text = " " + text[1:]
    if "\0" in text:
        text = text.replace("\0", " ")
    if _LONE_SURROGATE.search(text):
        text = _ESCAPE.sub(_whole_escape, text)
    return text


def _whole_escape(match: re.Match[str]) -> str:
    return "\\ufffd" if _LONE_SURROGATE.fullmatch(match[0]) else match[0]


# Start, end, the text to parse if it differs, the reason if it is set aside.
_Piece = tuple[int, int, str | None, str | None]


def _pieces(text: str) -> list[_Piece]:
    """Cut a line into its objects and the text between them."""
    pieces: list[_Piece] = []
    position, end_of_text = _skip(text, 0), len(text.rstrip(_WHITESPACE))
    while position < end_of_text:
        end, value, reason = _decode(text, position)
        if isinstance(value, dict):
            pieces.append((position, end, *_parsable(text[position:end], value)))
            position = _skip(text, end)
            continue
        start = _whole_objects_from(text, position + 1)
        if start < 0:
            pieces.append((position, end_of_text, None, reason))
            break
        pieces.append((position, start, None, reason))
        position = start
    return pieces


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


def _decode(text: str, position: int) -> tuple[int, object, str]:
    """Decode the value at a position: where it ends, the value, and the problem if it is not an object."""
    try:
        value, end = _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        read_until = len(text) if error.msg.startswith("Unterminated") else error.pos
        is_torn = text[position] == "{" and _skip(text, read_until) == len(text)
        return read_until, None, TORN if is_torn else NOT_JSON
    except RecursionError:
        return position, None, TOO_DEEP
    except ValueError:  # an integer of thousands of digits
        return position, None, NOT_JSON
    is_alone = _skip(text, end) == len(text)
    return end, value, NOT_AN_OBJECT if is_alone else NOT_JSON


def _parsable(text: str, value: dict[str, object]) -> tuple[str | None, str | None]:
    """Return the replacement text to parse, if one is needed, and the reason if nothing helps."""
    if _is_object(text):
        return None, None
    # Raw control characters inside strings: rewrite the object with escapes.
    try:
        repaired = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None, NOT_JSON
    return (repaired, None) if _is_object(repaired) else (None, NOT_JSON)


def _whole_objects_from(text: str, position: int) -> int:
    """Return where the first whole line object after a torn one starts, or -1.

    A killed client leaves half a line; the next client appends its own line to it. Objects nested in the torn half
    must not be mistaken for lines: the object found must extend to the very end of the line and look like a
    transcript line.
    """
    budget = _MAX_RECOVERY_CHARACTERS
    for _ in range(_MAX_RECOVERY_STARTS):
        position = text.find('{"', position)
        if position < 0 or budget < 0:
            return -1
        end, value, _reason = _decode(text, position)
        budget -= max(end - position, 1_000)
        start = position
        while isinstance(value, dict) and _looks_like_line(value):
            end = _skip(text, end)
            if end >= len(text):
                return start
            end, value, _reason = _decode(text, end)
        position += 1
    return -1


def _looks_like_line(value: dict[str, object]) -> bool:
    return isinstance(value.get("type"), str) and any(
        key in value for key in ("uuid", "sessionId", "timestamp", "messageId", "leafUuid")
    )
