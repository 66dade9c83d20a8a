"""Every rule of the quality seeds finds what its example shows, in DuckDB's own regular expressions."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

SEEDS = Path(__file__).parents[2] / "seeds"
TOLERANCE = 1e-6
FOUND_BY_PATTERN = {"command", "output", "not_run"}
NAMES = {"failed_name", "passed_name"}
ADDED = {"plus", "count_plus"}

Rule = dict[str, str]


def rows(seed: str) -> list[Rule]:
    """All rows of a seed as text; `\\n` in an example is a line break."""
    with (SEEDS / f"{seed}.csv").open(newline="", encoding="utf-8") as handle:
        found = list(csv.DictReader(handle))
    for row in found:
        row["example"] = row.get("example", "").replace("\\n", "\n")
    return found


RULES = rows("check_rules")
COMMANDS = [rule for rule in RULES if rule["rule_type"] == "command"]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database."""
    with duckdb.connect() as opened:
        yield opened


def matches(connection: duckdb.DuckDBPyConnection, text: str, pattern: str) -> bool:
    """Whether a pattern is found in a text."""
    row = connection.execute("select regexp_matches(?, ?)", [text, pattern]).fetchone()
    return bool(row and row[0])


def number(connection: duckdb.DuckDBPyConnection, rule: Rule, text: str) -> float | None:
    """What a rule reads from a text, by its method."""
    if rule["method"] == "word":
        return 1 if matches(connection, text, rule["pattern"]) else None
    row = connection.execute("select regexp_extract_all(?, ?, 1)", [text, rule["pattern"]]).fetchone()
    found = row[0] if row else []
    if rule["method"] in {"count", "count_plus", "names"}:
        return len(found) or None
    numbers = [float(value) for value in found]
    if rule["method"] == "last":
        return numbers[-1] if numbers else None
    if rule["method"] == "only":
        return numbers[0] if len(numbers) == 1 else None
    return sum(numbers) if numbers else None


def read(connection: duckdb.DuckDBPyConnection, check: str, text: str) -> dict[str, float]:
    """All that the rules of a check read from an output: the first rule that finds anything, and what is added."""
    found: dict[str, float] = {}
    added: dict[str, float] = {}
    for rule in RULES:
        if rule["check_name"] != check or rule["rule_type"] in FOUND_BY_PATTERN | NAMES:
            continue
        value = number(connection, rule, text)
        if value is None:
            continue
        if rule["method"] in ADDED:
            added[rule["rule_type"]] = added.get(rule["rule_type"], 0) + value
        else:
            found.setdefault(rule["rule_type"], value)
    return {name: found.get(name, 0) + added.get(name, 0) for name in {**found, **added}}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["rule_name"])
def test_every_rule_finds_what_its_example_shows(connection: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    """A command or output is recognised; a number is read."""
    if rule["rule_type"] in FOUND_BY_PATTERN:
        assert matches(connection, rule["example"], rule["pattern"])
    else:
        assert number(connection, rule, rule["example"]) == pytest.approx(
            float(rule["example_value"]), abs=TOLERANCE
        )


def found_in(connection: duckdb.DuckDBPyConnection, rules: list[Rule]) -> dict[str, set[str]]:
    """The names of the rules whose examples a rule's pattern is found in, one query a pattern."""
    connection.execute("create or replace temp table examples (rule_name varchar, example varchar)")
    connection.execute(
        "insert into examples select unnest(?), unnest(?)",
        [[rule["rule_name"] for rule in rules], [rule["example"] for rule in rules]],
    )
    found = {}
    for rule in rules:
        query = "select rule_name from examples where regexp_matches(example, ?)"
        found[rule["rule_name"]] = {row[0] for row in connection.execute(query, [rule["pattern"]]).fetchall()}
    return found


def test_every_command_is_named_by_a_rule_of_its_own_check(connection: duckdb.DuckDBPyConnection) -> None:
    """The first rule that fits an example of a command is one of the same check."""
    found = found_in(connection, COMMANDS)
    for rule in COMMANDS:
        first = next(one for one in COMMANDS if rule["rule_name"] in found[one["rule_name"]])
        assert first["check_name"] == rule["check_name"], rule["example"]


def test_an_output_shows_no_other_check_of_its_kind(connection: duckdb.DuckDBPyConnection) -> None:
    """The example of one check's output is not taken for another check of the same kind."""
    outputs = [rule for rule in RULES if rule["rule_type"] == "output"]
    found = found_in(connection, outputs)
    for other in outputs:
        for rule in outputs:
            if other["check_kind"] == rule["check_kind"] and other["check_name"] != rule["check_name"]:
                assert rule["rule_name"] not in found[other["rule_name"]], (
                    rule["rule_name"],
                    other["rule_name"],
                )


def test_names_and_order() -> None:
    """Rules are numbered in the order of the file, and no name occurs twice."""
    assert [int(rule["rule_order"]) for rule in RULES] == list(range(1, len(RULES) + 1))
    assert len({rule["rule_name"] for rule in RULES}) == len(RULES)


def test_every_rule_that_reads_a_number_has_a_group() -> None:
    """Sums, last numbers and counts are read from a first group; plus stands beside other rules."""
    for rule in RULES:
        if rule["rule_type"] in FOUND_BY_PATTERN:
            assert rule["method"] == ("word" if rule["rule_type"] == "not_run" else "")
        else:
            assert rule["method"] in {"sum", "last", "only", "count", "word", "names"} | ADDED
            assert (rule["method"] == "names") == (rule["rule_type"] in NAMES)
            assert rule["method"] == "word" or "(" in rule["pattern"].replace("(?", "")


@pytest.mark.parametrize(
    "command",
    [
        "pip install pytest",
        "uv add --dev pytest ruff",
        "npm install --save-dev jest",
        "prettier --write src",
        "ruff format src",
        "cargo fmt",
        "gofmt -w .",
        "test -f pyproject.toml",
        "[ -d tests ]",
        "cat tests/test_cart.py",
        "grep -rn pytest Makefile",
        "git log --oneline -- tests",
        "git diff tests/test_cart.py",
        "echo 5 passed",
        "terraform plan",
        "kubectl apply -f cart.yaml",
        "docker compose up -d",
        "bun install",
        "which mypy",
        "sed -n 1,20p jest.config.js",
        "gh run view --log",
        "gh pr checks 12",
    ],
)
def test_what_only_looks_like_a_check_is_none(connection: duckdb.DuckDBPyConnection, command: str) -> None:
    """Installing, formatting, reading and quoting are no checks; at most a wrapper whose output may show one."""
    first = next((rule for rule in COMMANDS if matches(connection, command, rule["pattern"])), None)
    assert first is None or first["check_kind"] == "any"


@pytest.mark.parametrize(
    ("check", "output", "expected"),
    [
        ("pytest", "3 passed in 0.05s", {"passed": 3, "seconds": 0.05}),
        (
            "pytest",
            "===== 1 failed, 2 passed in 61.20s (0:01:01) =====",
            {"failed": 1, "passed": 2, "seconds": 61.2},
        ),
        ("pytest", "===== no tests ran in 0.01s =====", {"seconds": 0.01, "nothing_ran": 1}),
        # Two runs in one command are added up.
        (
            "pytest",
            "4 passed in 1.00s\n6 passed, 1 skipped in 2.00s",
            {"passed": 10, "skipped": 1, "seconds": 3},
        ),
        # Quiet twice: progress is all there is.
        (
            "pytest",
            "..F..                [100%]\nFAILED tests/test_a.py::test_b - assert 1 == 2",
            {"failed_word": 1},
        ),
        ("pytest", ".......              [100%]", {"passed_word": 1}),
        # What tests print is no summary.
        ("pytest", "Task 2 failed: 84 of 90\n2 passed in 0.10s", {"passed": 2, "seconds": 0.1}),
        (
            "unittest",
            "Ran 3 tests in 0.002s\n\nOK (skipped=1)",
            {"total": 3, "skipped": 1, "seconds": 0.002, "passed_word": 1},
        ),
        (
            "unittest",
            "Ran 1 test in 0.001s\n\nFAILED (errors=1)",
            {"total": 1, "errored": 1, "seconds": 0.001, "failed_word": 1},
        ),
        ("jest", "Test Suites: 2 passed, 2 total\nTests:       9 passed, 9 total", {"passed": 9, "total": 9}),
        ("vitest", " Test Files  2 passed (2)\n      Tests  9 passed (9)", {"passed": 9, "total": 9}),
        (
            "go_test",
            "--- FAIL: TestTax (0.00s)\nFAIL\nFAIL\texample.com/tax\t0.01s",
            {"failed": 1, "seconds": 0.01, "failed_word": 1},
        ),
        # Packages are no tests, and their seconds may have run side by side.
        (
            "go_test",
            "ok  \texample.com/cart\t0.25s\nok  \texample.com/pay\t0.50s\nFAIL\texample.com/tax\t0.01s",
            {"failed_word": 1, "passed_word": 1},
        ),
        (
            "go_test",
            "# example.com/tax\n./tax.go:3:1: syntax error\nFAIL\texample.com/tax [build failed]",
            {"failed_word": 1},
        ),
        (
            "cargo_test",
            "error[E0425]: cannot find value `x`\nerror: could not compile `cart`",
            {"failed_word": 1},
        ),
        ("exunit", "1 property, 2 doctests, 30 tests, 0 failures", {"total": 33, "failed": 0}),
        (
            "rspec",
            "0 examples, 0 failures, 1 error occurred outside of examples",
            {"total": 0, "failed": 0, "errored": 1},
        ),
        ("phpunit", "OK (4 tests, 8 assertions)", {"total": 4, "passed_word": 1}),
        ("ruff", "Found 3 errors (3 fixed, 0 remaining).", {"errored": 0, "fixed": 3}),
        ("ruff", "All checks passed!", {"passed_word": 1}),
        ("mypy", "Found 1 error in 1 file (checked 3 source files)", {"errored": 1}),
        (
            "tsc",
            "a.ts(1,1): error TS2304: Cannot find name\nb.ts(2,1): error TS2304: Cannot find name",
            {"errored": 2},
        ),
        ("pyright", "0 errors, 2 warnings, 0 informations", {"errored": 0, "warnings": 2}),
        ("eslint", "✖ 1 problem (0 errors, 1 warning)", {"errored": 0, "warnings": 1}),
        (
            "biome",
            "Checked 3 files in 900µs. No fixes applied.\nFound 2 errors.",
            {"errored": 2, "passed_word": 1},
        ),
        ("black", "All done! ✨ 🍰 ✨\n3 files would be left unchanged.", {"passed": 3, "passed_word": 1}),
        ("prettier", "[warn] a.ts\n[warn] Code style issues found in the above file.", {"errored": 1}),
        (
            "credo",
            "12 mods/funs, found 1 code readability issue, 2 software design suggestions.",
            {"errored": 3},
        ),
        (
            "test_script",
            'error: script "lint" exited with code 1',
            {},
        ),
        ("lint_script", 'error: script "lint" exited with code 1', {"failed_word": 1}),
    ],
)
def test_summaries(
    connection: duckdb.DuckDBPyConnection, check: str, output: str, expected: dict[str, float]
) -> None:
    """A summary gives these numbers and no others."""
    assert read(connection, check, output) == pytest.approx(expected, abs=TOLERANCE)


def test_every_path_gets_the_artifact_type_of_its_rule(connection: duckdb.DuckDBPyConnection) -> None:
    """The example of an artifact rule is caught by it and by none before it."""
    rules = rows("artifact_rules")
    for rule in rules:
        first = next(one for one in rules if matches(connection, rule["example"], one["pattern"]))
        assert first["rule_name"] == rule["rule_name"], rule["example"]


def test_every_kind_of_check_has_its_metric() -> None:
    """Each kind that a rule finds is measured by exactly one metric."""
    kinds = {rule["check_kind"] for rule in RULES} - {"any"}
    measured = [metric["check_kind"] for metric in rows("quality_metrics")]
    assert kinds <= set(measured)
    assert len(measured) == len(set(measured))
