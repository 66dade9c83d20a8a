"""Whether the current policy has been applied to everything landed, or published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_store.privacy import landing_policy
from agent_store.store import open_store
from ingest.warehouse import reading

if TYPE_CHECKING:
    from agent_store.paths import StorePaths


def is_applied(paths: StorePaths) -> bool | None:
    """Whether the current policy has been applied to all landed data; None if nothing has been landed."""
    with reading(paths.warehouse) as connection:
        if connection is None:
            return None
        landed = connection.execute("select count(*) from raw.batch").fetchone()
        if not landed or not landed[0]:
            return None
        noted = connection.execute("select max(fingerprint) from raw.privacy").fetchone()
    return bool(noted) and noted[0] == landing_policy(paths).fingerprint


def is_published(paths: StorePaths) -> bool:
    """Whether the current policy has been applied to everything in the published store."""
    import duckdb

    with open_store(paths) as connection:
        try:
            found = connection.execute("select privacy_fingerprint from store_build").fetchone()
        except duckdb.BinderException:  # published by a version without policies
            return False
    return found is not None and found[0] == landing_policy(paths).fingerprint
