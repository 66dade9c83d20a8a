"""Permanent removal: data that was forgotten, has expired, or is dropped by a new policy is removed from every file of
the home.

A journal in the build folder requests it. The next holder of the build lock carries it out: first the raw tables, in a
new warehouse file, then everything made from them, then the files next to the databases. If it is killed at any point,
the next build continues; the journal is deleted when nothing is left.
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

# Files that earlier builds, dbt and interrupted programs may have left next to the home's databases.
_LEFT_IN_HOME: Final = (".publish-*", ".export-*", "docs", "tmp")
_LEFT_IN_BUILD: Final = ("*.damaged-*", "*.fresh*", "*.tmp", "last_build.json")
_LEFT_IN_TARGET: Final = ("run", "compiled", "run_results.json", "catalog.json")


@dataclass(frozen=True, slots=True)
class Journal:
    """What has to be removed, and the progress of the removal."""

    forgets: bool = False
    applies: bool = False
    # Sessions have expired: `expiring.jsonl` has the data kept from them.
    expires: bool = False
    is_raw_done: bool = False
    # Raw rows that were removed or changed, by table.
    rows: dict[str, int] = field(default_factory=dict)


def landed_count(rows: Mapping[str, int]) -> int:
    """How many of the raw rows are from logs, without findings of scans and records of what was checked."""
    return sum(count for table, count in rows.items() if table in {*LINE_TABLES, "document"})


def read(paths: StorePaths) -> Journal | None:
    """The journal; None if nothing has to be removed."""
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
        )  # only this module writes it, so something has to be removed: check everything


def begin(paths: StorePaths, *, forgets: bool = False, applies: bool = False, expires: bool = False) -> None:
    """Record that something has to be removed. The build lock must be held."""
    paths.ensure()
    earlier = read(paths) or Journal()
    _write(paths, Journal(forgets or earlier.forgets, applies or earlier.applies, expires or earlier.expires))


def resume(paths: StorePaths) -> None:
    """Remove from raw what has to be removed. The build lock must be held, and neither database open."""
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
                f"The removal did not finish: {error}",
                "Fix that and build again: the build continues the removal.",
            ) from error
        remove_database(paths.star)
    # Removed even if the next build cannot rewrite them.
    shutil.rmtree(paths.home / BRIEFS, ignore_errors=True)
    _remove(paths.dashboard)
    write_state(paths, replace(read_state(paths), rebuilding=True))
    _write(paths, replace(journal, is_raw_done=True, rows=rows))


def _erase(paths: StorePaths, connection: duckdb.DuckDBPyConnection, journal: Journal) -> dict[str, int]:
    """Erase forgotten data, and expiring data if all of it is recorded and can be archived; otherwise call the expiry
    off."""
    import duckdb

    from ingest import purge

    expiry = expiring.read(paths) if journal.expires else None
    noted = {entry.forgotten_at for entry in forgotten.read(paths).entries if entry.until}
    try:
        # Only once: lines that a session adds after it expired are landed.
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
    """Call off an expiry that is not recorded yet. The build lock must be held."""
    expiry = expiring.read(paths)
    if expiry is not None and expiry.archive is not None:
        _remove(expiry.archive)
    with suppress(OSError):
        expiring.remove(paths)
        paths.purge_journal.unlink(missing_ok=True)


def finish(paths: StorePaths, say: Callable[[str], None]) -> None:
    """Remove the files next to the databases, once everything else is rebuilt. The build lock must be held."""
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
                f"{left} spool files are still being written: the next build removes the forgotten data from them."
            )
            return
    if journal.applies and (archives := archive.folders(paths)):
        say(
            f"Expired sessions in {archives[0].parent} are as the earlier policy kept them: remove what must not stay "
            f"there."
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
    """Whether a spool file still contains forgotten data, because it is being written to and could not be deleted."""
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
    """Carry out the journal now: remove from raw, rebuild everything from it, publish.

    Returns the number of raw rows removed or changed, by table. No transcripts are looked for. `database` is a copy
    of the store, which is rebuilt too. If nothing can be published, the store of the last build is deleted, because it
    still has the removed data; StoreError says so.
    """
    from agent_store.library import building

    with build_lock(paths):  # taking it carries out the removal from raw
        rows = (read(paths) or Journal()).rows
    try:
        building.build(paths, only_recorded=True, database=database)
    except StoreError as error:
        paths.store.unlink(missing_ok=True)
        raise StoreError(
            f"It was removed from the warehouse, but the store could not be built: {error.message}",
            "The published store still had it, so that file was deleted too. Fix the error, then run agent-store "
            "build.",
        ) from error
    return rows
