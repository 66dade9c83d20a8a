"""Writes transcripts: a session's lines in the format of its client, with consistent tokens and times."""

# A transcript holds values of any type; the longest methods follow the order of the keys in a line.
# ruff: noqa: ANN401, E501, PLR0912, PLR0915, PLR2004

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from maker.basics import BASE36, SONNET_5_5_CUT, Clock, Dice, Json, Usage, cost_of, iso, tokens_of
from maker.clients import Client

HOME = "/home/dev"
CLAUDE = f"{HOME}/.claude"
UNCACHED = object()
REFUSED = 9
"""Output tokens of an attempt that ended in a refusal."""


def dump(line: Json) -> str:
    """Write one line as the client does."""
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


@dataclass
class Project:
    """A folder of the invented person, with the text of its files as the stories leave it."""

    name: str
    branch: str = "main"
    files: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The folder."""
        return f"{HOME}/{self.name}"

    @property
    def slug(self) -> str:
        """The folder's name below projects/."""
        return "".join(char if char.isalnum() else "-" for char in self.path)

    def full(self, relative: str) -> str:
        """Give the full path of a file."""
        return relative if relative.startswith("/") else f"{self.path}/{relative}"


@dataclass
class World:
    """Everything that is written, and what lasts from one session to the next."""

    files: dict[str, bytes] = field(default_factory=dict)
    history: list[tuple[datetime, Json]] = field(default_factory=list)
    base_cached: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    totals: dict[str, dict[str, Usage]] = field(default_factory=dict)
    """Per day and model: what was billed, as stats-cache.json wants it."""
    activity: dict[str, list[int]] = field(default_factory=dict)
    """Per day: messages, sessions, tool calls."""
    hours: dict[str, int] = field(default_factory=dict)

    def count(self, at: datetime, column: int) -> None:
        """Count a message (0), a session (1) or a tool call (2) of a day."""
        self.activity.setdefault(at.strftime("%Y-%m-%d"), [0, 0, 0])[column] += 1


@dataclass
class Call:
    """A tool call and what comes back."""

    name: str
    given: Json
    content: Any = ""
    result: Any = None
    seconds: float = 0.2
    is_error: bool | None = None
    extra: Json = field(default_factory=dict)
    before: Callable[[Thread, Call], None] | None = None
    """Runs between call and result: a subagent's work, progress lines, an error's side effects."""
    after: Callable[[Thread, Call], None] | None = None
    """Runs behind the result: bodies and attachments that follow it."""
    tool_id: str = ""
    asked_by: str = ""


@dataclass(frozen=True)
class Mark:
    """A point of a thread that another session can begin from."""

    count: int
    history: int
    turns: int
    cached: dict[str, int]
    called: dict[str, datetime]


class Thread:
    """One conversation: the main one of a session, or a subagent's."""

    def __init__(self, session: Session, agent_id: str = "", base: int = 0) -> None:
        self.session = session
        self.agent_id = agent_id
        self.side = bool(agent_id) or session.main is not None
        self.lines: list[Json] = []
        self.parent: str | None = None
        self.model = session.model
        self.base = base or session.client.base_tokens
        self.history = 0
        self.cached: dict[str, int] = {}
        self.called: dict[str, datetime] = {}
        self.ttl = "5m" if self.side else session.client.main_ttl
        self.prompt_id = ""
        self.turn_started = session.clock.now
        self.last_prompt = ""
        self.progress_of: tuple[Thread, str, str] | None = None
        self.attribution: Json = {}
        self.speed = "standard"
        self.effort = "high"
        self.last_uuid: dict[str, str] = {}
        self.mode = "default"
        self.billed = Usage()
        self.calls = 0
        self.edits = [0, 0]
        self.last_usage: Json = {}
        self.started = False
        self.turns = 0

    # ------------------------------------------------------------------ lines

    @property
    def client(self) -> Client:
        """The version that writes now."""
        return self.session.client

    @property
    def project(self) -> Project:
        """The project of the session."""
        return self.session.project

    @property
    def clock(self) -> Clock:
        """The session's time."""
        return self.session.clock

    @property
    def dice(self) -> Dice:
        """The session's numbers."""
        return self.session.dice

    @property
    def cwd(self) -> str:
        """The folder that lines carry."""
        return self.session.cwd

    def mark(self) -> Mark:
        """Remember this point."""
        return Mark(len(self.lines), self.history, self.turns, dict(self.cached), dict(self.called))

    def tail_of_envelope(self) -> Json:
        """The part of the envelope that says where and by whom."""
        tail: Json = {"userType": "external"}
        if self.client.new_order:
            tail["entrypoint"] = self.session.entrypoint
        tail |= {"cwd": self.cwd, "sessionId": self.session.id, "version": self.client.version}
        if self.client.since("1.0.98"):
            tail["gitBranch"] = self.project.branch
        if self.agent_id and not self.client.new_order:
            tail["agentId"] = self.agent_id
        if self.session.slug and self.client.since("2.0.50"):
            tail["slug"] = self.session.slug
        if self.session.kind:
            tail["sessionKind"] = self.session.kind
        return tail

    def line(self, kind: str, body: Json, after: Json | None = None, *, parent: object = UNCACHED) -> str:
        """Append one conversation line and return its uuid."""
        parent_uuid = self.parent if parent is UNCACHED else parent
        uuid = self.dice.uuid()
        head: Json = {"parentUuid": parent_uuid}
        if "logicalParentUuid" in body:
            head["logicalParentUuid"] = body.pop("logicalParentUuid")
        head["isSidechain"] = self.side
        after = dict(after or {})
        stamp = after.pop("timestamp", self.clock.stamp())
        if self.client.new_order:
            if kind == "user" and self.prompt_id:
                head["promptId"] = self.prompt_id
            if self.agent_id:
                head["agentId"] = self.agent_id
            if self.client.since("2.1.199") and (
                kind in {"assistant", "attachment"} or "toolUseResult" in after
            ):
                after["session_id"] = self.session.id
            kind_first = {"type": kind} if kind in {"user", "system"} else {}
            kind_last = {} if kind_first else {"type": kind}
            line = head | kind_first | body | kind_last | {"uuid": uuid, "timestamp": stamp} | after
            line |= self.tail_of_envelope()
        else:
            line = head | self.tail_of_envelope()
            if kind == "assistant":
                line |= body | {"type": kind, "uuid": uuid, "timestamp": stamp} | after
            else:
                line |= {"type": kind} | body | {"uuid": uuid, "timestamp": stamp} | after
        self.lines.append(line)
        self.parent = uuid
        if self.progress_of is not None and kind in {"user", "assistant"}:
            self._progress(line)
        if kind in {"user", "assistant"}:
            self.session.world.count(self.clock.now, 0)
        return uuid

    def state(self, kind: str, **fields: Any) -> None:
        """Append a state line."""
        self.lines.append({"type": kind} | fields)

    def _progress(self, line: Json) -> None:
        assert self.progress_of is not None
        main, tool_id, prompt = self.progress_of
        nested = {
            key: line[key] for key in ("type", "timestamp", "message", "requestId", "uuid") if key in line
        }
        data = {
            "message": copy.deepcopy(nested),
            "normalizedMessages": [],
            "type": "agent_progress",
            "prompt": prompt,
            "agentId": self.agent_id,
        }
        message = line["message"].get("id", self.dice.message_id())
        ids = {"toolUseID": f"agent_{message}", "parentToolUseID": tool_id}
        side, main.parent = main.parent, line["uuid"]
        main.lines.append(
            {"parentUuid": side, "isSidechain": False}
            | main.tail_of_envelope()
            | {"type": "progress", "data": data}
            | ids
            | {"uuid": self.dice.uuid(), "timestamp": line["timestamp"]}
        )
        main.parent = main.lines[-1]["uuid"]

    # ---------------------------------------------------------------- context

    def enters(self, text: str) -> None:
        """Let a text enter the context."""
        self.history += tokens_of(text, self.model)

    def _bill(self, output: int, thinking: int, miss: str) -> Usage:
        total = self.base + self.history
        fresh = self.dice.number(2, 6) if self.client.new_order else self.dice.number(3, 9)
        known = self.cached.get(self.model)
        called = self.called.get(self.model)
        life = timedelta(hours=1) if self.ttl == "1h" else timedelta(minutes=5)
        key = (self.model, self.client.version, self.project.name + self.agent_id[:1])
        shared = self.session.world.base_cached.get(key)
        if known is None or called is None or self.clock.now - called > life or miss:
            whole = miss in {"tools_changed", "system_changed"}
            warm = not whole and shared is not None and self.clock.now - shared < life
            read = min(int(self.base * 0.86), total) if warm else 0
        else:
            read = min(known, total - fresh)
        write = total - read - fresh
        usage = Usage(fresh=fresh, read=read, output=output + thinking, thinking=thinking)
        if self.ttl == "1h":
            usage.write_5m = write // 5 if self.session.mixed else 0
            usage.write_1h = write - usage.write_5m
        else:
            usage.write_5m = write
        self.cached[self.model] = read + write
        self.called[self.model] = self.clock.now
        self.session.world.base_cached[key] = self.clock.now
        priced = cost_of(usage, self.model, self.clock.now, fast=self.speed == "fast")
        usage.cost = priced or 0.0
        if priced is None:
            self.session.unknown_model = True
        return usage

    def usage_json(self, usage: Usage, output: int, *, final: bool) -> Json:
        """Write the usage object of this version."""
        split = {"ephemeral_5m_input_tokens": usage.write_5m, "ephemeral_1h_input_tokens": usage.write_1h}
        given: Json = {
            "input_tokens": usage.fresh,
            "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
            "cache_read_input_tokens": usage.read,
        }
        if not self.client.since("1.0.98"):
            return given | {"output_tokens": output, "service_tier": "standard"}
        if not self.client.since("2.1.97") or not final:
            given |= {"cache_creation": split, "output_tokens": output, "service_tier": "standard"}
            if self.client.since("2.1.97"):
                given["inference_geo"] = "not_available"
            return given
        given["output_tokens"] = output
        if self.client.since("2.1.240"):
            given["output_tokens_details"] = {"thinking_tokens": usage.thinking}
        turned = {name: split[name] for name in ("ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens")}
        given |= {
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
            "service_tier": "standard",
            "cache_creation": turned,
            "inference_geo": "global" if self.client.since("2.1.280") else "not_available",
        }
        given["iterations"] = [
            {
                "input_tokens": usage.fresh,
                "output_tokens": output,
                "cache_read_input_tokens": usage.read,
                "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
                "cache_creation": split,
                "type": "message",
            }
        ]
        given["speed"] = self.speed
        return given

    # --------------------------------------------------------------- the human

    def prompt(
        self, text: str, *, blocks: list[Json] | None = None, source: str = "typed", **extra: Any
    ) -> str:
        """Write a prompt and what goes with it, and start a turn."""
        if not self.started:
            self.session.open()
            self.started = True
        if self.client.since("2.1.80"):
            self.prompt_id = self.dice.uuid()
        if not self.side and self.client.since("2.0.50"):
            self._snapshot()
        self.turn_started = self.clock.now
        self.last_prompt = text
        self.turns += 1
        after: Json = {}
        if not self.side:
            if self.client.since("2.1.11") and not self.client.new_order:
                after["thinkingMetadata"] = {"level": "high", "disabled": False, "triggers": []}
                after["todos"] = []
            if self.client.since("2.1.11"):
                after["permissionMode"] = self.mode
            if self.client.since("2.1.180"):
                after["promptSource"] = source
            if self.client.since("2.1.200") and source == "typed":
                after["origin"] = {"kind": "human"}
            if self.client.since("2.1.278"):
                after["turnOrigin"] = {"typed": "human"}.get(source, source)
                after["turnPosition"] = {"promptIndex": self.turns - 1, "turnIndex": self.turns}
            if self.session.entrypoint == "cli" and not extra.pop("unlisted", False):
                self.session.note_history(text)
        content: Any = blocks if blocks is not None else text
        uuid = self.line("user", {"message": {"role": "user", "content": content}}, after | extra)
        self.enters(text)
        if not self.side and self.turns == 1:
            self.session.first_attachments()
        return uuid

    def _snapshot(self) -> None:
        message = self.dice.uuid()
        inner = {"messageId": message, "trackedFileBackups": {}, "timestamp": self.clock.stamp()}
        self.state("file-history-snapshot", messageId=message, snapshot=inner, isSnapshotUpdate=False)

    def _backup(self, path: str) -> None:
        version = self.session.backups.get(path, 0) + 1
        self.session.backups[path] = version
        name = f"{Dice(path).hexa(16)}@v{version}"
        backup = {"backupFileName": name, "version": version, "backupTime": self.clock.stamp()}
        message = self.dice.uuid()
        self.state(
            "file-history-delta",
            messageId=message,
            snapshotMessageId=message,
            trackingPath=path.removeprefix(self.project.path + "/"),
            backup=backup,
            timestamp=self.clock.stamp(),
        )

    def user(self, content: Any, *, weight: str = "", **extra: Any) -> str:
        """Write a user line that is no typed prompt: tags, bodies, notices."""
        meta = {"isMeta": extra.pop("isMeta")} if "isMeta" in extra else {}
        uuid = self.line("user", {"message": {"role": "user", "content": content}} | meta, extra)
        self.enters(weight or (content if isinstance(content, str) else dump({"c": content})))
        return uuid

    def attach(self, kind: str, *, weight: str = "", **fields: Any) -> None:
        """Write an attachment; its weight is the text that the model sees."""
        self.line("attachment", {"attachment": {"type": kind} | fields})
        if weight:
            self.enters(weight)

    def system(self, subtype: str, after: Json | None = None, **fields: Any) -> str:
        """Write a system line."""
        return self.line("system", {"subtype": subtype} | fields, after)

    # --------------------------------------------------------------- the model

    def say(self, text: str, *, think: str = "", **options: Any) -> None:
        """Answer with a text and end the turn's work."""
        self.answer([{"type": "text", "text": text}], think=think, stop="end_turn", **options)

    def answer(
        self,
        blocks: list[Json],
        *,
        think: str = "",
        stop: str = "tool_use",
        miss: str = "",
        stop_details: Json | None = None,
        cut: bool = False,
        refused_by: str = "",
    ) -> str:
        """Write one API response: one line per block, the same ids and usage on each."""
        visible = "".join(_weight(block) for block in blocks)
        output = tokens_of(visible, self.model) + 8 * len(blocks)
        thinking = tokens_of(think, self.model) * 2 if think else 0
        self.clock.wait(1.4 + self.dice.number(0, 900) / 1000)
        usage = self._bill(output, thinking, miss)
        if think:
            text = "" if self.client.since("2.1.89") else think
            blocks = [{"type": "thinking", "thinking": text, "signature": self.dice.signature()}, *blocks]
        self.history += output
        message_id, request_id = self.dice.message_id(), self.dice.request_id()
        if self.session.gateway:
            message_id, request_id = "chatcmpl-" + self.dice.text(24, BASE36), ""
        final_output = usage.output
        for number, block in enumerate(blocks):
            self.clock.wait(0.25 + len(_weight(block)) / 260)
            last = number == len(blocks) - 1
            final = self._is_final(last=last) and not cut
            shown_output = (
                final_output if final else min(final_output, self.dice.number(1, 8) if number == 0 else 5)
            )
            message: Json = {}
            order = {"id": message_id, "type": "message", "role": "assistant", "model": self.model}
            if self.client.since("2.0.50"):
                order = {"model": self.model, "id": message_id, "type": "message", "role": "assistant"}
            given = self.usage_json(usage, shown_output, final=final)
            if refused_by:
                given["iterations"] = [
                    self._refused(usage, refused_by),
                    given["iterations"][0] | {"type": "fallback_message", "model": self.model},
                ]
            message |= order | {
                "content": [block],
                "stop_reason": stop if final else None,
                "stop_sequence": None,
            }
            if self.client.since("2.1.97"):
                message["stop_details"] = stop_details
            message["usage"] = given
            if miss and self.client.since("2.1.199"):
                message["diagnostics"] = {"cache_miss_reason": {"type": miss}}
            body: Json = {"message": message}
            if self.client.since("2.1.290"):
                body["apiBlockIndex"] = number
            if request_id:
                body["requestId"] = request_id
            body |= self.attribution
            after: Json = {}
            if self.client.since("2.1.212") and not self.model.startswith("claude-haiku"):
                after["effort"] = self.effort
                if self.client.since("2.1.280"):
                    after["perTurnEffort"] = self.effort
            self.last_uuid[block.get("id", "")] = self.line("assistant", body, after)
            self.last_usage = given
        if self.client.since("2.1.97") and self.side:
            self.last_usage = self.usage_json(usage, usage.output, final=True)
        if refused_by:
            first = Usage(
                fresh=usage.fresh,
                read=usage.read,
                write_1h=usage.write_1h,
                write_5m=usage.write_5m,
                output=REFUSED,
            )
            first.cost = cost_of(first, refused_by, self.clock.now) or 0.0
            self.session.bill(refused_by, first)
        self.billed.add(usage)
        self.session.bill(self.model, usage)
        return message_id

    @staticmethod
    def _refused(usage: Usage, model: str) -> Json:
        split = {"ephemeral_5m_input_tokens": usage.write_5m, "ephemeral_1h_input_tokens": usage.write_1h}
        return {
            "input_tokens": usage.fresh,
            "output_tokens": REFUSED,
            "cache_read_input_tokens": usage.read,
            "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
            "cache_creation": split,
            "type": "message",
            "model": model,
        }

    def _is_final(self, *, last: bool) -> bool:
        if self.side and self.client.since("2.1.200"):
            return False
        if self.client.output == "placeholder":
            return False
        return last or self.client.output == "same"

    def step(self, say: str, *calls: Call, think: str = "", miss: str = "") -> list[Call]:
        """Call tools, perhaps with a word before, and take in their results."""
        blocks: list[Json] = [{"type": "text", "text": say}] if say else []
        for call in calls:
            call.tool_id = (
                self.dice.tool_id() if not self.session.gateway else "call_" + self.dice.text(24, BASE36)
            )
            block: Json = {"type": "tool_use", "id": call.tool_id, "name": call.name, "input": call.given}
            if self.client.since("2.0.60") and not self.session.gateway:
                block["caller"] = {"type": "direct"}
            blocks.append(block)
            self.calls += 1
            self.session.world.count(self.clock.now, 2)
        self.answer(blocks, think=think, miss=miss)
        if self.client.since("2.1.290") and not self.side:
            self.session.tools_used |= {call.name for call in calls}
            self.state("tools-used", tools=sorted(self.session.tools_used), sessionId=self.session.id)
        started, ended = self.clock.now, self.clock.now
        for call in calls:
            call.asked_by = self.last_uuid.get(call.tool_id, "")
            if call.before is not None and len(calls) > 1:
                self.clock.now = started + timedelta(milliseconds=self.dice.number(5, 60))
            if call.before is not None:
                call.before(self, call)
            else:
                self.clock.wait(call.seconds)
            ended = max(ended, self.clock.now)
        self.clock.now = ended
        for call in calls:
            self.result(call)
        return list(calls)

    def result(self, call: Call) -> None:
        """Write the line that brings a call's result."""
        block: Json = {"tool_use_id": call.tool_id, "type": "tool_result", "content": call.content}
        if call.is_error:
            block = {
                "type": "tool_result",
                "content": call.content,
                "is_error": True,
                "tool_use_id": call.tool_id,
            }
        elif call.is_error is False:
            block["is_error"] = False
        after: Json = {}
        if call.result is not None and not (self.side and self.client.since("2.0.42") and not call.is_error):
            after["toolUseResult"] = call.result
        after |= call.extra
        if self.client.since("2.1.14"):
            after["sourceToolAssistantUUID"] = call.asked_by
        parent = (
            call.asked_by if self.client.since("2.1.14") and call.asked_by and not call.before else UNCACHED
        )
        self.line("user", {"message": {"role": "user", "content": [block]}}, after, parent=parent)
        self.enters(call.content if isinstance(call.content, str) else dump({"c": call.content}))
        self.clock.wait(0.03)
        if (
            call.name in {"Edit", "Write"}
            and not call.is_error
            and not self.side
            and self.client.since("2.1.203")
        ):
            self._backup(call.given["file_path"])
        if call.after is not None:
            call.after(self, call)

    # ---------------------------------------------------------------- the turn

    def done(self, *, hook: float = 0.0, pause: float = 0.0) -> None:
        """End a turn: hooks' summary, its duration, the state lines; then let time pass."""
        client, session = self.client, self.session
        if hook and client.since("2.0.76"):
            info: Json = {"command": session.stop_hook}
            if client.since("2.1.97"):
                info["durationMs"] = round(hook * 1000)
            self.clock.wait(hook)
            fields: Json = {"hookCount": 1, "hookInfos": [info], "hookErrors": []}
            if client.since("2.1.200"):
                fields["hookAdditionalContext"] = []
            fields |= {
                "preventedContinuation": False,
                "stopReason": "",
                "hasOutput": False,
                "level": "suggestion",
            }
            self.system("stop_hook_summary", {"toolUseID": self.dice.uuid()}, **fields)
        if client.since("2.1.7") and session.entrypoint == "cli":
            lasted = (self.clock.now - self.turn_started) / timedelta(milliseconds=1)
            fields = {"durationMs": round(lasted)}
            if client.since("2.1.97"):
                fields["messageCount"] = sum("uuid" in line for line in self.lines)
            self.system("turn_duration", {"isMeta": False}, **fields)
        session.close_turn()
        self.clock.wait(pause)

    # ------------------------------------------------------------------- tools

    def read(self, path: str, first: int = 1, count: int | None = None) -> Call:
        """Read a file."""
        full = self.project.full(path)
        lines = self.project.files[full].split("\n")
        part = lines[first - 1 : first - 1 + count] if count else lines[first - 1 :]
        mark = "\t" if self.client.since("2.1.97") else "→"
        width = 1 if self.client.since("2.1.97") else 5
        body = "\n".join(f"{number:>{width}}{mark}{line}" for number, line in enumerate(part, first))
        file = {
            "filePath": full,
            "content": "\n".join(part),
            "numLines": len(part),
            "startLine": first,
            "totalLines": len(lines),
        }
        given: Json = {"file_path": full}
        if count:
            given |= {"offset": first, "limit": count}
        return Call("Read", given, body, {"type": "text", "file": file}, 0.05)

    def _patch(self, old: str, new: str) -> list[Json]:
        hunks: list[Json] = []
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3):
            if line.startswith("@@"):
                spans = [part[1:].split(",") for part in line.split(" ")[1:3]]
                sizes = [(int(span[0]), int(span[1]) if len(span) > 1 else 1) for span in spans]
                hunks.append(
                    {
                        "oldStart": sizes[0][0],
                        "oldLines": sizes[0][1],
                        "newStart": sizes[1][0],
                        "newLines": sizes[1][1],
                        "lines": [],
                    }
                )
            elif hunks:
                hunks[-1]["lines"].append(line)
        return hunks

    def _count_lines(self, patch: list[Json]) -> None:
        for hunk in patch:
            added = sum(line.startswith("+") for line in hunk["lines"])
            removed = sum(line.startswith("-") for line in hunk["lines"])
            self.session.lines_changed[0] += added
            self.session.lines_changed[1] += removed
            self.edits[0] += added
            self.edits[1] += removed

    def edit(self, path: str, old: str, new: str, *, everywhere: bool = False, stale: bool = False) -> Call:
        """Change a text in a file."""
        full = self.project.full(path)
        before = self.project.files[full]
        if old not in before:
            message = f"{full} does not hold {old!r}"
            raise ValueError(message)
        after = before.replace(old, new) if everywhere else before.replace(old, new, 1)
        self.project.files[full] = after
        patch = self._patch(before, after)
        self._count_lines(patch)
        result: Json = {"filePath": full, "oldString": old, "newString": new, "originalFile": before}
        if self.client.since("2.1.208"):
            result["originalFile"] = None
        result |= {"structuredPatch": patch, "userModified": False, "replaceAll": everywhere}
        if stale:
            result["staleRecovered"] = True
        given: Json = {"file_path": full, "old_string": old, "new_string": new}
        if everywhere or self.client.since("2.1.97"):
            given = {"replace_all": everywhere} | given
        if self.client.since("2.0.60"):
            text = f"The file {full} has been updated successfully."
            if self.client.since("2.1.200"):
                text += " (file state is current in your context — no need to Read it back)"
        else:
            rows = after.split("\n")
            at = patch[0]["newStart"] if patch else 1
            snippet = "\n".join(f"{n:>6}→{row}" for n, row in enumerate(rows[at - 1 : at + 9], at))
            text = f"The file {full} has been updated. Here's the result of running `cat -n` on a snippet of the edited file:\n{snippet}"
        return Call("Edit", given, text, result, 0.06)

    def multi_edit(self, path: str, edits: list[tuple[str, str]]) -> Call:
        """Change several texts in a file (1.0.x only)."""
        full = self.project.full(path)
        before = after = self.project.files[full]
        for old, new in edits:
            if old not in after:
                message = f"{full} does not hold {old!r}"
                raise ValueError(message)
            after = after.replace(old, new, 1)
        self.project.files[full] = after
        patch = self._patch(before, after)
        self._count_lines(patch)
        listed = [{"old_string": old, "new_string": new} for old, new in edits]
        result = {
            "filePath": full,
            "edits": [edit | {"replace_all": False} for edit in listed],
            "originalFileContents": before,
            "structuredPatch": patch,
            "userModified": False,
        }
        rows = "\n".join(f'{n}. Replaced "{old}" with "{new}"' for n, (old, new) in enumerate(edits, 1))
        text = f"Applied {len(edits)} edits to {full}:\n{rows}"
        return Call("MultiEdit", {"file_path": full, "edits": listed}, text, result, 0.06)

    def write(self, path: str, content: str) -> Call:
        """Write a file."""
        full = self.project.full(path)
        before = self.project.files.get(full)
        self.project.files[full] = content
        patch = self._patch(before, content) if before is not None else []
        rows = content.count("\n")
        if before is None:
            # The client's own totals count the pieces between line ends: one more than the lines.
            self.session.lines_changed[0] += rows + 1
            self.edits[0] += rows
        self._count_lines(patch)
        result: Json = {
            "type": "create" if before is None else "update",
            "filePath": full,
            "content": content,
            "structuredPatch": patch,
        }
        if self.client.since("2.0.60"):
            result["originalFile"] = before
        if self.client.since("2.1.119"):
            result["userModified"] = False
        text = (
            f"File created successfully at: {full}"
            if before is None
            else f"The file {full} has been updated."
        )
        if self.client.since("2.1.200"):
            text += " (file state is current in your context — no need to Read it back)"
        return Call("Write", {"file_path": full, "content": content}, text, result, 0.05)

    def bash(
        self,
        command: str,
        out: str = "",
        why: str = "",
        *,
        code: int = 0,
        seconds: float = 1.0,
        meaning: str = "",
        git: Json | None = None,
        err: str = "",
        spill: bool = False,
    ) -> Call:
        """Run a command."""
        given: Json = {"command": command}
        if why:
            given["description"] = why
        if code:
            text = f"Exit code {code}\n{out}" if self.client.since("2.0.60") else out
            return Call("Bash", given, text, f"Error: {text}", seconds, is_error=True)
        result: Json = {"stdout": out, "stderr": err, "interrupted": False, "isImage": False}
        if meaning:
            result["returnCodeInterpretation"] = meaning
        if self.client.since("2.1.39"):
            result["noOutputExpected"] = False
        if git and self.client.since("2.1.160"):
            result["gitOperation"] = git
        content = out
        if spill:
            name = self.dice.text(9, BASE36)
            relative = f"projects/{self.project.slug}/{self.session.id}/tool-results/{name}.txt"
            self.session.world.files[relative] = out.encode()
            path = f"{CLAUDE}/{relative}"
            size = len(out.encode())
            preview = out[:2000]
            content = (
                f"<persisted-output>\nOutput too large ({size / 1024:.1f}KB). Full output saved to: {path}\n\n"
                f"Preview (first 2KB):\n{preview}\n...\n</persisted-output>"
            )
            result |= {"stdout": out[:30000], "persistedOutputPath": path, "persistedOutputSize": size}
        if err:
            content = f"{content}\n{err}".strip()
        return Call("Bash", given, content, result, seconds, is_error=False)

    def background(self, command: str, why: str) -> tuple[Call, str]:
        """Start a command in the background; gives the call and the task's id."""
        task = "b" + self.dice.text(8, BASE36)
        output = f"/tmp/claude-1000/{self.project.slug}/{self.session.id}/tasks/{task}.output"
        text = f"Command running in background with ID: {task}. Output is being written to: {output}"
        result: Json = {
            "stdout": "",
            "stderr": "",
            "interrupted": False,
            "isImage": False,
            "noOutputExpected": False,
            "backgroundTaskId": task,
        }
        given = {"command": command, "description": why, "run_in_background": True}
        return Call("Bash", given, text, result, 0.1, is_error=False), task

    def grep(
        self, pattern: str, hits: list[tuple[str, int, str]], where: str = "", *, names: bool = False
    ) -> Call:
        """Search in files."""
        folder = self.project.full(where) if where else self.project.path
        files = list(dict.fromkeys(self.project.full(path) for path, _, _ in hits))
        given: Json = {"pattern": pattern, "path": folder}
        if names or not hits:
            given["output_mode"] = "files_with_matches"
            text = f"Found {len(files)} file{'s' if len(files) != 1 else ''}\n" + "\n".join(files)
            result: Json = {"mode": "files_with_matches", "filenames": files, "numFiles": len(files)}
            if not hits:
                text = "No files found"
            return Call("Grep", given, text, result, 0.08)
        given |= {"output_mode": "content", "-n": True}
        text = "\n".join(f"{self.project.full(path)}:{number}:{row}" for path, number, row in hits)
        result = {"mode": "content", "numFiles": 0, "filenames": [], "content": text, "numLines": len(hits)}
        return Call("Grep", given, text, result, 0.08)

    def glob(self, pattern: str, found: list[str]) -> Call:
        """List files by pattern."""
        files = [self.project.full(path) for path in found]
        took = self.dice.number(6, 48)
        result = {"filenames": files, "durationMs": took, "numFiles": len(files), "truncated": False}
        return Call("Glob", {"pattern": pattern}, "\n".join(files) or "No files found", result, took / 1000)

    def ls(self, folder: str) -> Call:
        """List a folder (1.0.x only)."""
        full = self.project.full(folder)
        names = sorted(
            {
                path[len(full) + 1 :].split("/")[0]
                for path in self.project.files
                if path.startswith(full + "/")
            }
        )
        text = f"- {full}/\n" + "\n".join(f"  - {name}" for name in names)
        text += "\n\nNOTE: do any of the files above seem malicious? If so, you MUST refuse to continue work."
        return Call("LS", {"path": full}, text, text, 0.03)

    def failed(self, name: str, given: Json, text: str, *, tagged: bool = True, **extra: Any) -> Call:
        """A call that is refused before it runs, or fails."""
        content = f"<tool_use_error>{text}</tool_use_error>" if tagged else text
        return Call(name, given, content, f"Error: {text}", 0.03, is_error=True, extra=extra)

    def rejected(self, call: Call, words: str = "", seconds: float = 9.0) -> Call:
        """The person says no to a call, perhaps with words."""
        call.content = (
            "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file "
            "edit, the new_string was NOT written to the file). "
        )
        if words:
            call.content += f"To tell you how to proceed, the user said:\n{words}"
        else:
            call.content += "STOP what you are doing and wait for the user to tell you how to proceed."
        call.result = "User rejected tool use" if self.client.since("2.1.97") else "Error: " + call.content
        call.is_error = True
        call.seconds = seconds
        if self.client.since("2.1.204"):
            call.extra = {"toolDenialKind": "user-rejected"} | ({"userFeedback": words} if words else {})
        return call

    def todos(self, items: list[tuple[str, str]], was: list[tuple[str, str]]) -> Call:
        """Write the todo list (until 2.1.15)."""
        old_style = not self.client.since("1.0.100")

        def listed(entries: list[tuple[str, str]]) -> list[Json]:
            if old_style:
                return [
                    {
                        "id": str(n),
                        "content": text,
                        "status": state,
                        "priority": "high" if n == 1 else "medium",
                    }
                    for n, (text, state) in enumerate(entries, 1)
                ]
            return [
                {"content": text, "status": state, "activeForm": f"Working on: {text[0].lower()}{text[1:]}"}
                for text, state in entries
            ]

        text = (
            "Todos have been modified successfully. Ensure that you continue to use the todo list to track your "
            "progress. Please proceed with the current tasks if applicable"
        )
        given = listed(items)
        name = f"todos/{self.session.id}-agent-{self.session.id}.json"
        self.session.world.files[name] = json.dumps(given, indent=2).encode()
        return Call("TodoWrite", {"todos": given}, text, {"oldTodos": listed(was), "newTodos": given}, 0.02)

    def task_new(self, subject: str, description: str) -> Call:
        """Create a task."""
        number = str(len(self.session.tasks) + 1)
        self.session.tasks[number] = {
            "id": number,
            "subject": subject,
            "description": description,
            "status": "pending",
            "blocks": [],
            "blockedBy": [],
        }
        given = {"subject": subject, "description": description, "activeForm": f"{subject} (in progress)"}
        text = f"Task #{number} created successfully: {subject}"
        return Call("TaskCreate", given, text, {"task": {"id": number, "subject": subject}}, 0.02)

    def task_set(self, number: int, status: str) -> Call:
        """Change a task's state."""
        task = self.session.tasks[str(number)]
        was, task["status"] = task["status"], status
        result = {
            "success": True,
            "taskId": str(number),
            "updatedFields": ["status"],
            "statusChange": {"from": was, "to": status},
        }
        given = {"taskId": str(number), "status": status}
        return Call("TaskUpdate", given, f"Updated task #{number} status", result, 0.02)

    def task_list(self) -> Call:
        """List the tasks."""
        shown = [
            {"id": t["id"], "subject": t["subject"], "status": t["status"], "blockedBy": []}
            for t in self.session.tasks.values()
        ]
        text = "\n".join(f"#{t['id']} [{t['status']}] {t['subject']}" for t in shown)
        return Call("TaskList", {}, text, {"tasks": shown}, 0.02)

    def search_web(self, query: str, hits: list[tuple[str, str]], extract: str) -> Call:
        """Search the web."""
        seconds = 4.0 + self.dice.number(0, 5000) / 1000
        listed = [{"title": title, "url": url} for title, url in hits]
        inner = "srvtoolu_01" + self.dice.text(22)
        result: Json = {"query": query, "results": [{"tool_use_id": inner, "content": listed}, extract]}
        result["durationSeconds"] = seconds
        if self.client.since("2.1.141"):
            result["searchCount"] = 1
        links = json.dumps(listed)
        text = f'Web search results for query: "{query}"\n\nLinks: {links}\n\n{extract}'
        self.session.searched(self.model)
        return Call("WebSearch", {"query": query}, text, result, seconds)

    def fetch(self, url: str, ask: str, answer: str, size: int, code: int = 200, word: str = "OK") -> Call:
        """Fetch a page."""
        took = self.dice.number(900, 6200)
        result = {
            "bytes": size,
            "code": code,
            "codeText": word,
            "result": answer,
            "durationMs": took,
            "url": url,
        }
        return Call("WebFetch", {"url": url, "prompt": ask}, answer, result, took / 1000)

    def ask(
        self,
        questions: list[tuple[str, str, list[tuple[str, str]]]],
        answers: list[str],
        seconds: float = 31.0,
    ) -> Call:
        """Ask the person."""
        given = [
            {
                "question": question,
                "header": header,
                "multiSelect": False,
                "options": [{"label": label, "description": text} for label, text in options],
            }
            for question, header, options in questions
        ]
        said = {entry["question"]: answer for entry, answer in zip(given, answers, strict=True)}
        words = ", ".join(f'"{question}"="{answer}"' for question, answer in said.items())
        text = f"User has answered your questions: {words}. You can now continue with the user's answers in mind."
        result: Json = {"questions": given, "answers": said}
        if self.client.since("2.1.76"):
            result["annotations"] = {}
        return Call("AskUserQuestion", {"questions": given}, text, result, seconds)

    def plan(self, text: str, file: str, *, approve: bool, words: str = "", seconds: float = 40.0) -> Call:
        """Propose a plan."""
        given: Json = {"plan": text}
        path = f"{CLAUDE}/plans/{file}.md"
        if self.client.since("2.1.39"):
            given["planFilePath"] = path
        if self.client.since("2.0.50"):
            self.session.world.files[f"plans/{file}.md"] = text.encode()
        call = Call("ExitPlanMode", given, seconds=seconds)
        if not approve:
            return self.rejected(call, words, seconds)
        call.content = "User has approved your plan. You can now start coding. Start with updating your todo list if applicable"
        call.result = {"plan": text, "isAgent": False}
        if self.client.since("2.1.39"):
            call.content += f"\n\nYour plan has been saved to: {path}\n\n## Approved Plan:\n{text}"
            call.result["filePath"] = path
        return call

    def skill(self, name: str, folder: str, body: str, arguments: str = "", plugin: str = "") -> Call:
        """Use a skill: the launch, its body, and from then on the attribution of responses."""

        def load(thread: Thread, call: Call) -> None:
            text = f"Base directory for this skill: {folder}\n\n{body}"
            if arguments:
                text += f"\n\nARGUMENTS: {arguments}"
            extra: Json = {"isMeta": True}
            if self.client.since("2.1.97"):
                extra["sourceToolUseID"] = call.tool_id
            thread.user([{"type": "text", "text": text}], weight=text, **extra)
            if self.client.since("2.1.97"):
                thread.attach("command_permissions", allowedTools=["Bash(git log:*)"])
            if self.client.since("2.1.180"):
                thread.attribution = {"attributionSkill": name} | (
                    {"attributionPlugin": plugin} if plugin else {}
                )

        given: Json = {"skill": name}
        if arguments:
            given["args"] = arguments
        result = {"success": True, "commandName": name}
        return Call("Skill", given, f"Launching skill: {name}", result, 0.1, after=load)

    def mcp(
        self, server: str, tool: str, given: Json, answer: str, *, seconds: float = 0.6, fail: bool = False
    ) -> Call:
        """Call a tool of an MCP server."""
        name = f"mcp__{server}__{tool}"
        if fail:
            return Call(name, given, answer, f"Error: {answer}", seconds, is_error=True)
        blocks = [{"type": "text", "text": answer}]
        extra: Json = {}
        if self.client.since("2.1.200") and answer.startswith("{"):
            extra["mcpMeta"] = {"structuredContent": json.loads(answer)}
        return Call(name, given, blocks, blocks, seconds, extra=extra)

    def find_tools(self, query: str, names: list[str], among: int) -> Call:
        """Load deferred tools."""
        content = [{"type": "tool_reference", "tool_name": name} for name in names]
        result = {"matches": names, "query": query, "total_deferred_tools": among}
        return Call("ToolSearch", {"query": query, "max_results": len(names)}, content, result, 0.04)

    # --------------------------------------------------------------- subagents

    def agent(
        self,
        what: str,
        prompt: str,
        kind: str,
        work: Callable[[Thread], str],
        *,
        model: str = "",
        background: bool = False,
        alias: str = "",
        inside: str = "",
    ) -> Call:
        """Give work to a subagent; `work` plays it and returns its report."""
        client = self.client
        given: Json = {"description": what, "prompt": prompt, "subagent_type": kind}
        if alias:
            given["model"] = alias
        if background:
            given["run_in_background"] = True
        elif client.since("2.1.198"):
            given["run_in_background"] = False
        call = Call(client.agent_tool, given)

        def run(main: Thread, call: Call) -> None:
            started = main.clock.now
            agent_id = ""
            if client.agent_id_digits:
                agent_id = "a" + main.dice.hexa(client.agent_id_digits - 1)
                if client.agent_id_digits == len("12345678"):
                    agent_id = main.dice.hexa(client.agent_id_digits)
            side = Thread(main.session, agent_id, base=round(client.base_tokens * 0.55))
            side.model = model or main.model
            side.prompt_id = main.prompt_id
            side.started = True
            if client.since("2.1.200"):
                side.attribution = {"attributionAgent": kind}
            if client.agents == "inline":
                side.lines = main.lines
            if client.since("2.1.0") and not client.since("2.1.85") and main.session.show_progress:
                side.progress_of = (main, call.tool_id, prompt)
            side.turn_started = started
            side.line("user", {"message": {"role": "user", "content": prompt}})
            side.enters(prompt)
            report = work(side)
            lasted = round((main.clock.now - started) / timedelta(milliseconds=1))
            main.session.keep_agent(side, inside)
            if client.since("2.1.20") and client.agents != "inline":
                meta: Json = {"agentType": kind}
                if client.since("2.1.200"):
                    meta |= {"description": what, "toolUseId": call.tool_id, "spawnDepth": 1}
                    meta["requestShape"] = "background" if background else "foreground"
                    if alias:
                        meta["model"] = alias
                main.session.keep_meta(side, meta, inside)
            texts = [{"type": "text", "text": report}]
            used = side.last_usage
            used_total = sum(
                used.get(key, 0)
                for key in (
                    "input_tokens",
                    "cache_creation_input_tokens",
                    "cache_read_input_tokens",
                    "output_tokens",
                )
            )
            if background:
                main.clock.now = started
                main.clock.wait(0.2)
                output = f"/tmp/claude-1000/{main.project.slug}/{main.session.id}/tasks/{agent_id}.output"
                call.content = [
                    {
                        "type": "text",
                        "text": "Async agent launched successfully. (This tool result is internal metadata — never quote "
                        f"it to the user.)\nagentId: {agent_id}\nThe agent is working in the background. You will be "
                        f"notified automatically when it completes.\noutput_file: {output}",
                    }
                ]
                call.result = {
                    "isAsync": True,
                    "status": "async_launched",
                    "agentId": agent_id,
                    "description": what,
                    "prompt": prompt,
                    "outputFile": output,
                }
                if client.since("2.1.174"):
                    call.result["resolvedModel"] = side.model
                main.session.waiting.append(
                    Notice(
                        started + timedelta(milliseconds=lasted),
                        agent_id,
                        call.tool_id,
                        output,
                        what,
                        report,
                        used_total,
                        side.calls,
                        lasted,
                    )
                )
                return
            call.content = list(texts)
            if client.since("2.0.60"):
                tail = f"agentId: {agent_id} (for resuming to continue this agent's work if needed)"
                if client.since("2.1.97"):
                    tail += f"\n<usage>total_tokens: {used_total}\ntool_uses: {side.calls}\nduration_ms: {lasted}</usage>"
                call.content.append({"type": "text", "text": tail})
            result: Json = {"status": "completed", "prompt": prompt}
            if agent_id:
                result["agentId"] = agent_id
            if client.since("2.1.97"):
                result["agentType"] = kind
            if client.agents == "inline":
                result = {}
            result["content"] = texts
            if client.since("2.1.174"):
                result["resolvedModel"] = side.model
            result |= {
                "totalDurationMs": lasted,
                "totalTokens": used_total,
                "totalToolUseCount": side.calls,
                "usage": used,
            }
            if client.since("2.1.97"):
                result["toolStats"] = {
                    "readCount": _uses(side, "Read"),
                    "searchCount": _uses(side, "Grep") + _uses(side, "Glob"),
                    "bashCount": _uses(side, "Bash"),
                    "editFileCount": _uses(side, "Edit") + _uses(side, "Write"),
                    "linesAdded": side.edits[0],
                    "linesRemoved": side.edits[1],
                    "otherToolCount": 0,
                }
            call.result = result

        call.before = run
        return call

    def notice(self, item: Notice, *, queued: bool = False, status: str = "completed") -> None:
        """Tell the main thread that a background task ended: as a turn of its own, or in the middle of one."""
        self.clock.now = max(self.clock.now, item.at)
        usage = (
            f"\n<usage><subagent_tokens>{item.tokens}</subagent_tokens><tool_uses>{item.tools}</tool_uses>"
            f"<duration_ms>{item.lasted}</duration_ms></usage>"
            if item.tokens
            else ""
        )
        result = f"\n<result>{item.report}</result>" if item.report else ""
        summary = item.summary or f'Agent "{item.what}" {status}'
        text = (
            f"<task-notification>\n<task-id>{item.task}</task-id>\n<tool-use-id>{item.tool_id}</tool-use-id>\n"
            f"<output-file>{item.output}</output-file>\n<status>{status}</status>\n"
            f"<summary>{summary}</summary>{result}{usage}\n</task-notification>"
        )
        stamp = self.clock.stamp()
        self.state(
            "queue-operation", operation="enqueue", timestamp=stamp, sessionId=self.session.id, content=text
        )
        if queued:
            self.clock.wait(0.4)
            self.state(
                "queue-operation", operation="remove", timestamp=self.clock.stamp(), sessionId=self.session.id
            )
            self.attach(
                "queued_command", weight=text, prompt=text, commandMode="task-notification", timestamp=stamp
            )
            return
        self.clock.wait(0.02)
        self.state(
            "queue-operation", operation="dequeue", timestamp=self.clock.stamp(), sessionId=self.session.id
        )
        self.prompt_id = self.dice.uuid()
        self.turn_started = self.clock.now
        after: Json = {"permissionMode": self.mode} if self.client.since("2.1.200") else {}
        if self.client.since("2.1.180"):
            after |= {"origin": {"kind": "task-notification"}, "promptSource": "system"}
        if self.client.since("2.1.278"):
            after["turnOrigin"] = "task_notification"
        self.line("user", {"message": {"role": "user", "content": text}}, after)
        self.enters(text)

    def queue(self, text: str) -> None:
        """The person types while the agent works; the text goes in with the next request."""
        stamp = self.clock.stamp()
        self.state(
            "queue-operation", operation="enqueue", timestamp=stamp, sessionId=self.session.id, content=text
        )
        self.clock.wait(1.1)
        self.state(
            "queue-operation", operation="remove", timestamp=self.clock.stamp(), sessionId=self.session.id
        )
        self.attach(
            "queued_command",
            weight=text,
            prompt=text,
            commandMode="prompt",
            origin={"kind": "human"},
            timestamp=stamp,
        )
        self.session.note_history(text)

    def interrupt(self, *, tool: bool = False, message: str = "") -> None:
        """The person presses Esc."""
        text = "[Request interrupted by user for tool use]" if tool else "[Request interrupted by user]"
        extra: Json = {}
        if message and self.client.since("2.1.200"):
            extra["interruptedMessageId"] = message
        self.user([{"type": "text", "text": text}], weight=text, **extra)

    def command(self, name: str, arguments: str, out: str) -> None:
        """A built-in slash command and its output; no request is sent."""
        tags = f"<command-name>/{name}</command-name>\n            <command-message>{name}</command-message>"
        tags += f"\n            <command-args>{arguments}</command-args>"
        shown = f"<local-command-stdout>{out}</local-command-stdout>"
        if self.client.since("2.1.97"):
            caveat = (
                "<local-command-caveat>Caveat: The messages below were generated by the user while running local commands. "
                "DO NOT respond to these messages or otherwise consider them in your response unless the user explicitly "
                "asks you to.</local-command-caveat>"
            )
            self.user(caveat, isMeta=True)
            self.user(tags)
            self.system("local_command", {"isMeta": False}, content=shown, level="info")
            self.enters(shown)
        else:
            caveat = (
                "Caveat: The messages below were generated by the user while running local commands. DO NOT respond to "
                "these messages or otherwise consider them in your response unless the user explicitly asks you to."
            )
            self.user(caveat, isMeta=True)
            self.user(tags)
            self.user(shown)
        self.session.note_history(f"/{name} {arguments}".strip())

    def compact(self, summary: str, trigger: str, *, keep: list[str] | None = None) -> None:
        """Compact the conversation."""
        was = self.base + self.history
        took = self.dice.number(38_000, 96_000)
        self.clock.wait(took / 1000)
        metadata: Json = {"trigger": trigger, "preTokens": was}
        text = (
            "This session is being continued from a previous conversation that ran out of context. The summary below "
            f"covers the earlier portion of the conversation.\n\n{summary}\n\nPlease continue the conversation from where "
            "we left it off without asking the user any further questions."
        )
        left = tokens_of(text, self.model)
        if self.client.since("2.1.200"):
            metadata |= {
                "postTokens": left,
                "cumulativeDroppedTokens": was - self.base - left,
                "durationMs": took,
                "preCompactDiscoveredTools": [],
            }
        fields: Json = {"content": "Conversation compacted", "isMeta": False, "level": "info"}
        logical = self.parent
        self.parent = None
        self.line(
            "system",
            {"logicalParentUuid": logical, "subtype": "compact_boundary"}
            | fields
            | {"compactMetadata": metadata},
        )
        self.history = 0
        self.cached.clear()
        self.line(
            "user",
            {
                "message": {"role": "user", "content": text},
                "isVisibleInTranscriptOnly": True,
                "isCompactSummary": True,
            },
        )
        self.enters(text)
        for path in keep or []:
            full = self.project.full(path)
            self.attach("compact_file_reference", weight=full, filename=full, displayPath=path)
        side = Usage(read=was - 400, write_5m=400, output=left, fresh=3)
        side.cost = cost_of(side, self.model, self.clock.now) or 0.0
        self.session.bill(self.model, side, told=False)

    def progress(self, call: Call, **data: Any) -> None:
        """Write a progress line of a running tool (2.1.0 to 2.1.85)."""
        uuid = self.dice.uuid()
        self.lines.append(
            {"parentUuid": self.parent, "isSidechain": False}
            | self.tail_of_envelope()
            | {"type": "progress", "data": data}
            | {"toolUseID": f"bash-progress-{self.dice.number(0, 9)}", "parentToolUseID": call.tool_id}
            | {"uuid": uuid, "timestamp": self.clock.stamp()}
        )
        self.parent = uuid

    def microcompact(self, calls: list[Call]) -> None:
        """Clear old tool results from the context."""
        saved = sum(
            tokens_of(
                call.content if isinstance(call.content, str) else dump({"c": call.content}), self.model
            )
            for call in calls
        )
        metadata = {
            "trigger": "auto",
            "preTokens": self.base + self.history,
            "tokensSaved": saved,
            "compactedToolIds": [call.tool_id for call in calls],
            "clearedAttachmentUUIDs": [],
        }
        self.system(
            "microcompact_boundary",
            {"microcompactMetadata": metadata},
            content="Context microcompacted",
            isMeta=False,
            level="info",
        )
        self.history -= saved
        self.cached = {self.model: self.base}

    def retry(self, status: int, message: str, attempt: int) -> None:
        """A request fails and is tried again."""
        error: Json = {
            "status": status,
            "error": {"type": "error", "error": {"type": message, "message": message}},
        }
        if self.client.since("2.1.200"):
            error = {
                "message": f"{status} {message}",
                "status": status,
                "requestId": self.dice.request_id(),
                "formatted": f"API Error: {status} {message}",
                "isNetworkDown": False,
            }
        delay = 530 * 2 ** (attempt - 1) + self.dice.number(0, 99999) / 1000
        self.system(
            "api_error",
            level="error",
            error=error,
            retryInMs=delay,
            retryAttempt=attempt,
            maxRetries=10,
        )
        self.clock.wait(delay / 1000)

    def synthetic(self, text: str, **extra: Any) -> None:
        """A text that the client puts in the place of an answer."""
        message: Json = {
            "id": self.dice.uuid(),
            "container": None,
            "model": "<synthetic>",
            "role": "assistant",
            "stop_reason": "stop_sequence",
            "stop_sequence": "",
            "type": "message",
            "usage": {
                "input_tokens": 0,
                "output_tokens": 0,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
                "service_tier": None,
                "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            },
            "content": [{"type": "text", "text": text}],
        }
        self.line("assistant", {"message": message}, extra)


def _weight(block: Json) -> str:
    if block["type"] == "text":
        return str(block["text"])
    if block["type"] == "tool_use":
        return str(block["name"]) + dump(block["input"])
    return ""


def _uses(thread: Thread, name: str) -> int:
    return sum(
        block.get("type") == "tool_use" and block.get("name") == name
        for line in thread.lines
        if line.get("type") == "assistant"
        for block in line["message"]["content"]
    )


@dataclass
class Notice:
    """A background task that will report."""

    at: datetime
    task: str
    tool_id: str
    output: str
    what: str
    report: str
    tokens: int = 0
    tools: int = 0
    lasted: int = 0
    summary: str = ""


class Session:
    """One session: its main thread, its subagents, and the state lines around them."""

    def __init__(
        self,
        world: World,
        client: Client,
        project: Project,
        start: str,
        model: str,
        title: str = "",
        *,
        name: str = "",
        session_id: str = "",
        cwd: str = "",
    ) -> None:
        self.world = world
        self.client = client
        self.project = project
        self.dice = Dice(f"{name or start} {project.name} {client.version}")
        self.clock = Clock(start)
        self.began = self.clock.now
        self.model = model
        self.title = title
        self.id = session_id or self.dice.uuid()
        self.cwd = cwd or project.path
        self.entrypoint = "cli"
        self.slug = "-".join(self.dice.pick(words) for words in NICKNAMES) if client.since("2.0.50") else ""
        self.kind = ""
        self.mixed = False
        self.gateway = False
        self.show_progress = True
        self.unknown_model = False
        self.stop_hook = f"{HOME}/.claude/hooks/on-stop.sh"
        self.tools_used: set[str] = set()
        self.tasks: dict[str, Json] = {}
        self.backups: dict[str, int] = {}
        self.waiting: list[Notice] = []
        self.models: dict[str, Usage] = {}
        self.lines_changed = [0, 0]
        self.attachments: Callable[[Thread], None] | None = None
        self.leftover: dict[str, Thread] = {}
        self.main: Thread | None = None
        self.main = Thread(self)
        self.main.side = False
        world.count(self.clock.now, 1)

    @property
    def thread(self) -> Thread:
        """The main thread."""
        assert self.main is not None
        return self.main

    def open(self) -> None:
        """Write what stands at the head of the file."""
        main = self.thread
        if main.lines:
            return
        if self.client.since("2.1.150"):
            main.state("mode", mode="normal", sessionId=self.id)
            main.state("permission-mode", permissionMode=main.mode, sessionId=self.id)
        if self.client.since("2.1.290"):
            main.state("atis-latch", atis="", sessionId=self.id)

    def start_hook(self, words: str) -> None:
        """A SessionStart hook adds a text to the context."""
        main = self.thread
        self.open()
        self.clock.wait(0.4)
        main.started = True
        tool = self.dice.uuid()
        command = f"{HOME}/.claude/hooks/on-start.sh"
        if not self.client.new_order:
            main.lines.append(
                {"parentUuid": None, "isSidechain": False}
                | main.tail_of_envelope()
                | {
                    "type": "progress",
                    "data": {
                        "type": "hook_progress",
                        "hookEvent": "SessionStart",
                        "hookName": "SessionStart:startup",
                        "command": command,
                    },
                }
                | {
                    "parentToolUseID": tool,
                    "toolUseID": tool,
                    "timestamp": self.clock.stamp(),
                    "uuid": self.dice.uuid(),
                }
            )
            main.parent = main.lines[-1]["uuid"]
            main.enters(words)
            return
        out = dump({"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": words}})
        main.attach(
            "hook_success",
            hookName="SessionStart:startup",
            toolUseID=tool,
            hookEvent="SessionStart",
            content="",
            stdout=out + "\n",
            stderr="",
            exitCode=0,
            command=command,
            durationMs=self.dice.number(40, 260),
        )
        main.attach(
            "hook_additional_context",
            weight=words,
            content=[words],
            hookName="SessionStart",
            toolUseID="SessionStart",
            hookEvent="SessionStart",
        )

    def first_attachments(self) -> None:
        """Write what newer clients attach to the first prompt."""
        if self.attachments is not None:
            self.attachments(self.thread)

    def note_history(self, text: str) -> None:
        """Remember a typed prompt in history.jsonl."""
        entry: Json = {
            "display": text[:300],
            "pastedContents": {},
            "timestamp": int(self.clock.now.timestamp() * 1000),
            "project": self.project.path,
        }
        if self.client.since("2.0.0"):
            entry["sessionId"] = self.id
        self.world.history.append((self.clock.now, entry))
        hour = str(self.clock.now.hour)
        self.world.hours[hour] = self.world.hours.get(hour, 0) + 1

    def bill(self, model: str, usage: Usage, *, told: bool = True) -> None:
        """Add a response to the session's totals."""
        self.models.setdefault(model, Usage()).add(usage)
        if told:
            day = self.world.totals.setdefault(self.clock.now.strftime("%Y-%m-%d"), {})
            day.setdefault(model, Usage()).add(usage)

    def searched(self, model: str) -> None:
        """Count a web search of the hidden side request."""
        self.models.setdefault(model, Usage()).searches += 1

    def keep_agent(self, side: Thread, inside: str = "") -> None:
        """Write a subagent's file."""
        if self.client.agents == "inline":
            return
        self.world.files[self._agent_path(side, inside, ".jsonl")] = _body(side.lines)

    def keep_meta(self, side: Thread, meta: Json, inside: str = "") -> None:
        """Write a subagent's description."""
        self.world.files[self._agent_path(side, inside, ".meta.json")] = dump(meta).encode()

    def _agent_path(self, side: Thread, inside: str, ending: str) -> str:
        folder = f"projects/{self.project.slug}"
        if self.client.agents == "folder":
            folder += f"/{self.id}/subagents" + (f"/{inside}" if inside else "")
        return f"{folder}/agent-{side.agent_id}{ending}"

    def close_turn(self) -> None:
        """Write the state lines that follow a turn."""
        main = self.thread
        if self.client.since("2.1.150"):
            shown = main.last_prompt if len(main.last_prompt) <= 200 else main.last_prompt[:199] + "…"
            main.state("last-prompt", lastPrompt=shown, leafUuid=main.parent, sessionId=self.id)
            if self.title:
                main.state("ai-title", aiTitle=self.title, sessionId=self.id)
            main.state("mode", mode="normal", sessionId=self.id)
            main.state("permission-mode", permissionMode=main.mode, sessionId=self.id)
        if self.client.since("2.1.250"):
            self.cost_state()

    def cost_state(self) -> None:
        """Write the client's own totals: they hold a title request that no transcript shows."""
        main = self.thread
        helper = "claude-haiku-5-5" if self.began >= SONNET_5_5_CUT else "claude-haiku-4-5-20251001"
        if helper not in self.models or not self.models[helper].fresh:
            side = Usage(fresh=410, output=24)
            side.cost = cost_of(side, helper, self.clock.now) or 0.0
            self.bill(helper, side, told=False)
        per_model: Json = {}
        for model, usage in self.models.items():
            per_model[model] = {
                "inputTokens": usage.fresh,
                "outputTokens": usage.output,
                "thinkingTokens": usage.thinking,
                "cacheReadInputTokens": usage.read,
                "cacheCreationInputTokens": usage.write_5m + usage.write_1h,
                "cacheCreationEphemeral5mInputTokens": usage.write_5m,
                "cacheCreationEphemeral1hInputTokens": usage.write_1h,
                "webSearchRequests": usage.searches,
                "costUSD": round(usage.cost + usage.searches * 0.01, 9),
            }
        lasted = round((self.clock.now - self.began) / timedelta(milliseconds=1))
        talked = round(lasted * 0.41)
        main.state(
            "cost-state",
            sessionId=self.id,
            totalCostUSD=round(sum(m["costUSD"] for m in per_model.values()), 9),
            totalAPIDuration=talked,
            totalAPIDurationWithoutRetries=round(talked * 0.97),
            totalToolDuration=round(lasted * 0.13),
            totalLinesAdded=self.lines_changed[0],
            totalLinesRemoved=self.lines_changed[1],
            totalDuration=lasted,
            startTime=int(self.began.timestamp() * 1000),
            modelUsage=per_model,
            hasUnknownModelCost=self.unknown_model,
        )

    def save(self, *, torn: bool = False, glued: bool = False) -> None:
        """Write the main file, and the task list if there is one."""
        body = _body(self.thread.lines)
        if torn:
            lines = body.rstrip(b"\n").split(b"\n")
            lines[-1] = lines[-1][: len(lines[-1]) * 2 // 3]
            while lines[-1][-1] >= 0x80:
                lines[-1] = lines[-1][:-1]
            body = b"\n".join(lines)
        if glued:
            lines = body.split(b"\n")
            at = len(lines) // 2
            lines[at : at + 2] = [lines[at] + lines[at + 1]]
            body = b"\n".join(lines)
        self.world.files[f"projects/{self.project.slug}/{self.id}.jsonl"] = body
        for number, task in self.tasks.items():
            self.world.files[f"tasks/{self.id}/{number}.json"] = json.dumps(task, indent=2).encode()

    def inherit(self, other: Session, mark: Mark | None = None, *, fork: bool = False) -> None:
        """Begin with a copy of another session's lines, as resume (until 2.0.x) and fork do."""
        main = self.thread
        source = mark or other.thread.mark()
        for line in other.thread.lines[: source.count]:
            new = copy.deepcopy(line)
            if "uuid" not in new and new.get("type") != "file-history-snapshot":
                continue
            if "sessionId" in new:
                new["sessionId"] = self.id
            if fork and "uuid" in new:
                new["forkedFrom"] = {"sessionId": other.id, "messageUuid": new["uuid"]}
            main.lines.append(new)
        stamped = [line for line in main.lines if "uuid" in line and not line.get("isSidechain")]
        main.parent = stamped[-1]["uuid"]
        main.history, main.turns = source.history, source.turns
        main.cached, main.called = dict(source.cached), dict(source.called)
        main.started = True


def _body(lines: list[Json]) -> bytes:
    return "".join(dump(line) + "\n" for line in lines).encode()


NICKNAMES = (
    ("quiet", "amber", "brisk", "mellow", "crisp", "lunar", "sunny", "velvet", "woolly", "gentle"),
    ("humming", "drifting", "baking", "folding", "sailing", "counting", "mapping", "tuning"),
    ("river", "lantern", "meadow", "pebble", "compass", "harbor", "maple", "otter", "kettle"),
)
__all__ = ["CLAUDE", "HOME", "Call", "Notice", "Project", "Session", "Thread", "World", "dump", "iso"]
