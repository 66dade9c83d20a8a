"""A report as the provider's console exports it: a CSV file whose columns are known by many names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from agent_store.errors import StoreError
from agent_store.invoice.rows import COST, USAGE, ProviderRow, Reading
from ingest.text import shorten

# What a column is, and the names it has in exports, without spaces and signs. The first that a file has counts.
NAMES: Final = {
    "starts_at": (
        "startingat", "usagedateutc", "usagedate", "date", "dateutc", "day", "starttime", "bucketstart", "usagedatetime",
    ),
    "ends_at": ("endingat", "endtime", "bucketend"),
    "model": ("model", "modelversion", "modelname", "modelid"),
    "workspace": ("workspace", "workspacename", "workspaceid"),
    "api_key": ("apikey", "apikeyname", "apikeyid", "key"),
    "service_tier": ("servicetier", "tier", "usagetype"),
    "context_window": ("contextwindow",),
    "cost_type": ("costtype",),
    "token_type": ("tokentype",),
    "description": ("description", "lineitem", "item"),
    "currency": ("currency",),
    "amount_usd": ("amountusd", "costusd", "totalcostusd", "cost", "totalcost", "spendusd", "spend", "totalspend"),
    "amount_cents": ("amountcents", "costcents", "amount"),
    "uncached_input_tokens": (
        "uncachedinputtokens", "usageinputtokensnocache", "inputtokensnocache", "inputtokens", "usageinputtokens",
    ),
    "cache_write_5m_tokens": (
        "cachecreationephemeral5minputtokens", "usageinputtokenscachewrite5m", "inputtokenscachewrite5m", "cachewrite5m",
        "cachewrite5mtokens", "cachecreation5minputtokens", "cachecreation5mtokens", "cachecreationinputtokens",
        "cachewritetokens", "usageinputtokenscachewrite",
    ),
    "cache_write_1h_tokens": (
        "cachecreationephemeral1hinputtokens", "usageinputtokenscachewrite1h", "inputtokenscachewrite1h", "cachewrite1h",
        "cachewrite1htokens", "cachecreation1hinputtokens", "cachecreation1htokens",
    ),
    "cache_read_tokens": (
        "cachereadinputtokens", "usageinputtokenscacheread", "inputtokenscacheread", "cacheread", "cachereadtokens",
    ),
    "output_tokens": ("outputtokens", "usageoutputtokens"),
    "web_search_count": ("websearchrequests", "websearchcount", "servertoolusewebsearchrequests", "websearches"),
}  # fmt: skip
_TOKENS: Final = (
    "uncached_input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens", "output_tokens",
    "web_search_count",
)  # fmt: skip
# Columns of tokens or dollars that are no part of the report, or its parts once more.
_AMOUNT = re.compile(r"token|cost|usd|amount|spend|dollar|price")
_NOT_PARTS = re.compile(r"total|type|price|currency")
_DATES: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y", "%b %d, %Y", "%d %b %Y", "%Y/%m/%d")
_CENTS: Final = 100
_MOST_TITLE: Final = 60
_LARGEST: Final = 10**15


def read(path: Path) -> Reading:
    """The rows of a file. Raises StoreError if it is no such report."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise StoreError(f"{path} is not UTF-8 text.", "Save it as CSV in UTF-8.") from error
    return parse(text, str(path))


def parse(text: str, name: str = "The file") -> Reading:
    """The rows of a report as text; `name` is for messages."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    titles = next(lines, [])
    heads = [_plain(title) for title in titles]
    known = {what: next((one for one in names if one in heads), None) for what, names in NAMES.items()}
    columns = {what: heads.index(head) for what, head in known.items() if head is not None}
    if "starts_at" not in columns:
        raise StoreError(f"{name} has no column with a date.", f"Its columns: {', '.join(filter(None, heads)) or 'none'}")
    has_tokens = any(what in columns for what in _TOKENS)
    has_dollars = "amount_usd" in columns or "amount_cents" in columns
    if not has_tokens and not has_dollars:
        raise StoreError(
            f"{name} has neither tokens nor dollars.", "Export the usage or the cost of the organisation as CSV."
        )
    rows: list[ProviderRow] = []
    skipped = 0
    try:
        for line in lines:
            if not any(cell.strip() for cell in line):
                continue
            cells = {what: line[place].strip() for what, place in columns.items() if place < len(line)}
            found = _rows(cells, has_tokens=has_tokens, has_dollars=has_dollars)
            rows += found
            skipped += not found
    except csv.Error as error:
        raise StoreError(f"{name} is no CSV file: {error}.") from error
    return Reading(_added_up(rows), skipped, _notes(titles, columns))


def _notes(titles: Sequence[str], columns: Mapping[str, int]) -> tuple[str, ...]:
    """What of the report is not read, so that nobody takes a part of it for the whole."""
    known = {name for names in NAMES.values() for name in names}
    unread = [
        shorten(title, _MOST_TITLE)
        for title in titles
        if (head := _plain(title)) not in known and _AMOUNT.search(head) and not _NOT_PARTS.search(head)
    ]
    said = [f"These columns have names that are not known, and are not read: {', '.join(unread)}."] if unread else []
    if "output_tokens" in columns and "uncached_input_tokens" not in columns:
        said.append("It has no column of input tokens: without a cost report, its dollars are not known.")
    return tuple(said)


def _rows(cells: dict[str, str], *, has_tokens: bool, has_dollars: bool) -> list[ProviderRow]:
    starts_at = _moment(cells.get("starts_at", ""))
    if starts_at is None:
        return []
    ends_at = _moment(cells.get("ends_at", "")) or starts_at + timedelta(days=1)
    about: dict[str, Any] = {
        what: cells.get(what) or None
        for what in ("model", "workspace", "api_key", "service_tier", "context_window")
    }  # fmt: skip
    found = []
    if has_tokens:
        counts: dict[str, Any] = {what: _count(cells.get(what, "")) for what in _TOKENS}
        if any(value is not None for value in counts.values()):
            found.append(ProviderRow(USAGE, "csv", starts_at, ends_at, **about, **counts))
    if has_dollars:
        amount = _amount(cells)
        currency = (cells.get("currency") or "USD").upper()
        if amount is not None and currency == "USD":
            words: dict[str, Any] = {what: cells.get(what) or None for what in ("cost_type", "token_type", "description")}
            found.append(
                ProviderRow(COST, "csv", starts_at, ends_at, **about, **words, currency=currency, amount_usd=amount)
            )
    return found


def _added_up(rows: list[ProviderRow]) -> tuple[ProviderRow, ...]:
    """Rows about the same thing as one: a file may split it by something that is not read here."""
    from dataclasses import replace

    found: dict[str, ProviderRow] = {}
    for row in rows:
        before = found.get(row.key)
        if before is None:
            found[row.key] = row
            continue
        names = (*_TOKENS, "amount_usd")
        numbers: dict[str, Any] = {what: _sum(getattr(before, what), getattr(row, what)) for what in names}
        found[row.key] = replace(before, **numbers)
    return tuple(found.values())


def _sum(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else one + other


def _amount(cells: dict[str, str]) -> float | None:
    for what, divisor in (("amount_usd", 1), ("amount_cents", _CENTS)):
        text = re.sub(r"[$\s,]|USD", "", cells.get(what, ""))
        with suppress(InvalidOperation):
            number = Decimal(text) / divisor
            if number.is_finite() and abs(number) < _LARGEST:
                return float(number)
    return None


def _count(text: str) -> int | None:
    with suppress(InvalidOperation, ValueError, OverflowError):
        number = int(Decimal(re.sub(r"[\s,_]", "", text)))
        return number if 0 <= number < _LARGEST else None
    return None


def _moment(text: str) -> datetime | None:
    """A time in UTC; a day without a zone is one of UTC."""
    with suppress(ValueError):
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    for form in _DATES:
        with suppress(ValueError):
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
    return None


def _plain(head: str) -> str:
    return re.sub(r"[^a-z0-9]", "", head.lower())
