"""Landing as a whole: asks every source for its files, and lands new content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.events import spool as spools
from ingest.landing.found import NOTHING
from ingest.landing.landing import LandingResult, Progress, land_files
from ingest.responses import discover as find_responses
from ingest.transcripts import discover
from ingest.warehouse import WAIT_SECONDS


def land(
    roots: Sequence[Path | str],
    warehouse: Path,
    host: str | None = None,
    progress: Progress | None = None,
    *,
    spool: Path | None = None,
    responses: Sequence[Path] = (),
    spool_seconds: float = spools.KEPT_SECONDS,
    wait_seconds: float = WAIT_SECONDS,
    on_wait: Callable[[str], None] | None = None,
) -> LandingResult:
    """Land new content from transcripts below the roots, API responses and spool files, each line once.

    Landed spool files that were not written for an hour, or `spool_seconds`, are removed: raw keeps their lines. See
    `land_files` for the rest. Raises LandingError.
    """
    spooled = spools.scan(spool) if spool is not None else NOTHING
    answers = find_responses.scan(responses)
    # A file that was named as a response file is not a transcript, even if it is in a transcript folder.
    named = {file.stamp for file in answers.files}
    logs = discover.scan(roots)
    logs = replace(logs, files=tuple(file for file in logs.files if file.stamp not in named))
    result = land_files(
        logs + answers + spooled, warehouse, host, progress, wait_seconds=wait_seconds, on_wait=on_wait
    )
    if spool is not None:
        spools.remove_old(spool, spooled, result.problems, kept_seconds=spool_seconds)
    return result
