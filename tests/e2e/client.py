"""Starts the real client offline: the one in the wheel of claude-agent-sdk, in a HOME and a project of its own.

`full_session` plays one rich session with the hooks of this project on, for tests that compare what is known of it.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2e.fake_api import FakeApi, Request, Step

PROJECT = Path(__file__).resolve().parents[2]
PLUGIN = PROJECT / "plugin"
_TIMEOUT_SECONDS = 60
_WAIT_SECONDS = 10
# Nothing is asked of the network.
_OFFLINE = {
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "NO_PROXY": "127.0.0.1",
}


def program() -> Path:
    """The client, found without importing the package (that takes a second); where it is not, the test is skipped."""
    found = importlib.util.find_spec("claude_agent_sdk")
    path = Path(found.origin).parent / "_bundled" / "claude" if found and found.origin else None
    if path is None or not path.is_file():
        pytest.skip("the client is not installed: make test installs it (claude-agent-sdk)")
    return path


@dataclass
class Turn:
    """One run of `claude -p`."""

    exit_code: int
    events: list[dict[str, Any]]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The last event, which sums the run up."""
        return self.events[-1] if self.events else {}

    @property
    def session_id(self) -> str:
        """The session that was played."""
        return str(self.result.get("session_id"))


@dataclass
class Client:
    """The client in a HOME, a project and a store of its own."""

    folder: Path
    api: FakeApi
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def user(self) -> Path:
        """HOME."""
        return self.folder / "user"

    @property
    def project(self) -> Path:
        """The folder that the client works in."""
        return self.folder / "shop"

    @property
    def home(self) -> Path:
        """AGENT_STORE_HOME."""
        return self.folder / "store"

    @property
    def environment(self) -> dict[str, str]:
        """All that the client knows."""
        return {
            "PATH": f"{program().parent}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.user),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "dumb",
            "ANTHROPIC_API_KEY": "test-key",
            "ANTHROPIC_BASE_URL": self.api.url,
            "AGENT_STORE_HOME": str(self.home),
            "AGENT_STORE_PYTHON": sys.executable,
            **_OFFLINE,
            **self.extra,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the client."""
        return subprocess.run(
            [str(program()), *arguments], cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False,
        )  # fmt: skip

    def ask(self, prompt: str, *arguments: str, plugin: Path | None = PLUGIN) -> Turn:
        """Send a prompt, with the hooks of the plugin on."""
        options = ["--plugin-dir", str(plugin)] if plugin else []
        done = self.run("-p", prompt, "--output-format", "stream-json", "--verbose", *options, *arguments)
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return Turn(done.returncode, events, done.stderr)

    def spooled(self) -> list[dict[str, Any]]:
        """The records in the spool, in the order of their receipt."""
        files = sorted((self.home / "spool").glob("*.jsonl"))
        texts = [file.read_text(encoding="utf-8") for file in files]
        # Without what is just being written.
        lines = [line for text in texts for line in text.rpartition("\n")[0].splitlines()]
        return [json.loads(line) for line in lines if line]

    def records(self, kind: str) -> list[dict[str, Any]]:
        """What was recorded of one kind, for hooks see `hooks`."""
        return [record["payload"] for record in self.spooled() if record["kind"] == kind]

    def hooks(self, event: str) -> list[dict[str, Any]]:
        """What the client said at one event."""
        return [payload for payload in self.records("hook") if payload["hook_event_name"] == event]

    def wait_for(self, kind: str) -> list[dict[str, Any]]:
        """What was recorded of a kind by a process in the background, as soon as it is there."""
        ends = time.monotonic() + _WAIT_SECONDS
        while not (found := self.records(kind)) and time.monotonic() < ends:
            time.sleep(0.05)
        return found

    def transcripts(self) -> dict[str, list[dict[str, Any]]]:
        """The lines of each transcript, by the name of its file."""
        files = (self.user / ".claude" / "projects").rglob("*.jsonl")
        return {
            file.stem: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            for file in files
        }


@contextmanager
def client(folder: Path, scripts: Mapping[str, Sequence[Step]], **extra: str) -> Iterator[Client]:
    """A client in an empty folder, with a server that plays the scripts."""
    folder = folder.resolve()
    with FakeApi(scripts, {"cwd": str(folder / "shop")}) as api:
        found = Client(folder, api, extra)
        for made in (found.user, found.project):
            made.mkdir(parents=True, exist_ok=True)
        yield found


@dataclass(frozen=True)
class Recorded:
    """What `full_session` leaves."""

    # AGENT_STORE_HOME, with the spool.
    home: Path
    # HOME, with the transcripts in .claude.
    user: Path
    project: Path
    session_id: str
    requests: list[Request]
    turns: dict[str, Turn]
    spooled: list[dict[str, Any]]

    @property
    def spool(self) -> Path:
        """The folder with the records."""
        return self.home / "spool"

    @property
    def transcripts(self) -> Path:
        """The folder to land transcripts from."""
        return self.user / ".claude"


_SKILL = """---
name: price-check
description: Checks that all prices are in cents. Use after a change of prices.
---
Read every price and say which are not whole numbers.
"""
_DESCRIPTION = "description: Says what to do when money goes back. Use for refunds.\n"
_SECOND_SKILL = f"---\nname: refunds\n{_DESCRIPTION}---\nMoney goes back in cents, too.\n"
FULL_SESSION: dict[str, list[Step]] = {
    "work": [
        {
            "thinking": "A cart is needed.",
            "text": "Creating the cart.",
            "tools": [("Write", {"file_path": "{cwd}/cart.py", "content": "def total(items):\n    return sum(items)\n"})],
        },
        {"tools": [("Read", {"file_path": "{cwd}/cart.py"})]},
        {"tools": [("Bash", {"command": "cat prices.txt", "description": "Read the prices"})]},
        {"tools": [("Bash", {"command": "cat prices.txt", "description": "Once more"})]},
        {
            "tools": [
                ("Edit", {"file_path": "{cwd}/cart.py", "old_string": "sum(items)", "new_string": "round(sum(items))"})
            ]
        },
        {
            "tools": [
                ("Agent", {"description": "Look at the cart", "prompt": "[[script:look]] Look at {cwd}/cart.py",
                           "subagent_type": "general-purpose", "run_in_background": False})
            ]
        },
        # The subagent has changed the file meanwhile.
        {
            "tools": [
                ("Edit", {"file_path": "{cwd}/cart.py", "old_string": "round(sum(items))", "new_string": "sum(items)"})
            ]
        },
        {"tools": [("Skill", {"skill": "price-check"})]},
        {"tools": [("Write", {"file_path": "{cwd}/skills/refunds/SKILL.md", "content": _SECOND_SKILL})]},
        {
            "tools": [
                ("Edit", {"file_path": "{cwd}/skills/refunds/SKILL.md", "old_string": _DESCRIPTION, "new_string": ""})
            ]
        },
        {"tools": [("TaskCreate", {"subject": "Add tests", "description": "Write the tests of cart.py"})]},
        {"tools": [("TaskUpdate", {"taskId": "1", "status": "completed"})]},
        {"tools": [("Bash", {"command": "rm -rf {cwd}/build", "description": "Remove the build"})]},
        {"text": "The cart is done."},
    ],
    "look": [
        {"tools": [("Bash", {"command": "wc -l {cwd}/cart.py", "description": "Count lines"})]},
        {"tools": [("Read", {"file_path": "{cwd}/cart.py"})]},
        {
            "tools": [
                ("Edit", {"file_path": "{cwd}/cart.py", "old_string": "def total", "new_string": "# In cents.\ndef total"})
            ]
        },
        {"text": "It has two lines."},
    ],
    "more": [
        {"text": "Nothing is left to do.", "error": {"status": 529, "type": "overloaded_error", "times": 1}},
    ],
}  # fmt: skip
# What the session may do without being asked; all else is refused.
_ALLOWED = (
    "Write", "Read", "Edit", "Agent", "Skill", "TaskCreate", "TaskUpdate", "Bash(cat:*)", "Bash(wc:*)",
)  # fmt: skip
_TOOLS = "Write,Read,Edit,Bash,Agent,Skill,TaskCreate,TaskUpdate"


def full_session(folder: Path) -> Recorded:
    """Play one session with all that `-p` can show, with the hooks on.

    Tools, a failure that is repeated, a subagent, a skill, another that an edit makes invalid, a task with tests in the
    background, a refused permission, instructions; then feedback, a compaction, a switch of the model, and one prompt more,
    answered at the second attempt.
    """
    with client(folder, FULL_SESSION) as one:
        (one.project / "CLAUDE.md").write_text("# Shop\nPrices are in cents.\n", encoding="utf-8")
        skill = one.project / ".claude" / "skills" / "price-check" / "SKILL.md"
        skill.parent.mkdir(parents=True)
        skill.write_text(_SKILL, encoding="utf-8")
        one.home.mkdir()
        tests = {
            str(one.project): {"test_command": "echo '3 passed, 1 failed in 0.12s'; exit 1", "timeout_s": 20}
        }
        (one.home / "settings.json").write_text(json.dumps({"projects": tests}), encoding="utf-8")
        turns = {
            "work": one.ask("Build the cart [[script:work]]", "--tools", _TOOLS, "--allowedTools", *_ALLOWED)
        }
        session = turns["work"].session_id
        turns["thumbs_up"] = one.ask("/agent-store:thumbs-up very clear", "--resume", session)
        turns["thumbs_down"] = one.ask("/agent-store:thumbs-down no tests", "--resume", session)
        turns["report"] = one.ask(
            "/agent-store:report-problem the build folder is still there", "--resume", session
        )
        turns["compact"] = one.ask("/compact", "--resume", session)
        # The client does not wait for the hook after the switch: on a busy machine it may be killed at the exit.
        for _ in range(5):
            turns["model"] = one.ask("/model sonnet", "--resume", session)
            if one.hooks("PostModelSwitch"):
                break
        turns["more"] = one.ask("What is left? [[script:more]]", "--resume", session, "--model", "sonnet")
        one.wait_for("test_run")
        return Recorded(
            one.home, one.user, one.project, session, list(one.api.requests), turns, one.spooled()
        )  # fmt: skip
