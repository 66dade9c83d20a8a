"""`agent-store privacy`, with `init`, `show`, `kinds`, `apply` and `check`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from agent_store.cli.output import FOLDER, say, tell, tell_json
from agent_store.paths import store_paths

privacy = click.Group("privacy", help="What is kept of logs: privacy.yml in the home of the store.")


@privacy.command()
def init() -> int:
    """Write privacy.yml with the defaults and comments."""
    from agent_store.privacy.policy import write_default

    tell(f"Written: {write_default(store_paths())}")
    return 0


@privacy.command()
def show() -> int:
    """Show the policy in force, and whether everything that is landed has gone through it."""
    from agent_store.privacy import status
    from agent_store.privacy.applied import is_applied

    paths = store_paths()
    for line in status.lines(paths):
        tell(line)
    if is_applied(paths) is False:
        say("Not everything that is landed has gone through this policy: agent-store privacy apply")
    return 0


@privacy.command()
def kinds() -> int:
    """List the kinds of secrets that are looked for."""
    from agent_store.privacy import landing_policy
    from ingest.privacy.kinds_file import kinds_file
    from ingest.privacy.secrets import read_kinds

    policy = landing_policy(store_paths())
    # A kind may have several rules; the first describes it.
    rules = {kind.kind: kind for kind in reversed(read_kinds(kinds_file()))}
    for name, kind in sorted(rules.items()):
        tell(f"{'on ' if policy.redacts(kind) else 'off'}  {name:<32} {kind.description}")
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
    tell(f"Applied: {sum(rows.values()):,} rows changed.")
    for table, count in sorted(rows.items()):
        tell(f"  {count:>9,}  {table}")
    return 0


@privacy.command()
@click.argument("place", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def check(place: Path, as_json: bool) -> int:
    """Say what a file or folder would give away: secrets, names, paths of homes, prompts of this store.

    What is found is never shown, only where it is first. Databases, Parquet and zip files are looked into. Exit code 1 if
    there is anything.
    """
    from agent_store.privacy import giveaways

    found, count = giveaways.check(store_paths(), place)
    if as_json:
        tell_json([asdict(one) for one in found])
    else:
        for one in found:
            tell(f"{one.count:>7,}  {one.kind:<32} {one.file}, {one.place}")
        say(f"{count:,} file{'' if count == 1 else 's'} looked at: {'nothing found' if not found else 'see above'}.")
    return int(bool(found))
