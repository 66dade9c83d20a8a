"""The answer to a question: its rows, and notes about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload


@dataclass(frozen=True, slots=True)
class Answer(Sequence[dict[str, Any]]):
    """The rows of an answer, each a dict; the answer itself can be used as the list of them.

    It is empty if the store has nothing about it.
    """

    rows: Sequence[dict[str, Any]]
    columns: Sequence[str]
    # How many rows there are without the limit.
    total_count: int
    # The published tables and views it comes from.
    views: Sequence[str] = ()
    # Which parts are estimated instead of measured, in words.
    estimated: str = ""
    # When the store was published (UTC); None if the answer does not come from the store.
    as_of: datetime | None = None
    # When the newest action in the store happened (UTC): an archive may be much older than its last build.
    newest_at: datetime | None = None

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than the limit."""
        return self.total_count > len(self.rows)

    def __len__(self) -> int:
        """How many rows it has."""
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Its rows."""
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        """One row, or a range of them."""
        return self.rows[index]
