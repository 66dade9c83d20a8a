"""One store built from all golden cases at once holds, for each case, exactly the responses it expects."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import golden_names
from tests.independent_count import ccusage_count

Row = dict[str, Any]
COLUMNS = (
    "message_id",
    "request_id",
    "session_id",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "started_at",
    "is_output_final",
)
# Lines that are repaired here and that the JSON parser of ccusage refuses: v_reconciliation takes them for counted.
REFUSED_BY_CCUSAGE = {
    "ad_float_tokens",
    "ai_bom_crlf",
    "invalid_utf8",
    "lone_surrogate_and_nul",
    "set_aside_files",
}
QUERY = """
    select
        c.message_id, c.request_id, c.session_id, m.model_name as model,
        c.uncached_input_tokens as input_tokens, c.output_tokens,
        c.cache_write_5m_tokens, c.cache_write_1h_tokens, c.cache_read_tokens, c.called_at as started_at,
        c.is_output_final, c.cost_usd - c.web_search_cost_usd as cost_usd,
        c.web_search_cost_usd as web_search_usd, c.*
    from fact_api_call as c
    left join dim_model as m using (model_id)
    where c.success
"""


@pytest.fixture(scope="module")
def store(golden_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published store, read-only."""
    with duckdb.connect(str(golden_store), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def case_of_session(golden_dir: Path) -> dict[str, str]:
    """Which case a session belongs to: every session that any line of the case names, and every file name."""
    owner: dict[str, str] = {}
    for name in golden_names():
        for path in (golden_dir / name).rglob("*.jsonl"):
            owner[path.stem] = name
        for row in json.loads((golden_dir / name / "expected.json").read_text(encoding="utf-8"))["responses"]:
            owner[row["session_id"]] = name
    return owner


@pytest.fixture(scope="module")
def rows_by_case(store: duckdb.DuckDBPyConnection, case_of_session: dict[str, str]) -> dict[str, list[Row]]:
    """The successful calls of the store by case."""
    result = store.execute(QUERY)
    names = [column[0] for column in result.description or []]
    cases: dict[str, list[Row]] = defaultdict(list)
    for values in result.fetchall():
        row: Row = {}
        for name, value in zip(names, values, strict=True):
            row.setdefault(name, value)
        if row["started_at"] is not None:
            row["started_at"] = row["started_at"].replace(tzinfo=UTC)
        cases[case_of_session.get(row["session_id"], "?")].append(row)
    return cases


def _order(row: Row) -> tuple[str, str, str]:
    return str(row["message_id"]), str(row["request_id"]), str(row["started_at"])


def _is_priced(row: Row) -> bool:
    """Whether everything in a response has a price: what a case says where that is less than all."""
    return bool(row.get("is_priced", row["cost_usd"] is not None))


def _expected(golden_dir: Path, name: str) -> list[Row]:
    case = json.loads((golden_dir / name / "expected.json").read_text(encoding="utf-8"))
    rows = [
        {**row, "started_at": datetime.fromisoformat(row["started_at"]) if row["started_at"] else None}
        for row in case["responses"]
    ]
    return sorted(rows, key=_order)


@pytest.mark.parametrize("name", golden_names())
def test_case(name: str, golden_dir: Path, rows_by_case: dict[str, list[Row]]) -> None:
    """Tokens, owner, model, time and finality are equal; the price is equal to a billionth of a dollar."""
    expected = _expected(golden_dir, name)
    rows = sorted(rows_by_case[name], key=_order)
    assert [{key: row[key] for key in COLUMNS} for row in rows] == [
        {key: row[key] for key in COLUMNS} for row in expected
    ]
    assert [row["cost_usd"] for row in rows] == pytest.approx([row["cost_usd"] for row in expected], abs=1e-9)
    assert [row["web_search_usd"] or 0 for row in rows] == pytest.approx(
        [row["web_search_usd"] or 0 for row in expected], abs=1e-9
    )
    assert [row["is_priced"] for row in rows] == [_is_priced(row) for row in expected]


@pytest.mark.parametrize("name", golden_names())
def test_inferences_of_case(name: str, golden_dir: Path, store: duckdb.DuckDBPyConnection) -> None:
    """Where a case tells the inferences of a response, the store has them, and the context of its answer."""
    for row in _expected(golden_dir, name):
        if "inferences" not in row:
            continue
        found = store.execute(
            """
            select i.inference_type, m.model_name, i.context_tokens, i.output_tokens, i.cost_usd, c.context_tokens
            from fact_inference as i
            inner join dim_model as m on m.model_id = i.model_id
            inner join fact_api_call as c on c.call_id = i.call_id
            where c.message_id = ?
            order by i.inference_number
            """,
            [row["message_id"]],
        ).fetchall()
        assert [line[:4] for line in found] == [
            (part["type"], part["model"], part["context_tokens"], part["output_tokens"])
            for part in row["inferences"]
        ]
        assert [line[4] for line in found] == pytest.approx(
            [part["cost_usd"] for part in row["inferences"]], abs=1e-12
        )
        assert {line[5] for line in found} == {row["context_tokens"]}


def test_no_response_without_a_case(rows_by_case: dict[str, list[Row]]) -> None:
    """Every call of the store belongs to a case."""
    assert rows_by_case.get("?", []) == []


def test_set_aside_lines(store: duckdb.DuckDBPyConnection, golden_dir: Path) -> None:
    """The lines that no one could read are findings, as many as the cases say."""
    expected = sum(
        json.loads((golden_dir / name / "expected.json").read_text(encoding="utf-8"))["set_aside_lines"]
        for name in golden_names()
    )
    columns = [row[0] for row in store.execute("describe v_set_aside_line").fetchall()]
    measure = "sum(line_count)" if "line_count" in columns else "count(*)"
    found = store.execute(f"select coalesce({measure}, 0) from v_set_aside_line").fetchone()
    assert found is not None
    assert found[0] == expected


def test_unpriced_models_are_findings(store: duckdb.DuckDBPyConnection, golden_dir: Path) -> None:
    """A model without a price stands among the findings, by name and with the reason."""
    expected = {
        part["model"]
        for name in golden_names()
        for row in _expected(golden_dir, name)
        for part in row.get("inferences", [row])
        if part["cost_usd"] is None
    }
    found = dict(store.execute("select model_name, unpriced_reason from v_unpriced_model").fetchall())
    assert set(found) == expected
    assert {name for name, reason in found.items() if reason == "profile_hides_model"} == {
        name for name in expected if name.startswith("arn:")
    }


def test_what_has_no_day_is_a_row_of_its_own(store: duckdb.DuckDBPyConnection, golden_dir: Path) -> None:
    """Days and months hold every dollar, those without a readable time too."""
    undated = [
        row for name in golden_names() for row in _expected(golden_dir, name) if row["started_at"] is None
    ]
    assert undated
    for mart, name in (("v_cost_daily", "day_name"), ("v_cost_monthly", "month_name")):
        found = store.execute(
            f"select response_count, cost_usd from {mart} where {name} = 'undated'"
        ).fetchall()
        assert found == [(len(undated), pytest.approx(sum(row["cost_usd"] for row in undated)))]


def test_totals_of_the_marts(store: duckdb.DuckDBPyConnection, golden_dir: Path) -> None:
    """The marts sum to the expected responses."""
    rows = [row for name in golden_names() for row in _expected(golden_dir, name)]
    for mart in ("v_cost_daily", "v_cost_monthly", "v_cost_by_model", "v_cost_by_project"):
        sums = store.execute(
            f"select sum(response_count), sum(uncached_input_tokens), sum(output_tokens), sum(cache_read_tokens),"
            f" sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), sum(unpriced_response_count)"
            f" from {mart}"
        ).fetchone()
        assert sums is not None
        assert sums == (
            len(rows),
            sum(row["input_tokens"] for row in rows),
            sum(row["output_tokens"] for row in rows),
            sum(row["cache_read_tokens"] for row in rows),
            sum(row["cache_write_5m_tokens"] for row in rows),
            sum(row["cache_write_1h_tokens"] for row in rows),
            sum(not _is_priced(row) for row in rows),
        ), mart


@pytest.mark.parametrize("report", ["session", "daily"])
def test_the_store_says_what_ccusage_would_say(
    store: duckdb.DuckDBPyConnection, case_of_session: dict[str, str], golden_dir: Path, report: str
) -> None:
    """Case by case, the reconciliation gives the dollars of ccusage's own rules, worked out without the models."""
    shown: dict[str, float] = dict.fromkeys(golden_names(), 0.0)
    for session_id, usd in store.execute(
        "select session_id, sum(their_usd) from v_reconciliation where comparison = ? group by all",
        [f"ccusage {report}"],
    ).fetchall():
        shown[case_of_session.get(session_id, "?")] += usd
    expected = {
        name: ccusage_count([golden_dir / name], report=report).cost_usd
        for name in golden_names()
        if name not in REFUSED_BY_CCUSAGE
    }
    assert {name: shown[name] for name in expected} == pytest.approx(expected, abs=1e-9)
