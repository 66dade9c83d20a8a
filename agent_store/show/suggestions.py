"""What to do about cost: suggestions for all sessions (v_optimization) and for one (v_session_advice)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_store.show.tables import shorten_paths
from agent_store.show.words import dollars, one_line
from ingest.text import shorten

if TYPE_CHECKING:
    from datetime import date

    import duckdb
    from rich.console import RenderableType

_SUBJECT_WIDTH = 60
MORE = 'agent-store query "from v_optimization"'
# Which suggestions concern what cost is given by: how the names of their types begin. None concerns days and projects,
# which are made of everything.
CONCERNS = {
    "model": ("cache_model_switch",),
    "session": ("cache_",),
    "skill": ("over_budget_skill", "over_budget_command", "unused_skill"),
    "plugin": ("unused_skill", "unused_agent"),
    "tool": ("oversized_result", "over_budget_tool", "carried_unused_result", "denied_call"),
    "mcp": ("over_budget_mcp_server", "unused_mcp_server"),
    "agent": ("over_budget_agent", "unused_agent"),
    "file": ("reread_file", "carried_unused_result", "over_budget_reference_file"),
    "component": ("",),
}


@dataclass(frozen=True, slots=True)
class Optimization:
    """What would have been cheaper or quicker."""

    optimization_type: str
    subject: str
    suggestion: str
    evidence: str
    dollars_per_month: float | None
    total_usd: float | None
    minutes_per_month: float | None


@dataclass(frozen=True, slots=True)
class SessionAdvice:
    """What would have made one session cheaper."""

    session_id: str
    optimization_type: str
    subject: str
    suggestion: str
    occurrence_count: int
    tokens: int | None
    cost_usd: float


def read(
    connection: duckdb.DuckDBPyConnection, types: Sequence[str] = ("",), since: date | None = None
) -> list[Optimization]:
    """The suggestions of such types, what would save most first; those whose cause was seen since a day."""
    if not types:
        return []
    rows = _rows(
        connection,
        """
        select
            optimization_type, subject, suggestion, evidence, dollars_per_month, total_usd, minutes_per_month
        from v_optimization
        where
            len(list_filter($types, lambda beginning: starts_with(optimization_type, beginning))) > 0
            and ($since is null or last_seen_at >= cast($since as date))
        order by
            dollars_per_month desc nulls last, minutes_per_month desc nulls last, total_usd desc nulls last,
            optimization_type, subject
        """,
        {"types": list(types), "since": since},
    )
    return [Optimization(*row) for row in rows]


def read_of_sessions(
    connection: duckdb.DuckDBPyConnection, sessions: str, parameters: dict[str, Any]
) -> list[SessionAdvice]:
    """The advice for the sessions that a query names, what would have saved most first."""
    rows = _rows(
        connection,
        f"""
        select session_id, optimization_type, subject, suggestion, occurrence_count, tokens, cost_usd
        from v_session_advice where session_id in ({sessions})
        order by cost_usd desc, session_id, cost_rank
        """,
        parameters,
    )
    return [SessionAdvice(*row) for row in rows]


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> list[Any]:
    """What a query finds; nothing where the view could not be made."""
    import duckdb

    try:
        return connection.execute(sql, parameters).fetchall()
    except duckdb.CatalogException:
        return []


def worth(line: Optimization | SessionAdvice) -> str:
    """What it would save: $3.83, or 12 min."""
    if isinstance(line, SessionAdvice):
        return dollars(line.cost_usd)
    if line.dollars_per_month is not None:
        return dollars(line.dollars_per_month)
    minutes = line.minutes_per_month or 0.0
    return f"{minutes:,.0f} min" if minutes >= 1 else "<1 min"


def sentence(line: Optimization | SessionAdvice) -> str:
    """What it is about, and what to do; a remedy for cache misses says itself what it is about."""
    if line.optimization_type.startswith("cache_"):
        return f"{one_line(line.suggestion)} (cache misses)"
    subject = one_line(line.subject)
    # A command is cut at its end, a path in its middle.
    is_path = " " not in subject
    short = shorten_paths([subject], _SUBJECT_WIDTH)[0] if is_path else shorten(subject, _SUBJECT_WIDTH)
    return f"{short}: {one_line(line.suggestion)}"


def listed(lines: Sequence[tuple[str, str]]) -> RenderableType:
    """Amounts and sentences, wrapped beside their amounts."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for amount, words in lines:
        grid.add_row(Text(amount), Text(words))
    return Padding(grid, (0, 0, 0, 1))
