"""Lines on their way into a table: in columns, because there are many; irregular ones one by one."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingest.chain import SEALED, row_hashes, salts
from ingest.landing import lines
from ingest.landing.lines import Part, parts_of
from ingest.privacy import privacy

if TYPE_CHECKING:
    import duckdb


@dataclass(slots=True)
class LineBuffer:
    """Lines read but not yet inserted, in columns."""

    table: str
    # The session of each file.
    sessions: Mapping[int, str | None] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)
    file_ids: array[int] = field(default_factory=lambda: array("q"))
    line_numbers: array[int] = field(default_factory=lambda: array("q"))
    byte_offsets: array[int] = field(default_factory=lambda: array("q"))
    parts: list[tuple[int, int, Part]] = field(default_factory=list)  # file_id, line_number: made already
    size: int = 0

    @property
    def count(self) -> int:
        """Return the number of waiting rows."""
        return len(self.lines) + len(self.parts)

    def insert(self, connection: duckdb.DuckDBPyConnection, batch_id: int) -> list[bytes]:
        """Insert everything; lines that are not plain JSON objects join the parts first. Returns the hashes of the
        rows.
        """
        hashes = self._insert_lines(connection, batch_id) if self.lines else []
        return hashes + self._insert_parts(connection, batch_id) if self.parts else hashes

    def _insert_lines(self, connection: duckdb.DuckDBPyConnection, batch_id: int) -> list[bytes]:
        import pyarrow as pa

        column = _texts(self.lines)
        left_out = self._move_odd_lines(connection, column)
        policy = privacy.current()
        needs_sessions = policy.policy.projects or policy.policy.forgotten
        sessions = [self.sessions.get(file_id) for file_id in self.file_ids] if needs_sessions else ()
        changed = policy.changed_lines(self.lines, self.table, left_out, sessions)
        for position, line in changed.items():
            self.lines[position] = line
        left_out |= policy.forgotten_lines(self.lines, self.table, left_out, sessions)
        if left_out:
            self._leave_out(left_out)
        if changed or left_out:
            column = _texts(self.lines)
        count = len(self.lines)
        row_salts = salts(count)
        nothing = [None] * count
        hashes = row_hashes(
            SEALED[self.table],
            (row_salts, self.file_ids, self.line_numbers, [0] * count, self.byte_offsets, [batch_id] * count,
             self.lines, nothing, nothing, nothing),
        )  # fmt: skip
        chunk = pa.table(
            {
                "file_id": _bigints(self.file_ids),
                "line_number": _bigints(self.line_numbers),
                "byte_offset": _bigints(self.byte_offsets),
                "line": column,
                "row_salt": _bigints(row_salts),
                "row_hash": pa.array(hashes, pa.binary()),
            }
        )
        connection.register("landing_chunk", chunk)
        connection.execute(
            f"insert into raw.{self.table} by name select *, 0 as part_number, ? as _batch_id from landing_chunk",
            [batch_id],
        )
        connection.unregister("landing_chunk")
        return hashes

    def _move_odd_lines(self, connection: duckdb.DuckDBPyConnection, column: Any) -> set[int]:  # noqa: ANN401 - pyarrow
        """Make parts of the lines that are not plain JSON objects; returns their positions."""
        import pyarrow as pa

        connection.register(
            "landing_texts", pa.table({"position": _bigints(array("q", range(len(column)))), "line": column})
        )
        odd = connection.execute(
            "select position from landing_texts "
            f"where strlen(line) > {lines.MOST_PARSED_BYTES} or not (starts_with(line, '{{') and json_valid(line))"
        ).fetchall()
        connection.unregister("landing_texts")
        positions = {position for (position,) in odd}
        for position in sorted(positions):
            file_id, number = self.file_ids[position], self.line_numbers[position]
            for part in parts_of(self.lines[position], self.byte_offsets[position]):
                if (kept := kept_of(part, self.table, self.sessions.get(file_id))) is not None:
                    self.parts.append((file_id, number, kept))
        return positions

    def _leave_out(self, positions: set[int]) -> None:
        kept = [position for position in range(len(self.lines)) if position not in positions]
        self.lines = [self.lines[position] for position in kept]
        for name in ("file_ids", "line_numbers", "byte_offsets"):
            numbers = getattr(self, name)
            setattr(self, name, array("q", [numbers[position] for position in kept]))

    def _insert_parts(self, connection: duckdb.DuckDBPyConnection, batch_id: int) -> list[bytes]:
        import pyarrow as pa

        columns = list(zip(*(
            (salt, file_id, number, part.part_number, part.byte_offset, batch_id, part.line, part.repaired_line,
             part.original_bytes, part.set_aside_reason)
            for salt, (file_id, number, part) in zip(salts(len(self.parts)), self.parts, strict=True)
        ), strict=True))  # fmt: skip
        sealed = SEALED[self.table]
        hashes = row_hashes(sealed, columns)
        big, text = pa.int64(), pa.string()
        types = (big, big, big, pa.int32(), big, big, text, text, pa.binary(), text)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
        arrays.append(pa.array(hashes, pa.binary()))
        connection.register("landing_parts", pa.table(arrays, names=[*sealed.columns, "row_hash"]))
        connection.execute(f"insert into raw.{self.table} by name select * from landing_parts")
        connection.unregister("landing_parts")
        return hashes


def kept_of(part: Part, table: str, session: str | None = None) -> Part | None:
    """The landed form of a part, in a file of a session, under the policy in force; None if it has been forgotten."""
    policy = privacy.current()
    if policy.is_forgotten(part.repaired_line or part.line, table, session):
        return None
    return replace(
        part,
        line=policy.line(part.line, table, session=session),
        repaired_line=(
            None if part.repaired_line is None else policy.line(part.repaired_line, table, session=session)
        ),
        original_bytes=None if part.original_bytes is None else policy.data(part.original_bytes),
    )


def _bigints(values: array[int]) -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


def _texts(lines: list[bytes]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return lines as an Arrow array of text; a line that is not UTF-8 is left empty and treated as irregular later.
    """
    import pyarrow as pa

    texts = pa.array(lines, pa.binary()).view(pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([line if _is_utf8(line) else b"" for line in lines], pa.binary()).view(pa.string())
    return texts


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
