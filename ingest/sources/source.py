"""A source: something that skills and components depend on, and where to check it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from ingest.contracts.versions import Watched
from ingest.text import content_digest
from ingest.warehouse import Row, utc_now

# Type of a source: the type of the dependency behind it, and the default kind of check.
TYPES: Final[dict[str, tuple[str, str]]] = {
    "docs": ("documentation", "http"),
    "git": ("git_repository", "git"),
    "api": ("api_endpoint", "http"),
    "schema": ("db_schema", "file"),
    "config": ("env_var", "file"),
    "service": ("external_service", "health"),
}


class SourcesError(ValueError):
    """The list of sources cannot be read; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to check."""

    kind: str  # http | git | file | env | database | health
    address: str


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the list."""

    name: str
    type: str
    listed_in: str
    url: str | None = None
    owner: str | None = None
    dependency_type: str = ""
    targets: tuple[Target, ...] = ()
    skills: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    watched: Watched | None = None
    # A contract that is fetched instead of read from a file.
    fetched_contract: str | None = None
    # Why nothing named in the entry is checked.
    refused: str | None = None

    def row(self, *, is_listed: bool = True, reason: str | None = None) -> Row:
        """The values of raw.source_entry."""
        pages = [target.address for target in self.targets]
        said = [self.name, self.type, self.url, self.owner, self.dependency_type, pages, self.skills, self.components,
                self.listed_in, is_listed, reason]  # fmt: skip
        return (
            self.name, self.type, self.dependency_type or TYPES.get(self.type, ("external_service", ""))[0],
            self.url, self.owner, json.dumps(pages), json.dumps(self.skills), json.dumps(self.components),
            self.listed_in, is_listed, content_digest(json.dumps(said, default=str)), reason, utc_now(),
        )  # fmt: skip
