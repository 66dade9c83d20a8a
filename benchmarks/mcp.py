"""The MCP server from a client's point of view: start-up, each tool, eight sessions at once, memory.

    python -m benchmarks.mcp --home ~/.agent-store --rounds 20

Tools that write are not called. This client implements the protocol itself, so that only the server is measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from agent_store.library import AgentStore
from agent_store.library.answers import QUESTIONS
from agent_store.paths import store_paths
from agent_store.serve.mcp.text import tokens
from agent_store.serve.mcp.tools import TOOLS
from benchmarks.answers import ARGUMENTS
from benchmarks.machine import PROJECT, machine

START_SECONDS, MEDIAN_MS, P99_MS, MEMORY_MB = 1.0, 20, 150, 120
SESSIONS = 8
_INITIALIZE = {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"},
}  # fmt: skip


def arguments(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The arguments of each tool that only reads."""
    file, agent = {"file_path": found["file"]}, {"agent_id": found["agent"]}
    component, since = {"component_name": found["component"]}, {"since_date": found["day"]}
    given: dict[str, dict[str, Any]] = {
        "recall_previous_attempts": file,
        "recall_memory": file,
        "get_successful_approaches": {"task_type": found["task_type"]},
        "check_token_budget": component,
        "get_token_budget": component,
        "predict_context_overflow": {"planned_actions": [f"read {found['file']}", "run make test"]},
        "get_quality_trend": {"component_name": found["artifact"], "days": 90},
        "check_quality_trend": {"component_name": found["artifact"], "days": 90},
        "check_for_regressions": since,
        "get_breaking_changes": since,
        "suggest_tests_for_artifact": {"artifact_path": found["file"]},
        "check_conflicts": {"target_path": found["file"]},
        "suggest_work_for_agent": agent,
        "analyze_performance": {**agent, "days": 90},
        "analyze_workflow": {"task_type": found["task_type"]},
        "check_dependency_health": {"dependency_name": found["dependency"]},
        "analyze_impact": {"dependency_name": found["dependency"]},
        "search_code": {"query": f"{found['entity']} test"},
        "get_entity_references": {"entity_name": found["entity"]},
        "get_recent_changes": {"since": found["day"]},
        "search_prompts": {"query": "test"},
        "analyze_template_performance": {"template_id": "nothing"},
        "get_cost_report": {"period": "all", "breakdown_by": "session"},
        "suggest_strategy": {"task_type": found["task_type"]},
        "query_store": {"sql": "select count(*) as n from fact_agent_action"},
        "describe_store": {"table": "fact_agent_action"},
    }
    return {name: given.get(name, {}) for name, tool in TOOLS.items() if QUESTIONS[tool.asks].reads_only}


class Session:
    """One server, and its client."""

    def __init__(self, home: Path) -> None:
        """Start it and list its tools; `started` is the time that took, in seconds."""
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agent_store.cli", "mcp"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "AGENT_STORE_HOME": str(home), "AGENT_STORE_QUERY_LOG": "0"},
        )  # fmt: skip
        self._number = 0
        self.ask("initialize", _INITIALIZE)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.ask("tools/list", {})
        self.started = time.perf_counter() - began

    def ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The result of a request."""
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": parameters})
        while True:
            found = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
            if found.get("id") == self._number:
                return found["result"]

    def _send(self, message: dict[str, Any]) -> None:
        self._process.stdin.write(json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]

    def call(self, tool: str, given: dict[str, Any]) -> tuple[float, str]:
        """Milliseconds, and the text."""
        began = time.perf_counter()
        result = self.ask("tools/call", {"name": tool, "arguments": given})
        taken = (time.perf_counter() - began) * 1000
        if result.get("isError"):
            raise click.ClickException(f"{tool}: {result['content'][0]['text']}")
        return taken, result["content"][0]["text"]

    def memory(self) -> list[int]:
        """Resident megabytes of the server and of its worker; empty if the system does not tell."""
        pid = self._process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return [_resident(one) for one in (str(pid), *children)]
        except OSError:
            return []

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(20)


def _resident(pid: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


@contextmanager
def session(home: Path) -> Iterator[Session]:
    """A session, ended at the end."""
    opened = Session(home)
    try:
        yield opened
    finally:
        opened.close()


def p99(times: list[float]) -> float:
    """The time that one call in a hundred exceeds."""
    return sorted(times)[max(0, round(len(times) * 0.99) - 1)]


@click.command()
@click.option(
    "--home", type=click.Path(path_type=Path, exists=True), help="The home of a store (default: yours)."
)
@click.option("--rounds", type=click.IntRange(min=3), default=20, show_default=True)
def main(home: Path | None, rounds: int) -> None:
    """Print the start, times and tokens of each tool, times of eight sessions at once, and memory."""
    print(machine(), flush=True)
    home = home or store_paths().home
    os.environ["AGENT_STORE_QUERY_LOG"] = "0"
    with AgentStore(home) as store:
        found = {
            name: next((value for row in store.query(sql) for value in row.values()), "nothing")
            for name, sql in ARGUMENTS.items()
        }
    given = arguments(found)
    starts = []
    for _ in range(5):
        with session(home) as one:
            starts.append(one.started)
    print(f"start to tools/list: median {statistics.median(starts):.2f} s (target: ≤ {START_SECONDS} s)")
    everything: list[float] = []
    with session(home) as one:
        print(f"{'tool':28} {'tokens':>7} {'first':>8} {'median':>8} {'longest':>8} ms")
        for name, asked in given.items():
            first, text = one.call(name, asked)
            times = [one.call(name, asked)[0] for _ in range(rounds)]
            everything += times
            print(
                f"{name:28} {tokens(text):7,} {first:8.1f} {statistics.median(times):8.1f} {max(times):8.1f}",
                flush=True,
            )
        busy = one.memory()
        time.sleep(4)
        print(
            f"memory: {busy} MB after the last call, {one.memory()} MB at rest (target: ≤ {MEMORY_MB} in all)"
        )
    print(
        f"one session:    p50 {statistics.median(everything):.1f} ms, p99 {p99(everything):.1f} ms "
        f"(target: ≤ {MEDIAN_MS} and ≤ {P99_MS})"
    )
    sessions = [Session(home) for _ in range(SESSIONS)]
    times = [[] for _ in sessions]

    def ask(place: int) -> None:
        for name, asked in given.items():
            times[place] += [sessions[place].call(name, asked)[0] for _ in range(3)]

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in sessions:
        one.close()
    together = [taken for of_one in times for taken in of_one]
    print(f"{SESSIONS} sessions: p50 {statistics.median(together):.1f} ms, p99 {p99(together):.1f} ms")


if __name__ == "__main__":
    main()
