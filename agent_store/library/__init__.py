"""The library: `from agent_store import AgentStore`, for programs that record what they do and query the store."""

from agent_store.library.answer import Answer
from agent_store.library.store import AgentStore

__all__ = ["AgentStore", "Answer"]
