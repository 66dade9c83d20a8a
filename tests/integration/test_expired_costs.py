"""What expired sessions cost is in every view over days as it was, and `v_retention` counts what went."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import BuildStore

COSTS = (
    "v_cost_daily", "v_cost_monthly", "v_cost_by_project", "v_cost_by_model", "v_cost_by_branch", "v_cost_by_agent",
    "v_cost_by_task_type", "v_cost_by_tool", "v_cost_by_skill", "v_cost_by_mcp_server", "v_cost_by_plugin",
    "v_budget_burn_down",
)  # fmt: skip


def rows_of(store: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a store answers, doubles to the ninth digit and in an order of its own."""
    with duckdb.connect(str(store), read_only=True) as connection:
        rows = connection.execute(sql).fetchall()
    rounded = [tuple(f"{one:.9g}" if isinstance(one, float) else one for one in row) for row in rows]
    return sorted(rounded, key=repr)


@pytest.fixture(scope="module")
def stores(
    sample_store: Path, build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path]]:
    """The store of the sample, and one whose older half has expired."""
    home = tmp_path_factory.mktemp("expired") / "home"
    shutil.copytree(sample_store.parent, home)
    (middle,) = rows_of(sample_store, "select cast(quantile_disc(ended_at, 0.5) as date) from dim_session")[0]
    days = (datetime.now(UTC).date() - middle).days
    home.joinpath("privacy.yml").write_text(f"retention: {{sessions: {days}}}\n")
    home.joinpath("privacy.yml").chmod(0o600)
    yield sample_store, build_store([], home)


def test_views_over_days_are_as_they_were(stores: Sequence[Path]) -> None:
    before, after = stores
    sessions = [rows_of(store, "select count(*) from dim_session")[0][0] for store in stores]
    assert 0 < sessions[1] < sessions[0]
    for view in COSTS:
        assert rows_of(after, f"from {view}") == rows_of(before, f"from {view}"), view
    for kind in ("session", "component", "file", "tool"):
        assert rows_of(after, f"select * exclude (detail) from v_cost where kind = '{kind}'") == rows_of(
            before, f"select * exclude (detail) from v_cost where kind = '{kind}'"
        ), kind


def test_what_went_is_counted_and_archived(stores: Sequence[Path]) -> None:
    before, after = stores
    counted = "select table_name, row_count, session_count, is_restorable, archive from v_retention"
    retained = {name: rest for name, *rest in rows_of(after, counted)}
    lines, sessions, is_restorable, archive = retained["transcript_line"]
    assert rows_of(before, "from v_retention") == []
    assert not is_restorable
    assert Path(archive).parent == after.parent / "archive"
    (kept,) = rows_of(after, "select count(*) from dim_session")[0]
    (all_of_them,) = rows_of(before, "select count(*) from dim_session")[0]
    assert sessions == all_of_them - kept
    with duckdb.connect() as connection:
        archived = connection.execute(f"select count(*) from '{archive}/raw_transcript_line.parquet'").fetchone()
        calls = connection.execute(f"select count(*), sum(cost_usd) from '{archive}/fact_api_call.parquet'").fetchone()
    assert archived == (lines,)
    left = rows_of(after, "select count(*), sum(cost_usd) from fact_api_call")[0]
    whole = rows_of(before, "select count(*), sum(cost_usd) from fact_api_call")[0]
    assert calls is not None
    assert calls[0] + left[0] == whole[0]
    assert calls[1] + float(left[1]) == pytest.approx(float(whole[1]))
    modes = {oct(file.stat().st_mode & 0o777) for file in Path(archive).iterdir()}
    assert modes == {"0o600"}
