"""Days as people name them: 2026-03-01, 2026-03, yesterday, 7d, "3 months", "last week"."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

_MOST_TOLD = 80
EXAMPLES = "2026-03-01, 2026-03, today, yesterday, 7d, 2w, 3 months, last week, this month"
_MONTHS_PER_YEAR = 12
_AGO = re.compile(r"(\d{1,5})\s*(d|days?|w|weeks?|m|mo|months?|y|years?)(?:\s+ago)?")
_NAMED = re.compile(r"(this|last)[\s_-]+(week|month|year)")
_ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


class NoDayError(ValueError):
    """A text names no day. `reason` says only that, for a caller that says elsewhere how to write one."""

    def __init__(self, text: str, reason: str, advice: str = "") -> None:
        """Keep the beginning of the text, and why it names none."""
        self.reason = f"{text[:_MOST_TOLD]!r} is {reason}."
        super().__init__(f"{self.reason[:-1]}; {advice}." if advice else self.reason)


def parse(text: str, today: date) -> tuple[date, date]:
    """The first and the last day that a text names. Raises NoDayError where it names none."""
    words = " ".join(text.strip().lower().split())
    if words in {"today", "yesterday"}:
        day = today - timedelta(days=words == "yesterday")
        return day, day
    try:
        if found := _NAMED.fullmatch(words):
            return _named(found[1], found[2], today)
        if found := _AGO.fullmatch(words):
            day = _ago(int(found[1]), found[2], today)
            return day, day
        if found := _ISO.fullmatch(words):
            return _iso(found)
    except (ValueError, OverflowError) as error:
        raise NoDayError(text, "not a day of the calendar") from error
    raise NoDayError(text, "not understood", f"write {EXAMPLES}")


def _named(which: str, unit: str, today: date) -> tuple[date, date]:
    if unit == "week":
        first = today - timedelta(days=today.weekday() + 7 * (which == "last"))
        return first, first + timedelta(days=6)
    if unit == "month":
        first = _months_before(today.replace(day=1), int(which == "last"))
        return first, _last_of_month(first)
    year = today.year - (which == "last")
    return date(year, 1, 1), date(year, 12, 31)


def _ago(count: int, unit: str, today: date) -> date:
    if unit.startswith("d"):
        return today - timedelta(days=count)
    if unit.startswith("w"):
        return today - timedelta(weeks=count)
    return _months_before(today, count * (_MONTHS_PER_YEAR if unit.startswith("y") else 1))


def _months_before(day: date, count: int) -> date:
    """The same day some months earlier, or the last one that month has."""
    year, month = divmod(day.year * _MONTHS_PER_YEAR + day.month - 1 - count, _MONTHS_PER_YEAR)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _last_of_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _iso(found: re.Match[str]) -> tuple[date, date]:
    year, month, day = found[1], found[2], found[3]
    if day:
        one = date(int(year), int(month), int(day))
        return one, one
    if month:
        first = date(int(year), int(month), 1)
        return first, _last_of_month(first)
    return date(int(year), 1, 1), date(int(year), 12, 31)
