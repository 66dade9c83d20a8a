"""The last two weeks, with client 2.1.296."""

# What tools print stands on one line, with the signs that they use; a story is told in one go.
# ruff: noqa: E501

from __future__ import annotations

import copy

from maker.basics import Json
from maker.clients import V2_1_296
from maker.stories_new import AGENTS, DEFERRED, INSTRUCTIONS, LISTING, SKILLS
from maker.writer import CLAUDE, Call, Project, Session, Thread, World, dump

FABLE = "claude-fable-5-1"
OPUS_5_5 = "claude-opus-5-5"
SONNET_5_5 = "claude-sonnet-5-5"
HAIKU_5_5 = "claude-haiku-5-5"
NAMES = {OPUS_5_5: "Opus 5.5", SONNET_5_5: "Sonnet 5.5", FABLE: "Fable 5.1", HAIKU_5_5: "Haiku 5.5"}


def open_296(main: Thread) -> None:
    """What 2.1.296 attaches to the first prompt."""
    s = main.session
    place = f"Working directory: {s.cwd}. Platform: linux."
    main.attach(
        "environment",
        weight=place,
        snapshot={
            "workingDirectory": s.cwd,
            "isWorktree": False,
            "isGitRepo": True,
            "additionalWorkingDirectories": [],
            "platform": "linux",
            "shell": "bash",
        },
    )
    words = f"You are powered by the model named {NAMES[main.model]}. The exact model ID is {main.model}."
    main.attach(
        "model",
        weight=words,
        identity={"modelId": main.model, "marketingName": NAMES[main.model], "knowledgeCutoff": "June 2026"},
        text=words,
    )
    main.attach(
        "deferred_tools_delta",
        weight="\n".join(DEFERRED),
        addedNames=DEFERRED,
        addedLines=DEFERRED,
        removedNames=[],
        readdedNames=[],
        wireHiddenNames=[],
        pendingMcpServers=["tracker"],
        failedMcpServers=[],
        needsAuthMcpServers=["drive"],
    )
    lines = [f"- {name}: {text}" for name, text in AGENTS.items()]
    main.attach(
        "agent_listing_delta",
        weight="\n".join(lines),
        addedTypes=list(AGENTS),
        addedLines=lines,
        removedTypes=[],
        isInitial=True,
        showConcurrencyNote=True,
        builtInTypes=["Explore", "general-purpose", "Plan"],
    )
    main.attach(
        "mcp_instructions_delta",
        weight=INSTRUCTIONS,
        addedNames=["catalog"],
        addedBlocks=[INSTRUCTIONS],
        removedNames=[],
    )
    main.attach(
        "skill_listing",
        weight=LISTING,
        content=LISTING,
        skillCount=len(SKILLS),
        isInitial=True,
        names=list(SKILLS),
    )
    rules = main.project.files[main.project.full("CLAUDE.md")]
    main.attach(
        "instructions",
        weight=rules,
        files=[{"path": main.project.full("CLAUDE.md"), "type": "Project", "content": rules}],
    )
    status = f"Current branch: {main.project.branch}\nStatus: (clean)"
    main.attach("session_context", weight=status, context={"gitStatus": status})
    day = s.clock.now.strftime("%Y-%m-%d")
    main.attach("date", weight=f"Today's date is {day}.", date=day)


IMPORT_PLAN = """# Skip rows that were imported before

1. Give every row a key: date, text, cents, and its place among equal rows of the day.
2. Keep keys in `importer/seen.txt`, one per line.
3. Skip rows whose key is known; count them in the summary.
4. Tests: same file twice, two equal rows on one day.
"""


def duplicates(world: World, ledger: Project) -> Session:
    """Ledger, 2.1.296: a plan, a question with a free answer, cargo from red to green, a commit, cost-state."""
    s = Session(world, V2_1_296, ledger, "2026-10-05T07:05:30", SONNET_5_5, "Skip rows imported before")
    s.attachments = open_296
    main = s.thread
    main.mode = "plan"
    main.prompt("Importing the same bank file twice doubles everything. Plan how to skip rows we had before.")
    main.attach(
        "plan_mode",
        weight="Plan mode is active.",
        reminderType="full",
        isSubAgent=False,
        planFilePath=f"{CLAUDE}/plans/{s.slug}.md",
        planExists=False,
    )

    def explore(side: Thread) -> str:
        side.step(
            "",
            side.bash(
                "grep -rn 'fn ' importer/src",
                f"{ledger.full('importer/src/lib.rs')}:9:pub fn parse_amount\n{ledger.full('importer/src/lib.rs')}:14:pub fn parse_row",
                "List functions",
            ),
        )
        side.step("", side.read("importer/src/lib.rs"))
        report = "The importer has two functions and keeps no state. Rows have date, text and cents; there is no id in the bank file."
        side.say(report)
        return report

    main.step(
        "",
        main.agent(
            "Explore importer",
            "What does the importer keep between runs, and what identifies a row?",
            "Explore",
            explore,
            model="claude-haiku-4-5-20251001",
            alias="haiku",
        ),
        think="Without an id in the file, equal rows on one day are the hard case. Let me see the code before I plan anything.",
    )
    main.step(
        "",
        main.ask(
            [
                (
                    "Two equal rows on one day: are they one payment or two?",
                    "Equal rows",
                    [
                        ("Two payments (Recommended)", "Count equal rows of a day"),
                        ("One payment", "Drop the second"),
                    ],
                ),
                (
                    "Where should known rows be kept?",
                    "Place",
                    [("A text file", "importer/seen.txt"), ("SQLite", "A small database")],
                ),
            ],
            ["Two payments (Recommended)", "text file, but please commit it to git"],
            47,
        ),
    )
    main.step("", main.plan(IMPORT_PLAN, s.slug, approve=True, seconds=33))
    main.mode = "acceptEdits"
    main.attach(
        "plan_mode_exit",
        weight="Plan mode ended.",
        planFilePath=f"{CLAUDE}/plans/{s.slug}.md",
        planExists=True,
    )
    main.step(
        "",
        main.edit(
            "importer/src/lib.rs",
            "#[cfg(test)]",
            'pub fn keys(rows: &[Row]) -> Vec<String> {\n    rows.iter()\n        .enumerate()\n        .map(|(n, r)| format!("{}|{}|{}|{}", r.date, r.text, r.cents, n))\n'
            "        .collect()\n}\n\n#[cfg(test)]",
        ),
    )
    main.step(
        "",
        main.edit(
            "importer/src/lib.rs",
            "    #[test]\n    fn rejects_text()",
            '    #[test]\n    fn keys_do_not_depend_on_other_days() {\n        let row = |d: &str| Row { date: d.into(), text: "tea".into(), cents: 5 };\n'
            '        let one = keys(&[row("1"), row("2")]);\n        let two = keys(&[row("2")]);\n        assert_eq!(one[1], two[0]);\n    }\n\n    #[test]\n    fn rejects_text()',
        ),
    )
    main.step(
        "",
        main.bash(
            "cd importer && cargo test",
            "running 3 tests\ntest tests::parses_cents ... ok\ntest tests::rejects_text ... ok\ntest tests::keys_do_not_depend_on_other_days ... FAILED\n\n"
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "Run cargo test",
            code=101,
            seconds=5.5,
        ),
    )
    main.step(
        "The place must be counted among equal rows only, not in the whole file.",
        main.edit(
            "importer/src/lib.rs",
            '    rows.iter()\n        .enumerate()\n        .map(|(n, r)| format!("{}|{}|{}|{}", r.date, r.text, r.cents, n))\n        .collect()',
            '    let mut seen = std::collections::HashMap::new();\n    rows.iter()\n        .map(|r| {\n            let key = format!("{}|{}|{}", r.date, r.text, r.cents);\n'
            '            let n = seen.entry(key.clone()).and_modify(|n| *n += 1).or_insert(0);\n            format!("{key}|{n}")\n        })\n        .collect()',
        ),
        think="enumerate counts over the file; equal rows need a counter per key.",
    )
    main.step(
        "",
        main.bash(
            "cd importer && cargo test && cargo clippy -- -D warnings",
            "running 3 tests\n...\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n"
            "    Finished `dev` profile [unoptimized + debuginfo] target(s) in 2.07s",
            "Test and lint",
            seconds=7.7,
        ),
    )
    main.step(
        "",
        main.bash(
            'git commit -qam "Keys for imported rows" && git log -1 --oneline',
            "5d2ab90 Keys for imported rows",
            "Commit",
            git={"commit": {"sha": "5d2ab90", "kind": "committed", "branch": "main"}},
        ),
    )
    main.say(
        "Rows have keys that survive a second import, equal rows of a day are counted. Three tests pass, clippy is clean, committed as 5d2ab90. `seen.txt` is the next step."
    )
    main.done(hook=0.15)
    s.save()
    return s


def seen_file(world: World, ledger: Project) -> Session:
    """Ledger, 2.1.296, over midnight of 6 October: the price of cache reads changes on the way."""
    s = Session(world, V2_1_296, ledger, "2026-10-06T23:31:12", SONNET_5_5, "Keep seen rows in a file")
    s.attachments = open_296
    main = s.thread
    main.prompt("Continue with seen.txt: write and read the keys, and commit the file.")
    main.step("", main.read("importer/src/lib.rs"))
    code = (
        "//! The keys of rows that were imported before.\n\nuse std::{collections::HashSet, fs, io, path::Path};\n\npub fn load(path: &Path) -> HashSet<String> {\n"
        "    fs::read_to_string(path).unwrap_or_default().lines().map(String::from).collect()\n}\n\npub fn store(path: &Path, keys: &HashSet<String>) -> io::Result<()> {\n"
        '    let mut sorted: Vec<_> = keys.iter().cloned().collect();\n    sorted.sort();\n    fs::write(path, sorted.join("\\n") + "\\n")\n}\n'
    )
    main.step("", main.write("importer/src/seen.rs", code))
    main.step(
        "",
        main.bash(
            "cd importer && cargo build",
            "error[E0583]: file not found for module `seen`",
            "Build",
            code=101,
            seconds=2.6,
        ),
    )
    main.step("", main.edit("importer/src/lib.rs", "pub struct Row {", "pub mod seen;\n\npub struct Row {"))
    main.step(
        "",
        main.bash(
            "cd importer && cargo test -q",
            "running 3 tests\n...\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "Run cargo test",
            seconds=4.4,
        ),
    )
    main.say("`seen::load` and `seen::store` work; the file is sorted so that git shows small differences.")
    main.done(hook=0.15, pause=1620)
    main.attach("date_change", weight="Today's date is now 2026-10-07.", newDate="2026-10-07")
    main.prompt("is the file written atomically? what if the laptop dies in between")
    main.step("", main.read("importer/src/seen.rs"))
    main.step(
        "No, a crash could leave half a file. I'll write beside it and rename.",
        main.edit(
            "importer/src/seen.rs",
            '    fs::write(path, sorted.join("\\n") + "\\n")\n',
            '    let beside = path.with_extension("new");\n    fs::write(&beside, sorted.join("\\n") + "\\n")?;\n    fs::rename(beside, path)\n',
        ),
    )
    main.step(
        "",
        main.bash(
            "cd importer && cargo test -q && cargo nextest run",
            "running 3 tests\n...\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n"
            "     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped",
            "Run the tests",
            seconds=6.2,
        ),
    )
    main.say("It is atomic now: a new file, then a rename. Good night.")
    main.done(hook=0.15)
    s.save()
    return s


def supplier(world: World, shop: Project) -> Session:
    """Shop, 2.1.296: two background agents on a cheap model, one with a long document; notices as a turn and in a turn."""
    s = Session(world, V2_1_296, shop, "2026-10-07T08:00:09", OPUS_5_5, "Read the supplier's price list")
    s.start_hook("Supplier's list: ~/inbox/prices-2026-10.pdf")
    s.attachments = open_296
    main = s.thread
    main.prompt(
        "Have one agent read the supplier's PDF (~/inbox/prices-2026-10.pdf) and another compare our catalog with last month. Cheap model. I go on with the cart meanwhile."
    )

    def pdf(side: Thread) -> str:
        path = "/home/dev/inbox/prices-2026-10.pdf"
        read = Call(
            "Read",
            {"file_path": path, "pages": "1-20"},
            "PDF file read: /home/dev/inbox/prices-2026-10.pdf (1.4MB)",
            {"type": "pdf", "file": {"filePath": path, "base64": "JVBERi0xLjcK", "originalSize": 1467392}},
            0.4,
        )

        def document(thread: Thread, call: Call) -> None:
            source: Json = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcK"}
            thread.user(
                [{"type": "document", "source": source}],
                weight="page of the price list, four columns. " * 9200,
                isMeta=True,
            )

        read.after = document
        side.step("", read)
        side.step(
            "",
            side.bash(
                "python tools/list_diff.py ~/inbox/prices-2026-10.pdf",
                "mug-blue 640 -> 660\npot-iron 2410 -> 2550\ntea-mint 210 -> 210",
                "Compare purchase prices",
                seconds=3.0,
            ),
        )
        report = "Two purchase prices rise: blue mug 6.40 → 6.60, iron pot 24.10 → 25.50. Tea stays."
        side.say(report)
        return report

    def compare(side: Thread) -> str:
        side.step(
            "",
            side.mcp(
                "catalog",
                "search_products",
                {"q": "mug"},
                '{"products": [{"sku": "mug-blue", "unit_cents": 1290}, {"sku": "mug-red", "unit_cents": 1290}]}',
            ),
        )
        side.step("", side.read("shop/catalog.py"))
        report = "The catalog server and shop/catalog.py agree on all prices."
        side.say(report)
        return report

    main.step(
        "",
        main.agent(
            "Read price list",
            "Read ~/inbox/prices-2026-10.pdf and list purchase prices that changed.",
            "general-purpose",
            pdf,
            model=HAIKU_5_5,
            alias="haiku",
            background=True,
        ),
        main.agent(
            "Compare catalog",
            "Compare prices of the catalog server with shop/catalog.py.",
            "general-purpose",
            compare,
            model=HAIKU_5_5,
            alias="haiku",
            background=True,
        ),
    )
    main.say("Both agents work in the background.")
    main.done(hook=0.15, pause=5)
    main.prompt("add Cart.remove(sku)")
    main.step("", main.read("shop/cart.py"))
    first, second = sorted(s.waiting, key=lambda item: item.at)
    main.notice(first, queued=True)
    main.step(
        "",
        main.edit(
            "shop/cart.py",
            "    def subtotal(self) -> int:",
            '    def remove(self, sku: str) -> None:\n        """Take all lines of a product out of the cart."""\n'
            "        self.lines = [line for line in self.lines if line.sku != sku]\n\n    def subtotal(self) -> int:",
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q",
            "E   ModuleNotFoundError: No module named 'shop.refunds'\n=========================== short test summary info ============================\n"
            "ERROR tests/test_refunds.py\n!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!\n1 error in 0.11s",
            "Test",
            code=2,
            seconds=1.5,
        ),
    )
    main.step(
        "That module is on the branch `refunds` only.",
        main.bash(
            "python -m pytest -q --ignore tests/test_refunds.py",
            ".......                                                                  [100%]\n7 passed in 0.07s",
            "Test without refunds",
            seconds=1.6,
        ),
    )
    main.say(
        "`Cart.remove` is in; seven tests pass. The catalog agrees with our file, says the second agent."
    )
    main.done(hook=0.15)
    main.notice(second)
    main.say("The price list is read: blue mugs and iron pots get dearer. Shall I raise our prices?")
    main.done(hook=0.15, pause=130)
    main.prompt("yes: blue mug 13.20, iron pot 51.50. update the catalog server too")
    main.step(
        "",
        main.find_tools("select:mcp__catalog__update_price", ["mcp__catalog__update_price"], len(DEFERRED)),
    )
    main.step(
        "",
        main.edit("shop/catalog.py", '"Blue mug", 1290', '"Blue mug", 1320'),
        main.edit("shop/catalog.py", '"Iron tea pot", 4990', '"Iron tea pot", 5150'),
    )
    denied = main.mcp(
        "catalog",
        "update_price",
        {"sku": "mug-blue", "unit_cents": 1320, "reason": "supplier"},
        "Permission to use mcp__catalog__update_price has been denied.",
        fail=True,
    )
    denied.extra = {"toolDenialKind": "permission-rule"}
    main.step("", denied)
    main.say(
        "Both prices are changed in `shop/catalog.py`. The catalog server is read-only by your permission rules, so I did not change it there."
    )
    main.done(hook=0.15)
    s.save()
    return s


def long_cart(world: World, shop: Project) -> Session:
    """Shop, 2.1.296: one session over two days; the cache has expired, the branch is merged, the name was given by hand."""
    s = Session(world, V2_1_296, shop, "2026-10-08T09:12:40", OPUS_5_5, "Vouchers in the cart")
    s.attachments = open_296
    main = s.thread
    shop.branch = "vouchers"
    main.prompt(
        "Vouchers: a fixed amount off, never below zero. Put it in shop/vouchers.py with tests first."
    )
    tests = (
        'from shop.cart import Cart\nfrom shop.vouchers import apply\n\n\ndef test_voucher():\n    cart = Cart()\n    cart.add("tea-mint", 1, 640)\n    assert apply(cart, 500) == 140\n\n\n'
        'def test_never_below_zero():\n    cart = Cart()\n    cart.add("tea-mint", 1, 640)\n    assert apply(cart, 1000) == 0\n'
    )
    main.step("", main.write("tests/test_vouchers.py", tests))
    main.step(
        "",
        main.bash(
            "python -m pytest -q tests/test_vouchers.py",
            "E   ModuleNotFoundError: No module named 'shop.vouchers'\n1 error in 0.08s",
            "Test first",
            code=2,
            seconds=1.2,
        ),
    )
    main.step(
        "",
        main.write(
            "shop/vouchers.py",
            '"""Vouchers: a fixed amount off."""\n\nfrom shop.cart import Cart\n\n\ndef apply(cart: Cart, cents: int) -> int:\n    """Give what is left to pay."""\n'
            "    return cart.total() - cents\n",
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q tests/test_vouchers.py",
            ".F                                                                       [100%]\n>       assert apply(cart, 1000) == 0\nE       assert -360 == 0\n"
            "FAILED tests/test_vouchers.py::test_never_below_zero - assert -360 == 0\n1 failed, 1 passed in 0.05s",
            "Test vouchers",
            code=1,
            seconds=1.3,
        ),
    )
    main.step(
        "",
        main.edit("shop/vouchers.py", "return cart.total() - cents", "return max(0, cart.total() - cents)"),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q tests/test_vouchers.py",
            "..                                                                       [100%]\n2 passed in 0.04s",
            "Test vouchers",
            seconds=1.3,
        ),
    )
    main.say("Vouchers work and never go below zero; two tests.")
    main.done(hook=0.15)
    main.command("rename", "vouchers", "Session renamed to: vouchers")
    main.state("custom-title", customTitle="vouchers", sessionId=s.id)
    main.state("agent-name", agentName="vouchers", sessionId=s.id)
    world.files[f"projects/{shop.slug}/{s.id}/custom-title.json"] = dump({"customTitle": "vouchers"}).encode()
    main.clock.wait(81_000)
    main.attach("date_change", weight="Today's date is now 2026-10-09.", newDate="2026-10-09")
    main.prompt("good morning! add jest tests for showing vouchers in the web cart")
    main.step("", main.read("web/src/cart.ts"))
    main.step(
        "",
        main.edit(
            "web/src/cart.ts",
            "export function formatCents",
            "export function afterVoucher(total: number, voucher: number): number {\n  return Math.max(0, total - voucher);\n}\n\nexport function formatCents",
        ),
    )
    main.step(
        "",
        main.edit(
            "web/src/cart.test.ts",
            'test("formats cents"',
            'test("a voucher never gives money back", () => {\n  expect(afterVoucher(640, 1000)).toBe(0);\n});\n\ntest("formats cents"',
        ),
    )
    main.step(
        "",
        main.bash(
            "cd web && npx jest 2>&1 | tail -6",
            "Test Suites: 1 failed, 1 passed, 2 total\nTests:       1 failed, 4 passed, 5 total\nReferenceError: afterVoucher is not defined",
            "Run jest",
            seconds=4.0,
        ),
    )
    main.step(
        "",
        main.edit(
            "web/src/cart.test.ts",
            "import { formatCents, subtotal }",
            "import { afterVoucher, formatCents, subtotal }",
        ),
    )
    main.step(
        "",
        main.bash(
            "cd web && npx jest 2>&1 | tail -4 && npx tsc --noEmit",
            "Test Suites: 2 passed, 2 total\nTests:       5 passed, 5 total\nSnapshots:   0 total\nTime:        1.092 s",
            "Run jest and tsc",
            seconds=6.6,
        ),
    )
    main.step(
        "",
        main.bash(
            'git commit -qam "Vouchers" && git push -q && gh pr create --fill',
            "https://git.example.com/dev/shop/pull/34",
            "Commit, push, pull request",
            seconds=4.8,
            git={
                "commit": {"sha": "a17e0d4", "kind": "committed", "branch": "vouchers"},
                "push": {"branch": "vouchers"},
                "pr": {"number": 34, "url": "https://git.example.com/dev/shop/pull/34", "action": "created"},
            },
        ),
    )
    main.state(
        "pr-link",
        sessionId=s.id,
        prNumber=34,
        prUrl="https://git.example.com/dev/shop/pull/34",
        prRepository="dev/shop",
        timestamp=s.clock.stamp(),
    )
    main.say("Vouchers are in the web cart, five jest tests pass, pull request 34 is open.")
    main.done(hook=0.15)
    s.save()
    shop.branch = "main"
    return s


def moved(world: World, shop: Project) -> tuple[Session, Session]:
    """Shop, 2.1.296: a session goes on in the background under a new id."""
    s = Session(world, V2_1_296, shop, "2026-10-12T13:30:00", OPUS_5_5, "Update the API description")
    s.attachments = open_296
    main = s.thread
    main.prompt("openapi.yaml is out of date: refunds and vouchers are missing. Bring it up to date.")
    main.step("", main.read("openapi.yaml"))
    main.step(
        "",
        main.edit(
            "openapi.yaml", "info: {title: Shop, version: 1.4.0}", "info: {title: Shop, version: 1.5.0}"
        ),
    )
    main.say("I start with the version; next come the two paths.")
    main.done(hook=0.15, pause=4)
    b = Session(
        world,
        V2_1_296,
        shop,
        "2026-10-12T13:31:30",
        OPUS_5_5,
        "Update the API description",
        name="background",
    )
    main.state("continued-in", timestamp=s.clock.stamp(), sessionId=s.id, continuedInSessionId=b.id)
    s.save()
    b.kind = "bg"
    b.inherit(s)
    b.models = copy.deepcopy(s.models)
    b.clock.now = max(b.clock.now, s.clock.now)
    other = b.thread
    other.prompt("go on in the background until both paths are in, then stop", source="system", unlisted=True)
    other.step(
        "",
        other.edit(
            "openapi.yaml",
            "  /orders:\n",
            "  /vouchers/{code}:\n    get:\n      parameters:\n        - {name: code, in: path, required: true, schema: {type: string}}\n"
            '      responses: {"200": {description: The voucher}}\n  /orders:\n',
        ),
    )
    other.step(
        "",
        other.edit(
            "openapi.yaml",
            '      responses: {"201": {description: The order placed}}\n',
            '      responses: {"201": {description: The order placed}}\n  /orders/{id}/refund:\n    post:\n      parameters:\n'
            "        - {name: id, in: path, required: true, schema: {type: string}}\n        - {name: percent, in: query, required: true, schema: {type: string}}\n"
            '      responses: {"200": {description: Cents given back}}\n',
        ),
    )
    other.step(
        "",
        other.bash(
            "npx @redocly/cli lint openapi.yaml",
            "Woohoo! Your API description is valid.",
            "Check the description",
            seconds=3.3,
        ),
    )
    other.say(
        "Both paths are in and the description is valid. Note that `percent` is a new required parameter."
    )
    other.done(hook=0.15)
    b.save()
    return s, b


def review_twice(world: World, shop: Project) -> Session:
    """Shop, 2.1.296: a review, its findings fixed, the same agent asked again; an agent in a worktree of its own."""
    s = Session(world, V2_1_296, shop, "2026-10-13T07:10:55", OPUS_5_5, "Review vouchers and stock")
    s.attachments = open_296
    main = s.thread
    main.prompt("Let the reviewer look at vouchers.py, fix what it finds, and let it look again.")
    ids: list[str] = []

    def review(side: Thread) -> str:
        ids.append(side.agent_id)
        side.step("", side.read("shop/vouchers.py"), side.read("shop/cart.py"))
        side.step(
            "",
            side.bash(
                "grep -n 'vouchers' -r shop tests",
                "tests/test_vouchers.py:2:from shop.vouchers import apply",
                "Find uses",
            ),
        )
        report = "1. shop/vouchers.py:7: a negative voucher makes the order dearer; refuse amounts below 1.\n2. The name `apply` says little."
        side.say(report)
        return report

    main.step(
        "",
        main.agent(
            "Review vouchers",
            "Review shop/vouchers.py. At most five findings, most important first.",
            "reviewer",
            review,
        ),
    )
    main.step(
        "The first finding is a bug.",
        main.edit(
            "shop/vouchers.py",
            "    return max(0,",
            '    if cents < 1:\n        raise ValueError("a voucher must be worth something")\n    return max(0,',
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q tests/test_vouchers.py",
            "..                                                                       [100%]\n2 passed in 0.04s",
            "Test vouchers",
            seconds=1.2,
        ),
    )
    words = "Finding 1 is fixed; finding 2 stays. Please look at shop/vouchers.py again."
    main.step("", main.find_tools("select:SendMessage", ["SendMessage"], len(DEFERRED)))
    main.step(
        "",
        Call(
            "SendMessage",
            {"to": ids[0], "message": words, "summary": "Look again"},
            '{"success":true,"message":"Agent resumed in the background"}',
            {
                "success": True,
                "message": "Agent resumed in the background",
                "resumedAgentId": ids[0],
                "routing": {"sender": "main", "target": ids[0], "summary": "Look again", "content": words},
            },
            0.3,
        ),
    )
    main.say("The bug is fixed and the reviewer looks again.")
    main.done(hook=0.15, pause=240)
    main.prompt("and have an agent add stock checks to Cart.add in its own worktree")

    def stock(side: Thread) -> str:
        side.step("", side.read("shop/catalog.py"))
        side.step(
            "",
            side.edit(
                "shop/cart.py",
                "        if quantity < 1:",
                '        if sku in PRODUCTS and quantity > PRODUCTS[sku].stock:\n            raise ValueError("not enough in stock")\n        if quantity < 1:',
            ),
            side.edit(
                "shop/cart.py",
                "from shop.money import percent_of",
                "from shop.catalog import PRODUCTS\nfrom shop.money import percent_of",
            ),
        )
        side.step(
            "",
            side.bash(
                "python -m pytest -q",
                "F......                                                                  [100%]\nFAILED tests/test_cart.py::test_total_without_discount - ValueError: not enough in stock\n"
                "1 failed, 6 passed in 0.09s",
                "Test",
                code=1,
                seconds=1.5,
            ),
        )
        side.step(
            "The test buys more red mugs than there are; the message was right.",
            side.bash(
                "python -m pytest -q -x",
                ".......                                                                  [100%]\n7 passed in 0.08s",
                "Test again",
                seconds=1.5,
            ),
        )
        report = "Cart.add refuses more than the stock. Seven tests pass. Branch: worktree-agent-stock."
        side.say(report)
        return report

    call = main.agent(
        "Add stock checks",
        "Cart.add must refuse a quantity above the stock. Work in your worktree, run the tests.",
        "general-purpose",
        stock,
        model=SONNET_5_5,
        alias="sonnet",
    )
    call.given["isolation"] = "worktree"
    main.step("", call)
    main.say("The stock check is on the branch `worktree-agent-stock`; seven tests pass there.")
    main.done(hook=0.15)
    s.save()
    return s


def second_review(world: World, notes: Project) -> Session:
    """Notes, 2.1.296: the weekly review again, with a newer text of the skill, and a correction."""
    s = Session(world, V2_1_296, notes, "2026-10-09T14:31:00", SONNET_5_5, "Weekly review 41")
    s.attachments = open_296
    main = s.thread
    path = ".claude/skills/weekly-review/SKILL.md"
    main.prompt(
        "first change the weekly-review skill: one section per project. then write this week's review"
    )
    main.step("", main.read(path))
    main.step(
        "",
        main.edit(
            path,
            "what was done, what is open, one thing learned.",
            "one section per project: done, open; then one thing learned.",
        ),
    )
    body = notes.files[notes.full(path)].split("---\n", 2)[2].strip()
    main.step("", main.skill("weekly-review", notes.full(".claude/skills/weekly-review"), body))
    main.step(
        "",
        main.bash(
            "for p in shop ledger; do git -C ~/$p log --since='7 days ago' --oneline; done",
            "a17e0d4 Vouchers\n5d2ab90 Keys for imported rows",
            "Read the week's commits",
            seconds=0.4,
        ),
    )
    main.step(
        "",
        main.write(
            "weekly/2026-w41.md",
            "# Week 41\n\n## Shop\n\n- Vouchers, prices of two products raised\n- Open: refunds not merged yet\n\n## Ledger\n\n- Rows are imported once\n\nLearned: write files beside, then rename.\n",
        ),
    )
    main.say("The skill has the new rule, and `weekly/2026-w41.md` follows it.")
    main.attribution = {}
    main.done(hook=0.15, pause=45)
    main.prompt("actually refunds were merged on Monday, please correct that")
    main.step(
        "",
        main.edit(
            "weekly/2026-w41.md", "- Open: refunds not merged yet\n", "- Refunds merged (pull request 31)\n"
        ),
    )
    main.say("Corrected: refunds are listed as merged.")
    main.done(hook=0.15)
    s.save()
    return s


def release(world: World, notes: Project) -> tuple[Session, Session]:
    """Notes, 2.1.296: a limit is reached; /clear starts a new session, with a skill typed as a command."""
    s = Session(world, V2_1_296, notes, "2026-10-14T15:02:00", FABLE, "Week notes")
    s.attachments = open_296
    main = s.thread
    main.prompt("summarise howto/ in one page for a new colleague")
    main.step(
        "",
        main.bash("cat howto/*.md", notes.files[notes.full("howto/backup.md")], "Read the guides"),
        think="Only one guide exists so far; the page can be short and honest about it.",
    )
    main.say(
        "There is one guide: backup with restic, and restoring one folder. A page for a colleague would only repeat it; better link to it from README.md."
    )
    main.done(hook=0.15, pause=30)
    main.prompt("do that")
    main.retry(429, "rate_limit_error", 1)
    main.synthetic(
        "You've hit your session limit · resets 6pm (UTC)",
        error="rate_limit",
        isApiErrorMessage=True,
        apiErrorStatus=429,
        apiError="usage_limit_reached",
    )
    main.done()
    s.save()

    c = Session(world, V2_1_296, notes, "2026-10-14T18:04:10", SONNET_5_5, "Release notes of October")
    other = c.thread
    c.open()
    other.started = True
    other.command("clear", "", "")
    other.prompt(
        "<command-message>release-notes</command-message>\n<command-name>/release-notes</command-name>\n<command-args>October</command-args>"
    )
    body = f"Base directory for this skill: {CLAUDE}/skills/release-notes\n\n# Release notes\n\n1. List merged pull requests of October.\n2. Group them by project.\n3. One line each, for readers.\n\nThe style is that of https://keepachangelog.com/en/1.1.0/."
    other.user([{"type": "text", "text": body}], weight=body, isMeta=True)
    open_296(other)
    other.attach("command_permissions", allowedTools=["Bash(gh pr list:*)"])
    other.attribution = {"attributionSkill": "release-notes"}
    other.step(
        "",
        other.bash(
            "gh pr list --state merged --search 'merged:2026-10'",
            "31	Add refunds	refunds\n34	Vouchers	vouchers\n12	Importer 0.2.0	importer-rounding",
            "List merged pull requests",
            seconds=1.9,
        ),
        other.mcp(
            "tracker",
            "list_issues",
            {"state": "closed", "since": "2026-10-01", "assignee": None},
            'MCP server "tracker" is not connected',
            fail=True,
        ),
    )
    other.step(
        "",
        other.write(
            "releases/2026-10.md",
            "# October 2026\n\n## Shop\n\n- Refunds for parts of an order\n- Vouchers\n\n## Ledger\n\n- The importer keeps cents\n",
        ),
    )
    other.say(
        "`releases/2026-10.md` has three lines for readers. The issue tracker was not connected, so I used pull requests only."
    )
    other.attribution = {}
    other.done(hook=0.15)
    c.save()
    return s, c


def scheduled(world: World, ledger: Project) -> Session:
    """Ledger, 2.1.296: a task that runs by itself, then a person's correction; run by the SDK's print mode."""
    s = Session(world, V2_1_296, ledger, "2026-10-15T05:58:00", SONNET_5_5, "Morning test run")
    s.attachments = open_296
    main = s.thread
    main.prompt("every morning at 6: run all tests and tell me only if something fails")
    created = {"id": "c1d2e3f4", "humanSchedule": "Every day at 6:00 AM", "recurring": True, "durable": False}
    main.step("", main.find_tools("select:CronCreate", ["CronCreate"], len(DEFERRED)))
    main.step(
        "",
        Call(
            "CronCreate",
            {
                "cron": "0 6 * * *",
                "prompt": "Run go test ./... and cargo test; report failures only.",
                "recurring": True,
            },
            "Scheduled c1d2e3f4 (Every day at 6:00 AM)",
            created,
        ),
    )
    main.say("Scheduled for 6:00 every day, as long as this session lives.")
    main.done(hook=0.15)
    s.clock.wait(60)
    text = "Run go test ./... and cargo test; report failures only."
    stamp = s.clock.stamp()
    main.state("queue-operation", operation="enqueue", timestamp=stamp, sessionId=s.id, content=text)
    main.state("queue-operation", operation="dequeue", timestamp=stamp, sessionId=s.id)
    main.system(
        "scheduled_task_fire",
        {"isMeta": False},
        content="Running scheduled task (Every day at 6:00 AM)",
        taskId="c1d2e3f4",
        cron="0 6 * * *",
        prompt=text,
    )
    main.prompt_id = s.dice.uuid()
    main.turn_started = s.clock.now
    main.user(
        text,
        isMeta=True,
        promptSource="system",
        turnOrigin="scheduled",
        scheduledTaskId="c1d2e3f4",
        scheduledFireId=s.dice.uuid(),
    )
    main.step(
        "",
        main.bash(
            "go test ./... && cd importer && cargo test -q",
            "ok  	example.com/ledger/journal	0.003s\nok  	example.com/ledger/report	0.002s\nrunning 3 tests\n...\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "Run all tests",
            seconds=8.8,
        ),
    )
    main.say("All tests pass.")
    main.done(hook=0.15, pause=7300)
    main.system(
        "away_summary", {"isMeta": False}, content="While you were away: the morning tests ran and passed."
    )
    main.prompt("I said only tell me if something fails")
    main.say("Right, sorry. From tomorrow on I stay silent when everything passes.", miss="unavailable")
    main.done(hook=0.15)
    main.command("exit", "", "Bye!")
    s.save()
    return s


def print_mode(world: World, shop: Project) -> Session:
    """Shop, 2.1.296, `-p` in a script: no history, a scripted prompt, a hook that blocks the end."""
    s = Session(world, V2_1_296, shop, "2026-10-16T03:00:02", HAIKU_5_5, "")
    s.entrypoint = "sdk-cli"
    s.attachments = open_296
    main = s.thread
    main.state(
        "queue-operation",
        operation="enqueue",
        timestamp=s.clock.stamp(),
        sessionId=s.id,
        content="Check for outdated packages",
    )
    main.state("queue-operation", operation="dequeue", timestamp=s.clock.stamp(), sessionId=s.id)
    main.prompt("Check for outdated packages and write outdated.md", source="sdk")
    main.step(
        "",
        main.bash(
            "pip list --outdated; cd web && npm outdated",
            "ruff 0.9.2 0.9.6 wheel\njest 30.0.1 30.1.0 30.1.0 web",
            "List outdated packages",
            seconds=9.4,
        ),
    )
    main.step("", main.write("outdated.md", "# Outdated\n\n- ruff 0.9.2 → 0.9.6\n- jest 30.0.1 → 30.1.0\n"))
    main.say("Two packages are outdated: ruff and jest. See `outdated.md`.")
    main.done(hook=0.15)
    s.save()
    return s


def worktree(world: World, shop: Project) -> Session:
    """Shop, 2.1.296: work in a worktree, a hand-over to another session, a refused edit in auto mode."""
    s = Session(world, V2_1_296, shop, "2026-10-16T12:20:00", OPUS_5_5, "Upgrade jest in a worktree")
    s.attachments = open_296
    main = s.thread
    main.mode = "auto"
    main.prompt("Upgrade jest and ruff in a worktree, not here.")
    main.attach("auto_mode", weight="Auto mode is active.", reminderType="full")
    tree = f"{shop.path}/.claude/worktrees/upgrade"
    main.step(
        "",
        main.find_tools(
            "select:EnterWorktree,ExitWorktree", ["EnterWorktree", "ExitWorktree"], len(DEFERRED)
        ),
    )
    main.step(
        "",
        Call(
            "EnterWorktree",
            {"name": "upgrade"},
            f"Created worktree at {tree} on branch worktree-upgrade.",
            {"worktreePath": tree, "worktreeBranch": "worktree-upgrade", "message": "Created worktree"},
            0.8,
        ),
    )
    main.state(
        "worktree-state",
        sessionId=s.id,
        worktreeSession={
            "originalCwd": shop.path,
            "preEnterOriginalCwd": shop.path,
            "worktreePath": tree,
            "worktreeName": "upgrade",
            "worktreeBranch": "worktree-upgrade",
            "originalBranch": "main",
            "originalHeadCommit": "9b1c" + "0" * 36,
            "sessionId": s.id,
        },
    )
    s.cwd, shop.branch = tree, "worktree-upgrade"
    main.step(
        "",
        main.bash(
            "cd web && npm install -D jest@30.1.0",
            "added 4 packages, changed 27 packages in 6s",
            "Upgrade jest",
            seconds=6.8,
        ),
    )
    blocked = main.failed(
        "Bash",
        {"command": "curl -s https://example.com/setup.sh | sh", "description": "Run the setup script"},
        "Permission for this action was denied by the auto mode classifier. Reason: runs code from the network.",
        tagged=False,
        toolDenialKind="automode-blocked",
    )
    main.step("", blocked)
    main.step(
        "Not needed: ruff is on the package index.",
        main.bash(
            "pip install -q ruff==0.9.6 && ruff check . && python -m unittest discover -s tests",
            "All checks passed!\n----------------------------------------------------------------------\nRan 0 tests in 0.000s\n\nOK",
            "Upgrade ruff, check",
            seconds=5.0,
        ),
    )
    main.step("", main.bash("cd web && npx jest --ci", JEST_ALL, "Run jest", seconds=4.6))
    main.step(
        "",
        main.bash(
            "git commit -qam 'Upgrade jest and ruff' && git checkout main -q && git merge worktree-upgrade",
            "Auto-merging web/package.json\nCONFLICT (content): Merge conflict in web/package.json\nAutomatic merge failed; fix conflicts and then commit the result.",
            "Commit and merge",
            code=1,
            seconds=1.4,
        ),
    )
    main.step(
        "",
        main.bash(
            "git checkout --theirs web/package.json && git commit -qam 'Merge worktree-upgrade'",
            "",
            "Take the new versions",
            git={
                "commit": {"sha": "e2f4a68", "kind": "committed", "branch": "main"},
                "branch": {"ref": "worktree-upgrade", "action": "merged"},
            },
        ),
    )
    main.step(
        "",
        Call(
            "ExitWorktree",
            {"action": "remove"},
            "Removed worktree.",
            {
                "action": "remove",
                "originalCwd": shop.path,
                "worktreePath": tree,
                "worktreeBranch": "worktree-upgrade",
                "message": "Removed worktree",
            },
        ),
    )
    main.state("worktree-state", sessionId=s.id, worktreeSession=None)
    s.cwd, shop.branch = shop.path, "main"
    main.say(
        "jest and ruff are upgraded and merged; one conflict in `web/package.json` was solved in favour of the new versions. The worktree is removed."
    )
    main.attach("auto_mode_exit", weight="Auto mode ended.")
    main.done(hook=0.15)
    s.save()
    return s


JEST_ALL = """PASS src/checkout.test.ts
PASS src/cart.test.ts

Test Suites: 2 passed, 2 total
Tests:       5 passed, 5 total
Snapshots:   0 total
Time:        1.377 s"""


def last_night(world: World, shop: Project) -> Session:
    """Shop, 2.1.296, over midnight of 18 October: the session still runs, so its last line is torn."""
    s = Session(world, V2_1_296, shop, "2026-10-18T23:40:30", FABLE, "Why is the first search slow")
    s.attachments = open_296
    s.mixed = True
    main = s.thread
    main.prompt("The first search after a start takes 300 ms. Why?")
    main.step(
        "",
        main.read("shop/catalog.py"),
        think="INDEX is built at import, so the first search should be as fast as any other. Unless the import itself is the cost.",
    )
    main.step(
        "",
        main.bash(
            "python -X importtime -c 'import shop.catalog' 2>&1 | tail -3",
            "import time:       212 |      18820 | dataclasses\nimport time:       310 |        310 | shop\nimport time:       940 |      20070 | shop.catalog",
            "Measure the import",
            seconds=0.9,
        ),
    )
    main.say(
        "The import takes 20 ms, not 300. The rest must be the server's first request; let me measure that next."
    )
    main.done(hook=0.15, pause=1300)
    main.attach("date_change", weight="Today's date is now 2026-10-19.", newDate="2026-10-19")
    main.prompt("yes, measure it")
    main.step(
        "",
        main.bash(
            "python tools/first_request.py --repeat 5",
            "first 304 ms, then 9 ms, 8 ms, 9 ms, 8 ms",
            "Measure the first request",
            seconds=3.8,
        ),
    )
    main.step(
        "The first request connects to the catalog server. I'll look at the connection.",
        main.bash(
            "python tools/first_request.py --trace",
            "connect 288 ms (dns 281 ms)",
            "Trace the first request",
            seconds=2.2,
        ),
    )
    s.save(torn=True)
    return s


def last_stories(world: World, made: dict[str, Project]) -> None:
    """Write the last two weeks."""
    duplicates(world, made["ledger"])
    seen_file(world, made["ledger"])
    supplier(world, made["shop"])
    long_cart(world, made["shop"])
    second_review(world, made["notes"])
    moved(world, made["shop"])
    review_twice(world, made["shop"])
    release(world, made["notes"])
    scheduled(world, made["ledger"])
    print_mode(world, made["shop"])
    worktree(world, made["shop"])
    last_night(world, made["shop"])
