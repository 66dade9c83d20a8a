"""`agent-store line`: the original line behind a row, by its `_source_path` and `_source_line`.

The published store holds no raw lines; they are in the warehouse, which is opened read-only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_store.errors import StoreError
from agent_store.show.text import visible, visible_json
from agent_store.store import open_warehouse
from ingest.privacy.fields import LINE_TABLES

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths

_LINES = """
    select files.host, files.root, files.generation, lines.part_number, coalesce(lines.repaired_line, lines.line)
    from raw.source_file as files
    inner join raw.{table} as lines on lines.file_id = files.file_id
    where files.path = ? and lines.line_number = ?
    order by files.host, files.root, files.generation desc, lines.part_number
"""
_FILES = "select count(*), max(line_count) from raw.source_file where path = ?"


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as it was landed, with its file and machine."""

    host: str
    root: str
    generation: int
    part_number: int
    text: str

    @property
    def pretty(self) -> str:
        """The line as indented JSON, or as text if it is not JSON; control characters are made visible."""
        try:
            return visible_json(json.dumps(json.loads(self.text), ensure_ascii=False, indent=2))
        except (ValueError, RecursionError):
            return visible(self.text)


def fetch(paths: StorePaths, source_path: str, line_number: int) -> Sequence[RawLine]:
    """The lines with this number in the files of this path: one, unless several machines have such a file."""
    if paths.lake_mark.exists():
        raise StoreError(
            "The lines of transcripts are not in a lake: they stay on their host.",
            "Run agent-store line on the host of the session.",
        )
    with open_warehouse(paths) as connection:
        found = [
            RawLine(*row)
            for table in LINE_TABLES
            for row in connection.execute(_LINES.format(table=table), [source_path, line_number]).fetchall()
        ]
        if not found:
            raise _not_found(connection, source_path, line_number)
    return found


def _not_found(connection: duckdb.DuckDBPyConnection, source_path: str, line_number: int) -> StoreError:
    """Say whether the file or only the line is missing."""
    files, last = connection.execute(_FILES, [source_path]).fetchone() or (0, None)
    if not files:
        return StoreError(
            f"No file {source_path} has been landed.",
            "Take the path from the column _source_path of a row: it is relative to the root.",
        )
    return StoreError(f"{source_path} has no line {line_number}; its last one is {last}.")
