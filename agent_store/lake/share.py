"""Sharing: put the sessions that changed since the last time into a lake."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.build import warehouse
from agent_store.build.lock import build_lock
from agent_store.errors import StoreError
from agent_store.lake import shipment
from agent_store.lake.host import this_host
from agent_store.lake.merging import read_rules
from agent_store.lake.target import Shared, Target
from agent_store.privacy import landing_policy
from agent_store.privacy.applied import is_applied, is_published
from agent_store.privacy.policy import read_policy
from agent_store.store import no_store, open_store

if TYPE_CHECKING:
    from agent_store.paths import StorePaths


def share(
    paths: StorePaths,
    project: Path,
    target: Target,
    *,
    host: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Shared:
    """Put what changed since the last time into the lake, in one transaction.

    Raises StoreError if the store is not up to date with what has been landed, if the privacy policy has not been applied
    to all of it, or if the lake cannot be written.
    """
    here = this_host(paths, host)
    policy = read_policy(paths)
    with build_lock(paths, on_wait=say):
        code, privacy = _check(paths)
        rules = read_rules(paths, project)
        with shipment.opened(paths) as connection, target.opened(say) as lake:
            sessions = shipment.note_sessions(
                connection, code, privacy, policy.sharing.leave_out, expiring=policy.retention.facts
            )
            choice = shipment.choose(connection, sessions, lake.stamps(here.host_id))
            depends = (code, privacy, shipment.removals(connection), *policy.sharing.leave_out)
            state = hashlib.sha256(" ".join(depends).encode()).hexdigest()[:16]
            tables = shipment.tables(
                connection,
                rules,
                here,
                patterns=policy.sharing.leave_out,
                salt="" if policy.user_ids == "hash" else landing_policy(paths).user_salt,
            )
            return lake.write(shipment.Shipment(here, connection, tables, choice, state))


def _check(paths: StorePaths) -> tuple[str, str]:
    """Raise StoreError unless the store may be shared as it is; return the fingerprints of its models and its policy."""
    if not paths.store.is_file():
        raise no_store(paths)
    with open_store(paths) as connection:
        found = connection.execute(
            "select last_batch_key, tables_fingerprint, privacy_fingerprint from store_build"
        ).fetchone()
    batch, code, privacy = found or ("", "", "")
    if batch != warehouse.raw_summary(paths).batch_key:
        raise StoreError(
            "The store is older than what has been landed.", "Build it, then share: agent-store build"
        )
    if is_applied(paths) is False or not is_published(paths):
        raise StoreError(
            "The privacy rules have changed, and have not been applied to everything in the store.",
            "Apply them, then share: agent-store privacy apply",
        )
    return str(code), str(privacy)
