"""What caused the cost: reports from the context ledger.

Like `report`, it reads the published store only. `rank` orders what cost was put down to, `picture` shows how
the context of a session grew, `explain` says where each dollar of a session went.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.report import PRICES_ARE, bar, dollars, percent, short_number
from agent_store.tables import fitted, name_column, number_columns
from agent_store.tables import table as new_table

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

ROWS_SHOWN = 25
SEGMENTS_SHOWN = TASKS_SHOWN = MISSES_SHOWN = 8
COMPONENTS_SHOWN = 15
MATCHES_SHOWN = 6
BANDS_SHOWN = 7
PICTURE_ROWS = 16
_WIDE = 120
_AXIS = 9
_OTHER = "everything else"
_FILLS = "█▓▒░▞▚╬▪"
_COLORS = ("blue", "green", "yellow", "magenta", "cyan", "red", "bright_blue", "white")

# What each ranking names and counts: rows with name, session, cost and tokens in the chosen time.
_USAGE = """
    select {name} as name, {detail} as detail, u.session_id, u.call_id, u.cost_usd, u.input_tokens,
        u.output_tokens
    from fact_token_usage as u
    inner join dim_component as c on c.component_id = u.component_id
    {join}
    where {where} and {time}
"""
_CALLS = """
    select {name} as name, {detail} as detail, u.session_id, u.call_id,
        coalesce(u.cost_usd, 0) as cost_usd, u.input_tokens, u.output_tokens
    from fact_api_call as u
    {join}
    where u.success and {time}
"""
_SEGMENTS = """
    select u.file_path as name, '' as detail, u.session_id, u.call_id, u.cost_usd,
        u.tokens + u.carried_tokens as input_tokens, 0 as output_tokens
    from fact_context_segment as u
    where u.file_id is not null and {time}
"""


def _usage(name: str, where: str, *, detail: str = "''", join: str = "") -> str:
    return _USAGE.format(name=name, where=where, detail=detail, join=join, time="{time}")


BY = {
    "skill": _usage(
        "c.component_name", "c.component_type in ('skill', 'command')", detail="c.component_type"
    ),
    "tool": _usage("c.component_name", "c.component_type = 'tool'"),
    # Also what a server itself put into contexts, and definitions of tools that were never called: as v_cost_by_mcp_server.
    "mcp": _usage(
        "case c.component_type when 'mcp_server' then c.component_name "
        "else regexp_extract(c.component_name, '^mcp__(.+?)__', 1) end",
        "(c.component_type = 'mcp_server' or (c.component_type = 'tool' and starts_with(c.component_name, 'mcp__')))",
    ),
    "agent": _CALLS.format(
        name="a.agent_name", detail="a.agent_type", time="{time}",
        join="inner join dim_agent as a on a.agent_id = u.agent_id",
    ),
    "branch": _CALLS.format(
        name="coalesce(nullif(u.git_branch, 'HEAD'), 'none')", detail="s.project_name", time="{time}",
        join="inner join dim_session as s on s.session_id = u.session_id",
    ),
    "file": _SEGMENTS,
    "component": _usage("c.component_name", "true", detail="c.component_type"),
}  # fmt: skip
_TIME_COLUMN = {"agent": "u.called_at", "branch": "u.called_at", "file": "u.entered_at"}


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that cost was put down to."""

    name: str
    detail: str
    cost_usd: float
    cost_ratio: float | None
    carried_tokens: int
    output_tokens: int
    request_count: int
    session_count: int
    # Of a skill: what was done under it. Other cost of the same calls, so nothing to add to cost_usd.
    work_cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """What caused the cost of a time."""

    by: str
    since: date | None
    until: date | None
    total_usd: float
    causes: Sequence[Cause]

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
class DearSegment:
    """One of the dearest pieces of context."""

    entered_at: datetime | None
    item_kind: str
    component_name: str
    file_path: str | None
    tokens: int
    requests_carried: int
    cost_usd: float
    allocation_method: str


@dataclass(frozen=True, slots=True)
class TaskCost:
    """What one prompt cost, its subagents included."""

    task_id: str
    task: str
    request_count: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Miss:
    """A request that had to be billed anew."""

    missed_at: datetime | None
    cause: str
    missed_tokens: int
    extra_cost_usd: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where each dollar of a session went."""

    session_id: str
    title: str | None
    cost_usd: float
    request_count: int
    unpriced_response_count: int
    shares: Sequence[Share]
    segments: Sequence[DearSegment]
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


def _zone(connection: duckdb.DuckDBPyConnection) -> str:
    """The zone whose days the store's marts follow."""
    known = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'main' and table_name = 'store_build'"
    ).fetchone()
    if known is None or not known[0]:
        return "UTC"
    row = connection.execute("select timezone from store_build").fetchone()
    return str(row[0]) if row and row[0] else "UTC"


def rank(
    connection: duckdb.DuckDBPyConnection, by: str, since: date | None = None, until: date | None = None
) -> Ranking:
    """What caused the cost between two days, both included."""
    zone = _zone(connection)

    def between(column: str) -> tuple[str, list[Any]]:
        if since is None and until is None:
            return "true", []
        day = f"cast(timezone(?, timezone('UTC', {column})) as date)"
        limits = [(">=", since), ("<=", until)]
        given = [(sign, limit) for sign, limit in limits if limit is not None]
        return " and ".join(f"{day} {sign} ?" for sign, _ in given), [x for _, d in given for x in (zone, d)]

    time, parameters = between("u.called_at")
    total = connection.execute(
        f"select coalesce(sum(u.cost_usd), 0) from fact_api_call as u where {time}", parameters
    ).fetchone()
    total_usd = float(total[0]) if total else 0.0
    time, parameters = between(_TIME_COLUMN.get(by, "u.measured_at"))
    rows = connection.execute(
        f"""
        with spent as ({BY[by].format(time=time)})
        select
            coalesce(name, '(none)'), coalesce(detail, ''), sum(cost_usd), sum(input_tokens)::bigint,
            sum(output_tokens)::bigint, count(distinct call_id), count(distinct session_id)
        from spent group by 1, 2 order by 3 desc, 1, 2
        """,
        parameters,
    ).fetchall()
    work: dict[str, float] = {}
    if by == "skill":
        time, parameters = between("u.invoked_at")
        work = dict(
            connection.execute(
                "select skill_name, sum(cost_usd) from fact_skill_invocation as u "
                f"where cost_usd is not null and {time} group by skill_name",
                parameters,
            ).fetchall()
        )
    causes = [
        Cause(
            str(row[0]), str(row[1]), row[2], row[2] / total_usd if total_usd else None,
            row[3], row[4], row[5], row[6], work.get(row[0]),
        )
        for row in rows
    ]  # fmt: skip
    return Ranking(by, since, until, total_usd, causes)


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
        f"""
        select
            entered_at, item_kind, component_name, file_path, tokens, requests_carried, cost_usd,
            allocation_method
        from fact_context_segment where session_id = $session
        order by cost_usd desc, segment_id limit {SEGMENTS_SHOWN}
        """
    )
    tasks = rows(
        f"""
        select a.component_id, c.component_name, a.request_count, a.cost_usd
        from fact_cost_allocation as a
        inner join dim_component as c on c.component_id = a.component_id
        where a.session_id = $session and a.basis = 'task'
        order by a.cost_usd desc, 1 limit {TASKS_SHOWN}
        """
    )
    misses = rows(
        """
        select missed_at, cause, missed_tokens, extra_cost_usd from fact_cache_miss
        where session_id = $session order by extra_cost_usd desc, call_id
        """
    )
    return Explanation(
        session_id, title, cost_usd, request_count, unpriced,
        [Share(*(*row, row[6] / cost_usd if cost_usd else None)) for row in shares],
        [DearSegment(*row) for row in segments],
        [TaskCost(*row) for row in tasks],
        [Miss(*row) for row in misses],
    )  # fmt: skip


# --- showing ------------------------------------------------------------------------------------------------


def _shortened(name: str, most: int) -> str:
    """A long path by its end: that is where it differs."""
    flat = " ".join(name.split())
    return flat if len(flat) <= most or "/" not in flat else "…" + flat[-(most - 1) :]


def render_ranking(found: Ranking, console: Console) -> None:
    """Print the ranking, fitted to the console's width."""
    from rich.markup import escape
    from rich.text import Text

    wide = console.width >= _WIDE
    time = "".join(
        f" {word} {day}" for word, day in (("since", found.since), ("until", found.until)) if day is not None
    )
    shown = found.causes[:ROWS_SHOWN]
    many = f", the dearest {len(shown)} of {len(found.causes):,}" if len(found.causes) > len(shown) else ""
    if not found.causes:
        console.print(Text(f"Nothing was spent by {found.by}{time}."))
        return
    table = new_table(f"Cost by {found.by}{time}{many}")
    most = 46 if wide else 26
    name_column(table, found.by, most)
    has_detail = any(cause.detail for cause in shown)
    if has_detail:
        name_column(table, "project" if found.by == "branch" else "type", 18 if wide else 12)
    table.add_column("", width=14 if wide else 6, no_wrap=True, style="cyan")
    number_columns(table, "cost", "share", "tokens")
    has_work = any(cause.work_cost_usd is not None for cause in shown)
    if has_work:
        number_columns(table, "work")
    if wide:
        number_columns(table, "requests", "sessions")
    for cause in shown:
        more = [f"{cause.request_count:,}", f"{cause.session_count:,}"] if wide else []
        if has_work:
            more.insert(0, "" if cause.work_cost_usd is None else dollars(cause.work_cost_usd))
        table.add_row(
            escape(_shortened(cause.name, most)), *([escape(cause.detail)] if has_detail else []),
            bar(cause.cost_usd, shown[0].cost_usd, 14 if wide else 6), dollars(cause.cost_usd),
            percent(cause.cost_ratio), short_number(cause.carried_tokens + cause.output_tokens), *more,
        )  # fmt: skip
    console.print(fitted(table, console))
    listed = sum(cause.cost_usd for cause in found.causes)
    summary = f" {dollars(listed)} by {found.by} of {dollars(found.total_usd)} in all. {PRICES_ARE}"
    if has_work:
        summary += " Work: the answers given under a skill, whatever stood in their contexts."
    console.print(Text(summary, style="dim"))


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
    console.print(fitted(_legend(found, bands), console))


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


def _legend(found: ContextPicture, bands: Sequence[str]) -> Table:
    from rich.markup import escape

    peak = max(found.moments, key=lambda moment: (moment.context_tokens, -moment.number))
    last = found.moments[-1]
    table = new_table("")
    table.add_column("", width=1, no_wrap=True)
    name_column(table, "what", 32)
    number_columns(table, f"peak ({peak.number:,})", "share", f"end ({last.number:,})", "share")

    def tokens(moment: Moment, band: str) -> int:
        if band != _OTHER:
            return moment.tokens.get(band, 0)
        return sum(moment.tokens.values()) - sum(moment.tokens.get(other, 0) for other in bands)

    for number, band in enumerate(bands):
        table.add_row(
            f"[{_COLORS[number]}]{_FILLS[number]}[/{_COLORS[number]}]", escape(band),
            short_number(tokens(peak, band)), percent(tokens(peak, band) / peak.context_tokens),
            short_number(tokens(last, band)), percent(tokens(last, band) / last.context_tokens),
        )  # fmt: skip
    whole = ["", "context", short_number(peak.context_tokens), "", short_number(last.context_tokens), ""]
    table.add_row(*whole, style="bold")
    return table


def render_explanation(found: Explanation, console: Console) -> None:
    """Print where the dollars went."""
    from rich.text import Text

    heading = " ".join((found.title or found.session_id).split())
    console.print(Text(heading, style="bold", overflow="ellipsis", no_wrap=True))
    line = f"{dollars(found.cost_usd)} for {found.request_count:,} requests"
    if found.unpriced_response_count:
        line += f", {found.unpriced_response_count:,} of them without a price"
    console.print(Text(f"{line}. {PRICES_ARE}", style="dim"))
    wide = console.width >= _WIDE
    for table in (
        _shares_table(found, wide=wide),
        _segments_table(found, wide=wide),
        _tasks_table(found, wide=wide),
        _misses_table(found),
    ):
        if table is not None:
            console.print(fitted(table, console))


def _parts(share: Share) -> tuple[float, float, float, float]:
    return share.entry_cost_usd, share.carrying_cost_usd, share.output_cost_usd, share.cost_usd


def _shares_table(found: Explanation, *, wide: bool) -> Table | None:
    from rich.markup import escape

    if not found.shares:
        return None
    table = new_table("What caused it")
    most = 40 if wide else 22
    name_column(table, "what", most)
    if wide:
        name_column(table, "type", 18)
    number_columns(table, "entering", "carrying", "output", "cost", "share")
    if wide:
        table.add_column("known", no_wrap=True)
    for share in found.shares[:COMPONENTS_SHOWN]:
        row = [escape(_shortened(share.component_name, most))]
        row += [escape(share.component_type)] if wide else []
        row += [dollars(usd) for usd in _parts(share)] + [percent(share.cost_ratio)]
        table.add_row(*row, *([share.allocation_method] if wide else []))
    rest = found.shares[COMPONENTS_SHOWN:]
    if rest:
        row = [f"{len(rest):,} more", *([""] if wide else [])]
        row += [dollars(sum(usd)) for usd in zip(*(_parts(share) for share in rest), strict=True)]
        table.add_row(*row, "", *([""] if wide else []), style="dim")
    return table


def _segments_table(found: Explanation, *, wide: bool) -> Table | None:
    from rich.markup import escape

    if not found.segments:
        return None
    table = new_table("The dearest pieces of its context")
    most = 52 if wide else 34
    name_column(table, "what", most)
    number_columns(table, "tokens", "carried", "cost")
    if wide:
        table.add_column("kind", no_wrap=True)
        table.add_column("known", no_wrap=True)
    for segment in found.segments:
        name = segment.component_name + (f" {segment.file_path}" if segment.file_path else "")
        table.add_row(
            escape(_shortened(name, most)), short_number(segment.tokens), f"{segment.requests_carried:,}×",
            dollars(segment.cost_usd), *([segment.item_kind, segment.allocation_method] if wide else []),
        )  # fmt: skip
    return table


def _tasks_table(found: Explanation, *, wide: bool) -> Table | None:
    from rich.markup import escape

    if not found.tasks:
        return None
    table = new_table("The dearest prompts, their subagents included")
    name_column(table, "prompt", 84 if wide else 50)
    number_columns(table, "requests", "cost")
    for task in found.tasks:
        table.add_row(escape(" ".join(task.task.split())), f"{task.request_count:,}", dollars(task.cost_usd))
    return table


def _misses_table(found: Explanation) -> Table | None:
    if not found.misses:
        return None
    extra = sum(miss.extra_cost_usd for miss in found.misses)
    table = new_table(f"Cache misses: {len(found.misses):,}, {dollars(extra)} more than with the cache")
    table.add_column("when (UTC)", no_wrap=True)
    name_column(table, "cause", 30)
    number_columns(table, "tokens again", "extra")
    for miss in found.misses[:MISSES_SHOWN]:
        when = f"{miss.missed_at:%Y-%m-%d %H:%M}" if miss.missed_at else "–"
        table.add_row(when, miss.cause, short_number(miss.missed_tokens), dollars(miss.extra_cost_usd))
    return table
