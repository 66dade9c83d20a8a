"""Exports: a published table, or an answer, as a Parquet, CSV or JSON file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.errors import StoreError, explain
from agent_store.replacing import replacing
from agent_store.serve.export import known, selection
from agent_store.sql import literal
from agent_store.store import open_store

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

PARQUET = selection.PARQUET
CSV = selection.CSV
JSON = selection.JSON
_OPTIONS = {
    PARQUET: "format parquet, compression zstd",
    CSV: "format csv, header true",
    # One object per line.
    JSON: "format json",
}


def export_table(paths: StorePaths, target: Path, table: str, form: str, since: str | None) -> int:
    """Write a published table or view to a file, with its types; return the number of rows.

    With `since`, only rows whose time (the first time column of the table) is not before it.
    """
    with open_store(paths) as connection:
        (relation,) = selection.exportable(connection, [table])
    sql = selection.select(relation, form, is_since=since is not None)
    return export_query(paths, target, sql, form, {} if since is None else {"since": since})


def export_query(
    paths: StorePaths, target: Path, sql: str, form: str, parameters: Mapping[str, object] | None = None
) -> int:
    """Write the result of an internal query to a file, in one rename; return the number of rows."""
    import duckdb

    target = target.expanduser().absolute()
    try:
        with replacing(target) as fresh, open_store(paths, may_write=fresh) as connection:
            row = connection.execute(
                f"copy ({sql}) to {literal(str(fresh))} ({_OPTIONS[form]}, use_tmp_file false)",
                dict(parameters or {}),
            ).fetchone()
            known.note(paths, target)
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, f"Writing {target}")
            or StoreError(f"Writing {target} failed: {str(error).strip().splitlines()[0]}")
        ) from error
    return int(row[0]) if row else 0


def export_bundle(
    paths: StorePaths, target: Path, sql: str, parameters: Mapping[str, str]
) -> tuple[int, dict[str, object]]:
    """Write the result of a query as a signed audit log; return the number of records, and the facts about the
    signature."""
    from agent_store.audit import bundle

    with tempfile.TemporaryDirectory(prefix=".export-", dir=paths.home) as folder:
        records = Path(folder) / "records.jsonl"
        export_query(paths, records, sql, JSON, parameters)
        known.note(paths, target)
        written = bundle.write(paths, records, target, (parameters["first"], parameters["end"]))
    return written.record_count, {
        "key_fingerprint": written.fingerprint,
        "untied_count": written.untied_count,
    }
