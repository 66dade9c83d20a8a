"""Fetches pages politely: a time limit, a place in the queue, and a pause before each retry."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ingest.sources.hosts import Host, InLine, OutOfTimeError
from ingest.sources.pages import page_text
from ingest.sources.seen import Before, Limits, Seen
from ingest.sources.source import Source, Target
from ingest.text import content_digest, one_line
from ingest.warehouse import utc_now

if TYPE_CHECKING:
    import httpx

USER_AGENT: Final = "agent-store/0.1 (freshness check; one request per page)"
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
_TOO_MANY: Final = 429
_NOT_MODIFIED: Final = 304
_MOVED: Final = (301, 308)


class Fetcher:
    """Fetches pages within the time of one check."""

    def __init__(self, limits: Limits, deadline: float) -> None:
        self.limits = limits
        self.deadline = deadline
        self.client = _client(limits)
        self.hosts: dict[str, Host] = {}
        self.lock = threading.Lock()

    def page(self, source: Source, target: Target, before: Before) -> Seen:
        """A conditional GET, retried where that may help."""
        import httpx

        end = min(time.monotonic() + self.limits.seconds_per_target, self.deadline)
        nothing = Seen(source, target, "failed", utc_now())
        attempt = 0
        while True:
            attempt += 1
            back_off = self.limits.back_off_seconds * 2 ** (attempt - 1)
            pause: float | None = None
            try:
                with self.in_line(target.address, end):
                    seen = self.fetched(source, target, before, end)
                code = seen.status_code
                if code is not None and (code >= _SERVER_ERROR or code == _TOO_MANY):
                    asked = _asked_pause(seen.version)
                    pause = back_off if asked is None else asked
            except httpx.TimeoutException:
                seen, pause = replace(nothing, result="timeout", error="no response in time"), back_off
            except OutOfTimeError as error:
                seen = replace(nothing, result="timeout", error=str(error))
            except httpx.TooManyRedirects:
                seen = replace(nothing, error=f"more than {self.limits.redirects} redirects")
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                seen = replace(nothing, error=f"not an address: {one_line(error)}")
            except httpx.HTTPError as error:
                seen, pause = replace(nothing, error=f"{type(error).__name__}: {one_line(error)}"), back_off
            if attempt >= self.limits.attempts or pause is None or time.monotonic() + pause >= end:
                has_page = seen.status_code is not None and seen.status_code < _CLIENT_ERROR
                return replace(seen, attempts=attempt, version=seen.version if has_page else None)
            time.sleep(pause)

    def in_line(self, address: str, end: float) -> InLine:
        host = (urlsplit(address).netloc or address).lower()
        with self.lock:
            line = self.hosts.setdefault(host, Host(threading.Semaphore(self.limits.per_host)))
        return InLine(line, self.limits.host_pause_seconds, end)

    def fetched(self, source: Source, target: Target, before: Before, end: float) -> Seen:
        headers = {}
        if before.etag and target.kind == "http":
            headers["If-None-Match"] = before.etag
        if before.last_modified and target.kind == "http":
            headers["If-Modified-Since"] = before.last_modified
        started = time.monotonic()
        with self.client.stream("GET", target.address, headers=headers) as response:
            elapsed = round((time.monotonic() - started) * 1000)
            moved = any(one.status_code in _MOVED for one in response.history)
            seen = Seen(
                source, target, "failed", utc_now(), status_code=response.status_code,
                etag=response.headers.get("etag"), last_modified=response.headers.get("last-modified"),
                redirected_to=str(response.url) if response.history else None, response_time_ms=elapsed,
                version=response.headers.get("retry-after"),
            )  # fmt: skip
            if response.status_code == _NOT_MODIFIED:
                return replace(seen, result="unchanged", is_available=True, is_not_modified=True,
                               content_hash=before.content_hash, etag=seen.etag or before.etag,
                               last_modified=seen.last_modified or before.last_modified)  # fmt: skip
            if response.status_code >= _CLIENT_ERROR:
                missing = response.status_code in {404, 410}
                return replace(
                    seen, result="missing" if missing else "failed", error=f"status {response.status_code}"
                )
            data, is_truncated = _read(response, self.limits.most_bytes, end)
            text, whole = page_text(
                data, response.headers.get("content-type", ""), response.encoding or "utf-8"
            )
            shown = content_digest(data if text is None else text)
            size = response.headers.get("content-length")
            return replace(
                seen, result="moved" if moved else "changed", is_available=True, content_hash=shown,
                content=text, is_truncated=is_truncated or not whole,
                content_bytes=int(size) if is_truncated and size and size.isdigit() else len(data), version=None,
            )  # fmt: skip


def _client(limits: Limits) -> httpx.Client:
    import httpx

    return httpx.Client(
        headers={"User-Agent": USER_AGENT, "Accept": "text/html,text/markdown,application/json,*/*;q=0.5"},
        timeout=httpx.Timeout(
            limits.seconds_per_target / 2, connect=limits.connect_seconds, pool=limits.seconds
        ),
        follow_redirects=True,
        max_redirects=limits.redirects,
        limits=httpx.Limits(max_connections=limits.workers * 2),
    )


def _read(response: httpx.Response, most: int, end: float) -> tuple[bytes, bool]:
    """The body, up to the size limit; a slow response does not hold up the check."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part[: most - size])
        size += len(part)
        if size >= most:
            return b"".join(parts), True
        if time.monotonic() >= end:
            raise OutOfTimeError("the response did not finish in time")
    return b"".join(parts), False


def _asked_pause(value: str | None) -> float | None:
    return min(float(value), 30.0) if value is not None and value.strip().isdigit() else None
