"""The spending of a running session, and the alerts it reaches: checked when a turn ends and when a subagent starts.

Publishing writes limits, prices and known costs to `costs.json`. The transcripts of the session and its
subagents are read from where the last hook stopped. Nothing is blocked: the user is warned, once per alert and level.
"""

import os
import time

from agent_store.record.hooks import quick_json
from agent_store.record.hooks.hook import (
    COSTS,
    READ,
    Hook,
    Record,
    checkout_of_worktree,
    one_line,
    read_record,
    record_of,
    records_of,
    text_of,
)
from agent_store.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# The client waits for a hook: if a session grew by more than this, the next hook reads the rest. Four MB take some 12
# ms of CPU.
_MOST_READ_BYTES = 4 * 1024 * 1024
_MOST_PARSED_BYTES = 512 * 1024
_MOST_FILES = 500
_HEAD_BYTES = 64 * 1024
# A response is written line by line, with tool results in between: this many of the last responses can still grow.
_RECENT = 8
_DAY_SECONDS = 86400
# The state of a file: how far it is read, dollars of complete responses, and those of the last ones by id.
_STATE = 3
_DATE_DIGITS = 8
_MOST_NAME = 60
_MOST_NAMES = 5
_MTOK = 1e6
_MOST_NUMBER = 10**15
_TIMESTAMP = b'"timestamp":"'
# A pipe instead of a transcript would block the hook.
OVER, NEAR = "over", "near"


class Live:
    """A running session: what it has spent, and how much of that the store knows."""

    def __init__(
        self, costs: Record, session_id: str, transcript: str, spent_usd: float, project: str
    ) -> None:
        """Nothing is read yet."""
        self._costs = costs
        self._transcript = transcript
        self._known = record_of(costs.get("sessions")).get(session_id)
        self._began: str | None = None
        self.spent_usd = spent_usd
        try:
            self.folder = os.path.realpath(project) if project else ""
        except ValueError:  # not a path: it has an invalid character
            self.folder = ""
        self._projects: list[str] | None = None

    def grown(self, since: float) -> float:
        """Its spending since the store was published, or since a later moment; nothing if unknown."""
        if isinstance(self._known, int | float):
            return max(0.0, self.spent_usd - self._known) if since <= self._newest_day() else 0.0
        if self._began is None:
            self._began = _first_time(self._transcript)
        return self.spent_usd if self._began >= _iso(since) else 0.0

    def spent_in(self, period: Record, now: float) -> "float | None":
        """The dollars of the current day, week or month: at least those in the store plus those of this session."""
        starts_at, ends_at = number(period.get("starts_at")), number(period.get("ends_at"))
        spent = number(period.get("spent_usd"))
        if now >= ends_at:
            if period.get("period") != "day":
                return None
            # A day that is not in the store yet. When clocks change, it starts an hour off.
            starts_at = ends_at + (now - ends_at) // _DAY_SECONDS * _DAY_SECONDS
            spent = 0.0
        scope = period.get("scope", "all")
        if scope == "all" or (scope == "project" and self.is_of(period)):
            return spent + self.grown(starts_at)
        return spent

    def is_of(self, alert: Record) -> bool:
        """Whether the session counts for an alert that may be about one project."""
        if alert.get("scope", "all") == "all":
            return True
        if alert.get("scope") != "project":
            return False
        if self._projects is None:
            # The store counts a worktree for the project that it was made from.
            self._projects = [self.folder, checkout_of_worktree(self.folder)]
        named, folders = text_of(alert.get("scope_value")), _list(alert.get("folders"))
        return any(
            folder == named or os.path.basename(folder) == named or folder in folders
            for folder in self._projects
            if folder
        )

    def reached(self, now: float) -> "Iterator[tuple[Record, str, float]]":
        """The alerts per day, week and month and the budgets that are near or over their limit, with the amounts
        spent."""
        for alert in records_of(self._costs.get("periods")):
            if alert.get("scope") == "project" and not self.is_of(alert):
                continue
            spent = self.spent_in(alert, now)
            if spent is not None and (level := level_of(alert, spent)):
                yield alert, level, spent

    def _newest_day(self) -> float:
        return number(record_of(self._costs.get("day")).get("starts_at"))


def number(value: object) -> float:
    """A value that should be a number; 0 if it is not, or if it cannot be a cost or count."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and -_MOST_NUMBER < value < _MOST_NUMBER else 0.0  # type: ignore[operator,arg-type]


def level_of(alert: Record, spent: float) -> str:
    """`over`, `near` or nothing."""
    limit = number(alert.get("threshold_usd"))
    if limit <= 0:
        return ""
    return OVER if spent > limit else NEAR if spent >= number(alert.get("near_ratio")) * limit else ""


def sentence(alert: Record, level: str, spent: str) -> str:
    """The message of an alert."""
    reached = "used up" if alert.get("alert_kind") == "budget" else "reached"
    return f"{text_of(alert.get('title'))} is {'nearly ' if level == NEAR else ''}{reached}: {spent}."


def answer(hook: Hook) -> "Record | None":
    """Tell the user which alerts the session has reached since the last time."""
    costs = read_record(hook.home + "/" + COSTS)
    per_session = records_of(costs.get("sessions_watched"))
    if not per_session and not costs.get("periods"):
        return None
    transcript = text_of(hook.event.get("transcript_path"))
    place = hook.place_of_notes(".spent")
    if not transcript or not place:
        return None
    lock = _locked(place)
    if lock is None:
        return None
    try:
        return _answer(hook, costs, per_session, transcript, place)
    finally:
        os.close(lock)


def _locked(place: str) -> "int | None":
    """A lock on the state of a session. None if another hook is reading it: that hook warns, or the next one does."""
    try:
        os.makedirs(os.path.dirname(place), 0o700, exist_ok=True)
        lock = os.open(place + "-lock", os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock

        flock(lock, LOCK_EX | LOCK_NB)
    except ImportError:
        pass
    except OSError:
        os.close(lock)
        return None
    return lock


def _answer(hook: Hook, costs: Record, per_session: "list[Record]", transcript: str, place: str) -> "Record | None":
    tail = Tail(costs, read_record(place))
    tail.read(transcript)
    live = Live(costs, hook.session_id, transcript, tail.spent_usd, hook.project)
    fans_out = tail.has_subagents or hook.event.get("hook_event_name") == "SubagentStart"
    amount = ("" if tail.is_whole else "at least ") + f"${tail.spent_usd:,.2f}"
    found: list[tuple[Record, str, str]] = []
    for alert in per_session:
        is_fan_out = alert.get("alert_kind") == "fan_out"
        if live.is_of(alert) and (fans_out or not is_fan_out) and (level := level_of(alert, tail.spent_usd)):
            found.append(
                (
                    alert,
                    level,
                    f"{amount} in this session{' and its subagents' if tail.has_subagents else ''}",
                )
            )
    found += [
        (alert, level, f"at least ${spent:,.2f} so far") for alert, level, spent in live.reached(time.time())
    ]
    fresh = [one for one in found if tail.tell(one[0], one[1])]
    # Without a price no limit is ever reached, so the user is told that once too.
    is_news = any(
        [tail.tell({"alert_kind": "unpriced", "alert_name": name}, OVER) for name in tail.unpriced]
    )
    tail.keep(place)
    if not fresh and not is_news:
        return None
    said = []
    for alert, level, spent in fresh:
        text = sentence(alert, level, spent)
        said.append(text)
        hook.warn("cost_alert", text, target=alert.get("alert_name"), level=level)
    if tail.unpriced:
        said.append(f"Responses of {', '.join(tail.unpriced)} are not counted: no price is known.")
    return {"systemMessage": "Agent Store: " + " ".join(said)}


def told(hook: Hook, warnings: "list[Record]") -> None:
    """Remember the warnings from the start of the session, so that its turns do not repeat them."""
    place = hook.place_of_notes(".spent")
    alerts = [warning for warning in warnings if warning.get("alert_kind")]
    if place and alerts:
        tail = Tail({}, read_record(place))
        for warning in alerts:
            tail.tell(warning, text_of(warning.get("level")))
        tail.keep(place)


class Tail:
    """The transcripts of a session, read from where the last hook stopped, as stored in a file."""

    def __init__(self, costs: Record, kept: Record) -> None:
        """Continue from the stored state."""
        self._prices = record_of(costs.get("prices"))
        self._names = record_of(costs.get("model_names"))
        self._files = record_of(kept.get("files"))
        self._told = [name for name in _list(kept.get("told")) if isinstance(name, str)]
        self.unpriced = [name for name in _list(kept.get("unpriced")) if isinstance(name, str)]
        self.is_whole = True
        self.has_subagents = False
        self._has_changed = False
        self._read_left, self._parsed_left = _MOST_READ_BYTES, _MOST_PARSED_BYTES

    @property
    def spent_usd(self) -> float:
        """Dollars at list prices of everything read so far."""
        return sum(
            number(state[1]) + sum(map(number, record_of(state[2]).values()))
            for state in map(_list, self._files.values())
            if len(state) == _STATE
        )

    def read(self, transcript: str) -> None:
        """Read new lines of the transcript and of its subagents' transcripts."""
        self._read_file(transcript, os.path.basename(transcript))
        for folder in _folders(transcript.removesuffix(".jsonl") + "/subagents"):
            for name in _names(folder):
                self.has_subagents = True
                self._read_file(folder + "/" + name, name)

    def tell(self, alert: Record, level: str) -> bool:
        """Whether this has not been reported yet; mark it as reported."""
        # The next day or month is reported again.
        name = f"{alert.get('alert_kind')}:{alert.get('alert_name')}:{number(alert.get('ends_at')):.0f}:"
        if name + level in self._told or name + OVER in self._told:
            return False
        self._told.append(name + level)
        self._has_changed = True
        return True

    def keep(self, place: str) -> None:
        """Store the state, atomically because hooks run in parallel."""
        if not self._has_changed:
            return
        kept = {"files": self._files, "told": self._told, "unpriced": self.unpriced}
        fresh = f"{place}-{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(place), 0o700, exist_ok=True)
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(file, quick_json.dumps(kept))
            finally:
                os.close(file)
            os.rename(fresh, place)
        except OSError:
            pass

    def _read_file(self, path: str, name: str) -> None:
        state = _list(self._files.get(name))
        offset, settled = (int(number(state[0])), number(state[1])) if len(state) == _STATE else (0, 0.0)
        recent = dict(record_of(state[2])) if len(state) == _STATE else {}
        try:
            size = os.stat(path).st_size
            if size == offset:
                return
            if self._read_left <= 0 or self._parsed_left <= 0:
                self.is_whole = False
                return
            if size < offset:
                offset, settled, recent = 0, 0.0, {}
            file = os.open(path, READ)
        except (OSError, ValueError):
            return
        try:
            data = os.pread(file, self._read_left, offset)
        except OSError:
            return
        finally:
            os.close(file)
        self._read_left -= len(data)
        end = 0
        while (stop := data.find(b"\n", end)) >= 0 and self._parsed_left > 0:
            self._count(data[end:stop], recent)
            end = stop + 1
        while len(recent) > _RECENT:
            settled += number(recent.pop(next(iter(recent))))
        if not end and len(data) >= _MOST_READ_BYTES:
            end = len(data)  # one line is longer than the read limit: its rest is not JSON
        self.is_whole = self.is_whole and offset + len(data) >= size and data.find(b"\n", end) < 0
        self._files[name] = [offset + end, settled, recent]
        self._has_changed = True

    def _count(self, line: bytes, recent: Record) -> None:
        # Only responses are parsed: most of a transcript is tool results.
        if b'"usage"' not in line or b'"assistant"' not in line:
            return
        self._parsed_left -= len(line)
        try:
            parsed = record_of(quick_json.loads(line))
        except (ValueError, RecursionError):
            return
        message = record_of(parsed.get("message"))
        usage, message_id = record_of(message.get("usage")), text_of(message.get("id"))
        if parsed.get("type") != "assistant" or not usage or not message_id:
            return
        cost = self._cost(text_of(message.get("model")), usage, text_of(parsed.get("timestamp")))
        # The line with most output has all tokens of a response, as for `int_response_line`.
        recent[message_id] = max(number(recent.pop(message_id, 0)), cost)

    def _cost(self, model: str, usage: Record, at: str) -> float:
        """The cost of a response at list prices, computed as in `int_inference`; 0 without a price."""
        created = record_of(usage.get("cache_creation"))
        hour, minutes = (
            _tokens(created, "ephemeral_1h_input_tokens"),
            _tokens(created, "ephemeral_5m_input_tokens"),
        )
        written = _tokens(usage, "cache_creation_input_tokens")
        written = max(written, hour + (0 if written else minutes))
        plain, read = _tokens(usage, "input_tokens"), _tokens(usage, "cache_read_input_tokens")
        output = _tokens(usage, "output_tokens")
        if not plain + read + written + output:
            return 0.0
        name = text_of(self._names.get(model)) or plain_name(model)
        price = self._price(name, text_of(usage.get("speed")) or "standard", at[:10], plain + read + written)
        if price is None:
            shown = visible(one_line(name, _MOST_NAME))
            if shown not in self.unpriced and len(self.unpriced) < _MOST_NAMES:
                self.unpriced.append(shown)
            return 0.0
        dollars = (
            plain * price["input"] + max(written - hour, 0) * price["write_5m"] + hour * price["write_1h"]
            + read * price["read"] + output * price["output"]
        ) / _MTOK  # fmt: skip
        if usage.get("inference_geo") == "us":
            dollars *= price["us"]
        if usage.get("service_tier") == "batch":
            dollars *= price["batch"]
        searches = _tokens(record_of(usage.get("server_tool_use")), "web_search_requests")
        return dollars + searches * price["search"]

    def _price(self, name: str, speed: str, day: str, prompt_tokens: float) -> "dict[str, float] | None":
        """The most expensive band that the prompt reaches, among the prices valid on that day."""
        best: Record | None = None
        for price in records_of(self._prices.get(name)):
            above = number(price.get("above"))
            if (
                price.get("speed") == speed
                and text_of(price.get("from")) <= day
                and day < (text_of(price.get("to")) or "9999")
                and (above == 0 or above < prompt_tokens)
                and (best is None or above > number(best.get("above")))
            ):
                best = price
        return None if best is None else {key: number(value) for key, value in best.items()}


def plain_name(model: str) -> str:
    """The name under which a model is priced, if the store has not seen it yet: without provider, context and date."""
    name = model.strip().lower().rpartition("/")[2]
    place = name.find("claude")
    if place < 0:
        return model
    for mark in ("[", "@", ":"):
        name = name.partition(mark)[0]
    head, _, last = name[place:].removesuffix("-latest").rpartition("-")
    return head if len(last) == _DATE_DIGITS and last.isdigit() else name[place:].removesuffix("-latest")


def _tokens(held: Record, name: str) -> float:
    return max(number(held.get(name)), 0.0)


def _list(value: object) -> "list[object]":
    return value if isinstance(value, list) else []


def _folders(folder: str) -> "Iterator[str]":
    """The folder of subagents, and the folders of workflows in it."""
    yield folder
    for name in _listed(folder + "/workflows"):
        yield folder + "/workflows/" + name


def _names(folder: str) -> "list[str]":
    return [name for name in _listed(folder) if name.startswith("agent-") and name.endswith(".jsonl")]


def _listed(folder: str) -> "list[str]":
    try:
        return sorted(os.listdir(folder))[:_MOST_FILES]
    except (OSError, ValueError):
        return []


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


def _first_time(transcript: str) -> str:
    """The start of a transcript, as text; later than any time if there is none yet, nothing if it is unclear."""
    try:
        file = os.open(transcript, READ)
    except (OSError, ValueError):
        return "9999"
    try:
        head = os.pread(file, _HEAD_BYTES, 0)
    except OSError:
        return "9999"
    finally:
        os.close(file)
    place = head.find(_TIMESTAMP)
    return head[place + len(_TIMESTAMP) :][:19].decode("ascii", "replace") if place >= 0 else ""
