"""The report: how much was spent, on what, what changed, what to do about it, and what is in the store.

Reads the published store only; neither dbt nor the warehouse is touched, so it answers within half a second. Every number
is a column of a view or macro of the store: here they are filtered, ordered and drawn, and none is computed. `screen.py`
draws the first screen, `render_full` everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent_store.errors import StoreError, no_project
from agent_store.show import suggestions
from agent_store.show.suggestions import Optimization, SessionAdvice
from agent_store.show.tables import Sheet
from agent_store.show.words import (
    ID_LETTERS,
    age,
    bar,
    bytes_in_words,
    cost_cell,
    dollars,
    how_many,
    one_line,
    percent,
    short_number,
)
from ingest.text import counted, shorten

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console, RenderableType

# Of what `report --json` prints. It grows when a field goes or changes its meaning, not when one is added.
SCHEMA_VERSION = 1
DAYS_SHOWN = 14
CAUSES_SHOWN = 12
PROJECTS_SHOWN = 10
MODELS_SHOWN = 15
SESSIONS_SHOWN = 8
CACHE_MODELS_SHOWN = 6
OPTIMIZATIONS_SHOWN = 3
_BAR = 16
UNDATED = "undated"
PRICES_ARE = "Dollars are API list prices, not what a subscription costs."

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

# Each of these views lists findings, empty is good: what one row is, what several are, and what that means.
FINDINGS = {
    "v_failed_check": (
        "failed check", "failed checks", "checks that found rows which cannot be right; everything else holds",
    ),
    "v_set_aside_session": (
        "session set aside", "sessions set aside", "sessions left out because a guard found them wrong",
    ),
    "v_unpriced_model": (
        "unpriced model", "unpriced models",
        "models, modes or times without a price, each with the reason; they are not in the dollars",
    ),
    "v_unknown_line_type": (
        "unknown kind of line", "unknown kinds of line", "kinds of line or key that this version does not know",
    ),
    "v_set_aside_line": ("line set aside", "lines set aside", "lines that could not be read, each with its reason"),
    "v_set_aside_value": (
        "file with impossible values", "files with impossible values",
        "files with impossible times or token counts, which count as not known",
    ),
    "v_unfinished_output": (
        "response cut off", "responses cut off",
        "responses whose end is not in the log; their output tokens are a lower bound",
    ),
    "v_vanished_session": ("deleted transcript", "deleted transcripts", "sessions whose transcript is gone"),
}  # fmt: skip


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
class Change:
    """What a project, model or cause cost in a week beside a usual one."""

    kind: str
    name: str
    started_on: date
    cost_usd: float
    usual_usd: float
    difference_usd: float
    change_rank: int


@dataclass(frozen=True, slots=True)
class CauseLine:
    """A part of the bill: the system prompt, the conversation, cache misses …"""

    cause_group: str
    session_count: int
    estimated_cost_usd: float
    cost_usd: float
    cost_ratio: float | None
    # Of all dollars of the report, so the same in each line.
    measured_ratio: float | None
    # Of all that cost less.
    rest_cost_usd: float | None


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    """A model without a price, and why."""

    model_name: str
    response_count: int
    reason: str


@dataclass(frozen=True, slots=True)
class StoreTable:
    """A table of the store."""

    table_name: str
    row_count: int


@dataclass(frozen=True, slots=True)
class Finding:
    """How many findings a health view has."""

    view: str
    count: int
    meaning: str

    @property
    def short(self) -> str:
        """3 lines set aside."""
        one, many, _ = FINDINGS[self.view]
        return f"{self.count:,} {one if self.count == 1 else many}"

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
    # Each cause with its part of the difference, in words.
    causes: str | None


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
    causes: Sequence[CauseLine]
    sessions: Sequence[SessionLine]
    cache: Sequence[CacheLine]
    tables: Sequence[StoreTable]
    table_count: int
    row_count: int
    view_count: int
    findings: Sequence[Finding]
    comparisons: Sequence[Comparison]
    unpriced_models: Sequence[UnpricedModel]
    misses: Misses
    today: date
    pace: Sequence[Pace]
    # The last week with use, where that is not the week of today.
    last_pace: Sequence[Pace]
    # Of the week of today, or of the last one with use.
    changes: Sequence[Change]
    # Of a time: the days before it, as many.
    before: Spending | None
    before_since: date | None
    before_until: date | None
    optimizations: Sequence[Optimization]
    advice: Sequence[SessionAdvice]
    since: date | None = None
    until: date | None = None
    projects_asked: Sequence[str] = ()
    known_from: date | None = None
    known_to: date | None = None
    notes: Sequence[str] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data for programs."""
        return document("report", {"prices": PRICES_ARE, **asdict(self, dict_factory=without_rests)})


def document(name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Data for programs, with what it is and the version of its form: docs/report.schema.json describes both."""
    return {"schema": f"agent-store/{name}", "schema_version": SCHEMA_VERSION, **data}


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
    is_timed = scope.since is not None or scope.until is not None
    pace = [] if is_timed else _pace(connection, today, scope)
    # The week to compare: that of today, or the last one with use.
    is_idle = bool(pace) and not pace_of(pace, "week").response_count
    day: date = (whole.get("last_usage_date") if is_idle else None) or today
    before_since, before_until = _days_before(scope, today)
    before = Scope(before_since, before_until, scope.projects)
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
        causes=_causes(connection, scope) if "v_cost_cause" in published else [],
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
        pace=pace,
        last_pace=_pace(connection, day, scope) if day != today else [],
        changes=_changes(connection, day, scope) if "v_cost_cause" in published and not is_timed else [],
        before=next(map(_spending, costs("all", of=before)), None) if before_since else None,
        before_since=before_since,
        before_until=before_until,
        optimizations=[] if scope else suggestions.read(connection),
        advice=suggestions.read_of_sessions(
            connection, cost_by("name"), {"kind": "session", **scope.parameters}
        ),
        since=scope.since,
        until=scope.until,
        projects_asked=scope.projects,
        known_from=known.get("first_usage_date"),
        known_to=known.get("last_usage_date"),
    )


def pace_of(pace: Sequence[Pace], period: str) -> Pace:
    """The line of a day, week or month."""
    return next(line for line in pace if line.period == period)


def _days_before(scope: Scope, today: date) -> tuple[date | None, date | None]:
    """As many days as a time has, before it."""
    if scope.since is None:
        return None, None
    last = min(scope.until or today, today)
    days = max((last - scope.since).days + 1, 1)
    if days >= (scope.since - date.min).days:
        return None, None
    return scope.since - timedelta(days=days), scope.since - timedelta(days=1)


def _records(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _today(build: Mapping[str, Any], last_day: date | None) -> date:
    """Today for a store; for the sample, whose days do not go on, its last day."""
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
        ((found,),) = connection.execute("from projects_named(?)", [given]).fetchall()
    except duckdb.Error as error:
        raise of_other_shape(error) from error
    if not found:
        raise no_project(given)
    return tuple(dict.fromkeys(found))


def _tables(connection: duckdb.DuckDBPyConnection) -> list[StoreTable]:
    rows = connection.execute(
        "select table_name, row_count from v_store_table where table_type = 'table' order by table_name"
    ).fetchall()
    return [StoreTable(*row) for row in rows]


def findings(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    """What the store says about itself; nothing where one of these views could not be made."""
    import duckdb

    try:
        rows = connection.execute("select view_name, finding_count from findings()").fetchall()
    except duckdb.CatalogException:
        return []
    counts: dict[str, int] = dict(rows)
    return [Finding(view, counts[view], meaning) for view, (*_, meaning) in FINDINGS.items() if view in counts]


def _unpriced(
    connection: duckdb.DuckDBPyConnection, models: Sequence[Spending], *, whole: bool
) -> list[UnpricedModel]:
    """What has no price: the model, its responses, the reason in words. Of a time, the models of that time."""
    rows = connection.execute(
        "select model_name, response_count, unpriced_reason, speed from v_unpriced_model order by 2 desc, 1, 3, 4"
    ).fetchall()
    listed = [
        UnpricedModel(name, count, _REASONS.get(reason, reason).format(speed=shorten(speed or "", _NAME_WIDTH)))
        for name, count, reason, speed in rows
    ]
    if whole:
        return listed
    reasons = {line.model_name: line.reason for line in reversed(listed)}
    return [
        UnpricedModel(model.name, model.unpriced_response_count, reasons.get(model.name, ""))
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


def _pace(connection: duckdb.DuckDBPyConnection, today: date, scope: Scope) -> list[Pace]:
    rows = connection.execute(
        "select period, started_on, session_count, response_count, cost_usd, usual_usd, usual_count "
        "from spending_pace(cast($today as date), projects := cast($projects as varchar[]))",
        {"today": today, "projects": scope.parameters["projects"]},
    ).fetchall()
    return [Pace(*row) for row in rows]


def _changes(connection: duckdb.DuckDBPyConnection, day: date, scope: Scope) -> list[Change]:
    rows = connection.execute(
        "select kind, name, started_on, cost_usd, usual_usd, difference_usd, change_rank "
        "from spending_changes(cast($day as date), projects := cast($projects as varchar[])) "
        "order by change_rank, kind desc",
        {"day": day, "projects": scope.parameters["projects"]},
    ).fetchall()
    return [Change(*row) for row in rows]


def _causes(connection: duckdb.DuckDBPyConnection, scope: Scope) -> list[CauseLine]:
    rows = connection.execute(
        "select cause_group, session_count, estimated_cost_usd, cost_usd, cost_ratio, measured_ratio, rest_cost_usd "
        "from cost_causes(since := cast($since as date), until := cast($until as date), "
        "projects := cast($projects as varchar[])) order by cost_rank",
        scope.parameters,
    ).fetchall()
    return [CauseLine(*row) for row in rows]


def _comparisons(connection: duckdb.DuckDBPyConnection) -> list[Comparison]:
    rows = connection.execute(
        "select comparison, session_count, our_usd, their_usd, difference_usd, causes from v_reconciliation_total "
        "order by 1"
    ).fetchall()
    return [Comparison(*row) for row in rows]


# --- showing ------------------------------------------------------------------------------------------------


def render_full(report: Report, console: Console, limit: int | None = None) -> None:
    """Print everything in the report, fitted to the console's width; `limit` is how many rows of each table (0: all)."""
    for part in _parts(report, limit):
        console.print(part.fitted(console.width) if isinstance(part, Sheet) else part)


def _parts(report: Report, limit: int | None) -> list[RenderableType | Sheet]:
    parts: list[RenderableType | Sheet] = [_head(report)]
    if not report.total.response_count:
        parts.append(_note(why_empty(report)))
    if report.optimizations:
        parts += _optimization_parts(report, limit)
    if report.days:
        parts.append(_days_sheet(report, limit))
    if report.causes:
        parts.append(_causes_sheet(report, limit))
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


def why_empty(report: Report) -> str:
    """Why there is nothing to show."""
    scope = Scope(report.since, report.until, tuple(report.projects_asked))
    if scope and report.known_from:
        return f"Nothing was used {scope}. The store has use from {report.known_from} to {report.known_to}."
    return "The store has no API response yet."


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
            f" + {counted(total.unpriced_response_count, 'response')} without a price",
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
            f"\n{counted(report.day_count, 'day')} with use, "
            f"{report.first_date} to {report.last_date} (in {zone})"
        )
    if pace := pace_words(report):
        text.append(f"\n{' · '.join(pace)}")
    if report.misses.count:
        text.append(
            f"\n{counted(report.misses.count, 'cache miss', 'cache misses')}: "
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


def pace_words(report: Report) -> list[str]:
    """Today $4.62, this week $12.41 (a usual week: $64.00), this month $178.81."""
    if not report.pace or not report.total.response_count:
        return []
    day, week, month = (pace_of(report.pace, period) for period in ("day", "week", "month"))
    if not report.last_pace:
        now = (f"On {report.today}", "that week", "that month") if report.build.get("is_sample") else None
        names = now or ("Today", "this week", "this month")
        return [
            f"{names[0]} {_pace_cost(day)}", f"{names[1]} {_week_words(week)}", f"{names[2]} {_pace_cost(month)}",
        ]  # fmt: skip
    last = pace_of(report.last_pace, "week")
    words = [f"last week with use, from {last.started_on}: {_week_words(last)}"]
    if month.response_count:
        return ["Nothing this week", f"this month {_pace_cost(month)}", *words]
    return ["Nothing this month", *words]


def _pace_cost(pace: Pace) -> str:
    return "no price" if pace.cost_usd is None else dollars(pace.cost_usd)


def _week_words(week: Pace) -> str:
    """$12.41 (a usual week: $64.00)."""
    usually = f" (a usual week: {dollars(week.usual_usd)})" if week.usual_usd is not None else ""
    return f"{_pace_cost(week)}{usually}"


def _optimization_parts(report: Report, limit: int | None) -> list[RenderableType | Sheet]:
    from rich.padding import Padding
    from rich.text import Text

    shown = report.optimizations[: _most(limit, OPTIMIZATIONS_SHOWN)]
    title = Text("What could be saved", style="bold")
    title.append(", in dollars or minutes per month with use", style="not bold dim")
    lines = [
        (
            suggestions.worth(line),
            f"{line.optimization_type.replace('_', ' ')} · {one_line(line.subject)}: {line.suggestion} ({line.evidence})",
        )
        for line in shown
    ]
    more = len(report.optimizations) - len(shown)
    how = f"{more:,} more: {suggestions.MORE}" if more else ""
    return [
        title, suggestions.listed(lines), Padding(Text(how, style="dim"), (0, 0, 1 if how else 0, 1)),
    ]  # fmt: skip


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
            sheet.add(f"⋮ {counted(idle, 'idle day')}", *[""] * 5, style="dim")
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


def _causes_sheet(report: Report, limit: int | None) -> Sheet:
    shown = report.causes[: _most(limit, CAUSES_SHOWN)]
    title = how_many("What caused it", len(shown), len(report.causes))
    ratio = report.causes[0].measured_ratio
    sheet = Sheet(f"{title}; {percent(ratio)} of it measured, the rest estimated" if ratio is not None else title)
    sheet.name("cause")
    sheet.bar(_BAR // 2)
    sheet.number("cost")
    sheet.number("share", rank=1)
    sheet.number("estimated", rank=2)
    sheet.number("sessions", rank=3)
    largest = max(line.cost_usd for line in shown)
    for line in shown:
        sheet.add(
            line.cause_group, bar(line.cost_usd, largest, _BAR // 2), dollars(line.cost_usd), percent(line.cost_ratio),
            dollars(line.estimated_cost_usd), f"{line.session_count:,}",
        )  # fmt: skip
    if more := len(report.causes) - len(shown):
        sheet.add(f"{more:,} more", "", dollars(shown[-1].rest_cost_usd), "", "", "", style="dim")
    return sheet


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
            f"difference {dollars(comparison.difference_usd)}{f' ({comparison.causes})' if comparison.causes else ''}",
        )
    parts: list[RenderableType | Sheet] = [
        Text("In the store", style="bold"),
        Padding(grid, (0, 0, 0, 1)),
    ]
    if report.unpriced_models:
        names = ", ".join(
            f"{shorten(line.model_name, _NAME_WIDTH)} ({line.response_count:,}{'; ' + line.reason if line.reason else ''})"
            for line in report.unpriced_models[:_UNPRICED_SHOWN]
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
