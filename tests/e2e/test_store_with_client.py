"""A session of the real client with its hooks on, built: the rows are what the server and the hooks saw."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from e2e.client import Recorded, client, full_session
from ingest.transcripts.discover import scan
from ingest.transcripts.kinds import Kind
from tests.conftest import BuildStore, clean_environment

Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """What the client left."""
    return full_session(tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def store(session: Recorded, build_store: BuildStore) -> Path:
    """The store of its transcripts and its spool."""
    return build_store([session.transcripts], session.home)


def test_a_session_that_is_not_saved_has_an_environment_and_nothing_else(tmp_path: Path) -> None:
    with client(tmp_path, {}) as one:
        turn = one.ask("hello", "--no-session-persistence")
        found = scan([one.user / ".claude"]).files
    named = {file.kind for file in found if turn.session_id in file.path}
    assert named == {Kind.SESSION_ENVIRONMENT}


def ask(store: Path, question: str) -> list[Row]:
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(question).fetchall()


def hooks(session: Recorded, event: str) -> list[dict[str, Any]]:
    return [
        record["payload"]
        for record in session.spooled
        if record["kind"] == "hook" and record["payload"]["hook_event_name"] == event
    ]


def of_kind(session: Recorded, kind: str) -> list[dict[str, Any]]:
    return [record["payload"] for record in session.spooled if record["kind"] == kind]


@pytest.mark.slow
def test_each_call_is_one_row_with_the_duration_that_the_client_told(session: Recorded, store: Path) -> None:
    begun = {hook["tool_use_id"] for hook in hooks(session, "PreToolUse")}
    ended = {
        hook["tool_use_id"]: hook["duration_ms"]
        for event in ("PostToolUse", "PostToolUseFailure")
        for hook in hooks(session, event)
        if hook["tool_name"] != "Agent"
    }
    found = dict(
        ask(store, "select invocation_id, duration_ms from fact_tool_invocation where tool_name <> 'Agent'")
    )
    delegated = ask(store, "select invocation_id from fact_tool_invocation where tool_name = 'Agent'")
    assert found.keys() | {row[0] for row in delegated} == begun
    assert {name: found[name] for name in ended} == ended


@pytest.mark.slow
def test_what_only_hooks_see_has_its_rows(session: Recorded, store: Path) -> None:
    counts = {
        "fact_permission_request": len(hooks(session, "PermissionRequest")),
        "fact_instruction_load": len(hooks(session, "InstructionsLoaded")),
        "fact_model_switch": len(hooks(session, "PreModelSwitch")),
        "fact_notification": len(hooks(session, "Notification")),
    }
    assert {table: ask(store, f"select count(*) from {table}")[0][0] for table in counts} == counts
    assert (
        min(counts["fact_permission_request"], counts["fact_instruction_load"], counts["fact_model_switch"])
        > 0
    )
    assert ask(store, "select tool_name, outcome from fact_permission_request") == [("Bash", "denied")]
    assert ask(store, "select recorded_end_reason, provenance from dim_session") == [
        (hooks(session, "SessionEnd")[-1]["reason"], "observed")
    ]


@pytest.mark.slow
def test_feedback_is_there_once_though_hook_and_transcript_tell_of_it(session: Recorded, store: Path) -> None:
    given = Counter(
        (hook["command_name"].removeprefix("agent-store:").replace("-", "_"), hook["command_args"])
        for hook in hooks(session, "UserPromptExpansion")
        if hook["command_name"].startswith("agent-store:")
    )
    found = Counter(
        (kind, words)
        for kind, words in ask(
            store,
            "select case feedback_type when 'report' then 'report_problem' else feedback_type end, feedback_text "
            "from fact_prompt_feedback where feedback_type in ('thumbs_up', 'thumbs_down', 'report')",
        )
    )
    assert found == given
    assert len(given) == 3


@pytest.mark.slow
def test_answers_of_the_server_are_the_calls_of_the_store(session: Recorded, store: Path) -> None:
    # The client does not log the request that summarises a conversation, nor attempts that failed as calls.
    asked = [request for request in session.requests if request.path.startswith("/v1/messages")]
    calls, failed = ask(
        store,
        "select count(*) filter (where success), count(*) filter (where not success) from fact_api_call",
    )[0]
    assert calls + failed + 1 == len(asked)
    assert failed == 1


@pytest.mark.slow
def test_validations_and_test_runs_of_hooks_have_their_rows(session: Recorded, store: Path) -> None:
    validated = of_kind(session, "validation")
    assert ask(
        store,
        "select count(*), count(*) filter (where is_valid) from fact_validation where provenance = 'recorded'",
    ) == [(len(validated), sum(record["passed"] for record in validated))]
    (run,) = of_kind(session, "test_run")
    assert ask(
        store,
        "select passed, failed, duration_seconds from fact_test_run where provenance = 'recorded'",
    ) == [(run.get("passed"), run.get("failed"), run["duration_ms"] / 1000)]


@pytest.mark.slow
def test_two_agents_on_one_file_are_a_conflict(store: Path) -> None:
    assert ask(store, "select conflict_type from fact_conflict") == [("file_edit",)]


@pytest.mark.slow
def test_a_question_to_the_store_is_a_row_of_its_log(
    session: Recorded, store: Path, build_store: BuildStore
) -> None:
    question = "select count(*) as session_count from dim_session"
    done = subprocess.run(
        [sys.executable, "-m", "agent_store.cli", "query", question],
        env=clean_environment(session.home) | {"AGENT_STORE_QUERY_LOG": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "session_count" in done.stdout
    build_store([session.transcripts], session.home)
    assert ask(store, "select interface, row_count, success, duration_ms > 0 from fact_query_log") == [
        ("cli", 1, True, True)
    ]
