"""`agent-store alert`: the rows of `v_alert`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_store.show import query
from agent_store.show.tables import Sheet
from agent_store.show.text import visible
from agent_store.show.words import dollars, one_line

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

# Periods that have ended come last. Of the sessions far below the limit of an alert only the most expensive is shown.
_ALERTS = """
select
    status, alert_kind, alert_name, scope, scope_value, period, session_id, period_start, period_end, ends_at,
    ends_at > $now as is_current, message, spent_usd, threshold_usd, spent_ratio, usual_usd
from v_alert
where not $only_over or (status = 'over' and ends_at > $now)
qualify
    status in ('over', 'near')
    or row_number() over (
        partition by alert_kind, alert_name order by spent_ratio desc nulls last, session_id
    ) = 1
order by
    is_current desc, case status when 'over' then 1 when 'near' then 2 when 'ok' then 3 else 4 end,
    spent_ratio desc nulls last, alert_kind, alert_name, session_id
"""

_MISTAKES = """
select input_path, set_aside_reason
from v_set_aside_input
where input_type = 'alert_list'
order by set_aside_reason
"""


def mistakes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Errors in the list of alerts, as the last build read it."""
    return [f"{path}: {reason}" for path, reason in query.run(connection, _MISTAKES, None).rows]


def ask(connection: duckdb.DuckDBPyConnection, now: datetime, *, only_over: bool = False) -> query.Answer:
    """All rows, or those over their limit in a period that has not ended; `now` is UTC without zone."""
    return query.run(connection, _ALERTS, None, {"now": now, "only_over": only_over})


def notes(answer: query.Answer) -> list[str]:
    """Notes below the table."""
    rows = [dict(zip(answer.columns, cells, strict=True)) for cells in answer.rows]
    ended = [] if all(row["is_current"] for row in rows) else ["In brackets: that period has ended."]
    return ended + [row["message"] for row in rows if row["status"] == "unknown"]


def sheet(answer: query.Answer) -> Sheet:
    """The rows as a table."""
    found = Sheet("Alerts")
    found.text("status")
    found.name("alert")
    found.text("kind", rank=4)
    found.name("of", rank=3)
    found.text("per")
    found.number("spent", "limit")
    found.number("%", rank=1)
    found.text("from", rank=2)
    found.text("ends", rank=5)
    for cells in answer.rows:
        row = dict(zip(answer.columns, cells, strict=True))
        ratio = row["spent_ratio"]
        per = f"session {row['session_id'][:8]}" if row["session_id"] else row["period"]
        found.add(
            row["status"] if row["is_current"] else f"({row['status']})",
            visible(one_line(row["alert_name"])), row["alert_kind"].replace("_", "-"),
            visible(one_line(f"{row['scope']} {row['scope_value'] or ''}".strip())), per,
            dollars(row["spent_usd"]), dollars(row["threshold_usd"]), "–" if ratio is None else f"{100 * ratio:,.0f}",
            str(row["period_start"]), str(row["period_end"]),
            style="" if row["is_current"] else "dim",
        )  # fmt: skip
    return found
