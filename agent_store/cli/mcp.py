"""`agent-store mcp`."""

from __future__ import annotations

import click

from agent_store.cli.output import say
from agent_store.paths import store_paths

_PORT = 7417


@click.command()
@click.option(
    "--http", is_flag=True, help="Serve HTTP on 127.0.0.1 instead of standard input and output."
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=_PORT, show_default=True, help="The port for --http."
)
def mcp(http: bool, port: int) -> int:
    """Serve the store to agents, as tools of the Model Context Protocol.

    A client starts this command and communicates over standard input and output. The plugin for Claude Code sets it up.
    With --http it serves any number of clients at http://127.0.0.1:PORT/mcp that send `Authorization: Bearer TOKEN`.
    The token is AGENT_STORE_MCP_TOKEN, or else the content of `mcp_token` in the store's home.
    """
    from agent_store.serve.mcp import server

    if not http:
        server.serve()
        return 0
    from agent_store.serve.mcp.http import bound, token_of

    paths = store_paths()
    token = token_of(paths)
    listening = bound(port)
    say(f"Serving http://127.0.0.1:{port}/mcp. The token is in {paths.home / 'mcp_token'}.")
    server.serve_http(listening, token)
    return 0
