"""The client that records: what it writes for each way to call the API, and that the caller notices nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pydantic
import pytest
from conftest import PROJECT, clean_environment
from fake_messages import ANSWER, USAGE, FakeMessages

from agent_store import AsyncInstrumentedClient, InstrumentedClient
from agent_store.record import spool
from agent_store.record.sdk import Recorder

MODEL = "claude-opus-5-5"
Record = dict[str, Any]


class City(pydantic.BaseModel):
    """What `parse` makes of an answer."""

    city: str


@anthropic.beta_tool
def add(a: int, b: int) -> str:
    """Add two numbers.

    Args:
        a: one
        b: another
    """
    return str(a + b)


@anthropic.beta_async_tool
async def add_async(a: int, b: int) -> str:
    """Add two numbers.

    Args:
        a: one
        b: another
    """
    return str(a + b)


add_async.name = "add"


@pytest.fixture(scope="module")
def api() -> Iterator[FakeMessages]:
    with FakeMessages() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home that is recorded to unless told otherwise; no credentials of the user."""
    for name in list(os.environ):
        if name.startswith("ANTHROPIC_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def lines(home: Path) -> list[Record]:
    """What has been spooled, in order."""
    files = sorted((home / "spool").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def calls(home: Path) -> list[Record]:
    """What has been spooled of calls: the fields, and beside them those that are kept as metadata."""
    payloads = [line["payload"] for line in lines(home) if line["kind"] == "api_call"]
    return [payload.pop("metadata", {}) | payload for payload in payloads]


def asked(text: str = "hello") -> Record:
    """The arguments of a call."""
    return {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": text}]}


def options(api: FakeMessages) -> Record:
    """The arguments of a client."""
    return {"api_key": "sk-secret", "base_url": api.url, "max_retries": 2}


# --- every way to call, and what is recorded of it: the same for both clients

SyncCase = Callable[[anthropic.Anthropic], object]
AsyncCase = Callable[[anthropic.AsyncAnthropic], Awaitable[object]]


def read_stream(client: anthropic.Anthropic, text: str = "hello") -> object:
    return list(client.messages.create(stream=True, **asked(text)))


async def read_stream_async(client: anthropic.AsyncAnthropic, text: str = "hello") -> object:
    return [event async for event in await client.messages.create(stream=True, **asked(text))]


def final_text(client: anthropic.Anthropic) -> object:
    with client.messages.stream(**asked()) as stream:
        return stream.get_final_text()


async def final_text_async(client: anthropic.AsyncAnthropic) -> object:
    async with client.messages.stream(**asked()) as stream:
        return await stream.get_final_text()


def leave_early(client: anthropic.Anthropic) -> object:
    with client.messages.stream(**asked("slowly")) as stream:
        return [event for event, _ in zip(stream, range(4), strict=False)]


async def leave_early_async(client: anthropic.AsyncAnthropic) -> None:
    async with client.messages.stream(**asked("slowly")) as stream:
        async for event in stream:
            if event.type == "text":
                return


def read_raw(client: anthropic.Anthropic) -> object:
    return client.messages.with_raw_response.create(**asked()).parse()


async def read_raw_async(client: anthropic.AsyncAnthropic) -> object:
    return await (await client.messages.with_raw_response.create(**asked())).parse()


def read_portions(client: anthropic.Anthropic) -> bytes:
    with client.messages.with_streaming_response.create(**asked()) as response:
        return b"".join(response.iter_bytes(7))


async def read_portions_async(client: anthropic.AsyncAnthropic) -> bytes:
    async with client.messages.with_streaming_response.create(**asked()) as response:
        return b"".join([portion async for portion in response.iter_bytes(7)])


def run_tools(client: anthropic.Anthropic) -> object:
    return client.beta.messages.tool_runner(tools=[add], **asked("tool")).until_done()


async def run_tools_async(client: anthropic.AsyncAnthropic) -> object:
    return await client.beta.messages.tool_runner(tools=[add_async], **asked("tool")).until_done()


def run_tools_streaming(client: anthropic.Anthropic) -> object:
    return [
        list(stream) for stream in client.beta.messages.tool_runner(tools=[add], stream=True, **asked("tool"))
    ]


async def run_tools_streaming_async(client: anthropic.AsyncAnthropic) -> None:
    async for stream in client.beta.messages.tool_runner(tools=[add_async], stream=True, **asked("tool")):
        async for _ in stream:
            pass


async def list_models_async(client: anthropic.AsyncAnthropic) -> object:
    return await client.models.list()


PLAIN = {
    "status": 200,
    "api": "messages",
    "stop_reason": "end_turn",
    "usage": USAGE,
    "attempt": 1,
    "is_stream": False,
}
STREAM = {**PLAIN, "is_stream": True}
BEGUN = {key: value for key, value in USAGE.items() if key != "iterations"} | {"output_tokens": 1}
BROKEN = {**STREAM, "stop_reason": None, "usage": BEGUN}
BETA = {**PLAIN, "api": "beta"}
REFUSED = {
    "status": 400,
    "error_type": "invalid_request_error",
    "error": "max_tokens: too many",
    "usage": None,
}
BUSY = {"status": 529, "error_type": "overloaded_error", "usage": None, "message_id": None}
UNREACHED = {"status": None, "error_type": "APIConnectionError", "error": "Connection error.", "usage": None}
LATE = {"status": None, "error_type": "APITimeoutError", "usage": None}

CASES: dict[str, tuple[SyncCase, AsyncCase, type[BaseException] | None, list[Record]]] = {
    "create": (
        lambda client: client.messages.create(**asked()),
        lambda client: client.messages.create(**asked()),
        None, [PLAIN],
    ),
    "create, compressed": (
        lambda client: client.messages.create(**asked("zipped")),
        lambda client: client.messages.create(**asked("zipped")),
        None, [PLAIN],
    ),
    "stream": (read_stream, read_stream_async, None, [STREAM]),
    "stream, compressed": (
        lambda client: read_stream(client, "zipped"),
        lambda client: read_stream_async(client, "zipped"),
        None, [STREAM],
    ),
    "stream helper": (final_text, final_text_async, None, [STREAM]),
    "stream left early": (leave_early, leave_early_async, None, [{**BROKEN, "interrupted": "closed"}]),
    "stream that is cut": (
        lambda client: read_stream(client, "cut"),
        lambda client: read_stream_async(client, "cut"),
        Exception, [{**BROKEN, "interrupted": "RemoteProtocolError", "error_type": "RemoteProtocolError"}],
    ),
    "stream that ends too early": (
        lambda client: read_stream(client, "cut politely"),
        lambda client: read_stream_async(client, "cut politely"),
        None, [{**BROKEN, "interrupted": "cut"}],
    ),
    "stream with an error": (
        lambda client: read_stream(client, "failing"),
        lambda client: read_stream_async(client, "failing"),
        anthropic.APIStatusError,
        [{**BROKEN, "interrupted": "error", "error_type": "overloaded_error", "error": "Overloaded"}],
    ),
    "raw response": (read_raw, read_raw_async, None, [PLAIN]),
    "streaming response": (read_portions, read_portions_async, None, [PLAIN]),
    "beta": (
        lambda client: client.beta.messages.create(**asked()),
        lambda client: client.beta.messages.create(**asked()),
        None, [BETA],
    ),
    "parse": (
        lambda client: client.messages.parse(output_format=City, **asked("json")),
        lambda client: client.messages.parse(output_format=City, **asked("json")),
        None, [PLAIN],
    ),
    "tools": (run_tools, run_tools_async, None, [{**BETA, "stop_reason": "tool_use"}, BETA]),
    "tools, streaming": (
        run_tools_streaming, run_tools_streaming_async,
        None, [{**BETA, "stop_reason": "tool_use", "is_stream": True}, {**BETA, "is_stream": True}],
    ),
    "count of tokens": (
        lambda client: client.messages.count_tokens(model=MODEL, messages=asked()["messages"]),
        lambda client: client.messages.count_tokens(model=MODEL, messages=asked()["messages"]),
        None, [{"api": "count_tokens", "status": 200, "counted_tokens": 42, "usage": None}],
    ),
    "refused": (
        lambda client: client.messages.create(**asked("invalid")),
        lambda client: client.messages.create(**asked("invalid")),
        anthropic.BadRequestError, [REFUSED],
    ),
    "refused stream": (
        lambda client: read_stream(client, "invalid"),
        lambda client: read_stream_async(client, "invalid"),
        anthropic.BadRequestError, [{**REFUSED, "is_stream": True}],
    ),
    "time-out": (
        lambda client: client.with_options(timeout=0.2, max_retries=1).messages.create(**asked("hang")),
        lambda client: client.with_options(timeout=0.2, max_retries=1).messages.create(**asked("hang")),
        anthropic.APITimeoutError, [{**LATE, "attempt": 1}, {**LATE, "attempt": 2}],
    ),
    "no server": (
        lambda client: client.with_options(base_url="http://127.0.0.1:9", max_retries=0).messages.create(**asked()),
        lambda client: client.with_options(base_url="http://127.0.0.1:9", max_retries=0).messages.create(**asked()),
        anthropic.APIConnectionError, [UNREACHED],
    ),
    "not of messages": (lambda client: client.models.list(), list_models_async, None, []),
}  # fmt: skip


def outcome(run: Callable[[], object]) -> tuple[type[BaseException] | None, object]:
    """What a caller gets."""
    try:
        return None, run()
    except Exception as error:
        return type(error), None


def stable(value: object) -> object:
    """What a caller gets, without the number of the answer."""
    if isinstance(value, list):
        return [stable(one) for one in value]
    if isinstance(value, pydantic.BaseModel):
        return json.loads(value.model_dump_json(exclude={"id": True, "message": {"id"}, "snapshot": True}))
    return value if isinstance(value, bytes) and b"msg_" not in value else type(value)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_each_attempt_is_recorded_once_and_the_caller_notices_nothing(
    api: FakeMessages, home: Path, name: str, *, is_async: bool
) -> None:
    sync_case, async_case, error, expected = CASES[name]

    def run(client_class: Any) -> tuple[type[BaseException] | None, object]:
        client = client_class(**options(api))
        return outcome(lambda: asyncio.run(async_case(client)) if is_async else sync_case(client))  # type: ignore[arg-type]

    plain = run(anthropic.AsyncAnthropic if is_async else anthropic.Anthropic)
    recorded = run(AsyncInstrumentedClient if is_async else InstrumentedClient)
    assert recorded[0] is plain[0]
    assert (plain[0] is None) if error is None else issubclass(plain[0] or object, error)
    assert stable(recorded[1]) == stable(plain[1])
    found = calls(home)
    assert [
        {key: call.get(key) for key in one} for call, one in zip(found, expected, strict=True)
    ] == expected
    for call in found:
        assert call["duration_ms"] >= call.get("first_token_ms", 0) >= 0
        assert call["model"] == MODEL
        assert call["call_id"]
        assert (call.get("request_id") or "").startswith("req_") == (call.get("status") is not None)
        assert ("message_id" in call) == ("usage" in call)
        assert ("first_token_ms" in call) == (call["is_stream"] and "message_id" in call)


@pytest.mark.parametrize("client_class", [InstrumentedClient, AsyncInstrumentedClient])
def test_attempts_of_one_call_share_its_id(api: FakeMessages, home: Path, client_class: Any) -> None:
    api.be_busy(2)
    client = client_class(**options(api))
    answer = client.messages.create(**asked("busy"))
    message = asyncio.run(answer) if asyncio.iscoroutine(answer) else answer
    assert message.content[0].text == ANSWER
    first, second, third = calls(home)
    for number, call in enumerate((first, second), 1):
        assert {key: call.get(key) for key in BUSY} == BUSY
        assert call["attempt"] == number
    assert (third["status"], third["attempt"], third["message_id"]) == (200, 3, message.id)
    assert first["call_id"] == second["call_id"] == third["call_id"]


def test_a_stream_that_is_refused_tells_why(api: FakeMessages, home: Path) -> None:
    api.be_busy(1)
    read_stream(InstrumentedClient(**options(api)), "busy")
    busy, answered = calls(home)
    assert (busy["error_type"], busy["status"]) == ("overloaded_error", 529)
    assert answered["usage"] == USAGE


def test_a_cancelled_task_is_recorded(api: FakeMessages, home: Path) -> None:
    async def run(text: str) -> None:
        client = AsyncInstrumentedClient(**options(api))
        task = asyncio.create_task(read_stream_async(client, text))
        await asyncio.sleep(0.15)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run("slowly"))
    asyncio.run(run("hang"))
    streaming, waiting = calls(home)
    assert (streaming["interrupted"], streaming["usage"], streaming["status"]) == ("cancelled", BEGUN, 200)
    assert (waiting["interrupted"], waiting.get("status"), waiting.get("error_type")) == (
        "cancelled",
        None,
        None,
    )


def test_a_stream_that_nobody_reads_is_recorded(api: FakeMessages, home: Path) -> None:
    client = InstrumentedClient(**options(api))
    stream = client.messages.create(stream=True, **asked())
    del stream
    gc.collect()
    assert [(call["interrupted"], call.get("usage")) for call in calls(home)] == [("closed", None)]


def test_many_calls_at_once_are_all_recorded(api: FakeMessages, home: Path) -> None:
    async def run() -> list[str]:
        client = AsyncInstrumentedClient(**options(api))
        messages = await asyncio.gather(*(client.messages.create(**asked()) for _ in range(20)))
        return [message.id for message in messages]

    assert sorted(asyncio.run(run())) == sorted(call["message_id"] for call in calls(home))


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_batch_is_read_from_its_results_once(api: FakeMessages, home: Path, *, is_async: bool) -> None:
    requests: Any = [{"custom_id": "c1", "params": asked()}]

    def run() -> list[str]:
        client = InstrumentedClient(**options(api))
        batch = client.messages.batches.create(requests=requests)
        return [one.custom_id for _ in range(2) for one in client.messages.batches.results(batch.id)]

    async def run_async() -> list[str]:
        client = AsyncInstrumentedClient(**options(api))
        batch = await client.messages.batches.create(requests=requests)
        return [
            one.custom_id for _ in range(2) async for one in await client.messages.batches.results(batch.id)
        ]

    assert (asyncio.run(run_async()) if is_async else run()) == ["c1", "c2", "c3", "c4"] * 2
    found = calls(home)
    assert {call["api"] for call in found} == {"batch"}
    results = [call for call in found if "custom_id" in call]
    assert [
        (one["custom_id"], one.get("message_id"), one.get("error_type"), one.get("usage")) for one in results
    ] == [
        ("c1", "msg_b1", None, {**USAGE, "service_tier": "batch"}),
        ("c2", "msg_b2", None, {**USAGE, "service_tier": "batch"}),
        ("c3", None, "invalid_request_error", None),
        ("c4", None, "expired", None),
    ]
    requests_made = [call for call in found if "custom_id" not in call]
    assert [call.get("processing_status") for call in requests_made] == [
        "in_progress",
        "ended",
        None,
        "ended",
        None,
    ]
    assert [call.get("result_count") for call in requests_made] == [None, None, 4, None, 4]
    assert {one["batch_id"] for one in found} == {"msgbatch_1"}
    assert not any("request_id" in one for one in results)


# --- copies of a client


def test_copies_record_once_and_to_the_same_place(api: FakeMessages, home: Path, tmp_path: Path) -> None:
    def passing(request: Any, call_next: Any) -> Any:
        return call_next(request)

    client = InstrumentedClient(store_path=tmp_path / "mine.duckdb", session_id="s1", **options(api))
    copies: list[Any] = [
        client.with_options(max_retries=0),
        client.copy(),
        client.with_middleware(passing),
        client.with_options(middleware=[*client.middleware, passing]),
        client.with_options(middleware=[passing]),
        client.with_options(middleware=None),
        client.with_options(timeout=5).with_options(max_retries=1),
    ]
    for one in copies:
        assert isinstance(one, InstrumentedClient)
        one.messages.create(**asked())
    assert len(calls(tmp_path / "mine.agent-store")) == len(copies)
    assert {line["session_id"] for line in lines(tmp_path / "mine.agent-store")} == {"s1"}
    assert not home.exists()


def test_what_another_middleware_sends_again_is_an_attempt_too(api: FakeMessages, home: Path) -> None:
    def twice(request: Any, call_next: Any) -> Any:
        call_next(request)
        return call_next(request)

    InstrumentedClient(**options(api)).with_middleware(twice).messages.create(**asked())
    assert len(calls(home)) == 2


def test_credentials_are_found_as_the_sdk_finds_them(
    api: FakeMessages, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("identity", encoding="utf-8")
    for name, value in (
        ("FEDERATION_RULE_ID", "r"),
        ("ORGANIZATION_ID", "o"),
        ("IDENTITY_TOKEN_FILE", str(token)),
    ):
        monkeypatch.setenv(f"ANTHROPIC_{name}", value)
    plain, recorded = anthropic.Anthropic(base_url=api.url), InstrumentedClient(base_url=api.url)
    assert type(recorded.credentials) is type(plain.credentials) is not type(None)
    assert recorded.with_options(max_retries=0).credentials is recorded.credentials
    provider = anthropic.StaticToken("t")
    given = InstrumentedClient(credentials=provider, base_url=api.url)
    given.with_options(max_retries=0).messages.create(**asked())
    assert [call["status"] for call in calls(home)] == [200]


def test_clients_of_other_classes_take_the_middleware(api: FakeMessages, home: Path) -> None:
    client = anthropic.AnthropicFoundry(api_key="k", base_url=api.url, middleware=[Recorder()])
    client.messages.create(**asked())
    client.with_options(max_retries=0).messages.create(**asked())
    assert [call["usage"] for call in calls(home)] == [USAGE, USAGE]


# --- what is kept, and where


def test_the_line_of_the_readme_runs_as_it_stands(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: FakeMessages
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
    client = InstrumentedClient(api_key=..., store_path="agent_state.duckdb")
    client.messages.create(**asked())
    local = tmp_path / "agent_state.agent-store"
    assert len(calls(local)) == 1
    assert local.stat().st_mode & 0o077 == 0
    assert not home.exists()


def test_text_is_recorded_only_where_it_is_asked_for(api: FakeMessages, home: Path) -> None:
    secret = "my secret question"
    client = InstrumentedClient(**options(api))
    client.messages.create(**asked(secret))
    read_stream(client, secret)
    for line in lines(home):
        assert secret not in json.dumps(line)
        assert "Paris" not in json.dumps(line)
    client = InstrumentedClient(record_content=True, agent_id="a1", **options(api))
    client.messages.create(**asked(secret))
    read_stream(client, secret)
    run_tools_streaming(client)
    *_, plain, stream, tool, last = calls(home)
    for call in (plain, stream):
        assert (call["prompt"], call["content"]) == (secret, [{"type": "text", "text": ANSWER}])
    assert tool["content"] == [
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1, "b": 2}}
    ]
    assert (tool["prompt"], last.get("prompt")) == ("tool", None)  # what follows is results of tools
    assert {call.get("agent_id") for call in calls(home)} == {None, "a1"}


def test_nothing_of_a_requests_headers_is_kept(api: FakeMessages, home: Path) -> None:
    client = InstrumentedClient(default_headers={"x-customer": "acme-corp"}, **options(api))
    client.messages.create(extra_headers={"x-trace": "trace-me"}, metadata={"user_id": "u-77"}, **asked())
    with pytest.raises(anthropic.APIStatusError):
        client.messages.create(**asked("invalid"))
    text = "".join(json.dumps(line) for line in lines(home))
    for secret in ("sk-secret", "acme-corp", "trace-me", "u-77"):
        assert secret not in text


def test_the_run_of_a_program_is_a_session(api: FakeMessages, home: Path) -> None:
    InstrumentedClient(**options(api)).messages.create(**asked())
    asyncio.run(AsyncInstrumentedClient(**options(api)).messages.create(**asked()))
    first, *others = lines(home)
    assert (first["kind"], first["payload"]["event"]) == ("session", "start")
    assert first["payload"]["working_dir"] == str(Path.cwd())
    assert [line["kind"] for line in others] == ["api_call", "api_call"]
    assert {line["session_id"] for line in (first, *others)} == {first["session_id"]}
    assert first["session_id"].startswith("sdk-")


def test_threads_and_forks_are_told_apart(api: FakeMessages, home: Path) -> None:
    client = InstrumentedClient(**options(api))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.messages.create(**asked()), range(24)))
    child = os.fork()
    if not child:
        try:
            InstrumentedClient(**options(api)).messages.create(**asked())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    spooled = lines(home)
    assert [line["kind"] for line in spooled].count("session") == 2
    assert len(calls(home)) == 25
    assert len({line["session_id"] for line in spooled}) == 2
    assert len({(line["pid"], line["sequence"]) for line in spooled}) == len(spooled)


# --- what goes wrong stays here


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_sink_that_raises_is_not_noticed(api: FakeMessages, home: Path, *, is_async: bool) -> None:
    def sink(_: Record) -> None:
        raise RuntimeError("no")

    recorder = Recorder(sink=sink)
    if is_async:
        client = anthropic.AsyncAnthropic(middleware=[recorder], **options(api))
        assert asyncio.run(client.messages.create(**asked())).content
        assert asyncio.run(read_stream_async(client))
    else:
        plain = anthropic.Anthropic(middleware=[recorder], **options(api))
        assert plain.messages.create(**asked()).content
        assert read_stream(plain)


def test_a_full_disk_is_said_once_and_all_goes_on(
    api: FakeMessages, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    client = InstrumentedClient(session_id="s", **options(api))
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, logger="agent_store"):
        patch.setattr(spool, "append", full)
        for _ in range(3):
            client.messages.create(**asked())
    assert [record.name for record in caplog.records].count("agent_store.record.writer") == 1
    assert "the disk is full" in caplog.text
    client.messages.create(**asked())
    assert len(calls(home)) == 1


def test_a_home_that_cannot_be_made_is_not_noticed(api: FakeMessages, home: Path) -> None:
    home.write_text("a file", encoding="utf-8")
    assert InstrumentedClient(**options(api)).messages.create(**asked()).content
    assert home.read_text(encoding="utf-8") == "a file"


def run_python(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )


def test_the_package_does_not_load_the_sdk(tmp_path: Path) -> None:
    code = "import sys, agent_store, agent_store.cli; print({'anthropic', 'httpx2', 'duckdb'} & set(sys.modules))"
    assert run_python(code, tmp_path / "home").stdout == "set()\n"


def test_a_missing_sdk_is_said_plainly(tmp_path: Path) -> None:
    code = "import sys; sys.modules['anthropic'] = None\nfrom agent_store import InstrumentedClient"
    done = run_python(code, tmp_path / "home")
    assert "pip install 'agent-store[sdk]'" in done.stderr.splitlines()[-1]
