"""The second week, with clients 2.1.20 and 2.1.98."""

# What tools print stands on one line, with the signs that they use; a story is told in one go.
# ruff: noqa: E501, RUF001

from __future__ import annotations

from maker.clients import V2_1_20, V2_1_98
from maker.writer import Call, Project, Session, Thread, World

OPUS_4_5 = "claude-opus-4-5-20251101"
OPUS_4_7 = "claude-opus-4-7"
SONNET_4_6 = "claude-sonnet-4-6"
HAIKU_4_5 = "claude-haiku-4-5-20251001"
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

JEST_RED = """FAIL src/checkout.test.ts
  ✓ an empty cart cannot be paid (2 ms)
  ✕ an address without a domain cannot be paid (3 ms)

  ● an address without a domain cannot be paid

    expect(received).toBe(expected) // Object.is equality

    Expected: false
    Received: true

      at Object.toBe (src/checkout.test.ts:9:53)

Test Suites: 1 failed, 1 passed, 2 total
Tests:       1 failed, 3 passed, 4 total
Snapshots:   0 total
Time:        1.204 s
Ran all test suites."""
JEST_GREEN = """PASS src/checkout.test.ts
PASS src/cart.test.ts

Test Suites: 2 passed, 2 total
Tests:       4 passed, 4 total
Snapshots:   0 total
Time:        1.131 s
Ran all test suites."""
CHECKOUT_TEST = """import { canPay } from "./checkout";

const line = { sku: "mug-blue", quantity: 1, unitCents: 1290 };

test("an empty cart cannot be paid", () => {
  expect(canPay({ lines: [], email: "ann@example.com" })).toBe(false);
});

test("an address without a domain cannot be paid", () => {
  expect(canPay({ lines: [line], email: "ann@" })).toBe(false);
});
"""


def _wait_for(seconds: float, out: str) -> Call:
    def show(thread: Thread, call: Call) -> None:
        for second in (2, 3):
            thread.clock.wait(seconds / 3)
            shown = out[: 60 * second]
            thread.progress(
                call,
                type="bash_progress",
                output=shown[-60:],
                fullOutput=shown,
                elapsedTimeSeconds=second,
                totalLines=shown.count("\n") + 1,
                timeoutMs=120000,
            )
        thread.clock.wait(seconds / 3)

    return Call("", {}, before=show)


def checkout(world: World, shop: Project) -> Session:
    """Shop, 2.1.20: tasks, progress lines, a subagent whose usage is nested in the main file, jest, MCP."""
    s = Session(world, V2_1_20, shop, "2026-09-21T07:12:33", OPUS_4_5)
    s.start_hook("Open points of last week: importer loses cents.")
    main = s.thread
    main.prompt(
        "The checkout accepts 'ann@' as an address. Add jest tests for canPay and fix it. Ask the catalog server how many "
        "blue mugs are in stock for the example data."
    )
    main.step(
        "I'll split this into tasks.",
        main.task_new("Write jest tests for canPay", "Cover empty carts and broken addresses"),
        main.task_new("Fix canPay", "Refuse addresses without a domain"),
        think="Three parts: tests, the fix, the stock question. Tests first.",
    )
    main.step("", main.task_set(1, "in_progress"))

    def explore(side: Thread) -> str:
        side.step(
            "I'll look for callers.",
            side.grep(
                "canPay",
                [("web/src/checkout.ts", 8, "export function canPay(checkout: Checkout): boolean {")],
                "web",
            ),
        )
        side.step("", side.read("web/src/checkout.ts"), side.read("web/src/cart.ts"))
        report = "canPay is defined in web/src/checkout.ts:8 and has no caller yet besides the page (not in this folder). It only looks for '@'."
        side.say(report)
        return report

    main.step(
        "",
        main.agent(
            "Explore checkout",
            "Find canPay, its callers and its tests.",
            "Explore",
            explore,
            model=HAIKU_4_5,
            alias="haiku",
        ),
        main.mcp("catalog", "stock", {"sku": "mug-blue"}, '{"sku": "mug-blue", "stock": 40}'),
    )
    main.step("", main.write("web/src/checkout.test.ts", CHECKOUT_TEST))
    run = main.bash("cd web && npx jest", JEST_RED, "Run jest", code=1)
    run.before = _wait_for(4.2, JEST_RED).before
    main.step("", run)
    main.step("One test fails, as it should.", main.task_set(1, "completed"), main.task_set(2, "in_progress"))
    main.step(
        "",
        main.edit(
            "web/src/checkout.ts",
            'checkout.email.includes("@")',
            "/^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$/.test(checkout.email)",
        ),
    )
    again = main.bash("cd web && npx jest", JEST_GREEN, "Run jest")
    again.before = _wait_for(3.9, JEST_GREEN).before
    main.step("", again)
    main.step(
        "", main.bash("cd web && npx tsc --noEmit && npx eslint src", "", "Types and lint", seconds=5.4)
    )
    main.step("", main.task_set(2, "completed"))
    main.say(
        "`canPay` wants a full address now. Two new tests, four pass, `tsc` and `eslint` are clean. The catalog has 40 blue mugs."
    )
    main.done(hook=0.3, pause=600)
    main.prompt("what did the catalog server say about red mugs?")
    main.step(
        "",
        main.mcp(
            "catalog", "stock", {"product": "mug-red"}, "MCP error -32602: missing argument: sku", fail=True
        ),
    )
    main.step("", main.mcp("catalog", "stock", {"sku": "mug-red"}, '{"sku": "mug-red", "stock": 12}'))
    main.say("12 red mugs. My first call used a wrong argument name.")
    main.done(hook=0.3)
    s.save()
    return s


def _noise(lines: int) -> str:
    rows = []
    for number in range(1, lines + 1):
        took = (number * 7919) % 97 / 1000
        rows.append(
            f"[{number:04d}] GET /products?q=mug%20{number % 17} 200 {took:.3f}s cache={'hit' if number % 3 else 'miss'}"
        )
    return "\n".join(rows)


def load_test(world: World, shop: Project) -> Session:
    """Shop, 2.1.20: an image in a prompt, a spilled result, micro-compaction, then automatic compaction."""
    s = Session(world, V2_1_20, shop, "2026-09-22T08:30:00", SONNET_4_6)
    s.show_progress = False
    main = s.thread
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
    text = "The graph shows the search getting slow above 20 users. Run the load test and tell me why. [Image #1]"
    main.prompt(text, blocks=[{"type": "text", "text": text}, image])
    first = main.step(
        "",
        main.bash(
            "python tools/load.py --users 40", _noise(640), "Run the load test", seconds=21, spill=True
        ),
    )
    second = main.step(
        "The output is large; I'll look at the slowest lines.",
        main.bash("sort -k4 -t' ' ~/tmp/load.log | tail -60", _noise(60), "Show the slowest requests"),
        main.read("shop/catalog.py"),
    )
    third = main.step(
        "",
        main.bash(
            "python -m cProfile -s cumtime -c 'from shop.catalog import search; [search(\"mug\") for _ in range(9999)]' | head -120",
            _noise(120),
            "Profile the search",
            seconds=6.5,
        ),
    )
    main.say(
        "Every search walks all products and lowers each title again. With 40 users this is most of the time."
    )
    main.done(hook=0.2, pause=240)
    main.prompt("build an index of words once, and keep search() as it is for callers")
    main.microcompact([*first, *second[:1], *third])
    main.step(
        "",
        main.edit(
            "shop/catalog.py",
            "def search(words: str) -> list[Product]:",
            "def _index() -> dict[str, set[str]]:\n    index: dict[str, set[str]] = {}\n    for product in PRODUCTS.values():\n"
            '        for word in product.title.lower().replace(",", " ").split():\n            index.setdefault(word, set()).add(product.sku)\n'
            "    return index\n\n\nINDEX = _index()\n\n\ndef search(words: str) -> list[Product]:",
        ),
    )
    main.step(
        "",
        main.edit(
            "shop/catalog.py",
            "    return [p for p in PRODUCTS.values() if all(word in p.title.lower() for word in wanted)]",
            "    found = [INDEX.get(word, set()) for word in wanted]\n    return [PRODUCTS[sku] for sku in sorted(set.intersection(*found))] if found else []",
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q && ruff check . && mypy shop",
            'shop/catalog.py:36: error: Need type annotation for "found"  [var-annotated]\nFound 1 error in 1 file (checked 5 source files)',
            "Test, lint, types",
            code=1,
            seconds=7.2,
        ),
    )
    main.step("", main.edit("shop/catalog.py", "    found = [", "    found: list[set[str]] = ["))
    main.step(
        "",
        main.bash(
            "python -m pytest -q && ruff check . && mypy shop",
            "......                                                                   [100%]\n6 passed in 0.07s\nAll checks passed!\n"
            "Success: no issues found in 5 source files",
            "Test, lint, types",
            seconds=6.9,
        ),
    )
    main.say("`search` uses a word index built once. Tests, ruff and mypy pass.")
    main.done(hook=0.2, pause=30)
    main.prompt("run the load test again and compare")
    main.step(
        "",
        main.bash("python tools/load.py --users 40 --summary", _noise(300), "Run the load test", seconds=19),
    )
    main.compact(
        "1. search() in shop/catalog.py uses INDEX, a word index.\n2. The load test with 40 users was run before and after.\n"
        "3. Next: compare both runs for the person.",
        "auto",
    )
    main.step("", main.read("shop/catalog.py"))
    main.say(
        "Median time per request went from 61 ms to 9 ms with 40 users; there are no slow outliers left."
    )
    main.done(hook=0.2)
    s.save()
    return s


def importer_agents(world: World, ledger: Project) -> Session:
    """Ledger, 2.1.20: two agents at the same time change one file; 1 h and 5 m cache writes are mixed."""
    s = Session(world, V2_1_20, ledger, "2026-09-22T13:05:12", OPUS_4_5)
    s.mixed = True
    main = s.thread
    main.ttl = "1h"
    main.prompt(
        "Let two agents work on the importer at the same time: one writes better errors, the other fixes the lost cents in parse_amount."
    )
    path = "importer/src/lib.rs"
    at_start = ledger.files[ledger.full(path)]

    def errors(side: Thread) -> str:
        side.step("", side.read(path))
        side.step(
            "",
            side.edit(
                path,
                "//! Reads bank files: `date;text;amount`.",
                "//! Reads bank files: `date;text;amount`, one row per line.\n//! Rows that cannot be read give `None`.",
            ),
        )
        side.clock.wait(6)
        side.step(
            "",
            side.bash(
                "cd importer && cargo clippy -- -D warnings",
                "    Checking importer v0.1.0 (/home/dev/ledger/importer)\n    Finished `dev` profile [unoptimized + debuginfo] target(s) in 1.92s",
                "Lint",
                seconds=3.1,
            ),
        )
        report = "The module's documentation says what happens to broken rows. clippy is clean."
        side.say(report)
        return report

    def cents(side: Thread) -> str:
        meanwhile = ledger.files[ledger.full(path)]
        ledger.files[ledger.full(path)] = at_start
        side.step("", side.read(path))
        ledger.files[ledger.full(path)] = meanwhile
        side.step(
            "",
            side.bash(
                "cd importer && cargo test",
                "running 2 tests\ntest tests::rejects_text ... ok\ntest tests::parses_cents ... FAILED\n\nfailures:\n\n---- tests::parses_cents stdout ----\n"
                "assertion `left == right` failed\n  left: Some(114)\n right: Some(115)\n\nfailures:\n    tests::parses_cents\n\n"
                "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n"
                "error: test failed, to rerun pass `--lib`",
                "Run cargo test",
                code=101,
                seconds=4.4,
            ),
        )
        given = {
            "file_path": ledger.full(path),
            "old_string": "    Some((value * 100.0) as i64)",
            "new_string": "    Some((value * 100.0).round() as i64)",
        }
        side.step(
            "",
            side.failed(
                "Edit",
                given,
                "File has been modified since read, either by the user or by a linter. Read it again before attempting to write it.",
            ),
        )
        side.step("The other agent changed the file. I'll read it again.", side.read(path))
        side.step(
            "",
            side.edit(path, "    Some((value * 100.0) as i64)", "    Some((value * 100.0).round() as i64)"),
        )
        side.step(
            "",
            side.bash(
                "cd importer && cargo test",
                "running 2 tests\ntest tests::rejects_text ... ok\ntest tests::parses_cents ... ok\n\n"
                "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
                "Run cargo test",
                seconds=3.8,
            ),
        )
        report = "parse_amount rounds instead of cutting; 1,15 gives 115. Both tests pass."
        side.say(report)
        return report

    main.step(
        "I'll start both.",
        main.agent(
            "Better errors",
            "Improve the documentation of errors in importer/src/lib.rs.",
            "general-purpose",
            errors,
        ),
        main.agent(
            "Fix lost cents",
            "parse_amount in importer/src/lib.rs loses cents (1,15). Fix it and run cargo test.",
            "general-purpose",
            cents,
        ),
    )
    main.say(
        "Both are done. They met once in `lib.rs`; the second agent read the file again before its edit. `cargo test`: 2 passed."
    )
    main.done(hook=0.2, pause=200)
    main.prompt("start the file watcher in the background and tell me when it has read the first file")
    call, task = main.background("cd importer && cargo run -- watch ~/bank", "Watch the bank folder")
    main.step("", call)
    text = "watching /home/dev/bank\nread 2026-09.csv: 41 rows, 0 broken"
    output = {
        "task_id": task,
        "task_type": "local_bash",
        "status": "running",
        "description": "Watch the bank folder",
        "output": text,
        "exitCode": None,
    }
    main.step(
        "",
        Call(
            "TaskOutput",
            {"task_id": task, "block": True, "timeout": 30000},
            f"<retrieval_status>success</retrieval_status>\n\n<task_id>{task}</task_id>\n\n<status>running</status>\n\n<output>\n{text}\n</output>",
            {"retrieval_status": "success", "task": output},
            12,
        ),
    )
    main.say("It has read `2026-09.csv`: 41 rows, none broken.")
    main.done(hook=0.2)
    s.save()
    return s


SKILLS_98 = (
    "- weekly-review: Write the weekly review from git logs and notes. Use on Fridays or when the user asks for a review.\n"
    "- release-notes: Write release notes from merged pull requests.\n- init: Initialize a new CLAUDE.md file\n- review: Review a pull request"
)
DEFERRED_98 = [
    "AskUserQuestion",
    "EnterPlanMode",
    "ExitPlanMode",
    "NotebookEdit",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "WebFetch",
    "WebSearch",
    "mcp__catalog__search_products",
    "mcp__catalog__stock",
]


def open_98(main: Thread) -> None:
    """What 2.1.98 attaches to the first prompt."""
    main.attach(
        "deferred_tools_delta",
        weight="\n".join(DEFERRED_98),
        addedNames=DEFERRED_98,
        addedLines=DEFERRED_98,
        removedNames=[],
    )
    main.attach("skill_listing", weight=SKILLS_98, content=SKILLS_98, skillCount=4, isInitial=True)


def order_history(world: World, shop: Project) -> tuple[Session, Session]:
    """Shop, 2.1.98, twice at the same time: web search, prompts typed meanwhile, a file changed by the other session."""
    shop.branch = "order-history"
    s = Session(world, V2_1_98, shop, "2026-09-23T08:02:41", OPUS_4_7)
    s.start_hook("Branch order-history: orders need a customer.")
    s.attachments = open_98
    main = s.thread
    main.prompt(
        "Orders should know their customer and use timezone-aware times. See @shop/orders.py and look up what Python's docs say today about utcnow."
    )
    orders = shop.files[shop.full("shop/orders.py")]
    rows = orders.count("\n") + 1
    main.attach(
        "file",
        weight=orders,
        filename=shop.full("shop/orders.py"),
        displayPath="shop/orders.py",
        content={
            "type": "text",
            "file": {
                "filePath": shop.full("shop/orders.py"),
                "content": orders,
                "numLines": rows,
                "startLine": 1,
                "totalLines": rows,
            },
        },
    )
    rules = shop.files[shop.full("shop/CLAUDE.md")]
    main.attach(
        "nested_memory",
        weight=rules,
        path=shop.full("shop/CLAUDE.md"),
        displayPath="shop/CLAUDE.md",
        content={
            "path": shop.full("shop/CLAUDE.md"),
            "type": "Project",
            "content": rules,
            "contentDiffersFromDisk": False,
        },
    )
    main.step(
        "I need the web tools.",
        main.find_tools("select:WebSearch,WebFetch", ["WebSearch", "WebFetch"], 14),
        think="utcnow is deprecated; the docs will say which call to use.",
    )
    main.step(
        "",
        main.search_web(
            "python datetime utcnow deprecated replacement",
            [
                ("datetime - Basic date and time types", "https://docs.python.org/3/library/datetime.html"),
                ("What's new in Python 3.12", "https://docs.python.org/3/whatsnew/3.12.html"),
            ],
            "datetime.utcnow() is deprecated since 3.12. Use datetime.now(tz=UTC) to get an aware object.",
        ),
    )
    main.step(
        "",
        main.fetch(
            "https://docs.python.org/3/library/datetime.html",
            "What replaces utcnow?",
            "Use `datetime.now(timezone.utc)`, or `datetime.UTC` as an alias since 3.11.",
            311204,
        ),
    )
    main.step(
        "",
        main.edit(
            "shop/orders.py",
            "def place(order_id, cart, at=None):\n    at = at or datetime.now()",
            "def place(order_id: str, customer: str, cart: Cart, at: datetime | None = None) -> dict[str, object]:\n"
            '    """Keep a paid cart as an order."""\n    at = at or datetime.now(UTC)',
        ),
        main.edit(
            "shop/orders.py", "from datetime import datetime\n", "from datetime import UTC, datetime\n"
        ),
    )
    main.queue("and sort history() newest first")
    main.step(
        "",
        main.edit(
            "shop/orders.py",
            '"total": cart.total(), "at": at}',
            '"total": cart.total(), "at": at, "customer": customer}',
        ),
    )

    t = Session(world, V2_1_98, shop, "2026-09-23T08:03:50", OPUS_4_7)
    t.attachments = open_98
    other = t.thread
    other.prompt("quick one in a second window: type hints for ORDERS in shop/orders.py")
    other.step("", other.read("shop/orders.py"))
    other.step("", other.edit("shop/orders.py", "ORDERS = {}", "ORDERS: dict[str, dict[str, object]] = {}"))
    other.step(
        "", other.bash("mypy shop", "Success: no issues found in 5 source files", "Check types", seconds=3.1)
    )
    other.say("`ORDERS` is typed; mypy is clean.")
    other.done(hook=0.2)
    t.save()

    snippet = "5\t\n6\tfrom shop.cart import Cart\n7\t\n8\tORDERS: dict[str, dict[str, object]] = {}\n9\t"
    main.clock.now = max(main.clock.now, t.clock.now)
    main.attach("edited_text_file", weight=snippet, filename=shop.full("shop/orders.py"), snippet=snippet)
    stale = {
        "replace_all": False,
        "file_path": shop.full("shop/orders.py"),
        "old_string": "def history(customer):",
        "new_string": "def history(customer: str) -> list[dict[str, object]]:",
    }
    main.step(
        "",
        main.failed(
            "Edit",
            stale,
            "File has been modified since read, either by the user or by a linter. Read it again before attempting to write it.",
        ),
    )
    main.step("", main.read("shop/orders.py"))
    main.step(
        "",
        main.edit(
            "shop/orders.py",
            'def history(customer):\n    return [order for order in ORDERS.values() if order.get("customer") == customer]',
            'def history(customer: str) -> list[dict[str, object]]:\n    """List a customer\'s orders, newest first."""\n'
            '    found = [order for order in ORDERS.values() if order.get("customer") == customer]\n'
            '    return sorted(found, key=lambda order: str(order["at"]), reverse=True)',
        ),
    )
    main.step(
        "",
        main.write(
            "tests/test_orders.py",
            "from datetime import UTC, datetime\n\nfrom shop.cart import Cart\nfrom shop.orders import history, place\n\n\n"
            'def test_history_newest_first():\n    place("1", "ann", Cart(), datetime(2026, 1, 1, tzinfo=UTC))\n'
            '    place("2", "ann", Cart(), datetime(2026, 2, 1, tzinfo=UTC))\n    assert [o["at"].month for o in history("ann")] == [2, 1]\n',
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q tests/test_orders.py",
            ".                                                                        [100%]\n1 passed in 0.04s",
            "Test orders",
            seconds=1.4,
        ),
    )
    main.say(
        "Orders carry a customer and aware times; `history` is sorted newest first, as you asked meanwhile. Another window added type hints to the same file; I merged with them."
    )
    main.done(hook=0.2, pause=90)
    main.prompt("commit and push")
    main.step(
        "",
        main.bash(
            'git add -A && git commit -m "Orders know their customer" && git push -u origin order-history',
            "[order-history 7ac91f2] Orders know their customer\n 2 files changed, 24 insertions(+), 5 deletions(-)\n"
            "branch 'order-history' set up to track 'origin/order-history'.",
            "Commit and push",
            seconds=2.8,
        ),
    )
    main.say("Committed as 7ac91f2 and pushed.")
    main.done(hook=0.2)
    s.save(glued=True)
    return s, t


PLAYWRIGHT_RED = """Running 3 tests using 2 workers

  ✓  1 [chromium] › cart.spec.ts:4:5 › add a mug (1.1s)
  ✘  2 [chromium] › checkout.spec.ts:6:5 › pay with a voucher (5.3s)
  ✓  3 [chromium] › search.spec.ts:3:5 › search by words (0.9s)

  1) [chromium] › checkout.spec.ts:6:5 › pay with a voucher

    TimeoutError: locator.click: Timeout 5000ms exceeded.

  1 failed
    [chromium] › checkout.spec.ts:6:5 › pay with a voucher
  2 passed (8.0s)"""
PLAYWRIGHT_GREEN = """Running 3 tests using 2 workers

  ✓  1 [chromium] › cart.spec.ts:4:5 › add a mug (1.0s)
  ✓  2 [chromium] › checkout.spec.ts:6:5 › pay with a voucher (1.4s)
  ✓  3 [chromium] › search.spec.ts:3:5 › search by words (0.9s)

  3 passed (3.6s)"""


def end_to_end(world: World, shop: Project) -> Session:
    """Shop, 2.1.98: three attempts at a flaky test, the second taken back; eslint, tsc, vitest, make."""
    s = Session(world, V2_1_98, shop, "2026-09-24T07:44:19", OPUS_4_7)
    s.attachments = open_98
    main = s.thread
    spec = (
        'import { expect, test } from "@playwright/test";\n\ntest("pay with a voucher", async ({ page }) => {\n  await page.goto("/cart");\n'
        '  await page.getByText("Pay").click();\n  await expect(page.getByText("Thank you")).toBeVisible();\n});\n'
    )
    shop.files[shop.full("web/e2e/checkout.spec.ts")] = spec
    main.prompt("The playwright test 'pay with a voucher' times out. Find out why.")
    run = "cd web && npx playwright test"
    main.step(
        "",
        main.bash(run, PLAYWRIGHT_RED, "Run playwright", code=1, seconds=9.0),
        think="A timeout on a click: hidden, disabled, or two matches.",
    )
    main.step(
        "",
        main.read("web/e2e/checkout.spec.ts"),
        main.bash(
            "grep -rn 'Pay' web/src",
            "web/src/page.tsx:31: <button disabled={!canPay(checkout)}>Pay</button>",
            "Find the button",
        ),
    )
    main.step(
        "The button is disabled while the address is empty. First I'll try a longer timeout, in case the page fills it in late.",
        main.edit(
            "web/e2e/checkout.spec.ts",
            '.getByText("Pay").click()',
            '.getByText("Pay").click({ timeout: 15000 })',
        ),
    )
    main.step(
        "",
        main.bash(
            run,
            PLAYWRIGHT_RED.replace("5000ms", "15000ms").replace("5.3s", "15.2s"),
            "Run playwright",
            code=1,
            seconds=19.0,
        ),
    )
    main.say("It still times out, so it is not a matter of time.")
    main.done(hook=0.2, pause=70)
    main.prompt("no, take the timeout back. the test must fill in an address before it pays")
    main.step(
        "",
        main.bash(
            "git checkout -- web/e2e/checkout.spec.ts",
            "Updated 1 path from the index",
            "Take the change back",
        ),
    )
    shop.files[shop.full("web/e2e/checkout.spec.ts")] = spec
    main.step(
        "",
        main.edit(
            "web/e2e/checkout.spec.ts",
            '  await page.getByText("Pay").click();',
            '  await page.getByLabel("Email").fill("ann@example.com");\n  await page.getByText("Pay").click();',
        ),
    )
    main.step("", main.bash(run, PLAYWRIGHT_GREEN, "Run playwright", seconds=5.1))
    main.step(
        "",
        main.bash(
            "cd web && npx eslint . && npx tsc --noEmit",
            "\n/home/dev/shop/web/src/checkout.ts\n  12:17  warning  Missing return type on function  @typescript-eslint/explicit-function-return-type\n"
            "  14:3   error    Unexpected console statement             no-console\n\n✖ 2 problems (1 error, 1 warning)",
            "Lint and types",
            code=1,
            seconds=6.2,
        ),
    )
    main.step(
        "",
        main.edit(
            "web/src/checkout.ts",
            "export function payload(checkout: Checkout) {",
            "export function payload(checkout: Checkout): { total: number; email: string } {",
        ),
    )
    main.step(
        "",
        main.bash(
            "cd web && npx eslint . && npx tsc --noEmit",
            "src/checkout.ts(13,3): error TS2322: Type 'string' is not assignable to type 'number'.\nFound 1 error in src/checkout.ts:13",
            "Lint and types",
            code=2,
            seconds=6.0,
        ),
    )
    main.step(
        "",
        main.bash(
            "cd web && npx eslint . --fix && npx tsc --noEmit && npx vitest run",
            " RUN  v3.2.4 /home/dev/shop/web\n\n ✓ src/format.test.ts (3 tests) 4ms\n\n Test Files  1 passed (1)\n      Tests  3 passed (3)\n   Duration  412ms",
            "Fix, types, vitest",
            seconds=8.1,
        ),
    )
    main.step(
        "",
        main.bash(
            "make check",
            "ruff check .\nAll checks passed!\npython -m pytest -q\n.......                                                                  [100%]\n7 passed in 0.08s\n"
            "python -m unittest -q tests.legacy\n----------------------------------------------------------------------\nRan 4 tests in 0.002s\n\nOK",
            "Run all checks",
            seconds=7.0,
        ),
    )
    main.say(
        "The test fills in an address now and passes; all three playwright tests, eslint, tsc, vitest and `make check` are fine."
    )
    main.done(hook=0.2, pause=30)
    main.prompt("perfect, thank you!")
    main.say("You're welcome.")
    main.done(hook=0.2)
    s.save()
    return s


def importer_release(world: World, ledger: Project) -> Session:
    """Ledger, 2.1.98: retries, a background agent that reports as a turn, a hook that blocks, a pull request."""
    ledger.branch = "importer-rounding"
    s = Session(world, V2_1_98, ledger, "2026-09-25T06:58:09", OPUS_4_7)
    s.attachments = open_98
    main = s.thread
    main.mode = "acceptEdits"
    main.prompt(
        "Prepare the importer for release: reviewer agent in the background, then changelog, commit, pull request."
    )
    for attempt in (1, 2, 3):
        main.retry(529, "overloaded_error", attempt)

    def review(side: Thread) -> str:
        side.step(
            "",
            side.bash(
                "git diff main --stat",
                " importer/src/lib.rs | 6 ++++--\n 1 file changed, 4 insertions(+), 2 deletions(-)",
                "Show the difference",
            ),
        )
        side.step("", side.read("importer/src/lib.rs"))
        side.step(
            "",
            side.bash(
                "cd importer && cargo clippy --all-targets -- -D warnings",
                "error: casting `f64` to `i64` may truncate the value\n  --> src/lib.rs:12:10\n   |\n12 |     Some((value * 100.0).round() as i64)\n\n"
                "error: could not compile `importer` (lib) due to 1 previous error",
                "Lint",
                code=101,
                seconds=5.2,
            ),
        )
        report = "One finding: amounts above 9e13 would be cut by the cast (clippy, pedantic). Everything else is fine; the rounding fix is right."
        side.say(report)
        return report

    main.step(
        "",
        main.agent(
            "Review importer",
            "Review the changes of this branch in importer/. Report findings only.",
            "reviewer",
            review,
            background=True,
        ),
    )
    main.step(
        "While it works I'll write the changelog.",
        main.write(
            "importer/CHANGELOG.md",
            "# Changelog\n\n## 0.2.0\n\n- Amounts keep their cents (1,15 was read as 1,14).\n- Broken rows are documented.\n",
        ),
    )
    main.attach(
        "hook_blocking_error",
        weight="CHANGELOG.md: date is missing",
        hookName="PostToolUse:Write",
        toolUseID=s.dice.tool_id(),
        hookEvent="PostToolUse",
        blockingError={
            "blockingError": "CHANGELOG.md: date is missing\n",
            "command": "/home/dev/.claude/hooks/check-changelog.sh",
        },
    )
    main.step(
        "The hook wants a date.", main.edit("importer/CHANGELOG.md", "## 0.2.0", "## 0.2.0 (2026-09-25)")
    )
    main.say("The changelog is written. The review is still running.")
    main.done(hook=0.2)
    main.notice(s.waiting[0])
    main.step(
        "",
        main.bash(
            "cd importer && cargo test --quiet",
            "running 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "Run cargo test",
            seconds=3.5,
        ),
    )
    main.say(
        "The review has one finding: very large amounts would be cut. No bank file has them; I suggest to note it and go on."
    )
    main.done(hook=0.2, pause=400)
    main.prompt("yes, go on")
    main.step(
        "",
        main.bash(
            'git add -A && git commit -m "Importer 0.2.0" && git push -u origin importer-rounding && gh pr create --fill',
            "[importer-rounding c0ffee1] Importer 0.2.0\n 2 files changed, 10 insertions(+), 2 deletions(-)\nhttps://git.example.com/dev/ledger/pull/12",
            "Commit, push, open a pull request",
            seconds=5.9,
        ),
    )
    main.state(
        "pr-link",
        sessionId=s.id,
        prNumber=12,
        prUrl="https://git.example.com/dev/ledger/pull/12",
        prRepository="dev/ledger",
        timestamp=s.clock.stamp(),
    )
    main.say("Pull request 12 is open: https://git.example.com/dev/ledger/pull/12")
    main.done(hook=0.2)
    main.state(
        "pr-link",
        sessionId=s.id,
        prNumber=12,
        prUrl="https://git.example.com/dev/ledger/pull/12",
        prRepository="dev/ledger",
        timestamp=s.clock.stamp(),
    )
    s.save()
    ledger.branch = "main"
    return s


def mid_stories(world: World, made: dict[str, Project]) -> None:
    """Write the second week."""
    checkout(world, made["shop"])
    load_test(world, made["shop"])
    importer_agents(world, made["ledger"])
    order_history(world, made["shop"])
    made["shop"].branch = "main"
    end_to_end(world, made["shop"])
    importer_release(world, made["ledger"])
