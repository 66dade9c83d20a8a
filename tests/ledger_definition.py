"""The context ledger of one simple transcript, by its definition: responses times segments, in plain Python.

Nothing here is shared with the models or the macros. It reads the transcript itself, and of
tests/independent_count.py what a usage and a price are.

Simple is a transcript of one main thread that only grows: no subagent, no compaction, no rewind, no copy of
another session's lines, no server-side loop, no logged request shapes.

1. A response is one (message id, request id). It stands where its first line stands. Its context is input +
   cache read + cache writes; its output is final if a line of it has a stop reason.
2. An item is a block of a user or assistant line, or an attachment that the model is shown. It enters with
   the first response after it. Its weight is its characters (a picture: 4,500) and 200 for its frame.
3. The base is what the first response read from the cache; where that is nothing, what the logged texts
   leave. What the first response holds above base and texts, if more than 500 tokens, is one unlogged item.
4. Every later response lays its new items on top. Where the answer before is final and fits, its blocks have
   its output tokens and the rest the others; within such a group tokens are shared by weight.
5. Where text has to be converted, a token is as many characters as it was in the growth of this thread, if
   that measured 5,000 tokens at 1.5 to 6 characters each, else three.
6. A response bills a segment by position: what was read, then written for an hour, for five minutes, the
   rest.
"""

from __future__ import annotations

import json
import math
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

FRAME, PICTURE, ONE_RATE = 200, 4500, 3.0
RATE_TOKENS, LOWEST_RATE, HIGHEST_RATE, LEAST_UNLOGGED = 5000, 1.5, 6.0, 500
NOT_SHOWN = frozenset(
    {
        "hook_success", "hook_non_blocking_error", "hook_cancelled", "hook_error_during_execution",
        "hook_permission_decision", "hook_system_message", "async_hook_response", "prompt_snapshot",
        "command_permissions", "already_read_file", "max_turns_reached", "structured_output",
        "hook_deferred_tool", "session_context", "auto_mode_exit", "read_truncation_notice",
    }
)  # fmt: skip
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


def _block_item(number: int, place: int, block: Json, *, is_output: bool) -> Item:
    kind = block.get("type")
    characters, pictures = 0, 0
    if kind == "tool_result":
        content = block.get("content")
        characters = len(_joined(content))
        pictures = (
            sum(isinstance(p, dict) and p.get("type") == "image" for p in content)
            if isinstance(content, list)
            else 0
        )
    else:
        text = block.get("text") if block.get("text") is not None else block.get("thinking")
        characters = len(text or "") + len(block.get("signature") or "")
        if block.get("input") is not None:
            characters += _length(block["input"])
        pictures = int(kind == "image")
    characters += PICTURE * (pictures + (kind == "document"))
    return Item(number, (number, place), is_output, characters + FRAME, has_picture=pictures > 0)


def _items_of(number: int, line: Json) -> list[Item]:
    if line["type"] == "attachment":
        attachment = line.get("attachment")
        if not isinstance(attachment, dict) or attachment.get("type", "unknown") in NOT_SHOWN:
            return []
        return [Item(number, (number, 1), False, _length(attachment) + FRAME)]
    message = line.get("message") or {}
    content = message.get("content")
    if content is None or message.get("model") == SYNTHETIC:
        return []
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    is_output = line["type"] == "assistant"
    return [_block_item(number, place, block, is_output=is_output) for place, block in enumerate(blocks, 1)]


def read_ledger(path: Path, prices: dict[str, list[Price]]) -> Ledger:
    """The ledger of a transcript; NotSimpleError where it is not of the simple shape."""
    sessions: set[str] = set()
    uuids: set[str] = set()
    items: list[Item] = []
    answers: dict[tuple[str, str], Answer] = {}
    for number, objects in records(path):
        if objects is None or len(objects) != 1:
            raise NotSimpleError("a line that is not one object")
        line = objects[0]
        if line.get("isSidechain") or line.get("isCompactSummary") or "forkedFrom" in line:
            raise NotSimpleError("a side chain, a compaction or a copy")
        if line.get("type") in ("api-request-shape", "progress") or line.get("subtype") == "compact_boundary":
            raise NotSimpleError("request shapes, nested lines or a compaction")
        if line.get("type") not in ("user", "assistant", "attachment"):
            continue
        if not isinstance(line.get("uuid"), str) or line["uuid"] in uuids:
            raise NotSimpleError("a line without a uuid of its own")
        uuids.add(line["uuid"])
        sessions.add(str(line.get("sessionId")))
        if line.get("session_id") not in (None, line.get("sessionId")) or line.get("requestSessionId"):
            raise NotSimpleError("a copy")
        items += _items_of(number, line)
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
        if any(item.has_picture for item in items) or not any(not item.is_output for item in items):
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
            _share(inputs, start + before.tokens.output, end - start - before.tokens.output)
        else:
            _share([*outputs, *inputs], start, end - start)
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
