"""The process that free SQL runs in: what it refuses, what stops it, and that nothing it does reaches who asks."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from conftest import clean_environment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mini import published, star

from agent_store.build.results import BuildResult
from agent_store.build.state import Fingerprint
from agent_store.build.warehouse import RawSummary
from agent_store.errors import StoreError
from agent_store.paths import StorePaths, private_files
from agent_store.serve import sandbox
from agent_store.serve.sandbox import frames, parent

SECONDS = 1.0
# An interrupt or a kill has to come within so many seconds after the limit.
LATEST = SECONDS + 2
AT_ONCE = 3

FILE_READERS = [
    "from read_text('{secret}')", "from read_blob('{secret}')", "from read_csv('{secret}')", "from '{secret}'",
    "select * from read_text(['{secret}'])", "from read_text('file://{secret}')", "from read_ndjson_objects('{secret}')",
    "from read_json('/etc/passwd')", "from '/etc/passwd'", "from glob('/etc/*')", "from glob('{folder}/*')",
    "from sniff_csv('/etc/passwd')", "from parquet_metadata('/etc/passwd')", "from read_csv('/dev/stdin')",
    "from read_text('/proc/self/environ')", "from read_duckdb('{store}')", "from sqlite_scan('{secret}', 't')",
    "from read_parquet('http://127.0.0.1:9/x')", "from 'http://127.0.0.1:9/x.csv'", "from file_exists('/etc/passwd')",
    "select getenv('HOME')", "pragma import_database('/tmp')", "import database '{folder}'", "select nextval('s')",
    "from df", "from connection", "from sql", "from rows", "from request",
]  # fmt: skip
WRITERS = [
    "copy runs to '{folder}/out.csv'", "copy (select 1) to '{folder}/out.parquet'", "copy runs from '{secret}'",
    "export database '{folder}/out'", "attach '{folder}/out.duckdb'", "attach ':memory:' as m", "use memory",
    "create table t as select 1", "create temp table t as select 1", "create table memory.main.t as select 1",
    "create or replace macro m(x) as 1", "create temp macro n(x) as 1", "create secret s (type s3, key_id 'a')",
    "create persistent secret s (type http, bearer_token 'x')", "insert into runs values (1, 'a')", "drop table runs",
    "update runs set id = 1", "delete from runs", "truncate runs", "alter table runs add column x integer",
    "checkpoint", "force checkpoint", "vacuum", "begin transaction", "prepare p as select 1", "execute p",
    "explain analyze create table t as select 1", "explain analyze copy runs to '{folder}/out.csv'",
    "install httpfs", "load httpfs", "load '{folder}/x.duckdb_extension'", "install spatial from community",
]  # fmt: skip
SETTERS = [
    "set enable_external_access = true", "reset enable_external_access", "pragma enable_external_access = true",
    "set lock_configuration = false", "reset lock_configuration", "set global memory_limit = '100GB'",
    "pragma memory_limit = '1TB'", "set threads = 64", "set temp_directory = '{folder}'", "set home_directory = '/root'",
    "set allowed_paths = ['{secret}']", "set file_search_path = '/etc'", "set search_path = 'main'", "set schema = 'main'",
    "set profiling_output = '{folder}/out'", "pragma enable_profiling", "pragma enable_profiling = 'json'",
    "set log_query_path = '{folder}/out'", "set variable x = 1", "pragma add_parquet_key('k', '0123456789112345')",
    "call enable_logging('QueryLog')", "call enable_logging(storage = 'file', storage_path = '{folder}/out')",
    "from enable_logging(storage = 'file', storage_path = '{folder}/out')",
    "from enable_logging('QueryLog', storage = 'stdout')", "explain analyze from enable_logging('QueryLog')",
    "select write_log('x')", "select add_parquet_key('x', 'y')", "call duckdb_settings()", "update extensions",
]  # fmt: skip
TRICKS = [
    "select 1; select 2", "select 1; select 2; drop table runs", "", "-- nothing", "select * from limit", "select sleep(1)",
    "from query('select 42')", "from query_table('runs')", "from query_table(['runs', 'v'])", "from seq_scan('runs')",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))", "from arrow_scan(1, 2, 3)", "from pandas_scan(1)",
    "from python_map_function(1)", "select sql_auto_complete('sel')", "select error('x')", "from storage_info('runs')",
    "pivot runs on p using sum(id)", "select " + "+".join(["1"] * 200_000), "select " + "not " * 100_000 + "true",
    "select factorial(100000::integer)", "select length(repeat(repeat('x', 100000), 100000))",
    "select unnest(range(10000000000))", "select printf('%*d', 2000000000, 1)", "select format('{:>2000000000}', 'x')",
    "select '\ud800'", "select 1 \x00 drop",
]  # fmt: skip
HARMLESS = [
    "select 1", "from runs", "from v", "select m(1)", "table runs", "describe runs", "summarize runs", "show tables",
    "explain select 1", "explain analyze select 1", "pragma version", "pragma database_list", "pragma user_agent",
    "pragma storage_info('runs')", "from pragma_database_size()", "from duckdb_secrets()", "from duckdb_databases()",
    "from duckdb_settings()", "from duckdb_temporary_files()", "from duckdb_logs",
    "select current_setting('temp_directory')",
    "from which_secret('s3://x', 's3')", "select getvariable('x')", "from repeat_row(1, 2, num_rows = 3)",
    "from test_all_types()", "from pg_catalog.pg_settings", "from duckdb_functions()", "select parse_path('/etc/passwd')",
    "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) select count(*) from t",
    "from range(100000000000)", "from generate_series(1, 10000000000)", "select " + "(" * 5000 + "1" + ")" * 5000,
    "select regexp_matches(repeat('a', 1000000) || 'b', '(a+)+$')", "pivot runs on p in ('p1') using sum(id)",
    "select 'enable_logging(1)' -- ; drop table runs",
]  # fmt: skip
# What DuckDB stops when it is interrupted.
ENDLESS = [
    "select count(*) from runs a, runs b, runs c", "from runs a, runs b order by a.id + b.id",
    "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t",
    "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t where n < 0",
    "select list(range) from range(100000000)", "select string_agg(p, ',') from runs, range(1000)",
    "select count(distinct a.p || b.p) from runs a, runs b", "select pg_sleep(60)",
    "select quantile_cont(a.id * b.range, 0.5) from runs a, range(10000) b",
    "select " + ", ".join(f"(select count(*) from runs a{i}, runs b{i})" for i in range(50)),
    "from " + ", ".join(f"runs r{i}" for i in range(60)),
]  # fmt: skip
# One value that takes minutes or gigabytes: nothing but the end of the process stops it.
DEAF = [
    "select repeat('x', 1000000000)", "select len(range(100000000))", "select md5(repeat('x', 500000000))",
    "select levenshtein(repeat('a', 60000), repeat('b', 60000))", "select length(lpad('x', 2000000000, 'y'))",
    "select damerau_levenshtein(repeat('a', 60000), repeat('b', 60000))",
    "select jaro_winkler_similarity(repeat('a', 600000), repeat('b', 600000))",
    "select list_reduce(range(1, 100000000), (a, b) -> a + b)",
    "select bitstring(repeat('1', 100000000)::varchar, 100000000)",
    "select reservoir_quantile(range, 0.5, 2000000000) from range(300000000)",
]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of a query."""

    found: sandbox.Found | None
    error: StoreError | None
    seconds: float


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A home with a store of two columns."""
    home = StorePaths(tmp_path_factory.mktemp("sandbox") / "home").ensure()
    with private_files(), duckdb.connect(str(home.store)) as connection:
        connection.execute("create table runs as select range as id, 'p' || range as p from range(100000)")
        connection.execute("create view v as select * from runs")
        connection.execute("create macro m(x) as x + 1")
        connection.execute(
            "create table store_build as select timestamp '2026-03-01 12:00:00' as published_at"
        )
    return home


@pytest.fixture(scope="module")
def folder(paths: StorePaths) -> Path:
    """A folder with a secret beside the store."""
    folder = paths.home.parent / "folder"
    folder.mkdir()
    (folder / "secret.csv").write_text("a,SECRET\n1,2\n", encoding="utf-8")
    return folder


Ask = Callable[[str], Outcome]


@pytest.fixture(scope="module")
def ask(paths: StorePaths, folder: Path) -> Ask:
    def ask(sql: str) -> Outcome:
        for name, value in (("folder", folder), ("secret", folder / "secret.csv"), ("store", paths.store)):
            sql = sql.replace(f"{{{name}}}", str(value))
        started = time.monotonic()
        try:
            found = sandbox.ask(paths, sql, rows=100, max_bytes=100_000, seconds=SECONDS)
        except StoreError as error:
            return Outcome(None, error, time.monotonic() - started)
        return Outcome(found, None, time.monotonic() - started)

    return ask


def _asked(ask: Ask, queries: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
    """Ask all, a few at a time: from threads of one process."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip((sql[:80] for sql in queries), pool.map(ask, queries), strict=True)


def _everything(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "queries",
    [FILE_READERS, WRITERS, SETTERS, TRICKS],
    ids=["files", "writing", "settings", "tricks"],
)
def test_what_is_no_question_of_the_store_is_refused(
    ask: Ask, paths: StorePaths, folder: Path, queries: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    before = _everything(paths.home.parent)
    for sql, outcome in _asked(ask, queries):
        assert outcome.error is not None, sql
        assert "Traceback" not in outcome.error.message, sql
        assert "SECRET" not in outcome.error.message, sql
        assert outcome.seconds < LATEST, sql
    assert _everything(paths.home.parent) == before, "nothing is written"
    assert capfd.readouterr() == ("", ""), "nothing is said on the streams of who asks"
    assert ask("select count(*) from runs").found is not None


def test_what_is_harmless_is_answered(ask: Ask, paths: StorePaths, capfd: pytest.CaptureFixture[str]) -> None:
    before = _everything(paths.home.parent)
    for sql, outcome in _asked(ask, HARMLESS):
        assert outcome.error is None, (sql, outcome.error)
        assert outcome.found is not None
        assert len(outcome.found.rows) <= 100, sql
        assert "SECRET" not in str(outcome.found), sql
    assert _everything(paths.home.parent) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("queries", [ENDLESS, DEAF], ids=["endless", "deaf"])
def test_what_takes_too_much_is_stopped_in_time(ask: Ask, paths: StorePaths, queries: list[str]) -> None:
    before = _everything(paths.home.parent)
    for sql, outcome in _asked(ask, queries):
        assert outcome.seconds < LATEST, sql
        if outcome.error is None:  # a fast machine has done it in time
            assert queries is DEAF, sql
            continue
        told = ("seconds and was stopped", "MB of memory", "first row alone")
        assert any(words in outcome.error.message for words in told), (sql, outcome.error)
        assert outcome.error.hint, sql
    assert _everything(paths.home.parent) == before


def test_an_answer_is_text_with_its_columns_and_of_when_the_store_is(paths: StorePaths) -> None:
    sql = "select p, id, null as none, id / 3 as third, '\x1b[2J' as clear, id as p from runs order by id limit $most"
    found = sandbox.ask(paths, sql, rows=10, max_bytes=10_000, seconds=10, parameters={"most": 2})
    assert found == sandbox.Found(
        ["p", "id", "none", "third", "clear", "p"],
        [False, True, True, True, False, True],
        [["p0", "0", None, "0", "\\x1b[2J", "0"], ["p1", "1", None, "0.333333", "\\x1b[2J", "1"]],
        is_cut=False,
        published_at="2026-03-01T12:00:00+00:00",
    )  # fmt: skip
    assert sandbox.ask(paths, "select ?", rows=1, max_bytes=999, seconds=10, parameters=["it's"]).rows == [
        ["it's"]
    ]


def test_rows_and_bytes_are_bounded(paths: StorePaths) -> None:
    def ask(sql: str, rows: int | None, most: int) -> sandbox.Found:
        return sandbox.ask(paths, sql, rows=rows, max_bytes=most, seconds=10)

    assert len(ask("from runs", None, 10_000_000).rows) == 100_000
    exactly, one_less = ask("from range(5)", 5, 1000), ask("from range(5)", 4, 1000)
    assert (len(exactly.rows), exactly.is_cut) == (5, False)
    assert (len(one_less.rows), one_less.is_cut) == (4, True)
    assert ask("from runs", 0, 1000).is_cut
    by_bytes = ask("select repeat('é', 1000) from range(100)", None, 10_000)
    assert (len(by_bytes.rows), by_bytes.is_cut) == (4, True)
    with pytest.raises(StoreError, match="first row alone is longer than the limit of 10,000 bytes"):
        ask("select repeat('x', 20000)", None, 10_000)
    with pytest.raises(StoreError, match="names of 5,000 columns"):
        ask("select " + ", ".join(f"1 as a{i}" for i in range(5000)), None, 10_000)


def test_csv_and_json_come_in_pieces_and_the_reader_takes_its_time(paths: StorePaths) -> None:
    class Slow(io.StringIO):
        longest = 0

        def write(self, text: str) -> int:
            self.longest = max(self.longest, len(text))
            if not self.tell():
                time.sleep(2)
            return super().write(text)

    for form in ("csv", "json"):
        out = Slow()
        with sandbox.asking(
            paths, "select id, p, '\x1b' as e from runs", rows=50_000, seconds=1.8, form=form
        ) as asked:
            assert asked.copy(out, form) == (50_000, True)
        assert out.longest <= 6 * frames.USUAL_BYTES
        assert "\x1b" not in out.getvalue()
        if form == "json":
            assert len(json.loads(out.getvalue())) == 50_000
        else:
            assert out.getvalue().count("\n") == 50_001


def test_who_has_read_enough_ends_the_query_quietly(paths: StorePaths) -> None:
    command = f"{sys.executable} -m agent_store.cli query --format csv 'from range(100000000000)' | head -n 2"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=clean_environment(paths.home),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "range\n0\n", "")


def test_the_command_line_stops_in_time_and_says_so(paths: StorePaths) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent_store.cli", "query", "--timeout", "1", ENDLESS[0]],
        env=clean_environment(paths.home),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "more than 1 seconds and was stopped" in done.stderr


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from (select distinct range from range(50000000))",
        "select list(range) from range(20000000)",
        "from range(20000000) order by hash(range)",
        # What DuckDB does not count the system does.
        pytest.param(
            "select printf('%*d', 2000000000, 1)",
            marks=pytest.mark.skipif(sys.platform == "darwin", reason="macOS bounds no address space"),
        ),
    ],
)
def test_memory_is_bounded(paths: StorePaths, sql: str) -> None:
    limits = sandbox.Limits(memory_megabytes=64, spare_megabytes=600)
    with pytest.raises(StoreError, match="more than the 64 MB of memory") as error:
        sandbox.ask(paths, sql, rows=1, max_bytes=1000, seconds=20, limits=limits)
    assert "--memory" in error.value.hint


def test_a_process_that_is_killed_gives_a_plain_error(paths: StorePaths) -> None:
    with sandbox.asking(paths, ENDLESS[0], rows=1, max_bytes=1000, seconds=20) as asked:
        killer = threading.Timer(0.3, os.kill, (asked.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(StoreError, match="was killed by SIGKILL"):
            asked.found()
        killer.join()


def test_a_query_that_is_left_ends_with_its_process(paths: StorePaths) -> None:
    with sandbox.asking(paths, ENDLESS[0], rows=1, max_bytes=1000, seconds=20) as asked:
        pid = asked.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


_LEAVES = """
import sys, time
from pathlib import Path
from agent_store.paths import StorePaths
from agent_store.serve import sandbox
with sandbox.asking(StorePaths(Path(sys.argv[1])), sys.argv[2], rows=1, max_bytes=1000, seconds=60) as asked:
    print(asked.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("sql", [ENDLESS[0], DEAF[3], "select pg_sleep(60)"])
def test_a_query_does_not_outlive_who_asked(paths: StorePaths, sql: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _LEAVES, str(paths.home), sql],
        env=clean_environment(paths.home),
        stdout=subprocess.PIPE,
        text=True,
    ) as asks:
        assert asks.stdout is not None
        pid = int(asks.stdout.readline())
        asks.kill()
    last = time.monotonic() + LATEST
    while _is_running(pid):
        assert time.monotonic() < last
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    """Whether it is there and no zombie: nobody may be left who takes note of its end."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] not in {"", "Z"}


def test_a_large_query_is_sent_whole(paths: StorePaths) -> None:
    text = "x" * 3_000_000
    (row,) = sandbox.ask(paths, f"select length('{text}') as n", rows=1, max_bytes=1000, seconds=20).rows
    assert row == ["3000000"]


def test_without_a_store_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no published store") as error:
        sandbox.ask(StorePaths(tmp_path), "select 1", rows=1, max_bytes=1000, seconds=5)
    assert error.value.exit_code == 3
    (tmp_path / "agent_store.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be opened") as error:
        sandbox.ask(StorePaths(tmp_path), "select 1", rows=1, max_bytes=1000, seconds=5)
    assert error.value.exit_code == 3


# ------------------------------------------------------------------- a child that has been taken over, or is not itself


def _child(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(parent, "_CHILD", program)


@pytest.mark.parametrize(
    "sql",
    [
        "from enable_logging('QueryLog', storage = 'stdout')",
        "from enable_logging(storage = 'file', storage_path = '{folder}/out')",
        "from enable_logging(storage = 'file', storage_path = '/dev/fd/1')",
        "select write_log('x')",
        "from checkpoint()",
    ],
)
def test_what_gets_past_the_guard_reaches_nothing(
    ask: Ask, paths: StorePaths, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], sql: str
) -> None:
    """The list of functions that are not run is not what the parent relies on."""
    _child(
        monkeypatch,
        parent._CHILD.replace(
            "from agent_store.serve",
            "from agent_store.show import guard; guard.refuse_changes = lambda *_: None; from agent_store.serve",
        ),
    )
    before = _everything(paths.home.parent)
    outcome = ask(sql)
    assert outcome.seconds < LATEST
    assert _everything(paths.home.parent) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; print('to stdout'); print('to stderr', file=sys.stderr); sys.exit(7)", "exited with 7"),
        ("import os; os.abort()", "killed by SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("import time; time.sleep(60)", "more than 1 seconds"),
        ("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", "more than 1 seconds"),
        ("import os, sys, time; os.close(int(sys.argv[1])); time.sleep(60)", "more than 1 seconds"),
        ("import os, sys\nwhile True: os.write(int(sys.argv[1]), b'T\\x00\\x00\\x00\\x01x')", "invalid answer"),
        ("import os, sys; os.write(int(sys.argv[1]), b'C\\xff\\xff\\xff\\xff')", "invalid answer"),
    ],
)  # fmt: skip
def test_how_ever_the_process_ends_it_is_one_sentence(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], program: str, message: str
) -> None:
    _child(monkeypatch, program)
    outcome = ask("select 1")
    assert message in str(outcome.error)
    assert outcome.seconds < LATEST
    assert capfd.readouterr() == ("", "")


_COLUMNS = {"columns": ["a"], "is_number": [True], "published_at": None}
_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_PAYLOAD = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [_COLUMNS, [["1"]], [["1", "2"]], [[1]], {"rows": 1, "is_cut": False}, {"rows": True}, {"columns": ["a"]},
         {**_COLUMNS, "is_number": []}, {**_COLUMNS, "published_at": 3}, {"message": "m", "hint": "h", "exit_code": 1}]
    ).map(lambda value: json.dumps(value).encode()),
    _JUNK.map(lambda value: json.dumps(value).encode()),
    st.just(b"[" * 100_000),
)  # fmt: skip
_FRAME = st.one_of(
    st.builds(
        lambda kind, payload: frames.head(kind, len(payload)) + payload,
        st.sampled_from(sorted(frames.KINDS)),
        _PAYLOAD,
    ),
    st.binary(max_size=12),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_FRAME, max_size=5).map(b"".join))
def test_whatever_bytes_come_they_are_an_answer_or_an_error(data: bytes) -> None:
    """Read from a pipe by itself: no process is needed to write bytes."""
    reader, writer = os.pipe()
    threading.Thread(target=lambda: (os.write(writer, data), os.close(writer)), daemon=True).start()
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as process:
        try:
            asked = parent.Asked(process, reader, b"", time.monotonic(), 5, 1000, 10, sandbox.Limits())
            found = asked.found()
        except StoreError as error:
            assert isinstance(error.message, str)
        else:
            assert found.columns == ["a"]
            assert all(len(row) == 1 for row in found.rows)
        finally:
            os.close(reader)


# ----------------------------------------------------------------------------------------------------------- random SQL

_WORDS = st.sampled_from([
    "select", "from", "where", "(", ")", ",", ";", "*", "runs", "v", "m(1)", "id", "p", "1", "'x'", '"p"', "--", "/*", "*/",
    "and", "not", "null", "explain", "analyze", "describe", "summarize", "show", "pivot", "unpivot", "on", "using",
    "sum(id)", "group by all", "order by all", "limit 3", "union", "with t as", "recursive", "values", "range(10)",
    "{'a': 1}", "[1]", "x -> x + 1", "copy", "to", "attach", "set", "pragma", "call", "create", "table", "query('v')",
    "enable_logging()", "?", "$a", "::", "integer", "case", "when", "end", "lateral", "unnest(", "over ()", "\x00", "é",
])  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sql=st.one_of(st.lists(_WORDS, max_size=14).map(" ".join), st.text(max_size=40)))
def test_random_sql_is_answered_or_refused(paths: StorePaths, sql: str) -> None:
    started = time.monotonic()
    try:
        found = sandbox.ask(paths, sql, rows=10, max_bytes=20_000, seconds=2)
    except StoreError as error:
        assert "ended" not in error.message, error.message
    else:
        assert len(found.rows) <= 10
    assert time.monotonic() - started < 4


# ----------------------------------------------------------------------------------------------- publishing meanwhile

_READER = """
import sys
from pathlib import Path
from agent_store import AgentStore
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.serve import sandbox
home, kind = Path(sys.argv[1]), sys.argv[2]
sql = ("select told.n, (select count(*) from numbers), (select sum(n) from numbers), (select row_count from store_build) "
       "from told")
store = AgentStore(home)
seen, asked = set(), 0
print("ready", flush=True)
while not (home / "stop").exists() or not asked:
    if kind == "sandbox":
        (row,) = sandbox.ask(StorePaths(home), sql, rows=10, max_bytes=10_000, seconds=60).rows
    else:
        (found,) = store.query(sql)
        row = found.values()
    n, count, total, all_rows = map(int, row)
    assert count == n and total == n * (n - 1) // 2 and all_rows == n + 1, row
    seen.add(n)
    asked += 1
print(asked, len(seen))
"""


def test_publishing_meanwhile_disturbs_no_reader(tmp_path: Path) -> None:
    home = StorePaths(tmp_path / "home").ensure()

    def publish(count: int) -> None:
        with star(home) as connection:
            connection.execute(f"create or replace table numbers as select range as n from range({count})")
            connection.execute(f"create or replace table told as select {count} as n")
        published(
            home, BuildResult(success=True), Fingerprint("t", "c"),
            RawSummary(count, datetime(2026, 3, 1), 1, 1, 0, 1),
        )  # fmt: skip

    publish(1000)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, str(home.home), kind],
            env=clean_environment(home.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind in ("sandbox", "library") * 4
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for number in range(8):
        publish((1000, 50_000)[number % 2] + number)
    (home.home / "stop").touch()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert reader.returncode == 0, err
        asked, seen = map(int, out.split())
        assert asked >= seen > 1, "it has seen several stores"
