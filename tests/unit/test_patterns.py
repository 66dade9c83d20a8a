"""No pattern takes a time that grows with the square of what somebody else wrote."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from pathlib import Path

import pytest

import ingest
from ingest import components, git
from ingest.code.headings import heading_text
from ingest.code.reads import numbered_range
from ingest.code.templates import template_references, without_template
from ingest.components import Folder
from ingest.components.front_matter import plain_front_matter, read_front_matter, split_front_matter
from ingest.components.links import import_circles, links_of
from ingest.components.parse import _listed

LENGTH = 200_000
# Long enough to tell a square from a line, short enough to try every pattern on every text.
PATTERN_LENGTH = 50_000
SECONDS = 2.0
PIECES = (
    "[", "[a", "[](", "[](a", '[](a "', "[](a ", "![", "{", "{a", "{%", "{%\n", "{#", "{{", "(", "((a", "<", "<a", "</a",
    "*", "**a", "**a ", "_a", "__a ", "~~a", "`", "```\n", "~~~\n", "scripts/-", "scripts/a.", "references/a/", "@", "@a/",
    " @a.", "a.", "a/", "---\n", "\n---", "\n--- ", " ", "\t", "\n", " \n", "\\u", "\\ud800", "\\", '"', "'", "ref(",
    "ref( ", "ref('a',", "ref('", "1", "a", "A_", "skills/", "commands/.m", "rules/", "/", "-", "a-", "=", ":", "a: ", "#",
    "refs/", "C:", "é", "\u2192", "token", "://", "gitdir:", ".env.",
)  # fmt: skip
TEXTS = [(piece * (PATTERN_LENGTH // len(piece) + 1))[:PATTERN_LENGTH] for piece in PIECES] + [
    f"{start}{sign * PATTERN_LENGTH}{end}"
    for start, sign, end in (("a: x", " ", "y"), ("[a](", " ", ""), ("a", " ", ")x"), ("", " ", "x"), ("", "1", "x"))
]  # fmt: skip
# These read a heading, which is cut before: see the test of headings.
CUT_BEFORE = re.compile("_HEADING|_RECEIVER")
# This one is only asked whether a line begins with it.
ONLY_MATCHED = "_COMMENT_LINE"


def _patterns() -> list[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    return [
        (f"{module.name.removeprefix('ingest.')}.{name}", value)
        for module in pkgutil.walk_packages(ingest.__path__, "ingest.")
        for name, value in sorted(vars(importlib.import_module(module.name)).items())
        if isinstance(value, re.Pattern) and not CUT_BEFORE.match(name)
    ]


@pytest.mark.parametrize(("name", "pattern"), _patterns(), ids=[name for name, _ in _patterns()])
def test_a_pattern_is_linear(name: str, pattern: re.Pattern[str] | re.Pattern[bytes]) -> None:
    if re.search("_(PATH|FILE|PLACE|NAME|EXAMPLE)$", name) and "TEMPLATE" not in name:
        pytest.skip("reads a path, which the system limits")
    for text in TEXTS:
        given = text if isinstance(pattern.pattern, str) else text.encode()
        started = time.process_time()
        if not name.endswith(ONLY_MATCHED):
            list(pattern.finditer(given))  # type: ignore[type-var]
        pattern.match(given)  # type: ignore[type-var]
        pattern.fullmatch(given)  # type: ignore[type-var]
        assert time.process_time() - started < SECONDS, f"{name} on {text[:20]!r}"


def _in_time(started: float, what: str) -> None:
    assert time.process_time() - started < SECONDS, what


@pytest.mark.parametrize("piece", PIECES)
def test_a_text_of_anything_is_taken_apart_in_time(piece: str) -> None:
    text = (piece * (LENGTH // len(piece) + 1))[:LENGTH]
    started = time.process_time()
    links_of(Path("/nowhere/SKILL.md"), text)
    import_circles(Path("/nowhere/SKILL.md"), text)
    split_front_matter(f"---\n{text}")
    plain_front_matter(text)
    _listed(text)
    read_front_matter(text)
    numbered_range(text)
    numbered_range(f"1\t{text}")
    without_template(text)
    list(template_references(text))
    heading_text(text)
    _in_time(started, piece)


@pytest.mark.parametrize("piece", ["[](", "**a ", "{#", "<a", "_a_", "[a"])
def test_many_long_headings_are_named_in_time(piece: str) -> None:
    started = time.process_time()
    for _ in range(200):
        heading_text(f"# {piece * 5_000}")
    _in_time(started, piece)


def test_a_skill_of_brackets_is_landed(tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "skills" / "x" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"---\nname: x\ndescription: y\n---\n{'[' * LENGTH}", encoding="utf-8")
    started = time.process_time()
    changes = components.scan([Folder(tmp_path, "project")], {}, set, "here")
    assert len(changes.rows["component_version"]) == 1
    _in_time(started, "skill")


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[a](b.md)", ["b.md"]), ("[a](<b.md>)", ["b.md"]), ('[a](b.md "c")', ["b.md"]), ("[![i](i.png)](b.md)", ["i.png"]),
        ("[[a](b.md)", ["b.md"]), ("[a] (b.md)", []), ("[a]\n(b.md)", []), ("x [a](b.md) [c](d.md)", ["b.md", "d.md"]),
    ],
)  # fmt: skip
def test_links_are_found_as_before(text: str, links: list[str]) -> None:
    assert [link["target"] for link in links_of(Path("/nowhere/a.md"), text)] == links


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Read, Bash(git add:*), Edit", ["Read", "Bash", "Edit"]), ("Bash(echo $(pwd)), Read", ["Bash", "Read"]),
        ("Bash(a, Read", ["Bash(a", "Read"]), ("*, a b", ["a", "b"]), (")a, b", ["a", "b"]),
    ],
)  # fmt: skip
def test_names_in_a_list_lose_what_stands_in_brackets(text: str, names: list[str]) -> None:
    assert _listed(text) == names


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("select {{ ref('a') }} from b", "select xxxxxxxxxxxxxx from b"),
        ("{% if a %}x{% endif %}{# c #}y", f"{' ' * 10}x{' ' * 11}{' ' * 7}y"),
        ("{{ a\n}} {% x", "    \n   {% x"),
        ("{# {% a %} {{ b }}", "{#         xxxxxxx"),
    ],
)
def test_templates_keep_their_places(text: str, plain: str) -> None:
    assert without_template(text) == plain


def test_what_was_read_ends_before_a_reminder() -> None:
    assert numbered_range("1\ta\n2\tb\n\n<system-reminder>c") == (1, "a\nb\n")
    assert numbered_range("1" * 5_000 + "\ta") is None


def test_the_head_is_found_among_many_references_in_time(tmp_path: Path) -> None:
    folder = tmp_path / ".git"
    for name in ("objects", "refs"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    lines = "".join(f"{number:040x} refs/heads/other{number}\n" for number in range(50_000))
    (folder / "packed-refs").write_text(f"{lines}{1:040x} refs/heads/main\n", encoding="utf-8")
    started = time.process_time()
    assert git.head_of(tmp_path) == f"{1:040x}"
    _in_time(started, "packed-refs")
