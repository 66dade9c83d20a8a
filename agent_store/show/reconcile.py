"""`agent-store reconcile`: the provider's report beside the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent_store.show.tables import Sheet
from agent_store.show.text import visible
from agent_store.show.words import dollars
from ingest.text import counted

Row = Mapping[str, Any]


def sheet(rows: Sequence[Row], title: str) -> Sheet:
    """Days, models and pools as a table."""
    found = Sheet(title)
    found.text("day (UTC)")
    found.name("model")
    found.text("pool", rank=3)
    found.number("our tokens", rank=4)
    found.number("their tokens", rank=4)
    found.number("ours")
    found.number("theirs")
    found.number("difference", rank=1)
    found.text("mostly", rank=2)
    for row in rows:
        found.add(
            str(row["usage_date"]), visible(row["model_name"]), row["billing_pool"], f"{row['our_tokens']:,}",
            "" if row["their_tokens"] is None else f"{row['their_tokens']:,}", dollars(row["our_usd"]),
            dollars(row["their_usd"]), _signed(row["difference_usd"]), row["main_cause"] or "",
        )  # fmt: skip
    return found


def notes(causes: Sequence[Row]) -> list[str]:
    """The whole difference, and what it comes from."""
    if not causes:
        return []
    first = causes[0]
    amounts = f"{dollars(first['their_usd'])} reported, {dollars(first['our_usd'])} here"
    said = [f"On {counted(first['day_count'], 'day')}: {amounts}."]
    parts = [
        f"{row['cause']} {_signed(row['difference_usd'])}{'' if row['is_exact'] else ' (estimated)'}"
        for row in causes
        if round(row["difference_usd"] or 0, 2)
    ]
    if parts:
        said.append(f"The difference: {', '.join(parts)}.")
    said.append("A report covers the whole organisation, the store only the machines whose logs were landed.")
    return said


def _signed(amount: float | None) -> str:
    return "–" if amount is None else f"{'-' if amount < 0 else '+'}{dollars(abs(amount))}"
