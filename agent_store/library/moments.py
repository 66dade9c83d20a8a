"""Times and periods as people and models write them: a date, "7 days", "this week", "2026-02-01..2026-02-14"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from agent_store.errors import StoreError
from agent_store.show import periods

Moment = str | date | datetime
_HOURS = re.compile(r"(\d{1,5})\s*(?:h|hours?|hrs?)(?:\s+ago)?")
_MINUTES = re.compile(r"(\d{1,5})\s*min(?:ute)?s?(?:\s+ago)?")
_AGO = re.compile(r"\d{1,5}\s*[a-z]+(?:\s+ago)?")
_RANGE = re.compile(r"\s*(?:\.\.\.?|/|\bto\b|\buntil\b)\s*")
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def _within_the_calendar(find: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """The first and the last day of the calendar have no day before or after them: turn that into a readable error."""

    @wraps(find)
    def found(*given: _Given.args, **named: _Given.kwargs) -> _Found:
        try:
            return find(*given, **named)
        except OverflowError as error:
            raise StoreError(
                f"{str(given[0])[:80]!r} is too close to the end of the calendar.",
                f"Write a day or a period as {periods.EXAMPLES}.",
            ) from error

    return found


@_within_the_calendar
def moment_of(given: Moment | None, today: date) -> str | None:
    """The start of the given time, as text of a UTC timestamp; None for None. Raises StoreError if it is not a time."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if isinstance(given, datetime):
        return _utc(given)
    if isinstance(given, date):
        return _text(given)
    if not isinstance(given, str):
        raise StoreError(
            f"{str(given)[:80]!r} is no time.", f"Write a day or a period as {periods.EXAMPLES}."
        )
    words = given.strip().lower().removeprefix("last ").removeprefix("the last ")
    for pattern, unit in ((_HOURS, "hours"), (_MINUTES, "minutes")):
        if found := pattern.fullmatch(words):
            return _utc(datetime.now(UTC) - timedelta(**{unit: int(found[1])}))
    try:
        return _utc(datetime.fromisoformat(given.strip()))
    except ValueError:
        return _text(_days(given, today)[0])


@_within_the_calendar
def range_of(given: object, today: date) -> tuple[str | None, str | None]:
    """The first moment of a range of days and the one after its last, as text; (None, None) if nothing is given.

    A range is a text ("2026-02-01..2026-02-14", "2026-02", "7 days": until today), or a pair of times.
    """
    if given is None or given in {"", ()}:
        return None, None
    if isinstance(given, str):
        first, last = days_of(given, today)
        return (None, None) if first is None or last is None else (_text(first), _text(last + timedelta(days=1)))
    if isinstance(given, Sequence) and len(given) == 2:  # noqa: PLR2004 - a first and a last
        return between(given[0], given[1], today)
    if isinstance(given, date):
        return moment_of(given, today), end_of(given, today)
    raise StoreError(f"{given!r} is not a range of days.", "Write it as 2026-02-01..2026-02-14")


def between(start: Moment | None, end: Moment | None, today: date) -> tuple[str | None, str | None]:
    """The start of the first time, and the moment after the second; None for what is not given."""
    first, last = moment_of(start, today), end_of(end, today)
    if first is not None and last is not None and last <= first:
        raise _reversed(f"{start}..{end}")
    return first, last


@_within_the_calendar
def end_of(given: Moment | None, today: date) -> str | None:
    """The moment after the given one: for a day the start of the next, for a time a moment later."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if isinstance(given, datetime):
        return _utc(given + timedelta(microseconds=1))
    if isinstance(given, date):
        return _text(given + timedelta(days=1))
    try:
        at = datetime.fromisoformat(given.strip())
    except ValueError:
        at = None
    if at is not None and ("T" in given or ":" in given):
        return _utc(at + timedelta(microseconds=1))
    return _text(_days(given, today)[1] + timedelta(days=1))


@_within_the_calendar
def days_of(given: str, today: date) -> tuple[date, date] | tuple[None, None]:
    """The first and the last day of a period: "day", "week", "month", "7 days" (until today), a range, a day.

    (None, None) for "all", which includes what has no time.
    """
    words = " ".join(given.strip().lower().split())
    if words in {"all", "ever", "total", "all time"}:
        return None, None
    if words in {"day", "daily"}:
        return today, today
    if found := re.fullmatch(r"(week|month|year)(?:ly)?", words):
        return _days(f"this {found[1]}", today)
    parts = _RANGE.split(words)
    if len(parts) == 2 and all(parts):  # noqa: PLR2004 - a first and a last
        first, last = _days(parts[0], today)[0], _days(parts[1], today)[1]
        if last < first:
            raise _reversed(given)
        return first, last
    since = re.sub(r"^(?:the )?last (?=\d)", "", words)
    if _AGO.fullmatch(since):
        return _days(since, today)[0] + timedelta(days=1), today
    return _days(words, today)


def _reversed(given: str) -> StoreError:
    return StoreError(f"{given[:80]!r} ends before it begins.", "Write the earlier day first.")


def _days(given: str, today: date) -> tuple[date, date]:
    try:
        return periods.parse(given, today)
    except periods.NoDayError as error:
        raise StoreError(error.reason, f"Write a day or a period as {periods.EXAMPLES}.") from error


def _text(day: date) -> str:
    return datetime.combine(day, time()).isoformat(sep=" ")


def _utc(at: datetime) -> str:
    """In the form of the store's times: UTC, without a zone; a time without a zone is taken as UTC."""
    return (at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at).isoformat(sep=" ")
