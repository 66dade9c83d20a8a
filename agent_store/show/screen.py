"""The first screen of the report, 24 lines at 100 columns: how much, on what, what changed, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent_store.show import suggestions
from agent_store.show.report import (
    Change,
    Report,
    Scope,
    Spending,
    pace_words,
    why_empty,
)
from agent_store.show.tables import Sheet
from agent_store.show.words import (
    ID_LETTERS,
    cost_cell,
    dollars,
    one_line,
    percent,
    short_number,
)
from ingest.text import counted, shorten

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

CACHE_MISSES = "Cache misses"
LINES = 24
WIDE = 100
ROWS_SHOWN = 4
SESSIONS_SHOWN = 3
SUGGESTIONS_SHOWN = 3
UNPRICED_SHOWN = 3
_NAME_WIDTH = 24
_GAP = 2
# What the tables side by side need to be of use.
_CAUSES_WIDTH, _PROJECTS_WIDTH, _MODELS_WIDTH = 41, 26, 28


def render(report: Report, console: Console, limit: int | None = None) -> None:
    """Print the first screen, fitted to the console's width; `limit` is how many rows of each list (0: all)."""
    # As many rows as the screen has room for; where the tables are not side by side, it is more than a screen anyway.
    for rows in range(ROWS_SHOWN, 0, -1):
        parts = _parts(report, console, limit, rows)
        height = sum(_height(part, console) for part in parts)
        if limit is not None or console.width < WIDE or height <= LINES:
            break
    # Blank lines where there is room for them.
    is_loose = limit is not None or console.width < WIDE or height + len(parts) - 1 <= LINES
    for number, part in enumerate(parts):
        if number and is_loose:
            console.print()
        for piece in part:
            console.print(piece)


def _parts(report: Report, console: Console, limit: int | None, rows: int) -> list[list[RenderableType]]:
    width = console.width
    rows = rows if limit is None else limit
    sessions = min(rows, SESSIONS_SHOWN) if limit is None else limit
    parts = [_head(report, width)]
    if report.total.response_count:
        parts += [_breakdown(report, width, rows or None), _sessions(report, width, sessions or None)]
    end = _end(report, width)
    used = sum(_height(part, console) for part in [*parts, end])
    room = LINES - used if width >= WIDE else None
    return [part for part in (*parts, _advice(report, room, console, limit), end) if part]


def _height(part: Sequence[RenderableType], console: Console) -> int:
    return sum(len(console.render_lines(piece, pad=False)) for piece in part)


def _flow(items: Sequence[str], width: int, style: str = "", indent: str = " ") -> Text:
    """Items with a dot between them; a line ends between two of them, or in one that is longer than a line."""
    from rich.cells import cell_len
    from rich.text import Text

    lines: list[str] = []
    for item in items:
        if lines and cell_len(f"{lines[-1]} · {item}") <= width:
            lines[-1] += f" · {item}"
            continue
        words = item.split(" ")
        lines.append(indent + words[0])
        for word in words[1:]:
            if cell_len(f"{lines[-1]} {word}") <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(f"   {word}")
    return Text("\n".join(lines), style=style, overflow="fold")


def _head(report: Report, width: int) -> list[RenderableType]:
    total, zone = report.total, report.build.get("timezone", "UTC")
    title = ["Agent Store"]
    if scope := Scope(report.since, report.until, tuple(report.projects_asked)):
        title[0] += f" {scope}"
    if report.first_date and report.last_date:
        days = f"{report.first_date} to {report.last_date} ({zone})"
        title.append(f"{counted(report.day_count, 'day')} with use, {days}")
    lines: list[RenderableType] = [_flow(title, width, "bold", indent="")]
    if report.build.get("is_sample"):
        sample = (
            "This is the sample that ships with the project, not your own use: no transcripts were found."
        )
        lines.append(_flow([sample], width, "yellow"))
    if not total.response_count:
        return [*lines, _flow([why_empty(report)], width)]
    amount = dollars(total.cost_usd) if total.cost_usd is not None else "No cost"
    covers = [report.coverage.covers] if report.coverage and report.coverage.covers else []
    cost = _flow([f"{amount}{_unpriced(report)}", *covers], width)
    cost.stylize("bold green", 1, 1 + len(amount))
    lines.append(cost)
    lines.append(
        _flow(
            [
                counted(total.session_count, "session"), counted(total.response_count, "response"),
                f"{short_number(total.total_tokens)} tokens", "at API list prices, not what a subscription costs",
            ],
            width,
        )
    )  # fmt: skip
    if pace := pace_words(report):
        lines.append(_flow(pace, width))
    if report.before_since:
        days = f"As many days before, {report.before_since} to {report.before_until}"
        lines.append(_flow([f"{days}: {_total(report.before)}"], width))
    # Of one project, what the week says has been said.
    changes = [
        change for change in report.changes if change.kind != "project" or len(report.projects_asked) != 1
    ]
    if changed := _changed(changes):
        week = "that" if report.last_pace or report.build.get("is_sample") else "this"
        lines.append(_flow([f"Changed most {week} week: {changed[0]}", *changed[1:]], width))
    return lines


def _total(spent: Spending | None) -> str:
    """$12.50 + 2 responses without a price."""
    if spent is None:
        return "nothing"
    unpriced = spent.unpriced_response_count
    return dollars(spent.cost_usd) + (
        f" + {counted(unpriced, 'response')} without a price" if unpriced else ""
    )


def _unpriced(report: Report) -> str:
    """And 9 responses without a price (*): glm-4.7 (6), qwen3-coder:30b (1), 2 more models."""
    if not report.total.unpriced_response_count:
        return ""
    named = [
        f"{shorten(line.model_name, _NAME_WIDTH)} ({line.response_count:,})"
        for line in report.unpriced_models[:UNPRICED_SHOWN]
    ]
    if more := len(report.unpriced_models) - len(named):
        named.append(f"{more:,} more")
    names = f": {', '.join(named)}" if named else ""
    return f" + {counted(report.total.unpriced_response_count, 'response')} without a price (*){names}"


def _changed(changes: Sequence[Change]) -> list[str]:
    """The project, model and cause that differ most from a usual week, the largest difference first."""
    first = [change for change in changes if change.change_rank == 1 and round(change.difference_usd, 2)]
    return [
        f"{'project ' if change.kind == 'project' else ''}{shorten(one_line(change.name), _NAME_WIDTH)} "
        f"{dollars(change.cost_usd)} (usually {dollars(change.usual_usd)})"
        for change in sorted(first, key=lambda change: -abs(change.difference_usd))
    ]


def _breakdown(report: Report, width: int, most: int | None) -> list[RenderableType]:
    """What caused it, in which projects, by which models: side by side as far as there is room."""
    from rich.table import Table

    sheets = [
        (_causes_sheet(report, most), _CAUSES_WIDTH),
        (_plain_sheet("By project", "path", report.projects, most), _PROJECTS_WIDTH),
        (_plain_sheet("By model", "name", report.models, most), _MODELS_WIDTH),
    ]
    lines: list[RenderableType] = []
    while sheets:
        row = [sheets.pop(0)]
        while sheets and sum(least for _, least in [*row, sheets[0]]) + _GAP * len(row) + 1 <= width:
            row.append(sheets.pop(0))
        spare = width - 1 - sum(least for _, least in row) - _GAP * (len(row) - 1)
        grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        widths = [least + spare // len(row) for _, least in row]
        for each in widths:
            grid.add_column(width=each)
        grid.add_row(*(sheet.fitted(each) for (sheet, _), each in zip(row, widths, strict=True)))
        lines.append(grid)
    # Where they are not among the causes shown.
    is_shown = any(line.cause_group == CACHE_MISSES for line in report.causes[:most])
    if report.misses.count and not is_shown:
        misses = counted(report.misses.count, "cache miss", "cache misses")
        lines.append(
            _flow(
                [f"{misses} cost {dollars(report.misses.extra_usd)} more than reading from the cache"], width
            )
        )
    return lines


def _causes_sheet(report: Report, most: int | None) -> Sheet:
    shown = report.causes[:most]
    ratio = report.causes[0].measured_ratio if report.causes else None
    sheet = Sheet(
        f"What caused it{f' ({percent(ratio)} measured)' if ratio is not None else ''}", is_plain=True
    )
    sheet.name("cause")
    sheet.number("cost")
    sheet.number("share", rank=1)
    for line in shown:
        sheet.add(line.cause_group, dollars(line.cost_usd), percent(line.cost_ratio))
    if more := len(report.causes) - len(shown):
        sheet.add(f"{more:,} more", dollars(shown[-1].rest_cost_usd), "", style="dim")
    return sheet


def _plain_sheet(title: str, kind: str, lines: Sequence[Spending], most: int | None) -> Sheet:
    shown = lines[:most]
    sheet = Sheet(title, is_plain=True)
    if kind == "path":
        sheet.path("name")
    else:
        sheet.name("name")
    sheet.number("cost")
    for line in shown:
        sheet.add(one_line(line.name), cost_cell(line.cost_usd, line.unpriced_response_count))
    if more := len(lines) - len(shown):
        sheet.add(f"{more:,} more", dollars(shown[-1].rest_cost_usd), style="dim")
    return sheet


def _sessions(report: Report, width: int, most: int | None) -> list[RenderableType]:
    shown = report.sessions[:most]
    sheet = Sheet(f"Most expensive sessions, {len(shown):,} of {len(report.sessions):,}", is_plain=True)
    sheet.text("id")
    sheet.text("started", rank=3)
    sheet.name("session")
    sheet.path("project", rank=2)
    sheet.number("cost")
    for line in shown:
        sheet.add(
            line.session_id[:ID_LETTERS], f"{line.started_at:%Y-%m-%d}" if line.started_at else "–",
            one_line(line.title or line.session_id), one_line(line.project_name or "–"), dollars(line.cost_usd),
        )  # fmt: skip
    return [sheet.fitted(width)]


def _advice(report: Report, room: int | None, console: Console, limit: int | None) -> list[RenderableType]:
    """What to do: what comes back in many sessions, or else what would have helped in single ones."""
    if report.optimizations:
        title, more = (
            "What to do, by savings in a month with use",
            'agent-store query "from v_optimization"',
        )
        lines = [(suggestions.worth(line), suggestions.sentence(line)) for line in report.optimizations]
    else:
        title, more = "What would have saved most", "add --limit 0"
        lines = [
            (suggestions.worth(line), f"{line.session_id[:ID_LETTERS]}  {suggestions.sentence(line)}")
            for line in report.advice
        ]
    most = min(len(lines), SUGGESTIONS_SHOWN if limit is None else limit or len(lines))
    part: list[RenderableType] = []
    # Fewer where the screen has no room for three, but at least one.
    while most:
        rest = [f"all {len(lines):,}: {more}"] if most < len(lines) else []
        heading = _flow([title, *rest], console.width, "dim", indent="")
        heading.stylize("not dim bold", 0, len(title))
        part = [heading, suggestions.listed(lines[:most])]
        if limit is not None or most == 1 or room is None or _height(part, console) <= room:
            break
        most -= 1
    return part


def _end(report: Report, width: int) -> list[RenderableType]:
    """Findings in one line, and where there is more."""
    lines: list[RenderableType] = []
    if worth := [finding for finding in report.findings if finding.count]:
        first, *others = [finding.short for finding in worth]
        lines.append(_flow([f"Findings: {first}", *others, "all: agent-store doctor"], width))
    elif report.findings:
        lines.append(_flow(["No findings about the store"], width))
    more = ["More: agent-store report --full"]
    if report.sessions:
        more.append(f"report explain {report.sessions[0].session_id[:ID_LETTERS]}")
    lines.append(_flow([*more, "report --by skill", "report --since 7d"], width, "dim"))
    return lines
