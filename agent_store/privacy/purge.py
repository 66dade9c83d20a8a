"""Removing for good: what was forgotten, has expired, or is not kept by a new policy leaves every file of the home.

A journal in the build folder says that it has to be done. Who takes the lock of the build next does it: the raw tables
first, in a new file of the warehouse, then everything that is made of them, then what lies beside. Killed at any point,
the next build goes on; the journal goes when nothing is left.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Final

from agent_store.build.lock import build_lock
from agent_store.build.state import read_state, write_state
from agent_store.errors import StoreError
from agent_store.privacy import archive, expiring, forgotten, landing_policy
from agent_store.record.hooks.hook import BRIEFS
from agent_store.replacing import replacing
from ingest.events import spool
from ingest.privacy import privacy
from ingest.privacy.fields import EVENT_TABLE, LINE_TABLES
from ingest.privacy.privacy import in_force

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from agent_store.paths import StorePaths

# Beside the home's databases: what earlier builds, dbt and interrupted programs may have left.
_LEFT_IN_HOME: Final = (".publish-*", ".export-*", "docs", "tmp")
_LEFT_IN_BUILD: Final = ("*.damaged-*", "*.fresh*", "*.tmp", "last_build.json")
_LEFT_IN_TARGET: Final = ("run", "compiled", "run_results.json", "catalog.json")


@dataclass(frozen=True, slots=True)
class Journal:
    """What has to be removed, and how far that is."""

    forgets: bool = False
    applies: bool = False
    # Sessions have expired: `expiring.jsonl` has what is kept of them.
    expires: bool = False
    is_raw_done: bool = False
    # Rows of raw that were removed or changed, by table.
    rows: dict[str, int] = field(default_factory=dict)


def landed_count(rows: Mapping[str, int]) -> int:
    """How many of the rows of raw are of logs: not what scans found, nor the memory of what was looked at."""
    return sum(count for table, count in rows.items() if table in {*LINE_TABLES, "document"})


def read(paths: StorePaths) -> Journal | None:
    """The journal; None where nothing has to be removed."""
    try:
        found = json.loads(paths.purge_journal.read_text(encoding="utf-8"))
        return Journal(
            bool(found["forgets"]), bool(found["applies"]), bool(found.get("expires")), bool(found["is_raw_done"]),
            dict(found["rows"]),
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Journal(
            forgets=True, applies=True, expires=True
        )  # written by nobody else, so something has to go: everything is looked at


def begin(paths: StorePaths, *, forgets: bool = False, applies: bool = False, expires: bool = False) -> None:
    """Note that something has to be removed. The lock of the build must be held."""
    paths.ensure()
    earlier = read(paths) or Journal()
    _write(paths, Journal(forgets or earlier.forgets, applies or earlier.applies, expires or earlier.expires))


def resume(paths: StorePaths) -> None:
    """Remove from raw what has to be; the lock of the build must be held, and neither database open."""
    journal = read(paths)
    if journal is None or journal.is_raw_done:
        return
    rows: dict[str, int] = {}
    if paths.warehouse.is_file():
        import duckdb

        from ingest import purge
        from ingest.warehouse import LandingError, remove_database, writing

        try:
            with in_force(lambda: landing_policy(paths)):
                with writing(paths.warehouse) as connection:
                    if journal.forgets or journal.expires:
                        rows |= _erase(paths, connection, journal)
                    if journal.applies:
                        for table, count in purge.apply_policy(connection).rows.items():
                            rows[table] = rows.get(table, 0) + count
                purge.compact(paths.warehouse)
        except (LandingError, duckdb.Error) as error:
            raise StoreError(
                f"What was to be removed is still there: {error}",
                "Put that right and build again: the build goes on with it.",
            ) from error
        remove_database(paths.star)
    # Whether or not the next build can write them.
    shutil.rmtree(paths.home / BRIEFS, ignore_errors=True)
    _remove(paths.dashboard)
    write_state(paths, replace(read_state(paths), rebuilding=True))
    _write(paths, replace(journal, is_raw_done=True, rows=rows))


def _erase(paths: StorePaths, connection: duckdb.DuckDBPyConnection, journal: Journal) -> dict[str, int]:
    """Erase what was forgotten, and what expires if all of it was noted and it can be archived; else that is called off."""
    import duckdb

    from ingest import purge

    expiry = expiring.read(paths) if journal.expires else None
    noted = {entry.forgotten_at for entry in forgotten.read(paths).entries if entry.until}
    try:
        # Once only: what a session has said since it expired is landed.
        is_due = (
            expiry is not None
            and forgotten.stamp(expiry.expired_at) in noted
            and expiry.expired_at not in _expiries(connection)
        )
        rows = purge.erase_forgotten(connection, expiry if is_due else None).rows
    except (OSError, duckdb.Error):
        if expiry is None:
            raise
        connection.rollback()
        expiring.remove(paths)
        rows = purge.erase_forgotten(connection).rows
    if journal.expires:
        done = _expiries(connection)
        forgotten.call_off(paths, done)
        if expiry is not None and expiry.archive is not None and expiry.expired_at not in done:
            _remove(expiry.archive)
    return rows


def _expiries(connection: duckdb.DuckDBPyConnection) -> set[datetime]:
    return {moment for (moment,) in connection.execute("select expired_at from raw.expiry").fetchall()}


def call_off(paths: StorePaths) -> None:
    """Have nothing expire after all, where it is not noted yet. The lock of the build must be held."""
    expiry = expiring.read(paths)
    if expiry is not None and expiry.archive is not None:
        _remove(expiry.archive)
    with suppress(OSError):
        expiring.remove(paths)
        paths.purge_journal.unlink(missing_ok=True)


def finish(paths: StorePaths, say: Callable[[str], None]) -> None:
    """Remove what lies beside the databases, when everything else is made anew. The lock of the build must be held."""
    journal = read(paths)
    if journal is None:
        return
    if journal.expires:
        expiring.remove(paths)
    if journal.forgets or journal.applies:
        from agent_store.show.dashboard import page

        _remove_leftovers(paths)
        if not page.is_current(paths):
            _remove(paths.dashboard)
    if journal.forgets:
        from agent_store.serve.export import known

        known.remove_all(paths)
        _remove(paths.home / "exports")
        with in_force(lambda: landing_policy(paths)):
            archive.erase_forgotten(paths)
            left = sum(map(_has_forgotten, spool.files_of(paths.spool)))
        if left:
            say(
                f"{left} files of the spool are still being written: the next build removes what was forgotten from them."
            )
            return
    if journal.applies and (archives := archive.folders(paths)):
        say(
            f"What has expired is in {archives[0].parent} as the earlier policy kept it: remove there what must not stay."
        )
    paths.purge_journal.unlink(missing_ok=True)


def _remove_leftovers(paths: StorePaths) -> None:
    for folder, patterns in (
        (paths.home, _LEFT_IN_HOME), (paths.build_dir, _LEFT_IN_BUILD), (paths.target, _LEFT_IN_TARGET),
    ):  # fmt: skip
        for pattern in patterns:
            for found in folder.glob(pattern):
                _remove(found)


def _has_forgotten(file: Path) -> bool:
    """Whether a file of the spool still has what was forgotten: somebody writes to it, so it could not go."""
    with suppress(OSError):
        return any(
            privacy.current().is_forgotten(line, EVENT_TABLE)
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
        )
    return False


def _remove(found: Path) -> None:
    if found.is_dir() and not found.is_symlink():
        shutil.rmtree(found, ignore_errors=True)
    else:
        with suppress(OSError):
            found.unlink()


def _write(paths: StorePaths, journal: Journal) -> None:
    with replacing(paths.purge_journal) as fresh:
        fresh.write_text(json.dumps(asdict(journal)), encoding="utf-8")


def rebuild(paths: StorePaths, database: Path | None = None) -> dict[str, int]:
    """Do what the journal says, now: remove from raw, build everything from it again, publish.

    Returns how many rows of raw were removed or changed, by table. No transcripts are looked for. `database` is a copy of
    the store that is made again, too. If nothing can be published the store of the last build is removed, for it still has
    what was to go; StoreError says so.
    """
    from agent_store.library import building

    with build_lock(paths):  # who takes it does what is to be done in raw
        rows = (read(paths) or Journal()).rows
    try:
        building.build(paths, only_recorded=True, database=database)
    except StoreError as error:
        paths.store.unlink(missing_ok=True)
        raise StoreError(
            f"It is removed from the warehouse, but the store could not be built: {error.message}",
            "The published store still had it, so it was removed too. Put that right, then run agent-store build.",
        ) from error
    return rows
