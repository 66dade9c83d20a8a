"""`agent-store lake`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_store.cli.bars import build_progress
from agent_store.cli.output import FILE, say, tell
from agent_store.paths import HOME_VARIABLE, project_dir, store_paths

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def lake() -> None:
    """The union of many hosts, as a store of its own."""


@lake.command("build")
@click.argument("target")
@click.option("--data", default="", metavar="PLACE", help="Where the rows are, if the catalog does not say.")
@click.option("--into", type=_FOLDER, metavar="FOLDER", help="The home of the lake's store (default: lake, in the home).")
@click.option("--aliases", type=FILE, metavar="FILE", help="Names of users, as YAML: name: [user-…, user-…].")
def lake_build(target: str, data: str, into: Path | None, aliases: Path | None) -> int:
    """Build and test the union of all hosts of a lake, and publish it as a store.

    Every command reads it in that home: AGENT_STORE_HOME=FOLDER agent-store report
    """
    from agent_store.cli.build import show_build
    from agent_store.lake import build as building
    from agent_store.lake.target import parse

    paths = building.with_home(store_paths(), into)
    with build_progress() as on_node:
        done = building.build(paths, project_dir(), parse(target, data), aliases=aliases, say=say, on_node=on_node)
    show_build(done.build, tested=True)
    tell(
        f"Hosts: {done.host_count:,}, sessions: {done.session_count:,}"
        + (f", of them on several hosts (each counts once): {done.copy_count:,}" if done.copy_count else "")
        + (f", set aside because a guard failed: {done.set_aside:,}" if done.set_aside else "")
        + "."
    )
    if done.other_code_count:
        say(
            f"Hosts of another version of Agent Store: {done.other_code_count:,}. Their rows are merged as they are (v_lake_host "
            "names them); build and share there with this version."
        )
    if done.published is None:
        return 1
    tell(done.published.summary)
    tell(f"Open it as any other store: {HOME_VARIABLE}={paths.home} agent-store report")
    return 0
