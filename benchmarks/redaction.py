"""What redaction adds to landing, on the same lines in the same run.

    python -m benchmarks.redaction --root ~/.claude/projects

Each task runs in a separate process, alternating; the lowest CPU time of `--repeat` runs counts, because other work on
the machine only adds to it. Without `--root` the lines are generated, and contain no secrets.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.generate import generate
from benchmarks.landing import land_once
from benchmarks.machine import PROJECT, Measured, machine, measure, run_here

SEED = PROJECT / "seeds" / "secret_kinds.csv"
# Landing passes its lines on in batches of about this size.
BATCH_BYTES = 16 * 1024 * 1024
MOST_PERCENT = 20


def read_lines(home: Path) -> list[bytes]:
    """All lines of the transcripts below a folder."""
    return [line for path in sorted(home.rglob("*.jsonl")) for line in path.read_bytes().split(b"\n") if line]


def redact_once(home: Path, *, is_redacting: bool) -> None:
    """Read all lines into batches, and find and replace their secrets or not."""
    from ingest.privacy.secrets import Redactor, read_kinds

    lines = read_lines(home)
    if not is_redacting:
        return
    redactor = Redactor([kind for kind in read_kinds(SEED) if kind.is_default], b"salt of a benchmark")
    batch: list[bytes] = []
    size = 0
    for place, line in enumerate(lines):
        batch.append(line)
        size += len(line)
        if size >= BATCH_BYTES or place == len(lines) - 1:
            for suspect in redactor.suspects(batch):
                redactor.redact(batch[suspect].decode("utf-8", "replace"))
            batch, size = [], 0


def least(runs: list[Measured]) -> float:
    """Return the lowest CPU time of some runs."""
    return min(run.cpu_seconds for run in runs)


def compare(folder: Path, home: Path, repeat: int) -> list[str]:
    """Land, read, and read and redact the same lines, alternating."""
    lines = read_lines(home)
    costs: dict[str, list[Measured]] = {"land": [], "read": [], "redact": []}
    for _ in range(repeat):
        for work, runs in costs.items():
            database = folder / "warehouse.duckdb"
            database.unlink(missing_ok=True)
            runs.append(measure("benchmarks.redaction", work, str(home), str(database)))
    landing, reading, redacting = (least(runs) for runs in costs.values())
    added = redacting - reading
    return [
        f"{len(lines):,} lines, {sum(map(len, lines)) / 1e6:,.0f} MB, lowest CPU time of {repeat} runs",
        f"landing {landing:.2f} s, redaction {added:.2f} s "
        f"({sum(map(len, lines)) / 1e6 / added:,.0f} MB/s)",
        f"redaction adds {added / landing:.0%} (target: ≤ {MOST_PERCENT} %)",
    ]


@click.group(invoke_without_command=True)
@click.option("--root", type=click.Path(path_type=Path, exists=True), help="A folder of transcripts.")
@click.option(
    "--megabytes",
    default=200.0,
    show_default=True,
    help="Millions of bytes to generate without a folder.",
)
@click.option("--repeat", default=3, show_default=True, help="Number of runs.")
@click.pass_context
def main(context: click.Context, root: Path | None, megabytes: float, repeat: int) -> None:
    """Measure redaction compared with landing."""
    if context.invoked_subcommand is not None:
        return
    click.echo(machine())
    with tempfile.TemporaryDirectory(prefix="agent-store-benchmark-") as folder:
        home = root or Path(folder) / "home"
        if root is None:
            generate(home, int(megabytes * 1e6), 300)
        for text in compare(Path(folder), home, repeat):
            click.echo(text)


@main.command("land", hidden=True)
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("database", type=click.Path(path_type=Path))
def _land(home: Path, database: Path) -> None:
    run_here(lambda: land_once(home, database))


@main.command("read", hidden=True)
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("database", type=click.Path(path_type=Path))
def _read(home: Path, database: Path) -> None:
    del database
    run_here(lambda: redact_once(home, is_redacting=False))


@main.command("redact", hidden=True)
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("database", type=click.Path(path_type=Path))
def _redact(home: Path, database: Path) -> None:
    del database
    run_here(lambda: redact_once(home, is_redacting=True))


if __name__ == "__main__":
    main()
