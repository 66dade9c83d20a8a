"""`agent-store docs`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_store.cli.build import show_build
from agent_store.cli.output import say, tell
from agent_store.errors import StoreError
from agent_store.paths import project_dir, store_paths


@click.command()
@click.option("--serve", is_flag=True, help="Serve it on this machine (127.0.0.1) until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="The port to serve on."
)
def docs(serve: bool, port: int) -> int:
    """Make the documentation of every table and column, as one HTML file."""
    from agent_store.build import dbt, lock, pipeline

    paths = store_paths().ensure()
    project = project_dir()
    if not paths.warehouse.exists():
        tell("There is no warehouse yet: building it first.")
        outcome = pipeline.run(paths, project, pipeline.Options(), say=say)
        if outcome.build is not None:
            show_build(outcome.build, tested=True)
        if not outcome.success:
            return 1
    with lock.build_lock(paths, on_wait=say):
        page = dbt.generate_docs(paths, project)
    tell(f"Documentation: {page}")
    if serve:
        _serve(page, port)
    return 0


def _serve(page: Path, port: int) -> None:
    from agent_store.show.docs import server_of

    try:
        server = server_of(page, port)
    except OSError as error:
        raise StoreError(
            f"Port {port} of this machine cannot be served on: {error.strerror}.",
            f"Name another one: agent-store docs --serve --port {port + 1} (0: any that is free)",
        ) from error
    with server:
        tell(f"Serving on http://127.0.0.1:{server.server_address[1]}/ – Ctrl-C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            tell("")
