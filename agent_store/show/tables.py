"""Tables for people: a number is shown whole or not at all; names take the remaining space."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

# A name is not cut below this many characters, and a path below twice as many, as long as another column can be left out;
# where none can, below the next number.
_SHORTEST_NAMES = (24, 16, 8)
_SHORTEST_PLAIN_NAMES = (*_SHORTEST_NAMES, 4)
# What rich puts between two columns, and at both edges: with lines, and without.
_GAPS, _PLAIN_GAPS = (3, 2), (2, 1)
_ELLIPSIS = "…"
# A path, perhaps after a word and a colon.
_PATH = re.compile(r"([\w-]+: (?=/|~|[A-Za-z]:[\\/]))?((?:(?!\w+: )[^\n])*[/\\][^\n]*)")


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    kind: str
    # Columns of a higher rank are left out first where there is no room; 0 stays.
    rank: int
    most: int
    style: str


@dataclass(slots=True)
class Sheet:
    """A table that fits any width: it leaves out columns by rank, then shows each row on several lines."""

    title: str = ""
    # Without a head and lines: for tables side by side.
    is_plain: bool = False
    columns: list[_Column] = field(default_factory=list)
    rows: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    def text(self, title: str, *, rank: int = 0) -> None:
        """A column of short texts, such as days and ids: never cut."""
        self.columns.append(_Column(title, "text", rank, 0, ""))

    def name(self, title: str, *, rank: int = 0, most: int = 0) -> None:
        """A column of names: cut at the end where there is no room."""
        self.columns.append(_Column(title, "name", rank, most, ""))

    def path(self, title: str, *, rank: int = 0) -> None:
        """A column of paths: cut in the middle, so that folder and name stay and no two look alike; see `shorten_paths`."""
        self.columns.append(_Column(title, "path", rank, 0, ""))

    def bar(self, width: int, *, rank: int = 9) -> None:
        """A column of bars."""
        self.columns.append(_Column("", "bar", rank, width, "cyan"))

    def number(self, *titles: str, rank: int = 0) -> None:
        """Columns of numbers, one below the other: never cut."""
        for title in titles:
            self.columns.append(_Column(title, "number", rank, 0, ""))

    def add(self, *cells: str, style: str = "") -> None:
        """Add a row of plain texts, one for each column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append((cells, style))

    def fitted(self, width: int) -> RenderableType:
        """The table as it is shown in a console of that width."""
        shown = self._shown(width)
        if shown is None:
            return self._stacked(width)
        from rich.console import Group
        from rich.padding import Padding
        from rich.text import Text

        # The title on its own: as the table's it would be wrapped to the table's width.
        table = self._drawn(*shown)
        body = Padding(table, (0, 0, 0, 1)) if self.is_plain else table
        return Group(Text(self.title, style="bold"), body) if self.title else body

    def _widths(self, places: Sequence[int]) -> dict[int, int]:
        return {
            place: max(
                [0 if self.is_plain else _cells(self.columns[place].title), *(_cells(row[place]) for row, _ in self.rows)]
            )
            if self.columns[place].kind != "bar"
            else self.columns[place].most
            for place in places
        }

    def _shown(self, width: int) -> tuple[list[int], dict[int, int]] | None:
        """Which columns are shown and how wide; None if not even those of rank 0 have room."""
        places = list(range(len(self.columns)))
        whole = self._widths(places)
        for place in places:
            if self.columns[place].kind == "name" and self.columns[place].most:
                whole[place] = min(whole[place], self.columns[place].most)
        for shortest in _SHORTEST_PLAIN_NAMES if self.is_plain else _SHORTEST_NAMES:
            kept = places
            while True:
                least = {place: self._least(place, whole[place], shortest) for place in kept}
                if sum(least.values()) + self._between(len(kept)) <= width:
                    return kept, self._spread(kept, whole, least, width)
                highest = max(self.columns[place].rank for place in kept)
                if highest == 0:
                    break
                dropped = max(place for place in kept if self.columns[place].rank == highest)
                kept = [place for place in kept if place != dropped]
        return None

    def _between(self, count: int) -> int:
        gap, edges = _PLAIN_GAPS if self.is_plain else _GAPS
        return gap * (count - 1) + edges

    def _least(self, place: int, whole: int, shortest: int) -> int:
        column = self.columns[place]
        if column.kind not in {"name", "path"}:
            return whole
        head = 0 if self.is_plain else _cells(column.title)
        return min(whole, max(shortest * (2 if column.kind == "path" else 1), head))

    def _spread(
        self, kept: Sequence[int], whole: dict[int, int], least: dict[int, int], width: int
    ) -> dict[int, int]:
        """Names get the remaining space, the one that lacks most first."""
        widths = dict(least)
        left = width - sum(widths.values()) - self._between(len(kept))
        while left > 0 and (lacking := [place for place in kept if widths[place] < whole[place]]):
            widths[max(lacking, key=lambda place: whole[place] - widths[place])] += 1
            left -= 1
        return widths

    def _drawn(self, places: Sequence[int], widths: dict[int, int]) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=None if self.is_plain else SIMPLE_HEAD, padding=(0, 1), pad_edge=False, header_style="dim",
            show_header=not self.is_plain and any(self.columns[place].title for place in places),
        )  # fmt: skip
        shortened = {
            place: shorten_paths([row[place] for row, _ in self.rows], widths[place])
            for place in places
            if self.columns[place].kind == "path"
        }
        for place in places:
            column = self.columns[place]
            table.add_column(
                Text(column.title), justify="right" if column.kind == "number" else "left", no_wrap=True,
                overflow="ellipsis" if column.kind == "name" else "crop", style=column.style or None,
                width=widths[place],
            )  # fmt: skip
        for number, (row, style) in enumerate(self.rows):
            cells = [Text(shortened[place][number] if place in shortened else row[place]) for place in places]
            table.add_row(*cells, style=style or None)
        return table

    def _stacked(self, width: int) -> RenderableType:
        """Row by row: names on one line, numbers on the next, all of them whole."""
        from rich.console import Group
        from rich.text import Text

        lines: list[RenderableType] = [Text(self.title, style="bold")] if self.title else []
        for row, style in self.rows:
            what = [
                cell
                for column, cell in zip(self.columns, row, strict=True)
                if column.kind in {"text", "name", "path"} and cell
            ]
            lines.append(Text(" ".join(what), style=style, overflow="fold"))
            line = ""
            for column, cell in zip(self.columns, row, strict=True):
                if column.kind != "number" or not cell:
                    continue
                pair = f" {column.title} {cell}".rstrip()
                if line and _cells(line + pair) > width:
                    lines.append(Text(line, style="dim"))
                    line = ""
                line += f" {pair}" if line else pair
            if line:
                lines.append(Text(line, style="dim"))
        return Group(*lines)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def show(sheet: Sheet, console: Console) -> None:
    """Print a table, fitted to the console."""
    console.print(sheet.fitted(console.width))


def shorten_paths(paths: Sequence[str], width: int) -> list[str]:
    """Paths cut in the middle to a width: folder and name stay, and the part that differs from the others.

    The word before a path, as in `Read: /a/b`, stays too; other texts are cut at their end.
    """
    parted = [_PATH.fullmatch(path) for path in paths]
    return [
        (found[1] or "")
        + _shorten(found[2], width - _cells(found[1] or ""), [o[2] for o in parted if o and o[2] != found[2]])
        if found
        else _cut(path, width)
        for path, found in zip(paths, parted, strict=True)
    ]


def _cut(text: str, width: int) -> str:
    from rich.cells import set_cell_size

    return text if _cells(text) <= width else set_cell_size(text, width - 1).rstrip() + _ELLIPSIS


def _shorten(path: str, width: int, others: Sequence[str]) -> str:
    if _cells(path) <= width:
        return path
    separator = "\\" if "\\" in path and "/" not in path else "/"
    parts = path.split(separator)
    # As many of the last parts as it takes to be the only one that ends so, and at least folder and name.
    count = min(2, len(parts))
    while count < len(parts) and any(other.endswith(separator.join(parts[-count:])) for other in others):
        count += 1
    telling, folder, name = parts[-count], parts[-2:-1], parts[-1]
    tails = [parts[-count:]]
    if count > len(folder) + 1:
        tails += [[telling, _ELLIPSIS, *folder, name], [telling, _ELLIPSIS, name]]
    for tail in [*tails, [*folder, name]]:
        short = separator.join([_ELLIPSIS, *tail])
        if _cells(short) <= width:
            return _with_head(path, separator.join(tail), separator, width)
    # Not even folder and name: the name, cut in its middle, its ending kept.
    end = max(1, (width - 1) // 2)
    return f"{name[: width - 1 - end]}{_ELLIPSIS}{name[-end:]}" if _cells(name) > width else name


def _with_head(path: str, tail: str, separator: str, width: int) -> str:
    """The beginning of the path too, as far as whole folders of it have room."""
    head = ""
    for part in path.split(separator)[:-1]:
        longer = f"{head}{part}{separator}"
        if _cells(longer + _ELLIPSIS + separator + tail) > width:
            break
        head = longer
    return f"{head}{_ELLIPSIS}{separator}{tail}"
