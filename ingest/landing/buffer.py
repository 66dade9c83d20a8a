"""Lines on their way into a table: in columns, because there are many, the odd ones one by one."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.landing import lines
from ingest.landing.lines import Part, parts_of

if TYPE_CHECKING:
    import duckdb


@dataclass(slots=True)
class LineBuffer:
    """Lines read but not yet inserted, in columns."""

    table: str
    lines: list[bytes] = field(default_factory=list)
    file_ids: array[int] = field(default_factory=lambda: array("q"))
    line_numbers: array[int] = field(default_factory=lambda: array("q"))
    byte_offsets: array[int] = field(default_factory=lambda: array("q"))
    parts: list[tuple[int, int, Part]] = field(default_factory=list)  # file_id, line_number: made already
    size: int = 0

    @property
    def count(self) -> int:
        """Return how many rows wait."""
        return len(self.lines) + len(self.parts)

    def insert(self, connection: duckdb.DuckDBPyConnection, batch_id: int) -> int:
        """Insert everything; what is no plain JSON object joins the parts first. Returns the number of rows."""
        rows = self._insert_lines(connection, batch_id) if self.lines else 0
        if self.parts:
            self._insert_parts(connection, batch_id)
        return rows + len(self.parts)

    def _insert_lines(self, connection: duckdb.DuckDBPyConnection, batch_id: int) -> int:
        import pyarrow as pa

        count = len(self.lines)
        chunk = pa.table(
            {
                "file_id": _bigints(self.file_ids),
                "line_number": _bigints(self.line_numbers),
                "byte_offset": _bigints(self.byte_offsets),
                "position": _bigints(array("q", range(count))),
                "line": _texts(self.lines),
            }
        )
        connection.register("landing_chunk", chunk)
        odd = connection.execute(
            "select position from landing_chunk "
            f"where strlen(line) > {lines.MOST_PARSED_BYTES} or not (starts_with(line, '{{') and json_valid(line))"
        ).fetchall()
        if odd:
            positions = {position for (position,) in odd}
            for position in sorted(positions):
                file_id, number = self.file_ids[position], self.line_numbers[position]
                made = parts_of(self.lines[position], self.byte_offsets[position])
                self.parts += [(file_id, number, part) for part in made]
            chunk = chunk.filter(pa.array([position not in positions for position in range(count)]))
            connection.register("landing_chunk", chunk)
        connection.execute(
            f"insert into raw.{self.table} "
            "select file_id, line_number, 0, byte_offset, line, null, null, null, ? from landing_chunk",
            [batch_id],
        )
        connection.unregister("landing_chunk")
        return int(chunk.num_rows)

    def _insert_parts(self, connection: duckdb.DuckDBPyConnection, batch_id: int) -> None:
        import pyarrow as pa

        columns = zip(*(
            (file_id, number, part.part_number, part.byte_offset, part.line, part.repaired_line,
             part.original_bytes, part.set_aside_reason)
            for file_id, number, part in self.parts
        ), strict=True)  # fmt: skip
        big, text = pa.int64(), pa.string()
        types = (big, big, pa.int32(), big, text, text, pa.binary(), text)
        names = ("file_id", "line_number", "part_number", "byte_offset", "line", "repaired", "raw", "reason")
        arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
        connection.register("landing_parts", pa.table(arrays, names=names))
        connection.execute(f"insert into raw.{self.table} select *, ? from landing_parts", [batch_id])
        connection.unregister("landing_parts")


def _bigints(values: array[int]) -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


def _texts(lines: list[bytes]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return lines as an Arrow array of text; a line that is not UTF-8 is left empty: found odd later."""
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
