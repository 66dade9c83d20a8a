"""The modules that a program selects: `AgentStore(schema_modules=["core", "quality"])`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from agent_store.errors import StoreError

# Each module with its aliases.
MODULES = {
    "core": (),
    "memory": ("agent_memory", "continuity", "agent_memory_and_continuity"),
    "token_budget": ("budget", "tokens", "token_budget_tracking", "token_budget_optimization"),
    "quality": ("quality_tracking", "quality_tracking_over_time"),
    "coordination": ("multi_agent", "multi_agent_coordination", "work"),
    "workflow": ("analytics", "workflow_analytics", "development_workflow", "development_workflow_analytics"),
    "dependencies": ("dependency", "dependency_cdc", "cdc", "change_data_capture"),
    "retrieval": ("rag", "retrieval_augmented_generation"),
    "audit": ("audit_trail", "audit_trails", "prompts", "prompt_response_audit_trails"),
    "cost": ("costs", "cost_optimization"),
    "improvement": ("self_improvement", "self_improving", "self_improving_agents", "strategies"),
}
ALL = frozenset(MODULES)
_NAMES = {name: module for module, others in MODULES.items() for name in (module, *others)}


def selected(names: Iterable[str] | None) -> frozenset[str]:
    """The modules for the given names, plus the core; all if none are given. Raises StoreError for an unknown name."""
    if names is None:
        return ALL
    if isinstance(names, str):
        names = [names]
    found = {"core"}
    for name in names:
        plain = "_".join(str(name).lower().replace("-", " ").replace("_", " ").replace("/", " ").split())
        if plain == "all":
            return ALL
        if plain not in _NAMES:
            close = difflib.get_close_matches(plain, _NAMES, n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise StoreError(
                f"There is no schema module {str(name)!r}.{meant}", f"There are: {', '.join(MODULES)}"
            )
        found.add(_NAMES[plain])
    return frozenset(found)
