"""What a running session has spent, read bit by bit, and what is told of it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_store.build.briefs import seed_rows
from agent_store.record.hooks import session_start, spending
from agent_store.record.hooks.hook import Hook
from agent_store.record.hooks.spending import Live, Tail

PRICE = {
    "speed": "standard", "from": "2024-01-01", "to": "2027-01-01", "above": 0, "input": 4, "write_5m": 5, "write_1h": 8,
    "read": 0.5, "output": 20, "us": 1.1, "batch": 0.5, "search": 0.01,
}  # fmt: skip
COSTS: dict[str, Any] = {
    "prices": {
        "claude-opus-5-5": [
            PRICE,
            {**PRICE, "speed": "fast", "input": 8},
            {**PRICE, "above": 200_000, "input": 100},
            {**PRICE, "from": "2027-01-01", "to": "", "input": 40},
        ]
    },
    "model_names": {"odd-name": "claude-opus-5-5"},
}
MILLION = 1_000_000
NOW = 1_796_000_000  # 2026-11-30 01:33:20 UTC


def line(message: str, usage: dict[str, Any] | None, model: str = "claude-opus-5-5", **more: object) -> str:
    """A line of a response."""
    found = {"type": "assistant", "timestamp": "2026-11-29T10:00:00.000Z", **more}
    found["message"] = {"id": message, "model": model, "usage": usage}
    return json.dumps(found, separators=(",", ":"))


def spent(tmp_path: Path, *lines: str) -> float:
    file = tmp_path / "s1.jsonl"
    file.write_text("".join(one + "\n" for one in lines), encoding="utf-8")
    tail = Tail(COSTS, {})
    tail.read(str(file))
    return tail.spent_usd


def test_a_response_is_priced_by_all_its_classes_of_tokens(tmp_path: Path) -> None:
    usage = {
        "input_tokens": 10_000, "output_tokens": 20_000, "cache_read_input_tokens": 40_000,
        "cache_creation_input_tokens": 30_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 10_000, "ephemeral_1h_input_tokens": 20_000},
        "server_tool_use": {"web_search_requests": 2},
    }  # fmt: skip
    tokens = 0.01 * 4 + 0.02 * 20 + 0.04 * 0.5 + 0.01 * 5 + 0.02 * 8
    assert spent(tmp_path, line("m1", usage)) == pytest.approx(tokens + 0.02)
    assert spent(tmp_path, line("m1", {**usage, "inference_geo": "us"})) == pytest.approx(tokens * 1.1 + 0.02)
    assert spent(tmp_path, line("m1", {**usage, "service_tier": "batch"})) == pytest.approx(tokens / 2 + 0.02)
    # A client of early 2026 wrote 0 above a filled split.
    assert spent(tmp_path, line("m1", {**usage, "cache_creation_input_tokens": 0})) == pytest.approx(
        tokens + 0.02
    )
    # Speed, band and date have prices of their own.
    assert spent(tmp_path, line("m1", {"input_tokens": 100_000, "speed": "fast"})) == pytest.approx(0.8)
    assert spent(tmp_path, line("m1", {"input_tokens": MILLION})) == pytest.approx(100)
    later = line("m1", {"input_tokens": 100_000}, timestamp="2027-01-01T00:00:00Z")
    assert spent(tmp_path, later) == pytest.approx(4)


def test_a_response_counts_once_as_its_fullest_line_says(tmp_path: Path) -> None:
    first, last = (
        {"input_tokens": 100_000, "output_tokens": 1},
        {"input_tokens": 100_000, "output_tokens": 100_000},
    )
    result = json.dumps({"type": "user", "toolUseResult": {"usage": first}, "note": "assistant"})
    assert spent(
        tmp_path, line("m1", first), result, line("m1", last), line("m1", first), "{broken usage assistant"
    ) == pytest.approx(2.4)


def test_what_has_no_price_is_named_and_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "s1.jsonl"
    file.write_text(
        line("m1", {"input_tokens": 9}, "odd-name") + "\n" + line("m2", {"input_tokens": 9}, "other-model") + "\n"
        + line("m3", {"input_tokens": 0}, "<synthetic>") + "\n" + line("m4", {"input_tokens": 1}, "\x1b[2J") + "\n"
    )  # fmt: skip
    tail = Tail(COSTS, {})
    tail.read(str(file))
    assert tail.unpriced == ["other-model", "\\x1b[2J"]
    assert tail.spent_usd == pytest.approx(9 * 4 / MILLION)


@pytest.mark.parametrize(
    "raw",
    ["claude-opus-5-5", "claude-opus-5-5[1m]", "eu.anthropic.claude-opus-5-5-20260922", "claude-opus-5-5@latest",
     "vertex/claude-opus-5-5-latest", " Claude-Opus-5-5"],
)  # fmt: skip
def test_a_model_that_the_store_has_not_seen_has_its_price(raw: str) -> None:
    assert spending.plain_name(raw) == "claude-opus-5-5"
    assert "claude-opus-5-5" in {row["model_name"] for row in seed_rows(PROJECT, "model_prices")}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), max_size=40), st.lists(st.integers(1, 400)))
@settings(deadline=None, max_examples=60)
def test_bit_by_bit_is_the_same_as_at_once(
    tmp_path_factory: pytest.TempPathFactory, responses: list[tuple[int, int]], cuts: list[int]
) -> None:
    """In whatever pieces the file grows; the lines of a response lie together, as the client writes them."""
    lines = [
        line(f"m{one}", {"output_tokens": tokens})
        for one, tokens in sorted(responses, key=lambda pair: pair[0])
    ]
    text = "".join(one + "\n" for one in lines).encode()
    file = tmp_path_factory.mktemp("tail") / "s1.jsonl"
    kept: dict[str, Any] = {}
    end = 0
    for cut in [*cuts, len(text)]:
        end = min(end + cut, len(text))
        file.write_bytes(text[:end])
        tail = Tail(COSTS, kept)
        tail.read(str(file))
        tail.keep(str(file.with_name("kept")))
        kept = json.loads(file.with_name("kept").read_text()) if text else {}
    most = dict(sorted(responses))
    assert tail.spent_usd == pytest.approx(sum(most.values()) * 20 / MILLION)


def test_a_long_file_is_read_by_several_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "_MOST_READ_BYTES", 1000)
    file = tmp_path / "s1.jsonl"
    lines = [line(f"m{number}", {"output_tokens": MILLION}) for number in range(30)]
    file.write_text("\n".join([*lines[:10], "x" * 5000, *lines[10:]]) + "\n")
    kept: dict[str, Any] = {}
    runs, tail = 0, Tail(COSTS, {})
    while not runs or not tail.is_whole:
        runs += 1
        tail = Tail(COSTS, kept)
        tail.read(str(file))
        tail.keep(str(tmp_path / "kept"))
        kept = json.loads((tmp_path / "kept").read_text())
    assert (tail.spent_usd, runs > 5) == (pytest.approx(600), True)


@given(st.dictionaries(st.sampled_from(["files", "told", "unpriced"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["s1.jsonl", "x"]), inner, max_size=2),
)))  # fmt: skip
@settings(deadline=None)
def test_notes_that_are_damaged_disturb_nothing(
    tmp_path_factory: pytest.TempPathFactory, kept: dict[str, Any]
) -> None:
    file = tmp_path_factory.mktemp("damaged") / "s1.jsonl"
    file.write_text(line("m1", {"output_tokens": 5}) + "\n")
    tail = Tail(COSTS, kept)
    tail.read(str(file))
    assert tail.spent_usd == tail.spent_usd
    tail.keep(str(file.with_name("kept")))


# ── what is told


class Session:
    """A running session on a machine with a store."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "store", folder / "shop"
        self.project.mkdir()
        self.transcript = folder / "logs" / "s1.jsonl"
        self.transcript.parent.mkdir()

    def costs(self, **known: object) -> None:
        (self.home / "briefs").mkdir(parents=True, exist_ok=True)
        (self.home / "briefs" / "costs.json").write_text(json.dumps({**COSTS, **known}))

    def spend(self, dollars: int, agent: str = "") -> None:
        """One response of so many dollars."""
        file = self.transcript
        if agent:
            file = self.transcript.with_suffix("") / "subagents" / f"agent-{agent}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
        tokens = dollars * MILLION // 20
        with file.open("a") as opened:
            opened.write(line(f"m{time.monotonic_ns()}", {"output_tokens": tokens}) + "\n")

    def event(self, name: str) -> Hook:
        event = {
            "hook_event_name": name, "session_id": "s1", "transcript_path": str(self.transcript),
            "cwd": str(self.project), "source": "startup",
        }  # fmt: skip
        return Hook(event, str(self.home))

    def told(self, name: str = "Stop") -> str:
        answer = spending.answer(self.event(name))
        assert answer is None or answer.keys() == {"systemMessage"}, "it never blocks"
        return str((answer or {}).get("systemMessage", ""))

    def warned(self) -> list[tuple[str, str]]:
        files = sorted((self.home / "spool").glob("*")) if (self.home / "spool").exists() else []
        records = [json.loads(one) for file in files for one in file.read_text().splitlines()]
        return [
            (one["payload"]["target"], one["payload"]["level"]) for one in records if one["kind"] == "warning"
        ]


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    monkeypatch.setattr(time, "time", lambda: NOW)
    return Session(tmp_path)


FAN = {"alert_kind": "fan_out", "alert_name": "fan", "scope": "all", "title": "The alert fan", "threshold_usd": 10,
       "near_ratio": 0.8}  # fmt: skip
ONE = {**FAN, "alert_kind": "threshold", "alert_name": "one", "title": "The alert one"}
DAY = {
    "alert_kind": "threshold", "alert_name": "day", "scope": "all", "period": "day", "title": "The alert day",
    "threshold_usd": 20, "near_ratio": 0.8, "spent_usd": 15, "starts_at": NOW - 7200, "ends_at": NOW + 7200,
}  # fmt: skip


def test_fan_out_is_the_session_with_its_subagents_and_each_level_is_told_once(session: Session) -> None:
    session.costs(sessions_watched=[FAN])
    session.spend(9)
    assert session.told() == "", "alone it has no fan-out"
    assert (
        session.told("SubagentStart")
        == "Agent Store: The alert fan is nearly reached: $9.00 in this session."
    )
    assert session.told("SubagentStart") == ""
    session.spend(2, "a1")
    session.spend(1, "a2")
    over = "Agent Store: The alert fan is reached: $12.00 in this session and its subagents."
    assert session.told() == over
    session.spend(50, "a2")
    assert session.told() == session.told("SubagentStart") == ""
    assert session.warned() == [("fan", "near"), ("fan", "over")]


def test_a_model_without_a_price_is_told_of_once_though_no_limit_is_reached(session: Session) -> None:
    session.costs(sessions_watched=[ONE])
    with session.transcript.open("a", encoding="utf-8") as file:
        file.write(line("m-x", {"output_tokens": 1}, "other-model") + "\n")
    assert session.told() == "Agent Store: Responses of other-model are not counted: no price is known."
    assert session.told() == ""
    assert session.warned() == []


def test_of_hooks_side_by_side_one_tells(session: Session) -> None:
    session.costs(sessions_watched=[ONE])
    session.spend(11)
    lock = spending._locked(session.event("Stop").place_of_notes(".spent"))
    assert lock is not None
    assert session.told() == "", "another one reads it now"
    os.close(lock)
    assert session.told() == "Agent Store: The alert one is reached: $11.00 in this session."


def test_a_pipe_in_the_place_of_a_transcript_keeps_no_hook_waiting(session: Session) -> None:
    session.costs(sessions_watched=[ONE], periods=[DAY])
    session.transcript.unlink(missing_ok=True)
    os.mkfifo(session.transcript)
    assert session.told() == ""


def test_an_alert_of_another_project_is_not_this_ones(session: Session) -> None:
    mine = {**ONE, "scope": "project", "scope_value": "shop", "alert_name": "by name"}
    folder = {
        **mine,
        "scope_value": "till",
        "folders": [os.path.realpath(session.project)],
        "alert_name": "by folder",
    }
    session.costs(sessions_watched=[mine, folder, {**mine, "scope_value": "shed", "folders": ["/x"]}])
    session.spend(11)
    session.told()
    assert session.warned() == [("by name", "over"), ("by folder", "over")]


def test_a_session_in_a_worktree_counts_for_the_project_that_it_was_made_from(session: Session) -> None:
    shop, worktree, part = session.project, session.home.parent / "fox", session.project / "till"
    by_folder = {**ONE, "scope": "project", "scope_value": "the shop", "folders": [os.path.realpath(shop)]}
    session.costs(sessions_watched=[{**by_folder, "alert_name": "by folder"},
                                    {**by_folder, "scope_value": "shop", "folders": None, "alert_name": "by name"}])
    session.spend(11)
    (worktree / "src").mkdir(parents=True)
    (worktree / ".git").write_text(f"gitdir: {shop}/.git/worktrees/fox\n")
    # A part of the checkout, and a submodule in it, are projects of their own.
    part.mkdir()
    for said in (None, "gitdir: ../.git/modules/till\n"):
        if said:
            (part / ".git").write_text(said)
        session.project = part
        assert session.told() == ""
    session.project = worktree / "src"
    session.told()
    assert session.warned() == [("by folder", "over"), ("by name", "over")]


def test_a_day_is_what_the_store_knows_and_what_the_session_has_added(session: Session) -> None:
    session.costs(periods=[DAY], sessions={"s1": 3}, day=DAY)
    session.spend(4)
    assert "at least $16.00 so far" in session.told(), "15 in the store, of which 3 were this session's"
    session.spend(5)
    assert session.told() == "Agent Store: The alert day is reached: at least $21.00 so far."
    assert session.told() == ""


def test_of_a_session_that_the_store_does_not_know_only_what_began_in_the_period_counts(
    session: Session,
) -> None:
    session.costs(periods=[DAY], day=DAY)
    session.transcript.write_text(line("m0", {"output_tokens": MILLION}) + "\n")  # of the day before
    assert session.told() == ""
    fresh = line("m0", {"output_tokens": MILLION}, timestamp="2026-11-30T01:00:00.000Z")
    session.transcript.write_text(fresh + "\n")
    assert "at least $35.00" in session.told()


def test_a_period_that_has_ended_is_told_no_more_and_a_day_begins_with_nothing(session: Session) -> None:
    day = {**DAY, "starts_at": NOW - 2 * 86400, "ends_at": NOW - 86400}
    live = Live({}, "s1", str(session.transcript), 7.0, str(session.project))
    assert live.spent_in(day, NOW) == 7.0, "a session without a transcript has just begun"
    assert live.spent_in({**day, "period": "month"}, NOW) is None


def test_what_the_start_has_said_is_not_said_again(session: Session) -> None:
    session.costs(periods=[DAY], sessions={"s1": 0}, day=DAY)
    warning = {"warning_type": "cost_alert", "alert_kind": "threshold", "alert_name": "day", "target": "day",
               "level": "near", "ends_at": DAY["ends_at"], "text": "Nearly.", "until": "2999-01-01"}  # fmt: skip
    (session.home / "briefs" / "all.json").write_text(json.dumps({"warnings": [warning]}))
    assert "Nearly." in str(session_start.answer(session.event("SessionStart")))
    session.spend(2)
    assert session.told() == ""
    session.spend(9)
    assert "The alert day is reached" in session.told()
    # The next build is of the next day.
    tomorrow = {**DAY, "ends_at": DAY["ends_at"] + 86400}
    session.costs(periods=[tomorrow], sessions={"s1": 0}, day=DAY)
    assert "The alert day is reached" in session.told()


def test_without_limits_or_with_a_damaged_file_nothing_is_read(session: Session) -> None:
    session.spend(100)
    assert session.told() == ""
    session.costs()
    assert session.told() == ""
    (session.home / "briefs" / "costs.json").write_text("{")
    assert session.told() == ""
    assert not (session.home / "briefs" / "sessions").exists()
