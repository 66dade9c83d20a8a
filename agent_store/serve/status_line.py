"""The status line of the client: one line from its JSON and from the published files.

It is drawn after each response, so it loads no more than a hook does. The store's figures end with the last build: the
spending of this session since then is added, that of other running sessions is not, hence “≥”.
"""

import os
import time

from agent_store.record import spool
from agent_store.record.hooks import quick_json
from agent_store.record.hooks.hook import (
    COSTS,
    Record,
    one_line,
    read_record,
    record_of,
    records_of,
    text_of,
)
from agent_store.record.hooks.spending import OVER, Live, level_of, number
from agent_store.visible import visible

# The default line, the most important fields first: fields that do not fit are dropped from the end.
_LABELS = {
    "alert": "{}", "session": "session {}", "today": "today {}", "budget": "budget {}", "context": "context {}",
    "cache": "cache {}",
}  # fmt: skip
FIELDS = (*_LABELS, "model", "project")
_SEPARATOR = " · "
_MOST_COLUMNS = 100
_MOST_CAUSE = 30
_MOST_NAME = 30
_FIRST_WIDE = "\u1100"
_NOTHING_KNOWN = "Agent Store"
_UNKNOWN = "–"
_COLORS = {OVER: "\033[31m", "near": "\033[33m"}
_PLAIN = "\033[0m"


class UsageError(Exception):
    """The command line is wrong; the message says why."""


def main(arguments: "list[str]", home: str) -> "tuple[str, int]":
    """Return the line and the exit code, which is 0 unless the arguments are wrong."""
    try:
        form, is_colored = _options(arguments)
    except UsageError as error:
        return f"Agent Store: {error}", 2
    return line(_event(), home, form, is_colored=is_colored), 0


def line(event: Record, home: str, form: "str | None" = None, *, is_colored: bool = False) -> str:
    """The line for an event of the client."""
    found, level = known(event, home, time.time())
    if form is not None:
        first, *parts = form.split("{")
        named = [part.partition("}") for part in parts]
        return first + "".join((found.get(name, "") or _UNKNOWN) + rest for name, _, rest in named)
    pieces = [label.format(found[name]) for name, label in _LABELS.items() if found.get(name)]
    most = _most_columns()
    while len(pieces) > 1 and _columns(_SEPARATOR.join(pieces)) > most:
        pieces.pop()
    if is_colored and level:
        pieces[0] = _COLORS[level] + pieces[0] + _PLAIN
    return _SEPARATOR.join(pieces) or _NOTHING_KNOWN


def known(event: Record, home: str, now: float) -> "tuple[dict[str, str], str]":
    """The text of each known field, and the level of the alert."""
    costs = _costs(home)
    workspace = record_of(event.get("workspace"))
    project = text_of(workspace.get("project_dir")) or text_of(event.get("cwd"))
    transcript = text_of(event.get("transcript_path"))
    total = _number(record_of(event.get("cost")).get("total_cost_usd"))
    live = Live(costs, text_of(event.get("session_id")), transcript, total or 0.0, project)
    found = {
        "session": "" if total is None else _dollars(total),
        "today": _today(costs, live, now),
        "budget": _budget(costs, live, now),
        "context": _percent(record_of(event.get("context_window")).get("used_percentage")),
        "cache": _cache(record_of(event.get("prompt_cache")), now),
        "model": _name(record_of(event.get("model")).get("display_name")),
        "project": _name(os.path.basename(live.folder)),
    }
    found["alert"], level = _alert(costs, live, transcript, now)
    return found, level


def _costs(home: str) -> Record:
    """The published costs; a file of another user is ignored."""
    try:
        spool.refuse_foreign(home)
    except OSError:
        return {}
    return read_record(home + "/" + COSTS)


def _today(costs: Record, live: Live, now: float) -> str:
    spent = live.spent_in(record_of(costs.get("day")), now)
    return f"≥ {_dollars(spent)}" if spent else ""


def _budget(costs: Record, live: Live, now: float) -> str:
    """The budget with the highest share used."""
    shares = []
    for alert in records_of(costs.get("periods")):
        limit = number(alert.get("threshold_usd"))
        if alert.get("alert_kind") != "budget" or limit <= 0 or not _concerns(alert, live):
            continue
        spent = live.spent_in(alert, now)
        if spent is not None:
            shares.append((spent / limit, limit))
    if not shares:
        return ""
    share, limit = max(shares)
    return f"{100 * share:.0f} % of {_dollars(limit).removesuffix('.00')}"


def _alert(costs: Record, live: Live, transcript: str, now: float) -> "tuple[str, str]":
    """The alert furthest over its limit or closest to it, and its level."""
    reached = [(level == OVER, spent, alert, level) for alert, level, spent in live.reached(now)]
    has_subagents = os.path.isdir(transcript.removesuffix(".jsonl") + "/subagents")
    for alert in records_of(costs.get("sessions_watched")):
        if live.is_of(alert) and (has_subagents or alert.get("alert_kind") != "fan_out"):
            level = level_of(alert, live.spent_usd)
            if level:
                reached.append((level == OVER, live.spent_usd, alert, level))
    if not reached:
        return "", ""
    reached.sort(key=lambda one: (one[0], one[1] / number(one[2].get("threshold_usd"))))
    is_over, spent, alert, level = reached[-1]
    limit = _dollars(number(alert.get("threshold_usd"))).removesuffix(".00")
    others = sum(one[0] == is_over for one in reached) - 1
    text = f"{'! ' if is_over else ''}{_name(alert.get('alert_name'))}: {_dollars(spent)} of {limit}"
    return text + (f" (+{others})" if others else ""), level


def _concerns(alert: Record, live: Live) -> bool:
    return alert.get("scope") != "project" or live.is_of(alert)


def _cache(cache: Record, now: float) -> str:
    """The share of input from the prompt cache, and the reason for a miss; cold if the next request pays for
    everything."""
    if not cache.get("caching_observed"):
        return ""
    expires = _number(cache.get("expires_at"))
    is_cold = cache.get("warm") is False or (expires is not None and expires < now)
    ratio = _number(cache.get("hit_ratio"))
    text = "cold" if is_cold else "" if ratio is None else f"{100 * ratio:.0f} %"
    causes = record_of(cache.get("last_miss_cause")).get("causes")
    named = [one for one in causes if isinstance(one, str)] if isinstance(causes, list) else []
    if number(cache.get("misses")) and named:
        cause = visible(one_line(", ".join(named).replace("_", " "), _MOST_CAUSE))
        text = f"{text}, missed: {cause}" if text else f"missed: {cause}"
    return text


def _number(value: object) -> "float | None":
    """A number that can be shown; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return number(value) if is_number and (number(value) or value == 0) else None


def _percent(value: object) -> str:
    share = _number(value)
    return "" if share is None else f"{share:.0f} %"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def _most_columns() -> int:
    """How wide the line may be: less in a narrower terminal, whose width the environment names."""
    told = os.environ.get("COLUMNS", "")
    is_narrow = told.isascii() and told.isdigit() and len(told) < len(str(_MOST_COLUMNS)) and int(told)
    return int(told) if is_narrow else _MOST_COLUMNS


def _columns(text: str) -> int:
    """The width of a text in terminal columns: East Asian characters take two."""
    if max(text) < _FIRST_WIDE:
        return len(text)
    from unicodedata import east_asian_width

    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def _name(value: object) -> str:
    return visible(one_line(text_of(value), _MOST_NAME))


def _options(arguments: "list[str]") -> "tuple[str | None, bool]":
    form, is_colored = None, False
    left = list(arguments)
    while left:
        one = left.pop(0)
        if one == "--color":
            is_colored = True
        elif one == "--format" and left:
            form = left.pop(0)
        elif one.startswith("--format="):
            form = one.removeprefix("--format=")
        else:
            raise UsageError(
                f"unknown or incomplete option {_name(one)}; there are --format TEXT and --color"
            )
    if form is not None:
        _check(form)
    return form, is_colored


def _check(form: str) -> None:
    for part in form.split("{")[1:]:
        name, brace, _ = part.partition("}")
        if not brace or name not in FIELDS:
            known_names = ", ".join("{" + field + "}" for field in FIELDS)
            raise UsageError(f"there is no field {{{_name(name)}}}; there are {known_names}")


def _event() -> Record:
    """The JSON of the client; an empty object if it is missing or invalid."""
    if os.isatty(0):
        return {}
    try:
        return record_of(quick_json.loads(spool.read_event()))
    except (ValueError, OSError, RecursionError):
        return {}


def run(arguments: "list[str]", home: str) -> int:
    """Write the line, or an error about the arguments, and return the exit code."""
    try:
        text, code = main(arguments, home)
    except Exception:
        text, code = _NOTHING_KNOWN, 0
    try:
        os.write(2 if code else 1, text.encode("utf-8", "replace") + b"\n")
    except OSError:
        pass
    return code
