"""`agent-store coverage`."""

from __future__ import annotations

import click

from agent_store.cli.output import echo_json, new_console, say, tell
from agent_store.record import query_log


@click.command()
@click.option("--since", metavar="DAY", help="From this day on: 2026-03-01, 7d, \"last week\".")
@click.option("--until", metavar="DAY", help="Up to the end of this day, week or month.")
@click.option("--project", metavar="NAME", help="Only this project, or those whose name or folder contains it.")
@click.option("--all", "is_all", is_flag=True, help="Also days that are complete, and days without a witness.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with all days.")
def coverage(since: str | None, until: str | None, project: str | None, is_all: bool, as_json: bool) -> int:
    """Which days the store has completely, and what is missing.

    Claude Code deletes transcripts after 30 days, but keeps its prompt history and its statistics. They are compared with
    what is in the store; lines that name a missing one are found too. Without a witness, a day is unknown.
    """
    from agent_store.library import AgentStore
    from agent_store.show import coverage as shown
    from agent_store.show import tables

    period = "all" if since is None and until is None else f"{since or '2000-01-01'}..{until or 'today'}"
    with AgentStore(interface=query_log.CLI) as store:
        answer = store.get_completeness(period, project, limit=None)
        found = store.coverage(period, project)
    if as_json:
        echo_json({"coverage": found and shown.as_json(found), "rows": list(answer), "estimated": answer.estimated}, None)
        return 0
    if found is None:
        tell("The store has no activity in this time.")
        return 0
    tell(f"The store {found.says}.")
    rows = [row for row in answer if is_all or row["is_complete"] is False]
    if rows:
        tables.show(shown.sheet(rows, "Days" if is_all else "Days that are not complete"), new_console())
    for note in shown.notes(found):
        say(note)
    return 0
