"""Damaged logs break no model and no data test: the smallest inputs of each kind, and homes of damaged sessions."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.mutations.damages import damaged, fuzzed_lines, sessions, write
from tests.mutations.small_inputs import SMALL, session_id, write_small
from tests.mutations.spool import write_damaged
from tests.mutations.store import EXPECTED_FINDINGS, PROJECT, Store

_SAMPLE = PROJECT / "sample" / "home"
_NUMBERS = {name: session_id(number) for number, name in enumerate(SMALL, start=1)}


@pytest.fixture(scope="module")
def store(sample_store: Path) -> Store:
    """The store of the sample, into copies of which everything is landed."""
    return Store(sample_store.parent)


@pytest.fixture(scope="module")
def small_store(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store of all small inputs: no model fails, no data test finds anything but what is wrong in the log."""
    home = tmp_path_factory.mktemp("small")
    write_small(home / "home")
    report = store.run([home / "home"], home / "run", threads=2)
    assert report.model_errors == []
    assert report.has_all_lines
    assert [name for name, _, _ in report.failed_tests if name not in EXPECTED_FINDINGS] == []
    return report.warehouse


def _rows(warehouse: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    connection = duckdb.connect(str(warehouse), read_only=True)
    try:
        connection.execute(f"attach '{warehouse.with_name('agent_store.duckdb')}' as agent_store (read_only)")
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def test_a_read_that_begins_with_line_0_begins_with_line_1(small_store: Path) -> None:
    found = _rows(
        small_store,
        "select line_start, line_end, document_line_count from intermediate.int_retrieval where session_id = ?",
        _NUMBERS["a read that begins with line 0"],
    )
    assert found == [(1, 2, None)]


def test_tokens_that_no_response_has_are_not_known_and_a_finding(small_store: Path) -> None:
    session = _NUMBERS["tokens that no response has"]
    found = _rows(
        small_store,
        "select sum(total_tokens) from agent_store.main.fact_api_call where session_id = ?",
        session,
    )
    assert found == [(2,)]
    told = _rows(
        small_store,
        "select value_kind, line_count from agent_store.main.v_set_aside_value where contains(source_path, ?)",
        session,
    )
    assert told == [("token_count", 2)]


def test_times_in_which_no_log_was_written_are_not_known_and_a_finding(small_store: Path) -> None:
    session = _NUMBERS["times at the edges"]
    found = _rows(
        small_store,
        "select started_at, ended_at from agent_store.main.dim_session where session_id = ?",
        session,
    )
    assert found == [(None, None)]
    told = _rows(
        small_store,
        "select value_kind, line_count from agent_store.main.v_set_aside_value where contains(source_path, ?)",
        session,
    )
    assert told == [("timestamp", 4)]


def test_a_result_without_its_call_is_of_an_unknown_tool_and_of_no_invocation(small_store: Path) -> None:
    found = _rows(
        small_store,
        "select component_type, component_name, invocation_id from agent_store.main.fact_context_segment "
        "where session_id = ? and item_kind = 'tool_result'",
        _NUMBERS["a result without its call"],
    )
    assert found == [("tool", "unknown", None)]


def test_an_agent_that_never_started_is_no_agent(small_store: Path) -> None:
    assert _rows(small_store, "select * from agent_store.main.dim_agent where agent_name = 'made-up'") == []
    found = _rows(
        small_store,
        "select agents.agent_name, work.outcome from intermediate.int_work as work "
        "inner join agent_store.main.dim_agent as agents on agents.agent_id = work.agent_id where work.session_id = ?",
        _NUMBERS["a subagent that was refused"],
    )
    assert found == [("unknown", "rejected")]


def test_output_that_stands_there_twice_is_one_conflict(small_store: Path) -> None:
    found = _rows(
        small_store,
        "select count(*) from agent_store.main.fact_conflict where session_id = ?",
        _NUMBERS["a failed merge whose output stands there twice"],
    )
    assert found == [(1,)]


def test_what_ends_before_it_begins_has_no_end(small_store: Path) -> None:
    found = _rows(
        small_store,
        "select created_at, completed_at from agent_store.main.dim_task where session_id = ? order by created_at",
        _NUMBERS["a clock that is set back"],
    )
    assert [row[1] is None or row[1] >= row[0] for row in found] == [True, True]  # type: ignore[operator]


@pytest.mark.parametrize("seed", [7_001, 7_031])
def test_a_home_of_damaged_sessions_goes_through(store: Store, tmp_path: Path, seed: int) -> None:
    bases = sessions([_SAMPLE])
    for number in range(seed, seed + 30):
        write(damaged(bases, number), tmp_path / "home")
    write_damaged(tmp_path / "spool", seed)
    report = store.run([tmp_path / "home"], tmp_path / "run", threads=2, spool=tmp_path / "spool")
    assert report.model_errors == []
    assert report.has_all_lines
    assert [name for name, _, _ in report.failed_tests if name not in EXPECTED_FINDINGS] == []


def test_lines_of_any_bytes_are_landed_and_staged(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "home" / "projects" / "-fuzzed" / "0f000000-0000-4000-8000-000000000000.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"".join(line + b"\n" for line in fuzzed_lines(sessions([_SAMPLE]), 11, 3_000)))
    report = store.stage([tmp_path / "home"], tmp_path / "run")
    assert report.model_errors == []
    assert report.has_all_lines


def test_damages_are_made_from_their_seed_alone() -> None:
    bases = sessions([_SAMPLE])
    first, again = (damaged(bases, 42) for _ in range(2))
    assert (first.name, first.files, first.others) == (again.name, again.files, again.others)
