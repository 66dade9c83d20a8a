"""What commands print, and where to: words for people, tables, JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_store.show.text import safe_console, visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console


PROBLEMS_SHOWN = 20


class _Folder(click.Path):
    """A path that is not empty: an empty variable of a shell is not the folder that one is in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None  # noqa: ANN401 - as click has it
    ) -> Any:  # noqa: ANN401
        if value == "":
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = _Folder(path_type=Path)


def new_console(*, error: bool = False) -> Console:
    """A console; what is not a terminal gets plain text of a width that fits."""
    console = safe_console(stderr=error, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = safe_console(stderr=error, highlight=False, width=120)
    return console


def say(message: str) -> None:
    click.echo(visible(message), err=True)


def echo_json(found: dict[str, Any], limit: int | None) -> None:
    """Print data as strict JSON, each list of rows with at most `limit` of them."""
    from agent_store.show.values import plain

    data = plain(found)
    if limit:
        data = {
            key: value[:limit] if isinstance(value, list) and value and isinstance(value[0], dict) else value
            for key, value in data.items()
        }
    click.echo(visible_json(json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)))
