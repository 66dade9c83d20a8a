"""The report: what was spent – per day, model, project, session – what to do about it, and what is in the store.

Reads the published store only; neither dbt nor the warehouse is touched, so it answers within half a second. Every number
is a column of a view or macro of the store: here they are filtered, ordered and drawn, and none is worked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent_store.errors import StoreError
from agent_store.show.tables import Sheet
from ingest.text import shorten

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console, RenderableType

DAYS_SHOWN = 14
PROJECTS_SHOWN = 10
MODELS_SHOWN = 15
SESSIONS_SHOWN = 8
CACHE_MODELS_SHOWN = 6
OPTIMIZATIONS_SHOWN = 3
ID_LETTERS = 8
_BAR = 16
_SMALLEST_SHOWN = 0.01
_SMALLEST_SHARE = 0.0005
_THOUSAND = 1000
UNDATED = "undated"
_EIGHTHS = " ▏▎▍▌▋▊▉"
PRICES_ARE = "Dollars are what the API would have cost at list prices, not what a subscription was charged."

# A model's name is what the log says, whatever that is.
_NAME_WIDTH = 40
_UNPRICED_SHOWN = 5
# Why there is no price: v_unpriced_model.unpriced_reason.
_REASONS = {
    "unknown_model": "not in the price list",
    "no_price_for_speed": "no price for {speed} mode",
    "no_price_for_date": "no price for these days",
    "profile_hides_model": "a profile that does not say which model answers",
    "model_not_named": "the log names no model",
}

# Each of these views lists findings: empty is good.
FINDINGS = {
    "v_failed_check": "checks that found rows which cannot be right; everything else holds",
    "v_set_aside_session": "sessions left out because a guard found them wrong",
    "v_unpriced_model": "models, modes or times without a price, each with the reason; they are not in the dollars",
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
    # Of all that cost less, for the row that says how much more there is.
    rest_cost_usd: float | None = None
    rest_response_count: int | None = None
    rest_total_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One of the most expensive sessions."""

    session_id: str
    title: str | None
    project_name: str | None
    started_at: datetime | None
    cost_usd: float | None
    # Of the whole session, so not known of a part of it.
    prompt_count: int | None
    response_count: int
    tool_call_count: int | None
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
    miss_extra_usd: float | None
    saved_usd: float | None


@dataclass(frozen=True, slots=True)
class Misses:
    """What cache misses cost."""

    count: int
    rebilled_usd: float | None
    extra_usd: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """A day, week or month beside what one with use usually costs."""

    period: str
    started_on: date
    session_count: int
    response_count: int
    cost_usd: float | None
    usual_usd: float | None
    usual_count: int


@dataclass(frozen=True, slots=True)
class Optimization:
    """What would have been cheaper."""

    optimization_type: str
    subject: str
    suggestion: str
    evidence: str
    dollars_per_month: float | None
    total_usd: float | None


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
    table_count: int
    row_count: int
    view_count: int
    findings: Sequence[Finding]
    comparisons: Sequence[Comparison]
    unpriced_models: Sequence[tuple[str, int, str]]
    misses: Misses
    today: date
    pace: Sequence[Pace]
    optimizations: Sequence[Optimization]
    since: date | None = None
    until: date | None = None
    projects_asked: Sequence[str] = ()
    known_from: date | None = None
    known_to: date | None = None
    notes: Sequence[str] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data for programs."""
        return {"prices": PRICES_ARE, **asdict(self, dict_factory=without_rests)}


def without_rests(items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a record for programs: they have every row, so the sums of those not shown are nothing to them."""
    return {name: value for name, value in items if not name.startswith("rest_")}


# --- reading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is about: days, both included, in the zone that the store's days follow; and projects."""

    since: date | None = None
    until: date | None = None
    projects: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it is less than everything."""
        return self.since is not None or self.until is not None or bool(self.projects)

    @property
    def parameters(self) -> dict[str, object]:
        """For the macros of the store."""
        return {"since": self.since, "until": self.until, "projects": list(self.projects) or None}

    def __str__(self) -> str:
        """Since 2026-03-01 until 2026-03-31 in shop."""
        words = [f"{word} {day}" for word, day in (("since", self.since), ("until", self.until)) if day]
        if self.projects:
            words.append(f"in {', '.join(self.projects)}")
        return " ".join(words)


def cost_by(what: str) -> str:
    """The store's costs by something, as SQL for the parameters `kind`, `since`, `until` and `projects`."""
    return (
        f"select {what} from cost_by($kind, since := cast($since as date), until := cast($until as date), "
        "projects := cast($projects as varchar[]))"
    )


def of_other_shape(error: Exception) -> StoreError:
    """What to say where a store lacks what this version reads."""
    return StoreError(
        f"The store does not have the shape this version expects: {str(error).strip().splitlines()[0]}",
        "Build it again: agent-store build --full-refresh",
    )


def collect(
    connection: duckdb.DuckDBPyConnection,
    store_path: str,
    scope: Scope | None = None,
    *,
    today: date | None = None,
) -> Report:
    """Ask the published store everything the report shows."""
    import duckdb

    try:
        return _collect(connection, store_path, scope or Scope(), today)
    except duckdb.Error as error:
        raise of_other_shape(error) from error


def _collect(
    connection: duckdb.DuckDBPyConnection, store_path: str, scope: Scope, asked_today: date | None
) -> Report:
    published = {
        name for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()
    }

    def costs(kind: str, order: str = "cost_rank", of: Scope = scope) -> list[dict[str, Any]]:
        return _records(connection, f"{cost_by('*')} order by {order}", {"kind": kind, **of.parameters})

    whole = next(iter(costs("all")), {})
    known = next(iter(costs("all", of=Scope())), {}) if scope else whole
    by_model = costs("model")
    models = [_spending(row) for row in by_model]
    build = next(iter(_records(connection, "from store_build")), {}) if "store_build" in published else {}
    today = asked_today or _today(build, known.get("last_usage_date"))
    return Report(
        store_path=store_path,
        build=build,
        total=_spending(whole) if whole else Spending("all", None, 0, 0, 0, 0),
        first_date=whole.get("first_usage_date"),
        last_date=whole.get("last_usage_date"),
        day_count=whole.get("day_count", 0),
        days=[_spending(row) for row in costs("day", "name")],
        models=models,
        projects=[_spending(row) for row in costs("project")],
        sessions=_sessions(connection, scope),
        cache=_cache(by_model),
        tables=_tables(connection) if "v_store_table" in published else [],
        table_count=build.get("table_count", 0),
        row_count=build.get("row_count", 0),
        view_count=build.get("view_count", 0),
        findings=findings(connection),
        comparisons=_comparisons(connection) if "v_reconciliation_total" in published and not scope else [],
        unpriced_models=_unpriced(connection, models, whole=not scope)
        if "v_unpriced_model" in published
        else [],
        misses=Misses(whole["cache_miss_count"], whole["rebilled_cost_usd"], whole["miss_extra_cost_usd"])
        if whole
        else Misses(0, None, None),
        today=today,
        pace=[] if scope else _pace(connection, today),
        optimizations=_optimizations(connection) if "v_optimization" in published and not scope else [],
        since=scope.since,
        until=scope.until,
        projects_asked=scope.projects,
        known_from=known.get("first_usage_date"),
        known_to=known.get("last_usage_date"),
    )


def _records(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _today(build: Mapping[str, Any], last_day: date | None) -> date:
    """Today for a store; for the sample, whose time stands still, its last day."""
    return last_day if build.get("is_sample") and last_day else today_in(build.get("timezone"))


def today_in(zone: object) -> date:
    """Today where the store's days are counted."""
    try:
        return datetime.now(ZoneInfo(str(zone or "UTC"))).date()
    except (ZoneInfoNotFoundError, ValueError):
        return datetime.now(UTC).date()


def store_today(connection: duckdb.DuckDBPyConnection) -> date:
    """Today for a store."""
    import duckdb

    try:
        build = next(iter(_records(connection, "from store_build")), {})
        known = next(
            iter(_records(connection, cost_by("last_usage_date"), {"kind": "all", **Scope().parameters})), {}
        )
    except duckdb.Error as error:
        raise of_other_shape(error) from error
    return _today(build, known.get("last_usage_date"))


def find_projects(connection: duckdb.DuckDBPyConnection, given: str) -> tuple[str, ...]:
    """The projects that a name names: the one called so, else all whose name or folder contains it."""
    import duckdb

    try:
        rows = connection.execute(
            "select project_name, coalesce(project_path, '') from v_cost "
            "where kind = 'session' and project_name is not null order by 1, 2"
        ).fetchall()
    except duckdb.Error as error:
        raise of_other_shape(error) from error
    wanted = given.strip().lower()
    exact = [name for name, path in rows if wanted in {name.lower(), path.lower()}]
    found = exact or [name for name, path in rows if wanted in name.lower() or wanted in path.lower()]
    if not found or not wanted:
        raise StoreError(
            f"No project is called {given!r} or has that in its name or folder.",
            "See which there are: agent-store report --by project",
        )
    return tuple(dict.fromkeys(found))


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    return connection.execute(
        "select table_name, row_count from v_store_table where table_type = 'table' order by table_name"
    ).fetchall()


def findings(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    """What the store says about itself; nothing where one of these views could not be made."""
    import duckdb

    try:
        rows = connection.execute("select view_name, finding_count from findings()").fetchall()
    except duckdb.CatalogException:
        return []
    counts: dict[str, int] = dict(rows)
    return [Finding(view, counts[view], meaning) for view, meaning in FINDINGS.items() if view in counts]


def _unpriced(
    connection: duckdb.DuckDBPyConnection, models: Sequence[Spending], *, whole: bool
) -> list[tuple[str, int, str]]:
    """What has no price: the model, its responses, the reason in words. Of a time, the models of that time."""
    rows = connection.execute(
        "select model_name, response_count, unpriced_reason, speed from v_unpriced_model order by 2 desc, 1, 3, 4"
    ).fetchall()
    listed = [
        (name, count, _REASONS.get(reason, reason).format(speed=shorten(speed or "", _NAME_WIDTH)))
        for name, count, reason, speed in rows
    ]
    if whole:
        return listed
    reasons = {name: reason for name, _, reason in reversed(listed)}
    return [
        (model.name, model.unpriced_response_count, reasons.get(model.name, ""))
        for model in models
        if model.unpriced_response_count
    ]


def _sessions(connection: duckdb.DuckDBPyConnection, scope: Scope) -> list[SessionLine]:
    counts = ("null", "null") if scope else ("reports.prompt_count", "reports.tool_call_count")
    rows = connection.execute(
        f"""
        select
            costs.name, costs.detail, costs.project_name, coalesce(reports.started_at, costs.first_called_at),
            costs.cost_usd, {counts[0]}, costs.request_count, {counts[1]}, costs.total_tokens
        from ({cost_by("*")}) as costs
        left join v_session_report as reports on reports.session_id = costs.name
        order by costs.cost_rank
        """,
        {"kind": "session", **scope.parameters},
    ).fetchall()
    return [SessionLine(*row) for row in rows]


def _spending(row: Mapping[str, Any]) -> Spending:
    return Spending(
        name=row["name"],
        cost_usd=row["cost_usd"],
        response_count=row["request_count"],
        total_tokens=row["total_tokens"],
        session_count=row["session_count"],
        unpriced_response_count=row["unpriced_response_count"],
        detail=row["detail"] or "",
        rest_cost_usd=row["rest_cost_usd"],
        rest_response_count=row["rest_request_count"],
        rest_total_tokens=row["rest_total_tokens"],
    )


def _cache(by_model: Sequence[Mapping[str, Any]]) -> list[CacheLine]:
    """Of each model that used it; the one that read most first."""
    lines = [
        CacheLine(
            model_name=row["name"],
            response_count=row["request_count"],
            cache_read_tokens=row["cache_read_tokens"],
            cache_write_tokens=row["cache_write_tokens"],
            uncached_input_tokens=row["uncached_input_tokens"],
            hit_ratio=row["cache_hit_ratio"],
            miss_count=row["cache_miss_count"],
            miss_extra_usd=row["miss_extra_cost_usd"],
            saved_usd=row["cache_saved_usd"],
        )
        for row in by_model
        if row["cache_read_tokens"] or row["cache_write_tokens"]
    ]
    return sorted(lines, key=lambda line: (-line.cache_read_tokens, line.model_name))


def _pace(connection: duckdb.DuckDBPyConnection, today: date) -> list[Pace]:
    rows = connection.execute(
        "select period, started_on, session_count, response_count, cost_usd, usual_usd, usual_count "
        "from spending_pace(cast($today as date))",
        {"today": today},
    ).fetchall()
    return [Pace(*row) for row in rows]


def _optimizations(connection: duckdb.DuckDBPyConnection) -> list[Optimization]:
    rows = connection.execute(
        """
        select optimization_type, subject, suggestion, evidence, dollars_per_month, total_usd from v_optimization
        order by dollars_per_month desc nulls last, total_usd desc nulls last, optimization_type, subject
        """
    ).fetchall()
    return [Optimization(*row) for row in rows]


def _comparisons(connection: duckdb.DuckDBPyConnection) -> list[Comparison]:
    rows = connection.execute(
        "select comparison, session_count, our_usd, their_usd, difference_usd from v_reconciliation_total order by 1"
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
    """97.3 %; what is there is never shown as nothing."""
    if part is not None and 0 < part < _SMALLEST_SHARE:
        return "<0.1 %"
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


def render(report: Report, console: Console, limit: int | None = None) -> None:
    """Print the report, fitted to the console's width; `limit` is how many rows of each table (0: all)."""
    for part in _parts(report, limit):
        console.print(part.fitted(console.width) if isinstance(part, Sheet) else part)


def _parts(report: Report, limit: int | None) -> list[RenderableType | Sheet]:
    parts: list[RenderableType | Sheet] = [_head(report)]
    if not report.total.response_count:
        parts.append(_note(_why_empty(report)))
    if report.optimizations:
        parts += _optimization_parts(report, limit)
    if report.days:
        parts.append(_days_sheet(report, limit))
    for title, name, lines, most in (
        ("Per model", "model", report.models, MODELS_SHOWN),
        ("Per project", "project", report.projects, PROJECTS_SHOWN),
    ):
        if lines:
            parts.append(_ranking(title, name, lines, _most(limit, most)))
    if report.sessions:
        parts.append(_sessions_sheet(report, limit))
    if report.cache:
        parts.append(_cache_sheet(report, limit))
    parts += _contents(report)
    return parts


def _most(limit: int | None, usual: int) -> int | None:
    return usual if limit is None else limit or None


def _why_empty(report: Report) -> str:
    scope = Scope(report.since, report.until, tuple(report.projects_asked))
    if scope and report.known_from:
        return f"Nothing was used {scope}. The store has use from {report.known_from} to {report.known_to}."
    return "There is no response of a model in the store yet."


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
            f"\n{report.day_count:,} day{'' if report.day_count == 1 else 's'} with use, "
            f"{report.first_date} to {report.last_date} (in {zone})"
        )
    if pace := _pace_words(report):
        text.append(f"\n{pace}")
    if report.misses.count:
        text.append(
            f"\n{report.misses.count:,} cache miss{'' if report.misses.count == 1 else 'es'}: "
            f"{dollars(report.misses.rebilled_usd)} billed again, {dollars(report.misses.extra_usd)} more than from the "
            "cache"
        )
    text.append(f"\n{PRICES_ARE}", style="dim")
    if report.build.get("is_sample"):
        text.append(
            "\nThis is the sample that ships with the project, not your own use: no transcripts were found.",
            style="bold yellow",
        )
    title = Text("Agent Store", style="bold")
    if scope := Scope(report.since, report.until, tuple(report.projects_asked)):
        title.append(f" {scope}", style="not bold")
    return Panel(text, title=title, title_align="left", box=ROUNDED, padding=(0, 1))


def _pace_words(report: Report) -> str:
    """Today $4.62 · this week $12.41 (a usual week: $64.00) · this month $178.81."""
    if not report.pace or not report.total.response_count:
        return ""
    pace = {line.period: line for line in report.pace}
    usual = pace["week"].usual_usd
    if not any(line.response_count for line in report.pace):
        usually = f" A usual week: {dollars(usual)}." if usual is not None else ""
        return f"Nothing today, this week or this month.{usually}"
    usually = f" (a usual week: {dollars(usual)})" if usual is not None else ""
    is_sample = bool(report.build.get("is_sample"))
    day, week, month = (
        (f"On {report.today}", "that week", "that month")
        if is_sample
        else ("Today", "this week", "this month")
    )
    return (
        f"{day} {dollars(pace['day'].cost_usd)} · {week} {dollars(pace['week'].cost_usd)}{usually} · "
        f"{month} {dollars(pace['month'].cost_usd)}"
    )


def _optimization_parts(report: Report, limit: int | None) -> list[RenderableType | Sheet]:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    # What costs time and no dollars comes last there, and has its place in the view.
    priced = [line for line in report.optimizations if line.dollars_per_month]
    shown = priced[: _most(limit, OPTIMIZATIONS_SHOWN)]
    if not shown:
        return []
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for line in shown:
        kind = line.optimization_type.replace("_", " ")
        grid.add_row(dollars(line.dollars_per_month), Text(f"{kind} · {line.subject}: {line.suggestion}"))
    title = Text("What could be saved", style="bold")
    title.append(", in dollars a month with work", style="not bold dim")
    more = len(report.optimizations) - len(shown)
    how = f'{more:,} more, and the evidence: agent-store query "from v_optimization"' if more else ""
    return [title, Padding(grid, (0, 0, 0, 1)), Padding(Text(how, style="dim"), (0, 0, 1 if how else 0, 1))]


def _days_sheet(report: Report, limit: int | None) -> Sheet:
    most = _most(limit, DAYS_SHOWN)
    dated = [day for day in report.days if day.name != UNDATED]
    shown = dated if most is None else dated[-most:]
    sheet = Sheet("Per day" if len(shown) == len(dated) else f"Per day, the last {len(shown):,} with use")
    sheet.text("day")
    sheet.bar(_BAR)
    _spending_columns(sheet)
    largest = max((day.cost_usd or 0.0 for day in shown), default=0.0)
    before: date | None = None
    for day in shown:
        current = date.fromisoformat(day.name)
        idle = (current - before).days - 1 if before else 0
        if idle:
            sheet.add(f"⋮ {idle:,} idle day{'' if idle == 1 else 's'}", *[""] * 5, style="dim")
        before = current
        sheet.add(f"{current:%Y-%m-%d %a}", bar(day.cost_usd or 0.0, largest, _BAR), *_spending_cells(day))
    for day in report.days:
        if day.name == UNDATED:
            sheet.add(UNDATED, "", *_spending_cells(day))
    return sheet


def _spending_columns(sheet: Sheet) -> None:
    sheet.number("cost")
    sheet.number("responses", rank=3)
    sheet.number("tokens", rank=2)
    sheet.number("sessions", rank=4)


def _spending_cells(line: Spending) -> tuple[str, str, str, str]:
    return (
        cost_cell(line.cost_usd, line.unpriced_response_count),
        f"{line.response_count:,}",
        short_number(line.total_tokens),
        f"{line.session_count:,}",
    )


def cost_cell(cost_usd: float | None, unpriced_count: int | None) -> str:
    """$12.50*: an asterisk where something in it has no price."""
    if cost_usd is None and unpriced_count:
        return "no price"
    return dollars(cost_usd) + ("*" if unpriced_count else "")


def how_many(title: str, shown: int, count: int) -> str:
    """A title with how much of it is shown: Per model, the 15 most expensive of 40."""
    return title if shown >= count else f"{title}, the {shown:,} most expensive of {count:,}"


def _ranking(title: str, name: str, lines: Sequence[Spending], most: int | None) -> Sheet:
    shown = lines[:most]
    sheet = Sheet(how_many(title, len(shown), len(lines)))
    sheet.name(name)
    sheet.bar(_BAR // 2)
    _spending_columns(sheet)
    largest = max((line.cost_usd or 0.0 for line in lines), default=0.0)
    for line in shown:
        sheet.add(one_line(line.name), bar(line.cost_usd or 0.0, largest, _BAR // 2), *_spending_cells(line))
    if more := len(lines) - len(shown):
        last = shown[-1]
        sheet.add(
            f"{more:,} more", "", dollars(last.rest_cost_usd), f"{last.rest_response_count or 0:,}",
            short_number(last.rest_total_tokens), "",
            style="dim",
        )  # fmt: skip
    return sheet


def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


def _sessions_sheet(report: Report, limit: int | None) -> Sheet:
    shown = report.sessions[: _most(limit, SESSIONS_SHOWN)]
    sheet = Sheet(f"Most expensive sessions, {len(shown):,} of {len(report.sessions):,}")
    sheet.text("id")
    sheet.text("started (UTC)", rank=4)
    sheet.name("session")
    sheet.name("project", rank=5, most=24)
    sheet.number("cost")
    has_counts = any(line.prompt_count is not None for line in shown)
    if has_counts:
        sheet.number("prompts", rank=6)
    sheet.number("responses", rank=7)
    if has_counts:
        sheet.number("tools", rank=8)
    sheet.number("tokens", rank=3)
    for line in shown:
        counts = [
            f"{count:,}" if count is not None else "–" for count in (line.prompt_count, line.tool_call_count)
        ]
        sheet.add(
            line.session_id[:ID_LETTERS], f"{line.started_at:%Y-%m-%d %H:%M}" if line.started_at else "–",
            one_line(line.title or line.session_id), one_line(line.project_name or "–"), dollars(line.cost_usd),
            *(counts[:1] if has_counts else []), f"{line.response_count:,}", *(counts[1:] if has_counts else []),
            short_number(line.total_tokens),
        )  # fmt: skip
    return sheet


def _cache_sheet(report: Report, limit: int | None) -> Sheet:
    shown = report.cache[: _most(limit, CACHE_MODELS_SHOWN)]
    sheet = Sheet("Prompt cache")
    sheet.name("model")
    sheet.number("hit ratio", rank=1)
    sheet.number("read", "written", rank=3)
    sheet.number("misses")
    sheet.number("miss cost")
    sheet.number("saved", rank=2)
    for line in shown:
        sheet.add(
            line.model_name, percent(line.hit_ratio), short_number(line.cache_read_tokens),
            short_number(line.cache_write_tokens), f"{line.miss_count:,}",
            dollars(line.miss_extra_usd) if line.miss_count else "–", dollars(line.saved_usd),
        )  # fmt: skip
    return sheet


def _contents(report: Report) -> list[RenderableType | Sheet]:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    build = report.build
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("store", Text(report.store_path))
    if build:
        grid.add_row(
            "tables",
            f"{report.table_count:,} tables with {report.row_count:,} rows, {report.view_count:,} views",
        )
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
            tests = "not tested (--no-tests)"
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
            f"{comparison.name}: ours {dollars(comparison.our_usd)}, "
            f"theirs {dollars(comparison.their_usd)}, "
            f"difference {dollars(comparison.difference_usd)} (v_reconciliation)",
        )
    parts: list[RenderableType | Sheet] = [
        Text("In the store", style="bold"),
        Padding(grid, (0, 0, 0, 1)),
    ]
    if report.unpriced_models:
        names = ", ".join(
            f"{shorten(name, _NAME_WIDTH)} ({count:,}{'; ' + reason if reason else ''})"
            for name, count, reason in report.unpriced_models[:_UNPRICED_SHOWN]
        )
        if (more := len(report.unpriced_models) - _UNPRICED_SHOWN) > 0:
            names += f" and {more:,} more (v_unpriced_model)"
        parts.append(
            Padding(
                Text(
                    f"* Not in the dollars, because there is no price: {names}. "
                    "Add the prices to seeds/model_prices.csv.",
                    style="bold yellow",
                ),
                (1, 0, 0, 0),
            )
        )
    return parts
