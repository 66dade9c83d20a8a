"""The MCP server in the real client, by the plugin: every tool is called, and what it costs to have them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from mcp_calls import CALLS, FILE

from agent_store.serve.mcp.tools import TOOLS
from e2e.client import client
from e2e.fake_api import Step

PREFIX = "mcp__plugin_agent-store_db__"
ASKED = {**CALLS, "get_cost_report": {"period": "all", "breakdown_by": "project"}}
DEFERRED = [name for name, tool in TOOLS.items() if not tool.is_always_loaded]
SCRIPT: dict[str, list[Step]] = {
    "ask": [
        {"tools": [("ToolSearch", {"query": "select:" + ",".join(PREFIX + name for name in DEFERRED), "max_results": 40})]},
        *({"tools": [(PREFIX + name, arguments)]} for name, arguments in ASKED.items()),
        {"text": "Everything was asked."},
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What came of the session."""

    home: Path
    store: Path
    session_id: str
    # The first request with the tools, and the answer of each as the model got it.
    first: dict[str, Any]
    answers: dict[str, str]
    errors: list[str]


@pytest.fixture(scope="module")
def asked(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """One session in which every tool is called."""
    with client(tmp_path_factory.mktemp("mcp"), SCRIPT) as one:
        one.home.mkdir(mode=0o700)
        shutil.copyfile(sample_store, one.home / sample_store.name)
        turn = one.ask("Ask everything [[script:ask]]", "--allowedTools", f"{PREFIX[:-2]}", "ToolSearch")
        assert turn.result.get("result") == "Everything was asked.", (turn.stderr, turn.events[-3:])
        requests = [request.body for request in one.api.requests if "messages" in request.body]
        names: dict[str, str] = {}
        answers: dict[str, str] = {}
        errors = []
        for message in requests[-1]["messages"]:
            for block in message["content"] if isinstance(message["content"], list) else ():
                if block["type"] == "tool_use":
                    names[block["id"]] = block["name"].removeprefix(PREFIX)
                elif block["type"] == "tool_result":
                    content = block["content"]
                    text = (
                        content
                        if isinstance(content, str)
                        else "".join(part.get("text", "") for part in content)
                    )
                    answers[names[block["tool_use_id"]]] = text
                    if block.get("is_error"):
                        errors.append(f"{names[block['tool_use_id']]}: {text}")
        # On a busy machine the client goes ahead after two seconds: then they are in the next one.
        first = next(request for request in requests if PREFIX in json.dumps(request["tools"]))
        yield Asked(one.home, sample_store, turn.session_id, first, answers, errors)


def test_every_tool_is_called_through_the_plugin_and_answers(asked: Asked) -> None:
    assert set(CALLS) == set(TOOLS)
    assert not asked.errors
    assert set(CALLS) <= set(asked.answers)
    for name in CALLS:
        text = asked.answers[name]
        assert text.endswith(" rows") or text.startswith("Recorded as "), (name, text)


def test_answers_equal_the_views(asked: Asked) -> None:
    with duckdb.connect(str(asked.store), read_only=True) as sql:
        projects = sql.execute("select name, cost_usd from cost_by('project')").fetchall()
        (total,) = sql.execute("select sum(cost_usd) from v_cost_daily").fetchone() or (None,)
        attempts = sql.execute("select count(*) from v_file_memory where file_path = ?", [FILE]).fetchone()
    for name, cost in projects:
        told = "-" if cost is None else f"{cost:.6f}".rstrip("0").rstrip(".")
        lines = [
            line
            for line in asked.answers["get_cost_report"].split("\n")
            if line.startswith((f"{name} |", f'"{name}" |'))
        ]
        assert lines, name
        assert f" | {told} | " in lines[0]
    assert asked.answers["query_store"].split("\n")[1] == f"{total:.6f}".rstrip("0").rstrip(".")
    assert attempts is not None
    assert asked.answers["recall_memory"].endswith(f" of {attempts[0]} rows")


def test_what_it_costs_to_have_the_tools(asked: Asked) -> None:
    """In tokens of four characters, by what the client sent."""
    loaded = [
        tool
        for tool in asked.first["tools"]
        if tool["name"].startswith(PREFIX) and not tool.get("defer_loading")
    ]
    assert {tool["name"].removeprefix(PREFIX) for tool in loaded} == set(TOOLS) - set(DEFERRED)
    assert len(json.dumps(loaded)) / 4 <= 800
    said = [part.get("text", "") for part in texts(asked.first["messages"])]
    names = [line for text in said for line in text.splitlines() if line.startswith(PREFIX)]
    assert {name.removeprefix(PREFIX) for name in names} == set(DEFERRED)
    assert sum(len(name) + 1 for name in names) / 4 <= 400


def texts(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The parts of all messages."""
    for message in messages:
        content = message["content"]
        yield from [{"text": content}] if isinstance(content, str) else content


def test_what_was_asked_is_in_the_log_of_queries_and_claims_know_the_session(asked: Asked) -> None:
    records = [
        json.loads(line) for file in sorted((asked.home / "spool").glob("*.jsonl")) for line in file.open()
    ]
    queries = [one["payload"] for one in records if one["kind"] == "query"]
    assert {one["interface"] for one in queries} == {"mcp"}
    assert {"get_cost_report", "query_store"} <= {one["tool"] for one in queries}
    claims = [one for one in records if one["kind"] == "claim"]
    assert {one["session_id"] for one in claims} == {asked.session_id}
