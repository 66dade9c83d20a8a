"""Builds from beginning to end: around a small project, and the whole project on its sample."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from mini import REPOSITORY, MiniIngest, write_project

import ingest.land
from agent_store import cli
from agent_store.build import compiled, dbt, lock, models, pipeline, results, warehouse
from agent_store.build.pipeline import Options, Outcome
from agent_store.build.state import BuildState, read_state, write_state
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.privacy import purge
from agent_store.store import open_store
from ingest.warehouse import lend


class Small:
    """A home, a small project and an ingester that lands what it is told to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = write_project(folder / "project")
        self.paths = StorePaths(folder / "home").ensure()
        self.ingest = MiniIngest()
        self.said: list[str] = []
        self.dbt_calls: list[list[str]] = []
        monkeypatch.setenv("HOME", str(folder / "nobody"))
        monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
        monkeypatch.setenv("AGENT_STORE_HOME", str(self.paths.home))
        monkeypatch.setenv("AGENT_STORE_PROJECT_DIR", str(self.project))
        monkeypatch.setattr(ingest.land, "land", self.ingest.land)
        invoke = dbt.invoke

        def counted(arguments: Any, *rest: Any) -> Any:
            if arguments[0] == "build":  # the compilation that follows a build of new code builds nothing
                self.dbt_calls.append(list(arguments))
            return invoke(arguments, *rest)

        monkeypatch.setattr(dbt, "invoke", counted)

    def build(self, **options: Any) -> Outcome:
        return pipeline.run(self.paths, self.project, Options(**options), say=self.said.append)

    def ask(self, sql: str) -> Any:
        with open_store(self.paths) as store:
            return store.execute(sql).fetchall()

    def snapshot(self) -> dict[str, tuple[int, int, int]]:
        """What the store and the warehouse are: a write changes inode, time or size."""
        files = (self.paths.store, self.paths.warehouse)
        return {
            file.parent.name: (file.stat().st_ino, file.stat().st_mtime_ns, file.stat().st_size)
            for file in files
        }

    def add_test(self, name: str, sql: str) -> Path:
        file = self.project / "tests" / "invariants" / f"{name}.sql"
        file.write_text(sql, encoding="utf-8")
        return file


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    return Small(tmp_path, monkeypatch)


def test_old_rows_of_a_fact_are_left_out_stay_in_the_star_and_come_back(small: Small) -> None:
    today = datetime.now(UTC).date()
    small.ingest.add(5, day=f"{today - timedelta(days=40)}")
    small.ingest.add(3, day=f"{today - timedelta(days=2)}")
    small.paths.privacy.write_text("retention: {facts: {fact_api_call: 30}}")
    counts = "select (select count(*) from fact_api_call), dropped_row_count from store_build"
    assert small.build().success
    assert small.ask(counts) == [(3, 5)]
    assert small.ask("select row_count, is_restorable from v_retention") == [(5, True)]
    assert small.build().is_current
    # The tables of dbt have the old rows: an incremental build adds to them, and is tested with them.
    small.ingest.add(1, session="s2", day=f"{today}")
    assert small.build().success
    assert small.ask(counts) == [(4, 5)]
    small.paths.privacy.write_text("retention: {facts: {fact_api_call: 60}}")
    assert "retention" in small.build().reason
    assert small.ask(counts) == [(9, 0)]
    assert not any("--full-refresh" in call for call in small.dbt_calls[1:])


def test_build_publishes_and_a_second_one_starts_no_dbt_and_writes_nothing(small: Small) -> None:
    small.ingest.add(5)
    first = small.build()
    assert first.success
    assert first.published is not None
    assert first.build is not None
    assert (first.build.test_count, first.build.passed_count) == (2, 2)
    assert small.ask("select response_count from v_cost_daily") == [(5,)]
    assert small.ask("select comment from duckdb_tables() where table_name = 'fact_api_call'") == [
        ('One row per response. It\'s "quoted".',)
    ]
    assert "using the sample" in small.said[0]
    before = small.snapshot()
    second = small.build()
    assert second.is_current
    assert len(small.dbt_calls) == 1
    # The mini ingester opens the warehouse for writing; the store must be the same file untouched.
    assert small.snapshot()["home"] == before["home"]


def test_files_are_readable_by_their_owner_only(small: Small) -> None:
    small.ingest.add(1)
    small.build()
    for path in (small.paths.home, *small.paths.home.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_new_lines_are_built_incrementally_and_the_database_is_free_afterwards(small: Small) -> None:
    small.ingest.add(2)
    small.build()
    small.ingest.add(3, session="s2")
    outcome = small.build()
    assert outcome.reason == "there are new lines"
    assert len(small.dbt_calls) == 1  # the same code: what dbt compiled for it runs without dbt
    assert "seed" not in small.dbt_calls[0]
    assert small.ask("select sum(response_count)::int from v_cost_daily") == [(5,)]
    probe = "import duckdb, sys; duckdb.connect(sys.argv[1]).close()"
    subprocess.run([sys.executable, "-c", probe, str(small.paths.warehouse)], check=True)


def _exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(str(stopped.value.code))


def test_a_guard_that_names_no_session_keeps_the_store_back(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    small.ingest.add(4)
    small.build()
    before = small.snapshot()["home"]
    test = small.add_test(
        "no_call_is_dear", "select call_id, cost_usd from {{ ref('fact_api_call') }} where cost_usd > 5"
    )
    small.ingest.add(3, session="s9", cost=9.0)
    assert _exit_code("build") == 1
    output = capsys.readouterr()
    assert (
        "guard FAILED: data test no_call_is_dear: 3 rows  [tests/invariants/no_call_is_dear.sql]"
        in output.err
    )
    assert "call_id=c-s9-2026-03-01-0, cost_usd=9.0" in output.err
    assert "Nothing was published" in output.err
    assert "--full-refresh" in output.err
    assert "Published" not in output.out
    assert small.snapshot()["home"] == before
    assert small.ask("select count(*) from fact_api_call") == [(4,)]
    # Whoever looks later is told too, by the report and by doctor.
    assert _exit_code("report") == 0
    assert "published nothing" in capsys.readouterr().err
    assert _exit_code("doctor") == 1
    assert "no_call_is_dear" in " ".join(capsys.readouterr().out.split())
    # Put right, the same lines are published, once.
    test.unlink()
    assert small.build().success
    assert small.ask("select count(*), count(distinct call_id) from fact_api_call") == [(7, 7)]
    assert _exit_code("report") == 0
    assert "published nothing" not in capsys.readouterr().err


def test_without_a_store_the_last_build_says_why(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    small.ingest.add(1)
    small.add_test("no_call_at_all", "select call_id from {{ ref('fact_api_call') }}")
    assert _exit_code("build") == 1
    capsys.readouterr()
    assert _exit_code("report") == 3
    assert "no_call_at_all: 1 row" in capsys.readouterr().err


def test_a_guard_that_names_sessions_sets_them_aside_and_the_rest_is_published(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    small.ingest.add(4)
    small.ingest.add(3, session="s9", cost=9.0)
    test = small.add_test(
        "no_call_is_dear",
        "select call_id, session_id from {{ ref('fact_api_call') }} where cost_usd > 5",
    )
    assert _exit_code("build") == 0
    assert "1 session is set aside" in capsys.readouterr().out
    assert small.ask("select distinct session_id from fact_api_call") == [("s1",)]
    assert small.ask("from v_set_aside_session") == [("s9", "no_call_is_dear")]
    # What is landed later of such a session stays out as well; nothing is built twice for it.
    calls = len(small.dbt_calls)
    small.ingest.add(2, session="s9", cost=9.0, prefix="later")
    small.ingest.add(1, session="s2")
    assert small.build().success
    assert len(small.dbt_calls) <= calls + 1
    assert small.ask("select session_id, count(*) from fact_api_call group by all order by all") == [
        ("s1", 4), ("s2", 1),
    ]  # fmt: skip
    assert _exit_code("build", "--strict", "--quiet") == 4
    # With other code it is tried again.
    test.unlink()
    model = small.project / "models" / "fact_api_call.sql"
    model.write_text(model.read_text() + "-- other code\n")
    assert small.build().success
    assert small.ask("select count(*) from fact_api_call") == [(10,)]
    assert small.ask("from v_set_aside_session") == []


def test_a_finding_is_published_with_session_and_line_and_is_red_only_where_strict(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    small.ingest.add(4)
    small.add_test(
        "calls_are_free",
        "{{ config(severity='warn') }} select session_id, 'a.jsonl' as _source_path, 7 as _source_line "
        "from {{ ref('fact_api_call') }} where cost_usd > 0",
    )
    assert _exit_code("build") == 0
    output = capsys.readouterr()
    assert "finding: data test calls_are_free: 4 rows" in output.err
    assert small.ask(
        "select test_name, table_name, failing_row_count, session_count, session_id, source_path, source_line, is_guard "
        "from v_failed_check"
    ) == [("calls_are_free", "fact_api_call", 4, 1, "s1", "a.jsonl", 7, False)]
    assert _exit_code("build", "--strict", "--quiet") == 4


def test_a_store_of_another_version_is_made_again(small: Small) -> None:
    small.ingest.add(1)
    assert small.build().success
    store = duckdb.connect(str(small.paths.store))
    store.execute("alter table store_build drop column set_aside_session_count")
    store.close()
    assert "another version" in small.build().reason
    assert _exit_code("build", "--strict", "--quiet") == 0


def test_a_backup_of_the_warehouse_is_not_mixed_with_what_was_built_since(small: Small) -> None:
    small.ingest.add(2)
    small.build()
    backup = small.paths.warehouse.read_bytes()
    small.ingest.add(3, session="s2")
    small.build()
    small.paths.warehouse.write_bytes(backup)
    small.ingest.add(1, session="s3")  # a batch that has the number of one of which the star knows already
    outcome = small.build()
    assert "another warehouse" in outcome.reason
    assert small.ask("select session_id, count(*) from fact_api_call group by all order by all") == [
        ("s1", 2), ("s3", 1),
    ]  # fmt: skip
    assert small.build().is_current


def test_a_test_that_cannot_run_is_a_finding(small: Small) -> None:
    small.ingest.add(1)
    small.add_test("broken", "{{ config(severity='warn') }} select nonsense from {{ ref('fact_api_call') }}")
    outcome = small.build()
    assert outcome.success
    [(examples, rows)] = small.ask("select examples, failing_row_count from v_failed_check")
    assert "nonsense" in examples
    assert rows is None


def test_a_test_that_cannot_be_compiled_is_said_and_no_thread_of_dbt_is_left(small: Small) -> None:
    small.ingest.add(1)
    for number in range(20):
        small.add_test(f"bad_{number}", "select {{ no_such_macro() }} from {{ ref('fact_api_call') }}")
    before = threading.active_count()
    outcome = small.build()
    assert not outcome.success
    assert outcome.build is not None
    assert "'no_such_macro' is undefined" in outcome.build.failures[0].message
    assert threading.active_count() == before


def test_a_test_of_many_checks_counts_rows_and_shows_some_of_each_check(small: Small) -> None:
    small.add_test(
        "calls_row_checks",
        "select check_name, count(*) as failing_rows, list(distinct session_id) as session_ids, "
        "min({'session_id': session_id, '_source_line': 3}, 3) as examples from (select session_id, "
        "unnest(['dear', 'late']) as check_name from {{ ref('fact_api_call') }}) as checked group by check_name",
    )
    small.ingest.add(4)
    outcome = small.build()
    assert outcome.build is not None
    assert outcome.set_aside == 1
    assert outcome.success
    test = compiled.CompiledTest(
        "calls_row_checks",
        "",
        "select 'dear' as check_name, 4 as failing_rows, ['s1', 's2'] as session_ids, "
        "[{'session_id': 's1', '_source_line': 3}] as examples",
        checks={"dear": "In every row: cost_usd < 1"},
    )
    failed = results._failing(test, 1, duckdb.connect())
    assert failed["failing_rows"] == 4
    [check] = failed["checks"]
    assert (check.name, check.session_ids, check.source_line) == ("dear", ("s1", "s2"), 3)
    assert check.description == "In every row: cost_usd < 1"


def test_a_model_that_fails_leaves_its_readers_as_they_were_and_the_rest_is_published(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    model = small.project / "models" / "dim_session.sql"
    right = model.read_text()
    reader = small.project / "models" / "v_session_count.sql"
    reader.write_text(
        "{{ config(materialized='view') }} select count(*) as session_count from {{ ref('dim_session') }}"
    )
    # In a first build there is nothing to keep: the tables are there, and empty.
    model.write_text("select no_such_column from {{ ref('fact_api_call') }}")
    small.ingest.add(1)
    assert _exit_code("build") == 4
    output = capsys.readouterr()
    assert "no_such_column" in output.err
    assert "keep the rows of the last build" in output.err
    stale = "select table_name, stale_because like '%no_such_column%', built_at is null from v_store_table where is_stale"
    assert small.ask(f"{stale} order by all") == [
        ("dim_session", True, True),
        ("v_session_count", False, True),
    ]
    assert small.ask("select count(*) from fact_api_call") == [(1,)]
    assert small.ask("from v_session_count") == [(0,)]
    assert _exit_code("doctor") == 0
    assert "no_such_column" in " ".join(capsys.readouterr().out.split())
    # Mended, everything is made; broken again, it keeps what it has.
    model.write_text(right)
    assert small.build().success
    assert small.ask("from v_session_count") == [(1,)]
    assert small.ask("select count(*) from v_store_table where is_stale or built_at is null") == [(0,)]
    model.write_text("select no_such_column from {{ ref('fact_api_call') }}")
    small.ingest.add(1, session="s2")
    assert small.build().success
    assert small.ask("select session_id from dim_session") == [("s1",)]
    assert small.ask("select count(*) from fact_api_call") == [(2,)]
    assert small.ask(
        "select is_stale, last_batch_id from v_store_table where table_name in ('dim_session', 'fact_api_call') "
        "order by table_name"
    ) == [(True, 1), (False, 2)]
    # A build with nothing new does not try again and again; one with new lines does, from raw.
    assert small.build().is_current
    small.ingest.add(1, session="s3")
    assert "left out models that failed" in small.build().reason


def test_who_has_too_little_memory_is_told_how_to_give_more(
    small: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    (small.project / "models" / "dim_session.sql").write_text(
        "select error('Out of Memory Error: full\nPossible solutions:\n* SET threads') as session_id "
        "from {{ ref('fact_api_call') }}"
    )
    small.ingest.add(1)
    assert _exit_code("build", "--quiet") == 4
    output = " ".join(capsys.readouterr().err.split())
    assert "AGENT_STORE_MEMORY=4GB agent-store build --full-refresh" in output
    assert "Out of Memory Error: full" in output
    assert "SET threads" not in output


def test_what_runs_out_of_memory_is_built_again_alone(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small.project / "models" / "dim_session.sql"
    right = model.read_text()
    model.write_text("select error('Out of Memory Error') as session_id from {{ ref('fact_api_call') }}")
    invoke = dbt.invoke

    def one_at_a_time_there_is_enough(arguments: Any, *rest: Any) -> Any:
        if arguments[arguments.index("--threads") + 1] == "1":
            assert os.environ["AGENT_STORE_MEMORY"].endswith("MB"), "half of the machine's"
            model.write_text(right)
        return invoke(arguments, *rest)

    monkeypatch.delenv("AGENT_STORE_MEMORY", raising=False)
    monkeypatch.setattr(dbt, "invoke", one_at_a_time_there_is_enough)
    small.ingest.add(2)
    outcome = small.build()
    assert outcome.build is not None
    assert outcome.build.success and not outcome.build.stale and not outcome.build.warnings
    assert small.dbt_calls[-1][-2:] == ["--select", "dim_session"]
    assert small.ask("select count(*) from dim_session") == [(1,)]
    assert small.ask("select count(*) from v_store_table where is_stale") == [(0,)]


def test_a_project_that_does_not_parse_is_said_without_traceback(small: Small) -> None:
    small.ingest.add(1)
    (small.project / "models" / "dim_session.sql").write_text("select 1 from {{ ref('nowhere') }}")
    outcome = small.build()
    assert outcome.build is not None
    assert "nowhere" in outcome.build.failures[0].message
    assert "Traceback" not in outcome.build.failures[0].message


def test_changed_models_are_built_from_raw_again(small: Small) -> None:
    small.ingest.add(2)
    small.build()
    model = small.project / "models" / "fact_api_call.sql"
    model.write_text(model.read_text().replace("cost_usd, _batch_id", "cost_usd * 2 as cost_usd, _batch_id"))
    outcome = small.build()
    assert "models have changed" in outcome.reason
    assert "--full-refresh" in small.dbt_calls[-1]
    assert small.ask("select sum(cost_usd) from fact_api_call") == [(4.0,)]


def test_a_removed_model_leaves_the_store(small: Small) -> None:
    small.ingest.add(2)
    small.build()
    (small.project / "models" / "dim_session.sql").unlink()
    assert small.build().success
    assert small.ask("select count(*) from duckdb_tables() where table_name = 'dim_session'") == [(0,)]


def test_changed_tests_run_without_a_rebuild(small: Small) -> None:
    small.ingest.add(2)
    small.build()
    small.add_test("passes", "select 1 from {{ ref('fact_api_call') }} where false")
    outcome = small.build()
    assert outcome.reason == "the tests have changed"
    assert "--full-refresh" not in small.dbt_calls[-1]


def test_a_rebuild_that_was_killed_is_done_again(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    small.ingest.add(2)
    small.build()
    with monkeypatch.context() as patched:

        def killed(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        patched.setattr(models, "build", killed)
        with pytest.raises(KeyboardInterrupt):
            small.build(full_refresh=True)
    outcome = small.build()
    assert outcome.reason == "the last rebuild did not finish"
    assert "--full-refresh" in small.dbt_calls[-1]


def test_what_was_removed_is_why_everything_is_built_again(small: Small) -> None:
    small.ingest.add(2)
    small.build()
    with lock.build_lock(small.paths):
        purge.begin(small.paths, applies=True)
    outcome = small.build()
    assert outcome.reason == "landed rows were removed or changed: everything is built again"
    assert "--full-refresh" in small.dbt_calls[-1]
    assert not small.paths.purge_journal.exists()


def test_no_tests_publishes_and_says_so_and_the_next_build_tests(small: Small) -> None:
    small.ingest.add(2)
    first = small.build(tests=False)
    assert first.build is not None
    assert first.build.test_count == 0
    assert small.ask("select is_tested from store_build") == [(False,)]
    assert small.build(tests=False).is_current
    second = small.build()
    assert second.reason == "the published store has not been tested"
    assert small.ask("select is_tested, passed_test_count from store_build") == [(True, 2)]


def test_ingest_only_builds_nothing(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    small.ingest.add(2)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["ingest"])
    assert stopped.value.code == 0
    assert "Landed 2 lines." in capsys.readouterr().out
    assert small.dbt_calls == []
    assert not small.paths.store.exists()
    assert small.build(ingest=False).published is not None


def test_no_ingest_without_a_warehouse_says_what_to_do(small: Small) -> None:
    with pytest.raises(StoreError, match="Nothing has been landed"):
        small.build(ingest=False)


def test_no_transcripts_at_all_is_not_a_traceback(small: Small) -> None:
    with pytest.raises(StoreError, match="no transcripts to build from"):
        small.build()


def test_who_is_killed_while_the_sample_is_removed_builds_everything_again(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.ingest.add(1)
    small.build()
    write_state(small.paths, replace(read_state(small.paths), holds_sample=True))
    wrote: list[BuildState] = []
    monkeypatch.setattr(warehouse, "write_state", lambda _, state: wrote.append(state))
    with warehouse.connect(small.paths) as connection, lend(small.paths.warehouse, connection):
        warehouse.discard(small.paths)
    # The first is written before anything is removed.
    assert [(state.rebuilding, state.holds_sample) for state in wrote] == [(True, True), (True, False)]


def test_real_transcripts_replace_the_sample(small: Small, tmp_path: Path) -> None:
    small.ingest.add(3, session="sample")
    small.build()
    assert small.ask("select is_sample from store_build") == [(True,)]
    real = tmp_path / "nobody" / ".claude" / "projects" / "-x"
    real.mkdir(parents=True)
    (real / "a.jsonl").write_text("{}\n")
    small.ingest.add(2, session="mine")
    small.build()
    assert any("sample store is removed" in line for line in small.said)
    assert small.ask("select distinct session_id from fact_api_call") == [("mine",)]
    assert small.ask("select is_sample from store_build") == [(False,)]
    # The transcripts vanish: what was landed stays, and the sample does not come back.
    (real / "a.jsonl").unlink()
    assert small.build().is_current
    assert small.ingest.roots == []


def test_a_warehouse_made_anew_is_not_taken_for_the_published_one(small: Small) -> None:
    small.ingest.add(2)
    small.build()
    small.paths.warehouse.unlink()
    small.ingest.add(1, session="other")
    outcome = small.build()
    assert outcome.published is not None
    assert small.ask("select session_id from fact_api_call") == [("other",)]


def test_a_second_build_waits_and_says_for_whom(small: Small) -> None:
    small.ingest.add(1)
    held = threading.Event()

    def other() -> None:
        with lock.build_lock(small.paths):
            held.set()
            time.sleep(1.6)

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    outcome = small.build()
    thread.join()
    assert outcome.success
    assert f"Another build is running (process {os.getpid()}, since " in small.said[0]
    assert small.said[1].startswith("The other build has finished")


def test_a_read_only_home_is_said_plainly(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system", str(small.paths.warehouse))

    monkeypatch.setattr(ingest.land, "land", refuse)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["build"])
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert "Landing the transcripts failed: the file system is read-only" in error
    assert "AGENT_STORE_HOME" in error
    assert "Traceback" not in error


# --- the whole project on its sample -----------------------------------------


@pytest.fixture(scope="module")
def sample_home(sample_store: Path) -> Path:
    """The folder above a home built from the sample, by the command, in a process of its own."""
    return sample_store.parents[1]


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_store.cli", *arguments],
        cwd=REPOSITORY,
        env=_environment(folder) | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AGENT_STORE_", "CLAUDE_"))
    }
    return kept | {
        "HOME": str(folder / "nobody"),
        "AGENT_STORE_HOME": str(folder / "home"),
        "AGENT_STORE_QUERY_LOG": "0",
        "COLUMNS": "100",
    }


def test_the_sample_is_built_and_reported(sample_home: Path) -> None:
    done = _run(sample_home, "report")
    assert done.returncode == 0, done.stderr
    for words in (
        "Agent Store",
        "at API list prices",
        "What caused it",
        "By project",
        "Most expensive sessions",
        "Findings",
        "sample",
    ):
        assert words in done.stdout
    assert len(done.stdout.splitlines()) <= 24
    full = _run(sample_home, "report", "--full").stdout
    for words in ("at list prices", "Per day", "Per model", "Per project", "In the store", "sample"):
        assert words in full
    data = json.loads(_run(sample_home, "report", "--json").stdout)
    assert data["total"]["response_count"] > 0
    assert data["build"]["is_tested"] is True
    assert (
        data["build"]["passed_test_count"] + data["build"]["warned_test_count"] == data["build"]["test_count"]
    )


def test_everything_published_is_described(sample_home: Path) -> None:
    sql = (
        "select table_name || '.' || column_name as bare from duckdb_columns() "
        "where comment is null and schema_name = 'main' and database_name = 'agent_store' "
        "union all select table_name from duckdb_tables() where comment is null "
        "union all select view_name from duckdb_views() "
        "where comment is null and schema_name = 'main' and database_name = 'agent_store' and not internal"
    )
    done = _run(sample_home, "query", sql, "--format", "csv")
    assert done.stdout.splitlines() == ["bare"], done.stderr


def test_the_second_build_of_the_sample_imports_no_dbt(sample_home: Path) -> None:
    store = sample_home / "home" / "agent_store.duckdb"
    before = store.stat()
    script = (
        "import sys\nfrom agent_store import cli\n"
        "try:\n    cli.main(['build'])\nexcept SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "print('DBT', any(name == 'dbt' or name.startswith('dbt.') for name in sys.modules))"
    )
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY, env=_environment(sample_home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    assert "Nothing new" in done.stdout
    assert "DBT False" in done.stdout
    assert store.stat() == before
    assert seconds < 5, seconds


def test_query_reads_and_cannot_write(sample_home: Path) -> None:
    done = _run(sample_home, "query", "select count(*) as n from fact_api_call", "--format", "json")
    assert json.loads(done.stdout)[0]["n"] > 0
    refused = _run(sample_home, "query", "drop table fact_api_call")
    assert refused.returncode == 1
    assert "DROP is not allowed here" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_doctor_of_the_sample(sample_home: Path) -> None:
    done = _run(sample_home, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks["store"]["status"] == "ok"
    assert "sample" in checks["roots"]["message"]


def test_two_builds_at_once_both_end_well(sample_home: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_home / "home", tmp_path / "home")
    (tmp_path / "home" / "agent_store.duckdb").unlink()
    command = [sys.executable, "-m", "agent_store.cli", "build", "--no-tests", "--quiet"]
    environment = _environment(tmp_path)
    builds = [
        subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [build.communicate(timeout=120) for build in builds]
    assert [build.returncode for build in builds] == [0, 0], outputs
    everything = "".join(out + error for out, error in outputs)
    assert everything.count("Published") == 1
    assert everything.count("Nothing new") == 1
    assert "Another build is running (process" in everything
