"""The errors of a query that exceeds its limits."""

from __future__ import annotations

from agent_store.errors import StoreError

_ASK_FOR_LESS = "Ask for fewer days, sessions or columns"


def out_of_time(seconds: float) -> StoreError:
    """The query took too long."""
    return StoreError(
        f"The query took more than {seconds:g} seconds and was stopped.",
        f"{_ASK_FOR_LESS}; `agent-store query` has --timeout.",
    )


def out_of_memory(megabytes: int) -> StoreError:
    """The query needed too much memory."""
    return StoreError(
        f"The query needs more than the {megabytes:,} MB of memory it is allowed.",
        f"{_ASK_FOR_LESS}; `agent-store query` has --memory.",
    )
