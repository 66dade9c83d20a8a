"""The spool: which files of events there are, and which have been landed for long enough to go."""

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
# Landed files stay for a week: who wants to look at what a hook saw yesterday need not open the warehouse.
KEPT_SECONDS: Final = 7 * 24 * 3600.0


def scan(spool: Path) -> Scan:
    """Find the files of a spool, in the order of their names; links are not followed. An absent spool has none.

    The folder is no root of the scan: that a file of it goes away is no finding.
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


def remove_old(
    found: Scan, problems: Collection[Problem], now: float | None = None, *, kept_seconds: float = KEPT_SECONDS
) -> int:
    """Remove the files that have been landed and not written for a week, or `kept_seconds`; returns how many.

    One that does not end with a whole line gets its line end instead: the next landing sets the torn line aside. A file
    that has changed since it was found, or that had a problem, stays.
    """
    oldest = (time.time() if now is None else now) - kept_seconds
    troubled = {problem.path for problem in problems if problem.line is None}
    removed = 0
    for file in found.files:
        if file.stamp.mtime_ns / 1e9 >= oldest or f"{file.root}/{file.path}" in troubled:
            continue
        with suppress(OSError), Path(file.system_path).open("r+b") as opened:
            if stamp_of(os.fstat(opened.fileno())) != file.stamp:
                continue
            if file.stamp.size and not _ends_with_line(opened.fileno(), file.stamp.size):
                os.pwrite(opened.fileno(), b"\n", file.stamp.size)
                continue
            Path(file.system_path).unlink()
            removed += 1
    return removed


def _ends_with_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
