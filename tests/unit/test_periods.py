"""Days as people name them."""

from __future__ import annotations

from datetime import date

import pytest

from agent_store.show.periods import parse

THURSDAY = date(2026, 3, 12)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-01", "2026-03-01", "2026-03-01"),
        ("2026-2", "2026-02-01", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025", "2025-01-01", "2025-12-31"),
        ("today", "2026-03-12", "2026-03-12"),
        (" Yesterday ", "2026-03-11", "2026-03-11"),
        ("7d", "2026-03-05", "2026-03-05"),
        ("1 day ago", "2026-03-11", "2026-03-11"),
        ("2w", "2026-02-26", "2026-02-26"),
        ("3 months", "2025-12-12", "2025-12-12"),
        ("1y", "2025-03-12", "2025-03-12"),
        ("this week", "2026-03-09", "2026-03-15"),
        ("last week", "2026-03-02", "2026-03-08"),
        ("last-month", "2026-02-01", "2026-02-28"),
        ("this  month", "2026-03-01", "2026-03-31"),
        ("last year", "2025-01-01", "2025-12-31"),
    ],
)
def test_a_text_names_days(text: str, first: str, last: str) -> None:
    assert [str(day) for day in parse(text, THURSDAY)] == [first, last]


def test_a_month_earlier_is_its_last_day_where_it_has_none_of_that_number() -> None:
    assert parse("1 month", date(2026, 3, 31))[0] == date(2026, 2, 28)
    assert parse("last month", date(2026, 1, 31)) == (date(2025, 12, 1), date(2025, 12, 31))


@pytest.mark.parametrize(
    "text", ["", "soon", "7", "7 fortnights", "next week", "2026-13", "2026-02-30", "99999y", "0000"]
)
def test_what_names_no_day_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not understood; write 2026-03-01|is not a day of the calendar"):
        parse(text, THURSDAY)
