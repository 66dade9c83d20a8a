"""The context ledger of one simple transcript, by its definition: responses times segments, in plain Python.

Nothing here is shared with the models or the macros. It reads the transcript itself, and of
tests/independent_count.py what a usage and a price are.

Simple is a transcript of one main thread that only grows: no subagent, no compaction, no rewind, no copy of
another session's lines, no server-side loop, no logged request shapes, snapshots of the prompt or counts of
the context, and no first line that hangs on a later one.

1. A response is one (message id, request id). It stands where its first line stands. Its context is input +
   cache read + cache writes; its output is final if a line of it has a stop reason.
2. An item is a block of a user or assistant line, or an attachment that the model is shown. It enters with
   the first response after it. Its weight is its characters and 200 for its frame. A picture is a token for
   750 pixels, 1,600 at most, a document 1,500 a page, at three characters each; where the log tells neither
   size nor pages, 4,500 characters. A listing of tools is an item per MCP server, instructions are an item
   per server or memory file; these parts share the frame. A search for tools is followed by an item per tool
   that it found, of weight zero.
3. The base is what the first response read from the cache; where that is nothing, what the logged texts
   leave. What the first response holds above base and texts, if more than 500 tokens, is one unlogged item.
4. Every later response lays its new items on top. Where the answer before is final and fits, its blocks have
   its output tokens and the rest the others; within such a group tokens are shared by weight. What the texts
   of a group other than those blocks leave over goes to the tools that a search found, if there are any. Else,
   where a group has more than four times the tokens of its weight at three to a token, it goes to the pictures
   and documents of unknown size, or, if there are none, to an unlogged item.
5. Where text has to be converted, a token is as many characters as it was in the growth of this thread, if
   that measured 5,000 tokens at 1.5 to 6 characters each, else three.
6. A response bills a segment by position: what was read, then written for an hour, for five minutes, the
   rest.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tests.independent_count import (
    SYNTHETIC,
    Json,
    Price,
    Tokens,
    billed_parts,
    find_price,
    records,
    tokens_of,
)

FRAME, PICTURE, ONE_RATE = 200, 1500, 3.0
PIXELS, LARGEST_PICTURE, DISAGREEMENT = 750, 1600, 4
RATE_TOKENS, LOWEST_RATE, HIGHEST_RATE, LEAST_UNLOGGED = 5000, 1.5, 6.0, 500
NOT_SHOWN = frozenset(
    {
        "hook_success", "hook_non_blocking_error", "hook_cancelled", "hook_error_during_execution",
        "hook_permission_decision", "hook_system_message", "async_hook_response", "prompt_snapshot",
        "command_permissions", "already_read_file", "max_turns_reached", "structured_output",
        "hook_deferred_tool", "session_context", "auto_mode_exit", "read_truncation_notice",
    }
)  # fmt: skip
LISTINGS = {
    "deferred_tools_delta": ("addedLines", "addedNames", "addedTypes"),
    "agent_listing_delta": ("addedLines", "addedNames", "addedTypes"),
    "mcp_instructions_delta": ("addedBlocks", "addedNames"),
}
LEAST_RESPONSES = 8
MILLION = 1_000_000


class NotSimpleError(Exception):
    """The transcript is not of the simple shape."""


@dataclass
class Item:
    """Something that entered, with the positions that it got."""

    line: int | None
    order: tuple[int, int]
    is_output: bool
    weight: float
    enters: int = 0
    start: int = 0
    end: int = 0
    entry_usd: float = 0.0
    usd: float = 0.0
    has_picture: bool = False
    is_known: bool = True
    is_definition: bool = False


@dataclass
class Answer:
    """One response."""

    line: int
    usage: Json
    model: str
    day: date | None
    is_final: bool
    tokens: Tokens
    row: Price | None = None


@dataclass
class Ledger:
    """What the definition gives for one transcript."""

    session_id: str
    answers: list[Answer]
    segments: list[Item] = field(default_factory=list)
    uuids: set[str] = field(default_factory=set)


def _length(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _joined(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return ""


def _round(value: float) -> int:
    return math.floor(value + 0.5)


@dataclass
class Calls:
    """The calls of tools seen so far, and the results by the line that has them."""

    calls: dict[str, Json] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    pages: dict[str, int | None] = field(default_factory=dict)

    def is_read(self, line_uuid: str | None) -> bool:
        """Whether the line has the result of a Read."""
        call = self.calls.get(self.results.get(line_uuid or "", ""))
        return call is not None and call.get("name") == "Read"


def _pages(call: Json, result: Json) -> int | None:
    count = (result.get("file") or {}).get("count")
    if count is not None:
        return int(count)
    asked = str((call.get("input") or {}).get("pages") or "")
    ends = re.fullmatch(r"([0-9]+)-([0-9]+)", asked)
    if ends:
        return int(ends[2]) - int(ends[1]) + 1
    return 1 if asked.isdigit() else None


def _picture_tokens(result: Json) -> int | None:
    size = (result.get("file") or {}).get("dimensions") or {}
    width = size.get("displayWidth", size.get("originalWidth"))
    height = size.get("displayHeight", size.get("originalHeight"))
    if width is None or height is None:
        return None
    return min(_round(width * height / PIXELS), LARGEST_PICTURE)


def _result_items(number: int, place: int, line: Json, block: Json, seen: Calls) -> list[Item]:
    """A tool's result, and the definitions that it brought."""
    content, result = block.get("content"), line.get("toolUseResult")
    result = result if isinstance(result, dict) else {}
    call = seen.calls.get(block.get("tool_use_id", ""), {})
    pictures = (
        sum(isinstance(part, dict) and part.get("type") == "image" for part in content)
        if isinstance(content, list)
        else 0
    )
    size = _picture_tokens(result) if call else None
    characters = len(_joined(content)) + int(pictures * (PICTURE if size is None else size) * ONE_RATE)
    item = Item(number, (number, place), False, characters + FRAME, has_picture=pictures > 0)
    item.is_known = not pictures or size is not None
    found = [
        place
        for place, part in enumerate(content if isinstance(content, list) else [], 1)
        if isinstance(part, dict) and part.get("tool_name") is not None
    ]
    if call:
        seen.results[line["uuid"]] = block["tool_use_id"]
        seen.pages[line["uuid"]] = _pages(call, result)
    return [
        item,
        *(
            Item(number, (number, 1000 * place + index), False, 0, is_known=False, is_definition=True)
            for index in found
        ),
    ]


def _block_items(number: int, place: int, line: Json, block: Json, seen: Calls) -> list[Item]:
    kind = block.get("type")
    if kind == "tool_result":
        return _result_items(number, place, line, block, seen)
    if kind == "tool_use" and block.get("id"):
        seen.calls[block["id"]] = block
    text = block.get("text") if block.get("text") is not None else block.get("thinking")
    characters = len(text or "") + len(block.get("signature") or "")
    if block.get("input") is not None:
        characters += _length(block["input"])
    pages = seen.pages.get(line.get("parentUuid") or "") if seen.is_read(line.get("parentUuid")) else None
    if kind == "image":
        characters += int(PICTURE * ONE_RATE)
    elif kind == "document":
        characters += int((pages or 1) * PICTURE * ONE_RATE)
    item = Item(number, (number, place), line["type"] == "assistant", characters + FRAME)
    item.has_picture = kind in ("image", "document")
    item.is_known = kind != "image" and (kind != "document" or pages is not None)
    return [item]


def _server(kind: str, entry: str) -> str | None:
    if kind == "deferred_tools_delta":
        found = re.match(r"mcp__(.+?)__", entry)
        return found[1] if found else None
    if kind == "mcp_instructions_delta":
        found = re.match(r"(?:## )?([^\n]+)", entry)
        return re.sub(r"[^A-Za-z0-9_-]", "_", found[1]) if found else None
    return None


def _attachment_items(number: int, attachment: Json) -> list[Item]:
    kind = attachment.get("type", "unknown")
    if kind in NOT_SHOWN:
        return []
    parts: dict[Any, list[int]] = {}  # the place of the first entry, and the characters
    if kind in LISTINGS:
        listed: list[str] = next(
            (attachment[key] for key in LISTINGS[kind] if attachment.get(key) is not None), []
        )
        for place, entry in enumerate(listed, 1):
            parts.setdefault(_server(kind, entry), [place, 0])[1] += len(entry) + 1
    elif kind == "instructions":
        for place, file in enumerate(attachment.get("files") or [], 1):
            parts[place] = [place, len(file.get("content") or "")]
        if not parts and attachment.get("files") is not None:
            return []
    if not parts:
        text = attachment.get("content")
        shown = text if isinstance(text, str) else _joined(text) or None
        is_text = kind == "skill_listing" and shown is not None
        parts[None] = [1, len(shown or "") if is_text else _length(attachment)]
    frame = FRAME // len(parts)
    return [Item(number, (number, place), False, count + frame) for place, count in parts.values()]


def _items_of(number: int, line: Json, seen: Calls) -> list[Item]:
    if line["type"] == "attachment":
        attachment = line.get("attachment")
        return _attachment_items(number, attachment) if isinstance(attachment, dict) else []
    message = line.get("message") or {}
    content = message.get("content")
    if content is None or message.get("model") == SYNTHETIC:
        return []
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [
        item
        for place, block in enumerate(blocks, 1)
        for item in _block_items(number, place, line, block, seen)
    ]


def read_ledger(path: Path, prices: dict[str, list[Price]]) -> Ledger:
    """The ledger of a transcript; NotSimpleError where it is not of the simple shape."""
    sessions: set[str] = set()
    uuids: set[str] = set()
    items: list[Item] = []
    seen = Calls()
    answers: dict[tuple[str, str], Answer] = {}
    for number, objects in records(path):
        if objects is None or len(objects) != 1:
            raise NotSimpleError("a line that is not one object")
        line = objects[0]
        if line.get("isSidechain") or line.get("isCompactSummary") or "forkedFrom" in line:
            raise NotSimpleError("a side chain, a compaction or a copy")
        if line.get("type") in ("api-request-shape", "progress"):
            raise NotSimpleError("request shapes or nested lines")
        if line.get("contextUsage"):
            raise NotSimpleError("the client's own count of the context")
        if (line.get("attachment") or {}).get("type") == "prompt_snapshot":
            raise NotSimpleError("a snapshot of the prompt")
        if line.get("subtype") in ("compact_boundary", "microcompact_boundary"):
            raise NotSimpleError("a compaction")
        if line.get("type") not in ("user", "assistant", "attachment"):
            continue
        if not isinstance(line.get("uuid"), str) or line["uuid"] in uuids:
            raise NotSimpleError("a line without a uuid of its own")
        uuids.add(line["uuid"])
        sessions.add(str(line.get("sessionId")))
        if line.get("session_id") not in (None, line.get("sessionId")) or line.get("requestSessionId"):
            raise NotSimpleError("a copy")
        items += _items_of(number, line, seen)
        message = line.get("message") or {}
        if line["type"] != "assistant" or message.get("model") == SYNTHETIC or line.get("isApiErrorMessage"):
            continue
        _add_answer(answers, number, line, message)
    if sessions != {path.stem}:
        raise NotSimpleError("more than one session")
    ordered = [answer for answer in answers.values() if answer.tokens.prompt > 0]
    sizes = [answer.tokens.prompt for answer in ordered]
    if len(ordered) < LEAST_RESPONSES or sizes != sorted(sizes):
        raise NotSimpleError("too short, or its context shrinks")
    for answer in ordered:
        speed = "fast" if answer.usage.get("speed") == "fast" else "standard"
        answer.row = find_price(prices, answer.model, answer.day, answer.tokens.prompt, speed)
    ledger = Ledger(path.stem, ordered, uuids=uuids)
    ledger.segments = _lay(ordered, items)
    _bill(ledger)
    return ledger


def _add_answer(answers: dict[tuple[str, str], Answer], number: int, line: Json, message: Json) -> None:
    usage, message_id = message.get("usage"), message.get("id")
    if not isinstance(usage, dict) or not message_id:
        raise NotSimpleError("an answer without usage or id")
    if len(billed_parts(usage, message.get("model"))) != 1:
        raise NotSimpleError("a server-side loop")
    day = datetime.fromisoformat(line["timestamp"]).date() if line.get("timestamp") else None
    key = (message_id, str(line.get("requestId")))
    final = message.get("stop_reason") is not None
    known = answers.get(key)
    if known is None:
        answers[key] = Answer(number, usage, str(message.get("model")), day, final, tokens_of(usage))
        return
    known.is_final |= final
    if tokens_of(usage).output >= known.tokens.output:
        known.usage, known.tokens = usage, tokens_of(usage)


def _rate(answers: list[Answer], entering: dict[int, list[Item]]) -> float:
    """Characters per token, measured in this thread."""
    tokens = weight = 0.0
    for number in range(2, len(answers) + 1):
        items, before = entering.get(number, []), answers[number - 2]
        if any(item.has_picture or not item.is_known for item in items) or not any(
            not item.is_output for item in items
        ):
            continue
        growth = answers[number - 1].tokens.prompt - before.tokens.prompt
        if before.is_final and any(item.is_output for item in items):
            growth -= before.tokens.output
        if growth > 0:
            tokens += growth
            weight += sum(item.weight for item in items if not (before.is_final and item.is_output))
    if tokens >= RATE_TOKENS and LOWEST_RATE * tokens <= weight <= HIGHEST_RATE * tokens:
        return weight / tokens
    return ONE_RATE


def _share(items: list[Item], start: int, tokens: int) -> None:
    total, running = sum(item.weight for item in items), 0.0
    for item in items:
        item.start = start + _round(tokens * running / total)
        running += item.weight
        item.end = start + _round(tokens * running / total)


def _with_surplus(items: list[Item], tokens: int, rate: float) -> list[Item]:
    """The items that share the tokens: those that entered, and what none of them explains."""
    logged = sum(item.weight for item in items)
    over = tokens * rate - logged
    found = [item for item in items if item.is_definition]
    unknown = [item for item in items if not item.is_known]
    if found and over > 0:
        for item in found:
            item.weight = over / len(found)
    elif tokens * ONE_RATE > DISAGREEMENT * logged:
        if not unknown:
            return [*items, Item(None, (10**9, 0), False, over, enters=items[0].enters)]
        total = sum(item.weight for item in unknown)
        for item in unknown:
            item.weight += over * item.weight / total
    return items


def _lay(answers: list[Answer], items: list[Item]) -> list[Item]:
    """Give every item its positions."""
    entering: dict[int, list[Item]] = {}
    for item in items:
        assert item.line is not None
        item.enters = sum(answer.line <= item.line for answer in answers) + 1
        if item.enters <= len(answers):
            entering.setdefault(item.enters, []).append(item)
    rate = _rate(answers, entering)

    first = answers[0].tokens
    texts = entering.get(1, [])
    logged = sum(item.weight for item in texts)
    base_end = first.read or max(first.prompt - _round(logged / rate), 0)
    segments = []
    if base_end:
        segments.append(Item(None, (0, 0), False, 0, enters=1, start=0, end=base_end))
    above = first.prompt - base_end
    if above * rate > logged + LEAST_UNLOGGED * rate:
        texts = [Item(None, (-1, 0), False, above * rate - logged, enters=1), *texts]
    if texts:
        _share(texts, base_end, above)
    segments += texts

    for number in range(2, len(answers) + 1):
        start, end = answers[number - 2].tokens.prompt, answers[number - 1].tokens.prompt
        new, before = entering.get(number, []), answers[number - 2]
        outputs, inputs = [i for i in new if i.is_output], [i for i in new if not i.is_output]
        if not new:
            new = [Item(None, (0, 0), False, 1, enters=number)]
            _share(new, start, end - start)
        elif before.is_final and outputs and inputs and before.tokens.output <= end - start:
            _share(outputs, start, before.tokens.output)
            inputs = _with_surplus(inputs, end - start - before.tokens.output, rate)
            _share(inputs, start + before.tokens.output, end - start - before.tokens.output)
            new = [*outputs, *inputs]
        elif before.is_final and outputs and not inputs:
            _share(outputs, start, end - start)
        else:
            new = _with_surplus([*outputs, *inputs], end - start, rate)
            _share(new, start, end - start)
        segments += new
    return [segment for segment in segments if segment.end > segment.start]


def _overlap(item: Item, start: int, end: int) -> int:
    return max(min(item.end, end) - max(item.start, start), 0)


def _bill(ledger: Ledger) -> None:
    """Every response bills every segment that it was sent."""
    for number, answer in enumerate(ledger.answers, 1):
        row, tokens = answer.row, answer.tokens
        if row is None:
            continue
        factor = row.batch_multiplier if answer.usage.get("service_tier") == "batch" else 1.0
        factor *= row.us_multiplier if answer.usage.get("inference_geo") == "us" else 1.0
        position = 0
        for count, price in (
            (tokens.read, row.read),
            (tokens.write_1h, row.write_1h),
            (tokens.write_5m, row.write_5m),
            (tokens.input, row.input),
        ):
            for segment in ledger.segments:
                if segment.enters <= number:
                    part = _overlap(segment, position, position + count) * price * factor / MILLION
                    segment.usd += part
                    if segment.enters == number:
                        segment.entry_usd += part
            position += count
