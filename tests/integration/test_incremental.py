"""Whatever the order in which logs arrive, increments and a build of everything at once give the same rows.

The drill takes a home of transcripts apart into states that grow and lands them in shuffled steps: forks
before the session they were made from, subagents before their parent, lines cut in the middle, builds that
break off. Then everything is landed at once and built from nothing: every relation must hold the same rows.
So it must where landing or building is killed and run again.

AGENT_STORE_DRILL_SEEDS (`1,2,3`) names other orders to try, AGENT_STORE_DRILL_STEPS another number of steps.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from agent_store.build import build_tables, models, pipeline
from agent_store.build.pipeline import Options
from agent_store.build.state import fingerprint
from agent_store.paths import StorePaths
from ingest.land import land
from tests import recordings
from tests.conftest import PROJECT, clean_environment

SEEDS = [int(seed) for seed in os.environ.get("AGENT_STORE_DRILL_SEEDS", "20").split(",")]
STEPS = int(os.environ.get("AGENT_STORE_DRILL_STEPS", "9"))
SAMPLE = PROJECT / "sample" / "home"
# When the files were last changed: at a second of this day.
FIRST_CHANGE, DAY = 1_764_000_000, 86_400
# What is landed of the sample: the rest (skills, settings, …) holds no lines.
LANDED = ("projects", "history.jsonl", "stats-cache.json")
# What hooks and programs recorded beside it, and API responses in files: not below the root of the transcripts.
SPOOL, RESPONSES = "../spool", "../responses"

COMPARED_SCHEMAS = ("intermediate", "main")
# Columns that tell when something was landed, which is what the two sides differ in. Keep this list short.
LANDING_COLUMNS = frozenset(
    {
        "_batch_id",  # the newest batch that touched the row: another one where everything came at once
        "_state",  # made of those batches
        "landed_at",  # v_set_aside_line: the time of that batch
    }
)
# Files are numbered in the order of landing: what holds such a number is compared as the path it stands for.
FILE_PATH = "(select path from raw.source_file as files where files.file_id = {})"
OF_FILES = {
    ("file_id", "BIGINT"): FILE_PATH.format("compared.file_id"),
    ("line_id", "HUGEINT"): FILE_PATH.format("compared.line_id // 10000000000000000000000000")
    + " || ':' || compared.line_id % 10000000000000000000000000",
}

Row = tuple[object, ...]
Rows = tuple[list[str], list[Row]]


# --- taking a home apart ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A file of a home."""

    path: str
    content: bytes
    is_lines: bool


def sources_below(root: Path, names: Sequence[str] = LANDED) -> list[Source]:
    """The files of a home that are landed, in a fixed order."""
    files: list[Path] = []
    for name in names:
        entry = root / name
        files += [entry] if entry.is_file() else [path for path in entry.rglob("*") if path.is_file()]
    return [
        Source(path.relative_to(root).as_posix(), path.read_bytes(), path.suffix == ".jsonl")
        for path in sorted(files)
    ]


_SUBAGENT = re.compile(r"^(projects/[^/]+/[^/]+)/subagents/")
_UUID = re.compile(rb'"uuid": ?"([0-9a-f-]{36})"')
_TIMESTAMP = re.compile(rb'"timestamp": ?"([^"]+)"')


def conversation(session: str, *lines: dict[str, object]) -> bytes:
    """Lines of a session as a client writes them."""
    started = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
    written = []
    for number, line in enumerate(lines):
        at = (started + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
        shape = {"timestamp": at, "sessionId": session, "cwd": "/home/dev/drill", "version": "2.1.330"}
        written.append(json.dumps(shape | line))
    return "".join(f"{line}\n" for line in written).encode()


def _said(uuid: str, role: str, content: object, **more: object) -> dict[str, object]:
    message: dict[str, object] = {"role": role, "content": content}
    if role == "assistant":
        usage = {"input_tokens": 5, "output_tokens": 7}
        message |= {"id": f"msg-{uuid}", "model": "claude-opus-5-5", "usage": usage}
    return {"type": role, "uuid": uuid, "message": message} | more


def _called(tool_use_id: str) -> list[dict[str, object]]:
    return [{"type": "tool_use", "id": tool_use_id, "name": "Bash", "input": {"command": "make"}}]


def _returned(tool_use_id: str) -> list[dict[str, object]]:
    return [{"type": "tool_result", "tool_use_id": tool_use_id, "content": "done"}]


def families() -> dict[str, list[tuple[int, bytes]]]:
    """Sessions in which a line of one changes what is known of another: (step, content) of each file."""
    folder = "projects/-home-dev-drill"

    def begun(name: str) -> list[dict[str, object]]:
        return [
            _said(f"{name}-1", "user", "build it"),
            _said(f"{name}-2", "assistant", _called(f"toolu-{name}"), requestId=f"req-{name}"),
        ]

    # A fork gives the result to a call of the session that it was made from.
    own = [_said("fork-3", "user", _returned("toolu-fork")), _said("fork-4", "assistant", "It is built.")]
    forks = [conversation("forked", *begun("fork"), *own[:count]) for count in range(3)]
    # A session that seems the older one turns out to be made from the other, by a line that is its own.
    unknown = [{"type": "queue-operation", "timestamp": "2026-11-01T09:00:00Z"}, begun("made")[0]]
    tells = _said("made-3", "assistant", "I go on.", session_id="made-from")
    made = [conversation("a-made", *unknown), conversation("a-made", *unknown, tells)]
    # A session goes on under another name and copies nothing.
    moved = conversation("moved-on", _said("move-3", "user", _returned("toolu-move")))
    return {
        f"{folder}/fork-parent.jsonl": [(0, conversation("fork-parent", *begun("fork")))],
        f"{folder}/forked.jsonl": [(1, forks[0]), (2, forks[1]), (4, forks[2])],
        f"{folder}/made-from.jsonl": [(0, conversation("made-from", *begun("made")))],
        f"{folder}/a-made.jsonl": [(0, made[0]), (3, made[1])],
        f"{folder}/moved.jsonl": [(0, conversation("moved", *begun("move")))],
        f"{folder}/moved-on.jsonl": [(3, moved)],
    }


def recorded() -> list[Source]:
    """What hooks and programs would have recorded of the sample, and of what it does not show."""
    transcripts = list((SAMPLE / "projects").rglob("*.jsonl"))
    return [
        Source(f"{SPOOL}/hooks-2026-11-01.jsonl", recordings.of_transcripts(transcripts), is_lines=True),
        Source(f"{SPOOL}/library-2026-11-01.jsonl", recordings.of_programs(1_793_000_000_000), is_lines=True),
        Source(f"{RESPONSES}/kept.jsonl", recordings.responses(transcripts), is_lines=True),
    ]


def everything() -> list[Source]:
    """What the drill lands: the sample, and what was recorded beside it."""
    return [*sources_below(SAMPLE), *recorded()]


def made_from(sources: Sequence[Source]) -> set[str]:
    """The files that others were made from: parents of forks, main files of subagents."""
    paths = {source.path for source in sources}
    mains = {f"{found[1]}.jsonl" for source in sources if (found := _SUBAGENT.match(source.path))} & paths
    starts: dict[str, bytes] = {}
    holders: dict[bytes, set[str]] = defaultdict(set)
    for source in sources:
        starts[source.path] = min(_TIMESTAMP.findall(source.content), default=b"")
        for uuid in _UUID.findall(source.content):
            holders[uuid].add(source.path)
    shared = {frozenset(files) for files in holders.values() if len(files) > 1}
    return mains | {min(files, key=lambda path: (starts[path], path)) for files in shared}


def shuffled_steps(sources: Sequence[Source], steps: int, chance: random.Random) -> list[dict[str, bytes]]:
    """What each step brings: for each file that grew, all of its content so far."""
    originals = made_from(sources)
    arrivals: list[dict[str, bytes]] = [{} for _ in range(steps)]
    for source in sources:
        # Every other file that others were made from begins to arrive when nearly everything else is there.
        first = steps - 2 if source.path in originals and chance.random() < 0.5 else 0
        line_ends = [found.end() for found in re.finditer(rb"\n", source.content)][:-1]
        ends = {len(source.content)}
        if source.is_lines and line_ends:
            ends |= set(chance.sample(line_ends, min(len(line_ends), chance.randrange(4))))
            if chance.random() < 0.3:  # a writer is writing right now
                ends.add(chance.randrange(1, len(source.content)))
        places = sorted(chance.choices(range(first, steps), k=len(ends)))
        for place, end in zip(places, sorted(ends), strict=True):
            arrivals[place][source.path] = source.content[:end]
    for path, states in families().items():
        for place, content in states:
            arrivals[min(place, steps - 1)][path] = content
    return arrivals


def whole(sources: Sequence[Source]) -> dict[str, bytes]:
    """Everything that the steps bring, as it is in the end."""
    return {source.path: source.content for source in sources} | {
        path: states[-1][1] for path, states in families().items()
    }


def write_files(root: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files as they stand now."""
    for path, content in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        # Whichever way a state was reached, its file is equally old. Old files of a spool would be swept.
        if not path.startswith(SPOOL):
            changed_at = FIRST_CHANGE + zlib.crc32(content) % DAY
            os.utime(file, (changed_at, changed_at))


# --- building and comparing ---------------------------------------------------------------------------------


class BrokeOffError(Exception):
    """A build ended early."""


def land_all(paths: StorePaths, root: Path) -> int:
    """Land what is new of the transcripts, of the spool and of the responses beside them; returns the lines."""
    beside = [folder for folder in [root / RESPONSES] if folder.is_dir()]
    landed = land([root], paths.warehouse, host="drill", spool=root / SPOOL, responses=beside)
    return landed.lines_landed


def build(
    paths: StorePaths, root: Path, *, anew: bool = False, at_once: bool = False, breaks_off_after: int = 0
) -> None:
    """Land what is new and run the models; their tests run elsewhere.

    A build that does not begin `anew` runs what dbt compiled in the one that did, as `agent-store build`
    does.
    """
    land_all(paths, root)

    def on_node(_: str, done: int, __: int) -> None:
        if done == breaks_off_after:
            raise BrokeOffError

    # What is built at once is followed by no increment: nothing has to be compiled for one.
    code = "" if at_once else fingerprint(PROJECT).code
    result = models.build(paths, PROJECT, tests=False, seeds=anew or at_once, code=code, on_node=on_node)
    assert result.success, [str(failure) for failure in result.failures]


def taken_away(paths: StorePaths, folder: Path) -> Path:
    """Move the warehouse out of its home, so that the next build begins with nothing."""
    folder.mkdir(parents=True)
    kept = paths.warehouse.rename(folder / paths.warehouse.name)  # views name the files' stems
    paths.star.rename(folder / paths.star.name)
    paths.state.unlink(missing_ok=True)
    paths.store.unlink(missing_ok=True)
    return kept


def relations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Every table and view that is compared."""
    rows = connection.execute(
        "select database_name || '.' || schema_name || '.' || name from ("
        "  select database_name, schema_name, table_name as name from duckdb_tables() where not internal"
        "  union all select database_name, schema_name, view_name from duckdb_views() where not internal)"
        " where schema_name in (select unnest(?)) and not list_contains(?, name) order by all",
        [list(COMPARED_SCHEMAS), ["store_build", *build_tables.DESCRIPTIONS]],
    ).fetchall()
    return [row[0] for row in rows]


def compared_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> Rows:
    """The rows of a relation as they are compared, below the names of their columns."""
    described = connection.execute(f"describe {relation}").fetchall()
    types = {row[0]: row[1] for row in described if row[0] not in LANDING_COLUMNS}
    columns = [f"{OF_FILES.get(column, f'compared.{column[0]}')} as {column[0]}" for column in types.items()]
    return list(types), connection.execute(
        f"select {', '.join(columns)} from {relation} as compared"
    ).fetchall()


def all_rows(file: Path) -> dict[str, Rows]:
    """Everything of a warehouse that is compared."""
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{file.with_name('agent_store.duckdb')}' as agent_store (read_only)")
        return {relation: compared_rows(connection, relation) for relation in relations(connection)}


def rounded(value: object) -> object:
    """A value that can be counted; sums of floats differ in the last digits with the order of the rows."""
    if isinstance(value, float):
        return f"{round(value, 12) + 0.0:.9g}" if math.isfinite(value) else str(value)
    return repr(value)


def difference(ours: Rows, others: Rows) -> list[str]:
    """How two relations differ; empty if they hold the same rows, each as often."""
    if ours[0] != others[0]:
        return [f"columns differ: {ours[0]} and {others[0]}"]
    left, right = (
        Counter(tuple(rounded(value) for value in row) for row in rows) for _, rows in (ours, others)
    )
    return [
        sign + " " + ", ".join(f"{name}={value}" for name, value in zip(ours[0], row, strict=True))
        for sign, rows in (("+", left - right), ("-", right - left))
        for row in rows.elements()
    ]


def differences(tested: Path, whole: Path) -> dict[str, list[str]]:
    """The relations that differ: `+` rows stand in the tested warehouse only, `-` rows in the other only."""
    ours, others = all_rows(tested), all_rows(whole)
    assert list(ours) == list(others)
    assert sum(len(rows) for _, rows in others.values()) > 1000
    found = {relation: difference(ours[relation], others[relation]) for relation in ours}
    return {relation: lines for relation, lines in found.items() if lines}


def assert_same_rows(tested: Path, whole: Path) -> None:
    """Fail with some rows of each relation that differs."""
    found = differences(tested, whole)
    report = [
        f"{relation}: {len(lines)} rows differ\n  " + "\n  ".join(line[:1000] for line in lines[:6])
        for relation, lines in found.items()
    ]
    assert not found, "\n".join(report)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """One home for all tests of this file: dbt parses once; the warehouse is taken away after each."""
    return StorePaths(tmp_path_factory.mktemp("drill") / "home").ensure()


@pytest.fixture(scope="module")
def sample_at_once(paths: StorePaths, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse into which everything that the steps of the sample bring was landed at once."""
    folder = tmp_path_factory.mktemp("at-once")
    write_files(folder / "root", whole(everything()))
    build(paths, folder / "root", at_once=True)
    return taken_away(paths, folder / "warehouse")


# --- the drill ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_arrival_gives_the_same_rows(
    seed: int, paths: StorePaths, sample_at_once: Path, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    sources = everything()
    root = tmp_path / "root"
    for number, arrivals in enumerate(shuffled_steps(sources, STEPS, chance)):
        write_files(root, arrivals)
        # Every third build ends somewhere in the middle: each model has to catch up by itself.
        if number % 3 == 1 and number < STEPS - 1:
            with pytest.raises(BrokeOffError):
                build(paths, root, breaks_off_after=chance.randrange(1, 40))
        else:
            build(paths, root, anew=number == 0)
    for path, content in whole(sources).items():
        assert (root / path).read_bytes() == content
    assert_same_rows(taken_away(paths, tmp_path / "increments"), sample_at_once)


@pytest.mark.slow
@pytest.mark.corpus
def test_two_real_sessions_that_grow_give_the_same_rows(
    corpus_dir: Path, paths: StorePaths, tmp_path: Path
) -> None:
    growth = corpus_dir.parent / "growth"
    if not growth.is_dir():
        pytest.skip("this corpus has no growing sessions")
    states = {folder.name: sorted(folder.glob("*.jsonl")) for folder in sorted(growth.iterdir())}
    root = tmp_path / "root"
    step_count = 4
    for step in range(1, step_count + 1):
        for session, files in states.items():
            reached = files[math.ceil(len(files) * step / step_count) - 1]
            write_files(root, {f"projects/-grown/{session}.jsonl": reached.read_bytes()})
        build(paths, root, anew=step == 1)
    increments = taken_away(paths, tmp_path / "increments")
    build(paths, root, at_once=True)
    assert_same_rows(increments, taken_away(paths, tmp_path / "at-once"))


# --- killed, and run again ----------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from agent_store.build import pipeline
from agent_store.paths import StorePaths
from ingest.land import land
from ingest.landing import landing

home, project, root, moment, number = sys.argv[1:]
landing.ROWS_PER_TRANSACTION = 300

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def landed(done, *_):
    if moment == "landing" and done >= int(number):
        die()

def built(name, done, total):
    if moment == "building" and done >= int(number):
        die()

paths = StorePaths(Path(home)).ensure()
beside = [folder for folder in [Path(root) / "../responses"] if folder.is_dir()]
land([Path(root)], paths.warehouse, "drill", landed, spool=Path(root) / "../spool", responses=beside)
options = pipeline.Options(ingest=False, tests=False)
pipeline.run(paths, Path(project), options, say=print, on_node=built)
"""


def run_and_be_killed(paths: StorePaths, root: Path, moment: str, number: int) -> None:
    """Build in a process of its own that kills itself, as kill -9 does, after so many files or nodes."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(paths.home), str(PROJECT), str(root), moment, str(number)],
        cwd=PROJECT,
        env=clean_environment(paths.home),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def landed_lines(paths: StorePaths) -> int:
    """How many lines have been committed."""
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        row = connection.execute("select count(*) from raw.transcript_line").fetchone()
    return int(row[0]) if row else 0


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_gives_the_same_rows_and_then_nothing_is_written(
    paths: StorePaths, sample_at_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    # Transcripts only: what else a build looks for (components, contracts, code) depends on when it looks.
    options = Options(ingest=False, tests=False)
    first, second = shuffled_steps(everything(), 2, random.Random(7))

    # Half of the home is landed by a process that is killed on the way, and built by one that is killed too.
    write_files(root, first)
    run_and_be_killed(paths, root, "landing", 30)
    committed = landed_lines(paths)
    run_and_be_killed(paths, root, "building", 40)
    assert 0 < committed < landed_lines(paths)
    assert pipeline.run(paths, PROJECT, options, say=print).published is not None

    # The other half is landed, and the build that follows is killed while it writes.
    write_files(root, second)
    run_and_be_killed(paths, root, "building", 20)
    assert land_all(paths, root) == 0
    assert pipeline.run(paths, PROJECT, options, say=print).published is not None

    # A build with nothing new: nothing is run, and neither file changes.
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("models were run")

    monkeypatch.setattr(models, "build", forbidden)
    before = [hashlib.sha256(file.read_bytes()).digest() for file in (paths.warehouse, paths.store)]
    assert land_all(paths, root) == 0
    assert pipeline.run(paths, PROJECT, options, say=print).is_current
    after = [hashlib.sha256(file.read_bytes()).digest() for file in (paths.warehouse, paths.store)]
    assert before == after

    assert_same_rows(taken_away(paths, tmp_path / "killed"), sample_at_once)
