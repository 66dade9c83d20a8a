"""`agent-store dbt`."""

from __future__ import annotations

import os
import sys

import click

from agent_store.cli.output import shown_output
from agent_store.paths import HOME_VARIABLE, project_dir, store_paths


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbt(arguments: tuple[str, ...]) -> None:
    """Run any dbt command on this project and store: agent-store dbt build | docs serve | show …"""
    paths = store_paths().ensure()
    project = str(project_dir())
    os.environ.update(
        {
            HOME_VARIABLE: str(paths.home),
            "DBT_PROJECT_DIR": project,
            "DBT_PROFILES_DIR": project,
            "DBT_TARGET_PATH": str(paths.target),
            "DBT_LOG_PATH": str(paths.logs),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
            "DO_NOT_TRACK": "1",
        }
    )
    from dbt.cli.main import cli

    sys.argv = ["dbt", *arguments]
    # `dbt show` prints rows of the store, and so do messages of failed tests.
    with shown_output():
        cli(prog_name="agent-store dbt")
