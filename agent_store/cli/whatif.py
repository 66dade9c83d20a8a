"""`agent-store whatif`."""

from __future__ import annotations

import click

from agent_store.cli.output import echo_json, new_console, say, tell
from agent_store.record import query_log


@click.command()
@click.option(
    "--model", "models", multiple=True, metavar="A=B",
    help="Work of model A with B; a part of a name means all models with it, and the newest: opus=sonnet. Repeatable.",
)  # fmt: skip
@click.option("--cache", type=click.Choice(["5m", "1h", "none"]), help="Another lifetime of cache entries, or no cache.")
@click.option("--speed", type=click.Choice(["fast", "standard"]), help="Everything in this mode.")
@click.option("--tier", type=click.Choice(["batch", "standard"]), help="Everything in this tier.")
@click.option(
    "--prices", default="then", metavar="DAY", show_default=True, help="then (the day of the work), today, or a day."
)  # fmt: skip
@click.option("--since", metavar="DAY", help="From this day on: 2026-03-01, 7d, \"last week\".")
@click.option("--until", metavar="DAY", help="Up to the end of this day, week or month.")
@click.option("--project", metavar="NAME", help="Only this project, or those whose name or folder contains it.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def whatif(
    models: tuple[str, ...], cache: str | None, speed: str | None, tier: str | None, prices: str, since: str | None,
    until: str | None, project: str | None, as_json: bool,
) -> int:  # fmt: skip
    """What past work would have cost with other models, prices or cache lifetimes, in fast mode or as a batch.

    "cost" is what it cost; "same models" follows from the log alone; "what if" also assumes that another model would
    have taken as many tokens.
    """
    from agent_store.library import AgentStore
    from agent_store.show import tables, what_if

    period = "all" if since is None and until is None else f"{since or '2000-01-01'}..{until or 'today'}"
    with AgentStore(interface=query_log.CLI) as store:
        answer = store.what_if(
            models, cache_lifetime=cache, speed=speed, tier=tier, prices=prices, period=period, project=project, limit=None
        )  # fmt: skip
    if as_json:
        echo_json({"rows": list(answer), "estimated": answer.estimated}, None)
    elif not answer:
        tell("There are no responses of a model in this time.")
    else:
        tables.show(what_if.sheet(answer.rows, what_if.title(models, cache, speed, tier, prices)), new_console())
        for note in what_if.notes(answer.rows, is_lifetime=cache is not None):
            say(note)
    return 0
