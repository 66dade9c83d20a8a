"""Tables for people: names give way to the width of the terminal, numbers never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_UNBOUNDED = 10_000
# A name is not cut below this many characters.
_SHORTEST_NAME = 8


def table(title: str) -> Table:
    """An empty table with a title."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(
        title=title or None, title_style="bold", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1),
        header_style="dim", pad_edge=False,
    )  # fmt: skip


def name_column(table: Table, title: str, most: int) -> None:
    """A column of names, cut where there is no room for them."""
    table.add_column(title, overflow="ellipsis", no_wrap=True, max_width=most)


def number_columns(table: Table, *titles: str) -> None:
    """Columns of numbers, one below the other."""
    for title in titles:
        table.add_column(title, justify="right", overflow="crop", no_wrap=True)


def fitted(table: Table, console: Console) -> Table:
    """The same table, its names narrowed (the widest first) until it fits the console."""
    from rich.measure import Measurement

    options = console.options.update_width(_UNBOUNDED)
    excess = Measurement.get(console, options, table).maximum - console.width
    names = [column for column in table.columns if column.overflow == "ellipsis" and column.max_width]
    widths = {
        id(column): min(
            column.max_width or 0,
            max(Measurement.get(console, options, cell).maximum for cell in (column.header, *column.cells)),
        )
        for column in names
    }
    while excess > 0 and any(width > _SHORTEST_NAME for width in widths.values()):
        widest = max(names, key=lambda column: widths[id(column)])
        widths[id(widest)] -= 1
        excess -= 1
    for column in names:
        column.max_width = widths[id(column)]
    return table
