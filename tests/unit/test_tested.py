"""Which rows the tests of a build look at where only few sessions are new."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from agent_store.build import compiled, tested
from agent_store.build.compiled import CompiledTest
from agent_store.paths import StorePaths


@pytest.fixture
def paths(tmp_path: Path) -> StorePaths:
    return StorePaths(tmp_path / "home").ensure()


@pytest.fixture
def connection(paths: StorePaths) -> duckdb.DuckDBPyConnection:
    """A warehouse with an old session of the first batch and a new one of the second; both have a bad row."""
    store = duckdb.connect(str(paths.warehouse))
    store.execute(
        "create schema raw; create schema intermediate; "
        "create table raw.batch as select * from "
        "(values (1, timestamp '2026-03-01 10:00:00'), (2, timestamp '2026-03-02 10:00:00')) as t(batch_id, started_at); "
        "create table intermediate.int_session_batch as "
        "select * from (values ('old', 1), ('it''s new', 2)) as t(session_id, _batch_id); "
        "create table fact as select * from "
        "(values ('old', 'k1', -1), ('it''s new', 'k1', -1)) as t(session_id, fact_id, number)"
    )
    return store


ROWS = CompiledTest(
    "rows",
    "p",
    "select 1 from fact where true /* touched: session_id in {sessions} */ and number < 0",
)
GRAIN = CompiledTest(
    "grain",
    "p",
    "select fact_id from fact where true /* touched: (session_id in {sessions} or (fact_id) in "
    "(select (fact_id) from fact where session_id in {sessions})) */ group by fact_id having count(*) > 1",
)
WHOLE = CompiledTest("whole", "p", "select 1 from fact where true /* only of the whole */")
ALL = (ROWS, GRAIN, WHOLE)


def failures(
    connection: duckdb.DuckDBPyConnection, tests: list[CompiledTest] | tuple[CompiledTest, ...]
) -> dict[str, int | None]:
    return {outcome.test.name: outcome.failures for outcome in compiled.run_tests(connection, tests, 1)}


def test_dbt_itself_looks_at_all_rows(connection: duckdb.DuckDBPyConnection) -> None:
    assert failures(connection, ALL) == {"rows": 2, "grain": 1, "whole": 2}


def test_only_touched_rows_are_looked_at_but_a_key_is_compared_with_those_of_old_sessions(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    since = tested.Tested(1, "2026-03-01 10:00:00")
    assert failures(connection, tested.narrowed(ALL, since, connection)) == {"rows": 1, "grain": 1}


def test_many_sessions_are_not_named_one_by_one(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tested, "_NAMED_SESSIONS", 0)
    since = tested.Tested(1, "2026-03-01 10:00:00")
    assert failures(connection, tested.narrowed(ALL, since, connection)) == {"rows": 1, "grain": 1}


def test_where_nothing_is_new_nothing_is_looked_at(connection: duckdb.DuckDBPyConnection) -> None:
    since = tested.Tested(2, "2026-03-02 10:00:00")
    assert failures(connection, tested.narrowed(ALL, since, connection)) == {"rows": 0, "grain": 0}


def test_what_did_not_pass_is_run_over_all_rows_until_it_does(connection: duckdb.DuckDBPyConnection) -> None:
    since = tested.Tested(2, "2026-03-02 10:00:00", frozenset({"rows", "whole"}))
    assert failures(connection, tested.narrowed(ALL, since, connection)) == {
        "rows": 2,
        "grain": 0,
        "whole": 2,
    }


def test_what_was_tested_counts_for_the_same_tests_and_the_same_warehouse(
    paths: StorePaths, connection: duckdb.DuckDBPyConnection
) -> None:
    assert tested.read(paths, connection, "code") is None
    tested.write(paths, connection, "code", {"rows"})
    assert tested.read(paths, connection, "code") == tested.Tested(
        2, "2026-03-02 10:00:00", frozenset({"rows"})
    )
    assert tested.read(paths, connection, "other code") is None
    connection.execute("update raw.batch set started_at = started_at + interval 1 hour")
    assert tested.read(paths, connection, "code") is None, (
        "another warehouse, whose batches have the same numbers"
    )
    tested.write(paths, connection, "code", ())
    tested.forget(paths)
    assert tested.read(paths, connection, "code") is None
