"""`python -m tests.compare_stores OLD NEW`: how the store in one home differs from that in another, as Markdown.

Rows of each table and the sum of each column of dollars and tokens. For CI: what a change did to the sample.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

Measures = dict[str, float]


def measures(home: Path) -> Measures:
    """Rows of each published table, and the sums of its amounts."""
    with duckdb.connect(str(home / "agent_store.duckdb"), read_only=True) as store:
        columns: dict[str, list[str]] = {}
        for table, column in store.execute(
            "select table_name, column_name from duckdb_columns() semi join duckdb_tables() using (table_name) "
            "where schema_name = 'main' order by table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(column)
        found: Measures = {}
        for table, names in columns.items():
            amounts = [name for name in names if name.endswith(("_usd", "_tokens"))]
            sums = ", ".join(["count(*)", *(f'coalesce(sum("{name}"), 0)' for name in amounts)])
            row = store.execute(f'select {sums} from "{table}"').fetchone() or ()
            found |= {
                f"{table}.{name}": float(value) for name, value in zip(["rows", *amounts], row, strict=True)
            }
    return found


def compared(old: Measures, new: Measures) -> list[str]:
    """A row of Markdown for each measure that is not the same."""
    rows = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or abs(before - after) > 1e-6 * max(1.0, abs(before)):
            rows.append(f"| {name} | {_shown(before)} | {_shown(after)} |")
    return rows


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6g}" if value % 1 else f"{value:,.0f}"


def main(old: Path, new: Path) -> None:
    """Print the comparison."""
    if not (old / "agent_store.duckdb").is_file():
        print("There is no earlier store to compare with.")
        return
    rows = compared(measures(old), measures(new))
    print(
        "\n".join(["| measure | before | now |", "|---|--:|--:|", *rows])
        if rows
        else "The stores hold the same."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
