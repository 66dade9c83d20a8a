"""The merge rules of docs/lake.md, from the yml of the models: `python -m tests.merge_table --write` writes them there."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "lake.md"
BEGIN = "<!-- From the yml of the models: python -m tests.merge_table --write -->\n"
END = "<!-- end -->\n"
# The one in C, where it is there: the other takes seconds for these files.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RULES = ("union", "by_key", "global", "local")


def _rules() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The area, the name and the merge rule of each published model."""
    for folder in ("marts", "health"):
        for file in sorted((PROJECT / "models" / folder).rglob("*.yml")):
            for model in yaml.load(file.read_text(encoding="utf-8"), LOADER).get("models", []):
                rule = model.get("config", {}).get("meta", {}).get("merge")
                if rule:
                    area = file.parent.relative_to(PROJECT / "models").as_posix().removeprefix("marts/")
                    yield area, model["name"], rule


def made() -> str:
    """The tables: which model has which rule, and how the columns of `by_key` are aggregated."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    by_key = []
    for area, name, rule in _rules():
        found[area][rule["rule"]].append(f"`{name}`")
        if rule["rule"] == "by_key":
            aggregates = defaultdict(list)
            for column, aggregate in rule["columns"].items():
                aggregates[aggregate].append(f"`{column}`")
            ordered = f" by `{rule['order_by']}`" if "order_by" in rule else ""
            shown = "; ".join(
                f"{aggregate}{ordered if aggregate in {'first', 'latest'} else ''}: {', '.join(columns)}"
                for aggregate, columns in aggregates.items()
            )
            by_key.append(f"| `{name}` | {', '.join(f'`{column}`' for column in rule['key'])} | {shown} |")
    lines = ["| area | rule | models |", "|---|---|---|"]
    for area in sorted(found):
        lines += [
            f"| {area} | {rule} | {', '.join(sorted(found[area][rule]))} |"
            for rule in RULES
            if rule in found[area]
        ]
    return "\n".join([*lines, "", "| `by_key` | one row per | other columns |", "|---|---|---|", *by_key, ""])


def page(text: str) -> str:
    """The page with its tables made again."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + made() + END + rest.partition(END)[2]


if __name__ == "__main__":
    fresh = page(PAGE.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        PAGE.write_text(fresh, encoding="utf-8")
    else:
        sys.stdout.write(fresh)
