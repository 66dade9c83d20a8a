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
@click.option("--session", metavar="ID", help="A session, with its subagents and all copies of its lines.")
@click.option(
    "--project",
    metavar="NAME",
    help="All sessions of a project: its name, its folder, or a pattern like '/home/me/old/*'.",
)
@click.option(
    "--user",
    metavar="NAME",
    help="All sessions of a user, by name or by the id in the store, and what was recorded of them.",
)
@click.option(
    "--before", metavar="DATE", help="All sessions that ended before a day, such as 2026-01-31 (UTC)."
)
@click.option(
    "--file", metavar="PATTERN",
    help="The contents of files, such as '.env*' or '/home/me/taxes/*', wherever sessions read or wrote them. Also all "
    "sessions whose own transcript fits.",
)  # fmt: skip
@click.option(
    "--list", "lists", is_flag=True, help="What was forgotten so far; only hashes of ids are known of it."
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def forget(
    session: str | None, project: str | None, user: str | None, before: str | None, file: str | None,
    lists: bool, dry_run: bool, yes: bool,
) -> int:  # fmt: skip
    """Remove for good what a session, a project, a user, a time or a file left in the store.

    Everything goes: landed lines and their copies, all rows and texts made of them, briefs, exports of this store.
    The database files are written again. What was forgotten is not landed again, from whatever folder it comes. Your
    own transcripts are not touched: the command names those that still hold it. There is no way back.
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
        say("Nothing of that is in the store.")
        return 1
    _show(found, exports.known(paths))
    if dry_run:
        return 0
    if not yes:
        click.confirm("Remove all of this for good?", abort=True, err=True)
    say("Removing it, and building the store without it …")
    done = forgetting.carry_out(paths, found)
    tell(f"Forgotten: {done['row_count']:,} landed rows. The store is built without them.")
    for place in done["exports"]:
        tell(f"Removed the export {place}.")
    if found.sources:
        say(
            "Your own files still hold it, and so may backups. Remove what you do not want to keep:"
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
        say(f"Contents of files that fit {pattern}")
    for place in exports:
        say(f"The export {place}")
    for session in found.kept_in[:_NAMED]:
        say(f"What was copied from session {session} stays there: forget that one, too, if it is to go.")


def _list() -> int:
    from agent_store.privacy import forgotten

    # What has expired was not forgotten: v_retention counts it.
    entries = [entry for entry in forgotten.read(store_paths()).entries if not entry.until]
    if not entries:
        say("Nothing was forgotten so far.")
    for entry in entries:
        files = f"  {', '.join(entry.files)}" if entry.files else ""
        tell(
            f"{entry.forgotten_at}  by {entry.by:<8} {entry.session_count:>6,} sessions {entry.line_count:>9,} rows{files}"
        )
    return 0
