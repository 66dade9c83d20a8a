"""What builds the store at the user's rhythm: what is written runs both commands, is found again and taken back."""

from __future__ import annotations

import os
import plistlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent_store import schedule
from agent_store.cli.schedule import schedule as command
from agent_store.errors import StoreError
from agent_store.paths import StorePaths

_STUB = """#!/bin/sh
echo "$AGENT_STORE_HOME|$AGENT_STORE_TIMEZONE|$CLAUDE_CONFIG_DIR|$*"
[ "$1" = build ]
"""
_CRONTAB = """#!/bin/sh
case $1 in
    -l) [ -f "$CRONTAB" ] && cat "$CRONTAB" || { echo "no crontab for you" >&2; exit 1; } ;;
    -r) rm "$CRONTAB" ;;
    -) cat > "$CRONTAB" ;;
esac
"""
_SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$SYSTEMCTL"
[ "$2" = is-system-running ] && echo running
exit 0
"""


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def job(tmp_path: Path) -> schedule.Job:
    """A job full of characters that a shell, cron or systemd would take for their own."""
    paths = StorePaths(tmp_path / "my 5% $tore").ensure()
    environ = {
        "AGENT_STORE_TIMEZONE": "Europe/Berlin", "CLAUDE_CONFIG_DIR": "/a, b's 5% \"c\" $d", "AGENT_STORE_PROJECT_DIR": " ",
        "PATH": "/bin",
    }  # fmt: skip
    found = schedule.job(paths, [tmp_path / "root 1"], environ)
    return replace(found, program=(str(_program(tmp_path / "a program", _STUB)),))


def _said(job: schedule.Job, tmp_path: Path) -> list[str]:
    start = f'{job.home}|Europe/Berlin|/a, b\'s 5% "c" $d|'
    return [f"{start}check", f"{start}build --quiet --root {tmp_path}/root 1"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with cron and systemd that only write down what they are told."""
    tools = tmp_path / "bin"
    _program(tools / "crontab", _CRONTAB)
    _program(tools / "systemctl", _SYSTEMCTL)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CRONTAB", str(tmp_path / "crontab"))
    monkeypatch.setenv("SYSTEMCTL", str(tmp_path / "systemctl"))
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "store"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def test_cron_runs_both_commands_though_the_first_finds_something(job: schedule.Job, tmp_path: Path) -> None:
    line = schedule.cron_line(job)
    assert "\n" not in line
    # As cron hands it to the shell: without the backslashes before percent signs, and no bare one that would end the line.
    assert "%" not in line.replace("\\%", "")
    *times, given = line.replace("\\%", "%").split(" ", 5)
    assert times == ["15", "3", "*", "*", "*"]
    subprocess.run(["/bin/sh", "-c", given], env={}, check=True)
    assert (job.home / "build.log").read_text().splitlines() == _said(job, tmp_path)


def test_launchd_runs_the_same(job: schedule.Job, tmp_path: Path) -> None:
    held = plistlib.loads(schedule.launchd_plist(job).encode())
    assert held["StartCalendarInterval"] == {"Hour": 3, "Minute": 15}
    subprocess.run(held["ProgramArguments"], env={}, check=True)
    assert (job.home / "build.log").read_text().splitlines() == _said(job, tmp_path)


def test_systemd_runs_the_same(job: schedule.Job, tmp_path: Path) -> None:
    units = schedule.systemd_units(job)
    assert "OnCalendar=*-*-* 03:15:00" in units[f"{job.name}.timer"]
    quoted = units[f"{job.name}.service"].split('-c "', 1)[1].rstrip("\n").removesuffix('"')
    # What systemd makes of it: doubled signs are single ones, a backslash takes the meaning of what follows.
    given = quoted.replace("%%", "%").replace("$$", "$").replace('\\"', '"').replace("\\\\", "\\")
    subprocess.run(["/bin/sh", "-c", given], env={}, check=True)
    assert (job.home / "build.log").read_text().splitlines() == _said(job, tmp_path)


@pytest.mark.parametrize(
    ("every", "times", "rhythm"),
    [
        ("day", "15 3 * * *", "every day"),
        ("24h", "15 3 * * *", "every day"),
        ("1h", "15 * * * *", "every hour"),
        ("hour", "15 * * * *", "every hour"),
        ("6 h", "15 */6 * * *", "every 6 hours"),
        ("30m", "*/30 * * * *", "every 30 minutes"),
    ],
)
def test_a_rhythm(job: schedule.Job, every: str, times: str, rhythm: str) -> None:
    found = schedule.job(StorePaths(job.home), (), {}, every)
    assert schedule.cron_line(found).startswith(f"{times} {{")
    assert found.rhythm == rhythm


@pytest.mark.parametrize("every", ["", "5h", "7m", "0h", "5m", "45m", "2d", "90m", "often"])
def test_what_is_no_rhythm_is_refused(every: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a supported interval"):
        schedule.job(StorePaths(tmp_path), (), {}, every)


def test_the_users_own_crontab_stays_as_it_is(machine: Path) -> None:
    own = "MAILTO=me\n\n# mine\n0 1 * * * true\n"
    (machine / "crontab").write_text(own)
    runner = CliRunner()
    for every in ("1h", "day"):
        assert runner.invoke(command, ["install", "--with", "cron", "--every", every, "--yes"]).exit_code == 0
    lines = (machine / "crontab").read_text()
    assert lines.startswith(own)
    assert len(lines[len(own) :].splitlines()) == 2
    assert "Installed: cron" in runner.invoke(command, ["status"], standalone_mode=False).output
    assert runner.invoke(command, ["remove"]).output == "Removed from cron.\n"
    assert (machine / "crontab").read_text() == own


def test_a_crontab_of_nothing_else_is_gone_afterwards(machine: Path) -> None:
    runner = CliRunner()
    runner.invoke(command, ["install", "--with", "cron", "--yes"])
    runner.invoke(command, ["remove"])
    assert not (machine / "crontab").exists()


def test_nothing_is_written_without_a_yes(machine: Path) -> None:
    done = CliRunner().invoke(command, ["install", "--with", "cron"], input="n\n")
    assert "check;" in done.output
    assert not (machine / "crontab").exists()


def test_systemd_is_the_usual_way_where_it_runs(machine: Path) -> None:
    runner = CliRunner()
    assert schedule.usual_kind() == schedule.SYSTEMD
    runner.invoke(command, ["install", "--yes"])
    folder = machine / ".config" / "systemd" / "user"
    (name,) = {file.stem for file in folder.iterdir()}
    told = (machine / "systemctl").read_text()
    assert f"--user enable --now {name}.timer" in told
    assert runner.invoke(command, ["remove"]).output == "Removed from systemd.\n"
    assert not list(folder.iterdir())
    assert f"--user disable --now {name}.timer" in (machine / "systemctl").read_text()


def test_two_stores_have_a_schedule_each(machine: Path) -> None:
    one, other = (schedule.job(StorePaths(machine / name), (), os.environ) for name in ("a", "b"))
    schedule.install(one, schedule.CRON)
    schedule.install(other, schedule.CRON)
    schedule.remove(one)
    assert schedule.installed(one) == []
    assert schedule.installed(other) == [schedule.CRON]


def test_a_machine_without_cron_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="crontab"):
        schedule.install(schedule.job(StorePaths(tmp_path), (), {}), schedule.CRON)
