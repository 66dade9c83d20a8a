"""Values of an answer as text: as people read them, and exactly, for CSV and JSON.

Nothing is imported here but what the process of a query needs, which starts for each of them.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

# As JSON: a text in quotes, and only what must be escaped is.
_in_quotes = json.JSONEncoder(ensure_ascii=False).encode
# What a writer of CSV puts in quotes.
_IN_QUOTES = re.compile('[",\r\n]')
_NUMBERS = (bool, int, float, Decimal)
_SMALLEST_FIXED = 1e-4


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """A value as JSON can hold it: times as ISO text, bytes as hex, what is no number as null, the rest as text."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)


def exact(value: object) -> str | None:
    """A value as text that loses nothing; None for NULL and for what is no number.

    Times of the store are UTC, and say so. A list or a struct is JSON, bytes are hex.
    """
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:  # the most frequent, and no bool
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else f"{value.isoformat()}+00:00"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict | list | tuple):
        return json_of(value)
    return str(value)


def json_of(value: object) -> str:
    """A value as JSON: numbers with all their digits, null for what is none."""
    if isinstance(value, dict):
        names = distinct_names([exact(key) or "null" for key in value])
        return _object([_in_quotes(name) for name in names], value.values())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(json_of, value))}]"
    text = exact(value)
    if text is None:
        return "null"
    return text if isinstance(value, _NUMBERS) else _in_quotes(text)


def _object(names: Sequence[str], values: Iterable[object]) -> str:
    """An object of JSON; the names are in quotes already."""
    fields = (f"{name}: {json_of(value)}" for name, value in zip(names, values, strict=True))
    return f"{{{', '.join(fields)}}}"


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """CSV with a header, row by row; NULL and what is no number are empty fields, an empty text is `""`."""
    # What the file of a writer returns for a line, the writer returns for a row.
    writer: Any = csv.writer(_Lines(), lineterminator="\n")
    yield writer.writerow(distinct_names(columns))
    for row in rows:
        fields = [exact(value) for value in row]
        yield _with_empty_texts(fields) if "" in fields else writer.writerow(fields)


def _with_empty_texts(fields: Iterable[str | None]) -> str:
    """A line of CSV with empty texts, which a writer would make the same as NULL."""
    return (
        ",".join(
            "" if field is None else _quoted(field) if not field or _IN_QUOTES.search(field) else field
            for field in fields
        )
        + "\n"
    )


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


class _Lines:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        return line


def json_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A list of objects, one a line, row by row; the second column of a name is called name_2."""
    names = [_in_quotes(name) for name in distinct_names(columns)]
    before = "[\n"
    for row in rows:
        yield before + _object(names, row)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def distinct_names(names: Sequence[str]) -> list[str]:
    """Names of columns, no two alike: the second `cost` is `cost_2`."""
    taken, result = set(names), []
    seen: set[str] = set()
    for name in names:
        number, own = 2, name
        while own in seen or (own != name and own in taken):
            own, number = f"{name}_{number}", number + 1
        seen.add(own)
        result.append(own)
    return result


def shown(value: object) -> str | None:
    """As people read it: a number with a fraction has six digits of it at most; None for NULL."""
    if isinstance(value, float) and math.isfinite(value):
        if value and abs(value) < _SMALLEST_FIXED:
            return f"{value:.3g}"
        return f"{value + 0.0:.6f}".rstrip("0").rstrip(".")
    if value is None or isinstance(value, Decimal | bytes | list | dict | tuple):
        return exact(value)
    return str(value)
