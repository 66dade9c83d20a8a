"""One row of a provider's report, and how rows are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import md5
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError
from agent_store.record import spool
from agent_store.record.writer import Writer

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

USAGE: Final = "usage"
COST: Final = "cost"
KIND: Final = "provider_usage"
MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """What the provider counted in a period (UTC): tokens (`usage`), or dollars (`cost`)."""

    report: str
    # Where it was read: `admin_api` or `csv`.
    origin: str
    starts_at: datetime
    ends_at: datetime
    model: str | None = None
    workspace: str | None = None
    api_key: str | None = None
    service_tier: str | None = None
    context_window: str | None = None
    # Of dollars: what they are for.
    cost_type: str | None = None
    token_type: str | None = None
    description: str | None = None
    currency: str | None = None
    amount_usd: float | None = None
    uncached_input_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    cache_read_tokens: int | None = None
    output_tokens: int | None = None
    web_search_count: int | None = None

    @property
    def key(self) -> str:
        """What it is about: the row of a later reading with the same key replaces it."""
        parts = (
            self.report, self.starts_at.isoformat(), self.ends_at.isoformat(), self.model, self.workspace, self.api_key,
            self.service_tier, self.context_window, self.cost_type, self.token_type, self.description,
        )  # fmt: skip
        text = "\x1f".join("\x1e" if part is None else part for part in parts)
        return md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a report, and what was left out of it."""

    rows: tuple[ProviderRow, ...]
    # Lines of a file that are no row, such as its total.
    skipped_count: int = 0
    notes: tuple[str, ...] = ()


def record(paths: StorePaths, rows: Iterable[ProviderRow]) -> int:
    """Append the rows of one reading to the spool; the next build lands them. Of each day, the newest reading counts.

    Raises StoreError if a row could not be recorded.
    """
    writer = Writer(paths, spool.LIBRARY)
    now = datetime.now(UTC)
    count = 0
    for row in rows:
        fields = asdict(row)
        starts_at, ends_at = fields.pop("starts_at"), fields.pop("ends_at")
        done = writer.write(
            KIND,
            {
                **fields,
                "report_key": row.key,
                "occurred_at": now,
                "starts_at_ms": round(starts_at.timestamp() * MILLISECONDS),
                "ends_at_ms": round(ends_at.timestamp() * MILLISECONDS),
            },
        )
        if done is None:
            raise StoreError(f"The report could not be recorded: {next(iter(writer.errors), 'unknown error')}.")
        count += 1
    return count
