"""Hooks: what is registered, what a hook loads, what each answers, and that a broken one is silent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT

from agent_store.record.hooks import (
    after_tool,
    before_compaction,
    before_tool,
    command_expanded,
    definition,
    prompt_submitted,
    quick_json,
    session_start,
    subagent_started,
    table,
    task_completed,
    teammate_idle,
    test_run,
    tool_failed,
    tools_done,
)
from agent_store.record.hooks.hook import Hook, md5
from agent_store.record.hooks.run import RECORD

LAUNCHER = PROJECT / "plugin" / table.LAUNCHER
EVENTS: dict[str, dict[str, Any]] = {
    event["hook_event_name"]: event
    for event in map(
        json.loads, (PROJECT / "tests/fixtures/hook_events.jsonl").read_text(encoding="utf-8").splitlines()
    )
}
# What Python has in itself, and a few small modules of its own.
LOADED = frozenset(
    {"_collections_abc", "_io", "_stat", "genericpath", "os", "os.path", "posixpath", "stat", "__future__"}
)
# As the launcher starts it.
STARTED = (
    "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); import run; run.main()",
    str(PROJECT / "agent_store" / "record" / "hooks"),
)  # fmt: skip
SKILL = "---\nname: price-check\ndescription: Checks prices.\n---\nCheck them.\n"

Answer = Callable[[Hook], "dict[str, Any] | None"]


class Machine:
    """A store's home and a project, and hooks that run there."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "store", folder / "shop"
        self.project.mkdir()

    def event(self, name: str, **changed: object) -> dict[str, Any]:
        """A recorded event of the client, as if it happened here."""
        return {**EVENTS[name], "cwd": str(self.project), **changed}

    def hook(self, name: str, **changed: object) -> Hook:
        """An event that is about to be answered."""
        return Hook(self.event(name, **changed), str(self.home))

    def brief(self, of_all: Mapping[str, object] | None = None, **known: object) -> None:
        """What publishing has left."""
        folder = self.home / "briefs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{md5(os.path.realpath(self.project))}.json").write_text(json.dumps(known))
        (folder / "all.json").write_text(json.dumps(of_all or {}))

    def records(self, kind: str) -> list[dict[str, Any]]:
        """What was spooled of a kind."""
        lines = [
            json.loads(line)
            for file in sorted((self.home / "spool").glob("*"))
            for line in file.read_text().splitlines()
            if line
        ]
        return [line["payload"] for line in lines if line["kind"] == kind]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in (
        "CLAUDE_PROJECT_DIR",
        "CLAUDE_PLUGIN_ROOT",
        "CLAUDE_CONFIG_DIR",
        "AGENT_STORE_STRATEGY_HINTS",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Machine(tmp_path)


def said(answer: Mapping[str, Any] | None) -> str:
    """What the model is told."""
    return str((answer or {}).get("hookSpecificOutput", {}).get("additionalContext", ""))


# ── what is registered


def test_the_files_are_those_of_the_table() -> None:
    assert table.main([]) == 0, "python -m agent_store.record.hooks.table --write"


def test_every_program_of_the_table_answers_and_each_event_is_there_once() -> None:
    names = [row.event for row in table.EVENTS]
    assert len(names) == len(set(names))
    assert not table.NEVER & set(names)
    assert set(names) == EVENTS.keys()
    programs = {row.program for row in table.EVENTS} - {RECORD}
    folder = PROJECT / "agent_store" / "record" / "hooks"
    assert programs == {file.stem for file in folder.glob("*.py") if "\ndef answer(" in file.read_text()}


def _run(
    program: str, event: Mapping[str, Any], environment: Mapping[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", *options, *STARTED, program], input=json.dumps(event) + "\n",
        env=dict(environment), capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("row", table.EVENTS, ids=[row.event for row in table.EVENTS])
def test_a_hook_records_the_event_untouched_and_loads_next_to_nothing(
    row: table.Registered, machine: Machine
) -> None:
    machine.brief()
    event = machine.event(row.event)
    environment = {
        "AGENT_STORE_HOME": str(machine.home),
        "HOME": str(machine.project),
        "SECRET": "of the environment",
    }
    done = _run(row.program, event, environment, "-X", "importtime")
    assert (done.returncode, done.stdout) == (0, "")
    loaded = [
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    ]
    loaded = loaded[loaded.index("zipimport") + 1 :]
    beyond = {
        name
        for name in loaded
        if not name.startswith(("agent_store", "encodings")) and name not in sys.builtin_module_names
    }
    assert beyond - LOADED - {"codecs", "abc", "io", "run"} <= {"_json", "_md5", "_signal"}
    assert machine.records("hook") == [event]
    assert "of the environment" not in "".join(
        file.read_text() for file in (machine.home / "spool").iterdir()
    )


def test_a_hook_of_a_session_that_agent_store_starts_does_nothing(machine: Machine) -> None:
    environment = {"AGENT_STORE_HOME": str(machine.home), "AGENT_STORE_HOOKS": "0"}
    for command in (
        [str(LAUNCHER), "record"],
        [sys.executable, *STARTED, "record"],
    ):
        done = subprocess.run(
            command, input="{}", env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not machine.home.exists()


# ── where something is broken or gone


def _launched(
    program: str, event: bytes, launcher: Path = LAUNCHER, **environment: str
) -> tuple[int, bytes, bytes, float]:
    started = time.monotonic()
    done = subprocess.run(
        [str(launcher), program], input=event, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True,
        check=False, timeout=10,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr, time.monotonic() - started


@pytest.mark.parametrize(
    "program", ["record", "session_start", "before_tool", "after_tool", "no_such_program", "../x"]
)
@pytest.mark.parametrize(
    "event", [b"", b"\n", b"not json", b"[1]", b'{"session_id":', b"{}", b"\xff\xfe\x00", b"{" * 5000]
)
def test_any_input_ends_in_silence(program: str, event: bytes, tmp_path: Path) -> None:
    ended = _launched(
        program,
        event,
        AGENT_STORE_HOME=str(tmp_path / "s"),
        AGENT_STORE_PYTHON=sys.executable,
        HOME=str(tmp_path),
    )
    assert ended[:3] == (0, b"", b"")


def test_a_spool_that_cannot_be_written_loses_the_record_and_answers_all_the_same(machine: Machine) -> None:
    machine.brief(context="- what was left")
    (machine.home / "spool").write_text("a file where the folder should be")
    event = json.dumps(machine.event("SessionStart")).encode()
    code, out, err, _ = _launched(
        "session_start",
        event,
        AGENT_STORE_HOME=str(machine.home),
        AGENT_STORE_PYTHON=sys.executable,
        HOME="/",
    )
    assert (code, err) == (0, b"")
    assert said(json.loads(out)) == "- what was left"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only where there is a full disk to write to")
def test_a_full_disk_is_silent(machine: Machine) -> None:
    spool = machine.home / "spool"
    spool.mkdir(parents=True)
    (spool / time.strftime("hooks-%Y-%m-%d.jsonl", time.gmtime())).symlink_to("/dev/full")
    event = json.dumps(machine.event("Stop")).encode()
    ended = _launched(
        "record", event, AGENT_STORE_HOME=str(machine.home), AGENT_STORE_PYTHON=sys.executable, HOME="/"
    )
    assert ended[:3] == (0, b"", b"")


def test_a_launcher_without_python_or_without_the_package_is_silent(machine: Machine, tmp_path: Path) -> None:
    event = json.dumps(machine.event("Stop")).encode()
    here = {"AGENT_STORE_HOME": str(machine.home), "HOME": str(tmp_path)}
    alone = tmp_path / "plugin" / "bin" / "agent-store-hook"
    alone.parent.mkdir(parents=True)
    alone.write_bytes(LAUNCHER.read_bytes())
    alone.chmod(0o755)
    assert _launched("record", event, alone, **here)[:3] == (0, b"", b"")
    assert not machine.home.exists()
    # The package beside it, and a Python that is gone: recording is content with the one of the system.
    (tmp_path / "agent_store").symlink_to(PROJECT / "agent_store")
    code, out, err, seconds = _launched(
        "before_tool", event, alone, AGENT_STORE_PYTHON="/gone/python", **here
    )
    assert (code, out, err) == (0, b"", b"")
    assert seconds < 5
    assert len(machine.records("hook")) == Path("/usr/bin/python3").exists()


# ── answers


def test_a_session_starts_with_the_brief_and_the_warnings_that_still_hold(machine: Machine) -> None:
    down = {
        "warning_type": "unavailable_dependency",
        "text": "browser is not available.",
        "target": "browser",
    }
    over = {"warning_type": "cost_alert", "text": "The budget is used up.", "target": "month"}
    machine.brief(
        {"warnings": [{**down, "until": "2999-01-01"}, {**over, "until": "2000-01-01"}]},
        context="- what was left" * 500,
        warnings=[{**over, "until": "2999-01-01"}],
    )
    answer = session_start.answer(machine.hook("SessionStart", source="startup"))
    assert answer is not None
    assert len(said(answer)) == session_start.MOST_CHARACTERS
    assert answer["systemMessage"] == "Agent Store: browser is not available. The budget is used up."
    assert [record["warning_type"] for record in machine.records("warning")] == [
        "unavailable_dependency",
        "cost_alert",
    ]
    assert [record["suggestion_type"] for record in machine.records("suggestion")] == ["brief"]
    # Who goes on with a session knows what the brief would say.
    resumed = session_start.answer(machine.hook("SessionStart", source="resume"))
    assert resumed is not None
    assert said(resumed) == ""
    assert "systemMessage" in resumed
    assert session_start.answer(machine.hook("SessionStart", source="compact")) is None


def test_a_session_without_anything_to_say_starts_in_silence(machine: Machine) -> None:
    assert session_start.answer(machine.hook("SessionStart")) is None
    machine.brief()
    assert session_start.answer(machine.hook("SessionStart")) is None
    assert machine.records("suggestion") == machine.records("warning") == []


def test_a_session_in_a_folder_of_the_checkout_has_its_brief(machine: Machine) -> None:
    machine.brief(context="- what was left")
    (machine.project / "src").mkdir()
    assert session_start.answer(machine.hook("SessionStart", cwd=str(machine.project / "src"))) is None
    (machine.project / ".git").mkdir()
    assert said(session_start.answer(machine.hook("SessionStart", cwd=str(machine.project / "src"))))
    # A checkout of its own inside is another project.
    (machine.project / "src" / ".git").mkdir()
    assert session_start.answer(machine.hook("SessionStart", cwd=str(machine.project / "src"))) is None


@pytest.mark.parametrize("command", ["thumbs-up", "thumbs-down", "report-problem"])
def test_feedback_is_thanked_for_without_a_call(machine: Machine, command: str) -> None:
    hook = machine.hook("UserPromptExpansion", command_name=f"agent-store:{command}", command_args="why")
    assert command_expanded.answer(hook) == {"decision": "block", "reason": "Noted, thank you."}
    assert (PROJECT / "plugin" / "commands" / f"{command}.md").is_file()
    assert (
        command_expanded.answer(machine.hook("UserPromptExpansion", command_name=f"other:{command}")) is None
    )


def test_the_strategy_that_works_is_named_once_where_the_evidence_is_strong(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent_store.build import task_type_rules
    from agent_store.record.hooks import task_type

    monkeypatch.setattr(task_type, "_limit_time", lambda: None)
    advice = {
        "task_type": "debug",
        "strategy_name": "test_first",
        "advice": "Reproduce it in a test first: 9 of 10.",
    }
    machine.brief({"advice": [advice]})
    assert (
        prompt_submitted.answer(machine.hook("UserPromptSubmit", prompt="fix the failing build")) is None
    ), "no rules"
    (machine.home / "briefs" / task_type.file_name()).write_bytes(task_type_rules.compiled(PROJECT))
    assert prompt_submitted.answer(machine.hook("UserPromptSubmit", prompt="update the README")) is None
    monkeypatch.setenv("AGENT_STORE_STRATEGY_HINTS", "0")
    assert prompt_submitted.answer(machine.hook("UserPromptSubmit", prompt="fix the failing build")) is None
    monkeypatch.delenv("AGENT_STORE_STRATEGY_HINTS")
    assert advice["advice"] in said(
        prompt_submitted.answer(machine.hook("UserPromptSubmit", prompt="fix the failing build"))
    )
    assert prompt_submitted.answer(machine.hook("UserPromptSubmit", prompt="fix the other build")) is None
    (suggestion,) = machine.records("suggestion")
    assert (suggestion["suggestion_type"], suggestion["task_type"]) == ("strategy", "debug")


def _skill(folder: Path, text: str = SKILL) -> Path:
    path = folder / "skills" / "price-check" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def _loads(machine: Machine, **changed: object) -> dict[str, Any] | None:
    tool_input = {"skill": "price-check", **changed}
    return before_tool.answer(machine.hook("PreToolUse", tool_name="Skill", tool_input=tool_input))


def test_a_skill_is_measured_before_it_enters_and_said_over_its_budget(machine: Machine) -> None:
    machine.brief({"characters_per_token": 4, "budgets": {"skill": 100}})
    path = _skill(machine.project / ".claude", SKILL + "x" * 1000)
    answer = _loads(machine)
    assert answer is not None
    assert "systemMessage" in answer
    assert "hookSpecificOutput" not in answer, "nothing is blocked, and the model is not told"
    (load,) = machine.records("skill_load")
    tokens = round(len(path.read_text()) / 4)
    assert load.items() >= {
        "skill_name": "price-check", "file_path": str(path), "characters": len(path.read_text()), "tokens": tokens,
        "budget_tokens": 100, "trigger": "agent", "tool_use_id": EVENTS["PreToolUse"]["tool_use_id"],
    }.items()  # fmt: skip
    assert [warning["warning_type"] for warning in machine.records("warning")] == ["skill_over_budget"]


def test_a_skill_is_found_where_the_client_finds_it(machine: Machine, tmp_path: Path) -> None:
    assert _loads(machine) is None
    assert machine.records("skill_load") == []
    plugin = tmp_path / "somewhere" / "tools"
    installed = {"version": 2, "plugins": {"tools@market": [{"installPath": str(plugin)}]}}
    (tmp_path / ".claude" / "plugins").mkdir(parents=True)
    (tmp_path / ".claude" / "plugins" / "installed_plugins.json").write_text(json.dumps(installed))
    paths = [_skill(tmp_path / ".claude"), _skill(machine.project / ".claude"), _skill(plugin)]
    _loads(machine)
    paths[1].unlink()
    _loads(machine)
    _loads(machine, skill="tools:price-check")
    command_expanded.answer(machine.hook("UserPromptExpansion", command_name="price-check"))
    loads = machine.records("skill_load")
    assert [load["file_path"] for load in loads] == [str(paths[place]) for place in (1, 0, 2, 0)]
    assert [load["trigger"] for load in loads] == ["agent", "agent", "agent", "user"]
    assert loads[2]["plugin_name"] == "tools"


@pytest.mark.parametrize("name", ["../../etc", "a/../../b", ".", ":x", "x:", "x" * 5000])
def test_the_name_of_a_skill_leads_nowhere_else(machine: Machine, name: str) -> None:
    assert _loads(machine, skill=name) is None
    assert machine.records("skill_load") == []


def _call(machine: Machine, command: str) -> str:
    return said(
        before_tool.answer(machine.hook("PreToolUse", tool_name="Bash", tool_input={"command": command}))
    )


def _fails(machine: Machine, command: str, error: str = "Exit code 2\nmake: no rule", **more: object) -> None:
    assert tool_failed.answer(
        machine.hook("PostToolUseFailure", tool_name="Bash", tool_input={"command": command}, error=error, **more)
    ) is None  # fmt: skip


def _works(machine: Machine, tool: str, **tool_input: object) -> None:
    after_tool.answer(machine.hook("PostToolUse", tool_name=tool, tool_input=tool_input, tool_response={}))


def test_a_call_that_just_failed_is_warned_of_once(machine: Machine) -> None:
    assert _call(machine, "make tset") == ""
    _fails(machine, "make tset")
    warning = _call(machine, "make tset")
    assert warning.startswith("Bash make tset has failed in this session: make: no rule")
    assert "Nothing has been changed since." in warning
    assert _call(machine, "make tset") == "", "each failure is told once"
    assert _call(machine, "make test") == ""
    (record,) = machine.records("warning")
    assert record.items() >= {
        "warning_type": "repeated_failure", "tool_name": "Bash", "target": "make tset", "prior_error": "make: no rule",
    }.items()  # fmt: skip


def test_after_a_change_the_same_call_is_no_repetition(machine: Machine) -> None:
    _fails(machine, "make test")
    _works(machine, "Edit", file_path="/home/dev/shop/cart.py")
    assert _call(machine, "make test") == ""


def test_what_fails_again_and_again_is_warned_of_with_what_worked_afterwards(machine: Machine) -> None:
    _fails(machine, "make tset")
    _works(machine, "Bash", command="make test")
    assert _call(machine, "make tset") == ""
    _fails(machine, "make tset")
    _works(machine, "Bash", command="make test")
    warning = _call(machine, "make tset")
    assert "has failed 2 times" in warning
    assert warning.endswith("Afterwards this worked: make test")


def test_notes_do_not_grow_with_every_success(machine: Machine) -> None:
    _fails(machine, "make test")
    for number in range(5):
        _works(machine, "Bash", command=f"echo {number}")
    _works(machine, "Bash", command="make test")
    _works(machine, "Bash", command="make test")
    (notes,) = (machine.home / "briefs" / "sessions").iterdir()
    noted = [(note["noted"], note["target"]) for note in map(json.loads, notes.read_text().splitlines())]
    assert noted == [("failed", "make test"), ("worked", "echo 0"), ("worked", "make test")]


def test_who_interrupts_a_call_says_nothing_about_it(machine: Machine) -> None:
    _fails(machine, "make test", is_interrupt=True)
    assert _call(machine, "make test") == ""


def test_what_the_client_refused_counts_too(machine: Machine) -> None:
    call = {
        "tool_name": "Edit", "tool_input": {"file_path": "/home/dev/shop/cart.py", "old_string": "a", "new_string": "b"},
        "tool_use_id": "t1", "tool_response": "<tool_use_error>File has not been read yet.</tool_use_error>",
    }  # fmt: skip
    tools_done.answer(machine.hook("PostToolBatch", tool_calls=[call]))
    answer = before_tool.answer(machine.hook("PreToolUse", tool_name="Edit", tool_input=call["tool_input"]))
    assert "File has not been read yet." in said(answer)


def test_a_failure_of_earlier_sessions_is_warned_of_once_with_its_evidence(machine: Machine) -> None:
    failure = {
        "tool": "Bash", "target": "make tset", "count": 3, "session": "0123456789", "at": "2026-11-01 09:00",
        "error": "make: no rule", "worked": "make test",
    }  # fmt: skip
    machine.brief(failures=[failure])
    assert _call(machine, "make tset") == (
        "Bash make tset failed 3 times recently and has not worked since: make: no rule (session 01234567, "
        "2026-11-01 09:00 UTC). Afterwards this worked: make test"
    )
    assert _call(machine, "make tset") == ""


def _writes(machine: Machine, path: Path, before: str | None, after: str) -> dict[str, Any] | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(after)
    response = {"filePath": str(path), "originalFile": before}
    return after_tool.answer(
        machine.hook(
            "PostToolUse", tool_name="Write", tool_input={"file_path": str(path)}, tool_response=response
        )
    )


def test_a_written_skill_is_validated_and_compared_with_before(machine: Machine) -> None:
    path = machine.project / ".claude" / "skills" / "price-check" / "SKILL.md"
    assert _writes(machine, path, None, SKILL) is None
    worse = SKILL.replace("description: Checks prices.\n", "")
    assert "there is no description" in said(_writes(machine, path, SKILL, worse))
    assert _writes(machine, path, worse, worse + "more\n") is None, "what was wrong before is not told again"
    first, second, _ = machine.records("validation")
    assert (first["passed"], first["component_name"], "previous_hash" in first) == (
        True,
        "price-check",
        False,
    )
    assert second.items() >= {
        "component_type": "skill", "validator": definition.VALIDATOR, "passed": False, "previous_passed": True,
        "previous_hash": first["content_hash"], "content_hash": md5(worse), "previous_tokens": first["tokens"],
    }.items()  # fmt: skip


def test_any_other_written_file_is_to_be_indexed_again(machine: Machine) -> None:
    assert _writes(machine, machine.project / "notes.md", None, "# Notes\n") is None
    (update,) = machine.records("document_update")
    assert update["content_hash"] == md5("# Notes\n")
    assert machine.records("validation") == []


def test_reading_is_a_retrieval(machine: Machine) -> None:
    file = {"filePath": "/home/dev/shop/cart.py", "startLine": 11, "numLines": 5}
    after_tool.answer(
        machine.hook("PostToolUse", tool_name="Read", tool_response={"type": "text", "file": file})
    )
    (retrieval,) = machine.records("retrieval")
    assert (retrieval["file_path"], retrieval["line_start"], retrieval["line_end"]) == (
        "/home/dev/shop/cart.py",
        11,
        15,
    )


@pytest.mark.parametrize(
    ("text", "errors", "warnings"),
    [
        (SKILL, [], []),
        ("no front matter", ["front matter"], []),
        ("---\nname: x\nnever closed\n", ["front matter"], []),
        (SKILL.replace("price-check", "Price Check"), ["lower-case"], ["its folder"]),
        (SKILL.replace("price-check", "a--b"), ["lower-case"], ["its folder"]),
        (SKILL.replace("name: price-check\n", ""), [], ["there is no name"]),
        (SKILL.replace("Checks prices.", "x" * 1025), ["1,025 characters"], []),
        (SKILL.replace("Checks prices.", ">-\n  Checks\n  prices."), [], []),
        (SKILL.replace("Checks prices.", ">-"), ["no description"], []),
        (SKILL.replace("---\nCheck", "colour: red\n---\nCheck"), [], ["colour is unknown"]),
        (SKILL.replace("Check them.\n", ""), ["nothing below"], []),
        (SKILL + "x\n" * 500, [], ["501 lines"]),
    ],
)
def test_what_is_wrong_with_a_skill(text: str, errors: list[str], warnings: list[str]) -> None:
    found = definition.checked(text, "/home/dev/.claude/skills/price-check/SKILL.md", definition.SKILL)
    for seen, wanted in ((found.errors, errors), (found.warnings, warnings)):
        assert len(seen) == len(wanted), seen
        assert all(part in sentence for part, sentence in zip(wanted, seen, strict=True)), seen


def test_an_agent_needs_its_name(tmp_path: Path) -> None:
    found = definition.checked(
        "---\ndescription: Audits.\n---\nAudit.\n", "/x/.claude/agents/auditor.md", definition.AGENT
    )
    assert (found.name, found.errors) == ("auditor", ["there is no name"])
    assert definition.type_of("/x/.claude/agents/auditor.md") == definition.AGENT
    assert definition.type_of("/x/agents/auditor.md") == ""
    assert definition.type_of("/x/skills/a/SKILL.md") == definition.SKILL


def test_the_sample_of_the_project_is_valid() -> None:
    recall = PROJECT / "plugin" / "skills" / "recall" / "SKILL.md"
    found = definition.checked(recall.read_text(), str(recall), definition.SKILL)
    assert (found.errors, found.warnings) == ([], [])


def test_open_work_is_offered_to_whom_it_suits_and_once(machine: Machine) -> None:
    work = {"work_type": "test_creation", "session": "0123456789", "at": "2026-11-01 09:00"}
    machine.brief(open_work=[
        {**work, "work_id": "w1", "description": "Write tests", "suits": ["someone else"]},
        {**work, "work_id": "w2", "description": "Test the cart", "suits": ["tester"]},
    ])  # fmt: skip
    answer = teammate_idle.answer(machine.hook("TeammateIdle"))
    assert answer is not None
    assert answer["decision"] == "block"
    assert "Test the cart" in str(answer["reason"])
    assert teammate_idle.answer(machine.hook("TeammateIdle")) is None
    assert [record["work_id"] for record in machine.records("suggestion")] == ["w2"]


BAND = {"low_usd": 0.5, "median_usd": 1, "high_usd": 2.5, "past_count": 40, "similar_count": 12}


def test_each_run_is_forecast_and_the_runs_of_a_prompt_are_warned_of_together(machine: Machine) -> None:
    bands = {"": {**BAND, "high_usd": 3, "similar_count": 0}, "Explore": BAND}
    machine.brief({"forecasts": {"bands": bands, "warn_usd": 5}})

    def started(run: str, agent_type: str = "Explore", prompt: str = "p1") -> str:
        hook = machine.hook("SubagentStart", agent_id=run, agent_type=agent_type, prompt_id=prompt)
        return str((subagent_started.answer(hook) or {}).get("systemMessage", ""))

    assert started("a1") == started("a1") == "", "registered twice, it is still one run"
    assert started("a0", prompt="p0") == ""
    assert started("a2", "unheard-of") == (
        "Agent Store: 2 subagents of this prompt (1 Explore, 1 unheard-of) should cost $1.00 to $5.50 together: four of "
        "five such runs did, of 40 earlier ones."
    )
    assert started("a3") == started("a4") == "", "again only when it is twice as much"
    assert "5 subagents of this prompt (4 Explore, 1 unheard-of)" in started("a5")
    forecasts = machine.records("forecast")
    assert [(one["agent_id"], one["agent_type"], one["high_usd"]) for one in forecasts[2:4]] == [
        ("a0", "Explore", 2.5), ("a2", "unheard-of", 3),
    ]  # fmt: skip
    assert {(one["work_kind"], one["interface"]) for one in forecasts} == {("agent_run", "hook")}
    assert [record["warning_type"] for record in machine.records("warning")] == ["cost_forecast"] * 2


@pytest.mark.parametrize(
    ("of_all", "changed"),
    [
        ({}, {}),
        ({"forecasts": {"bands": {"Explore": BAND}, "warn_usd": 0}}, {"agent_type": "Plan"}),
        ({"forecasts": {"bands": {"": BAND}, "warn_usd": 0}}, {"agent_type": None}),
        ({"forecasts": {"bands": {"": BAND}, "warn_usd": 0}}, {"agent_id": ""}),
        ({"forecasts": {"bands": [BAND], "warn_usd": "much"}}, {}),
    ],
)
def test_what_cannot_be_forecast_is_not(
    machine: Machine, of_all: dict[str, object], changed: dict[str, object]
) -> None:
    machine.brief(of_all)
    assert subagent_started.answer(machine.hook("SubagentStart", **changed)) is None
    assert not (machine.home / "spool").exists()


def _workflow(machine: Machine, call: str, **tool_input: object) -> str:
    hook = machine.hook("PreToolUse", tool_name="Workflow", tool_use_id=call, tool_input=tool_input)
    return str((before_tool.answer(hook) or {}).get("systemMessage", ""))


def test_a_workflow_is_forecast_before_it_begins_and_warned_of_with_those_of_its_session(machine: Machine) -> None:
    of_all = {"forecasts": {"workflow_band": {**BAND, "high_usd": 90}, "warn_usd": 6}}
    machine.brief(of_all, workflow_band={**BAND, "high_usd": 4})
    assert _workflow(machine, "w1", script="x") == _workflow(machine, "w1", script="x") == "", "registered twice, one call"
    assert _workflow(machine, "w2", script="x") == (
        "Agent Store: 2 workflows of this session should cost $1.00 to $8.00 together: each has a band that four of five "
        "such workflows were in, of 40 earlier ones."
    )
    assert _workflow(machine, "w3", script="x") == "", "again only when it is twice as much"
    assert _workflow(machine, "w3", resumeFromRunId="wf_1") == ""
    forecasts = machine.records("forecast")
    assert [(one["tool_use_id"], one["work_kind"], one["work_count"], one["high_usd"]) for one in forecasts] == [
        (call, "workflow_run", 1, 4) for call in ("w1", "w1", "w2", "w3")
    ]
    machine.brief(of_all)
    assert "4 workflows of this session should cost $2.00 to $102.00 together" in _workflow(machine, "w4", name="sweep")


def test_of_unknown_workflows_the_agents_are_told_of_once(machine: Machine) -> None:
    bands = {"": {**BAND, "high_usd": 900}, "workflow-subagent": BAND}
    machine.brief({"forecasts": {"bands": bands, "workflow_band": None, "warn_usd": 6}})
    assert _workflow(machine, "w1", script="x") == (
        "Agent Store: an agent of this workflow should cost $0.50 to $2.50 (four of five such runs did, of 40 earlier "
        "ones); 3 together may cost more than $6.00."
    )
    assert _workflow(machine, "w2", script="x") == ""
    assert machine.records("forecast") == []
    assert [record["warning_type"] for record in machine.records("warning")] == ["cost_forecast"]


@pytest.mark.parametrize(
    "forecasts",
    [
        None, {}, {"bands": {"Explore": BAND}, "warn_usd": 1},
        {"bands": {"": {**BAND, "high_usd": 0.0001}}, "warn_usd": 100},
        {"bands": [BAND], "workflow_band": "much", "warn_usd": "much"}, {"bands": {"": BAND}, "warn_usd": "much"},
    ],
)  # fmt: skip
def test_a_workflow_of_which_nothing_is_known_is_not_forecast(machine: Machine, forecasts: object) -> None:
    machine.brief({"forecasts": forecasts})
    assert _workflow(machine, "w1", script="x") == ""
    assert not (machine.home / "spool").exists()


def test_a_workflow_that_failed_or_was_refused_does_not_count(machine: Machine) -> None:
    machine.brief({"forecasts": {"workflow_band": {**BAND, "high_usd": 4}, "warn_usd": 6}}, workflow_band="much")
    assert _workflow(machine, "w1", script="x") == ""
    broken = {"tool_name": "Workflow", "tool_input": {"script": "x"}}
    tool_failed.answer(machine.hook("PostToolUseFailure", **broken, tool_use_id="w1", error="SyntaxError"))
    assert _workflow(machine, "w2", script="y") == ""
    refused = {**broken, "tool_use_id": "w2", "tool_response": "<tool_use_error>no</tool_use_error>"}
    tools_done.answer(machine.hook("PostToolBatch", tool_calls=[refused]))
    assert _workflow(machine, "w3", script="z") == ""
    assert "2 workflows of this session" in _workflow(machine, "w4", script="z")


@pytest.mark.parametrize("changed", [{"session_id": ""}, {"session_id": "../x"}, {"tool_use_id": ["w1"]}])
def test_a_workflow_of_no_session_is_warned_of_by_itself(machine: Machine, changed: dict[str, object]) -> None:
    machine.brief({"forecasts": {"workflow_band": BAND, "warn_usd": 2}})
    hook = machine.hook("PreToolUse", **{"tool_name": "Workflow", "tool_input": {"script": "x"}, **changed})
    answer = before_tool.answer(hook)
    assert answer is not None
    assert "this workflow should cost $0.50 to $2.50" in str(answer["systemMessage"])


def test_a_workflow_that_has_just_failed_is_both_forecast_and_warned_of(machine: Machine) -> None:
    machine.brief({"forecasts": {"workflow_band": BAND, "warn_usd": 1}})
    failed = machine.hook(
        "PostToolUseFailure", tool_name="Workflow", tool_use_id="w0", tool_input={"script": "x"}, error="no meta"
    )
    tool_failed.answer(failed)
    answer = before_tool.answer(
        machine.hook("PreToolUse", tool_name="Workflow", tool_use_id="w1", tool_input={"script": "x"})
    )
    assert answer is not None
    assert "this workflow should cost $0.50 to $2.50" in str(answer["systemMessage"])
    assert "no meta" in said(answer)


def test_what_a_compaction_drops(machine: Machine, tmp_path: Path) -> None:
    def line(kind: str, content: object, **more: object) -> str:
        return json.dumps({"type": kind, "message": {"role": kind, "content": content, **more}})

    usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": 900,
        "cache_creation_input_tokens": 90,
        "output_tokens": 7,
    }
    call = {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": "cart.py"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "y" * 3000}
    lines = [
        line("user", "dropped long ago" * 1000),
        json.dumps({"type": "system", "subtype": "compact_boundary"}, separators=(",", ":")),
        line("user", "x" * 300),
        line("assistant", [{"type": "text", "text": "z" * 30}, call], usage=usage),
        line("user", [result]),
        json.dumps({"type": "attachment", "attachment": {"type": "skill_listing", "content": "s" * 60}}),
        "not json",
    ]
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("\n".join(lines).replace('{"type": "', '{"type":"') + "\n")
    assert before_compaction.answer(machine.hook("PreCompact", transcript_path=str(transcript))) is None
    (drop,) = machine.records("context_drop")
    assert (drop["trigger"], drop["context_tokens"], drop["is_complete"]) == ("manual", 1000, True)
    sizes = {(one["component_type"], one["component_name"]): one["tokens"] for one in drop["components"]}
    assert sizes == {
        ("tool", "Read"): 1002, ("prompt", "prompt"): 100, ("attachment", "skill_listing"): 20,
        ("response", "response"): 10,
    }  # fmt: skip


def test_a_compaction_without_a_transcript_is_recorded_as_unknown(machine: Machine) -> None:
    before_compaction.answer(machine.hook("PreCompact", transcript_path="/gone"))
    assert machine.records("context_drop")[0].items() >= {"components": [], "is_complete": False}.items()


@pytest.mark.parametrize(
    ("command", "seconds", "wanted"),
    [
        ("echo '1 failed, 2 passed, 1 skipped in 0.1s'; exit 1", 20,
         {"exit_code": 1, "timed_out": False, "framework": "pytest", "passed": 2, "failed": 1, "skipped": 1, "total": 4}),
        ("echo started; sleep 30", 0.5, {"exit_code": None, "timed_out": True}),
        ("pwd; test -z \"$ANTHROPIC_API_KEY\" && test \"$AGENT_STORE_HOOKS\" = 0", 20, {"exit_code": 0}),
    ],
)  # fmt: skip
def test_a_completed_task_is_followed_by_the_tests_of_the_project(
    machine: Machine, command: str, seconds: float, wanted: dict[str, object]
) -> None:
    machine.home.mkdir()
    settings = {"projects": {str(machine.project): {"test_command": command, "timeout_s": seconds}}}
    (machine.home / task_completed.SETTINGS).write_text(json.dumps(settings))
    event = json.dumps(machine.event("TaskCompleted")).encode()
    environment = {
        "AGENT_STORE_HOME": str(machine.home),
        "AGENT_STORE_PYTHON": sys.executable,
        "ANTHROPIC_API_KEY": "secret",
    }
    started = time.monotonic()
    assert _launched("task_completed", event, HOME="/", **environment)[:3] == (0, b"", b"")
    ends = time.monotonic() + 15
    while not (found := machine.records("test_run")) and time.monotonic() < ends:
        time.sleep(0.02)
    assert found[0].items() >= {**wanted, "command": command, "task_id": "1"}.items()
    assert time.monotonic() - started < 15


def test_a_project_without_a_test_command_has_none_run(machine: Machine) -> None:
    machine.home.mkdir()
    for text in ("", "{}", "[]", '{"projects": []}', '{"projects": {"/other": {"test_command": "true"}}}'):
        (machine.home / task_completed.SETTINGS).write_text(text)
        assert task_completed.answer(machine.hook("TaskCompleted")) is None
    assert not (machine.home / "spool").exists()


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        ("\x1b[32m===== 12 passed, 1 warning in 3.20s =====\x1b[0m", ("pytest", 12, 0, 0)),
        ("== 1 failed, 11 passed, 2 errors in 3.2s ==", ("pytest", 11, 3, 0)),
        ("Ran 8 tests in 0.01s\n\nFAILED (failures=1, errors=2, skipped=1)", ("unittest", 4, 3, 1)),
        ("Ran 8 tests in 0.01s\n\nOK", ("unittest", 8, 0, 0)),
        ("Tests:       1 failed, 2 skipped, 5 passed, 8 total\nTime: 1 s", ("jest", 5, 1, 2)),
        ("test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured", ("cargo", 3, 1, 2)),
        ("all good", None),
    ],
)
def test_counts_of_a_test_run(output: str, wanted: tuple[str, int, int, int] | None) -> None:
    found = test_run.counts(output)
    if wanted is None:
        assert found == {}
    else:
        assert (found["framework"], found["passed"], found["failed"], found["skipped"]) == wanted
        assert found["total"] == sum(wanted[1:])


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "ü\"\\\n\x00\ud800", [], {}, [1, [2, {"a": None}]], {"a": {"b": [True, "x"]}}]
)  # fmt: skip
def test_json_is_what_pythons_own_module_makes_of_it(value: object) -> None:
    assert json.loads(quick_json.dumps(value)) == value
    assert quick_json.loads(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", "{}{}", "nul", "[1,]", '{"a" 1}', b"\xff"])
def test_what_is_not_json_is_an_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        quick_json.loads(text)


def test_hooks_of_sessions_side_by_side_lose_nothing_and_break_no_line(machine: Machine) -> None:
    environment = {"AGENT_STORE_HOME": str(machine.home), "AGENT_STORE_PYTHON": sys.executable, "HOME": "/"}

    def session(number: int) -> None:
        for place in range(15):
            call = {"tool_use_id": f"{number}-{place}", "tool_input": {"command": "x" * place * 4999}}
            event = json.dumps(
                machine.event("PostToolUse", tool_name="Bash", session_id=f"s{number}", **call)
            )
            assert _launched("after_tool", event.encode(), **environment)[:3] == (0, b"", b"")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(session, range(6)))
    assert len({record["tool_use_id"] for record in machine.records("hook")}) == 90
