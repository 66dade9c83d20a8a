"""The sample home: made the same way every time, small, neutral, consistent, and rich enough."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "sample"
HOME = SAMPLE / "home"
RECORDED = "2.1.330"
LIMIT = 3_000_000
Json = dict[str, Any]

# USD per million tokens: input, 5-minute write, 1-hour write, read, output.
# Written here once more, so that it can contradict the generator and the seeds.
PRICES: dict[str, tuple[float, float, float, float, float]] = {
    "claude-fable-5-1": (10, 12.5, 20, 0.25, 50),
    "claude-opus-5-5": (4, 5, 8, 0.2, 20),
    "claude-opus-5": (5, 6.25, 10, 0.5, 25),
    "claude-opus-4-7": (5, 6.25, 10, 0.5, 25),
    "claude-opus-4-5": (5, 6.25, 10, 0.5, 25),
    "claude-opus-4-1": (15, 18.75, 30, 1.5, 75),
    "claude-sonnet-5-5": (2, 2.5, 4, 0.2, 10),
    "claude-sonnet-5": (2, 2.5, 4, 0.2, 10),
    "claude-sonnet-4-6": (3, 3.75, 6, 0.3, 15),
    "claude-sonnet-4-5": (3, 3.75, 6, 0.3, 15),
    "claude-haiku-5-5": (0.1, 0.125, 0.2, 0.01, 0.5),
    "claude-haiku-4-5": (1, 1.25, 2, 0.1, 5),
}


@dataclass(frozen=True)
class Line:
    """One JSON object of a transcript."""

    file: str
    number: int
    value: Json


@cache
def generator() -> ModuleType:
    """Load sample/generate.py."""
    spec = importlib.util.spec_from_file_location("sample_generate", SAMPLE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def transcripts() -> list[Path]:
    """Every transcript of the sample."""
    return [path for path in sorted((HOME / "projects").rglob("*.jsonl")) if path.name != "journal.jsonl"]


@cache
def parsed() -> tuple[list[Line], list[tuple[str, int]], list[tuple[str, int]]]:
    """Give all objects, the lines that hold several, and the lines that are torn."""
    lines: list[Line] = []
    glued: list[tuple[str, int]] = []
    torn: list[tuple[str, int]] = []
    decoder = json.JSONDecoder()
    for path in transcripts():
        name = path.relative_to(HOME).as_posix()
        for number, raw in enumerate(path.read_bytes().split(b"\n"), 1):
            text, at, found = raw.decode(), 0, 0
            try:
                while at < len(text):
                    value, at = decoder.raw_decode(text, at)
                    lines.append(Line(name, number, value))
                    found += 1
            except ValueError:
                torn.append((name, number))
            if found > 1:
                glued.append((name, number))
    return lines, glued, torn


def objects() -> list[Line]:
    """Every object of every transcript."""
    return parsed()[0]


def blocks(line: Line, side: str) -> Iterator[Json]:
    """The content blocks of a user or assistant line."""
    if line.value.get("type") != side:
        return
    content = line.value["message"]["content"]
    if isinstance(content, list):
        yield from content


def price(model: str, usage: Json, at: str) -> float | None:
    """Price one request at list prices."""
    name = re.sub(r"-\d{8}$", "", model)
    if name not in PRICES:
        return None
    fresh, write_5m, write_1h, read, output = PRICES[name]
    if name == "claude-sonnet-5-5" and at >= "2026-10-07":
        read = 0.1
    written = usage.get("cache_creation_input_tokens", 0)
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
    reads = usage.get("cache_read_input_tokens", 0)
    dollars: float = usage["input_tokens"] * fresh + (written - hour) * write_5m + hour * write_1h
    dollars += reads * read + usage["output_tokens"] * output
    if name == "claude-haiku-5-5" and usage["input_tokens"] + written + reads > 100_000:
        dollars *= 5
    return dollars / 1e6 * (2 if usage.get("speed") == "fast" else 1)


@cache
def totals() -> Json:
    """Count responses, tokens and dollars in the plainest way."""
    best: dict[tuple[str, str], Json] = {}
    first: dict[tuple[str, str], str] = {}
    for line in objects():
        value = line.value
        if value.get("type") != "assistant" or value["message"]["model"] == "<synthetic>":
            continue
        key = (value["message"]["id"], value.get("requestId") or value["sessionId"])
        first[key] = min(first.get(key, value["timestamp"]), value["timestamp"])
        known = best.get(key)
        output = value["message"]["usage"]["output_tokens"]
        if known is None or output >= known["message"]["usage"]["output_tokens"]:
            best[key] = value
    count: Counter[str] = Counter()
    dollars: Counter[str] = Counter()
    responses: Counter[str] = Counter()
    days: Counter[str] = Counter()
    unpriced = 0
    for key, value in best.items():
        model, usage = value["message"]["model"], value["message"]["usage"]
        parts = [(model, usage)]
        if any(part["type"] != "message" for part in usage.get("iterations") or []):
            parts = [(part.get("model", model), part) for part in usage["iterations"]]
        costs = [price(name, part, first[key]) for name, part in parts]
        unpriced += None in costs
        cost = sum(each for each in costs if each is not None)
        hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
        responses[model] += 1
        dollars[model] += cost  # type: ignore[assignment]
        days[first[key][:10]] += cost  # type: ignore[assignment]
        count["input_tokens"] += usage["input_tokens"]
        count["output_tokens"] += usage["output_tokens"]
        count["cache_read_tokens"] += usage["cache_read_input_tokens"]
        count["cache_write_1h_tokens"] += hour
        count["cache_write_5m_tokens"] += usage["cache_creation_input_tokens"] - hour
    return {
        "files": len(transcripts()),
        "sessions": sum(
            path.parent.parent.name == "projects" and "agent-" not in path.name for path in transcripts()
        ),
        "responses": len(best),
        "unpriced_responses": unpriced,
        **dict(sorted(count.items())),
        "cost_usd": round(sum(dollars.values()), 6),
        "responses_by_model": dict(sorted(responses.items())),
        "cost_usd_by_model": {model: round(dollars[model], 6) for model in sorted(dollars)},
        "cost_usd_by_utc_day": {day: round(days[day], 6) for day in sorted(days)},
    }


def test_regenerating_gives_the_same_bytes() -> None:
    """The generator writes what is there, no more and no less."""
    assert generator().differences(HOME) == []


def test_generator_writes_elsewhere(tmp_path: Path) -> None:
    """It writes the whole home to any folder."""
    size = generator().write(tmp_path / "home")
    assert size == sum(path.stat().st_size for path in HOME.rglob("*") if path.is_file())
    assert generator().differences(tmp_path / "home") == []


def test_is_small() -> None:
    """It ships with the project, so it must be small."""
    assert (
        sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file() and path.is_relative_to(HOME))
        < LIMIT
    )


def test_holds_nothing_personal() -> None:
    """No mail address, folder, host, key or network address of anybody."""
    mails = {"ann@example.com", "noreply@anthropic.com"}
    hosts = {
        "claude.com", "docs.python.org", "errors.pydantic.dev", "example.com", "git.example.com",
        "json-schema.org", "keepachangelog.com", "martinfowler.com", "restic.readthedocs.io",
        "www.postgresql.org",
    }  # fmt: skip
    rooms = ("/home/dev", "/tmp/")
    for path in sorted(HOME.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text()
        found = set(re.findall(r"[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z]{2,})+\b", text)) - mails
        assert not found, f"{path}: {found}"
        strange = set(re.findall(r"https?://([A-Za-z0-9.-]+)", text)) - hosts
        assert not strange, f"{path}: {strange}"
        places = re.findall(
            r"(?<![\w./~<$}-])(/(?:home|Users|root|mnt|work|opt|srv|media|tmp)/[\w./-]*)", text
        )
        outside = {place for place in places if not place.startswith(rooms)}
        assert not outside, f"{path}: {outside}"
        assert not re.search(
            r"sk-ant-|ghp_|AKIA|BEGIN [A-Z ]*PRIVATE KEY|accountUuid|organizationUuid", text
        ), path
        assert not re.search(r"\b(?:10|127|172|192)(?:\.\d{1,3}){3}\b", text), path


def test_exactly_one_line_is_torn_and_one_is_glued() -> None:
    """Files are plain UTF-8 with LF; one ends in half a line, one holds two objects on a line."""
    _, glued, torn = parsed()
    assert (len(glued), len(torn)) == (1, 1)
    name, number = torn[0]
    assert number == len((HOME / name).read_bytes().split(b"\n"))
    for path in transcripts():
        body = path.read_bytes()
        assert not body.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in body
        body.decode()


def test_calls_have_results_and_ids_are_unique() -> None:
    """Results belong to calls, all but the torn line's call have one, and uuids repeat in copies only."""
    used: dict[str, str] = {}
    answered: set[str] = set()
    files_of: dict[str, set[str]] = {}
    for line in objects():
        if "uuid" in line.value:
            files_of.setdefault(line.value["uuid"], set()).add(line.file)
        used |= {block["id"]: line.file for block in blocks(line, "assistant") if block["type"] == "tool_use"}
        answered |= {block["tool_use_id"] for block in blocks(line, "user") if block["type"] == "tool_result"}
    assert answered <= set(used)
    torn = parsed()[2][0][0]
    assert {used[call] for call in set(used) - answered} <= {torn}
    copies = {tuple(sorted(files)) for files in files_of.values() if len(files) > 1}
    assert len(copies) == 4, "a resume, a fork, a move to the background, and the recorded fork"


def test_context_grows_and_the_cache_follows_the_prefix() -> None:
    """A response reads at most what the one before had read and written; contexts only grow."""
    before: dict[tuple[str, str, bool, str], tuple[int, int]] = {}
    seen: set[str] = set()
    for line in objects():
        value = line.value
        if value.get("version") == RECORDED:
            continue
        if value.get("subtype") in {"compact_boundary", "microcompact_boundary"}:
            before = {key: at for key, at in before.items() if key[0] != line.file}
        if value.get("type") != "assistant" or value["message"]["model"] == "<synthetic>":
            continue
        message = value["message"]
        if message["id"] + line.file in seen:
            continue
        seen.add(message["id"] + line.file)
        usage = message["usage"]
        read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
        thread = (line.file, message["model"], value["isSidechain"], value.get("agentId", ""))
        if thread in before:
            cached, context = before[thread]
            assert read <= cached, f"{line.file}:{line.number}"
            assert read + written + usage["input_tokens"] >= context, f"{line.file}:{line.number}"
        assert written >= 0
        before[thread] = (read + written, read + written + usage["input_tokens"])


def test_totals_are_as_written_down() -> None:
    """sample/totals.json holds what a plain count finds."""
    assert totals() == json.loads((SAMPLE / "totals.json").read_text())


def _tools(*names: str) -> Callable[[Line], bool]:
    return lambda line: any(b["type"] == "tool_use" and b["name"] in names for b in blocks(line, "assistant"))


def _attachment(*kinds: str) -> Callable[[Line], bool]:
    return lambda line: line.value.get("type") == "attachment" and line.value["attachment"]["type"] in kinds


def _kind(kind: str, subtype: str = "") -> Callable[[Line], bool]:
    return lambda line: line.value.get("type") == kind and line.value.get("subtype", "") == subtype


def _result(text: str) -> Callable[[Line], bool]:
    pattern = re.compile(text)
    return lambda line: any(
        b["type"] == "tool_result"
        and pattern.search(json.dumps(b["content"], ensure_ascii=False)) is not None
        for b in blocks(line, "user")
    )


def _text(text: str) -> Callable[[Line], bool]:
    return lambda line: line.value.get("type") == "user" and text in json.dumps(line.value["message"])


def _usage(test: Callable[[Json], bool]) -> Callable[[Line], bool]:
    return lambda line: line.value.get("type") == "assistant" and test(line.value["message"]["usage"])


def _has(key: str, value: object = None) -> Callable[[Line], bool]:
    return lambda line: key in line.value and (value is None or line.value[key] == value)


def _version(version: str) -> Callable[[Line], bool]:
    return lambda line: line.value.get("version") == version


def _given(name: str, text: str) -> Callable[[Line], bool]:
    return lambda line: any(
        b["type"] == "tool_use" and b["name"] == name and text in json.dumps(b["input"])
        for b in blocks(line, "assistant")
    )


def _answer(key: str) -> Callable[[Line], bool]:
    return lambda line: (
        isinstance(line.value.get("toolUseResult"), dict) and key in line.value["toolUseResult"]
    )


COVERED: dict[str, Callable[[Line], bool]] = {
    **{
        f"client {version}": _version(version)
        for version in (
            "1.0.53",
            "1.0.128",
            "2.0.42",
            "2.0.67",
            "2.1.20",
            "2.1.98",
            "2.1.205",
            "2.1.296",
            RECORDED,
        )
    },
    "subagent inline": lambda line: line.value.get("version") == "1.0.128" and line.value["isSidechain"],
    "subagent in a flat file": lambda line: bool(
        re.search(r"projects/[^/]+/agent-[0-9a-f]{8}\.jsonl", line.file)
    ),
    "subagent in the session's folder": lambda line: "/subagents/agent-" in line.file,
    "subagent of a workflow": lambda line: "/subagents/workflows/" in line.file,
    "subagent in the background": _result("Async agent launched"),
    "task notification as a turn": _text("<task-notification>"),
    "task notification in a turn": lambda line: (
        _attachment("queued_command")(line) and line.value["attachment"]["commandMode"] == "task-notification"
    ),
    "prompt typed in a turn": lambda line: (
        _attachment("queued_command")(line) and line.value["attachment"]["commandMode"] == "prompt"
    ),
    "skill used by the agent": _tools("Skill"),
    "skill typed as a command": _text("<command-name>/release-notes</command-name>"),
    "skill attribution": _has("attributionSkill"),
    "plugin attribution": _has("attributionPlugin", "shop-tools"),
    "mcp tool": _tools("mcp__catalog__stock"),
    "mcp error": _result("MCP error|not connected"),
    "todos": _tools("TodoWrite"),
    "tasks": _tools("TaskCreate"),
    "task changed": _answer("statusChange"),
    "question": _tools("AskUserQuestion"),
    "plan approved": _result("User has approved your plan"),
    "plan rejected": lambda line: (
        _result("the user said:")(line) and "too complicated" in json.dumps(line.value)
    ),
    "rejection with words (new)": _has("userFeedback"),
    "denied by rule": _has("toolDenialKind", "permission-rule"),
    "denied by auto mode": _has("toolDenialKind", "automode-blocked"),
    "interruption": _text("[Request interrupted by user]"),
    "interruption of a tool": _text("[Request interrupted by user for tool use]"),
    "compaction by hand": lambda line: (line.value.get("compactMetadata") or {}).get("trigger") == "manual",
    "compaction by itself": lambda line: (line.value.get("compactMetadata") or {}).get("trigger") == "auto",
    "micro-compaction": _kind("system", "microcompact_boundary"),
    "api retry": _kind("system", "api_error"),
    "api error instead of an answer": _has("isApiErrorMessage", value=True),
    "usage limit": _has("apiError", "usage_limit_reached"),
    "refusal": lambda line: (
        line.value.get("type") == "assistant" and line.value["message"]["stop_reason"] == "refusal"
    ),
    "refusal answered by another model": _kind("system", "model_refusal_fallback"),
    "iterations of an abandoned attempt": _usage(
        lambda usage: any(part["type"] == "fallback_message" for part in usage.get("iterations") or [])
    ),
    "fast mode": _usage(lambda usage: usage.get("speed") == "fast"),
    "5 m and 1 h writes in one response": _usage(
        lambda usage: all((usage.get("cache_creation") or {"": 0}).values())
    ),
    "thinking tokens": _usage(
        lambda usage: bool((usage.get("output_tokens_details") or {}).get("thinking_tokens"))
    ),
    "reason of a cache miss": lambda line: (
        line.value.get("type") == "assistant"
        and "cache_miss_reason" in line.value["message"].get("diagnostics", {})
    ),
    "copied by a fork": _has("forkedFrom"),
    "goes on elsewhere": _kind("continued-in"),
    "cost-state": _kind("cost-state"),
    "pull request": _kind("pr-link"),
    "git operation": _answer("gitOperation"),
    "spilled result": _answer("persistedOutputPath"),
    "progress of a tool": _kind("progress"),
    "progress with nested usage": lambda line: (
        line.value.get("type") == "progress" and "usage" in json.dumps(line.value["data"])
    ),
    "web search": _tools("WebSearch"),
    "web page": _tools("WebFetch"),
    "patch of an edit": _answer("structuredPatch"),
    "new file": lambda line: (
        _answer("structuredPatch")(line) and line.value["toolUseResult"].get("type") == "create"
    ),
    "several edits at once": _tools("MultiEdit"),
    "file changed by another": _result("modified since read"),
    "file changed outside": _attachment("edited_text_file"),
    "file mentioned with @": _attachment("file"),
    "nested memory": _attachment("nested_memory"),
    "skills offered": _attachment("skill_listing"),
    "tools offered": _attachment("deferred_tools_delta"),
    "agents offered": _attachment("agent_listing_delta"),
    "mcp instructions": _attachment("mcp_instructions_delta"),
    "hook ran": _attachment("hook_success"),
    "hook blocked": _attachment("hook_blocking_error"),
    "stop hook": _kind("system", "stop_hook_summary"),
    "diagnostics": _attachment("diagnostics"),
    "date changed": _attachment("date_change"),
    "plan mode": _attachment("plan_mode"),
    "skills after a compaction": _attachment("invoked_skills"),
    "prompt snapshot": _attachment("prompt_snapshot"),
    "image in a prompt": lambda line: any(block["type"] == "image" for block in blocks(line, "user")),
    "document": lambda line: any(block["type"] == "document" for block in blocks(line, "user")),
    "scheduled turn": _has("turnOrigin", "scheduled"),
    "scripted turn": _has("promptSource", "sdk"),
    "worktree": _kind("worktree-state"),
    "message to an agent": _tools("SendMessage"),
    "findings": _tools("ReportFindings"),
    "structured output": _tools("StructuredOutput"),
    "command in the background": _answer("backgroundTaskId"),
    "model without a price": lambda line: (
        line.value.get("type") == "assistant" and line.value["message"]["model"] == "local-coder-32b"
    ),
    "client's own text": lambda line: (
        line.value.get("type") == "assistant" and line.value["message"]["model"] == "<synthetic>"
    ),
    "revert": _given("Bash", "git checkout --"),
    "pytest": _result(r"\d+ passed in"),
    "pytest failed": _result(r"1 failed, 3 passed in"),
    "unittest": _result(r"Ran 4 tests in"),
    "jest": _result(r"Tests: +\d+ failed"),
    "vitest": _result(r"Tests  3 passed"),
    "playwright": _result(r"3 passed \(3\.6s\)"),
    "go test": _result(r"FAIL\\texample\.com/ledger/journal"),
    "cargo test": _result(r"test result: FAILED"),
    "nextest": _result(r"tests run: 3 passed"),
    "ruff": _result(r"Found 1 error\."),
    "mypy": _result(r"Found 1 error in 1 file"),
    "eslint": _result(r"2 problems \(1 error"),
    "tsc": _result(r"error TS2322"),
    "clippy": _result(r"could not compile"),
    "make": _given("Bash", "make check"),
    "merge conflict": _result(r"CONFLICT \(content\)"),
}


@pytest.mark.parametrize("what", COVERED)
def test_covers(what: str) -> None:
    """Every case has at least one line."""
    test = COVERED[what]
    assert any(test(line) for line in objects())


@pytest.mark.parametrize(
    "pattern",
    [
        "history.jsonl", "stats-cache.json", "todos/*.json", "tasks/*/*.json", "plans/*.md", "settings.json",
        "CLAUDE.md", "skills/*/SKILL.md", "agents/*.md", "commands/*.md", "projects/*/*/tool-results/*.txt",
        "projects/*/*/custom-title.json", "projects/*/*/subagents/*.meta.json",
        "projects/*/*/subagents/workflows/*/journal.jsonl", "projects/*/*/subagents/workflows/*/*.meta.json",
        "projects/*/*/workflows/wf_*.json", "projects/*/*/workflows/scripts/*.js",
    ],
)  # fmt: skip
def test_holds_other_files(pattern: str) -> None:
    """The files beside the transcripts are there."""
    assert list(HOME.glob(pattern))


def test_history_and_statistics_know_vanished_sessions() -> None:
    """Some prompts belong to sessions without a transcript, and the statistics count their days."""
    present = {path.stem for path in transcripts()}
    entries = [json.loads(line) for line in (HOME / "history.jsonl").read_text().splitlines()]
    gone = [entry for entry in entries if "sessionId" in entry and entry["sessionId"] not in present]
    assert len(gone) == 5
    assert any("sessionId" not in entry for entry in entries)
    statistics = json.loads((HOME / "stats-cache.json").read_text())
    assert statistics["dailyActivity"][0]["date"] == "2026-08-19"
