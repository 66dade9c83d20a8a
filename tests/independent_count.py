"""An independent count of transcripts: what the store has to agree with.

Plain Python over plain files; nothing here is shared with the models, the macros or the ingester. Three
countings:

`count(roots)` - the right one. One response per (message.id, requestId):

1. Every `*.jsonl` below the roots, but none whose name holds `.orphaned` or `.superseded`.
2. A line is a response line if it is of type `assistant` with a `message.usage`, or a `progress` line of
   `data.type = agent_progress` that nests such a line. `<synthetic>` and `isApiErrorMessage` lines never
   reached the API and are none.
3. Its key: (message.id, requestId); without requestId (message.id, session of the line); without
   message.id the line's uuid (file and line number where there is none). A line of the event stream (one
   with `_audit_timestamp`, or with `session_id` and no `sessionId`) is of the session `session_id`, and never
   names a request: it belongs to the request that another line of its message names.
4. Copies of a forked session keep their uuid. Responses without requestId that share a uuid are
   therefore one, though their sessions differ (`fold_inherited=False` leaves this rule out).
5. A response of only side-chain lines whose message.id also belongs to a main-chain response of the same
   session with another requestId is a replayed side question (`/btw`), not a second response.
6. Of the lines of one response the tokens are those of one line: a main-chain line before a side-chain
   or nested one, then the most output, then the last. It starts at its earliest line; its output is
   final if any of its lines has a stop_reason.
7. It belongs to the session of the original line: a line that says it was copied (`forkedFrom`,
   `requestSessionId` or `session_id` other than `sessionId`) stands back for one that does not, then the
   file that starts earliest. `session_id` alone proves nothing: after `/clear` it names the session
   before.
8. An id can be one for all answers: a prompt or tool result between two lines of a key in one file and
   thread starts another response if the input reported before and after differs (of iterations the
   first counts, 0 tells nothing), or if there is no requestId and the turn had ended. In other threads
   and files a run with another input than the first one's is another response too, but copies (same
   uuid) stay with their original.
9. Cache writes: 1h as the breakdown says, 5m the rest of the total (without a breakdown all of it). Where
   the total is 0 the breakdown holds alone: a client bug until 2.1.152.
10. `usage.iterations`, those without tokens left out: if all are of type `message` the top level is the bill,
   one by one where they add up to it, else the sum of the iterations, each at its own model's price; the
   top level too where all of them are helpers (an adviser, a compaction). An adviser runs at standard
   speed. A response costs what its parts with a price cost.
11. Price: the row of the normalised model, the speed, the UTC day the response started on, and the
   highest band that input + cache read + cache write of the request exceed; it holds for all tokens of
   the request. Batch and US inference multiply it. No row: no price. The web search fee is kept apart.
   `costUSD` on a line is ignored.

`plain_count(roots)` - the simplest defensible count, rules 1 to 3, 6, 9 and 11: what is commonly
published for a set of transcripts. It counts forked copies without requestId twice (rule 4 tells why
that is wrong).

`ccusage_count(roots)` - what the tool ccusage 20.0.24 gives on the same files, with its filters and its
errors: lines without the bytes `"usage":{`, with one of eleven fields null anywhere, with an odd
version, an empty name or a token count that is no integer are dropped; key (message.id, requestId) over
all files; without requestId per session (`session`) or per session and timestamp (`daily`); a
non-side-chain copy, then the one with most tokens wins; side questions fold and nested lines count in
`daily` only; the cache breakdown replaces the total; each class of tokens above 200,000 alone costs the
long price; fast mode multiplies; `costUSD` is believed; no batch, US inference or web search price.
Compared with the released program on the golden cases and on the corpus: all tokens are equal, and all
dollars but those of models of other makers and of the regional ids of Bedrock (+10 %), which are not in
our price list.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]
PRICES = Path(__file__).resolve().parents[1] / "seeds" / "model_prices.csv"
SYNTHETIC = "<synthetic>"
MILLION = 1_000_000


# --- prices ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Price:
    """One row of the price list."""

    model: str
    valid_from: date
    valid_to: date | None
    above: int
    speed: str
    input: float
    write_5m: float
    write_1h: float
    read: float
    output: float
    us_multiplier: float
    web_search: float
    batch_multiplier: float


def read_prices(path: Path = PRICES) -> dict[str, list[Price]]:
    """The price list by model."""
    prices: dict[str, list[Price]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            prices[row["model_name"]].append(
                Price(
                    model=row["model_name"],
                    valid_from=date.fromisoformat(row["valid_from"] or "0001-01-01"),
                    valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                    above=int(row["prompt_tokens_above"] or 0),
                    speed=row["speed"] or "standard",
                    input=float(row["input_usd_per_mtok"]),
                    write_5m=float(row["cache_write_5m_usd_per_mtok"]),
                    write_1h=float(row["cache_write_1h_usd_per_mtok"]),
                    read=float(row["cache_read_usd_per_mtok"]),
                    output=float(row["output_usd_per_mtok"]),
                    us_multiplier=float(row["us_inference_multiplier"] or 1),
                    web_search=float(row["web_search_usd"] or 0),
                    batch_multiplier=float(row["batch_multiplier"] or 1),
                )
            )
    return prices


_OTHER_HOSTS = ("databricks-", "anthropic--")
_VARIANTS = ("beta", "thinking", "extended", "self-moderated", "nitro", "floor", "online")


def normalise_model(raw: str | None) -> str | None:
    """The name the price list knows a model by; names of other makers stay as they are."""
    if raw is None or "application-inference-profile/" in raw or "provisioned-model/" in raw:
        return raw
    name = raw.lower().strip().rsplit("/", 1)[-1]
    start = name.find("claude")
    if start < 0 or not (start == 0 or name[start - 1] in ".:" or name[:start] in _OTHER_HOSTS):
        return name if start >= 0 else raw
    name = name[start:]
    before = ""
    while name != before:
        before = name
        name = name.split("@", 1)[0].removesuffix("-latest").removesuffix("-thinking")
        name = re.sub(r"\[\d+[km]\]$", "", name)
        stem, _, variant = name.rpartition(":")
        if variant in _VARIANTS:
            name = stem
        name = re.sub(r"-v\d+(:\d+k?)*$", "", name)
        name = re.sub(r"-\d{8}$", "", name)
    name = re.sub(r"(?<=\d)\.(?=\d)", "-", name)
    version_first = re.fullmatch(r"claude-([4-9](?:-\d\d?)?)-([a-z]+)", name)
    return f"claude-{version_first[2]}-{version_first[1]}" if version_first else name


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResponseLine:
    """One line that shows an API response, or part of it."""

    path: str
    line_number: int
    file_first_seen: str
    file_session: str
    session: str
    message_id: str | None
    request_id: str | None
    uuid: str | None
    timestamp: str | None
    raw_model: str | None
    usage: Json
    is_sidechain: bool
    is_nested: bool
    stop_reason: str | None
    says_it_is_a_copy: bool
    is_streamed: bool
    thread: tuple[str, str, bool, bool]
    inputs_before: int

    @property
    def is_final(self) -> bool:
        """Whether it shows the end of its response."""
        return self.stop_reason is not None

    @property
    def reported_input(self) -> tuple[int, int, int]:
        """The input of the request as the line reports it (rule 8)."""
        iterations = self.usage.get("iterations")
        first = iterations[0] if isinstance(iterations, list) and iterations else None
        usage = {**self.usage, **first} if isinstance(first, dict) else self.usage
        return (
            _number(usage.get("input_tokens")),
            _number(usage.get("cache_read_input_tokens")),
            _number(usage.get("cache_creation_input_tokens")),
        )


@dataclass(slots=True)
class Reading:
    """All that was read: the response lines, and how many lines could not be read."""

    lines: list[ResponseLine] = field(default_factory=list)
    line_count: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)


def transcripts(roots: Sequence[Path]) -> list[Path]:
    """The transcript files below the roots, in path order."""
    found = {path for root in roots for path in root.rglob("*.jsonl")}
    return sorted(
        path
        for path in found
        if ".orphaned" not in path.name and ".superseded" not in path.name and path.is_file()
    )


def _reject(text: str) -> None:
    raise ValueError(text)


_LENIENT = json.JSONDecoder(strict=False, parse_constant=_reject)


def parse_line(raw: bytes) -> list[Json] | None:
    """The objects on a line (mostly one); None if there is anything on it that is not an object."""
    try:
        whole = orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    else:
        return [whole] if isinstance(whole, dict) else None
    text = raw.decode("utf-8", errors="replace").strip().strip("\x00").strip()
    objects: list[Json] = []
    position = 0
    try:
        while position < len(text):
            part, position = _LENIENT.raw_decode(text, position)
            if not isinstance(part, dict):
                return None
            objects.append(part)
            while position < len(text) and text[position] in " \t\r\x00":
                position += 1
    except (ValueError, RecursionError):
        return None
    return objects or None


def records(path: Path) -> Iterator[tuple[int, list[Json] | None]]:
    """The lines of a file; a last line still being written (no newline, not readable) is left for later."""
    number = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not raw.strip():
                continue
            objects = parse_line(raw)
            if objects is None and not line.endswith(b"\n"):
                continue
            yield number, objects


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def session_of_file(path: Path) -> str:
    """The session a file lies under: its name, or the folder above `subagents`."""
    parts = path.parts
    return parts[parts.index("subagents") - 1] if "subagents" in parts[1:] else path.stem


def _thread(path: Path, line: Json) -> tuple[str, str, bool, bool]:
    """What a line stands in: its file, and the agent in it."""
    data = _dict(line.get("data"))
    is_nested = line.get("type") == "progress" and data.get("type") == "agent_progress"
    agent = _text(data.get("agentId")) or _text(line.get("agentId")) or ""
    return str(path), agent, is_nested, line.get("isSidechain") is True


def _is_input(line: Json) -> bool:
    """Whether it is a prompt or a tool result."""
    inner = _dict(_dict(line.get("data")).get("message")) if line.get("type") == "progress" else line
    return inner.get("type") == "user" and line.get("isMeta") is not True


def _response_line(
    path: Path, number: int, first_seen: str, line: Json, inputs: Counter[tuple[str, str, bool, bool]]
) -> ResponseLine | None:
    inner, is_nested = line, False
    if line.get("type") == "progress":
        data = _dict(line.get("data"))
        if data.get("type") != "agent_progress":
            return None
        inner, is_nested = _dict(data.get("message")), True
    message = inner.get("message")
    if (
        inner.get("type") != "assistant"
        or not isinstance(message, dict)
        or not isinstance(message.get("usage"), dict)
    ):
        return None
    if message.get("model") == SYNTHETIC or inner.get("isApiErrorMessage") is True:
        return None
    file_session = session_of_file(path)
    session = _text(line.get("sessionId")) or _text(line.get("session_id")) or file_session
    told = (_text(line.get("session_id")), _text(line.get("requestSessionId")))
    return ResponseLine(
        path=str(path),
        line_number=number,
        file_first_seen=first_seen,
        file_session=file_session,
        session=session,
        message_id=_text(message.get("id")),
        request_id=_text(inner.get("requestId")),
        uuid=_text(inner.get("uuid")),
        timestamp=_text(inner.get("timestamp"))
        or _text(line.get("timestamp"))
        or _text(line.get("_audit_timestamp")),
        raw_model=_text(message.get("model")),
        usage=message["usage"],
        is_sidechain=inner.get("isSidechain", line.get("isSidechain")) is True,
        is_nested=is_nested,
        stop_reason=_text(message.get("stop_reason")),
        says_it_is_a_copy="forkedFrom" in line or any(other not in (None, session) for other in told),
        thread=_thread(path, line),
        inputs_before=inputs[_thread(path, line)],
        is_streamed="_audit_timestamp" in line or ("session_id" in line and "sessionId" not in line),
    )


def read(roots: Sequence[Path]) -> Reading:
    """Read every transcript below the roots."""
    reading = Reading()
    inputs: Counter[tuple[str, str, bool, bool]] = Counter()
    for path in transcripts(roots):
        first_seen = ""
        for number, objects in records(path):
            reading.line_count += 1
            if objects is None:
                reading.set_aside[str(path)] += 1
                continue
            for line in objects:
                first_seen = first_seen or _text(line.get("timestamp")) or ""
                inputs[_thread(path, line)] += _is_input(line)
                found = _response_line(path, number, first_seen, line, inputs)
                if found:
                    reading.lines.append(found)
    return reading


# --- tokens and dollars ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a response by what they are billed as."""

    input: int = 0
    output: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    reported_write: int = 0

    @property
    def prompt(self) -> int:
        """The size of the request."""
        return self.input + self.read + self.write_5m + self.write_1h

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.write_5m + other.write_5m,
            self.write_1h + other.write_1h,
            self.read + other.read,
            self.reported_write + other.reported_write,
        )


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return max(int(value), 0)


def tokens_of(usage: Json) -> Tokens:
    """The tokens of one usage object (rule 9)."""
    total = _number(usage.get("cache_creation_input_tokens"))
    breakdown = _dict(usage.get("cache_creation"))
    write_5m = _number(breakdown.get("ephemeral_5m_input_tokens"))
    write_1h = _number(breakdown.get("ephemeral_1h_input_tokens"))
    return Tokens(
        input=_number(usage.get("input_tokens")),
        output=_number(usage.get("output_tokens")),
        write_5m=max(total - write_1h, 0) if total else write_5m,
        write_1h=write_1h,
        read=_number(usage.get("cache_read_input_tokens")),
        reported_write=total,
    )


Part = tuple[str | None, Tokens, bool]


def billed_parts(usage: Json, model: str | None) -> list[Part]:
    """What a response is billed for: (model, tokens, is an adviser), mostly one (rule 10)."""
    iterations = usage.get("iterations")
    parts: list[tuple[str, str | None, Tokens]] = []
    unsaid: list[bool] = []
    for entry in iterations if isinstance(iterations, list) else []:
        if isinstance(entry, dict) and (tokens := tokens_of(entry)).prompt + tokens.output:
            kind = _text(entry.get("type")) or "message"
            named = _text(entry.get("model"))
            parts.append((kind, named if kind.startswith("advisor") else named or model, tokens))
            unsaid.append(not _dict(entry.get("cache_creation")))
    whole = (model, tokens_of(usage), False)
    found = [(named, tokens, kind.startswith("advisor")) for kind, named, tokens in parts]
    if not parts:
        return [whole]
    if {kind for kind, _, _ in parts} == {"message"}:
        added = Tokens()
        for _, _, tokens in parts:
            added = added + tokens
        top = whole[1]
        is_sum = (added.input, added.output, added.read, added.write_5m + added.write_1h) == (
            top.input, top.output, top.read, top.write_5m + top.write_1h,
        )  # fmt: skip
        is_empty = top.input + top.output + top.read == 0
        return _with_lifetimes(found, usage, unsaid) if is_empty or (is_sum and len(parts) > 1) else [whole]
    if not any(kind in ("message", "fallback_message") for kind, _, _ in parts):
        return [whole, *_with_lifetimes(found, usage, unsaid)]
    return _with_lifetimes(found, usage, unsaid)


def _with_lifetimes(parts: list[Part], usage: Json, unsaid: list[bool]) -> list[Part]:
    """Iterations that do not say for how long they wrote did so as the whole did, if it did in one way."""
    top = tokens_of(usage)
    if not top.write_1h or top.write_5m:
        return parts
    return [
        (model, replace(tokens, write_5m=0, write_1h=tokens.write_5m + tokens.write_1h), is_adviser)
        if is_unsaid and not is_adviser
        else (model, tokens, is_adviser)
        for (model, tokens, is_adviser), is_unsaid in zip(parts, unsaid, strict=True)
    ]


def find_price(
    prices: dict[str, list[Price]], model: str | None, day: date | None, prompt: int, speed: str
) -> Price | None:
    """The row that holds (rule 10); without a day the newest."""
    rows = [
        row
        for row in prices.get(normalise_model(model) or "", [])
        if row.speed == speed
        and (prompt > row.above or row.above == 0)
        and (
            row.valid_to is None
            if day is None
            else row.valid_from <= day and (row.valid_to is None or day < row.valid_to)
        )
    ]
    return max(rows, key=lambda row: row.above, default=None)


def token_cost(row: Price, tokens: Tokens, usage: Json) -> float:
    """Dollars for tokens at a row's prices, with what the request's tier and place make of them."""
    dollars = (
        tokens.input * row.input
        + tokens.output * row.output
        + tokens.write_5m * row.write_5m
        + tokens.write_1h * row.write_1h
        + tokens.read * row.read
    ) / MILLION
    if usage.get("service_tier") == "batch":
        dollars *= row.batch_multiplier
    if usage.get("inference_geo") == "us":
        dollars *= row.us_multiplier
    return dollars


# --- the right count ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Response:
    """One API response."""

    message_id: str | None
    request_id: str | None
    session_id: str
    model: str | None
    raw_model: str | None
    started_at: datetime | None
    tokens: Tokens
    cost_usd: float | None
    web_search_usd: float | None
    is_output_final: bool
    line_count: int
    sessions: tuple[str, ...]
    is_priced: bool

    @property
    def key(self) -> tuple[str | None, str | None, str]:
        """What tells it from every other response that has a message id."""
        return self.message_id, self.request_id, self.session_id


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over responses."""

    responses: int
    unpriced: int
    tokens: Tokens
    cost_usd: float
    web_search_usd: float


@dataclass(frozen=True, slots=True)
class Count:
    """The responses below some roots."""

    responses: list[Response]
    set_aside_lines: int
    line_count: int

    @property
    def totals(self) -> Totals:
        """Everything in one sum."""
        return total(self.responses)

    def by_session(self) -> dict[str, Totals]:
        """Sums per owning session."""
        return self._by(lambda response: response.session_id)

    def by_model(self) -> dict[str, Totals]:
        """Sums per normalised model."""
        return self._by(lambda response: response.model or "")

    def by_day(self) -> dict[str, Totals]:
        """Sums per UTC day of the first line."""
        return self._by(
            lambda response: response.started_at.date().isoformat() if response.started_at else ""
        )

    def _by(self, key: Callable[[Response], str]) -> dict[str, Totals]:
        groups: dict[str, list[Response]] = defaultdict(list)
        for response in self.responses:
            groups[key(response)].append(response)
        return {name: total(rows) for name, rows in sorted(groups.items())}


def total(responses: Iterable[Response]) -> Totals:
    """The sum of some responses."""
    rows = list(responses)
    tokens = Tokens()
    for row in rows:
        tokens = tokens + row.tokens
    return Totals(
        responses=len(rows),
        unpriced=sum(not row.is_priced for row in rows),
        tokens=tokens,
        cost_usd=sum(row.cost_usd or 0.0 for row in rows),
        web_search_usd=sum(row.web_search_usd or 0.0 for row in rows),
    )


Key = tuple[str, ...]


def _key(line: ResponseLine) -> Key:
    if line.message_id is None:
        return ("uuid", line.uuid) if line.uuid else ("line", line.path, str(line.line_number))
    if line.request_id is None:
        return ("session", line.message_id, line.session)
    return ("request", line.message_id, line.request_id)


def _fold_inherited(groups: dict[Key, list[ResponseLine]]) -> None:
    """Merge responses without requestId that share a line: copies in a forked session (rule 4)."""
    home: dict[tuple[str, str], Key] = {}
    for key in [key for key in groups if key[0] == "session"]:
        into = key
        for line in groups[key]:
            if line.uuid:
                into = home.setdefault((key[1], line.uuid), into)
        if into != key:
            groups[into].extend(groups.pop(key))
            for line in groups[into]:
                if line.uuid:
                    home[(key[1], line.uuid)] = into


def _fold_streamed(groups: dict[Key, list[ResponseLine]]) -> None:
    """Give what the event stream repeats to the request that the transcript names (rule 3)."""
    requests = {key[1]: key for key in sorted(groups, reverse=True) if key[0] == "request"}
    for key in [key for key in groups if key[0] == "session" and key[1] in requests]:
        if all(line.is_streamed for line in groups[key]):
            groups[requests[key[1]]].extend(groups.pop(key))


def _fold_side_questions(groups: dict[Key, list[ResponseLine]]) -> None:
    """Drop replays of a response by a side question (rule 5)."""
    by_message: dict[str, list[Key]] = defaultdict(list)
    for key in groups:
        if key[0] in ("request", "session"):
            by_message[key[1]].append(key)
    for keys in by_message.values():
        main = [key for key in keys if not all(line.is_sidechain for line in groups[key])]
        for key in keys:
            sessions = {line.session for line in groups[key]}
            if key not in main and any(sessions & {line.session for line in groups[other]} for other in main):
                del groups[key]


def _told_apart(lines: list[ResponseLine]) -> list[list[ResponseLine]]:
    """The responses among the lines of one key: mostly one (rule 8)."""
    threads: dict[tuple[str, str, bool, bool], list[ResponseLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: (line.path, line.line_number)):
        threads[line.thread].append(line)
    runs: list[list[ResponseLine]] = []
    for thread in threads.values():
        last: dict[bool, ResponseLine] = {}
        runs.append([])
        for line in thread:
            before = last.get(any(line.reported_input))
            if (
                before
                and line.inputs_before > before.inputs_before
                and (
                    line.reported_input != before.reported_input
                    or (line.request_id is None and before.stop_reason in ("end_turn", "stop_sequence"))
                )
            ):
                runs.append([])
            runs[-1].append(line)
            last[any(line.reported_input)] = line
    runs.sort(
        key=lambda run: (
            run[0].says_it_is_a_copy,
            run[0].is_sidechain,
            run[0].timestamp or "~",
            run[0].path,
            run[0].line_number,
        )
    )
    answers: list[list[ResponseLine]] = []
    for run in runs:
        same = next(
            (one for one in answers if {line.uuid for line in one} & {line.uuid for line in run} - {None}),
            None,
        )
        if same is None and answers and answers[0][0].thread != run[0].thread:
            size = max(line.reported_input for line in run)
            if not any(size) or size == max(line.reported_input for line in answers[0]):
                same = answers[0]
        if same is None:
            answers.append(run)
        else:
            same.extend(run)
    return answers


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _response(
    lines: list[ResponseLine], prices: dict[str, list[Price]], *, with_iterations: bool
) -> Response:
    ordered = sorted(lines, key=lambda line: (line.path, line.line_number))
    winner = max(
        enumerate(ordered),
        key=lambda item: (
            not (item[1].is_sidechain or item[1].is_nested),
            _number(item[1].usage.get("output_tokens")),
            not item[1].is_nested,
            item[0],
        ),
    )[1]
    owner = min(
        ordered,
        key=lambda line: (line.says_it_is_a_copy, line.file_first_seen or "~", line.path, line.line_number),
    )
    moments = [moment for line in ordered if (moment := _moment(line.timestamp))]
    started_at = min(moments, default=None)
    day = started_at.date() if started_at else None
    usage = winner.usage
    speed = "fast" if usage.get("speed") == "fast" else "standard"
    parts = (
        billed_parts(usage, winner.raw_model)
        if with_iterations
        else [(winner.raw_model, tokens_of(usage), False)]
    )
    tokens = Tokens()
    costs = []
    for model, part, is_adviser in parts:
        tokens = tokens + part
        row = find_price(prices, model, day, part.prompt, "standard" if is_adviser else speed)
        if row:
            costs.append(token_cost(row, part, usage))
    searches = _number(_dict(usage.get("server_tool_use")).get("web_search_requests"))
    main_row = find_price(prices, winner.raw_model, day, tokens.prompt, speed)
    return Response(
        message_id=winner.message_id,
        request_id=winner.request_id,
        session_id=owner.session,
        model=normalise_model(winner.raw_model),
        raw_model=winner.raw_model,
        started_at=started_at,
        tokens=tokens,
        cost_usd=sum(costs) if costs else None,
        web_search_usd=searches * main_row.web_search if main_row else None,
        is_output_final=any(line.is_final for line in ordered),
        line_count=len(ordered),
        sessions=tuple(sorted({line.session for line in ordered})),
        is_priced=len(costs) == len(parts),
    )


def count(roots: Sequence[Path], *, fold_inherited: bool = True, prices: Path = PRICES) -> Count:
    """The right count."""
    reading = read(roots)
    groups: dict[Key, list[ResponseLine]] = defaultdict(list)
    for line in reading.lines:
        groups[_key(line)].append(line)
    if fold_inherited:
        _fold_inherited(groups)
    _fold_streamed(groups)
    _fold_side_questions(groups)
    price_list = read_prices(prices)
    return Count(
        responses=[
            _response(answer, price_list, with_iterations=True)
            for lines in groups.values()
            for answer in _told_apart(lines)
        ],
        set_aside_lines=sum(reading.set_aside.values()),
        line_count=reading.line_count,
    )


def plain_count(roots: Sequence[Path], *, prices: Path = PRICES) -> Count:
    """The simplest defensible count: one response per message.id and requestId (or session)."""
    reading = read(roots)
    groups: dict[Key, list[ResponseLine]] = defaultdict(list)
    for line in reading.lines:
        groups[_key(line)].append(line)
    price_list = read_prices(prices)
    return Count(
        responses=[_response(lines, price_list, with_iterations=False) for lines in groups.values()],
        set_aside_lines=sum(reading.set_aside.values()),
        line_count=reading.line_count,
    )


# --- what ccusage counts --------------------------------------------------------------------------

_NULL_FIELDS = re.compile(
    rb'"(?:id|cwd|model|speed|costUSD|version|sessionId|requestId|isApiErrorMessage'
    rb'|cache_read_input_tokens|cache_creation_input_tokens)":null'
)
_VERSION = re.compile(r"^\d+\.\d+\.\d+")
_LONG = 200_000
# The models that its embedded price list (September 2026) does not know yet: counted at $0.
CCUSAGE_UNKNOWN = frozenset(
    {"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2", "claude-mythos-5-2"}
)
_CCUSAGE_FAST = {"claude-opus-4-6": 6.0, "claude-opus-4-7": 6.0, "claude-opus-4-8": 2.0, "claude-opus-5": 2.0}


@dataclass(frozen=True, slots=True)
class CcusageEntry:
    """One response as ccusage counts it."""

    message_id: str | None
    request_id: str | None
    session: str
    model: str
    timestamp: str
    tokens: Tokens
    cost_usd: float
    is_sidechain: bool
    has_speed: bool

    @property
    def size(self) -> int:
        """The tokens by which copies are compared."""
        return self.tokens.prompt + self.tokens.output


@dataclass(frozen=True, slots=True)
class CcusageCount:
    """The result of ccusage's rules."""

    entries: list[CcusageEntry]
    lines_ignored: Counter[str]

    @property
    def tokens(self) -> Tokens:
        """All tokens."""
        whole = Tokens()
        for entry in self.entries:
            whole = whole + entry.tokens
        return whole

    @property
    def cost_usd(self) -> float:
        """All dollars."""
        return sum(entry.cost_usd for entry in self.entries)

    def by_session(self) -> dict[str, float]:
        """Dollars per session, as ccusage names sessions."""
        dollars: dict[str, float] = defaultdict(float)
        for entry in self.entries:
            dollars[entry.session] += entry.cost_usd
        return dict(dollars)

    def by_day(self) -> dict[str, float]:
        """Dollars per UTC day of the winning copy."""
        dollars: dict[str, float] = defaultdict(float)
        for entry in self.entries:
            dollars[entry.timestamp[:10]] += entry.cost_usd
        return dict(dollars)


def ccusage_session(path: Path) -> str:
    """The session ccusage files a transcript under; agents of a workflow become sessions of their own."""
    parts = path.parts
    if "projects" not in parts:
        return path.stem
    below = parts[len(parts) - parts[::-1].index("projects") :]
    if len(below) <= 2:  # projects/<slug>/<session>.jsonl
        return path.stem
    return below[-3] if below[-2] == "subagents" else below[-2]


def _ccusage_tokens(usage: Json) -> Tokens | None:
    values: list[int] = []
    for name in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"):
        value = usage.get(name, None if name in ("input_tokens", "output_tokens") else 0)
        if type(value) is not int:
            return None
        values.append(value)
    into, out, write, read_tokens = values
    breakdown = usage.get("cache_creation")
    if not isinstance(breakdown, dict):
        return Tokens(into, out, write, 0, read_tokens, write)
    write_5m = breakdown.get("ephemeral_5m_input_tokens", 0)
    write_1h = breakdown.get("ephemeral_1h_input_tokens", 0)
    if type(write_5m) is not int or type(write_1h) is not int:
        return None
    return Tokens(into, out, write_5m, write_1h, read_tokens, write)


def _tiered(tokens: int, price: float, high: float) -> float:
    return (min(tokens, _LONG) * price + max(tokens - _LONG, 0) * high) / MILLION


def _ccusage_cost(
    prices: dict[str, list[Price]], model: str, tokens: Tokens, *, fast: bool, unknown: frozenset[str]
) -> float:
    name = normalise_model(model) or ""
    rows = [row for row in prices.get(name, []) if row.speed == "standard" and row.valid_to is None]
    base = next((row for row in rows if row.above == 0), None)
    if base is None or name in unknown:
        return 0.0
    high = next((row for row in rows if row.above == _LONG), base)
    dollars = (
        _tiered(tokens.input, base.input, high.input)
        + _tiered(tokens.output, base.output, high.output)
        + _tiered(tokens.write_5m, base.write_5m, high.write_5m)
        + _tiered(tokens.write_1h, 2 * base.input, 2 * high.input)
        + _tiered(tokens.read, base.read, high.read)
    )
    return dollars * (_CCUSAGE_FAST.get(name, 1.0) if fast else 1.0)


def _ccusage_line(raw: bytes, report: str) -> Json | str:
    """The line as ccusage takes it, or why it does not."""
    if b'"usage":{' not in raw:
        return "no usage"
    if _NULL_FIELDS.search(raw):
        return "null field"
    try:
        outer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "not JSON"
    if not isinstance(outer, dict):
        return "not JSON"
    line = outer
    if not isinstance(line.get("message"), dict):
        line = _dict(_dict(outer.get("data")).get("message"))
        if report != "daily" or not line:
            return "nested"
        line = {**line, "sessionId": outer.get("sessionId"), "version": outer.get("version", "0.0.0")}
    message = _dict(line.get("message"))
    if not isinstance(message.get("usage"), dict) or not isinstance(line.get("timestamp"), str):
        return "no usage"
    try:
        datetime.fromisoformat(line["timestamp"])
    except ValueError:
        return "no time"
    named = (line.get("sessionId"), line.get("requestId"), message.get("id"), message.get("model"))
    if any(value == "" for value in named):
        return "empty name"
    if not _VERSION.match(str(line.get("version", "0.0.0"))):
        return "version"
    return line


def _better(new: CcusageEntry, old: CcusageEntry, report: str) -> bool:
    if new.is_sidechain != old.is_sidechain:
        return old.is_sidechain
    if new.size != old.size:
        return new.size > old.size
    if report == "daily" and new.cost_usd != old.cost_usd:
        return new.cost_usd > old.cost_usd
    return new.has_speed and not old.has_speed


def ccusage_count(
    roots: Sequence[Path],
    *,
    report: str = "session",
    unknown: frozenset[str] = CCUSAGE_UNKNOWN,
    prices: Path = PRICES,
) -> CcusageCount:
    """Count as ccusage does; `report` is its `daily` or its `session`, which differ."""
    price_list = read_prices(prices)
    kept: dict[Key, CcusageEntry] = {}
    by_message: dict[str, list[Key]] = defaultdict(list)
    ignored: Counter[str] = Counter()
    for path in sorted((path for root in roots for path in root.rglob("*.jsonl")), key=str):
        for number, raw in enumerate(path.read_bytes().split(b"\n"), 1):
            line = _ccusage_line(raw, report)
            if isinstance(line, str):
                ignored[line] += 1
                continue
            message, usage = line["message"], line["message"]["usage"]
            tokens = _ccusage_tokens(usage)
            if tokens is None:
                ignored["tokens"] += 1
                continue
            model = message.get("model") or ""
            own = line.get("costUSD")
            entry = CcusageEntry(
                message_id=message.get("id"),
                request_id=line.get("requestId"),
                session=ccusage_session(path),
                model=model,
                timestamp=line["timestamp"],
                tokens=tokens,
                cost_usd=float(own)
                if isinstance(own, int | float)
                else _ccusage_cost(
                    price_list, model, tokens, fast=usage.get("speed") == "fast", unknown=unknown
                ),
                is_sidechain=line.get("isSidechain") is True,
                has_speed="speed" in usage,
            )
            if entry.message_id is None:
                key: Key = ("line", str(path), str(number))
            elif entry.request_id is None:
                moment = entry.timestamp if report == "daily" else ""
                key = ("session", entry.message_id, str(line.get("sessionId")), moment)
            else:
                key = ("request", entry.message_id, entry.request_id)
            if key not in kept and entry.message_id is not None:
                same = by_message[entry.message_id]
                folds = report == "daily" and key[0] == "request"
                replays = [
                    k for k in same if k[0] == "request" and (kept[k].is_sidechain or entry.is_sidechain)
                ]
                if folds and replays:
                    key = replays[0]
                else:
                    same.append(key)
            if key not in kept or _better(entry, kept[key], report):
                kept[key] = entry
    return CcusageCount(list(kept.values()), ignored)


# --- by hand --------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Print the three countings of some folders."""
    roots = [Path(argument) for argument in arguments]
    for name, counted in (("right", count(roots)), ("plain", plain_count(roots))):
        sums = counted.totals
        tokens = sums.tokens
        sys.stdout.write(
            f"{name:16} {sums.responses:,} responses, {sums.unpriced} unpriced, input {tokens.input:,}, "
            f"output {tokens.output:,}, cache write {tokens.reported_write:,} (5m {tokens.write_5m:,}, "
            f"1h {tokens.write_1h:,}), cache read {tokens.read:,}, ${sums.cost_usd:,.6f}, "
            f"web search ${sums.web_search_usd:.2f}, {counted.set_aside_lines} of {counted.line_count:,} "
            "lines set aside\n"
        )
    for report in ("daily", "session"):
        other = ccusage_count(roots, report=report)
        tokens = other.tokens
        sys.stdout.write(
            f"ccusage {report:8} {len(other.entries):,} entries, input {tokens.input:,}, "
            f"output {tokens.output:,}, cache write {tokens.write_5m + tokens.write_1h:,}, "
            f"cache read {tokens.read:,}, ${other.cost_usd:,.6f}; ignored {dict(other.lines_ignored)}\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
