"""`agent-store alert`, with `set`."""

from __future__ import annotations

import click

from agent_store.cli.output import new_console, say, tell, tell_json_text
from agent_store.paths import store_paths

# A limit is exceeded.
OVER = 5
_DOLLARS = click.FloatRange(min=0, min_open=True)


@click.group(invoke_without_command=True)
@click.option(
    "--check",
    "only_over",
    is_flag=True,
    help=f"Show only exceeded limits; exit code {OVER} if there are any.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.pass_context
def alert(context: click.Context, only_over: bool, as_json: bool) -> int:
    """Show cost alerts and budgets, and how close they are to their limits.

    The figures are from the last build (v_alert). A status in brackets belongs to a period that has ended since. An
    alert per session shows the sessions near or over its limit, or else the most expensive one. For cron:
    agent-store build --quiet && agent-store alert --check.
    """
    if context.invoked_subcommand is not None:
        return 0
    from agent_store.show import alerts, tables, values
    from agent_store.store import open_store
    from ingest.warehouse import utc_now

    with open_store(store_paths()) as connection:
        answer = alerts.ask(connection, utc_now(), only_over=only_over)
        mistakes = alerts.mistakes(connection)
    if as_json:
        tell_json_text("".join(values.json_text(answer.columns, answer.rows)))
    elif only_over:
        message = answer.columns.index("message")
        for row in answer.rows:
            tell(row[message])
    elif answer.rows:
        tables.show(alerts.sheet(answer), new_console())
        for note in alerts.notes(answer):
            say(note)
    else:
        say("No alert is set: agent-store alert set --threshold-usd 20 --period day")
    for mistake in mistakes:
        say(f"Left out: {mistake}")
    return OVER if only_over and answer.rows else 0


@alert.command("set")
@click.option(
    "--name", metavar="NAME", help="Defaults to the period; an alert with the same name is replaced."
)
@click.option("--threshold-usd", type=_DOLLARS, help="A limit in US dollars per period.")
@click.option("--period", type=click.Choice(["session", "day", "week", "month"]), help="By default day.")
@click.option("--growth", type=click.FloatRange(min=1, min_open=True), help="A limit as a multiple of the usual day.")
@click.option("--minimum-usd", type=click.FloatRange(min=0), help="With --growth: no notice below this.")
@click.option("--fan-out-usd", type=_DOLLARS, help="A limit for a session together with its subagents.")
@click.option("--project", metavar="NAME", help="Count only this project, by name or folder.")
@click.option("--agent", metavar="NAME", help="Count only this agent.")
def set_alert(
    name: str | None, threshold_usd: float | None, period: str | None, growth: float | None, minimum_usd: float | None,
    fan_out_usd: float | None, project: str | None, agent: str | None,
) -> int:  # fmt: skip
    """Set an alert in alerts.yml; it takes effect with the next build."""
    from agent_store.library import AgentStore

    with AgentStore() as store:
        rows = store.set_cost_alert(
            threshold_usd, period, name, project=project, agent=agent, growth=growth, minimum_usd=minimum_usd,
            fan_out_usd=fan_out_usd,
        )  # fmt: skip
    for row in rows:
        tell(", ".join(f"{key}: {value}" for key, value in row.items() if value is not None))
    say("Alerts take effect with the next build.")
    return 0
