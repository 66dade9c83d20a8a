"""The command line: `agent-store ingest | build | report | query | line | doctor | docs | scan | check | dbt
| plugin | schedule | alert | statusline`.

Start-up time matters: DuckDB, rich and dbt are imported by the commands that need them, never by `--help`.
Exit codes: 0 done; 1 failed, nothing was published; 2 wrong usage; 3 no published store; 4 published, but a model
failed, or --strict and a check found something; 5 `alert --check` found an exceeded limit; 130 stopped with Ctrl-C; 141
stopped because the output of a command with side effects was no longer read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_store.cli.program import UNREAD as UNREAD
    from agent_store.cli.program import cli as cli

__all__ = ["UNREAD", "cli", "main"]
_STATUS_LINE = "statusline"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. The status line is drawn after each response, so it does not wait for the other commands to
    load."""
    command, *rest = (list(sys.argv[1:] if arguments is None else arguments)) or [""]
    if command == _STATUS_LINE and not {"-h", "--help"} & set(rest):
        from agent_store.record.hooks.run import store_home
        from agent_store.serve import status_line

        sys.exit(status_line.run(rest, store_home()))
    from agent_store.cli import program

    program.main(arguments)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is exported
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agent_store.cli import program

    return getattr(program, name)
