"""The library: `from agent_store import AgentStore`, for programs that record what they do and ask what is known."""
