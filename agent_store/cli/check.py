"""`agent-store check`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_store.cli.output import say, tell, tell_json
from agent_store.paths import store_paths

if TYPE_CHECKING:
    from ingest.sources import Seen


_GOOD = frozenset({"first", "unchanged", "changed", "moved"})


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--file", "files", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A list of sources; the default is sources.yml in $AGENT_STORE_HOME and in the folders given to scan.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=120.0, show_default=True,
    help="Time limit for the whole check.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def check(sources: tuple[str, ...], files: tuple[Path, ...], seconds: float, as_json: bool) -> int:
    """Check the listed sources: has anything changed that skills depend on?

    Only listed sources are checked: pages by conditional GET, repositories by `git ls-remote`, files,
    environment variables, schemas of databases, health of services. Builds never do this. Exit code 1 if a source did
    not answer.
    """
    from agent_store.build import lock
    from agent_store.build import scan as scans
    from ingest.sources import Limits

    paths = store_paths().ensure()

    def told(seen: Seen) -> None:
        if not as_json:
            tell(_line(seen))

    with lock.build_lock(paths, on_wait=say):
        found = scans.check(paths, names=sources, files=files, limits=Limits(seconds=seconds), on_seen=told)
    counts = Counter(seen.result for seen in found)
    if as_json:
        rows = [
            {"source": seen.source.name, "target": seen.target.address, "kind": seen.target.kind,
             "result": seen.result, "status_code": seen.status_code, "version": seen.version,
             "redirected_to": seen.redirected_to, "response_time_ms": seen.response_time_ms,
             "attempts": seen.attempts, "error": seen.error}
            for seen in found
        ]  # fmt: skip
        tell_json(rows)
    else:
        shown = ", ".join(f"{count} {result.replace('_', ' ')}" for result, count in sorted(counts.items()))
        tell(f"Checked {len(found)}: {shown}. The next build adds the results to the store.")
    return int(any(seen.result not in _GOOD for seen in found))


def _line(seen: Seen) -> str:
    result = seen.result.replace("_", " ")
    text = f"{result:12} {seen.source.name}: {seen.target.address}"
    notes = []
    if seen.status_code is not None:
        notes.append(str(seen.status_code))
    if seen.version:
        notes.append(f"version {seen.version}")
    if seen.redirected_to:
        notes.append(f"now at {seen.redirected_to}")
    if seen.is_truncated:
        notes.append("only the start was read")
    if seen.attempts > 1:
        notes.append(f"{seen.attempts} attempts")
    if seen.error:
        notes.append(seen.error)
    return f"{text} ({', '.join(notes)})" if notes else text
