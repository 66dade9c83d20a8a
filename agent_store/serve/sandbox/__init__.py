"""SQL of anyone on the published store, each query in a process of its own that it can neither leave nor outlive."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_store.serve.sandbox.limits import Limits as Limits
    from agent_store.serve.sandbox.parent import Asked as Asked
    from agent_store.serve.sandbox.parent import ask as ask
    from agent_store.serve.sandbox.parent import asking as asking
    from agent_store.show.query import Found as Found

# Imported when they are first asked for: the process of a query comes by here too, and starts no other.
_LATE = {
    "Asked": "agent_store.serve.sandbox.parent",
    "Found": "agent_store.show.query",
    "Limits": "agent_store.serve.sandbox.limits",
    "ask": "agent_store.serve.sandbox.parent",
    "asking": "agent_store.serve.sandbox.parent",
}
__all__ = ["Asked", "Found", "Limits", "ask", "asking"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is exported
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
