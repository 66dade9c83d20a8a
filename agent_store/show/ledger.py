"""Cost by anything, and what caused it: reports from the context ledger.

Like `report`, it reads the published store only. `rank` orders cost by one thing, `picture` shows how the context of a
session grew, `explain` says where each dollar of a session went.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.show.report import (
    ID_LETTERS,
    PRICES_ARE,
    UNDATED,
    Scope,
    bar,
    cost_by,
    cost_cell,
    dollars,
    how_many,
    of_other_shape,
    one_line,
    percent,
    short_number,
)
from agent_store.show.tables import Sheet, show

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console
    from rich.text import Text

ROWS_SHOWN = 25
SEGMENTS_SHOWN = TASKS_SHOWN = MISSES_SHOWN = 8
COMPONENTS_SHOWN = 15
MATCHES_SHOWN = 6
BANDS_SHOWN = 7
PICTURE_ROWS = 16
_BAR = 10
_AXIS = 9
_MANY_MINUTES = 600
_OTHER = "everything else"
_FILLS = "█▓▒░▞▚╬▪"
_COLORS = ("blue", "green", "yellow", "magenta", "cyan", "red", "bright_blue", "white")

# What cost can be given by: the kinds of the store's macro `cost_by`.
BY_TIME = ("day", "week", "month")
BY = (
    *BY_TIME, "model", "project", "branch", "session", "skill", "tool", "mcp", "agent", "file", "task-type", "component",
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
    # Of a skill: what was done under it. Other cost of the same calls, so nothing to add to cost_usd.
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

    @property
    def scope(self) -> Scope:
        """What it is about."""
        return Scope(self.since, self.until, tuple(self.projects))

    def as_json(self) -> dict[str, Any]:
        """The ranking as plain data for programs."""
        return {"prices": PRICES_ARE, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Moment:
    """What the context held in one request."""

    number: int
    call_id: str
    called_at: datetime | None
    context_tokens: int
    tokens: dict[str, int]
    follows_compaction: bool


@dataclass(frozen=True, slots=True)
class ContextPicture:
    """How the context of a session's main thread grew."""

    session_id: str
    title: str | None
    moments: Sequence[Moment]

    def as_json(self) -> dict[str, Any]:
        """The picture as plain data for programs."""
        return asdict(self)


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
    cost_usd: float
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


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where each dollar of a session went."""

    session_id: str
    title: str | None
    cost_usd: float
    request_count: int
    unpriced_response_count: int
    shares: Sequence[Share]
    segments: Sequence[Piece]
    tasks: Sequence[TaskCost]
    misses: Sequence[Miss]

    def as_json(self) -> dict[str, Any]:
        """The explanation as plain data for programs."""
        return {"prices": PRICES_ARE, **asdict(self)}


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
    order = (
        "name = $last, name"
        if by in BY_TIME
        else "coalesce(work_cost_usd, -1) desc, coalesce(cost_usd, 0) desc, name, detail"
    )
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
        known = connection.execute("select min(usage_date), max(usage_date) from v_spending").fetchone()
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
    )


def picture(connection: duckdb.DuckDBPyConnection, given: str) -> ContextPicture:
    """How the context of a session's main thread grew, request by request."""
    session_id, title = find_session(connection, given)
    rows = connection.execute(
        """
        with calls as (
            select
                call_id, called_at, context_tokens,
                row_number() over (order by called_at nulls last, call_id) as number
            from fact_api_call
            where session_id = $session and success and agent_run_id is null and context_tokens > 0
        )
        select
            calls.number, calls.call_id, calls.called_at, calls.context_tokens,
            case when c.component_type in ('tool', 'agent', 'skill', 'command')
                then c.component_type || ' ' || c.component_name
                when c.component_type = 'system_prompt' then replace(c.component_name, '_', ' ')
                else replace(c.component_type, '_', ' ') end as part,
            sum(u.context_tokens)::bigint,
            calls.call_id in (
                select next_call_id from fact_context_overflow
                where session_id = $session and compact_triggered and next_call_id is not null)
        from calls
        inner join fact_token_usage as u on u.call_id = calls.call_id
        inner join dim_component as c on c.component_id = u.component_id
        where u.context_tokens > 0
        group by all order by 1, 5
        """,
        {"session": session_id},
    ).fetchall()
    moments: dict[int, Moment] = {}
    for number, call_id, called_at, context_tokens, part, tokens, follows in rows:
        moment = moments.setdefault(number, Moment(number, call_id, called_at, context_tokens, {}, follows))
        moment.tokens[part] = moment.tokens.get(part, 0) + tokens
    return ContextPicture(session_id, title, list(moments.values()))


def explain(connection: duckdb.DuckDBPyConnection, given: str) -> Explanation:
    """Where each dollar of a session went."""
    session_id, title = find_session(connection, given)

    def rows(sql: str) -> list[Any]:
        return connection.execute(sql, {"session": session_id}).fetchall()

    cost_usd, request_count, unpriced = rows(
        "select coalesce(sum(cost_usd), 0), count(*), count(*) filter (where not is_priced) "
        "from fact_api_call where session_id = $session and success"
    )[0]
    shares = rows(
        """
        select
            c.component_type, c.component_name, a.allocation_method, a.entry_cost_usd, a.carrying_cost_usd,
            a.output_cost_usd, a.cost_usd
        from fact_cost_allocation as a
        inner join dim_component as c on c.component_id = a.component_id
        where a.session_id = $session and a.basis = 'context'
        order by a.cost_usd desc, 1, 2
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
            a.component_id, coalesce(prompts.prompt_text, c.component_name), a.request_count, a.cost_usd,
            prompts._source_path, prompts._source_line
        from fact_cost_allocation as a
        inner join dim_component as c on c.component_id = a.component_id
        left join v_expensive_prompt as prompts on prompts.prompt_id = a.component_id and prompts.session_id = a.session_id
        where a.session_id = $session and a.basis = 'task'
        order by a.cost_usd desc, 1
        """
    )
    misses = rows(
        """
        select
            misses.missed_at, misses.cause, misses.gap_seconds, misses.missed_tokens, misses.extra_cost_usd,
            advice.suggestion, misses._source_path, misses._source_line
        from fact_cache_miss as misses
        left join (select cause, min(suggestion) as suggestion from v_cache_miss group by cause) as advice
            on advice.cause = misses.cause
        where misses.session_id = $session order by misses.extra_cost_usd desc, misses.call_id
        """
    )
    return Explanation(
        session_id, title, cost_usd, request_count, unpriced,
        [Share(*(*row, row[6] / cost_usd if cost_usd else None)) for row in shares],
        [Piece(*row) for row in segments],
        [TaskCost(*row) for row in tasks],
        [Miss(*row) for row in misses],
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
        sheet = _skill_sheet(title, shown) if found.by == "skill" else _ranking_sheet(found.by, title, shown)
        show(sheet, console)
    console.print(Text(_summary(found), style="dim"))


def _is_main_agent(found: Ranking, cause: Cause) -> bool:
    return found.by == "agent" and cause.detail == "main"


def _summary(found: Ranking) -> str:
    total = dollars(found.total_usd)
    if found.by == "agent":
        main = [cause for cause in found.causes if _is_main_agent(found, cause)]
        words = [f"{dollars(cause.cost_usd)} ({percent(cause.cost_ratio)}) by main agents" for cause in main]
        return f" {' and '.join([*words, f'{total} in all'])}. --by project tells the main agents apart. {PRICES_ARE}"
    if found.by == "skill":
        return (
            f" {total} in all. Work: what was answered under a skill, regardless of what was in the context; a skill "
            f"inside another counts for both. Own text: what its instructions and files cost in contexts. {PRICES_ARE}"
        )
    return f" {total} in all. {PRICES_ARE}"


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
    has_calls = any(cause.invocation_count is not None for cause in shown) and by in {"tool", "mcp"}
    if has_calls:
        sheet.number("calls", rank=3)
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
            percent(cause.cost_ratio), *([f"{cause.invocation_count or 0:,}"] if has_calls else []),
            short_number(cause.total_tokens), f"{cause.request_count:,}",
            *([] if is_session else [f"{cause.session_count:,}"]),
        )  # fmt: skip
    return sheet


def _skill_sheet(title: str, shown: Sequence[Cause]) -> Sheet:
    """Skills by what was done under them: their text is hardly ever what costs."""
    sheet = Sheet(title)
    sheet.name("skill")
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


def _bands(moments: Sequence[Moment]) -> list[str]:
    """The parts that get a band of their own, those there longest and largest first; the rest is one."""
    weight: dict[str, int] = {}
    for moment in moments:
        for part, tokens in moment.tokens.items():
            weight[part] = weight.get(part, 0) + tokens
    ranked = sorted(weight, key=lambda part: (-weight[part], part))
    return ranked[:BANDS_SHOWN] + ([_OTHER] if len(ranked) > BANDS_SHOWN else [])


def _column(moment: Moment, bands: Sequence[str], largest: int) -> list[int]:
    """Which band each cell of a column shows, from the bottom; its height is the context's."""
    sizes = [moment.tokens.get(band, 0) for band in bands]
    if bands[-1] == _OTHER:
        sizes[-1] = sum(moment.tokens.values()) - sum(sizes)
    edges, running = [], 0
    for size in sizes:
        running += size
        edges.append(running)
    height = max(1, round(running / largest * PICTURE_ROWS))
    middles = [(cell + 0.5) / height * running for cell in range(height)]
    return [next(i for i, edge in enumerate(edges) if middle <= edge) for middle in middles]


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
    largest = max(moment.context_tokens for moment in found.moments)
    bands = _bands(found.moments)
    cells = [_column(moment, bands, largest) for moment in chosen]
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
    show(_legend(found, bands), console)


def _picture_footer(found: ContextPicture, marks: Sequence[str], drawn: int) -> Text:
    from rich.text import Text

    left, right = "request 1", f"request {len(found.moments):,}"
    notes = "▲ compaction" if "▲" in marks else ""
    space = drawn - len(left) - len(right)
    if space > len(notes):
        line = left + notes.center(space) + right
    else:  # a short session: the note stands beside it
        line = f"{left} to {len(found.moments):,}  {notes}".rstrip()
    return Text(" " * _AXIS + line, style="dim")


def _legend(found: ContextPicture, bands: Sequence[str]) -> Sheet:
    peak = max(found.moments, key=lambda moment: (moment.context_tokens, -moment.number))
    last = found.moments[-1]
    sheet = Sheet()
    sheet.bar(1, rank=0)
    sheet.name("what")
    sheet.number(f"peak ({peak.number:,})")
    sheet.number("share", rank=1)
    sheet.number(f"end ({last.number:,})", rank=2)
    sheet.number("share", rank=3)

    def tokens(moment: Moment, band: str) -> int:
        if band != _OTHER:
            return moment.tokens.get(band, 0)
        return sum(moment.tokens.values()) - sum(moment.tokens.get(other, 0) for other in bands)

    for number, band in enumerate(bands):
        sheet.add(
            _FILLS[number], band,
            short_number(tokens(peak, band)), percent(tokens(peak, band) / peak.context_tokens),
            short_number(tokens(last, band)), percent(tokens(last, band) / last.context_tokens),
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
    line = f"{dollars(found.cost_usd)} for {found.request_count:,} requests"
    if found.unpriced_response_count:
        line += f", {found.unpriced_response_count:,} of them without a price"
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
    _print_advice(found, console)
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


def _print_advice(found: Explanation, console: Console) -> None:
    """What to do about the misses, once for each cause."""
    from rich.padding import Padding
    from rich.text import Text

    advice = {miss.cause: miss.suggestion for miss in found.misses if miss.suggestion}
    for cause, suggestion in advice.items():
        console.print(Padding(Text(f"{cause}: {suggestion}.", overflow="fold"), (0, 0, 0, 1)))


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
    sheet = Sheet("What caused it")
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
    rest = found.shares[most:] if most is not None else []
    if rest:
        sums = [dollars(sum(usd)) for usd in zip(*(_parts(share) for share in rest), strict=True)]
        ratio = sum(share.cost_ratio or 0.0 for share in rest)
        sheet.add(f"{len(rest):,} more", "", *sums, percent(ratio), "", style="dim")
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
    extra = sum(miss.extra_cost_usd for miss in found.misses)
    sheet = Sheet(f"Cache misses: {len(found.misses):,}, {dollars(extra)} more than from the cache")
    sheet.text("when (UTC)", rank=2)
    sheet.text("cause")
    sheet.number("pause", rank=4)
    sheet.text("line", rank=3)
    sheet.number("tokens again", rank=1)
    sheet.number("extra")
    for miss in found.misses[:most]:
        sheet.add(
            f"{miss.missed_at:%Y-%m-%d %H:%M}" if miss.missed_at else "–", miss.cause, pause_words(miss.gap_seconds),
            _line_of(found, miss.source_path, miss.source_line), short_number(miss.missed_tokens),
            dollars(miss.extra_cost_usd),
        )  # fmt: skip
    rest = found.misses[most:] if most is not None else []
    if rest:
        sheet.add(
            "", f"{len(rest):,} more", "", "", short_number(sum(miss.missed_tokens for miss in rest)),
            dollars(sum(miss.extra_cost_usd for miss in rest)), style="dim",
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
