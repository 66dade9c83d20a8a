"""Run damaged homes through landing, models and tests: `python -m tests.mutations --homes 20 --seed 1`.

Needs a store built with the code as it is: `--store` names its home, else one is built from the bases. Seeds of
homes with findings are written to a file, one per line; `--seed` with one of them and `--homes 1` shows it again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from agent_store.paths import HOME_VARIABLE
from tests.mutations.damages import damaged, fuzzed_lines, sessions, write
from tests.mutations.spool import write_damaged
from tests.mutations.store import EXPECTED_FINDINGS, PROJECT, Report, Store


def main() -> int:
    """Run so many homes; 1 if a model failed, a line was lost or a guard has tripped."""
    options = _options()
    bases = sessions(options.base)
    folder = Path(tempfile.mkdtemp(prefix="agent-store-damaged-", dir=options.folder))
    try:
        store = Store(options.store or _built(options.base, folder))
        bad = (
            _homes(options, store, bases, folder)
            if not options.lines
            else _lines(options, store, bases, folder)
        )
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--homes", type=int, default=10, help="homes to run; 0: until it is stopped")
    parser.add_argument("--sessions", type=int, default=30, help="damaged sessions in each home")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="seed of the first session")
    parser.add_argument(
        "--base",
        type=Path,
        action="append",
        default=[],
        help="a home with projects/ to damage; may be repeated",
    )
    parser.add_argument("--store", type=Path, help="the home of a store built with this code")
    parser.add_argument(
        "--lines", type=int, default=0, help="so many single lines per home, through landing and staging only"
    )
    parser.add_argument(
        "--one-by-one", action="store_true", help="run each session of a home with findings alone"
    )
    parser.add_argument("--folder", type=Path, help="where to work")
    parser.add_argument("--keep", action="store_true", help="leave the homes for a look")
    parser.add_argument(
        "--failed", type=Path, default=Path("damaged-seeds.txt"), help="the file of seeds with findings"
    )
    options = parser.parse_args()
    options.base = options.base or [PROJECT / "sample" / "home"]
    return options


def _built(bases: list[Path], folder: Path) -> Path:
    home = folder / "store"
    roots = [word for base in bases[:1] for word in ("--root", str(base))]
    command = [sys.executable, "-m", "agent_store.cli", "build", "--quiet", *roots]
    environment = os.environ | {HOME_VARIABLE: str(home)}
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)
    return home


def _homes(options: argparse.Namespace, store: Store, bases: list, folder: Path) -> int:  # type: ignore[type-arg]
    totals: Counter[str] = Counter()
    bad = number = 0
    while not options.homes or number < options.homes:
        first = options.seed + number * options.sessions
        number += 1
        started = time.monotonic()
        report, names = _run_home(store, bases, range(first, first + options.sessions), folder)
        totals.update(_findings(report))
        found = _findings(report)
        is_bad = bool(report.model_errors or report.failed_guards() or not report.has_all_lines)
        bad += is_bad
        print(
            f"{number} seed {first}: {report.lines_in} lines in, {report.lines_landed} landed "
            f"({report.rows_set_aside} rows set aside), {len(report.model_errors)} model errors, "
            f"{len(report.failed_tests)} tests with findings, {time.monotonic() - started:.1f} s",
            flush=True,
        )
        for line in found:
            print(f"    {line}", flush=True)
        if found:
            with options.failed.open("a", encoding="utf-8") as file:
                file.write(f"{first}\t{options.sessions}\t{'; '.join(found)[:2000]}\n")
        if found and options.one_by_one:
            for place, name in enumerate(names):
                alone, _ = _run_home(store, bases, range(first + place, first + place + 1), folder)
                if findings := _findings(alone):
                    print(f"        {name}: {'; '.join(findings)[:600]}", flush=True)
    print(f"{number} homes: {bad} with a failed model, a lost line or a tripped guard.")
    for name, count in totals.most_common():
        print(f"    {count:5d} {name}")
    return bad


def _run_home(store: Store, bases: list, seeds: range, folder: Path) -> tuple[Report, list[str]]:  # type: ignore[type-arg]
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    names = []
    for seed in seeds:
        session = damaged(bases, seed)
        write(session, home)
        names.append(session.name)
    write_damaged(folder / "spool", seeds.start)
    return store.run([home], folder / "run", spool=folder / "spool"), names


def _findings(report: Report) -> list[str]:
    found = [f"model {message}" for message in report.model_errors]
    found += [
        f"test {name}: {rows}" for name, _, rows in report.failed_tests if name not in EXPECTED_FINDINGS
    ]
    if not report.has_all_lines:
        found.append(f"lines: {report.lines_in} in, {report.lines_landed} landed")
    return found


def _lines(options: argparse.Namespace, store: Store, bases: list, folder: Path) -> int:  # type: ignore[type-arg]
    bad = number = 0
    while not options.homes or number < options.homes:
        seed = options.seed + number
        number += 1
        home = folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        file = home / "projects" / "-fuzzed" / f"{seed % 2**32:08x}-0000-4000-8000-000000000000.jsonl"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"".join(line + b"\n" for line in fuzzed_lines(bases, seed, options.lines)))
        started = time.monotonic()
        report = store.stage([home], folder / "run")
        found = _findings(report)
        bad += bool(found)
        print(
            f"{number} seed {seed}: {report.lines_in} lines in, {report.lines_landed} landed "
            f"({report.rows_set_aside} rows set aside), {time.monotonic() - started:.1f} s",
            flush=True,
        )
        for line in found:
            print(f"    {line}", flush=True)
    print(f"{number} files of {options.lines} lines: {bad} with a crash or a lost line.")
    return bad


if __name__ == "__main__":
    sys.exit(main())
