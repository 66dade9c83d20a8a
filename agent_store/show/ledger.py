"""Cost by anything, and what caused it: reports from the context ledger.

Like `report`, it reads the published store only. `rank` orders cost by one thing, `picture` shows how the context of a
session grew, `explain` says where each dollar of a session went, and both end with what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.show import coverage as coverages
from agent_store.show import suggestions
from agent_store.show.coverage import Coverage
from agent_store.show.report import (
    PRICES_ARE,
    UNDATED,
    Scope,
    cost_by,
    document,
    of_other_shape,
    without_rests,
)
from agent_store.show.suggestions import Optimization, SessionAdvice
from agent_store.show.tables import Sheet, show
from agent_store.show.words import (
    ID_LETTERS,
    bar,
    cost_cell,
    dollars,
    how_many,
    one_line,
    percent,
    short_number,
)
from ingest.text import counted

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console
    from rich.text import Text

ROWS_SHOWN = 25
SEGMENTS_SHOWN = TASKS_SHOWN = MISSES_SHOWN = 8
SUGGESTIONS_SHOWN = 5
COMPONENTS_SHOWN = 15
MATCHES_SHOWN = 6
PICTURE_ROWS = 16
_BAR = 10
_AXIS = 9
_MANY_MINUTES = 600
_PLURALS = {
    "model": "models", "session": "cache misses", "skill": "skills", "plugin": "plugins", "tool": "tools",
    "mcp": "MCP servers", "agent": "agents", "file": "files",
}  # fmt: skip
_FILLS = "█▓▒░▞▚╬▪"
_COLORS = ("blue", "green", "yellow", "magenta", "cyan", "red", "bright_blue", "white")

# What cost can be given by: the kinds of the store's macro `cost_by`.
BY_TIME = ("day", "week", "month")
BY = (
    *BY_TIME, "model", "project", "branch", "session", "skill", "plugin", "tool", "mcp", "agent", "file", "task-type",
    "component",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """What one day, project, skill … cost."""

    name: str
    detail: str
    project_name: str | None
    started_at: datetime | None
    cost_usd: float | None
    cost_ratio: float | None
    # Of a skill or plugin: what was done under it. Other cost of the same calls, so nothing to add to cost_usd.
    work_cost_usd: float | None
    work_ratio: float | None
    total_tokens: int
    output_tokens: int
    request_count: int
    invocation_count: int | None
    session_count: int
    unpriced_response_count: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Cost by one thing."""

    by: str
    since: date | None
    until: date | None
    projects: Sequence[str]
    total_usd: float
    known_from: date | None
    known_to: date | None
    causes: Sequence[Cause]
    optimizations: Sequence[Optimization]
    # How many of the days the store has completely.
    coverage: Coverage | None = None

    @property
    def scope(self) -> Scope:
        """What it is about."""
        return Scope(self.since, self.until, tuple(self.projects))

    def as_json(self) -> dict[str, Any]:
        """The ranking as plain data for programs."""
        return document("ranking", {"prices": PRICES_ARE, **asdict(self)})


@dataclass(frozen=True, slots=True)
class Band:
    """What a band of the picture is in one request: a part of the context, or all the small ones."""

    tokens: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What the context held in one request."""

    number: int
    call_id: str
    called_at: datetime | None
    context_tokens: int
    follows_compaction: bool
    is_peak: bool
    tokens: dict[str, int]
    bands: dict[str, Band]


@dataclass(frozen=True, slots=True)
class ContextPicture:
    """How the context of a session's main thread grew."""

    session_id: str
    title: str | None
    # The one that most tokens were sent of comes first.
    bands: Sequence[str]
    moments: Sequence[Moment]

    def as_json(self) -> dict[str, Any]:
        """The picture as plain data for programs."""
        return document("context", asdict(self))


@dataclass(frozen=True, slots=True)
class Share:
    """What one component cost a session."""

    component_type: str
    component_name: str
    allocation_method: str
    entry_cost_usd: float
    carrying_cost_usd: float
    output_cost_usd: float
    cost_usd: float
    cost_ratio: float | None
    # Of all that cost less, in the same order.
    rest_usd: tuple[float | None, float | None, float | None, float | None]
    rest_ratio: float | None


@dataclass(frozen=True, slots=True)
class Piece:
    """One of the most expensive pieces of context, and the line that it came from."""

    entered_at: datetime | None
    item_kind: str
    component_name: str
    name: str
    tokens: int
    requests_carried: int
    cost_usd: float
    allocation_method: str
    source_path: str | None
    source_line: int | None


@dataclass(frozen=True, slots=True)
class TaskCost:
    """What one prompt cost, its subagents included."""

    task_id: str
    task: str
    request_count: int
    cost_usd: float | None
    source_path: str | None
    source_line: int | None


@dataclass(frozen=True, slots=True)
class Miss:
    """A request that was billed again for what the one before it had in the cache."""

    missed_at: datetime | None
    cause: str
    gap_seconds: float | None
    missed_tokens: int
    extra_cost_usd: float
    suggestion: str | None
    source_path: str | None
    source_line: int | None
    # Of all misses that cost less.
    rest_tokens: int | None
    rest_usd: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where each dollar of a session went."""

    session_id: str
    title: str | None
    project_name: str | None
    started_at: datetime | None
    cost_usd: float
    request_count: int
    unpriced_response_count: int
    miss_count: int
    miss_extra_cost_usd: float
    shares: Sequence[Share]
    segments: Sequence[Piece]
    tasks: Sequence[TaskCost]
    misses: Sequence[Miss]
    advice: Sequence[SessionAdvice]

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain data for programs."""
        return document("explanation", {"prices": PRICES_ARE, **asdict(self, dict_factory=without_rests)})


# --- reading ------------------------------------------------------------------------------------------------


def find_session(connection: duckdb.DuckDBPyConnection, given: str) -> tuple[str, str | None]:
    """The session that an id, or the unique beginning of one, names; with its title."""
    rows = connection.execute(
        "select session_id, title from dim_session where starts_with(session_id, ?) order by session_id",
        [given.strip()],
    ).fetchall()
    exact = [row for row in rows if row[0] == given.strip()]
    if exact or len(rows) == 1:
        found = (exact or rows)[0]
        return str(found[0]), found[1]
    if not rows:
        raise StoreError(
            f"No session begins with {given!r}.",
            "See which there are: agent-store query 'select session_id, title from v_session_report'",
        )
    names = ", ".join(str(row[0]) for row in rows[:MATCHES_SHOWN])
    more = f" and {len(rows) - MATCHES_SHOWN:,} more" if len(rows) > MATCHES_SHOWN else ""
    raise StoreError(f"{len(rows):,} sessions begin with {given!r}: {names}{more}.", "Give more of the id.")


def rank(connection: duckdb.DuckDBPyConnection, by: str, scope: Scope | None = None) -> Ranking:
    """Cost by one thing, the most expensive first; days, weeks and months in their order."""
    import duckdb

    scope = scope or Scope()
    order = "name = $last, name" if by in BY_TIME else "cost_rank"
    try:
        rows = connection.execute(
            cost_by(
                "name, coalesce(detail, ''), project_name, first_called_at, cost_usd, cost_ratio, work_cost_usd, "
                "work_ratio, total_tokens, output_tokens, request_count, invocation_count, session_count, "
                "unpriced_response_count"
            )
            + f" order by {order}",
            {"kind": by, **scope.parameters, **({"last": UNDATED} if by in BY_TIME else {})},
        ).fetchall()
        total = connection.execute(cost_by("cost_usd"), {"kind": "all", **scope.parameters}).fetchone()
        # A suggestion is about all projects.
        concerns = () if scope.projects else suggestions.CONCERNS.get(by, ())
        optimizations = suggestions.read(connection, concerns, scope.since)
        known = connection.execute(
            cost_by("first_usage_date, last_usage_date"), {"kind": "all", **Scope().parameters}
        ).fetchone()
    except duckdb.Error as error:
        raise of_other_shape(error) from error
    return Ranking(
        by=by,
        since=scope.since,
        until=scope.until,
        projects=scope.projects,
        total_usd=float(total[0] or 0) if total else 0.0,
        known_from=known[0] if known else None,
        known_to=known[1] if known else None,
        causes=[Cause(*row) for row in rows],
        optimizations=optimizations,
        coverage=coverages.read(connection, scope.parameters),
    )


def picture(connection: duckdb.DuckDBPyConnection, given: str) -> ContextPicture:
    """How the context of a session's main thread grew, request by request."""
    session_id, title = find_session(connection, given)
    rows = connection.execute(
        """
        select
            request_number, call_id, called_at, context_tokens, follows_compaction, is_peak,
            part_name, tokens, part_rank, band_name, band_tokens, band_ratio
        from v_context_growth where session_id = $session
        order by request_number, part_rank
        """,
        {"session": session_id},
    ).fetchall()
    moments: dict[int, Moment] = {}
    bands: dict[int, str] = {}
    for row in rows:
        part, tokens, place, band, band_tokens, ratio = row[6:]
        moment = moments.setdefault(row[0], Moment(row[0], row[1], row[2], row[3], row[4], row[5], {}, {}))
        moment.tokens[part] = tokens
        moment.bands[band] = Band(band_tokens, ratio)
        bands[place] = band
    in_order = dict.fromkeys(bands[place] for place in sorted(bands))
    return ContextPicture(session_id, title, list(in_order), list(moments.values()))


def explain(connection: duckdb.DuckDBPyConnection, given: str) -> Explanation:
    """Where each dollar of a session went."""
    session_id, title = find_session(connection, given)

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql, {"session": session_id}).fetchall()

    total = connection.execute(
        cost_by(
            "project_name, first_called_at, cost_usd, request_count, unpriced_response_count, cache_miss_count, "
            "miss_extra_cost_usd"
        )
        + " where name = $session",
        {"session": session_id, "kind": "session", **Scope().parameters},
    ).fetchone()
    project, started_at, cost_usd, request_count, unpriced, miss_count, miss_extra = total or (
        None, None, None, 0, 0, 0, None,
    )  # fmt: skip
    shares = rows(
        """
        select
            component_type, component_name, allocation_method, entry_cost_usd, carrying_cost_usd, output_cost_usd, cost_usd,
            cost_ratio, (rest_entry_cost_usd, rest_carrying_cost_usd, rest_output_cost_usd, rest_cost_usd), rest_cost_ratio
        from v_session_cause where session_id = $session
        order by cost_rank
        """
    )
    segments = rows(
        """
        select
            entered_at, item_kind, component_name, piece_name, tokens, requests_carried, cost_usd, allocation_method,
            _source_path, _source_line
        from v_context_piece where session_id = $session
        order by cost_usd desc, segment_id
        """
    )
    tasks = rows(
        """
        select
            prompt_id, coalesce(prompt_text, 'before the first prompt'), response_count, caused_cost_usd, _source_path,
            _source_line
        from v_expensive_prompt where session_id = $session
        order by cost_rank
        """
    )
    misses = rows(
        """
        select
            missed_at, cause, gap_seconds, missed_tokens, extra_cost_usd, suggestion, _source_path, _source_line,
            rest_missed_tokens, rest_extra_cost_usd
        from v_session_miss where session_id = $session
        order by cost_rank
        """
    )
    return Explanation(
        session_id, title, project, started_at, cost_usd or 0.0, request_count, unpriced, miss_count, miss_extra or 0.0,
        [Share(*row) for row in shares],
        [Piece(*row) for row in segments],
        [TaskCost(*row) for row in tasks],
        [Miss(*row) for row in misses],
        suggestions.read_of_sessions(connection, "select $session", {"session": session_id}),
    )  # fmt: skip


# --- showing ------------------------------------------------------------------------------------------------


def render_ranking(found: Ranking, console: Console, limit: int | None = None) -> None:
    """Print the ranking, fitted to the console's width."""
    from rich.text import Text

    scope = f" {found.scope}" if found.scope else ""
    if not found.causes:
        known = f" The store has use from {found.known_from} to {found.known_to}." if found.known_from else ""
        console.print(Text(f"Nothing was spent by {found.by}{scope}.{known if found.scope else ''}"))
        return
    causes = [cause for cause in found.causes if not _is_main_agent(found, cause)]
    most = ROWS_SHOWN if limit is None else limit or len(causes)
    shown = causes[-most:] if found.by in BY_TIME else causes[:most]
    if shown:
        title = f"Cost by {found.by.replace('-', ' ')}{scope}"
        if found.by in BY_TIME:
            title += f", the last {len(shown):,} of {len(causes):,}" if len(shown) < len(causes) else ""
        else:
            title = how_many(title, len(shown), len(causes))
        sheet = (
            _work_sheet(found.by, title, shown)
            if found.by in {"skill", "plugin"}
            else _ranking_sheet(found.by, title, shown)
        )
        show(sheet, console)
    console.print(Text(_summary(found), style="dim"))
    what = f"What to do about {_PLURALS[found.by]}" if found.by in _PLURALS else "What to do"
    lines = [(suggestions.worth(line), suggestions.sentence(line)) for line in found.optimizations]
    _print_advice(f"{what}, by savings in a month with use", lines, suggestions.MORE, console, limit)
    if found.by == "session":
        console.print(Text(f" Where the dollars of one went: agent-store report explain {shown[0].name[:ID_LETTERS]}"))


def _print_advice(
    title: str, lines: Sequence[tuple[str, str]], more: str, console: Console, limit: int | None
) -> None:
    """What to do, if there is anything."""
    from rich.text import Text

    if not lines:
        return
    shown = lines[: SUGGESTIONS_SHOWN if limit is None else limit or None]
    console.print(Text(title, style="bold"))
    console.print(suggestions.listed(shown))
    if rest := len(lines) - len(shown):
        console.print(Text(f" {rest:,} more: {more}", style="dim"))


def _is_main_agent(found: Ranking, cause: Cause) -> bool:
    return found.by == "agent" and cause.detail == "main"


def _summary(found: Ranking) -> str:
    covers = f" ({found.coverage.covers})" if found.coverage and found.coverage.covers else ""
    total = f"{dollars(found.total_usd)} in all{covers}"
    if found.by == "agent":
        main = [cause for cause in found.causes if _is_main_agent(found, cause)]
        words = [f"{dollars(cause.cost_usd)} ({percent(cause.cost_ratio)}) by main agents" for cause in main]
        return f" {' and '.join([*words, total])}. --by project splits the main agents. {PRICES_ARE}"
    if found.by == "skill":
        return (
            f" {total}. Work: all responses under a skill, whatever else was in the context; a skill "
            f"inside another counts for both. Own text: what its instructions and files cost in contexts. {PRICES_ARE}"
        )
    if found.by == "plugin":
        return (
            f" {total}. Work: all responses under a skill of the plugin. Own text: what its skills, agents and "
            f"tools cost in contexts. {PRICES_ARE}"
        )
    return f" {total}. {PRICES_ARE}"


def _ranking_sheet(by: str, title: str, shown: Sequence[Cause]) -> Sheet:
    sheet = Sheet(title)
    is_session = by == "session"
    if is_session:
        sheet.text("id")
        sheet.text("first call (UTC)", rank=4)
        sheet.name("session")
    elif by in BY_TIME:
        sheet.text(by)
    elif by == "file":
        sheet.path(by)
    else:
        sheet.name(by.replace("-", " "))
    detail = {"branch": "project", "session": "project", "agent": "type", "component": "type"}.get(by)
    if detail:
        sheet.name(detail, rank=5, most=24)
    sheet.bar(_BAR)
    sheet.number("cost")
    sheet.number("share", rank=1)
    calls = {"tool": "calls", "mcp": "calls", "agent": "runs", "task-type": "tasks"}.get(by)
    if calls:
        sheet.number(calls, rank=3)
    sheet.number("tokens", rank=2)
    sheet.number("requests", rank=6)
    if not is_session:
        sheet.number("sessions", rank=7)
    largest = max(cause.cost_usd or 0.0 for cause in shown)
    for cause in shown:
        if is_session:
            started = f"{cause.started_at:%Y-%m-%d %H:%M}" if cause.started_at else "–"
            names = [cause.name[:ID_LETTERS], started, one_line(cause.detail or cause.name)]
        else:
            names = [one_line(cause.name)]
        if detail:
            names.append(one_line((cause.project_name if is_session else cause.detail) or "–"))
        sheet.add(
            *names, bar(cause.cost_usd or 0.0, largest, _BAR), cost_cell(cause.cost_usd, cause.unpriced_response_count),
            percent(cause.cost_ratio), *([f"{cause.invocation_count or 0:,}"] if calls else []),
            short_number(cause.total_tokens), f"{cause.request_count:,}",
            *([] if is_session else [f"{cause.session_count:,}"]),
        )  # fmt: skip
    return sheet


def _work_sheet(by: str, title: str, shown: Sequence[Cause]) -> Sheet:
    """Skills and plugins by what was done under them: their text is hardly ever what costs."""
    sheet = Sheet(title)
    sheet.name(by)
    sheet.bar(_BAR)
    sheet.number("work")
    sheet.number("share", rank=1)
    sheet.number("own text", rank=2)
    sheet.number("runs", rank=3)
    sheet.number("sessions", rank=4)
    largest = max(cause.work_cost_usd or 0.0 for cause in shown)
    for cause in shown:
        sheet.add(
            cause.name, bar(cause.work_cost_usd or 0.0, largest, _BAR), dollars(cause.work_cost_usd),
            percent(cause.work_ratio), dollars(cause.cost_usd), f"{cause.invocation_count or 0:,}",
            f"{cause.session_count:,}",
        )  # fmt: skip
    return sheet


def _column(moment: Moment, bands: Sequence[str], largest: int) -> list[int]:
    """Which band each cell of a column shows, from the bottom; its height is the context's."""
    edges, running = [], 0
    for band in bands:
        running += _tokens(moment, band)
        edges.append(running)
    height = max(1, round(running / largest * PICTURE_ROWS))
    middles = [(cell + 0.5) / height * running for cell in range(height)]
    return [next(i for i, edge in enumerate(edges) if middle <= edge) for middle in middles]


def _tokens(moment: Moment, band: str) -> int:
    return moment.bands[band].tokens if band in moment.bands else 0


def _ratio(moment: Moment, band: str) -> float:
    return moment.bands[band].ratio if band in moment.bands else 0.0


def _peak(found: ContextPicture) -> Moment:
    return next(moment for moment in found.moments if moment.is_peak)


def render_picture(found: ContextPicture, console: Console) -> None:
    """Draw the growth of the context: responses to the right, tokens upwards, a band for each part."""
    from rich.text import Text

    heading = " ".join((found.title or found.session_id).split())
    console.print(Text(heading, style="bold", overflow="ellipsis", no_wrap=True))
    if not found.moments:
        console.print(Text("The main thread of this session sent no request that was answered."))
        return
    width = max(10, console.width - _AXIS - 1)
    count = len(found.moments)
    wide_each = max(1, min(4, width // count))
    columns = min(count, width)
    chosen = [found.moments[(i + 1) * count // columns - 1] for i in range(columns)]
    starts = [i * count // columns for i in range(columns)]
    largest = _peak(found).context_tokens
    cells = [_column(moment, found.bands, largest) for moment in chosen]
    for row in range(PICTURE_ROWS - 1, -1, -1):
        label = short_number(round(largest * (row + 1) / PICTURE_ROWS)) if (row + 1) % 4 == 0 else ""
        line = Text(f"{label:>{_AXIS - 2}} ┤" if label else " " * (_AXIS - 1) + "│")
        for column in cells:
            if row < len(column):
                band = column[row]
                line.append(_FILLS[band] * wide_each, style=_COLORS[band])
            else:
                line.append(" " * wide_each)
        console.print(line, no_wrap=True)
    ends = [*starts[1:], count]
    marks = [
        "▲" if any(moment.follows_compaction for moment in found.moments[start:end]) else "─"
        for start, end in zip(starts, ends, strict=True)
    ]
    axis = "".join(mark + "─" * (wide_each - 1) for mark in marks)
    console.print(Text(" " * (_AXIS - 1) + "└" + axis), no_wrap=True)
    console.print(_picture_footer(found, marks, columns * wide_each), no_wrap=True)
    show(_legend(found), console)


def _picture_footer(found: ContextPicture, marks: Sequence[str], drawn: int) -> Text:
    from rich.text import Text

    left, right = "request 1", f"request {len(found.moments):,}"
    notes = "▲ compaction" if "▲" in marks else ""
    space = drawn - len(left) - len(right)
    if space > len(notes):
        line = left + notes.center(space) + right
    else:  # a short session: the note follows on the same line
        line = f"{left} to {len(found.moments):,}  {notes}".rstrip()
    return Text(" " * _AXIS + line, style="dim")


def _legend(found: ContextPicture) -> Sheet:
    peak, last = _peak(found), found.moments[-1]
    sheet = Sheet()
    sheet.bar(1, rank=0)
    sheet.name("what")
    sheet.number(f"peak ({peak.number:,})")
    sheet.number("share", rank=1)
    sheet.number(f"end ({last.number:,})", rank=2)
    sheet.number("share", rank=3)
    for number, band in enumerate(found.bands):
        sheet.add(
            _FILLS[number], band,
            short_number(_tokens(peak, band)), percent(_ratio(peak, band)),
            short_number(_tokens(last, band)), percent(_ratio(last, band)),
            style=_COLORS[number],
        )  # fmt: skip
    whole = ["", "context", short_number(peak.context_tokens), "", short_number(last.context_tokens), ""]
    sheet.add(*whole, style="bold")
    return sheet


def render_explanation(found: Explanation, console: Console, limit: int | None = None) -> None:
    """Print where the dollars went; `limit` is how many rows of each table (0: all)."""
    from rich.text import Text

    heading = one_line(found.title or found.session_id)
    console.print(Text(heading, style="bold", overflow="ellipsis", no_wrap=True))
    console.print(Text(found.session_id, style="dim"))
    line = f"{dollars(found.cost_usd)} for {counted(found.request_count, 'request')}"
    if found.unpriced_response_count:
        line += f", {found.unpriced_response_count:,} of them without a price"
    line += f", in {one_line(found.project_name)}" if found.project_name else ""
    line += f", first request {found.started_at:%Y-%m-%d %H:%M} UTC" if found.started_at else ""
    console.print(Text(f"{line}. {PRICES_ARE}", style="dim"))

    def most(usual: int) -> int | None:
        return usual if limit is None else limit or None

    for sheet in (
        _shares_sheet(found, most(COMPONENTS_SHOWN)),
        _pieces_sheet(found, most(SEGMENTS_SHOWN)),
        _tasks_sheet(found, most(TASKS_SHOWN)),
        _misses_sheet(found, most(MISSES_SHOWN)),
    ):
        if sheet is not None:
            show(sheet, console)
    lines = [(suggestions.worth(line), suggestions.sentence(line)) for line in found.advice]
    more = f"agent-store report explain {found.session_id[:ID_LETTERS]} --limit 0"
    _print_advice("What would have saved most", lines, more, console, limit)
    paths = {
        path
        for path in (
            *(piece.source_path for piece in found.segments),
            *(task.source_path for task in found.tasks),
            *(miss.source_path for miss in found.misses),
        )
        if path is not None
    }
    own = sorted(path for path in paths if _is_own(found, path))
    if paths:
        console.print(Text("A line of the transcript, as it was written:", style="dim"))
        for path in own or sorted(paths)[:1]:
            console.print(Text(f"  agent-store line {quote(path)} LINE", style="dim"), soft_wrap=True)
        if len(paths) > len(own):
            console.print(Text("A name before the number is that of a subagent's file.", style="dim"))


def _line_of(found: Explanation, path: str | None, line: int | None) -> str:
    """412, or agent-a7f.jsonl:12 where it is not in the session's own file."""
    if path is None or line is None:
        return "–"
    name = path.replace("\\", "/").rpartition("/")[2].removesuffix(".jsonl")
    return f"{line}" if _is_own(found, path) else f"{name}:{line}"


def _is_own(found: Explanation, path: str) -> bool:
    return path.replace("\\", "/").rpartition("/")[2].startswith(found.session_id)


def _parts(share: Share) -> tuple[float, float, float, float]:
    return share.entry_cost_usd, share.carrying_cost_usd, share.output_cost_usd, share.cost_usd


def _shares_sheet(found: Explanation, most: int | None) -> Sheet | None:
    if not found.shares:
        return None
    sheet = Sheet("By component, cache misses included")
    sheet.name("what")
    sheet.name("type", rank=7, most=18)
    sheet.number("entering", "carrying", "output", rank=3)
    sheet.number("cost")
    sheet.number("share", rank=1)
    sheet.text("known", rank=8)
    for share in found.shares[:most]:
        sheet.add(
            share.component_name, share.component_type, *(dollars(usd) for usd in _parts(share)), percent(share.cost_ratio),
            share.allocation_method,
        )  # fmt: skip
    shown = found.shares[:most]
    if more := len(found.shares) - len(shown):
        rest = shown[-1]
        sums = [dollars(usd) for usd in rest.rest_usd]
        sheet.add(f"{more:,} more", "", *sums, percent(rest.rest_ratio), "", style="dim")
    return sheet


def _pieces_sheet(found: Explanation, most: int | None) -> Sheet | None:
    if not found.segments:
        return None
    shown = found.segments[:most]
    sheet = Sheet(how_many("Pieces of its context", len(shown), len(found.segments)))
    sheet.path("what")
    sheet.text("line", rank=3)
    sheet.number("tokens", rank=2)
    sheet.number("carried", rank=4)
    sheet.number("cost")
    sheet.text("kind", rank=7)
    sheet.text("known", rank=8)
    for piece in shown:
        sheet.add(
            one_line(piece.name), _line_of(found, piece.source_path, piece.source_line), short_number(piece.tokens),
            f"{piece.requests_carried:,}×", dollars(piece.cost_usd), piece.item_kind, piece.allocation_method,
        )  # fmt: skip
    return sheet


def _tasks_sheet(found: Explanation, most: int | None) -> Sheet | None:
    if not found.tasks:
        return None
    shown = found.tasks[:most]
    sheet = Sheet(how_many("Prompts, their subagents included", len(shown), len(found.tasks)))
    sheet.name("prompt")
    sheet.text("line", rank=2)
    sheet.number("requests", rank=1)
    sheet.number("cost")
    for task in shown:
        sheet.add(
            one_line(task.task), _line_of(found, task.source_path, task.source_line), f"{task.request_count:,}",
            dollars(task.cost_usd),
        )  # fmt: skip
    return sheet


def _misses_sheet(found: Explanation, most: int | None) -> Sheet | None:
    if not found.misses:
        return None
    sheet = Sheet(
        f"Cache misses: {found.miss_count:,}, {dollars(found.miss_extra_cost_usd)} more than from the cache"
    )
    sheet.text("when (UTC)", rank=2)
    sheet.text("cause")
    sheet.number("pause", rank=4)
    sheet.text("line", rank=3)
    sheet.number("tokens again", rank=1)
    sheet.number("extra")
    shown = found.misses[:most]
    for miss in shown:
        sheet.add(
            f"{miss.missed_at:%Y-%m-%d %H:%M}" if miss.missed_at else "–", miss.cause, pause_words(miss.gap_seconds),
            _line_of(found, miss.source_path, miss.source_line), short_number(miss.missed_tokens),
            dollars(miss.extra_cost_usd),
        )  # fmt: skip
    if more := len(found.misses) - len(shown):
        rest = shown[-1]
        sheet.add(
            "", f"{more:,} more", "", "", short_number(rest.rest_tokens), dollars(rest.rest_usd), style="dim",
        )  # fmt: skip
    return sheet


def pause_words(seconds: float | None) -> str:
    """74 min."""
    if seconds is None or seconds <= 0:
        return "–"
    minutes = round(seconds / 60)
    if minutes == 0:
        return f"{seconds:.0f} s"
    return f"{minutes:,} min" if minutes < _MANY_MINUTES else f"{minutes / 60:,.0f} h"
