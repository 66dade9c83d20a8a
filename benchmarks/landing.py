"""What landing costs, compared with DuckDB reading the same files as text into the same kind of table.

    python -m benchmarks.landing --megabytes 1000 --files 1500

Everything runs on one machine with the same generated files: each task in a separate process, alternating; the median
of `--repeat` runs counts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.generate import generate
from benchmarks.machine import PROJECT, Measured, machine, measure, run_here

PYTHON_STARTS = 7


def land_once(home: Path, warehouse: Path) -> None:
    """Land with the project's own mechanism."""
    from ingest.land import land

    land([home], warehouse)


def read_csv_once(home: Path, database: Path, *, keep_order: bool) -> None:
    """Have DuckDB read the files as a table with one text column, in the same storage and compression."""
    import duckdb

    with duckdb.connect(str(database), config={"storage_compatibility_version": "v1.5.0"}) as connection:
        connection.execute(f"set preserve_insertion_order = {keep_order}")
        connection.execute("create table line (line varchar using compression zstd)")
        connection.execute(
            "insert into line select line from read_csv(?, columns = {'line': 'VARCHAR'}, delim = '\x01', "
            "quote = '', escape = '', header = false, auto_detect = false, max_line_size = 50000000)",
            [f"{home}/**/*.jsonl"],
        )


def landed(database: Path, table: str) -> tuple[object, ...] | None:
    """The number of lines and bytes of a table; not part of the measurement."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(f"select count(*), sum(strlen(line)) from {table}").fetchone()


def unchanged_code(home: Path, warehouse: Path) -> str:
    """A program that lands, counting what it opens and how many bytes it reads below the home."""
    return (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == 'open' else None)\n"
        "from pathlib import Path\n"
        "from ingest.land import land\n"
        f"result = land([Path({str(home)!r})], Path({str(warehouse)!r}))\n"
        f"print(result.files_seen, len([name for name in opened if name.startswith({str(home)!r})]),"
        " result.lines_landed)\n"
    )


def timed(code: str) -> tuple[float, str]:
    """Run a program; return its wall time and its output."""
    started = time.perf_counter()
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, done.stdout.strip()


def growth_code(home: Path, warehouse: Path) -> str:
    """A program that lands, counting the bytes it reads from transcripts."""
    return (
        "from pathlib import Path\n"
        "from ingest.landing import lines\n"
        "from ingest.land import land\n"
        "read, original = [], lines.LineFile._read\n"
        "def counted(self, count):\n"
        "    block = original(self, count)\n"
        "    read.append(len(block))\n"
        "    return block\n"
        "lines.LineFile._read = counted\n"
        f"result = land([Path({str(home)!r})], Path({str(warehouse)!r}))\n"
        "print(sum(read), result.lines_landed)\n"
    )


def median(runs: list[Measured]) -> Measured:
    """Return the median of each number, and the maximum of memory."""
    return Measured(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        max(run.peak_rss_mb for run in runs),
    )


def row(title: str, cost: Measured, size: int) -> str:
    """Format one line of the table."""
    numbers = f"{cost.cpu_seconds:>8.2f} {cost.wall_seconds:>8.2f} {cost.peak_rss_mb:>9.0f}"
    return f"{title:<44}{numbers} {size / 1e6:>8.0f}"


def compare(folder: Path, megabytes: float, files: int, repeat: int) -> list[str]:
    """Land and read the same files, alternating."""
    home = folder / "home"
    made = generate(home, int(megabytes * 1e6), files)
    for path in home.rglob("*.jsonl"):  # the same warm cache for everyone
        path.read_bytes()
    costs: dict[str, list[Measured]] = {"land": [], "read_csv": [], "read_csv_unordered": []}
    sizes: dict[str, int] = {}
    held: set[object] = set()
    for _ in range(repeat):
        for work, runs in costs.items():
            database = folder / f"{work}.duckdb"
            database.unlink(missing_ok=True)
            runs.append(measure("benchmarks.landing", work, str(home), str(database)))
            sizes[work] = database.stat().st_size
            held.add(landed(database, "raw.transcript_line" if work == "land" else "line"))
    ours, ordered, unordered = (median(runs) for runs in costs.values())
    if len(held) != 1:
        raise click.ClickException(f"not the same lines: {held}")
    peer = min(ordered.cpu_seconds, unordered.cpu_seconds)
    beyond = ours.peak_rss_mb - max(ordered.peak_rss_mb, unordered.peak_rss_mb)
    ratio = ours.cpu_seconds / peer
    return [
        f"{made.bytes / 1e6:,.0f} MB in {made.files:,} files, {made.lines:,} lines, median of {repeat}",
        f"{'':<44}{'CPU s':>8} {'wall s':>8} {'RSS MB':>9} {'file MB':>8}",
        row("landing (offsets, provenance, validity)", ours, sizes["land"]),
        row("DuckDB read_csv, order preserved", ordered, sizes["read_csv"]),
        row("DuckDB read_csv, any order", unordered, sizes["read_csv_unordered"]),
        f"CPU ratio to the cheaper of the two: {ratio:.2f} (target: ≤ 1.5), "
        f"to the one that preserves order: {ours.cpu_seconds / ordered.cpu_seconds:.2f}",
        f"memory beyond DuckDB's own: {beyond:.0f} MB (target: ≤ 300)",
        f"warehouse / JSONL: {sizes['land'] / made.bytes:.2f} (target: ≤ 0.5)",
    ]


def second_runs(folder: Path, files: int) -> list[str]:
    """Land many files, then again with nothing new, then with one more line."""
    home, warehouse = folder / "many", folder / "many.duckdb"
    generate(home, files * 20_000, files, seed=2)
    timed(unchanged_code(home, warehouse))
    start = statistics.median(timed("pass")[0] for _ in range(PYTHON_STARTS))
    runs = [timed(unchanged_code(home, warehouse)) for _ in range(PYTHON_STARTS)]
    seen, opened, landed = runs[0][1].split()
    unchanged = statistics.median(seconds for seconds, _ in runs) - start
    largest = max(home.rglob("*.jsonl"), key=lambda path: path.stat().st_size)
    size = largest.stat().st_size
    line = largest.read_bytes().split(b"\n")[0] + b"\n"
    with largest.open("ab") as file:
        file.write(line)
    seconds, printed = timed(growth_code(home, warehouse))
    read, new = printed.split()
    return [
        f"unchanged second run over {seen} files: {unchanged:.3f} s beyond Python's start of {start:.3f} s "
        f"(target: ≤ 0.3), {opened} files opened, {landed} lines landed",
        f"one line of {len(line):,} bytes appended to a file of {size:,}: {int(read):,} bytes read, "
        f"{new} line landed, {seconds - start:.2f} s beyond Python's start",
    ]


@click.group(invoke_without_command=True)
@click.option("--megabytes", default=200.0, show_default=True, help="Millions of bytes to land.")
@click.option("--files", default=300, show_default=True, help="Number of transcripts.")
@click.option("--many", default=3_000, show_default=True, help="Number of files for the second runs.")
@click.option("--repeat", default=3, show_default=True, help="Number of runs.")
@click.pass_context
def main(context: click.Context, megabytes: float, files: int, many: int, repeat: int) -> None:
    """Measure landing and print a table."""
    if context.invoked_subcommand is not None:
        return
    import duckdb

    click.echo(f"{machine()}, DuckDB {duckdb.__version__}")
    with tempfile.TemporaryDirectory(prefix="agent-store-benchmark-") as folder:
        for text in compare(Path(folder), megabytes, files, repeat) + second_runs(Path(folder), many):
            click.echo(text)


@main.command("land", hidden=True)
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("database", type=click.Path(path_type=Path))
def _land(home: Path, database: Path) -> None:
    run_here(lambda: land_once(home, database))


@main.command("read_csv", hidden=True)
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("database", type=click.Path(path_type=Path))
def _read_csv(home: Path, database: Path) -> None:
    run_here(lambda: read_csv_once(home, database, keep_order=True))


@main.command("read_csv_unordered", hidden=True)
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("database", type=click.Path(path_type=Path))
def _read_csv_unordered(home: Path, database: Path) -> None:
    run_here(lambda: read_csv_once(home, database, keep_order=False))


if __name__ == "__main__":
    main()
