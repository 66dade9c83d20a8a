"""The documentation: one page that holds what it shows, served to this machine only, under this machine's names."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_store.show.docs import page_of, server_of


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


# --- the page

TEMPLATE = """<html><head><title>x</title></head><body><use xlink:href="{{ icon }}"></use>
<script>files = {manifest: "MANIFEST.JSON INLINE DATA", catalog: "CATALOG.JSON INLINE DATA"}</script></body></html>"""


def _manifest() -> dict[str, Any]:
    def node(kind: str, name: str, **more: Any) -> dict[str, Any]:
        return {"resource_type": kind, "name": name, "original_file_path": f"models/{name}.sql", **more}

    column = {"name": "a", "description": "An </script><b>a</b>.", "data_type": "bigint", "meta": {}, "tags": []}
    return {
        "metadata": {"project_name": "agent_store", "adapter_type": "duckdb", "send_anonymous_usage_stats": True},
        "nodes": {
            "model.v": node(
                "model", "v", columns={"a": column}, config={"materialized": "view", "tags": []}, checksum="c", raw_code="s"
            ),
            "test.t": node("test", "t"),
        },
        "sources": {"source.s": node("source", "s", columns={})},
        "exposures": {"exposure.e": {"name": "e", "created_at": 1}},
        "macros": {
            "macro.ours": {"package_name": "agent_store", "name": "m", "macro_sql": ""},
            "macro.dbt": {"package_name": "dbt", "name": "d", "macro_sql": ""},
        },
        "docs": {"a": {"name": "__overview__", "block_contents": "Map"}, "b": {"name": "session_id"}},
        "unit_tests": {"unit_test.u": {}},
        "groups": {},
        "parent_map": {"model.v": ["source.s", "test.t"], "test.t": ["model.v"], "exposure.e": ["model.v"]},
    }


def _inside(page: str) -> dict[str, Any]:
    found = re.search(r"manifest: (.*), catalog: ", page, re.DOTALL)
    assert found
    inside: dict[str, Any] = json.loads(found[1])
    return inside


def test_the_page_holds_what_it_shows_and_no_more() -> None:
    inside = _inside(page_of(_manifest(), TEMPLATE, {"models/v.sql": "select 1"}))
    assert inside["nodes"].keys() == {"model.v"}
    assert inside["nodes"]["model.v"]["compiled_code"] == "select 1"
    assert inside["nodes"]["model.v"]["config"] == {"materialized": "view"}
    assert inside["nodes"]["model.v"]["columns"]["a"]["type"] == "bigint"
    assert "checksum" not in inside["nodes"]["model.v"]
    assert inside["macros"].keys() == {"macro.ours"}
    assert inside["docs"].keys() == {"a"}
    assert inside["unit_tests"] == {}
    assert inside["parent_map"] == {"model.v": ["source.s"], "exposure.e": ["model.v"]}


def test_the_page_makes_no_request_and_no_text_becomes_a_part_of_it() -> None:
    page = page_of(_manifest(), TEMPLATE, {})
    assert page.index("default-src 'none'") < page.index("<title>")
    assert "send_anonymous_usage_stats" not in page
    assert 'xlink:href="{{' not in page
    assert page.count("</script>") == 1
    assert _inside(page)["nodes"]["model.v"]["columns"]["a"]["description"] == "An </script><b>a</b>."
