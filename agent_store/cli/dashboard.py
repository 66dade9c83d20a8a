"""`agent-store dashboard`."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from agent_store.cli.output import FILE, tell
from agent_store.errors import StoreError, explain
from agent_store.paths import StorePaths, store_paths


@click.command()
@click.option(
    "--out",
    type=FILE,
    metavar="FILE",
    help="Write the page to this file instead.",
)
@click.option(
    "--serve", is_flag=True, help="Serve it on this machine (127.0.0.1) until Ctrl-C; the page reloads after a build."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="The port to serve on (default: any free port).",
)
@click.option("--no-open", is_flag=True, help="Open no browser.")
def dashboard(out: Path | None, serve: bool, port: int, no_open: bool) -> int:
    """Show in a browser where the money went.

    The page is a single file that needs no server and no network; each build rewrites it.
    """
    from agent_store.show.dashboard import page

    paths = store_paths()
    if serve:
        return _serve(paths, port, no_open=no_open)
    if out is not None:
        return _write_copy(paths, out.expanduser().absolute())
    if not page.is_current(paths):
        page.write(paths)
    tell(f"Dashboard: {paths.dashboard}")
    if not no_open:
        _open(paths.dashboard.as_uri())
    return 0


def _write_copy(paths: StorePaths, place: Path) -> int:
    from agent_store.replacing import replacing
    from agent_store.serve.export import known
    from agent_store.show.dashboard import page

    if place.resolve().is_relative_to(paths.home.resolve()):
        raise StoreError(
            f"{place} is in the home of Agent Store, whose files are its own.",
            f"Name a file elsewhere. Without --out the page is {paths.dashboard}.",
        )
    text = page.text_of(paths)
    try:
        with replacing(place) as fresh:
            fresh.write_text(text, encoding="utf-8")
            # Before it is there: `forget` has to find it, whenever this is killed.
            known.note(paths, place)
    except OSError as error:
        raise explain(error, f"Writing {place}") or StoreError(
            f"{place} cannot be written: {error.strerror}.", "Name a file in a folder that you may write to."
        ) from error
    tell(f"Dashboard: {place}")
    return 0


def _open(address: str) -> None:
    try:
        is_open = webbrowser.open(address)
    except webbrowser.Error:
        is_open = False
    if not is_open:
        tell("No browser could be opened: open the address in one yourself.")


def _serve(paths: StorePaths, port: int, *, no_open: bool) -> int:
    from agent_store.cli.serving import made_on, serve_until_stopped
    from agent_store.show.dashboard.serve import server_of
    from agent_store.store import open_store

    with open_store(paths):
        """Fail here, not in the browser, if there is no store."""
    another = "Choose another port, or none to use any free one: agent-store dashboard --serve"
    server, address = made_on(port, lambda: server_of(paths, port), another)
    with server:
        tell(f"Dashboard: {address}")
        tell("Anyone on this machine who knows this address can see it. Ctrl-C stops the server.")
        if not no_open:
            _open(address)
        serve_until_stopped(server)
    return 0
