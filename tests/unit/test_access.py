"""A home is its owner's alone: what is open is closed, what somebody else could have put there is refused."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import PROJECT

from agent_store import access, doctor
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.record import spool
from agent_store.replacing import replacing
from agent_store.serve import status_line
from agent_store.settings import read_settings
from agent_store.store import open_store
from ingest.files import private_files

OTHER = 54_321


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.delenv(spool.SHARED_VARIABLE, raising=False)
    monkeypatch.delenv(spool.SHARED_HOME_VARIABLE, raising=False)
    paths = StorePaths(tmp_path / "home").ensure()
    with private_files():
        for file in (paths.store, paths.warehouse, paths.settings, paths.home / "salt"):
            file.write_text("{}", encoding="utf-8")
        (paths.home / "briefs").mkdir()
        paths.spool.mkdir()
    return paths


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Makes a file, or a link itself, somebody else's, as far as the checks can tell."""
    foreign: set[tuple[int, int]] = set()
    real = spool.is_foreign

    def is_foreign(status: os.stat_result) -> bool:
        return (status.st_dev, status.st_ino) in foreign or real(status)

    def give(path: Path) -> None:
        status = path.lstat()
        foreign.add((status.st_dev, status.st_ino))

    monkeypatch.setattr(spool, "is_foreign", is_foreign)
    monkeypatch.setattr(access, "is_foreign", is_foreign)
    yield give


@pytest.mark.parametrize(
    ("user", "owner", "mode", "is_foreign"),
    [
        (1000, 1000, stat.S_IFDIR, False), (1000, 0, stat.S_IFDIR, False), (1000, 0, stat.S_IFLNK, False),
        (1000, 1001, stat.S_IFDIR, True), (1000, 1001, stat.S_IFLNK, True), (1000, 1001, stat.S_IFREG, True),
        # Root reads what is a user's, as where a folder of the host is mounted into a container; it follows no link of one.
        (0, 1000, stat.S_IFDIR, False), (0, 1000, stat.S_IFREG, False), (0, 1000, stat.S_IFLNK, True),
    ],
)  # fmt: skip
def test_what_is_neither_mine_nor_roots_is_somebody_elses(
    user: int, owner: int, mode: int, is_foreign: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert spool.is_foreign(SimpleNamespace(st_uid=owner, st_mode=mode)) is is_foreign  # type: ignore[arg-type]


def test_what_others_can_read_is_closed_and_told_once(
    home: StorePaths, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = {home.home: 0o700, home.store: 0o600, home.warehouse: 0o600, home.spool: 0o700}
    for place, mode in {
        home.home: 0o755,
        home.store: 0o644,
        home.warehouse: 0o666,
        home.spool: 0o777,
    }.items():
        place.chmod(mode)
    access.secure(home)
    assert {place: stat.S_IMODE(place.stat().st_mode) for place in wanted} == wanted
    access.secure(home)
    assert len(caplog.records) == 1
    assert "they no longer can" in caplog.text
    told = [check for check in doctor.examine(home) if check.name == "home"]
    assert any("4 folders and files were open to others" in check.message for check in told)


@pytest.mark.parametrize("opened", ["store", "settings", "spool", "ensure"])
@pytest.mark.parametrize(
    "part", ["", "agent_store.duckdb", "settings.json", "build/warehouse.duckdb", "spool", "salt"]
)
def test_what_is_somebody_elses_is_not_opened(
    part: str, opened: str, home: StorePaths, give_away: Callable[[Path], None]
) -> None:
    from agent_store.record.home import spool_for

    give_away(home.home / part)
    with pytest.raises(StoreError, match="not to you, so the store was not opened") as caught:
        {
            "store": lambda: open_store(home).__enter__(), "settings": lambda: read_settings(home),
            "spool": lambda: spool_for(home), "ensure": home.ensure,
        }[opened]()  # fmt: skip
    assert str(home.home / part) in caught.value.message
    assert "AGENT_STORE_HOME" in caught.value.hint


def test_a_link_of_somebody_else_is_not_followed_and_a_link_of_ones_own_is(
    home: StorePaths, tmp_path: Path, give_away: Callable[[Path], None]
) -> None:
    for link in (tmp_path / "by-name", home.build_dir / "agent_store.duckdb"):
        link.unlink(missing_ok=True)
        link.symlink_to(home.home if link.parent == tmp_path else home.store)
    by_name = StorePaths(tmp_path / "by-name")
    access.secure(by_name)
    give_away(home.build_dir / "agent_store.duckdb")
    with pytest.raises(StoreError, match="is a symbolic link that belongs to"):
        access.secure(home)
    (home.build_dir / "agent_store.duckdb").unlink()
    access.secure(by_name)
    give_away(tmp_path / "by-name")
    with pytest.raises(StoreError, match="by-name is a symbolic link that belongs to"):
        access.secure(by_name)
    with pytest.raises(StoreError, match="by-name is a symbolic link that belongs to"):
        access.secure(StorePaths(tmp_path / "by-name" / "deeper"))


def test_a_folder_in_which_everyone_may_swap_the_home_is_refused(
    home: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="Everyone on this machine can replace") as caught:
        access.secure(home)
    assert f"chmod +t {tmp_path}" in caught.value.hint
    tmp_path.chmod(0o1777)  # as /tmp
    access.secure(home)
    tmp_path.chmod(0o777)
    # A drive of Windows shows everything as open, whatever it is.
    monkeypatch.setattr(access, "kind_of_drive", lambda _folder: "9p")
    access.secure(home)


def test_a_home_that_a_group_shares_on_purpose_stays_open_to_it(
    home: StorePaths, monkeypatch: pytest.MonkeyPatch, give_away: Callable[[Path], None]
) -> None:
    monkeypatch.setenv(spool.SHARED_HOME_VARIABLE, "1")
    home.home.chmod(0o755)
    home.store.chmod(0o644)
    give_away(home.store)
    access.secure(home)
    assert stat.S_IMODE(home.home.stat().st_mode) == 0o750
    assert stat.S_IMODE(home.store.stat().st_mode) == 0o640
    assert access.file_mode() == 0o640
    link = home.home / "briefs" / "all.json"
    link.symlink_to("/etc/hostname")
    give_away(link)
    with pytest.raises(StoreError, match="is a symbolic link that belongs to"):
        access.secure(home)


def test_a_spool_that_users_share_is_left_as_it_is(
    home: StorePaths, monkeypatch: pytest.MonkeyPatch, give_away: Callable[[Path], None]
) -> None:
    monkeypatch.setenv(spool.SHARED_VARIABLE, "1")
    file = home.spool / "hooks-2026-01-01-other-7.jsonl"
    file.touch()
    home.spool.chmod(0o1770)
    give_away(file)
    give_away(home.spool)
    access.secure(home)
    assert stat.S_IMODE(home.spool.stat().st_mode) == 0o1770
    spool.append(str(home.spool), spool.HOOKS, b"{}")


@pytest.mark.parametrize("what", ["home", "spool", "link", "own link", "pipe"])
def test_a_recorder_writes_nowhere_but_into_its_own_files(
    what: str, home: StorePaths, tmp_path: Path, give_away: Callable[[Path], None]
) -> None:
    target = tmp_path / "target"
    target.touch()
    file = Path(spool.path(str(home.spool), spool.HOOKS))
    if what in {"home", "spool"}:
        give_away(home.spool)
    elif what == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(target)
        if what == "link":
            give_away(file)
    with pytest.raises(OSError):
        spool.append(str(home.spool), spool.HOOKS, b'{"secret": 1}')
    assert not target.read_bytes()


def test_a_replaced_file_is_not_written_through_a_link_that_waits_for_it(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "x.json"
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / f".x.json-{os.getpid()}").symlink_to(victim)
    with replacing(target) as fresh:
        fresh.write_text("new", encoding="utf-8")
    assert (victim.read_text(encoding="utf-8"), target.read_text(encoding="utf-8")) == ("mine", "new")
    assert not target.is_symlink()


def hook(home: Path, program: str, event: dict[str, object]) -> subprocess.CompletedProcess[bytes]:
    """A hook as the client runs it."""
    run = PROJECT / "agent_store" / "record" / "hooks" / "run.py"
    source = f"import sys; sys.argv = ['x', {program!r}]; __file__ = {str(run)!r}; exec(open(__file__).read()); main()"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", source], input=json.dumps(event).encode(), capture_output=True, check=False,
        env={"HOME": str(home.parent), "AGENT_STORE_HOME": str(home), "PATH": os.defpath}, timeout=20,
    )  # fmt: skip


def test_a_hook_answers_with_nothing_that_a_terminal_obeys(home: StorePaths, tmp_path: Path) -> None:
    name = "x\x1b]52;c;cm0gLXJm\x07\u202e"
    folder = tmp_path / ".claude" / "skills" / name
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text("word " * 9000, encoding="utf-8")
    (home.home / "briefs" / "all.json").write_text(json.dumps({"budgets": {"skill": 5}}), encoding="utf-8")
    done = hook(home.home, "before_tool", {
        "hook_event_name": "PreToolUse", "session_id": "s", "cwd": str(tmp_path), "tool_name": "Skill",
        "tool_input": {"skill": name},
    })  # fmt: skip
    told = json.loads(done.stdout)["systemMessage"]
    assert done.returncode == 0
    assert "\\x1b]52" in told
    assert told.isprintable()


def test_a_hook_does_not_wait_for_a_pipe(home: StorePaths, tmp_path: Path) -> None:
    """A project can hold pipes where files are expected: in an archive they travel."""
    pipe = tmp_path / "SKILL.md"
    os.mkfifo(pipe)
    (tmp_path / "project").mkdir()
    os.mkfifo(tmp_path / "project" / ".git")
    event = {"session_id": "s", "cwd": str(tmp_path / "project"), "transcript_path": str(pipe)}
    for program, more in (
        (
            "after_tool",
            {
                "hook_event_name": "PostToolUse",
                "tool_name": "Write",
                "tool_response": {"filePath": str(pipe)},
            },
        ),
        ("before_compaction", {"hook_event_name": "PreCompact", "trigger": "auto"}),
        ("session_start", {"hook_event_name": "SessionStart", "source": "startup"}),
    ):
        assert hook(home.home, program, {**event, **more}).returncode == 0


def test_the_status_line_shows_no_costs_of_somebody_else(
    home: StorePaths, give_away: Callable[[Path], None]
) -> None:
    costs = {
        "periods": [
            {"alert_kind": "budget", "threshold_usd": 5, "starts_at": 0, "ends_at": 9e9, "spent_usd": 4}
        ]
    }
    (home.home / "briefs" / "costs.json").write_text(json.dumps(costs), encoding="utf-8")
    before = status_line.line({"session_id": "s"}, str(home.home), "{budget}")
    give_away(home.home)
    after = status_line.line({"session_id": "s"}, str(home.home), "{budget}")
    assert (before, after) == ("80 % of $5", "–")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_hook_is_silent_in_a_home_that_somebody_elses_link_leads_to(
    home: StorePaths, tmp_path: Path
) -> None:
    """Briefs of somebody else would be words to the model, settings a command to run."""
    link = tmp_path / "link"
    link.symlink_to(home.home)
    event = {"hook_event_name": "SessionStart", "session_id": "s", "cwd": "/", "source": "startup"}
    before = sorted(home.home.rglob("*"))
    os.lchown(link, OTHER, OTHER)
    assert hook(link, "session_start", event).returncode == 0
    assert sorted(home.home.rglob("*")) == before
    os.lchown(link, 0, 0)
    hook(link, "session_start", event)
    assert sorted(home.home.rglob("*")) != before
