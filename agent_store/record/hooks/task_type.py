"""The task type of a prompt, by the same rules that the models use (seed `intent_rules`).

Publishing writes the rules compiled (`agent_store.build.task_type_rules`): compiling takes a third of a second, loading
three milliseconds. They only work with the Python version that compiled them; another one finds no file, and the type
is then unknown.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match, Pattern
    from typing import Any

# Flags, code for the regular expression engine, number of groups.
Compiled = tuple[int, bytes, int]
# Source, order, category, pattern.
Rule = tuple[str, int, str, Compiled]
UNKNOWN = ""
# Only the start and the end of a long text are read.
_WHOLE, _BEGINNING, _END = 3000, 2000, 1000
_FIRST_CLAUSES, _LAST_CLAUSES = 12, 3
_MOST_CLAUSE = 400
# In the first clause a request decides, regardless of what follows.
_DECIDED = 2
# The client waits for a hook: a text on which the patterns take longer (CPU time) gets no type.
_MOST_SECONDS = 0.1


def file_name() -> str:
    """The file for this Python, named by the code version of its regular expression engine."""
    import _sre

    return f"task_types-{sys.implementation.cache_tag}-{_sre.MAGIC}.marshal"


def of_text(text: str, folder: str) -> str:
    """The task type; empty if no rule matches."""
    import marshal

    try:
        with open(folder + "/" + file_name(), "rb") as file:
            held = marshal.load(file)
    except (OSError, ValueError, EOFError, TypeError):
        return UNKNOWN
    _limit_time()
    return classified(text, held)


def _limit_time() -> None:
    import _signal

    def stop(*_: object) -> None:
        raise TimeoutError

    _signal.signal(_signal.SIGVTALRM, stop)
    _signal.setitimer(_signal.ITIMER_VIRTUAL, _MOST_SECONDS)


def classified(text: str, held: "dict[str, Any]") -> str:
    """The task type, computed as in `int_classified_text`."""
    whole = text if len(text) <= _WHOLE else text[:_BEGINNING] + "\n" + text[-_END:]
    whole = whole.replace("’", "'").replace("\xa0", " ").lower()
    rules: list[Rule] = held["rules"]

    def first(sources: "tuple[str, ...]", searched: str) -> "Rule | None":
        return next(
            (rule for rule in rules if rule[0] in sources and pattern_of(rule[3]).search(searched)), None
        )

    if found := first(("text",), whole):
        return found[2]
    clauses = _clauses(whole, held)
    ranked: list[tuple[int, int, int, str]] = []
    for number, clause in enumerate(clauses[: held["deciding_clauses"]], 1):
        # Reading and searching count only if nothing else follows.
        sources = ("clause", "hint", "preparation") if number == len(clauses) else ("clause", "hint")
        if found := first(sources, clause):
            source, order, category, _ = found
            if source == "clause":
                rank = _DECIDED if number == 1 else 4
            elif source == "preparation":
                rank = 6
            else:
                rank = 5 if category == "debug" else 7
            if rank == _DECIDED:
                return category
            ranked.append((rank, number, order, category))
    if found := first(("pasted",), whole):
        ranked.append((3, 0, found[1], found[2]))
    return min(ranked)[3] if ranked else UNKNOWN


def _clauses(text: str, held: "dict[str, Any]") -> list[str]:
    """The clauses without their lead-ins."""
    for compiled, template in held["splitting"]:
        text = _replaced(compiled, template, text)
    parts = text.split("\n")
    if len(parts) > _FIRST_CLAUSES + _LAST_CLAUSES:
        parts = parts[:_FIRST_CLAUSES] + parts[-_LAST_CLAUSES:]
    lead_in, nothing = held["lead_in"]
    bare = [pattern_of(lead_in).sub(nothing, part, count=1)[:_MOST_CLAUSE] for part in parts]
    return [clause for clause in bare if clause]


def pattern_of(compiled: Compiled, _ready: "dict[bytes, Pattern[str]]" = {}) -> "Pattern[str]":  # noqa: B006 - a cache
    """A pattern built from its code, once per process."""
    import _sre

    flags, code, groups = compiled
    if code not in _ready:
        _ready[code] = _sre.compile(
            None, flags, memoryview(code).cast("I").tolist(), groups - 1, {}, (None,) * groups
        )
    return _ready[code]


def _replaced(compiled: Compiled, template: str, text: str) -> str:
    """The text with each match replaced by a template, in which a backslash and a digit refer to a group."""
    plain, *filled = template.split("\\")

    def fill(found: "Match[str]") -> str:
        return plain + "".join((found[int(part[0])] or "") + part[1:] for part in filled)

    return pattern_of(compiled).sub(fill, text)
