"""One call of each tool of the MCP server on the sample, as a model makes it."""

from __future__ import annotations

from typing import Any

FILE = "/home/dev/shop/cart.py"
CALLS: dict[str, dict[str, Any]] = {
    "recall_previous_attempts": {"file_path": FILE},
    "get_successful_approaches": {"task_type": "debug"},
    "check_decision_history": {"decision_type": "question"},
    "check_token_budget": {"component_name": "price-check"},
    "suggest_token_optimizations": {},
    "predict_context_overflow": {"planned_actions": [f"read {FILE}", "run make test"]},
    "get_quality_trend": {"component_name": "shop"},
    "check_for_regressions": {"since_date": "2026-01-01"},
    "suggest_tests_for_artifact": {"artifact_path": FILE},
    "claim_work": {"work_id": "w-1", "agent_id": "ana"},
    "handoff_work": {
        "work_id": "w-2",
        "to_agent_id": "ben",
        "reason": "knows prices",
        "context": "see cart.py",
    },
    "check_conflicts": {"target_path": FILE},
    "suggest_work_for_agent": {"agent_id": "main/shop"},
    "get_usage_stats": {"days": 400},
    "analyze_workflow": {},
    "suggest_optimizations": {},
    "check_dependency_health": {"dependency_name": "mcp_server:catalog"},
    "get_breaking_changes": {"since_date": "2026-01-01"},
    "analyze_impact": {"dependency_name": "anthropic_api"},
    "search_code": {"query": "total"},
    "get_entity_references": {"entity_name": "total"},
    "get_recent_changes": {"since": "2026-01-01"},
    "search_prompts": {"query": "cart"},
    "analyze_template_performance": {"template_id": "standup"},
    "export_audit_log": {"start_date": "2026-09-01", "end_date": "2026-09-30"},
    "get_cost_report": {"period": "all", "breakdown_by": "model"},
    "what_if": {"models": ["opus=sonnet"]},
    "predict_cost": {"agents": 3, "agent_type": "Explore"},
    "suggest_cost_optimizations": {},
    "set_cost_alert": {"threshold_usd": 20},
    "suggest_strategy": {"task_type": "debug"},
    "record_outcome": {"strategy_name": "read first", "success": True, "metrics": {"minutes": 3}},
    "analyze_performance": {"agent_id": "main/shop", "days": 400},
    "recall_memory": {"file_path": FILE},
    "get_token_budget": {"component_name": "local-skill"},
    "check_quality_trend": {"component_name": "shop"},
    "query_store": {"sql": "select sum(cost_usd) as cost_usd from v_cost_daily"},
    "describe_store": {"table": "v_cost_daily"},
}
