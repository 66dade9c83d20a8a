"""Tool definitions found in transcript lines: contracts that nobody had to list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.contracts.elements import ContractError, Direction, Field, Kind, mapping_of
from ingest.contracts.flatten import content_hash_of
from ingest.contracts.mcp import tool_fields
from ingest.contracts.versions import Known
from ingest.warehouse import Changes, Row, utc_now

if TYPE_CHECKING:
    import duckdb


def tools_in_shape(line: str) -> tuple[datetime | None, list[tuple[str, Mapping[str, Any]]]]:
    """The tools in a line that shows the beginning of a request, with the time of the line."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None, []
    body = mapping_of(parsed).get("body") or mapping_of(parsed).get("shape") or parsed
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return None, []
    tools = _find_tools(body)
    when: datetime | None = None
    stamp = mapping_of(parsed).get("timestamp")
    if isinstance(stamp, str):
        try:
            when = datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)
        except ValueError:
            when = None
    return when, [
        (str(tool["name"]), tool)
        for tool in tools
        if isinstance(tool, Mapping) and isinstance(tool.get("name"), str) and "input_schema" in tool
    ]


def _find_tools(body: object, depth: int = 0) -> Sequence[object]:
    inner = mapping_of(body)
    if isinstance(inner.get("tools"), list):
        return list(inner["tools"])
    if depth < 3:  # noqa: PLR2004 - a body within a body
        for value in inner.values():
            if isinstance(value, Mapping) and (found := _find_tools(value, depth + 1)):
                return found
    return ()


def tool_contract(tool: str) -> tuple[str, str]:
    """The name of a tool's contract, and the type of the dependency behind it."""
    if tool.startswith("mcp__"):
        server, _, inner = tool.removeprefix("mcp__").partition("__")
        return f"mcp:{server}/{inner}", "mcp_server"
    return f"claude_code/{tool}", "external_service"


def land_tools(
    connection: duckdb.DuckDBPyConnection, changes: Changes, known: Known, after_batch: int
) -> None:
    """Add the tool definitions found in new transcript lines, once per definition and batch."""
    rows = connection.execute(
        "select coalesce(repaired_line, line), file_id, line_number, "
        "json_extract_string(coalesce(repaired_line, line), '$.sessionId'), "
        "json_extract_string(coalesce(repaired_line, line), '$.version') from raw.transcript_line "
        "where _batch_id > ? and set_aside_reason is null and contains(line, '\"api-request-shape\"') "
        "order by file_id, line_number",
        [after_batch],
    ).fetchall()
    first: dict[tuple[str, str], tuple[datetime, Row]] = {}
    seen: dict[str, tuple[str, tuple[Field, ...]]] = {}
    for line, file_id, line_number, session_id, client_version in rows:
        when, tools = tools_in_shape(line)
        if when is None:
            continue
        for name, tool in tools:
            text = json.dumps(tool, sort_keys=True, ensure_ascii=False)
            if text not in seen:
                try:
                    fields = tuple(tool_fields(tool, name))
                except ContractError:
                    continue
                seen[text] = content_hash_of("tool", Direction.REQUEST, [text]), fields
            content_hash, fields = seen[text]
            contract, dependency_type = tool_contract(name)
            row: Row = (
                contract, Kind.MCP_TOOLS, dependency_type, Direction.REQUEST, "transcript", str(file_id),
                line_number, session_id, None, client_version, 0, content_hash, len(text), len(fields), when, None,
                utc_now(),
            )  # fmt: skip
            key = (contract, content_hash)
            if key not in first or (when, session_id or "") < (first[key][0], str(first[key][1][7] or "")):
                first[key] = (when, row)
            if content_hash not in known.hashes:
                known.hashes.add(content_hash)
                for element in fields:
                    changes.add("contract_field", element.row(content_hash))
    for _, row in first.values():
        changes.add("contract_version", row)
