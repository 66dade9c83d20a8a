"""The macros forecast() and forecast_month(): on generated work whose true distribution is known, and at their edges."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from agent_store.build import publish

MACROS = Path(publish.__file__).with_name("sql_macros")
START = datetime(2026, 1, 1)
# The true median in US dollars and spread (standard deviation of the logarithm) of each kind of agent.
AGENTS = {"Explore": (0.2, 0.9), "Plan": (0.9, 0.5), "general-purpose": (1.5, 1.3), "rare": (6.0, 0.4)}
SHARES = {"Explore": 60, "Plan": 25, "general-purpose": 30, "rare": 3}
RUNS = 300
KNOWN_FIRST = 100
TABLES = """
    create table v_work_cost (
        work_kind varchar, work_id varchar, session_id varchar, project_name varchar, agent_name varchar,
        model_name varchar, task_type varchar, started_at timestamp, ended_at timestamp, total_tokens bigint,
        cost_usd double
    );
    create table v_cost (kind varchar, usage_date date, project_name varchar, cost_usd double);
"""


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with what the macros read, without rows."""
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        connection.execute((MACROS / "forecast.sql").read_text(encoding="utf-8"))
        yield connection


def add(store: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> None:
    """Add pieces of work; what is left out is NULL."""
    names = [row[0] for row in store.execute("select column_name from (describe v_work_cost)").fetchall()]
    given = [[row.get(name) for name in names] for row in rows]
    store.executemany(f"insert into v_work_cost values ({', '.join('?' * len(names))})", given)


def asked(store: duckdb.DuckDBPyConnection, *requests: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The rows of a forecast."""
    fields = ("work_kind", "work_count", "agent_name", "model_name", "task_type", "project_name", "session_id")
    given = [{name: request.get(name) for name in fields} for request in requests]
    said = "".join(f", {name} := ${name}" for name in more)
    found = store.execute(f"from forecast($requests{said})", {"requests": given, **more})
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def runs(random: Random) -> list[dict[str, Any]]:
    """Runs of agents, one an hour; a project makes all of its runs cheaper or more expensive."""
    found = []
    for number in range(RUNS):
        agent = random.choices(list(SHARES), list(SHARES.values()))[0]
        project = random.choice(["shop", "notes"])
        median, spread = AGENTS[agent]
        cost = median * (1.6 if project == "shop" else 0.7) * math.exp(random.gauss(0, spread))
        at = START + timedelta(hours=number)
        found.append({
            "work_kind": "agent_run", "work_id": f"r{number}", "project_name": project, "agent_name": agent,
            "model_name": "m", "started_at": at, "ended_at": at + timedelta(minutes=9),
            "total_tokens": round(cost * 1e6), "cost_usd": cost,
        })  # fmt: skip
    return found


def inside(store: duckdb.DuckDBPyConnection, work: list[dict[str, Any]], *, blind: bool = False) -> tuple[float, float]:
    """Of the later runs, the share inside the band that was forecast before each, and the mean width of the bands."""
    hits, widths = [], []
    for run in work[KNOWN_FIRST:]:
        request = {} if blind else {name: run[name] for name in ("agent_name", "project_name", "model_name")}
        ((band),) = asked(store, request, as_of=run["started_at"])
        hits.append(band["low_usd"] <= run["cost_usd"] <= band["high_usd"])
        widths.append(math.log(band["high_usd"] / band["low_usd"]))
    return sum(hits) / len(hits), sum(widths) / len(widths)


def test_four_of_five_outcomes_lie_inside_the_band_and_knowing_the_agent_makes_it_narrower(
    store: duckdb.DuckDBPyConnection,
) -> None:
    work = runs(Random(7))
    add(store, work)
    share, width = inside(store, work)
    assert 0.72 <= share <= 0.88
    blind_share, blind_width = inside(store, work, blind=True)
    assert 0.72 <= blind_share <= 0.88
    assert width < blind_width - math.log(1.5)


def test_a_band_is_that_of_the_true_distribution_where_much_is_known(store: duckdb.DuckDBPyConnection) -> None:
    random = Random(3)
    add(store, [
        {"work_kind": "agent_run", "work_id": f"r{number}", "agent_name": "Explore", "ended_at": START,
         "total_tokens": 5, "cost_usd": math.exp(random.gauss(0, 1))}
        for number in range(1900)
    ])  # fmt: skip
    (band,) = asked(store, {"agent_name": "Explore"})
    # The tenth and ninetieth percentile of a normal distribution lie 1.2816 standard deviations from its middle.
    assert math.log(band["low_usd"]) == pytest.approx(-1.2816, abs=0.12)
    assert math.log(band["median_usd"]) == pytest.approx(0, abs=0.12)
    assert math.log(band["high_usd"]) == pytest.approx(1.2816, abs=0.12)
    assert (band["past_count"], band["similar_count"], band["low_tokens"]) == (1900, 1900, 5)


def test_too_little_is_not_shown_and_a_total_needs_all_of_its_parts(store: duckdb.DuckDBPyConnection) -> None:
    assert [(row["past_count"], row["low_usd"]) for row in asked(store, {})] == [(0, None)]
    run = {"work_kind": "agent_run", "agent_name": "Explore", "ended_at": START, "total_tokens": 10, "cost_usd": 1.0}
    add(store, [{**run, "work_id": f"r{number}"} for number in range(19)])
    assert [(row["past_count"], row["low_usd"]) for row in asked(store, {})] == [(19, None)]
    assert asked(store, {}, min_count=19)[0]["low_usd"] == 1
    add(store, [
        {**run, "work_id": "r19"}, {**run, "work_id": "free", "cost_usd": 0},
        {**run, "work_id": "unpriced", "cost_usd": None},
    ])  # fmt: skip
    whole, three, two = asked(store, {"work_count": 3}, {"work_count": 2, "agent_name": "Plan"})
    assert (three["past_count"], three["median_usd"], three["median_tokens"]) == (20, 3, 30)
    assert (two["similar_count"], two["high_usd"]) == (0, 2)
    assert (whole["work_kind"], whole["work_count"], whole["low_usd"], whole["high_tokens"]) == ("all", 5, 5, 50)
    # No session has ended yet.
    whole, _, session = asked(store, {}, {"work_kind": "session"})
    assert session["low_usd"] is whole["low_usd"] is whole["median_tokens"] is None


def test_a_running_session_costs_more_than_it_has_cost(store: duckdb.DuckDBPyConnection) -> None:
    session = {"work_kind": "session", "project_name": "shop", "ended_at": START, "total_tokens": 10}
    add(store, [{**session, "work_id": f"s{number}", "cost_usd": number / 10} for number in range(1, 101)])
    (band,) = asked(store, {"work_kind": "session", "session_id": "s60"})
    assert (band["spent_usd"], band["past_count"], band["project_name"]) == (6, 40, "shop")
    assert 6 < band["low_usd"] < band["median_usd"] < band["high_usd"] <= 10
    assert asked(store, {"work_kind": "session", "session_id": "new"})[0]["spent_usd"] is None


def month(store: duckdb.DuckDBPyConnection, today: date, *projects: str) -> dict[str, Any]:
    """The forecast of a month."""
    found = store.execute("from forecast_month(?, projects := ?)", [today, list(projects) or None])
    names = [column[0] for column in found.description or []]
    ((row),) = found.fetchall()
    return dict(zip(names, row, strict=True))


def test_the_outcome_of_four_of_five_months_lies_inside_the_band(store: duckdb.DuckDBPyConnection) -> None:
    random = Random(11)
    costs: dict[date, float] = {}
    for number in range(900):
        day = date(2024, 1, 1) + timedelta(days=number)
        # Work on five days of the week, in stretches of busy and quiet weeks.
        busy = math.exp(random.gauss(0, 0.7)) * (2 if number // 14 % 2 else 1)
        costs[day] = 0.0 if day.weekday() >= 5 else 10 * busy
    spent = [[day, cost] for day, cost in costs.items() if cost]
    store.executemany("insert into v_cost values ('session', ?, 'shop', ?)", spent)
    hits = []
    for number in range(400, 850, 3):
        today = date(2024, 1, 1) + timedelta(days=number)
        found = month(store, today)
        whole = sum(cost for day, cost in costs.items() if (day.year, day.month) == (today.year, today.month))
        # What is to come of today is part of the rest, but not known to the forecast of this moment.
        hits.append(found["low_usd"] <= whole <= found["high_usd"])
    assert 0.7 <= sum(hits) / len(hits) <= 0.9
    assert month(store, date(2025, 6, 1), "notes")["low_usd"] is None


def test_a_month_has_cost_at_least_what_was_spent(store: duckdb.DuckDBPyConnection) -> None:
    assert month(store, date(2026, 3, 20))["low_usd"] is None
    store.execute(
        "insert into v_cost select 'session', day, 'shop', 1 "
        "from generate_series(date '2026-01-01', date '2026-03-19', interval 1 day) as days (day)"
    )
    store.execute(
        "insert into v_cost values ('session', date '2026-03-20', 'shop', 50), ('model', date '2026-03-20', 'shop', 50)"
    )
    found = month(store, date(2026, 3, 20))
    assert (found["days_left"], found["spent_usd"], found["pace_usd"]) == (12, 69, 31)
    assert found["low_usd"] == found["median_usd"] == found["high_usd"] == 69
    assert found["window_count"] == found["past_days"] - 11
