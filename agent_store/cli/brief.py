"""`agent-store brief`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_store.cli.output import echo_json, new_console, tell
from agent_store.paths import store_paths
from agent_store.record import query_log


@click.command()
@click.argument("project", required=False)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def brief(project: str | None, as_json: bool) -> int:
    """Show what earlier sessions in PROJECT left behind: open work, failures, decisions and rejections.

    PROJECT is a name or a folder; the default is the project of this folder, or of the git checkout that contains it.
    With the plugin, a new session gets the same brief.
    """
    import textwrap

    from agent_store.show import brief as briefs
    from agent_store.store import open_store

    paths = store_paths()
    with (
        open_store(paths) as connection,
        query_log.logged(paths, query_log.CLI, "brief", f"brief {project or ''}".strip()) as running,
    ):
        path, name = briefs.project_of(connection, project, Path.cwd())
        rows = briefs.in_order(briefs.lines(connection, path))
        running.row_count = len(rows)
    if as_json:
        echo_json({"project_path": path, "project_name": name or None, "lines": rows}, None)
    elif not rows:
        why = (
            "the store has no sessions of it"
            if not name
            else "there is no open work, no failure and no decision"
        )
        tell(f"No brief for {name or path}: {why}.")
    else:
        tell(f"{name} ({path}), times in UTC")
        width = new_console().width
        for row in rows:
            tell(textwrap.fill(briefs.text(row), width, initial_indent="- ", subsequent_indent="  "))
    return 0
