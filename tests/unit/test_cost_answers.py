"""What `agent-store whatif` and `agent-store forecast` show of an answer, at several widths, and a plan in a file."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agent_store.cli.forecast import read_plan
from agent_store.errors import StoreError
from agent_store.show import forecast, tables, what_if
from agent_store.show.tables import Sheet

SCENARIO: dict[str, Any] = {
    "model_name": "all", "other_model_name": None, "session_count": 12, "response_count": 420, "cost_usd": 20.0,
    "exact_cost_usd": 19.0, "what_if_cost_usd": 8.0, "exact_saved_usd": 1.0, "assumed_saved_usd": 11.0, "saved_usd": 12.0,
    "saved_ratio": 0.6, "break_even_ratio": 2.375, "uncertain_usd": 0.25, "replayed_count": 31, "unpriced_count": 4,
}  # fmt: skip
FORECAST: dict[str, Any] = {
    "work_kind": "agent_run", "work_count": 5, "agent_name": "Explore", "model_name": "claude-opus-5-5", "task_type": None,
    "project_name": "shop", "spent_usd": None, "low_usd": 0.5, "median_usd": 1.5, "high_usd": 4.0, "low_tokens": 1200,
    "median_tokens": 9000, "high_tokens": 2_500_000, "past_count": 157, "similar_count": 15, "ends_on": None, "pace_usd": None,
}  # fmt: skip
CALIBRATION: dict[str, Any] = {
    "work_kind": "all", "known_count": 60, "scored_count": 40, "inside_count": 31, "inside_ratio": 0.775,
}  # fmt: skip


def shown(sheet: Sheet, width: int) -> str:
    """A sheet as a terminal of that width shows it."""
    console = Console(width=width, record=True, file=io.StringIO())
    tables.show(sheet, console)
    return console.export_text()


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_the_sheets_fit_and_keep_what_matters_most(width: int) -> None:
    rows = [SCENARIO, {**SCENARIO, "model_name": "claude-opus-5-5", "other_model_name": "claude-sonnet-5-5"}]
    text = shown(what_if.sheet(rows, what_if.title(["opus=sonnet"], "5m", None, None, "then")), width)
    assert max(map(len, text.splitlines())) <= width
    assert "What if: opus as sonnet" in text
    assert all(one in text for one in ("$20.00", "$8.00", "$12.00"))
    assert ("2.38 ×" in text) is (width >= 140)
    text = shown(forecast.sheet([FORECAST, {**FORECAST, "work_kind": "month", "ends_on": date(2026, 12, 31)}]), width)
    assert max(map(len, text.splitlines())) <= width
    assert all(one in text for one in ("$0.50", "$1.50", "$4.00"))
    assert "1.2k–2.5M" in text or width == 80


def test_the_notes_of_a_scenario_say_what_is_exact_what_is_assumed_and_of_how_much() -> None:
    said = " ".join(what_if.notes([SCENARIO], is_lifetime=True))
    assert "it is cheaper unless it needs more than 2.38 × the tokens" in said
    assert "31 pauses between five minutes and an hour are replayed" in said
    assert "up to $0.25 more" in said
    assert "4 inferences have no price" in said
    assert "From 420 responses in 12 sessions" in said
    dearer = {**SCENARIO, "break_even_ratio": 0.4, "uncertain_usd": 0, "unpriced_count": 0}
    said = " ".join(what_if.notes([dearer], is_lifetime=False))
    assert "it is more expensive unless it needs less than 0.40 × the tokens" in said
    assert "pauses" not in said
    assert what_if.notes([], is_lifetime=True) == []
    assert what_if.title([], None, None, None, "then") == "What if nothing were different"
    assert what_if.title([], "none", "fast", None, "today") == "What if: nothing is cached, fast mode, prices of today"


def test_the_notes_of_a_forecast_say_how_good_earlier_ones_were_and_what_is_not_known() -> None:
    assert forecast.notes([FORECAST], [CALIBRATION])[1:] == [
        "Of the last 40 forecasts that are over, 31 lay inside their band (77.5 %; promised are 80 %)."
    ]
    few = {**CALIBRATION, "known_count": 4, "scored_count": 4, "inside_count": 3, "inside_ratio": None}
    assert forecast.notes([FORECAST], [few])[-1] == "3 of 4 forecasts that are over lay inside their band."
    unknown = {**FORECAST, "low_usd": None, "past_count": 3}
    said = forecast.notes([unknown, {**FORECAST, "similar_count": 0}], [{**CALIBRATION, "known_count": 0}])
    assert said[1:] == [
        "Not enough to tell for 5 Explore with claude-opus-5-5 in shop: 3 earlier ones are known, and 20 are needed.",
        "No agent called Explore has run yet: its band is that of all agents.",
        "No forecast could be checked yet: each is kept, and compared with what the work cost.",
    ]
    month = {**FORECAST, "work_kind": "month", "ends_on": date(2026, 12, 31), "past_count": 48, "pace_usd": 31.5}
    assert "48 stretches of as many days" in forecast.notes([month], [])[1]
    assert "$31.50" in forecast.notes([month], [])[1]
    session = {**FORECAST, "work_kind": "session", "project_name": None}
    assert [forecast.work(one) for one in (session, {**session, "spent_usd": 2.0}, {**FORECAST, "agent_name": None})] == [
        "a session", "this session", "5 subagents with claude-opus-5-5 in shop",
    ]  # fmt: skip


def test_a_plan_is_yaml_or_json_and_a_broken_one_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "plan.yml"
    for text in (
        "- {agents: 5, agent_type: Explore}\n", '[{"agents": 5, "agent_type": "Explore"}]',
        "plan:\n  - agents: 5\n    agent_type: Explore\n",
    ):  # fmt: skip
        file.write_text(text)
        assert read_plan(file) == [{"agents": 5, "agent_type": "Explore"}]
    for text, message in (
        ("- agents: 5\n  agent_type: [Explore\n", r"plan\.yml, line 3: "),
        ("agents: 5\n", "no list of groups of agents"),
        ("", "no list of groups of agents"),
        ("- Explore\n", "no list of groups of agents"),
    ):
        file.write_text(text)
        with pytest.raises(StoreError, match=message):
            read_plan(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoreError, match="is not UTF-8 text"):
        read_plan(file)
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        read_plan(tmp_path / "none.yml")
