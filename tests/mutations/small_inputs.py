"""The smallest inputs that once broke a model or a data test, a session each; the name says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Line = dict[str, Any]

# Old clients wrote a Read of line 0 so, a TodoWrite without its structured result, and so on: what is left out does not matter.
_AT = "2026-06-01T10:00:"


def _user(uuid: str, content: object, second: int = 0, **more: object) -> Line:
    return {
        "type": "user",
        "uuid": uuid,
        "message": {"role": "user", "content": content},
        "timestamp": f"{_AT}{second:02d}Z",
        **more,
    }


def _answer(
    uuid: str, parent: str | None, content: list[Line], second: int = 5, usage: object = None, **more: object
) -> Line:
    message = {
        "id": f"msg_{uuid}", "role": "assistant", "model": "claude-opus-4-7", "content": content,
        "usage": usage or {"input_tokens": 50, "output_tokens": 3},
    }  # fmt: skip
    return {"type": "assistant", "uuid": uuid, "parentUuid": parent, "message": message, "requestId": f"r-{uuid}",
            "timestamp": f"{_AT}{second:02d}Z", **more}  # fmt: skip


def _use(call: str, name: str | None, given: object) -> Line:
    return {"type": "tool_use", "id": call, "name": name, "input": given}


def _result(call: str, content: object = "ok", **more: object) -> Line:
    return {"type": "tool_result", "tool_use_id": call, "content": content, **more}


def _called(name: str, given: Line, result: object = None, content: object = "ok") -> list[Line]:
    """A call with its result between a prompt and an answer."""
    more = {} if result is None else {"toolUseResult": result}
    return [
        _user("u1", "go"),
        _answer("a1", "u1", [_use("toolu_1", name, given)]),
        _user("u2", [_result("toolu_1", content)], 6, parentUuid="a1", **more),
        _answer("a2", "u2", [{"type": "text", "text": "ok"}], 9),
    ]


_TEXT = [{"type": "text", "text": "ok"}]
_COMMAND = "<command-message>plan</command-message>\n<command-name>/plan</command-name>"
_SKILL = [{"type": "text", "text": "Base directory for this skill: /a/.claude/skills/weekly-review\n\n# W"}]
_HUGE = {
    "input_tokens": 2**63 - 1,
    "output_tokens": 2**63 - 1,
    "cache_read_input_tokens": 2**53 + 1,
    "cache_creation_input_tokens": 1,
}
_MOST = 2**32 - 1
_CONFLICT = "CONFLICT (content): Merge conflict in a.py\nAutomatic merge failed"

SMALL: dict[str, list[Line]] = {
    "a command that is not answered yet": [
        _user("u1", _COMMAND), _user("u2", [{"type": "text", "text": "# Plan\nDo it."}], parentUuid="u1", isMeta=True),
    ],
    "a result without its call": [_user("u1", [_result("toolu_1", "x")]), _answer("a1", "u1", _TEXT)],
    "a subagent at work, without a file or a time": [
        {"type": "assistant", "uuid": "a1", "message": {"id": "m", "role": "assistant", "content": [_use("toolu_1", "Task", {"prompt": "x"})]}},
    ],
    "a subagent that was refused": [
        _user("u1", "go"), _answer("a1", "u1", [_use("toolu_1", "Agent", {"prompt": "x", "subagent_type": "made-up"})]),
        _user("u2", [_result("toolu_1", "<tool_use_error>Agent type 'made-up' not found</tool_use_error>", is_error=True)], 6),
    ],
    "a clock that is set back": [
        _user("u1", "go") | {"timestamp": "2026-06-01T10:00:00Z"}, _answer("a1", "u1", _TEXT) | {"timestamp": "2026-06-01T09:00:05Z"},
        _user("u2", "and on", parentUuid="a1") | {"timestamp": "2026-06-01T09:01:00Z"},
        _answer("a2", "u2", _TEXT) | {"timestamp": "2026-06-01T09:01:05Z"},
    ],
    "a to-do list without a prompt": [
        {"type": "assistant", "uuid": "a1", "message": {"content": [_use("toolu_1", "TodoWrite", {"todos": [
            {"content": "Do A", "status": "in_progress", "activeForm": "Doing A"}]})]}},
        {"type": "user", "uuid": "u1", "message": {"content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]},
         "toolUseResult": {"newTodos": [{"content": "Do A", "status": "pending"}]}},
    ],
    "a skill's text without its call": [_user("u1", _SKILL, isMeta=True), _answer("a1", "u1", _TEXT)],
    "a call without input": [_user("u1", "go"), _answer("a1", "u1", [{"type": "tool_use", "id": "toolu_1", "name": "Bash"}])],
    "a call without id and name": [_user("u1", "go"), _answer("a1", "u1", [{"type": "tool_use", "input": {}}]), _answer("a2", "a1", _TEXT, 9)],
    "a read that begins with line 0": [
        _user("u1", "go"), _answer("a1", "u1", [_use("toolu_1", "Read", {"file_path": "/w/a.py", "offset": 0, "limit": 2})]),
        _user("u2", [_result("toolu_1", "0\tx\n1\ty")], 6,
              toolUseResult={"type": "text", "file": {"filePath": "/w/a.py", "numLines": 2, "startLine": 0, "totalLines": -100}}),
        _answer("a2", "u2", _TEXT, 9),
    ],
    "a range at the edge of a number": [
        _user("u1", "go"), _answer("a1", "u1", [_use("toolu_1", "Read", {"file_path": "/w/b.py"})]),
        _user("u2", [_result("toolu_1", "x")], 6,
              toolUseResult={"type": "text", "file": {"filePath": "/w/b.py", "numLines": 3, "startLine": 2**63 - 1, "totalLines": 2**63}}),
    ],
    "a compaction of less than nothing": [
        _user("u1", "go"), _answer("a1", "u1", _TEXT),
        {"type": "system", "subtype": "compact_boundary", "uuid": "s1", "logicalParentUuid": "a1", "timestamp": f"{_AT}30Z",
         "compactMetadata": {"trigger": "auto", "preTokens": -17}},
    ],
    "a version that no number holds": [_user("u1", "go", version="2.1.99999999999999999999"), _answer("a1", "u1", _TEXT, version="2.1.99999999999999999999")],
    "a session that changes inside a message": [
        _user("u1", "go"), _answer("a1", "u1", _TEXT),
        _answer("a1", None, [_use("toolu_1", "Bash", {"command": "ls"})]) | {"uuid": "a2", "parentUuid": "a1", "sessionId": "another-session"},
    ],
    "names of MCP tools that are none": [
        _user("u1", "go"),
        _answer("a1", "u1", [_use(f"toolu_{n}", name, {}) for n, name in enumerate((
            "mcp__till__", "mcp____read", "mcp__till", "mcp__", "mcp__till__read\nit", "mcp__a\nb__c", "mcp__till___"))]),
    ],
    "an event of no kind": [
        _user("u1", "go"),
        {"type": "system", "subtype": "", "uuid": "s1", "parentUuid": "u1", "content": "x", "timestamp": f"{_AT}07Z"},
    ],
    "tokens that no response has": [_user("u1", "go"), _answer("a1", "u1", _TEXT, usage=_HUGE), _answer("a2", "a1", _TEXT, 9, usage=_HUGE)],
    "tokens below zero": [_user("u1", "go"), _answer("a1", "u1", _TEXT, usage={"input_tokens": -5, "output_tokens": 7})],
    "times at the edges": [
        _user("u1", "go") | {"timestamp": "9999-12-31T23:59:59.999Z"}, _answer("a1", "u1", _TEXT) | {"timestamp": "0001-01-01T00:00:00Z"},
        _answer("a2", "a1", _TEXT) | {"timestamp": "infinity"}, _user("u2", "x", parentUuid="a2") | {"timestamp": "294247-01-10T04:00:54.775807Z"},
        {"type": "cost-state", "sessionId": "s", "startTime": 2**63 - 1, "totalCostUSD": 1e308, "modelUsage": {"m": {"inputTokens": 2**63 - 1, "costUSD": -1}}},
    ],
    "a failed merge whose output stands there twice": [
        _user("u1", "go", version="2.1.46"), _answer("a1", "u1", [_use("toolu_1", "Bash", {"command": "git merge x"})]),
        _user("u2", [_result("toolu_1", f"Exit code 1\n{_CONFLICT}\n\n{_CONFLICT}", is_error=True)], 6, version="2.1.46"),
    ],
    "ids that are none": [
        _user("", "go") | {"uuid": "", "sessionId": " ", "promptId": "", "agentId": ""}, _user("u", "go") | {"uuid": {}, "sessionId": [], "parentUuid": {}},
        _answer("a1", None, [_use("", "Bash", {"command": "ls"})]) | {"requestId": ""}, _user("u3", [_result("", "x")], 7),
    ],
    "lines that follow themselves": [
        _user("u1", "go", parentUuid="u1"), _answer("a1", "a2", _TEXT), _answer("a2", "a1", _TEXT, 9), _user("u2", "on", 10, parentUuid="u2"),
    ],
    "an exit code of Windows": _called("Bash", {"command": "shop"}, {"stdout": "", "exitCode": 3221225477}),
    "an exit code of Windows in a notice": [
        *_called("Bash", {"command": "pytest", "run_in_background": True}, {"backgroundTaskId": "b1"}),
        _user("u3", "<task-notification><task-id>b1</task-id><summary>failed with exit code 3221225786</summary></task-notification>", 12),
    ],
    "an edit of many lines without its patch": _called("Edit", {
        "file_path": "/w/a.py", "old_string": "\n".join(f"a{n}" for n in range(600)), "new_string": "\n".join(f"b{n}" for n in range(600))}),
    "a find in line 0": _called("Grep", {"pattern": "on", "output_mode": "content"}, None, "conf/levels.yml:0: off\nconf/levels.yml:1: on"),
    "a look at line 0": _called("Bash", {"command": "sed -n '0,3p' a.py"}, None, "x\ny\nz"),
    "a change told from line 0": [
        *_called("Read", {"file_path": "/w/a.py"}),
        {"type": "attachment", "uuid": "u3", "parentUuid": "a2", "timestamp": f"{_AT}12Z",
         "attachment": {"type": "edited_text_file", "filename": "/w/a.py", "snippet": f"0\tx\n{2**63 - 1}\ty"}},
        {"type": "attachment", "uuid": "s1", "parentUuid": "u3", "timestamp": f"{_AT}13Z",
         "attachment": {"type": "edited_text_file", "filename": "/w/b.py", "snippet": f"{2**63 - 1}\tx\n1\ty\nz"}},
    ],
    "pages written backwards": [
        *_called("Read", {"file_path": "/w/a.pdf", "pages": "5-1"})[:3],
        _user("u3", [{"type": "document", "source": {}}], 7, parentUuid="u2", isMeta=True), _answer("a2", "u3", _TEXT, 9),
    ],
    "more pages than there are": [
        *_called("Read", {"file_path": "/w/a.pdf", "pages": "1-999999999999999"})[:3],
        _user("u3", [{"type": "document", "source": {}}], 7, parentUuid="u2", isMeta=True), _answer("a2", "u3", _TEXT, 9),
    ],
    "a picture that no screen shows": _called(
        "Read", {"file_path": "/w/a.png"}, {"type": "image", "file": {"dimensions": {"originalWidth": _MOST, "originalHeight": _MOST}}},
        [{"type": "image", "source": {"type": "base64", "data": "x"}}]),
    "more tests than there are": _called("Bash", {"command": "pytest"}, None, "==== 99999999999999999999 passed, 1 failed in 0.1s ===="),
    "a status that is none": _called("WebFetch", {"url": "https://a.b/c", "prompt": "p"}, {"code": _MOST, "url": "https://a.b/c"}),
    "a search that took ages": _called("WebSearch", {"query": "q"}, {"query": "q", "durationSeconds": 9.3e12, "searchCount": _MOST}),
    "a context counted beyond any window": [
        _user("u1", "go"),
        {"type": "system", "subtype": "local_command", "uuid": "s1", "parentUuid": "u1", "timestamp": f"{_AT}02Z", "content": "<local-command-stdout>x",
         "contextUsage": {"model": "claude-opus-4-7", "categories": [{"name": "System prompt", "kind": "used", "tokens": 2**63 - 1}]}},
        _answer("a1", "s1", _TEXT),
    ],
    "a cache larger than any window": [
        _user("u1", "go"),
        *(_answer(f"a{n}", "u1", _TEXT, n, usage={"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": _MOST if n % 2 else 1000,
                                                  "cache_creation_input_tokens": 1000 if n % 2 else _MOST}) for n in range(1, 9)),
    ],
}  # fmt: skip


def session_id(number: int) -> str:
    """The session that the small input of this number is."""
    return f"00000000-0000-4000-9000-{number:012d}"


def write_small(home: Path) -> None:
    """Write each input as a session of its own, with documents that the client has not finished beside them."""
    projects = home / "projects" / "-w-small"
    projects.mkdir(parents=True, exist_ok=True)
    for number, lines in enumerate(SMALL.values(), start=1):
        text = "".join(json.dumps(_own(line, number)) + "\n" for line in lines)
        (projects / f"{session_id(number)}.jsonl").write_text(text, encoding="utf-8")
    shared = {"type": "system", "subtype": "model_refusal_fallback", "uuid": "shared-1", "timestamp": f"{_AT}07Z", "sessionId": session_id(99),
              "content": "switched", "originalModel": "claude-opus-4-7", "fallbackModel": "claude-sonnet-4-6", "trigger": "refusal"}  # fmt: skip
    main = [_user("99-u1", "go"), _answer("99-a1", "99-u1", _TEXT), shared]
    agent = [
        _user("99-u2", "look", isSidechain=True, agentId="a1"),
        shared | {"isSidechain": True, "agentId": "a1"},
    ]
    agents = projects / session_id(99) / "subagents"
    agents.mkdir(parents=True)
    for file, lines in ((projects / f"{session_id(99)}.jsonl", main), (agents / "agent-a1.jsonl", agent)):
        file.write_text(
            "".join(json.dumps({"sessionId": session_id(99)} | line) + "\n" for line in lines),
            encoding="utf-8",
        )
    (agents / "agent-a1.meta.json").write_text('{"agentType":"Expl', encoding="utf-8")
    (home / "stats-cache.json").write_text('{"version":1,"dailyActivity":[{"date":"2026-0', encoding="utf-8")


def _own(line: Line, number: int) -> Line:
    """The line under ids that no other input has."""
    text = json.dumps({"sessionId": session_id(number), **line})
    for plain in (
        "toolu_1",
        "msg_a1",
        "msg_a2",
        "r-a1",
        "r-a2",
        '"u1"',
        '"u2"',
        '"u3"',
        '"a1"',
        '"a2"',
        '"s1"',
    ):
        quoted = plain.startswith('"')
        text = text.replace(plain, f'"{number}-{plain[1:]}' if quoted else f"{plain}-{number}")
    found: Line = json.loads(text)
    return found
