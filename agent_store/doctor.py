"""`agent-store doctor`: what is installed, where things are stored, and what to do about problems."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent_store import access, schedule, zones
from agent_store.at_rest import Answer, encryption_at_rest
from agent_store.build import last_build
from agent_store.build.state import timezone
from agent_store.errors import StoreError
from agent_store.paths import (
    Roots,
    StorePaths,
    project_dir,
    resolve_roots,
)
from agent_store.show.report import findings
from agent_store.show.words import age, bytes_in_words
from agent_store.store import open_store
from ingest.text import counted
from ingest.transcripts.discover import transcripts

OK, WARN, FAIL = "ok", "warn", "fail"
# Claude Code deletes transcripts after this many days unless its settings say otherwise.
DEFAULT_CLEANUP_DAYS = 30
CLIENT_DEFAULT = "the client's default"
_MANY_DAYS = 365
# Checks whose message starts with a folder: messages that are otherwise equal are shown once.
_PER_FOLDER = frozenset({"roots", "history"})
_STALE_DAYS = 2
_NAMED = 3
_LITTLE_SPACE = 1_000_000_000
_VERY_LITTLE_SPACE = 200_000_000
_WANTED = {"dbt-core": "1.11.", "dbt-duckdb": "1.11.", "duckdb": "1.5.5"}


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its status, and what to do."""

    name: str
    status: str
    message: str
    advice: str = ""
    # To be copied: printed on a line of its own, regardless of the width.
    command: str = ""


def examine(paths: StorePaths, roots: Sequence[Path] = ()) -> list[Check]:
    """Run every check; one that raises an error is a finding, and the others still run."""
    checks: list[Check] = []
    found: Roots | None = None
    # The store of a lake has no logs of this machine, and is not built by `build`.
    is_lake = paths.lake_mark.is_file()
    try:
        found = None if is_lake else resolve_roots(roots, project_dir())
    except StoreError as error:
        checks.append(Check("roots", FAIL, error.message, error.hint))
    steps: list[Callable[[], Iterator[Check]]] = [
        _versions,
        _project,
        _timezone,
        lambda: _home(paths),
        lambda: _at_rest(paths),
        lambda: _privacy(paths),
        lambda: _space(paths),
        *([lambda: _roots(found), lambda: _cleanup(found)] if found else []),
        lambda: _last_build(paths),
        lambda: _store(paths),
        *([lambda: _lake(paths)] if is_lake else [lambda: _schedule(paths, roots)]),
    ]
    for step in steps:
        try:
            checks.extend(step())
        except StoreError as error:
            checks.append(Check("store", FAIL, error.message, error.hint))
        except OSError as error:
            checks.append(Check("system", FAIL, str(error)))
    return without_repetition(checks)


def without_repetition(checks: Sequence[Check]) -> list[Check]:
    """Merge checks that differ only in the folder they start with, and give their number."""
    grouped: dict[tuple[str, str, str, str, str], list[Check]] = {}
    for check in checks:
        place, _, rest = check.message.partition(": ")
        is_same = check.name in _PER_FOLDER and check.status != OK and bool(rest)
        # The advice names the folder too: the first one is shown for all.
        advice = check.advice.replace(place, "") if is_same else check.advice
        key = (check.name, check.status, rest if is_same else check.message, advice, check.command)
        grouped.setdefault(key, []).append(check)
    result: list[Check] = []
    for same in grouped.values():
        first = same[0]
        if len(same) == 1:
            result.append(first)
            continue
        distinct = list(dict.fromkeys(check.message.partition(": ")[0] for check in same))
        if len(distinct) == 1:
            message = f"{first.message} ({len(same):,} times)"
        else:
            rest = first.message.partition(": ")[2]
            message = f"{distinct[0]} and {len(distinct) - 1:,} more: {rest}"
        result.append(replace(first, message=message))
    return result


def _versions() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", OK, f"{version} ({sys.executable})")
    for name, wanted in _WANTED.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, FAIL, "is not installed", "Run make setup in the clone.")
            continue
        if found.startswith(wanted):
            yield Check(name, OK, found)
        else:
            yield Check(
                name, WARN, f"{found}, tested with {wanted}*", "Run make setup: it installs from uv.lock."
            )


def _project() -> Iterator[Check]:
    try:
        yield Check("project", OK, str(project_dir()))
    except StoreError as error:
        yield Check("project", FAIL, error.message, error.hint)


def _timezone() -> Iterator[Check]:
    name = timezone(project_dir())
    try:
        zones.check(name)
    except StoreError as error:
        yield Check("time zone", FAIL, error.message, error.hint)
    else:
        yield Check("time zone", OK, f"days are counted in {name}")


def _home(paths: StorePaths) -> Iterator[Check]:
    home = paths.home
    if not home.exists():
        yield Check("home", WARN, f"{home} does not exist yet", "Run agent-store build (or make build).")
        return
    if not os.access(home, os.W_OK):
        yield Check(
            "home", FAIL, f"{home} is not writable", "Fix its permissions, or set AGENT_STORE_HOME."
        )
        return
    access.refuse(home)
    if loose := [str(one.path) for one in access.open_to_others(home)]:
        more = f" and {len(loose) - _NAMED:,} more" if len(loose) > _NAMED else ""
        yield Check(
            "home",
            WARN,
            f"others on this machine can read {', '.join(loose[:_NAMED])}{more}",
            f"chmod -R go-rwx {home}: the next command that opens the store does this too. If the file system has no "
            "permissions, move the store with AGENT_STORE_HOME.",
        )
    else:
        shared = "shared with its group" if access.is_shared() else "closed to others"
        yield Check("home", OK, f"{home}, {shared}")
    count, last, log = access.was_closed(paths)
    if count:
        yield Check(
            "home",
            WARN,
            f"{counted(count, 'folder or file was', 'folders and files were')} open to others until they were closed; "
            f"the last: {last}",
            f"Find out why. {log} lists them: delete it when you have read it.",
        )


def _at_rest(paths: StorePaths) -> Iterator[Check]:
    found = encryption_at_rest(paths.home)
    status = WARN if found.answer == Answer.NOT_ENCRYPTED else OK
    yield Check("at rest", status, f"{found.answer}: {found.reason}", found.advice)


def _privacy(paths: StorePaths) -> Iterator[Check]:
    from agent_store.privacy import status
    from agent_store.privacy.applied import is_applied

    message = "; ".join(status.lines(paths))
    if is_applied(paths) is False:
        message += ". It has not been applied to all landed data"
        yield Check("privacy", WARN, message, "agent-store privacy apply")
    else:
        yield Check("privacy", OK, message)


def _space(paths: StorePaths) -> Iterator[Check]:
    folder = next(path for path in (paths.home, *paths.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    sizes = [path.stat().st_size for path in (paths.warehouse, paths.star, paths.store) if path.exists()]
    used = f"; the store uses {bytes_in_words(sum(sizes))}" if sizes else ""
    status = FAIL if free < _VERY_LITTLE_SPACE else WARN if free < max(_LITTLE_SPACE, 2 * sum(sizes)) else OK
    advice = "" if status == OK else "Free some space, or move the store with AGENT_STORE_HOME."
    yield Check("disk", status, f"{bytes_in_words(free)} free{used}", advice)


def _roots(roots: Roots) -> Iterator[Check]:
    if roots.is_sample or not roots.paths:
        advice = "Name the folder of your transcripts: --root FOLDER, or CLAUDE_CONFIG_DIR."
        yield Check("roots", WARN, " ".join(roots.notes), advice)
        return
    counts = {root: sum(1 for _ in transcripts(root)) for root in roots.paths}
    filled = [root for root, count in counts.items() if count]
    empty = [root for root, count in counts.items() if not count]
    if filled:
        total = sum(counts.values())
        yield Check("roots", OK, f"{_listed(filled)}: {total:,} transcript files ({roots.origin})")
    if empty:
        yield Check("roots", WARN, f"{_listed(empty)}: no transcript files ({roots.origin})")
    told = {str(root) for root in empty}
    for note in roots.notes:
        if not any(root in note for root in told):
            yield Check("roots", WARN, note)


def _listed(roots: Sequence[Path]) -> str:
    """List folders, or only the first few if there are many."""
    names = ", ".join(str(root) for root in roots[:_NAMED])
    more = len(roots) - _NAMED
    return f"{len(roots):,} folders ({names} and {more:,} more)" if more > 0 else names


def cleanup_days(root: Path) -> tuple[int, str]:
    """After how many days the client deletes transcripts, and the source of that number."""
    days, source = DEFAULT_CLEANUP_DAYS, CLIENT_DEFAULT
    for name in ("settings.json", "settings.local.json"):
        settings = root / name
        try:
            value = json.loads(settings.read_text(encoding="utf-8")).get("cleanupPeriodDays")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            days, source = value, str(settings)
    return days, source


def oldest_transcript(root: Path) -> datetime | None:
    """When the next transcript to be deleted was last written."""
    written = [file.stamp.mtime_ns for file in transcripts(root) if file.path.endswith(".jsonl")]
    return datetime.fromtimestamp(min(written) / 1e9, UTC) if written else None


def _cleanup(roots: Roots) -> Iterator[Check]:
    if roots.is_sample:
        return
    # Homes with the same setting are one finding.
    alike: dict[tuple[int, str], list[Path]] = defaultdict(list)
    for root in roots.paths:
        if (root / "projects").is_dir():
            days, source = cleanup_days(root)
            alike[days, source if source == CLIENT_DEFAULT else Path(source).name].append(root)
    for (days, source), homes in alike.items():
        yield _cleanup_of(
            homes, days, str(homes[0] / source) if len(homes) == 1 and source != CLIENT_DEFAULT else source
        )


def _cleanup_of(homes: Sequence[Path], days: int, source: str) -> Check:
    message = f"{_listed(homes)}: transcripts are deleted after {days:,} days ({source})"
    oldest = min((moment for root in homes if (moment := oldest_transcript(root))), default=None)
    if oldest is not None:
        left = max(0, (oldest + timedelta(days=days) - datetime.now(UTC)).days)
        message += f"; the oldest one here will be deleted in {left:,} day{'' if left == 1 else 's'}"
    if days >= _MANY_DAYS:
        return Check("history", OK, message)
    settings = str(homes[0] / "settings.json") if len(homes) == 1 else "the settings.json of each folder"
    return Check(
        "history",
        WARN if days <= DEFAULT_CLEANUP_DAYS else OK,
        message,
        f'Build at least that often (landed lines stay), or set "cleanupPeriodDays": 3650 in {settings}.',
    )


def _last_build(paths: StorePaths) -> Iterator[Check]:
    last = last_build.read(paths)
    if last is None or not last.problems:
        return
    done = "published, but some tables are from an earlier build" if last.is_published else "published nothing"
    yield Check(
        "last build",
        WARN if last.is_published else FAIL,
        f"{last.ended_at:%Y-%m-%d %H:%M} UTC, {done}: {'; '.join(last.problems)}",
        last.advice,
    )


def _store(paths: StorePaths) -> Iterator[Check]:
    with open_store(paths) as connection:
        row = connection.execute(
            """
            select published_at, is_tested, passed_test_count, test_count, warned_test_count, is_sample
            from store_build
            """
        ).fetchone()
        counts = findings(connection)
    if row is None:
        yield Check("store", FAIL, "store_build is empty", "Run agent-store build.")
        return
    published_at, is_tested, passed, tests, warned, is_sample = row
    old = datetime.now(UTC).replace(tzinfo=None) - published_at > timedelta(days=_STALE_DAYS)
    yield Check(
        "store",
        WARN if old else OK,
        f"published {age(published_at)}" + (" (the sample)" if is_sample else ""),
        f"Run agent-store {'lake build TARGET' if paths.lake_mark.is_file() else 'build'}." if old else "",
    )
    if is_tested:
        message = f"{passed:,} of {tests:,} passed" + (f", {warned:,} warned" if warned else "")
        yield Check(
            "tests",
            WARN if warned else OK,
            message,
            'agent-store query "from v_failed_check"' if warned else "",
        )
    else:
        yield Check("tests", WARN, "the store was published without tests", "Run agent-store build.")
    for finding in counts:
        if finding.count:
            yield Check("findings", WARN, finding.sentence, f'agent-store query "from {finding.view}"')
    if counts and not any(finding.count for finding in counts):
        yield Check("findings", OK, "none")


def _lake(paths: StorePaths) -> Iterator[Check]:
    """The hosts of a lake, those first that have not shared for the longest time."""
    place = json.loads(paths.lake_mark.read_text(encoding="utf-8")).get("lake", "a lake")
    with open_store(paths) as connection:
        hosts = connection.execute("select host_name, shared_at from v_lake_host order by shared_at").fetchall()
    limit = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=_STALE_DAYS)
    old = [f"{name} ({age(shared_at)})" for name, shared_at in hosts if shared_at < limit]
    message = f"{place}, hosts: {len(hosts):,}"
    if not old:
        yield Check("lake", OK, f"{message}; the last of them shared {age(hosts[-1][1])}" if hosts else message)
        return
    more = f" and {len(old) - _NAMED:,} more" if len(old) > _NAMED else ""
    yield Check(
        "lake",
        WARN,
        f"{message}; nothing new for {_STALE_DAYS} days from {', '.join(old[:_NAMED])}{more}",
        "Run agent-store build and share there. A host that left: agent-store lake remove TARGET HOST",
    )


def _schedule(paths: StorePaths, roots: Sequence[Path]) -> Iterator[Check]:
    if not paths.store.exists():
        return
    job = schedule.job(paths, roots, os.environ)
    if found := schedule.installed(job):
        yield Check("schedule", OK, f"the store is built by {', '.join(found)}")
        return
    yield Check(
        "schedule",
        OK,
        "to keep every session, build daily: agent-store schedule install, or this line for cron:",
        command=schedule.cron_line(job),
    )
