"""`make bench`: all benchmarks, one after the other; `make bench ARGS=landing` runs only that one."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.machine import PROJECT

ALL = (
    "landing", "redaction", "build", "ledger", "scan", "hooks", "record", "sdk", "answers", "forecast", "verify",
    "dashboard",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, each in a separate process; options apply to the benchmark before them."""
    chosen: list[list[str]] = []
    for argument in arguments:
        if argument in ALL or not chosen:
            chosen.append([argument] if argument in ALL else [ALL[0], argument])
        else:
            chosen[-1].append(argument)
    failed = 0
    for name, *options in chosen or [[name] for name in ALL]:
        print(f"── {name}", flush=True)
        failed |= subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *options], cwd=PROJECT, check=False
        ).returncode
    return failed


sys.exit(main(sys.argv[1:]))
