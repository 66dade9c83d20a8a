"""A host with two small tables, to share into a folder in milliseconds; as a program, to be killed while it shares.

`python -m tests.lake_folder_host FOLDER FILE STEP` shares the host of a JSON file, and kills itself at a step of writing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from agent_store.lake import append_only, share_file, shipment
from agent_store.lake.host import Host
from agent_store.lake.merging import MergeRule
from agent_store.lake.target import LAKE, Shared, Target

RULES = (MergeRule("dim_tool", "main", "by_key"), MergeRule("fact_turn", "main", "union"))
_TURNS = """
create table agent_store.main.fact_turn as
select
    session_id,
    turn::integer as turn,
    (turn * 1.5)::decimal(18, 6) as cost,
    timestamp '2026-01-31 23:59:59.123456' + to_seconds(turn) as happened_at,
    ['a', text] as tags,
    {'one': turn::integer, 'two': [text, null]} as detail,
    to_json({'text': text}) as extra,
    text
from (select session_id, turn, concat('text of ', session_id, ' ', version) as text
      from known_session, unnest(range(line_count)) as turns(turn))
"""


@dataclass
class FolderHost:
    """A host: sessions (id → version, lines) and tools (name → uses)."""

    name: str
    sessions: dict[str, tuple[str, int]] = field(default_factory=dict)
    tools: dict[str, int] = field(default_factory=dict)
    # Columns that only this host has.
    more: str = ""

    @property
    def host_id(self) -> str:
        """Its id in the lake."""
        return f"{self.name}-0"

    def share(self, folder: Path) -> Shared:
        """Share what changed."""
        with duckdb.connect(":memory:") as connection:
            self._fill(connection)
            here = {session: version for session, (version, _) in self.sessions.items()}
            with append_only.opened(target(folder)) as lake:
                choice = shipment.choose(connection, here, lake.stamps(self.host_id))
                host = Host(self.host_id, self.name)
                tables = shipment.tables(connection, RULES, host, patterns=(), salt="")
                return lake.write(shipment.Shipment(host, connection, tables, choice))

    def _fill(self, connection: duckdb.DuckDBPyConnection) -> None:
        for name in ("agent_store", "warehouse"):
            connection.execute(f"attach ':memory:' as {name}")
        connection.execute(
            "create temp table known_session (session_id varchar, version varchar, line_count bigint, stamp varchar, "
            "last_line_at timestamp, month date, is_left_out boolean)"
        )
        for session, (version, lines) in self.sessions.items():
            connection.execute(
                "insert into known_session values (?, ?, ?, ?, '2026-01-31 12:00:00', '2026-01-01', false)",
                [session, version, lines, version],
            )
        connection.execute(_TURNS)
        if self.more:
            connection.execute(f"alter table agent_store.main.fact_turn add column {self.more}")
        connection.execute("create table agent_store.main.dim_tool (tool varchar, use_count bigint)")
        for tool, uses in self.tools.items():
            connection.execute("insert into agent_store.main.dim_tool values (?, ?)", [tool, uses])
        connection.execute(
            "create table agent_store.main.store_build as select 'UTC' as timezone, 3 as file_count"
        )


def target(folder: Path) -> Target:
    """The folder as a place of a lake."""
    return Target("files", str(folder))


@dataclass(frozen=True)
class Found:
    """A lake as it is read: versions and lines of sessions by host, tools by host, and what could not be read."""

    sessions: dict[tuple[str, str], tuple[str, int]]
    tools: dict[tuple[str, str], int]
    findings: list[str]


def read(folder: Path) -> Found:
    """Read a lake; each session's rows must be those that its host had."""
    with duckdb.connect(":memory:") as connection, append_only.opened(target(folder)) as lake:
        lake.attach(connection)
        connection.execute(f"use {LAKE}.main")
        rows: dict[tuple[str, str], tuple[str, int]] = {
            (host, session): (text.split()[-1], count)
            for host, session, text, count in connection.execute(
                "select _host, session_id, any_value(text), count(*) from fact_turn group by all"
            ).fetchall()
        }
        noted = connection.execute(
            "select host_id, session_id, stamp, line_count from lake_session"
        ).fetchall()
        tools = {
            (host, tool): uses
            for host, tool, uses in connection.execute(
                "select _host, tool, use_count from dim_tool"
            ).fetchall()
        }
        assert rows == {(host, session): (stamp, lines) for host, session, stamp, lines in noted}
        assert isinstance(lake, append_only.FolderLake)
        return Found(rows, tools, lake.findings)


def expected(*hosts: FolderHost) -> Found:
    """What a lake of these hosts has."""
    return Found(
        {(host.host_id, session): state for host in hosts for session, state in host.sessions.items()},
        {(host.host_id, tool): uses for host in hosts for tool, uses in host.tools.items()},
        [],
    )


def start_arguments(host: FolderHost, folder: Path, file: Path, step: int) -> list[str]:
    """The command that shares a host in a process of its own; at a step above 0 it kills itself."""
    file.write_text(json.dumps(asdict(host)), encoding="utf-8")
    return [sys.executable, "-m", "tests.lake_folder_host", str(folder), str(file), str(step)]


def _kill_at(step: int) -> None:
    left = step

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return called

    share_file.Appending._header = counted(share_file.Appending._header)  # type: ignore[method-assign]
    share_file.Appending._pad = counted(share_file.Appending._pad)  # type: ignore[method-assign]
    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]


def main() -> None:
    """Share the host of a file, and kill this process at a step of writing."""
    folder, file, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    value = json.loads(file.read_text(encoding="utf-8"))
    value["sessions"] = {session: tuple(state) for session, state in value["sessions"].items()}
    if step:
        _kill_at(step)
    FolderHost(**value).share(folder)


if __name__ == "__main__":
    main()
