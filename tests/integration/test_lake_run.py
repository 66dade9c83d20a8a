"""`agent-store lake run`: shards are built by tasks of Ray; one that fails does not stop the others."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import PROJECT, clean_environment

from agent_store.errors import StoreError
from agent_store.lake import run as running
from agent_store.lake.target import parse
from agent_store.paths import StorePaths
from agent_store.privacy.applied import is_applied
from agent_store.store import open_store

# Not imported here: Ray reads its settings when it is imported, and a run makes them.
pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

SAMPLE = PROJECT / "sample" / "home" / "projects"
SESSIONS = {
    "ana": "-home-dev-shop/9c50f112-5b8e-4582-976f-21ad02f2e3c4.jsonl",
    "ben": "-home-dev-notes/6d19e5bc-9a53-4f7a-ad18-2e05698fe15f.jsonl",
}
RUN_SECONDS = 1_500
START_SECONDS = 120
COMMAND = [sys.executable, "-m", "agent_store.cli", "lake", "run"]
NICENESS = 16  # its place in /proc/PID/stat, after the name of the program


def _shard(logs: Path, name: str, session: str | None = None) -> Path:
    folder = logs / name
    folder.mkdir(parents=True)
    if session:
        place = folder / "projects" / session
        place.parent.mkdir(parents=True)
        shutil.copy(SAMPLE / session, place)
    return folder


@dataclass(frozen=True)
class Ran:
    """A run of four shards, two of which fail."""

    paths: StorePaths
    logs: Path
    lake: Path
    code: int
    output: str
    errors: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Two shards with a session each, one without logs, and one whose home has a policy that cannot be read."""
    place = tmp_path_factory.mktemp("run")
    logs, home = place / "logs", StorePaths(place / "home")
    for name, session in SESSIONS.items():
        _shard(logs, name, session)
    _shard(logs, "empty")
    _shard(logs, "bad", SESSIONS["ana"])
    (logs / ".hidden").mkdir()
    spoiled = StorePaths(home.home / "hosts" / "bad").ensure()
    spoiled.privacy.write_text("keep: [", encoding="utf-8")
    lake = place / "lake.ducklake"
    done = subprocess.run(
        [*COMMAND, str(logs), "--each", "--to", str(lake), "--workers", "2"],
        env=clean_environment(home.home), cwd=PROJECT,
        capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
    )  # fmt: skip
    return Ran(home, logs, lake, done.returncode, done.stdout, done.stderr)


def test_a_shard_that_fails_is_named_with_its_reason_and_does_not_stop_the_others(ran: Ran) -> None:
    assert ran.code == 1, ran.errors
    for name in SESSIONS:
        assert re.search(rf"^{name}: sessions: 1, lines: \d+, \d+\.\d s$", ran.output, re.MULTILINE), ran.output
    assert "FAILED: empty\n    There are no transcripts in " in ran.errors
    assert re.search(r"FAILED: bad\n    agent-store build failed with exit code 1:\n    .*privacy\.yml", ran.errors)
    assert re.search(r"^Not in the lake.*: empty, bad\.", ran.errors, re.MULTILINE)


def test_the_lake_is_built_from_the_rest(ran: Ran) -> None:
    assert "Hosts: 2, sessions: 2." in ran.output
    with open_store(StorePaths(ran.paths.home / "lake")) as store:
        hosts = store.execute("select distinct host from dim_session order by 1").fetchall()
    assert hosts == [("ana",), ("ben",)]


def test_the_next_run_builds_only_what_is_new(ran: Ran) -> None:
    shards = [one for one in running.find_shards([ran.logs], each=True) if one.name in SESSIONS]
    store = StorePaths(ran.paths.home / "hosts" / "ana").store
    before = store.stat().st_mtime_ns
    seen: list[str] = []
    done = running.run(
        ran.paths, shards, parse(str(ran.lake)), workers=1, on_done=lambda one: seen.append(one.name)
    )
    assert [(one.failure, one.session_count) for one in done] == [("", 1), ("", 1)]
    assert sorted(seen) == sorted(SESSIONS)
    assert store.stat().st_mtime_ns == before
    assert all([step.command for step in one.steps] == ["build", "share"] for one in done)
    assert all(step.cpu_seconds > 0 for one in done for step in one.steps)
    # Ray does not keep this process from learning how other programs end.
    assert subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=False).returncode == 3


def test_a_changed_policy_is_applied_to_what_was_landed_before(ran: Ran) -> None:
    ran.paths.privacy.write_text("user_ids: keep\n", encoding="utf-8")
    try:
        (shard,) = [one for one in running.find_shards([ran.logs], each=True) if one.name == "ben"]
        for commands in (["privacy", "build", "share"], ["build", "share"]):
            (done,) = running.run(ran.paths, [shard], parse(str(ran.lake)), workers=1)
            assert done.failure == ""
            assert [step.command for step in done.steps] == commands
    finally:
        ran.paths.privacy.unlink()
    home = StorePaths(ran.paths.home / "hosts" / "ben")
    assert home.privacy.read_text(encoding="utf-8") == "user_ids: keep\n"
    assert is_applied(home) is True


def test_shards_have_one_salt_so_that_hashed_users_can_be_compared(ran: Ran) -> None:
    homes = [ran.paths, *(StorePaths(ran.paths.home / "hosts" / name) for name in SESSIONS)]
    assert len({home.salt.read_text(encoding="ascii") for home in homes}) == 1
    assert {home.salt.stat().st_mode & 0o777 for home in homes} == {0o600}


def test_an_interrupted_run_ends_its_builds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    shard = _shard(tmp_path, "ana", SESSIONS["ana"])
    process = subprocess.Popen(
        [*COMMAND, str(shard), "--to", str(tmp_path / "lake.ducklake")],
        env=clean_environment(home), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    holder = StorePaths(home / "hosts" / "ana").lock_holder
    until = time.monotonic() + START_SECONDS
    while not (holder.is_file() and holder.read_text(encoding="utf-8")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "the build has not begun"
        time.sleep(0.1)
    builder = Path("/proc") / holder.read_text(encoding="utf-8").split()[1].rstrip(",")
    if builder.parent.is_dir():
        assert (builder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[NICENESS] == "0"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 130, errors
    assert "Stopped." in errors
    assert not builder.exists()


# ---- without Ray -------------------------------------------------------------------------------------------------------


def _job(tmp_path: Path, *command: str, **environment: str) -> running.Job:
    home = tmp_path / "store"
    return running.Job("ana", home, (command,), {"AGENT_STORE_HOME": str(home), **environment})


def test_a_failure_that_stays_is_not_tried_again(tmp_path: Path) -> None:
    done = running.build_shard(_job(tmp_path, "report"))
    assert done.retry_count == 0
    assert done.failure.startswith("agent-store report failed with exit code 3:\n")
    assert "There is no published store" in done.failure


def test_a_killed_command_is_tried_again(tmp_path: Path) -> None:
    # Python runs this module when it starts: the first time it kills itself.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib\n"
        "mark = pathlib.Path(__file__).with_name('killed')\n"
        "if not mark.exists():\n"
        "    mark.touch()\n"
        "    os.kill(os.getpid(), 9)\n",
        encoding="utf-8",
    )
    done = running.build_shard(_job(tmp_path, "report", PYTHONPATH=f"{tmp_path}:{PROJECT}"))
    assert done.retry_count == 1
    assert "There is no published store" in done.failure


def test_sharing_is_tried_again_because_it_depends_on_a_network(tmp_path: Path) -> None:
    done = running.build_shard(_job(tmp_path, "share", str(tmp_path / "lake.ducklake")))
    assert done.retry_count == running.RETRIES
    assert "agent-store share failed" in done.failure


def test_a_worker_of_another_version_is_refused(tmp_path: Path) -> None:
    job = running.Job("ana", tmp_path, (), {}, version="0.0.0")
    assert "was started with 0.0.0" in running.build_shard(job).failure


def test_shards_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    one, other = _shard(tmp_path / "a", "ana"), _shard(tmp_path / "b", "Ana")
    with pytest.raises(StoreError, match=r"Two shards are called Ana"):
        running.find_shards([one, other])
    with pytest.raises(StoreError, match=r"There is no folder"):
        running.find_shards([tmp_path / "missing"])
    with pytest.raises(StoreError, match=r"There are no folders in"):
        running.find_shards([one], each=True)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"is not a folder"):
        running.find_shards([tmp_path / "file"])
    assert [shard.name for shard in running.find_shards([one, one])] == ["ana"]


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(running, "find_spec", lambda _: None)
    with pytest.raises(StoreError) as raised:
        running.run(StorePaths(tmp_path), [], parse(str(tmp_path / "lake.ducklake")))
    assert "agent-store[cluster]" in raised.value.hint
