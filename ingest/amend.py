"""Erases and rewrites landed rows while keeping the audit chain intact.

An erased or rewritten row keeps its place in the chain through its hash, in raw.erased_row and raw.rewritten_row.
These markers are rows of their own batch, so the chain covers the erasure itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.chain import SEALED, TOMBSTONES, read_columns, row_hashes, salts
from ingest.warehouse import add_batch, this_host, utc_now

if TYPE_CHECKING:
    import duckdb


@dataclass(slots=True)
class Amendment:
    """One batch of erasures and rewrites, inside the caller's transaction."""

    connection: duckdb.DuckDBPyConnection
    batch_id: int
    erased: int = 0
    rewritten: int = 0

    def erase(self, table: str, condition: str, reason: str) -> int:
        """Delete the rows of raw.`table` that meet an SQL condition; their hashes stay. Returns the number of rows.
        """
        sealed = SEALED[table]
        self.connection.execute(
            "insert into raw.erased_row (table_name, file_id, line_number, part_number, batch_id, row_hash, reason, "
            "erased_in_batch_id) "
            f"select ?, file_id, {sealed.line_number}, {sealed.part_number}, {sealed.batch_column}, row_hash, ?, ? "
            f"from raw.{table} where {condition}",
            [table, reason, self.batch_id],
        )
        count = _count(self.connection.execute(f"delete from raw.{table} where {condition}"))
        self.erased += count
        return count

    def rewrite(self, table: str, relation: str, reason: str) -> int:
        """Replace values in raw.`table`; returns the number of changed rows.

        `relation` has a column `row` with the `rowid` of each row, and one column for each value to replace. It is
        held in memory: rewrite many rows in several calls.
        """
        import pyarrow as pa

        sealed = SEALED[table]
        connection = self.connection
        given = [column[0] for column in connection.execute(f"describe select * from {relation}").fetchall()]
        values = ", ".join(f"given.{column} as {column}" for column in given if column != "row")
        connection.execute(
            f"create or replace temp table rewriting as "
            f"select t.* exclude (row_hash) replace ({values}), t.row_hash as old_hash, t.rowid as row "
            f"from raw.{table} as t inner join {relation} as given on given.row = t.rowid"
        )
        count = _count(
            connection.execute(f"delete from raw.{table} where rowid in (select row from rewriting)")
        )
        for *columns, rows in list(read_columns(connection, sealed, ("row",), source="rewriting")):
            columns[0] = salts(len(rows)).tolist()
            new = {"row": rows, "salt": columns[0], "hash": row_hashes(sealed, columns)}
            connection.register("rewritten", pa.table(new))
            connection.execute(
                f"insert into raw.{table} by name "
                "select rewriting.* exclude (old_hash, row) replace (rewritten.salt as row_salt), "
                "rewritten.hash as row_hash from rewriting inner join rewritten using (row)"
            )
            connection.execute(
                "insert into raw.rewritten_row (table_name, file_id, line_number, part_number, batch_id, row_hash, "
                "new_row_hash, reason, rewritten_in_batch_id) "
                f"select ?, file_id, {sealed.line_number}, {sealed.part_number}, {sealed.batch_column}, old_hash, "
                "rewritten.hash, ?, ? from rewriting inner join rewritten using (row)",
                [table, reason, self.batch_id],
            )
            connection.unregister("rewritten")
        connection.execute("drop table rewriting")
        self.rewritten += count
        return count


@contextmanager
def amending(connection: duckdb.DuckDBPyConnection) -> Iterator[Amendment]:
    """Erase and rewrite in a batch that is sealed at the end; if nothing was changed, there is no batch.

    The caller has begun the transaction, and commits it.
    """
    found = connection.execute("select coalesce(max(batch_id), 0) + 1 from raw.batch").fetchone()
    amendment = Amendment(connection, int(found[0]) if found else 1)
    started_at = utc_now()
    yield amendment
    if not amendment.erased and not amendment.rewritten:
        return
    hashes: list[bytes] = []
    for sealed in TOMBSTONES.values():
        where = f"{sealed.batch_column} = {amendment.batch_id}"
        for columns in read_columns(connection, sealed, where=where):
            hashes += row_hashes(sealed, columns)
    add_batch(connection, amendment.batch_id, started_at, this_host(), 0, 0, 0, 0, 0, hashes)


def _count(done: duckdb.DuckDBPyConnection) -> int:
    found = done.fetchone()
    return int(found[0]) if found else 0
