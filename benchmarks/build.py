"""What a build costs: from scratch, after one more session, with nothing new; and the report.

    python -m benchmarks.build --corpus FOLDER

FOLDER contains transcripts (default: AGENT_STORE_CORPUS, if set); without one the shipped sample is built.
Each step is a separate process with an empty home. The session that is added is the second largest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.ledger import MODELS
from benchmarks.machine import PROJECT, machine

FIXED_CPU_SECONDS = 25
CPU_SECONDS_PER_MB = 0.09


@dataclass(frozen=True, slots=True)
class Step:
    """One command: its cost as a whole process, and its target."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_rss_mb: float
    limit_seconds: float | None = None

    def __str__(self) -> str:
        """One line of the table."""
        wanted = f"{self.limit_seconds:>9.1f}" if self.limit_seconds else f"{'':>9}"
        missed = "  MISSED" if self.limit_seconds and self.wall_seconds > self.limit_seconds else ""
        numbers = f"{self.wall_seconds:>8.2f}{self.cpu_seconds:>8.2f}{self.peak_rss_mb:>9.0f}"
        return f"{self.name:<44}{numbers}{wanted}{missed}"


def run(name: str, home: Path, limit: float | None, *arguments: str) -> Step:
    """Run one command of the project in a separate process."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home / "user"), "AGENT_STORE_HOME": str(home / "store"), "TZ": "UTC",
    }  # fmt: skip
    (home / "user").mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "agent_store.cli", *arguments],
        cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    problem = process.stderr.read().decode() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise click.ClickException(f"{' '.join(arguments)} failed:\n{problem[-2000:]}")
    return Step(name, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, limit)


def sessions(corpus: Path) -> list[Path]:
    """The transcripts of sessions, the largest first."""
    found = [
        path for path in corpus.rglob("*.jsonl") if "projects" in path.parts and "subagents" not in path.parts
    ]
    return sorted(found, key=lambda path: (-path.stat().st_size, path))


def ledger_share(home: Path) -> tuple[float, float]:
    """Seconds that the ledger's models take in an increment (its lines must be landed), and that all models take."""
    from agent_store.build import compiled, warehouse
    from agent_store.build.state import fingerprint
    from agent_store.paths import StorePaths

    paths = StorePaths(home / "store")
    known = compiled.load(paths, fingerprint(PROJECT).code)
    if known is None:
        raise click.ClickException("the build kept no compiled models")
    spent = {}
    with warehouse.connect(paths) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for model in known.models:
            started = time.perf_counter()
            compiled.run_model(connection, model)
            spent[model.name] = time.perf_counter() - started
    return sum(spent.get(model, 0.0) for model in MODELS), sum(spent.values())


def ledger_from_nothing(home: Path) -> float:
    """Seconds that dbt takes for the ledger's models of a whole store."""
    from agent_store.build import dbt
    from agent_store.paths import StorePaths

    command = [
        "build",
        "--full-refresh",
        "--exclude-resource-type",
        "test",
        "--exclude-resource-type",
        "unit_test",
    ]
    outcome = dbt.invoke([*command, "--select", *MODELS], StorePaths(home / "store"), PROJECT)
    if not outcome.success:
        raise click.ClickException(f"dbt did not build the ledger: {outcome.exception}")
    return float(sum(result.execution_time for result in outcome.result.results))


@click.command()
@click.option(
    "--corpus", type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=lambda: os.environ.get("AGENT_STORE_CORPUS") or PROJECT / "sample" / "home", help="Transcripts to build.",
)  # fmt: skip
def main(corpus: Path) -> None:
    """Measure builds and print a table."""
    click.echo(machine())
    with tempfile.TemporaryDirectory(prefix="agent-store-benchmark-") as name:
        folder = Path(name)
        most, more = folder / "most", folder / "more"
        shutil.copytree(corpus, most)
        # One session is added later, and one after that without tests: the second and the third largest.
        late = sessions(most)[1:3]
        kept = [(path, folder / f"late-{number}") for number, path in enumerate(late)]
        for path, place in kept:
            path.rename(place)
        size = sum(path.stat().st_size for path in most.rglob("*.jsonl"))
        click.echo(
            f"{size / 1e6:,.0f} MB of transcripts; {len(sessions(most)):,} sessions, then one more, then one"
        )
        click.echo(f"{'':<44}{'wall s':>8}{'CPU s':>8}{'RSS MB':>9}{'at most':>9}")
        roots = ("--quiet", "--root", str(most), "--root", str(more))
        more.mkdir()

        def arrive(number: int) -> None:
            path, place = kept[number]
            place.rename(path)

        # The fixed cost of a build, and the cost of each additional megabyte.
        first = run("build from scratch, with tests", folder, None, "build", *roots)
        click.echo(first)
        click.echo(
            f"{'':<44}{'':>8}{FIXED_CPU_SECONDS + CPU_SECONDS_PER_MB * size / 1e6:>8.2f} CPU s target"
        )
        built, published = (
            sum(path.stat().st_size for path in place.glob("*.duckdb")) / size
            for place in (folder / "store" / "build", folder / "store")
        )
        arrive(0)
        for title, limit, arguments in (
            ("one more session, tests of new rows", 8, ("build", *roots)),
            ("nothing new", 0.6, ("build", *roots)),
            ("nothing new, all tests", None, ("build", "--all-tests", *roots)),
            ("report", 0.5, ("report",)),
        ):
            click.echo(run(title, folder, limit, *arguments))
        arrive(1)
        click.echo(run("one more session, --no-tests", folder, 7, "build", "--no-tests", *roots))
        click.echo(
            f"files / transcripts: warehouse and star {built:.2f} (target: ≤ 0.6), store {published:.2f} (≤ 0.4)"
        )
        click.echo(f"memory of a build: {first.peak_rss_mb:,.0f} MB (target: ≤ 1,200)")
        largest = sessions(most)[0]
        largest.write_bytes(largest.read_bytes() + largest.read_bytes().splitlines(keepends=True)[-1])
        run("", folder, None, "ingest", *roots[1:])
        share, whole = ledger_share(folder)
        click.echo(f"the ledger after one session grew: {share:.2f} of {whole:.2f} s (target: ≤ 3)")
        click.echo(f"the ledger from scratch: {ledger_from_nothing(folder):.1f} s (target: ≤ 20)")


if __name__ == "__main__":
    main()
