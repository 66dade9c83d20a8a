"""Rows of a query as people read them."""

from __future__ import annotations

import io
import json

import duckdb
import pytest
from rich.console import Console

from agent_store.errors import StoreError
from agent_store.show.query import Answer, run, show_table, write_json


def _text(answer: Answer, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    show_table(answer, console)
    return console.export_text()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (142.80441200000004, "142.804412"),
        (0.1 + 0.2, "0.3"),
        (2.0, "2"),
        (4.58e-17, "4.58e-17"),
        (0.0, "0"),
        (-0.0, "0"),
        (None, "–"),
    ],
)
def test_numbers_have_no_noise(value: float | None, shown: str) -> None:
    assert shown in _text(Answer(["number"], [(value,)], is_cut=False), 80).split()


def test_what_fits_is_a_table() -> None:
    text = _text(Answer(["name", "tokens"], [("a", 1), ("b", 22)], is_cut=False), 80)
    assert "row 1" not in text
    assert [line.split() for line in text.splitlines()][3:5] == [["a", "1"], ["b", "22"]]


def test_what_is_too_wide_stands_row_by_row_and_no_name_is_broken() -> None:
    columns = [f"a_long_name_of_column_{number}" for number in range(8)]
    text = _text(Answer(columns, [tuple(range(8)), tuple(range(8))], is_cut=True), 100)
    assert "row 2" in text
    assert all(text.count(name) == 2 for name in columns)
    assert "2 rows shown; there are more" in text


def test_long_texts_are_folded_numbers_are_not() -> None:
    rows = [("word " * 40, 1_234_567_890)]
    text = _text(Answer(["text", "number"], rows, is_cut=False), 60)
    assert "1234567890" in text
    assert max(len(line) for line in text.splitlines()) <= 60


@pytest.mark.parametrize(
    "sql",
    [
        "from enable_logging(storage='file')", "from ENABLE_LOGGING (storage='file', storage_path='/tmp/x')",
        'select * from "enable_logging"()', "from system.main.enable_logging /* x */ ()", "call enable_logging()",
        "from disable_logging()", "from truncate_duckdb_logs()", "from enable_profiling()", "pragma enable_verification",
        "from checkpoint()", "from force_checkpoint()", "select write_log('x')", "from arrow_scan(1, 2, 3)",
        "from query('from enable_' || 'logging()')", "select 1; call enable_logging()",
        "select 'é'; from enable_logging\n()",
        "with a as (from enable_logging()) from a", "from json_execute_serialized_sql('{}')",
    ],
)  # fmt: skip
def test_what_changes_duckdb_itself_is_refused(sql: str) -> None:
    with duckdb.connect(":memory:") as connection, pytest.raises(StoreError, match="not run here"):
        run(connection, sql, 10)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as query", "describe select 1",
        "summarize select 1", "show tables", "select 'enable_logging()'", "explain select 1", "values (1)",
        "select enable_logging from (select 1) as t(enable_logging)", "select 1 -- enable_logging()", "from range(3)",
        "pivot (select 1 as a, 2 as b) on a using sum(b)",
    ],
)  # fmt: skip
def test_questions_are_answered(sql: str) -> None:
    with duckdb.connect(":memory:") as connection:
        assert run(connection, sql, 10).columns


def test_json_is_strict_and_keeps_both_of_two_columns_with_one_name() -> None:
    out = io.StringIO()
    row = (1.5, float("nan"), float("-inf"), [float("nan"), {"x": float("inf")}], 7)
    write_json(Answer(["cost", "cost", "cost_2", "list", "cost"], [row], is_cut=False), out)
    assert json.loads(out.getvalue(), parse_constant=pytest.fail) == [
        {"cost": 1.5, "cost_3": None, "cost_2": None, "list": [None, {"x": None}], "cost_4": 7}
    ]
