"""`agent-store query`."""

from __future__ import annotations

import sys

import click

from agent_store.cli.output import new_console, say
from agent_store.paths import store_paths


@click.command()
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How rows are shown.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), help="At most so many rows (table: 100 unless told; 0: all)."
)
@click.option("--raw", is_flag=True, help="CSV and JSON with every character as it is stored.")
def query(sql: str, form: str, limit: int | None, raw: bool) -> int:
    """Run SQL on the published store, read-only. A dash reads the SQL from standard input."""
    from agent_store.record import query_log
    from agent_store.show import query as queries
    from agent_store.store import open_store

    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip():
        raise click.UsageError("The SQL is empty.")
    if raw and form == "table":
        raise click.UsageError("--raw goes with --format csv or json.")
    most = limit or (queries.DEFAULT_TABLE_LIMIT if limit is None and form == "table" else None)
    paths = store_paths()
    with (
        open_store(paths) as connection,
        query_log.logged(paths, query_log.CLI, "query", text) as running,
    ):
        answer = queries.run(connection, text, most)
        running.row_count = len(answer.rows)
    if form == "csv":
        queries.write_csv(answer, sys.stdout, raw=raw)
    elif form == "json":
        queries.write_json(answer, sys.stdout, raw=raw)
    else:
        queries.show_table(answer, new_console())
        return 0
    if answer.is_cut:
        say(f"Only the first {most:,} rows (--limit).")
    return 0
