"""A built store into which damaged homes are landed, each on a copy of its own, by its compiled SQL."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from agent_store.build import compiled, warehouse
from agent_store.build.compiled import Compiled, TestOutcome
from agent_store.build.state import fingerprint
from agent_store.paths import StorePaths
from ingest.land import land

PROJECT = Path(__file__).resolve().parents[2]
# What is wrong in the log itself, and a person should know: a result whose call is lost, a usage whose parts do not add up.
EXPECTED_FINDINGS = frozenset({"tool_results_have_their_call", "inferences_match_the_log"})
_CONFIG = {"storage_compatibility_version": warehouse.STORAGE_VERSION, "memory_limit": "1GB", "threads": "1"}


@dataclass
class Report:
    """How one home went through."""

    lines_in: int = 0
    lines_landed: int = 0
    rows_set_aside: int = 0
    model_errors: list[str] = field(default_factory=list)
    failed_tests: list[tuple[str, str, int]] = field(default_factory=list)
    warehouse: Path = Path()

    @property
    def has_all_lines(self) -> bool:
        """Whether each line came in once, as a row to read or as one set aside."""
        return self.lines_in == self.lines_landed

    def failed_guards(self) -> list[str]:
        """The tests that may never fail, whatever is in the logs."""
        return [name for name, severity, _ in self.failed_tests if severity == "error"]


class Store:
    """A green store; `run` leaves it as it is."""

    def __init__(self, home: Path, code: Compiled | None = None) -> None:
        """Take the store that `agent-store build` made in this home with this very code."""
        self.paths = StorePaths(home)
        found = code or compiled.load(self.paths, fingerprint(PROJECT).code)
        if found is None:
            raise RuntimeError(f"{home} holds no store that was built with this code: build one first")
        self.code = found

    def run(
        self,
        roots: Sequence[Path],
        folder: Path,
        *,
        tests: bool = True,
        threads: int = 1,
        spool: Path | None = None,
    ) -> Report:
        """Land these homes, and a spool, in a copy of the store below a folder, and run all models and tests."""
        copy = self._copy(folder)
        result = land(list(roots), copy.warehouse, spool=spool)
        report = Report(
            lines_in(roots),
            _landed_lines(copy.warehouse, roots),
            result.lines_set_aside,
            warehouse=copy.warehouse,
        )
        connection = warehouse.connect(copy)
        try:
            run = compiled.run_models(connection, self.code.models, threads)
            report.model_errors = [
                f"{model.name}: {' '.join(message.split())[:400]}" for model, message in run.failed
            ]
            if tests and not report.model_errors:
                report.failed_tests = [_told(found) for found in self._tests(connection, threads)]
        finally:
            connection.close()
        return report

    def stage(self, roots: Sequence[Path], folder: Path) -> Report:
        """Land these homes in a copy and run what reads JSON, nothing more."""
        copy = self._copy(folder)
        result = land(list(roots), copy.warehouse)
        report = Report(
            lines_in(roots),
            _landed_lines(copy.warehouse, roots),
            result.lines_set_aside,
            warehouse=copy.warehouse,
        )
        connection = warehouse.connect(copy)
        try:
            connection.execute("set TimeZone = 'UTC'")
            for model in self.code.models:
                if model.name.startswith("stg_"):
                    _keep(report, model.name, lambda model=model: compiled.run_model(connection, model))
            views = connection.execute(
                "select view_name from duckdb_views() where schema_name = 'staging' order by view_name"
            ).fetchall()
            for (name,) in views:
                # `count(*)` alone would read no column.
                _keep(
                    report,
                    name,
                    lambda name=name: connection.execute(
                        f"select max(hash(v)) from staging.{name} as v"
                    ).fetchall(),
                )
        finally:
            connection.close()
        return report

    def _copy(self, folder: Path) -> StorePaths:
        copy = StorePaths(folder).ensure()
        for source, target in ((self.paths.warehouse, copy.warehouse), (self.paths.star, copy.star)):
            target.with_suffix(".duckdb.wal").unlink(missing_ok=True)
            shutil.copyfile(source, target)
        return copy

    def _tests(self, connection: duckdb.DuckDBPyConnection, threads: int) -> list[TestOutcome]:
        outcomes = compiled.run_tests(connection, self.code.tests, threads)
        return [outcome for outcome in outcomes if outcome.status != "pass"]


def _keep(report: Report, name: str, action: object) -> None:
    try:
        action()  # type: ignore[operator]
    except duckdb.Error as error:
        report.model_errors.append(f"{name}: {' '.join(str(error).split())[:400]}")


def _told(outcome: TestOutcome) -> tuple[str, str, int]:
    name = outcome.test.name + (f" ({outcome.message[:200]})" if outcome.status == "error" else "")
    return name, outcome.test.severity, outcome.failures or 0


def lines_in(homes: Sequence[Path]) -> int:
    """The lines of these homes that a landing has to account for; a blank line is none."""
    files = (path for home in homes for path in home.rglob("*.jsonl") if path.is_file())
    return sum(bool(line.strip(b" \t\r\n")) for path in files for line in path.read_bytes().split(b"\n"))


def _landed_lines(warehouse_file: Path, homes: Sequence[Path]) -> int:
    """The lines in a warehouse of the files in these homes, also of those that it knew from another place.

    Each counts once, though two objects glued together on one are two rows.
    """
    connection = duckdb.connect(str(warehouse_file), config=_CONFIG)
    try:
        found = connection.execute(
            """
            with files as (
                select distinct file_id from raw.file_location where list_contains(?, root)
            ),

            lines as (
                select file_id, line_number from raw.transcript_line
                union
                select file_id, line_number from raw.history_line
            )

            select count(*) from lines semi join files using (file_id)
            """,
            [[str(home) for home in homes]],
        ).fetchone()
    finally:
        connection.close()
    return int(found[0]) if found else 0
