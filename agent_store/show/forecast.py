"""`agent-store forecast`: the rows of the question `predict_cost`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent_store.show.tables import Sheet
from agent_store.show.text import visible
from agent_store.show.words import dollars, percent, short_number

Row = Mapping[str, Any]


def work(row: Row) -> str:
    """What a row is about, in words."""
    count = row["work_count"]
    if row["work_kind"] == "all":
        said = f"all {count:,}"
    elif row["work_kind"] == "session":
        said = "this session" if row["spent_usd"] else "a session"
    elif row["work_kind"] == "month":
        said = f"{row['ends_on']:%B %Y}"
    else:
        said = f"{count:,} {visible(row['agent_name'] or ('subagent' if count == 1 else 'subagents'))}"
    said += f" with {visible(row['model_name'])}" if row["model_name"] and row["work_kind"] != "session" else ""
    return said + (f" in {visible(row['project_name'])}" if row["project_name"] else "")


def sheet(rows: Sequence[Row]) -> Sheet:
    """The rows as a table."""
    found = Sheet("Forecast")
    found.text("work")
    found.number("from")
    found.number("median")
    found.number("to")
    found.number("tokens", rank=3)
    found.number("spent", rank=2)
    found.number("based on", rank=1)
    found.number("alike", rank=4)
    for row in rows:
        tokens = ""
        if row["low_tokens"] is not None:
            tokens = f"{short_number(row['low_tokens'])}–{short_number(row['high_tokens'])}"
        found.add(
            work(row), dollars(row["low_usd"]), dollars(row["median_usd"]), dollars(row["high_usd"]), tokens,
            dollars(row["spent_usd"]) if row["spent_usd"] else "", f"{row['past_count']:,}",
            "" if row["similar_count"] is None else f"{row['similar_count']:,}",
        )  # fmt: skip
    return found


def notes(rows: Sequence[Row], calibration: Sequence[Row]) -> list[str]:
    """What the bands rest on, and how good they have been."""
    said = ["Four of five such pieces of work should cost between “from” and “to”, at list prices."]
    for row in rows:
        if row["low_usd"] is None and row["work_kind"] != "all":
            said.append(
                f"Not enough to tell for {work(row)}: {row['past_count']} earlier ones are known, and 20 are needed."
            )
        elif row["work_kind"] == "agent_run" and row["agent_name"] and not row["similar_count"]:
            said.append(f"No agent called {visible(row['agent_name'])} has run yet: its band is that of all agents.")
    if any(row["work_kind"] == "month" and row["low_usd"] is not None for row in rows):
        (month,) = (row for row in rows if row["work_kind"] == "month")
        said.append(
            f"The month rests on {month['past_count']:,} stretches of as many days in the year before; at the pace of the "
            f"last thirty days it would end at {dollars(month['pace_usd'])}."
        )
    whole = next((row for row in calibration if row["work_kind"] == "all"), None)
    if whole is None or not whole["known_count"]:
        said.append("No forecast could be checked yet: each is kept, and compared with what the work cost.")
    elif whole["inside_ratio"] is None:
        said.append(f"{whole['inside_count']} of {whole['scored_count']} forecasts that are over lay inside their band.")
    else:
        said.append(
            f"Of the last {whole['scored_count']} forecasts that are over, {whole['inside_count']} lay inside their band "
            f"({percent(whole['inside_ratio'])}; promised are 80 %)."
        )
    return said
