"""`agent-store query`."""

from __future__ import annotations

import os
import sys

import click

from agent_store.cli.output import new_console, say
from agent_store.paths import store_paths

# A table is kept in memory, so longer ones are cut.
_MOST_BYTES_OF_TABLE = 64_000_000
_MOST_THREADS = 4


@click.command()
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), help="Maximum number of rows (table: 100 by default; 0: all)."
)
@click.option("--raw", is_flag=True, help="Keep control characters in CSV and JSON as stored.")
@click.option(
    "--timeout",
    type=click.IntRange(1, 86_400),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Stop the query after this time.",
)
@click.option(
    "--memory",
    type=click.IntRange(64, 1_000_000),
    default=2048,
    show_default=True,
    metavar="MB",
    help="Memory for joins, sorts and groups. Nothing is written to disk.",
)
def query(sql: str, form: str, limit: int | None, raw: bool, timeout: int, memory: int) -> int:
    """Run SQL on the published store, read-only. A dash reads the SQL from standard input.

    One SELECT, FROM, EXPLAIN, DESCRIBE, SUMMARIZE or SHOW, in a separate process that can read no file but the store
    and has no network.

    CSV and JSON give times in UTC with their zone, decimals and long whole numbers with all digits, and the second
    column of a name as name_2. NaN and Infinity are null in JSON and, like NULL, an empty field in CSV; an empty text
    is "".
    """
    from agent_store.record import query_log
    from agent_store.serve import sandbox
    from agent_store.show import query as queries

    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip():
        raise click.UsageError("The SQL is empty.")
    if raw and form == "table":
        raise click.UsageError("--raw goes with --format csv or json.")
    most = limit or (queries.DEFAULT_TABLE_LIMIT if limit is None and form == "table" else None)
    paths = store_paths()
    unread = None
    with (
        query_log.logged(paths, query_log.CLI, "query", text) as running,
        sandbox.asking(
            paths, text, form=form, rows=most, max_bytes=_MOST_BYTES_OF_TABLE, seconds=timeout,
            limits=sandbox.Limits(memory_megabytes=memory, threads=min(os.cpu_count() or 1, _MOST_THREADS)),
        ) as asked,
    ):  # fmt: skip
        if form == "table":
            console = new_console()  # while the query runs
            found = asked.found()
            running.row_count, is_cut = len(found.rows), found.is_cut
        else:
            try:
                running.row_count, is_cut = asked.copy(sys.stdout, form, raw=raw)
            except BrokenPipeError as error:  # the reader has enough (| head), which is not a failure
                unread = error
    if unread is not None:
        raise unread
    if form == "table":
        queries.show_table(found, console)
    elif is_cut:
        say(f"Only the first {most:,} rows (--limit).")
    return 0
