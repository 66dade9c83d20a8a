"""`agent-store lake`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_store.cli.bars import build_progress
from agent_store.cli.output import FILE, FOLDER, say, tell
from agent_store.paths import HOME_VARIABLE, project_dir, store_paths

_FOLDER = click.Path(file_okay=False, path_type=Path)


lake = click.Group("lake", help="Build one store of many hosts.")


@lake.command("build")
@click.argument("target")
@click.option("--data", default="", metavar="PLACE", help="Where the rows are, if the catalog does not say.")
@click.option("--into", type=_FOLDER, metavar="FOLDER", help="The home of the lake's store (default: lake, in the home).")
@click.option("--aliases", type=FILE, metavar="FILE", help="Names of users, as YAML: name: [user_…, user_…].")
def lake_build(target: str, data: str, into: Path | None, aliases: Path | None) -> int:
    """Build, test and publish a store of all hosts of a lake.

    Every command opens it: AGENT_STORE_HOME=FOLDER agent-store report
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
        + (f", on several hosts (each counts once): {done.copy_count:,}" if done.copy_count else "")
        + (f", set aside (v_set_aside_session says why): {done.set_aside:,}" if done.set_aside else "")
        + "."
    )
    if done.other_code_count:
        say(
            f"Hosts with another version of Agent Store: {done.other_code_count:,} (see v_lake_host). Their rows are "
            "merged as they are. Install this version there, then build and share."
        )
    if done.published is None:
        return 1
    tell(done.published.summary)
    tell(f"Open it: {HOME_VARIABLE}={paths.home} agent-store report")
    return 0


@lake.command("remove")
@click.argument("target")
@click.argument("host")
@click.option("--data", default="", metavar="PLACE", help="Where the rows are, if the catalog does not say.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def lake_remove(target: str, host: str, data: str, yes: bool) -> int:
    """Remove a host that has left the team, with all that it shared.

    HOST is its name or its id (v_lake_host has both). Its rows are erased; the next lake build does without them.
    """
    from agent_store.errors import StoreError
    from agent_store.lake.target import parse

    place = parse(target, data)
    with place.opened(say) as opened:
        hosts = opened.hosts()
        found = [host] if host in hosts else [host_id for host_id, (name, _) in hosts.items() if name == host]
        if len(found) != 1:
            known = "; ".join(f"{host_id} ({name}), sessions: {sessions:,}" for host_id, (name, sessions) in hosts.items())
            raise StoreError(
                f"{'Several hosts are' if found else 'No host is'} called {host!r} in {place.shown}.",
                f"Name one by its id: {known}",
            )
        name, sessions = hosts[found[0]]
        tell(f"Host {name} ({found[0]}) in {place.shown}, sessions: {sessions:,}.")
        if not yes:
            click.confirm("Permanently remove it from the lake?", abort=True, err=True)
        opened.remove(found[0])
    tell("Removed. Build the lake to make its store without this host: agent-store lake build TARGET")
    return 0


@lake.command("run")
@click.argument("shards", nargs=-1, required=True, type=FOLDER, metavar="FOLDER…")
@click.option("--each", is_flag=True, help="Every folder in FOLDER is a shard.")
@click.option("--to", "target", required=True, metavar="TARGET", help="The lake, as for share.")
@click.option("--data", default="", metavar="PLACE", help="Where the rows go, for a catalog: a folder or s3://….")
@click.option(
    "--homes", type=_FOLDER, metavar="FOLDER",
    help="Where the shards' stores are kept, one folder each (default: hosts, in the home).",
)
@click.option("--into", type=_FOLDER, metavar="FOLDER", help="The home of the lake's store (default: lake, in the home).")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N",
    help="Builds to run at once (default: one per core, each with 1.5 GB of memory).",
)
@click.option(
    "--address", metavar="ADDRESS", help="A running cluster of Ray: auto or ray://HOST:10001 (default: this machine)."
)
@click.pass_context
def lake_run(
    context: click.Context,
    shards: tuple[Path, ...],
    each: bool,
    target: str,
    data: str,
    homes: Path | None,
    into: Path | None,
    workers: int | None,
    address: str | None,
) -> int:
    """Build and share logs of many hosts that were collected in one place, then build the lake.

    Each FOLDER is a shard: the logs of one host, named after the folder. If a shard fails, its error is shown, the lake is
    built from the others, and the exit code is 1.
    """
    from agent_store.lake import run as running
    from agent_store.lake.target import parse

    found = running.find_shards(shards, each=each)
    place = parse(target, data)
    tell(f"Shards: {len(found):,}. Each gets a line when it is done; a new one takes a minute or more.")

    def on_done(done: running.Done) -> None:
        if done.failure:
            say(f"FAILED: {done.name}")
            for line in done.failure.splitlines():
                say(f"    {line}")
            return
        notes = f", retries: {done.retry_count}" if done.retry_count else ""
        notes += ", some tables are from an earlier build" if done.is_partial else ""
        tell(f"{done.name}: sessions: {done.session_count:,}, lines: {done.line_count:,}, {done.seconds:.1f} s{notes}")

    results = running.run(
        store_paths(), found, place, homes=homes, workers=workers, address=address, on_done=on_done
    )
    failed = [one.name for one in results if one.failure]
    code = 1
    if len(failed) < len(results):
        code = context.invoke(lake_build, target=target, data=data, into=into, aliases=None)
    if failed:
        say(f"Not in the lake, or only as of an earlier run: {', '.join(failed)}. Run the same command again to retry.")
    return 1 if failed else code
