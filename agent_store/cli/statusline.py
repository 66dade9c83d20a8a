"""`agent-store statusline`: here for the help, because `agent_store.cli.main` is quicker."""

from __future__ import annotations

import click

from agent_store.record.hooks.run import store_home
from agent_store.serve import status_line


@click.command(epilog=f"Fields: {', '.join('{' + name + '}' for name in status_line.FIELDS)}.")
@click.option("--format", "form", metavar="TEXT", help="The line, with fields in braces.")
@click.option("--color", is_flag=True, help="Color an alert.")
def statusline(form: str | None, color: bool) -> int:
    """Print the status line of Claude Code, from the JSON that it sends on standard input.

    agent-store plugin install --status-line sets it up.
    """
    form_option = [] if form is None else ["--format", form]
    return status_line.run([*form_option, *(["--color"] if color else [])], store_home())
