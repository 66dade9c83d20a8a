"""How long a scan of 10,000 files takes: cold, unchanged, and with ten changes.

The files are generated: modules in eight languages with the size of usual source files (a median of about a hundred
lines), in a git repository in a temporary folder. Run it with `python -m benchmarks.scan [FILES]`.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FILES = 10_000
COLD_SECONDS = 20.0
UNCHANGED_SECONDS = 1.0
_WORDS = (
    "order", "price", "stock", "invoice", "parcel", "client", "ledger", "basket", "coupon", "shipment", "refund", "tax",
    "rate", "unit", "batch", "report", "quota", "token", "session", "cache",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timing:
    """One measured scan."""

    name: str
    seconds: float
    cpu_seconds: float
    limit: float | None
    summary: str

    @property
    def is_met(self) -> bool:
        """Whether it stayed within its limit."""
        return self.limit is None or self.seconds <= self.limit


def _python(random_: random.Random, number: int) -> str:
    parts = [
        f'"""Module {number}."""\n\nimport json\nfrom shop.base import Base, check\n\nLIMIT = {number}\n'
    ]
    for index in range(random_.randint(3, 14)):
        one, two = random_.sample(_WORDS, 2)
        parts.append(
            f"\n\ndef {one}_{two}_{index}(items: list[int], limit: int = LIMIT) -> int:\n"
            f'    """Return the {one} of the {two}."""\n'
            f"    total = 0\n    for item in items:\n        if item > limit:\n            total += check(item)\n"
            f"    return json.loads(str(total))\n"
        )
    one = random_.choice(_WORDS).title()
    parts.append(
        f"\n\nclass {one}{number}(Base):\n    rate = 1\n\n    def total(self) -> int:\n        return self.rate * LIMIT\n"
    )
    return "".join(parts)


def _typescript(random_: random.Random, number: int) -> str:
    parts = [f'import {{ check }} from "./base";\n\nexport const LIMIT = {number};\n']
    for index in range(random_.randint(3, 12)):
        one, two = random_.sample(_WORDS, 2)
        parts.append(
            f"\nexport function {one}{two.title()}{index}(items: number[]): number {{\n"
            f"  let total = 0;\n  for (const item of items) {{\n    if (item > LIMIT) {{\n"
            f"      total += check(item);\n    }}\n  }}\n"
            f"  return total;\n}}\n"
        )
    return "".join(parts)


def _go(random_: random.Random, number: int) -> str:
    parts = [f'package shop\n\nimport "fmt"\n\nconst Limit{number} = {number}\n']
    for index in range(random_.randint(3, 12)):
        one = random_.choice(_WORDS).title()
        parts.append(
            f"\n// {one}{index} sums up.\nfunc {one}{index}(items []int) int {{\n\ttotal := 0\n"
            f"\tfor _, item := range items {{\n\t\tif item > Limit{number} {{\n\t\t\ttotal += item\n\t\t}}\n\t}}\n"
            f"\tfmt.Println(total)\n\treturn total\n}}\n"
        )
    return "".join(parts)


def _java(random_: random.Random, number: int) -> str:
    parts = [
        f"package shop;\n\nimport java.util.List;\n\npublic class Shop{number} {{\n    static final int LIMIT = {number};\n"
    ]
    for index in range(random_.randint(3, 10)):
        one = random_.choice(_WORDS)
        parts.append(
            f"\n    public int {one}{index}(List<Integer> items) {{\n"
            f"        int total = 0;\n        for (int item : items) {{\n"
            f"            if (item > LIMIT) {{\n                total += Math.abs(item);\n            }}\n        }}\n"
            f"        return total;\n    }}\n"
        )
    return "".join([*parts, "}\n"])


def _rust(random_: random.Random, number: int) -> str:
    parts = [f"use std::collections::HashMap;\n\nconst LIMIT: usize = {number};\n"]
    for index in range(random_.randint(3, 10)):
        one = random_.choice(_WORDS)
        parts.append(
            f"\npub fn {one}_{index}(items: &HashMap<String, usize>) -> usize {{\n    let mut total = 0;\n"
            f"    for (_, item) in items.iter() {{\n        if *item > LIMIT {{\n"
            f"            total += item;\n        }}\n    }}\n"
            f"    total\n}}\n"
        )
    return "".join(parts)


def _sql(random_: random.Random, number: int) -> str:
    parts = []
    for index in range(random_.randint(2, 8)):
        one, two = random_.sample(_WORDS, 2)
        parts.append(
            f"create table {one}_{number}_{index} (\n    {one}_id integer primary key,\n    {two} text not null\n);\n\n"
            f"create view {two}_{number}_{index} as\nselect {two}, count(*) as n\n"
            f"from {one}_{number}_{index}\ngroup by {two};\n\n"
        )
    return "".join(parts)


def _markdown(random_: random.Random, number: int) -> str:
    parts = [f"# Guide {number}\n\n"]
    for index in range(random_.randint(3, 12)):
        words = " ".join(random_.choices(_WORDS, k=60))
        parts.append(f"## Part {index}\n\n{words}.\n\n- {words[:40]}\n- {words[40:80]}\n\n")
    return "".join(parts)


def _yaml(random_: random.Random, number: int) -> str:
    return f"shop: {number}\n" + "".join(
        f"{word}_{index}: {index}\n" for index, word in enumerate(random_.choices(_WORDS, k=40))
    )


_MAKERS: tuple[tuple[str, int, Callable[[random.Random, int], str]], ...] = (
    ("py", 40, _python), ("ts", 20, _typescript), ("go", 10, _go), ("java", 8, _java), ("rs", 6, _rust),
    ("sql", 4, _sql), ("md", 8, _markdown), ("yaml", 4, _yaml),
)  # fmt: skip


def make_repository(folder: Path, files: int, seed: int = 7) -> int:
    """Write a git repository of this many files; return their bytes."""
    random_ = random.Random(seed)
    size = 0
    for number in range(files):
        extension, _, make = random_.choices(_MAKERS, [weight for _, weight, _ in _MAKERS])[0]
        path = folder / f"part{number % 97}" / f"file{number}.{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        size += path.write_text(make(random_, number), encoding="utf-8")
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All files"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True, capture_output=True)
    return size


def measure(files: int = FILES) -> list[Timing]:
    """Scan cold, unchanged, and after ten files have changed; each as a separate program, including start-up."""
    with tempfile.TemporaryDirectory(prefix="agent-store-scan-") as name:
        folder = Path(name)
        size = make_repository(folder / "repository", files)
        print(f"{files:,} files, {size / 1e6:,.1f} MB, {os.cpu_count()} cores")
        timings = [_scan(folder, "cold", COLD_SECONDS), _scan(folder, "unchanged", UNCHANGED_SECONDS)]
        for path in sorted((folder / "repository").rglob("*.py"))[:10]:
            path.write_text(path.read_text(encoding="utf-8") + "\n\nADDED = 1\n", encoding="utf-8")
        timings.append(_scan(folder, "ten changed", None))
        shutil.rmtree(folder / "repository")
        return timings


def _scan(folder: Path, name: str, limit: float | None) -> Timing:
    code = (
        "import sys; from pathlib import Path; from ingest.code.scan import scan_code\n"
        "if __name__ == '__main__': print(scan_code([sys.argv[1]], Path(sys.argv[2])).summary)"
    )
    script = folder / "scan_once.py"
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(script), str(folder / "repository"), str(folder / "warehouse.duckdb")],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing(name, seconds, cpu_seconds, limit, done.stdout.strip())


def main() -> int:
    """Measure, print, and fail if a limit is exceeded."""
    timings = measure(int(sys.argv[1]) if len(sys.argv) > 1 else FILES)
    for one in timings:
        wanted = f" (at most {one.limit:.0f} s)" if one.limit else ""
        print(
            f"{one.name:12} {one.seconds:6.2f} s, {one.cpu_seconds:.2f} CPU-s{wanted}"
            f"{'' if one.is_met else '  MISSED'}\n    {one.summary}"
        )
    return 0 if all(one.is_met for one in timings) else 1


if __name__ == "__main__":
    sys.exit(main())
