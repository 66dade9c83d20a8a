"""What a lake of many hosts costs: shards built by one and by two workers, sharing, the lake; and whether costs are right.

    python -m benchmarks.cluster                                            # 4 hosts of 50 MB, by 1 and by 2 workers
    python -m benchmarks.cluster --hosts 12 --megabytes 100 --workers 2 --compare

Logs are made up: sessions and ids differ between hosts, projects are shared by all. With --compare one store of all logs is
built too, and the relations about costs are compared with those of the lake. The load average says whether the machine
was busy with something else: then CPU seconds are still about right, and seconds are not.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb

from agent_store.lake.run import Done, find_shards
from agent_store.lake.run import run as run_shards
from agent_store.lake.target import parse
from agent_store.paths import StorePaths
from agent_store.privacy.salt import read_salt
from agent_store.sql import literal
from benchmarks.build import Step
from benchmarks.build import run as run_command
from benchmarks.generate import generate
from benchmarks.machine import machine
from tests.equal_stores import differences

MEGABYTE = 1_000_000
LEAST_FILES = 3
MEGABYTES_PER_FILE = 0.7
# The size of the additional host from which the fixed cost of a build follows.
SMALL = 0.1
COST_WORDS = ("cost", "spending", "api_call", "inference", "token_usage", "v_usage", "ccusage", "budget", "unpriced")


@dataclass(frozen=True, slots=True)
class Line:
    """CPU seconds that grow with the size of the logs."""

    fixed: float
    per_megabyte: float

    def at(self, megabytes: float) -> float:
        """CPU seconds for a host of this size."""
        return self.fixed + self.per_megabyte * megabytes


def load() -> float:
    """How many processes wanted a core during the last minute."""
    return os.getloadavg()[0]


def make_hosts(folder: Path, count: int, megabytes: float) -> None:
    """Write the logs of hosts, each into a folder of its own."""
    for number in range(1, count + 1):
        files = max(LEAST_FILES, round(megabytes / MEGABYTES_PER_FILE))
        generate(folder / f"host-{number:02}", int(megabytes * MEGABYTE), files, seed=number)


def size_of(folder: Path) -> float:
    """Megabytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MEGABYTE


def cpu(done: list[Done], command: str) -> float:
    """CPU seconds of one command, of all shards."""
    return sum(step.cpu_seconds for one in done for step in one.steps if step.command == command)


def run_once(logs: Path, place: Path, workers: int) -> list[Done]:
    """Build and share all hosts, from nothing, and print the cost."""
    paths = StorePaths(place / "store").ensure()
    (place / "lake").mkdir()
    before, started = load(), time.perf_counter()
    done = run_shards(
        paths, find_shards([logs], each=True), parse(str(place / "lake" / "lake.ducklake")), workers=workers
    )
    wall = time.perf_counter() - started
    for one in done:
        if one.failure:
            raise click.ClickException(f"{one.name}: {one.failure}")
    print(
        f"{len(done)} hosts, {workers} worker{'s' if workers > 1 else ''}: {wall:.0f} s; CPU: builds "
        f"{cpu(done, 'build'):.0f} s, sharing {cpu(done, 'share'):.0f} s; lake {size_of(place / 'lake'):.1f} MB; "
        f"load {before:.1f} before, {load():.1f} after",
        flush=True,
    )
    return done


def line_through(small: list[Done], large: list[Done], command: str, sizes: tuple[float, float]) -> Line:
    """The line through the mean cost of hosts of two sizes."""
    low, high = cpu(small, command) / len(small), cpu(large, command) / len(large)
    slope = (high - low) / (sizes[1] - sizes[0])
    return Line(low - slope * sizes[0], slope)


def cost_relations(home: Path) -> list[str]:
    """The published relations about tokens and dollars."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(home / 'agent_store.duckdb'))} as agent_store (read_only)")
        found = connection.execute(
            "select distinct table_name from duckdb_columns() where database_name = 'agent_store' and schema_name = 'main'"
        ).fetchall()
    return sorted(name for (name,) in found if any(word in name for word in COST_WORDS))


def print_step(step: Step) -> None:
    """Print the cost of a command."""
    print(
        f"{step.name}: {step.wall_seconds:.0f} s, CPU {step.cpu_seconds:.0f} s, {step.peak_rss_mb:.0f} MB of memory; "
        f"load {load():.1f}",
        flush=True,
    )


def compare(logs: Path, place: Path) -> int:
    """Build one store of all logs, and print which relations about costs are not those of the lake."""
    one = place / "one"
    salt = StorePaths(one / "store").ensure().salt
    salt.parent.mkdir(mode=0o700)
    # The same salt: hashed ids of users can be compared.
    salt.write_text(read_salt(StorePaths(place / "store")).hex(), encoding="ascii")
    salt.chmod(0o600)
    roots = [word for host in sorted(logs.iterdir()) for word in ("--root", str(host))]
    print_step(run_command("one build of all", one, None, "build", "--quiet", *roots))
    lake = place / "store" / "lake"
    names = cost_relations(one / "store")
    found = differences(one / "store", [lake], names)
    print(f"relations about costs: {len(names)}, equal: {len(names) - len(found)}")
    for difference in found:
        print(f"  {difference}")
    return len(found)


@click.command()
@click.option("--hosts", default=4, show_default=True, help="Number of hosts.")
@click.option("--megabytes", default=50.0, show_default=True, help="Logs of each, in millions of bytes.")
@click.option("--workers", default=[1, 2], multiple=True, show_default=True, help="Repeatable: one run for each.")
@click.option("--compare", "is_compared", is_flag=True, help="Build one store of all logs and compare costs.")
@click.option("--fit/--no-fit", default=True, help="Build a small host too: fixed cost, and cost per MB.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to work (default: a temporary folder).")
def main(hosts: int, megabytes: float, workers: tuple[int, ...], is_compared: bool, fit: bool, folder: Path | None) -> None:
    """Measure a lake of made-up hosts on this machine."""
    print(machine())
    work = Path(tempfile.mkdtemp(prefix="agent-store-cluster-", dir=folder))
    try:
        logs, place = work / "logs", work
        make_hosts(logs, hosts, megabytes)
        done: list[Done] = []
        for count in workers:
            place = work / f"workers-{count}"
            done = run_once(logs, place, count)
        if fit:
            make_hosts(work / "small", 1, megabytes * SMALL)
            small = run_once(work / "small", work / "workers-small", 1)
            for command in ("build", "share"):
                line = line_through(small, done, command, (megabytes * SMALL, megabytes))
                print(
                    f"{command}, CPU: {line.at(megabytes * SMALL):.1f} s for {megabytes * SMALL:g} MB, "
                    f"{line.at(megabytes):.1f} s for {megabytes:g} MB: {line.fixed:.1f} s + {line.per_megabyte:.3f} s "
                    f"per MB; a host of 1 GB: {line.at(1000):.0f} s"
                )
        target = str(place / "lake" / "lake.ducklake")
        into = str(place / "store" / "lake")
        print_step(run_command("lake build", place, None, "lake", "build", target, "--into", into))
        if is_compared and compare(logs, place):
            raise click.exceptions.Exit(1)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
