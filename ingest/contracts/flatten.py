"""Flattens a contract document of any format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import md5
from typing import Any

from ingest.contracts.ddl import flatten_sql
from ingest.contracts.elements import MOST_BYTES, ContractError, Direction, Flat, Kind
from ingest.contracts.json_schema import flatten_json_schema
from ingest.contracts.mcp import flatten_tools
from ingest.contracts.openapi import flatten_openapi
from ingest.text import YamlError, load_yaml, one_line


def flatten(kind: str, texts: Sequence[str], *, direction: str = "", dialect: str = "") -> Flat:
    """Flatten a contract. Migrations are several texts, applied in order; every other kind is one text."""
    if not texts:
        raise ContractError("the document is empty")
    if kind in (Kind.SQL_DDL, Kind.SQL_MIGRATIONS):
        return flatten_sql(texts, dialect)
    document = load_document(texts[0])
    if kind == Kind.OPENAPI:
        return flatten_openapi(document)
    if kind == Kind.JSON_SCHEMA:
        return flatten_json_schema(document, direction or Direction.REQUEST)
    if kind == Kind.MCP_TOOLS:
        return flatten_tools(document)
    raise ContractError(f"unknown kind of contract {kind!r}")


def content_hash_of(kind: str, direction: str, texts: Iterable[str]) -> str:
    """The hash under which the elements of a document are stored."""
    digest = md5(f"{kind}\x1f{direction}".encode(), usedforsecurity=False)
    for text in texts:
        digest.update(b"\x1e" + text.encode("utf-8", "replace"))
    return digest.hexdigest()


def load_document(text: str) -> Any:  # noqa: ANN401 - whatever JSON or YAML holds
    """Read JSON or YAML; times and dates stay text."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith(("{", "[")):
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError) as error:
            first_error = error
    else:
        first_error = None
    try:
        return load_yaml(text, MOST_BYTES, most_added=MOST_BYTES, loader=_yaml_loader())
    except YamlError as error:
        problem = first_error or error
        raise ContractError(f"neither JSON nor YAML: {one_line(problem)}") from error


def _yaml_loader() -> Any:  # noqa: ANN401 - yaml has no types for it
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = type("ContractLoader", (base,), {})
    loader.yaml_implicit_resolvers = {  # type: ignore[attr-defined]
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    return loader
