"""The seeds keep their promises: rules match their examples, prices are dated and verified."""

from __future__ import annotations

import csv
import re
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

SEEDS = Path(__file__).parents[2] / "seeds"
SEED_NAMES = sorted(path.stem for path in SEEDS.glob("*.csv"))
TOLERANCE_USD = 1e-6

KEYS: dict[str, tuple[str, ...]] = {
    "model_prices": ("model_name", "valid_from", "prompt_tokens_above", "speed"),
    "context_windows": ("model_name", "effective_date"),
    "tool_types": ("tool_name",),
    "intent_rules": ("rule_name",),
    "tool_error_rules": ("rule_order",),
    "budgets": ("budget_name",),
    "line_types": ("line_type", "subtype"),
    "transcript_keys": ("line_type", "key"),
}


def rows(seed: str) -> list[dict[str, str]]:
    """All rows of a seed as text."""
    with (SEEDS / f"{seed}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def column_types(seed: str) -> dict[str, str]:
    """The column types the seed's yml gives, in its order."""
    text = (SEEDS / f"{seed}.yml").read_text(encoding="utf-8")
    block = text.split("column_types:\n", 1)[1]
    return dict(re.findall(r"^ {8}(\w+): (\S+)$", re.split(r"(?m)^ {4}\w", block)[0], flags=re.MULTILINE))


def load(connection: duckdb.DuckDBPyConnection, seed: str) -> None:
    """Load a seed as a table with the types of its yml."""
    types = ", ".join(f"'{name}': '{sql_type}'" for name, sql_type in column_types(seed).items())
    path = SEEDS / f"{seed}.csv"
    connection.execute(
        f"create table {seed} as select * from read_csv('{path}', header = true, delim = ',', quote = '\"', "
        f"escape = '\"', columns = {{{types}}})"
    )


class Price(NamedTuple):
    """One row of model_prices, as far as a cost needs it."""

    valid_from: date
    valid_to: date
    prompt_tokens_above: int
    usd: tuple[float, float, float, float]


class Reported(NamedTuple):
    """A dollar figure Claude Code reported for one model of one session; all cache writes for one hour."""

    model_name: str
    used_on: date
    tokens: tuple[int, int, int, int]
    usd: float


def prices(model_name: str, speed: str = "standard") -> list[Price]:
    """The dated prices of a model: input, output, cache read, one-hour cache write."""
    columns = (
        "input_usd_per_mtok",
        "output_usd_per_mtok",
        "cache_read_usd_per_mtok",
        "cache_write_1h_usd_per_mtok",
    )
    found = []
    for row in rows("model_prices"):
        if (row["model_name"], row["speed"]) == (model_name, speed):
            usd_input, usd_output, usd_read, usd_write = (float(row[column]) for column in columns)
            found.append(
                Price(
                    date.fromisoformat(row["valid_from"]),
                    date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max,
                    int(row["prompt_tokens_above"]),
                    (usd_input, usd_output, usd_read, usd_write),
                )
            )
    return found


def cost(model_name: str, used_on: date, tokens: tuple[int, int, int, int]) -> float:
    """Cost in USD of the input, output, cache read and one-hour cache write tokens of one request."""
    prompt_tokens = tokens[0] + tokens[2] + tokens[3]
    valid = [price for price in prices(model_name) if price.valid_from <= used_on < price.valid_to]
    bands = [price for price in valid if price.prompt_tokens_above < max(prompt_tokens, 1)]
    band = max(bands, key=lambda price: price.prompt_tokens_above)
    return sum(count * usd for count, usd in zip(tokens, band.usd, strict=True)) / 1e6


REPORTED = [
    Reported("claude-opus-5-5", date(2026, 10, 11), (4, 174, 4_105, 4_208), 0.037981),
    Reported("claude-opus-5-5", date(2026, 10, 1), (6, 358, 55_462, 9_757), 0.0963324),
    Reported("claude-opus-5-5", date(2026, 10, 1), (576, 13_104, 3_026_670, 108_547), 1.738094),
    Reported("claude-fable-5-1", date(2026, 10, 1), (1_028, 43_363, 2_912_773, 155_602), 6.01866325),
    Reported("claude-fable-5-1", date(2026, 10, 1), (2, 4, 11_590, 19_826), 0.3996375),
    Reported("claude-haiku-5-5", date(2026, 10, 10), (2, 4, 0, 19_046), 0.0038114),
    Reported("claude-opus-5", date(2026, 8, 1), (28, 2_930, 448_453, 24_403), 0.5416465),
    Reported("claude-opus-5", date(2026, 8, 1), (4, 263, 26_703, 6_792), 0.0878665),
    Reported("claude-haiku-4-5", date(2026, 9, 14), (368, 516, 106_786, 9_149), 0.0319246),
    Reported("claude-haiku-4-5", date(2026, 9, 14), (946, 184, 7_448, 7_641), 0.0178928),
]


@pytest.mark.parametrize("seed", SEED_NAMES)
def test_every_seed_has_a_yml_that_lists_its_columns(seed: str) -> None:
    """The yml beside the csv names the same columns in the same order."""
    assert tuple(column_types(seed)) == tuple(rows(seed)[0])


@pytest.mark.parametrize("seed", SEED_NAMES)
def test_every_seed_loads_with_its_types(seed: str) -> None:
    """DuckDB reads the csv with the column types of the yml and loses no row."""
    with duckdb.connect() as connection:
        load(connection, seed)
        assert connection.execute(f"select count(*) from {seed}").fetchall() == [(len(rows(seed)),)]


@pytest.mark.parametrize(("seed", "key"), KEYS.items())
def test_names_are_unique(seed: str, key: tuple[str, ...]) -> None:
    """No two rows have the same key."""
    found = [tuple(row[column] for column in key) for row in rows(seed)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("seed", ["intent_rules", "tool_error_rules"])
def test_rules_are_numbered_in_file_order(seed: str) -> None:
    """The order of the file is the order of the rules."""
    assert [int(row["rule_order"]) for row in rows(seed)] == list(range(1, len(rows(seed)) + 1))


def test_every_error_example_matches_its_own_rule_first() -> None:
    """An example is caught by its rule and by none before it, for a tool the rule is for."""
    tools = {
        "": "Read",
        "^mcp__": "mcp__tickets__search",
        "^(Bash|PowerShell)$": "Bash",
        "^WebFetch$": "WebFetch",
    }
    rules = rows("tool_error_rules")
    for rule in rules:
        first = next(
            candidate["rule_order"]
            for candidate in rules
            if candidate["source"] == rule["source"]
            and re.search(candidate["tool_pattern"], tools[rule["tool_pattern"]])
            and re.search(candidate["pattern"], rule["example"])
        )
        assert first == rule["rule_order"], rule["example"]


@pytest.mark.parametrize(
    ("text", "error_type"),
    [
        (
            "Permission for this tool use was denied. The tool use was rejected (eg. if it was a",
            "denied_user",
        ),
        ("The user doesn't want to proceed with this tool use. The tool use was rejected.", "denied_user"),
        ("The agent proposed a plan that was rejected by the user. The user chose to stay", "denied_user"),
        ("User declined to answer questions", "denied_user"),
        ("User rejected update to /shop/cart.py", "denied_user"),
        ("The user has rejected the plan", "denied_user"),
        ("Permission for this action has been denied. Reason: blocked by classifier.", "denied_auto"),
        ("Permission for this tool use was denied by the Claude Code auto mode classifier.", "denied_auto"),
        (
            "shop-model is temporarily unavailable, so auto mode cannot determine the safety of Bash",
            "denied_auto",
        ),
        ("Permission to use Bash has been auto-denied (prompts unavailable).", "denied_rule"),
        ("Permission to use Bash with command a\nb\nc has been denied.", "denied_rule"),
        ("Permission to use Edit has been denied because Claude Code is running in don't ask", "denied_rule"),
        ("Permission to read /etc/shadow has been denied.", "denied_rule"),
        ("Claude requested permissions to edit /shop/.env which is a sensitive file.", "denied_rule"),
        (
            "This Bash command contains multiple operations. The following parts require approval: a",
            "denied_rule",
        ),
        ("Compound commands with cd and git require approval to prevent attacks", "denied_rule"),
        ("Command contains ${} parameter substitution", "denied_rule"),
        ("Execute skill: cart-report", "denied_rule"),
        ("Permission denied", "permission_denied_os"),
        ("The user doesn't want to take this action right now. STOP what you are doing", "cancelled"),
        ("Request failed with status code 503", "http_error"),
        ("getaddrinfo ENOTFOUND shop.example.com", "network"),
    ],
)
def test_refusals_are_told_from_failures(text: str, error_type: str) -> None:
    """Every wording of a client for a refusal has the class of who refused."""
    first = next(
        rule["error_type"]
        for rule in rows("tool_error_rules")
        if rule["source"] == "error_text" and not rule["tool_pattern"] and re.search(rule["pattern"], text)
    )
    assert first == error_type


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1 grep -rn cart src", True),
        ("1 git -C /shop grep cart", True),
        ("1 diff a b", True),
        ("1 [ -f cart.lock ]", True),
        ("1 [[ -n $x ]]", True),
        ("1 do command -v cartctl", True),
        ("1 sudo pgrep cart", True),
        (" rg cart", True),
        ("123 xargs grep -l cart", True),
        ("2 grep cart missing.py", False),
        ("128 git diff main", False),
        ("1 pytest -q", False),
        ("1 git push", False),
        ("1 ! grep -q TODO src/cart.py", False),
        ("1 testrunner --all", False),
        ("127 which cart", False),
        ("1 ls missing", False),
    ],
)
def test_what_finds_nothing_is_told_from_what_fails(text: str, found: bool) -> None:
    """An exit status that only says no belongs to a command that asks."""
    assert found == any(
        re.search(rule["pattern"], text)
        for rule in rows("tool_error_rules")
        if rule["source"] == "last_command"
    )


def test_every_instruction_example_matches_its_own_rule_first() -> None:
    """RE2 finds an example by its rule and by none before it, and no rule takes code or a page of docs."""
    with duckdb.connect() as connection:
        rules = rows("instruction_files")
        for path, expected in [(rule["example"], rule["rule_name"]) for rule in rules] + [
            ("/app/src/planner.py", None), ("/app/docs/plans-and-prices.html", None), ("/app/README.md", None),
        ]:  # fmt: skip
            first = next(
                (
                    rule["rule_name"]
                    for rule in rules
                    if connection.execute("select regexp_matches(?, ?)", [path, rule["pattern"]]).fetchone()
                    == (True,)
                ),
                None,
            )
            assert first == expected, path


def test_error_patterns_mean_the_same_in_duckdb() -> None:
    """RE2 takes every pattern and finds in every example what Python finds."""
    with duckdb.connect() as connection:
        load(connection, "tool_error_rules")
        query = "select lower(example), regexp_matches(lower(example), ?) from tool_error_rules"
        for rule in rows("tool_error_rules"):
            for example, found in connection.execute(query, [rule["pattern"]]).fetchall():
                assert found == (re.search(rule["pattern"], example) is not None)


def test_price_ranges_do_not_overlap() -> None:
    """At most one row holds for a model, speed and band on a date."""
    speeds = {(row["model_name"], row["speed"]) for row in rows("model_prices")}
    for model_name, speed in speeds:
        for one, other in combinations(prices(model_name, speed), 2):
            if one.prompt_tokens_above == other.prompt_tokens_above:
                assert one.valid_to <= other.valid_from or other.valid_to <= one.valid_from, model_name


def test_every_price_row_has_its_base_band() -> None:
    """Every model has a standard row for small prompts that is valid today, and every price is positive."""
    for row in rows("model_prices"):
        base = [price for price in prices(row["model_name"]) if price.prompt_tokens_above == 0]
        assert sum(price.valid_to == date.max for price in base) == 1
        assert min(price.valid_from for price in base) <= date.fromisoformat(row["released_on"])
        assert all(float(value) > 0 for column, value in row.items() if column.endswith("_usd_per_mtok"))


@pytest.mark.parametrize("reported", REPORTED)
def test_reported_dollars_are_recomputed(reported: Reported) -> None:
    """The price table gives the dollars the client itself reported."""
    assert cost(reported.model_name, reported.used_on, reported.tokens) == pytest.approx(
        reported.usd, abs=TOLERANCE_USD
    )


@pytest.mark.parametrize(
    ("tokens", "old_client_usd"), [((2, 18, 0, 41_728), 0.250644), ((2, 5, 21_273, 3_565), 0.0278529)]
)
def test_sonnet_5_was_reported_at_half_as_much_again(
    tokens: tuple[int, int, int, int], old_client_usd: float
) -> None:
    """Client 2.1.220 priced Sonnet 5 at 3/15, one and a half times its list price of 2/10."""
    assert cost("claude-sonnet-5", date(2026, 8, 1), tokens) * 1.5 == pytest.approx(
        old_client_usd, abs=TOLERANCE_USD
    )


def test_dated_and_banded_prices() -> None:
    """Sonnet 5.5 reads halved on 2026-10-07; Haiku 5.5 costs five times as much above 100k prompt tokens."""
    million_read = (0, 0, 1_000_000, 0)
    assert cost("claude-sonnet-5-5", date(2026, 10, 6), million_read) == pytest.approx(0.2)
    assert cost("claude-sonnet-5-5", date(2026, 10, 7), million_read) == pytest.approx(0.1)
    at_limit, above = (100_000, 1_000, 0, 0), (100_001, 1_000, 0, 0)
    used_on = date(2026, 10, 10)
    assert cost("claude-haiku-5-5", used_on, at_limit) == pytest.approx(0.0105)
    assert cost("claude-haiku-5-5", used_on, above) == pytest.approx(0.0525005)


def test_every_priced_model_has_a_context_window() -> None:
    """The two seeds about models know the same models."""
    assert {row["model_name"] for row in rows("model_prices")} == {
        row["model_name"] for row in rows("context_windows")
    }


def test_every_key_belongs_to_a_known_line_type() -> None:
    """Keys are listed only for line types that are listed too, and none repeats the envelope."""
    known = {row["line_type"] for row in rows("line_types")}
    keys = rows("transcript_keys")
    envelope = {row["key"] for row in keys if row["line_type"] == "*"}
    assert {row["line_type"] for row in keys} - {"*"} <= known
    assert not [row for row in keys if row["line_type"] != "*" and row["key"] in envelope]
