"""The documentation is served to this machine alone: one page, under this machine's names."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_store.show.docs import server_of


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    page = tmp_path / "index.html"
    page.write_text("<h1>Documentation</h1>", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (tmp_path / "link").symlink_to("/etc")
    with server_of(page, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()


def ask(port: int, path: str, *hosts: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    for host in hosts:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LocalHost"])
@pytest.mark.parametrize("path", ["/", "/index.html", "/?x=1"])
def test_the_page_is_served_to_this_machine(name: str, path: str, port: int) -> None:
    assert ask(port, path, f"{name}:{port}") == (200, b"<h1>Documentation</h1>")
    assert ask(port, path, f"{name}:{port}", method="HEAD") == (200, b"")


@pytest.mark.parametrize(
    "hosts", [["evil.example"], ["evil.example:{port}"], ["127.0.0.1"], ["localhost:1"], [], ["localhost.evil:{port}"],
              ["localhost:{port}", "evil.example"]]
)  # fmt: skip
def test_another_name_is_refused(hosts: list[str], port: int) -> None:
    status, body = ask(port, "/", *(host.format(port=port) for host in hosts))
    assert status == 421
    assert b"Documentation" not in body


@pytest.mark.parametrize(
    "path", ["/secret.txt", "/link/passwd", "/../secret.txt", "//etc/passwd", "/index.html/", "/."]
)
def test_one_file_is_served(path: str, port: int) -> None:
    assert ask(port, path, f"localhost:{port}")[0] == 404
