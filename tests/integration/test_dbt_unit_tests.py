"""The models' own unit tests: every counting rule and every hard case, run by dbt on a built warehouse."""

from __future__ import annotations

import shutil
from pathlib import Path

from agent_store.build import dbt
from agent_store.build.results import kind_of, status_of
from agent_store.paths import StorePaths


def test_dbt_unit_tests_pass(sample_store: Path, project_dir: Path, tmp_path: Path) -> None:
    """All of them pass; dbt needs the tables there, for their types."""
    home = tmp_path / "home"
    shutil.copytree(sample_store.parent, home)
    outcome = dbt.invoke(
        ["test", "--select", "test_type:unit", "--threads", "2", "--no-write-json"],
        StorePaths(home),
        project_dir,
    )
    assert outcome.exception is None
    tests = [result for result in outcome.result.results if kind_of(result.node) == "unit test"]
    failed = [f"{result.node.name}: {result.message}" for result in tests if status_of(result) != "pass"]
    assert failed == []
    assert len(tests) > 20
