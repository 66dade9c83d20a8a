"""A warehouse, a lock or a note that somebody else has broken: said in words, kept, and healed by the next run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from agent_store import cli
from agent_store.build import compiled, damage, lock
from agent_store.build.compiled import Compiled, CompiledModel
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from ingest import warehouse as warehouse_module

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def paths(tmp_path: Path) -> StorePaths:
    return StorePaths(tmp_path / "store").ensure()


def healthy(path: Path) -> bytes:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select range as a from range(10000)")
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["empty", "zeros", "cut", "text"])
def test_a_damaged_warehouse_is_moved_aside_and_the_next_run_starts_anew(
    kind: str, paths: StorePaths
) -> None:
    whole = healthy(paths.warehouse)
    damaged = {"empty": b"", "zeros": bytes(len(whole)), "cut": whole[:5000], "text": b"hello\n" * 5000}[kind]
    paths.warehouse.write_bytes(damaged)
    log = Path(f"{paths.warehouse}.wal")
    log.write_bytes(b"log")
    with pytest.raises(StoreError, match="is damaged") as raised, lock.build_lock(paths):
        pytest.fail("the build went on")
    assert "agent-store build again" in raised.value.hint
    kept = sorted(paths.build_dir.glob("warehouse.duckdb.damaged-*"))
    assert [file.read_bytes() for file in kept] == [damaged, b"log"]
    assert str(kept[0]) in raised.value.message
    assert not paths.warehouse.exists()
    with lock.build_lock(paths):
        assert healthy(paths.warehouse)


def test_a_healthy_warehouse_or_none_is_left_alone(paths: StorePaths) -> None:
    with lock.build_lock(paths):
        before = healthy(paths.warehouse)
    with lock.build_lock(paths):
        assert paths.warehouse.read_bytes() == before
    assert not damage.is_damaged(paths.warehouse)
    assert not damage.is_damaged(paths.home / "nothing")


def test_damage_inside_of_a_warehouse_does_not_promise_to_go_on(tmp_path: Path) -> None:
    said = warehouse_module._explained(
        RuntimeError("Corrupt database file: computed checksum 1 does not match"), tmp_path
    )
    assert "damaged" in said
    assert "continues where" not in said


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_lock_that_is_no_file_is_said(kind: str, paths: StorePaths) -> None:
    if kind == "folder":
        paths.lock.mkdir()
    else:
        os.mkfifo(paths.lock)
    with pytest.raises(StoreError, match="The lock") as raised, lock.build_lock(paths):
        pytest.fail("the lock was held")
    assert str(paths.lock) in raised.value.message


def test_a_damaged_note_of_compiled_models_is_none(paths: StorePaths) -> None:
    """Whatever byte is lost, the models are compiled again; nothing is run that dbt did not write."""
    model = CompiledModel("fact", '"main"."fact"', "select 1 as a", "append")
    compiled.save(paths, Compiled("code", (model,), (), {}))
    file = paths.target / "compiled.json"
    whole = file.read_bytes()
    assert compiled.load(paths, "code") is not None
    for damaged in (
        b"", b"\0" * len(whole), whole[:-20], whole.replace(b"select 1", b"select 2"), b"[" * 100_000, b"[]", b"\xff",
        json.dumps({"format": 3, "code": "code", "models": [], "tests": [], "descriptions": []}).encode(),
    ):  # fmt: skip
        file.write_bytes(damaged)
        assert compiled.load(paths, "code") is None
    compiled.save(paths, Compiled("code", (model,), (), {}))
    assert compiled.load(paths, "code") is not None


PROBE = """
import sys, click
from agent_store import cli

@cli.cli.command("{command}")
def probe():
    for number in range(100_000):
        click.echo("a line")

cli.main(["{command}"])
"""


@pytest.mark.parametrize(
    ("command", "code", "said"), [("build", cli.UNREAD, "no longer read"), ("query", 0, "")]
)
def test_output_that_nobody_reads_ends_in_words(command: str, code: int, said: str) -> None:
    """As `agent-store build | head -1`: no traceback, and no failure without a word."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROBE.format(command=command)], cwd=PROJECT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "a line\n"
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == code
    assert "Traceback" not in complaint
    assert said in complaint
    assert bool(said) == bool(complaint)
