"""`agent-store scan`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from agent_store.cli.output import FOLDER, say, tell, tell_json
from agent_store.paths import project_dir, resolve_roots, store_paths


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--root", "roots", multiple=True, type=FOLDER, metavar="FOLDER",
    help="A home with skills, agents and settings (default: those of the transcripts).",
)  # fmt: skip
@click.option(
    "--repository", "repositories", multiple=True, type=FOLDER, metavar="FOLDER",
    help="A git repository to make searchable, code and documents; remembered like FOLDERS. $AGENT_STORE_REPOSITORIES "
    "can name more.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def scan(
    folders: tuple[Path, ...], roots: tuple[Path, ...], repositories: tuple[Path, ...], as_json: bool
) -> int:
    """Look for skills, agents, commands, hooks, rules, contracts and code that have changed.

    Every build scans homes and the projects named in transcripts; FOLDERS named here are remembered and scanned from
    now on too. Findings are in the store after the next build.
    """
    from agent_store.build import lock
    from agent_store.build import scan as scans

    paths = store_paths().ensure()
    found = resolve_roots(roots, project_dir(), allow_sample=False)
    with lock.build_lock(paths, on_wait=say):
        result = scans.scan(paths, found.paths, named=folders, repositories=repositories)
    if as_json:
        tell_json(asdict(result))
    else:
        tell(result.summary)
        if result.set_aside:
            say('After the next build, list what could not be read: agent-store query "from v_set_aside_input"')
        if result.code.files_set_aside:
            say('After the next build, list the files set aside: agent-store query "from v_set_aside_document"')
    for problem in result.code.problems:
        say(f"  ! {problem}")
    return 0
