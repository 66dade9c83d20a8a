"""`agent-store effect`: the rows of the question `get_change_effect`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent_store.show.tables import Sheet
from agent_store.show.text import visible
from agent_store.show.words import dollars, percent, short_number
from ingest.text import counted

Row = Mapping[str, Any]
_MEASURES: Final = {
    "success": "success",
    "cost_usd": "cost",
    "duration_seconds": "time",
    "corrections": "corrections",
}
_UNDECIDED: Final = "not enough to tell"
_STYLES: Final = {"helped": "green", "hurt": "red"}


def changes(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows by change, in their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["change_id"], []).append(row)
    return list(found.values())


def sheet(shown: Sequence[Sequence[Row]], count: int) -> Sheet:
    """The changes as a table: a row for each measure."""
    which = "" if len(shown) == count else f" The {len(shown):,} of {counted(count, 'change')} with most tasks on each side"
    table = Sheet(f"Did it help?{which}")
    table.path("component")
    days = Counter(_day(change[0]) for change in shown)
    # Two changes of one day are told apart by their time alone.
    table.text("changed", rank=0 if max(days.values(), default=0) > 1 else 4)
    table.text("measure")
    table.number("before", rank=3)
    table.number("after", rank=3)
    table.number("effect")
    table.number("90 % interval", rank=1)
    table.number("tasks", rank=2)
    table.number("needed", rank=5)
    table.text("verdict")
    for change in shown:
        at = f"{change[0]['changed_at']:%Y-%m-%d %H:%M}" if days[_day(change[0])] > 1 else _day(change[0])[1]
        # Nothing to compare: one row says it for all measures.
        rows = change if _is_comparable(change) else change[:1]
        for number, row in enumerate(rows):
            table.add(
                visible(row["component_name"]) if number == 0 else "",
                at if number == 0 and row["changed_at"] else "",
                _MEASURES[row["measure"]] if rows is change else "all",
                _mean(row, row["before_mean"]), _mean(row, row["after_mean"]),
                _effect(row, row["difference"]), _interval(row),
                f"{row['before_count']:,} → {row['after_count']:,}",
                short_number(row["needed_count"]) if row["needed_count"] and rows is change else "",
                "not enough" if row["verdict"] == _UNDECIDED else row["verdict"],
                style=_STYLES.get(row["verdict"], ""),
            )  # fmt: skip
    return table


def notes(rows: Sequence[Row]) -> list[str]:
    """What the numbers rest on."""
    first = rows[0]
    told = sum(row["verdict"] != _UNDECIDED for row in rows)
    said = [
        f"{told:,} of {len(rows):,} comparisons tell something. \"Not enough\" means: fewer than {first['minimum_count']} "
        f"tasks from {first['minimum_session_count']} sessions on one side, or a 90 % interval that includes no effect.",
        "Compared are tasks of the same project, type and model. Tasks: how many before → after can be compared. Needed: "
        "how many each side takes to show ten points of success, a fifth of cost or time, or one correction in five tasks.",
        "By chance alone, one in ten changes without any effect gets a verdict, for each measure.",
    ]
    if unlike := sum(not _is_comparable(change) for change in changes(rows)):
        said.append(
            f"After {counted(unlike, 'change')}, no task is of the same project, type and model as one before."
        )
    if any(row["evidence"] == "randomised" for row in rows):
        said.append("Plugins are compared with no plugin, on the same cases (claude plugin eval): randomised, a test.")
    if any(row["evidence"] != "randomised" for row in rows):
        said.append("Observed, before and after: something else may have changed at the same time. It is a hint, no test.")
    return said


def nothing(component: str | None, *, is_in_period: bool) -> str:
    """The answer without rows."""
    when = " in this time" if is_in_period else ""
    what = f" of {visible(component)}" if component else ""
    return (
        f"The store knows no change{what}{when} with tasks before and after it. A change is known when a conversation "
        "shows the text, an agent edits the file, or a scan finds another version: agent-store scan"
    )


def _day(row: Row) -> tuple[str, str]:
    """The component and the day of its change; without a day, that of no other change."""
    at = row["changed_at"]
    return (row["component_name"], f"{at:%Y-%m-%d}") if at else (row["change_id"], "")


def _is_comparable(change: Sequence[Row]) -> bool:
    return any(row["before_count"] for row in change)


def _mean(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    if row["measure"] == "success":
        return percent(value)
    if row["measure"] == "cost_usd":
        return dollars(value)
    if row["measure"] == "duration_seconds":
        return f"{value:,.0f} s" if value < 120 else f"{value / 60:,.0f} min"  # noqa: PLR2004 - two minutes
    return f"{value:.2f}"


def _effect(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    if row["difference_type"] == "ratio":
        return f"×{value:.2f}" if value < 100 else ">×99"  # noqa: PLR2004 - three digits
    return f"{100 * value:+.0f} pts" if row["measure"] == "success" else f"{value:+.2f}"


def _interval(row: Row) -> str:
    low, high = row["difference_low"], row["difference_high"]
    # The unit is that of the effect beside it.
    return f"{_effect(row, low)} to {_effect(row, high)}".replace("×", "").replace(" pts", "") if low is not None else ""
