"""`agent-store effect`."""

from __future__ import annotations

import click

from agent_store.cli.output import echo_json, new_console, say, tell
from agent_store.record import query_log


@click.command()
@click.argument("component", required=False)
@click.option("--since", metavar="DAY", help='Changes from this day on: 2026-03-01, 7d, "last week".')
@click.option("--until", metavar="DAY", help="Changes up to the end of this day, week or month.")
@click.option("--limit", type=click.IntRange(min=0), default=5, show_default=True, help="Changes to show (0: all).")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with all changes.")
def effect(component: str | None, since: str | None, until: str | None, limit: int, as_json: bool) -> int:
    """Did a change help? Tasks before and after changes of skills, agents, CLAUDE.md, rules and MCP servers.

    COMPONENT is a name, or the end of a path; without it, all changes, those that tell something first. Only tasks of the
    same project, type and model are compared.
    """
    from agent_store.library import AgentStore
    from agent_store.show import effect as shown
    from agent_store.show import tables

    period = "all" if since is None and until is None else f"{since or '2000-01-01'}..{until or 'today'}"
    with AgentStore(interface=query_log.CLI) as store:
        answer = store.get_change_effect(component, period=period, limit=None)
    if as_json:
        echo_json({"rows": list(answer), "estimated": answer.estimated}, None)
    elif not answer:
        tell(shown.nothing(component, is_in_period=period != "all"))
    else:
        changes = shown.changes(answer.rows)
        tables.show(shown.sheet(changes[: limit or None], len(changes)), new_console())
        for note in shown.notes(answer.rows):
            say(note)
    return 0
