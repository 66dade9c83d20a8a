"""The first week, with clients 1.0.x and 2.0.x."""

# What tools print stands on one line, with the signs that they use; a story is told in one go.
# ruff: noqa: E501

from __future__ import annotations

from maker.clients import OLD_1_0_53, OLD_1_0_128, V2_0_42, V2_0_67
from maker.writer import Project, Session, Thread, World

SONNET_4_5 = "claude-sonnet-4-5-20250929"
OPUS_4_1 = "claude-opus-4-1-20250805"
HAIKU_4_5 = "claude-haiku-4-5-20251001"

PYTEST_RED = """.F..                                                                     [100%]
=================================== FAILURES ===================================
_________________________ test_discount_rounds_half_up _________________________

    def test_discount_rounds_half_up():
        cart = Cart(discount_percent="7.5")
        cart.add("tea-mint", 2, 910)
>       assert cart.total() == 1683
E       assert 1684 == 1683
E        +  where 1684 = total()

tests/test_cart.py:13: AssertionError
=========================== short test summary info ============================
FAILED tests/test_cart.py::test_discount_rounds_half_up - assert 1684 == 1683
1 failed, 3 passed in 0.07s"""
PYTEST_STILL_RED = """.F..                                                                     [100%]
=================================== FAILURES ===================================
_________________________ test_discount_rounds_half_up _________________________
>       assert cart.total() == 1683
E       assert 1684 == 1683
=========================== short test summary info ============================
FAILED tests/test_cart.py::test_discount_rounds_half_up - assert 1684 == 1683
1 failed, 3 passed in 0.06s"""
PYTEST_GREEN = """....                                                                     [100%]
4 passed in 0.05s"""


def rounding(world: World, shop: Project) -> Session:
    """Shop, 1.0.128: a failing test, two attempts, todos, a subagent inside the main file."""
    s = Session(world, OLD_1_0_128, shop, "2026-09-14T07:52:10", SONNET_4_5)
    main = s.thread
    main.state("summary", summary="Search products by words", leafUuid=s.dice.uuid())
    main.prompt("The discount test in tests/test_cart.py fails. Please find out why and fix it.")
    plan = [
        ("Run the tests", "in_progress"),
        ("Find where the discount is rounded", "pending"),
        ("Fix the rounding", "pending"),
    ]
    main.step("I'll make a short list and start with the tests.", main.todos(plan, []))
    main.step(
        "",
        main.bash("python -m pytest -q", PYTEST_RED, "Run all tests", code=1, seconds=1.9),
    )
    step_two = [(plan[0][0], "completed"), (plan[1][0], "in_progress"), plan[2]]
    main.step("One test fails by one cent. Let me look at the code.", main.todos(step_two, plan))
    main.step("", main.read("shop/cart.py"), main.read("shop/money.py"), main.ls("shop"))

    def look(side: Thread) -> str:
        side.step(
            "I'll search for every use of percent_of.",
            side.grep(
                "percent_of",
                [
                    ("shop/cart.py", 5, "from shop.money import percent_of"),
                    (
                        "shop/cart.py",
                        31,
                        "        return subtotal - percent_of(subtotal, self.discount_percent)",
                    ),
                    ("tests/test_money.py", 1, "from shop.money import format_cents, percent_of"),
                ],
            ),
            side.glob("**/*.py", ["shop/cart.py", "shop/money.py", "shop/catalog.py", "tests/test_cart.py"]),
        )
        side.step("", side.read("tests/test_money.py"))
        report = (
            "`percent_of` is used in one place, `Cart.total` (shop/cart.py:31). The only test of it uses a whole "
            "result (10 % of 1000), so a change of the rounding breaks no other test."
        )
        side.say(report)
        return report

    main.step(
        "Before I change the rounding I want to know who depends on it.",
        main.agent(
            "Find uses of percent_of",
            "Find every use of percent_of in this project and say which tests cover it.",
            "general-purpose",
            look,
        ),
    )
    main.step(
        "`percent_of` always rounds down. The discount is 136.5 cents. I'll use Python's usual rounding.",
        main.multi_edit(
            "shop/money.py",
            [
                ("from decimal import ROUND_DOWN, Decimal", "from decimal import ROUND_HALF_EVEN, Decimal"),
                ("rounding=ROUND_DOWN", "rounding=ROUND_HALF_EVEN"),
            ],
        ),
    )
    main.step("", main.bash("python -m pytest -q", PYTEST_STILL_RED, "Run all tests", code=1, seconds=1.7))
    main.step(
        "Half even gives 136, still one cent off. Half up is what shops use.",
        main.multi_edit(
            "shop/money.py",
            [
                (
                    "from decimal import ROUND_HALF_EVEN, Decimal",
                    "from decimal import ROUND_HALF_UP, Decimal",
                ),
                ("rounding=ROUND_HALF_EVEN", "rounding=ROUND_HALF_UP"),
            ],
        ),
    )
    main.step("", main.bash("python -m pytest -q", PYTEST_GREEN, "Run all tests", seconds=1.6))
    finished = [(text, "completed") for text, _ in plan]
    main.step("", main.todos(finished, step_two))
    main.say(
        "Fixed. `percent_of` rounded down; it now rounds half up (`shop/money.py`), and all four tests pass. "
        "Only `Cart.total` uses it."
    )
    main.done(pause=95)
    main.prompt("thanks! add a test for 12.5 % of 999 as well")
    main.step(
        "",
        main.edit(
            "tests/test_money.py",
            "def test_format():",
            'def test_percent_of_rounds_half_up():\n    assert percent_of(999, "12.5") == 125\n\n\ndef test_format():',
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q",
            PYTEST_GREEN.replace("....", ".....").replace("4 p", "5 p"),
            "Run all tests",
            seconds=1.6,
        ),
    )
    main.say("Added `test_percent_of_rounds_half_up`; five tests pass.")
    main.done()
    s.save()
    return s


def backup_note(world: World, notes: Project) -> Session:
    """Notes, 1.0.53: a short writing session on an old client and a dear model."""
    s = Session(world, OLD_1_0_53, notes, "2026-09-14T18:21:44", OPUS_4_1)
    main = s.thread
    main.prompt("Make howto/backup.md clearer, and add how to restore one folder.")
    main.step("I'll read the guide first.", main.ls("howto"), main.read("howto/backup.md"))
    main.step(
        "",
        main.fetch(
            "https://restic.readthedocs.io/en/stable/050_restore.html",
            "How do I restore one folder?",
            "Use `restic restore latest --target /tmp/restore --include /path/to/folder`. The folder is written below "
            "the target with its full path.",
            48213,
        ),
    )
    text = (
        "# Back up the laptop\n\n## Back up\n\n1. Plug in the disk.\n2. Run `restic backup ~/`.\n3. Check with `restic check`.\n\n"
        "## Restore one folder\n\n1. Run `restic restore latest --target /tmp/restore --include ~/notes`.\n"
        "2. Look at the files below `/tmp/restore`.\n3. Copy back what you need.\n"
    )
    main.step("", main.write("howto/backup.md", text))
    main.say(
        "The guide has two parts now: back up, and restore one folder. I kept your three steps as they were."
    )
    main.done(pause=40)
    main.prompt("no, not ~/notes in the example, use ~/photos please")
    main.step("", main.edit("howto/backup.md", "--include ~/notes", "--include ~/photos"))
    main.say("Changed the example to `~/photos`.")
    main.done()
    s.save()
    return s


def rounding_resumed(world: World, shop: Project, first: Session) -> Session:
    """Shop, 1.0.128, next day: resume makes a new file that begins with a copy of the old one."""
    s = Session(world, OLD_1_0_128, shop, "2026-09-15T07:31:05", SONNET_4_5)
    s.inherit(first)
    main = s.thread
    main.prompt("Next: Cart.add should refuse a quantity below 1. Raise a ValueError and test it.")
    main.step(
        "",
        main.edit(
            "shop/cart.py",
            "        self.lines.append(Line(sku, quantity, unit_cents))",
            '        if quantity < 1:\n            raise ValueError("quantity must be at least 1")\n'
            "        self.lines.append(Line(sku, quantity, unit_cents))",
        ),
    )
    main.step(
        "",
        main.edit(
            "tests/test_cart.py",
            "from shop.cart import Cart\n",
            "import pytest\n\nfrom shop.cart import Cart\n\n\ndef test_add_refuses_zero():\n    with pytest.raises(ValueError):\n"
            '        Cart().add("mug-blue", 0, 1290)\n',
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q && ruff check .",
            "......                                       "
            "                            [100%]\n6 passed in 0.06s\nAll checks passed!",
            "Test and lint",
            seconds=2.4,
        ),
    )
    main.step(
        "",
        main.bash(
            'git add -A && git commit -m "Refuse empty quantities"',
            "[main 4be1d20] Refuse empty quantities\n 2 files changed, 11 insertions(+)",
            "Commit",
        ),
    )
    main.say(
        "`Cart.add` raises `ValueError` for quantities below 1. Six tests pass, ruff is clean, committed as 4be1d20."
    )
    main.done()
    s.save()
    return s


PLAN_ONE = """# Post entries all or nothing

1. Copy all balances before posting.
2. Post as today.
3. On error write the copies back.
"""
PLAN_TWO = """# Post entries all or nothing

1. Add up the postings first; return ErrUnbalanced before any account changes.
2. Apply the postings in a second loop.
3. Run `go test ./...`.
"""
GO_RED = """--- FAIL: TestUnbalancedLeavesAccountsAlone (0.00s)
    journal_test.go:17: balance changed to 500
FAIL
FAIL	example.com/ledger/journal	0.003s
?   	example.com/ledger/account	[no test files]
?   	example.com/ledger/report	[no test files]
FAIL"""
GO_GREEN = """?   	example.com/ledger/account	[no test files]
ok  	example.com/ledger/journal	0.003s
?   	example.com/ledger/report	[no test files]"""


def all_or_nothing(world: World, ledger: Project) -> Session:
    """Ledger, 2.0.42: plan rejected with words, then approved; an Explore agent in a file of its own."""
    s = Session(world, V2_0_42, ledger, "2026-09-16T08:04:31", SONNET_4_5)
    main = s.thread
    main.mode = "plan"
    main.prompt(
        "go test fails in journal. An unbalanced entry must not touch any account. Make a plan first."
    )

    def explore(side: Thread) -> str:
        side.model = HAIKU_4_5
        side.step(
            "",
            side.glob(
                "**/*.go",
                ["account/account.go", "journal/journal.go", "journal/journal_test.go", "report/report.go"],
            ),
        )
        side.step("", side.read("journal/journal.go"), side.read("account/account.go"))
        report = (
            "Posting happens in journal/journal.go `Post`: it applies each posting while it sums them, and checks the sum "
            "at the end. `Account.Apply` cannot fail. Only `Post` calls it."
        )
        side.say(report)
        return report

    main.step(
        "I'll have the code explored while I run the tests.",
        main.agent(
            "Explore posting",
            "Where are postings applied, and what can fail on the way?",
            "Explore",
            explore,
            model=HAIKU_4_5,
        ),
        think="The user wants a plan. I need to know where balances change before I can propose one.",
    )
    main.step("", main.bash("go test ./...", GO_RED, "Run Go tests", code=1, seconds=3.2))
    main.step(
        "",
        main.plan(
            PLAN_ONE,
            "posting-one",
            approve=False,
            words="too complicated, just check the sum before you apply anything",
            seconds=52,
        ),
    )
    main.step("", main.plan(PLAN_TWO, "posting-two", approve=True, seconds=14))
    main.mode = "default"
    main.step(
        "",
        main.edit(
            "journal/journal.go",
            "		posting.Account.Apply(posting.Amount)\n		sum += posting.Amount\n	}\n	if sum != 0 {\n		return ErrUnbalanced\n	}\n",
            "		sum += posting.Amount\n	}\n	if sum != 0 {\n		return ErrUnbalanced\n	}\n	for _, posting := range postings {\n"
            "		posting.Account.Apply(posting.Amount)\n	}\n",
        ),
    )
    main.step("", main.bash("go test ./... && go vet ./...", GO_GREEN, "Run Go tests and vet", seconds=4.1))
    main.say("`Post` sums first and applies only balanced entries. The test passes and `go vet` is quiet.")
    main.done(pause=300)
    main.prompt("commit it")
    main.step(
        "",
        main.bash(
            'git commit -am "Post entries all or nothing"',
            "[main 91c0a3e] Post entries all or nothing\n 1 file changed, 3 insertions(+), 1 deletion(-)",
            "Commit",
        ),
    )
    main.say("Committed as 91c0a3e.")
    main.done()
    s.save()
    return s


def trial_balance(world: World, ledger: Project) -> Session:
    """Ledger, 2.0.42: an edit refused with words, an interruption, a denied command, /compact by hand."""
    s = Session(world, V2_0_42, ledger, "2026-09-17T12:40:02", SONNET_4_5)
    main = s.thread
    main.prompt("report.Line uses floats. Please change it so that amounts above 90 trillion are exact too.")
    main.step("", main.read("report/report.go"))
    main.step(
        "",
        main.rejected(
            main.failed(
                "Edit",
                {
                    "file_path": ledger.full("report/report.go"),
                    "old_string": "float64(balance)/100",
                    "new_string": "decimal.New(balance, -2)",
                },
                "",
            ),
            "no new dependency please, integers are enough",
            21.5,
        ),
    )
    main.step(
        "Understood: integers only.",
        main.edit(
            "report/report.go",
            'fmt.Sprintf("%-20s %12.2f", name, float64(balance)/100)',
            'fmt.Sprintf("%-20s %9d.%02d", name, balance/100, abs(balance%100))',
        ),
    )
    main.step(
        "",
        main.edit(
            "report/report.go",
            "// Line writes",
            "func abs(n int64) int64 {\n	if n < 0 {\n		return -n\n	}\n	return n\n}\n\n// Line writes",
        ),
    )
    main.step("", main.bash("go test ./...", GO_GREEN, "Run Go tests", seconds=2.8))
    main.say("`report.Line` formats with integers only. Tests pass.")
    main.done(pause=120)
    main.prompt("clean up old build folders in ~/tmp too")
    main.step("", main.rejected(main.bash("rm -rf /home/dev/tmp/*", "", "Remove build folders"), "", 6.2))
    main.interrupt(tool=True)
    main.clock.wait(35)
    main.prompt("only list them, I will delete them myself")
    main.step(
        "",
        main.bash(
            "du -sh /home/dev/tmp/* | sort -h | tail -5",
            "1.2M	/home/dev/tmp/notes-preview\n48M	/home/dev/tmp/ledger-build\n212M	/home/dev/tmp/shop-web",
            "List big folders",
        ),
    )
    main.answer(
        [
            {
                "type": "text",
                "text": "There are three folders; the largest is shop-web with 212 MB. I could also",
            }
        ],
        cut=True,
    )
    main.interrupt()
    main.command("compact", "keep the decisions about integers", "Compacted (ctrl+o to see full summary)")
    main.compact(
        "1. report.Line was changed to integers; the person wants no new dependency.\n2. Tests pass.\n"
        "3. Folders in ~/tmp are only to be listed, never deleted.",
        "manual",
    )
    main.clock.wait(20)
    main.prompt("add a test for a negative balance of 5 cents")
    test = (
        'package report\n\nimport "testing"\n\nfunc TestNegativeCents(t *testing.T) {\n'
        '	if got := Line("cash", -5); got != "cash                         0.05" {\n		t.Errorf("got %q", got)\n	}\n}\n'
    )
    main.step("", main.write("report/report_test.go", test))
    main.step(
        "",
        main.bash(
            "go test ./report",
            '--- FAIL: TestNegativeCents (0.00s)\n    report_test.go:7: got "cash                         0.05"\n'
            "FAIL\nFAIL	example.com/ledger/report	0.002s\nFAIL",
            "Test the report",
            code=1,
            seconds=1.9,
        ),
    )
    main.step(
        "The sign is lost for amounts below one unit.",
        main.edit(
            "report/report.go",
            'return fmt.Sprintf("%-20s %9d.%02d", name, balance/100, abs(balance%100))',
            'sign := ""\n	if balance < 0 {\n		sign = "-"\n	}\n	amount := fmt.Sprintf("%s%d.%02d", sign, abs(balance)/100, '
            'abs(balance)%100)\n	return fmt.Sprintf("%-20s %12s", name, amount)',
        ),
    )
    main.step(
        "",
        main.edit(
            "report/report_test.go", "cash                         0.05", "cash                        -0.05"
        ),
    )
    main.step(
        "",
        main.bash(
            "go test ./report", "ok  	example.com/ledger/report	0.002s", "Test the report", seconds=1.8
        ),
    )
    main.say("The test found a real bug: -5 cents was shown as 0.05. It is -0.05 now and the test passes.")
    main.done()
    s.save()
    return s


REVIEW = """# Week 38

- Shop: discounts round half up, empty quantities are refused
- Ledger: unbalanced entries change nothing; the trial balance is exact

Open: importer loses cents. Learned: test with odd numbers.
"""


def weekly_review(world: World, notes: Project) -> Session:
    """Notes, 2.0.67: a skill, a question to the person, a custom command, placeholder outputs."""
    s = Session(world, V2_0_67, notes, "2026-09-18T14:10:20", "claude-opus-4-5-20251101")
    main = s.thread
    main.prompt("it's Friday, write the weekly review")
    body = notes.files[notes.full(".claude/skills/weekly-review/SKILL.md")].split("---\n", 2)[2].strip()
    main.step(
        "I'll use the weekly-review skill.",
        main.skill("weekly-review", notes.full(".claude/skills/weekly-review"), body),
    )
    main.step(
        "",
        main.read("weekly/2026-w37.md"),
        main.bash(
            "for p in shop ledger; do git -C ~/$p log --since='7 days ago' --oneline; done",
            "4be1d20 Refuse empty quantities\n91c0a3e Post entries all or nothing",
            "Read the week's commits",
        ),
    )
    main.step(
        "",
        main.ask(
            [
                (
                    "Which open point is the most important?",
                    "Open point",
                    [
                        ("Importer loses cents", "Amounts such as 1,15 are off by one"),
                        ("Search is slow", "The product search reads the whole list"),
                    ],
                )
            ],
            ["Importer loses cents"],
            24.5,
        ),
    )
    main.step("", main.write("weekly/2026-w38.md", REVIEW))
    main.say("`weekly/2026-w38.md` is written: eight lines, with the importer as the open point.")
    main.done(hook=0.2, pause=60)
    command = (
        "<command-message>standup is running…</command-message>\n<command-name>/standup</command-name>\n"
        "<command-args>monday</command-args>"
    )
    main.prompt(command)
    main.user(
        [
            {
                "type": "text",
                "text": "Write three lines for the standup on $ARGUMENTS: done, next, blocked. Use the newest file in "
                "weekly/.\n\nARGUMENTS: monday",
            }
        ],
        isMeta=True,
    )
    main.step("", main.read("weekly/2026-w38.md"))
    main.say("Done: rounding and all-or-nothing postings.\nNext: cents in the importer.\nBlocked: nothing.")
    main.done(hook=0.2)
    s.save()
    return s


def gateway(world: World, notes: Project) -> Session:
    """Notes, 2.0.67 through a gateway: another maker's model, no request ids, no price."""
    s = Session(world, V2_0_67, notes, "2026-09-19T09:15:00", "local-coder-32b")
    s.gateway = True
    main = s.thread
    main.prompt("Fix spelling in howto/backup.md")
    main.step("I will read the file.", main.read("howto/backup.md"))
    main.say("I found no spelling mistake.")
    main.done(pause=15)
    main.prompt("then shorten the title")
    main.step("", main.edit("howto/backup.md", "# Back up the laptop", "# Backup"))
    main.say("The title is `# Backup` now.")
    main.done()
    s.save()
    return s


def old_stories(world: World, made: dict[str, Project]) -> None:
    """Write the first week."""
    first = rounding(world, made["shop"])
    backup_note(world, made["notes"])
    rounding_resumed(world, made["shop"], first)
    all_or_nothing(world, made["ledger"])
    trial_balance(world, made["ledger"])
    weekly_review(world, made["notes"])
    gateway(world, made["notes"])
