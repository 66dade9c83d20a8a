"""A small home with logs of three sessions, to land, forget and let expire without dbt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from agent_store.build.lock import build_lock
from agent_store.paths import StorePaths
from agent_store.privacy import forget, landing_policy, purge
from agent_store.record import spool
from ingest.land import land
from ingest.landing.landing import LandingResult
from ingest.privacy.privacy import in_force

GONE, FORK, OTHER = (f"{digit * 8}-1111-4111-8111-{digit * 12}" for digit in "abc")
_LINES = ("transcript_line", "history_line", "event_line", "api_response")


def written(file: Path, *lines: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def said(session: str, number: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "user",
        "uuid": f"{number:08d}-0000-4000-8000-{session[:12]}",
        "sessionId": session,
        "cwd": "/home/ann/shop",
        "timestamp": f"2026-03-01T10:{number % 60:02d}:00Z",
        "message": {"role": "user", "content": text},
        **more,
    }


def secret_words(number: int) -> str:
    """A text that nothing else holds."""
    return f"kept-from-everyone-{number:04d}-{'xyz' * 5}"


class Home:
    """A home with logs of three sessions: one to be forgotten, a fork of it, and one of its own."""

    def __init__(self, folder: Path) -> None:
        self.logs = folder / "claude"
        self.paths = StorePaths(folder / "store").ensure()
        own = [said(GONE, number, secret_words(number)) for number in range(40)]
        project = self.logs / "projects" / "-home-ann-shop"
        written(project / f"{GONE}.jsonl", *own, {"type": "file-history-snapshot", "note": secret_words(100)})
        written(
            project / GONE / "subagents" / "agent-a1.jsonl",
            said(GONE, 50, secret_words(101), isSidechain=True),
        )
        (project / GONE / "tool-results").mkdir()
        (project / GONE / "tool-results" / "r1.txt").write_text(secret_words(102) * 50)
        copies = [{**line, "sessionId": FORK, "forkedFrom": {"sessionId": GONE}} for line in own[:20]]
        bare = [{**line, "sessionId": FORK} for line in own[20:30]]
        written(
            project / f"{FORK}.jsonl",
            *copies,
            *bare,
            *(said(FORK, 60 + n, f"the fork goes on {n}") for n in range(20)),
        )
        summary = {"type": "summary", "summary": secret_words(103), "leafUuid": own[3]["uuid"]}
        written(
            project / f"{OTHER}.jsonl",
            summary,
            *(said(OTHER, 80 + n, f"something else {n}") for n in range(20)),
        )
        written(
            self.logs / "history.jsonl",
            {"display": secret_words(104), "sessionId": GONE, "project": "/home/ann/shop", "timestamp": 1},
            {"display": secret_words(5), "project": "/home/ann/shop", "timestamp": 2},
            {"display": "something else 1", "project": "/home/ann/shop", "timestamp": 3},
        )
        for session in (GONE, OTHER):
            (self.logs / "session-env" / session).mkdir(parents=True)
        self.paths.spool.mkdir(mode=0o700, exist_ok=True)
        self.paths.spool.joinpath("hooks-2026-03-01.jsonl").write_bytes(b"".join(
            spool.envelope("hook", json.dumps({"session_id": session, "prompt": text}).encode(), session, 1) + b"\n"
            for session, text in ((GONE, secret_words(105)), (OTHER, "something else 1"))
        ))  # fmt: skip
        self.words = [secret_words(number) for number in (*range(40), *range(100, 106))]

    def land(self, *roots: Path) -> LandingResult:
        """Land logs under the policy of the home."""
        with in_force(lambda: landing_policy(self.paths)):
            kept = {"spool_seconds": -1.0} if self.paths.purge_journal.exists() else {}
            return land(roots or [self.logs], self.paths.warehouse, spool=self.paths.spool, **kept)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer a question about raw."""
        with duckdb.connect(str(self.paths.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def texts(self) -> str:
        """Every text in raw, and every file of the home as it stands."""
        rows = [self.ask(f"select line, repaired_line, original_bytes from raw.{table}") for table in _LINES]
        rows += [
            self.ask("select content from raw.document"),
            self.ask("select path, logical_path from raw.source_file"),
        ]
        rows += [self.ask("select path from raw.file_location")]
        files = [file.read_bytes().decode("latin-1") for file in self.paths.home.rglob("*") if file.is_file()]
        return repr(rows) + "".join(files)

    def left(self) -> list[str]:
        """What of the words can be found anywhere."""
        everything = self.texts()
        return [word for word in self.words if word in everything]

    def forget(self) -> None:
        """Write down what is to be forgotten, as the command does after it has asked."""
        found = forget.Selection(forget.Wish(forget.SESSIONS, GONE), {GONE: (None, None, None)})
        forget.collect(self.paths, found)
        forget.note(self.paths, found)
        self.sources = found.sources

    def finish(self) -> None:
        """What the next build does of it."""
        with build_lock(self.paths):
            self.land()
            purge.finish(self.paths, print)
