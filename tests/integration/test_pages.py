"""README.md and the pages in docs/: what they show is what the program prints, and what they name exists."""

from __future__ import annotations

import ast
import difflib
import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb
import pytest
import yaml
from conftest import PROJECT, build_output, clean_environment

from agent_store.cli.program import cli
from agent_store.paths import StorePaths
from agent_store.store import open_store

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
LINKING = [
    *PAGES,
    *(PROJECT / name for name in ("CONTRIBUTING.md", "sample/README.md", "tests/golden/README.md")),
]
MOST_LINES = 200
COLUMNS = "100"
GAP = "…"
# What differs from one run to the next, and what is compared instead. Everything else must be the same.
CHANGING = (
    (r"\b\d+\.\d+ s\b", "0.0 s"),
    (r"\b\d+\.\d+ MB\b", "0.0 MB"),
    (r"\S*/home/(agent_store\.duckdb|dashboard\.html)", r"~/.agent-store/\1"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def _blocks(page: Path) -> Iterator[Block]:
    kind, begin, held = None, 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip().startswith("```"):
            held.append(line)
        elif kind is None:
            kind, begin, held = line.strip()[3:], number, []
        else:
            yield Block(page, begin, kind, "\n".join(held))
            kind = None
    assert kind is None, f"{page.name}: a block is not closed"


BLOCKS = [block for page in PAGES for block in _blocks(page)]


def _of(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind]


def _command(words: list[str]) -> list[str]:
    """The words of a simple command from its name on: after variables, the times of cron and uvx."""
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    if len(words) > 5 and all(re.fullmatch(r"[\d*/,-]+", word) for word in words[:5]):
        words = words[5:]
    return words[words.index("agent-store") :] if words[:1] == ["uvx"] and "agent-store" in words else words


def _commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell text."""
    lexer = shlex.shlex(text.replace("\\\n", " ").replace("\n", "\n;\n"), posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    held: list[str] = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set("|&;"):
            if held:
                yield _command(held)
            held = []
        else:
            held.append(word)


# ---- what is printed ---------------------------------------------------------------------------------------------------


def _runs(block: Block) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that it shows."""
    command, shown = "", list[str]()
    for line in block.text.splitlines():
        if command and command.count('"') % 2:
            command += f"\n{line}"
        elif line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        else:
            assert command, f"{block} shows something before its first command"
            shown.append(line)
    yield command, shown


def _steady(lines: list[str]) -> list[str]:
    """Lines without what changes, blanks at their ends and empty ones."""
    text = "\n".join(line.rstrip() for line in lines if line.strip())
    for pattern, instead in CHANGING:
        text = re.sub(pattern, instead, text)
    return text.split("\n")


def _is_shown(shown: list[str], printed: list[str]) -> bool:
    """Whether a block shows what was printed: `…` is any number of lines, at the end of a line the rest of it."""
    pattern = ""
    for line in shown:
        if line.strip() == GAP:
            pattern += r"(?:.*\n)*?"
        else:
            rest = line.endswith(f" {GAP}")
            pattern += re.escape(line.removesuffix(GAP) if rest else line) + (".*" if rest else "") + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def _found(built: str) -> str:
    """The line in which dbt says how large the project is; the build has counted models and tests."""
    counted = re.search(r"dbt: (\d+) models, \d+ of (\d+) tests", built)
    assert counted, "the build does not say what dbt did"
    files = {
        name: len(list((PROJECT / name).rglob(f"*.{kind}")))
        for name, kind in (("analyses", "sql"), ("seeds", "csv"))
    }
    size = (
        f"{counted[1]} models, {files['analyses']} analyses, {counted[2]} data tests, {files['seeds']} seeds"
    )
    return f"Found {size}, and more"


def _printed(command: str, store: Path) -> list[str]:
    """What a command of a block prints over the sample."""
    words = shlex.split(command)
    if words[0] == "make" or words[0].endswith("/dbt"):
        built = build_output(store).read_text(encoding="utf-8")
        known: dict[str, list[str]] = {
            "make setup": [],
            "make build": built.splitlines(),
            ".venv/bin/dbt build": [_found(built), "Using default selector everything", *built.splitlines()],
        }
        assert command in known, f"no rule says what {command} prints"
        return known[command]
    assert Path(words[0]).name == "agent-store", f"no rule says what {command} prints"
    done = subprocess.run(
        [sys.executable, "-m", "agent_store.cli", *words[1:]],
        env={**clean_environment(store.parent), "COLUMNS": COLUMNS},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.splitlines()


@pytest.mark.parametrize("block", _of("console"), ids=str)
def test_a_block_shows_what_is_printed(block: Block, sample_store: Path) -> None:
    for command, shown in _runs(block):
        printed = _steady(_printed(command, sample_store))
        if not _is_shown(_steady(shown), printed):
            difference = "\n".join(
                difflib.unified_diff(_steady(shown), printed, str(block), command, lineterm="")
            )
            pytest.fail(f"{block} shows something else than {command} prints:\n{difference}", pytrace=False)


def test_a_gap_stands_for_lines_and_for_the_rest_of_one() -> None:
    printed = ["one", "two and more", "three"]
    assert _is_shown(printed, printed)
    assert _is_shown(["…", "three"], printed)
    assert _is_shown(["one", "two …", "three", "…"], printed)
    assert not _is_shown(["one", "three"], printed)
    assert not _is_shown(["one", "two", "three"], printed)
    assert not _is_shown(["one", "…", "two", "…"], printed)
    assert _steady(["  in 0.5 s.  ", "", "8.6 MB at /tmp/x/home/agent_store.duckdb"]) == [
        "  in 0.0 s.", "0.0 MB at ~/.agent-store/agent_store.duckdb"
    ]  # fmt: skip


def _queries(block: Block) -> list[str]:
    """The SQL of a block: of an `sql` one all of it, of an `sh` one what `agent-store query` is given."""
    if block.kind == "sql":
        return [statement.query for statement in duckdb.extract_statements(block.text)]
    asked = [words for words in _commands(block.text) if words[:2] == ["agent-store", "query"]]
    return [word for words in asked for word in words[2:] if " " in word]


QUERYING = [block for block in [*_of("sql"), *_of("sh")] if _queries(block)]


@pytest.mark.parametrize("block", QUERYING, ids=str)
def test_a_query_runs(block: Block, sample_store: Path) -> None:
    with open_store(StorePaths(sample_store.parent)) as store:
        for query in _queries(block):
            store.execute(query).fetchall()


# ---- what is named -----------------------------------------------------------------------------------------------------


def _wrong(words: list[str]) -> str | None:
    """What is wrong with a command of Agent Store or make."""
    if words[:1] == ["make"]:
        targets = re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return next((f"make has no target {word}" for word in words[1:2] if word not in targets), None)
    if not words or Path(words[0]).name != "agent-store" or words[1:2] == ["dbt"]:
        return None
    command: click.Command = cli
    options = {"-h", "--help"}
    rest = words[1:]
    while True:
        options.update(name for one in command.params for name in (*one.opts, *one.secondary_opts))
        inner = command.commands.get(rest[0]) if isinstance(command, click.Group) and rest else None
        if inner is None:
            break
        command, rest = inner, rest[1:]
    is_named = bool(rest) and rest[0][0] != "-" and rest[0] != "COMMAND"
    if isinstance(command, click.Group) and not command.invoke_without_command and is_named:
        return f"there is no command {rest[0]}"
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in options]
    return f"{command.name} has no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize("block", _of("sh"), ids=str)
def test_commands_of_a_block_exist(block: Block) -> None:
    for words in _commands(block.text):
        assert _wrong(words) is None, f"{block}: {shlex.join(words)}: {_wrong(words)}"


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_commands_in_a_text_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for written in re.findall(r"`((?:agent-store|make) [^`]+)`", text):
        for words in _commands(written.replace("\n", " ")):
            assert _wrong(words) is None, f"{page.name}: {written}: {_wrong(words)}"


def test_what_does_not_exist_is_noticed() -> None:
    good = [
        "agent-store report --by skill --since 7d",
        "X=1 .venv/bin/agent-store alert --check || true",
        "make build",
    ]
    bad = [
        "agent-store reprot",
        "agent-store report --bye",
        "a && agent-store plugin instal",
        "make bild",
        "agent-store alert --chek",
    ]
    assert [_wrong(words) for text in good for words in _commands(text) if words[0] != "true"] == [None] * 3
    assert all(any(_wrong(words) for words in _commands(text)) for text in bad)


def _options(command: click.Command) -> set[str]:
    """The options of a command and of the commands in it."""
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    own = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return own.union(*(_options(one) for one in inner))


def test_every_command_is_on_the_page_of_commands_with_options_that_exist() -> None:
    text = (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    named = [re.findall(r"`(\w+)", row.split("|")[1]) for row in rows]
    assert set(cli.commands) == {name for names in named for name in names}
    for row, names in zip(rows, named, strict=True):
        known = set[str]().union(*(_options(cli.commands[name]) for name in names))
        assert [option for option in re.findall(r"`[^`]*?(--[\w-]+)", row) if option not in known] == [], row


@pytest.mark.parametrize("block", [*_of("json"), *_of("yaml"), *_of("python")], ids=str)
def test_a_block_can_be_read(block: Block) -> None:
    if block.kind == "json":
        json.loads(block.text)
    elif block.kind == "yaml":
        yaml.safe_load(block.text)
    else:
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                assert [one.name for one in node.names if not hasattr(module, one.name)] == []


def test_every_block_says_what_it_is() -> None:
    known = {"", "console", "json", "python", "sh", "sql", "yaml"}
    assert [str(block) for block in BLOCKS if block.kind not in known] == []


# ---- pages -------------------------------------------------------------------------------------------------------------


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"(?:\]\(|src=\"|srcset=\")([^)\"\s]+)[)\"]", text):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in _anchors(place), f"{page.name}: {target}"


def test_every_page_is_listed_and_the_first_one_is_short() -> None:
    listed = (PROJECT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [
        page.name for page in PAGES[1:] if page.name != "README.md" and f"({page.name})" not in listed
    ] == []
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= MOST_LINES
