"""What a hook costs: CPU time and wall time of every registered event, compared with `true`.

    python -m benchmarks.hooks --rounds 25

Each hook runs as the client runs it, through the plugin's launcher, in a home whose briefs are full: two hundred
failures, advice for a kind of task, notes of the session, a transcript of a megabyte that is about to be compacted. The
rounds are interleaved, so that other work on the machine affects all of them equally.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import click

from agent_store.build import task_type_rules
from agent_store.record.hooks import calls, table, task_type
from agent_store.record.hooks.hook import md5
from agent_store.record.hooks.run import RECORD
from benchmarks.machine import PROJECT, machine

EVENTS = PROJECT / "tests" / "fixtures" / "hook_events.jsonl"
RECORDER_MS, ANSWER_MS = 10, 25
# The inputs of other events: those with the slowest answers.
OTHERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "a skill is about to load",
        "PreToolUse",
        {"tool_name": "Skill", "tool_input": {"skill": "price-check"}},
    ),
    (
        "a call that failed before",
        "PreToolUse",
        {"tool_name": "Bash", "tool_input": {"command": "make tset"}},
    ),
    (
        "a skill is written",
        "PostToolUse",
        {"tool_response": {"filePath": "{skill}", "originalFile": "---\n---\n"}},
    ),
    ("feedback", "UserPromptExpansion", {"command_name": "agent-store:thumbs-up", "command_args": "clear"}),
)
_TRANSCRIPT_LINES = 500


def write_home(folder: Path) -> None:
    """A store's home with full briefs, and a project with a skill."""
    briefs = folder / "store" / "briefs"
    (briefs / "sessions").mkdir(parents=True)
    project = folder / "shop"
    skill = project / ".claude" / "skills" / "price-check" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: price-check\ndescription: Checks prices.\n---\n" + "Check them.\n" * 2000)
    failures = [
        {"tool": "Bash", "target": f"make target{number}", "count": 2, "session": "0a1b2c3d", "at": "2026-11-01 09:00",
         "worked": None, "error": "make: *** No rule to make the target. Stop."}
        for number in range(200)
    ]  # fmt: skip
    brief = {"context": "- a line of the brief\n" * 80, "failures": failures}
    (briefs / f"{md5(os.path.realpath(project))}.json").write_text(json.dumps(brief))
    advice = [{"task_type": "implement", "strategy_name": "test_first", "advice": "Write the tests first."}]
    of_all = {"characters_per_token": 3, "budgets": {"skill": 4000}, "advice": advice, "warnings": []}
    (briefs / "all.json").write_text(json.dumps(of_all))
    (briefs / task_type.file_name()).write_bytes(task_type_rules.compiled(PROJECT))
    message = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x" * 1900}],
    }
    line = json.dumps({"type": "user", "message": message}) + "\n"
    (folder / "transcript.jsonl").write_text(line * _TRANSCRIPT_LINES)


def events(folder: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Label, program and event of everything measured."""
    recorded = {event["hook_event_name"]: event for event in map(json.loads, EVENTS.read_text().splitlines())}
    programs = {row.event: row.program for row in table.EVENTS}
    here = {"cwd": str(folder / "shop"), "transcript_path": str(folder / "transcript.jsonl")}
    found = [(name, program, {**recorded[name], **here}) for name, program in programs.items()]
    skill = str(folder / "shop" / ".claude" / "skills" / "price-check" / "SKILL.md")
    for label, name, changed in OTHERS:
        filled = json.loads(json.dumps(changed).replace("{skill}", skill))
        found.append((f"{name}: {label}", programs[name], {**recorded[name], **here, **filled}))
    return found


def write_notes(folder: Path, event: dict[str, Any]) -> None:
    """Write the session's notes before each round, including a failure without a warning yet."""
    call = {"tool_name": "Bash", "tool_input": {"command": "make tset"}}
    notes = [
        {
            "noted": "failed",
            "tool": "Bash",
            "target": f"ls {number}",
            "signature": "x",
            "error": "none",
            "call": str(number),
        }
        for number in range(20)
    ]
    notes.append({
        "noted": "failed", "tool": "Bash", "target": "make tset", "signature": calls.signature_of(call), "error": "No rule",
        "call": "last", "at": 1_700_000_000_000,
    })  # fmt: skip
    file = folder / "store" / "briefs" / "sessions" / f"{event['session_id']}.jsonl"
    file.write_text("".join(json.dumps(note) + "\n" for note in notes))


def run(command: list[str], given: bytes, environment: dict[str, str]) -> tuple[float, float]:
    """CPU and wall milliseconds of one process, including child processes it waits for."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, input=given, env=environment, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu * 1000, wall * 1000


@click.command()
@click.option("--rounds", type=click.IntRange(min=3), default=15, show_default=True)
def main(rounds: int) -> None:
    """Print what every event costs."""
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        write_home(folder)
        environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(folder), "AGENT_STORE_HOME": str(folder / "store"),
            "AGENT_STORE_PYTHON": sys.executable,
        }  # fmt: skip
        launcher = str(PROJECT / "plugin" / table.LAUNCHER)
        measured = events(folder)
        # The lower bounds: a process, and a Python that does nothing.
        bare = {"true": ["true"], "python -I -S, nothing": [sys.executable, "-I", "-S", "-c", ""]}
        costs: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for _ in range(rounds + 1):
            for name, command in bare.items():
                costs[name].append(run(command, b"{}\n", environment))
            for label, program, event in measured:
                write_notes(folder, event)
                costs[label].append(run([launcher, program], json.dumps(event).encode() + b"\n", environment))
    print(f"{'':38} {'':18} {'CPU ms':>15} {'wall ms':>15} {'limit':>6}")
    print(f"{'event':38} {'program':18} {'least':>7} {'median':>7} {'least':>7} {'median':>7} {'CPU':>6}")
    programs = dict.fromkeys(bare, "") | {label: program for label, program, _ in measured}
    for label, program in programs.items():
        # The first round fills the file caches.
        cpu, wall = zip(*costs[label][1:], strict=True)
        limit = 0 if not program else RECORDER_MS if program == RECORD else ANSWER_MS
        shown = f"{limit}{'!' if statistics.median(cpu) > limit else ' '}" if limit else ""
        times = " ".join(f"{min(times):7.1f} {statistics.median(times):7.1f}" for times in (cpu, wall))
        print(f"{label:38} {program:18} {times} {shown:>6}", flush=True)


if __name__ == "__main__":
    main()
