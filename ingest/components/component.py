"""A component: the folder searched, the file found, and the parsed text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ingest.files import Stamp

# An agent does not load longer texts; only their path and size are kept.
MOST_BYTES: Final = 4 * 1024 * 1024
TEXT_SUFFIXES: Final = frozenset({".md", ".markdown", ".mdc", ".txt", ".json", ".yaml", ".yml", ".toml"})


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to search, and what it is."""

    path: Path
    origin: str  # home | project | named


@dataclass(frozen=True, slots=True)
class Found:
    """A file that belongs to a component."""

    root: str
    path: str
    system_path: str
    scope: str
    component_type: str
    name: str
    plugin: str | None
    owner: str | None
    role: str
    stamp: Stamp
    problem: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Where it is."""
        return self.root, self.path


@dataclass(slots=True)
class Parsed:
    """The parsed text of a component."""

    body: str
    front_matter: Mapping[str, Any] | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    validator: str | None = None
    validator_version: str | None = None
    problem: str | None = None
    entries: list[dict[str, str | None]] = field(default_factory=list)
    links: list[dict[str, object]] = field(default_factory=list)
    keeps_text: bool = True
