"""Verify the audit chain: recompute everything from the warehouse, and list what does not match."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from agent_store.errors import StoreError
from agent_store.store import open_warehouse
from ingest.chain import SEALED, TOMBSTONES, Batch, Sealed, batches, has_chain, read_columns, row_hashes

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths

# The exit code of `agent-store verify` when there is nothing to verify.
NO_WAREHOUSE: Final = 3
# At most this many of each kind are listed; all are counted.
LISTED: Final = 1_000
_LINE_TABLES: Final = tuple(name for name, sealed in SEALED.items() if sealed.line_number != "0")
# What each batch landed: present rows and erased ones, as they were before any rewrite.
_HASHES: Final = " union all ".join(
    f"select {one.batch_column} as batch_id, row_hash, 1 as factor from raw.{name}"
    for name, one in SEALED.items()
)
BROUGHT: Final = f"""
    with hashes as (
        {_HASHES}
        union all select batch_id, row_hash, 1 from raw.erased_row
        union all select batch_id, row_hash, 1 from raw.rewritten_row
        union all select batch_id, new_row_hash, -1 from raw.rewritten_row
        union all select batch_id, row_hash, 1 from tombstone_hashes
    )
    select batch_id, row_hash, sum(factor)::bigint as factor from hashes group by all having sum(factor) <> 0 order by all
"""
# Lines with a missing line number before them, where the file had more than line ends there.
_LINES: Final = " union all ".join(
    "select file_id, line_number, byte_offset, octet_length(coalesce(original_bytes, encode(line))) as size_bytes, "
    f"_batch_id from raw.{table}"
    for table in _LINE_TABLES
)
_GAPS: Final = f"""
    with lines as ({_LINES}),
    known as (
        select * from lines
        where file_id in (select file_id from lines where list_contains($batches, _batch_id))
        union all select file_id, line_number, null, null, null from raw.erased_row where line_number > 0
        union all select file_id, line_count + 1, read_bytes, 0, null from raw.source_file
    ),
    neighbours as (
        select
            file_id, line_number, byte_offset,
            lag(line_number, 1, 0) over files as line_before,
            lag(byte_offset + size_bytes + 1, 1, 0) over files as byte_before
        from known
        where file_id in (select file_id from lines where list_contains($batches, _batch_id))
        window files as (partition by file_id order by line_number, byte_offset)
    )
    select file_id, line_before + 1, line_number - 1 from neighbours
    where
        line_number > line_before + 1
        and coalesce(byte_offset - byte_before > 2 * (line_number - line_before - 1), true)
    order by all
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One mismatch."""

    what: str
    message: str
    batch_id: int | None = None
    source_path: str | None = None
    line_number: int | None = None


@dataclass(slots=True)
class Verified:
    """What was recomputed, and its mismatches."""

    batches: list[Batch]
    row_counts: Counter[str] = field(default_factory=Counter)
    erased: dict[str, int] = field(default_factory=dict)
    rewritten: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0
    published_head: str | None = None

    @property
    def head(self) -> str:
        """The hash of the last batch."""
        return (self.batches[-1].chain_hash or "") if self.batches else ""

    @property
    def line_count(self) -> int:
        """The number of lines present."""
        return sum(self.row_counts[table] for table in _LINE_TABLES)

    @property
    def sealed_later(self) -> dict[datetime, int]:
        """The batches that were sealed only after they were landed: how many, by the time of sealing."""
        return dict(Counter(batch.sealed_at for batch in self.batches if batch.sealed_at is not None))

    def holds(self, chain_hash: str) -> bool:
        """Whether one of the batches has this hash."""
        return any(batch.chain_hash == chain_hash for batch in self.batches)

    def add(self, finding: Finding) -> None:
        """Keep a finding, unless there are too many to list."""
        self.finding_count += 1
        if self.finding_count <= LISTED:
            self.findings.append(finding)


def verify(paths: StorePaths) -> Verified:
    """Verify the warehouse of a home, and whether the published store was made from it."""
    import duckdb

    with open_warehouse(paths, busy_code=NO_WAREHOUSE) as connection:
        if not has_chain(connection):
            raise StoreError(
                "The warehouse was written by an earlier version, which stored no hashes.",
                "Run agent-store build: it seals what has been landed so far.",
            )
        try:
            verified = check(connection)
        except duckdb.Error as error:
            raise StoreError(
                f"The warehouse {paths.warehouse} cannot be read: {str(error).strip().splitlines()[0]}",
                "It is damaged. Restore a backup, or move it aside and run agent-store build.",
            ) from error
    _check_published(paths, verified)
    return verified


def check(connection: duckdb.DuckDBPyConnection) -> Verified:
    """Verify the chain of an open warehouse."""
    verified = Verified(batches(connection))
    _check_links(verified)
    changed: list[tuple[str, int, int, int]] = []
    for sealed in SEALED.values():
        changed += _changed_rows(connection, sealed, verified)
    paths = _paths(connection, {file_id for _, file_id, _, _ in changed})
    for table, file_id, line, batch_id in changed:
        verified.add(
            _row_finding("changed", "differs from what was landed", table, paths.get(file_id), line, batch_id)
        )
    _check_batches(connection, verified)
    for name, kept in (("erased_row", verified.erased), ("rewritten_row", verified.rewritten)):
        kept.update(
            connection.execute(
                f"select reason, count(*) from raw.{name} group by all order by all"
            ).fetchall()
        )
    return verified


def _check_links(verified: Verified) -> None:
    """Compute the hash of each batch from its row and the batch before it."""
    previous, expected = "", 1
    for batch in verified.batches:
        if batch.batch_id != expected:
            missing = (
                f"{expected}" if batch.batch_id == expected + 1 else f"{expected} to {batch.batch_id - 1}"
            )
            verified.add(Finding("missing batch", f"Batch {missing} is missing.", expected))
        elif batch.hashed(previous, batch.rows_hash or "") != batch.chain_hash:
            message = f"Batch {batch.batch_id}: its row in raw.batch, or the hash of the batch before it, was changed."
            verified.add(Finding("changed batch", message, batch.batch_id))
        previous, expected = batch.chain_hash or "", batch.batch_id + 1


def _changed_rows(
    connection: duckdb.DuckDBPyConnection, sealed: Sealed, verified: Verified
) -> Iterator[tuple[str, int, int, int]]:
    """The rows whose content does not match their stored hash: table, file_id, line, batch."""
    file_id, batch = sealed.columns.index("file_id"), sealed.columns.index(sealed.batch_column)
    line = sealed.columns.index("line_number") if sealed.line_number != "0" else None
    for *columns, kept in read_columns(connection, sealed, ("row_hash",)):
        verified.row_counts[sealed.table] += len(kept)
        hashes = row_hashes(sealed, columns)
        if hashes == kept:
            continue
        for index, (found, expected) in enumerate(zip(hashes, kept, strict=True)):
            if found != expected:
                number = columns[line][index] if line is not None else 0
                yield sealed.table, columns[file_id][index], number, columns[batch][index]


@contextmanager
def registered_tombstones(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Context in which `BROUGHT` can read the hashes of the tombstones."""
    import pyarrow as pa

    ids: list[int] = []
    hashes: list[bytes] = []
    for sealed in TOMBSTONES.values():
        index = sealed.columns.index(sealed.batch_column)
        for columns in read_columns(connection, sealed):
            ids += columns[index]
            hashes += row_hashes(sealed, columns)
    given = {"batch_id": pa.array(ids, pa.int64()), "row_hash": pa.array(hashes, pa.binary())}
    connection.register("tombstone_hashes", pa.table(given))
    yield
    connection.unregister("tombstone_hashes")


def _check_batches(connection: duckdb.DuckDBPyConnection, verified: Verified) -> None:
    """Compute the hash over the rows of each batch."""
    hashing: dict[int, Any] = {}
    counts: Counter[int] = Counter()
    odd: list[tuple[int, bytes, int]] = []
    with registered_tombstones(connection):
        for part in connection.execute(BROUGHT).to_arrow_reader(8192):
            ids, hashes, factors = (column.to_pylist() for column in part.columns)
            start = 0
            while start < len(ids):  # one batch after the other
                batch_id = ids[start]
                end = bisect_right(ids, batch_id, start)
                if factors[start:end].count(1) == end - start and None not in hashes[start:end]:
                    brought = hashes[start:end]
                else:
                    rows = list(zip(ids[start:end], hashes[start:end], factors[start:end], strict=True))
                    odd += [row for row in rows if row[2] != 1]
                    brought = [hash_ or b"" for _, hash_, factor in rows for _ in range(factor)]
                hashing.setdefault(batch_id, sha256()).update(b"".join(brought))
                counts[batch_id] += sum(factors[start:end])
                start = end
    for batch_id, hash_, factor in odd:
        _explain_odd(connection, verified, batch_id, hash_, factor)
    wrong = []
    for batch in verified.batches:
        found = hashing.pop(batch.batch_id, None) or sha256()
        if found.hexdigest() != batch.rows_hash:
            wrong.append(batch.batch_id)
            verified.add(_batch_finding(batch, counts[batch.batch_id]))
    for batch_id in sorted(hashing):
        message = (
            f"{counts[batch_id]:,} rows refer to batch {batch_id}, which does not exist."
        )
        verified.add(Finding("added", message, batch_id))
    _name_gaps(connection, verified, wrong)


def _batch_finding(batch: Batch, found: int) -> Finding:
    sealed = batch.sealed_rows or 0
    if found < sealed:
        return Finding(
            "missing", f"Batch {batch.batch_id}: {sealed - found:,} of its {sealed:,} rows are missing.", batch.batch_id
        )  # fmt: skip
    if found > sealed:
        return Finding(
            "added", f"Batch {batch.batch_id}: {found - sealed:,} rows were added to its {sealed:,}.", batch.batch_id
        )  # fmt: skip
    message = f"Batch {batch.batch_id}: its {sealed:,} rows, or their hashes, differ from what was sealed."
    return Finding("changed", message, batch.batch_id)


def _explain_odd(
    connection: duckdb.DuckDBPyConnection, verified: Verified, batch_id: int, hash_: bytes, factor: int
) -> None:
    """Name a row that exists more than once, or a rewrite mark whose row is missing."""
    if factor < 0:
        found = connection.execute(
            "select table_name, file_id, line_number from raw.rewritten_row where new_row_hash = ? limit 1",
            [hash_],
        ).fetchone()
        what, message = "missing", "was rewritten, and its new version is missing"
    else:
        found = connection.execute(
            " union all ".join(
                f"select '{name}', file_id, {one.line_number} from raw.{name} where row_hash = $hash"
                for name, one in SEALED.items()
            )
            + " union all select table_name, file_id, line_number from raw.erased_row where row_hash = $hash limit 1",
            {"hash": hash_},
        ).fetchone()
        what, message = "added", f"is there {factor} times, or is also marked as erased"
    if found:
        table, file_id, line = found
        path = _paths(connection, {file_id}).get(file_id)
        verified.add(_row_finding(what, message, table, path, line, batch_id))


def _name_gaps(connection: duckdb.DuckDBPyConnection, verified: Verified, wrong: list[int]) -> None:
    """Name the lines that batches have lost, where the numbers of neighbouring lines show it."""
    if not any(finding.what == "missing" for finding in verified.findings):
        return
    gaps = connection.execute(_GAPS, {"batches": wrong}).fetchall()
    paths = _paths(connection, {file_id for file_id, _, _ in gaps})
    for file_id, first, last in gaps:
        path = paths.get(file_id) or f"file {file_id}"
        lines = (
            f"line {first} is missing"
            if first == last
            else f"at least one of lines {first} to {last} is missing"
        )
        verified.add(Finding("missing", f"{path}: {lines}.", None, path, first))


def _row_finding(
    what: str, message: str, table: str, path: str | None, line: int, batch_id: int | None
) -> Finding:
    where = f"{path or 'an unknown file'}{f':{line}' if line else ''}"
    return Finding(what, f"{where} (raw.{table}, batch {batch_id}) {message}.", batch_id, path, line or None)


def _paths(connection: duckdb.DuckDBPyConnection, file_ids: set[int]) -> dict[int, str]:
    found = connection.execute(
        "select file_id, path from raw.source_file where list_contains(?, file_id)", [list(file_ids)]
    ).fetchall()
    return dict(found)


def _check_published(paths: StorePaths, verified: Verified) -> None:
    """Check whether the published store was made from a batch of this chain."""
    import duckdb

    from agent_store.store import open_store

    if not paths.store.is_file():
        return
    try:
        with open_store(paths) as connection:
            found = connection.execute("select chain_head from store_build").fetchone()
    except duckdb.Error:
        return
    verified.published_head = found[0] if found else None
    if verified.published_head and not verified.holds(verified.published_head):
        message = (
            f"The published store was made from a chain that ended with {verified.published_head[:16]}…, but the "
            "warehouse has no such batch: it has been replaced or rewritten since."
        )
        verified.add(Finding("unknown head", message))
