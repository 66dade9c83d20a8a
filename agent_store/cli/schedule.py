"""`agent-store schedule`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from agent_store.cli.output import FOLDER, say, tell
from agent_store.paths import store_paths

schedule = click.Group("schedule", help="Build the store on a schedule, with cron, systemd or launchd.")


@schedule.command()
@click.option("--every", default="day", show_default=True, help="30m, 1h, 6h, day …")
@click.option(
    "--with",
    "kind",
    type=click.Choice(["cron", "systemd", "launchd"]),
    help="Default: the one that this machine has.",
)
@click.option(
    "--root", "roots", multiple=True, type=FOLDER, metavar="FOLDER", help="A folder with transcripts."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def install(every: str, kind: str | None, roots: tuple[Path, ...], yes: bool) -> int:
    """Run `check` and `build` on a schedule. Shows what it will write, and asks first."""
    from agent_store import schedule as schedules
    from agent_store.build.lock import refuse_lake

    paths = store_paths().ensure()
    refuse_lake(paths)
    job = schedules.job(paths, roots, os.environ, every)
    chosen = kind or schedules.usual_kind()
    tell(schedules.shown(job, chosen))
    if not yes and not click.confirm(f"Write this, to run {job.rhythm}?"):
        say("Nothing was written.")
        return 1
    schedules.install(job, chosen)
    tell(f"Written. It runs {job.rhythm}; agent-store schedule remove reverses this.")
    return 0


@schedule.command()
def remove() -> int:
    """Remove what `install` wrote for this store."""
    from agent_store import schedule as schedules

    found = schedules.remove(schedules.job(store_paths(), (), os.environ))
    tell(f"Removed from {', '.join(found)}." if found else "Nothing was installed.")
    return 0


@schedule.command()
def status() -> int:
    """Show whether this store is built on a schedule. Exit code 1 if it is not."""
    from agent_store import schedule as schedules

    found = schedules.installed(schedules.job(store_paths(), (), os.environ))
    tell(f"Installed: {', '.join(found)}." if found else "Not installed: agent-store schedule install")
    return int(not found)
