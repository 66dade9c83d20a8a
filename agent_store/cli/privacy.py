"""`agent-store privacy`, with `init`, `show`, `kinds`, `apply` and `check`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from agent_store.cli.output import FOLDER, say, tell, tell_json
from agent_store.paths import store_paths

privacy = click.Group("privacy", help="What to keep from logs: privacy.yml in the store's home.")


@privacy.command()
def init() -> int:
    """Write privacy.yml with the defaults and comments."""
    from agent_store.privacy.policy import write_default

    tell(f"Written: {write_default(store_paths())}")
    return 0


@privacy.command()
def show() -> int:
    """Show the current policy, and whether it has been applied to all landed data."""
    from agent_store.privacy import status
    from agent_store.privacy.applied import is_applied

    paths = store_paths()
    for line in status.lines(paths):
        tell(line)
    if is_applied(paths) is False:
        say("This policy has not been applied to all landed data: agent-store privacy apply")
    return 0


@privacy.command()
def kinds() -> int:
    """List the kinds of secrets, and which of them are redacted."""
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
    """Apply the current policy to all landed data, and rebuild the store.

    Data that an earlier policy left out does not come back. The database files are rewritten.
    """
    from agent_store.build.lock import build_lock
    from agent_store.privacy import purge
    from agent_store.privacy.policy import read_policy

    paths = store_paths()
    read_policy(paths)  # errors in it are reported before anything starts
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
    """Check what sharing a file or folder would reveal: secrets, names, home paths, prompts of this store.

    Findings themselves are never shown, only their first location. Databases, Parquet and zip files are searched too.
    Exit code 1 if anything is found.
    """
    from agent_store.privacy import giveaways

    found, count = giveaways.check(store_paths(), place)
    if as_json:
        tell_json([asdict(one) for one in found])
    else:
        for one in found:
            tell(f"{one.count:>7,}  {one.kind:<32} {one.file}, {one.place}")
        say(f"{count:,} file{'' if count == 1 else 's'} checked: {'nothing found' if not found else 'see above'}.")
    return int(bool(found))
