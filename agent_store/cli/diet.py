"""`agent-store diet`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_store.cli.output import FILE, echo_json, new_console, say, tell
from agent_store.record import query_log

ROWS = 20


@click.command()
@click.option("--since", metavar="DAY", help="From this day on: 2026-03-01, 7d, \"last week\".")
@click.option("--until", metavar="DAY", help="Up to the end of this day, week or month.")
@click.option("--project", metavar="NAME", help="Only this project, or those whose name or folder contains it.")
@click.option("--sections", is_flag=True, help="Split CLAUDE.md and rules by their headings.")
@click.option("--limit", type=click.IntRange(min=0), default=ROWS, show_default=True, help="Parts that are shown; 0: all.")
@click.option(
    "--budget", type=FILE, metavar="FILE",
    help="Check the instructions of the repository of FILE against its limits; prints Markdown. Exit code 1 where one is "
    "exceeded, 2 where FILE is broken.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def diet(
    since: str | None, until: str | None, project: str | None, sections: bool, limit: int, budget: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """What each part of the context costs, and what dropping it would save.

    A part costs by entering the context, by being carried (cache reads of every later request) and by being billed again
    after cache misses. "used in" counts the sessions that used it, of those where that can be told.

    With --budget no store is needed: the repository's instructions are measured from its files. Dollars come from the
    store of this machine, if it knows the repository.
    """
    from agent_store.library import AgentStore
    from agent_store.show import diet as shown_diet
    from agent_store.show import tables

    period = "all" if since is None and until is None else f"{since or '2000-01-01'}..{until or 'today'}"
    if budget is not None:
        return _budget(budget, project, period, as_json=as_json)
    with AgentStore(interface=query_log.CLI) as store:
        answer = store.get_context_diet(project=project, period=period, limit=None)
    if as_json:
        echo_json({"rows": list(answer), "estimated": answer.estimated}, limit if limit != ROWS else None)
        return 0
    rows = answer.rows if not limit else answer.rows[:limit]
    if not answer:
        tell("Nothing was carried in a context in this time.")
    elif all(row["part_kind"] == "rare" for row in answer):
        tell(f"Not enough to tell: no part was carried in {answer[0]['least_session_count']} sessions or more.")
    else:
        head = f"What the context carried{f' in {project}' if project else ''}"
        tables.show(shown_diet.sheet(rows, head, with_sections=sections), new_console())
        for note in shown_diet.notes(rows, len(answer)):
            say(note)
    return 0


def _budget(file: Path, project: str | None, period: str, *, as_json: bool) -> int:
    from agent_store import context_budget
    from agent_store.show import budget as shown_budget

    found = context_budget.check(file, project=project, period=period)
    if as_json:
        echo_json(shown_budget.as_data(found), None)
    else:
        tell(shown_budget.markdown(found))
    return 1 if found.is_exceeded else 0
