"""Tables are found by a word and described from what the store says about itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_store.errors import StoreError
from agent_store.show.catalog import (
    Column,
    Relation,
    alike,
    detail_text,
    list_text,
    relations,
    search,
    time_of,
    unknown,
)

COST = Relation(
    "v_cost_daily", "view", "One row per local day, with dollars. More of it.",
    columns=(Column("day_name", "VARCHAR", "The day."), Column("cost_usd", "DOUBLE", "US dollars.")),
)  # fmt: skip
MISS = Relation(
    "fact_cache_miss", "table", "One row per API call that missed the cache.", 12,
    columns=(
        Column("missed_date", "DATE", "Its day."),
        Column("missed_at", "TIMESTAMP", "When it was."),
        Column("extra_cost_usd", "DOUBLE", "What the caches cost."),
    ),
)  # fmt: skip
SKILL = Relation(
    "dim_skill", "table", "One row per skill.", 3, columns=(Column("skill_name", "VARCHAR", ""),)
)
KNOWN = [COST, MISS, SKILL]


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("cost", ["v_cost_daily", "fact_cache_miss"], ""),
        ("costs", ["v_cost_daily", "fact_cache_miss"], ""),
        ("Cache misses", ["fact_cache_miss"], ""),
        ("caches", ["fact_cache_miss"], ""),
        ("cahce", ["fact_cache_miss"], "cach"),
        ("skills", ["dim_skill"], ""),
        ("what does a skill do", ["dim_skill"], ""),
        ("dollars per day", ["v_cost_daily"], ""),
        ("flaky skill", ["dim_skill"], "skill"),
        ("zebra", [], ""),
        ("", [], ""),
    ],
)
def test_a_word_finds_what_has_to_do_with_it(text: str, names: list[str], words: str) -> None:
    found = search(KNOWN, text)
    assert [one.name for one in found.relations] == names
    assert found.words == words


def test_the_columns_that_hold_the_word_are_named() -> None:
    by_name = {one.name: one.matched for one in search(KNOWN, "cost").relations}
    assert by_name == {"v_cost_daily": (), "fact_cache_miss": ("extra_cost_usd",)}


@given(st.text(), st.integers(min_value=1, max_value=200))
def test_any_text_can_be_looked_for_and_shown(text: str, width: int) -> None:
    search(KNOWN, text)
    hostile = Relation(text, "table", text, columns=(Column(text, text, text),), example=text)
    shown = (
        list_text([hostile], width) + list_text([hostile], width, grouped=True) + detail_text(hostile, width)
    )
    assert "\x1b" not in shown


@pytest.mark.parametrize("width", [60, 80, 140])
def test_lines_fit_the_terminal(width: int) -> None:
    long = Relation("v_" + "x" * 30, "view", "One row per " + "word " * 80, columns=MISS.columns)
    for text in (list_text([*KNOWN, long], width, grouped=True), detail_text(long, width)):
        assert max(map(len, text.splitlines())) <= width


def test_the_time_of_a_row_is_a_timestamp_before_a_date() -> None:
    at = time_of(MISS.columns)
    assert at is not None
    assert at.name == "missed_at"
    assert time_of(COST.columns) is None


def test_a_wrong_name_is_answered_with_names_like_it() -> None:
    names = ["fact_prompt", "dim_session", "v_cost"]
    assert alike("fact_prompts", names)[0] == "fact_prompt"
    assert alike("session", names) == ["dim_session"]
    error = unknown("zzz", names)
    assert isinstance(error, StoreError)
    assert "agent-store tables" in error.hint
    assert len(unknown("x" * 10_000, names).message) < 200


def test_columns_of_a_table_that_is_not_there_are_left_out() -> None:
    row = {"kind": "column", "name": "a", "data_type": "DATE", "meaning": None, "table_name": "gone"}
    assert relations([row]) == []
