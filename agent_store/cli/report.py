"""`agent-store report`, with `context` and `explain`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from agent_store.build import last_build
from agent_store.cli.output import echo_json, new_console, say
from agent_store.paths import store_paths

if TYPE_CHECKING:
    from agent_store.show.report import Scope


class By(click.ParamType[str]):
    """What cost is given by; `task type` and `task_type` are `task-type`."""

    name = "by"
    kinds = (
        "day", "week", "month", "model", "project", "branch", "session", "skill", "plugin", "tool", "mcp",
        "agent", "file", "task-type", "component",
    )  # fmt: skip

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """In the help."""
        return f"[{'|'.join(self.kinds)}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take what people write for it."""
        kind = "-".join(value.strip().lower().replace("_", " ").replace("-", " ").split())
        if kind not in self.kinds:
            self.fail(f"{value!r} is none of {', '.join(self.kinds)}.", param, ctx)
        return kind


_LIMIT = click.option(
    "--limit", type=click.IntRange(min=0), help="Rows of each list (0: all). JSON has all rows by default."
)  # fmt: skip


@click.group(invoke_without_command=True)
@click.option("--by", type=By(), help="Cost by one thing, and what to do about it.")
@click.option(
    "--since", metavar="DAY",
    help="From this day on: 2026-03-01, 2026-03, yesterday, 7d (seven days ago), 2w, \"3 months\", \"last week\".",
)  # fmt: skip
@click.option("--until", metavar="DAY", help="Up to the end of this day, week or month, in the same form.")
@click.option(
    "--project", metavar="NAME", help="Only this project, or those whose name or folder contains it."
)
@click.option("--full", is_flag=True, help="Everything: also days, the prompt cache, what is in the store.")
@_LIMIT
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, with all rows.")
@click.pass_context
def report(
    context: click.Context,
    by: str | None,
    since: str | None,
    until: str | None,
    project: str | None,
    full: bool,
    limit: int | None,
    as_json: bool,
) -> int:
    """How much was spent, on what, what changed, and what to do about it.

    With --by, cost by one thing. `report context SESSION` draws how a session's context grew, `report explain SESSION` says
    where each of its dollars went; the beginning of the id is enough.
    """
    if context.invoked_subcommand is not None:
        if by or since or until or project or full or limit is not None or as_json:
            raise click.UsageError(f"The options of report do not go with {context.invoked_subcommand}.")
        return 0
    if by and full:
        raise click.UsageError("--full does not go with --by: --limit 0 shows all rows.")
    if by is None and not (since or until or project):
        show_report(full=full, as_json=as_json, limit=limit)
        return 0
    scope_of = _scope_reader(since, until, project)
    if by is None:
        show_report(scope_of, full=full, as_json=as_json, limit=limit)
        return 0
    from agent_store.show import ledger

    _show_ledger(
        lambda store: ledger.rank(store, by, scope_of(store)),
        ledger.render_ranking,
        as_json=as_json,
        limit=limit,
    )
    return 0


def _scope_reader(since: str | None, until: str | None, project: str | None) -> Callable[[Any], Scope]:
    """What makes a scope of the options once the store is open: its zone says which day is today."""
    from agent_store.show import periods
    from agent_store.show.report import Scope, find_projects, store_today

    def day(text: str | None, today: date, option: str, *, last: bool) -> date | None:
        if text is None:
            return None
        try:
            return periods.parse(text, today)[last]
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=option) from error

    def read(store: Any) -> Scope:  # noqa: ANN401 - a connection; duckdb is imported late
        today = store_today(store)
        first, last = day(since, today, "--since", last=False), day(until, today, "--until", last=True)
        if first and last and first > last:
            raise click.UsageError(f"--since {first} is after --until {last}.")
        return Scope(first, last, find_projects(store, project) if project is not None else ())

    # What is no day is said before the store is looked for.
    for text, option in ((since, "--since"), (until, "--until")):
        day(text, date(2000, 1, 1), option, last=False)
    return read


@report.command("context")
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def report_context(session: str, as_json: bool) -> int:
    """Draw how the context of SESSION grew, and what it held at its peak and at the end."""
    from agent_store.show import ledger

    _show_ledger(lambda store: ledger.picture(store, session), ledger.render_picture, as_json=as_json)
    return 0


@report.command("explain")
@click.argument("session")
@_LIMIT
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with all rows.")
def report_explain(session: str, limit: int | None, as_json: bool) -> int:
    """Say where each dollar of SESSION went."""
    from agent_store.show import ledger

    _show_ledger(
        lambda store: ledger.explain(store, session), ledger.render_explanation, as_json=as_json, limit=limit
    )
    return 0


def show_report(
    scope_of: Callable[[Any], Scope] | None = None,
    *,
    full: bool = False,
    as_json: bool = False,
    limit: int | None = None,
) -> None:
    """Print the report: its first screen, or all of it."""
    from agent_store.show import report as reports
    from agent_store.show import screen
    from agent_store.store import open_store

    paths = store_paths()
    with open_store(paths) as connection:
        found = reports.collect(connection, str(paths.store), scope_of(connection) if scope_of else None)
    if as_json:
        echo_json(found.as_json(), limit)
    else:
        (reports.render_full if full else screen.render)(found, new_console(), limit)
    last = last_build.read(paths)
    if last is not None and not last.is_published:
        say(
            f"The last build ({last.ended_at:%Y-%m-%d %H:%M} UTC) published nothing: this is the store of an earlier one. "
            "agent-store doctor says why."
        )
    elif last is not None and last.problems:
        say("Some tables keep their rows of an earlier build (v_store_table): agent-store doctor says why.")


def _show_ledger(
    ask: Callable[[Any], Any], render: Callable[..., None], *, as_json: bool, limit: int | None = None
) -> None:
    """Ask the ledger and print what it says."""
    import duckdb

    from agent_store.show.report import of_other_shape
    from agent_store.store import open_store

    with open_store(store_paths()) as connection:
        try:
            found = ask(connection)
        except duckdb.CatalogException as error:
            raise of_other_shape(error) from error
    if as_json:
        echo_json(found.as_json(), limit)
    elif limit is None:
        render(found, new_console())
    else:
        render(found, new_console(), limit)
