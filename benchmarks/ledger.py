"""How the time of the context ledger grows with the length of a session.

    python -m benchmarks.ledger --shape growing --shape compacted --shape missing

Sessions of 100, 1,000 and 5,000 responses, each in a separate warehouse, in three shapes: a context that only grows to
a million tokens, one that is compacted every 60 responses, and one whose cache is missed every 50. It measures the time
that dbt reports for each model of the ledger; an empty one takes 0.05 s.
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from benchmarks.generate import Writer
from benchmarks.machine import PROJECT, machine

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTHS = (100, 1000, 5000)
SHAPES = ("growing", "compacted", "missing")
MODELS = (
    "int_context_response",
    "int_attachment_part",
    "int_context_item",
    "int_thread_base",
    "int_context_entry",
    "int_base_segment",
    "int_entered_segment",
    "int_relaid_segment",
    "int_context_segment",
    "int_segment_charge",
    "fact_context_segment",
    "fact_token_usage",
    "fact_component_cost",
    "fact_cache_miss",
    "fact_context_overflow",
)
COUNTED = {"pieces of context": "int_context_segment", "pieces billed anew": "int_segment_charge"}
BASE, SUMMARY, LEAST, MOST = 20_000, 4_000, 80, 300
COMPACT_EVERY, MISS_EVERY = 60, 50
MODEL = "claude-opus-4-6"


class SessionWriter(Writer):
    """Writes one long session whose usage is that of a real prompt cache."""

    def session(self, session_id: str, responses: int, shape: str) -> Iterator[bytes]:
        """Yield the lines of the session."""
        cached = context = BASE
        yield self._line(session_id, "user", {"message": {"role": "user", "content": self.text(400)}})
        for number in range(1, responses + 1):
            if shape == "compacted" and number % COMPACT_EVERY == 0:
                metadata = {"trigger": "auto", "preTokens": context}
                yield self._line(
                    session_id, "system", {"subtype": "compact_boundary", "compactMetadata": metadata}
                )
                summary = {"isCompactSummary": True, "message": {"role": "user", "content": self.text(9_000)}}
                yield self._line(session_id, "user", summary)
                cached, context = BASE, BASE + SUMMARY
            missed = shape == "missing" and number % MISS_EVERY == 0
            read = 0 if missed else cached
            yield from self._answer(session_id, number, read, context - read)
            cached, context = context, context + self.random.randint(LEAST, MOST)

    def _answer(self, session_id: str, number: int, read: int, written: int) -> Iterator[bytes]:
        tool_id, tool = f"toolu_{number:020d}", self.random.choice(("Bash", "Read", "Edit", "Grep"))
        usage = {
            "input_tokens": 3,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": max(written - 3, 0),
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0,
                "ephemeral_1h_input_tokens": max(written - 3, 0),
            },
            "output_tokens": 60,
        }
        call = {
            "type": "tool_use",
            "id": tool_id,
            "name": tool,
            "input": {"file_path": f"/src/{number % 400}.py"},
        }
        message = {
            "id": f"msg_{number:020d}",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "usage": usage,
            "content": [{"type": "text", "text": self.text(60)}, call],
            "stop_reason": "tool_use",
        }
        yield self._line(session_id, "assistant", {"requestId": f"req_{number:020d}", "message": message})
        result = [{"tool_use_id": tool_id, "type": "tool_result", "content": self.text(300)}]
        yield self._line(session_id, "user", {"message": {"role": "user", "content": result}})

    def _line(self, session_id: str, kind: str, more: dict[str, object]) -> bytes:
        self.moment += timedelta(seconds=self.random.randint(1, 9))
        line = {
            "sessionId": session_id,
            "type": kind,
            "uuid": self.identifier(),
            "version": "2.1.286",
            "cwd": "/home/dev/shop",
            "isSidechain": False,
            "timestamp": self.moment.isoformat().replace("+00:00", "Z"),
        }
        return orjson.dumps(line | more) + b"\n"


def write_home(home: Path, responses: int, shape: str) -> None:
    """Write a home with one session."""
    session_id = f"00000000-0000-4000-a000-{responses:012d}"
    path = home / "projects" / "-home-dev-shop" / f"{session_id}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(SessionWriter(seed=7).session(session_id, responses, shape)))


def ledger_seconds(folder: Path, responses: int, shape: str) -> dict[str, float]:
    """Land one session, build the ledger and its parents, and return the seconds of each of its models."""
    import duckdb

    from agent_store.build import dbt
    from agent_store.paths import StorePaths
    from ingest.land import land

    write_home(folder / "home", responses, shape)
    paths = StorePaths(folder / "store").ensure()
    land([folder / "home"], paths.warehouse)
    wanted = [f"+{model}" for model in MODELS]
    command = [
        "build",
        "--threads",
        "1",
        "--exclude-resource-type",
        "test",
        "--exclude-resource-type",
        "unit_test",
    ]
    outcome = dbt.invoke([*command, "--select", *wanted], paths, PROJECT)
    if not outcome.success:
        raise click.ClickException(f"dbt did not build the ledger: {outcome.exception or outcome.result}")
    seconds = {result.node.name: result.execution_time for result in outcome.result.results}
    found = {model: seconds[model] for model in MODELS}
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        for name, table in COUNTED.items():
            row = connection.execute(f"select count(*) from intermediate.{table}").fetchone()
            found[name] = float(row[0]) if row else 0.0
    return found


def curve(shape: str, lengths: tuple[int, ...]) -> Iterator[str]:
    """Yield the lines of one shape's table."""
    measured: dict[int, dict[str, float]] = {}
    for responses in lengths:
        with tempfile.TemporaryDirectory(prefix="agent-store-benchmark-") as folder:
            measured[responses] = ledger_seconds(Path(folder), responses, shape)
    yield f"{shape}: seconds by responses of the session"
    yield f"{'':<26}" + "".join(f"{responses:>9,}" for responses in lengths)
    for model in MODELS:
        yield f"{model:<26}" + "".join(f"{measured[responses][model]:>9.2f}" for responses in lengths)
    totals = [sum(measured[responses][model] for model in MODELS) for responses in lengths]
    yield f"{'all':<26}" + "".join(f"{total:>9.2f}" for total in totals)
    for name in COUNTED:
        yield f"{name:<26}" + "".join(f"{measured[responses][name]:>9,.0f}" for responses in lengths)
    per_thousand = [1000 * total / responses for total, responses in zip(totals, lengths, strict=True)]
    yield f"{'per thousand responses':<26}" + "".join(f"{value:>9.2f}" for value in per_thousand)


@click.command()
@click.option("--shape", "shapes", multiple=True, type=click.Choice(SHAPES), help="Default: all three.")
@click.option("--length", "lengths", multiple=True, type=int, help="Responses of a session; may be repeated.")
def main(shapes: tuple[str, ...] = (), lengths: tuple[int, ...] = ()) -> None:
    """Measure how the ledger's time grows with the length of a session."""
    os.chdir(PROJECT)
    click.echo(machine())
    for shape in shapes or SHAPES:
        for line in curve(shape, lengths or LENGTHS):
            click.echo(line)


if __name__ == "__main__":
    main()
