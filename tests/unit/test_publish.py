"""Publishing, on warehouses of a few rows."""

from __future__ import annotations

import stat
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from mini import published as publish
from mini import star

from agent_store.build.results import BuildResult, Description
from agent_store.build.state import Fingerprint
from agent_store.build.warehouse import RawSummary
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.store import open_store

CODE = Fingerprint(tables="t", code="c")
GREEN = BuildResult(success=True, model_count=3, test_count=2, passed_count=2, seconds=1.5)
RAW = RawSummary(7, datetime(2026, 3, 1, 12), 3, 100, 2, 5_000)


@pytest.fixture
def paths(tmp_path: Path) -> StorePaths:
    return StorePaths(tmp_path / "home").ensure()


def _warehouse(paths: StorePaths, *statements: str) -> None:
    with star(paths) as connection:
        for statement in statements:
            connection.execute(statement)


def _view(name: str, sql: str) -> str:
    """A view as dbt makes it: three-part names, made under another name and renamed."""
    return (
        f'create view "agent_store"."main"."{name}__dbt_tmp" as ({sql}); '
        f'alter view "agent_store"."main"."{name}__dbt_tmp" rename to {name}'
    )


BASIC = (
    'create table fact_a (a_id varchar not null, n bigint, s struct(x integer, "y z" varchar), l varchar[], '
    "d decimal(18, 6))",
    "insert into fact_a select 'a' || i, i, {x: i, \"y z\": 'q'}, ['l'], 1.5 from range(5000) as t(i)",
    "create schema if not exists warehouse.staging",
    "create table warehouse.staging.stg_line (x integer)",
    _view("v_z", 'select n, s.x as x from "agent_store"."main"."fact_a"'),
    _view("v_a", 'select count(*) as row_count from "agent_store"."main"."v_z"'),
)


def test_tables_and_views_arrive_and_the_rest_stays_behind(paths: StorePaths) -> None:
    _warehouse(paths, *BASIC)
    done = publish(paths, GREEN, CODE, RAW)
    assert (done.table_count, done.view_count, done.row_count) == (1, 2, 5000)
    assert stat.S_IMODE(paths.store.stat().st_mode) == 0o600
    with open_store(paths) as store:
        assert store.execute("from v_a").fetchall() == [(5000,)]
        assert store.execute("select n from fact_a limit 3 offset 10").fetchall() == [(10,), (11,), (12,)]
        assert store.execute("select distinct schema_name from duckdb_tables()").fetchall() == [("main",)]
        nullable = dict(
            store.execute(
                "select column_name, is_nullable from duckdb_columns() where table_name = 'fact_a'"
            ).fetchall()
        )
        assert nullable["a_id"] is False
        assert nullable["n"] is True
        assert store.execute(
            "select tags['storage_version'] from duckdb_databases() where database_name = 'agent_store'"
        ).fetchone() == ("v1.5.0+",)
        row = store.execute(
            "select last_batch_id, is_tested, landed_line_count, row_count from store_build"
        ).fetchone()
        assert row == (7, True, 100, 5000)
    assert [path.name for path in paths.home.iterdir() if path.name.startswith(".publish")] == []


def test_descriptions_become_comments(paths: StorePaths) -> None:
    _warehouse(paths, *BASIC)
    descriptions = {
        "fact_a": Description(
            "One row per a; isn't it?", {"a_id": "The key's text.", "gone": "No such column."}
        ),
        "v_z": Description(""),
        "v_a": Description("One row.", {"row_count": "How many; two statements?"}),
        "int_elsewhere": Description("Not published."),
    }
    publish(paths, BuildResult(success=True, descriptions=descriptions), CODE, RAW)
    with open_store(paths) as store:
        comments = dict(store.execute("select table_name, comment from duckdb_tables()").fetchall())
        assert comments["fact_a"] == "One row per a; isn't it?"
        assert comments["store_build"]
        views = "select comment from duckdb_views() where view_name = 'v_a'"
        assert store.execute(views).fetchone() == ("One row.",)
        columns = dict(
            store.execute(
                "select column_name, comment from duckdb_columns() "
                "where comment is not null and table_name in ('fact_a', 'v_a')"
            ).fetchall()
        )
        assert columns["a_id"] == "The key's text."
        assert columns["row_count"] == "How many; two statements?"
        bare = store.execute(
            "select count(*) from duckdb_columns() where table_name = 'store_build' and comment is null"
        ).fetchone()
        assert bare == (0,)


def test_what_no_model_of_this_build_made_stays_behind(paths: StorePaths) -> None:
    _warehouse(
        paths,
        *BASIC,
        "create table fact_renamed as select 1 as x",
        "create table fact_a__dbt_tmp as select 1 as x",
        _view("v_removed", 'select x from "agent_store"."main"."fact_renamed"'),
    )
    descriptions = {name: Description("One row.") for name in ("fact_a", "v_z", "v_a", "stg_line")}
    done = publish(paths, BuildResult(success=True, descriptions=descriptions), CODE, RAW)
    assert (done.table_count, done.view_count) == (1, 2)


def test_a_red_build_publishes_nothing(paths: StorePaths) -> None:
    _warehouse(paths, *BASIC)
    publish(paths, GREEN, CODE, RAW)
    before = paths.store.stat()
    with pytest.raises(StoreError, match="nothing was published"):
        publish(paths, BuildResult(success=False), CODE, RAW)
    assert paths.store.stat() == before


def test_a_reader_keeps_what_it_reads_and_the_next_sees_the_new(paths: StorePaths) -> None:
    _warehouse(paths, *BASIC)
    publish(paths, GREEN, CODE, RAW)
    with open_store(paths) as reader:
        cursor = reader.execute("select n from fact_a order by n")
        assert cursor.fetchmany(2) == [(0,), (1,)]
        _warehouse(paths, "insert into fact_a (a_id, n) values ('new', -1)")
        publish(paths, GREEN, CODE, RAW)
        assert len(cursor.fetchall()) == 4998
        assert reader.execute("select count(*) from fact_a").fetchone() == (5000,)
        with open_store(paths) as late:
            assert late.execute("select count(*) from fact_a").fetchone() == (5001,)
        assert reader.execute("select count(*) from fact_a").fetchone() == (5000,)


def test_a_view_on_what_is_not_published_is_an_error_and_the_old_store_stays(paths: StorePaths) -> None:
    _warehouse(paths, *BASIC)
    publish(paths, GREEN, CODE, RAW)
    before = paths.store.stat()
    _warehouse(paths, _view("v_bad", 'select x from "warehouse"."staging"."stg_line"'))
    with pytest.raises(StoreError, match="v_bad cannot be published"):
        publish(paths, GREEN, CODE, RAW)
    assert paths.store.stat() == before
    assert not list(paths.home.glob(".publish-*"))


def test_nothing_to_publish_is_said(paths: StorePaths) -> None:
    _warehouse(paths, "create schema warehouse.raw")
    with pytest.raises(StoreError, match="nothing to publish"):
        publish(paths, GREEN, CODE, RAW)


def test_what_a_killed_publish_left_is_removed(paths: StorePaths) -> None:
    _warehouse(paths, *BASIC)
    left = paths.home / ".publish-1"
    left.mkdir()
    (left / "agent_store.duckdb").write_bytes(b"half")
    publish(paths, GREEN, CODE, RAW)
    assert not left.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "create table x (a integer)",
        "delete from fact_a",
        "copy fact_a to '/tmp/agent-store-test.csv'",
        "attach '/tmp/agent-store-test.duckdb' as other",
        "from read_csv('/etc/passwd')",
        "set enable_external_access = true",
        "load httpfs",
    ],
)
def test_the_published_store_is_locked_down(paths: StorePaths, sql: str) -> None:
    _warehouse(paths, *BASIC)
    publish(paths, GREEN, CODE, RAW)
    with open_store(paths) as store, pytest.raises(duckdb.Error):
        store.execute(sql)


def test_a_damaged_store_is_said_plainly(paths: StorePaths) -> None:
    paths.store.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="cannot be opened"), open_store(paths):
        pass
    paths.store.unlink()
    with pytest.raises(StoreError, match="no published store") as error, open_store(paths):
        pass
    assert error.value.exit_code == 3
