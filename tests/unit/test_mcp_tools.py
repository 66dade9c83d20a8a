"""The table of tools: the names and arguments that were promised, and what models may write in their place."""

from __future__ import annotations

import csv
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from agent_store.errors import StoreError
from agent_store.library import AgentStore
from agent_store.library.answers import QUESTIONS
from agent_store.serve.mcp.server import INSTRUCTIONS
from agent_store.serve.mcp.tools import TOOLS, checked

# As the founding document lists them, and those that came later.
PROMISED = {
    "recall_previous_attempts": ["file_path", "task_type"],
    "get_successful_approaches": ["task_type", "limit"],
    "check_decision_history": ["decision_type", "context_hash"],
    "check_token_budget": ["component_name"],
    "suggest_token_optimizations": [],
    "predict_context_overflow": ["planned_actions"],
    "get_quality_trend": ["component_name", "days"],
    "check_for_regressions": ["since_date"],
    "suggest_tests_for_artifact": ["artifact_path"],
    "claim_work": ["work_id", "agent_id"],
    "handoff_work": ["work_id", "to_agent_id", "reason", "context"],
    "check_conflicts": ["target_path"],
    "suggest_work_for_agent": ["agent_id"],
    "get_usage_stats": ["days"],
    "analyze_workflow": ["task_type"],
    "suggest_optimizations": [],
    "check_dependency_health": ["dependency_name"],
    "get_breaking_changes": ["since_date"],
    "analyze_impact": ["dependency_name"],
    "search_code": ["query", "filters"],
    "get_entity_references": ["entity_name"],
    "get_recent_changes": ["since", "file_type"],
    "search_prompts": ["query", "date_range", "user_id"],
    "analyze_template_performance": ["template_id"],
    "export_audit_log": ["start_date", "end_date"],
    "get_cost_report": ["period", "breakdown_by"],
    "what_if": ["models", "period"],
    "predict_cost": ["plan", "agents", "agent_type", "model"],
    "suggest_cost_optimizations": [],
    "set_cost_alert": ["threshold_usd"],
    "suggest_strategy": ["task_type", "context"],
    "record_outcome": ["strategy_name", "success", "metrics"],
    "analyze_performance": ["agent_id", "days"],
    "recall_memory": ["file_path", "limit"],
    "get_token_budget": ["component_name"],
    "check_quality_trend": ["component_name", "days"],
    "query_store": ["sql", "limit"],
    "describe_store": ["table"],
}
WRITING = {"claim_work", "handoff_work", "set_cost_alert", "record_outcome", "export_audit_log"}


def test_every_promised_tool_is_there_with_its_arguments() -> None:
    assert set(TOOLS) == set(PROMISED)
    for name, arguments in PROMISED.items():
        assert set(arguments) <= set(TOOLS[name].takes), name


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_a_tool_is_a_method_of_the_library(name: str) -> None:
    tool = TOOLS[name]
    assert tool.asks in QUESTIONS
    parameters = {
        argument: parameter
        for method in (tool.asks, *tool.forms.values())
        for argument, parameter in inspect.signature(getattr(AgentStore, method)).parameters.items()
    }
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    if tool.asks not in {"query", "describe"}:
        assert takes_any or set(tool.takes) - {"detail", "about"} <= set(parameters), name
    assert (set(tool.takes["about"]["enum"]) if "about" in tool.takes else set()) == set(tool.forms)
    assert all(method in QUESTIONS for method in tool.forms.values())
    assert set(tool.required) <= set(tool.takes)
    assert tool.search_hint


def test_only_tools_that_write_are_not_read_only() -> None:
    listed = {tool.name: tool.listed() for tool in TOOLS.values()}
    assert {name for name, one in listed.items() if not one["annotations"]["readOnlyHint"]} == WRITING
    loaded = {name for name, one in listed.items() if one["_meta"].get("anthropic/alwaysLoad")}
    assert loaded == {"recall_previous_attempts", "get_cost_report", "predict_cost", "query_store"}
    assert all("anthropic/searchHint" in one["_meta"] for name, one in listed.items() if name not in loaded)


def test_words_for_the_model_are_few() -> None:
    assert len(INSTRUCTIONS) <= 500
    loaded = [json.dumps(tool.listed()) for tool in TOOLS.values() if tool.is_always_loaded]
    assert sum(map(len, loaded)) / 4 < 800
    # As the client writes those that are not loaded: at four characters a token, below 400 tokens.
    deferred = [f"mcp__plugin_agent-store_db__{tool.name}" for tool in TOOLS.values() if not tool.is_always_loaded]
    assert len("\n".join(deferred)) / 4 <= 400
    assert all(len(tool.listed()["description"]) <= 200 for tool in TOOLS.values())


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("get_quality_trend", {"component_name": "x", "days": "7"}, {"component_name": "x", "days": 7}),
        ("get_quality_trend", {"component_name": "x", "days": 7.0}, {"component_name": "x", "days": 7}),
        ("get_quality_trend", {"component_name": "x", "days": None}, {"component_name": "x"}),
        ("claim_work", {"work_id": 7, "agent_id": "a"}, {"work_id": "7", "agent_id": "a"}),
        ("predict_context_overflow", {"planned_actions": '["read a"]'}, {"planned_actions": ["read a"]}),
        ("predict_context_overflow", {"planned_actions": "read a"}, {"planned_actions": ["read a"]}),
        ("predict_cost", {"plan": '[{"agents": 2}]'}, {"plan": [{"agents": 2}]}),
        ("predict_cost", {"plan": {"agents": 2}}, {"plan": [{"agents": 2}]}),
        ("search_code", {"query": "x", "filters": '{"path": "a"}'}, {"query": "x", "filters": {"path": "a"}}),
        (
            "record_outcome",
            {"strategy_name": "x", "success": "true"},
            {"strategy_name": "x", "success": True},
        ),
        ("get_usage_stats", {"detail": "true", "limit": "3"}, {"detail": True, "limit": 3}),
        # Many models write an empty text for an argument that they leave out, and a huge number for "all".
        ("get_successful_approaches", {"task_type": ""}, {}),
        (
            "handoff_work",
            {"work_id": "w", "to_agent_id": "b", "reason": "r", "from_agent_id": " "},
            {"work_id": "w", "to_agent_id": "b", "reason": "r"},
        ),
        ("get_usage_stats", {"days": 10**30, "limit": 2**63}, {"days": 1_000_000, "limit": 1_000_000}),
    ],
)
def test_an_argument_that_can_only_mean_one_thing_is_taken_so(
    name: str, given: dict[str, Any], taken: dict[str, Any]
) -> None:
    found = checked(TOOLS[name], given)
    assert found == taken
    assert [type(value) for value in found.values()] == [type(value) for value in taken.values()]


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("get_usage_stats", {"day": 3}, "takes no day"),
        ("recall_memory", {}, "needs file_path"),
        ("recall_memory", {"file_path": None}, "needs file_path"),
        ("recall_memory", {"file_path": " "}, "needs file_path"),
        ("claim_work", {"work_id": "", "agent_id": "ana"}, "needs work_id"),
        ("record_outcome", {"strategy_name": "", "success": True}, "needs strategy_name"),
        ("get_usage_stats", {"days": "soon"}, "days as integer"),
        ("get_usage_stats", {"days": 0}, "at least 1"),
        ("get_usage_stats", {"days": True}, "days as integer"),
        ("get_usage_stats", {"limit": -1}, "at least 1"),
        ("recall_memory", {"file_path": ["a"]}, "file_path as string"),
        ("predict_context_overflow", {"planned_actions": [1]}, "planned_actions as array"),
        ("predict_cost", {"plan": ["2 agents"]}, "plan as array"),
        ("predict_cost", {"agents": 0}, "at least 1"),
        ("search_code", {"query": "x", "filters": "py"}, "filters as object"),
        ("set_cost_alert", {"threshold_usd": "cheap"}, "threshold_usd as number"),
        ("set_cost_alert", {"threshold_usd": 1, "detail": True}, "takes no detail"),
    ],
)
def test_other_arguments_are_refused_in_words(name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(StoreError, match=message):
        checked(TOOLS[name], given)


def test_the_types_of_task_that_a_tool_names_are_those_that_the_store_knows() -> None:
    with (Path(__file__).parents[2] / "seeds" / "intent_rules.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        known = {row["category"] for row in csv.DictReader(file)}
    for tool in TOOLS.values():
        if "task_type" in tool.parameters:
            named = tool.parameters["task_type"]["description"].removesuffix(" …").split(", ")
            assert set(named) <= known
