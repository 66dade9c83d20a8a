"""`agent-store diet`: the rows of the question `get_context_diet`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agent_store.show.tables import Sheet
from agent_store.show.text import visible
from agent_store.show.words import dollars, short_number

Row = Mapping[str, Any]
KINDS: Final = {
    "agent_listing": "agent list",
    "agent_result": "agent result",
    "answer": "responses",
    "attached_file": "@file",
    "command_body": "command",
    "hook_output": "hook output",
    "inherited_context": "inherited",
    "injected_text": "reminder",
    "mcp_server": "MCP server",
    "rare": "others",
    "skill_body": "skill",
    "skill_listing": "skill list",
    "thinking": "thinking",
    "tool_definition": "definition",
    "unlogged": "not logged",
}
# Names that say no more than the kind.
_SAME: Final = frozenset({"assistant_output", "user_prompt"})
_LEAST_USD: Final = 0.01
_METHODS: Final = {
    "exact": "exact: its tokens were measured alone",
    "shared": "shared: measured growth, shared by length",
    "estimated": "estimated: mostly converted from length",
}


def kind_in_words(kind: str) -> str:
    """The kind of a part as it is shown."""
    return KINDS.get(kind, kind.replace("_", " "))


def sheet(rows: Sequence[Row], head: str, *, with_sections: bool = False) -> Sheet:
    """The rows as a table."""
    found = Sheet(visible(head))
    found.name("kind", most=18)
    found.path("part")
    found.number("tokens", rank=3)
    found.number("entered", "carried", "re-billed", rank=6)
    found.number("cost")
    found.number("saves/month")
    found.name("how", rank=4)
    found.number("sessions", rank=5)
    found.number("used in", rank=2)
    for row in rows:
        found.add(*_cells(row))
        sections = row["sections"] or ()
        for section in sections if with_sections and len(sections) > 1 else ():
            found.add(*_section_cells(section), style="dim")
    return found


def _cells(row: Row) -> Iterator[str]:
    used, tested = row["used_session_count"], row["tested_session_count"]
    yield kind_in_words(row["part_kind"])
    yield _name(row)
    yield short_number(round(row["tokens_per_session"]))
    yield from (dollars(row[f"{part}_cost_usd"]) for part in ("entry", "read", "rebilled"))
    yield dollars(row["cost_usd"])
    yield dollars(row["saved_usd_per_month"])
    yield row["saving_method"] or ""
    yield f"{row['session_count']:,}"
    yield f"{used:,} of {tested:,}" if used is not None and tested else ""


def _section_cells(section: Row) -> Iterator[str]:
    yield ""
    level = max((section["heading_level"] or 1) - 1, 0)
    yield f"{'  ' * level}§ {visible(section['heading'] or 'before the first heading')}"
    yield short_number(round(section["tokens_per_session"]))
    yield from ("", "", "")
    yield dollars(section["cost_usd"])
    yield dollars(section["saved_usd_per_month"])
    yield from ("by length", "", "")


def _name(row: Row) -> str:
    if row["part_kind"] == "rare":
        return f"{row['part_count']:,} parts in fewer than {row['least_session_count']} sessions each"
    name = row["part_name"] or ""
    if name in _SAME or name == row["part_kind"]:
        return ""
    return visible(name.replace("_", " ") if row["part_kind"] == "unlogged" else name)


def notes(shown: Sequence[Row], total: int) -> list[str]:
    """What the numbers rest on; `total` is how many rows there are."""
    if not shown:
        return []
    last = shown[-1]
    said = []
    if total > len(shown):
        said.append(f"{total - len(shown):,} more parts cost {dollars(last['rest_cost_usd'])}: --limit 0 shows all.")
    said.append(
        "Without a part the cached prefix only gets shorter: it saves its own dollars. Assumed: the same requests would "
        "have been made."
    )
    band = max(shown, key=lambda row: row["band_saved_usd"] or 0)
    if (band["band_saved_usd"] or 0) >= _LEAST_USD:
        said.append(
            "Some requests would also have stayed in a lower price band, which counts as saved: "
            f"{dollars(band['band_saved_usd'])} for {kind_in_words(band['part_kind'])}. These savings do not add up."
        )
    methods = [text for method, text in _METHODS.items() if any(row["saving_method"] == method for row in shown)]
    if methods:
        said.append(f"{'; '.join(methods).capitalize()}.")
    months = max(row["month_count"] for row in shown)
    said.append(
        f"From {last['total_session_count']:,} sessions, {dollars(last['total_cost_usd'])} of input at list prices; per "
        f"month: calendar months with use, {months:,} at most. Tokens are per session that carried it."
    )
    return said
