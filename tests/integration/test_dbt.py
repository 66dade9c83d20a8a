"""Plain dbt: what a user of dbt types, and what lands, is built and is published by it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt_common.exceptions import DbtBaseException
from jinja2 import Template
from mini import REPOSITORY, MiniIngest, write_project

import ingest.land
from agent_store.build import dbt, lock, pipeline
from agent_store.build.state import read_state
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.store import open_store
from ingest.warehouse import borrow, lend, writing


class Dbt:
    """A home, a small project and an ingester; `run` is the command line of dbt, in this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = write_project(folder / "project")
        self.paths = StorePaths(folder / "home")
        self.ingest = MiniIngest()
        monkeypatch.setenv("HOME", str(folder / "nobody"))
        monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
        monkeypatch.setattr(ingest.land, "land", self.ingest.land)

    def run(self, *arguments: str) -> Any:
        return dbt.invoke(arguments, self.paths, self.project, led=False)

    def statuses(self, *arguments: str) -> dict[str, str]:
        return {result.node.name: str(result.status) for result in self.run(*arguments).result.results}

    def ask(self, sql: str) -> Any:
        with open_store(self.paths) as store:
            return store.execute(sql).fetchall()

    def published(self) -> tuple[int, int]:
        """Which file the store is: another one after each publishing."""
        found = self.paths.store.stat()
        return found.st_ino, found.st_mtime_ns

    def guard(self, name: str, sql: str) -> None:
        file = self.project / "tests" / "invariants" / f"{name}.sql"
        file.write_text(sql, encoding="utf-8")


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dbt:
    return Dbt(tmp_path, monkeypatch)


def test_a_build_lands_builds_tests_and_publishes_and_the_next_goes_on(plain: Dbt) -> None:
    plain.ingest.add(3)
    assert plain.run("build").success
    assert plain.ask("select count(*) from fact_api_call") == [(3,)]
    assert plain.ask("select is_tested, last_batch_id, stale_table_count from store_build") == [(True, 1, 0)]
    plain.ingest.add(2, session="s2")
    assert plain.run("build").success
    assert plain.ask("select count(*) from fact_api_call") == [(5,)]
    assert plain.paths.store.stat().st_mode & 0o777 == 0o600
    duckdb.connect(str(plain.paths.warehouse)).close()  # neither lock is left behind
    with lock.build_lock(plain.paths) as waited:
        assert waited < 1


def test_before_a_build_every_other_command_works_and_lands_nothing(plain: Dbt) -> None:
    plain.ingest.add(1)
    for command in (
        ("parse",),
        ("ls",),
        ("compile",),
        ("docs", "generate"),
        ("show", "--inline", "select 1"),
    ):
        assert plain.run(*command).success, command
    assert plain.ingest.waiting and not plain.paths.store.exists()


def test_with_nothing_new_no_node_runs(plain: Dbt) -> None:
    plain.ingest.add(2)
    plain.run("build")
    before = plain.published()
    again = plain.run("build")
    assert again.success
    assert [result.node.resource_type for result in again.result.results] == ["operation", "operation"]
    assert plain.published() == before
    plain.guard("new_test", "select 1 where false")
    assert "new_test" in plain.statuses("build")


def test_what_is_selected_is_built_and_nothing_else_happens(plain: Dbt) -> None:
    plain.ingest.add(1)
    plain.run("build")
    before = plain.published()
    plain.ingest.add(1, session="s2")
    assert plain.statuses("build", "--select", "dim_session+").get("dim_session") == "success"
    assert plain.ingest.waiting, "landing is part of a whole build"
    assert plain.published() == before
    assert plain.run("test").success
    assert plain.published() == before


def test_models_without_tests_are_not_published(plain: Dbt) -> None:
    plain.ingest.add(1)
    assert plain.run("run").success
    assert not plain.paths.store.exists()
    assert plain.run("build").success
    assert plain.ask("select count(*) from fact_api_call") == [(1,)]


def test_changed_models_are_built_from_raw_again_without_being_told(plain: Dbt) -> None:
    plain.ingest.add(2)
    plain.run("build")
    model = plain.project / "models" / "fact_api_call.sql"
    model.write_text(model.read_text().replace("cost_usd, _batch_id", "cost_usd * 2 as cost_usd, _batch_id"))
    assert plain.run("build").success
    assert plain.ask("select distinct cost_usd from fact_api_call") == [(2.0,)]


def test_sessions_that_a_guard_names_are_set_aside_and_the_next_build_publishes_the_rest(plain: Dbt) -> None:
    plain.guard(
        "no_bad_session", "select session_id from {{ ref('fact_api_call') }} where session_id = 'bad'"
    )
    plain.ingest.add(2)
    plain.ingest.add(1, session="bad")
    assert not plain.run("build").success
    assert not plain.paths.store.exists()
    assert read_state(plain.paths).rebuilding
    assert plain.run("build").success
    assert plain.ask("select distinct session_id from fact_api_call") == [("s1",)]
    assert plain.ask("select session_id from v_set_aside_session") == [("bad",)]


def test_a_guard_that_names_nobody_keeps_the_store_of_yesterday(plain: Dbt) -> None:
    plain.ingest.add(1)
    plain.run("build")
    before = plain.published()
    plain.guard("never", "select 1 as x")
    plain.ingest.add(1)
    assert not plain.run("build").success
    assert plain.published() == before


def test_a_failed_model_leaves_its_readers_and_retry_builds_them(plain: Dbt) -> None:
    model = plain.project / "models" / "dim_session.sql"
    right = model.read_text()
    plain.ingest.add(1)
    model.write_text("select no_such_column from {{ ref('fact_api_call') }}")
    assert not plain.run("build").success
    assert plain.ask("select table_name from v_store_table where is_stale") == [("dim_session",)]
    model.write_text(right)
    assert plain.run("retry").success
    with duckdb.connect(str(plain.paths.star), read_only=True) as star:
        assert star.execute("select session_id from dim_session").fetchall() == [("s1",)]
    assert plain.run("build").success
    assert plain.ask("select count(*) from v_store_table where is_stale") == [(0,)]


def test_a_full_refresh_begins_with_the_raw_lines(plain: Dbt) -> None:
    plain.ingest.add(2)
    plain.run("build")
    with duckdb.connect(str(plain.paths.star)) as star:
        star.execute("delete from fact_api_call")
    assert plain.run("build", "--full-refresh").success
    assert plain.ask("select count(*) from fact_api_call") == [(2,)]


def test_what_landing_cannot_do_stops_the_build(plain: Dbt, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("The disk is full.", "Free some space.")

    monkeypatch.setattr(pipeline, "_land", full)
    plain.ingest.add(1)
    outcome = plain.run("build")
    assert not outcome.success
    assert "The disk is full. Free some space." in str(outcome.exception)
    assert not plain.paths.store.exists()


def test_a_database_that_ends_while_it_is_lent_does_not_hide_why(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    with (
        pytest.raises(StoreError, match="The disk is full"),
        lend(tmp_path / "warehouse.duckdb", connection),
    ):
        connection.close()
        raise StoreError("The disk is full.")


def test_who_has_borrowed_a_warehouse_may_lend_it_on(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    connection = duckdb.connect(str(file))
    connection.execute("create table here as select 1 as number")
    with lend(file, connection):
        with writing(file) as borrowed, lend(file, borrowed), writing(file) as again:
            assert again.execute("from here").fetchall() == [(1,)]
        with writing(file) as borrowed:
            assert borrowed.execute("from here").fetchall() == [(1,)]
        assert connection.execute("select current_setting('wal_autocheckpoint')").fetchone() == (
            "1000 bytes",
        )
    assert borrow(file) is None


def test_a_build_waits_for_another(plain: Dbt) -> None:
    plain.ingest.add(1)
    held = threading.Event()

    def other() -> None:
        with lock.build_lock(plain.paths):
            held.set()
            time.sleep(3)

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    started = time.monotonic()
    assert plain.run("build").success
    assert time.monotonic() - started > 2
    thread.join()


def test_who_built_is_all_one(plain: Dbt) -> None:
    """What dbt built, `agent-store build` takes for built, and the other way round."""
    options = pipeline.Options()
    plain.ingest.add(1)
    plain.run("build")
    assert pipeline.run(plain.paths, plain.project, options, say=print).is_current
    plain.ingest.add(1, session="s2")
    assert pipeline.run(plain.paths, plain.project, options, say=print).published is not None
    before = plain.published()
    assert plain.run("build").success
    assert plain.published() == before
    assert plain.ask("select count(*) from fact_api_call") == [(2,)]


def test_a_selection_is_built_beside_a_store_that_others_built(plain: Dbt, tmp_path: Path) -> None:
    """dbt's own way of working on one model: parents are read from the state of another target."""
    plain.ingest.add(2)
    plain.run("build")
    state = tmp_path / "state"
    plain.paths.target.rename(state)
    deferred = plain.run("build", "--select", "dim_session", "--defer", "--state", str(state))
    assert deferred.success


@pytest.mark.parametrize("thin", [("--empty",), ("--empty", "--full-refresh"), ("--sample", "3 days")])
def test_tables_without_all_rows_are_not_published(plain: Dbt, thin: tuple[str, ...]) -> None:
    plain.ingest.add(2)
    plain.run("build", *thin)
    assert not plain.paths.store.exists() and plain.ingest.waiting
    plain.run("build")
    before = plain.published()
    assert plain.run("build", *thin).success
    assert plain.run("build", "--select", "dim_session", *thin).success
    assert plain.published() == before
    assert plain.run("build").success
    assert plain.ask("select (select count(*) from fact_api_call), (select count(*) from dim_session)") == [
        (2, 1)
    ]
    with duckdb.connect(str(plain.paths.star), read_only=True) as star:
        assert star.execute("select count(*) from dim_session").fetchall() == [(1,)]


def test_what_was_tried_out_in_a_part_is_gone_after_a_whole_build(plain: Dbt) -> None:
    model = plain.project / "models" / "fact_api_call.sql"
    right = model.read_text()
    plain.ingest.add(1)
    plain.run("build")
    model.write_text(right.replace("cost_usd, _batch_id", "cost_usd * 2 as cost_usd, _batch_id"))
    assert plain.run("build", "--select", "fact_api_call", "--full-refresh").success
    model.write_text(right)
    plain.ingest.add(1, session="s2")
    assert plain.run("build").success
    assert plain.ask("select distinct cost_usd from fact_api_call") == [(1.0,)]


def test_variables_of_the_command_line_are_code(plain: Dbt) -> None:
    model = plain.project / "models" / "dim_session.sql"
    marked = 'session_id || \'{{ var("mark", "") }}\' as session_id,'
    model.write_text(model.read_text().replace("session_id,", marked))
    plain.ingest.add(1)
    plain.run("build")
    assert plain.run("build", "--vars", "{mark: '!'}").success
    assert plain.ask("select session_id from dim_session") == [("s1!",)]
    assert plain.run("build").success
    assert plain.ask("select session_id from dim_session") == [("s1",)]


def test_a_test_that_was_left_out_has_not_passed(plain: Dbt) -> None:
    cheap = "select call_id from {{ ref('fact_api_call') }} where cost_usd < 1"
    plain.guard("no_cheap_call", "{{ config(severity='warn') }} " + cheap)
    plain.ingest.add(1, cost=0.5)
    plain.run("build")
    assert plain.ask("select test_name from v_failed_check") == [("no_cheap_call",)]
    plain.ingest.add(1, session="s2")
    assert plain.run("build", "--exclude", "no_cheap_call").success
    assert plain.ask("select is_tested from store_build") == [(False,)]
    assert "no_cheap_call" in json.loads((plain.paths.build_dir / "tested.json").read_text())["unpassed"]
    assert plain.run("build").success
    assert plain.ask("select test_name from v_failed_check") == [("no_cheap_call",)]


@pytest.mark.parametrize("left", [b"", b"\0" * 81920, 100_000], ids=["emptied", "zeros", "cut off"])
def test_a_damaged_star_is_made_again(plain: Dbt, left: bytes | int) -> None:
    plain.ingest.add(2)
    plain.run("build")
    good = plain.paths.star.read_bytes()
    plain.paths.star.write_bytes(
        good[:left] if isinstance(left, int) else left + good[len(left) or len(good) :]
    )
    assert plain.run("build").success
    assert plain.ask("select count(*) from fact_api_call") == [(2,)]
    with duckdb.connect(str(plain.paths.star), read_only=True) as star:
        assert star.execute("select count(*) from fact_api_call").fetchall() == [(2,)]


def test_a_damaged_store_does_not_take_the_place_of_the_star(plain: Dbt) -> None:
    plain.ingest.add(2)
    plain.run("build")
    plain.paths.store.write_bytes(b"")
    assert plain.run("build").success
    assert plain.ask("select count(*) from fact_api_call") == [(2,)]


@pytest.mark.parametrize("name", ["warehouse", "star"])
@pytest.mark.parametrize("is_reader", [True, False])
def test_who_has_a_file_of_the_build_open_is_told_in_words(plain: Dbt, name: str, is_reader: bool) -> None:
    plain.ingest.add(1)
    plain.run("build")
    file = getattr(plain.paths, name)
    program = (
        f"import duckdb, sys; held = duckdb.connect({str(file)!r}, read_only={is_reader}); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline()
        outcome = plain.run("build")
        other.communicate()
    assert not outcome.success
    assert isinstance(outcome.exception, DbtBaseException), "dbt shows a traceback for any other"
    assert "another process has the file open" in str(outcome.exception)
    assert plain.run("build").success, "the lock is free"


def test_a_cut_off_warehouse_is_told_in_words(plain: Dbt) -> None:
    plain.ingest.add(1)
    plain.run("build")
    plain.paths.warehouse.write_bytes(plain.paths.warehouse.read_bytes()[:100_000])
    outcome = plain.run("build")
    assert isinstance(outcome.exception, DbtBaseException)
    assert "Move it aside" in str(outcome.exception)


def test_an_empty_home_variable_is_none() -> None:
    profile = yaml.safe_load((REPOSITORY / "profiles.yml").read_text())["agent_store"]["outputs"]
    given = {"AGENT_STORE_HOME": " ", "HOME": "/home/x"}
    for target, default in (("dev", "/home/x/.agent-store"), ("ci", "target/home")):
        path, home = profile[target]["path"], profile[target]["plugins"][0]["config"]["home"]
        assert Template(path).render(env_var=given.get) == f"{default}/build/warehouse.duckdb"
        assert Template(home).render(env_var=given.get) == default
