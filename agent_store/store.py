"""The published store, opened the only way readers open it: read-only and locked down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent_store import access
from agent_store.errors import LOCKED, StoreError, cause_of
from agent_store.sql import literal

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from agent_store.paths import StorePaths

# No file, no network, no extension, no change of these settings: SQL from anyone may run on this connection.
_LOCK_DOWN = (
    "set global TimeZone = 'UTC'",
    "set enable_external_access = false",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set lock_configuration = true",
)


def _add_embed_query(connection: duckdb.DuckDBPyConnection) -> None:
    """Where the extra `embeddings` is installed, queries can make a vector of a text: embed_query('…')."""
    from ingest.code import vectors

    if vectors.folder() is not None:
        connection.create_function(
            "embed_query", lambda text: vectors.embed([text])[0], ["varchar"], "float[]"
        )


def no_store(paths: StorePaths) -> StoreError:
    """Why there is no store, as far as the last build says."""
    from agent_store.build import last_build

    last = last_build.read(paths)
    if last is None or last.is_published:
        return StoreError(
            f"There is no published store at {paths.store}.",
            "Build it first: agent-store build (or: make build)",
            exit_code=3,
        )
    return StoreError(
        f"There is no published store at {paths.store}: the last build ({last.ended_at:%Y-%m-%d %H:%M} UTC) "
        f"published nothing. {'; '.join(last.problems)}",
        last.advice,
        exit_code=3,
    )


@contextmanager
def open_store(
    paths: StorePaths, *, may_write: Path | None = None, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published store; closed at the end, so that no one holds it for long.

    `may_write` is the one file, or the one folder, if any, that COPY may write; `threads` is how many threads a query may
    use, all cores where it is left out.
    """
    access.secure(paths)
    if not paths.store.is_file():
        raise no_store(paths)
    settings = {"temp_directory": str(paths.home / "tmp")} | ({"threads": str(threads)} if threads else {})
    with open_file(paths.store, settings, may_write=may_write) as connection:
        yield connection


@contextmanager
def open_file(
    store: Path,
    settings: Mapping[str, str],
    *,
    may_write: Path | None = None,
    with_vectors: bool = True,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the file of a store, read-only and locked down, with these settings of DuckDB.

    `with_vectors` is whether queries may call embed_query, where its extra is installed.
    """
    import duckdb  # imported late: commands that need no database start without it

    # Attached to an instance of its own: DuckDB hands out one instance per path and process, and who opened
    # the path again would go on seeing the store of before the last publish. Views name it agent_store.
    connection = duckdb.connect(":memory:", config=dict(settings))
    try:
        connection.execute(f"attach {literal(str(store))} as agent_store (read_only)")
        connection.execute("use agent_store")
        if with_vectors:
            _add_embed_query(connection)
        if may_write is not None:
            allowed = "allowed_directories" if may_write.is_dir() else "allowed_paths"
            connection.execute(f"set {allowed} = [{literal(str(may_write))}]")
        for statement in _LOCK_DOWN:
            connection.execute(statement)
    except duckdb.Error as error:
        connection.close()
        cause = cause_of(error)
        if cause == LOCKED:
            from ingest.warehouse import holder_of

            raise StoreError(
                f"The store {store} is open for writing in {holder_of(error)}.",
                "Close it there, or open it there read-only; then any number of programs can read it.",
                exit_code=3,
            ) from error
        raise StoreError(
            f"The store {store} cannot be opened: {cause or str(error).splitlines()[0]}.",
            "If the file is damaged, delete it and run agent-store build: the warehouse has it all.",
            exit_code=3,
        ) from error
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def open_warehouse(paths: StorePaths, *, busy_code: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the warehouse, which holds the landed lines; closed at the end.

    StoreError where there is none, or where it cannot be opened: then with the exit code `busy_code`.
    """
    import duckdb

    access.secure(paths)
    if not paths.warehouse.is_file():
        raise StoreError(
            f"There is no warehouse at {paths.warehouse}.",
            "Build it first: agent-store build (or: make build)",
            exit_code=3,
        )
    try:
        # Whole columns of lines are handed to Arrow, more than its usual offsets can count.
        connection = duckdb.connect(
            str(paths.warehouse), read_only=True, config={"arrow_large_buffer_size": "true"}
        )
    except duckdb.Error as error:
        raise StoreError(
            f"The warehouse cannot be opened: {cause_of(error) or str(error).splitlines()[0]}.",
            "While a build runs the warehouse is closed to others: try again when it is done.",
            exit_code=busy_code,
        ) from error
    try:
        yield connection
    finally:
        connection.close()
