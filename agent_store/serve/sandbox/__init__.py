"""Untrusted SQL on the published store: each query runs in a separate process that it can neither escape nor
outlive."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_store.serve.sandbox.limits import Limits as Limits
    from agent_store.serve.sandbox.parent import Asked as Asked
    from agent_store.serve.sandbox.parent import ask as ask
    from agent_store.serve.sandbox.parent import asking as asking
    from agent_store.show.query import Found as Found

# Imported on first use: the query process imports this package too, and does not start another one.
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
