"""The flattened form of a contract: one row per element, with a path that is the same in every version.

An element has a parent and comparable properties: type, whether it is required, bounds, … Nothing is compared here:
SQL compares any two versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import md5
from typing import Any, Final

from ingest.warehouse import Row

MOST_BYTES: Final = 16 * 1024 * 1024
MOST_FIELDS: Final = 60_000
DEEPEST: Final = 80


class Kind(StrEnum):
    """Format of a contract."""

    OPENAPI = "openapi"
    JSON_SCHEMA = "json_schema"
    SQL_DDL = "sql_ddl"
    SQL_MIGRATIONS = "sql_migrations"
    MCP_TOOLS = "mcp_tools"


class Direction(StrEnum):
    """Who writes the value of an element: the caller (request), the other side (response), or both."""

    REQUEST = "request"
    RESPONSE = "response"
    STORAGE = "storage"


DEPENDENCY_TYPES: Final[dict[str, str]] = {
    Kind.OPENAPI: "api_endpoint",
    Kind.JSON_SCHEMA: "json_schema",
    Kind.SQL_DDL: "db_schema",
    Kind.SQL_MIGRATIONS: "db_schema",
    Kind.MCP_TOOLS: "mcp_server",
}


class ContractError(ValueError):
    """A document is not of the declared kind; the message is the reason that health shows."""


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a contract."""

    path: str
    parent: str | None
    kind: str
    direction: str
    name: str | None = None
    endpoint: str | None = None
    method: str | None = None
    data_type: str | None = None
    data_format: str | None = None
    is_required: bool = False
    is_nullable: bool = False
    is_deprecated: bool = False
    is_read_only: bool = False
    is_write_only: bool = False
    default: str | None = None
    value: str | None = None
    number: float | None = None
    description_hash: str | None = None

    def row(self, content_hash: str) -> Row:
        """The values of raw.contract_field."""
        return (
            content_hash, self.path, self.parent, self.kind, self.direction, self.endpoint, self.method,
            self.name, self.data_type, self.data_format, self.is_required, self.is_nullable, self.is_deprecated,
            self.is_read_only, self.is_write_only, self.default, self.value, self.number, self.description_hash,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flat:
    """A contract document as rows."""

    fields: tuple[Field, ...]
    version_label: str | None = None


def text_digest(*texts: object) -> str | None:
    joined = "\x1f".join(" ".join(str(text).split()) for text in texts if text)
    return md5(joined.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:16] if joined else None


def json_text(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    )


def mapping_of(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def sequence_of(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
