"""What is deleted before it was landed is named, with its share; what is not deleted is complete."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from agent_store.library import AgentStore

BuildStore = Callable[[Sequence[Path], Path], Path]
# Session files that are deleted: the only one of its day; one of two of a project; one of two projects; one with subagents;
# one that a program started, which the history does not know.
WHOLE_DAY, ONE_OF_TWO, OTHER_PROJECT, WITH_SUBAGENTS, OF_PROGRAM = (
    "60439807-ee97-451e-907d-632389ec8422",
    "9c50f112-5b8e-4582-976f-21ad02f2e3c4",
    "c83397cf-bc91-4199-b8e7-66bc2004cd61",
    "2053bc68-3dbd-44cd-b1e5-d8d2c641f635",
    "5022f946-c12d-4e87-a8b9-e5f8d4539f3f",
)
# It left nothing but the folder of its environment.
UNSAVED = "0b3c2f0e-5a0d-4c8e-9d53-0f6a4e1d7c21"
# It loses a line.
CUT = "7f8978a0-b55f-43ce-a9f0-0bcabc25f2f0"
# Of these days and projects, the sample itself has no transcripts any more.
SWEPT = {
    (date(2026, 8, 19), "ledger"), (date(2026, 8, 26), "shop"), (date(2026, 9, 4), "notes"), (date(2026, 9, 9), "shop"),
}  # fmt: skip
# A program worked on it, and nothing else; the statistics end before it.
UNKNOWN = (date(2026, 11, 22), "shop")


def _judged(store: Path) -> dict[tuple[date, str], dict[str, Any]]:
    with duckdb.connect(str(store), read_only=True) as connection:
        cursor = connection.execute("from v_completeness")
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = {(row["activity_date"], row["project_name"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def _cut_a_line(file: Path) -> None:
    """Drop a line of plain text that the next one follows."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines]
    parents = {row.get("parentUuid") for row in rows}
    texts = [
        number
        for number, row in enumerate(rows)
        if row.get("type") == "assistant"
        and row["uuid"] in parents
        and [block["type"] for block in row["message"]["content"]] == ["text"]
    ]
    del lines[texts[0]]
    file.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def swept_store(build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory, project_dir: Path) -> Path:
    """A store of the sample, built after session files were deleted."""
    root = tmp_path_factory.mktemp("swept") / "home"
    shutil.copytree(project_dir / "sample" / "home", root)
    for session in (WHOLE_DAY, ONE_OF_TWO, OTHER_PROJECT, WITH_SUBAGENTS, OF_PROGRAM):
        (file,) = root.glob(f"projects/*/{session}.jsonl")
        file.unlink()
        shutil.rmtree(file.with_suffix(""), ignore_errors=True)
    (cut,) = root.glob(f"projects/*/{CUT}.jsonl")
    _cut_a_line(cut)
    # Every session had an environment. The history knows one of these, the statistics another, nothing the third.
    began_on = {WHOLE_DAY: "2026-09-17", OF_PROGRAM: "2026-10-16", UNSAVED: "2026-10-31", CUT: "2026-10-01"}
    for session, day in began_on.items():
        environment = root / "session-env" / session
        environment.mkdir(parents=True)
        began = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
        os.utime(environment, (began, began))
    return build_store([root], tmp_path_factory.mktemp("swept-store") / "store")


def test_a_home_from_which_nothing_was_deleted_is_complete(sample_store: Path) -> None:
    judged = _judged(sample_store)
    incomplete = {key for key, row in judged.items() if row["is_complete"] is False}
    assert incomplete == SWEPT
    assert {key for key, row in judged.items() if row["is_complete"] is None} == {UNKNOWN}
    assert {judged[key]["missing_ratio"] for key in SWEPT} == {1.0}
    assert {row["missing_ratio"] for row in judged.values() if row["is_complete"]} == {0.0}


def test_what_was_deleted_is_named_with_its_share(sample_store: Path, swept_store: Path) -> None:
    whole, judged = _judged(sample_store), _judged(swept_store)
    incomplete = {key: row for key, row in judged.items() if row["is_complete"] is False and key not in SWEPT}

    def known(day: str, project: str) -> tuple[Any, ...]:
        row = incomplete.pop((date.fromisoformat(day), project))
        return row["missing_session_count"], row["missing_prompt_count"], row["missing_line_count"], row["missing_ratio"]

    def prompts(day: str, project: str) -> int:
        count: int = whole[date.fromisoformat(day), project]["prompt_count"]
        return count

    assert known("2026-09-17", "ledger") == (1, prompts("2026-09-17", "ledger"), 0, 1)
    assert known("2026-09-23", "shop") == (1, 1, 0, pytest.approx(1 / prompts("2026-09-23", "shop")))
    # The other project of that day is complete.
    assert known("2026-09-22", "shop") == (1, prompts("2026-09-22", "shop"), 0, 1)
    assert judged[date(2026, 9, 22), "ledger"]["is_complete"] is True
    assert known("2026-09-25", "ledger") == (1, prompts("2026-09-25", "ledger"), 0, 1)
    # Only the statistics know it: one of two sessions.
    assert incomplete[date(2026, 10, 16), "shop"]["missing_ratio_basis"] == "sessions or messages of stats_cache"
    assert known("2026-10-16", "shop") == (1, 0, 0, pytest.approx(1 / 2))
    cut = incomplete[date(2026, 10, 1), "notes"]
    assert (cut["missing_line_count"], cut["missing_cause"], cut["missing_session_count"]) == (1, "lines_missing", 0)
    assert known("2026-10-01", "notes")[3] == pytest.approx(1 / (cut["line_count"] + 1))
    assert incomplete == {}
    # Everything else is judged as before.
    others = {key: row["is_complete"] for key, row in whole.items() if judged[key]["is_complete"] is not False}
    assert others == {key: judged[key]["is_complete"] for key in others}


def test_an_environment_says_that_a_session_began_and_no_more(sample_store: Path, swept_store: Path) -> None:
    with duckdb.connect(str(swept_store), read_only=True) as connection:
        rows = connection.execute(
            "select session_id, activity_date, project_path is null, missing_session_count, unsaved_session_count "
            "from v_activity_witness where witness = 'session_environment' order by activity_date"
        ).fetchall()
    assert rows == [
        (WHOLE_DAY, date(2026, 9, 17), True, 0, 0), (CUT, date(2026, 10, 1), False, 0, 0),
        (OF_PROGRAM, date(2026, 10, 16), True, 0, 1), (UNSAVED, date(2026, 10, 31), True, 0, 1),
    ]  # fmt: skip
    whole, judged = _judged(sample_store), _judged(swept_store)
    assert judged.keys() <= whole.keys()
    named = {key for key, row in judged.items() if "session_environment" in row["witnesses"]}
    assert named == {(date(2026, 10, 1), "notes")}
    with AgentStore(swept_store.parent, interface="test") as store:
        found = [store.coverage("all"), store.coverage("2026-10-16"), store.coverage("all", project="shop")]
    assert [one and one.unsaved_session_count for one in found] == [2, 1, 0]


def test_every_total_says_what_it_covers(swept_store: Path) -> None:
    with AgentStore(swept_store.parent, interface="test") as store:
        found = store.coverage()
        assert found is not None
        assert found.covers == "covers 22 of 33 days, 10 incomplete, 1 without a witness"
        assert found.missing_session_count == len(SWEPT) + 5
        in_september = store.coverage("2026-09", project="notes")
        assert in_september is not None
        assert in_september.covers == "covers 3 of 4 days"
        assert store.get_cost_report("all", "model").estimated.endswith(f"the store {found.covers}")
        assert store.what_if(period="all").estimated.endswith(f"the store {found.covers}")
        days = store.get_completeness("2026-09-17..2026-09-18", project="ledger")
        assert [(row["activity_date"], row["is_complete"]) for row in days] == [(date(2026, 9, 17), False)]
        assert len(store.get_completeness("all", limit=5)) == 5
        assert {row["is_complete"] for row in store.get_completeness("all", limit=10)} == {False}
        assert store.coverage("2020") is None
