"""`agent-store effect`: what is shown of the effects of changes, in any width."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pytest

from agent_store.show import effect
from agent_store.show.tables import show
from agent_store.show.text import safe_console

ROW: dict[str, Any] = {
    "change_id": "one", "component_name": "shop:release-notes", "component_type": "skill",
    "changed_at": datetime(2026, 3, 1, 9, 30),
    "measure": "success", "verdict": "helped", "evidence": "observed, before and after", "difference_type": "difference",
    "difference": 0.21, "difference_low": 0.04, "difference_high": 0.38, "before_mean": 0.55, "after_mean": 0.76,
    "before_count": 31, "after_count": 44, "before_task_count": 40, "after_task_count": 52, "needed_count": 1310,
    "minimum_count": 10, "minimum_session_count": 5,
}  # fmt: skip
COST = ROW | {
    "measure": "cost_usd", "verdict": "hurt", "difference_type": "ratio", "difference": 1.62, "difference_low": 1.11,
    "difference_high": 2.36, "before_mean": 0.42, "after_mean": 0.68,
}  # fmt: skip
TIME = ROW | {
    "measure": "duration_seconds", "verdict": "not enough to tell", "difference_type": "ratio", "difference": 0.9,
    "difference_low": 0.5, "difference_high": 123.4, "before_mean": 95.2, "after_mean": 1800.0,
}  # fmt: skip
CORRECTIONS = ROW | {
    "measure": "corrections", "verdict": "not enough to tell", "difference": -0.1, "difference_low": None,
    "difference_high": None, "before_mean": 0.3, "after_mean": 0.2, "needed_count": None,
}  # fmt: skip
UNLIKE = ROW | {
    "change_id": "two", "component_name": "/home/me/shop/CLAUDE.md\x1b[31m", "changed_at": None,
    "verdict": "not enough to tell",
    "before_count": 0, "after_count": 0, "difference": None, "difference_low": None, "difference_high": None,
    "before_mean": None, "after_mean": None,
}  # fmt: skip
ROWS = [ROW, COST, TIME, CORRECTIONS, UNLIKE, UNLIKE | {"measure": "cost_usd", "difference_type": "ratio"}]


def shown(width: int) -> str:
    """The table in a terminal of that width."""
    out = io.StringIO()
    console = safe_console(file=out, width=width)
    changes = effect.changes(ROWS)
    show(effect.sheet(changes, len(changes)), console)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_table_fits_and_says_verdicts_and_effects(width: int) -> None:
    text = shown(width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "\x1b" not in text
    for said in ("helped", "hurt", "not enough", "+21 pts", "×1.62", "-0.10"):
        assert said in text


def test_a_wide_table_has_the_interval_the_means_and_the_tasks() -> None:
    text = shown(140)
    for said in (
        "shop:release-notes", "2026-03-01", "+4 to +38", "0.50 to >99", "55.0 %", "76.0 %", "$0.42", "95 s", "30 min",
        "31 → 44", "1.3k",
    ):  # fmt: skip
        assert said in text


def test_two_changes_of_one_day_are_told_apart() -> None:
    other = UNLIKE | {
        "change_id": "three", "component_name": ROW["component_name"], "changed_at": datetime(2026, 3, 1, 11, 5),
    }  # fmt: skip
    for width in (60, 80, 140):
        out = io.StringIO()
        show(effect.sheet(effect.changes([*ROWS, other]), 3), safe_console(file=out, width=width))
        assert max(len(line.rstrip()) for line in out.getvalue().splitlines()) <= width
        assert "2026-03-01 09:30" in out.getvalue()
        assert "2026-03-01 11:05" in out.getvalue()
    assert " 09:30" not in shown(140)


def test_a_change_without_like_tasks_takes_one_row() -> None:
    lines = [line for line in shown(140).splitlines() if "0 → 0" in line]
    assert len(lines) == 1
    assert "all" in lines[0]


def test_the_notes_say_the_basis_and_the_least_n() -> None:
    notes = effect.notes(ROWS)
    assert notes[0].startswith("2 of 6 comparisons tell something.")
    assert "fewer than 10 tasks from 5 sessions" in notes[0]
    assert any("After 1 change, no task is of the same project" in note for note in notes)
    assert notes[-1].startswith("Observed")
    randomised = effect.notes([ROW | {"evidence": "randomised"}])
    assert randomised[-1].endswith("randomised, a test.")
    assert not any(note.startswith("Observed") for note in randomised)


def test_nothing_says_what_makes_a_change_known() -> None:
    assert "no change of till" in effect.nothing("till", is_in_period=False)
    assert "in this time" in effect.nothing(None, is_in_period=True)
