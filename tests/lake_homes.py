"""Three small hosts for the tests of lakes: homes built from a few transcripts of the sample, once per test run.

Each host has a session of its own, and all have one in common, as a folder that was copied between machines: `ann` has
an earlier state of it, the first lines only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from agent_store.paths import StorePaths
from tests.conftest import BuildStore, clean_environment

PROJECT = Path(__file__).resolve().parents[1]
SAMPLE = PROJECT / "sample" / "home" / "projects"
COMMON = "2b2e5291-7be1-42e4-8b2c-6d04f2122836"
OWN = {
    "ann": "5997f109-6b0a-4966-ae22-1c3dad328e41",
    "bob": "735888b9-fffb-499e-8ac4-1b0dee9d9212",
    "eve": "5022f946-c12d-4e87-a8b9-e5f8d4539f3f",
}
_LINES_OF_ANN = 12


@dataclass(frozen=True)
class LakeHost:
    """A host: its name in the lake and its home."""

    name: str
    home: Path

    @property
    def paths(self) -> StorePaths:
        """The files of its home."""
        return StorePaths(self.home)

    def copy(self, folder: Path) -> LakeHost:
        """The same host in a folder that a test may change; in the lake it is another one."""
        shutil.copytree(self.home, folder / self.name)
        return LakeHost(self.name, folder / self.name)

    def command(self, *arguments: str) -> list[str]:
        """A command of the program, with the name of this host where one is needed."""
        host = ["--host", self.name] if arguments[0] == "share" else []
        return [sys.executable, "-m", "agent_store.cli", *arguments, *host]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in this home, in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=PROJECT,
            env={**clean_environment(self.home), "COLUMNS": "200", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run a command in this home; return what it prints. The test fails if it ends with another code."""
        process = self.start(*arguments, **environment)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        return output

    def sessions(self) -> set[str]:
        """The sessions in its store."""
        return set(self.costs())

    def costs(self) -> dict[str, float]:
        """The cost of each session in its store."""
        with duckdb.connect(str(self.paths.store), read_only=True) as connection:
            return dict(
                connection.execute(
                    "select session_id, coalesce(sum(calls.cost_usd), 0) from dim_session as sessions "
                    "left join fact_api_call as calls using (session_id) group by session_id"
                ).fetchall()
            )


LakeHosts = Mapping[str, LakeHost]


def _write_logs(folder: Path, own: str, lines: int | None) -> None:
    for session, kept in ((own, None), (COMMON, lines)):
        (transcript,) = SAMPLE.glob(f"*/{session}.jsonl")
        target = folder / "projects" / transcript.parent.name / transcript.name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = transcript.read_text(encoding="utf-8").splitlines(keepends=True)
        target.write_text("".join(text[:kept]), encoding="utf-8")


@pytest.fixture(scope="session")
def lake_hosts(build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> LakeHosts:
    """The hosts, to be read only: a test that shares, forgets or builds takes a copy."""
    from agent_store.lake.merging import read_rules

    folder = tmp_path_factory.mktemp("lake-hosts")
    hosts = {}
    rules: Path | None = None
    for name, own in OWN.items():
        host = LakeHost(name, folder / name)
        _write_logs(folder / f"{name}-logs", own, _LINES_OF_ANN if name == "ann" else None)
        build_store([folder / f"{name}-logs"], host.home)
        # The merge rules are those of the project: dbt reads them for the first host only.
        if rules is None:
            read_rules(host.paths, PROJECT)
            rules = host.paths.target / "merge_rules.json"
        else:
            shutil.copy(rules, host.paths.target / rules.name)
        hosts[name] = host
    return hosts
