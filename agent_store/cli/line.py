"""`agent-store line`."""

from __future__ import annotations

import click

from agent_store.cli.output import say, tell, tell_raw
from agent_store.paths import store_paths


@click.command()
@click.argument("source_path")
@click.argument("line_number", type=click.IntRange(min=1), metavar="LINE")
@click.option("--raw", is_flag=True, help="The original line, not indented.")
def line(source_path: str, line_number: int, raw: bool) -> int:
    """Show the original line behind a row: its _source_path and _source_line."""
    from agent_store.show.raw_line import fetch

    found = fetch(store_paths(), source_path, line_number)
    for one in found:
        if len({(other.host, other.root, other.generation) for other in found}) > 1:
            say(f"{one.host} {one.root} {source_path}:{line_number}")
        (tell_raw if raw else tell)(one.text if raw else one.pretty)
    return 0
