"""`agent-store statusline`: here for the help only, see `agent_store.cli.main`."""

from __future__ import annotations

import click

from agent_store.serve.status_line import FIELDS


@click.command(epilog=f"Fields: {', '.join('{' + name + '}' for name in FIELDS)}.")
@click.option("--format", "form", metavar="TEXT", help="The line, with fields in braces.")
@click.option("--color", is_flag=True, help="Color an alert.")
def statusline(form: str | None, color: bool) -> None:
    """One line for the status line of Claude Code, from the JSON that it sends on standard input.

    agent-store plugin install --status-line sets it up.
    """
