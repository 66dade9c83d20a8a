"""`check` against a local server of slow, broken, moved, changing and huge pages: it ends in time and says what it saw."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from conftest import clean_environment

from agent_store.build import scan as scans
from agent_store.cli.check import check as check_command
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from ingest import git, sources
from ingest.sources import Limits, Seen, Source, Target
from ingest.sources.seen import Before

PAGES = 50
QUICK = Limits(
    seconds=30, seconds_per_target=1.5, connect_seconds=1, attempts=3, back_off_seconds=0.05, host_pause_seconds=0.0,
    per_host=8, most_bytes=200_000,
)  # fmt: skip


class Site:
    """A site with all sorts of pages."""

    def __init__(self) -> None:
        """Count what is asked."""
        self.requests: Counter[str] = Counter()
        self.headers: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.texts: dict[str, str] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Be quiet."""

            def do_GET(self) -> None:
                site.requests[self.path] += 1
                site.headers[self.path].append({name.lower(): value for name, value in self.headers.items()})
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.respond(self.path.strip("/").split("/")[0])

            def send(self, status: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def respond(self, kind: str) -> None:
                text = site.texts.get(self.path, f"Page {self.path}")
                if kind == "tagged":
                    etag = f'"{hash(text)}"'
                    if self.headers.get("If-None-Match") == etag:
                        self.send_response(304)
                        self.end_headers()
                        return
                    self.send(200, text.encode(), ETag=etag, Content_Type="text/plain")
                elif kind == "slow":
                    time.sleep(4)
                    self.send(200, b"late")
                elif kind == "trickle":
                    self.send_response(200)
                    self.send_header("Content-Length", "100000")
                    self.end_headers()
                    for _ in range(200):
                        self.wfile.write(b"x" * 10)
                        self.wfile.flush()
                        time.sleep(0.1)
                elif kind == "error":
                    self.send(500, b"broken")
                elif kind == "once":
                    self.send(*((503, b"busy") if site.requests[self.path] == 1 else (200, b"fine")))
                elif kind == "gone":
                    self.send(404)
                elif kind == "moved":
                    self.send(301, Location="/plain/new-home")
                elif kind == "loop":
                    self.send(302, Location=self.path)
                elif kind == "cut":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b"half")
                    self.close_connection = True
                elif kind == "huge":
                    self.send_response(200)
                    self.send_header("Content-Length", str(50_000_000))
                    self.send_header("Content-Type", "text/plain")
                    self.end_headers()
                    for _ in range(500):
                        self.wfile.write(b"y" * 100_000)
                elif kind == "binary":
                    self.send(200, b"\0\1\2" * 100, Content_Type="application/octet-stream")
                elif kind == "spec":
                    self.send(200, text.encode(), Content_Type="application/json")
                else:
                    self.send(
                        200, f"<html><body><p>{text}</p></body></html>".encode(), Content_Type="text/html"
                    )

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Who hangs up is no news here."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it lies."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.server.shutdown()
    found.server.server_close()


def source(name: str, *addresses: str, kind: str = "http") -> Source:
    """A source with some pages."""
    return Source(
        name=name, type="docs", listed_in="test", targets=tuple(Target(kind, one) for one in addresses)
    )


def results(seen: list[Seen]) -> dict[str, str]:
    """What was said of each address, by its last part."""
    return {one.target.address.split("/", 3)[3]: one.result for one in seen}


def test_fifty_pages_of_all_sorts_end_in_bounded_time(site: Site) -> None:
    odd = [
        "slow/1",
        "slow/2",
        "trickle/1",
        "error/1",
        "error/2",
        "once/1",
        "gone/1",
        "moved/1",
        "loop/1",
        "cut/1",
        "huge/1",
        "binary/1",
    ]
    pages = [*odd, *(f"plain/{number}" for number in range(PAGES - len(odd)))]
    started = time.monotonic()
    seen = sources.check([source("site", *(f"{site.url}/{page}" for page in pages))], {}, limits=QUICK)
    took = time.monotonic() - started
    assert took < 15
    assert len(seen) == PAGES
    said = results(seen)
    assert {said[page] for page in pages if page.startswith("plain/")} == {"first"}
    assert said["slow/1"] == said["slow/2"] == said["trickle/1"] == "timeout"
    assert said["error/1"] == said["loop/1"] == said["cut/1"] == "failed"
    assert said["gone/1"] == "missing"
    assert said["moved/1"] == "moved"
    assert said["once/1"] == said["huge/1"] == said["binary/1"] == "first"
    by_page = {one.target.address.rsplit("/", 2)[-2]: one for one in seen}
    assert by_page["huge"].is_truncated
    assert by_page["huge"].content_bytes == 50_000_000
    assert by_page["moved"].redirected_to == f"{site.url}/plain/new-home"
    assert by_page["once"].attempts == 2
    assert by_page["error"].attempts == QUICK.attempts
    assert by_page["gone"].attempts == 1
    assert all(one.error for one in seen if one.result in {"failed", "timeout", "missing"})


def test_who_asks_is_said(site: Site) -> None:
    sources.check([source("site", f"{site.url}/plain/1")], {}, limits=QUICK)
    assert site.headers["/plain/1"][0]["user-agent"].startswith("agent-store/")


def test_a_page_that_has_not_changed_is_not_sent_again(site: Site) -> None:
    pages = source("site", f"{site.url}/tagged/1")
    (first,) = sources.check([pages], {}, limits=QUICK)
    before = {("site", first.target.address): Before(first.etag, first.last_modified, first.content_hash)}
    (second,) = sources.check([pages], before, limits=QUICK)
    assert second.result == "unchanged"
    assert second.is_not_modified
    assert second.content_hash == first.content_hash
    assert site.headers["/tagged/1"][1]["if-none-match"] == first.etag
    site.texts["/tagged/1"] = "Another text"
    (third,) = sources.check([pages], before, limits=QUICK)
    assert third.result == "changed"


def test_the_whole_check_ends_when_its_time_is_over(site: Site) -> None:
    limits = Limits(seconds=1.0, seconds_per_target=30, workers=2, host_pause_seconds=0)
    started = time.monotonic()
    seen = sources.check(
        [source("site", *(f"{site.url}/slow/{number}" for number in range(12)))], {}, limits=limits
    )
    assert time.monotonic() - started < 4
    assert {one.result for one in seen} <= {"out_of_time", "timeout"}
    assert len(seen) == 12


def test_one_host_is_asked_one_after_the_other(site: Site) -> None:
    limits = Limits(seconds=30, host_pause_seconds=0.2, per_host=1)
    started = time.monotonic()
    sources.check([source("site", *(f"{site.url}/plain/{number}" for number in range(5)))], {}, limits=limits)
    assert time.monotonic() - started >= 0.8


@pytest.mark.parametrize(
    ("kind", "address", "result"),
    [
        ("http", "http://127.0.0.1:9/closed", "failed"),
        ("http", "http://no-such-host.invalid/", "failed"),
        ("http", "gopher://a/b", "failed"),
        ("http", "http://[bad", "failed"),
        ("git", "/no/such/folder", "missing"),
        ("git", "-upload-pack=evil@x", "failed"),
        ("file", "/no/such/file", "missing"),
        ("file", "/", "failed"),
        ("database", "/no/such/file", "missing"),
        ("env", "NO_SUCH_VARIABLE_HERE", "missing"),
    ],
)
def test_what_does_not_answer_says_so(kind: str, address: str, result: str) -> None:
    limits = Limits(seconds=10, seconds_per_target=2, attempts=2, back_off_seconds=0.01)
    (seen,) = sources.check([source("a", address, kind=kind)], {}, limits=limits)
    assert seen.result == result
    assert seen.error
    assert not seen.is_available


def test_repositories_are_asked_for_their_head(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    environment = {**clean_environment(tmp_path / "home"), "GIT_CONFIG_GLOBAL": "/dev/null"}
    for arguments in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "One"],
        ["tag", "v1.2.0"],
        ["tag", "v1.10.0"],
    ):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-C", str(repository), *arguments],
            check=True, capture_output=True, env=environment,
        )  # fmt: skip
    local, remote = sources.check(
        [source("local", str(repository), kind="git"), source("remote", repository.as_uri(), kind="git")],
        {},
        limits=QUICK,
    )
    assert local.content_hash == remote.content_hash == git.head_of(repository)
    assert remote.version == "v1.10.0"


# --- from the list to the warehouse


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "store"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    return StorePaths(tmp_path / "store").ensure()


def test_only_what_is_listed_is_looked_at(home: StorePaths) -> None:
    with pytest.raises(StoreError, match="no sources are listed"):
        scans.check(home)


def test_what_was_seen_is_landed(home: StorePaths, site: Site) -> None:
    spec = '{"openapi": "3.0.0", "info": {"version": "%s"}, "paths": {"/a": {"get": {"responses": {}}}%s}}'
    site.texts["/spec/api.json"] = spec % ("1.0", "")
    (home.home / "sources.yml").write_text(
        f"sources:\n- {{name: guide, url: '{site.url}/plain/guide'}}\n- {{name: api, spec: '{site.url}/spec/api.json'}}\n"
        f"- {{name: up, health: '{site.url}/plain/up'}}\n- {{name: down, health: '{site.url}/error/1'}}\n",
        encoding="utf-8",
    )
    limits = Limits(seconds=20, attempts=1, host_pause_seconds=0)
    scans.check(home, limits=limits)
    site.texts["/plain/guide"] = "This option has been removed."
    site.texts["/spec/api.json"] = spec % ("2.0", ', "/b": {"get": {"responses": {}}}')
    seen = scans.check(home, limits=limits)
    assert {one.source.name: one.result for one in seen} == {
        "guide": "changed", "api": "changed", "up": "unchanged", "down": "failed",
    }  # fmt: skip
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) from raw.source_check").fetchone() == (8,)
        assert connection.execute("select count(*) from raw.source_entry").fetchone() == (4,)
        sql = "select version_label, field_count > 0 from raw.contract_version order by version_order"
        assert connection.execute(sql).fetchall() == [
            ("1.0", True), ("2.0", True),
        ]  # fmt: skip
        assert connection.execute("select batch_id from raw.batch order by 1").fetchall() == [(1,), (2,)]


def test_the_command_says_each_result(home: StorePaths, site: Site) -> None:
    (home.home / "sources.yml").write_text(
        f"sources:\n- {{name: good, url: '{site.url}/plain/1'}}\n- {{name: bad, url: '{site.url}/gone/1'}}\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(check_command, ["--seconds", "20"], standalone_mode=False)
    assert done.return_value == 1
    assert "first        good:" in done.output
    assert "missing      bad:" in done.output
    only = CliRunner().invoke(check_command, ["good", "--json"], standalone_mode=False)
    assert only.return_value == 0
    assert '"result": "unchanged"' in only.output
