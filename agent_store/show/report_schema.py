"""The JSON Schema of what the report commands print with --json: docs/report.schema.json.

It is made from the dataclasses that are printed: `python -m agent_store.show.report_schema --write`. A test holds the
file against it, and real output against the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent_store.show.ledger import ContextPicture, Explanation, Ranking
from agent_store.show.report import SCHEMA_VERSION, Report

FILE = Path(__file__).resolve().parents[2] / "docs" / "report.schema.json"
DOCUMENTS = {
    "report": (Report, "agent-store report --json"),
    "ranking": (Ranking, "agent-store report --by X --json"),
    "context": (ContextPicture, "agent-store report context SESSION --json"),
    "explanation": (Explanation, "agent-store report explain SESSION --json"),
}
_TIME = {"type": "string", "description": "UTC, as 2026-03-01T10:00:00."}


def schema(*, is_strict: bool = False) -> dict[str, Any]:
    """The schema of all documents; the key `schema` says which one a document is.

    A strict one allows no other fields: for tests, since a reader of the documents must expect new ones.
    """
    from pydantic import TypeAdapter

    definitions: dict[str, Any] = {}
    for name, (kind, command) in DOCUMENTS.items():
        found = _plain(TypeAdapter(kind).json_schema(mode="serialization"), is_strict)
        definitions |= found.pop("$defs", {})
        own: dict[str, Any] = {
            "schema": {"const": f"agent-store/{name}"},
            "schema_version": {"const": SCHEMA_VERSION},
        }
        if name != "context":
            own["prices"] = {"type": "string", "description": "What the dollars are."}
        found["properties"] = own | found["properties"]
        found["required"] = [*own, *found["required"]]
        found["description"] = f"{command}. {found.get('description', '')}".strip()
        definitions[name] = found
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What agent-store report prints as JSON",
        "description": (
            "schema_version grows when a field goes or changes its meaning, not when one is added. Dollars are plain "
            "numbers, null where nothing had a price. docs/report.md says of which view each part is."
        ),
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in DOCUMENTS],
        "$defs": dict(sorted(definitions.items())),
    }


def _plain(part: Any, is_strict: bool) -> Any:  # noqa: ANN401 - any part of a schema
    """A part of a schema as this project writes it: no titles, and a type or null as a list of types."""
    if isinstance(part, list):
        return [_plain(item, is_strict) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "date-time":
        return dict(_TIME)
    result = {
        key: {name: _plain(value, is_strict) for name, value in item.items() if not name.startswith("rest_")}
        if key in {"properties", "$defs"}
        else _plain(item, is_strict)
        for key, item in part.items()
        if key not in {"title", "default", "minItems", "maxItems"}
    }
    if "properties" in result:
        # Without the fields that only the tables in the terminal need; every field is there.
        result["required"] = list(result["properties"])
        if is_strict:
            result["additionalProperties"] = False
    match result.get("anyOf"):
        case [{"type": str(kind), **rest}, {"type": "null"}]:
            del result["anyOf"]
            result |= {"type": [kind, "null"], **rest}
    return result


def text() -> str:
    """The file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int | str:
    """Write the file, or say that it is not that of the dataclasses."""
    if "--write" in arguments:
        FILE.write_text(text(), encoding="utf-8")
        return 0
    if FILE.read_text(encoding="utf-8") != text():
        return f"{FILE} is out of date: python -m agent_store.show.report_schema --write"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
