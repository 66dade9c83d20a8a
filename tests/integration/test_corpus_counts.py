"""The store of the corpus agrees, response by response, with the independent count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.independent_count import Count, Response, Totals, ccusage_count, count

pytestmark = pytest.mark.corpus

Key = tuple[str | None, str | None, str]
QUERY = """
    select
        c.message_id, c.request_id, c.session_id, m.model_name, c.uncached_input_tokens, c.output_tokens,
        c.cache_write_5m_tokens, c.cache_write_1h_tokens, c.cache_read_tokens, c.called_at, c.is_output_final,
        c.cost_usd - c.web_search_cost_usd
    from fact_api_call as c
    left join dim_model as m using (model_id)
    where c.success
"""


@pytest.fixture(scope="module")
def store(corpus_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published store, read-only."""
    with duckdb.connect(str(corpus_store), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def counted(corpus_dir: Path) -> Count:
    """The independent count."""
    return count([corpus_dir])


@pytest.fixture(scope="module")
def calls(store: duckdb.DuckDBPyConnection) -> dict[Key, tuple[Any, ...]]:
    """The successful calls of the store by key."""
    rows = store.execute(QUERY).fetchall()
    keys = Counter(row[:3] for row in rows)
    assert [key for key, times in keys.items() if times > 1] == []
    return {(row[0], row[1], row[2]): row[3:] for row in rows}


def _values(response: Response) -> tuple[Any, ...]:
    tokens = response.tokens
    started_at = response.started_at.replace(tzinfo=None) if response.started_at else None
    return (
        response.model,
        tokens.input,
        tokens.output,
        tokens.write_5m,
        tokens.write_1h,
        tokens.read,
        started_at,
        response.is_output_final,
    )


def test_same_responses(counted: Count, calls: dict[Key, tuple[Any, ...]]) -> None:
    """The same keys, owned by the same sessions."""
    ours, theirs = set(calls), {response.key for response in counted.responses}
    assert sorted(map(str, ours - theirs))[:20] == []
    assert sorted(map(str, theirs - ours))[:20] == []


def test_same_values(counted: Count, calls: dict[Key, tuple[Any, ...]]) -> None:
    """Model, tokens by class, start and finality of every response."""
    differing = [
        (response.key, calls[response.key][:8], _values(response))
        for response in counted.responses
        if response.key in calls and calls[response.key][:8] != _values(response)
    ]
    assert differing[:10] == [], f"{len(differing)} responses differ"


def test_same_cost(counted: Count, calls: dict[Key, tuple[Any, ...]]) -> None:
    """The cost of every response, to a billionth of a dollar; unpriced ones are NULL in both."""
    differing = []
    for response in counted.responses:
        if response.key in calls:
            cost = calls[response.key][8]
            unequal = (cost is None) != (response.cost_usd is None)
            if unequal or (cost is not None and abs(cost - (response.cost_usd or 0.0)) > 1e-9):
                differing.append((response.key, cost, response.cost_usd))
    assert differing[:10] == [], f"{len(differing)} costs differ"


def _assert_sums(row: tuple[Any, ...], sums: Totals, where: str) -> None:
    assert row[:7] == (
        sums.responses,
        sums.tokens.input,
        sums.tokens.output,
        sums.tokens.read,
        sums.tokens.write_5m,
        sums.tokens.write_1h,
        sums.unpriced,
    ), where
    assert (row[7] or 0.0) == pytest.approx(sums.cost_usd, abs=1e-6), where


MEASURES = """
    sum(response_count), sum(uncached_input_tokens), sum(output_tokens), sum(cache_read_tokens),
    sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), sum(unpriced_response_count),
    sum(cost_usd - web_search_cost_usd)
"""


@pytest.mark.parametrize(
    "mart",
    [
        "v_cost_daily",
        "v_cost_monthly",
        "v_cost_by_model",
        "v_cost_by_project",
        "v_cost_by_branch",
        "v_blocks",
    ],
)
def test_total_of_each_mart(mart: str, store: duckdb.DuckDBPyConnection, counted: Count) -> None:
    """Every mart sums to the same total."""
    row = store.execute(f"select {MEASURES} from {mart}").fetchone()
    assert row is not None
    _assert_sums(row, counted.totals, mart)


def test_each_day(store: duckdb.DuckDBPyConnection, counted: Count) -> None:
    """Every UTC day (the default time zone of the store)."""
    rows = store.execute(
        f"select usage_date, {MEASURES} from v_cost_daily where response_count > 0 group by usage_date"
    ).fetchall()
    days = counted.by_day()
    assert {row[0].isoformat() for row in rows} == set(days)
    for row in rows:
        _assert_sums(row[1:], days[row[0].isoformat()], row[0].isoformat())


def test_each_model(store: duckdb.DuckDBPyConnection, counted: Count) -> None:
    """Every model."""
    rows = store.execute(
        f"select model_name, {MEASURES} from v_cost_by_model where response_count > 0 group by model_name"
    ).fetchall()
    models = counted.by_model()
    assert {row[0] for row in rows} == set(models)
    for row in rows:
        _assert_sums(row[1:], models[row[0]], row[0])


def test_first_calls_are_in_utc(store: duckdb.DuckDBPyConnection, counted: Count) -> None:
    """The store's first and last call are the count's."""
    row = store.execute("select min(called_at), max(called_at) from fact_api_call where success").fetchone()
    moments = [response.started_at for response in counted.responses if response.started_at]
    assert row is not None
    assert (row[0].replace(tzinfo=UTC), row[1].replace(tzinfo=UTC)) == (min(moments), max(moments))


@pytest.mark.parametrize("report", ["session", "daily"])
def test_reconciliation_with_ccusage(
    store: duckdb.DuckDBPyConnection, counted: Count, corpus_dir: Path, report: str
) -> None:
    """The rows that compare with a report of ccusage explain the whole difference, each with a cause."""
    row = store.execute(
        "select sum(difference_usd) filter (where cause <> 'web_search_fee'), count(*) filter (where cause is null)"
        " from v_reconciliation where comparison = ?",
        [f"ccusage {report}"],
    ).fetchone()
    assert row is not None
    theirs = ccusage_count([corpus_dir], report=report).cost_usd
    assert row[0] == pytest.approx(counted.totals.cost_usd - theirs, abs=0.01)
    assert row[1] == 0
