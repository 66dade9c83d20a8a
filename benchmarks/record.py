"""What recording costs, and whether records are lost: with one process, eight at once, and eight that are killed.

    python -m benchmarks.record --records 50000 --processes 8

Every record of a process has a unique number. Afterwards each line of the spool must be whole, and each acknowledged
record must be present: a killed process may only miss the one that it was writing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from benchmarks.machine import PROJECT, machine

_PER_SECOND = 10_000
_PER_SECOND_TOGETHER = 5_000
_REPORT_EVERY = 50
_KILLED_AFTER_SECONDS = (0.5, 2.0)


def write(home: Path, writer: int, records: int, *, tell: bool) -> None:
    """Record this many actions; print the count if requested, and the time they took."""
    from agent_store import AgentStore

    store = AgentStore(home)
    started = time.perf_counter()
    for number in range(records):
        store.record_agent_action(
            session_id=f"session-{writer}",
            action_type="tool_call",
            tool_name="Edit",
            target_path="/home/dev/shop/src/checkout/cart.py",
            metadata={"writer": writer, "number": number, "lines_added": 10, "lines_deleted": 5},
            success=True,
            duration_ms=12.5,
        )
        if tell and number % _REPORT_EVERY == 0:
            os.write(1, b"%d\n" % (number + 1))
    seconds = time.perf_counter() - started
    if not tell:
        sys.stdout.write(json.dumps({"seconds": seconds, "errors": store.errors.total()}) + "\n")


def start(home: Path, writer: int, records: int, *, tell: bool = False) -> subprocess.Popen[str]:
    """Start a process that records."""
    command = [sys.executable, "-m", "benchmarks.record", "write", str(home), str(writer), str(records)]
    return subprocess.Popen(
        [*command, "--tell"] if tell else command, cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )


def spooled(home: Path) -> tuple[Counter[int], int]:
    """The number of distinct records of each writer, and the number of lines that are not records."""
    seen: set[tuple[int, int]] = set()
    broken = 0
    for path in (home / "spool").glob("library-*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            if not line:
                continue
            try:
                metadata = json.loads(line)["payload"]["metadata"]
                seen.add((metadata["writer"], metadata["number"]))
            except (ValueError, KeyError, TypeError):
                broken += 1
    return Counter(writer for writer, _ in seen), broken


def together(folder: Path, processes: int, records: int) -> str:
    """Processes that record into one home at the same time."""
    home = folder / f"home-{processes}"
    started = time.perf_counter()
    running = [start(home, writer, records) for writer in range(processes)]
    told = [json.loads(process.communicate()[0]) for process in running]
    wall = time.perf_counter() - started
    found, broken = spooled(home)
    lost = processes * records - found.total()
    slowest = max(one["seconds"] for one in told)
    to_reach = _PER_SECOND if processes == 1 else _PER_SECOND_TOGETHER
    return (
        f"{processes} process{'' if processes == 1 else 'es'}: {processes * records / slowest:>9,.0f} records/s "
        f"(target: ≥ {to_reach:,}), {found.total():,} records in {wall:.1f} s with the start, {lost} lost, "
        f"{broken} broken, {sum(one['errors'] for one in told)} errors"
    )


def killed(folder: Path, processes: int, rounds: int) -> str:
    """Processes that are killed while they record: everything they had acknowledged must be present."""
    home = folder / "home-killed"
    chance = random.Random(1)  # when to kill
    lost = told = 0
    for number in range(rounds):
        running = {
            number * processes + place: start(home, number * processes + place, 10**9, tell=True)
            for place in range(processes)
        }
        for process in running.values():
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(chance.uniform(*_KILLED_AFTER_SECONDS))
        acknowledged = {}
        for writer, process in running.items():
            process.send_signal(signal.SIGKILL)
            lines = process.communicate()[0].splitlines()
            acknowledged[writer] = int(lines[-1]) if lines else 1
        found, broken = spooled(home)
        lost += sum(max(0, count - found[writer]) for writer, count in acknowledged.items())
        told += sum(acknowledged.values())
    found, broken = spooled(home)
    return (
        f"{processes} processes killed {rounds} times: {found.total():,} records, {lost} lost of {told:,} acknowledged, "
        f"{broken} broken lines (of records that were being written)"
    )


@click.group(invoke_without_command=True)
@click.option("--records", default=50_000, show_default=True, help="Records per process.")
@click.option("--processes", default=8, show_default=True, help="Processes that record at the same time.")
@click.option("--rounds", default=3, show_default=True, help="Number of rounds with killed processes.")
@click.pass_context
def main(context: click.Context, records: int, processes: int, rounds: int) -> None:
    """Measure recording and print the results."""
    if context.invoked_subcommand is not None:
        return
    click.echo(machine())
    with tempfile.TemporaryDirectory(prefix="agent-store-benchmark-") as folder:
        click.echo(together(Path(folder), 1, records))
        click.echo(together(Path(folder), processes, records // 2))
        click.echo(killed(Path(folder), processes, rounds))


@main.command("write", hidden=True)
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("writer", type=int)
@click.argument("records", type=int)
@click.option("--tell", is_flag=True)
def _write(home: Path, writer: int, records: int, tell: bool) -> None:
    write(home, writer, records, tell=tell)


if __name__ == "__main__":
    main()
