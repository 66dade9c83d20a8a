"""How many days are complete, in numbers and in words."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from agent_store.build import publish
from agent_store.show import coverage, tables
from agent_store.show.coverage import Coverage

MACROS = Path(publish.__file__).with_name("sql_macros")
Days = Sequence[tuple[str, str | None, bool | None]]


def _connection(days: Days) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create table v_completeness (activity_date date, project_name varchar, is_complete boolean, "
        "missing_session_count bigint, missing_prompt_count bigint, missing_line_count bigint, deletes_on date)"
    )
    for day, project, is_complete in days:
        lacks = int(is_complete is False)
        connection.execute(
            "insert into v_completeness values (?, ?, ?, ?, ?, 0, current_date + 5)", [day, project, is_complete, lacks, 2 * lacks]
        )
    connection.execute("create table v_activity_witness (activity_date date, unsaved_session_count bigint)")
    connection.execute("insert into v_activity_witness values ('2026-03-01', 0), ('2026-03-02', 1), ('2026-03-02', 1)")
    cost = (MACROS / "cost.sql").read_text(encoding="utf-8")
    connection.execute(cost[cost.index("create or replace macro is_within") :].split(";")[0])
    connection.execute((MACROS / "coverage.sql").read_text(encoding="utf-8"))
    return connection


def _read(days: Days, since: str | None = None, projects: list[str] | None = None) -> Coverage | None:
    return coverage.read(_connection(days), {"since": since, "until": None, "projects": projects})


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ([("2026-03-01", "shop", True)], "covers 1 of 1 day"),
        ([("2026-03-01", "shop", True), ("2026-03-02", "shop", False)], "covers 1 of 2 days"),
        ([("2026-03-01", "shop", None), ("2026-03-02", "shop", None)], "has no witness for 2 of 2 days"),
        ([("2026-03-01", "shop", None), ("2026-03-02", "shop", False)], "has no witness for 1 of 2 days, 1 incomplete"),
        (
            [("2026-03-01", "a", True), ("2026-03-02", "a", False), ("2026-03-03", "a", None)],
            "covers 1 of 3 days, 1 incomplete, 1 without a witness",
        ),
        ([("2026-03-01", "a", True), ("2026-03-02", "a", None)], "covers 1 of 2 days, 1 without a witness"),
        (
            [("2026-03-01", "a", True), ("2026-03-02", "a", None), ("2026-03-03", "a", None)],
            "has no witness for 2 of 3 days",
        ),
        ([("2026-03-01", "a", False)], "covers 0 of 1 day"),
        # A day is complete if it is in each project; what belongs to no project counts too.
        ([("2026-03-01", "a", True), ("2026-03-01", "b", None)], "has no witness for 1 of 1 day"),
        ([("2026-03-01", "a", True), ("2026-03-01", None, False)], "covers 0 of 1 day"),
    ],
)
def test_days_are_counted_and_said(days: Days, says: str) -> None:
    found = _read(days)
    assert found is not None
    assert found.says == says
    assert found.complete_day_count + found.incomplete_day_count + found.unknown_day_count == found.day_count


def test_a_time_and_projects_have_their_own_days() -> None:
    days = [("2026-03-01", "a", True), ("2026-03-01", "b", False), ("2026-03-02", "a", True), ("2026-03-02", None, False)]
    whole = _read(days)
    assert whole is not None
    assert (whole.covers, whole.missing_session_count, whole.missing_prompt_count) == ("covers 0 of 2 days", 2, 4)
    one = _read(days, projects=["a"])
    assert one is not None
    assert one.covers == "covers 2 of 2 days"
    assert _read(days, since="2026-03-03") is None
    assert (whole.unsaved_session_count, one.unsaved_session_count) == (2, 0)


def test_a_store_of_an_earlier_version_says_nothing() -> None:
    assert coverage.read(duckdb.connect(), {"since": None, "until": None, "projects": None}) is None


def test_the_notes_say_what_is_missing_and_what_deletes_more() -> None:
    found = _read([("2026-03-01", "a", True), ("2026-03-02", "a", False), ("2026-03-03", "a", None)])
    assert found is not None
    unknown, missing, unsaved, deletion = coverage.notes(found)
    assert unknown.startswith("1 day without a witness")
    assert missing.startswith("At least 1 session, 2 prompts missing.")
    assert unsaved.startswith("Of 2 sessions, nothing but a folder (session-env) is known")
    assert "cleanupPeriodDays" in deletion
    nothing = _read([("2026-03-01", "a", None)])
    assert nothing is not None
    assert coverage.notes(nothing)[0] == coverage.NO_WITNESS


@pytest.mark.parametrize("width", [24, 40, 80, 140])
def test_the_table_fits(width: int) -> None:
    row = {
        "activity_date": date(2026, 3, 1), "project_name": None, "is_complete": False, "session_count": 12345,
        "prompt_count": 3, "missing_session_count": 1, "missing_prompt_count": 0, "missing_line_count": 0,
        "missing_ratio": 0.25, "missing_cause": "deleted_by_cleanup", "deletes_on": None,
    }  # fmt: skip
    out = io.StringIO()
    tables.show(coverage.sheet([row], "Days"), Console(file=out, width=width))
    assert max(len(line) for line in out.getvalue().splitlines()) <= width
    assert "2026-03-01" in out.getvalue()
