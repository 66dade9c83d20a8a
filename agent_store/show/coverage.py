"""Which days the store has completely: the macro `coverage`, and the rows of the question `get_completeness`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from agent_store.show.tables import Sheet
from agent_store.show.text import visible
from agent_store.show.words import percent
from ingest.text import counted

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]
NO_WITNESS: Final = (
    "Claude Code's prompt history and statistics (history.jsonl, stats-cache.json in its folder) say what there was; "
    "nothing in this store comes from there."
)
_CAUSES: Final = {
    "deleted_by_cleanup": "deleted by Claude Code",
    "not_found_in_time": "not found",
    "lines_missing": "lines missing",
}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many days with activity the store has completely."""

    day_count: int
    complete_day_count: int
    incomplete_day_count: int
    # Without a witness.
    unknown_day_count: int
    missing_session_count: int
    missing_prompt_count: int
    missing_line_count: int
    # Sessions that began, and of which nothing but the folder of their environment is known.
    unsaved_session_count: int
    # The next day on which the client deletes files of these days.
    deletes_on: date | None
    # The same in words: covers 26 of 28 days.
    covers: str | None

    @property
    def says(self) -> str:
        """For a sentence about the store: covers 26 of 28 days; has no witness for 3 of 3 days."""
        words = self.covers or ""
        return words if words.startswith("covers") else f"has {words}"


_SQL: Final = (
    f"select {', '.join(field.name for field in fields(Coverage))} from coverage(since := cast($since as date), "
    "until := cast($until as date), projects := cast($projects as varchar[]))"
)


def read(connection: duckdb.DuckDBPyConnection, scope: Mapping[str, object]) -> Coverage | None:
    """The coverage of a time and of projects; None for a store of an earlier version, and where there are no days."""
    import duckdb

    try:
        row = connection.execute(_SQL, dict(scope)).fetchone()
    except duckdb.CatalogException:
        return None
    return Coverage(*row) if row and row[0] else None


def as_json(found: Coverage) -> dict[str, Any]:
    """The coverage as plain data for programs."""
    return asdict(found)


def sheet(rows: Sequence[Row], title: str) -> Sheet:
    """Days and projects as a table."""
    found = Sheet(title)
    found.text("day")
    found.name("project")
    found.text("complete")
    found.number("sessions", rank=4)
    found.number("prompts", rank=3)
    found.number("missing sessions", rank=2)
    found.number("missing prompts", rank=2)
    found.number("missing lines", rank=5)
    found.number("missing", rank=1)
    found.text("why", rank=1)
    found.text("files deleted from", rank=6)
    for row in rows:
        is_complete = row["is_complete"]
        found.add(
            str(row["activity_date"]), visible(row["project_name"] or "(any)"),
            "unknown" if is_complete is None else "yes" if is_complete else "no",
            f"{row['session_count']:,}", f"{row['prompt_count']:,}", _count(row, "missing_session_count"),
            _count(row, "missing_prompt_count"), _count(row, "missing_line_count"),
            percent(row["missing_ratio"]) if row["missing_ratio"] else "", _CAUSES.get(row["missing_cause"] or "", ""),
            str(row["deletes_on"] or ""),
        )  # fmt: skip
    return found


def notes(found: Coverage) -> list[str]:
    """What the table rests on."""
    said = []
    if found.unknown_day_count == found.day_count:
        said.append(NO_WITNESS)
    elif found.unknown_day_count:
        said.append(f"{counted(found.unknown_day_count, 'day')} without a witness: nothing tells if anything is missing.")
    if found.incomplete_day_count:
        lacking = [
            counted(count, word)
            for count, word in (
                (found.missing_session_count, "session"), (found.missing_prompt_count, "prompt"),
                (found.missing_line_count, "line"),
            )
            if count
        ]  # fmt: skip
        said.append(
            f"At least {', '.join(lacking)} missing. The share is an estimate; v_completeness says from which witness."
            if lacking
            else "The share is an estimate; v_completeness says from which witness."
        )
    if found.unsaved_session_count:
        said.append(
            f"Of {counted(found.unsaved_session_count, 'session')}, nothing but a folder (session-env) is known: each was "
            "closed before a prompt, was not saved (--no-session-persistence), or had its transcript deleted. The folder "
            "alone makes no day incomplete."
        )
    if found.deletes_on:
        said.append(
            f"Claude Code deletes the next of these transcripts from its folder from {found.deletes_on} on "
            "(cleanupPeriodDays, 30 by default). What is in the store stays."
        )
    return said


def _count(row: Row, name: str) -> str:
    return f"{row[name]:,}" if row[name] else ""
