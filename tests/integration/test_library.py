"""The library on a store: its answers are those of the views, and what a program records is in the facts after a build."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import PROJECT, clean_environment

from agent_store.audit import bundle
from agent_store.audit.verify import verify
from agent_store.build import briefs
from agent_store.errors import StoreError
from agent_store.library import AgentStore, live
from agent_store.library.answers import QUESTIONS
from agent_store.library.reading import BREAKDOWNS
from agent_store.paths import StorePaths
from agent_store.record import spool
from agent_store.record.hooks.spending import Tail

FILE = "/home/dev/shop/cart.py"
# Seed.md, "library interface", as it stands.
SNIPPET = """
from agent_store import AgentStore

# Initialize
store = AgentStore(db_path="agent_state.duckdb", schema_modules=["core", "token_budget", "quality"])

# Record events
store.record_session_start(session_id="abc123", working_dir="/path/to/project")
store.record_agent_action(
    agent_id=1,
    session_id="abc123",
    action_type="tool_call",
    tool_name="Edit",
    target_path="/path/to/file.py",
    metadata={"lines_added": 10, "lines_deleted": 5}
)
store.record_api_call(
    session_id="abc123",
    model_id=1,
    input_tokens=1200,
    output_tokens=350,
    cost_usd=0.018
)

# Query state
actions = store.get_recent_actions(session_id="abc123", limit=20)
memory = store.recall_previous_attempts(file_path="/path/to/file.py", limit=5)
budget = store.get_token_budget(component_name="my-skill")

# Export for analysis
store.export_parquet("agent_actions.parquet", table="fact_agent_action", since="2026-02-01")

# Cleanup
store.close()
"""


# One that goes on recording while its home is built; afterwards everything is there, under the ids that it was given.
RECORD_DURING_A_BUILD = """
import threading
from agent_store import AgentStore

store = AgentStore("agent_state.duckdb")
ids, is_built = [], threading.Event()

def record():
    while not is_built.wait(0.01):
        ids.append(store.record_agent_action("during", "tool_call", "Probe", metadata={"number": len(ids)}, success=True))

recording = threading.Thread(target=record)
recording.start()
store.set_cost_alert(5, "month", name="of a program")
store.refresh()
is_built.set()
recording.join()
store.refresh()
found = store.query("select action_id from fact_agent_action where tool_name = 'Probe'")
assert len(ids) > 100, len(ids)
assert sorted(row["action_id"] for row in found) == sorted(ids)
assert not store.errors
assert [row["alert_name"] for row in store.query("from dim_alert")] == ["of a program"]
"""


@pytest.fixture(scope="module")
def sample_home(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the store of the sample, to record into."""
    home = tmp_path_factory.mktemp("library") / "home"
    home.mkdir()
    shutil.copyfile(sample_store, home / sample_store.name)
    return home


@pytest.fixture
def store(sample_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AgentStore]:
    """That home, opened."""
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "user"))
    with AgentStore(sample_home) as opened:
        yield opened


@pytest.fixture
def sql(sample_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same store, asked without the library."""
    with duckdb.connect(str(sample_store), read_only=True) as connection:
        yield connection


def one(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> Any:
    """The first value of the first row."""
    row = connection.execute(query, list(values)).fetchone()
    return row[0] if row else None


# ------------------------------------------------------------------------------------------------ answers


def ask_all(store: AgentStore) -> dict[str, Any]:
    """Ask every question that needs nothing of its own."""
    return {
        "get_recent_actions": store.get_recent_actions(limit=None),
        "recall_previous_attempts": store.recall_previous_attempts("cart.py", limit=None),
        "recall_memory": store.recall_memory(FILE, limit=None),
        "get_successful_approaches": store.get_successful_approaches(limit=None),
        "check_decision_history": store.check_decision_history(limit=None),
        "get_resume_brief": store.get_resume_brief(limit=None),
        "get_token_budget": store.get_token_budget("local-skill"),
        "check_token_budget": store.check_token_budget("price-check"),
        "suggest_token_optimizations": store.suggest_token_optimizations(),
        "predict_context_overflow": store.predict_context_overflow(["read shop/cart.py", "think"]),
        "get_quality_trend": store.get_quality_trend("shop", days=400),
        "check_quality_trend": store.check_quality_trend("shop", days=400),
        "check_for_regressions": store.check_for_regressions(limit=None),
        "suggest_tests_for_artifact": store.suggest_tests_for_artifact("cart.py"),
        "check_conflicts": store.check_conflicts(FILE),
        "suggest_work_for_agent": store.suggest_work_for_agent("main/shop"),
        "get_usage_stats": store.get_usage_stats(days=400, limit=None),
        "analyze_workflow": store.analyze_workflow(limit=None),
        "suggest_optimizations": store.suggest_optimizations(),
        "check_dependency_health": store.check_dependency_health(limit=None),
        "get_breaking_changes": store.get_breaking_changes("2026-01-01", limit=None),
        "analyze_impact": store.analyze_impact("anthropic_api", limit=None),
        "search_code": store.search_code("total", {"language": "python"}, limit=None),
        "get_entity_references": store.get_entity_references("total"),
        "get_recent_changes": store.get_recent_changes("2026-09-01", "py", limit=None),
        "search_prompts": store.search_prompts("cart", "2026-09-01..2026-12-31", limit=None),
        "analyze_template_performance": store.analyze_template_performance(limit=None),
        "get_cost_report": store.get_cost_report("all", "session", limit=None),
        "what_if": store.what_if("opus=sonnet", cache_lifetime="1h", limit=None),
        "predict_cost": store.predict_cost(project="shop"),
        "get_forecast_calibration": store.get_forecast_calibration(),
        "get_context_diet": store.get_context_diet(limit=None),
        "get_change_effect": store.get_change_effect(limit=None),
        "get_completeness": store.get_completeness(limit=None),
        "get_reconciliation": store.get_reconciliation(),
        "get_reconciliation_causes": store.get_reconciliation_causes(),
        "suggest_cost_optimizations": store.suggest_cost_optimizations(),
        "suggest_strategy": store.suggest_strategy(context="a bug"),
        "analyze_performance": store.analyze_performance("main/shop", days=400),
        "describe": store.describe(),
        "query": store.query("select 1 as one"),
    }


def test_every_question_is_answered_from_the_views_that_it_names(
    store: AgentStore, sql: duckdb.DuckDBPyConnection
) -> None:
    answers = ask_all(store)
    missing = {name for name, question in QUESTIONS.items() if question.reads_only} - set(answers)
    assert missing == set()
    known = {name for (name,) in sql.execute("select table_name from information_schema.tables").fetchall()}
    macros = {name for (name,) in sql.execute("select function_name from duckdb_functions()").fetchall()}
    for name, answer in answers.items():
        question = QUESTIONS[name]
        assert answer.as_of is not None, name
        assert name == "query" or answer.newest_at == one(sql, "select newest_action_at()"), name
        assert answer.total_count == len(answer), name
        stored = [view for view in question.views if not view.endswith(" of now")]
        assert set(stored) <= known | macros, name
        for view in stored:
            assert view in question.sql, (name, view)


def test_answers_are_the_rows_of_the_views(store: AgentStore, sql: duckdb.DuckDBPyConnection) -> None:
    answers = ask_all(store)
    counts = {
        "get_recent_actions": "fact_agent_action",
        "check_decision_history": "v_decision_history",
        "get_resume_brief": "v_resume_brief",
        "check_for_regressions": "v_regression",
        "analyze_workflow": "v_tool_sequence",
        "check_dependency_health": "v_dependency_health",
        "get_breaking_changes": "v_breaking_change",
        "analyze_template_performance": "v_template_performance",
        "analyze_impact": "v_impact_cascade where dependency_name = 'anthropic_api'",
        "recall_memory": f"v_file_memory where file_path = '{FILE}'",
        "recall_previous_attempts": "v_file_memory where ends_with(file_path, '/cart.py') or file_path = 'cart.py'",
        "search_prompts": "v_audit_trail where contains(lower(prompt_text), 'cart')",
        "get_entity_references": "entity_references('total')",
    }
    for name, view in counts.items():
        assert len(answers[name]) == one(sql, f"select count(*) from {view}") > 0, name
    assert answers["get_resume_brief"][0]["line_number"] == 1
    assert {"is_granted"} & set(answers["check_conflicts"].columns) == set()
    trend = answers["get_quality_trend"]
    assert trend
    # The newest first: if there are more than the limit, the current state must be among those that are told.
    assert [row["measured_at"] for row in trend] == sorted((row["measured_at"] for row in trend), reverse=True)
    last = one(
        sql,
        "select max(measured_at) from fact_quality_measurement "
        "where artifact_id in (select artifact_id from dim_artifact where artifact_name = 'shop')",
    )
    assert store.get_quality_trend("shop", days=400, limit=1)[0]["measured_at"] == last
    details = [json.loads(row["details"]) for row in trend if str(row["details"]).startswith("{")]
    assert details
    assert not [value for one in details for value in one.values() if value is None]
    assert [row["measured_by"] for row in store.get_quality_trend("weekly-review", days=4000)] == [
        "skills-ref"
    ]
    assert [row["component_type"] for row in store.get_token_budget("Bash")] == ["tool"]
    session = one(sql, "select min(session_id) from dim_session where project_path = '/home/dev/shop'")
    total, known, unknown = store.predict_context_overflow(["read cart.py", "think"], session)
    assert (known["kind"], known["subject"], unknown["kind"], unknown["tokens"]) == (
        "file",
        FILE,
        "unknown",
        None,
    )
    of_file = "from v_context_by_action where action_kind = 'read_file' and subject = ?"
    assert known["tokens"] == total["tokens"] == one(sql, f"select tokens {of_file}", FILE)
    context = "select max(context_tokens) from v_context_growth where is_end and session_id = ?"
    assert total["context_tokens"] == one(sql, context, session)
    assert store.predict_context_overflow("think", session, 7, 9)[0]["room_tokens"] == 2
    (skill,) = (row for row in answers["get_token_budget"] if row["component_type"] == "skill")
    assert (skill["budget_tokens"], skill["is_over_budget"]) == (4000, False)


@pytest.mark.parametrize(
    "breakdown", [name for name in BREAKDOWNS if name not in {"tool", "mcp", "skill", "plugin", "file"}]
)
def test_costs_add_up_to_the_whole_by_whatever_they_are_broken_down(
    store: AgentStore, sql: duckdb.DuckDBPyConnection, breakdown: str
) -> None:
    total = one(sql, "select sum(cost_usd) from v_cost where kind = 'session'")
    report = store.get_cost_report("all", breakdown, limit=None)
    assert sum(row["cost_usd"] or 0 for row in report) == pytest.approx(total)


@pytest.mark.parametrize("kind", ["tool", "mcp", "skill", "plugin", "agent", "file"])
def test_use_and_cost_are_the_same_numbers(
    store: AgentStore, sql: duckdb.DuckDBPyConnection, kind: str
) -> None:
    count = "request_count" if kind == "file" else "invocation_count"
    day = "(select max(action_at) from fact_agent_action where action_at <= (select published_at from store_build))"
    costs = sql.execute(
        f"select name, detail, {count}, cost_usd from cost_by('{kind}', "
        f"since := cast({day} as date) - 39) where {count} > 0 order by all"
    ).fetchall()
    used = [row for row in store.get_usage_stats(days=40, limit=None) if row["kind"] == kind]
    columns = ("name", "detail", "use_count")
    assert sorted(row["rank_in_kind"] for row in used) == list(range(1, len(used) + 1))
    assert {tuple(row[column] for column in columns) for row in used} == {row[:3] for row in costs}
    assert sum(row["cost_usd"] or 0 for row in used) == pytest.approx(sum(row[3] or 0 for row in costs))


def test_a_session_that_only_paid_for_something_has_not_used_it(
    store: AgentStore, sql: duckdb.DuckDBPyConnection
) -> None:
    used = {
        (row["kind"], row["name"]): (row["use_count"], row["session_count"])
        for row in store.get_usage_stats(days=4000, limit=None)
    }
    for kind, counted in {
        "tool": "tool_name, count(*), count(distinct session_id) from fact_tool_invocation",
        "mcp": "mcp_server, count(*), count(distinct session_id) from fact_tool_invocation where mcp_server is not null",
        # A workflow starts several agents with one call.
        "agent": "agent_name, count(*), count(distinct session_id) from fact_work_assignment "
        "where agent_name is not null and agent_name <> 'workflow-subagent'",
    }.items():
        rows = sql.execute(f"select {counted} group by all").fetchall()
        assert rows
        assert {name: used[kind, name] for name, *_ in rows} == {
            name: (uses, sessions) for name, uses, sessions in rows
        }


def test_the_performance_of_an_agent_is_that_of_its_tasks(
    store: AgentStore, sql: duckdb.DuckDBPyConnection
) -> None:
    tasks = "fact_task_outcome inner join dim_agent using (agent_id) where agent_name = 'main/shop'"
    rows = store.analyze_performance("main/shop", days=4000, limit=None)
    assert sum(row["task_count"] for row in rows) == one(sql, f"select count(*) from {tasks}") > 0
    assert (
        sum(row["success_count"] for row in rows) == one(sql, f"select count(*) from {tasks} and success") > 0
    )
    agent_id = one(sql, "select agent_id from dim_agent where agent_name = 'main/shop'")
    assert list(store.analyze_performance(agent_id, days=4000, limit=None)) == list(rows)
    recent = store.analyze_performance("main/shop", days=1, limit=None)
    assert sum(row["task_count"] for row in recent) < sum(row["task_count"] for row in rows)


def test_a_branch_of_one_name_in_two_projects_is_two_branches(store: AgentStore) -> None:
    mains = {
        row["detail"] for row in store.get_cost_report("all", "branch", limit=None) if row["name"] == "main"
    }
    assert mains == {"ledger", "notes", "shop"}


def test_a_report_of_a_month_has_the_days_of_that_month(store: AgentStore) -> None:
    days = store.get_cost_report("2026-10", "day", limit=None)
    assert days
    names = [row["name"] for row in days]
    assert names == sorted(names, reverse=True), "a limit leaves out the oldest"
    assert all(row["name"].startswith("2026-10-") for row in days)
    with pytest.raises(StoreError, match="no breakdown by 'colour'"):
        store.get_cost_report("all", "colour")


def test_what_if_is_what_it_was_by_default_and_refuses_what_it_does_not_know(store: AgentStore) -> None:
    (whole, *models) = store.what_if(limit=None)
    report = {row["name"]: row for row in store.get_cost_report("all", "model", limit=None)}
    assert whole["what_if_cost_usd"] == pytest.approx(sum(row["cost_usd"] or 0 for row in report.values()))
    for row in models:
        assert row["saved_usd"] in (0, None)
        assert row["cost_usd"] == pytest.approx(report[row["model_name"]]["cost_usd"]), row
    (all_of_shop, *_) = store.what_if("all=claude-haiku-4-5", project="shop", period="2026-10")
    assert all_of_shop["what_if_cost_usd"] < all_of_shop["exact_cost_usd"] == pytest.approx(all_of_shop["cost_usd"])
    assert all_of_shop["assumed_saved_usd"] == pytest.approx(all_of_shop["saved_usd"])
    assert all_of_shop["saved_usd"] > 0
    assert all_of_shop["break_even_ratio"] > 1
    assert store.what_if(prices="2026-11-01")[0]["cost_usd"] == whole["cost_usd"]
    for given, message in (
        ({"models": "opus"}, "'opus' is not A=B"),
        ({"models": ["gpt=opus"]}, "No model is called 'gpt'"),
        ({"models": ["opus=gpt"]}, "No model with a price is called 'gpt'"),
        ({"cache_lifetime": "1d"}, "'1d' is no cache_lifetime"),
        ({"speed": "fast", "tier": "batch"}, "no fast mode in the batch tier"),
        ({"project": "nowhere"}, "No project is called 'nowhere'"),
    ):
        with pytest.raises(StoreError, match=message):
            store.what_if(**given)  # type: ignore[arg-type]


def test_a_forecast_is_recorded_if_it_has_a_band(store: AgentStore, sample_home: Path) -> None:
    def recorded() -> list[dict[str, Any]]:
        files = sorted((sample_home / "spool").glob("library-*"))
        lines = [line for file in files for line in file.read_text().splitlines()]
        return [event["payload"] for event in map(json.loads, lines) if event["kind"] == "forecast"]

    before = len(recorded())
    session, month = store.predict_cost(project="shop")
    assert session["low_usd"] < session["median_usd"] < session["high_usd"]
    assert (session["work_kind"], session["project_name"], month["work_kind"]) == ("session", "shop", "month")
    new = [one["work_kind"] for one in recorded()[before:]]
    assert new == ["session", "month"]
    # Eighteen runs are too few to tell what one costs.
    whole, explore, any_agent = store.predict_cost([{"agents": 4, "agent_type": "Explore"}, {"agents": 2, "model": "opus"}])
    assert (whole["work_count"], explore["past_count"], any_agent["model_name"]) == (6, 18, "claude-opus-5-5")
    assert whole["low_usd"] is explore["low_usd"] is None
    assert len(recorded()) == before + 2
    for given, message in (
        ({"plan": []}, "The plan is empty"),
        ({"plan": ["Explore"]}, "Part 1 of the plan is no object"),
        ({"plan": [{"agents": 1}, {"agent": 5}]}, "Part 2 of the plan: agent is no text, but 5"),
        ({"plan": [{"colour": "red"}]}, "Part 1 of the plan has an unknown 'colour'"),
        ({"agents": 0}, "has 0 agents"),
        ({"model": "gpt"}, "No model with a price is called 'gpt'"),
    ):
        with pytest.raises(StoreError, match=message):
            store.predict_cost(**given)  # type: ignore[arg-type]


def test_a_limit_says_how_many_rows_there_are(store: AgentStore, sql: duckdb.DuckDBPyConnection) -> None:
    whole = store.get_recent_actions(limit=None)
    first = store.get_recent_actions(limit=3)
    assert list(first) == list(whole)[:3]
    assert (len(first), first.total_count, first.is_cut) == (3, len(whole), True)
    assert first[0]["action_at"] == one(sql, "select max(action_at) from fact_agent_action")
    assert store.get_recent_actions(limit=2**70).total_count == len(whole)
    assert store.get_usage_stats(10**15).total_count == store.get_usage_stats(10_000).total_count
    assert not store.get_recent_actions(limit=0)
    with pytest.raises(StoreError, match="limit"):
        store.get_recent_actions(limit=-1)


def test_what_nobody_knows_is_empty_and_not_the_nearest_thing(store: AgentStore) -> None:
    answers = [
        store.get_recent_actions("no such session"),
        store.recall_previous_attempts("no/such/file.py"),
        store.recall_previous_attempts("art.py"),
        store.recall_memory("/cart.py"),
        store.get_successful_approaches("no such type"),
        store.check_decision_history("tool_choice", "no such hash"),
        store.get_token_budget("loc"),
        store.predict_context_overflow([]),
        store.get_quality_trend("no such component"),
        store.check_for_regressions("2030-01-01"),
        store.suggest_tests_for_artifact("no/such/file.py"),
        store.check_conflicts("/home/dev/nowhere"),
        store.check_dependency_health("no_such_api"),
        store.get_breaking_changes("2030-01-01"),
        store.analyze_impact("no_such_api"),
        store.search_code("xyzzyplugh"),
        store.get_entity_references("xyzzyplugh"),
        store.get_recent_changes("2030-01-01"),
        store.search_prompts("xyzzyplugh"),
        store.search_prompts("cart", user_id="nobody"),
        store.analyze_template_performance("no such template"),
        store.get_cost_report("2020-01", "model"),
        store.suggest_strategy("no such type"),
        store.analyze_performance("nobody"),
    ]
    assert [list(answer) for answer in answers] == [[]] * len(answers)
    assert store.describe("no_such_table").total_count == 0


@pytest.mark.parametrize(
    "said", ["", " ", "%", "*", "/", "..", "xyzzyplugh", "CART.PY", "' or 1=1 --", "xyzzyplugh " * 20_000]
)
def test_nonsense_finds_nothing(store: AgentStore, said: str) -> None:
    answers = [
        store.recall_previous_attempts(said),
        store.recall_memory(said),
        store.suggest_tests_for_artifact(said),
        store.get_entity_references(said),
        store.check_dependency_health(said),
        store.analyze_impact(said),
        store.analyze_template_performance(said),
        store.get_quality_trend(said, days=4000),
        store.analyze_performance(said, days=4000),
        store.get_successful_approaches(said),
        store.suggest_strategy(said),
        store.analyze_workflow(said),
        store.get_token_budget(said),
    ]
    assert [list(answer) for answer in answers] == [[]] * len(answers)
    if said != "CART.PY":
        assert not store.search_code(said)
        assert not store.search_code(f"xyzzyplugh {said}")


def test_a_name_is_known_without_what_the_store_writes_before_it(store: AgentStore) -> None:
    """A model knows the server `catalog`, not that it is the dependency `mcp_server:catalog`."""
    for ask in (store.check_dependency_health, store.analyze_impact):
        whole = ask("mcp_server:catalog")
        assert list(whole) == list(ask("Catalog"))
    assert store.check_dependency_health("catalog")
    # The words of a task are no name with a plugin before it.
    tasks = store.query("select component_name from dim_component where component_type = 'task'")
    for end in {str(row["component_name"]).rsplit(":", 1)[-1].lower() for row in tasks}:
        found = store.get_token_budget(end)
        assert {row["component_name"].lower() for row in found if row["component_type"] == "task"} <= {end}


def test_a_kind_of_task_is_known_in_any_case(store: AgentStore) -> None:
    kinds = {row["task_type"] for row in store.analyze_workflow(limit=None)}
    assert kinds
    for kind in kinds:
        assert list(store.analyze_workflow(kind.upper())) == list(store.analyze_workflow(kind))


def test_work_is_offered_and_conflicts_are_seen_by_claims_of_now(store: AgentStore) -> None:
    store.claim_work("w-cart", "ana", target_path=FILE)
    for path in (FILE, "cart.py", "/home/dev/shop"):
        (found,) = store.check_conflicts(path)
        assert (found["found_in"], found["agent_name"], found["work_id"]) == ("claim", "ana", "w-cart")
    store.release_work("w-cart", "ana")
    assert not store.check_conflicts(FILE)


def test_claims_of_now_overrule_what_the_last_build_knows_of_the_same_work(
    sample_store: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    shutil.copyfile(sample_store, home / sample_store.name)
    with duckdb.connect(str(home / sample_store.name)) as connection:
        connection.execute("use agent_store")
        connection.execute(
            "insert into dim_work_item select * replace ('w' as work_id, ? as target_path, 'in_progress' as status) "
            "from dim_work_item limit 1",
            [FILE],
        )
        connection.execute(
            "insert into fact_work_assignment select * replace ('a' as assignment_id, 'w' as work_id, "
            "'accepted' as status) from fact_work_assignment limit 1"
        )
    with AgentStore(home) as store:

        def told() -> list[tuple[str, str]]:
            return [(row["found_in"], row["work_id"]) for row in store.check_conflicts(FILE)]

        def offered() -> set[str]:
            return {row["work_id"] for row in store.suggest_work_for_agent("ana", limit=None)}

        assert told() == [("assignment", "w")]
        assert store.claim_work("w", "ana", target_path=FILE)[0]["is_granted"]
        assert told() == [("claim", "w")], "not twice"
        assert "w" not in offered()
        assert store.handoff_work("w", "ben")[0]["is_granted"]
        assert [row["agent_name"] for row in store.check_conflicts(FILE)] == ["ben"]
        assert store.release_work("w", "ben")[0]["is_granted"]
        assert told() == []
        assert "w" in offered()
        assert store.claim_work("w", "ana")[0]["is_granted"]
        assert store.complete_work("w", "ana")[0]["is_granted"]
        assert told() == []
        assert "w" not in offered()


def test_an_edit_of_now_names_its_session_and_only_a_subagent_has_an_id(
    store: AgentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = {"target_path": FILE, "tool_name": "Edit", "edited_at_ms": 1_790_000_000_000}
    edits = [{**edit, "session_id": "s1", "agent_id": None}, {**edit, "session_id": "s2", "agent_id": "a2"}]
    monkeypatch.setattr(live, "edits", lambda *_: [dict(one) for one in edits])
    monkeypatch.setattr(store, "_is_local", False)
    found = [(row["agent_name"], row["agent_id"], row["session_id"]) for row in store.check_conflicts(FILE)]
    assert found == [("a2", "a2", "s2"), ("main agent", None, "s1")]


def test_many_edits_of_a_file_in_a_session_are_one_change(
    store: AgentStore, sql: duckdb.DuckDBPyConnection
) -> None:
    found = store.get_recent_changes("2020-01-01", limit=None)
    where = "from recent_changes(timestamp '2020-01-01')"
    assert sum(row["change_count"] for row in found) == one(sql, f"select count(*) {where}") > len(found)
    assert found[0]["updated_at"] == one(sql, f"select max(updated_at) {where}")


def test_a_file_is_the_same_by_all_its_names(store: AgentStore, tmp_path: Path) -> None:
    (tmp_path / "shop" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("shop")
    (tmp_path / "shop" / "cart.py").touch()
    (tmp_path / "shop" / "basket.py").symlink_to("cart.py")
    names = [
        f"{tmp_path}/{name}"
        for name in ("shop/cart.py", "link/cart.py", "link/sub/../cart.py", "link/basket.py")
    ]
    for claimed in names:
        store.claim_work("w-cart", "ana", target_path=claimed)
        for asked in (*names, f"{tmp_path}/shop", f"{tmp_path}/link/"):
            (found,) = store.check_conflicts(asked)
            assert found["work_id"] == "w-cart", (claimed, asked)
        for other in (
            f"{tmp_path}/shop/cart",
            f"{tmp_path}/shop/cart.py.bak",
            f"{tmp_path}/link/sub",
            "/x\0y",
        ):
            assert not store.check_conflicts(other), (claimed, other)
        store.release_work("w-cart", "ana")


# ------------------------------------------------------------------------------------------------ queries of one's own


def test_a_query_takes_values_and_leaves_nothing_behind(store: AgentStore) -> None:
    assert store.query("select ? as a, 2 as a", [1])[0] == {"a": 1, "a_2": 2}
    assert store.query("select $x as x", {"x": "it's"})[0] == {"x": "it's"}
    assert store.query("from range(10)", limit=3).is_cut
    store.query("use memory")
    store.query("create temp table left_behind as select 1 as one")
    assert store.get_recent_actions(limit=1)
    with pytest.raises(StoreError, match="left_behind"):
        store.query("from left_behind")
    for refused in (
        "select * from enable_logging()",
        "select * from read_text('/etc/passwd')",
        "copy (select 1) to '/tmp/agent_store_refused.csv'",
        "set threads = 1",
        "drop table fact_prompt",
        "pragma enable_profiling",
        "select nope",
    ):
        with pytest.raises(StoreError):
            store.query(refused)


def test_queries_are_in_the_spool_with_who_asked(store: AgentStore, sample_home: Path) -> None:
    for path in (sample_home / "spool").glob("queries-*"):
        path.unlink()
    store.recall_memory("cart.py")
    with pytest.raises(StoreError):
        store.query("select nope")
    (file,) = (sample_home / "spool").glob(f"{spool.QUERIES}-*")
    first, second = (json.loads(line)["payload"] for line in file.read_bytes().splitlines())
    assert (first["tool"], first["interface"], first["row_count"]) == ("recall_memory", "library", 10)
    assert first["metadata"]["parameters"]["path"] == "cart.py"
    assert second["sql"] == "select nope"
    assert "nope" in second["error"]


def test_the_command_line_logs_its_queries_too(sample_home: Path) -> None:
    def ask(**more: str) -> list[dict[str, Any]]:
        for path in (sample_home / "spool").glob("queries-*"):
            path.unlink()
        subprocess.run(
            [sys.executable, "-m", "agent_store.cli", "query", "from range(3)"],
            env=clean_environment(sample_home) | more, cwd=PROJECT, check=True, capture_output=True,
        )  # fmt: skip
        files = (sample_home / "spool").glob("queries-*")
        return [json.loads(line)["payload"] for file in files for line in file.read_bytes().splitlines()]

    (logged,) = ask(AGENT_STORE_QUERY_LOG="1")
    assert (logged["interface"], logged["sql"], logged["row_count"]) == ("cli", "from range(3)", 3)
    assert ask(AGENT_STORE_QUERY_LOG="0") == []


def test_threads_and_forked_processes_ask_at_the_same_time(store: AgentStore) -> None:
    wanted = len(store.get_usage_stats(days=400))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(store.get_usage_stats(days=400)))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 6
    child = os.fork()
    if child == 0:
        os._exit(0 if len(store.get_usage_stats(days=400)) == wanted else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(store.get_usage_stats(days=400)) == wanted


def test_a_store_that_is_replaced_is_seen(store: AgentStore, sample_home: Path, sample_store: Path) -> None:
    before = store.query("select published_at from store_build")[0]["published_at"]
    fresh = sample_home / "fresh.duckdb"
    shutil.copyfile(sample_store, fresh)
    with duckdb.connect(str(fresh)) as connection:
        connection.execute("update store_build set published_at = published_at + interval '1 day'")
    fresh.replace(sample_home / sample_store.name)
    after = store.query("select published_at from store_build")
    assert after[0]["published_at"] > before
    assert after.as_of == after[0]["published_at"]


# ------------------------------------------------------------------------------------------------ what there is


def test_hooks_count_what_a_session_has_spent_as_the_store_does(sql: duckdb.DuckDBPyConnection) -> None:
    """Of a session that copied nothing, was answered by one model at a time and searched nothing through another one."""
    costs = {"prices": briefs.prices(PROJECT)}
    found = sql.execute(
        """
        select facts.session_id, coalesce(facts.cost_usd, 0)
        from fact_session as facts
        inner join dim_session as sessions on sessions.session_id = facts.session_id
        left join fact_inference as calls on calls.session_id = facts.session_id
        where not sessions.is_fork
        group by all
        -- The client of early 2025 put subagents beside their session.
        having not coalesce(bool_or(calls.inference_type <> 'message' or calls.web_search_count > 0
            or (calls._source_path like '%/agent-%' and calls._source_path not like '%/subagents/%')), false)
        """
    ).fetchall()
    compared = 0
    for session_id, cost_usd in found:
        for transcript in (PROJECT / "sample" / "home" / "projects").glob(f"*/{session_id}.jsonl"):
            tail = Tail(costs, {})
            tail.read(str(transcript))
            assert (tail.spent_usd, tail.is_whole) == (pytest.approx(cost_usd), True), session_id
            compared += 1
    assert compared > 30


def test_the_example_of_every_table_view_and_function_runs(
    store: AgentStore, sql: duckdb.DuckDBPyConnection
) -> None:
    described = store.describe()
    published = {name for (name,) in sql.execute("select table_name from v_store_table").fetchall()}
    assert published == {row["name"] for row in described if row["kind"] != "function"}
    for row in described:
        assert row["example"], f"{row['name']} has no example"
        assert sql.execute(row["example"]).fetchall() or not row["row_count"], row["name"]


def test_a_table_is_described_with_its_columns(store: AgentStore, sql: duckdb.DuckDBPyConnection) -> None:
    for name in ("fact_session", "v_cost", "cost_by"):
        head, *rest = store.describe(name.upper())
        example = f"from {name}" if head["kind"] != "function" else head["example"]
        assert [(row["name"], row["data_type"]) for row in rest if row["kind"] == "column"] == [
            row[:2] for row in sql.execute(f"describe {example}").fetchall()
        ]
        assert head["name"] == name
        assert head["meaning"]
        assert "Example" not in head["meaning"]
    assert [row["name"] for row in rest if row["kind"] == "parameter"] == [
        "kind",
        "since",
        "until",
        "projects",
    ]


def test_a_word_finds_tables(store: AgentStore) -> None:
    found = store.describe(word="cache misses")
    assert {row["name"] for row in found[:3]} == {"v_cache_miss", "fact_cache_miss", "v_session_miss"}
    assert found.total_count == len(found)
    assert store.describe(word="zzzz").total_count == 0


# ------------------------------------------------------------------------------------------------ exports


@pytest.mark.parametrize("table", ["fact_agent_action", "fact_session", "v_tool_reliability", "dim_chunk"])
def test_an_export_gives_the_same_rows_back(
    store: AgentStore, sql: duckdb.DuckDBPyConnection, tmp_path: Path, table: str
) -> None:
    file = tmp_path / "it's.parquet"
    assert store.export_parquet(file, table) == one(sql, f"select count(*) from {table}")
    sql.execute("create temp table exported as from read_parquet(?)", [str(file)])
    assert one(sql, f"select count(*) from (from {table} except all from exported)") == 0
    kinds = [row[:2] for row in sql.execute("describe exported").fetchall()]
    assert kinds == [row[:2] for row in sql.execute(f"describe {table}").fetchall()]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["it's.parquet"]


def test_an_export_since_a_time_includes_it(
    store: AgentStore, sql: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    at = one(
        sql,
        "select median(action_at) from fact_agent_action where action_at in (select action_at from fact_agent_action)",
    )
    at = one(sql, "select min(action_at) from fact_agent_action where action_at >= ?", at)
    wanted = one(sql, "select count(*) from fact_agent_action where action_at >= ?", at)
    assert store.export_csv(tmp_path / "a.csv", "fact_agent_action", since=at) == wanted
    assert store.export_json(tmp_path / "a.jsonl", "fact_agent_action", since=at.isoformat()) == wanted
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert len(lines) == wanted
    assert all(json.loads(line)["action_at"] >= str(at)[:19] for line in lines)


def test_what_cannot_be_exported_is_said_and_leaves_no_file(store: AgentStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no table 'fact_agent_actions'") as caught:
        store.export_csv(tmp_path / "a.csv", "fact_agent_actions")
    assert "fact_agent_action" in caught.value.hint
    with pytest.raises(StoreError, match="no time column"):
        store.export_csv(tmp_path / "a.csv", "v_tool_sequence", since="2026-01-01")
    with pytest.raises(StoreError, match="Writing"):
        store.export_csv(tmp_path / "no" / "such" / "a.csv", "fact_session")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_audit_log_holds_what_was_said_done_and_decided_on_the_days(
    store: AgentStore, sql: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (written,) = store.export_audit_log("2026-10-01", "2026-10-09", tmp_path / "audit.jsonl")
    records = [json.loads(line) for line in Path(written["path"]).read_text().splitlines()]
    assert len(records) == written["row_count"]
    assert {record["record_type"] for record in records} == {"prompt", "response", "action", "decision"}
    prompts = one(
        sql,
        "select count(*) from fact_prompt where prompted_at >= '2026-10-01' and prompted_at < '2026-10-10'",
    )
    assert sum(record["record_type"] == "prompt" for record in records) == prompts
    assert [record["happened_at"] for record in records] == sorted(
        record["happened_at"] for record in records
    )
    (named,) = store.export_audit_log("2026-10-01", "2026-10-09")
    assert Path(named["path"]).is_relative_to(store.home)


def test_a_signed_audit_log_ties_each_record_to_its_line(sample_store: Path, tmp_path: Path) -> None:
    paths = StorePaths(tmp_path / "home").ensure()
    shutil.copyfile(sample_store, paths.store)
    shutil.copyfile(StorePaths(sample_store.parent).warehouse, paths.warehouse)
    assert verify(paths).findings == []
    with AgentStore(paths.home) as store:
        (written,) = store.export_audit_log("2026-10-01", "2026-11-30", tmp_path / "audit.zip")
    checked = bundle.check(tmp_path / "audit.zip", written["key_fingerprint"])
    assert checked.findings == []
    assert written["untied_count"] == 0
    assert sum(checked.record_counts.values()) == written["row_count"] > 300


# ------------------------------------------------------------------------------------------------ a program of its own


def run(folder: Path, code: str) -> str:
    """Run a program in a folder, as a user who has nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=clean_environment(folder.parent / "user-home") | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_snippet_of_the_seed_and_the_page_of_the_library_run_in_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    told = run(folder, SNIPPET + "print(len(actions), len(memory), len(budget), store.errors.total())")
    assert told.split() == ["2", "1", "0", "0"]
    assert {path.name for path in folder.iterdir()} == {
        "agent_state.agent-store", "agent_state.duckdb", "agent_actions.parquet",
    }  # fmt: skip
    assert one(duckdb.connect(), f"select count(*) from '{folder}/agent_actions.parquet'") == 2
    assert not (tmp_path / "user-home").exists()

    # The database is one of its own: it opens under any name, its views and macros too.
    moved = folder / "moved elsewhere.duckdb"
    (folder / "agent_state.duckdb").rename(moved)
    with duckdb.connect(str(moved), read_only=True) as connection:
        assert one(connection, "select count(*) from fact_agent_action where tool_name = 'Edit'") == 1
        for (view,) in connection.execute(
            "select view_name from duckdb_views() where not internal"
        ).fetchall():
            connection.execute(f'select * from "{view}" limit 1')
        assert one(connection, "select count(*) from search_chunks('x')") == 0
        assert one(connection, "select comment from duckdb_views() where view_name = 'v_usage'")

    page = (PROJECT / "docs" / "library.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    run(folder, "\n".join(blocks))
    run(folder, RECORD_DURING_A_BUILD)
    with duckdb.connect(str(folder / "agent_state.duckdb"), read_only=True) as connection:
        assert one(connection, "select count(*) from fact_agent_action where tool_name = 'Edit'") == 2
