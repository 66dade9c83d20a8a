"""How fast the library answers: every question on a store, with arguments taken from its rows.

    python -m benchmarks.answers --home ~/.agent-store --rounds 20

Nothing is recorded: the questions are not logged. The first answer to each question is not counted, because it opens
the store and fills the caches.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agent_store.library import AgentStore
from agent_store.library.answer import Answer
from agent_store.library.answers import QUESTIONS
from agent_store.paths import store_paths
from benchmarks.machine import machine

MEDIAN_MS, WORST_MS = 20, 100
DAYS = 90
# The subjects of the questions: the most frequent ones.
_MOST = "group by all order by count(*) desc, 1 limit 1"
ARGUMENTS = {
    "session": f"select session_id from fact_agent_action {_MOST}",
    "file": f"select file_path from v_file_memory {_MOST}",
    "task_type": f"select task_type from dim_task where task_type <> 'unknown' {_MOST}",
    "component": f"select component_name from v_context_by_component where component_type = 'skill' {_MOST}",
    "artifact": f"select artifact_name from fact_quality_measurement inner join dim_artifact using (artifact_id) {_MOST}",
    "agent": f"select agent_name from fact_task_outcome inner join dim_agent using (agent_id) {_MOST}",
    "dependency": f"select dependency_name from v_impact_cascade {_MOST}",
    "entity": f"select entity_name from fact_entity_reference inner join dim_entity using (entity_id) {_MOST}",
    "day": "select cast(cast(max(action_at) as date) - 30 as varchar) from fact_agent_action "
    "where action_at <= (select published_at from store_build)",
}


def asked(store: AgentStore) -> dict[str, Callable[[], Answer]]:
    """Each question that only reads, as a call."""
    found: dict[str, Any] = {
        name: next((value for row in store.query(sql) for value in row.values()), "nothing")
        for name, sql in ARGUMENTS.items()
    }
    planned = [f"read {found['file']}", "run make test", "Grep for TODO", "WebFetch the manual", "think"]
    return {
        "get_recent_actions": lambda: store.get_recent_actions(found["session"]),
        "recall_previous_attempts": lambda: store.recall_previous_attempts(found["file"]),
        "recall_memory": lambda: store.recall_memory(found["file"]),
        "get_successful_approaches": lambda: store.get_successful_approaches(found["task_type"]),
        "check_decision_history": store.check_decision_history,
        "get_resume_brief": store.get_resume_brief,
        "get_token_budget": lambda: store.get_token_budget(found["component"]),
        "check_token_budget": lambda: store.check_token_budget(found["component"]),
        "suggest_token_optimizations": store.suggest_token_optimizations,
        "predict_context_overflow": lambda: store.predict_context_overflow(planned, found["session"]),
        "get_quality_trend": lambda: store.get_quality_trend(found["artifact"], DAYS),
        "check_quality_trend": lambda: store.check_quality_trend(found["artifact"], DAYS),
        "check_for_regressions": lambda: store.check_for_regressions(found["day"]),
        "suggest_tests_for_artifact": lambda: store.suggest_tests_for_artifact(found["file"]),
        "check_conflicts": lambda: store.check_conflicts(found["file"]),
        "suggest_work_for_agent": lambda: store.suggest_work_for_agent(found["agent"]),
        "get_usage_stats": store.get_usage_stats,
        "analyze_workflow": lambda: store.analyze_workflow(found["task_type"]),
        "suggest_optimizations": store.suggest_optimizations,
        "check_dependency_health": store.check_dependency_health,
        "get_breaking_changes": lambda: store.get_breaking_changes(found["day"]),
        "analyze_impact": lambda: store.analyze_impact(found["dependency"]),
        "search_code": lambda: store.search_code(f"{found['entity']} test"),
        "get_entity_references": lambda: store.get_entity_references(found["entity"]),
        "get_recent_changes": store.get_recent_changes,
        "search_prompts": lambda: store.search_prompts("test"),
        "analyze_template_performance": store.analyze_template_performance,
        "get_cost_report": lambda: store.get_cost_report("all", "session"),
        "what_if": lambda: store.what_if("opus=sonnet", cache_lifetime="1h"),
        "predict_cost": lambda: store.predict_cost(agents=5),
        "get_forecast_calibration": store.get_forecast_calibration,
        "get_context_diet": store.get_context_diet,
        "get_change_effect": store.get_change_effect,
        "get_completeness": store.get_completeness,
        "get_reconciliation": store.get_reconciliation,
        "get_reconciliation_causes": store.get_reconciliation_causes,
        "suggest_cost_optimizations": store.suggest_cost_optimizations,
        "suggest_strategy": lambda: store.suggest_strategy(found["task_type"]),
        "analyze_performance": lambda: store.analyze_performance(found["agent"], DAYS),
        "describe": lambda: store.describe("fact_agent_action"),
        "query": lambda: store.query("select count(*) as action_count from fact_agent_action"),
    }


@click.command()
@click.option(
    "--home", type=click.Path(path_type=Path, exists=True), help="The home of a store (default: yours)."
)
@click.option("--rounds", type=click.IntRange(min=3), default=20, show_default=True)
@click.option("--only", multiple=True, help="Only this question; may be given several times.")
def main(home: Path | None, rounds: int, only: tuple[str, ...]) -> None:
    """Print rows, minimum, median and maximum time of each question."""
    print(machine(), flush=True)
    os.environ["AGENT_STORE_QUERY_LOG"] = "0"
    with tempfile.TemporaryDirectory() as elsewhere, AgentStore(home or store_paths().home) as store:
        # No transcripts are searched for a home other than the user's own.
        os.environ.setdefault("AGENT_STORE_HOME", elsewhere)
        calls = asked(store)
        missing = {name for name, question in QUESTIONS.items() if question.reads_only} - set(calls)
        if missing:
            raise click.ClickException(f"No arguments are known for {', '.join(sorted(missing))}.")
        print(f"{'question':30} {'rows':>6} {'of':>7} {'least':>8} {'median':>8} {'longest':>8} ms")
        medians: list[float] = []
        for name, call in calls.items():
            if only and name not in only:
                continue
            answer, times = call(), []
            for _ in range(rounds):
                started = time.perf_counter()
                call()
                times.append((time.perf_counter() - started) * 1000)
            median, longest = statistics.median(times), max(times)
            medians.append(median)
            mark = "!" if median > MEDIAN_MS or longest > WORST_MS else ""
            print(
                f"{name:30} {len(answer):6,} {answer.total_count:7,} {min(times):8.1f} {median:8.1f} {longest:8.1f} {mark}",
                flush=True,
            )
    print(f"median of the medians {statistics.median(medians):.1f} ms (target: ≤ {MEDIAN_MS})")


if __name__ == "__main__":
    main()
