"""The plugin in the client: installed by the client itself, from the folder in this package."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent_store.errors import StoreError
from agent_store.paths import CLAUDE_VARIABLE, StorePaths
from agent_store.record.hooks.run import STATUS_LINE
from agent_store.replacing import replacing

NAME = "agent-store"
_PROGRAM = "claude"
_TIMEOUT_SECONDS = 120
_LAUNCHER = "agent-store-hook"
_STATUS_LINE_KEY = "statusLine"
_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Status:
    """How the plugin is installed."""

    folder: Path
    is_installed: bool
    is_enabled: bool
    # The folder that the client reads it from.
    read_from: str
    version: str
    python: str
    last_record_at: datetime | None

    @property
    def is_well(self) -> bool:
        """Whether hooks of this package run."""
        return self.is_enabled and Path(self.read_from) == self.folder and bool(self.python)


def plugin_folder() -> Path:
    """The plugin: in the package, or next to it in a clone."""
    for folder in (_PACKAGE / "plugin", _PACKAGE.parent / "plugin"):
        if (folder / ".claude-plugin" / "plugin.json").is_file():
            return folder
    raise StoreError("This installation has no plugin folder.", "Install Agent Store again.")


def install(paths: StorePaths, program: str = "") -> str:
    """Have the client install it, and store which Python its hooks run; return the client's output."""
    folder = plugin_folder()
    known = _marketplace(program)
    if known is not None and known.get("path") != str(folder):
        # A link from an installation that was moved or removed: the client would refuse this one next to it.
        uninstall(paths, program)
    said = _claude(program, "plugin", "install", NAME, "--marketplace", str(folder))
    paths.ensure()
    link = python_link(paths)
    fresh = link.with_name(f".python-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(sys.executable)
    fresh.replace(link)
    return said


def uninstall(paths: StorePaths, program: str = "") -> str:
    """Reverse everything that `install` did. Recorded events stay."""
    with suppress(OSError):
        python_link(paths).unlink()
    listed = _listed(program)
    said = _claude(program, "plugin", "uninstall", NAME) if listed else "The plugin is not installed."
    if _marketplace(program) is not None:
        said += "\n" + _claude(program, "plugin", "marketplace", "remove", NAME)
    if remove_status_line():
        said += f"\nThe status line is removed from {client_settings()}."
    return said


def client_settings() -> Path:
    """The user's settings of the client. A symbolic link is followed, because some people keep that file elsewhere."""
    named = os.environ.get(CLAUDE_VARIABLE, "").strip()
    folder = Path(named).expanduser() if named else Path.home() / ".claude"
    return (folder / "settings.json").resolve()


def status_line_command() -> str:
    """The command that the client runs for its status line."""
    return f"{shlex.quote(str(plugin_folder() / 'bin' / _LAUNCHER))} {STATUS_LINE}"


def set_status_line() -> str:
    """Have the client show the status line if it has none yet, because a plugin cannot provide one. Return what was
    done."""
    file, settings = client_settings(), _client_settings()
    present = settings.get(_STATUS_LINE_KEY)
    wanted = {"type": "command", "command": status_line_command(), "padding": 0}
    if present is not None and not _is_ours(present):
        return (
            f"The status line was not changed, because {file} sets another one. To use ours, set "
            f"its {_STATUS_LINE_KEY} to "
            f"{json.dumps(wanted)}"
        )
    if present != wanted:
        _write_client_settings(file, {**settings, _STATUS_LINE_KEY: wanted})
    return f"The status line is set in {file}."


def remove_status_line() -> bool:
    """Remove our status line, and no other; return whether there was one."""
    settings = _client_settings()
    if not _is_ours(settings.get(_STATUS_LINE_KEY)):
        return False
    left = {key: value for key, value in settings.items() if key != _STATUS_LINE_KEY}
    _write_client_settings(client_settings(), left)
    return True


def _is_ours(status_line: object) -> bool:
    command = status_line.get("command") if isinstance(status_line, dict) else None
    return isinstance(command, str) and _LAUNCHER in command and command.endswith(f" {STATUS_LINE}")


def _client_settings() -> dict[str, object]:
    file = client_settings()
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{file} cannot be read: {error}", "Fix it first; nothing was changed there."
        ) from error
    if not isinstance(found, dict):
        raise StoreError(f"{file} is not a JSON object.", "Fix it first; nothing was changed there.")
    return found


def _write_client_settings(file: Path, settings: dict[str, object]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
        with replacing(file) as fresh:
            fresh.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            fresh.chmod(mode)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error}") from error


def status(paths: StorePaths, program: str = "") -> Status:
    """How it is installed."""
    listed = _listed(program)
    link = python_link(paths)
    files = list((paths.home / "spool").glob("hooks-*.jsonl"))
    newest = max((file.stat().st_mtime for file in files), default=None)
    return Status(
        plugin_folder(),
        listed is not None,
        bool(listed and listed.get("enabled")),
        str((listed or {}).get("readFromFolder") or (listed or {}).get("installPath") or ""),
        str((listed or {}).get("folderVersion") or (listed or {}).get("version") or ""),
        str(link.readlink()) if link.is_symlink() and link.exists() else "",
        datetime.fromtimestamp(newest, UTC) if newest else None,
    )


def python_link(paths: StorePaths) -> Path:
    """The link to the Python that runs the hooks."""
    return paths.home / "python"


def _marketplace(program: str) -> dict[str, object] | None:
    """The source of the plugin for the client."""
    found = _json(program, "plugin", "marketplace", "list", "--json")
    return next((one for one in found if one.get("name") == NAME), None)


def _listed(program: str) -> dict[str, object] | None:
    """The client's entry for the plugin."""
    found = _json(program, "plugin", "list", "--json")
    return next((one for one in found if str(one.get("id", "")).split("@")[0] == NAME), None)


def _json(program: str, *arguments: str) -> list[dict[str, object]]:
    output = _claude(program, *arguments)
    try:
        found = json.loads(output)
    except ValueError:
        raise StoreError(
            f"The client did not answer `{' '.join(arguments)}` in JSON: {output[:200]}",
            "Update Claude Code: claude update",
        ) from None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _claude(program: str, *arguments: str) -> str:
    found = shutil.which(program or _PROGRAM)
    if found is None:
        raise StoreError(
            f"There is no program {program or _PROGRAM} on the PATH.",
            "Install Claude Code, or name it: agent-store plugin install --claude /path/to/claude. "
            "Without the plugin, copy the hooks of docs/hooks.md into your settings.",
        )
    return _output(found, arguments)


def _output(program: str, arguments: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"{program} could not be run: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).removeprefix("✘ ")
        raise StoreError(f"`{_PROGRAM} {' '.join(arguments)}` failed: {said}", "Nothing else was changed.")
    return done.stdout.strip()
