"""The published store, which readers always open read-only and locked down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent_store.errors import LOCKED, StoreError, cause_of
from agent_store.sql import literal

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from agent_store.paths import StorePaths

# No files, no network, no extensions, no change of these settings: untrusted SQL may run on this connection.
_LOCK_DOWN = (
    "set global TimeZone = 'UTC'",
    "set enable_external_access = false",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set lock_configuration = true",
)


def _add_embed_query(connection: duckdb.DuckDBPyConnection) -> None:
    """If the extra `embeddings` is installed, queries can turn a text into a vector: embed_query('…')."""
    from ingest.code import vectors

    if vectors.folder() is not None:
        from _duckdb._func import FunctionNullHandling

        # A text without a token has no vector, as NULL has none.
        connection.create_function(
            "embed_query",
            lambda text: None if text is None else vectors.embed([text])[0],
            ["varchar"],
            "float[]",
            null_handling=FunctionNullHandling.SPECIAL,
        )


def no_store(paths: StorePaths) -> StoreError:
    """Why there is no store, according to the last build."""
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
    """A read-only connection to the published store, closed at the end so that it is not kept open for long.

    `may_write` is the one file, or the one folder, if any, that COPY may write; `threads` is how many threads a query
    may use, by default all cores.
    """
    from agent_store import access  # imported late: a query's process opens the file alone

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

    `with_vectors` is whether queries may call embed_query, if its extra is installed.
    """
    import duckdb  # imported late: commands that need no database start without it

    # Attached to a separate instance: DuckDB shares one instance per path and process, and reopening the path would
    # still show the store from before the last publish. Views name it agent_store.
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
                "Close it there, or open it read-only there: then any number of programs can read it.",
                exit_code=3,
            ) from error
        raise StoreError(
            f"The store {store} cannot be opened: {cause or str(error).splitlines()[0]}.",
            "If the file is damaged, delete it and run agent-store build: the warehouse has all the data.",
            exit_code=3,
        ) from error
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def open_warehouse(paths: StorePaths, *, busy_code: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the warehouse, which has the landed lines; closed at the end.

    Raises StoreError if there is none, or if it cannot be opened, then with the exit code `busy_code`.
    """
    import duckdb

    from agent_store import access

    access.secure(paths)
    if not paths.warehouse.is_file():
        raise StoreError(
            f"There is no warehouse at {paths.warehouse}.",
            "Build it first: agent-store build (or: make build)",
            exit_code=3,
        )
    try:
        # Whole columns of lines are passed to Arrow, more than its usual offsets can address.
        connection = duckdb.connect(
            str(paths.warehouse), read_only=True, config={"arrow_large_buffer_size": "true"}
        )
    except duckdb.Error as error:
        raise StoreError(
            f"The warehouse cannot be opened: {cause_of(error) or str(error).splitlines()[0]}.",
            "During a build, no other program can open the warehouse: try again when it is done.",
            exit_code=busy_code,
        ) from error
    try:
        yield connection
    finally:
        connection.close()
