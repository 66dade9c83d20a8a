"""How long the dashboard takes to write and to paint, compared with the report of the same store.

python -m benchmarks.dashboard --home ~/.agent-store --rounds 5
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from agent_store.paths import StorePaths, store_paths
from agent_store.show import report
from agent_store.show.dashboard import page
from agent_store.store import open_store
from benchmarks.machine import machine
from tests import chromium

WRITE_SECONDS, PAINT_MS, MEGABYTES = 2.0, 500, 3.0


def _least(rounds: int, what: Callable[[], object]) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _report(paths: StorePaths) -> None:
    with open_store(paths) as connection:
        report.collect(connection, str(paths.store))


def _paints(file: Path, rounds: int) -> list[float]:
    """Milliseconds to the first contentful paint of each round; none if there is no browser."""
    with tempfile.TemporaryDirectory() as profile:
        browser = chromium.start(Path(profile))
        if browser is None:
            return []
        found = []
        for _ in range(rounds):
            browser.get("about:blank")
            browser.get(file.as_uri())
            time.sleep(0.3)
            found.append(
                browser.execute_script(
                    "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
                )
            )
        browser.quit()
    return found


@click.command()
@click.option(
    "--home", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A home with a store."
)
@click.option("--rounds", default=5, show_default=True)
def main(home: Path | None, rounds: int) -> None:
    """Measure the dashboard of a store."""
    paths = StorePaths(home) if home else store_paths()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dashboard.html"
        written = _least(rounds, lambda: file.write_text(page.text_of(paths), encoding="utf-8"))
        reported = _least(rounds, lambda: _report(paths))
        megabytes = file.stat().st_size / 1e6
        paints = _paints(file, rounds)
    print(
        f"written in {written:.2f} s (at most {WRITE_SECONDS:.0f}), {written / reported:.1f} × what the report reads"
    )
    print(f"size {megabytes:.2f} MB (at most {MEGABYTES:.0f})")
    if paints:
        print(f"first paint {min(paints):.0f} ms, at worst {max(paints):.0f} (at most {PAINT_MS})")
    else:
        print(f"first paint not measured: {chromium.MISSING}")


if __name__ == "__main__":
    main()
