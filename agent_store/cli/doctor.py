"""`agent-store doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_store.cli.output import FOLDER, new_console, tell, tell_json
from agent_store.paths import store_paths


@click.command()
@click.option(
    "--root", "roots", multiple=True, type=FOLDER, metavar="FOLDER", help="A folder with transcripts."
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def doctor(roots: tuple[Path, ...], as_json: bool) -> int:
    """Check the installation, the folders, transcripts about to be deleted, and the store."""
    from dataclasses import asdict

    from agent_store import doctor as doctors

    checks = doctors.examine(store_paths(), roots)
    failed = any(check.status == doctors.FAIL for check in checks)
    if as_json:
        tell_json([asdict(check) for check in checks])
        return int(failed)
    from rich.table import Table
    from rich.text import Text

    marks = {
        doctors.OK: ("ok", "green"),
        doctors.WARN: ("warn", "yellow"),
        doctors.FAIL: ("FAIL", "bold red"),
    }
    console = new_console()
    longest = max((len(check.name) for check in checks), default=0)

    def new_table() -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(min_width=4, no_wrap=True)
        table.add_column(min_width=longest, no_wrap=True)
        table.add_column(overflow="fold")
        return table

    table = new_table()
    for check in checks:
        mark, style = marks[check.status]
        message = Text(check.message, overflow="fold")
        if check.advice:
            message.append(f"\n→ {check.advice}", style="dim")
        table.add_row(Text(mark, style=style), Text(check.name, style="bold"), message)
        if check.command:
            # A line to be copied: not wrapped or indented.
            console.print(table)
            tell(check.command)
            table = new_table()
    if table.row_count:
        console.print(table)
    return int(failed)
