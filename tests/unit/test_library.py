"""The library without a built store: what is recorded, what is refused, who holds which work."""

from __future__ import annotations

import inspect
import json
import logging
import math
import multiprocessing
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import PROJECT

import agent_store
from agent_store.errors import StoreError
from agent_store.library import AgentStore, alerts, database
from agent_store.library.answers import QUESTIONS
from agent_store.library.modules import MODULES, selected
from agent_store.library.moments import days_of, end_of, moment_of, range_of
from agent_store.library.reading import BREAKDOWNS, breakdown_of, path_parameters
from agent_store.library.recording import Recording
from agent_store.paths import StorePaths
from agent_store.record import query_log, spool
from agent_store.record.events import EVENTS, FIELDS
from agent_store.record.writer import encoded

TODAY = date(2026, 11, 29)
METHODS = {
    name for name, _ in inspect.getmembers(Recording, inspect.isfunction) if name.startswith("record_")
}
# "MCP server" of the ten use cases and "integration strategies": name and arguments.
SEED = """
recall_previous_attempts(file_path, task_type) get_successful_approaches(task_type, limit)
check_decision_history(decision_type, context_hash) check_token_budget(component_name) suggest_token_optimizations()
predict_context_overflow(planned_actions) get_quality_trend(component_name, days) check_for_regressions(since_date)
suggest_tests_for_artifact(artifact_path) claim_work(work_id, agent_id)
handoff_work(work_id, to_agent_id, reason, context) check_conflicts(target_path) suggest_work_for_agent(agent_id)
get_usage_stats(days) analyze_workflow(task_type) suggest_optimizations() check_dependency_health(dependency_name)
get_breaking_changes(since_date) analyze_impact(dependency_name) search_code(query, filters)
get_entity_references(entity_name) get_recent_changes(since, file_type) search_prompts(query, date_range, user_id)
analyze_template_performance(template_id) export_audit_log(start_date, end_date) get_cost_report(period, breakdown_by)
suggest_cost_optimizations() set_cost_alert(threshold_usd) suggest_strategy(task_type, context)
record_outcome(strategy_name, success, metrics) analyze_performance(agent_id, days) recall_memory(file_path, limit)
get_token_budget(component_name) check_quality_trend(component_name, days)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and another one that is the user's."""
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "user"))
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[AgentStore]:
    """A store of that home."""
    with AgentStore(home) as opened:
        yield opened


def spooled(home: Path, writer: str = spool.LIBRARY) -> list[dict[str, Any]]:
    """The events of a spool; blank lines are none."""
    return [
        json.loads(line)
        for path in sorted((home / "spool").glob(f"{writer}-*.jsonl"))
        for line in path.read_bytes().split(b"\n")
        if line
    ]


# ------------------------------------------------------------------------------------------------ the interface


def test_the_package_exports_the_store() -> None:
    assert agent_store.AgentStore is AgentStore


@pytest.mark.parametrize("signature", re.findall(r"\w+\([^)]*\)", SEED))
def test_each_tool_of_the_seed_is_a_method_with_its_arguments_in_this_order(signature: str) -> None:
    name, _, arguments = signature.rstrip(")").partition("(")
    wanted = [argument.strip() for argument in arguments.split(",") if argument.strip()]
    parameters = list(inspect.signature(getattr(AgentStore, name)).parameters)[1:]
    assert parameters[: len(wanted)] == wanted
    assert name in QUESTIONS


def test_the_seed_names_34_tools() -> None:
    assert len(re.findall(r"\w+\(", SEED)) == 34


def test_each_question_is_a_method_and_belongs_to_a_module() -> None:
    for name, question in QUESTIONS.items():
        assert callable(getattr(AgentStore, name)), name
        assert question.module in MODULES
        assert question.description
        assert bool(question.sql) == bool(question.order)


def test_each_kind_of_event_can_be_recorded_and_each_method_has_a_docstring(
    store: AgentStore, home: Path
) -> None:
    for name in METHODS:
        assert getattr(store, name)(session_id="s1") is not None, name
        assert inspect.getdoc(getattr(store, name))
    assert {event["kind"] for event in spooled(home)} == set(EVENTS)
    assert not store.errors


def test_the_reader_knows_every_field_and_the_others_go_into_metadata() -> None:
    spec = (PROJECT / "macros" / "staging" / "event_spec.sql").read_text(encoding="utf-8")
    known = set(re.findall(r'"(\w+)":', spec.partition('"payload":')[2]))
    assert FIELDS - known == set()


# ------------------------------------------------------------------------------------------------ modules


def test_modules_are_selected_by_their_names_and_other_names() -> None:
    assert selected(["budget", "multi-agent", "RAG"]) == {"core", "token_budget", "coordination", "retrieval"}
    assert selected(None) == set(MODULES)
    assert selected(["all"]) == set(MODULES)
    assert selected("quality") == {"core", "quality"}


def test_an_unknown_module_is_an_error_that_lists_them(home: Path) -> None:
    with pytest.raises(StoreError, match=r"no schema module 'qualty'\. Did you mean quality") as caught:
        AgentStore(home, schema_modules=["core", "qualty"])
    assert all(module in caught.value.hint for module in MODULES)


def test_what_is_not_selected_is_counted_where_it_is_recorded_and_refused_where_it_is_asked(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = AgentStore(home, schema_modules=["core", "quality"])
    with caplog.at_level(logging.WARNING):
        assert store.record_decision(chosen="a") is None
        assert store.record_decision(chosen="b") is None
    assert store.errors.total() == 2
    assert [record.getMessage() for record in caplog.records] == [
        "Agent Store could not record an event of kind decision: the module memory is not selected: nothing of kind "
        "decision is recorded (add it: schema_modules=[…, 'memory']). Further errors like it are only counted."
    ]
    assert spooled(home) == []
    with pytest.raises(StoreError, match="belongs to the module cost") as caught:
        store.get_cost_report()
    assert "'cost'" in caught.value.hint
    with pytest.raises(StoreError, match="coordination"):
        store.claim_work("w", "a")


# ------------------------------------------------------------------------------------------------ recording


def test_a_record_is_a_line_with_its_fields(store: AgentStore, home: Path) -> None:
    at = datetime(2026, 2, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    key = store.record_agent_action(
        "s1", "tool_call", "Edit", "/a.py", {"lines": 1}, agent_id=1, occurred_at=at, colour="blue"
    )
    (event,) = spooled(home)
    assert event["kind"] == "action"
    assert event["session_id"] == "s1"
    assert event["payload"] == {
        "action_type": "tool_call",
        "tool_name": "Edit",
        "target_path": "/a.py",
        "metadata": {"lines": 1, "colour": "blue"},
        "agent_id": 1,
        "occurred_at_ms": 1769940000000,
    }
    line = next((home / "spool").iterdir()).read_bytes().rstrip(b"\n")
    assert key == f"recorded_{md5(line, usedforsecurity=False).hexdigest()}"


def test_the_id_is_the_callers_own_where_there_is_one(store: AgentStore) -> None:
    assert store.record_prompt("s1", "hi", prompt_id="p1") == "p1"
    assert store.record_work_item(7) == "7"
    assert store.record_agent_action("s1", tool_use_id="toolu_1") == "toolu_1"
    assert store.record_session_start("s1") == "s1"
    first, second = (store.record_response("s1", text="same") for _ in range(2))
    assert first != second


def test_tokens_become_the_usage_of_the_api(store: AgentStore, home: Path) -> None:
    store.record_api_call(
        "s1", model_id=1, input_tokens=12, cached_tokens=3, latency_ms=5, cost_usd=Decimal("0.5")
    )
    store.record_api_call(
        "s1", model="m", usage={"input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 2}}
    )
    first, second = (event["payload"] for event in spooled(home))
    assert first["usage"] == {"input_tokens": 12, "cache_read_input_tokens": 3}
    assert (first["model"], first["duration_ms"], first["cost_usd"]) == (1, 5, 0.5)
    assert second["usage"]["cache_creation"] == {"ephemeral_1h_input_tokens": 2}


class Awkward:
    """Something that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_what_json_cannot_hold_becomes_text(store: AgentStore, home: Path) -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    values = [
        {1, 2}, b"\xff", Path("/a"), 2**80, "\ud800", math.nan, math.inf, Decimal("1.5"), datetime(2026, 1, 1, tzinfo=UTC),
        {(1, 2): 3}, loop, Awkward(), "line\nbreak", [[[]]] * 3, object, lambda: 0,
    ]  # fmt: skip
    for value in values:
        assert store.record_agent_action("s1", metadata={"value": value}) is not None, value
        assert store.record_feedback(value, comment=value) is not None  # type: ignore[arg-type]
    assert not store.errors
    assert len(spooled(home)) == 2 * len(values)
    deep: list[object] = []
    for _ in range(2_000):
        deep = [deep]
    assert store.record_agent_action("s1", metadata={"deep": deep}) is not None
    assert json.loads(encoded({"n": 2**80})) == {"n": str(2**80)}


def test_session_ids_of_all_alphabets_stay_apart(store: AgentStore, home: Path) -> None:
    ids = ["Prüfung-1", "Präfung-1", "日本", 'quo"te', "back\\slash", "😀", 17]
    for one in ids:
        store.record_session_start(one)
    assert [event["session_id"] for event in spooled(home)] == [str(one) for one in ids]


def test_an_enormous_record_loses_its_content_and_is_counted(
    store: AgentStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "MOST_BYTES", 1_000)
    assert store.record_prompt("s1", "x" * 2_000) is None
    assert store.errors.total() == 1
    assert spooled(home)[0]["payload"].keys() == {"dropped_bytes"}


def test_a_home_that_cannot_be_written_never_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    store = AgentStore(tmp_path / "file" / "home")
    with caplog.at_level(logging.WARNING):
        assert [store.record_session_start("s1") for _ in range(5)] == [None] * 5
    assert store.errors.total() == 5
    assert len(caplog.records) == 1


def test_a_full_disk_is_one_warning_and_the_next_record_is_whole(
    store: AgentStore, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.record_session_start("s1")
    real, full = os.write, [True]

    def write(file: int, data: bytes) -> int:
        return real(file, data[:20]) if full[0] and file > 2 else real(file, data)

    monkeypatch.setattr(spool.os, "write", write)
    with caplog.at_level(logging.WARNING):
        assert [store.record_session_start("s2") for _ in range(3)] == [None] * 3
    full[0] = False
    assert store.record_session_start("s3")
    assert dict(store.errors) == {"the disk is full": 3}
    assert len(caplog.records) == 1
    lines = next((home / "spool").iterdir()).read_bytes().splitlines()
    assert [json.loads(line)["session_id"] for line in lines if line.endswith(b"}")] == ["s1", "s3"]


def test_a_closed_store_records_and_the_spool_is_for_the_owner_only(store: AgentStore, home: Path) -> None:
    store.close()
    assert store.record_session_end("s1", "done")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(next((home / "spool").iterdir()).stat().st_mode) == 0o600


def test_threads_and_forked_processes_lose_nothing(store: AgentStore, home: Path) -> None:
    def many(name: str) -> None:
        for number in range(200):
            store.record_agent_action(name, metadata={"number": number})

    threads = [threading.Thread(target=many, args=(f"thread-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=many, args=(f"child-{n}",)) for n in range(4)]
    for child in children:
        child.start()
    for worker in (*threads, *children):
        worker.join()
    seen = {(event["session_id"], event["payload"]["metadata"]["number"]) for event in spooled(home)}
    assert len(seen) == 8 * 200
    keys = {(event["pid"], event["sequence"]) for event in spooled(home)}
    assert len(keys) == 8 * 200
    assert not store.errors


RECORD = """
import os, sys
from agent_store import AgentStore
store = AgentStore(sys.argv[1])
for number in range(10**9):
    key = store.record_agent_action(sys.argv[2], metadata={"number": number, "padding": "x" * (number % 9_000)})
    if number % 20 == 0:
        os.write(1, b"%d\\n" % number)
"""


def test_of_killed_processes_only_what_was_being_written_is_missing(home: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RECORD, str(home), f"w{n}"], cwd=PROJECT, stdout=subprocess.PIPE
        )
        for n in range(4)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    time.sleep(0.5)
    acknowledged = {}
    for number, process in enumerate(running):
        process.send_signal(signal.SIGKILL)
        acknowledged[f"w{number}"] = int(process.communicate()[0].split(b"\n")[-2] or b"0")
    last = AgentStore(home).record_session_start("after")
    assert last
    numbers: dict[str, set[int]] = {name: set() for name in acknowledged}
    broken = 0
    for line in next((home / "spool").iterdir()).read_bytes().split(b"\n"):
        try:
            event = json.loads(line) if line else None
        except ValueError:
            broken += 1
            # Who began to write before another was killed writes behind its torn line; landing finds that record too.
            try:
                event = json.loads(line[line.rfind(b'{"schema_version"') :])
            except ValueError:
                continue
        if event and event["session_id"] in numbers:
            numbers[event["session_id"]].add(event["payload"]["metadata"]["number"])
    assert broken <= len(running)
    for name, told in acknowledged.items():
        assert numbers[name] >= set(range(told + 1))


# ------------------------------------------------------------------------------------------------ homes


def test_a_database_of_somebody_else_is_not_taken(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "mine.duckdb"
    other.write_bytes(b"something")
    with pytest.raises(StoreError, match="did not create it"):
        AgentStore(other)
    assert other.read_bytes() == b"something"


def test_a_copy_of_the_store_does_not_replace_what_is_no_store_or_is_in_use(
    home: Path, tmp_path: Path
) -> None:
    other, used = tmp_path / "other.duckdb", tmp_path / "used.duckdb"
    for path in (other, used):
        duckdb.connect(str(path)).execute("create table mine as select 1 as one").close()
    with pytest.raises(StoreError, match="a database of another program"):
        database.put(StorePaths(home), other)
    hold = f"import duckdb, sys; c = duckdb.connect({str(used)!r}); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreError, match="open for writing in another program"):
            database.put(StorePaths(home), used)
        holder.communicate()
    with duckdb.connect(str(other), read_only=True) as connection:
        assert connection.execute("from mine").fetchall() == [(1,)]


def test_a_home_in_which_nothing_was_recorded_answers_with_nothing(home: Path) -> None:
    store = AgentStore(home)
    assert list(store.get_recent_actions("s1")) == []
    assert not store.get_cost_report("all")
    assert not home.exists()
    with pytest.raises(StoreError, match="nothing has been recorded"):
        store.export_csv("x.csv", "fact_prompt")


def test_without_a_store_in_the_users_home_the_error_says_what_to_do(home: Path) -> None:
    with pytest.raises(StoreError, match="no published store") as caught:
        AgentStore().get_recent_actions("s1")
    assert "agent-store build" in caught.value.hint


def test_what_is_no_number_is_null_in_json(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    with duckdb.connect(str(home / "agent_store.duckdb")) as connection:
        connection.execute(
            "create table measured as select 'nan'::double as a, 1.5 as b, 'infinity'::float as c, 2 as d"
        )
        connection.execute(
            "create table store_build as select 'UTC' as timezone, now()::timestamp as published_at"
        )
        connection.execute("create table v_store_table (table_name text, row_count bigint, example text)")
    assert AgentStore(home).export_json(tmp_path / "a.json", "measured") == 1
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": 1.5, "c": None, "d": 2}


# ------------------------------------------------------------------------------------------------ claims


def test_work_goes_to_one_agent_until_it_gives_it_back(store: AgentStore, home: Path) -> None:
    assert store.claim_work("w1", "ana")[0]["is_granted"]
    assert store.claim_work("w1", "ana")[0]["is_granted"]
    assert store.claim_work("w1", "ben")[0] == {
        "work_id": "w1", "agent_id": "ben", "is_granted": False, "status": "claimed", "holder_agent_id": "ana",
    }  # fmt: skip
    assert not store.release_work("w1", "ben")[0]["is_granted"]
    assert store.release_work("w1", "ana")[0]["is_granted"]
    assert store.claim_work("w1", "ben")[0]["is_granted"]
    assert not store.handoff_work("w1", "cy", "tired", from_agent_id="ana")[0]["is_granted"]
    given = store.handoff_work("w1", "cy", "blocked", {"done": 1})[0]
    assert (given["is_granted"], given["from_agent_id"], given["holder_agent_id"]) == (True, "ben", "cy")
    assert store.complete_work("w1", "cy")[0]["is_granted"]
    assert not store.claim_work("w1", "dee")[0]["is_granted"]
    assert not store.handoff_work("w1", "dee", "late")[0]["is_granted"]
    kinds = [event["kind"] for event in spooled(home)]
    assert kinds.count("claim") == 8
    assert kinds.count("handoff") == 1
    assert stat.S_IMODE((home / "claims.sqlite").stat().st_mode) == 0o600


def test_work_and_agents_without_a_name_claim_nothing(store: AgentStore) -> None:
    for work, agent in (("", "ana"), (" ", "ana"), ("w", ""), ("w", " ")):
        for change in (store.claim_work, store.release_work, store.complete_work, store.handoff_work):
            with pytest.raises(StoreError, match="needs a name"):
                change(work, agent)
    assert store.claim_work("w", "ana")[0]["is_granted"]


def test_claims_that_cannot_be_kept_are_an_error_in_plain_words(store: AgentStore, home: Path) -> None:
    home.mkdir()
    (home / "claims.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="cannot be changed"):
        store.claim_work("w1", "ana")


# ------------------------------------------------------------------------------------------------ alerts


def test_an_alert_is_set_beside_the_others_and_replaced_by_name(store: AgentStore, home: Path) -> None:
    store.set_cost_alert(20)
    store.set_cost_alert(5, "session", name="one session")
    answer = store.set_cost_alert(25.5)
    assert list(answer) == [
        {"name": "one session", "threshold_usd": 5.0, "period": "session"},
        {"name": "day", "threshold_usd": 25.5, "period": "day"},
    ]
    assert [one.model_dump(exclude_none=True) for one in alerts.read(StorePaths(home))] == list(answer)
    assert stat.S_IMODE((home / "alerts.yml").stat().st_mode) == 0o600
    for threshold, period in ((0, "day"), (-1, "day"), (math.nan, "day"), (5, "decade")):
        with pytest.raises(StoreError):
            store.set_cost_alert(threshold, period)
    (home / "alerts.yml").write_text("not: a list")
    with pytest.raises(StoreError, match="not a list of alerts"):
        store.set_cost_alert(1)


def test_an_alert_can_be_of_any_kind_and_scope_but_of_one(store: AgentStore, home: Path) -> None:
    store.set_cost_alert(growth=2, minimum_usd=10, project="shop")
    answer = store.set_cost_alert(fan_out_usd=5, name="many agents")
    nothing = dict.fromkeys(("growth", "minimum_usd", "project", "fan_out_usd"))
    assert list(answer) == [
        {**nothing, "name": "growth", "growth": 2.0, "minimum_usd": 10.0, "project": "shop"},
        {**nothing, "name": "many agents", "fan_out_usd": 5.0},
    ]
    with pytest.raises(StoreError, match="needs one of threshold_usd, growth, fan_out_usd"):
        store.set_cost_alert()
    with pytest.raises(StoreError, match="needs one of"):
        store.set_cost_alert(5, growth=2)
    with pytest.raises(StoreError, match="period: input should be 'session'"):
        store.set_cost_alert(5, "decade")


# ------------------------------------------------------------------------------------------------ times, paths


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        (None, None),
        ("", None),
        ("2026-02-01", "2026-02-01 00:00:00"),
        ("2026-02", "2026-02-01 00:00:00"),
        ("2026-02-01T10:00:00Z", "2026-02-01 10:00:00"),
        ("2026-02-01T10:00:00+02:00", "2026-02-01 08:00:00"),
        (date(2026, 2, 1), "2026-02-01 00:00:00"),
        (datetime(2026, 2, 1, 10, tzinfo=timezone(timedelta(hours=2))), "2026-02-01 08:00:00"),
        (datetime(2026, 2, 1, 10), "2026-02-01 10:00:00"),
        ("7 days", "2026-11-22 00:00:00"),
        ("last week", "2026-11-16 00:00:00"),
    ],
)
def test_a_moment_is_the_beginning_of_what_is_given(given: object, moment: str | None) -> None:
    assert moment_of(given, TODAY) == moment  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ("day", ("2026-11-29", "2026-11-29")),
        ("week", ("2026-11-23", "2026-11-29")),
        ("month", ("2026-11-01", "2026-11-30")),
        ("7 days", ("2026-11-23", "2026-11-29")),
        ("last 7 days", ("2026-11-23", "2026-11-29")),
        ("2026-02", ("2026-02-01", "2026-02-28")),
        ("2026-02-01..2026-02-14", ("2026-02-01", "2026-02-14")),
        ("2026-02-01 to 2026-02-14", ("2026-02-01", "2026-02-14")),
        ("yesterday", ("2026-11-28", "2026-11-28")),
    ],
)
def test_a_period_is_its_days(given: str, days: tuple[str, str]) -> None:
    assert tuple(map(str, days_of(given, TODAY))) == days


def test_all_time_has_no_limits_so_that_what_has_no_time_is_in_it() -> None:
    assert days_of("All time", TODAY) == range_of("all", TODAY) == (None, None)


def test_a_range_that_ends_before_it_begins_is_an_error_and_not_an_empty_period() -> None:
    day = date(2026, 3, 10)
    for ask in (
        lambda: days_of("2026-02-14..2026-02-01", day),
        lambda: range_of("2026-02 to 2026-01", day),
        lambda: range_of(("2026-02-14", "2026-02-01"), day),
    ):
        with pytest.raises(StoreError, match="ends before it begins"):
            ask()
    assert days_of("2026-02-14..2026-02-14", day) == (date(2026, 2, 14), date(2026, 2, 14))
    assert range_of(("2026-02-14", None), day) == ("2026-02-14 00:00:00", None)


def test_a_range_ends_after_its_last_day() -> None:
    assert range_of("2026-02-01..2026-02-14", TODAY) == ("2026-02-01 00:00:00", "2026-02-15 00:00:00")
    assert range_of(("2026-02-01", "2026-02-14"), TODAY) == ("2026-02-01 00:00:00", "2026-02-15 00:00:00")
    assert range_of(None, TODAY) == (None, None)
    with pytest.raises(StoreError):
        range_of(3, TODAY)
    with pytest.raises(StoreError, match=r"^'whenever{73}' is not understood\.$") as error:
        moment_of("whenever" + "r" * 5000, TODAY)
    assert "2026-03-01" in error.value.hint
    for find, given in (
        (moment_of, "0001-01-01T00:00:00+14:00"),
        (moment_of, 10**30),
        (range_of, "9999-12-31"),
        (range_of, "2026-01-01..9999-12-31"),
        (end_of, "9999-12-31T23:59:59.999999"),
    ):
        with pytest.raises(StoreError):
            find(given, TODAY)  # type: ignore[arg-type]


def test_a_relative_path_is_the_end_of_a_longer_one() -> None:
    assert path_parameters("./src/a.py") == {"path": "src/a.py", "path_end": "/src/a.py"}
    assert path_parameters("src\\a.py") == {"path": "src/a.py", "path_end": "/src/a.py"}
    assert path_parameters("/src/a.py") == {"path": "/src/a.py", "path_end": None}
    assert path_parameters("C:\\src\\a.py") == {"path": "C:\\src\\a.py", "path_end": None}


# ------------------------------------------------------------------------------------------------ the log of queries


def logged(home: Path, **more: Any) -> None:
    """Log one query."""
    with query_log.logged(StorePaths(home), query_log.CLI, "query", "select 1", **more) as running:
        running.row_count = 1


def test_a_query_is_recorded_with_who_and_what(home: Path) -> None:
    home.mkdir()
    logged(home, user_id="dev", parameters={"a": math.nan, "b": [date(2026, 1, 1)]})
    with pytest.raises(ValueError, match="no"), query_log.logged(StorePaths(home), "mcp", "get", "select 2"):
        raise ValueError("no")
    first, second = (event["payload"] for event in spooled(home, spool.QUERIES))
    assert first["duration_ms"] >= 0
    assert first | {"duration_ms": 0} == {
        "interface": "cli", "tool": "query", "sql": "select 1", "row_count": 1, "duration_ms": 0, "user_id": "dev",
        "sql_hash": md5(b"select 1", usedforsecurity=False).hexdigest(),
        "metadata": {"parameters": {"a": "nan", "b": ["2026-01-01"]}},
    }  # fmt: skip
    assert (second["error"], second["interface"], second.get("row_count")) == ("no", "mcp", None)
    assert second["user_id"] == query_log.login_name()


def test_the_log_can_be_turned_off_and_makes_no_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged(home)
    assert not home.exists()
    home.mkdir()
    monkeypatch.setenv("AGENT_STORE_QUERY_LOG", "0")
    logged(home)
    assert not (home / "spool").exists()


def test_a_log_that_cannot_be_written_does_not_fail_the_query(home: Path) -> None:
    home.mkdir()
    (home / "spool").touch()
    logged(home)


def test_the_log_costs_less_than_a_millisecond(home: Path) -> None:
    home.mkdir()
    logged(home)
    taken = []
    for _ in range(50):
        started = time.perf_counter()
        logged(home)
        taken.append(time.perf_counter() - started)
    assert sorted(taken)[25] < 0.001


@pytest.mark.parametrize("known", BREAKDOWNS)
def test_a_breakdown_is_understood_in_the_plural_and_however_it_is_written(known: str) -> None:
    plural = "branches" if known == "branch" else f"{known}s"
    for name in (known, plural, known.upper(), known.replace(" ", "_"), f" {plural.replace(' ', '-')} "):
        assert breakdown_of(name) == known, name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mcp server", "mcp"), ("MCP_servers", "mcp"), ("tasks", "task type"), ("daily", "day"), ("subagents", "agent"),
        ("", None), ("s", None), ("colour", None), ("dayss", None),
    ],
)  # fmt: skip
def test_other_words_for_a_breakdown(name: str, known: str | None) -> None:
    assert breakdown_of(name) == known
