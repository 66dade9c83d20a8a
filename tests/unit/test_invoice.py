"""The provider's reports: from files whose columns have many names, and from its Admin API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agent_store.errors import StoreError
from agent_store.invoice import csv_file
from agent_store.invoice.admin_api import AdminApi
from agent_store.invoice.rows import COST, USAGE, ProviderRow, record
from agent_store.paths import StorePaths
from agent_store.record.events import FIELDS

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
KEY = "sk-ant-admin-invented"


def _bucket(day: int, *results: dict[str, Any]) -> dict[str, Any]:
    return {
        "starting_at": f"2026-03-{day:02}T00:00:00Z",
        "ending_at": f"2026-03-{day + 1:02}T00:00:00Z",
        "results": list(results),
    }


USED = {
    "uncached_input_tokens": 100, "cache_creation": {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 30},
    "cache_read_input_tokens": 4000, "output_tokens": 50, "server_tool_use": {"web_search_requests": 2},
    "api_key_id": "apikey_invented", "workspace_id": "wrkspc_invented", "model": "claude-opus-4-5-20251101",
    "service_tier": "batch", "context_window": "0-200k",
}  # fmt: skip
COSTS = {
    "amount": "123.45", "currency": "USD", "workspace_id": None, "description": "Claude Opus 4.5 Usage - Output Tokens",
    "cost_type": "tokens", "context_window": "0-200k", "model": "claude-opus-4-5-20251101", "service_tier": "standard",
    "token_type": "output_tokens",
}  # fmt: skip


class Server:
    """A small Admin API: its pages, and what it says before them."""

    def __init__(self) -> None:
        self.usage: list[Any] = [{"data": [_bucket(1, USED)], "has_more": False, "next_page": None}]
        self.cost: list[Any] = [{"data": [_bucket(1, COSTS)], "has_more": False, "next_page": None}]
        self.statuses: list[int] = []
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place = urlsplit(self.path)
                asked = parse_qs(place.query)
                outer.asked.append((place.path, asked))
                status = outer.statuses.pop(0) if outer.statuses else 200
                if status == 200 and self.headers["x-api-key"] != KEY:
                    status = 401
                pages = outer.usage if "usage_report" in place.path else outer.cost
                page = pages[int(asked.get("page", ["0"])[0])]
                body = page if isinstance(page, bytes) else json.dumps(page).encode()
                self.send_response(status)
                if status == 429:
                    self.send_header("retry-after", "7")
                self.end_headers()
                self.wfile.write(body if status == 200 else b"{}")

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def api() -> Iterator[Server]:
    """The fake API."""
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_the_api_is_read_page_by_page(api: Server) -> None:
    api.usage = [
        {"data": [_bucket(1, USED)], "has_more": True, "next_page": "1"},
        {"data": [_bucket(2), _bucket(3, {**USED, "service_tier": None})], "has_more": False, "next_page": None},
    ]
    found = AdminApi(KEY, api.address).read(SINCE, UNTIL).rows
    assert [(row.report, row.starts_at.day, row.service_tier) for row in found] == [
        (USAGE, 1, "batch"), (USAGE, 3, None), (COST, 1, "standard"),
    ]  # fmt: skip
    used, cost = found[0], found[2]
    assert (used.uncached_input_tokens, used.cache_write_1h_tokens, used.cache_write_5m_tokens) == (100, 20, 30)
    assert (used.cache_read_tokens, used.output_tokens, used.web_search_count) == (4000, 50, 2)
    # A decimal text of cents.
    assert cost.amount_usd == pytest.approx(1.2345)
    path, asked = api.asked[0]
    assert path == "/v1/organizations/usage_report/messages"
    assert asked["starting_at"] == ["2026-03-01T00:00:00Z"]
    assert asked["bucket_width"] == ["1d"]
    assert "model" in asked["group_by[]"]
    assert [path for path, _ in api.asked].count("/v1/organizations/cost_report") == 1


def test_it_waits_as_long_as_it_is_told_and_gives_up(api: Server) -> None:
    pauses: list[float] = []
    api.statuses = [429, 500, 200]
    assert AdminApi(KEY, api.address, pauses.append).read(SINCE, UNTIL).rows
    assert pauses == [7.0, 4.0]
    api.statuses = [429] * 4
    with pytest.raises(StoreError, match="no more requests"):
        AdminApi(KEY, api.address, pauses.append).read(SINCE, UNTIL)


def test_a_wrong_key_is_said_and_not_shown(api: Server) -> None:
    with pytest.raises(StoreError, match="refuses the key") as error:
        AdminApi("sk-ant-wrong", api.address).read(SINCE, UNTIL)
    assert "sk-ant-wrong" not in f"{error.value.message}{error.value.hint}"


@pytest.mark.parametrize(
    "page",
    [
        b"{", b"[]", {"data": 1, "has_more": False}, {"data": [{}], "has_more": False}, {"data": []},
        {"data": [], "has_more": True, "next_page": None},
        {"data": [_bucket(1, {**USED, "output_tokens": "many"})], "has_more": False},
        {"data": [_bucket(1, {**USED, "cache_creation": 5})], "has_more": False},
        {"data": [{**_bucket(1), "starting_at": "yesterday"}], "has_more": False},
    ],
)  # fmt: skip
def test_an_odd_answer_is_no_report(api: Server, page: Any) -> None:
    api.usage = [page]
    with pytest.raises(StoreError, match="no report"):
        AdminApi(KEY, api.address).read(SINCE, UNTIL)


def test_no_answer_is_said() -> None:
    with pytest.raises(StoreError, match="does not answer"):
        AdminApi(KEY, "http://127.0.0.1:9").read(SINCE, UNTIL)


def test_a_file_is_read_whatever_its_columns_are_called() -> None:
    usage = csv_file.parse(
        "usage_date_utc,model_version,api_key,workspace,usage_type,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
        "usage_output_tokens,web_search_count\n"
        '2026-03-01,claude-opus-4-5,ci,Shop,standard,"1,200",30,20,4000,50,1\n'
        "2026-03-01,claude-opus-4-5,ci,Shop,standard,100,0,0,0,5,0\n"
        "\nTotal,,,,,1300,,,,,\n"
    )
    (row,) = usage.rows
    assert usage.skipped_count == 1
    # Two lines about the same thing are added up.
    assert (row.report, row.uncached_input_tokens, row.output_tokens, row.web_search_count) == (USAGE, 1300, 55, 1)
    assert (row.starts_at, row.ends_at) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    assert (row.model, row.workspace, row.api_key, row.service_tier) == ("claude-opus-4-5", "Shop", "ci", "standard")
    (cost,) = csv_file.parse("Date;Model;Cost (USD)\n03/01/2026;Claude Opus 4.5;$1.50\n").rows
    assert (cost.report, cost.amount_usd, cost.starts_at.day) == (COST, 1.5, 1)
    (cents,) = csv_file.parse("starting_at,amount,currency\n2026-03-01T00:00:00Z,150.5,USD\n2026-03-01,9,EUR\n").rows
    assert cents.amount_usd == pytest.approx(1.505)


def test_the_exports_of_the_console_are_read_whole() -> None:
    """Headings and forms as of 2026: models have the names that people see, the cost report has a row per kind of token."""
    usage = csv_file.parse(
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
        "usage_output_tokens,web_search_count,inference_geo,speed\n"
        "2026-08-05,claude-opus-5,ci,Default,standard,≤ 200k,46981,15969,7,9,16932,1,global,\n"
    )
    (row,) = usage.rows
    assert usage.notes == ()
    assert (row.uncached_input_tokens, row.cache_write_5m_tokens, row.cache_write_1h_tokens) == (46981, 15969, 7)
    assert (row.cache_read_tokens, row.output_tokens, row.web_search_count) == (9, 16932, 1)
    cost = csv_file.parse(
        "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,"
        "inference_geo,speed,api_key_id,api_key_status\n"
        "2026-08-05,Claude Opus 5,Default,ci,message,≤ 200k,input_no_cache,0.23,0.26,token,global,,apikey_1,active\n"
        "2026-08-05,Claude Opus 5,Default,ci,message,≤ 200k,output,0.42,0.47,token,global,,apikey_1,active\n"
    )
    assert [(row.model, row.token_type, row.amount_usd) for row in cost.rows] == [
        ("Claude Opus 5", "input_no_cache", 0.23), ("Claude Opus 5", "output", 0.42),
    ]  # fmt: skip
    assert cost.notes == ()


def test_what_is_not_read_of_a_file_is_said() -> None:
    found = csv_file.parse("Date,Output Tokens,Tokens (cached),Total Tokens,List Price USD\n2026-03-01,5,7,12,1\n")
    assert [row.output_tokens for row in found.rows] == [5]
    unread, no_input = found.notes
    assert unread.endswith("not read: Tokens (cached).")
    assert "no column of input tokens" in no_input


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "no column with a date"), ("a,b\n1,2\n", "no column with a date"), ("date,model\n", "neither tokens nor")],
)
def test_a_file_that_is_no_report_is_said(text: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        csv_file.parse(text)


def test_odd_cells_are_left_out(tmp_path: Path) -> None:
    found = csv_file.parse(
        "date,output_tokens,cost\n2026-03-01,-5,nan\n2026-03-02,1e30,1e99\nsoon,1,1\n2026-03-04,7\n"
        "2026-03-05,\x00,inf\n"
    )
    assert [(row.starts_at.day, row.output_tokens) for row in found.rows] == [(4, 7)]
    assert found.skipped_count == 4
    with pytest.raises(StoreError, match="cannot be read"):
        csv_file.read(tmp_path / "none.csv")
    (tmp_path / "odd.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoreError, match="UTF-8"):
        csv_file.read(tmp_path / "odd.csv")


def test_rows_are_recorded_with_a_key_of_what_they_are_about(tmp_path: Path) -> None:
    paths = StorePaths(tmp_path / "home").ensure()
    row = ProviderRow(USAGE, "csv", SINCE, UNTIL, model="claude-opus-4-5", output_tokens=5)
    newer = ProviderRow(USAGE, "csv", SINCE, UNTIL, model="claude-opus-4-5", output_tokens=6)
    other = ProviderRow(USAGE, "csv", SINCE, UNTIL, model="claude-opus-4-5", workspace="", output_tokens=5)
    assert row.key == newer.key != other.key
    assert record(paths, [row, other]) == 2
    lines = [json.loads(line) for file in paths.spool.rglob("*.jsonl") for line in file.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["provider_usage"] * 2
    payload = lines[0]["payload"]
    assert payload.keys() <= FIELDS
    assert (payload["report_key"], payload["starts_at_ms"], payload["output_tokens"]) == (row.key, 1772323200000, 5)
