"""Who holds which piece of work: a small SQLite file next to the spool, so that a claim is decided immediately and only
once.

Claims appear in the published store only after a build. The file is locked for the milliseconds of one change; if
several machines share the home, the lock is as reliable as that of the network drive.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from agent_store import access
from agent_store.errors import StoreError, advice_for, cause_of
from agent_store.paths import FOLDER_MODE

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

FILE_NAME = "claims.sqlite"
CLAIMED = "claimed"
RELEASED = "released"
COMPLETED = "completed"
_WAIT_SECONDS = 10.0
_MAKING = Lock()
_CREATE = """
create table if not exists claim (
    work_id text primary key,
    agent_id text not null,
    status text not null,
    target_path text,
    claimed_at_ms integer not null,
    changed_at_ms integer not null
) without rowid
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The current or last holder of a piece of work."""

    work_id: str
    agent_id: str
    status: str
    target_path: str | None
    claimed_at_ms: int


class Claims:
    """The claims of one home."""

    def __init__(self, paths: StorePaths) -> None:
        """Nothing is created before the first claim."""
        self._home = paths.home
        self._file = paths.home / FILE_NAME

    def claim(self, work_id: str, agent_id: str, target_path: str | None = None) -> tuple[bool, Claim]:
        """Give the work to the agent unless another agent holds it, or it is done; return who holds it now.

        The holder may claim it again, which changes nothing.
        """
        with self._changing() as connection:
            held = _held(connection, work_id)
            if held is not None and held.status != RELEASED:
                return held.status == CLAIMED and held.agent_id == agent_id, held
            return True, _put(connection, Claim(work_id, agent_id, CLAIMED, target_path, _now()))

    def end(self, work_id: str, agent_id: str, status: str) -> tuple[bool, Claim | None]:
        """The holder returns the work (`released`) or has finished it (`completed`); no other agent can."""
        with self._changing() as connection:
            held = _held(connection, work_id)
            if held is None or held.status != CLAIMED or held.agent_id != agent_id:
                return False, held
            ended = Claim(work_id, agent_id, status, held.target_path, held.claimed_at_ms)
            return True, _put(connection, ended)

    def hand_over(
        self, work_id: str, to_agent_id: str, from_agent_id: str | None
    ) -> tuple[bool, Claim | None]:
        """Give the work to another agent; return who held it before.

        Refused if it is done, or if `from_agent_id` is given and another agent holds it. Unclaimed work can be handed
        over too.
        """
        with self._changing() as connection:
            held = _held(connection, work_id)
            holder = held.agent_id if held is not None and held.status == CLAIMED else None
            is_done = held is not None and held.status == COMPLETED
            if is_done or (from_agent_id is not None and holder not in {None, from_agent_id}):
                return False, held
            target = held.target_path if held is not None else None
            _put(connection, Claim(work_id, to_agent_id, CLAIMED, target, _now()))
            return True, held if holder is not None else None

    def all(self) -> list[Claim]:
        """The current state of everything that was ever claimed."""
        if not self._file.is_file():
            return []
        with self._open() as connection:
            rows = connection.execute(
                "select work_id, agent_id, status, target_path, claimed_at_ms from claim"
            ).fetchall()
        return [Claim(*row) for row in rows]

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """An exclusive write transaction."""
        with self._open() as connection:
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    def _make(self) -> None:
        """Create the file here instead of through SQLite: for the owner only, regardless of the program's umask.

        When a process closes a file, the system releases all its locks on it, including those of SQLite in other
        threads. So no thread may have it open yet.
        """
        with _MAKING:
            if not self._file.exists():
                os.close(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # Opened for each change: a connection must not go into another thread, or into a forked process.
        access.refuse(self._home)
        try:
            self._home.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self._make()
            with closing(
                sqlite3.connect(self._file, timeout=_WAIT_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute(_CREATE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The claims of {self._file} cannot be changed: {cause_of(error) or error}.",
                advice_for(error),
            ) from error


def _now() -> int:
    return time.time_ns() // 1_000_000


def _held(connection: sqlite3.Connection, work_id: str) -> Claim | None:
    row = connection.execute(
        "select work_id, agent_id, status, target_path, claimed_at_ms from claim where work_id = ?", [work_id]
    ).fetchone()
    return Claim(*row) if row else None


def _put(connection: sqlite3.Connection, claim: Claim) -> Claim:
    connection.execute(
        "insert or replace into claim values (?, ?, ?, ?, ?, ?)",
        [claim.work_id, claim.agent_id, claim.status, claim.target_path, claim.claimed_at_ms, _now()],
    )
    return claim
