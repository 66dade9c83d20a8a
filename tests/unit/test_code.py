"""What is found in source files: symbols, chunks, languages; compared with Python's own parser on real libraries."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import duckdb
import jinja2
import pytest
import rich
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.code.grammars import PARSED_LANGUAGES
from ingest.code.languages import document_type_of, language_of, reason_to_skip
from ingest.code.parse import Parsed, parse
from ingest.code.reads import Reads, numbered_range

REPOSITORY = Path(__file__).resolve().parents[1] / "fixtures" / "code_repo"
SECRET_NAMES = (
    ".env", ".env.local", "id_rsa", "server.pem", "deploy/key.p12", "CREDENTIALS.json", ".mcp.json", "web/.mcp.json",
    ".mcp.json.bak", ".cursor/mcp.json", ".claude.json", ".claude.json.backup", ".claude/settings.json",
    "web/.claude/settings.local.json", ".claude/old/settings.json", "C:\\me\\.claude\\settings.json", "secrets.yaml",
    "deploy/Secrets.toml", "secret.yml", "main.tfvars", "main.auto.tfvars", "main.tfvars.json", "terraform.tfstate",
    ".git-credentials", ".claude-plugin/plugin.json", "claude_desktop_config.json",
)  # fmt: skip
OPEN_NAMES = (
    ".env.example", "environment.py", "keyboard.py", "monkey.ts", "settings.json", "src/settings.json", "mcp.jsonl",
    "secretary.py", "secrets.yaml.example", ".mcp.json.sample", ".claude/CLAUDE.md", ".claude/skills/a/SKILL.md", "main.tf",
)  # fmt: skip
LIBRARIES = tuple(Path(module.__file__ or "").parent for module in (click, rich))


def _parsed(name: str) -> Parsed:
    path = REPOSITORY / name
    return parse(path.read_text(encoding="utf-8"), language_of(name))


def _named(parsed: Parsed, reference_type: str) -> set[str]:
    return {one.name for one in parsed.symbols if one.reference_type == reference_type}


def _definitions(parsed: Parsed) -> set[tuple[str, str | None, str | None, int]]:
    return {
        (one.name, one.container, one.symbol_type, one.line_number)
        for one in parsed.symbols
        if one.reference_type == "definition"
    }


# ----------------------------------------------------------------------------- agreement with Python's ast


@cache
def _library_files() -> list[tuple[Path, str, Parsed, ast.Module]]:
    """Every file of the libraries with what is found in it and Python's own tree."""
    paths = sorted(path for folder in LIBRARIES for path in folder.rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return [
        (path, text, parse(text, "python"), ast.parse(text)) for path, text in zip(paths, texts, strict=True)
    ]


def _functions_and_classes(tree: ast.Module) -> Iterator[tuple[str, int, int, bool]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno, node.end_lineno or 0, isinstance(node, ast.ClassDef)


def _variables(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Plain names that a module or a class assigns, also below `if` and `try`, not those of functions."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, is_local = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            is_local = True
        elif isinstance(node, ast.ClassDef):
            is_local = False
        waiting += [(inner, is_local) for inner in ast.iter_child_nodes(node)]
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets if not is_local else ():
            for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(one, ast.Name):
                    yield one.id, one.lineno


def _calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node.func.lineno
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr, node.func.end_lineno or 0


def test_definitions_in_click_and_rich_are_those_of_python() -> None:
    """In number, name and line; they end where Python's do, or with a comment behind that."""
    count = 0
    for path, text, parsed, tree in _library_files():
        lines = text.split("\n")
        theirs = sorted(_functions_and_classes(tree))
        ours = sorted(
            (one.name, one.line_number, one.line_end, one.symbol_type == "class")
            for one in parsed.symbols
            if one.reference_type == "definition" and one.symbol_type in {"function", "method", "class"}
        )
        assert [(name, line, kind) for name, line, _, kind in ours] == [
            (name, line, kind) for name, line, _, kind in theirs
        ], path
        for (name, _, end, _), (_, _, python_end, _) in zip(ours, theirs, strict=True):
            behind = [line.strip() for line in lines[python_end:end]]
            assert end >= python_end, (path, name)
            assert all(not line or line.startswith("#") for line in behind), (path, name)
        count += len(theirs)
    assert count > 1_500


def test_methods_in_click_and_rich_are_the_functions_in_classes() -> None:
    for path, _, parsed, tree in _library_files():
        theirs = sorted(
            (inner.name, inner.lineno, node.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for inner in node.body
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        ours = {
            (one.name, one.line_number, one.container)
            for one in parsed.symbols
            if one.reference_type == "definition" and one.symbol_type == "method"
        }
        assert ours >= set(theirs), path


def test_variables_of_modules_and_classes_are_those_of_python() -> None:
    for path, _, parsed, tree in _library_files():
        theirs = set(_variables(tree))
        ours = {
            (one.name, one.line_number)
            for one in parsed.symbols
            if one.reference_type == "definition" and one.symbol_type == "variable"
        }
        assert ours == theirs, path


def test_calls_in_click_and_rich_are_those_of_python() -> None:
    for path, _, parsed, tree in _library_files():
        theirs = set(_calls(tree))
        ours = {(one.name, one.line_number) for one in parsed.symbols if one.reference_type == "call"}
        assert ours == theirs, path


def test_imports_in_click_and_rich_are_those_of_python() -> None:
    for path, _, parsed, tree in _library_files():
        modules = {
            name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
        }
        assert modules <= {one.name for one in parsed.symbols if one.symbol_type == "module"}, path
        theirs = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module != "__future__"
            for name in node.names
            if name.name != "*"
        }
        ours = {
            one.name
            for one in parsed.symbols
            if one.reference_type == "import" and one.symbol_type == "import"
        }
        assert theirs <= ours, path


def test_chunks_of_click_and_rich_hold_every_line_that_says_something() -> None:
    for path, text, parsed, _ in _library_files():
        lines = text.split("\n")
        seen: set[int] = set()
        for chunk in parsed.chunks:
            numbers = set(range(chunk.line_start, chunk.line_end + 1))
            assert not numbers & seen, path
            seen |= numbers
            assert text[chunk.char_start : chunk.char_end][: len(chunk.text)] == chunk.text
        missing = [number for number, line in enumerate(lines, 1) if line.strip() and number not in seen]
        assert not missing, path


# ----------------------------------------------------------------------------- the languages


@pytest.mark.parametrize(
    ("name", "definitions", "imports", "calls", "usages"),
    [
        (
            "src/orders.py",
            {
                ("Order", None, "class", 15), ("total", "Order", "method", 22), ("TAX_RATE", None, "variable", 10),
                ("is_known", "validate_order", "function", 37), ("save", None, "function", 43),
                ("second", None, "variable", 11), ("/orders/{number}", None, "endpoint", 49),
            },
            {"json", "price_of", "dataclass", "src.prices"},
            {"price_of", "validate_order", "is_known", "Order", "dumps"},
            {"Order", "TAX_RATE", "codec", "dataclass"},
        ),
        (
            "web/cart.js",
            {
                ("addArticle", None, "function", 8), ("totalOf", None, "function", 13), ("Cart", None, "class", 15),
                ("show", "Cart", "method", 20), ("EMPTY", None, "variable", 5), ("/cart", None, "endpoint", 25),
            },
            {"formatPrice", "api", "./format.js", "fs"},
            {"formatPrice", "totalOf", "Cart", "reduce"},
            {"EMPTY", "fs"},
        ),
        (
            "web/types.ts",
            {
                ("Article", None, "interface", 4), ("Articles", None, "type", 9), ("Currency", None, "enum", 11),
                ("Shop", None, "class", 16), ("open", "Shop", "method", 19), ("find", "Shop", "method", 21),
                ("cheapest", None, "function", 26),
            },
            {"Money", "./money", "round", "./math"},
            {"roundTo", "find"},
            {"Article", "Articles", "Currency", "Money"},
        ),
        (
            "web/view.tsx",
            {("Label", None, "function", 3), ("Page", None, "function", 5)},
            {"Article", "./types"},
            set(),
            {"Label", "Article"},
        ),
        (
            "cmd/main.go",
            {
                ("Stock", None, "class", 13), ("Counter", None, "interface", 17), ("Amount", None, "type", 21),
                ("Count", "Stock", "method", 23), ("newStock", None, "function", 28), ("Limit", None, "variable", 8),
            },
            {"fmt", "strings"},
            {"ToLower", "newStock", "Count", "Println"},
            {"Stock", "Limit", "names"},
        ),
        (
            "native/stock.rs",
            {
                ("Stock", None, "class", 8), ("Level", None, "enum", 12), ("Counts", None, "interface", 17),
                ("count", "Stock", "method", 22), ("article", None, "macro", 27), ("level_of", None, "function", 31),
                ("LIMIT", None, "variable", 4), ("helper", "tests", "function", 37),
            },
            {"HashMap", "Price", "round"},
            {"get", "article", "unwrap_or", "count"},
            {"Stock", "Level", "Counts", "LIMIT"},
        ),
        (
            "lib/Shop.java",
            {
                ("Shop", None, "class", 6), ("LIMIT", "Shop", "variable", 7), ("Shop", "Shop", "method", 10),
                ("count", "Shop", "method", 15), ("Level", "Shop", "enum", 20), ("Sale", "Shop", "class", 22),
                ("Counts", None, "interface", 29),
            },
            {"List", "Map"},
            {"getOrDefault", "min", "Shop"},
            {"Counts", "Override", "LIMIT", "Map"},
        ),
        (
            "native/stock.c",
            {
                ("LIMIT", None, "macro", 4), ("SQUARE", None, "macro", 5), ("article", None, "class", 7),
                ("article_t", None, "type", 10), ("level", None, "enum", 12), ("sales", None, "variable", 14),
                ("count_articles", None, "function", 17), ("name_of", None, "function", 25),
            },
            {"stdio.h", "stock.h"},
            {"SQUARE", "printf"},
            {"article_t", "sales", "LIMIT"},
        ),
        (
            "native/shop.cpp",
            {
                ("shop", None, "module", 4), ("Article", "shop", "class", 6), ("name", "Article", "method", 9),
                ("Cake", "shop", "class", 16), ("price", "Article", "method", 19), ("largest", "shop", "function", 24),
                ("Articles", "shop", "type", 28), ("main", None, "function", 32),
            },
            {"string", "vector"},
            {"largest", "price", "size", "move"},
            {"Article"},
        ),
        (
            "lib/shop.rb",
            {
                ("Store", None, "module", 4), ("LIMIT", "Store", "variable", 5), ("Shop", "Store", "class", 7),
                ("open", "Shop", "method", 12), ("count", "Shop", "method", 16), ("greet", None, "function", 22),
            },
            {"json", "stock"},
            {"generate", "count", "min"},
            {"Stock", "LIMIT", "JSON"},
        ),
        (
            "db/schema.sql",
            {
                ("articles", None, "table", 2), ("sales", None, "table", 7), ("sales_per_article", None, "view", 13),
            },
            set(),
            {"count"},
            {"articles", "sales"},
        ),
        (
            "docs/guide.md",
            {
                ("The shop", None, "heading", 1), ("Orders", "The shop", "heading", 5),
                ("Large orders", "Orders", "heading", 14), ("Prices", "The shop", "heading", 18),
            },
            set(),
            set(),
            set(),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_language_gives_its_symbols(
    name: str,
    definitions: set[tuple[str, str | None, str | None, int]],
    imports: set[str],
    calls: set[str],
    usages: set[str],
) -> None:
    parsed = _parsed(name)
    assert parsed.problem is None
    assert _definitions(parsed) >= definitions
    assert _named(parsed, "import") >= imports
    assert _named(parsed, "call") >= calls
    assert _named(parsed, "usage") >= usages


def test_local_variables_are_no_definitions() -> None:
    for name, local in {
        "web/cart.js": "next", "cmd/main.go": "found", "native/stock.rs": "many", "lib/Shop.java": "found",
        "native/stock.c": "sum", "src/orders.py": "net",
    }.items():  # fmt: skip
        assert local not in _named(_parsed(name), "definition"), name


def test_markdown_is_cut_at_headings_and_not_inside_code() -> None:
    chunks = _parsed("docs/guide.md").chunks
    assert [(one.kind, one.name, one.line_start) for one in chunks] == [
        ("section", "The shop", 1), ("section", "Orders", 5), ("section", "Large orders", 14), ("section", "Prices", 18),
    ]  # fmt: skip


def test_a_heading_without_a_text_stands_with_the_next() -> None:
    source = "# Orders\n\n## Large\n\nMany.\n\nSmall\n-----\n\n### Tiny\nFew.\n\n# End\n"
    assert [(one.name, one.line_start, one.line_end) for one in parse(source, "markdown").chunks] == [
        ("Orders, Large", 1, 6), ("Small, Tiny", 7, 12), ("End", 13, 13),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("## `parse` **now**", "parse now"), ("# [Orders](orders.md) {#orders}", "Orders"), ("### *Why* not", "Why not"),
        ("# snake_case_name", "snake_case_name"), ("# `**options` of a call", "**options of a call"),
        ("# 3 * 4 * 5", "3 * 4 * 5"), ("# <a id='x'></a>Title", "Title"), ("# __all__", "all"), ("# ** #", "**"),
        ("**Bold**\n--------", "Bold"), ("# Use \\_x", "Use _x"),
    ],
)  # fmt: skip
def test_a_heading_is_named_as_a_reader_sees_it(heading: str, name: str) -> None:
    assert _named(parse(heading + "\n\ntext\n", "markdown"), "definition") == {name}


def test_a_whole_module_that_is_imported_is_a_module() -> None:
    source = "import json\nimport os.path as where\nfrom shop import order\njson.loads(where.sep)\n"
    found = {
        (one.name, one.symbol_type)
        for one in parse(source, "python").symbols
        if one.reference_type == "import"
    }
    assert found == {("json", "module"), ("os.path", "module"), ("shop", "module"), ("order", "import")}
    assert {"json", "where"} <= _named(parse(source, "python"), "usage")


def test_a_long_class_is_cut_at_its_methods_and_a_long_function_at_blank_lines() -> None:
    method = "    def method_{0}(self):\n" + "        call()\n" * 30 + "\n"
    chunks = parse("class Long:\n" + "".join(method.format(number) for number in range(6)), "python").chunks
    assert [one.name for one in chunks] == ["Long", *(f"method_{number}" for number in range(6))]
    body = ("    one()\n" * 9 + "\n") * 40
    chunks = parse("def long():\n" + body, "python").chunks
    assert len(chunks) > 3
    assert all(one.line_end - one.line_start < 150 for one in chunks)
    assert all(one.name == "long" for one in chunks)


def test_decorators_and_comments_above_belong_to_the_chunk() -> None:
    source = (
        "import os\n\n"
        + "x = 1\n" * 30
        + "\n# Says it.\n# Twice.\n@cached\ndef said():\n"
        + "    pass\n" * 20
    )
    chunk = next(one for one in parse(source, "python").chunks if one.name == "said")
    assert chunk.text.startswith("# Says it.\n# Twice.\n@cached\ndef said():")


def test_broken_code_gives_what_stands_outside_the_break() -> None:
    parsed = _parsed("broken.py")
    assert parsed.problem == "syntax error in line 5"
    assert {"works", "After"} <= _named(parsed, "definition")
    assert parsed.chunks


def test_a_dbt_model_is_sql_with_a_template_and_no_broken_sql() -> None:
    source = (
        "{{ config(materialized='table') }}\n{# a\n remark #}\nwith lines as (\n"
        "    select * from {{ ref('stg_line') }}\n)\n"
        "select count(*) from lines join {{ source('raw', 'batch') }} using (batch_id)\n"
    )
    parsed = parse(source, "sql")
    assert parsed.problem is None
    assert {("stg_line", 5), ("batch", 7)} <= {(one.name, one.line_number) for one in parsed.symbols}
    assert not any(one.name.strip("x") == "" for one in parsed.symbols)


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="abc(){}[]<>:;,.=+-*/\"'`#@ \n\t\\é→\U0001f600_0", max_size=300),
    st.sampled_from([*sorted(PARSED_LANGUAGES), None, "yaml"]),
)
def test_no_text_breaks_a_parser(text: str, language: str | None) -> None:
    parsed = parse(text, language)
    count = len(text.split("\n")) - text.endswith("\n")
    ends = [0, *(chunk.line_end for chunk in parsed.chunks)]
    assert all(chunk.line_start > end for chunk, end in zip(parsed.chunks, ends, strict=False))
    assert all(1 <= one.line_number <= one.line_end for one in parsed.symbols)
    assert ends[-1] <= count


def test_the_same_text_gives_the_same_twice() -> None:
    text = (REPOSITORY / "src/orders.py").read_text(encoding="utf-8")
    one, two = parse(text, "python"), parse(text, "python")
    assert one.chunks == two.chunks
    assert sorted(map(str, one.symbols)) == sorted(map(str, two.symbols))


# ----------------------------------------------------------------------------- names of files


@pytest.mark.parametrize(
    ("path", "language", "document_type"),
    [
        ("/a/b.py", "python", "code"), ("C:\\a\\Dockerfile", "dockerfile", "config"), ("README", "text", "documentation"),
        ("a.test.tsx", "tsx", "code"), (".gitignore", "ini", "config"), ("x.unknown", None, "other"),
        ("Dockerfile.dev", "dockerfile", "config"), (".env.example", None, "other"),
        ("notes.MD", "markdown", "documentation"),
        ("server.log", "log", "log"), ("rows.csv", "csv", "data"),
    ],
)  # fmt: skip
def test_a_name_says_language_and_type(path: str, language: str | None, document_type: str) -> None:
    assert language_of(path) == language
    assert document_type_of(language) == document_type


def test_the_first_line_of_a_script_says_its_language() -> None:
    assert language_of("run", "#!/usr/bin/env python3\n") == "python"
    assert language_of("run", "#!/bin/sh\n") == "shell"
    assert language_of("run", "plain text") is None


def test_lock_files_and_secrets_are_not_opened() -> None:
    assert reason_to_skip("web/package-lock.json") == "lock file, written by a program"
    for name in SECRET_NAMES:
        assert reason_to_skip(name) == "may hold secrets, judging by its name", name
    for name in OPEN_NAMES:
        assert reason_to_skip(name) is None, name


def test_models_and_scan_agree_on_what_may_hold_secrets() -> None:
    """What agents read of such a file is not kept either: the macro knows the same names."""
    text = (Path(__file__).resolve().parents[2] / "macros" / "may_hold_secrets.sql").read_text(
        encoding="utf-8"
    )
    environment = jinja2.Environment(autoescape=False)
    environment.globals["regex_matches"] = lambda column, pattern: f"regexp_matches({column}, {pattern})"
    expression = environment.from_string(text).module.may_hold_secrets("path")  # type: ignore[attr-defined]
    names = [*SECRET_NAMES, *OPEN_NAMES]
    with duckdb.connect() as connection:
        for prefix in ("", "/home/me/shop/"):
            for name in names:
                found = connection.execute(f"select {expression} from (select ? as path)", [prefix + name])
                assert found.fetchone() == (name in SECRET_NAMES,), prefix + name


# ----------------------------------------------------------------------------- what agents read


def test_a_range_is_read_without_numbers_and_reminders() -> None:
    shown = "     7→def a():\n     8→    pass\n\n<system-reminder>\nremember\n</system-reminder>"
    assert numbered_range(shown) == (7, "def a():\n    pass\n")
    assert numbered_range("1\tone\n2\t\n3\tthree") == (1, "one\n\nthree\n")
    assert numbered_range("File does not exist.") is None


def test_reads_pair_calls_with_results_in_any_order_and_once() -> None:
    call = (
        '{"message": {"content": [{"type": "tool_use", "id": "t1", "name": "Read", '
        '"input": {"file_path": "/a.py"}}]}}'
    )
    result = '{{"message": {{"content": [{{"type": "tool_result", "tool_use_id": "{0}", "content": "1\\tx = 1"}}]}}}}'
    for lines in (
        [call, result.format("t1")],
        [result.format("t1"), call],
        [call, *[result.format("t1")] * 2],
    ):
        reads = Reads(set())
        for line in lines:
            reads.take(line)
        assert [(one.path, one.line_start, one.text) for one in reads.found()] == [("/a.py", 1, "x = 1\n")]
    reads = Reads({"t1"})
    reads.take(call)
    reads.take(result.format("t1"))
    assert not list(reads.found())
    reads = Reads(set())
    reads.take(result.format("other tool"))
    assert reads.orphans() == ["other tool"]
    assert not list(reads.found())


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '{"message": 1}', '{"message": {"content": [1, null]}}', "null"]
)
def test_odd_lines_are_passed_over(line: str) -> None:
    reads = Reads(set())
    reads.take(line)
    assert not list(reads.found())
