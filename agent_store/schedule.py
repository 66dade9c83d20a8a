"""Schedules that build the store: a line of cron, a timer of systemd, an agent of launchd.

All three run the same commands: a check of the listed sources, then a build. What is written is marked with the store's
home, so that it can be found and removed.
"""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_store import zones
from agent_store.errors import StoreError
from agent_store.paths import CLAUDE_VARIABLE, HOME_VARIABLE, PROJECT_VARIABLE, StorePaths
from ingest.text import content_digest

CRON, SYSTEMD, LAUNCHD = "cron", "systemd", "launchd"
KINDS = (CRON, SYSTEMD, LAUNCHD)
DAILY = "day"
# A scheduled job has almost none of an interactive shell's environment: every variable that a build uses is written
# down.
_VARIABLES = (zones.ZONE_VARIABLE, CLAUDE_VARIABLE, "XDG_CONFIG_HOME", PROJECT_VARIABLE)
_EVERY = re.compile(r"(?:(\d+) ?(m|h)|hour|day)")
_DAY_MINUTES = 24 * 60
_FEWEST_MINUTES = 10
# Not on the hour, when everything else runs.
_MINUTE, _HOUR = 15, 3
_TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Job:
    """The command to run, and how often."""

    home: Path
    environment: Mapping[str, str]
    program: tuple[str, ...]
    build: tuple[str, ...]
    minutes: int

    @property
    def mark(self) -> str:
        """The mark by which it is found again."""
        return f"agent-store schedule of {self.home}"

    @property
    def name(self) -> str:
        """Its name where only plain names are allowed."""
        return f"agent-store-{content_digest(str(self.home))[:8]}"

    @property
    def rhythm(self) -> str:
        """How often it runs, in words."""
        if self.minutes == _DAY_MINUTES:
            return "every day"
        hours, rest = divmod(self.minutes, 60)
        if rest:
            return f"every {self.minutes} minutes"
        return "every hour" if hours == 1 else f"every {hours} hours"

    @property
    def command(self) -> str:
        """Both commands for a shell, which builds regardless of the result of the check."""
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in self.environment.items())
        check, build = (shlex.join([*self.program, *words]) for words in (("check",), self.build))
        log = shlex.quote(str(self.home / "build.log"))
        return f"{{ export {settings}; {check}; {build}; }} >> {log} 2>&1"


def job(paths: StorePaths, roots: Sequence[Path], environ: Mapping[str, str], every: str = DAILY) -> Job:
    """The job that builds this store from the same transcripts as here."""
    environment = {HOME_VARIABLE: str(paths.home)}
    environment |= {name: value for name in _VARIABLES if (value := environ.get(name, "").strip())}
    program = Path(sys.executable).with_name("agent-store")
    named = [word for root in roots for word in ("--root", str(root.expanduser().absolute()))]
    return Job(
        paths.home,
        environment,
        (str(program),) if program.is_file() else (sys.executable, "-m", "agent_store.cli"),
        ("build", "--quiet", *named),
        _minutes(every),
    )


def _minutes(every: str) -> int:
    """The interval in minutes. It must divide a day, so that it runs at the same times each day."""
    found = _EVERY.fullmatch(every.strip().lower())
    if found:
        unit = {"m": 1, "h": 60}.get(found[2] or "", 60 if found[0] == "hour" else _DAY_MINUTES)
        minutes = int(found[1] or 1) * unit
        is_whole = minutes % 60 == 0 if minutes >= 60 else 60 % minutes == 0 if minutes else False  # noqa: PLR2004
        if _FEWEST_MINUTES <= minutes <= _DAY_MINUTES and _DAY_MINUTES % minutes == 0 and is_whole:
            return minutes
    raise StoreError(
        f"{every} is not a supported interval.",
        "Name minutes or hours that divide an hour or a day: --every 30m, --every 1h, --every 6h, --every day",
    )


def cron_line(one: Job) -> str:
    """The job as a line of a crontab, where a percent sign ends the line unless it has a backslash before it."""
    hours, rest = divmod(one.minutes, 60)
    if one.minutes == _DAY_MINUTES:
        times = f"{_MINUTE} {_HOUR} * * *"
    elif rest:
        times = f"*/{one.minutes} * * * *"
    else:
        times = f"{_MINUTE} {'*' if hours == 1 else f'*/{hours}'} * * *"
    return f"{times} {one.command}".replace("%", "\\%")


def systemd_units(one: Job) -> dict[str, str]:
    """The job as a service and a timer of systemd, which interprets percent signs and dollars."""
    command = one.command.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    if one.minutes == _DAY_MINUTES:
        times = f"OnCalendar=*-*-* {_HOUR:02}:{_MINUTE:02}:00"
    else:
        times = f"OnBootSec={one.minutes}min\nOnUnitActiveSec={one.minutes}min"
    return {
        f"{one.name}.service": (
            f"[Unit]\nDescription={one.mark.replace('%', '%%')}\n\n[Service]\nType=oneshot\nNice=10\n"
            f'ExecStart=/bin/sh -c "{command}"\n'
        ),
        f"{one.name}.timer": (
            f"[Unit]\nDescription={one.mark.replace('%', '%%')}\n\n[Timer]\n{times}\nPersistent=true\n\n"
            "[Install]\nWantedBy=timers.target\n"
        ),
    }


def launchd_plist(one: Job) -> str:
    """The job as an agent of launchd."""
    times: dict[str, object] = (
        {"StartCalendarInterval": {"Hour": _HOUR, "Minute": _MINUTE}}
        if one.minutes == _DAY_MINUTES
        else {"StartInterval": one.minutes * 60}
    )
    held = {
        "Label": one.name, "ProgramArguments": ["/bin/sh", "-c", one.command], "LowPriorityIO": True, "Nice": 10, **times,
    }  # fmt: skip
    return plistlib.dumps(held).decode()


def usual_kind() -> str:
    """The scheduler of this machine."""
    if sys.platform == "darwin":
        return LAUNCHD
    if shutil.which("systemctl") and _run(["systemctl", "--user", "is-system-running"])[1].strip() in {
        "running",
        "degraded",
    }:
        return SYSTEMD
    return CRON


def shown(one: Job, kind: str) -> str:
    """What `install` will write, for the user to read."""
    if kind == CRON:
        return f"A line in your crontab:\n\n{cron_line(one)}\n"
    files = {_folder(kind) / name: text for name, text in _files(one, kind).items()}
    return "\n".join(f"{path}:\n\n{text}" for path, text in files.items())


def install(one: Job, kind: str) -> None:
    """Write it, replacing an earlier one for this store."""
    remove(one)
    if kind == CRON:
        _write_crontab([*_crontab(), f"# {one.mark}", cron_line(one)])
        return
    folder = _folder(kind)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _files(one, kind).items():
        (folder / name).write_text(text, encoding="utf-8")
    if kind == SYSTEMD:
        _do(["systemctl", "--user", "daemon-reload"])
        _do(["systemctl", "--user", "enable", "--now", f"{one.name}.timer"])
    else:
        _do(["launchctl", "bootstrap", f"gui/{os.getuid()}", str(folder / f"{one.name}.plist")])


def remove(one: Job) -> list[str]:
    """Remove what `install` wrote for this store; return where it was."""
    found = installed(one)
    if CRON in found:
        lines = _crontab()
        place = lines.index(f"# {one.mark}")
        _write_crontab(lines[:place] + lines[place + 2 :])
    if SYSTEMD in found:
        _run(["systemctl", "--user", "disable", "--now", f"{one.name}.timer"])
    if LAUNCHD in found:
        _run(["launchctl", "bootout", f"gui/{os.getuid()}/{one.name}"])
    for kind in (SYSTEMD, LAUNCHD):
        if kind in found:
            for name in _files(one, kind):
                (_folder(kind) / name).unlink(missing_ok=True)
    if SYSTEMD in found:
        _run(["systemctl", "--user", "daemon-reload"])
    return found


def installed(one: Job) -> list[str]:
    """Which of the three have a job for this store."""
    found = [
        kind
        for kind in (SYSTEMD, LAUNCHD)
        if any((_folder(kind) / name).exists() for name in _files(one, kind))
    ]
    return [CRON, *found] if f"# {one.mark}" in _crontab() else found


def _files(one: Job, kind: str) -> dict[str, str]:
    return systemd_units(one) if kind == SYSTEMD else {f"{one.name}.plist": launchd_plist(one)}


def _folder(kind: str) -> Path:
    if kind == LAUNCHD:
        return Path.home() / "Library" / "LaunchAgents"
    named = os.environ.get("XDG_CONFIG_HOME", "").strip()
    return (Path(named) if named else Path.home() / ".config") / "systemd" / "user"


def _crontab() -> list[str]:
    """The lines of the user's crontab; none if there is no crontab, or no cron."""
    code, output = _run(["crontab", "-l"])
    return output.splitlines() if code == 0 else []


def _write_crontab(lines: Sequence[str]) -> None:
    if lines:
        _do(["crontab", "-"], "\n".join(lines) + "\n")
    else:
        _do(["crontab", "-r"])


def _run(command: Sequence[str], given: str | None = None) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr or done.stdout


def _do(command: Sequence[str], given: str | None = None) -> None:
    code, output = _run(command, given)
    if code:
        raise StoreError(
            f"{' '.join(command)} failed: {output.strip() or f'exit code {code}'}",
            f"Choose another way: agent-store schedule install --with {'|'.join(KINDS)}",
        )
