"""Kill drill: landing, forgetting, expiring, applying a policy, building and publishing are killed, then run again.

    python -m tests.kills --count 1000 --seed 1

Each drill has a home of its own, with logs of three sessions. A step runs in a process that is killed at one of its calls
of the system or of the database, or after some time; the next run may be killed as well. The last one is not, and then
every line is there once, nothing forgotten is in any file of the home, the audit chain closes, and nothing lies about.
There are two kinds of drills: in one, sessions expire, and each line is in raw or among the rows that are kept of them.
What dbt would build is stood for by tables with the lines: everything else is the pipeline that builds every store.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from agent_store.audit.verify import check as check_chain
from agent_store.build import pipeline, warehouse
from agent_store.build.results import BuildResult
from agent_store.build.state import Fingerprint
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.privacy import forget, forgotten, purge, retention
from agent_store.record import spool
from agent_store.replacing import replacing
from ingest.events import spool as landed_spool
from ingest.privacy import privacy
from ingest.privacy.fields import LINE_TABLES
from ingest.privacy.policy import Policy

PROJECT = Path(__file__).resolve().parents[1]
SESSIONS = GONE, FORK, OTHER = tuple(f"{digit * 8}-1111-4111-8111-{digit * 12}" for digit in "abc")
FOLDER = "/home/ann/shop"
# The kinds of drills. A policy that drops prompts and sessions that expire are checked otherwise, so each is in one.
STEPS = {"forget": ("build", "forget", "apply"), "expire": ("build", "expire", "expire", "forget")}
RETENTION = "retention: {sessions: 30}\n"
# The first lines are so old; each expiry comes so long after the one before.
_OLD, _LATER = timedelta(days=1000), timedelta(days=40)
_KILLED = -signal.SIGKILL
_write = os.write
_FEWEST_KILLS, _MOST_KILLS = 4, 10
# What a step would import by itself, each time.
_LATE_MODULES = (
    "agent_store.build.publish", "agent_store.serve.export.known", "filelock", "ingest.amend", "ingest.land",
    "ingest.privacy.folders", "ingest.purge", "orjson", "pyarrow", "pyarrow.compute", "pytz", "yaml",
)  # fmt: skip
_OFTEN = 0.4
_CALLS = (
    *((os, name) for name in ("replace", "rename", "link", "unlink", "rmdir", "mkdir", "fsync", "write", "pwrite", "open")),
    *((duckdb.DuckDBPyConnection, name) for name in ("execute", "begin", "commit", "close")),
    (duckdb, "connect"),
)  # fmt: skip
# What the home tells of what has expired, by the marks that the audit chain keeps.
_ERASED = """
    select table_name, coalesce(erased.count, 0), coalesce(told.count, 0)
    from (select table_name, count(*) as count from raw.erased_row where reason = 'retention' group by all) as erased
    full join (select table_name, sum(row_count) as count from raw.expiry where row_count > 0 group by all) as told
        using (table_name)
    where erased.count is distinct from told.count
"""


def word(kind: str, number: int) -> str:
    """A text that stands in one line only."""
    return f"{kind}-{number:05d}-quixotic"


# --- killing


@dataclass
class Killer:
    """Ends this process at one of the calls that leave something behind; counts them where none is named."""

    pipe: int
    at: int = -1
    is_after: bool = False
    count: int = 0

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
        self.note(f"{'after' if self.is_after else 'before'} {name} {told}".encode())
        os.kill(os.getpid(), signal.SIGKILL)

    def note(self, text: bytes) -> None:
        """Tell the drill."""
        _write(self.pipe, text)


def run_step(pipe: int, home: str, step: str, at: int, is_after: bool, seconds: float) -> None:
    """In a process of its own: a step, killed at a call, after some time, or not at all."""
    os.dup2(2, 1)  # what it says is no answer to the drill
    os.environ["AGENT_STORE_HOME"] = home
    os.environ["HOME"] = str(Path(home).parent)
    killer = Killer(pipe, at, is_after)
    killer.wrap()
    if seconds:
        # Nobody handles the signal: it ends the process at once.
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _STEPS[step](StorePaths(Path(home)))
    except StoreError as error:
        killer.note(f"error {error.message} {error.hint}".encode())
        os._exit(3)
    except BaseException:
        killer.note(traceback.format_exc().encode())
        os._exit(4)
    killer.note(f"calls {killer.count}".encode())
    os._exit(0)


def serve() -> None:
    """Run the steps that are asked for, each in a fork of this process: everything is imported already."""
    os.umask(0o077)
    for module in _LATE_MODULES:
        import_module(module)
    landed_spool._LATE_SECONDS = 0.0
    privacy.Privacy(lambda: Policy(salt=b"salt")).line("password=hunter2hunter2", "event_line")
    for asked in sys.stdin:
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            os.close(reading)
            run_step(writing, *json.loads(asked))
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            text = told.read().decode("utf-8", "replace")
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        sys.stdout.write(json.dumps([status, text]) + "\n")
        sys.stdout.flush()


# --- steps

_SESSION = "coalesce(line ->> '$.payload.session_id', line ->> '$.sessionId')"
# Rows of the star are of the session that said it first.
_OWNER = f"case when line ->> '$.forkedFrom' is null then {_SESSION} end"
# Each line costs something where it was said first. A document does, too, so that it can be counted.
_READ_BY_RETENTION = """
    create or replace table agent_store.main.dim_session as
    select session_id, null::varchar as project_name, null::varchar as project_path, 'ann' as user_id,
        min(said_at) as started_at, max(said_at) as ended_at
    from agent_store.main.said_word group by session_id;
    create or replace table agent_store.main.v_spending as
    select session_id, null::varchar as session_title, line from agent_store.main.said_word where forked_from is null
    union all
    select session_id, null, row_json ->> 'line' from warehouse.raw.expired_row where relation = 'spending';
    create or replace view agent_store.main.v_cost as
    select session_id, 'tool' as kind from agent_store.main.dim_session where false;
    create or replace table agent_store.main.fact_api_call as
    select session_id, uuid as message_id from agent_store.main.said_word where uuid is not null and forked_from is null;
    create or replace table warehouse.intermediate.int_session_tie as
    select distinct one.session_id, other.session_id as tied_session_id
    from warehouse.intermediate.said_word as one inner join warehouse.intermediate.said_word as other using (uuid);
"""


def _models(paths: StorePaths, project: Path, *, full_refresh: bool, **_: Any) -> BuildResult:
    """In the place of dbt: a table in the warehouse and one in the star with what raw has, only new rows if asked so."""
    with closing(warehouse.connect(paths)) as connection:
        connection.execute("create schema if not exists intermediate")
        for table in ("warehouse.intermediate.said", "agent_store.main.said"):
            columns = "table_name varchar, session_id varchar, line varchar, batch_id bigint"
            replacement = "or replace table" if full_refresh else "table if not exists"
            connection.execute(f"create {replacement} {table} ({columns})")
            for name in LINE_TABLES:
                connection.execute(
                    f"insert into {table} "
                    f"select '{name}', {_OWNER}, line, _batch_id "
                    f"from raw.{name} where _batch_id > "
                    f"(select coalesce(max(batch_id), 0) from {table} where table_name = '{name}')"
                )
            connection.execute(
                f"create {replacement} {table}_document (content varchar, session_id varchar, batch_id bigint)"
            )
            connection.execute(
                f"insert into {table}_document "
                "select content, regexp_extract(path, '([^/]+)/tool-results/', 1), document._batch_id "
                "from raw.document inner join raw.source_file using (file_id) "
                f"where document._batch_id > (select coalesce(max(batch_id), 0) from {table}_document)"
            )
            connection.execute(
                f"create or replace view {table}_word as select line, batch_id, line ->> '$.uuid' as uuid, "
                "line ->> '$.forkedFrom.sessionId' as forked_from, "
                f"try_cast(line ->> '$.timestamp' as timestamp) as said_at, {_SESSION} as session_id "
                f"from {table} union all "
                f"select content, batch_id, null, null, null, session_id from {table}_document"
            )
        connection.execute(_READ_BY_RETENTION)
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
    # None of these is about files of the home, and they read the whole project.
    pipeline._scan = lambda *_: None  # type: ignore[assignment]
    pipeline.fingerprint = lambda *_, **__: Fingerprint("tables", "code")  # type: ignore[assignment]
    pipeline.timezone = lambda *_: "UTC"  # type: ignore[assignment]
    retention.EVERY = timedelta(0)  # type: ignore[misc]
    retention.carry_out = partial(_CARRY_OUT, now=World(paths.home.parent).now)
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


_CARRY_OUT = retention.carry_out
# What expires is found by each build, once the policy says so.
_STEPS = {
    "build": _build,
    "expire": _build,
    "forget": _forget,
    "apply": _apply,
    "elsewhere": _build_elsewhere,
}


# --- a home, and what should be in it


def _line(session: str, number: int, text: str, now: datetime) -> dict[str, Any]:
    return {
        "type": "user", "uuid": f"{number:08d}-0000-4000-8000-{session[:12]}", "sessionId": session, "cwd": FOLDER,
        "timestamp": f"{now.isoformat()}Z", "message": {"role": "user", "content": text},
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
    def now(self) -> datetime:
        """The time in this world."""
        return datetime.fromisoformat((self.folder / "now").read_text())

    def wait(self, time: timedelta) -> None:
        """Let time go by."""
        (self.folder / "now").write_text((self.now + time).isoformat())

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
                    file.write(json.dumps(_line(session, self.number, text, self.now)) + "\n")
            else:
                self.paths.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
                payload = json.dumps({"session_id": session, "prompt": text}).encode()
                spool.append(
                    str(self.paths.spool), spool.HOOKS,
                    spool.envelope("hook", payload, session, self._milliseconds + self.number, self.number),
                )  # fmt: skip

    def allow(self, policy: str) -> None:
        """Have the home keep what a policy says."""
        self.paths.privacy.write_text(policy)
        self.paths.privacy.chmod(0o600)

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
    def _milliseconds(self) -> int:
        return int(self.now.replace(tzinfo=UTC).timestamp() * 1000)

    @property
    def is_forgotten(self) -> bool:
        """Whether the session is among what was forgotten."""
        return any(not entry.until for entry in forgotten.read(self.paths).entries)

    # ------------------------------------------------------------------------------------ looking

    def problems(self) -> Iterator[str]:
        """What is not as it should be, after a run that was not killed."""
        gone = self.words[GONE] if self.is_forgotten else set()
        wanted = set().union(*self.words.values()) - gone
        seen = self._count()
        if not self.is_dropped:
            for text in sorted(wanted):
                yield from self._wrong_counts(text, {place: count[text] for place, count in seen.items()})
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
            erased = connection.execute(_ERASED).fetchall()
        yield from (f"{count} rows of {table} expired, but {told} are told" for table, count, told in erased)
        expected = Counter(self._landed(wanted, seen["raw"]))
        if (lines, events) != (expected[False], expected[True]):
            yield f"{lines} lines and {events} events are landed, not {expected[False]} and {expected[True]}"
        yield from (f"{one.relative_to(self.paths.home)} was left behind" for one in self._leftovers())

    def _prompts(self) -> set[str]:
        return {text for session in SESSIONS for text in self.words[session] if "document" not in text}

    def _landed(self, wanted: set[str], in_raw: Counter[str]) -> Iterator[bool]:
        """For each landed line whether it is an event."""
        for text in wanted:
            if "document" not in text:
                yield from ["event" in text] * (self._copies(text) if self.is_dropped else in_raw[text])

    def _copies(self, text: str) -> int:
        """In how many lines a word is: a fork begins with copies of another's lines."""
        return 2 if text in self.copied_words and not self.is_forgotten else 1

    def _wrong_counts(self, text: str, counts: dict[str, int]) -> Iterator[str]:
        """A word is in raw and in what is made of it, or it has expired and is kept."""
        everywhere = self._copies(text)
        is_expired = bool(counts["kept"])
        expected = dict.fromkeys(("raw", "store", "intermediate"), 0 if is_expired else everywhere)
        expected["archived of raw"] = everywhere if is_expired else 0
        expected |= dict.fromkeys(("archived", "kept"), int(is_expired))
        for place, count in counts.items():
            if count != expected[place]:
                yield f"{text} is {count} times in {place}, not {expected[place]}; in all: {counts}"

    def _count(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        selects = " union all ".join(f"select line from raw.{name}" for name in LINE_TABLES)
        for place, file, sql in (
            ("raw", self.paths.warehouse, f"{selects} union all select content from raw.document"),
            ("intermediate", self.paths.warehouse,
             "select line from intermediate.said union all select content from intermediate.said_document"),
            ("store", self.paths.store, "select line from said union all select content from said_document"),
            ("kept", self.paths.warehouse, "select row_json from raw.expired_row where relation = 'spending'"),
        ):  # fmt: skip
            with closing(duckdb.connect(str(file), read_only=True)) as connection:
                texts = [text for (text,) in connection.execute(sql).fetchall() if text]
            found[place] = self._counted(texts)
        for place, name in (("archived", "said*"), ("archived of raw", "raw_*")):
            found[place] = self._counted(map(repr, self._archived(name)))
        return found

    def _counted(self, texts: Iterable[str]) -> Counter[str]:
        everything = "\n".join(texts)
        return Counter({text: everything.count(text) for session in SESSIONS for text in self.words[session]})

    def _archived(self, name: str) -> Iterator[list[Any]]:
        """The rows of archives, file by file."""
        for file in sorted(self.paths.archive.glob(f"*/{name}.parquet")):
            with duckdb.connect() as connection:
                yield connection.execute("select * from read_parquet(?)", [str(file)]).fetchall()

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
        data |= {f"archive {number}": repr(rows) for number, rows in enumerate(self._archived("*"))}
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
            and not (file.suffix == ".parquet" and file.parent.parent == self.paths.archive)
        ]


# --- a drill


class Drill:
    """Homes are copies of one that is built once."""

    def __init__(self, folder: Path) -> None:
        """Build the home that all drills begin with."""
        self.folder = folder
        self.server = subprocess.Popen(
            [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
        self.kills: Counter[str] = Counter()
        self.calls: dict[str, int] = {}
        self.first = World(folder / "first")
        self.first.paths.ensure()
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        (self.first.folder / "now").write_text((now - _OLD).isoformat())
        for session in (GONE, OTHER):
            self.first.say(session, 12)
        self.first.copy_lines(GONE, FORK, 5)
        self.first.copied_words = set(sorted(self.first.words[GONE] - self._events())[:5])
        self.first.say(FORK, 8)
        self.first.spill(GONE)
        self.first.spill(OTHER)
        status, told = self.run(self.first, "build")
        assert status == 0, told
        shutil.copytree(
            folder / "first" / "claude", folder / "first" / "elsewhere", copy_function=shutil.copyfile
        )  # as if it were of today

    def _events(self) -> set[str]:
        return {text for text in self.first.words[GONE] if "event" in text or "document" in text}

    def run(
        self, world: World, step: str, at: int = -1, *, is_after: bool = False, seconds: float = 0
    ) -> tuple[int, str]:
        """Run a step in a process of its own: how it ended, and what it said."""
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps([str(world.paths.home), step, at, is_after, seconds]) + "\n")
        self.server.stdin.flush()
        status, told = json.loads(self.server.stdout.readline())
        return int(status), str(told)

    def close(self) -> None:
        """End the process that runs the steps."""
        assert self.server.stdin
        self.server.stdin.close()
        self.server.wait()

    def one(self, seed: int, kind: str = "forget") -> list[str]:
        """One drill of a kind: the problems that are found."""
        # Who goes on does not expire.
        often = _OFTEN if kind == "forget" else _OFTEN / 4
        chance = random.Random(seed)
        world = World(
            self.folder / f"world-{seed}", self.first.number, {k: set(v) for k, v in self.first.words.items()}
        )
        world.copied_words = self.first.copied_words
        shutil.copytree(self.first.folder, world.folder)
        story: list[str] = []
        for _ in range(chance.randint(_FEWEST_KILLS, _MOST_KILLS)):
            step = chance.choice(STEPS[kind])
            world.wait(timedelta(minutes=1))
            for session in SESSIONS:
                # What a session says after it was forgotten is not landed either.
                if chance.random() < often:
                    world.say(session, chance.randint(1, 5))
            if chance.random() < often:
                world.spill(chance.choice(SESSIONS))
            if step == "expire":
                world.wait(_LATER)
                world.allow(RETENTION)
            if step == "apply" and not world.is_dropped:
                world.is_dropped = True
                world.allow("prompts: drop\n")
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
    parser.add_argument("--kind", choices=sorted(STEPS), default="forget")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", action="store_true", help="only the drill of that seed")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        drill = Drill(Path(folder))
        seed = given.seed
        while drill.kills.total() < given.count and not (given.one and seed > given.seed):
            if found := drill.one(seed, given.kind):
                failed += 1
                print(f"seed {seed}:", *found[:12], sep="\n    ", flush=True)
            seed += 1
        drill.close()
    print(
        f"{drill.kills.total()} kills: {dict(drill.kills)}; drills with problems: {failed} of {seed - given.seed}"
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
