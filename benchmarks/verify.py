"""What verifying the audit chain costs.

    python -m benchmarks.verify --lines 1000000

Lines of about 300 bytes are landed with the project's own mechanism; `--home` verifies an existing home instead.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.machine import machine, measure, run_here

# A line of about 300 bytes, as written by a hook.
_LINE = (
    '{{"type":"user","uuid":"{number:032x}","sessionId":"6b7f2a7c-c316-4755-b7ec-5f39b4a2f9cf","timestamp":'
    '"2026-03-01T10:00:00.000Z","message":{{"role":"user","content":"line {number} of file {file}, and so many words more: '
    'the tests are green, the branch is merged, the store is built"}}}}'
)


def write_lines(home: Path, lines: int, files: int) -> None:
    """Write transcripts with this many lines in total."""
    folder = home / "projects" / "-home-dev-shop"
    folder.mkdir(parents=True)
    for file in range(files):
        texts = (_LINE.format(number=number, file=file) + "\n" for number in range(file, lines, files))
        (folder / f"{file:08x}-c316-4755-b7ec-5f39b4a2f9cf.jsonl").write_text(
            "".join(texts), encoding="utf-8"
        )


def verify_once(warehouse: Path) -> None:
    """Verify a warehouse, which must be valid."""
    import duckdb

    from agent_store.audit.verify import check

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        verified = check(connection)
    if verified.findings:
        raise click.ClickException(verified.findings[0].message)
    sys.stderr.write(f"{verified.line_count:,} lines in {len(verified.batches):,} batches\n")


@click.command()
@click.option("--lines", default=1_000_000, show_default=True)
@click.option("--files", default=500, show_default=True)
@click.option("--repeat", default=3, show_default=True)
@click.option("--home", type=click.Path(path_type=Path, exists=True), help="An existing home.")
def main(lines: int, files: int, repeat: int, home: Path | None) -> None:
    """Measure it, each time in a separate process."""
    from agent_store.paths import StorePaths
    from ingest.land import land

    click.echo(machine())
    with tempfile.TemporaryDirectory() as folder:
        if home is not None:
            warehouse = StorePaths(home).warehouse
        else:
            warehouse = Path(folder) / "warehouse.duckdb"
            write_lines(Path(folder) / "home", lines, files)
            land([Path(folder) / "home"], warehouse)
        runs = [measure("benchmarks.verify", "once", str(warehouse)) for _ in range(repeat)]
    wall = statistics.median(run.wall_seconds for run in runs)
    cpu = statistics.median(run.cpu_seconds for run in runs)
    memory = max(run.peak_rss_mb for run in runs)
    click.echo(f"verify: {wall:.1f} s wall, {cpu:.1f} s CPU, {memory:.0f} MB, median of {repeat}")
    click.echo("target: 10 s wall for a million lines")


if __name__ == "__main__":
    if sys.argv[1:2] == ["once"]:
        run_here(lambda: verify_once(Path(sys.argv[2])))
    else:
        main()
