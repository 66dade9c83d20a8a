"""What is left out, forgotten or changed by a policy is gone from every file of the home, and nothing else is."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import PROJECT, clean_environment
from privacy_home import FORK, GONE, OTHER, Home, said, secret_words, written

from agent_store.audit.verify import check as check_chain
from agent_store.build.lock import build_lock
from agent_store.privacy import forget, landing_policy, purge
from agent_store.record import spool
from agent_store.serve.export import known
from ingest.land import land
from ingest.privacy.privacy import in_force


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.land()
    return made


def test_what_was_forgotten_is_gone_and_nothing_else_is(home: Home) -> None:
    others = home.ask(
        "select line from raw.transcript_line where contains(line, 'else') or contains(line, 'goes on')"
    )
    assert len(home.left()) == len(home.words)
    home.forget()
    assert all(
        name in "".join(home.sources) for name in (GONE, "agent-a1.jsonl", "r1.txt", FORK, "history.jsonl")
    )
    home.finish()
    assert home.left() == []
    assert GONE not in home.texts()
    assert sorted(home.ask("select line from raw.transcript_line")) == sorted(others)
    assert home.ask("select count(*) from raw.history_line") == [(1,)]
    assert home.ask("select count(*) from raw.event_line") == [(1,)]
    assert not home.paths.purge_journal.exists()
    with duckdb.connect(str(home.paths.warehouse), read_only=True) as connection:
        assert check_chain(connection).findings == []


def test_what_was_forgotten_does_not_come_back_from_anywhere(home: Home, tmp_path: Path) -> None:
    home.forget()
    home.finish()
    before = home.ask("select line from raw.transcript_line order by all")
    elsewhere = tmp_path / "backup" / "claude"
    shutil.copytree(home.logs, elsewhere)
    assert home.land().lines_landed == 0
    assert home.land(elsewhere).lines_landed == 0
    # A file that has grown is read on: the session itself, and its fork.
    for session, text in ((GONE, secret_words(7)), (FORK, "the fork goes further")):
        with (home.logs / "projects" / "-home-ann-shop" / f"{session}.jsonl").open("a") as file:
            file.write(json.dumps(said(session, 99, text)) + "\n")
    assert home.land().lines_landed == 1
    # A warehouse that is made again.
    home.paths.warehouse.unlink()
    home.land()
    after = home.ask("select line from raw.transcript_line order by all")
    assert home.left() == []
    assert [line for line in after if "further" not in line[0]] == before


def test_a_session_of_which_only_a_folder_is_known_is_forgotten(home: Home) -> None:
    unsaved = "dddddddd-1111-4111-8111-dddddddddddd"
    (home.logs / "session-env" / unsaved).mkdir()
    home.land()
    found = forget.Selection(forget.Wish(forget.SESSIONS, unsaved), {unsaved: (None, None, None)})
    forget.collect(home.paths, found)
    assert found
    assert found.sources == [str(home.logs / "session-env" / unsaved)]
    forget.note(home.paths, found)
    home.finish()
    home.land()
    assert unsaved not in home.texts()
    nothing = forget.Selection(forget.Wish(forget.SESSIONS, "unheard-of"), {"unheard-of": (None, None, None)})
    forget.collect(home.paths, nothing)
    assert not nothing


def test_the_place_of_an_environment_selects_no_session(home: Home) -> None:
    found = forget.Selection(forget.Wish(forget.FILE, "session-env"))
    forget.collect(home.paths, found)
    assert (found.sessions, found.lines) == ({}, {})


def test_a_fork_is_forgotten_without_what_it_was_forked_from(home: Home) -> None:
    found = forget.Selection(forget.Wish(forget.SESSIONS, FORK), {FORK: (None, None, None)})
    with duckdb.connect(
        str(home.paths.warehouse)
    ) as connection:  # as a build knows it of copies that name nobody
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.int_line_copy as select line ->> 'uuid' as line_uuid, line ->> 'sessionId' as "
            f"session_id, '{GONE}' as owner_session_id, true as is_copy from raw.transcript_line where contains(line, ?)",
            [f'"sessionId": "{FORK}"'],
        )
        connection.execute(
            "update intermediate.int_line_copy set is_copy = false, owner_session_id = session_id "
            "where line_uuid >= '00000060'"
        )
    own = home.ask(
        f'select line from raw.transcript_line where not contains(line, \'"sessionId": "{FORK}"\')'
    )
    history = home.ask("select line from raw.history_line")
    forget.collect(home.paths, found)
    assert found.kept_in == [GONE]
    forget.note(home.paths, found)
    home.finish()
    assert sorted(home.ask("select line from raw.transcript_line")) == sorted(own)
    assert home.ask("select line from raw.history_line") == history
    assert FORK not in home.texts()


def test_a_response_goes_with_the_answer_that_it_is(tmp_path: Path) -> None:
    home = Home(tmp_path)
    project = home.logs / "projects" / "-home-ann-shop"

    def answered(session: str, number: int, message: str) -> dict[str, Any]:
        content = {
            "role": "assistant",
            "type": "message",
            "id": message,
            "content": [{"type": "text", "text": "yes"}],
        }
        return said(session, number, "", type="assistant", message=content)

    for session, message in ((GONE, "msg_mine"), (OTHER, "msg_theirs")):
        with (project / f"{session}.jsonl").open("a") as file:
            for number, one in ((70, message), (71, "msg_of_everyone")):
                file.write(json.dumps(answered(session, number, one)) + "\n")
    responses = tmp_path / "responses.jsonl"
    written(responses, *(
        {"type": "message", "role": "assistant", "model": "m", "id": one, "content": [{"type": "text", "text": one}],
         "usage": {"input_tokens": 1, "output_tokens": 1}, "stop_reason": "end_turn"}
        for one in ("msg_mine", "msg_theirs", "msg_of_everyone")
    ))  # fmt: skip
    with in_force(lambda: landing_policy(home.paths)):
        land([home.logs], home.paths.warehouse, responses=[responses])
    home.forget()
    assert str(responses) in home.sources
    home.finish()
    left = home.ask("select line ->> 'id' from raw.api_response order by all")
    assert left == [("msg_of_everyone",), ("msg_theirs",)]


@pytest.mark.parametrize(("by", "value"), [("project", "shop"), ("before", "2026-03-02")])
def test_a_session_that_is_set_aside_is_forgotten_with_its_project_or_time(
    home: Home, by: str, value: str
) -> None:
    with duckdb.connect(str(home.paths.warehouse)) as connection:
        connection.execute(
            "insert into raw.set_aside_session values (?, 'guard', 'wrong', 1, null, now()::timestamp)",
            [GONE],
        )
    found = forget.Selection(forget.Wish(by, value))
    forget.collect(home.paths, found)
    assert list(found.sessions) == [GONE]
    forget.note(home.paths, found)
    home.finish()
    home.words.remove(secret_words(103))  # the summary in another file, and its session stays
    assert [word for word in home.left() if word != secret_words(5)] == []


def test_a_user_is_forgotten_in_responses_too(tmp_path: Path) -> None:
    home = Home(tmp_path)
    responses = tmp_path / "responses.jsonl"
    usage = {
        "usage": {"input_tokens": 1, "output_tokens": 1},
        "stop_reason": "end_turn",
        "type": "message",
        "model": "m",
    }
    written(responses, *(
        {"request": {"metadata": {"user_id": user}, "messages": [{"role": "user", "content": f"I am {user}"}]},
         "response": {"id": f"msg_{user}", "role": "assistant", "content": [{"type": "text", "text": "yes"}], **usage}}
        for user in ("ann", "bob")
    ))  # fmt: skip
    with in_force(lambda: landing_policy(home.paths)):
        land([home.logs], home.paths.warehouse, responses=[responses])
    assert home.ask("select count(*) from raw.api_response") == [(2,)]
    found = forget.Selection(forget.Wish(forget.USER, "ann"))
    forget.collect(home.paths, found)
    forget.note(home.paths, found)
    home.finish()
    assert home.ask("select contains(line, 'I am bob') from raw.api_response") == [(True,)]


def test_a_damaged_line_is_forgotten_by_the_session_that_it_names(home: Home) -> None:
    whole = spool.envelope("hook", json.dumps({"prompt": secret_words(200)}).encode(), GONE, 2)
    torn = json.dumps({"sessionId": GONE, "display": secret_words(201)}).encode()[:-2]
    home.paths.spool.joinpath("hooks-2026-03-02.jsonl").write_bytes(whole[:-3] + b"\n")
    with (home.logs / "history.jsonl").open("ab") as file:
        file.write(torn + b"\n")
    home.words += [secret_words(200), secret_words(201)]
    home.land()
    assert home.left() == home.words
    home.forget()
    home.finish()
    assert home.left() == []
    # One that was not landed before, because its writer was cut off.
    home.paths.spool.joinpath("hooks-2026-03-03.jsonl").write_bytes(whole[:-3] + b"\n")
    home.land()
    assert home.ask("select count(*) from raw.event_line") == [(1,)]


def test_it_goes_on_until_the_spool_has_nothing_of_it(home: Home) -> None:
    home.forget()
    file = home.paths.spool / "hooks-2026-03-01.jsonl"
    later = time.time() + 60
    os.utime(file, (later, later))  # a hook goes on writing
    home.finish()
    assert home.left() == [secret_words(105)]
    assert home.paths.purge_journal.exists()
    os.utime(file, (1, 1))
    home.finish()
    assert home.left() == []
    assert not home.paths.purge_journal.exists()


def test_a_dashboard_of_the_store_before_goes(home: Home) -> None:
    """Somebody opened it after raw was cleared, and the build that published could write none."""
    home.forget()
    with build_lock(home.paths):
        home.land()
        home.paths.dashboard.write_text(secret_words(1))
        os.utime(home.paths.dashboard, (1, 1))
        purge.finish(home.paths, print)
    assert home.left() == []
    assert not home.paths.dashboard.exists()


def test_every_export_goes_also_one_that_was_cut_off(home: Home, tmp_path: Path) -> None:
    whole, cut, beside = tmp_path / "whole", tmp_path / "cut", tmp_path / "notes.txt"
    files = {"tables": [{"files": [{"path": "fact/month=2026-03/data_0.parquet"}]}]}
    for folder in (whole, cut):
        written(folder / "fact" / "month=2026-03" / "data_0.parquet", {"text": secret_words(1)})
    (whole / "manifest.json").write_text(json.dumps(files))
    (cut / "manifest.unfinished.json").write_text(
        json.dumps({"files": ["fact/month=2026-03/data_0.parquet"]})
    )
    (cut / ".export-1").mkdir()
    (whole / "mine.txt").write_text("stays")
    written(home.paths.home / "exports" / "audit.jsonl", {"text": secret_words(1)})
    beside.write_text("an export of one file")
    for place in (whole, cut, beside, tmp_path / "gone"):
        known.note(home.paths, place)
    home.forget()
    home.finish()
    assert sorted(
        path.name for path in (*whole.rglob("*"), *cut.rglob("*")) if not path.name.endswith(".lock")
    ) == ["mine.txt"]
    assert not beside.exists()
    assert home.left() == []
    assert not home.paths.exports.exists()


_RESUME = """
import sys, pathlib
from agent_store.build.lock import build_lock
from agent_store.paths import StorePaths
with build_lock(StorePaths(pathlib.Path(sys.argv[1]))):
    pass
"""


@pytest.mark.parametrize("seed", range(8))
def test_killed_while_it_forgets_the_next_one_goes_on(home: Home, seed: int) -> None:
    kept = home.ask(
        "select count(*) from raw.transcript_line where contains(line, 'else') or contains(line, 'goes on')"
    )
    home.forget()
    moments = random.Random(seed)
    for _ in range(moments.randint(1, 3)):
        started = subprocess.Popen(
            [sys.executable, "-c", _RESUME, str(home.paths.home)],
            cwd=PROJECT,
            env=clean_environment(home.paths.home),
        )
        time.sleep(moments.uniform(0.15, 1.0))
        started.kill()
        started.wait()
    home.finish()
    assert home.left() == []
    assert home.ask("select count(*) from raw.transcript_line") == kept
    with duckdb.connect(str(home.paths.warehouse), read_only=True) as connection:
        assert check_chain(connection).findings == []


def test_another_policy_is_applied_to_what_is_landed(home: Home) -> None:
    count = home.ask("select count(*) from raw.transcript_line")
    home.paths.privacy.write_text("prompts: drop\ncontents: drop\n")
    for applied in (111, 0):  # every prompt; the second time there is nothing left to do
        with build_lock(home.paths):
            purge.begin(home.paths, applies=True)
        with build_lock(home.paths):
            journal = purge.read(home.paths)
            assert journal is not None
            assert journal.rows.get("transcript_line", 0) == applied
        home.finish()
    # What models wrote was to be kept, and a field that nobody knows is neither prompt nor content.
    assert home.left() == [secret_words(100), secret_words(103)]
    assert home.ask("select count(*) from raw.transcript_line") == count
    assert home.land().lines_landed == 0, "the same lines under the new policy are the same"
    with duckdb.connect(str(home.paths.warehouse), read_only=True) as connection:
        assert check_chain(connection).findings == []


def test_secrets_are_gone_before_anything_is_written(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = "AKIA" + "Q2WE4RTYUI7OPASD"
    project = home.logs / "projects" / "-home-ann-shop"
    written(project / f"{OTHER}.jsonl", said(OTHER, 1, f"use\n{key}"), said(OTHER, 2, f"{key} again"))
    home.paths.spool.joinpath("hooks-2026-03-02.jsonl").write_bytes(
        spool.envelope("hook", json.dumps({"prompt": key}).encode(), OTHER, 1) + b"\n"
    )
    home.land()
    everything = "".join(file.read_bytes().decode("latin-1") for file in home.paths.home.rglob("*.duckdb"))
    assert key not in everything
    found = home.ask(r"""
        select distinct regexp_extract(line, '\[redacted:aws_access_key_id:[0-9a-f]{8}\]\(20\)')
        from (select line from raw.transcript_line union all select line from raw.event_line)
        where contains(line, '[redacted:')
    """)
    assert len(found) == 1
    assert found[0][0], "the same secret is the same mark everywhere"
    assert home.land().lines_landed == 0


@pytest.fixture
def cli_home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"


def run(home: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "agent_store.cli", *arguments], cwd=PROJECT, env=clean_environment(home),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_store_under_a_policy_costs_the_same_and_forgets(sample_store: Path, cli_home: Path) -> None:
    run(cli_home, "privacy", "init")
    policy = cli_home / "privacy.yml"
    policy.write_text(
        policy.read_text()
        .replace("prompts: keep", "prompts: hash")
        .replace("contents: keep", "contents: drop")
    )
    run(cli_home, "build", "--quiet", "--strict")
    measures = """
        select sum(cost_usd), sum(total_tokens), count(*), (select sum(tokens) from fact_context_segment)
        from v_session_report
    """
    with duckdb.connect(str(sample_store), read_only=True) as plain:
        expected = plain.execute(measures).fetchone()
        (session, prompt) = plain.execute("""
            select session_id, any_value(prompt_text) from fact_prompt where is_human and length(prompt_text) > 30
            group by session_id order by count(*) desc, session_id limit 1
        """).fetchone() or ("", "")
    with duckdb.connect(str(cli_home / "agent_store.duckdb"), read_only=True) as store:
        assert store.execute(measures).fetchone() == pytest.approx(expected)
        texts = store.execute("select prompt_text from fact_prompt").fetchall()
        assert prompt not in {text for (text,) in texts}
        users = {user for (user,) in store.execute("select user_id from dim_session").fetchall()}
        assert all(user.startswith("user_") and len(user) == 17 for user in users - {"unknown"})
    export = cli_home.with_name("exported")
    run(cli_home, "export", "fact_prompt", "--out", str(export))
    told = run(cli_home, "forget", "--session", session, "--dry-run")
    assert session in told
    told = run(cli_home, "forget", "--session", session, "--yes")
    assert str(export) in told
    assert not (export / "manifest.json").exists()
    with duckdb.connect(str(cli_home / "agent_store.duckdb"), read_only=True) as store:
        assert store.execute(
            "select count(*) from dim_session where session_id = ?", [session]
        ).fetchone() == (0,)
    assert session not in "".join(
        file.read_bytes().decode("latin-1") for file in cli_home.rglob("*") if file.is_file()
    )
    assert "were forgotten" in run(cli_home, "verify")
    assert "by session" in run(cli_home, "forget", "--list")
    run(cli_home, "forget", "--session", session, "--yes", code=1)


_RULE = "projects:\n  - path: /home/ann/shop\n    prompts: drop\n    answers: drop\n    contents: drop\n"


@pytest.mark.parametrize("policy", ["prompts: keep\n", _RULE], ids=["later", "at once"])
def test_a_rule_for_a_project_counts_for_all_that_its_sessions_leave(tmp_path: Path, policy: str) -> None:
    home = Home(tmp_path)
    home.paths.privacy.write_text(policy)
    project = home.logs / "projects" / "-home-ann-shop"
    bare = [
        {"type": "queue-operation", "operation": "enqueue", "sessionId": GONE, "content": secret_words(300)},
        {"type": "last-prompt", "lastPrompt": secret_words(301), "sessionId": GONE},
        {"type": "summary", "summary": secret_words(302), "leafUuid": "x"},
    ]
    with (project / f"{GONE}.jsonl").open("r+") as file:
        lines = file.read()
        file.seek(0)
        file.write("".join(json.dumps(line) + "\n" for line in bare[:1]) + lines)
        file.write(
            "".join(json.dumps(line) + "\n" for line in bare[1:]) + f'{{"torn": "{secret_words(303)}\n'
        )
    elsewhere = "11111111-1111-4111-8111-111111111111"
    other = home.logs / "projects" / "-home-ann-other"
    kept = [
        said(elsewhere, 1, "kept-here", cwd="/home/ann/other"),
        {**bare[1], "sessionId": elsewhere, "lastPrompt": "kept too"},
    ]
    written(other / f"{elsewhere}.jsonl", *kept)
    home.land()
    # Lines and results of a later landing, whose session has said before where it is.
    with (project / f"{GONE}.jsonl").open("a") as file:
        file.write(json.dumps({**bare[0], "content": secret_words(304)}) + "\n")
    (project / GONE / "tool-results" / "r2.txt").write_text(secret_words(305))
    meta = {"agentType": "reviewer", "description": secret_words(306)}
    written(project / GONE / "subagents" / "agent-a1.meta.json", meta)
    written(project / GONE / "custom-title.json", {"customTitle": secret_words(307)})
    run_of = {"runId": "wf_1", "script": secret_words(308), "result": [{"finding": secret_words(309)}]}
    written(project / GONE / "workflows" / "wf_1.json", run_of)
    home.land()
    if policy != _RULE:
        home.paths.privacy.write_text(_RULE)
        with build_lock(home.paths):
            purge.begin(home.paths, applies=True)
        home.finish()
    shutil.rmtree(home.paths.spool)  # as it is, until it goes
    home.words = [secret_words(number) for number in (*range(40), 101, 102, *range(300, 310))]
    assert home.left() == []
    assert home.ask("select count(*) from raw.document where contains(content, 'reviewer')") == [(1,)]
    assert home.ask("select count(*) from raw.transcript_line where contains(line, 'kept')")[0][0] >= 2


def test_what_a_call_gave_back_is_dropped_also_when_it_is_landed_later(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.paths.privacy.write_text("files: ['.env*']\n")
    file = home.logs / "projects" / "-home-ann-shop" / f"{OTHER}.jsonl"
    call = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "Read",
        "input": {"file_path": "/home/ann/shop/.env"},
    }
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": secret_words(400)}
    for number, role, block in ((90, "assistant", call), (91, "user", result)):
        with file.open("a") as opened:
            message = {"role": role, "content": [block]}
            opened.write(json.dumps(said(OTHER, number, "", type=role, message=message)) + "\n")
        home.land()
    home.words = [secret_words(400)]
    assert home.left() == []
