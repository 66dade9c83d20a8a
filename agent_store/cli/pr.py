"""`agent-store pr`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from agent_store.cli.output import echo_json, tell
from agent_store.errors import StoreError
from agent_store.paths import store_paths

_PULL_REQUEST = re.compile(r"#[0-9]+|https?://\S+")


@click.command()
@click.argument("branch", required=False, metavar="[BRANCH]")
@click.option("--project", metavar="NAME", help="The project; by default that of the current folder.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def pr(branch: str | None, project: str | None, as_json: bool) -> int:
    """What a branch or a pull request cost, as Markdown for its description.

    BRANCH is a git branch (by default the one that is checked out here), "#17", or the URL of a pull request.
    """
    from agent_store.show import brief, pull_request
    from agent_store.store import open_store
    from ingest import git

    here = Path.cwd()
    with open_store(store_paths()) as connection:
        if branch is not None and _PULL_REQUEST.fullmatch(branch):
            row = pull_request.ask_pull_request(connection, branch)
        else:
            path, name = brief.project_of(connection, project, here)
            if not name:
                raise StoreError(
                    f"The store has no session in {path}.", "Name the project: agent-store pr --project NAME"
                )
            wanted = branch or git.branch_of(here)
            if wanted is None:
                raise StoreError("No branch is checked out here.", "Name the branch: agent-store pr BRANCH")
            row = pull_request.ask_branch(connection, name, wanted)
    if as_json:
        echo_json(row, None)
    else:
        tell(pull_request.markdown(row))
    return 0
