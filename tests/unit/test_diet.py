"""`context_diet`, the macro, on a handful of rows; and how its rows are shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from agent_store.build import publish
from agent_store.show import diet, tables

MACROS = Path(publish.__file__).with_name("sql_macros")
MEMORY = "/home/dev/shop/CLAUDE.md"


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three sessions that carried a memory file, and results of two tools; one of the results in two sessions only."""
    connection = duckdb.connect()
    connection.execute(
        f"""
        create table dim_instruction_section as select * from (values
            ('{MEMORY}', 0, null, null, 100, 0.25), ('{MEMORY}', 1, 'Style', 2, 300, 0.75)
        ) as t (file_path, section_number, heading, heading_level, characters, characters_ratio);
        create macro is_within(day, since, until) as
            (since is null or coalesce(day >= cast(since as date), false))
            and (until is null or coalesce(day <= cast(until as date), false));
        create table v_context_diet as select *, entry + read + rebilled as cost_usd,
            entry + read + rebilled + band as saved_usd, 1 as entry_count, 10 as carried_tokens,
            0.0 as miss_extra_cost_usd, 3 as least_session_count,
            entry as entry_cost_usd, read as read_cost_usd, rebilled as rebilled_cost_usd, band as band_saved_usd
        from (values
            ('s1', date '2026-01-05', 'shop', 'memory_file', '{MEMORY}', null, null, 400, 1.0, 2.0, 3.0, 0.5, 6.5, 0.0),
            ('s2', date '2026-01-06', 'shop', 'memory_file', '{MEMORY}', null, null, 400, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            ('s3', date '2026-03-01', 'till', 'memory_file', '{MEMORY}', null, null, 400, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            ('s1', date '2026-01-05', 'shop', 'mcp_server', 'catalog', 'called', true, 100, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0),
            ('s2', date '2026-03-01', 'shop', 'mcp_server', 'catalog', 'called', false, 100, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0),
            ('s3', date '2026-03-01', 'till', 'mcp_server', 'catalog', 'called', false, 100, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0),
            ('s1', date '2026-01-05', 'shop', 'tool_result', 'Grep', null, null, 50, 7.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            ('s3', date '2026-03-01', 'till', 'tool_result', 'Glob', null, null, 50, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        ) as t (session_id, usage_date, project_name, part_kind, part_name, use_basis, is_used, entered_tokens, entry, read,
            rebilled, band, exact_saved_usd, estimated_saved_usd)
        """
    )
    connection.execute((MACROS / "diet.sql").read_text(encoding="utf-8"))
    yield connection
    connection.close()


def ask(connection: duckdb.DuckDBPyConnection, arguments: str = "") -> list[dict[str, Any]]:
    found = connection.execute(f"from context_diet({arguments})")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_parts_add_up_and_what_few_sessions_carried_is_one_row_without_savings(store: duckdb.DuckDBPyConnection) -> None:
    memory, server, rare = ask(store)
    assert (memory["part_kind"], memory["session_count"], memory["cost_usd"]) == ("memory_file", 3, 8.0)
    assert (memory["saved_usd"], memory["saving_method"], memory["use_basis"]) == (8.5, "exact", None)
    # January and March: February had no use.
    assert (memory["month_count"], memory["saved_usd_per_month"]) == (2, 4.25)
    assert (server["used_session_count"], server["tested_session_count"], server["saving_method"]) == (1, 3, "estimated")
    assert (rare["part_kind"], rare["part_count"], rare["session_count"], rare["cost_usd"]) == ("rare", 2, 2, 16.0)
    assert rare["saved_usd"] is rare["saved_usd_per_month"] is rare["saving_method"] is rare["use_basis"] is None
    assert sum(row["cost_usd"] for row in (memory, server, rare)) == memory["total_cost_usd"] == 30.0
    assert [row["rest_cost_usd"] for row in (memory, server, rare)] == [22.0, 16.0, None]


def test_a_time_and_projects_narrow_the_rows_and_the_minimum_holds_for_what_is_left(
    store: duckdb.DuckDBPyConnection,
) -> None:
    (rare,) = ask(store, "projects := ['shop']")
    assert (rare["part_kind"], rare["cost_usd"], rare["total_session_count"]) == ("rare", 18.0, 2)
    assert [row["cost_usd"] for row in ask(store, "since := '2026-02-01'")] == [14.0]
    assert ask(store, "until := '2025-01-01'") == []


def test_sections_are_shares_of_their_file(store: duckdb.DuckDBPyConnection) -> None:
    memory, server, _ = ask(store)
    assert server["sections"] is None
    assert [(one["heading"], one["cost_usd"], one["tokens_per_session"]) for one in memory["sections"]] == [
        (None, 2.0, 100.0), ("Style", 6.0, 300.0),
    ]  # fmt: skip


def drawn(rows: list[dict[str, Any]], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    tables.show(diet.sheet(rows, "Carried", with_sections=True), console)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_sections_and_the_rare_row_are_shown_at_any_width(store: duckdb.DuckDBPyConnection, width: int) -> None:
    lines = drawn(ask(store), width)
    text = "\n".join(lines)
    assert all(len(line) <= width for line in lines)
    assert "§" in text
    assert "$6.00" in text
    assert "$4.25" in text
    assert "others" in text
    if width == 140:
        assert "2 parts in fewer than 3 sessions each" in text
        assert "1 of 3" in text


def test_notes_say_what_the_numbers_rest_on(store: duckdb.DuckDBPyConnection) -> None:
    rows = ask(store)
    text = "\n".join(diet.notes(rows[:1], len(rows)))
    assert "2 more parts cost $22.00: --limit 0 shows all." in text
    assert "lower price band, which counts as saved: $0.50 for memory file" in text
    assert "Exact: its tokens were measured alone." in text
    assert "From 3 sessions, $30.00 of input at list prices; per month: calendar months with use, 2 at most." in text
    assert diet.notes([], 0) == []
