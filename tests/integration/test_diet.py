"""What the diet says dropping a part would have saved is what a simulated session without it costs less."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import BuildStore

from agent_store import cli
from agent_store.library import AgentStore
from tests.diet_simulation import (
    MEMORY_PATH,
    NESTED_PATH,
    SERVER_TOOL,
    Simulated,
    cost,
    simulate,
    usages,
    write,
)
from tests.independent_count import read_prices

CLOSE = 1e-9
# Model, lifetime of the cache, tokens of the system prompt. The last two grow across the limit of a price band.
KINDS = (
    ("claude-opus-5-5", "1h", 18_000),
    ("claude-opus-4-7", "5m", 22_000),
    ("claude-haiku-5-5", "1h", 80_000),
    ("claude-sonnet-4-5", "5m", 185_000),
)
PARTS = {
    "memory": ("memory_file", MEMORY_PATH),
    "nested": ("memory_file", NESTED_PATH),
    SERVER_TOOL: ("tool_result", SERVER_TOOL),
}
SEEDS = 12
# What is not cached at the end of each request is billed to whatever ends there: a part may gain or lose so much.
TAIL = 4


@dataclass(frozen=True)
class World:
    """A store of simulated sessions, and how they came about."""

    store: Path
    # By session id.
    sessions: dict[str, Simulated]
    # By session id and part: the session without it.
    others: dict[tuple[str, str], str]

    def costs(self) -> dict[str, float]:
        """What each session cost, as the store says."""
        return dict(rows(self, "select session_id, sum(cost_usd) from fact_api_call group by 1"))


@pytest.fixture(scope="module")
def world(build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("simulated") / "projects"
    sessions, others = {}, {}
    for seed in range(SEEDS):
        model, ttl, system_tokens = KINDS[seed % len(KINDS)]
        made = simulate(seed, model=model, ttl=ttl, system_tokens=system_tokens, tail_tokens=TAIL if seed >= 8 else 0)
        session_id = write(made, root / "-home-dev-shop")
        sessions[session_id] = made
        for part in PARTS:
            others[session_id, part] = write(made.without(part), root / "-home-dev-less", "/home/dev/less")
    return World(build_store([root.parent], tmp_path_factory.mktemp("home")), sessions, others)


def rows(world: World, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(world.store, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_simulation_and_the_store_price_alike(world: World) -> None:
    prices = read_prices()
    expected = {session_id: cost(session, prices) for session_id, session in world.sessions.items()}
    for (session_id, part), other in world.others.items():
        expected[other] = cost(world.sessions[session_id].without(part), prices)
    assert world.costs() == {session_id: pytest.approx(usd, abs=CLOSE) for session_id, usd in expected.items()}


@pytest.mark.parametrize("part", PARTS)
def test_what_dropping_saves_is_what_a_session_without_it_costs_less(world: World, part: str) -> None:
    kind, name = PARTS[part]
    prices, costs = read_prices(), world.costs()
    said = {
        session_id: (saved, exact, band)
        for session_id, saved, exact, band in rows(
            world,
            f"select session_id, sum(saved_usd), sum(exact_saved_usd), sum(band_saved_usd) from v_context_diet "
            f"where part_kind = '{kind}' and part_name = '{name}' and project_name = 'shop' group by 1",
        )
    }
    assert len(said) >= SEEDS / 2
    banded = 0
    for session_id, (saved, exact, band) in said.items():
        session = world.sessions[session_id]
        true = costs[session_id] - costs[world.others[session_id, part]]
        assert true > 0
        banded += band > 0
        if session.tail_tokens:
            most = max(row.write_1h for row in prices[session.model])
            assert saved == pytest.approx(true, abs=2 * len(session.steps) * TAIL * most / 1e6)
        elif part == "nested":
            # It came with a result: their growth is shared by length, and both texts weigh what they should.
            assert exact == pytest.approx(0)
            assert saved == pytest.approx(true, rel=0.1)
        else:
            assert exact == pytest.approx(saved, abs=CLOSE)
            assert saved == pytest.approx(true, abs=CLOSE)
    assert banded or part == "nested"


def test_the_parts_add_up_to_what_was_sent(world: World) -> None:
    (ledger,) = rows(world, "select sum(cost_usd), sum(tokens) from fact_context_segment")
    (diet,) = rows(
        world,
        "select sum(entry_cost_usd + read_cost_usd + rebilled_cost_usd), sum(entered_tokens) from v_context_diet",
    )
    (shown,) = rows(world, "select sum(cost_usd), max(total_cost_usd) from context_diet()")
    assert diet == (pytest.approx(ledger[0], abs=1e-6), ledger[1])
    assert shown == (pytest.approx(ledger[0], abs=1e-6), pytest.approx(ledger[0], abs=1e-6))
    assert any(not usage.read for session in world.sessions.values() for usage in usages(session)[1:])
    assert rows(world, "select count(*) > 0 from v_context_diet where rebilled_cost_usd > 0") == [(True,)]


def test_a_time_and_a_project_have_their_own_rows(world: World) -> None:
    with AgentStore(world.store.parent) as store:
        everything = store.get_context_diet(project="shop", limit=None)
        assert list(store.get_context_diet(project="shop", period="2026-10", limit=None)) == list(everything)
        assert not store.get_context_diet(period="2026-11")
    assert sum(row["cost_usd"] for row in everything) == pytest.approx(everything[0]["total_cost_usd"], abs=1e-6)
    memory = next(row for row in everything if row["part_name"] == MEMORY_PATH)
    assert memory["session_count"] == memory["total_session_count"] == SEEDS
    assert memory["saving_method"] == "exact"
    assert memory["use_basis"] is memory["used_session_count"] is None


def command(world: World, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def home(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AGENT_STORE_HOME", str(world.store.parent))
    monkeypatch.setenv("AGENT_STORE_QUERY_LOG", "0")
    return world


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (60, ("kind", "part", "cost", "saves/month")),
        (80, ("kind", "part", "cost", "saves/month", "used in")),
        (140, ("kind", "part", "tokens", "entered", "carried", "re-billed", "cost", "saves/month", "how", "sessions",
               "used in")),
    ],
)
def test_the_table_fits_and_shows_numbers_whole(
    home: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int, columns: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, notes = command(home, capsys, "diet", "--project", "shop", "--limit", "6")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "What the context carried in shop"
    assert all(len(line) <= width for line in lines)
    assert re.split(r"\s{2,}", lines[2].strip()) == list(columns)
    rows = [line for line in lines[4:] if line.strip()]
    assert len(rows) == 6
    assert all(re.search(r"\$\d+\.\d\d\s", line) for line in rows)
    assert "more parts cost $" in notes
    assert "price band" in notes
    assert f"From {SEEDS} sessions, $" in notes


def test_sections_stand_below_their_file_and_json_has_all(home: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(home, capsys, "diet", "--project", "shop", "--json")
    assert code == 0
    found = json.loads(out)
    nested = next(row for row in found["rows"] if row["part_name"] == NESTED_PATH)
    assert sum(one["cost_usd"] for one in nested["sections"]) == pytest.approx(nested["cost_usd"])
    assert "estimated" in found
    code, out, _ = command(home, capsys, "diet", "--since", "2026-11-01")
    assert (code, out) == (0, "Nothing was carried in a context in this time.\n")
    code, _, error = command(home, capsys, "diet", "--project", "nope")
    assert code == 1
    assert "No project is called 'nope'" in error


def test_a_budget_knows_dollars_where_the_store_knows_the_repository(
    home: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / ".git" / "objects").mkdir(parents=True)
    (tmp_path / ".git" / "refs").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (tmp_path / "CLAUDE.md").write_text("# Shop\n", encoding="utf-8")
    file = tmp_path / "budget.yml"
    file.write_text("limits: [{file: CLAUDE.md, tokens: 9, usd_per_month: 0.01}]\n", encoding="utf-8")
    code, out, _ = command(home, capsys, "diet", "--budget", str(file))
    assert code == 0
    assert "Dollars are not known: the store does not tell: No project is called" in out


def test_a_branch_costs_what_its_sessions_did(home: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(home, capsys, "pr", "main", "--project", "shop")
    assert code == 0
    total = sum(home.costs()[session_id] for session_id in home.sessions)
    assert out.startswith("### Agent work for branch main\n")
    assert f"| cost | ${total:,.2f} |" in out
    assert f"| sessions | {SEEDS} |" in out
    assert "claude-sonnet-4-5" in out
    assert f"From {SEEDS * 24:,} API responses in {SEEDS} sessions on this machine, at list prices" in out
    code, out, _ = command(home, capsys, "pr", "main", "--project", "shop", "--json")
    row = json.loads(out)
    assert (row["git_branch"], row["session_count"], row["pr_url"]) == ("main", SEEDS, None)
    assert row["active_seconds"] > 0


def test_a_branch_that_is_not_there_is_an_error_that_names_others(
    home: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, out, error = command(home, capsys, "pr", "nope", "--project", "shop")
    assert (code, out) == (1, "")
    assert "Its last ones are: main" in error
    assert "No session names the pull request #7" in command(home, capsys, "pr", "#7")[2]
    monkeypatch.chdir(tmp_path)
    assert "The store has no session in" in command(home, capsys, "pr")[2]
    assert "No branch is checked out here" in command(home, capsys, "pr", "--project", "shop")[2]
