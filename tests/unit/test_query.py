"""Rows of a query as people read them."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from agent_store.query import Answer, show_table, write_json


def _text(answer: Answer, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    show_table(answer, console)
    return console.export_text()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (142.80441200000004, "142.804412"),
        (0.1 + 0.2, "0.3"),
        (2.0, "2"),
        (4.58e-17, "4.58e-17"),
        (0.0, "0"),
        (-0.0, "0"),
        (None, "–"),
    ],
)
def test_numbers_have_no_noise(value: float | None, shown: str) -> None:
    assert shown in _text(Answer(["number"], [(value,)], is_cut=False), 80).split()


def test_what_fits_is_a_table() -> None:
    text = _text(Answer(["name", "tokens"], [("a", 1), ("b", 22)], is_cut=False), 80)
    assert "row 1" not in text
    assert [line.split() for line in text.splitlines()][3:5] == [["a", "1"], ["b", "22"]]


def test_what_is_too_wide_stands_row_by_row_and_no_name_is_broken() -> None:
    columns = [f"a_long_name_of_column_{number}" for number in range(8)]
    text = _text(Answer(columns, [tuple(range(8)), tuple(range(8))], is_cut=True), 100)
    assert "row 2" in text
    assert all(text.count(name) == 2 for name in columns)
    assert "2 rows shown; there are more" in text


def test_long_texts_are_folded_numbers_are_not() -> None:
    rows = [("word " * 40, 1_234_567_890)]
    text = _text(Answer(["text", "number"], rows, is_cut=False), 60)
    assert "1234567890" in text
    assert max(len(line) for line in text.splitlines()) <= 60


def test_json_is_strict_and_keeps_both_of_two_columns_with_one_name() -> None:
    out = io.StringIO()
    row = (1.5, float("nan"), float("-inf"), [float("nan"), {"x": float("inf")}], 7)
    write_json(Answer(["cost", "cost", "cost_2", "list", "cost"], [row], is_cut=False), out)
    assert json.loads(out.getvalue(), parse_constant=pytest.fail) == [
        {"cost": 1.5, "cost_3": None, "cost_2": None, "list": [None, {"x": None}], "cost_4": 7}
    ]
