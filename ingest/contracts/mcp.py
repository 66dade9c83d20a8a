"""Lists of MCP tools, flattened: each tool, its input and its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.contracts.elements import ContractError, Direction, Field, Flat, mapping_of, text_digest
from ingest.contracts.json_schema import Place, Schemas


def flatten_tools(document: object) -> Flat:
    """Flatten a list of MCP tools as returned by `tools/list`: a list, or an object with `tools`."""
    listed = document if isinstance(document, list) else mapping_of(document).get("tools")
    if listed is None:
        listed = mapping_of(mapping_of(document).get("result")).get("tools")
    if not isinstance(listed, list):
        raise ContractError("it contains no list of tools")
    fields: list[Field] = []
    for tool in listed:
        name = mapping_of(tool).get("name")
        if not isinstance(name, str):
            raise ContractError("a tool without a name")
        fields += tool_fields(tool, name)
    version = mapping_of(mapping_of(document).get("serverInfo")).get("version")
    return Flat(tuple(fields), str(version) if version else None)


def tool_fields(tool: Mapping[str, Any], name: str) -> list[Field]:
    """The elements of one tool: itself, its input and its output."""
    fields = [
        Field(path=name, parent=None, kind="tool", direction=Direction.REQUEST, name=name, endpoint=name,
              method="CALL", description_hash=text_digest(tool.get("title"), tool.get("description")))
    ]  # fmt: skip
    for keys, suffix, direction in (
        (("inputSchema", "input_schema"), "$in", Direction.REQUEST),
        (("outputSchema", "output_schema"), "$out", Direction.RESPONSE),
    ):
        schema = next((tool[key] for key in keys if isinstance(tool.get(key), Mapping)), None)
        if schema is not None:
            schemas = Schemas(schema)
            schemas.walk(schema, Place(f"{name} {suffix}", name, "property", "$", direction, is_required=True,
                                        endpoint=name, method="CALL"))  # fmt: skip
            fields += schemas.fields
    return fields
