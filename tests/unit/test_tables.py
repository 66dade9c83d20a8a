"""Tables fit any width: a number is whole or not there, and a path keeps what tells it from others."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from agent_store.show.tables import Sheet, shorten_paths, show

PATHS = [
    "/home/dev/shop/frontend/src/components/button/index.ts",
    "/home/dev/shop/frontend/src/components/dialog/index.ts",
    "/home/dev/shop/backend/src/app.py",
    "Makefile",
]


def _sheet() -> Sheet:
    sheet = Sheet("Cost by branch, the 2 most expensive of 1,559")
    sheet.name("branch")
    sheet.name("project", rank=5, most=18)
    sheet.bar(10)
    sheet.number("cost")
    sheet.number("share", rank=1)
    sheet.number("tokens", "requests", rank=2)
    for name in ("a-branch-with-a-very-long-name-that-goes-on", "main"):
        sheet.add(name, "a-project-of-many-words", "████", "$1,234.56", "12.5 %", "145.5M", "12,345")
    return sheet


def _text(sheet: Sheet, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    show(sheet, console)
    return console.export_text()


@pytest.mark.parametrize("width", [12, 16, 24, 30, 40, 60, 80, 100, 140, 200])
def test_every_number_shown_is_whole(width: int) -> None:
    text = _text(_sheet(), width)
    assert max(len(line) for line in text.splitlines()) <= width
    words = text.replace("\n", " ").split()
    assert words.count("$1,234.56") == 2
    parts = {"12.5", "145.5M", "12,345"}
    assert all(word in parts for word in words if word.rstrip("…")[:2] in {"14", "12"} and word != "12")


def test_columns_are_left_out_by_rank_and_names_take_what_is_left() -> None:
    heads = {width: _text(_sheet(), width) for width in (50, 60, 200)}
    assert "requests" not in heads[50] and "share" in heads[50] and "project" not in heads[50]
    assert "tokens" in heads[60]
    assert "a-branch-with-a-very-long-name-that-goes-on" in heads[200], "not cut where there is room"
    assert "Cost by branch, the 2 most expensive of 1,559" in heads[60], (
        "a title is not wrapped to the table's width"
    )


def test_a_cell_is_text_never_markup() -> None:
    sheet = Sheet()
    sheet.name("name")
    sheet.add("[red]it[/red]")
    assert "[red]it[/red]" in _text(sheet, 40)


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="1 cells for 7 columns"):
        _sheet().add("x")


@pytest.mark.parametrize("width", [10, 20, 30, 40, 60])
def test_paths_are_cut_in_the_middle(width: int) -> None:
    short = shorten_paths(PATHS, width)
    assert all(len(path) <= width for path in short)
    assert short[3] == "Makefile"
    if width >= 20:
        assert len(set(short)) == len(short), "no two look alike"
        assert short[2].endswith("src/app.py")


def test_folder_and_name_stay() -> None:
    assert [path.rpartition("…/")[2] for path in shorten_paths(PATHS, 30)[:2]] == [
        "button/index.ts",
        "dialog/index.ts",
    ]
    assert shorten_paths(["C:\\Users\\dev\\shop\\src\\main.py"], 20) == ["C:\\…\\src\\main.py"]


def test_what_stands_before_a_path_stays_and_what_is_no_path_is_cut_at_its_end() -> None:
    assert shorten_paths(["Write: /home/dev/shop/docs/research.md"], 28) == ["Write: /…/docs/research.md"]
    assert shorten_paths(["Bash: git log --oneline | head -100"], 20) == ["Bash: git log --one…"]
    assert shorten_paths(["a-project-without-a-folder"], 12) == ["a-project-w…"]


def test_a_plain_table_has_neither_head_nor_lines_and_cuts_names_further() -> None:
    sheet = Sheet("By project", is_plain=True)
    sheet.path("name")
    sheet.number("cost")
    sheet.add("folder/of/a-project", "$1,234,567.89")
    sheet.add("shop", "$0.10")
    assert [line.rstrip() for line in _text(sheet, 40).splitlines()] == [
        "By project",
        " folder/of/a-project  $1,234,567.89",
        " shop                         $0.10",
    ]
    assert "$1,234,567.89" in _text(sheet, 26).splitlines()[1], "beside its name, not below it"
