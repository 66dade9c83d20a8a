"""`agent-store plugin`."""

from __future__ import annotations

import click

from agent_store.cli.output import tell
from agent_store.paths import store_paths

_CLAUDE = click.option(
    "--claude", "program", default="", metavar="PROGRAM", help="Path to the client, if it is not on the PATH."
)


plugin = click.Group(
    "plugin",
    help="The plugin for Claude Code: hooks that record, the MCP server, feedback commands, the skill `recall`.",
)


@plugin.command()
@_CLAUDE
@click.option(
    "--status-line", "with_status_line", is_flag=True,
    help="Also set the status line in your client settings, unless they have one.",
)  # fmt: skip
def install(program: str, with_status_line: bool) -> int:
    """Install it. New sessions use it, and it is upgraded together with this package."""
    from agent_store import plugin_install

    tell(plugin_install.install(store_paths(), program))
    if with_status_line:
        tell(plugin_install.set_status_line())
    tell(
        "New sessions will be recorded; agent-store plugin uninstall reverses this."
    )
    return 0


@plugin.command()
@_CLAUDE
def uninstall(program: str) -> int:
    """Reverse everything that install did. Recorded events stay in the store."""
    from agent_store import plugin_install

    tell(plugin_install.uninstall(store_paths(), program))
    return 0


@plugin.command()
@_CLAUDE
def status(program: str) -> int:
    """Show how it is installed. Exit code 1 if hooks of this package do not run."""
    from agent_store import plugin_install

    found = plugin_install.status(store_paths(), program)
    if found.is_installed:
        state = "enabled" if found.is_enabled else "disabled"
        tell(f"Plugin:  version {found.version}, {state}, read from {found.read_from}")
    else:
        tell("Plugin:  not installed: agent-store plugin install")
    tell(f"Folder:  {found.folder}")
    tell(f"Python:  {found.python or 'no link: run agent-store plugin install'}")
    last = f"{found.last_record_at:%Y-%m-%d %H:%M} UTC" if found.last_record_at else "nothing yet"
    tell(f"Records: {last}")
    return int(not found.is_well)
