"""`agent-store tables` and `agent-store describe`."""

from __future__ import annotations

import click

from agent_store.cli.output import echo_json, new_console, say, tell
from agent_store.record import query_log
from ingest.text import shorten

_MOST = 12


@click.command()
@click.argument("words", metavar="[WORD]…", nargs=-1)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"Maximum number of matches of WORD (default {_MOST}; 0: all).",
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def tables(words: tuple[str, ...], limit: int | None, as_json: bool) -> int:
    """List the tables, views and functions of the store, or those that match WORD, best match first.

    Each is shown with its row count and the meaning of a row. If there are several words, all must match. `describe`
    shows one table.
    """
    from agent_store.library import AgentStore
    from agent_store.show import catalog

    with AgentStore(interface=query_log.CLI) as store:
        known = catalog.relations(store.describe(columns=bool(words)))
    text = " ".join(words)
    found = catalog.search(known, text) if words else catalog.Found(tuple(known))
    most = _MOST if limit is None and words else limit or len(known)
    shown = found.relations[:most]
    if as_json:
        echo_json({"tables": [one.as_json() for one in shown], "table_count": len(found.relations)}, None)
        return 0
    if not shown:
        say(f"Nothing in the store matches {shorten(text, 80)!r}. agent-store tables lists what it has.")
        return 0
    if found.words:
        say(f"Nothing matches {shorten(text, 80)!r}. With {found.words!r}:")
    tell(catalog.list_text(shown, new_console().width, grouped=not words))
    if len(shown) < len(found.relations):
        say(f"{len(shown):,} of {len(found.relations):,} (--limit 0 shows all).")
    return 0


@click.command()
@click.argument("table")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def describe(table: str, as_json: bool) -> int:
    """Describe TABLE: the meaning of a row, its columns with types and meaning, and an example query."""
    from agent_store.library import AgentStore
    from agent_store.show import catalog

    with AgentStore(interface=query_log.CLI) as store:
        found = catalog.relations(store.describe(table.strip()))
        if not found:
            raise catalog.unknown(table, [row["name"] for row in store.describe()])
    if as_json:
        echo_json(found[0].as_json(in_detail=True), None)
    else:
        tell(catalog.detail_text(found[0], new_console().width))
    return 0
