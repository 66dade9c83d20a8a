"""Logs, folders and projects of somebody who means harm: what a build must take in, or set aside, and nothing more."""

from __future__ import annotations

import gzip
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

# A text that must not be in any file of the store: it lies where hostile links and paths lead.
SECRET = "the-secret-" + "that-nothing-may-read"
MARKS = ("'); drop table raw.transcript_line; --", '"; drop schema main cascade; --', "\\'; select 1; \\")
JINJA = "{{ 1/0 }}{% raw %}{{ env_var('HOME') }}{# x"
TERMINAL = "\x1b]52;c;cm0gLXJm\x07\x1b[2J\u202e\u2066\x9b31m"
NAMES = (
    *MARKS, JINJA, TERMINAL, "../../../../etc/passwd", "__proto__", "constructor", "two\nlines", "a\x00b", "${jndi:x}",
    "=cmd|'/c calc'!A1", "%s%n{0}", "$(touch was-run)`touch was-run`", "-rf", "--output=x", " ", "NULL", "nan", "\u0000",
)  # fmt: skip
_AT = "2026-06-01T09:00:%02dZ"


def session_id(number: int) -> str:
    """The id of one of the sessions, as its file is called."""
    return str(UUID(int=0xBAD << 100 | number, version=4))


def lines(number: int, **changed: Any) -> list[dict[str, Any]]:
    """A small session: a prompt, an answer with a call, its result, an answer."""
    name = NAMES[number % len(NAMES)]
    common = {
        "sessionId": session_id(number), "cwd": "/home/dev/x", "version": "2.1.98", "gitBranch": name,
        "userType": "external", "slug": name, "isSidechain": False,
    } | changed  # fmt: skip
    usage = {"input_tokens": 5, "output_tokens": 7}

    def answer(uuid: str, parent: str, at: int, content: list[dict[str, Any]]) -> dict[str, Any]:
        message = {
            "id": f"msg_{number}_{uuid}", "role": "assistant", "type": "message",
            "model": changed.get("model", "claude-opus-4-5"), "content": content, "usage": usage, "stop_reason": "end_turn",
        }  # fmt: skip
        return {
            "type": "assistant", "uuid": f"{number}-{uuid}", "parentUuid": f"{number}-{parent}", "timestamp": _AT % at,
            "requestId": f"req_{number}_{uuid}", "message": message, **common,
        }  # fmt: skip

    asked = {
        "command": f"echo {name}", "file_path": f"/w/{name}", "description": name, "skill": name, "subagent_type": name,
    }  # fmt: skip
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": changed.get("tool", "Bash"), "input": asked}
    result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": changed.get("result", name)}
    return [
        {"type": "user", "uuid": f"{number}-u1", "parentUuid": None, "timestamp": _AT % 1, "promptId": name,
         "message": {"role": "user", "content": f"Please {name} and {JINJA}"}, **common},
        answer("a1", "u1", 2, [{"type": "text", "text": name}, call]),
        {"type": "user", "uuid": f"{number}-u2", "parentUuid": f"{number}-a1", "timestamp": _AT % 3,
         "message": {"role": "user", "content": [result]}, "toolUseResult": {"stdout": name, "filePath": name}, **common},
        answer("a2", "u2", 4, [{"type": "text", "text": f"Done {name}"}]),
    ]  # fmt: skip


def text_of(session: list[dict[str, Any]]) -> str:
    """A session as its file has it."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in session)


def _sessions(project: Path) -> Iterator[tuple[str, str]]:
    """What is in the files, by what is hostile about it."""
    number = 0
    for number, name in enumerate(NAMES, start=1):
        yield "names", text_of(lines(number, model=name, tool=name))
    for cwd in (str(project), "/etc/shadow", "/proc/self/root", "/proc/self/cwd", "/", "//", "/etc", f"{project}/../..",
                "~", "relative", "\\\\evil.example\\share", f"/w/{TERMINAL}", f"/w/{MARKS[0]}", f"/w/{JINJA}"):  # fmt: skip
        number += 1
        yield "cwd", text_of(lines(number, cwd=cwd))
    for wrong in ("../../etc", 17, True, None, {"a": 1}, ["x"], "x" * 5000, MARKS[0], TERMINAL, JINJA, ""):
        number += 1
        yield "session id", text_of(lines(number, sessionId=wrong))
    away = f"{project.parent}/x/tool-results/../../secret.txt"
    spilled = f"<persisted-output>\nOutput too large (99KB). Full output saved to: {away}\n"
    for result in (spilled, [{"type": "text", "text": spilled}], {"type": "x"}, 5):
        number += 1
        yield "spilled", text_of(lines(number, result=result))
    base = lines(number + 1)
    yield (
        "duplicate keys",
        '{"type":"user","type":"assistant","uuid":"d","uuid":"e",' + json.dumps(base[0])[1:] + "\n",
    )
    for value in ("9" * 400, "1e400", "-1e-400", "NaN", "Infinity", "0x10", "1_000", "99999999999999999999"):
        number += 1
        one = text_of(lines(number))
        yield "number", one.replace('"input_tokens": 5', f'"input_tokens": {value}')
    for at in ("+99999-01-01T00:00:00Z", "99999-12-31T23:59:59Z", "-4713-01-01T00:00:00Z", "2026-02-30T25:61:61Z",
               "infinity", "now", "1e309", MARKS[0]):  # fmt: skip
        number += 1
        yield "time", text_of(lines(number)).replace("2026-06-01T09:00:02Z", at.replace("\\", "\\\\"))
    number += 1
    keys = ",".join(f'"k{key}":{key}' for key in range(200_000))
    yield "many keys", text_of(lines(number)).replace('"input_tokens": 5', f'"input_tokens": 5,{keys}')
    for depth in (900, 10_000, 100_000):
        number += 1
        deep = '{"a":' * depth + "1" + "}" * depth
        yield "deep", text_of(lines(number)).replace('"input_tokens": 5', f'"input_tokens": 5,"deep":{deep}')
        number += 1
        yield "deep", text_of(lines(number)).replace('"slug"', f'"x":{"[" * depth}{"]" * depth},"slug"')


def write(folder: Path, *, long_line_bytes: int = 2_000_000) -> tuple[Path, Path]:
    """Write the home of a hostile client and the project that it names; returns both. `SECRET` lies around them."""
    secret, project, home = folder / "secret.txt", folder / "project", folder / "home"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    (folder / "secret.md").write_text(f"{SECRET}\n", encoding="utf-8")
    _write_project(project, secret)
    projects = home / "projects"
    for number, (_, text) in enumerate(_sessions(project), start=1):
        # Folders are called as hostile as files can be, apart from the slash and the NUL.
        name = NAMES[number % len(NAMES)].replace("/", "_").replace("\0", "_")
        target = projects / f"-p-{name}"
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{session_id(number)}.jsonl").write_text(text, encoding="utf-8")
    last = projects / "-last"
    last.mkdir()
    long = text_of(lines(9_000)).replace("Done", "x" * long_line_bytes)
    (last / f"{session_id(9_000)}.jsonl").write_text(long, encoding="utf-8")
    for name in NAMES:  # files that are no sessions by their names
        (last / f"{name.replace('/', '_').replace(chr(0), '_')}.jsonl").write_text(
            text_of(lines(9_001)), encoding="utf-8"
        )
    (last / os.fsdecode(b"\xff\xfe.jsonl")).write_text(text_of(lines(9_002)), encoding="utf-8")
    with gzip.open(last / f"{session_id(9_003)}.jsonl.gz", "wb") as bomb:
        bomb.write(text_of(lines(9_003)).encode())
        for _ in range(80):
            bomb.write(bytes(1 << 20))
    (last / f"{session_id(9_004)}.jsonl.gz").write_bytes(b"\x1f\x8b" + bytes(40))
    _write_no_files(last, secret)
    results = last / session_id(9_000) / "tool-results"
    results.mkdir(parents=True)
    (results / "toolu_1.txt").symlink_to(secret)
    (results / "a.txt").write_text(TERMINAL + JINJA, encoding="utf-8")
    os.mkfifo(results / "pipe.txt")
    (last / session_id(9_000) / "subagents").symlink_to(folder)
    (last / "back").symlink_to(home)
    return home, project


def _write_no_files(folder: Path, secret: Path) -> None:
    """Pipes, sockets, devices, folders and links, all called as transcripts are."""
    os.mkfifo(folder / f"{session_id(9_100)}.jsonl")
    os.mkfifo(folder / "pipe.jsonl.gz")
    (folder / f"{session_id(9_101)}.jsonl").mkdir()
    for number, target in enumerate(
        (secret, "/dev/zero", "/dev/stdin", "/etc/passwd", "/proc/self/environ", "/nowhere"), start=1
    ):
        (folder / f"{session_id(9_101 + number)}.jsonl").symlink_to(target)
    (folder / "loop.jsonl").symlink_to("loop.jsonl")
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(folder)  # the path of a socket is short
        try:
            listening.bind("socket.jsonl")
        finally:
            os.chdir(here)


def _write_project(project: Path, secret: Path) -> None:
    """A repository's folder whose parts lead out of it, expand, or pretend."""
    claude = project / ".claude"
    skills = claude / "skills"
    for name in ("link", "bomb", "deep", "plain", "terminal", "pipe"):
        (skills / name).mkdir(parents=True)
    (skills / "link" / "SKILL.md").symlink_to(secret)
    (skills / "out").symlink_to(secret.parent)
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    )
    (skills / "bomb" / "SKILL.md").write_text(f"---\nname: bomb\n{bomb}---\nText\n", encoding="utf-8")
    (skills / "deep" / "SKILL.md").write_text(f"---\nname: {'[' * 5000}\n---\nText\n", encoding="utf-8")
    (skills / "plain" / "SKILL.md").write_text(
        f"---\nname: plain\ndescription: !!python/object/apply:os.system ['touch {project}/was-run']\n---\n{JINJA}\n",
        encoding="utf-8",
    )
    (skills / "terminal" / "SKILL.md").write_text(
        f"---\nname: {TERMINAL}\n---\n{TERMINAL}\n", encoding="utf-8"
    )
    os.mkfifo(skills / "pipe" / "SKILL.md")
    (project / "CLAUDE.md").write_text(
        f"@/etc/passwd\n@{secret}\n@{secret.with_suffix('.md')}\n@../secret.md\n", encoding="utf-8"
    )
    (project / ".mcp.json").write_text('{"mcpServers":' * 20_000, encoding="utf-8")
    (claude / "settings.json").symlink_to(secret)
    (claude / "agents").symlink_to("/etc")
    (claude / "commands").mkdir()
    (claude / "commands" / "x.md").symlink_to("/dev/zero")
    lists = project / ".agent-store"
    lists.mkdir()
    (lists / "sources.yml").write_text(
        f"sources: [{{name: x, file: {secret}}}, {{name: y, file: ../secret.txt}}]\nx:\n"
        + bomb.replace("\n", "\n  "),
        encoding="utf-8",
    )
    (project / ".git").mkdir()
    (project / ".git" / "config").write_text(
        f"[core]\n fsmonitor = touch {project}/was-run\n", encoding="utf-8"
    )
