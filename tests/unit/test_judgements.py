"""The seeds that judge – outcomes, decisions, strategies, kinds of commands – decide as they say."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import duckdb
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds"
FEATURE = re.compile(r"((?:timestamp )?'[^']*'|\S+) as (\w+)")
NOTHING = {"boolean": "false", "bigint": "0", "varchar": "null", "timestamp": "null", "double": "null"}
# Counts that are there only where something was counted, and what a judged row always has.
ABSENT = ("first_", "tests_")
GIVEN = {
    "status": ("varchar", "'completed'"),
    "total_tokens": ("bigint", "100"),
    "task_source": ("varchar", "'prompt'"),
    "delegation_status": ("varchar", "'ok'"),
    "prompt_rule": ("varchar", "'no_rule'"),
    "delegation_end": ("varchar", "null"),
    "task_type": ("varchar", "'implement'"),
    "ends_with_question": ("boolean", "false"),
    "longest_text": ("bigint", "0"),
    "is_human": ("boolean", "true"),
}
FOLLOWED = {
    "was_undone": ("boolean", "false"),
    "task_success": ("boolean", "cast(null as boolean)"),
    "task_basis": ("varchar", "null"),
}

STOPPED = "timestamp '2026-03-01' as interrupted_at, 1 as response_count"
ANSWERED = "1 as response_count, true as ended_with_answer"
OUTCOMES = [
    ("ticked_off", "'task_list' as task_source"),
    ("dropped", "'task_list' as task_source, 'abandoned' as status"),
    ("api_error", "true as ended_on_api_error, timestamp '2026-03-01' as interrupted_at"),
    ("refused", "true as has_refusal, 'refusal' as last_stop_reason"),
    (
        "delegation_refused",
        "'delegation' as task_source, 'denied' as delegation_status, 'abandoned' as status",
    ),
    ("delegation_failed", "'delegation' as task_source, 'error' as delegation_status"),
    ("delegation_stopped", "'delegation' as task_source, 'abandoned' as status"),
    ("plan_left", f"true as ended_rejected, 'planning' as last_call_family, {STOPPED}"),
    (
        "accepted_after_stop",
        f"{STOPPED}, 'git' as reaction_category, 'git_leading' as reaction_rule, 1 as edit_count",
    ),
    ("went_on_after_stop", f"{STOPPED}, 'implement' as reaction_category, 1 as commit_count"),
    ("rejected", f"{STOPPED}, true as ended_rejected, 'implement' as reaction_category"),
    ("interrupted", f"{STOPPED}, 'correction' as reaction_category, 1 as edit_count"),
    ("stopped", f"{STOPPED}, 1 as acted_count"),
    (
        "corrected",
        f"{ANSWERED}, 'correction' as reaction_category, 'reproach' as reaction_rule, true as ends_with_question",
    ),
    (
        "corrected_in_part",
        f"{ANSWERED}, 'correction' as reaction_category, 'reproach' as reaction_rule, true as reaction_is_mixed",
    ),
    ("asked_again", f"{ANSWERED}, true as was_asked_again, 'implement' as reaction_category"),
    (
        "symptom_reported",
        f"{ANSWERED}, 1 as edit_count, 'symptom_of_change' as reaction_rule, 'debug' as reaction_category",
    ),
    (
        "symptom_elsewhere",
        f"{ANSWERED}, 1 as edit_count, 'symptom' as reaction_rule, 'debug' as reaction_category",
    ),
    ("thanked", f"{ANSWERED}, 'thanks' as reaction_category"),
    (
        "accepted",
        f"{ANSWERED}, 'git' as reaction_category, 'git_leading' as reaction_rule, 1 as edit_count, true as ended_reverted",
    ),
    ("undone", f"{ANSWERED}, true as ended_reverted, 1 as edit_count"),
    ("tests_failed", f"{ANSWERED}, 'failed' as test_outcome, 1 as edit_count, 1 as passed_run_count"),
    ("tests_still_fail", f"{ANSWERED}, 'failed' as test_outcome, 1 as edit_count"),
    ("committed", f"{ANSWERED}, 1 as push_count, 1 as edit_count, true as asks_for_commit"),
    ("tests_passed", f"{ANSWERED}, 'passed' as test_outcome, 1 as edit_count, 1 as code_edit_count"),
    ("output_returned", f"{ANSWERED}, true as returned_output, false as is_human"),
    ("ended_on_error", f"{ANSWERED}, 'error' as last_call_status, 'shell' as last_call_family"),
    ("cut_off", "'max_tokens' as last_stop_reason, 1 as response_count"),
    ("delegation_api_error", "'delegation' as task_source, 'api_error' as delegation_end"),
    ("delegation_launched", "'delegation' as task_source, true as is_background, null as total_tokens"),
    (
        "delegation_returned",
        "'delegation' as task_source, true as was_given_again, 'error' as last_call_status, 'shell' as last_call_family",
    ),
    ("broken_off", "1 as response_count"),
    ("went_on", "1 as response_count, true as has_next_turn, 'plan' as reaction_category"),
    ("moved_on", f"{ANSWERED}, 'plan' as reaction_category"),
    ("asked_more", f"{ANSWERED}, 'explain' as reaction_category"),
    ("awaiting_answer", f"{ANSWERED}, true as ends_with_question"),
    ("ended_in_order", ANSWERED),
    ("no_answer", "0 as response_count"),
]
# What tells nothing about the person judges nothing, and an answer to a question is no correction.
UNJUDGED = [
    (
        "a no to a question",
        f"{ANSWERED}, 'correction' as reaction_category, 'refusal_no' as reaction_rule, true as ends_with_question",
    ),
    (
        "a correction after a notification",
        f"{ANSWERED}, 'correction' as reaction_category, false as is_human",
    ),
    (
        "a failing test that was the task",
        f"{ANSWERED}, 'failed' as test_outcome, 1 as edit_count, 1 as passed_run_count, 'test' as task_type",
    ),
    (
        "a trial that was thrown away",
        f"{ANSWERED}, true as ended_reverted, 1 as edit_count, true as speaks_of_undoing",
    ),
    (
        "an error elsewhere",
        f"{ANSWERED}, 1 as edit_count, 'pasted_stack_trace' as reaction_rule, 'debug' as reaction_category",
    ),
    ("a stop after the answer", f"{STOPPED}, true as ended_with_answer"),
    ("a stop before any answer", "timestamp '2026-03-01' as interrupted_at"),
    ("another try", f"{ANSWERED}, 'continue' as reaction_category, 'retry' as reaction_rule"),
    (
        "a refused plan",
        f"true as ended_rejected, 'planning' as last_call_family, {ANSWERED}, 'implement' as reaction_category",
    ),
    (
        "a refused commit that the person then makes",
        f"{STOPPED}, true as ended_rejected, 'git' as reaction_category",
    ),
    ("nothing that was asked for", f"{ANSWERED}, 'plan' as reaction_category, 'unknown' as task_type"),
    ("the end of the log", ANSWERED),
    ("other work asked for", f"{ANSWERED}, 1 as edit_count, 'implement' as reaction_category"),
    ("a commit that nobody asked for", f"{ANSWERED}, 1 as edit_count, 1 as commit_count"),
    (
        "a commit wanted after an answer that changed nothing",
        f"{ANSWERED}, 'git' as reaction_category, 'git_leading' as reaction_rule",
    ),
    (
        "an option chosen",
        f"{ANSWERED}, 1 as edit_count, 'continue' as reaction_category, 'chosen_option' as reaction_rule",
    ),
    (
        "a yes to a question",
        f"{ANSWERED}, 1 as edit_count, 'continue' as reaction_category, 'short_confirmation' as reaction_rule, "
        "true as ends_with_question",
    ),
    (
        "tests that passed before the log breaks off",
        "1 as response_count, 1 as edit_count, 1 as code_edit_count, 'passed' as test_outcome",
    ),
    (
        "tests that passed before the last edit",
        f"{ANSWERED}, 1 as edit_count, 1 as code_edit_count, 'passed' as test_outcome, true as worked_after_tests",
    ),
    (
        "tests that passed and a wish for more",
        f"{ANSWERED}, 1 as edit_count, 1 as code_edit_count, 'passed' as test_outcome, "
        "'implement' as reaction_category, 'wish' as reaction_rule",
    ),
    (
        "tests that pass beside a bug that none of them shows",
        f"{ANSWERED}, 1 as edit_count, 1 as code_edit_count, 'passed' as test_outcome, 'debug' as task_type, "
        "1 as test_run_count, 1 as passed_run_count",
    ),
    ("a stop for a mistake of one's own", f"{STOPPED}, true as reaction_takes_blame"),
    ("tests that pass beside a text", f"{ANSWERED}, 1 as edit_count, 'passed' as test_outcome"),
    ("a stop after a long answer", f"{STOPPED}, 900 as longest_text"),
    ("a stop after a command that did something", f"{STOPPED}, 1 as acted_count"),
]
STRATEGIES = [
    ("follow_plan", "true as is_plan_handover, 3 as edit_count"),
    ("plan_first", "1 as plan_count, 2 as first_plan_number, 5 as first_edit_number, 1 as edit_count"),
    ("delegate", "1 as delegation_count, 2 as own_call_count, 9 as call_count, 3 as edit_count"),
    ("ask_first", "1 as question_count, 1 as first_question_number, 2 as first_edit_number, 1 as edit_count"),
    ("follow_skill", "1 as skill_count, 3 as first_skill_number, 4 as first_edit_number, 1 as edit_count"),
    ("test_first", "1 as edit_count, 1 as first_test_number, 2 as first_edit_number, 9 as look_count"),
    ("explore_then_edit", "1 as edit_count, 4 as first_edit_number, 5 as first_test_number, 3 as look_count"),
    ("direct_edit", "1 as edit_count, 1 as first_edit_number, 2 as first_plan_number, 1 as plan_count"),
    ("research", "1 as web_count, 5 as look_count, 5 as own_call_count"),
    ("shell_edit", "1 as write_command_count, 1 as shell_count"),
    ("explore_only", "3 as look_count, 6 as own_call_count, 3 as shell_count"),
    # To look at what is committed and to commit it is more than looking.
    (
        "shell_only",
        "3 as look_count, 5 as own_call_count, 5 as shell_count, 5 as call_count, 1 as commit_count",
    ),
    ("other_tools", "1 as mcp_count, 1 as call_count"),
    ("answer_directly", "0 as call_count"),
]
DECISIONS = [
    ("rejected", "true as was_rejected, true as was_undone, 'rejected' as option_chosen"),
    ("unanswered", "true as task_success"),
    ("failed", "'error' as call_status, 'commit' as option_chosen"),
    ("undone", "true as was_undone, true as task_success, 'a' as option_chosen"),
    ("asked_again", "true as was_retried, 'question' as decision_kind, 'a' as option_chosen"),
    ("replanned", "true as was_retried, 'plan' as decision_kind, 'approved' as option_chosen"),
    (
        "task_failed",
        "false as task_success, true as was_retried, 'skill' as decision_kind, 'a' as option_chosen",
    ),
    ("task_succeeded", "true as task_success, 'a' as option_chosen"),
    ("task_open", "false as task_success, 'interrupted' as task_basis, 'a' as option_chosen"),
]
COMMANDS = [
    ("cd app && PYTHONPATH=. uv run pytest -q 2>&1 | tail -3", {"test"}),
    ("npx tsc --noEmit; npm test", {"check", "test"}),
    ("git add -A && git commit -qm 'run pytest' && git push", {"commit", "push"}),
    ("git checkout -b fix/tests", set()),
    ("git checkout main -- src/app.py", {"revert"}),
    ("git restore --staged app.py", set()),
    ("git restore app.py", {"revert"}),
    ("git stash && make test; git stash pop", {"test"}),
    ("echo pytest", set()),
    ("rg -n 'def test' src | head", {"search"}),
    ("curl -s https://example.org | jq .", {"web"}),
    ("sed -i s/a/b/ app.py", {"write"}),
]


def rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def columns(model: str) -> dict[str, str]:
    """The columns of an intermediate model with their types, as its yml lists them."""
    data = yaml.safe_load((ROOT / "models" / "intermediate" / f"{model}.yml").read_text(encoding="utf-8"))
    return {column["name"]: column["data_type"] for column in data["models"][0]["columns"]}


def relation(model: str, more: dict[str, tuple[str, str]], features: str) -> str:
    """One row of a model: nothing happened, but for the features given."""
    known = {
        name: (kind, "null" if kind == "varchar" or name.startswith(ABSENT) else NOTHING[kind])
        for name, kind in columns(model).items()
    } | more
    values = {match[2]: match[1] for match in FEATURE.finditer(features)}
    unknown = set(values) - set(known)
    assert not unknown, f"{model} has no column {unknown}"
    return "select " + ", ".join(
        f"cast({values.get(name, value)} as {kind}) as {name}" for name, (kind, value) in known.items()
    )


def first_rule(seed: str, source: str) -> str | None:
    """The first rule of a seed that holds for a row, as condition_cases finds it."""
    name = "strategy_name" if seed == "strategy_rules" else "rule_name"
    ordered = sorted(rows(seed), key=lambda row: int(row["rule_order"]))
    cases = " ".join(f"when {row['condition']} then '{row[name]}'" for row in ordered)
    found = duckdb.sql(f"select case {cases} end from ({source}) as judged").fetchone()
    assert found is not None
    return found[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("rule", "features"), OUTCOMES, ids=[rule for rule, _ in OUTCOMES])
def test_outcome_rules(rule: str, features: str) -> None:
    assert first_rule("outcome_rules", relation("int_task_feature", GIVEN, features)) == rule


@pytest.mark.parametrize(
    "features", [features for _, features in UNJUDGED], ids=[name for name, _ in UNJUDGED]
)
def test_what_tells_nothing_about_the_person_judges_nothing(features: str) -> None:
    rule = first_rule("outcome_rules", relation("int_task_feature", GIVEN, features))
    assert {row["rule_name"]: row["success"] for row in rows("outcome_rules")}[str(rule)] == ""


@pytest.mark.parametrize(("strategy", "features"), STRATEGIES, ids=[rule for rule, _ in STRATEGIES])
def test_strategy_rules(strategy: str, features: str) -> None:
    assert first_rule("strategy_rules", relation("int_task_feature", GIVEN, features)) == strategy


@pytest.mark.parametrize(("rule", "features"), DECISIONS, ids=[rule for rule, _ in DECISIONS])
def test_decision_rules(rule: str, features: str) -> None:
    assert first_rule("decision_rules", relation("int_decision", FOLLOWED, features)) == rule


@pytest.mark.parametrize(
    ("seed", "key", "cases"),
    [
        ("outcome_rules", "rule_name", OUTCOMES),
        ("strategy_rules", "strategy_name", STRATEGIES),
        ("decision_rules", "rule_name", DECISIONS),
    ],
    ids=["outcome_rules", "strategy_rules", "decision_rules"],
)
def test_every_rule_has_a_case_and_a_sensible_confidence(
    seed: str, key: str, cases: list[tuple[str, str]]
) -> None:
    assert [row[key] for row in sorted(rows(seed), key=lambda row: int(row["rule_order"]))] == [
        rule for rule, _ in cases
    ]
    assert all(0 < float(row["confidence"]) < 1 for row in rows(seed))


def test_a_failure_has_a_reason_and_nothing_else_has_one() -> None:
    for row in rows("outcome_rules"):
        assert (row["success"] == "false") == bool(row["failure_reason"]), row["rule_name"]


def kinds(command: str) -> set[str]:
    """The kinds of a command, by the same beginning of a command as the macro command_is."""
    macro = (ROOT / "macros" / "command_is.sql").read_text(encoding="utf-8")
    found = re.search(r"set begin = (.*?) -%}", macro, re.DOTALL)
    assert found is not None
    begin = "".join(re.findall(r'"([^"]*)"', found[1])).replace("\\\\", "\\")
    patterns: dict[str, list[str]] = {}
    for row in rows("command_kinds"):
        patterns.setdefault(row["command_kind"], []).append(row["pattern"])
    matching = set()
    for kind, alternatives in patterns.items():
        pattern = f"{begin}(?:{'|'.join(alternatives)})"
        hit = duckdb.execute("select regexp_matches(?, ?)", [command, pattern]).fetchone()
        if hit is not None and hit[0]:
            matching.add(kind)
    return matching


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_kinds_of_commands(command: str, expected: set[str]) -> None:
    assert kinds(command) == expected


@pytest.mark.parametrize("row", rows("command_kinds"), ids=lambda row: row["example"])
def test_each_kind_of_command_matches_its_example(row: dict[str, str]) -> None:
    assert row["command_kind"] in kinds(row["example"])
