"""The rules of intent_rules, held against texts that people have labelled, by the SQL of the model itself."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
import yaml

ROOT = Path(__file__).parents[2]
MACROS = (
    "dialect/lists.sql", "dialect/texts.sql", "dialect/regex.sql", "dialect/regex_numbers.sql",
    "rule_cases.sql", "request_clauses.sql",
)  # fmt: skip
RULE_COLUMNS = (
    "{rule_order: 'integer', rule_name: 'varchar', source: 'varchar', pattern: 'varchar', category: 'varchar', "
    "confidence: 'double', example: 'varchar'}"
)
# A third of the labelled texts is held out: its misses are counted here and read by nobody who changes a rule.
HELD_OUT = 3
LEAST_RIGHT = 0.95
LEAST_RIGHT_HELD_OUT = 0.95
LEAST_RIGHT_IN_CATEGORY = 0.8
MAX_RULES = 92
EVERYDAY = [
    ("no, that is not what I asked for", "correction"),
    ("still not working", "correction"),
    ("Please fix the flaky login test", "debug"),
    ("create a pull request", "git"),
    ("Run make fast-ci", "test"),
    ("Run failing tests to verify", "test"),
    ("run the server", "configure"),
    ("run it", "continue"),
    ("never mind! but please add a footer", "implement"),
    ("we keep getting strange errors here", "debug"),
    ("The login test fails. Find out why and fix it.", "debug"),
    ("go test fails in the parser", "debug"),
    ("prepare the client for release", "release"),
    ("stop, that is the wrong server", "correction"),
    ("no, leave the old button where it was", "correction"),
    ("never mind, put the old file back", "correction"),
    ("Oh no, the menu is gone", "correction"),
    ("Are you sure? Add it only if the list is really empty", "question"),
    ("have an agent add stock checks to the cart", "implement"),
    ("Add a GitHub action that runs the tests", "configure"),
    # A question is no correction, however it begins.
    ("hmm, why did you put it there?", "explain"),
    ("hmm, is that really needed?", "question"),
    ("wait, does it only run on main?", "question"),
    ("I still don't see how the two differ, can you explain?", "explain"),
    ("no", "unknown"),
    # Reading and searching are on the way to what is wanted, unless nothing else is.
    ("Read the spec and start implementation", "implement"),
    ("have a look at the diff of the cart and explain what the second loop does", "explain"),
    ("Examine the changes, add and commit", "git"),
    ("look at the old parser. Then rewrite it without the global state", "refactor"),
    ("read the price list", "research"),
    ("Check the version of the compiler", "research"),
    ("I'd like your help with refactoring the cart. Find the marker and start there.", "refactor"),
    ("Half of the browser tests are failing. If you need more, have a look at the diff.", "debug"),
    ("Read the handoff. Explain what the files do.", "explain"),
    ("check the paper for odd places", "review"),
    ("Use the scanner mcp to look for old licences", "research"),
    ("are you able to test it", "test"),
    ("please help rewriting this with proper elements", "refactor"),
    ("if a new version comes out that we do not know, how will that fail?", "explain"),
    ("The agents are quiet, can you check?", "unknown"),
    ("we can delete them later", "unknown"),
    ("isn't a simpler way to get the value?", "unknown"),
    ("the build runs on the right commit, but it looks at main. wth?", "unknown"),
    ("Edit /tmp/test_edit_tool0/basic.txt and put a line at its end", "implement"),
    ("Find and update the command so that it takes a flag", "implement"),
    ("look at the list and lets keep working on it", "continue"),
    ("Read the spec and chunk it into small parts", "unknown"),
    # A prompt of the shell is no error.
    ("ann@box:~/shop$ pip install cart\nCollecting cart\nSuccessfully installed cart-1.0", "unknown"),
    ("ann@box:~/shop$ pip install cart\nerror: externally-managed-environment", "debug"),
    ("What about if we leave the guard out?", "plan"),
    ("what's next?", "plan"),
    ("what is its purpose", "explain"),
    ("do you think there is a simpler way?", "unknown"),
    ("You're misunderstanding me, skip only the slow ones", "correction"),
    ("Fix the lost metadata in push.md when a request exists", "debug"),
    ("fix the README", "document"),
    # Further down nothing is decided: what stands there may be thought aloud, told or quoted.
    ("The cart is old. It was made by two people. They liked it. Add the list of prices.", "unknown"),
    # A question that names a wish is a question.
    ("How many tokens were sent? Do we need to update the README?", "question"),
    ("I have some old themes that I'd like to use. Where can I put them?", "question"),
    # What stands in brackets asks for nothing.
    ("Round 2: smaller things (rename fields, add tests)", "unknown"),
    ("Add the list (see the ticket, fix it later)", "implement"),
    # Texts are documents, whatever the verb.
    ("write a balanced opinion on this approach", "document"),
    ("Create new architecture docs", "document"),
    ("Update manuscript sections 3 to 5", "document"),
    # A verb at the beginning is not enough.
    ("help me apply for the travel grant", "unknown"),
    ("we're going to make a little experiment here", "unknown"),
    ("check again", "unknown"),
    ("close plan", "unknown"),
    ("Use subagents as much as you can.", "unknown"),
    ("Skip the slow memory test for now", "unknown"),
    ("Do the 3 changes that you suggest separately.", "unknown"),
    ("we import it in two different places?", "unknown"),
    ("think about everything you did today", "unknown"),
    ("that feels odd? because we want the agent to drive the browser", "unknown"),
    # What merely tells something asks for nothing.
    ("There are no tests for this module.", "unknown"),
    ("The importer was written by the other team", "unknown"),
    # What is pasted asks for nothing either.
    (
        "why does this fail?\nRun npm run check\n> biome check .\nError: Process completed with exit code 1.",
        "debug",
    ),
    ("<bash-notification>\n<status>completed</status>\n<summary>run the tests</summary>", "unknown"),
    ("Operation stopped by hook: fix the lint errors first", "unknown"),
]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


RULES = rows(ROOT / "seeds" / "intent_rules.csv")
LABELLED = rows(ROOT / "tests" / "labelled" / "intents.csv")


def seed_rows(connection: duckdb.DuckDBPyConnection, seed: str) -> list[dict[str, Any]]:
    """What the macro of this name gives: a seed of rules in their order."""
    relation = connection.sql(f"select * from {seed} order by rule_order")
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def rendered(connection: duckdb.DuckDBPyConnection, model: str) -> str:
    """A model's SQL as dbt renders it in a full refresh, with the tables of a connection."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    variables = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    context: dict[str, Any] = {
        "execute": True, "config": lambda **_: "", "ref": lambda name: name,
        "var": lambda name, default=None: variables.get(name, default),
        "is_incremental": lambda: False, "unseen": lambda: "true", "seed_rows": lambda seed: seed_rows(connection, seed),
    }  # fmt: skip
    text = "\n".join((ROOT / "macros" / path).read_text(encoding="utf-8") for path in MACROS)
    module = environment.from_string(text, globals=context).make_module()
    macros = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    sql = (ROOT / "models" / "intermediate" / f"{model}.sql").read_text(encoding="utf-8")
    return environment.from_string(sql, globals=context | macros).render()


@pytest.fixture(scope="module")
def classified() -> dict[str, tuple[str, str]]:
    """Every text of this module with its category and the rule that gave it."""
    texts = (
        [row["text"] for row in LABELLED]
        + [rule["example"] for rule in RULES]
        + [text for text, _ in EVERYDAY]
    )
    with duckdb.connect() as connection:
        connection.execute(
            f"create table intent_rules as from read_csv('{ROOT / 'seeds' / 'intent_rules.csv'}', header = true, "
            f"delim = ',', quote = '\"', escape = '\"', columns = {RULE_COLUMNS})"
        )
        connection.execute(
            "create table int_turn as select unnest(?) as prompt_text, 1 as _batch_id", [texts]
        )
        connection.execute(
            "create table int_tool_call (tool_name varchar, tool_input struct(subject varchar, description varchar, prompt "
            "varchar), result struct(task struct(subject varchar), newTodos struct(content varchar)[]), _batch_id bigint)"
        )
        query = f"select classified_text, category, rule_name from ({rendered(connection, 'int_classified_text')})"
        return {text: (category, rule) for text, category, rule in connection.execute(query).fetchall()}


def right(labelled: list[dict[str, str]], classified: dict[str, tuple[str, str]]) -> float:
    return sum(classified[row["text"]][0] == row["category"] for row in labelled) / len(labelled)


def test_labels_are_enough_legal_and_of_many_kinds() -> None:
    categories = {rule["category"] for rule in RULES} | {"unknown"}
    assert len(LABELLED) >= 600
    assert {row["category"] for row in LABELLED} == categories
    assert {row["kind"] for row in LABELLED} == {"prompt", "delegation", "list_item"}
    assert len({row["text"] for row in LABELLED}) == len(LABELLED)


def test_the_rules_give_labelled_texts_their_category(classified: dict[str, tuple[str, str]]) -> None:
    seen = [row for number, row in enumerate(LABELLED, 1) if number % HELD_OUT]
    assert right(seen, classified) >= LEAST_RIGHT


def test_the_rules_hold_for_texts_that_they_were_not_made_from(
    classified: dict[str, tuple[str, str]],
) -> None:
    held_out = [row for number, row in enumerate(LABELLED, 1) if not number % HELD_OUT]
    assert right(held_out, classified) >= LEAST_RIGHT_HELD_OUT


@pytest.mark.parametrize("category", sorted({row["category"] for row in LABELLED}))
def test_no_category_is_guessed_badly(category: str, classified: dict[str, tuple[str, str]]) -> None:
    """Neither are its texts taken for others nor others for its texts."""
    meant = Counter(classified[row["text"]][0] for row in LABELLED if row["category"] == category)
    given = Counter(row["category"] for row in LABELLED if classified[row["text"]][0] == category)
    assert meant[category] / meant.total() >= LEAST_RIGHT_IN_CATEGORY, meant
    assert given[category] / given.total() >= LEAST_RIGHT_IN_CATEGORY, given


@pytest.mark.parametrize("kind", ["prompt", "delegation", "list_item"])
def test_every_kind_of_text_is_read(kind: str, classified: dict[str, tuple[str, str]]) -> None:
    assert right([row for row in LABELLED if row["kind"] == kind], classified) >= LEAST_RIGHT_HELD_OUT


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["rule_name"])
def test_an_example_is_found_by_its_own_rule(
    rule: dict[str, str], classified: dict[str, tuple[str, str]]
) -> None:
    assert classified[rule["example"]] == (rule["category"], rule["rule_name"])


@pytest.mark.parametrize(("text", "category"), EVERYDAY)
def test_everyday_texts(text: str, category: str, classified: dict[str, tuple[str, str]]) -> None:
    assert classified[text][0] == category


def test_rules_are_few_and_hints_come_after_the_clauses() -> None:
    """A clause is given to the first rule that matches, so a hint must not stand before a rule that asks."""
    sources = [rule["source"] for rule in RULES]
    assert len(RULES) <= MAX_RULES
    last_clause = max(at for at, source in enumerate(sources) if source == "clause")
    assert last_clause < sources.index("preparation") < sources.index("hint")
