"""Contracts: OpenAPI 3, JSON Schema, SQL DDL and lists of MCP tools, version by version, one row per element."""

from ingest.contracts.elements import DEPENDENCY_TYPES, ContractError, Kind
from ingest.contracts.flatten import content_hash_of, flatten
from ingest.contracts.logged_tools import land_tools
from ingest.contracts.versions import Known, Version, Watched, add_version, direction_of, read_versions

__all__ = [
    "DEPENDENCY_TYPES",
    "ContractError",
    "Kind",
    "Known",
    "Version",
    "Watched",
    "add_version",
    "content_hash_of",
    "direction_of",
    "flatten",
    "land_tools",
    "read_versions",
]
