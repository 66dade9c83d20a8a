"""The machine of the measurements, and the measurement of a task in a separate process."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Measured:
    """The cost of one task."""

    wall_seconds: float
    cpu_seconds: float
    peak_rss_mb: float


def machine() -> str:
    """Name the machine in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = (line for line in info.read_text().splitlines() if line.startswith("model name"))
        model = next(named, model).rpartition(":")[2].strip()
    memory = ""
    if hasattr(os, "sysconf"):
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    return f"{model}, {os.cpu_count()} cores{memory}, {platform.system()}, Python {platform.python_version()}"


def run_here(work: Callable[[], None]) -> None:
    """Run the task in this process and print its cost as JSON: for a child of `measure`."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = Measured(time.perf_counter() - wall, time.process_time() - cpu, peak)
    sys.stdout.write(json.dumps(asdict(cost)) + "\n")


def measure(module: str, *arguments: str) -> Measured:
    """Run `python -m module arguments` and return its own measurement."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))
