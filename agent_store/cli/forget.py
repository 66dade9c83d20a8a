"""`agent-store forget`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from agent_store.cli.output import say, tell
from agent_store.paths import store_paths

if TYPE_CHECKING:
    from pathlib import Path

    from agent_store.privacy.forget import Selection

_NAMED = 20


@click.command()
@click.option("--session", metavar="ID", help="A session, including its subagents and all copies of its lines.")
@click.option(
    "--project",
    metavar="NAME",
    help="All sessions of a project: its name, its folder, or a pattern like '/home/me/old/*'.",
)
@click.option(
    "--user",
    metavar="NAME",
    help="All sessions and recorded events of a user, by name or by the id in the store.",
)
@click.option(
    "--before", metavar="DATE", help="All sessions that ended before a day, such as 2026-01-31 (UTC)."
)
@click.option(
    "--file", metavar="PATTERN",
    help="The contents of files, such as '.env*' or '/home/me/taxes/*', wherever sessions read or wrote them. Also all "
    "sessions whose own transcript matches.",
)  # fmt: skip
@click.option(
    "--list", "lists", is_flag=True, help="List what was forgotten so far; only hashes of ids are kept."
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, without changing anything.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def forget(
    session: str | None, project: str | None, user: str | None, before: str | None, file: str | None,
    lists: bool, dry_run: bool, yes: bool,
) -> int:  # fmt: skip
    """Permanently remove a session, a project, a user, a time or a file from the store.

    This removes landed lines and their copies, all rows and texts derived from them, briefs, and exports of this store,
    and rewrites the database files. What was forgotten is never landed again, from any folder. Your own transcripts are
    not touched: the command lists those that still contain it. This cannot be undone.
    """
    from agent_store.privacy import forget as forgetting
    from agent_store.serve.export import known as exports

    paths = store_paths()
    given = [(by, value) for by, value in (("session", session), ("project", project), ("user", user), ("before", before),
             ("file", file)) if value is not None]  # fmt: skip
    if lists:
        return _list()
    if len(given) != 1 or not given[0][1].strip():
        raise click.UsageError(
            "Name one thing: --session, --project, --user, --before or --file. --list shows what was forgotten."
        )
    forgetting.refresh(paths)
    found = forgetting.select(paths, forgetting.Wish(*given[0]))
    if not found:
        say("The store has nothing that matches.")
        return 1
    _show(found, exports.known(paths))
    if dry_run:
        return 0
    if not yes:
        click.confirm("Permanently remove all of this?", abort=True, err=True)
    say("Removing it and rebuilding the store …")
    done = forgetting.carry_out(paths, found)
    tell(f"Forgotten: {done['row_count']:,} landed rows. The store was rebuilt without them.")
    for place in done["exports"]:
        tell(f"Removed the export {place}.")
    if found.sources:
        say(
            "Your own files still contain it, and backups may too. Remove what you do not want to keep:"
        )
        for name in found.sources[:_NAMED]:
            say(f"  {name}")
        if len(found.sources) > _NAMED:
            say(f"  … {len(found.sources) - _NAMED:,} more")
    return 0


def _show(found: Selection, exports: Sequence[Path]) -> None:
    sessions = list(found.sessions.items())
    if sessions:
        say(f"{len(sessions):,} session{'' if len(sessions) == 1 else 's'}:")
    for session, (title, project, ended) in sessions[:_NAMED]:
        when = f"{ended:%Y-%m-%d %H:%M}" if ended else "no time"
        say(f"  {session}  {when}  {project or ''}  {title or ''}".rstrip())
    if len(sessions) > _NAMED:
        say(f"  … {len(sessions) - _NAMED:,} more")
    for table, count in found.lines.items():
        say(f"{count:,} rows of {table}")
    for pattern in found.files:
        say(f"Contents of files that match {pattern}")
    for place in exports:
        say(f"The export {place}")
    for session in found.kept_in[:_NAMED]:
        say(f"Lines copied from session {session} stay there: forget that session too, to remove them.")


def _list() -> int:
    from agent_store.privacy import forgotten

    # Expired sessions were not forgotten: v_retention counts them.
    entries = [entry for entry in forgotten.read(store_paths()).entries if not entry.until]
    if not entries:
        say("Nothing has been forgotten yet.")
    for entry in entries:
        files = f"  {', '.join(entry.files)}" if entry.files else ""
        tell(
            f"{entry.forgotten_at}  by {entry.by:<8} {entry.session_count:>6,} sessions {entry.line_count:>9,} rows{files}"
        )
    return 0
