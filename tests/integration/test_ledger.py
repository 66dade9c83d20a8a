"""The store's ledger agrees, segment by segment, with the definition computed by a plain loop."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.independent_count import read_prices, records
from tests.ledger_definition import Ledger, NotSimpleError, read_ledger

SESSIONS = 20
CLOSE = 1e-9
QUERY = """
    select
        _source_line, entered_response_number, tokens, requests_carried, entry_cost_usd, carrying_cost_usd,
        cost_usd
    from fact_context_segment
    where session_id = ?
"""


def sessions_with_subagents(root: Path) -> set[str]:
    """The sessions that a subagent's file names, wherever it lies."""
    return {
        str(line.get("sessionId"))
        for path in root.rglob("agent-*.jsonl")
        for _, objects in records(path)
        for line in objects or ()
    }


def simple_ledgers(root: Path) -> list[Ledger]:
    """The ledgers of all simple transcripts that share no line with another, in the order of a hash."""
    prices = read_prices()
    delegating = sessions_with_subagents(root)
    found: list[Ledger] = []
    for path in sorted(root.rglob("projects/*/*.jsonl")):
        if path.stem in delegating:
            continue
        try:
            found.append(read_ledger(path, prices))
        except NotSimpleError:
            continue
    shared = Counter(uuid for ledger in found for uuid in ledger.uuids)
    sessions = Counter(ledger.session_id for ledger in found)
    alone = [
        ledger
        for ledger in found
        if sessions[ledger.session_id] == 1 and all(shared[uuid] == 1 for uuid in ledger.uuids)
    ]
    return sorted(alone, key=lambda ledger: hashlib.md5(ledger.session_id.encode()).hexdigest())


def differences(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> list[str]:
    """The rows in which store and definition differ."""
    ours: list[tuple[Any, ...]] = sorted(
        (row[0] or 0, *row[1:]) for row in connection.execute(QUERY, [ledger.session_id]).fetchall()
    )
    last = len(ledger.answers)
    theirs: list[tuple[Any, ...]] = sorted(
        (
            item.line or 0, item.enters, item.end - item.start, last - item.enters,
            item.entry_usd, item.usd - item.entry_usd, item.usd,
        )
        for item in ledger.segments
    )  # fmt: skip
    if len(ours) != len(theirs):
        return [f"{ledger.session_id}: {len(ours)} rows in the store, {len(theirs)} by definition"]
    return [
        f"{ledger.session_id}: store {our}, definition {their}"
        for our, their in zip(ours, theirs, strict=True)
        if our[:4] != their[:4] or any(abs(a - b) > CLOSE for a, b in zip(our[4:], their[4:], strict=True))
    ]


def check(store: Path, ledgers: list[Ledger]) -> None:
    """Compare all rows of some sessions."""
    with duckdb.connect(str(store), read_only=True) as connection:
        found = [line for ledger in ledgers for line in differences(connection, ledger)]
    assert not found, f"{len(found)} rows differ:\n" + "\n".join(found[:20])


@pytest.mark.corpus
def test_twenty_sessions_of_the_corpus_agree_row_by_row(corpus_store: Path, corpus_dir: Path) -> None:
    ledgers = simple_ledgers(corpus_dir)[:SESSIONS]
    assert len(ledgers) == SESSIONS
    assert sum(len(ledger.segments) for ledger in ledgers) > 40 * SESSIONS
    check(corpus_store, ledgers)


def test_the_simple_sessions_of_the_sample_agree_row_by_row(sample_store: Path, project_dir: Path) -> None:
    ledgers = simple_ledgers(project_dir / "sample" / "home")
    assert ledgers, "The sample has no session of the simple shape."
    check(sample_store, ledgers[:SESSIONS])
