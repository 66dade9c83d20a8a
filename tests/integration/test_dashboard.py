"""The dashboard in a browser: numbers, filters, the SQL behind them, and what a page must not do."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import duckdb
import pytest

from agent_store.paths import StorePaths
from agent_store.show.dashboard import page
from agent_store.show.dashboard.collect import collect
from agent_store.show.dashboard.serve import server_of
from agent_store.show.report import collect as collect_report
from agent_store.store import open_store
from tests import chromium

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

LOOKS = ((390, "light"), (820, "dark"), (1440, "light"), (1440, "dark"))
_HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \u202egnp.exe \x1b]0;x\x07 {{data}} ${1} &amp;"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    chrome = chromium.start(tmp_path_factory.mktemp("browser"))
    if chrome is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    yield chrome
    chrome.quit()


class Page:
    """A page of the dashboard in the browser, beside its store."""

    def __init__(self, browser: Chrome, store: Path) -> None:
        self.browser = browser
        self.store = store
        self.file = store.parent / "dashboard.html"
        self.connection = duckdb.connect(str(store), read_only=True)

    def open(self, **state: str) -> Page:
        """Load the page anew at a place; what earlier pages logged is forgotten."""
        self.resize(1440)
        self.browser.get("about:blank")
        for kind in ("browser", "performance"):
            self.browser.get_log(kind)
        self.browser.get(self.file.as_uri() + self.hash(state))
        return self

    def go(self, **state: str) -> Page:
        self.run("location.hash = arguments[0]", self.hash(state))
        deadline = time.monotonic() + 5
        while self.run("return location.hash") != self.hash(state) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.run("window.dispatchEvent(new HashChangeEvent('hashchange'))")
        return self

    @staticmethod
    def hash(state: dict[str, str]) -> str:
        from urllib.parse import urlencode

        return f"#{urlencode(state)}" if state else "#"

    def resize(self, width: int) -> None:
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
        )

    def scheme(self, name: str) -> None:
        self.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]}
        )

    def run(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)

    def tiles(self) -> dict[str, tuple[list[float | None], str | None]]:
        """The numbers of each tile as they are, not as they are shown, and its SQL."""
        found = self.run(
            """
            return [...document.querySelectorAll(".tile")].map((tile) => [
                tile.id, [...tile.querySelectorAll("data")].map((one) => one.value),
                tile.querySelector(".sql")?.dataset.sql ?? null])
            """
        )
        return {
            name: ([float(value) if value else None for value in values], sql) for name, values, sql in found
        }

    def table(self, section: str, key: str = "cost_usd") -> tuple[dict[str, float | None], str]:
        """The first column of a section's table and the numbers of one column, all rows; and the section's SQL."""
        self.run(
            """
            const more = document.querySelector(`#${arguments[0]} .more`);
            if (more && more.textContent.startsWith("Show all")) more.click();
            """,
            section,
        )
        rows = self.run(
            """
            const table = document.querySelector(`#${arguments[0]} .scroll table`);
            if (!table) return [];
            const place = [...table.querySelectorAll("thead button")].findIndex((one) => one.dataset.key === arguments[1]);
            return [...table.querySelectorAll("tbody tr")].map((row) => {
                const head = row.children[0];
                const name = head.querySelector("[data-id]")?.dataset.id
                    ?? head.querySelector("summary")?.textContent.trim() ?? head.querySelector("[title]")?.title
                    ?? head.textContent;
                return [name, row.children[place].querySelector("data").value];
            });
            """,
            section,
            key,
        )
        sql = self.run(
            "return document.querySelector(`#${arguments[0]} .section-head .sql`).dataset.sql", section
        )
        return {name: float(value) if value else None for name, value in rows}, sql

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(text).fetchall()

    def complaints(self) -> list[str]:
        """What the browser had to say: errors, refused styles and scripts."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def requests(self) -> list[str]:
        """What the page asked for, itself left out."""
        asked = []
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return [url for url in asked if not url.startswith((self.file.as_uri(), "data:", "about:"))]


@pytest.fixture(scope="module", params=["sample_store", "corpus_store"])
def shown(request: pytest.FixtureRequest, browser: Chrome) -> Iterator[Page]:
    store: Path = request.getfixturevalue(request.param)
    page.write(StorePaths(store.parent))
    found = Page(browser, store)
    yield found
    found.connection.close()


def _filters(shown: Page) -> list[dict[str, str]]:
    """No filter, each alone, and several together, with what the store has most of."""
    day, project, model = shown.sql(
        "select cast(max_by(usage_date, cost_usd) as varchar), max_by(project_name, cost_usd), "
        "max_by(model_name, cost_usd) from v_spending where usage_date is not null"
    )[0]
    agent = shown.sql("select max_by(agent_name, cost_usd) from v_spending where agent_type = 'subagent'")[0][
        0
    ]
    user = shown.sql("select max(user_id) from v_session_report")[0][0]
    single: list[dict[str, str]] = [
        {}, {"from": day}, {"to": day}, {"from": day, "to": day}, {"project": project}, {"model": model},
        {"agent": "main agent"},
    ]  # fmt: skip
    if agent:
        single.append({"agent": agent})
    single.append({"user": user or "unknown"})
    together = {"from": day, "project": project, "model": model, "agent": "main agent"}
    return [*single, together, {"project": "no such project"}]


def _same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found == pytest.approx(expected, abs=1e-6, rel=1e-9)


def test_every_tile_is_what_its_sql_says_under_every_filter(shown: Page) -> None:
    shown.open()
    for filters in _filters(shown):
        tiles = shown.go(**filters).tiles()
        assert len(tiles) >= 10
        for name, (found, sql) in tiles.items():
            assert sql, name
            (expected,) = shown.sql(sql)
            assert len(found) <= len(expected), name
            assert all(map(_same, found, expected)), (filters, name, found, expected, sql)


@pytest.mark.parametrize(
    ("section", "key"),
    [("causes", "cost_usd"), ("sessions", "cost_usd"), ("skills", "work_cost_usd"), ("files", "cost_usd")],
)
def test_every_table_is_what_its_sql_says_under_every_filter(shown: Page, section: str, key: str) -> None:
    shown.open()
    for filters in _filters(shown):
        found, sql = shown.go(**filters).table(section, key)
        expected = dict(shown.sql(sql))
        assert set(found) == set(expected), (filters, sql)
        assert all(_same(found[name], expected[name]) for name in found), (filters, sql)


def test_the_numbers_are_those_of_the_store(shown: Page) -> None:
    """Not only what their own SQL says: what the other interfaces say."""
    tiles = shown.open().tiles()
    whole = shown.sql("select cost_usd, request_count, miss_extra_cost_usd from cost_by('all')")[0]
    assert _same(tiles["tile-spent"][0][0], whole[0])
    assert tiles["tile-responses"][0][0] == whole[1]
    assert _same(tiles["tile-misses"][0][0], whole[2])
    today = json.loads(_data(shown.file))["today"]
    last = shown.sql(f"select max(usage_date) from v_spending where usage_date <= date '{today}'")[0][0]
    is_used = shown.sql(f"select date_trunc('week', date '{last}') = date_trunc('week', date '{today}')")[0][
        0
    ]
    week = shown.sql(
        f"select cost_usd, usual_usd from spending_pace(date '{today if is_used else last}') where period = 'week'"
    )[0]
    assert _same(tiles["tile-week"][0][0], week[0])
    assert _same(tiles["tile-usual"][0][0], week[1])
    causes, _ = shown.table("causes")
    assert _same(sum(one or 0 for one in causes.values()), whole[0])
    ccusage = shown.run(
        "return [...document.querySelectorAll('#per-day .note data')].map((one) => one.value)"
    )
    assert _same(float(ccusage[0]), whole[0])
    theirs = shown.sql("select their_usd from v_reconciliation_total where comparison = 'ccusage daily'")[0][
        0
    ]
    assert _same(float(ccusage[1]), theirs)


def test_days_are_those_of_the_store(shown: Page) -> None:
    shown.open()
    shown.run("document.querySelector('#days .more')?.click()")
    found = shown.run(
        "return [...document.querySelectorAll('#days tbody tr')].map((row) => [row.children[0].textContent.slice(0, 10), "
        "row.children[1].querySelector('data').value])"
    )
    expected = shown.sql(
        "select cast(usage_date as varchar), cost_usd from v_cost_daily where usage_date is not null"
    )
    assert {day for day, _ in found} == {day for day, _ in expected}
    assert all(_same(float(cost) if cost else None, dict(expected)[day]) for day, cost in found)


def test_a_click_leads_from_a_day_to_the_line_of_the_log(shown: Page) -> None:
    shown.open()
    clicks = (
        # The bar that is a day; then links, each to the next.
        """
        const chart = document.querySelector('#day-chart svg');
        const bars = [...chart.querySelectorAll('rect')].map((one) => one.getBoundingClientRect());
        const most = bars.reduce((a, b) => (a.height > b.height ? a : b));
        const place = {clientX: most.x + most.width / 2, clientY: most.y + 1, bubbles: true};
        chart.dispatchEvent(new MouseEvent('click', place));
        """,
        "document.querySelector('#sessions tbody a').click()",
        "document.querySelector('#prompts tbody a').click()",
        "document.querySelector('#segments tbody a.path').click()",
    )
    places = []
    for click in clicks:
        shown.run(click)
        time.sleep(0.1)
        places.append(shown.run("return location.hash"))
    assert re.fullmatch(r"#from=([0-9-]+)&to=\1", places[0])
    assert "view=session" in places[1]
    assert "view=prompt" in places[2]
    assert "view=line" in places[3]
    command = shown.run("return document.querySelector('.command code').textContent")
    path, number = re.fullmatch(r"agent-store line '(.+)' (\d+)", command).groups()  # type: ignore[union-attr]
    known = shown.sql(
        f"select count(*) from fact_context_segment where _source_path = '{path}' and _source_line = {number}"
    )
    assert known[0][0] > 0
    assert shown.complaints() == []


def test_a_session_adds_up_to_its_cost(shown: Page) -> None:
    session, cost = shown.sql(
        "select session_id, cost_usd from v_session_report order by cost_usd desc nulls last limit 1"
    )[0]
    shown.open(view="session", id=session)
    assert _same(float(shown.run("return document.querySelector('.facts data').value")), cost)
    for section in ("session-causes", "prompts"):
        key = "cost_usd" if section == "session-causes" else "caused_cost_usd"
        found = shown.run(
            """
            const table = document.querySelector(`#${arguments[0]} table`);
            const place = [...table.querySelectorAll("thead button")].findIndex((one) => one.dataset.key === arguments[1]);
            return [...table.querySelectorAll("tbody tr")].map((row) => row.children[place].querySelector("data").value);
            """,
            section,
            key,
        )
        assert sum(float(one) for one in found if one) == pytest.approx(cost, abs=1e-6)


def test_it_asks_for_nothing_and_nothing_is_refused(shown: Page) -> None:
    shown.open()
    shown.run("for (const one of document.querySelectorAll('details')) one.open = true")
    shown.run("document.querySelector('.sql').click()")
    assert shown.run("return document.querySelector('dialog').open")
    assert shown.run("return document.querySelector('dialog pre').textContent").startswith("select")
    time.sleep(0.3)
    assert shown.complaints() == []
    assert shown.requests() == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_nothing_sticks_out_and_everybody_can_use_it(shown: Page, width: int, scheme: str) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    session = shown.sql("select session_id from v_session_report order by cost_usd desc nulls last limit 1")[
        0
    ][0]
    prompt = shown.sql("select prompt_id from v_expensive_prompt where cost_rank = 1")[0][0]
    shown.open()
    shown.scheme(scheme)
    shown.resize(width)
    for place in ({}, {"view": "session", "id": session}, {"view": "prompt", "id": prompt}):
        shown.go(**place)
        time.sleep(0.1)
        sizes = shown.run("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert sizes[0] <= sizes[1], place
        out = shown.run(
            """
            return [...document.querySelectorAll("main *")].filter((one) => !one.closest(".scroll, svg, .offscreen")
                && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 120));
            """
        )
        assert out == [], place
        shown.run(axe)
        found = shown.browser.execute_async_script(
            "const done = arguments[arguments.length - 1]; axe.run({resultTypes: ['violations']}).then(done);"
        )
        serious = [
            (one["id"], [node["html"][:160] for node in one["nodes"]][:3])
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
        assert serious == [], place


def test_findings_and_suggestions_are_those_of_the_report(shown: Page) -> None:
    shown.open()
    with open_store(StorePaths(shown.store.parent)) as connection:
        report = collect_report(connection, str(shown.store))
    listed = shown.run(
        "return [...document.querySelectorAll('#findings li')].map((one) => one.firstChild.textContent)"
    )
    assert listed == [one.short for one in report.findings if one.count]
    suggested = shown.run(
        "return [...document.querySelectorAll('#advice tbody tr td:nth-child(2) span')]"
        ".map((one) => one.firstChild.textContent)"
    )
    expected = [one.suggestion for one in report.optimizations or report.advice]
    assert suggested == expected[:10]


def test_names_of_tools_and_files_keep_their_letters(shown: Page) -> None:
    shown.open()
    names = shown.run(
        "return [...document.querySelectorAll('#causes ol.names span')].map((one) => [one.title, one.textContent])"
    )
    assert ["system_prompt", "system prompt"] in names
    tools = [pair for pair in names if pair[0].startswith(("mcp__", "/"))]
    assert tools
    for name, text in tools:
        assert all(part in name for part in text.split("…")), (name, text)


def test_tables_are_sorted_and_filtered_from_the_keyboard(shown: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    shown.open()
    column = (
        "return [...document.querySelectorAll('#sessions tbody tr')]"
        ".map((row) => Number(row.children[1].querySelector('data').value))"
    )
    assert shown.run(column) == sorted(shown.run(column), reverse=True)
    header = shown.browser.find_element("css selector", "#sessions thead button[data-key=cost_usd]")
    header.send_keys(Keys.ENTER)
    assert shown.run("return document.activeElement.dataset.key") == "cost_usd"
    assert (
        shown.run("return document.querySelector('#sessions th[aria-sort]').getAttribute('aria-sort')")
        == "ascending"
    )
    assert shown.run(column) == sorted(shown.run(column))
    title = shown.sql(
        "select any_value(session_title) from v_spending where length(session_title) > 8 group by session_id limit 1"
    )[0][0]
    shown.browser.find_element("css selector", "#sessions input").send_keys(title[:8])
    names = shown.run(
        "return [...document.querySelectorAll('#sessions tbody tr a')].map((one) => one.textContent)"
    )
    assert names
    rows = shown.run(
        "return [...document.querySelectorAll('#sessions tbody tr')].map((one) => one.textContent)"
    )
    assert all(title[:8].lower() in row.lower() for row in rows)


def test_the_page_is_small_and_its_owners(shown: Page) -> None:
    assert shown.file.stat().st_size <= 3_000_000
    assert shown.file.stat().st_mode & 0o777 == 0o600
    assert "default-src 'none'" in shown.file.read_text(encoding="utf-8")


# --- without a store of a build -----------------------------------------------------------------------------


def _data(file: Path) -> str:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', file.read_text(encoding="utf-8"), re.S
    )
    assert found
    return found[1]


@pytest.fixture
def hostile(sample_store: Path, tmp_path: Path) -> StorePaths:
    """The sample with names and texts that try to get out of theirs."""
    paths = StorePaths(tmp_path / "home").ensure()
    with open_store(StorePaths(sample_store.parent)) as connection:
        data = collect(connection)
    data["texts"] = [_HOSTILE + text for text in data["texts"]]
    data["data"]["sessions"]["title"] = [_HOSTILE for _ in data["data"]["sessions"]["title"]]
    data["data"]["prompts"]["prompt_text"] = [_HOSTILE for _ in data["data"]["prompts"]["prompt_text"]]
    paths.dashboard.write_text(page.render(data), encoding="utf-8")
    return paths


def test_hostile_texts_are_shown_as_text(hostile: StorePaths, browser: Chrome) -> None:
    for _ in ("browser", "performance"):
        browser.get_log(_)
    browser.get(hostile.dashboard.as_uri())
    assert browser.execute_script("return document.querySelectorAll('main img, main script').length") == 0
    title = browser.execute_script("return document.querySelector('#sessions tbody a').textContent")
    assert title == _HOSTILE
    browser.execute_script("document.querySelector('#sessions tbody a').click()")
    time.sleep(0.2)
    assert browser.execute_script("return document.querySelectorAll('main img, main script').length") == 0
    assert [one["message"] for one in browser.get_log("browser")] == []


def test_control_characters_are_made_visible(tmp_path: Path) -> None:
    from agent_store.show.dashboard import collect as module

    texts = module._Texts()
    texts.number("a\u202eb\x1b[2J")
    assert texts.listed == ["a\\u202eb\\x1b[2J"]


def test_the_parts_hold_nothing_that_ends_them() -> None:
    for name in ("vendor/plot.js", "assets/dashboard.js"):
        text = page._asset(name)
        assert "</script" not in text
        assert "<!--" not in text
    assert "</style" not in page._asset("assets/dashboard.css")


def test_a_store_without_a_view_still_gives_a_page(
    sample_store: Path, tmp_path: Path, browser: Chrome
) -> None:
    paths = StorePaths(tmp_path / "home").ensure()
    shutil.copyfile(sample_store, paths.store)
    paths.store.chmod(0o600)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{paths.store}' as agent_store")
        kinds = dict(
            connection.execute(
                "select table_name, replace(lower(table_type), 'base ', '') from information_schema.tables"
            ).fetchall()
        )
        for view in ("v_cost_cause", "v_optimization", "v_expensive_prompt", "v_session_miss"):
            connection.execute(f"drop {kinds[view]} agent_store.{view}")
    page.write(paths)
    browser.get_log("browser")
    browser.get(paths.dashboard.as_uri())
    assert "v_cost_cause" in browser.execute_script("return document.querySelector('#coverage').textContent")
    assert browser.execute_script("return document.querySelectorAll('#day-chart rect').length") > 0
    assert [one["message"] for one in browser.get_log("browser")] == []


def test_a_store_without_spending_says_which(sample_store: Path, tmp_path: Path, browser: Chrome) -> None:
    paths = StorePaths(tmp_path / "home").ensure()
    shutil.copyfile(sample_store, paths.store)
    paths.store.chmod(0o600)
    for statement, said in (
        ("delete from v_spending", "There is no API response"),
        ("drop table v_spending", "not in this store: spending"),
    ):
        with duckdb.connect(str(paths.store)) as connection:
            connection.execute(statement)
        page.write(paths)
        browser.get("about:blank")
        browser.get(paths.dashboard.as_uri())
        shown = browser.execute_script("return document.querySelector('main').textContent")
        assert said in shown
        assert ("There is no API response" in shown) == statement.startswith("delete")


def test_the_page_is_of_the_store_that_is_published_last(
    sample_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a build has forgotten meanwhile does not come back with a page that was begun before."""
    paths = StorePaths(tmp_path / "home").ensure()
    shutil.copyfile(sample_store, paths.store)
    begun = iter(("of the old store", "of the new store"))

    def text_of(_: StorePaths) -> str:
        if (text := next(begun)) == "of the old store":
            fresh = paths.home / "fresh"
            shutil.copyfile(sample_store, fresh)
            fresh.replace(paths.store)
        return text

    monkeypatch.setattr(page, "text_of", text_of)
    page.write(paths)
    assert paths.dashboard.read_text() == "of the new store"


def test_it_is_served_to_who_knows_the_address_and_follows_a_new_store(
    sample_store: Path, tmp_path: Path, browser: Chrome
) -> None:
    paths = StorePaths(tmp_path / "home").ensure()
    shutil.copyfile(sample_store, paths.store)
    paths.store.chmod(0o600)
    server, address = server_of(paths, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        origin = address.split("/", 3)[:3]
        for url, host in (
            ("/".join([*origin, ""]), None),
            ("/".join([*origin, "x", ""]), None),
            (address, "evil.example"),
        ):
            request = Request(url, headers={"Host": host} if host else {})
            with pytest.raises(HTTPError) as refused:
                urlopen(request, timeout=10)
            assert refused.value.code in {404, 421}
        browser.get_log("browser")
        browser.get(f"{address}#project=shop")
        assert browser.execute_script("return document.querySelectorAll('.tile').length") > 5
        first = browser.execute_script("return document.documentElement.dataset.version")
        fresh = paths.home / "fresh.duckdb"
        shutil.copyfile(sample_store, fresh)
        fresh.chmod(0o600)
        # A page that is there stays while there is no store.
        paths.store.unlink()
        time.sleep(2.5)
        assert browser.execute_script("return document.querySelectorAll('.tile').length") > 5
        fresh.replace(paths.store)
        deadline = time.monotonic() + 15
        while browser.execute_script("return document.documentElement.dataset.version") == first:
            assert time.monotonic() < deadline, "the page did not load itself again"
            time.sleep(0.2)
        assert browser.execute_script("return location.hash") == "#project=shop"
        assert [one["message"] for one in browser.get_log("browser")] == []
    finally:
        server.shutdown()
        server.server_close()


# --- a store of odd names, people, days and sessions ----------------------------------------------------------

_ODD_PROJECT = 'it\'s "a\\b" \u202egnp</script>\x1b[2J'
_ODD_USER = "o'hara\u200f"
_LONG = "long-name " * 500


@pytest.fixture(scope="module")
def odd(sample_store: Path, tmp_path_factory: pytest.TempPathFactory, browser: Chrome) -> Iterator[Page]:
    """The sample with names that SQL and browsers could take for something else; one session has no day, one has
    expired, and one has no response.
    """
    paths = StorePaths(tmp_path_factory.mktemp("odd")).ensure()
    shutil.copyfile(sample_store, paths.store)
    paths.store.chmod(0o600)
    with duckdb.connect(str(paths.store)) as connection:
        spent = connection.execute(
            "select session_id from v_spending where session_id in (select session_id from v_outcome_day) "
            "group by session_id order by sum(cost_usd) desc nulls last"
        ).fetchall()
        undated, expired, silent = (session for (session,) in spent[:3])
        for table in ("dim_session", "v_spending"):
            connection.execute(
                f"update {table} set project_name = ? where project_name = 'shop'", [_ODD_PROJECT]
            )
        connection.execute(
            "update dim_session set user_id = (['unknown', 'all', ?])[1 + cast(hash(session_id) % 3 as bigint)]",
            [_ODD_USER],
        )
        for column, table, renamed in (
            ("model_name", "dim_model", {"claude-opus-5-5": "all", "claude-sonnet-5": "unknown"}),
            ("agent_name", "dim_agent", {"Explore": _LONG, "reviewer": "none"}),
        ):
            for old, new in renamed.items():
                for one in (table, "v_spending", "v_cost_cause", "v_ccusage_day"):
                    connection.execute(f"update {one} set {column} = ? where {column} = ?", [new, old])
        for column, table in (
            ("session_title", "v_spending"), ("title", "dim_session"), ("skill_name", "fact_skill_invocation"),
            ("file_path", "fact_context_segment"), ("cause_name", "v_cost_cause"),
        ):  # fmt: skip
            connection.execute(f"update {table} set {column} = ? where hash({column}) % 2 = 0", [_LONG])
        for table in ("v_spending", "v_cost_cause", "v_ccusage_day"):
            connection.execute(f"update {table} set usage_date = null where session_id = ?", [undated])
            connection.execute(f"delete from {table} where session_id = ?", [silent])
        for table in ("dim_session", "fact_session"):
            connection.execute(f"delete from {table} where session_id = ?", [expired])
        # A day that is complete in one project, and not in another.
        connection.execute(
            "insert into v_completeness select * replace ('elsewhere' as project_name, '/elsewhere' as project_path, "
            "false as is_complete) from v_completeness where is_complete order by activity_date desc limit 1"
        )
        connection.execute("update store_build set timezone = 'Asia/Tokyo'")
    page.write(paths)
    found = Page(browser, paths.store)
    yield found
    found.connection.close()


def test_odd_names_days_and_people_are_filtered_as_their_sql_says(odd: Page) -> None:
    odd.open()
    from agent_store.visible import visible

    options = odd.run(
        "return Object.fromEntries(['project', 'model', 'agent', 'user'].map((name) => [name, "
        "[...document.querySelectorAll(`select[name=${name}] option`)].map((one) => one.value).filter(Boolean)]))"
    )
    wanted = {
        "project": [visible(_ODD_PROJECT)], "model": ["all", "unknown"], "agent": [_LONG],
        "user": [visible(_ODD_USER), "unknown"],
    }  # fmt: skip
    for name, values in wanted.items():
        for one in values:
            assert one in options[name]
            _is_as_sql_says(odd.go(**{name: one}))
    day = odd.sql("select max(usage_date) from v_spending")[0][0]
    _is_as_sql_says(odd.go(**{"to": str(day), "user": "unknown"}))
    assert odd.complaints() == []


def test_days_are_complete_or_not_by_time_and_project(odd: Page) -> None:
    odd.open()
    text = odd.run("return document.querySelector('#coverage').textContent")
    assert "The store covers 27 of 33 days with activity." in text
    assert "1 day without a witness" in text
    for place, days in (({}, 5), ({"model": "no such model"}, 5), ({"to": "2026-09-01"}, 2), ({"project": "elsewhere"}, 1)):
        odd.open(**place)
        count, sql = odd.run(
            "const one = document.querySelector('#coverage .plain li');"
            "return [Number(one.querySelector('data').value), one.querySelector('.sql').dataset.sql]"
        )
        assert count == len(odd.sql(sql)) == days, place


def test_what_has_no_day_is_said_beside_the_days(odd: Page) -> None:
    undated = odd.sql("select sum(cost_usd) from v_spending where usage_date is null")[0][0]
    odd.open()
    assert f"${undated:.2f} of it has no day" in odd.run(
        "return document.querySelector('#per-day').textContent"
    )
    day = odd.sql("select max(usage_date) from v_spending")[0][0]
    odd.open(**{"from": str(day)})
    assert "no day" not in odd.run("return document.querySelector('#per-day').textContent")


def test_an_expired_session_began_in_the_time_zone_of_the_others(odd: Page) -> None:
    session, began = odd.sql(
        "select session_id, strftime(min(first_called_at) + interval 9 hour, '%Y-%m-%d %H:%M') from v_spending "
        "where session_id not in (select session_id from v_session_report) group by all"
    )[0]
    odd.open(view="session", id=session)
    assert began in odd.run("return document.querySelector('.facts').textContent")


@pytest.mark.parametrize("width", [320, 1440])
def test_long_names_stay_in_their_place(odd: Page, width: int) -> None:
    """320 px is a phone, or a window at 400 %."""
    session = odd.sql("select session_id from v_spending where agent_name = ?".replace("?", f"'{_LONG}'"))[0][
        0
    ]
    for place in ({}, {"view": "session", "id": session}):
        odd.open(**place)
        odd.resize(width)
        time.sleep(0.2)
        sizes = odd.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1], place
        high = odd.run(
            "return [...document.querySelectorAll('main tr, main .crumbs, main h2, .tile, header')]"
            ".filter((one) => one.getBoundingClientRect().height > 500).map((one) => one.outerHTML.slice(0, 200))"
        )
        assert high == [], place


def _is_as_sql_says(shown: Page) -> None:
    """The sum of everything is more than nothing, too."""
    place = shown.run("return location.hash")
    for name, (found, sql) in shown.tiles().items():
        assert sql, name
        (expected,) = shown.sql(sql)
        assert all(map(_same, found, expected)), (place, name, found, expected, sql)
    for section, key in (
        ("causes", "cost_usd"),
        ("sessions", "cost_usd"),
        ("skills", "work_cost_usd"),
        ("files", "cost_usd"),
    ):
        rows, sql = shown.table(section, key)
        assert len(rows) == len(shown.sql(sql)), (place, sql)
        assert _same(sum(one or 0 for one in rows.values()), sum(row[1] or 0 for row in shown.sql(sql))), (
            place,
            sql,
        )


# --- addresses and keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "view=foo",
        "view=toString",
        "view=__proto__",
        "from=2026-99-99",
        "to=2026-02-30",
        "from=%00&id=<script>",
    ],
)
def test_an_address_that_names_nothing_shows_the_overview(odd: Page, address: str) -> None:
    odd.open()
    odd.run("location.hash = arguments[0]", address)
    time.sleep(0.3)
    assert odd.run("return !document.getElementById('filters').hidden")
    found, sql = odd.tiles()["tile-spent"]
    assert _same(found[0], odd.sql(sql or "")[0][0])
    assert _same(found[0], odd.sql("select sum(cost_usd) from v_spending")[0][0])
    assert odd.complaints() == []


def test_an_address_puts_nothing_into_a_command(odd: Page) -> None:
    for line in ("1; reboot", "1 $(reboot)", "-1"):
        odd.open(view="line", id="it's", line=line)
        assert odd.run("return document.querySelector('.command code')") is None
    odd.open(view="line", id="it's", line="3")
    command = odd.run("return document.querySelector('.command code').textContent")
    assert command == "agent-store line 'it'\\''s' 3"


def test_the_keyboard_keeps_its_place(odd: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    odd.open(model="all")
    keys = odd.browser.switch_to
    odd.run("document.querySelector('.skip').focus()")
    keys.active_element.send_keys(Keys.ENTER)
    time.sleep(0.2)
    assert odd.run("return [location.hash, document.activeElement.id]") == ["#model=all", "main"]
    odd.open()
    odd.run("document.querySelector('#sessions .more').focus()")
    keys.active_element.send_keys(Keys.ENTER)
    assert odd.run("return document.activeElement.textContent") == "Show 5"
    odd.run("document.querySelector('#sessions .sql').focus()")
    keys.active_element.send_keys(Keys.ENTER)
    assert odd.run("return document.querySelector('dialog').open")
    keys.active_element.send_keys(Keys.ESCAPE)
    assert odd.run("return [document.querySelector('dialog').open, document.activeElement.className]") == [
        False,
        "sql",
    ]
    odd.open(**{"from": "2026-10-01"})
    odd.run("document.querySelector('#reset').focus()")
    keys.active_element.send_keys(Keys.ENTER)
    time.sleep(0.2)
    assert odd.run("return document.activeElement.closest('#filters') !== null")


# --- where it is written and who asks for it ------------------------------------------------------------------


def test_a_copy_is_written_only_where_forgetting_finds_it(
    sample_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from agent_store import cli
    from agent_store.serve.export import known

    paths = StorePaths(tmp_path / "home").ensure()
    shutil.copyfile(sample_store, paths.store)
    paths.store.chmod(0o600)
    monkeypatch.setenv("AGENT_STORE_HOME", str(paths.home))

    def out(place: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.cli, ["dashboard", "--out", place])
        return done.exit_code, f"{done.output} {done.exception}"

    (tmp_path / "link").symlink_to(paths.home)
    before = paths.store.read_bytes()
    for place, why in (
        (paths.store, "is in the home"),
        (tmp_path / "link" / "copy.html", "is in the home"),
        (tmp_path / "nowhere" / "copy.html", "cannot be written"),
        ("", "is empty"),
    ):
        code, said = out(str(place))
        assert code != 0
        assert why in said
    assert paths.store.read_bytes() == before
    assert known.known(paths) == []

    mine = tmp_path / "mine.txt"
    mine.write_text("stays")
    copy = tmp_path / "copy.html"
    copy.symlink_to(mine)
    assert out(str(copy))[0] == 0
    assert mine.read_text() == "stays"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert known.known(paths) == [copy]

    paths.store.unlink()
    assert out(str(mine))[0] != 0
    assert known.known(paths) == [copy], "a file that was not written over is not ours"


def test_odd_requests_are_answered_and_say_nothing_in_the_terminal(
    sample_store: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server, address = server_of(StorePaths(sample_store.parent), 0)
    word = address.split("/")[3]
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def ask(target: str, *, is_read: bool = True) -> bytes:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as caller:
            caller.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
            return caller.makefile("rb").readline() if is_read else b""

    try:
        for target in ("http://[", f"/{word}/line?path=a&line={'9' * 5000}", f"/{word}/line?path=a&line=²"):
            assert re.match(rb"HTTP/1.0 [45]\d\d", ask(target)), target
        ask(f"/{word}/", is_read=False)
        time.sleep(0.2)
        assert b"200" in ask(f"/{word}/")
    finally:
        server.shutdown()
        server.server_close()
    assert capfd.readouterr().err == ""
