"""DuckDB's extensions, from packages of the package index (extra `lake`): signed, and loaded without a download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.errors import StoreError
from agent_store.sql import literal

if TYPE_CHECKING:
    import duckdb

_PACKAGE = "duckdb_extension_"


def load(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Load extensions into a connection. Raises StoreError if a package is missing or is of another DuckDB."""
    import duckdb

    for name in names:
        file = _file(name)
        if file is None:
            raise StoreError(
                f"DuckDB's extension {name} is not installed.",
                "Install it with the extra of this package: pip install 'agent-store[lake]'",
            )
        try:
            connection.execute(f"load {literal(str(file))}")
        except duckdb.Error as error:
            raise StoreError(
                f"DuckDB's extension {file} cannot be loaded: {str(error).splitlines()[0]}",
                f"Install the version for DuckDB {duckdb.__version__}: pip install "
                f"'duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}'",
            ) from error


def _file(name: str) -> Path | None:
    found = importlib.util.find_spec(_PACKAGE + name)
    if found is None or not found.submodule_search_locations:
        return None
    files = (
        file for place in found.submodule_search_locations for file in Path(place).rglob("*.duckdb_extension")
    )
    return next(files, None)
