"""What hooks answer from: what the published views say, ready to be said, in small files that change only with it."""

from __future__ import annotations

import csv
import json
import marshal
import os
import re
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import PROJECT

from agent_store.build import briefs, task_type_rules
from agent_store.build.pipeline import Build, Options
from agent_store.cli import main
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.record.hooks import session_start, task_type
from agent_store.record.hooks.hook import Hook, md5
from agent_store.show import brief as resume
from agent_store.store import open_store

SHOP, SHED, CELLAR = "/home/dev/shop", "/home/dev/shed", "/home/dev/cellar"
_STORE = f"""
create table dim_session as from (values
    ('s1', '{SHOP}', 'shop', timestamp '2026-03-01 12:00'), ('s2', '{SHED}', 'shed', timestamp '2026-01-01 12:00'),
    ('s3', null, null, timestamp '2026-03-01 11:00')
) as t(session_id, project_path, project_name, ended_at);
create table v_resume_brief as from (values
    ('{SHOP}', 'shop', 1, 'last_session', timestamp '2026-03-01 12:00', 's1', '"Rounding"', null, null),
    ('{SHOP}', 'shop', 2, 'open_task', timestamp '2026-03-01 11:00', 's1', 'pending: \x1b[2Jcount \u202ethe cents',
     't', null),
    ('{SHOP}', 'shop', 3, 'last_edit', timestamp '2026-02-28 11:00', 's1', '1 edit of old.py', 't', 'old.py'),
    ('{SHOP}', 'shop', 4, 'rejected', timestamp '2026-02-28 10:00', 's1', repeat('x', 400), null, null)
) as t(project_path, project_name, line_number, section, happened_at, session_id, brief, task_id, file_path);
create table fact_tool_invocation as from (values
    ('s1', 'i9', 'mcp__browser__open', 'browser', 'x', 'ok', null, null, timestamp '2026-03-01 10:08')
) as t(session_id, invocation_id, tool_name, mcp_server, target, status, error_type, error_text, invoked_at);
create table v_repeated_failure as from (values
    ('{SHOP}', 'Bash', 'make tset', timestamp '2026-03-01 10:01', 'make: no rule', 'make test', 's1', 2),
    ('{SHOP}', 'Bash', repeat('x', 5000), timestamp '2026-03-01 10:02', 'too long', null, 's1', 3)
) as t(project_path, tool_name, target, last_failed_at, last_error_text, worked_target, session_id, failure_count);
create table dim_task as from (values ('t1', 'test')) as t(task_id, task_type);
create table dim_work_item as from (values
    ('w1', 's1', 't1', 'test_creation', 'Test the cart', timestamp '2026-03-01 09:00', 'assigned'),
    ('w2', 's1', null, 'other', 'Done already', timestamp '2026-03-01 09:00', 'completed')
) as t(work_id, session_id, task_id, work_type, description, created_at, status);
create table v_best_agent as from (values
    ('test', 'task_type', 'tester', 'team_member', 1), ('test', 'task_type', 'main/shop', 'main', 2)
) as t(capability_name, capability_type, agent_name, agent_type, agent_rank);
create table v_dependency_health as from (values
    ('mcp_server:browser', 'down', 0, null, timestamp '2026-03-01 10:00'),
    ('mcp_server:unused', 'down', 0, null, timestamp '2026-03-01 10:00'),
    ('page', 'down', 2, timestamp '2026-02-01 10:00', timestamp '2026-03-01 10:00'),
    ('well', 'up', 2, timestamp '2026-02-01 10:00', timestamp '2026-03-01 10:00')
) as t(dependency_name, status, component_count, last_available_at, last_failed_at);
create table v_alert as
select
    *, title || ' is used up.' as message, timestamp '2026-04-01' as ends_at, 0.8e0 as near_ratio, 0.0e0 as spent_usd
from (values
    ('budget', 'all', 'all', null, 'month', 200.0e0, 'over', null, date '2026-03-01', 'The budget all of $200.00 a month'),
    ('threshold', 'shop', 'project', 'shop', 'day', 20.0e0, 'near', null, date '2026-03-01', 'The alert \x1b[1mshop'),
    ('threshold', 'one', 'all', null, 'session', 20.0e0, 'over', 's1', date '2026-03-01', 'The alert one'),
    ('threshold', 'cellar', 'project', 'cellar', 'month', 1.0e0, 'over', null, date '2026-03-01', 'The alert cellar'),
    ('growth', 'new', 'all', null, 'day', null, 'unknown', null, date '2026-03-01', 'The alert new'),
    ('budget', 'fine', 'all', null, 'month', 20.0e0, 'ok', null, date '2026-03-01', 'The budget fine')
) as t(alert_kind, alert_name, scope, scope_value, period, threshold_usd, status, session_id, period_start, title);
create table dim_alert as from (values
    ('fan_out', 'fan', 'project', 'shop', 'session', 5.0e0, 'The alert fan', 0.8e0),
    ('threshold', 'agent', 'agent', 'reviewer', 'session', 5.0e0, 'The alert agent', 0.8e0),
    ('threshold', 'day', 'all', null, 'day', 5.0e0, 'The alert day', 0.8e0)
) as t(alert_kind, alert_name, scope, scope_value, period, threshold_usd, title, near_ratio);
create table v_cost_daily as from (values (date '2026-03-01', 12.5e0), (date '2026-02-28', 99.0e0), (null, 7.0e0))
    as t(usage_date, cost_usd);
-- The days of s1 before it expired and was resumed, and a project of which no session is left.
create table v_spending as from (values
    ('s1', '{SHOP}', 'shop', 3.0e0), ('s1', '{SHOP}', 'shop', 0.25e0), ('s2', '{SHED}', 'shed', 9.0e0),
    ('s0', '{CELLAR}', 'cellar', 2.0e0)
) as t(session_id, project_path, project_name, cost_usd);
create table dim_model as from (values ('m1', 'claude-opus-5-5')) as t(model_id, model_name);
create table fact_inference as from (values ('m1', 'eu.anthropic.claude-opus-5-5-v1:0'), ('m1', 'claude-opus-5-5'))
    as t(model_id, model_raw);
create table v_strategy_advice as from (values
    ('prefer', 'debug', 'prompt', 'test_first', 'Reproduce it first: 9 of 10.', 1),
    ('prefer', 'debug', 'prompt', 'other', 'Second best.', 2),
    ('prefer', 'test', 'delegation', 'x', 'Not for prompts.', 3),
    ('watch', 'debug', null, null, 'Careful.', 4)
) as t(advice_kind, task_type, task_source, strategy_name, advice, advice_order);
"""


@pytest.fixture
def paths(tmp_path: Path) -> StorePaths:
    """A home with a store of a few rows."""
    found = StorePaths(tmp_path / "home").ensure()
    with duckdb.connect(str(found.store)) as connection:
        connection.execute(_STORE)
    return found


def brief(paths: StorePaths, project: str) -> dict[str, Any]:
    return dict(json.loads((paths.home / "briefs" / f"{md5(os.path.realpath(project))}.json").read_text()))


def of_all(paths: StorePaths) -> dict[str, Any]:
    return dict(json.loads((paths.home / "briefs" / "all.json").read_text()))


def test_the_brief_tells_what_is_open_with_its_evidence_and_in_visible_characters(paths: StorePaths) -> None:
    briefs.write(paths, PROJECT)
    lines = brief(paths, SHOP)["context"].splitlines()
    assert lines[1:] == [
        '- Last session: "Rounding" (2026-03-01 12:00, session s1)',
        "- Open: pending: \\x1b[2Jcount \\u202ethe cents (2026-03-01 11:00, session s1)",
        f"- Rejected by the user: {'x' * 259}… (2026-02-28 10:00, session s1)",
        "- Work: 1 edit of old.py (2026-02-28 11:00, session s1)",
    ]


def test_the_command_prints_what_the_hook_says(
    paths: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_STORE_HOME", str(paths.home))
    monkeypatch.setenv("AGENT_STORE_QUERY_LOG", "0")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["brief", *arguments])
        captured = capsys.readouterr()
        return int(str(stopped.value.code)), captured.out, captured.err

    briefs.write(paths, PROJECT)
    said = brief(paths, SHOP)["context"].splitlines()[1:]
    for named in ("shop", SHOP, "SHOP", "sho"):
        code, out, _ = run(named)
        assert (code, out.splitlines()) == (0, [f"shop ({SHOP}), times in UTC", *said])
    found = json.loads(run("shop", "--json")[1])
    assert [line["section"] for line in found["lines"]] == [
        "last_session",
        "open_task",
        "rejected",
        "last_edit",
    ]
    assert run("shed")[:2] == (
        0, "No brief for shed: there is no open work, no failure and no decision.\n",
    )  # fmt: skip
    assert run() == (0, f"No brief for {tmp_path}: the store has no sessions of it.\n", "")
    assert run("no such project")[0] == 1
    assert "2 projects match 'sh'" in run("sh")[2]


def test_a_folder_is_of_the_project_of_its_checkout(paths: StorePaths, tmp_path: Path) -> None:
    checkout, worktree = tmp_path / "cellar", tmp_path / "trees" / "one"
    (checkout / "src" / "deep").mkdir(parents=True)
    (checkout / ".git" / "worktrees" / "one").mkdir(parents=True)
    worktree.mkdir(parents=True)
    (worktree / ".git").write_text(f"gitdir: {checkout}/.git/worktrees/one\n", encoding="utf-8")
    with duckdb.connect(str(paths.store)) as connection:
        connection.execute(
            "insert into dim_session values ('s3', ?, 'cellar', timestamp '2026-03-01 12:00')",
            [str(checkout)],
        )
    with open_store(paths) as connection:
        for folder in (checkout, checkout / "src" / "deep", worktree):
            assert resume.project_of(connection, None, folder) == (str(checkout), "cellar")
        assert resume.project_of(connection, "src/deep", checkout) == (str(checkout), "cellar")
        # A submodule is a project of its own, for the command as for the hook.
        (checkout / "src" / ".git").write_text("gitdir: ../.git/modules/src\n", encoding="utf-8")
        assert resume.project_of(connection, None, checkout / "src") == (str(checkout / "src"), "")


def test_a_name_with_a_slash_is_a_name_unless_there_is_such_a_folder(paths: StorePaths, tmp_path: Path) -> None:
    """Projects in folders of the same name are told apart by the folder before it."""
    with duckdb.connect(str(paths.store)) as connection:
        connection.execute(
            "insert into dim_session values ('s3', '/work/erk/erk', 'erk/erk', timestamp '2026-03-01 12:00'), "
            "('s4', '/old/lib', 'x/lib', timestamp '2026-03-01 12:00'), "
            "('s5', '/new/lib', 'x/lib', timestamp '2026-03-01 12:00')"
        )
    with open_store(paths) as connection:
        assert resume.project_of(connection, "Erk/erk", tmp_path) == ("/work/erk/erk", "erk/erk")
        with pytest.raises(StoreError, match="2 projects match 'x/lib'"):
            resume.project_of(connection, "x/lib", tmp_path)
        (tmp_path / "erk" / "erk").mkdir(parents=True)
        assert resume.project_of(connection, "erk/erk", tmp_path) == (str(tmp_path / "erk" / "erk"), "")
        # What only lies in a project's parent folder is not its.
        assert resume.project_of(connection, None, tmp_path) == (str(tmp_path), "")


def test_a_hook_finds_the_brief_of_the_same_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    home, checkout, worktree = tmp_path / "home", tmp_path / "cellar", tmp_path / "trees" / "one"
    (checkout / ".git" / "worktrees" / "one").mkdir(parents=True)
    for folder in (home / "briefs", checkout / "src", worktree, tmp_path / "plain" / "inner"):
        folder.mkdir(parents=True)
    (worktree / ".git").write_text(f"gitdir: {checkout}/.git/worktrees/one\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(checkout / "src")
    for path in (checkout, tmp_path / "plain"):
        (home / "briefs" / f"{md5(os.path.realpath(path))}.json").write_text(json.dumps({"of": path.name}))

    def told(folder: Path) -> dict[str, object]:
        return Hook({"cwd": str(folder)}, str(home)).brief

    for folder in (checkout, checkout / "src", worktree, tmp_path / "link"):
        assert told(folder) == {"of": "cellar"}
    assert told(tmp_path / "plain") == {"of": "plain"}
    # Outside a checkout a folder is a project of its own, whatever folder it is in.
    for folder in (tmp_path / "plain" / "inner", tmp_path / "gone", Path("/")):
        assert told(folder) == {}
    (worktree / ".git").write_bytes(b"\xff no worktree")
    assert told(worktree) == {}


def test_a_brief_keeps_to_its_length() -> None:
    lines = [
        {"section": "last_decision", "at": "2026-03-01 12:00", "session_id": "s1", "brief": "x" * 200}
        for _ in range(40)
    ]
    text = briefs.context(lines)
    assert 1500 < len(text) <= session_start.MOST_CHARACTERS
    assert text.endswith("session s1)"), "no line is cut off"


def test_calls_that_fail_again_and_again_and_have_not_worked_since(paths: StorePaths) -> None:
    briefs.write(paths, PROJECT)
    assert brief(paths, SHOP)["failures"] == [
        {"tool": "Bash", "target": "make tset", "count": 2, "session": "s1", "at": "2026-03-01 10:01",
         "worked": "make test", "error": "make: no rule"}
    ]  # fmt: skip


def test_open_work_and_whom_it_suits(paths: StorePaths) -> None:
    briefs.write(paths, PROJECT)
    (work,) = brief(paths, SHOP)["open_work"]
    assert (work["work_id"], work["suits"], work["session"]) == ("w1", ["tester"], "s1")


def test_warnings_are_those_of_the_project_or_of_all(paths: StorePaths) -> None:
    briefs.write(paths, PROJECT)
    of_project = {warning["target"]: warning for warning in brief(paths, SHOP)["warnings"]}
    assert of_project.keys() == {"mcp_server:browser", "shop"}
    assert "it was first used or checked" in of_project["mcp_server:browser"]["text"]
    # All its sessions have expired: what they spent still counts.
    assert [warning["target"] for warning in brief(paths, CELLAR)["warnings"]] == ["cellar"]
    general = {warning["target"]: warning for warning in of_all(paths)["warnings"]}
    assert general.keys() == {"page", "all"}
    assert general["all"]["text"] == "The budget all of $200.00 a month is used up."
    assert (general["all"]["until"], general["page"]["until"]) == ("2026-04-01 00:00", "2026-03-08 10:00")


def test_costs_are_all_that_is_needed_to_go_on_counting(
    paths: StorePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_STORE_TIMEZONE", "Europe/Berlin")
    briefs.write(paths, PROJECT)
    found = json.loads((paths.home / "briefs" / "costs.json").read_text())
    # The newest day, as it begins and ends in Berlin.
    assert found["day"] == {
        "starts_at": 1772319600,
        "ends_at": 1772406000,
        "period": "day",
        "spent_usd": 12.5,
    }
    assert found["sessions"] == {"s1": 3.25, "s3": 0}, "of the last month"
    assert {one["alert_name"]: (one["folders"], one["title"]) for one in found["periods"]} == {
        "all": ([], "The budget all of $200.00 a month"),
        "cellar": ([CELLAR], "The alert cellar"),
        "fine": ([], "The budget fine"),
        "shop": ([SHOP], "The alert \\x1b[1mshop"),
    }
    assert [(one["alert_name"], one["folders"]) for one in found["sessions_watched"]] == [("fan", [SHOP])]
    assert found["model_names"] == {"eu.anthropic.claude-opus-5-5-v1:0": "claude-opus-5-5"}
    seed = briefs.seed_rows(PROJECT, "model_prices")
    assert sum(map(len, found["prices"].values())) == len(seed)


def test_what_is_the_same_for_all(paths: StorePaths) -> None:
    briefs.write(paths, PROJECT)
    found = of_all(paths)
    assert found["advice"] == [
        {"task_type": "debug", "strategy_name": "test_first", "advice": "Reproduce it first: 9 of 10."}
    ]
    assert found["characters_per_token"] == 3
    assert found["budgets"].keys() == {"skill", "command"}


def test_files_are_closed_to_others_and_written_only_when_they_change(paths: StorePaths) -> None:
    briefs.write(paths, PROJECT)
    folder = paths.home / "briefs"
    files = [file for file in folder.iterdir() if file.is_file()]
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    before = {file: file.stat().st_ino for file in files}
    gone = folder / f"{md5('/gone')}.json"
    gone.write_text("{}")
    notes = folder / "sessions"
    notes.mkdir()
    for name, age in (("old", 8), ("new", 1)):
        (notes / name).touch()
        os.utime(notes / name, (time.time() - age * 86400,) * 2)
    briefs.write(paths, PROJECT)
    assert {file: file.stat().st_ino for file in folder.iterdir() if file.is_file()} == before
    assert [file.name for file in notes.iterdir()] == ["new"]


def test_a_store_that_lacks_a_view_has_briefs_without_it(paths: StorePaths) -> None:
    with duckdb.connect(str(paths.store)) as connection:
        connection.execute("drop table v_dependency_health; drop table v_strategy_advice")
    briefs.write(paths, PROJECT)
    assert brief(paths, SHOP)["warnings"]
    assert of_all(paths)["advice"] == []


def test_a_failure_fails_no_build(tmp_path: Path) -> None:
    said: list[str] = []
    Build(StorePaths(tmp_path), tmp_path, Options(), said.append)._write_briefs()
    assert said[0].startswith("The briefs for hooks are from an earlier build: ")


def test_the_rules_of_the_hook_are_those_of_the_models() -> None:
    held = marshal.loads(task_type_rules.compiled(PROJECT))
    with (PROJECT / "seeds" / "intent_rules.csv").open(encoding="utf-8", newline="") as file:
        examples = {row["example"]: row["category"] for row in csv.DictReader(file)}
    # A pattern that Python reads otherwise than DuckDB would not find its own example any more.
    assert {text: task_type.classified(text, held) for text in examples} == examples


def test_a_text_that_takes_too_long_stays_without_a_type(tmp_path: Path) -> None:
    (tmp_path / task_type.file_name()).write_bytes(task_type_rules.compiled(PROJECT))
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from agent_store.record.hooks import task_type\n"
        "task_type._limit_time()\n"
        "import re\n"
        "try: re.search('(a|aa)+$', 'a' * 60 + 'b')\n"
        "except TimeoutError: print('stopped')\n"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", program, str(PROJECT)], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stdout == "stopped\n", done.stderr


def test_the_hook_takes_a_prompt_for_what_the_models_take_it(sample_store: Path) -> None:
    held = marshal.loads(task_type_rules.compiled(PROJECT))
    warehouse = sample_store.parent / "build" / "warehouse.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        texts = connection.execute(
            "select classified_text, category from warehouse.intermediate.int_classified_text"
        ).fetchall()
    assert len(texts) > 100
    assert [
        (text, kind) for text, kind in texts if (task_type.classified(text, held) or "unknown") != kind
    ] == []


def test_a_build_leaves_briefs_of_its_projects(sample_store: Path) -> None:
    found = [json.loads(file.read_text()) for file in (sample_store.parent / "briefs").glob("*.json")]
    paths = {one.get("project_path") for one in found if one.get("context")}
    assert {"/home/dev/shop", "/home/dev/ledger", "/home/dev/notes"} <= paths


def test_what_the_skill_recall_asks_can_be_asked(sample_store: Path) -> None:
    text = (PROJECT / "plugin" / "skills" / "recall" / "SKILL.md").read_text(encoding="utf-8")
    blocks = [" ".join(block.split()) for block in text.split("\n\n") if block.startswith("    ")]
    questions = [block for block in blocks if block.startswith(("select", "from"))]
    questions += [f"from {name} limit 1" for name in re.findall(r"`(v_\w+)`", text)]
    assert len(questions) == 3
    with open_store(StorePaths(sample_store.parent)) as connection:
        assert all(connection.execute(question).description for question in questions)
