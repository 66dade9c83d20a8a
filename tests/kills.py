"""Kill drill: landing, forgetting, applying a policy, building and publishing are killed anywhere, then run again.

    python -m tests.kills --count 1000 --seed 1

Each drill has a home of its own, with logs of three sessions. A step runs in a process that is killed at one of its calls
of the system or of the database, or after some time; the next run may be killed as well. The last one is not, and then
every line is there once, nothing forgotten is in any file of the home, the audit chain closes, and nothing lies about.
What dbt would build is stood for by tables with the lines: everything else is the pipeline that builds every store.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import types
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb

from agent_store.audit.verify import check as check_chain
from agent_store.build import pipeline, warehouse
from agent_store.build.results import BuildResult
from agent_store.build.state import Fingerprint
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.privacy import forget, purge
from agent_store.record import spool
from agent_store.replacing import replacing
from ingest.events import spool as landed_spool
from ingest.privacy.fields import LINE_TABLES

PROJECT = Path(__file__).resolve().parents[1]
SESSIONS = GONE, FORK, OTHER = tuple(f"{digit * 8}-1111-4111-8111-{digit * 12}" for digit in "abc")
FOLDER = "/home/ann/shop"
STEPS = ("build", "forget", "apply")
_KILLED = -signal.SIGKILL
_MOST_KILLS = 8
_OFTEN = 0.4
_CALLS = (
    *((os, name) for name in ("replace", "rename", "link", "unlink", "rmdir", "mkdir", "fsync", "write", "pwrite", "open")),
    *((duckdb.DuckDBPyConnection, name) for name in ("execute", "begin", "commit", "close")),
    (duckdb, "connect"),
)  # fmt: skip


def word(kind: str, number: int) -> str:
    """A text that stands in one line only."""
    return f"{kind}-{number:05d}-quixotic"


# --- killing


@dataclass
class Killer:
    """Ends this process at one of the calls that leave something behind; counts them where none is named."""

    at: int = -1
    is_after: bool = False
    count: int = 0
    point: str = ""

    def wrap(self) -> None:
        """Have every such call come by here."""
        for holder, name in _CALLS:
            setattr(holder, name, self._wrapped(name, getattr(holder, name)))

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            if name == "open" and not given[1] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
                return call(*given, **named)
            mine, self.count = self.count, self.count + 1
            if mine == self.at and not self.is_after:
                self.die(name, given)
            result = call(*given, **named)
            if mine == self.at:
                self.die(name, given)
            return result

        return called

    def die(self, name: str, given: tuple[Any, ...]) -> None:
        """The end, without a word to anybody but the drill."""
        told = " ".join(str(one)[:200] for one in given if isinstance(one, (str, os.PathLike)))
        note = f"{'after' if self.is_after else 'before'} {name} {told}\n".encode()
        self.note(note)
        os.kill(os.getpid(), signal.SIGKILL)

    def note(self, text: bytes) -> None:
        """Write to the pipe of the drill; `os.write` itself may be wrapped."""
        self.pipe.send_bytes(text)

    pipe: Any = None


def run_step(pipe: Any, home: Path, step: str, at: int, is_after: bool, seconds: float) -> None:
    """In a process of its own: a step, killed at a call, after some time, or not at all."""
    os.umask(0o077)
    os.environ["AGENT_STORE_HOME"] = str(home)
    os.environ["HOME"] = str(home.parent)
    landed_spool._LATE_SECONDS = 0.0
    killer = Killer(at, is_after, pipe=pipe)
    killer.wrap()
    if seconds:
        # Nobody handles the signal: it ends the process at once.
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _STEPS[step](StorePaths(home))
    except StoreError as error:
        killer.note(f"error {error.message} {error.hint}".encode())
        os._exit(3)
    killer.note(f"calls {killer.count}".encode())
    os._exit(0)


# --- steps


def _models(paths: StorePaths, project: Path, *, full_refresh: bool, **_: Any) -> BuildResult:
    """In the place of dbt: a table in the warehouse and one in the star with what raw has, only new rows if asked so."""
    with closing(warehouse.connect(paths)) as connection:
        connection.execute("create schema if not exists intermediate")
        for table in ("warehouse.intermediate.said", "agent_store.main.said"):
            columns = "table_name varchar, file_id bigint, line_number bigint, line varchar, batch_id bigint"
            replacement = "or replace table" if full_refresh else "table if not exists"
            connection.execute(f"create {replacement} {table} ({columns})")
            for name in LINE_TABLES:
                connection.execute(
                    f"insert into {table} select '{name}', file_id, line_number, coalesce(repaired_line, line), _batch_id "
                    f"from raw.{name} where _batch_id > "
                    f"(select coalesce(max(batch_id), 0) from {table} where table_name = '{name}')"
                )
            connection.execute(f"create {replacement} {table}_document (content varchar, batch_id bigint)")
            connection.execute(
                f"insert into {table}_document select content, _batch_id from raw.document "
                f"where _batch_id > (select coalesce(max(batch_id), 0) from {table}_document)"
            )
        texts = connection.execute("select line from warehouse.intermediate.said").fetchall()
    for place in (paths.target / "run_results.json", paths.target / "compiled" / "said.sql"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(repr(texts))
    return BuildResult(success=True, model_count=1)


def _briefs(paths: StorePaths, _project: Path) -> int:
    folder = paths.home / "briefs"
    folder.mkdir(mode=0o700, exist_ok=True)
    with duckdb.connect(str(paths.store), read_only=True) as connection:
        texts = connection.execute("select line from said").fetchall()
    with replacing(folder / "all.json") as fresh:
        fresh.write_text(repr(texts))
    return 1


def _build(paths: StorePaths, logs: str = "claude") -> None:
    sys.modules["agent_store.build.models"] = types.SimpleNamespace(build=_models)  # type: ignore[assignment]
    sys.modules["agent_store.build.briefs"] = types.SimpleNamespace(write=_briefs)  # type: ignore[assignment]
    # Neither is about files of the home, and both read the whole project.
    pipeline._scan = lambda *_: None  # type: ignore[assignment]
    pipeline.fingerprint = lambda *_, **__: Fingerprint("tables", "code")  # type: ignore[assignment]
    options = pipeline.Options(roots=[paths.home.parent / logs], tests=False)
    pipeline.run(paths, PROJECT, options, say=lambda _: None)


def _build_elsewhere(paths: StorePaths) -> None:
    """Build as usual, then from a folder where everything still is."""
    _build(paths)
    _build(paths, "elsewhere")


def _forget(paths: StorePaths) -> None:
    found = forget.Selection(forget.Wish(forget.SESSIONS, GONE), {GONE: (None, None, None)})
    forget.collect(paths, found)
    forget.note(paths, found)
    _build(paths)


def _apply(paths: StorePaths) -> None:
    with pipeline.build_lock(paths):
        purge.begin(paths, applies=True)
    _build(paths)


_STEPS = {"build": _build, "forget": _forget, "apply": _apply, "elsewhere": _build_elsewhere}


# --- a home, and what should be in it


def _line(session: str, number: int, text: str) -> dict[str, Any]:
    return {
        "type": "user", "uuid": f"{number:08d}-0000-4000-8000-{session[:12]}", "sessionId": session, "cwd": FOLDER,
        "timestamp": "2026-03-01T10:00:00Z", "message": {"role": "user", "content": text},
    }  # fmt: skip


@dataclass
class World:
    """A home with its logs, and which words should be where."""

    folder: Path
    number: int = 0
    words: dict[str, set[str]] = field(default_factory=lambda: {session: set() for session in SESSIONS})
    # Those of the lines that the fork has, too.
    copied_words: set[str] = field(default_factory=set)
    is_dropped: bool = False

    @property
    def paths(self) -> StorePaths:
        """The home."""
        return StorePaths(self.folder / "store")

    def say(self, session: str, count: int) -> None:
        """Have a session go on, in its transcript and in what hooks record; after it was forgotten, in the transcript only.

        What hooks record stays in the spool for an hour.
        """
        logs = self.folder / "claude" / "projects" / "-home-ann-shop"
        logs.mkdir(parents=True, exist_ok=True)
        for _ in range(count):
            self.number += 1
            is_gone = session == GONE and self.is_forgotten
            kind = "event" if self.number % 3 == 0 and not is_gone else "line"
            text = word(f"{session[0]}{kind}", self.number)
            self.words[session].add(text)
            if kind == "line":
                with (logs / f"{session}.jsonl").open("a") as file:
                    file.write(json.dumps(_line(session, self.number, text)) + "\n")
            else:
                self.paths.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
                payload = json.dumps({"session_id": session, "prompt": text}).encode()
                spool.append(
                    str(self.paths.spool), spool.HOOKS,
                    spool.envelope("hook", payload, session, self.number, self.number),
                )  # fmt: skip

    def copy_lines(self, source: str, target: str, count: int) -> None:
        """Have a session begin with copies of another one's lines, as a fork does."""
        logs = self.folder / "claude" / "projects" / "-home-ann-shop"
        lines = (logs / f"{source}.jsonl").read_text().splitlines()[:count]
        with (logs / f"{target}.jsonl").open("a") as file:
            for line in lines:
                value = json.loads(line) | {"sessionId": target, "forkedFrom": {"sessionId": source}}
                file.write(json.dumps(value) + "\n")

    def spill(self, session: str) -> None:
        """A result that the client keeps in a file of its own."""
        self.number += 1
        text = word(f"{session[0]}document", self.number)
        self.words[session].add(text)
        place = (
            self.folder
            / "claude"
            / "projects"
            / "-home-ann-shop"
            / session
            / "tool-results"
            / f"r{self.number}.txt"
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    @property
    def is_forgotten(self) -> bool:
        """Whether the session is among what was forgotten."""
        return self.paths.forgotten.exists()

    # ------------------------------------------------------------------------------------ looking

    def problems(self) -> Iterator[str]:
        """What is not as it should be, after a run that was not killed."""
        gone = self.words[GONE] if self.is_forgotten else set()
        wanted = set().union(*self.words.values()) - gone
        seen = self._count()
        if not self.is_dropped:
            for text in sorted(wanted):
                # In raw and in what is made of it; a fork begins with copies of another's lines.
                for place in ("raw", "store", "intermediate"):
                    yield from self._wrong_count(text, place, seen[place][text])
        else:
            yield from (
                f"{text} is there, though prompts are dropped" for text in self._anywhere(self._prompts())
            )
        yield from (f"{text} was forgotten, and is there" for text in self._anywhere(gone))
        if gone:
            yield from (f"{one} was forgotten, and is there" for one in self._anywhere({GONE}))
        with closing(duckdb.connect(str(self.paths.warehouse), read_only=True)) as connection:
            yield from (finding.message for finding in check_chain(connection).findings)
            (lines,) = connection.execute("select count(*) from raw.transcript_line").fetchone() or (0,)
            (events,) = connection.execute("select count(*) from raw.event_line").fetchone() or (0,)
        expected = Counter("event" in text for text in wanted if "document" not in text)
        copied = 0 if self.is_forgotten else len(self.copied_words)
        if (lines, events) != (expected[False] + copied, expected[True]):
            yield f"{lines} lines and {events} events are landed, not {expected[False] + copied} and {expected[True]}"
        yield from (f"{one.relative_to(self.paths.home)} was left behind" for one in self._leftovers())

    def _prompts(self) -> set[str]:
        return {text for session in SESSIONS for text in self.words[session] if "document" not in text}

    def _wrong_count(self, text: str, place: str, count: int) -> Iterator[str]:
        expected = 2 if text in self.copied_words and not self.is_forgotten else 1
        if count != expected:
            yield f"{text} is {count} times in {place}, not {expected}"

    def _count(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        selects = " union all ".join(f"select line from raw.{name}" for name in LINE_TABLES)
        for place, file, sql in (
            ("raw", self.paths.warehouse, f"{selects} union all select content from raw.document"),
            ("intermediate", self.paths.warehouse,
             "select line from intermediate.said union all select content from intermediate.said_document"),
            ("store", self.paths.store, "select line from said union all select content from said_document"),
        ):  # fmt: skip
            with closing(duckdb.connect(str(file), read_only=True)) as connection:
                texts = [text for (text,) in connection.execute(sql).fetchall() if text]
            everything = "\n".join(texts)
            found[place] = Counter(
                {text: everything.count(text) for session in SESSIONS for text in self.words[session]}
            )
        return found

    def _anywhere(self, texts: set[str]) -> list[str]:
        """Which of the texts are in any file of the home, also in compressed blocks; with where they are."""
        if not texts:
            return []
        spooled = not self.is_forgotten  # what hooks write is as it is until it goes
        data = {
            str(file.relative_to(self.paths.home)): file.read_bytes().decode("latin-1")
            for file in self.paths.home.rglob("*")
            if file.is_file() and not (spooled and file.parent == self.paths.spool)
        }
        for file in (self.paths.warehouse, self.paths.store, self.paths.star):
            with closing(duckdb.connect(str(file), read_only=True)) as connection:
                tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
                for schema, table in tables:
                    rows = connection.execute(f'select * from "{schema}"."{table}"').fetchall()
                    data[f"{file.name}: {schema}.{table}"] = repr(rows)
        return sorted(f"{text} (in {place})" for place, one in data.items() for text in texts if text in one)

    def _leftovers(self) -> list[Path]:
        allowed = {
            "agent_store.duckdb", "build/warehouse.duckdb", "build/agent_store.duckdb", "build/lock", "build/lock_holder",
            "build/state.json", "build/last_build.json", "build/tested.json", "keys/salt", "keys/forgotten.jsonl",
            "briefs/all.json", "target/run_results.json", "target/compiled/said.sql", "privacy.yml",
        }  # fmt: skip
        return [
            file
            for file in sorted(self.paths.home.rglob("*"))
            if file.is_file()
            and str(file.relative_to(self.paths.home)) not in allowed
            and not (file.parent == self.paths.spool and not file.name.startswith("."))
        ]


# --- a drill


class Drill:
    """Homes are copies of one that is built once."""

    def __init__(self, folder: Path) -> None:
        """Build the home that all drills begin with."""
        self.folder = folder
        self.context = get_context("forkserver")
        self.context.set_forkserver_preload(
            [__name__, "pyarrow", "orjson", "filelock", "ingest.privacy.secrets"]
        )
        self.kills: Counter[str] = Counter()
        self.calls: dict[str, int] = {}
        self.first = World(folder / "first")
        self.first.paths.ensure()
        for session in (GONE, OTHER):
            self.first.say(session, 12)
        self.first.copy_lines(GONE, FORK, 5)
        self.first.copied_words = set(sorted(self.first.words[GONE] - self._events())[:5])
        self.first.say(FORK, 8)
        self.first.spill(GONE)
        self.first.spill(OTHER)
        status, told = self.run(self.first, "build")
        assert status == 0, told
        shutil.copytree(folder / "first" / "claude", folder / "first" / "elsewhere")

    def _events(self) -> set[str]:
        return {text for text in self.first.words[GONE] if "event" in text or "document" in text}

    def run(
        self, world: World, step: str, at: int = -1, *, is_after: bool = False, seconds: float = 0
    ) -> tuple[int, str]:
        """Run a step in a process of its own: how it ended, and what it said."""
        mine, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(
            target=run_step, args=(theirs, world.paths.home, step, at, is_after, seconds)
        )
        process.start()
        theirs.close()
        told = ""
        with suppress(EOFError):
            told = mine.recv_bytes().decode()
        process.join()
        mine.close()
        return process.exitcode or 0, told

    def one(self, seed: int) -> list[str]:
        """One drill: the problems that are found."""
        chance = random.Random(seed)
        world = World(
            self.folder / f"world-{seed}", self.first.number, {k: set(v) for k, v in self.first.words.items()}
        )
        world.copied_words = self.first.copied_words
        shutil.copytree(self.first.folder, world.folder)
        story: list[str] = []
        for _ in range(chance.randint(1, _MOST_KILLS)):
            step = chance.choice(STEPS)
            for session in SESSIONS:
                # What a session says after it was forgotten is not landed either.
                if chance.random() < _OFTEN:
                    world.say(session, chance.randint(1, 5))
            if chance.random() < _OFTEN:
                world.spill(chance.choice(SESSIONS))
            if step == "apply" and not world.is_dropped:
                world.is_dropped = True
                world.paths.privacy.write_text("prompts: drop\n")
                world.paths.privacy.chmod(0o600)
            status, told = self._killed(world, step, chance)
            story.append(f"{step}: {told}")
            if status not in {_KILLED, -signal.SIGALRM, 0}:
                return [*story, f"ended with {status}"]
            self.kills[step] += bool(status)
        # A policy counts for what is landed when somebody has it applied.
        journal = purge.read(world.paths)
        last = ["apply"] if world.is_dropped and not (journal and journal.applies) else []
        for step in (*last, "elsewhere"):
            status, told = self.run(world, step)
            if status:
                break
        if status:
            return [*story, f"the last run ended with {status}: {told}"]
        if found := list(world.problems()):
            return [*story, *found]
        shutil.rmtree(world.folder)
        return []

    def _killed(self, world: World, step: str, chance: random.Random) -> tuple[int, str]:
        if step not in self.calls:
            trial = World(self.folder / f"trial-{step}")
            shutil.copytree(world.folder, trial.folder)
            _, told = self.run(trial, step)
            self.calls[step] = int(told.split()[-1])
            shutil.rmtree(trial.folder)
        if chance.random() < 0.25:
            return self.run(world, step, seconds=chance.uniform(0.005, 0.9))
        return self.run(world, step, chance.randrange(self.calls[step]), is_after=chance.random() < 0.5)


def main() -> int:
    """Run many drills and say what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", action="store_true", help="only the drill of that seed")
    given = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        drill = Drill(Path(folder))
        seed = given.seed
        while drill.kills.total() < given.count and not (given.one and seed > given.seed):
            if found := drill.one(seed):
                failed += 1
                print(f"seed {seed}:", *found[:12], sep="\n    ", flush=True)
            seed += 1
    print(
        f"{drill.kills.total()} kills: {dict(drill.kills)}; drills with problems: {failed} of {seed - given.seed}"
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
