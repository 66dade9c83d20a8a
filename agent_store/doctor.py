"""`agent-store doctor`: what is installed, where things are stored, and what to do about what is not well."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent_store.errors import StoreError
from agent_store.paths import Roots, StorePaths, project_dir, resolve_roots
from agent_store.report import FINDINGS, age, bytes_in_words
from agent_store.store import open_store

OK, WARN, FAIL = "ok", "warn", "fail"
# Claude Code deletes transcripts after this many days unless its settings say otherwise.
DEFAULT_CLEANUP_DAYS = 30
_MANY_DAYS = 365
# Checks whose message begins with a folder: what is equal otherwise is said once.
_PER_FOLDER = frozenset({"roots", "history"})
_STALE_DAYS = 2
_LITTLE_SPACE = 1_000_000_000
_VERY_LITTLE_SPACE = 200_000_000
_WANTED = {"dbt-core": "1.11.", "dbt-duckdb": "1.11.", "duckdb": "1.5.5"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, and what to do."""

    name: str
    status: str
    message: str
    advice: str = ""
    # To be copied: printed on one line of its own, whatever the width.
    command: str = ""


def examine(paths: StorePaths, roots: Sequence[Path] = ()) -> list[Check]:
    """Run every check; one that breaks is itself a finding, not the end."""
    checks: list[Check] = []
    found: Roots | None = None
    try:
        found = resolve_roots(roots, project_dir())
    except StoreError as error:
        checks.append(Check("roots", FAIL, error.message, error.hint))
    steps: list[Callable[[], Iterator[Check]]] = [
        _versions,
        _project,
        lambda: _home(paths),
        lambda: _space(paths),
        *([lambda: _roots(found), lambda: _cleanup(found)] if found else []),
        lambda: _store(paths),
        lambda: _schedule(paths),
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
    """Checks that differ only in the folder they begin with as one, with how many there are of it."""
    grouped: dict[tuple[str, str, str, str, str], list[Check]] = {}
    for check in checks:
        place, _, rest = check.message.partition(": ")
        is_same = check.name in _PER_FOLDER and check.status != OK and bool(rest)
        # The advice names the folder too: that of the first stands for all.
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


def _home(paths: StorePaths) -> Iterator[Check]:
    home = paths.home
    if not home.exists():
        yield Check("home", WARN, f"{home} does not exist yet", "Run agent-store build (or make build).")
        return
    if not os.access(home, os.W_OK):
        yield Check(
            "home", FAIL, f"{home} cannot be written", "Give yourself the right, or set AGENT_STORE_HOME."
        )
        return
    open_to_others = [
        path
        for path in (home, paths.build_dir, paths.target, paths.store, paths.warehouse)
        if path.exists() and path.stat().st_mode & 0o077
    ]
    if open_to_others:
        names = ", ".join(str(path) for path in open_to_others)
        yield Check("home", WARN, f"others on this machine can read {names}", f"chmod -R go-rwx {home}")
    else:
        yield Check("home", OK, f"{home}, closed to others")


def _space(paths: StorePaths) -> Iterator[Check]:
    folder = next(path for path in (paths.home, *paths.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    sizes = [path.stat().st_size for path in (paths.warehouse, paths.store) if path.exists()]
    used = f"; the store uses {bytes_in_words(sum(sizes))}" if sizes else ""
    status = FAIL if free < _VERY_LITTLE_SPACE else WARN if free < max(_LITTLE_SPACE, 2 * sum(sizes)) else OK
    advice = "" if status == OK else "Free some space, or move the store with AGENT_STORE_HOME."
    yield Check("disk", status, f"{bytes_in_words(free)} free{used}", advice)


def _roots(roots: Roots) -> Iterator[Check]:
    if roots.is_sample or not roots.paths:
        advice = "Name the folder of your transcripts: --root FOLDER, or CLAUDE_CONFIG_DIR."
        yield Check("roots", WARN, " ".join(roots.notes), advice)
        return
    empty: list[Path] = []
    for root in roots.paths:
        start = root / "projects" if (root / "projects").is_dir() else root
        count = sum(
            name.endswith((".jsonl", ".jsonl.gz")) for _, _, names in os.walk(start) for name in names
        )
        yield Check("roots", OK if count else WARN, f"{root}: {count:,} transcript files ({roots.origin})")
        if not count:
            empty.append(root)
    for note in roots.notes:
        # That a folder holds none has just been said.
        if not any(f"{root}." in note or f"{root}," in note for root in empty):
            yield Check("roots", WARN, note)


def cleanup_days(root: Path) -> tuple[int, str]:
    """After how many days the client deletes transcripts, and who says so."""
    days, source = DEFAULT_CLEANUP_DAYS, "the client's default"
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
    """When the transcript that is next to be deleted was last written."""
    oldest: float | None = None
    for folder, _, names in os.walk(root / "projects"):
        for name in names:
            if name.endswith(".jsonl"):
                try:
                    modified = (Path(folder) / name).stat().st_mtime
                except OSError:
                    continue
                oldest = modified if oldest is None else min(oldest, modified)
    return None if oldest is None else datetime.fromtimestamp(oldest, UTC)


def _cleanup(roots: Roots) -> Iterator[Check]:
    if roots.is_sample:
        return
    # Folders with the same limit are one warning, with the oldest transcript of them all.
    folders: dict[tuple[int, str], list[tuple[Path, datetime | None]]] = {}
    for root in roots.paths:
        if (root / "projects").is_dir():
            days, source = cleanup_days(root)
            folders.setdefault((days, source), []).append((root, oldest_transcript(root)))
    for (days, source), found in folders.items():
        root = found[0][0]
        more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        message = f"{root}{more}: transcripts are deleted after {days:,} days ({source})"
        if oldest := min((moment for _, moment in found if moment is not None), default=None):
            left = max(0, (oldest + timedelta(days=days) - datetime.now(UTC)).days)
            message += f"; the oldest here has {left:,} day{'' if left == 1 else 's'} left"
        if days >= _MANY_DAYS:
            yield Check("history", OK, message)
        else:
            settings = root / "settings.json" if not more else "the settings.json of each"
            yield Check(
                "history",
                WARN if days <= DEFAULT_CLEANUP_DAYS else OK,
                message,
                f'Build at least that often – what is landed stays – or set "cleanupPeriodDays": 3650 in {settings}.',
            )


def _store(paths: StorePaths) -> Iterator[Check]:
    with open_store(paths) as connection:
        row = connection.execute(
            """
            select published_at, is_tested, passed_test_count, test_count, warned_test_count, is_sample
            from store_build
            """
        ).fetchone()
        relations = {
            name
            for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()
        }
        counts = {}
        for view in FINDINGS:
            if view in relations:
                found = connection.execute(f"select count(*) from {view}").fetchone()
                counts[view] = int(found[0]) if found else 0
    if row is None:
        yield Check("store", FAIL, "store_build is empty", "Run agent-store build.")
        return
    published_at, is_tested, passed, tests, warned, is_sample = row
    old = datetime.now(UTC).replace(tzinfo=None) - published_at > timedelta(days=_STALE_DAYS)
    yield Check(
        "store",
        WARN if old else OK,
        f"published {age(published_at)}" + (" (the sample)" if is_sample else ""),
        "Run agent-store build." if old else "",
    )
    if is_tested:
        message = f"{passed:,} of {tests:,} passed" + (f", {warned:,} warned" if warned else "")
        yield Check(
            "tests", WARN if warned else OK, message, "agent-store build names them." if warned else ""
        )
    else:
        yield Check("tests", WARN, "the store was published without tests", "Run agent-store build.")
    for view, count in counts.items():
        if count:
            yield Check(
                "findings", WARN, f"{view} ({count:,}): {FINDINGS[view]}", f'agent-store query "from {view}"'
            )
    if counts and not any(counts.values()):
        yield Check("findings", OK, "none")


def _schedule(paths: StorePaths) -> Iterator[Check]:
    if not paths.store.exists():
        return
    command = f"{sys.executable} -m agent_store.cli build --quiet"
    yield Check(
        "schedule",
        OK,
        "to keep every session, build once a day; a cron line:",
        command=f"15 3 * * * AGENT_STORE_HOME={paths.home} {command} >> {paths.home / 'build.log'} 2>&1",
    )
