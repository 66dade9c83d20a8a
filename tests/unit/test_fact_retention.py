"""The published store leaves out rows of facts that are older than privacy.yml keeps them; the star keeps them."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from mini import published as publish
from mini import star

from agent_store.build import fact_retention, warehouse
from agent_store.build.fact_retention import in_force
from agent_store.build.pipeline import Options, why_build
from agent_store.build.results import BuildResult, Description
from agent_store.build.state import BuildState, Fingerprint, write_state
from agent_store.build.warehouse import RawSummary
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.privacy import status
from agent_store.store import open_store
from ingest.warehouse import make_tables

CODE = Fingerprint(tables="t", code="c")
GREEN = BuildResult(
    success=True,
    descriptions={
        "fact_prompt": Description("One row per prompt.", {"prompted_at": "When."}),
        "fact_entity_reference": Description("One row per reference."),
        "fact_response": Description("One row per response."),
        "dim_day": Description("One row per day."),
        "v_day": Description("One row per day and count.", {"prompt_count": "How many."}),
    },
)
_AT = datetime(2026, 3, 1, 12)
RAW = RawSummary(7, _AT, 3, 100, 2, 5_000, batches=frozenset({"7@2026-03-01T12:00:00.000000"}))
NOW = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
OLD_TEXT = "a-text-that-is-" + "nowhere-else"
STAR = (
    "create table fact_prompt (prompt_id varchar not null, sent_date date, prompted_at timestamp, text varchar)",
    # 30 days before the day of NOW is the first of March: the last microsecond before it goes, that moment stays.
    "insert into fact_prompt values "
    f"('old', null, '2026-02-28 23:59:59.999999', repeat('{OLD_TEXT} ', 50)), "
    "('edge', '2026-02-01', '2026-03-01', 'b'), ('new', null, '2026-03-31', 'c'), ('timeless', null, null, 'd')",
    "create table fact_entity_reference as select 'r' as reference_id",
    "create view fact_response as select prompt_id from agent_store.main.fact_prompt",
    "create table dim_day (day date primary key, prompt_count bigint default 7)",
    "insert into dim_day select date '2026-01-01' + cast(i as integer), 1 from range(90) as t(i)",
    'create view "agent_store"."main"."v_day" as select count(*) as prompt_count from "agent_store"."main"."fact_prompt"',
)


@pytest.fixture
def paths(tmp_path: Path) -> StorePaths:
    made = StorePaths(tmp_path / "home").ensure()
    with star(made) as connection:
        for statement in STAR:
            connection.execute(statement)
    return made


def _keep(paths: StorePaths, **days: int) -> None:
    paths.privacy.write_text(f"retention: {{facts: {days or '{}'}}}".replace("'", ""))


def _published(paths: StorePaths, now: datetime = NOW) -> None:
    publish(paths, GREEN, CODE, RAW, now=now)


def _rows(paths: StorePaths, sql: str) -> list[tuple[object, ...]]:
    with open_store(paths) as store:
        return store.execute(sql).fetchall()


def test_old_rows_are_not_in_the_published_file_and_everything_else_is(paths: StorePaths) -> None:
    catalog = (
        "select 'table', table_name, comment from duckdb_tables() union all "
        "select 'view', view_name, sql || comment from duckdb_views() where not internal union all "
        "select 'column', table_name || column_name, concat(comment, data_type, is_nullable, column_default) "
        "from duckdb_columns() where schema_name = 'main' and not internal union all "
        "select 'constraint', table_name, constraint_text from duckdb_constraints() order by all"
    )
    _published(paths)
    assert OLD_TEXT.encode() in paths.store.read_bytes()
    whole = _rows(paths, catalog)
    _keep(paths, fact_prompt=30)
    done = publish(paths, GREEN, CODE, RAW, now=NOW)
    assert (done.row_count, done.dropped_row_count) == (94, 1)
    assert "left out because of their age: 1." in done.summary
    assert OLD_TEXT.encode() not in paths.store.read_bytes()
    assert not paths.store.with_name(f"{paths.store.name}.wal").exists()
    assert _rows(paths, "select prompt_id from fact_prompt") == [("edge",), ("new",), ("timeless",)]
    assert _rows(paths, "from v_day") == [(3,)]
    assert _rows(paths, "select count(*) from dim_day") == [(90,)]
    assert _rows(paths, catalog) == whole
    assert _rows(paths, "select row_count from v_store_table where table_name = 'fact_prompt'") == [(3,)]
    assert _rows(paths, "select row_count, dropped_row_count, retention from store_build") == [
        (94, 1, "2026-03-31: fact_prompt 30")
    ]
    with star(paths) as connection:
        assert connection.execute("select count(*) from fact_prompt").fetchone() == (4,)
    _keep(paths, fact_prompt=31)
    _published(paths)
    assert _rows(paths, "select count(*) from fact_prompt") == [(4,)]


def test_without_a_rule_nothing_is_left_out_and_no_policy_is_read(
    paths: StorePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "agent_store.privacy.policy", None)
    _published(paths)
    assert _rows(paths, "select dropped_row_count, retention from store_build") == [(0, "")]
    assert _rows(paths, "from v_retention") == []
    assert _rows(paths, "select row_count from v_store_table where table_name = 'v_retention'") == [(0,)]


def test_v_retention_says_what_is_left_out_of_each_fact(paths: StorePaths) -> None:
    _keep(paths, fact_prompt=30, fact_entity_reference=1, fact_response=1, fact_change=5)
    _published(paths)
    at = NOW.replace(tzinfo=None)
    assert _rows(paths, "from v_retention order by table_name") == [
        # Rows without a time, and a view: nothing can be left out.
        ("fact_entity_reference", 1, None, at, 0, None, True, None),
        ("fact_prompt", 30, datetime(2026, 3, 1), at, 1, None, True, None),
        ("fact_response", 1, None, at, 0, None, True, None),
    ]
    assert _rows(paths, "select row_count from v_store_table where table_name = 'v_retention'") == [(3,)]


def test_v_retention_has_the_sessions_that_were_removed(paths: StorePaths) -> None:
    with warehouse.connect(paths) as connection:
        make_tables(connection)
        connection.execute(
            "insert into raw.expiry by name select timestamp '2026-03-02' as expired_at, "
            "timestamp '2026-02-01' as expired_before, 29 as kept_days, 'transcript_line' as table_name, "
            "70 as row_count, 2 as session_count, '/a/b' as archive"
        )
    _published(paths)
    assert _rows(paths, "from v_retention") == [
        ("transcript_line", 29, datetime(2026, 2, 1), datetime(2026, 3, 2), 70, 2, False, "/a/b")
    ]


def test_a_changed_rule_and_a_new_day_publish_again(paths: StorePaths) -> None:
    def why() -> str:
        return why_build(paths, CODE, RAW, BuildState(tables_fingerprint="t"), Options())[0]

    today = datetime.now(UTC)
    _published(paths, today - timedelta(days=1))
    assert why() == ""
    _keep(paths, fact_prompt=30)
    assert "retention" in why()
    _published(paths, today - timedelta(days=1))
    assert "a day has passed" in why()
    _published(paths, datetime.now(UTC))
    assert why() == ""
    _keep(paths, fact_prompt=40)
    assert "retention" in why()
    _keep(paths)
    assert "retention" in why()
    _published(paths)
    assert why() == ""


def test_the_day_is_that_of_utc(tmp_path: Path) -> None:
    paths = StorePaths(tmp_path)
    _keep(paths, fact_prompt=1)
    at = datetime.fromisoformat("2026-03-31T23:30:00-05:00")
    assert in_force(paths, at).midnight == datetime(2026, 4, 1)


def test_a_store_that_left_rows_out_never_takes_the_place_of_the_star(
    paths: StorePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "_MOST_BLOATED", 0)
    write_state(paths, replace(BuildState(), green_fingerprint="t", tables_fingerprint="t"))
    _keep(paths, fact_prompt=30)
    _published(paths)
    before = paths.star.stat().st_ino
    warehouse.prepare(paths)
    assert paths.star.stat().st_ino == before
    _keep(paths)
    _published(paths)
    warehouse.prepare(paths)
    assert paths.star.stat().st_ino != before
    with star(paths) as connection:
        assert connection.execute("select count(*) from fact_prompt").fetchone() == (4,)


@pytest.mark.parametrize("days", ["0", "-1", "36501", "1e30", "soon"])
def test_a_number_of_days_that_is_none_is_refused(paths: StorePaths, days: str) -> None:
    paths.privacy.write_text(f"retention: {{facts: {{fact_prompt: {days}}}}}")
    with pytest.raises(StoreError, match="retention → facts → fact_prompt"):
        in_force(paths)
    with pytest.raises(StoreError):
        _published(paths)
    assert not paths.store.exists()


def test_a_failed_copy_leaves_the_store_as_it_was(paths: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    _published(paths)
    before = paths.store.stat()
    _keep(paths, fact_prompt=30)
    wrong = fact_retention.LeftOut("fact_prompt", 30, condition="no_such_column", row_count=1)
    monkeypatch.setattr(fact_retention, "left_out", lambda *_: [wrong])
    with pytest.raises(StoreError, match="Publishing the store failed"):
        _published(paths)
    assert paths.store.stat() == before
    assert not list(paths.home.glob(".publish-*"))
    monkeypatch.undo()
    _published(paths)
    assert _rows(paths, "select count(*) from fact_prompt") == [(3,)]


def test_the_retention_in_force_is_shown(paths: StorePaths) -> None:
    assert status.lines(paths)[-1] == "retention: everything is kept"
    paths.privacy.write_text(
        "retention: {sessions: 365, expired: drop, facts: {fact_prompt: 1, fact_change: 1000}}"
    )
    assert status.lines(paths)[-3:] == [
        "retention of sessions: 365 days, then drop",
        "retention of fact_change: 1,000 days published",
        "retention of fact_prompt: 1 day published",
    ]


def test_a_fact_is_not_left_out_of_by_the_name_of_another_schema(paths: StorePaths) -> None:
    with duckdb.connect(str(paths.star)) as connection:
        connection.execute("create schema other")
        connection.execute("create table other.fact_prompt as select timestamp '1999-01-01' as prompted_at")
    _keep(paths, fact_prompt=30)
    _published(paths)
    assert _rows(paths, "select row_count from v_retention") == [(1,)]
