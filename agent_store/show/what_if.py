"""`agent-store whatif`: the rows of the question `what_if`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent_store.show.tables import Sheet
from agent_store.show.text import visible
from agent_store.show.words import dollars, percent

Row = Mapping[str, Any]
_LIFETIMES: Final = {
    "5m": "cache entries live for five minutes",
    "1h": "cache entries live for an hour",
    "none": "nothing is cached",
}


def title(
    models: Sequence[str], cache_lifetime: str | None, speed: str | None, tier: str | None, prices: str
) -> str:
    """The assumptions in one line."""
    said = [f"{from_name.strip()} as {to_name.strip()}" for from_name, _, to_name in (one.partition("=") for one in models)]
    said += [_LIFETIMES[cache_lifetime]] if cache_lifetime else []
    said += [f"{speed} mode"] if speed else []
    said += [f"{tier} tier"] if tier else []
    said += [f"prices of {prices}"] if prices != "then" else []
    return f"What if: {', '.join(said)}" if said else "What if nothing were different"


def sheet(rows: Sequence[Row], head: str) -> Sheet:
    """The rows as a table."""
    found = Sheet(visible(head))
    found.name("model")
    found.name("as", rank=3)
    found.number("responses", rank=2)
    found.number("cost")
    found.number("same models", rank=4)
    found.number("what if")
    found.number("saved")
    found.number("%", rank=1)
    found.number("break-even", rank=5)
    for row in rows:
        other = row["other_model_name"] or ""
        ratio = row["break_even_ratio"]
        found.add(
            visible(row["model_name"]), visible(other) if other != row["model_name"] else "", f"{row['response_count']:,}",
            dollars(row["cost_usd"]), dollars(row["exact_cost_usd"]), dollars(row["what_if_cost_usd"]),
            dollars(row["saved_usd"]), percent(row["saved_ratio"]), f"{ratio:.2f} ×" if ratio else "",
        )  # fmt: skip
    return found


def notes(rows: Sequence[Row], *, is_lifetime: bool) -> list[str]:
    """What the numbers rest on."""
    if not rows:
        return []
    total = rows[0]
    said = []
    if ratio := total["break_even_ratio"]:
        cheaper = (
            f"it is cheaper unless it needs more than {ratio:.2f} × the tokens"
            if ratio >= 1
            else f"it is more expensive unless it needs less than {ratio:.2f} × the tokens"
        )
        said.append(f"Assumed: the other model takes as many tokens; {cheaper}. Exact: the price of these tokens.")
    if is_lifetime:
        said.append(
            f"Exact: {total['replayed_count']:,} pauses between five minutes and an hour are replayed; everything else "
            "about the cache stays as it was."
        )
    if total["uncertain_usd"]:
        said.append(
            f"Not known: up to {dollars(total['uncertain_usd'])} more, if no other session kept the system prompts cached."
        )
    if total["unpriced_count"]:
        said.append(
            f"{total['unpriced_count']:,} inferences have no price, as they were or under these assumptions, and count as "
            "they were."
        )
    said.append(f"From {total['response_count']:,} responses in {total['session_count']:,} sessions, at list prices.")
    return said
