"""The output of commands, and where it goes: text for people, tables, JSON."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from agent_store.show.text import safe_console, visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console


PROBLEMS_SHOWN = 20
_COLOR: Final = re.compile(r"(\x1b\[[0-9;]*m)")


class _Place(click.Path):
    """A path that is not empty: an empty shell variable must not mean the current folder."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None  # noqa: ANN401 - as click has it
    ) -> Any:  # noqa: ANN401
        if value == "":
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = _Place(path_type=Path)
FILE = _Place(dir_okay=False, path_type=Path)


def new_console(*, error: bool = False) -> Console:
    """A console; output to anything but a terminal is plain text, as wide as it needs to be."""
    console = safe_console(stderr=error, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = safe_console(stderr=error, highlight=False, width=120)
    return console


def show_only_visible() -> None:
    """Apply the same rule to Python's own output: unexpected errors and warnings."""

    def crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        import traceback

        say("".join(traceback.format_exception(kind, error, trace)).rstrip())

    class Visible(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return visible(super().format(record))

    sys.excepthook = crashed
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Visible())


class _Shown(io.TextIOBase):
    """A stream that another program writes to: its colors stay, all other control characters are made visible."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        parts = _COLOR.split(text)
        self._stream.write("".join(part if at % 2 else visible(part) for at, part in enumerate(parts)))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


@contextmanager
def shown_output() -> Iterator[None]:
    """Context in which control characters on standard output and standard error are made visible, as in texts of
    logs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Shown(before[0]), _Shown(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def tell(message: str) -> None:
    """Print the requested output. Commands print only through this function and the next ones, because output contains
    texts of logs."""
    click.echo(visible(message))


def say(message: str) -> None:
    """Print a message in addition to the requested output."""
    click.echo(visible(message), err=True)


def tell_json(value: object) -> None:
    """Print data as JSON."""
    click.echo(visible_json(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)))


def tell_json_text(document: str) -> None:
    """Print a JSON document, keeping its layout."""
    click.echo(visible_json(document), nl=False)


def tell_raw(text: str) -> None:
    """Print a text with every character unchanged: only if the user asks for that."""
    click.echo(text)


def echo_json(found: dict[str, Any], limit: int | None) -> None:
    """Print data as strict JSON, each list of rows with at most `limit` of them."""
    from agent_store.show.values import plain

    data = plain(found)
    if limit:
        data = {
            key: value[:limit] if isinstance(value, list) and value and isinstance(value[0], dict) else value
            for key, value in data.items()
        }
    tell_json(data)
