"""`agent-store share`."""

from __future__ import annotations

import click

from agent_store.cli.output import say, tell
from agent_store.paths import project_dir, store_paths


@click.command()
@click.argument("target")
@click.option("--data", default="", metavar="PLACE", help="Where the rows go, for a catalog: a folder or s3://….")
@click.option("--host", metavar="NAME", help="The name of this machine in the lake (default: its own).")
def share(target: str, data: str, host: str | None) -> int:
    """Put new and changed sessions into a team's lake.

    TARGET is a folder, a catalog file (NAME.ducklake or NAME.sqlite), or a Postgres database (postgresql://…). Only what
    changed since the last share is written, in one transaction. Run agent-store build first.
    """
    from agent_store.lake import share as sharing
    from agent_store.lake.target import parse

    place = parse(target, data)
    done = sharing.share(store_paths(), project_dir(), place, host=host, say=say)
    if done.is_unchanged:
        tell(f"Nothing new to share with {place.shown}.")
        return 0
    tell(
        f"Shared with {place.shown}. Sessions written: {done.session_count:,}, removed: {done.gone_count:,}; "
        f"rows written: {done.row_count:,} ({done.byte_count / 1e6:,.1f} MB)."
    )
    if done.note:
        tell(done.note)
    return 0
