"""Nothing that a transcript says is obeyed by the terminal that it is shown on."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import agent_store
from agent_store.cli import cli
from agent_store.cli.output import say, show_only_visible, shown_output
from agent_store.cli.program import _fail, main
from agent_store.errors import StoreError
from agent_store.show import query
from agent_store.show.raw_line import RawLine
from agent_store.show.text import safe_console, visible, visible_json

ATTACKS = {
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x1b\\",
    "link": "\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\",
    "c1": "\x9b2J\x9d0;owned\x9c\x90q\x9c",
    "override": "abc\u202egpj.exe\u202c",
    "isolate": "a\u2066b\u2069c\u2067d\u2068e\u2069",
    "marks": "a\u200eb\u200fc\u061cd",
    "return": "harmless\rrm -rf",
    "backspace": "safe\b\b\b\bevil",
    "delete": "a\x7fb",
    "separators": "a\u2028b\u2029c",
    "shift": "a\x0eb\x0fc\x00d\x05",
    "surrogate": "a\ud800b",
    "tags": "a\U000e0001\U000e0072\U000e006db",
}
OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\U000e0000-\U000e007f]"
)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_a_terminal_obeys_is_shown_by_its_code(name: str) -> None:
    shown = visible(ATTACKS[name])
    assert not OBEYED.search(shown)
    assert shown.count("\\") >= len(OBEYED.findall(ATTACKS[name]))
    assert visible(shown) == shown


@pytest.mark.parametrize("name", ATTACKS)
def test_json_is_read_as_the_same_text(name: str) -> None:
    shown = visible_json(json.dumps(ATTACKS[name], ensure_ascii=False))
    assert not OBEYED.search(shown)
    assert json.loads(shown) == ATTACKS[name]


def test_every_control_and_direction_of_unicode_is_covered() -> None:
    """By what Unicode says of each character, not by a list of ours."""
    kept = {"\n", "\t"}
    for number in range(0x3000):
        sign = chr(number)
        if unicodedata.category(sign) == "Cc" or unicodedata.bidirectional(sign) in {
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        }:  # fmt: skip
            assert (visible(sign) == sign) == (sign in kept), hex(number)


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, 世界", "\u05e2\u05d1\u05e8\u05d9\u05ea", "\U0001f469\u200d\U0001f467", "a\tb\nc", "\\x1b", "«quoted»", "",
    ],
)  # fmt: skip
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


# Who writes to the terminal: by the function that shows codes, or what cannot hold any.
PRINTERS = {
    "cli/output.py": "prints what is visible",
    "cli/query.py": "CSV and JSON, which the answer has made visible unless --raw asks for every character",
    "cli/program.py": "gives up the output that nobody reads",
    "serve/status_line.py": "one line, of visible names",
    "record/hooks/hook.py": "the answer of a hook, made visible as a whole",
    "record/hooks/table.py": "a tool of developers: the name of a file of the project",
    "library/building.py": "JSON for the program that started it, and what is visible",
    "build/progress.py": "a bar on a console that shows codes",
}


STREAMS = {
    "click.echo", "click.secho", "click.echo_via_pager", "sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__",
    "rich.print", "warnings.warn",
}  # fmt: skip


def printers(tree: ast.AST) -> set[str]:
    """How a module writes to a terminal: by calls, and by the names of the streams."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found |= {node.func.id} & {"Console", "print", "pprint", "echo", "secho", "safe_console"}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found |= {f"{node.value.id}.{node.attr}"} & STREAMS
        if (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write"
            and node.args and isinstance(node.args[0], ast.Constant | ast.IfExp)
        ):  # fmt: skip
            numbers = {one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
            if numbers & {1, 2}:
                found.add("os.write")
    return found


def test_nothing_prints_around_the_function_that_shows_codes() -> None:
    """A new module prints by `tell` and `say` of the command line, or by the console of `show/text.py`."""
    folder = Path(agent_store.__file__).parent
    found = {
        path.relative_to(folder).as_posix(): used
        for path in folder.rglob("*.py")
        if (used := printers(ast.parse(path.read_text(encoding="utf-8"))))
    }
    # Whether somebody watches is no print.
    found.pop("cli/bars.py")
    assert found.keys() == PRINTERS.keys()
    for path in (folder.parent / "ingest").rglob("*.py"):
        assert not printers(ast.parse(path.read_text(encoding="utf-8"))), path


def attack_console(width: int = 60) -> Console:
    return safe_console(file=io.StringIO(), width=width, highlight=False)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_console_shows_no_one_elses_sequences(name: str) -> None:
    console = attack_console()
    table = Table(title=ATTACKS[name])
    table.add_column(ATTACKS[name], overflow="ellipsis", no_wrap=True, max_width=12)
    table.add_column("number", justify="right")
    table.add_row(Text(ATTACKS[name]), "1")
    console.print(table, Panel(Text(ATTACKS[name])), ATTACKS[name], Text(ATTACKS[name]))
    assert isinstance(console.file, io.StringIO)
    assert not OBEYED.search(console.file.getvalue())


def test_a_console_keeps_its_own_styles_and_its_columns() -> None:
    file = io.StringIO()
    console = safe_console(file=file, width=40, force_terminal=True, color_system="standard")
    table = Table(box=None)
    table.add_column("name", max_width=20)
    table.add_column("number")
    for name in ("plain", ATTACKS["clear"], ATTACKS["c1"]):
        table.add_row(Text(name, style="bold red"), "|")
    console.print(table)
    printed = file.getvalue()
    assert "\x1b[1;31m" in printed
    assert "\x1b[2J" not in printed
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()
    assert len({line.index("|") for line in plain if "|" in line}) == 1


@pytest.mark.parametrize("width", [200, 12])
def test_a_query_shows_codes_as_a_table(width: int) -> None:
    console = attack_console(width)
    rows: list[list[str | None]] = [[value, f"[{value}]"] for value in ATTACKS.values()]
    query.show_table(query.Found(["name", ATTACKS["clear"]], [False, False], rows, is_cut=False), console)
    assert isinstance(console.file, io.StringIO)
    assert not OBEYED.search(console.file.getvalue())
    assert "\\x1b]52" in console.file.getvalue().replace("\n", "") or width == 12


@pytest.mark.parametrize(
    "text", [json.dumps(ATTACKS, ensure_ascii=False), "".join(ATTACKS.values()), "[" * 100_000]
)
def test_a_line_is_shown_by_codes(text: str) -> None:
    assert not OBEYED.search(RawLine("host", "root", 0, 0, text).pretty)


@pytest.mark.parametrize("name", ATTACKS)
def test_messages_are_shown_by_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _fail(StoreError(f"There is no {ATTACKS[name]}", ATTACKS[name]))
    say(ATTACKS[name])
    assert not OBEYED.search(capsys.readouterr().err)


def test_raw_goes_with_what_is_not_a_table() -> None:
    done = CliRunner().invoke(cli, ["query", "select 1", "--raw"])
    assert done.exit_code == 2
    assert "--raw goes with" in done.output


@pytest.mark.parametrize("name", ATTACKS)
def test_a_crash_and_a_warning_are_shown_by_codes(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = logging._StderrHandler(logging.WARNING)  # type: ignore[attr-defined]
    monkeypatch.setattr(logging, "lastResort", handler)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    show_only_visible()
    error = ValueError(ATTACKS[name])
    sys.excepthook(type(error), error, None)
    handler.handle(logging.makeLogRecord({"msg": "a file called %s", "args": (ATTACKS[name],)}))
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "a file called" in said
    assert not OBEYED.search(said)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_another_program_prints_keeps_its_colors_alone(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown_output():
        sys.stdout.write(f"\x1b[31mred\x1b[0m {ATTACKS[name]}")
    said = capsys.readouterr().out
    assert said.startswith("\x1b[31mred\x1b[0m ")
    assert not OBEYED.search(said.replace("\x1b[31m", "").replace("\x1b[0m", ""))


def test_a_mistake_on_the_command_line_is_shown_by_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """A shell makes arguments of the names of files."""
    with pytest.raises(SystemExit):
        main(["query", "select 1", "--format", ATTACKS["clear"]])
    said = capsys.readouterr().err
    assert "\\x1b[2J" in said
    assert not OBEYED.search(said)
