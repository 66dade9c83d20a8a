"""Copies an export to an object store, with a DuckDB extension that the user has installed: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent_store.errors import StoreError
from agent_store.sql import literal

if TYPE_CHECKING:
    import duckdb

    from agent_store.serve.export.folder import Exported

_AWS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION in the environment, or "
# The extension that writes to each kind of address, and where it looks for credentials besides DuckDB's secrets.
_EXTENSIONS = {
    "s3": ("httpfs", _AWS), "s3a": ("httpfs", _AWS), "s3n": ("httpfs", _AWS), "gs": ("httpfs", ""),
    "gcs": ("httpfs", ""), "r2": ("httpfs", ""), "az": ("azure", ""), "azure": ("azure", ""), "abfss": ("azure", ""),
}  # fmt: skip


@contextmanager
def opened(target: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can write to a target. Raises StoreError if the target or its extension is not available."""
    import duckdb

    scheme = target.partition("://")[0].lower() if "://" in target else ""
    if scheme not in _EXTENSIONS:
        raise StoreError(
            f"Exports cannot be copied to {target!r}.",
            f"A target starts with {', '.join(f'{name}://' for name in _EXTENSIONS)}. For a folder, use --out.",
        )
    extension, _ = _EXTENSIONS[scheme]
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set autoload_known_extensions = false")
        try:
            connection.execute(f"load {extension}")
        except duckdb.Error as error:
            raise StoreError(
                f"Writing to {scheme}:// needs DuckDB's extension {extension} for version {duckdb.__version__}, and it "
                f"cannot be loaded: {str(error).strip().splitlines()[0]}",
                f'Agent Store downloads nothing. Install it yourself, once: python -c "import duckdb; '
                f"duckdb.sql('install {extension}')\" with this DuckDB. {_credentials(scheme)}",
            ) from error
        yield connection
    finally:
        connection.close()


def copy(connection: duckdb.DuckDBPyConnection, exported: Exported, target: str) -> int:
    """Copy the files of an export to a target, byte by byte, the manifest last; return their number."""
    import duckdb

    base = target.rstrip("/")
    paths = exported.paths
    for number, path in enumerate(paths):
        content = (exported.folder / path).read_bytes()
        try:
            connection.execute(
                f"copy (select cast($content as blob) as content) to {literal(f'{base}/{path}')} (format blob)",
                {"content": content},
            )
        except duckdb.Error as error:
            raise StoreError(
                f"Writing {base}/{path} failed: {str(error).strip().splitlines()[0]}",
                f"{number:,} of {len(paths):,} files were copied, the manifest was not. "
                f"{_credentials(target.partition('://')[0].lower())}",
            ) from error
    return len(paths)


def _credentials(scheme: str) -> str:
    _, environment = _EXTENSIONS.get(scheme, ("", ""))
    return f"Credentials: {environment}a persistent secret of DuckDB (create persistent secret …)."
