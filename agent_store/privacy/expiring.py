"""The data kept of sessions that are about to expire, from the decision until they are removed from raw."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.replacing import replacing

if TYPE_CHECKING:
    from agent_store.paths import StorePaths
    from ingest.purge import Expiry


def write(paths: StorePaths, expiry: Expiry) -> None:
    """Write it; it is on disk when this returns. The build lock must be held."""
    head = {
        "expired_at": expiry.expired_at.isoformat(),
        "expired_before": expiry.expired_before.isoformat(),
        "kept_days": expiry.kept_days,
        "archive": None if expiry.archive is None else str(expiry.archive),
        "row_count": len(expiry.rows),
    }
    with replacing(paths.expiring) as fresh, fresh.open("r+", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in (head, *expiry.rows))
        file.flush()
        os.fsync(file.fileno())


def read(paths: StorePaths) -> Expiry | None:
    """What was written; None if nothing is about to expire, or the file is damaged."""
    from ingest.purge import Expiry

    try:
        lines = paths.expiring.read_text(encoding="utf-8").split("\n")
        head, *rows = (json.loads(line) for line in lines if line)
        if len(rows) != head["row_count"]:
            return None
        return Expiry(
            datetime.fromisoformat(head["expired_at"]),
            datetime.fromisoformat(head["expired_before"]),
            int(head["kept_days"]),
            None if head["archive"] is None else Path(head["archive"]),
            tuple((str(relation), str(session), str(row)) for relation, session, row in rows),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(paths: StorePaths) -> None:
    """Remove it, once the data to keep is in raw."""
    paths.expiring.unlink(missing_ok=True)
