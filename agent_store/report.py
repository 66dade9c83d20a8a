"""The report: what was spent – per day, model, project, session – and what is in the store.

Reads the published store only; neither dbt nor the warehouse is touched, so it answers within half a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.tables import fitted, name_column, number_columns
from agent_store.tables import table as new_table

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console, RenderableType

DAYS_SHOWN = 14
PROJECTS_SHOWN = 10
MODELS_SHOWN = 15
SESSIONS_SHOWN = 8
CACHE_MODELS_SHOWN = 6
_WIDE = 120
_BAR_NARROW, _BAR_WIDE = 16, 30
_SMALLEST_SHOWN = 0.01
_THOUSAND = 1000
_EIGHTHS = " ▏▎▍▌▋▊▉"
PRICES_ARE = "Dollars are what the API would have cost at list prices, not what a subscription was charged."

# The same measures as in the marts, of the calls of some days only: what a report of a time reads.
_CALLS_OF_TIME = """
    select
        {columns}, sum(c.cost_usd) as cost_usd, count(*) filter (where c.success) as response_count,
        sum(c.total_tokens) as total_tokens, count(distinct c.session_id) as session_count,
        count(*) filter (where not c.is_priced) as unpriced_response_count
    from fact_api_call as c
    inner join dim_model as m on m.model_id = c.model_id
    inner join dim_session as s on s.session_id = c.session_id
    where {days}
    group by all
"""
_OF_TIME = {
    "v_cost_by_model": "m.model_name, m.provider",
    "v_cost_by_project": "s.project_name, s.project_path",
    "v_session_report": "c.session_id, s.title, s.project_name, min(c.called_at) as started_at, "
    "(select count(*) from fact_prompt as p semi join fact_api_call as own on own.prompt_id = p.prompt_id "
    "and {own_days} where p.session_id = c.session_id and p.is_human) as prompt_count, "
    "(select count(*) from fact_tool_invocation as t semi join fact_api_call as own on own.call_id = t.call_id "
    "and {own_days} where t.session_id = c.session_id) as tool_call_count",
}

# Each of these views lists findings: no rows is what one hopes for.
FINDINGS = {
    "v_unpriced_model": "models without a known price, whose responses are not in the dollars",
    "v_unknown_line_type": "kinds of line or key that this version does not know",
    "v_set_aside_line": "lines set aside, each with its reason",
    "v_set_aside_value": "files with times or token counts that cannot be, which count as not known",
    "v_unfinished_output": "responses cut off, whose output tokens are a lower bound",
    "v_vanished_session": "sessions whose transcript is gone",
}


@dataclass(frozen=True, slots=True)
class Spending:
    """One line of spending: a day, a model or a project."""

    name: str
    cost_usd: float | None
    response_count: int
    total_tokens: int
    session_count: int
    unpriced_response_count: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One of the dearest sessions."""

    session_id: str
    title: str | None
    project_name: str | None
    started_at: datetime | None
    cost_usd: float | None
    prompt_count: int
    response_count: int
    tool_call_count: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class CacheLine:
    """How well the prompt cache worked for a model."""

    model_name: str
    response_count: int
    cache_read_tokens: int
    cache_write_tokens: int
    uncached_input_tokens: int
    hit_ratio: float | None
    miss_count: int
    saved_usd: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """How many findings a health view has."""

    view: str
    count: int
    meaning: str

    @property
    def sentence(self) -> str:
        """v_set_aside_line (3): lines set aside, each with its reason."""
        return f"{self.view} ({self.count:,}): {self.meaning}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our dollars against another count of the same sessions."""

    name: str
    session_count: int
    our_usd: float | None
    their_usd: float | None
    difference_usd: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the report shows."""

    store_path: str
    build: dict[str, Any]
    total: Spending
    first_date: date | None
    last_date: date | None
    day_count: int
    days: Sequence[Spending]
    models: Sequence[Spending]
    projects: Sequence[Spending]
    sessions: Sequence[SessionLine]
    cache: Sequence[CacheLine]
    tables: Sequence[tuple[str, int]]
    view_count: int
    findings: Sequence[Finding]
    comparisons: Sequence[Comparison]
    unpriced_models: Sequence[tuple[str, int]]
    since: date | None = None
    until: date | None = None
    notes: Sequence[str] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data for programs."""
        return {"prices": PRICES_ARE, **asdict(self)}


# --- reading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Time:
    """The days that a report is about, both included; in the zone that the marts follow."""

    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        """Whether it is less than everything."""
        return self.since is not None or self.until is not None

    def condition(self, column: str) -> str:
        """As SQL."""
        limits = [(">=", self.since), ("<=", self.until)]
        return " and ".join(f"{column} {sign} date '{day}'" for sign, day in limits if day) or "true"

    def source(self, view: str) -> str:
        """A mart, or the same measures of these days only."""
        if not self:
            return view
        if view in _OF_TIME:
            columns = _OF_TIME[view].format(own_days=self.condition("own.called_local_date"))
            return f"({_CALLS_OF_TIME.format(columns=columns, days=self.condition('c.called_local_date'))})"
        return f"(select * from {view} where {self.condition('usage_date')})"

    def __str__(self) -> str:
        """Since 2026-03-01 until 2026-03-31."""
        words = [f"{word} {day}" for word, day in (("since", self.since), ("until", self.until)) if day]
        return " ".join(words)


def collect(connection: duckdb.DuckDBPyConnection, store_path: str, time: Time | None = None) -> Report:
    """Ask the published store everything the report shows; with `time`, what was spent on these days."""
    import duckdb

    try:
        return _collect(connection, store_path, time or Time())
    except duckdb.Error as error:
        raise StoreError(
            f"The store does not have the shape this version expects: {str(error).strip().splitlines()[0]}",
            "Build it again: agent-store build --full-refresh",
        ) from error


def _collect(connection: duckdb.DuckDBPyConnection, store_path: str, time: Time) -> Report:
    relations = {
        name: (kind, rows)
        for name, kind, rows in connection.execute(
            """
            select table_name, 'table', estimated_size from duckdb_tables() where schema_name = 'main'
            union all
            select view_name, 'view', null from duckdb_views() where schema_name = 'main' and not internal
            """
        ).fetchall()
    }

    def spending(view: str, name: str, *, order: str, detail: str = "''") -> list[Spending]:
        if view not in relations:
            return []
        rows = connection.execute(
            f"""
            select
                {name}, sum(cost_usd), sum(response_count)::bigint, sum(total_tokens)::bigint,
                sum(session_count)::bigint, sum(unpriced_response_count)::bigint, {detail}
            from {time.source(view)} group by all order by {order}
            """
        ).fetchall()
        return [Spending(str(row[0]) if row[0] is not None else "(none)", *row[1:]) for row in rows]

    days = spending("v_cost_daily", "usage_date", order="1")
    models = spending(
        "v_cost_by_model", "model_name", order="2 desc nulls last, 4 desc, 1", detail="any_value(provider)"
    )
    projects = spending(
        "v_cost_by_project",
        "project_name",
        order="2 desc nulls last, 4 desc, 1",
        detail="any_value(project_path)",
    )
    dates = [date.fromisoformat(day.name[:10]) for day in days if day.name != "(none)"]
    sessions = _sessions(connection, time) if "v_session_report" in relations else []
    counted = (
        f"(select distinct session_id from {time.source('v_session_report')})" if time else "dim_session"
    )
    session_total = (
        _one(connection, f"select count(*) from {counted}") if "dim_session" in relations else len(sessions)
    )
    costs = [day.cost_usd for day in days if day.cost_usd is not None]
    total = Spending(
        name="total",
        cost_usd=sum(costs) if costs else None,
        response_count=sum(day.response_count for day in days),
        total_tokens=sum(day.total_tokens for day in days),
        session_count=session_total,
        unpriced_response_count=sum(day.unpriced_response_count for day in days),
    )
    return Report(
        store_path=store_path,
        build=_build(connection) if "store_build" in relations else {},
        total=total,
        first_date=min(dates, default=None),
        last_date=max(dates, default=None),
        day_count=len(dates),
        days=_last_days(days, dates),
        models=models,
        projects=projects,
        sessions=sessions,
        cache=_cache(connection, time) if "v_cache_health" in relations else [],
        tables=sorted((name, rows or 0) for name, (kind, rows) in relations.items() if kind == "table"),
        view_count=sum(kind == "view" for kind, _ in relations.values()),
        findings=[
            Finding(view, _one(connection, f"select count(*) from {view}"), meaning)
            for view, meaning in FINDINGS.items()
            if view in relations
        ],
        comparisons=_comparisons(connection) if "v_reconciliation" in relations and not time else [],
        unpriced_models=[
            (model.name, model.unpriced_response_count) for model in models if model.unpriced_response_count
        ],
        since=time.since,
        until=time.until,
    )


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0] or 0) if row else 0


def _build(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    cursor = connection.execute("select * from store_build")
    names = [column[0] for column in cursor.description or []]
    row = cursor.fetchone()
    return dict(zip(names, row, strict=True)) if row else {}


def _last_days(days: Sequence[Spending], dates: Sequence[date]) -> list[Spending]:
    """The last days with use."""
    shown = {f"{day}" for day in sorted(set(dates))[-DAYS_SHOWN:]}
    return [day for day in days if day.name[:10] in shown]


def _sessions(connection: duckdb.DuckDBPyConnection, time: Time) -> list[SessionLine]:
    rows = connection.execute(
        f"""
        select
            session_id, title, project_name, started_at, cost_usd, prompt_count, response_count,
            tool_call_count, total_tokens
        from {time.source("v_session_report")}
        order by cost_usd desc nulls last, response_count desc, session_id
        limit {SESSIONS_SHOWN}
        """
    ).fetchall()
    return [SessionLine(*row) for row in rows]


def _cache(connection: duckdb.DuckDBPyConnection, time: Time) -> list[CacheLine]:
    rows = connection.execute(
        f"""
        select
            model_name, sum(response_count)::bigint, sum(cache_read_tokens)::bigint,
            sum(cache_write_tokens)::bigint, sum(uncached_input_tokens)::bigint,
            sum(cache_read_tokens)
            / nullif(sum(cache_read_tokens + cache_write_tokens + uncached_input_tokens), 0)::double,
            sum(cache_miss_count)::bigint, sum(saved_usd)
        from {time.source("v_cache_health")}
        group by all
        having sum(cache_read_tokens) + sum(cache_write_tokens) > 0
        order by 3 desc, 1
        limit {CACHE_MODELS_SHOWN}
        """
    ).fetchall()
    return [CacheLine(*row) for row in rows]


def _comparisons(connection: duckdb.DuckDBPyConnection) -> list[Comparison]:
    rows = connection.execute(
        """
        select comparison, count(distinct session_id), sum(our_usd), sum(their_usd), sum(difference_usd)
        from v_reconciliation group by all order by 1
        """
    ).fetchall()
    return [Comparison(*row) for row in rows]


# --- words for numbers --------------------------------------------------------------------------------------


def dollars(amount: float | None) -> str:
    """$1,234.56; a dash where nothing was priced."""
    if amount is None:
        return "–"
    if 0 < abs(amount) < _SMALLEST_SHOWN:
        return "<$0.01" if amount > 0 else ">-$0.01"
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def short_number(number: int | None) -> str:
    """41.2M, 3.4k, 812."""
    if number is None:
        return "–"
    value = float(number)
    for unit in ("", "k", "M", "B"):
        if abs(value) < _THOUSAND or unit == "B":
            return f"{value:,.0f}" if unit == "" else f"{value:,.1f}{unit}"
        value /= _THOUSAND
    return f"{number:,}"


def bytes_in_words(count: int | None) -> str:
    """218.4 MB."""
    value = float(count or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if value < _THOUSAND or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= _THOUSAND
    return str(count)


def percent(part: float | None) -> str:
    """97.3 %."""
    return "–" if part is None else f"{100 * part:.1f} %"


def bar(value: float, largest: float, width: int) -> str:
    """A bar of eighth blocks."""
    if largest <= 0 or value <= 0:
        return ""
    eighths = max(1, round(value / largest * width * 8))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago a UTC time was: 3 minutes ago."""
    if moment is None:
        return "at an unknown time"
    current = now or datetime.now(UTC).replace(tzinfo=None)
    seconds = max(0, int((current - moment).total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


# --- showing ------------------------------------------------------------------------------------------------


def render(report: Report, console: Console) -> None:
    """Print the report, fitted to the console's width."""
    from rich.table import Table

    for part in _parts(report, console.width):
        console.print(fitted(part, console) if isinstance(part, Table) else part)


def _parts(report: Report, width: int) -> list[RenderableType]:
    parts: list[RenderableType] = [_head(report)]
    if not report.total.response_count:
        parts.append(_note("There is no response of a model in the store yet."))
    parts += _spending_parts(report, width)
    if report.sessions:
        parts.append(_sessions_table(report, width))
    if report.cache:
        parts.append(_cache_table(report, width))
    parts += _contents(report)
    return parts


def _note(text: str) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text), (1, 0, 0, 1))


def _head(report: Report) -> RenderableType:
    from rich.box import ROUNDED
    from rich.panel import Panel
    from rich.text import Text

    total = report.total
    text = Text()
    text.append(dollars(total.cost_usd) if total.cost_usd is not None else "No cost", style="bold green")
    text.append(" at list prices")
    if total.unpriced_response_count:
        text.append(
            f" + {total.unpriced_response_count:,} response"
            f"{'' if total.unpriced_response_count == 1 else 's'} without a price",
            style="bold yellow",
        )
    text.append("\n")
    text.append(
        f"{total.response_count:,} responses · {total.session_count:,} sessions · "
        f"{short_number(total.total_tokens)} tokens"
    )
    if report.first_date and report.last_date:
        zone = report.build.get("timezone", "UTC")
        text.append(
            f"\n{report.day_count:,} days with use, {report.first_date} to {report.last_date} (in {zone})"
        )
    text.append(f"\n{PRICES_ARE}", style="dim")
    if report.build.get("is_sample"):
        text.append(
            "\nThis is the sample that ships with the project, not your own use: no transcripts were found.",
            style="bold yellow",
        )
    time = Time(report.since, report.until)
    return Panel(
        text,
        title=f"[bold]Agent Store[/bold]{f' {time}' if time else ''}",
        title_align="left",
        box=ROUNDED,
        padding=(0, 1),
    )


def _spending_parts(report: Report, width: int) -> list[RenderableType]:
    wide = width >= _WIDE
    bar_width = _BAR_WIDE if wide else _BAR_NARROW
    parts: list[RenderableType] = []
    if report.days:
        table = new_table(f"Per day, the last {len(report.days)} with use")
        table.add_column("day", no_wrap=True)
        table.add_column("", width=bar_width, no_wrap=True, style="cyan")
        number_columns(table, "cost", "responses", "tokens", "sessions")
        largest = max((day.cost_usd or 0.0 for day in report.days), default=0.0)
        before: date | None = None
        for day in report.days:
            current = date.fromisoformat(day.name[:10])
            idle = (current - before).days - 1 if before else 0
            if idle:
                table.add_row("⋮", f"{idle:,} idle day{'' if idle == 1 else 's'}", style="dim")
            before = current
            label = f"{current:%Y-%m-%d %a}"
            table.add_row(label, bar(day.cost_usd or 0.0, largest, bar_width), *_spending_cells(day))
        parts.append(table)
    for title, name, lines, shown in (
        ("Per model", "model", report.models, MODELS_SHOWN),
        ("Per project", "project", report.projects, PROJECTS_SHOWN),
    ):
        if lines:
            parts.append(_ranking(title, name, lines, shown, width))
    return parts


def _spending_cells(line: Spending) -> tuple[str, str, str, str]:
    return (
        _cost_cell(line),
        f"{line.response_count:,}",
        short_number(line.total_tokens),
        f"{line.session_count:,}",
    )


def _cost_cell(line: Spending) -> str:
    if line.cost_usd is None and line.unpriced_response_count:
        return "[yellow]no price[/yellow]"
    return dollars(line.cost_usd) + ("[yellow]*[/yellow]" if line.unpriced_response_count else "")


def _ranking(title: str, name: str, lines: Sequence[Spending], shown: int, width: int) -> RenderableType:
    from rich.markup import escape

    bar_width = _BAR_WIDE if width >= _WIDE else _BAR_NARROW
    table = new_table(title if len(lines) <= shown else f"{title}, the dearest {shown} of {len(lines):,}")
    name_column(table, name, 44 if width >= _WIDE else 22)
    table.add_column("", width=bar_width // 2, no_wrap=True, style="cyan")
    number_columns(table, "cost", "responses", "tokens", "sessions")
    largest = max((line.cost_usd or 0.0 for line in lines), default=0.0)
    for line in lines[:shown]:
        table.add_row(
            escape(line.name), bar(line.cost_usd or 0.0, largest, bar_width // 2), *_spending_cells(line)
        )
    rest = lines[shown:]
    if rest:
        costs = [line.cost_usd for line in rest if line.cost_usd is not None]
        table.add_row(
            f"{len(rest):,} more", "", dollars(sum(costs) if costs else None),
            f"{sum(line.response_count for line in rest):,}",
            short_number(sum(line.total_tokens for line in rest)), "",
            style="dim",
        )  # fmt: skip
    return table


def _sessions_table(report: Report, width: int) -> RenderableType:
    from rich.markup import escape

    wide = width >= _WIDE
    table = new_table("Dearest sessions")
    table.add_column("started (UTC)", no_wrap=True)
    name_column(table, "session", 26)
    if wide:
        name_column(table, "project", 20)
    number_columns(table, "cost", "prompts", "responses")
    if wide:
        number_columns(table, "tools", "tokens")
    for line in report.sessions:
        started = f"{line.started_at:%Y-%m-%d %H:%M}" if line.started_at else "–"
        label = " ".join((line.title or line.session_id).split())
        project = [escape(line.project_name or "–")] if wide else []
        more = [f"{line.tool_call_count:,}", short_number(line.total_tokens)] if wide else []
        table.add_row(
            started, escape(label), *project, dollars(line.cost_usd),
            f"{line.prompt_count:,}", f"{line.response_count:,}", *more,
        )  # fmt: skip
    return table


def _cache_table(report: Report, width: int) -> RenderableType:
    from rich.markup import escape

    table = new_table("Prompt cache")
    name_column(table, "model", 44 if width >= _WIDE else 26)
    number_columns(table, "hit ratio", "read", "written", "misses", "saved")
    for line in report.cache:
        table.add_row(
            escape(line.model_name), percent(line.hit_ratio), short_number(line.cache_read_tokens),
            short_number(line.cache_write_tokens), f"{line.miss_count or 0:,}", dollars(line.saved_usd),
        )  # fmt: skip
    return table


def _contents(report: Report) -> list[RenderableType]:
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    build = report.build
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    rows = sum(count for _, count in report.tables)
    grid.add_row("store", escape(report.store_path))
    grid.add_row("tables", f"{len(report.tables):,} tables with {rows:,} rows, {report.view_count:,} views")
    if build:
        grid.add_row(
            "landed",
            f"{build['landed_line_count']:,} lines of {build['file_count']:,} files, "
            f"{bytes_in_words(build['landed_bytes'])}; {build['set_aside_line_count']:,} set aside",
        )
        if build["is_tested"]:
            tests = f"{build['passed_test_count']:,} of {build['test_count']:,} tests passed"
            if build["warned_test_count"]:
                tests += f", {build['warned_test_count']:,} warned"
        else:
            tests = "[yellow]not tested (--no-tests)[/yellow]"
        grid.add_row("published", f"{age(build['published_at'])}; {tests}")
    if report.findings:
        worth = [finding for finding in report.findings if finding.count]
        grid.add_row(
            "findings",
            "none" if not worth else "\n".join(finding.sentence for finding in worth),
        )
    for comparison in report.comparisons:
        grid.add_row(
            "compared",
            f"{escape(comparison.name)}: ours {dollars(comparison.our_usd)}, "
            f"theirs {dollars(comparison.their_usd)}, "
            f"difference {dollars(comparison.difference_usd)} (v_reconciliation)",
        )
    parts: list[RenderableType] = [
        Text("In the store", style="bold"),
        Padding(grid, (0, 0, 0, 1)),
    ]
    if report.unpriced_models:
        names = ", ".join(f"{name} ({count:,})" for name, count in report.unpriced_models)
        parts.append(
            Padding(
                Text(
                    f"* Not in the dollars: responses of models without a known price: {names}. "
                    "Add their prices to seeds/model_prices.csv.",
                    style="bold yellow",
                ),
                (1, 0, 0, 0),
            )
        )
    return parts
