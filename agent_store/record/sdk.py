"""The Anthropic client that records its calls: `from agent_store import InstrumentedClient, AsyncInstrumentedClient`.

Both are the SDK's own clients with a middleware that sees every HTTP attempt. `Recorder` is that middleware, and can be
given to a client of another class (`AnthropicVertex(middleware=[Recorder()])`). Callers get the same responses as
without it, in the same portions, and the same errors.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any

try:
    import anthropic
    import httpx2
    from anthropic import Middleware, not_given
except ImportError as missing:
    raise ImportError(
        "InstrumentedClient needs the Anthropic SDK (version 2.12 or newer): pip install 'agent-store[sdk]'"
    ) from missing

from agent_store.record import spool
from agent_store.record.api_call import CLOSED, Attempt, Payload, api_of
from agent_store.record.decoding import decoder_for
from agent_store.record.home import home_for
from agent_store.record.writer import Writer

if TYPE_CHECKING:
    from anthropic._middleware import AsyncCallNext, CallNext
    from anthropic._request import APIRequest
    from anthropic._response import APIResponse, AsyncAPIResponse

_CREDENTIALS = ("api_key", "auth_token", "credentials", "config", "profile")
_CREDENTIAL_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


class _Tee(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The bytes of a response, observed while the caller reads them."""

    def __init__(self, inner: Any, attempt: Attempt, decode: Callable[[bytes], bytes]) -> None:  # noqa: ANN401
        self._inner = inner
        self._attempt = attempt
        self._decode = decode
        # The SDK's traces look for this on the stream that they wrap.
        self.stream_observer = getattr(inner, "stream_observer", None)

    def __del__(self) -> None:
        """A response that the caller dropped without reading it."""
        self._end(CLOSED)

    def _see(self, chunk: bytes) -> None:
        try:  # cheaper than `suppress`, and it is done for every chunk
            self._attempt.see(self._decode(chunk))
        except Exception:
            return

    def _end(self, reason: BaseException | str | None = None) -> None:
        with suppress(Exception):
            self._attempt.end(reason)

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._inner:
                self._see(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                self._see(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end()

    def close(self) -> None:
        self._end(CLOSED)
        self._inner.close()

    async def aclose(self) -> None:
        self._end(CLOSED)
        await self._inner.aclose()


class Recorder(Middleware):
    """Records each HTTP attempt to the Messages API. Its errors never reach the caller."""

    def __init__(
        self,
        store_path: str | Path | None = None,
        *,
        session_id: str | None = None,
        agent_id: str | None = None,
        record_content: bool = False,
        sink: Callable[[Payload], object] | None = None,
    ) -> None:
        """Record to the store at a path (see `home_for`), or pass each payload to the sink instead.

        Without a session, the program's run is one. Text of prompts and answers is recorded only with `record_content`.
        """
        self.session_id = session_id
        self.agent_id = agent_id
        self.record_content = record_content
        self.writer = Writer(home_for(store_path), spool.SDK)
        self._sink = sink
        self._seen_results: set[object] = set()

    def handle(self, request: APIRequest, call_next: CallNext) -> APIResponse[Any]:
        """Forward a request of the client, and record its outcome."""
        attempt = self._begin(request)
        if attempt is None:
            return call_next(request)
        try:
            response = call_next(request)
        except BaseException as error:
            _end(attempt, error)
            raise
        try:
            if _watch(attempt, response.http_response):
                attempt.see(response.http_response.read())
                attempt.end()
        except BaseException as error:
            _end(attempt, error)
            if not isinstance(error, Exception):
                raise
        return response

    async def handle_async(self, request: APIRequest, call_next: AsyncCallNext) -> AsyncAPIResponse[Any]:
        """Forward a request of the asynchronous client, and record its outcome."""
        attempt = self._begin(request)
        if attempt is None:
            return await call_next(request)
        try:
            response = await call_next(request)
        except BaseException as error:
            _end(attempt, error)
            raise
        try:
            if _watch(attempt, response.http_response):
                attempt.see(await response.http_response.aread())
                attempt.end()
        except BaseException as error:
            _end(attempt, error)
            if not isinstance(error, Exception):
                raise
        return response

    def _begin(self, request: APIRequest) -> Attempt | None:
        """Start the record of an attempt; None if it is not relevant."""
        try:
            api = api_of(request.url)
            if api is None:
                return None
            attempt = Attempt(self._record, request.url, api, request.json, keeps_content=self.record_content)
            if api == "messages" and ".types.beta." in str(getattr(request.cast_to, "__module__", "")):
                attempt.payload["api"] = "beta"
            attempt.payload["attempt"] = request.retries_taken + 1
            attempt.payload["call_id"] = request.options.idempotency_key
        except Exception:
            return None
        return attempt

    def _record(self, payload: Payload) -> None:
        if payload["api"] == "batch" and not self._is_new_result(payload):
            return
        if self.agent_id is not None:
            payload["agent_id"] = self.agent_id
        if self._sink is not None:
            self._sink(payload)
            return
        session_id = self.session_id or _session_of_process(self.writer)
        self.writer.write("api_call", {**payload, "session_id": session_id})

    def _is_new_result(self, payload: Payload) -> bool:
        """Whether a batch result is read for the first time: results may be read any number of times."""
        if "custom_id" not in payload and "message_id" not in payload:
            return True
        key = payload.get("message_id") or (payload.get("batch_id"), payload.get("custom_id"))
        if key in self._seen_results:
            return False
        self._seen_results.add(key)
        return True


def _end(attempt: Attempt, reason: BaseException | str | None = None) -> None:
    with suppress(Exception):
        attempt.end(reason)


def _watch(attempt: Attempt, response: httpx2.Response) -> bool:
    """Observe a response, now or while the caller reads it. True: it is an error that might never be read, so read it
    now."""
    headers = response.headers
    decode = decoder_for(headers.get("content-encoding", ""))
    content_type = headers.get("content-type", "") if decode is not None else ""
    attempt.answered(response.status_code, headers.get("request-id"), content_type)
    try:
        content = response.content
    except httpx2.ResponseNotRead:
        if response.is_error:
            return True
        response.stream = _Tee(response.stream, attempt, decode or _nothing)
        return False
    attempt.see(content)
    attempt.end()
    return False


def _nothing(_: bytes) -> bytes:
    return b""


# By process, because a fork inherits everything; by store, because each is told once. No lock: `setdefault` is atomic,
# and a discarded response may be recorded at any point.
_own_sessions: dict[int, str] = {}
_begun: dict[tuple[int, Path], object] = {}


def _session_of_process(writer: Writer) -> str:
    """The session of a program's run. Each store is told once: the program's working directory gives the project."""
    process = os.getpid()
    session_id = _own_sessions.setdefault(process, f"sdk-{uuid.uuid4().hex}")
    mine = object()
    if _begun.setdefault((process, writer.paths.home), mine) is mine:
        start = {"session_id": session_id, "event": "start", "entrypoint": "sdk"}
        with suppress(OSError):
            start["working_dir"] = str(Path.cwd())
        writer.write("session", start)
    return session_id


def _prepared(options: dict[str, Any], recorder: Callable[[], Recorder]) -> dict[str, Any]:
    """The options for the SDK's own constructor, the recorder among them.

    A client is copied by calling its class again, with the middleware of the original: its recorder is kept.
    """
    if options.get("api_key") is ...:  # as in examples: the key comes from the environment
        options["api_key"] = None
    middleware = tuple(options.get("middleware") or ())
    ours = [entry for entry in middleware if isinstance(entry, Recorder)]
    # The last middleware sees every request that another one retries.
    options["middleware"] = [
        *(entry for entry in middleware if not isinstance(entry, Recorder)), ours[0] if ours else recorder()
    ]  # fmt: skip
    # The SDK looks for a profile, or a workload identity, only if the class is its own.
    is_known = any(options.get(name) is not None for name in _CREDENTIALS)
    if not is_known and not any(os.environ.get(name) for name in _CREDENTIAL_VARIABLES):
        base_url = options.get("base_url") or os.environ.get("ANTHROPIC_BASE_URL")
        found = anthropic.default_credentials(**({"base_url": str(base_url)} if base_url else {}))
        if found is not None:
            options["credentials"] = found.provider
            options["base_url"] = base_url or found.base_url
            options["default_headers"] = {**found.extra_headers, **(options.get("default_headers") or {})}
    return options


def _kept(client: anthropic.Anthropic | anthropic.AsyncAnthropic, changes: dict[str, Any]) -> dict[str, Any]:
    """The options that a copy of a client changes, and those it must be told to keep: the recorder, and a credentials
    provider."""
    if changes.get("middleware", not_given) is not not_given:
        recorders = [entry for entry in client.middleware if isinstance(entry, Recorder)]
        changes["middleware"] = [*(changes["middleware"] or ()), *recorders]
    if client.credentials is not None and not any(changes.get(name) is not None for name in _CREDENTIALS):
        changes.setdefault("credentials", client.credentials)
    return changes


class InstrumentedClient(anthropic.Anthropic):
    """`anthropic.Anthropic`, whose calls are recorded: one record for each HTTP attempt."""

    def __init__(
        self,
        *,
        api_key: str | EllipsisType | None = None,
        store_path: str | Path | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        record_content: bool = False,
        **options: Any,  # noqa: ANN401 - those of the SDK's client
    ) -> None:
        """Record to the store at `store_path` (see `Recorder`); all other arguments are those of the SDK's client."""

        def recorder() -> Recorder:
            return Recorder(
                store_path, session_id=session_id, agent_id=agent_id, record_content=record_content
            )

        super().__init__(**_prepared({"api_key": api_key, **options}, recorder))

    if not TYPE_CHECKING:  # the types are those of the SDK's own methods

        def copy(self, **changes: object) -> InstrumentedClient:
            """A copy of this client with some options changed, which also records."""
            return super().copy(**_kept(self, changes))

        with_options = copy


class AsyncInstrumentedClient(anthropic.AsyncAnthropic):
    """`anthropic.AsyncAnthropic`, whose calls are recorded: one record for each HTTP attempt."""

    def __init__(
        self,
        *,
        api_key: str | EllipsisType | None = None,
        store_path: str | Path | None = None,
        session_id: str | None = None,
        agent_id: str | None = None,
        record_content: bool = False,
        **options: Any,  # noqa: ANN401 - those of the SDK's client
    ) -> None:
        """Record to the store at `store_path` (see `Recorder`); all other arguments are those of the SDK's client."""

        def recorder() -> Recorder:
            return Recorder(
                store_path, session_id=session_id, agent_id=agent_id, record_content=record_content
            )

        super().__init__(**_prepared({"api_key": api_key, **options}, recorder))

    if not TYPE_CHECKING:  # the types are those of the SDK's own methods

        def copy(self, **changes: object) -> AsyncInstrumentedClient:
            """A copy of this client with some options changed, which also records."""
            return super().copy(**_kept(self, changes))

        with_options = copy
