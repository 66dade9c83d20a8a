"""The program `agent-store`: its commands, and the handling of errors, Ctrl-C and closed output pipes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from agent_store import __version__
from agent_store.cli.alert import alert
from agent_store.cli.brief import brief
from agent_store.cli.build import build
from agent_store.cli.check import check
from agent_store.cli.coverage import coverage
from agent_store.cli.dashboard import dashboard
from agent_store.cli.dbt import dbt
from agent_store.cli.diet import diet
from agent_store.cli.docs import docs
from agent_store.cli.doctor import doctor
from agent_store.cli.effect import effect
from agent_store.cli.export import export
from agent_store.cli.forecast import forecast
from agent_store.cli.forget import forget
from agent_store.cli.ingest import ingest
from agent_store.cli.interrupts import interrupts
from agent_store.cli.lake import lake
from agent_store.cli.line import line
from agent_store.cli.mcp import mcp
from agent_store.cli.output import say, show_only_visible, shown_output
from agent_store.cli.plugin import plugin
from agent_store.cli.pr import pr
from agent_store.cli.privacy import privacy
from agent_store.cli.query import query
from agent_store.cli.reconcile import reconcile
from agent_store.cli.report import report
from agent_store.cli.scan import scan
from agent_store.cli.schedule import schedule
from agent_store.cli.share import share
from agent_store.cli.statusline import statusline
from agent_store.cli.tables import describe, tables
from agent_store.cli.verify import verify
from agent_store.cli.whatif import whatif
from agent_store.errors import StoreError, explain

INTERRUPTED = 130
UNREAD = 141
_DOING = frozenset({"ingest", "build", "scan", "check", "docs"})


class _UnreadError(Exception):
    """The output is no longer read."""


class _Commands(click.Group):
    """The commands; click itself would turn a broken pipe into exit code 1, without a message."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever a command returns
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _UnreadError from error


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="agent-store")
def cli() -> None:
    """What your coding agents did and what it cost, as a tested star schema on this machine.

    The store is in $AGENT_STORE_HOME (by default ~/.agent-store). Nothing leaves this machine.
    """


for _command in (
    ingest, build, report, whatif, forecast, diet, effect, coverage, reconcile, pr, dashboard, query, tables, describe,
    brief, export, line, doctor, docs, scan, check, dbt, plugin, schedule, mcp, alert, statusline, privacy, forget, verify,
    share, lake,
):  # fmt: skip
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every error with a known cause becomes one or two plain sentences."""
    interrupts.watch()
    show_only_visible()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # characters that a terminal cannot show become question marks
    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except (KeyboardInterrupt, click.exceptions.Abort):
        code = _interrupted()
    except click.ClickException as error:
        with shown_output():  # may contain file names
            error.show()
        code = error.exit_code
    except (BrokenPipeError, _UnreadError):
        code = _unread(arguments)
    except Exception as error:
        if interrupts.seen:
            code = _interrupted()
        elif (known := explain(error, "This")) is not None:
            code = _fail(known)
        else:
            raise
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: StoreError) -> int:
    say(f"Error: {error.message}")
    if error.hint:
        say(f"  → {error.hint}")
    return error.exit_code


def _unread(arguments: Sequence[str] | None) -> int:
    """The reader has enough (| head): not an error for a question, but a command with side effects has not finished."""
    # Python would complain once more when closing stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    command = next(iter(sys.argv[1:] if arguments is None else arguments), "")
    if command not in _DOING:
        return 0
    with suppress(OSError):
        say(
            "Stopped because the output is no longer read. Nothing is lost or half done: the next run continues where "
            "this one stopped."
        )
    return UNREAD


def _interrupted() -> int:
    say("\nStopped. Nothing is lost or half done: the next run continues where this one ended.")
    return INTERRUPTED
