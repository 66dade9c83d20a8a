"""`agent-store privacy`, with `init`, `show`, `kinds` and `apply`."""

from __future__ import annotations

import click

from agent_store.cli.output import say
from agent_store.paths import store_paths
from agent_store.show.text import visible

privacy = click.Group("privacy", help="What is kept of logs: privacy.yml in the home of the store.")


@privacy.command()
def init() -> int:
    """Write privacy.yml with the defaults and comments."""
    from agent_store.privacy.policy import write_default

    click.echo(f"Written: {write_default(store_paths())}")
    return 0


@privacy.command()
def show() -> int:
    """Show the policy in force, and whether everything that is landed has gone through it."""
    from agent_store.privacy import status

    paths = store_paths()
    for line in status.lines(paths):
        click.echo(visible(line))
    if status.is_applied(paths) is False:
        say("Not everything that is landed has gone through this policy: agent-store privacy apply")
    return 0


@privacy.command()
def kinds() -> int:
    """List the kinds of secrets that are looked for."""
    from agent_store.privacy.policy import read_policy
    from agent_store.privacy.status import is_wanted
    from ingest.privacy.kinds_file import kinds_file
    from ingest.privacy.secrets import read_kinds

    policy = read_policy(store_paths())
    for kind in read_kinds(kinds_file()):
        click.echo(f"{'on ' if is_wanted(policy, kind) else 'off'}  {kind.kind:<36} {kind.description}")
    return 0


@privacy.command()
def apply() -> int:
    """Have everything that is landed go through the present policy, and build the store again.

    What an earlier policy has left out does not come back. The files of the databases are written again.
    """
    from agent_store.build.lock import build_lock
    from agent_store.privacy import purge
    from agent_store.privacy.policy import read_policy

    paths = store_paths()
    read_policy(paths)  # wrong: said before anything is begun
    with build_lock(paths):
        purge.begin(paths, applies=True)
    rows = purge.rebuild(paths)
    click.echo(f"Applied: {sum(rows.values()):,} rows changed.")
    for table, count in sorted(rows.items()):
        click.echo(f"  {count:>9,}  {table}")
    return 0
