"""The format of a query process's pipe: frames with a kind, a length and that many bytes."""

from __future__ import annotations

# Column names and which are numeric; rows; text of CSV or JSON; the end; an error.
COLUMNS = b"C"
ROWS = b"R"
TEXT = b"T"
END = b"Z"
ERROR = b"E"
KINDS = frozenset({COLUMNS, ROWS, TEXT, END, ERROR})
HEAD_BYTES = 5
# Longer answers come in several frames; only the names of columns or one row may need a longer frame.
USUAL_BYTES = 1 << 16
# This many characters of text, each of at most four bytes.
MOST_BYTES_OF_TEXT = 4 * USUAL_BYTES


def head(kind: bytes, length: int) -> bytes:
    """The header of a frame."""
    return kind + length.to_bytes(HEAD_BYTES - 1, "big")


def read_head(data: bytes | bytearray) -> tuple[bytes, int]:
    """The kind and the length of the frame with this header."""
    return bytes(data[:1]), int.from_bytes(data[1:HEAD_BYTES], "big")
