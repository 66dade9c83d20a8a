"""Writes a home of made-up transcripts of any size: same seed, same bytes.

The lines have the shapes, the sizes (about 2.5 kB on average, a few of them a hundred times that) and
about the compressibility of real ones: prompts, streamed responses in several lines that share one
message id, tool calls with their results twice (message and `toolUseResult`), state lines, subagent files.

    python -m benchmarks.generate /tmp/home --megabytes 1000 --files 1500
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = ("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")
TOOLS = ("Bash", "Read", "Edit", "Write", "Grep", "Glob", "TodoWrite", "WebFetch")
PROJECTS = ("shop", "billing", "search-api", "mobile-app", "infra", "docs-site", "data_tools", "compiler")
SYLLABLES = ("ba", "co", "de", "fi", "gu", "la", "me", "ni", "or", "qui", "tion", "ing", "able", "get")
CODE = (
    "    return self.{0}({1})", "def {0}({1}: str) -> int:", "    if {0} is None: raise {1}Error",
    "import {0}.{1}", '        {0} = {1}["{0}"]', "    # {0} before {1}", "/src/{0}/{1}.py:42: warning: {0}",
    "| {0} | {1} | 3.14 |",
)  # fmt: skip
CODE_SHARE = 0.5
POOL_BYTES = 6_000_000
MARK_EVERY = 37
SUBAGENT_SHARE = 0.4
PROMPT_SHARE = 0.04
STATE_SHARE = 0.15
HUGE_SHARE = 0.004


@dataclass(frozen=True)
class Generated:
    """What was written."""

    files: int
    lines: int
    bytes: int


class Writer:
    """Makes the lines of one home; all random choices come from one seeded source."""

    def __init__(self, seed: int) -> None:
        """Prepare the pool of text that all lines are cut from."""
        self.random = random.Random(seed)
        words = ["".join(self.random.choices(SYLLABLES, k=self.random.randint(1, 4))) for _ in range(6_000)]
        pieces: list[str] = []
        size = 0
        while size < POOL_BYTES:
            if self.random.random() < CODE_SHARE:
                piece = self.random.choice(CODE).format(self.random.choice(words), self.random.choice(words))
            else:
                piece = " ".join(self.random.choices(words, k=12)).capitalize() + "."
            if len(pieces) % MARK_EVERY == 0:
                piece += ' "quoted" — naïve ✓ C:\\temp'
            pieces.append(piece)
            size += len(piece) + 1
        self.pool = "\n".join(pieces)
        self.moment = datetime(2025, 1, 1, tzinfo=UTC)

    def identifier(self) -> str:
        """Return a random uuid of the usual form."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def text(self, mean: float) -> str:
        """Return a slice of the pool with a length distributed as in transcripts."""
        length = min(int(self.random.expovariate(1 / mean)) + 20, POOL_BYTES // 4)
        start = self.random.randrange(len(self.pool) - length)
        return self.pool[start : start + length]

    def lines(self, session_id: str, project: str, agent_id: str | None) -> Iterator[bytes]:
        """Yield lines of one transcript endlessly."""
        parent: str | None = None
        model = self.random.choice(MODELS)
        context = self.random.randint(12_000, 30_000)

        def envelope(kind: str) -> dict[str, object]:
            nonlocal parent
            self.moment += timedelta(milliseconds=self.random.randint(50, 40_000))
            line: dict[str, object] = {
                "parentUuid": parent,
                "isSidechain": agent_id is not None,
                "userType": "external",
                "cwd": f"/home/dev/{project}",
                "sessionId": session_id,
                "version": "2.1.286",
                "gitBranch": "main",
                "type": kind,
                "uuid": self.identifier(),
                "timestamp": self.moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
            if agent_id is not None:
                line["agentId"] = agent_id
            parent = str(line["uuid"])
            return line

        def finished(line: dict[str, object]) -> bytes:
            return orjson.dumps(line) + b"\n"

        yield finished(envelope("user") | {"message": {"role": "user", "content": self.text(400)}})
        while True:
            if self.random.random() < STATE_SHARE:
                yield finished({"type": "last-prompt", "lastPrompt": self.text(100), "sessionId": session_id})
            if self.random.random() < PROMPT_SHARE:
                yield finished(envelope("user") | {"message": {"role": "user", "content": self.text(400)}})
            context = min(context + self.random.randint(100, 6_000), 190_000)
            message_id, request_id, tool_id = (
                f"{prefix}_{self.random.getrandbits(96):024x}" for prefix in ("msg", "req", "toolu")
            )
            tool = self.random.choice(TOOLS)
            blocks: list[dict[str, object]] = [
                {"type": "text", "text": self.text(250)},
                {
                    "type": "tool_use",
                    "id": tool_id,
                    "name": tool,
                    "input": {"file_path": f"/home/dev/{project}/src/{tool}.py", "command": self.text(500)},
                },
            ]
            output = self.random.randint(30, 2_500)
            for number, block in enumerate(blocks):
                usage = {
                    "input_tokens": 4,
                    "cache_creation_input_tokens": 900,
                    "cache_read_input_tokens": context,
                    "cache_creation": {"ephemeral_5m_input_tokens": 900, "ephemeral_1h_input_tokens": 0},
                    "output_tokens": output if number == len(blocks) - 1 else 1,
                    "service_tier": "standard",
                }
                yield finished(
                    envelope("assistant")
                    | {
                        "requestId": request_id,
                        "message": {
                            "model": model,
                            "id": message_id,
                            "type": "message",
                            "role": "assistant",
                            "content": [block],
                            "stop_reason": "tool_use" if number == len(blocks) - 1 else None,
                            "stop_sequence": None,
                            "usage": usage,
                        },
                    }
                )
            result = self.text(250_000 if self.random.random() < HUGE_SHARE else 1_400)
            yield finished(
                envelope("user")
                | {
                    "message": {
                        "role": "user",
                        "content": [
                            {
                                "tool_use_id": tool_id,
                                "type": "tool_result",
                                "content": result,
                                "is_error": False,
                            }
                        ],
                    },
                    "toolUseResult": {"stdout": result, "stderr": "", "interrupted": False, "isImage": False},
                }
            )


def write_transcript(target: BinaryIO, lines: Iterator[bytes], size: int) -> tuple[int, int]:
    """Write lines until the file has about `size` bytes; return the number of lines and bytes."""
    count = written = 0
    for line in lines:
        written += target.write(line)
        count += 1
        if written >= size:
            break
    return count, written


def generate(home: Path, total_bytes: int, files: int, seed: int = 1) -> Generated:
    """Write a home (`projects/…`) of `files` transcripts with about `total_bytes` in all."""
    writer = Writer(seed)
    weights = [writer.random.lognormvariate(0, 1.2) for _ in range(files)]
    scale = total_bytes / sum(weights)
    line_count = byte_count = 0
    session_id, project = writer.identifier(), PROJECTS[0]
    planned = 0.0
    for number, weight in enumerate(weights):
        planned += weight * scale
        is_subagent = number > 0 and writer.random.random() < SUBAGENT_SHARE
        if not is_subagent:
            session_id, project = writer.identifier(), writer.random.choice(PROJECTS)
        folder = home / "projects" / f"-home-dev-{project.replace('_', '-')}"
        agent_id = f"a{writer.random.getrandbits(64):016x}" if is_subagent else None
        path = (
            folder / session_id / "subagents" / f"agent-{agent_id}.jsonl"
            if agent_id
            else folder / f"{session_id}.jsonl"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            lines, written = write_transcript(
                target, writer.lines(session_id, project, agent_id), max(int(planned) - byte_count, 1)
            )
        line_count += lines
        byte_count += written
    return Generated(files=files, lines=line_count, bytes=byte_count)


@click.command()
@click.argument("home", type=click.Path(path_type=Path))
@click.option("--megabytes", default=100.0, show_default=True, help="Size in millions of bytes.")
@click.option("--files", default=100, show_default=True, help="Number of transcripts.")
@click.option("--seed", default=1, show_default=True, help="Same seed, same bytes.")
def main(home: Path, megabytes: float, files: int, seed: int) -> None:
    """Write a made-up home of transcripts below HOME."""
    done = generate(home, int(megabytes * 1_000_000), files, seed)
    click.echo(f"{done.files} files, {done.lines} lines, {done.bytes / 1e6:.1f} MB below {home}")


if __name__ == "__main__":
    main()
