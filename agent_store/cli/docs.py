"""`agent-store docs`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_store.cli.output import say, tell
from agent_store.errors import StoreError
from agent_store.paths import project_dir, store_paths


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@click.option("--serve", is_flag=True, help="Serve it on this machine (127.0.0.1) until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="The port to serve on."
)
def docs(out: Path | None, serve: bool, port: int) -> int:
    """Make the documentation of every table and column, as one HTML file.

    It needs no store, loads nothing from the network and contains no data of yours, only the description of the tables.
    """
    from agent_store.build import dbt, lock
    from agent_store.cli.bars import doing

    paths = store_paths().ensure()
    page = (out or paths.docs / "index.html").absolute()
    if out is None:
        paths.docs.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not page.parent.is_dir():
        raise StoreError(
            f"There is no folder {page.parent}.", "Make it, or name another file: agent-store docs --out FILE"
        )
    with doing("Reading the models"), lock.build_lock(paths, on_wait=say, lands=False):
        dbt.generate_docs(paths, project_dir(), page)
    tell(f"Documentation: {page}")
    if serve:
        _serve(page, port)
    return 0


def _serve(page: Path, port: int) -> None:
    from agent_store.cli.serving import made_on, serve_until_stopped
    from agent_store.show.docs import server_of

    another = f"Choose another port: agent-store docs --serve --port {port + 1} (0: any free one)"
    with made_on(port, lambda: server_of(page, port), another) as server:
        tell(f"Serving on http://127.0.0.1:{server.server_address[1]}/ – Ctrl-C ends it.")
        serve_until_stopped(server)
