"""The dashboard for Grafana: the SQL of every panel, run as the DuckDB data source runs it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import PROJECT

FOLDER = PROJECT / "dashboards" / "grafana"
BOARD: dict[str, Any] = json.loads((FOLDER / "agent-store.json").read_text(encoding="utf-8"))
SOURCE: dict[str, Any] = yaml.safe_load(
    (FOLDER / "provisioning" / "datasources" / "agent-store.yaml").read_text(encoding="utf-8")
)["datasources"][0]
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in BOARD["panels"]}
TIME_SERIES, TABLE = 0, 1
# The types that the data source hands on as they are. HUGEINT, the type of a sum of integers, becomes text; lists fail.
NUMBERS = {"BIGINT", "INTEGER", "DOUBLE"}
ARRIVES = NUMBERS | {"VARCHAR", "TIMESTAMP", "DATE", "BOOLEAN"}
ALWAYS = ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z")


def as_the_data_source_runs_it(sql: str, projects: list[str], period: tuple[str, str] = ALWAYS) -> str:
    """The SQL with its macro replaced as the plugin does it, and its variable as Grafana does it."""
    start, end = period
    sql = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 >= '{start}' AND \1 <= '{end}'", sql)
    texts = ",".join("'" + project.replace("'", "''") + "'" for project in projects)
    sql = sql.replace("${project:sqlstring}", texts)
    assert "$" not in sql, "what else is replaced has to be added here"
    return sql


@pytest.fixture
def store(sample_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The store, opened with the settings of the provisioned data source."""
    settings = SOURCE["jsonData"]
    path = settings["path"].replace("$AGENT_STORE_HOME", str(sample_store.parent))
    with duckdb.connect(path, read_only=settings["readOnly"]) as connection:
        connection.execute(settings["initSql"])
        yield connection


def ask(
    store: duckdb.DuckDBPyConnection, title: str, period: tuple[str, str] = ALWAYS
) -> duckdb.DuckDBPyConnection:
    """The result of a panel with all projects selected, as Grafana fills the variable."""
    variable = BOARD["templating"]["list"][0]["query"]
    projects = [name for (name,) in store.execute(variable).fetchall()]
    (target,) = PANELS[title]["targets"]
    return store.execute(as_the_data_source_runs_it(target["rawSql"], projects, period))


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_gets_the_columns_that_it_needs(store: duckdb.DuckDBPyConnection, title: str) -> None:
    panel = PANELS[title]
    result = ask(store, title)
    columns = {name: str(kind) for name, kind, *_ in result.description or ()}
    rows = result.fetchall()
    assert set(columns.values()) <= ARRIVES
    assert rows, "the sample has rows for every panel"
    numbers = [name for name, kind in columns.items() if kind in NUMBERS]
    names = list(columns)
    (target,) = panel["targets"]
    if panel["type"] == "timeseries":
        assert target["format"] == TIME_SERIES
        assert (names[0], columns["time"]) == ("time", "TIMESTAMP")
        assert numbers
        times = [row[0] for row in rows]
        assert times == sorted(times), "Grafana refuses a time series that is not in order"
        # The data source turns the texts into labels: a time must not occur twice in one series.
        assert len({row[: len(names) - len(numbers)] for row in rows}) == len(rows)
        label = panel["fieldConfig"]["defaults"].get("displayName", "")
        labels = re.findall(r"\$\{__field\.labels\.(\w+)\}", label)
        assert labels == [name for name, kind in columns.items() if kind == "VARCHAR"]
    else:
        assert target["format"] == TABLE
    if panel["type"] == "stat":
        assert (len(rows), numbers) == (1, names)
        assert None not in rows[0]
    overridden = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
    assert overridden <= set(columns)


def test_the_dollars_are_those_of_the_views(store: duckdb.DuckDBPyConnection) -> None:
    (total,) = store.execute(
        "select sum(cost_usd) from v_cost_daily where usage_date is not null"
    ).fetchone() or (0,)
    assert ask(store, "Cost").fetchall() == [(pytest.approx(total),)]
    for title in ("Cost per day, by cause", "Cost per day, by model"):
        assert sum(row[2] or 0 for row in ask(store, title).fetchall()) == pytest.approx(total)


def test_a_period_has_its_days_whole(store: duckdb.DuckDBPyConnection) -> None:
    day, cost = store.execute(
        "select usage_date, cost_usd from v_cost_daily where cost_usd > 0 order by usage_date limit 1"
    ).fetchone() or (None, None)
    period = (f"{day}T09:30:00Z", f"{day}T17:00:00Z")
    assert ask(store, "Cost", period).fetchall() == [(pytest.approx(cost),)]
    assert ask(store, "Cost per day, by cause", period).fetchall()[0][0] == datetime.fromisoformat(f"{day}")
    nothing = ("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z")
    for title, panel in PANELS.items():
        rows = ask(store, title, nothing).fetchall()
        if panel["type"] != "stat" and "$__timeFilter" in panel["targets"][0]["rawSql"]:
            assert rows == []


def test_the_connection_reads_the_store_and_nothing_else(store: duckdb.DuckDBPyConnection) -> None:
    for sql in (
        f"attach '{PROJECT / 'other.duckdb'}' as other",
        f"from read_text('{PROJECT / 'README.md'}')",
    ):
        with pytest.raises(duckdb.PermissionException):
            store.execute(sql)
    with pytest.raises(duckdb.InvalidInputException):
        store.execute("create table t as select 1")
    assert store.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)


def test_the_files_belong_together() -> None:
    used = {
        (source["type"], source["uid"])
        for panel in BOARD["panels"]
        for source in (panel["datasource"], panel["targets"][0]["datasource"])
    } | {
        (variable["datasource"]["type"], variable["datasource"]["uid"])
        for variable in BOARD["templating"]["list"]
    }
    assert used == {(SOURCE["type"], SOURCE["uid"])}
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    # No panel covers another one or exceeds the 24 columns.
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in BOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
