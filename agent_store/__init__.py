"""Agent Store: what coding agents do, as a tested star schema on this machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_store.library import AgentStore as AgentStore
    from agent_store.record.sdk import AsyncInstrumentedClient as AsyncInstrumentedClient
    from agent_store.record.sdk import InstrumentedClient as InstrumentedClient

__version__ = "0.1.0"
__all__ = ["AgentStore", "AsyncInstrumentedClient", "InstrumentedClient", "__version__"]
# Imported when they are first asked for: the command line and the hooks need neither, and the SDK is an extra.
_LATE = {
    "AgentStore": "agent_store.library",
    "AsyncInstrumentedClient": "agent_store.record.sdk",
    "InstrumentedClient": "agent_store.record.sdk",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is exported
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LATE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
