"""Rows of a query as people read them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from agent_store.errors import StoreError
from agent_store.show.guard import only_question
from agent_store.show.query import Found, run, show_table
from agent_store.show.values import csv_text, json_text, shown


def _text(columns: list[str], rows: list[tuple[object, ...]], width: int, *, is_cut: bool = False) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    is_number = [isinstance(value, int) for value in rows[0]]
    found = Found(columns, is_number, [[shown(value) for value in row] for row in rows], is_cut)
    show_table(found, console)
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
    assert shown in _text(["number"], [(value,)], 80).split()


def test_what_fits_is_a_table() -> None:
    text = _text(["name", "tokens"], [("a", 1), ("b", 22)], 80)
    assert "row 1" not in text
    assert [line.split() for line in text.splitlines()][3:5] == [["a", "1"], ["b", "22"]]


def test_what_is_too_wide_stands_row_by_row_and_no_name_is_broken() -> None:
    columns = [f"a_long_name_of_column_{number}" for number in range(8)]
    text = _text(columns, [tuple(range(8)), tuple(range(8))], 100, is_cut=True)
    assert "row 2" in text
    assert all(text.count(name) == 2 for name in columns)
    assert "2 rows shown; there are more" in text


def test_long_texts_are_folded_numbers_are_not() -> None:
    text = _text(["text", "number"], [("word " * 40, 1_234_567_890)], 60)
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
    with duckdb.connect(":memory:") as connection, pytest.raises(StoreError, match="not allowed here"):
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


@pytest.mark.parametrize(
    "sql",
    [
        "create table t as select 1", "create temp table t as select 1", "insert into t values (1)", "drop table t",
        "set threads = 1", "use memory", "attach ':memory:' as m", "copy (select 1) to 'x'", "begin", "load json",
        "prepare p as select 1", "vacuum", "pragma enable_profiling", "call pragma_version()",
        "explain drop table t", "explain analyze create table t as select 1", "explain (format json) drop table t",
        "explain analyze copy (select 1) to 'x'", "explain /* select 1 */ create table t as select 1",
    ],
)  # fmt: skip
def test_a_statement_that_is_no_question_is_not_run(sql: str) -> None:
    with duckdb.connect(":memory:") as connection, pytest.raises(StoreError, match="not allowed here"):
        only_question(connection, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1", "from range(3)", "values (1)", "with a as (select 1) from a", " ; select 1 ;; -- and that is all",
        "describe select 1", "summarize select 1", "show tables", "explain select 1", "explain analyze from range(3)",
        "explain (format json) select 1", "explain analyze (select 1)", "explain /* drop table t */ values (1)",
        "pivot (select 1 as a, 2 as b) on a in (1) using sum(b)",
    ],
)  # fmt: skip
def test_one_statement_that_asks_is_run(sql: str) -> None:
    with duckdb.connect(":memory:") as connection:
        assert connection.execute(only_question(connection, sql)).fetchall() is not None


def test_several_statements_are_refused_and_pivot_says_what_to_write() -> None:
    with duckdb.connect(":memory:") as connection:
        for sql in ("", " ;", "-- nothing"):
            with pytest.raises(StoreError, match="no statement"):
                only_question(connection, sql)
        with pytest.raises(StoreError, match="These are 2 statements"):
            only_question(connection, "select 1; select 'pivot'")
        with pytest.raises(StoreError, match="PIVOT without IN is several statements") as error:
            only_question(connection, "pivot (select 1 as a, 2 as b) on a using sum(b)")
        assert "IN ('a', 'b')" in error.value.hint


# What SQL gives, and how CSV and JSON write it.
VALUES = [
    ("'a\"b'", 'a"b', '"a\\"b"'),
    ("null", "", "null"),
    ("true", "true", "true"),
    ("0.1 + 0.2::double", "0.30000000000000004", "0.30000000000000004"),
    ("'NaN'::double", "", "null"),
    ("'-Infinity'::float", "", "null"),
    ("12345678901234567890123456789.123456789::decimal(38, 9)",)
    + 2 * ("12345678901234567890123456789.123456789",),
    ("0.000000001::decimal(18, 9)", "0.000000001", "0.000000001"),
    ("-0.50::decimal(4, 2)", "-0.50", "-0.50"),
    ("170141183460469231731687303715884105727::hugeint",) + 2 * ("170141183460469231731687303715884105727",),
    ("9007199254740993", "9007199254740993", "9007199254740993"),
    ("timestamp '2026-03-01 12:00:00.5'",) + 2 * ("2026-03-01T12:00:00.500000+00:00",),
    ("timestamptz '2026-03-01 12:00:00+02'",) + 2 * ("2026-03-01T10:00:00+00:00",),
    ("timestamptz '0001-01-01 00:00:00+00'",) + 2 * ("0001-01-01T00:00:00+00:00",),
    ("date '2026-03-01'",) + 2 * ("2026-03-01",),
    ("time '12:00:00'",) + 2 * ("12:00:00",),
    ("interval '1 day 2 hours'",) + 2 * ("1 day, 2:00:00",),
    ("'\\xFFa'::blob",) + 2 * ("ff61",),
    ("'11111111-1111-1111-1111-111111111111'::uuid",) + 2 * ("11111111-1111-1111-1111-111111111111",),
    ("[timestamp '2026-03-01']",) + 2 * ('["2026-03-01T00:00:00+00:00"]',),
    ("{'x': 1.10::decimal(4, 2), 'y': 'NaN'::double}",) + 2 * ('{"x": 1.10, "y": null}',),
    ("map {timestamp '2026-03-01': 1}",) + 2 * ('{"2026-03-01T00:00:00+00:00": 1}',),
]


@pytest.mark.parametrize(("sql", "as_csv", "as_json"), VALUES)
def test_csv_and_json_lose_nothing(sql: str, as_csv: str, as_json: str) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = connection.execute(f"select {sql} as x").fetchall()
    assert list(csv.reader(io.StringIO("".join(csv_text(["x", "y"], [(*rows[0], 1)]))))) == [
        ["x", "y"], [as_csv, "1"],
    ]  # fmt: skip
    text = "".join(json_text(["x"], rows))
    json.loads(text, parse_constant=pytest.fail)
    assert text.removeprefix('[\n{"x": ').removesuffix("}\n]\n").strip('"') == as_json.strip('"')


def test_json_is_strict_and_keeps_both_of_two_columns_with_one_name() -> None:
    row = (1.5, float("nan"), float("-inf"), [float("nan"), {"x": float("inf")}], 7)
    columns = ["cost", "cost", "cost_2", "list", "cost"]
    text = "".join(json_text(columns, [row, row]))
    expected = {"cost": 1.5, "cost_3": None, "cost_2": None, "list": [None, {"x": None}], "cost_4": 7}
    assert json.loads(text, parse_constant=pytest.fail) == [expected, expected]
    assert "".join(json_text(columns, [])) == "[]\n"
    assert next(csv_text(columns, [])) == "cost,cost_3,cost_2,list,cost_4\n"


def test_csv_tells_an_empty_text_from_null(tmp_path: Path) -> None:
    rows = [("", None, 'a"b', "c\nd", "e,f", "g\rh", " "), (None, "", "", "", "", "", ""), ("x", None, *"yz123")]
    text = "".join(csv_text(list("abcdefg"), rows))
    assert text == 'a,b,c,d,e,f,g\n"",,"a""b","c\nd","e,f","g\rh", \n,"","","","","",""\nx,,y,z,1,2,3\n'
    with duckdb.connect(":memory:") as connection:
        file = tmp_path / "found.csv"
        file.write_text("".join(csv_text(["a", "b"], [row[:2] for row in rows])), encoding="utf-8")
        read = connection.read_csv(str(file), header=True, all_varchar=True, allow_quoted_nulls=False)
        assert read.fetchall() == [row[:2] for row in rows]
    assert list(csv.reader(csv_text(["a"], [("",), (None,), ("b",)]))) == [["a"], [""], [""], ["b"]], "no row is lost"
