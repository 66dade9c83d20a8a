"""Damaged sessions, each reproducible from its seed.

A session is a mapping of file names below `projects/` to lines (bytes). `damaged(bases, seed)` takes one,
gives it ids of its own and one to three of the damages that are registered here.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Path_ = tuple[Any, ...]
Change = Callable[[dict[str, Any]], object]

_MOST_BYTES = 200_000
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_API_ID = re.compile(rb"\b(?:msg_|req_|toolu_)[A-Za-z0-9_]{8,}")
_AGENT_ID = re.compile(rb'"agentId"\s*:\s*"([0-9a-z]{6,})"')
_CWD = re.compile(rb'"cwd"\s*:\s*"([^"]{4,})"')

NUMBERS: tuple[Any, ...] = (
    0, -1, -17, 1, 255, 2**31 - 1, 2**31, 2**32, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63), -(2**63) - 1,
    0.5, 1.5, -0.0, 1e16, 1e308, -1e308, 5e-324, "12", "-5", "1.5", "1e5", "", "abc", None, True, False, [], {}, [1], {"a": 1},
)  # fmt: skip
TIMES: tuple[Any, ...] = (
    None, "", " ", "garbage", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "-0044-03-15T00:00:00Z",
    "1999-12-31T23:59:59.999Z", "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z",
    "10000-01-01T00:00:00Z", "294247-01-10T04:00:54.775807Z", "290309-12-22 (BC) 00:00:00Z", "2026-02-30T00:00:00Z",
    "2026-06-15T12:00:00+05:30", "2026-06-15T12:00:00-12:00", "2026-06-15T24:00:00Z", "2026-06-15T23:59:60Z", "2026-06-15",
    "2026-06-15 12:00:00", "20260615T120000Z", 1700000000, 1700000000000, 0, -1, 2**63, 1e30, True, [], {}, "infinity",
    "-infinity", "epoch", "now", "today", "2026-06-15T12:00:00.123456789Z", "2026-06-15T12:00:00 Europe/Berlin",
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "\u0000", "\ud83d", "\udc00\ud83d", "\u202eevil\u202c", "👩‍👩‍👧‍👦" * 20, "e\u0301" * 50, "\u2028\u2029\u0085", "\x1b[31mRED\x1b[0m\x07",
    "'; drop table x; --", "{{ 1/0 }}", "%s%n%d", "<script>alert(1)</script>", "", " ", "\n", "\r\n", "\\", '"', "NaN", "null", "x" * 70_000,
    "\ufffe\uffff", "\uff41" * 300, "İı", "ß", "\U0010ffff", "../../etc/passwd", "C:\\Users\\x\\a.py", "\\\\srv\\share\\f", "-1", "0", "1e999",
    "true", "[]", "{}", "[", "a;b", "$HOME", "~", "/", "//", ".", "..", "\t", "\x1f", "\x1e", "<command-name>/x</command-name>",
    "<command-name></command-name>", "[Request interrupted by user]", "Base directory for this skill: ", "Exit code ", "<tool_use_error>",
)  # fmt: skip
LINE_TYPES = (
    "assistant", "user", "system", "summary", "progress", "attachment", "queue-operation", "file-history-snapshot", "cost-state",
    "api-request", "api-request-shape", "pr-link", "mode", "custom-title", "ai-title", "last-prompt", "brand-new-type", "", None, 7,
)  # fmt: skip
IDS = ("uuid", "parentUuid", "sessionId", "requestId", "id", "tool_use_id", "agentId", "promptId", "messageId", "leafUuid",
       "logicalParentUuid", "sourceToolUseID", "toolUseID", "parentToolUseID", "session_id", "forkedFrom", "toolUseId")  # fmt: skip
RANGES = ("numLines", "startLine", "totalLines", "oldStart", "oldLines", "newStart", "newLines", "numFiles", "offset", "limit",
          "durationMs", "totalTokens", "totalDurationMs", "totalToolUseCount", "numMatches", "lineStart", "lineEnd", "bytes",
          "durationSeconds", "exitCode", "code", "preTokens", "postTokens", "originalSize", "timeout", "retryInMs")  # fmt: skip


@dataclass
class Session:
    """The files of one session, below `projects/`; `others` lie beside it in the home."""

    name: str
    files: dict[str, list[bytes]]
    others: dict[str, bytes] = field(default_factory=dict)

    def lines_file(self, r: random.Random) -> list[bytes] | None:
        """One of its files of lines that is not empty."""
        named = self.lines_name(r)
        return self.files[named] if named else None

    def lines_name(self, r: random.Random) -> str | None:
        """The name of one of its files of lines that is not empty."""
        candidates = sorted(name for name, lines in self.files.items() if name.endswith(".jsonl") and lines)
        return r.choice(candidates) if candidates else None

    @property
    def main(self) -> str | None:
        """The file of the session itself."""
        return next(
            (name for name in sorted(self.files) if name.count("/") == 1 and name.endswith(".jsonl")), None
        )

    @property
    def agents(self) -> list[str]:
        """The files of its agents."""
        return [name for name in sorted(self.files) if "/agent-" in name and name.endswith(".jsonl")]


Damage = Callable[[Session, random.Random], object]
DAMAGES: dict[str, Damage] = {}


def _damage(function: Damage) -> Damage:
    DAMAGES[function.__name__] = function
    return function


# --- sessions to damage --------------------------------------------------------------------------------------


def sessions(homes: Sequence[Path]) -> list[Session]:
    """All sessions below these homes, each with the files of its agents; long files are cut."""
    found = []
    for home in homes:
        root = home / "projects"
        for main in sorted(root.glob("*/*.jsonl")):
            beside = main.with_suffix("")
            below = [path for path in sorted(beside.rglob("*")) if path.suffix in {".jsonl", ".json"}]
            files = {}
            for path in (main, *below):
                kept, size = [], 0
                for line in path.read_bytes().splitlines():
                    size += len(line)
                    if size > _MOST_BYTES:
                        break
                    kept.append(line)
                files[str(path.relative_to(root))] = kept
            if any(files.values()):
                found.append(Session(f"{home.name}:{main.stem[:8]}", files))
    return found


def with_own_ids(session: Session, number: int) -> Session:
    """The same session under ids that no other has; so that sessions do not meet where they should not."""
    tail = b"%06d" % (number % 1_000_000)
    agents = {
        found for lines in session.files.values() for line in lines for found in _AGENT_ID.findall(line)
    }
    agents |= {
        match[1].encode() for name in session.files if (match := re.search(r"agent-([0-9a-z]{6,})", name))
    }

    def renamed(text: bytes) -> bytes:
        text = _UUID.sub(lambda found: found[0][:-6] + tail, text)
        text = _API_ID.sub(lambda found: found[0][:-6] + tail, text)
        for agent in sorted(agents):
            text = text.replace(agent, agent[:-3] + b"%05x" % (number % 0xFFFFF))
        return text

    files = {
        renamed(name.encode()).decode(): [renamed(line) for line in lines]
        for name, lines in session.files.items()
    }
    return Session(session.name, files)


def damaged(bases: Sequence[Session], seed: int) -> Session:
    """The damaged session of this seed; its name says of what it was made and what was done to it."""
    r = random.Random(seed)
    base = r.choice(bases)
    session = with_own_ids(base, seed) if r.random() < 0.93 else copy.deepcopy(base)
    if r.random() < 0.6:
        found = _CWD.search(b"\n".join(line for lines in session.files.values() for line in lines[:5]))
        if found:
            _replace(session, found[1], found[1] + b"-%d" % seed)
    done = []
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        name = r.choice(sorted(DAMAGES))
        done.append(name)
        DAMAGES[name](session, r) if name not in _NEED_OTHERS else _NEED_OTHERS[name](session, r, bases)
    session.name = f"{seed} {base.name} {'+'.join(done)}"
    return session


def write(session: Session, home: Path) -> int:
    """Write the session's files into a home; what the file system refuses is left out."""
    count = 0
    for name, lines in session.files.items():
        path = home / "projects" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(line + b"\n" for line in lines))
            count += 1
        except (OSError, ValueError):
            continue
    for name, content in session.others.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + b"\n" if path.suffix == ".jsonl" else content)
    return count


# --- helpers -------------------------------------------------------------------------------------------------


def _load(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _places(value: object, at: Path_ = ()) -> Iterator[Path_]:
    if len(at) > 12:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*at, key)
            yield from _places(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:20]):
            yield (*at, number)
            yield from _places(inner, (*at, number))


def _get(value: Any, place: Path_) -> Any:
    for key in place:
        value = value[key]
    return value


def _put(value: Any, place: Path_, new: object) -> None:
    # A copy: what is put into itself is no JSON.
    _get(value, place[:-1])[place[-1]] = copy.deepcopy(new)


def _drop(value: Any, place: Path_) -> None:
    del _get(value, place[:-1])[place[-1]]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _each(session: Session, change: Change, r: random.Random, share: float = 1.0) -> None:
    """Change the objects of a share of the lines; `change` gives a true value where it has changed one."""
    for lines in session.files.values():
        for number, line in enumerate(lines):
            if r.random() < share and (found := _load(line)) is not None and change(found):
                lines[number] = _dump(found)


def _one(
    session: Session, r: random.Random, wanted: Callable[[dict[str, Any]], object] = lambda found: True
) -> tuple[list[bytes], int, dict[str, Any]] | None:
    """One line that is an object and is wanted: its file's lines, its number, the object."""
    lines = session.lines_file(r)
    for number in r.sample(range(len(lines)), min(len(lines), 60)) if lines else ():
        if (found := _load(lines[number])) is not None and wanted(found):
            return lines, number, found
    return None


def _blocks(found: dict[str, Any], kind: str = "") -> list[dict[str, Any]]:
    message = found.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return [block for block in blocks if not kind or block.get("type") == kind]


def _message(found: dict[str, Any]) -> dict[str, Any]:
    message = found.get("message")
    return message if isinstance(message, dict) else {}


def _replace(session: Session, old: bytes, new: bytes) -> None:
    for name, lines in session.files.items():
        session.files[name] = [line.replace(old, new) for line in lines]


def _uuid(r: random.Random) -> str:
    return f"{r.getrandbits(32):08x}-0000-4000-8000-{r.getrandbits(48):012x}"


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _retyped(value: object, r: random.Random) -> object:
    options: list[object] = [
        None,
        "",
        "x",
        0,
        1,
        -1,
        1.5,
        True,
        False,
        [],
        {},
        [1, "a", None, {}],
        {"a": 1},
        [[]],
        "123",
        2**64,
    ]
    if isinstance(value, str):
        options += [[value], {"text": value}, value * 2, value[:1], value.upper(), f" {value} "]
    elif _is_number(value):
        options += [str(value), [value], 10**20, r.choice(NUMBERS)]
    elif isinstance(value, list):
        options += [
            value * 2,
            value[::-1],
            value[:1],
            json.dumps(value),
            {str(place): inner for place, inner in enumerate(value)},
            [value],
        ]
    elif isinstance(value, dict):
        options += [[value], list(value.values()), json.dumps(value), {"value": value}]
    return r.choice(options)


# --- damages to files ----------------------------------------------------------------------------------------


@_damage
def lost_lines(session: Session, r: random.Random) -> None:
    """Each file loses some of its lines."""
    share = r.choice((0.02, 0.15, 0.5))
    for name, lines in session.files.items():
        session.files[name] = [line for line in lines if r.random() >= share]


@_damage
def lost_part(session: Session, r: random.Random) -> None:
    """One file or all lose their beginning, their end or what lies between."""
    names = list(session.files) if r.random() < 0.4 else [session.lines_name(r)]
    how = r.choice(("beginning", "end", "middle"))
    for name in names:
        if name is None or not (lines := session.files[name]):
            continue
        first, last = sorted((r.randrange(len(lines) + 1), r.randrange(len(lines) + 1)))
        session.files[name] = {
            "beginning": lines[first:],
            "end": lines[:last],
            "middle": lines[:first] + lines[last:],
        }[how]


@_damage
def doubled(session: Session, r: random.Random) -> None:
    """A line, every line or the whole file stands there twice."""
    name = session.lines_name(r)
    if name is None:
        return
    lines = session.files[name]
    how = r.choice(("line", "line", "lines", "file"))
    if how == "line":
        lines.insert(r.randrange(len(lines) + 1), r.choice(lines))
    elif how == "lines":
        session.files[name] = [again for line in lines for again in (line, line)]
    else:
        session.files[name] = lines * 2


@_damage
def out_of_order(session: Session, r: random.Random) -> None:
    """Two lines, or all, stand elsewhere."""
    lines = session.lines_file(r)
    if not lines or len(lines) < 2:
        return
    how = r.choice(("swap", "shuffle", "reverse", "results first", "sorted"))
    if how == "swap":
        one, other = r.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
    elif how == "shuffle":
        r.shuffle(lines)
    elif how == "reverse":
        lines.reverse()
    elif how == "sorted":
        lines.sort()
    else:
        lines.sort(key=lambda line: b'"tool_result"' not in line)


@_damage
def torn(session: Session, r: random.Random) -> None:
    """A line ends in its middle, with or without what follows it; or two lines lost the break between them."""
    lines = session.lines_file(r)
    if not lines:
        return
    number = r.randrange(len(lines))
    cut = lines[number][: r.randrange(max(1, len(lines[number])))]
    how = r.choice(("inside", "end", "glued", "glued to a torn one"))
    if how == "inside":
        lines[number] = cut
    elif how == "end":
        lines[number:] = [cut]
    elif how == "glued":
        lines[number : number + 2] = [b"".join(lines[number : number + 2])]
    else:
        lines[number : number + 2] = [cut + b"".join(lines[number + 1 : number + 2])]


@_damage
def alone(session: Session, r: random.Random) -> None:
    """Only the lines of one type are left, or one of each."""
    types = {
        found.get("type") for lines in session.files.values() for line in lines if (found := _load(line))
    }
    chosen = r.choice(sorted(map(str, types))) if types else ""
    one_of_each = r.random() < 0.4
    for name, lines in session.files.items():
        if not name.endswith(".jsonl"):
            continue
        seen: set[str] = set()
        kept = []
        for line in lines:
            kind = str((_load(line) or {}).get("type"))
            if (one_of_each and kind not in seen) or (not one_of_each and kind == chosen):
                kept.append(line)
            seen.add(kind)
        session.files[name] = kept


@_damage
def calls_or_results_alone(session: Session, r: random.Random) -> None:
    """All calls are gone and their results are left, or the reverse."""
    kind = r.choice((b'"tool_use"', b'"tool_result"'))
    names = list(session.files) if r.random() < 0.5 else [session.lines_name(r)]
    for name in names:
        if name is not None:
            session.files[name] = [line for line in session.files[name] if kind not in line]


@_damage
def other_name(session: Session, r: random.Random) -> None:
    """A file has another name than its session, or one that no client gives."""
    name = session.lines_name(r)
    if name is not None:
        new = r.choice((
            f"{_uuid(r)}.jsonl", f"agent-{r.getrandbits(32):08x}.jsonl", "notes.jsonl", "a b c.jsonl", "ünï💥.jsonl", "x" * 200 + ".jsonl",
            "'; drop.jsonl", "{{ x }}.jsonl", "%d%s.jsonl", "back\\slash.jsonl", "new\nline.jsonl", "agent-.jsonl", ".jsonl", "-rf.jsonl",
        ))  # fmt: skip
        session.files[f"{_folder(name)}/{new}"] = session.files.pop(name)


@_damage
def copied(session: Session, r: random.Random) -> None:
    """The session lies in a second project, as another session, or goes on as a fork."""
    main = session.main
    if main is None:
        return
    how = r.choice(("project", "session", "fork"))
    if how == "project":
        for name in list(session.files):
            slug, _, rest = name.partition("/")
            session.files[f"{r.choice((slug + '-copy', '-tmp-other', '-home-dev-shop'))}/{rest}"] = list(
                session.files[name]
            )
        return
    new, old = _uuid(r), main.rpartition("/")[2].removesuffix(".jsonl")
    lines = session.files[main]
    if how == "fork":
        lines = [line.replace(old.encode(), new.encode()) for line in lines[: r.randrange(len(lines) + 1)]]
    session.files[f"{_folder(main)}/{new}.jsonl"] = list(lines)


@_damage
def lost_file(session: Session, r: random.Random) -> None:
    """The session's file or that of an agent is missing."""
    names = [name for name in sorted(session.files) if name != session.main]
    if names:
        session.files.pop(r.choice([*names, session.main or names[0]]))


@_damage
def other_place(session: Session, r: random.Random) -> None:
    """The lines of the session lie where an agent's should, or the reverse; or one agent's line in both."""
    main = session.main
    how = r.choice(("main as agent", "agent as main", "shared lines"))
    if how == "main as agent" and main:
        session.files[f"{main.removesuffix('.jsonl')}/subagents/agent-a{r.getrandbits(60):015x}.jsonl"] = (
            list(session.files[main])
        )
    elif how == "agent as main" and session.agents:
        name = r.choice(session.agents)
        session.files[f"{name.split('/')[0]}/{_uuid(r)}.jsonl"] = session.files.pop(name)
    elif main and session.files[main]:
        agent = (
            r.choice(session.agents)
            if session.agents
            else f"{main.removesuffix('.jsonl')}/subagents/agent-a{r.getrandbits(60):015x}.jsonl"
        )
        shared = r.sample(session.files[main], min(5, len(session.files[main])))
        session.files.setdefault(agent, []).extend(shared)


@_damage
def documents(session: Session, r: random.Random) -> None:
    """A document of the client is read while it is written, or holds what nobody expects."""
    whole = (
        b'{"agentType":"Explore","description":"look","toolUseId":"toolu_1","spawnDepth":1}',
        b'{"version":1,"dailyActivity":[{"date":"2026-06-01","messageCount":5}]}',
    )
    odd = (b"", b"{", b"[]", b"null", b"{}", b'{"agentType":5,"spawnDepth":-1}', b'{"agentType":null,"description":[]}', b'"x"', b"\xff\xfe", b"[1,2", b"nul",
           b'{"dailyActivity":{"a":1}}', b'{"dailyActivity":[{"date":"2026-02-31","messageCount":-1}]}', b'{"dailyActivity":[null,1,"x"]}', b"\x00")  # fmt: skip
    content = r.choice((*odd, *(text[: r.randrange(len(text))] for text in whole)))
    main = session.main
    if r.random() < 0.4 or main is None:
        session.others[
            r.choice(
                (
                    "stats-cache.json",
                    f"todos/{_uuid(r)}-agent-{_uuid(r)}.json",
                    f"tasks/{_uuid(r)}/1.json",
                    "history.jsonl",
                )
            )
        ] = content
        return
    metas = [name for name in session.files if name.endswith(".meta.json")]
    beside = main.removesuffix(".jsonl")
    name = r.choice([*metas, *(f"{agent.removesuffix('.jsonl')}.meta.json" for agent in session.agents),
                     f"{beside}/subagents/agent-a1.meta.json", f"{beside}/custom-title.json", f"{beside}/workflows/wf_1.json",
                     f"{beside}/tool-results/toolu_1.txt"])  # fmt: skip
    session.files[name] = [content]


def _joined(session: Session, r: random.Random, bases: Sequence[Session]) -> None:
    other = with_own_ids(r.choice(bases), r.randrange(10**6)) if r.random() < 0.8 else r.choice(bases)
    name, added = session.lines_name(r), other.lines_file(r)
    if name is None or not added:
        return
    added = added[: r.choice((1, 20, 200))]
    lines = session.files[name]
    if r.random() < 0.5:
        session.files[name] = lines + added
    else:
        placed = [(place / len(lines), line) for place, line in enumerate(lines)]
        placed += [(place / len(added), line) for place, line in enumerate(added)]
        session.files[name] = [line for _, line in sorted(placed, key=lambda entry: entry[0])]


@_damage
def mixed_with_another(session: Session, r: random.Random) -> None:
    """Lines of another session, and so of another client, stand after or between its own."""


_NEED_OTHERS: dict[str, Callable[[Session, random.Random, Sequence[Session]], object]] = {
    "mixed_with_another": _joined
}


# --- damages to keys -----------------------------------------------------------------------------------------

_TELLING = (
    "toolUseResult",
    "usage",
    "input",
    "content",
    "message",
    "structuredPatch",
    "file",
    "attachment",
    "data",
    "compactMetadata",
)


def _hurt(found: dict[str, Any], place: Path_, r: random.Random) -> None:
    how = r.choice(("missing", "null", "retyped", "retyped", "empty", "renamed", "deeper"))
    value = _get(found, place)
    if how == "missing":
        _drop(found, place)
    elif how == "null":
        _put(found, place, None)
    elif how == "empty":
        _put(found, place, type(value)() if value is not None else "")
    elif how == "renamed" and isinstance(place[-1], str):
        _put(found, (*place[:-1], f"{place[-1]}V2"), value)
        _drop(found, place)
    elif how == "deeper":
        _put(found, place, {"value": value})
    else:
        _put(found, place, _retyped(value, r))


@_damage
def key_of_a_line(session: Session, r: random.Random) -> None:
    """Some key of some line is missing, null or of another type."""
    for _ in range(r.choice((1, 1, 2, 6, 20))):
        if (chosen := _one(session, r)) is None:
            return
        lines, number, found = chosen
        places = list(_places(found))
        if r.random() < 0.6:
            places = [place for place in places if any(key in _TELLING for key in place)] or places
        if places:
            _hurt(found, r.choice(places), r)
            lines[number] = _dump(found)


@_damage
def key_of_a_type(session: Session, r: random.Random) -> None:
    """The same key of all lines of one type is missing, null, renamed or of another type: another client."""
    if (chosen := _one(session, r)) is None:
        return
    example = chosen[2]
    names = sorted({place[-1] for place in _places(example) if isinstance(place[-1], str)})
    if not names:
        return
    name, how = r.choice(names), r.choice(("missing", "null", "renamed", "value", "deeper"))
    value = r.choice(("", 0, [], {}, "x", 1.5, True, -1, [None], "0"))
    same_type = r.random() < 0.5

    def change(found: dict[str, Any]) -> bool:
        if same_type and found.get("type") != example.get("type"):
            return False
        places = [place for place in _places(found) if place[-1] == name]
        for place in sorted(places, key=len, reverse=True):
            old = _get(found, place)
            if how in {"missing", "renamed"}:
                _drop(found, place)
            if how == "renamed":
                _put(found, (*place[:-1], f"{name}Next"), old)
            elif how != "missing":
                _put(found, place, {"null": None, "value": value, "deeper": {name: old}}[how])
        return bool(places)

    _each(session, change, r)


@_damage
def every_key_of_a_line(session: Session, r: random.Random) -> None:
    """One line comes again and again, each time with another of its keys hurt."""
    if (chosen := _one(session, r)) is None:
        return
    lines, number, found = chosen
    places = list(_places(found))
    for place in r.sample(places, min(len(places), 25)):
        again = copy.deepcopy(found)
        if r.random() < 0.7 and "uuid" in again:
            again["uuid"] = _uuid(r)
        try:
            _hurt(again, place, r)
        except (KeyError, IndexError, TypeError):
            continue
        number += 1
        lines.insert(number, _dump(again))


@_damage
def no_message(session: Session, r: random.Random) -> None:
    """Lines without what makes them lines."""
    key = r.choice(("message", "type", "uuid", "timestamp", "sessionId", "version", "cwd"))
    _each(session, lambda found: found.pop(key, None), r, r.choice((0.1, 0.5, 1.0)))


# --- damages to values ---------------------------------------------------------------------------------------


@_damage
def numbers(session: Session, r: random.Random) -> None:
    """Numbers at the edges of their types, and things that are none."""
    for _ in range(r.choice((1, 3))):
        chosen = _one(
            session, r, lambda found: any(_is_number(_get(found, place)) for place in _places(found))
        )
        if chosen is None:
            return
        lines, number, found = chosen
        places = [place for place in _places(found) if _is_number(_get(found, place))]
        for place in r.sample(places, min(len(places), r.choice((1, 2, 50)))):
            _put(found, place, r.choice(NUMBERS))
        lines[number] = _dump(found)


@_damage
def usages(session: Session, r: random.Random) -> None:
    """Token counts that are none, or more than there can be."""
    same = r.choice(NUMBERS) if r.random() < 0.3 else None

    def change(found: dict[str, Any]) -> bool:
        usage = _message(found).get("usage")
        if not isinstance(usage, dict):
            return False
        for place in list(_places(usage)):
            if r.random() < 0.4:
                try:
                    _put(usage, place, same if same is not None else r.choice(NUMBERS))
                except (KeyError, IndexError, TypeError):
                    continue
        return True

    _each(session, change, r, r.choice((0.1, 0.5, 1.0)))


@_damage
def ranges(session: Session, r: random.Random) -> None:
    """Line numbers, durations and sizes that cannot be."""
    values = (
        0,
        -1,
        -100,
        1,
        2**31,
        2**40,
        2**53,
        2**63 - 1,
        2**63,
        None,
        "5",
        1.5,
        [],
        "",
        10,
        -(2**63),
        1e308,
    )
    names = RANGES if r.random() < 0.5 else (r.choice(RANGES),)

    def change(found: dict[str, Any]) -> bool:
        places = [place for place in _places(found) if place[-1] in names and r.random() < 0.6]
        for place in places:
            _put(found, place, r.choice(values))
        return bool(places)

    _each(session, change, r)


@_damage
def texts(session: Session, r: random.Random) -> None:
    """Texts of odd signs, long ones, none, and such that mean something elsewhere."""
    for _ in range(r.choice((1, 4))):
        if (chosen := _one(session, r)) is None:
            return
        lines, number, found = chosen
        places = [place for place in _places(found) if isinstance(_get(found, place), str)]
        for place in r.sample(places, min(len(places), r.choice((1, 1, 3, 100)))):
            value = _get(found, place)
            _put(found, place, r.choice((r.choice(TEXTS), value + r.choice(TEXTS), r.choice(TEXTS) + value)))
        lines[number] = _dump(found)


@_damage
def bytes_inside(session: Session, r: random.Random) -> None:
    """Bytes that do not belong into a line."""
    lines = session.lines_file(r)
    for _ in range(r.choice((1, 5))) if lines else ():
        number = r.randrange(len(lines))
        place = r.randrange(len(lines[number]) + 1)
        odd = r.choice(
            (
                b"\x00",
                b"\xff\xfe",
                b"\xed\xa0\x80",
                b"\\u0000",
                b"\\ud800",
                b"\xef\xbb\xbf",
                b"\r",
                b"\x1b[2J",
                b"NaN",
                b"{",
                b"}",
                b'"',
                b"[",
                b"\\",
            )
        )
        lines[number] = lines[number][:place] + odd + lines[number][place + r.choice((0, 1)) :]


@_damage
def times(session: Session, r: random.Random) -> None:
    """Timestamps that are none, or of times in which there was no client."""
    if r.random() < 0.5:
        for _ in range(r.choice((1, 5))):
            if (chosen := _one(session, r, lambda found: "timestamp" in found)) is not None:
                lines, number, found = chosen
                found["timestamp"] = r.choice(TIMES)
                lines[number] = _dump(found)
        return
    constant = r.choice(TIMES)

    def change(found: dict[str, Any]) -> bool:
        if "timestamp" not in found:
            return False
        found["timestamp"] = constant
        return True

    _each(session, change, r, r.choice((0.3, 1.0)))


@_damage
def clocks(session: Session, r: random.Random) -> None:
    """The clock goes back, jumps ahead, stands still or runs backwards."""
    how = r.choice(("back", "ahead", "still", "reverse", "some", "zone"))
    for name, lines in session.files.items():
        found = [_load(line) for line in lines]
        moments = [line["timestamp"] for line in found if line and isinstance(line.get("timestamp"), str)]
        if not moments:
            continue
        turn, place = r.randrange(len(moments)), -1
        for number, line in enumerate(found):
            if not line or not isinstance(line.get("timestamp"), str):
                continue
            place += 1
            moment = line["timestamp"]
            if how == "back" and place >= turn:
                moment = re.sub(r"T(\d\d)", lambda hour: f"T{max(0, int(hour[1]) - 2):02d}", moment)
            elif how == "ahead" and place >= turn:
                moment = re.sub(
                    r"^20(\d\d)", lambda year: f"20{int(year[1]) + r.choice((1, 40)):02d}", moment
                )
            elif how == "still":
                moment = moments[turn]
            elif how == "reverse":
                moment = moments[-1 - place]
            elif how == "some" and r.random() < 0.3:
                moment = r.choice(moments)
            elif how == "zone":
                moment = moment.replace("Z", r.choice(("+02:00", "-07:00", "", "+0530")))
            line["timestamp"] = moment
            session.files[name][number] = _dump(line)


@_damage
def ids_empty(session: Session, r: random.Random) -> None:
    """An id that is no id, everywhere or here and there."""
    name, value = (
        r.choice((*IDS, "cwd", "model", "name", "version", "gitBranch")),
        r.choice(("", None, " ", 0, {}, [], True, "\n", "x" * 5000)),
    )

    def change(found: dict[str, Any]) -> bool:
        places = [place for place in _places(found) if place[-1] == name and len(place) <= 5]
        for place in places:
            _put(found, place, value)
        return bool(places)

    _each(session, change, r, r.choice((1.0, 1.0, 0.2)))


@_damage
def ids_shared(session: Session, r: random.Random) -> None:
    """One id stands for all, or for some that have nothing to do with each other."""
    name, share = r.choice(IDS), r.choice((1.0, 0.3))
    first: list[object] = []

    def change(found: dict[str, Any]) -> bool:
        places = [
            place
            for place in _places(found)
            if place[-1] == name and len(place) <= 5 and isinstance(_get(found, place), str)
        ]
        for place in places:
            first.append(_get(found, place))
            _put(found, place, first[0])
        return bool(places)

    _each(session, change, r, share)


@_damage
def ids_exchanged(session: Session, r: random.Random) -> None:
    """Two ids of one kind are taken for each other, or one text is an id of two kinds."""
    kinds: dict[str, set[str]] = {}
    for lines in session.files.values():
        for line in lines:
            for place in _places(_load(line) or {}):
                if place[-1] in IDS and isinstance(value := _get(_load(line), place), str) and len(value) > 5:
                    kinds.setdefault(str(place[-1]), set()).add(value)
    if not kinds:
        return
    one = r.choice(sorted(kinds[r.choice(sorted(kinds))]))
    other = r.choice(sorted(kinds[r.choice(sorted(kinds))]))
    _replace(session, one.encode(), other.encode())


@_damage
def cycles(session: Session, r: random.Random) -> None:
    """Lines that follow themselves, each other, or the last one."""
    lines = session.lines_file(r)
    if not lines:
        return
    named = [
        (number, found)
        for number, line in enumerate(lines)
        if (found := _load(line)) and isinstance(found.get("uuid"), str)
    ]
    if len(named) < 2:
        return
    how = r.choice(("self", "pairs", "ring", "random", "forward"))
    for place, (number, found) in enumerate(named):
        other = {
            "self": place, "pairs": min(place ^ 1, len(named) - 1), "ring": place - 1, "random": r.randrange(len(named)),
            "forward": min(place + 1, len(named) - 1),
        }[how]  # fmt: skip
        if how != "self" or r.random() < 0.4:
            found[r.choice(("parentUuid", "parentUuid", "logicalParentUuid"))] = named[other][1]["uuid"]
            lines[number] = _dump(found)


@_damage
def sessions_inside(session: Session, r: random.Random) -> None:
    """The session changes in the middle of a message, of a file, or with each line."""
    other = r.choice((_uuid(r), "not-a-uuid", "", None, "x" * 300))
    lines = session.lines_file(r)
    first = r.randrange(len(lines)) if lines else 0
    for number, line in enumerate(lines or ()):
        if (found := _load(line)) and (r.random() < 0.4 or number >= first):
            found["sessionId"] = other
            (lines or [])[number] = _dump(found)


@_damage
def agents(session: Session, r: random.Random) -> None:
    """Agent ids that lead nowhere, to the session itself or to one agent for all."""
    one = r.choice((None, "zzzz", "", 5, "deadbeef01", "main", "a" * 400))

    def change(found: dict[str, Any]) -> bool:
        result = found.get("toolUseResult")
        if isinstance(result, dict) and "agentId" in result:
            result["agentId"] = r.choice((one, found.get("sessionId")))
        elif "agentId" in found or r.random() < 0.1:
            found["agentId"] = one
            found["isSidechain"] = r.choice((True, False, None))
        else:
            return False
        return True

    _each(session, change, r, 0.4)


@_damage
def flags(session: Session, r: random.Random) -> None:
    """A flag says the opposite, or something else."""
    name = r.choice(
        (
            "isSidechain",
            "isMeta",
            "isCompactSummary",
            "isVisibleInTranscriptOnly",
            "isApiErrorMessage",
            "isAbortedMidStream",
            "rewound",
            "is_error",
        )
    )
    value = r.choice((True, False, None, "true", 1, "no"))

    def change(found: dict[str, Any]) -> bool:
        targets = _blocks(found, "tool_result") if name == "is_error" else [found]
        for target in targets:
            target[name] = value
        return bool(targets)

    _each(session, change, r, 0.5)


@_damage
def long_names(session: Session, r: random.Random) -> None:
    """Names, ids and paths of many thousand characters."""
    if (chosen := _one(session, r, lambda found: _blocks(found, "tool_use"))) is None:
        return
    lines, number, found = chosen
    block, size = r.choice(_blocks(found, "tool_use")), r.choice((300, 5_000, 100_000))
    what = r.choice(("name", "path", "id", "cwd", "branch", "model", "version", "uuid"))
    if what == "name":
        block["name"] = r.choice(("T" * size, "mcp__" + "s" * size + "__t"))
    elif what == "id":
        block["id"] = "i" * size
    elif what == "path" and isinstance(block.get("input"), dict):
        block["input"]["file_path"] = "/a" * size
    elif what == "model":
        _message(found)["model"] = "claude-" + "m" * size
    else:
        found[{"cwd": "cwd", "branch": "gitBranch", "version": "version"}.get(what, "uuid")] = "/d" * size
    lines[number] = _dump(found)


@_damage
def versions(session: Session, r: random.Random) -> None:
    """The client's version is none, huge, or another on each line."""
    odd = (
        "9.9.9",
        "2",
        "",
        "x.y.z",
        "2.1.9999999999999999999",
        None,
        "0.0.0-beta",
        "1.0.0",
        "2.0.30",
        "2.1.46",
        "2.1.330",
        "3.0.0",
        "999999999.999999999.999999999",
        2.1,
        "-1.-1.-1",
    )
    one = r.choice(odd)
    mixed = r.random() < 0.5

    def change(found: dict[str, Any]) -> bool:
        found["version"] = r.choice(odd) if mixed else one
        return True

    _each(session, change, r, r.choice((0.1, 1.0)))


@_damage
def unknown_kinds(session: Session, r: random.Random) -> None:
    """Types, tools, models, roles and reasons that nobody knows, and known ones where they do not belong."""
    for _ in range(r.choice((1, 4, 20))):
        if (chosen := _one(session, r)) is None:
            return
        lines, number, found = chosen
        value = r.choice(
            (
                "brand-new-thing",
                "",
                None,
                7,
                "x" * 3000,
                "mcp__a__b",
                "mcp____",
                "mcp__x",
                "mcp__",
                "Agent",
                "Task",
                "Read",
                "Skill",
                "Bash",
                "<synthetic>",
                {},
            )
        )
        what = r.choice(("type", "tool", "model", "block", "subtype", "role", "stop"))
        blocks = _blocks(found)
        if what == "type":
            found["type"] = r.choice(LINE_TYPES)
        elif what == "subtype":
            found["subtype"] = r.choice(
                (
                    value,
                    "compact_boundary",
                    "turn_duration",
                    "api_error",
                    "local_command",
                    "model_refusal_fallback",
                )
            )
        elif what in {"model", "role", "stop"} and _message(found):
            _message(found)[{"stop": "stop_reason"}.get(what, what)] = value
        elif what == "tool" and blocks:
            r.choice(blocks)["name"] = value
        elif blocks:
            r.choice(blocks)["type"] = r.choice(
                (
                    value,
                    "tool_use",
                    "tool_result",
                    "text",
                    "thinking",
                    "image",
                    "server_tool_use",
                    "redacted_thinking",
                )
            )
        lines[number] = _dump(found)


@_damage
def future_client(session: Session, r: random.Random) -> None:
    """A client that does not exist yet: everything one level deeper, other names, other shapes."""
    how = r.choice(("wrapped", "snake", "blocks", "message", "lists", "extra"))

    def change(found: dict[str, Any]) -> bool:
        found["version"] = "4.0.0"
        message = _message(found)
        if how == "wrapped":
            body = {key: found.pop(key) for key in list(found) if key not in {"type", "uuid", "sessionId"}}
            found["payload"] = body
        elif how == "snake":
            for key in list(found):
                found[re.sub(r"([A-Z])", r"_\1", key).lower()] = found.pop(key)
        elif how == "blocks":
            for block in _blocks(found):
                block["data"] = {key: block.pop(key) for key in list(block) if key != "type"}
        elif how == "message" and message:
            found["message"] = [message]
        elif how == "lists":
            for key in list(found):
                if isinstance(found[key], (str, bool)) and key != "type":
                    found[key] = [found[key]]
        else:
            found |= {f"newKey{number}": {"deep": [{"er": number}]} for number in range(5)}
        return True

    _each(session, change, r, r.choice((0.3, 1.0)))


@_damage
def deep(session: Session, r: random.Random) -> None:
    """A value nested hundreds of levels deep."""
    if (chosen := _one(session, r)) is not None:
        lines, number, found = chosen
        levels = r.choice((50, 500, 3000))
        nested = r.choice((b'{"a":' * levels + b"1" + b"}" * levels, b"[" * levels + b"]" * levels))
        key = r.choice((b"extra", b"toolUseResult", b"message", b"data", b"content"))
        lines[number] = _dump(found)[:-1] + b',"' + key + b'":' + nested + b"}"


# --- damages to what happened --------------------------------------------------------------------------------


@_damage
def results_elsewhere(session: Session, r: random.Random) -> None:
    """A result comes before its call, twice, with another content, or for another call."""
    if (chosen := _one(session, r, lambda found: _blocks(found, "tool_result"))) is None:
        return
    lines, number, found = chosen
    how = r.choice(("before", "twice", "other content", "many blocks", "other call"))
    if how == "before":
        lines.insert(r.randrange(number + 1), lines.pop(number))
        return
    again = copy.deepcopy(found)
    if r.random() < 0.7:
        again["uuid"] = _uuid(r)
    for block in _blocks(again, "tool_result"):
        if how == "other content":
            block |= {"content": "another answer", "is_error": True}
        elif how == "other call":
            block["tool_use_id"] = f"toolu_{r.getrandbits(64):016x}"
    if how == "many blocks":
        again["message"]["content"] = _blocks(again) * 3
    lines.insert(r.randrange(number, len(lines) + 1), _dump(again))


@_damage
def messages_elsewhere(session: Session, r: random.Random) -> None:
    """Two responses share their message id, or the lines of one have several ids, models or usages."""
    lines = session.lines_file(r)
    found = {
        str(_message(line).get("id"))
        for text in lines or ()
        if (line := _load(text)) and _message(line).get("id")
    }
    if len(found) > 1 and r.random() < 0.5:
        one, other = r.sample(sorted(found), 2)
        _replace(session, one.encode(), other.encode())
        return
    key = r.choice(("id", "model", "usage", "stop_reason"))

    def change(line: dict[str, Any]) -> bool:
        message = _message(line)
        if key not in message or r.random() < 0.5:
            return False
        message[key] = {"id": f"msg_{r.getrandbits(64):016x}", "model": r.choice(("claude-x-1", "claude-opus-4-7", "<synthetic>")),
                        "usage": {"input_tokens": r.randrange(10**6), "output_tokens": r.randrange(10**5)}, "stop_reason": None}[key]  # fmt: skip
        return True

    _each(session, change, r)


@_damage
def inputs(session: Session, r: random.Random) -> None:
    """Calls without an input, with one of another shape, or with several calls of one id in a line."""

    def change(found: dict[str, Any]) -> bool:
        blocks = _blocks(found, "tool_use")
        for block in blocks:
            how = r.choice(("missing", "null", "text", "list", "empty", "key", "twice", "nameless"))
            if how == "missing":
                block.pop("input", None)
            elif how == "key" and isinstance(block.get("input"), dict) and block["input"]:
                name = r.choice(sorted(block["input"]))
                block["input"][name] = _retyped(block["input"][name], r)
            elif how == "twice":
                found["message"]["content"] = _blocks(found) * 2
            elif how == "nameless":
                block.pop("id", None)
                block.pop("name", None)
            else:
                block["input"] = {"null": None, "text": "x", "list": [1, {}], "empty": {}}.get(
                    how, {"command": None}
                )
        return bool(blocks)

    _each(session, change, r, r.choice((0.2, 1.0)))


@_damage
def tool_results(session: Session, r: random.Random) -> None:
    """Structured results that are of another shape."""

    def change(found: dict[str, Any]) -> bool:
        if "toolUseResult" not in found:
            return False
        result = found["toolUseResult"]
        if isinstance(result, dict) and result and r.random() < 0.7:
            name = r.choice(sorted(result))
            result[name] = _retyped(result[name], r)
        else:
            found["toolUseResult"] = r.choice(
                (
                    None,
                    "",
                    "Error: x",
                    [],
                    {},
                    [{"type": "text", "text": "x"}],
                    5,
                    [result],
                    json.dumps(result),
                )
            )
        return True

    _each(session, change, r, r.choice((0.3, 1.0)))


@_damage
def compaction(session: Session, r: random.Random) -> None:
    """A compaction somewhere, with numbers that cannot be."""
    if (chosen := _one(session, r, lambda found: "uuid" in found)) is None:
        return
    lines, number, found = chosen
    boundary = {key: found[key] for key in ("sessionId", "timestamp", "cwd", "version") if key in found} | {
        "type": "system", "subtype": "compact_boundary", "uuid": _uuid(r), "parentUuid": None, "logicalParentUuid": found["uuid"],
        "content": "Conversation compacted",
        "compactMetadata": r.choice(({"trigger": r.choice(("auto", "manual", "x", None)), "preTokens": r.choice(NUMBERS)}, None, [], {})),
    }  # fmt: skip
    lines.insert(number + r.choice((0, 1)), _dump(boundary))


@_damage
def errors(session: Session, r: random.Random) -> None:
    """Responses that are errors of the API, with and without what they usually say."""

    def change(found: dict[str, Any]) -> bool:
        if found.get("type") != "assistant":
            return False
        found["isApiErrorMessage"] = r.choice((True, "true", 1))
        found["error"] = r.choice(("rate_limit", None, {"status": 529}, [], 5))
        if _message(found):
            _message(found)["model"] = "<synthetic>"
        return True

    _each(session, change, r, 0.3)


@_damage
def refused_agents(session: Session, r: random.Random) -> None:
    """Agents that did not start, or whose answer is lost."""

    def change(found: dict[str, Any]) -> bool:
        blocks = _blocks(found)
        for block in blocks:
            if block.get("type") == "tool_use" and r.random() < 0.4:
                block |= {
                    "name": r.choice(("Agent", "Task")),
                    "input": {"prompt": "look", "subagent_type": r.choice(("Explore", None, 5))},
                }
            elif block.get("type") == "tool_result" and r.random() < 0.5:
                block |= {
                    "is_error": True,
                    "content": "<tool_use_error>Agent type 'x' not found</tool_use_error>",
                }
                found.pop("toolUseResult", None)
        return bool(blocks)

    _each(session, change, r, 0.5)


@_damage
def output_twice(session: Session, r: random.Random) -> None:
    """The output of a failed command is there twice, as some clients print it."""

    def change(found: dict[str, Any]) -> bool:
        results = _blocks(found, "tool_result")
        for block in results:
            text = block.get("content")
            if isinstance(text, str):
                block |= {"content": f"Exit code 1\n{text}\n\n{text}", "is_error": True}
        return bool(results)

    _each(session, change, r, 0.4)


@_damage
def skills_and_commands(session: Session, r: random.Random) -> None:
    """Texts of skills and commands without what brought them in, or without an answer."""
    if (chosen := _one(session, r, lambda found: "sessionId" in found)) is None:
        return
    lines, _, found = chosen
    shared = {key: found[key] for key in ("sessionId", "timestamp", "cwd", "version") if key in found}
    contents: Sequence[Any] = (
        "<command-message>plan</command-message>\n<command-name>/plan</command-name>", "<command-name></command-name>",
        [{"type": "text", "text": "Base directory for this skill: /a/.claude/skills/weekly-review\n\n# W"}],
        [{"type": "text", "text": "Base directory for this skill: "}], "<local-command-stdout></local-command-stdout>",
        "<bash-input>ls</bash-input>", "[Request interrupted by user for tool use]", "<task-notification>", "<teammate-message teammate_id=\"\">x",
        "This session is being continued from a previous conversation", "<command-name>/compact</command-name>", "# Plan\nDo it.",
    )  # fmt: skip
    for content in r.sample(contents, r.choice((1, 3))):
        line = shared | {"type": "user", "uuid": _uuid(r), "parentUuid": found.get("uuid"), "isMeta": r.choice((True, False)),
                         "message": {"role": "user", "content": content}}  # fmt: skip
        lines.insert(r.randrange(len(lines) + 1), _dump(line))


@_damage
def lists_of_work(session: Session, r: random.Random) -> None:
    """Todo lists and tasks without the calls that made them, with ids used again."""
    if (chosen := _one(session, r, lambda found: "sessionId" in found)) is None:
        return
    lines, _, found = chosen
    shared = {key: found[key] for key in ("sessionId", "timestamp", "cwd", "version") if key in found}
    call = f"toolu_{r.getrandbits(64):016x}"
    name, given = r.choice((
        ("TodoWrite", {"todos": r.choice(([{"content": "Do A", "status": "in_progress"}], [], None, "x", [None], [{"content": None}] * 2))}),
        ("TaskCreate", {"subject": "Do B"}), ("TaskUpdate", {"taskId": r.choice(("1", 1, "", None)), "status": r.choice(("completed", "x", None))}),
        ("TaskStop", {"task_id": "b1"}), ("Skill", {"skill": r.choice(("", None, "a:b", "x" * 500))}), ("Agent", {}), ("Task", {"prompt": ""}),
        ("SendMessage", {"to": r.choice(("", None, "x")), "message": "m"}), ("AskUserQuestion", {"questions": r.choice(([], None, [{}], [{"question": None}] * 2))}),
        ("ExitPlanMode", {"plan": None}), ("Read", {"file_path": "/a.py", "offset": 0, "limit": -1}), ("Edit", {"file_path": ""}), ("Grep", {}),
    ))  # fmt: skip
    result = r.choice((
        {"newTodos": [{"content": "Do A", "status": "pending"}], "oldTodos": None}, {"task": {"id": "1", "subject": "Do B"}}, {"task": None},
        {"agentId": "a1b2c3d4e5", "status": "completed", "totalTokens": 5}, {"statusChange": {"from": None, "to": "completed"}, "taskId": "1"}, None,
        {"type": "text", "file": {"filePath": "/a.py", "content": "x", "numLines": 3, "startLine": 0, "totalLines": 3}}, {"answers": {"": None}},
    ))  # fmt: skip
    use = shared | {
        "type": "assistant",
        "uuid": _uuid(r),
        "message": {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": call, "name": name, "input": given}],
        },
    }
    back = shared | {
        "type": "user",
        "uuid": _uuid(r),
        "message": {"content": [{"type": "tool_result", "tool_use_id": call, "content": "ok"}]},
        "toolUseResult": result,
    }
    place = r.randrange(len(lines) + 1)
    lines[place:place] = [
        _dump(line) for line in r.choice(((use, back), (use,), (back,), (back, use), (use, use, back, back)))
    ]


@_damage
def folders(session: Session, r: random.Random) -> None:
    """Working folders of other systems, and none."""
    found = _CWD.search(b"\n".join(line for lines in session.files.values() for line in lines))
    if found:
        new = r.choice((
            b"C:\\\\Users\\\\dev\\\\shop", b"\\\\\\\\srv\\\\share\\\\p", b"c:/Users/dev", b"/mnt/c/Users/dev", b"", b"/", b"~", b"relative/dir",
            b"\\\\\\\\wsl.localhost\\\\Ubuntu\\\\home\\\\d", b"/tmp/../../etc", b"/a/./b//c/", b" ", b".",
        ))  # fmt: skip
        _replace(session, found[1], new)


# --- lines by themselves -------------------------------------------------------------------------------------


def fuzzed_lines(bases: Sequence[Session], seed: int, count: int) -> list[bytes]:
    """So many lines with damages that know nothing of transcripts: bytes, keys, values, types."""
    r = random.Random(seed)
    pool = [line for session in bases for lines in session.files.values() for line in lines if line]
    made = []
    while len(made) < count:
        line = r.choice(pool)
        for _ in range(r.choice((1, 1, 2, 5))):
            found = _load(line) if r.random() < 0.7 else None
            places = list(_places(found)) if found else []
            if found and places:
                try:
                    _hurt(found, r.choice(places), r)
                except (KeyError, IndexError, TypeError):
                    continue
                line = _dump(found)
            elif line:
                place, length = r.randrange(len(line)), r.choice((0, 0, 1, 5, 50))
                odd = r.choice(
                    (
                        b"",
                        b"\x00",
                        b"\xff",
                        b"\xed\xa0\x80",
                        b"\\ud800",
                        b"\\u0000",
                        b"NaN",
                        b"{",
                        b"}",
                        b"[",
                        b'"',
                        b"\\",
                        b",",
                        b"1e999",
                        b"-",
                        b"null",
                    )
                )
                line = line[:place] + odd + line[place + length :]
        made.append(line.replace(b"\n", b" "))
    return made
