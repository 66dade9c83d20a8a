"""`agent-store export`."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from agent_store.cli.output import FOLDER, say, tell
from agent_store.paths import store_paths
from agent_store.record import query_log


@click.command()
@click.argument("tables", metavar="[TABLE]…", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All published tables and views.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv", "json"]),
    default="parquet",
    show_default=True,
    help="Parquet keeps types; JSON is one object per line.",
)
@click.option(
    "--since", help="Only rows since then, for tables with a time: 2026-03-01, 7d, 'last week'."
)
@click.option(
    "--audit",
    "is_audit",
    is_flag=True,
    help="The signed audit log of a period as one file: --out FILE.zip.",
)
@click.option("--until", help="The last day of an audit log (default: today).")
@click.option(
    "--out", type=FOLDER, help="The folder to write to; it replaces an earlier export there."
)
@click.option(
    "--to", "target", help="Copy it to s3://…, gs://…, az://… as well: by a DuckDB extension that you have."
)
def export(
    tables: tuple[str, ...],
    is_all: bool,
    form: str,
    since: str | None,
    is_audit: bool,
    until: str | None,
    out: Path | None,
    target: str | None,
) -> int:
    """Write tables of the store to files, one per month, with a manifest of row counts, hashes and types.

    The manifest is written last: an export without one is incomplete.
    """
    if is_audit:
        if tables or is_all or target is not None or since is None or out is None:
            raise click.UsageError(
                "An audit log needs a start date and a file: --audit --since 2026-02-01 --out FILE.zip"
            )
        return _audit_log(since, until, out)
    if until is not None:
        raise click.UsageError("--until goes with --audit.")
    if bool(tables) == is_all:
        raise click.UsageError("Name tables (agent-store tables lists them), or use --all.")
    if out is None and target is None:
        raise click.UsageError("Name a target: --out FOLDER, or --to s3://…")
    from agent_store.library.moments import moment_of
    from agent_store.privacy.applied import is_published
    from agent_store.serve.export import folder as folders
    from agent_store.serve.export import known, upload
    from agent_store.show.report import store_today
    from agent_store.store import open_store

    paths = store_paths()
    if not is_published(paths):
        say("The current privacy rules have not been applied to the whole store: agent-store privacy apply")
    with open_store(paths) as connection:
        beginning = moment_of(since, store_today(connection))
    with ExitStack() as stack:
        remote = stack.enter_context(upload.opened(target)) if target is not None else None
        if out is None:
            out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".export-", dir=paths.home)))
        known.note(paths, out.expanduser().absolute())
        said = f"copy {', '.join(tables) or 'all'}{f' since {since}' if since else ''} ({form})"
        with query_log.logged(paths, query_log.CLI, "export", said) as running:
            done = folders.export(paths, out, tables or None, form, beginning)
            running.row_count = sum(one["row_count"] for one in done.manifest["tables"])
        for note in done.notes:
            say(note)
        tell(done.summary)
        if remote is not None and target is not None:
            count = upload.copy(remote, done, target)
            tell(f"Copied {count:,} files to {target}.")
    return 0


def _audit_log(since: str, until: str | None, out: Path) -> int:
    from agent_store.library.store import AgentStore

    if out.suffix != ".zip":
        raise click.UsageError("A signed audit log is a zip file: --out FILE.zip")
    with AgentStore(interface=query_log.CLI) as store:
        (written,) = store.export_audit_log(since, until, out)
    tell(f"Wrote {written['row_count']:,} records to {written['path']}.")
    if written["untied_count"]:
        tell(f"{written['untied_count']:,} of them no longer have a line in the warehouse.")
    tell(f"Signed by the key {written['key_fingerprint']}.")
    return 0
