"""The spool: which event files exist, and which were landed long enough ago to be removed."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from ingest.files import reason_of, stamp_of, valid_name
from ingest.landing.found import FoundFile, Problem, Scan

KIND: Final = "events"
TABLE: Final = "event_line"
SUFFIX: Final = ".jsonl"
# Landed files are removed an hour after their last write: they hold what hooks saw, before redaction.
KEPT_SECONDS: Final = 3600.0
# A writer that had a file open when it was moved away has finished by then.
_LATE_SECONDS: Final = 0.1
_MOVED: Final = ".removing"
_MOVED_FILES: Final = f".*{_MOVED}"


def scan(spool: Path) -> Scan:
    """Find the files of a spool, ordered by name; links are not followed. A missing spool has none.

    The folder is not a root of the scan: a removed file is not a finding.
    """
    root = valid_name(spool.absolute().as_posix())
    files: list[FoundFile] = []
    problems: list[Problem] = []
    try:
        with os.scandir(spool) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                    name = valid_name(entry.name)
                    stamp = stamp_of(entry.stat(follow_symlinks=False))
                    files.append(FoundFile(root, name, entry.path, KIND, f"spool/{name}", stamp, TABLE))
    except FileNotFoundError:
        pass
    except OSError as error:
        problems.append(Problem(root, None, f"cannot be listed: {reason_of(error)}"))
    return Scan((), tuple(sorted(files)), tuple(problems))


def files_of(spool: Path) -> list[Path]:
    """Every event file, including those moved away for removal."""
    return [*spool.glob(f"*{SUFFIX}"), *spool.glob(_MOVED_FILES)]


def remove_old(
    spool: Path,
    found: Scan,
    problems: Collection[Problem],
    now: float | None = None,
    *,
    kept_seconds: float = KEPT_SECONDS,
) -> int:
    """Remove landed files that were not written for an hour, or `kept_seconds`; returns how many.

    A file that ends in an incomplete line gets a line end instead: the next landing sets the torn line aside. A file
    that has changed since it was found, or that had a problem, stays. Late writes are not lost: a file is moved away
    first, and anything appended to it is put into a new file.
    """
    oldest = (time.time() if now is None else now) - kept_seconds
    troubled = {problem.path for problem in problems if problem.line is None}
    moved: list[Path] = []
    for file in found.files:
        if file.stamp.mtime_ns / 1e9 >= oldest or f"{file.root}/{file.path}" in troubled:
            continue
        with suppress(OSError), Path(file.system_path).open("r+b") as opened:
            if stamp_of(os.fstat(opened.fileno())) != file.stamp:
                continue
            if file.stamp.size and not _ends_with_line(opened.fileno(), file.stamp.size):
                os.pwrite(opened.fileno(), b"\n", file.stamp.size)
                continue
            path = Path(file.system_path)
            away = path.with_name(f".{path.name}.{file.stamp.size}-{time.time_ns()}{_MOVED}")
            path.rename(away)
            moved.append(away)
    if moved:
        time.sleep(_LATE_SECONDS)
    # Including those of an earlier run that was killed in between.
    moved += [away for away in spool.glob(_MOVED_FILES) if away not in moved]
    return sum(_settled(away) for away in moved)


def _settled(away: Path) -> bool:
    """Remove a file that was moved away, after anything appended to it has been put into a new file."""
    name, _, moved = away.name.removeprefix(".").removesuffix(_MOVED).rpartition(".")
    size, _, number = moved.partition("-")
    if not name or not size.isdecimal():
        return False
    with suppress(OSError):
        with away.open("rb") as opened:
            opened.seek(int(size))
            late = opened.read()
        if late:
            # If killed after this point, the same content is written again and recognised as landed.
            fresh = away.with_name(f"{away.name}.late")
            fresh.write_bytes(late)
            fresh.chmod(0o600)
            fresh.replace(away.with_name(f"{name.removesuffix(SUFFIX)}-{number or 0}{SUFFIX}"))
        away.unlink()
        return True
    return False


def _ends_with_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
