"""`agent-store diet --budget`: Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from agent_store.instructions import by_kind
from agent_store.show.text import visible
from agent_store.show.words import dollars
from ingest.text import counted

if TYPE_CHECKING:
    from agent_store.context_budget import Checked, Line
    from agent_store.instructions import Instruction

_FILES_SHOWN: Final = 20
_NOT_KNOWN: Final = "not known"


def markdown(found: Checked) -> str:
    """The limits and what they are about, as Markdown."""
    return "\n".join(_lines(found))


def _lines(found: Checked) -> Iterator[str]:
    over = sum(line.is_exceeded for line in found.lines)
    yield f"### Context budget: {f'{over} of {len(found.lines)} limits exceeded' if over else 'kept'}"
    yield ""
    yield "| instructions | tokens | limit | per month | limit | |"
    yield "|---|--:|--:|--:|--:|---|"
    for line in found.lines:
        yield (
            f"| {cell(line.label)} | {line.tokens:,} | {_tokens(line.limit_tokens)} | {_usd(line)} | "
            f"{dollars(line.limit_usd_per_month)} | {_state(line)} |"
        )
    yield ""
    always = [one for one in found.instructions if not one.is_conditional]
    yield f"What every session carries, {sum(one.tokens for one in always):,} tokens:"
    yield ""
    yield "| text | tokens | per month |"
    yield "|---|--:|--:|"
    yield from _texts(found, always)
    yield ""
    yield from _notes(found)


def _texts(found: Checked, always: list[Instruction]) -> Iterator[str]:
    for kind, some in by_kind(always):
        if kind == "memory_file":
            largest = sorted(some, key=lambda one: (-one.tokens, one.path))
            for one in largest[:_FILES_SHOWN]:
                yield f"| {cell(one.path)} | {one.tokens:,} | {_known(found, one.path)} |"
            rest = largest[_FILES_SHOWN:]
            if rest:
                yield f"| {len(rest):,} more files | {sum(one.tokens for one in rest):,} | – |"
        else:
            label = f"{kind.replace('_', ' ')} ({len(some):,})"
            yield f"| {label} | {sum(one.tokens for one in some):,} | {_known(found, kind)} |"


def _notes(found: Checked) -> Iterator[str]:
    said = "Tokens are estimated from the length of the texts."
    if found.no_dollars:
        said += f" Dollars are not known: {found.no_dollars}."
    else:
        sessions = max(known.session_count for known in found.dollars.values())
        said += f" Dollars are list prices per calendar month with use, from up to {sessions:,} sessions on this machine."
    conditional = sum(one.is_conditional for one in found.instructions)
    if conditional:
        said += f" Not counted: {counted(conditional, 'rule')} that only certain files load."
    yield said


def as_data(found: Checked) -> dict[str, Any]:
    """The same as data for JSON."""
    return {
        "file": str(found.file),
        "root": str(found.root),
        "is_exceeded": found.is_exceeded,
        "no_dollars": found.no_dollars or None,
        "limits": [
            {
                "label": line.label, "tokens": line.tokens, "limit_tokens": line.limit_tokens,
                "usd_per_month": line.usd_per_month, "limit_usd_per_month": line.limit_usd_per_month,
                "is_exceeded": line.is_exceeded, "count": line.count,
            }
            for line in found.lines
        ],
        "instructions": [
            {
                "kind": one.kind, "path": one.path, "name": one.name, "characters": one.characters, "tokens": one.tokens,
                "is_conditional": one.is_conditional,
            }
            for one in found.instructions
        ],
    }  # fmt: skip


def cell(text: str) -> str:
    """A text in a cell of a Markdown table."""
    plain = visible(" ".join(text.split()))
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>|" else letter for letter in plain)


def _tokens(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _usd(line: Line) -> str:
    return _NOT_KNOWN if line.usd_per_month is None else dollars(line.usd_per_month)


def _known(found: Checked, key: str) -> str:
    known = found.dollars.get(key)
    return _NOT_KNOWN if known is None else dollars(known.usd_per_month)


def _state(line: Line) -> str:
    if not line.count:
        return "nothing found"
    over = [f"{line.over_tokens:,} tokens"] if line.over_tokens else []
    over += [f"{dollars(line.over_usd)} a month"] if line.over_usd else []
    if over:
        return f"**over by {' and '.join(over)}**"
    is_open = line.limit_usd_per_month is not None and line.usd_per_month is None
    return "kept, dollars not known" if is_open else "kept"
