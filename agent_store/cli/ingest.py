"""`agent-store ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_store.cli.bars import landing_progress
from agent_store.cli.output import FOLDER, PROBLEMS_SHOWN, say, tell
from agent_store.paths import project_dir, store_paths

if TYPE_CHECKING:
    from ingest.landing.landing import LandingResult


def ingest_options(command: Any) -> Any:  # noqa: ANN401 - click's decorators
    command = click.option(
        "--host", metavar="NAME", help="The machine the transcripts come from (default: this one)."
    )(command)
    command = click.option(
        "--responses", "responses", multiple=True, type=FOLDER, metavar="PATH",
        help="API responses: a file or a folder of JSON, JSONL, event streams, batch results, or the JSON output of "
        "`claude -p`; may be given several times. Added to those in settings.json.",
    )(command)  # fmt: skip
    return click.option(
        "--root", "roots", multiple=True, type=FOLDER, metavar="FOLDER",
        help="A folder with transcripts; may be given several times. "
        "Default: $CLAUDE_CONFIG_DIR, else ~/.claude and ~/.config/claude.",
    )(command)  # fmt: skip


@click.command()
@ingest_options
def ingest(roots: tuple[Path, ...], responses: tuple[Path, ...], host: str | None) -> int:
    """Land new lines of transcripts, recorded events and API responses exactly once, without building anything."""
    from agent_store.build import lock, pipeline

    paths = store_paths().ensure()
    options = pipeline.Options(roots=roots, responses=responses, host=host)
    with lock.build_lock(paths, on_wait=say), landing_progress() as progress:
        result = pipeline.land(paths, project_dir(), options, say=say, progress=progress)
    show_landing(result)
    return 0


def show_landing(result: LandingResult) -> None:
    tell(result.summary)
    problems = list(result.problems)
    for problem in problems[:PROBLEMS_SHOWN]:
        say(f"  ! {problem}")
    if len(problems) > PROBLEMS_SHOWN:
        more = len(problems) - PROBLEMS_SHOWN
        say(f'  … {more:,} more; agent-store query "from v_set_aside_line" lists the lines.')
