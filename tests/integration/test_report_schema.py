"""What the report commands print as JSON is as docs/report.schema.json says, in every field."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jsonschema import Draft202012Validator

from agent_store.cli.output import echo_json
from agent_store.show import report_schema
from agent_store.show.ledger import BY, explain, picture, rank
from agent_store.show.report import SCHEMA_VERSION, Scope, collect


@pytest.fixture(scope="module")
def store(sample_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published store of the sample, read-only."""
    with duckdb.connect(str(sample_store), read_only=True) as connection:
        yield connection


def _printed(found: Any, limit: int | None = None) -> dict[str, Any]:
    with redirect_stdout(io.StringIO()) as output:
        echo_json(found.as_json(), limit)
    printed: dict[str, Any] = json.loads(output.getvalue())
    return printed


def _errors(document: dict[str, Any]) -> list[str]:
    """Against the schema that allows no other fields, of the kind that the document says it is."""
    schema = report_schema.schema(is_strict=True)
    kind = document["schema"].removeprefix("agent-store/")
    validator = Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema["$defs"]})
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(document)]


def test_the_schema_in_the_docs_is_that_of_the_dataclasses() -> None:
    assert report_schema.main([]) == 0
    in_docs = json.loads(report_schema.FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(in_docs)
    assert in_docs["$defs"]["report"]["properties"]["schema_version"] == {"const": SCHEMA_VERSION}


@pytest.mark.parametrize(
    "scope", [Scope(), Scope(since=date(2026, 10, 5)), Scope(projects=("shop",)), Scope(until=date(2001, 1, 1))], ids=str
)  # fmt: skip
def test_a_report_is_as_the_schema_says(store: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    assert not _errors(_printed(collect(store, "x", scope)))


@pytest.mark.parametrize("by", BY)
def test_a_ranking_is_as_the_schema_says(store: duckdb.DuckDBPyConnection, by: str) -> None:
    assert not _errors(_printed(rank(store, by)))


def test_a_session_is_as_the_schema_says(store: duckdb.DuckDBPyConnection) -> None:
    for found in (explain(store, "f566c1d3"), picture(store, "f566c1d3")):
        assert not _errors(_printed(found))


def test_json_has_all_rows_or_as_many_as_asked(store: duckdb.DuckDBPyConnection) -> None:
    whole, few = _printed(collect(store, "x")), _printed(collect(store, "x"), 2)
    lists = {name for name, value in whole.items() if isinstance(value, list)}
    assert len(whole["sessions"]) == whole["total"]["session_count"]
    assert len(whole["tables"]) > 50
    assert {"causes", "changes", "advice", "optimizations", "pace", "days"} <= lists
    assert all(len(few[name]) <= 2 for name in lists)
    assert not _errors(few)
    assert not [name for name in json.dumps(whole).split('"') if name.startswith("rest_")]


def test_another_form_is_noticed(store: duckdb.DuckDBPyConnection) -> None:
    document = _printed(collect(store, "x"))
    del document["total"]["cost_usd"]
    document["new"] = 1
    assert len(_errors(document)) == 2
