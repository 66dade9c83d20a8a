"""The third week, with client 2.1.205."""

# What tools print stands on one line, with the signs that they use; a story is told in one go.
# ruff: noqa: E501, PLR0915

from __future__ import annotations

import json
from datetime import timedelta

from maker.basics import Json
from maker.clients import V2_1_205
from maker.writer import CLAUDE, Call, Notice, Project, Session, Thread, World, dump

OPUS_5 = "claude-opus-5"
SONNET_5 = "claude-sonnet-5"
SONNET_5_5 = "claude-sonnet-5-5"
HAIKU_4_5 = "claude-haiku-4-5-20251001"

SKILLS = {
    "weekly-review": "Write the weekly review from git logs and notes. Use on Fridays or when the user asks for a review.",
    "release-notes": "Write release notes from merged pull requests. Use before a release.",
    "db-migration": "Plan and check a database migration. Use when a schema changes.",
    "shop-tools:price-check": "Check prices in the catalog for mistakes.",
    "init": "Initialize a new CLAUDE.md file with codebase documentation",
    "code-review": "Review the current diff for correctness bugs",
}
LISTING = "\n".join(f"- {name}: {text}" for name, text in SKILLS.items())
AGENTS = {
    "Explore": "Read-only search agent for broad fan-out searches. (Tools: All tools except Agent, Edit, Write)",
    "general-purpose": "General-purpose agent for researching complex questions and executing multi-step tasks. (Tools: *)",
    "Plan": "Software architect agent for designing implementation plans. (Tools: All tools except Agent, Edit, Write)",
    "reviewer": "Reviews a diff and reports findings, most important first. (Tools: Read, Grep, Bash)",
}
DEFERRED = [
    "AskUserQuestion",
    "CronCreate",
    "CronDelete",
    "CronList",
    "EnterPlanMode",
    "EnterWorktree",
    "ExitPlanMode",
    "ExitWorktree",
    "Monitor",
    "NotebookEdit",
    "SendMessage",
    "TaskOutput",
    "TaskStop",
    "WebFetch",
    "WebSearch",
    "mcp__catalog__search_products",
    "mcp__catalog__stock",
    "mcp__catalog__update_price",
    "mcp__tracker__list_issues",
    "mcp__tracker__get_issue",
]
INSTRUCTIONS = "## catalog\nThe shop's products. Prices are in cents; update_price needs a reason."


def open_205(main: Thread) -> None:
    """What 2.1.205 attaches to the first prompt."""
    main.attach(
        "deferred_tools_delta",
        weight="\n".join(DEFERRED),
        addedNames=DEFERRED,
        addedLines=DEFERRED,
        removedNames=[],
        readdedNames=[],
        pendingMcpServers=[],
        failedMcpServers=["browser"],
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


REFUND = '''"""Refunds: money back for lines of an order."""

from shop.money import percent_of
from shop.orders import ORDERS


def refund(order_id: str, percent: str = "100") -> int:
    """Give back a part of an order's total, in cents."""
    order = ORDERS[order_id]
    total = order["total"]
    return percent_of(int(str(total)), percent)
'''
REFUND_TEST = """from shop.cart import Cart
from shop.orders import place
from shop.refunds import refund


def test_refund_half():
    cart = Cart()
    cart.add("mug-blue", 1, 1290)
    place("r1", "ann", cart)
    assert refund("r1", "50") == 645


def test_refund_never_twice():
    cart = Cart()
    cart.add("mug-blue", 1, 1290)
    place("r2", "ann", cart)
    refund("r2")
    assert refund("r2") == 0
"""


def refunds(world: World, shop: Project) -> tuple[Session, Session]:
    """Shop, 2.1.205: rejections with words, diagnostics, nested memory, a pull request; then a fork that goes another way."""
    shop.branch = "refunds"
    s = Session(world, V2_1_205, shop, "2026-09-28T07:20:11", SONNET_5, "Add refunds to the shop")
    s.start_hook("Branch refunds. Money rules are in CLAUDE.md.")
    s.attachments = open_205
    main = s.thread
    main.prompt(
        "Add refunds: shop/refunds.py with refund(order_id, percent). An order can't be refunded twice."
    )
    rules = shop.files[shop.full("shop/CLAUDE.md")]
    main.step(
        "",
        main.read("shop/orders.py"),
        main.read("shop/money.py"),
        think="Refund uses percent_of; I need to remember what was given back.",
    )
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
    main.step("", main.write("shop/refunds.py", REFUND), main.write("tests/test_refunds.py", REFUND_TEST))
    problem: Json = {
        "message": '"ORDERS" is partially unknown',
        "severity": "Warning",
        "source": "Pyright",
        "code": "reportUnknownVariableType",
        "range": {"start": {"line": 3, "character": 24}, "end": {"line": 3, "character": 30}},
    }
    main.attach(
        "diagnostics",
        weight=dump(problem),
        files=[{"uri": f"file://{shop.full('shop/refunds.py')}", "diagnostics": [problem]}],
        isNew=True,
    )
    red = (
        ".F                                                                       [100%]\n=================================== FAILURES ===================================\n"
        '____________________________ test_refund_never_twice ____________________________\n>       assert refund("r2") == 0\nE       assert 1290 == 0\n'
        "=========================== short test summary info ============================\nFAILED tests/test_refunds.py::test_refund_never_twice - assert 1290 == 0\n"
        "1 failed, 1 passed in 0.06s"
    )
    main.step(
        "", main.bash("python -m pytest -q tests/test_refunds.py", red, "Test refunds", code=1, seconds=1.6)
    )
    bad = main.failed(
        "Edit",
        {
            "replace_all": False,
            "file_path": shop.full("shop/refunds.py"),
            "old_string": "    order = ORDERS[order_id]\n",
            "new_string": "    order = ORDERS.pop(order_id)\n",
        },
        "",
    )
    main.step(
        "I'll take the order out of ORDERS when it is refunded.",
        main.rejected(bad, "don't delete orders! keep a 'refunded' field instead", 18.4),
    )
    main.step(
        "You're right, orders must stay. I'll keep what was given back.",
        main.edit(
            "shop/refunds.py",
            '    total = order["total"]\n    return percent_of(int(str(total)), percent)\n',
            '    left = int(str(order["total"])) - int(str(order.get("refunded", 0)))\n    back = min(left, percent_of(int(str(order["total"])), percent))\n'
            '    order["refunded"] = int(str(order.get("refunded", 0))) + back\n    return back\n',
        ),
    )
    main.step(
        "",
        main.bash(
            "python -m pytest -q && ruff check . && mypy shop",
            "shop/refunds.py:9:5: F841 Local variable `total` is assigned to but never used\nFound 1 error.",
            "Test, lint, types",
            code=1,
            seconds=5.1,
        ),
    )
    main.step(
        "",
        main.bash(
            "ruff check . --fix && python -m pytest -q && mypy shop",
            "Found 1 error (1 fixed, 0 remaining).\n.........                                                                [100%]\n9 passed in 0.09s\n"
            "Success: no issues found in 6 source files",
            "Fix, test, types",
            seconds=6.3,
        ),
    )
    main.say(
        "`refund` keeps a `refunded` field on the order and never gives back more than the total. Nine tests pass, ruff and mypy are clean."
    )
    main.done(hook=0.2, pause=240)
    fork_at = main.mark()
    main.prompt("great, commit, push, open a PR")
    main.step(
        "",
        main.bash(
            'git add -A && git commit -m "Add refunds" -q && git log -1 --format=%h',
            "3f8a6c2",
            "Commit",
            git={"commit": {"sha": "3f8a6c2", "kind": "committed", "branch": "refunds"}},
        ),
    )
    main.step(
        "",
        main.bash(
            "git push -u origin refunds",
            "branch 'refunds' set up to track 'origin/refunds'.",
            "Push",
            seconds=2.1,
            git={"push": {"branch": "refunds"}},
        ),
    )
    url = "https://git.example.com/dev/shop/pull/31"
    main.step(
        "",
        main.bash(
            "gh pr create --fill",
            url,
            "Open a pull request",
            seconds=2.6,
            git={"pr": {"number": 31, "url": url, "action": "created"}},
        ),
    )
    main.state(
        "pr-link", sessionId=s.id, prNumber=31, prUrl=url, prRepository="dev/shop", timestamp=s.clock.stamp()
    )
    main.say(f"Pull request 31 is open: {url}")
    main.done(hook=0.2)
    s.save()

    f = Session(world, V2_1_205, shop, "2026-09-28T07:58:30", SONNET_5, "Refunds as their own records")
    f.inherit(s, fork_at, fork=True)
    other = f.thread
    other.prompt(
        "Other idea: keep refunds in a list of their own, with a date. Try it without touching orders."
    )
    other.step("", other.read("shop/refunds.py"))
    other.step(
        "",
        other.edit(
            "shop/refunds.py",
            "from shop.money import percent_of",
            "from datetime import UTC, datetime\n\nfrom shop.money import percent_of",
        ),
    )
    other.step(
        "",
        other.edit(
            "shop/refunds.py",
            "\n\ndef refund(",
            "\n\nREFUNDS: list[tuple[str, int, datetime]] = []\n\n\ndef refund(",
        ),
    )
    other.step(
        "", other.rejected(other.bash("git push --force origin refunds", "", "Push the experiment"), "", 4.0)
    )
    other.interrupt(tool=True)
    other.clock.wait(50)
    other.prompt("never mind, the first version is fine. Put the file back.")
    other.step(
        "",
        other.bash(
            "git checkout -- shop/refunds.py",
            "",
            "Restore the file",
            git={"branch": {"ref": "refunds", "action": "merged"}},
        ),
    )
    shop.files[shop.full("shop/refunds.py")] = REFUND
    other.say("`shop/refunds.py` is as it was in the commit.")
    other.done(hook=0.2)
    f.save()
    shop.branch = "main"
    return s, f


def fast_report(world: World, ledger: Project) -> Session:
    """Ledger, 2.1.205: fast mode, cache misses with their reason, a switch of the model in the middle."""
    s = Session(world, V2_1_205, ledger, "2026-09-29T14:00:05", OPUS_5, "Trial balance by month")
    s.attachments = open_205
    main = s.thread
    main.prompt("We need the trial balance per month. Write report/monthly.go. I'm in a hurry.")
    main.command("fast", "", "Fast mode on")
    main.speed = "fast"
    main.step("", main.read("report/report.go"), main.read("journal/journal.go"))
    monthly = (
        'package report\n\nimport "sort"\n\n// Monthly writes one line per month.\nfunc Monthly(totals map[string]int64) []string {\n'
        "	months := make([]string, 0, len(totals))\n	for month := range totals {\n		months = append(months, month)\n	}\n	sort.Strings(months)\n"
        "	lines := make([]string, 0, len(months))\n	for _, month := range months {\n		lines = append(lines, Line(month, totals[month]))\n	}\n	return lines\n}\n"
    )
    main.step("", main.write("report/monthly.go", monthly), miss="tools_changed")
    main.step(
        "",
        main.bash(
            "go test ./... && go vet ./...",
            "?   	example.com/ledger/account	[no test files]\nok  	example.com/ledger/journal	0.003s\n"
            "ok  	example.com/ledger/report	0.002s",
            "Test and vet",
            seconds=3.9,
        ),
    )
    main.say("`report.Monthly` gives one line per month, in order. Tests and vet pass.")
    main.done(hook=0.2, pause=700)
    main.speed = "standard"
    main.command("model", "sonnet", "Set model to Sonnet 5.5")
    main.model = SONNET_5_5
    main.prompt("now a test with two months, cheaper model is fine")
    test = (
        'package report\n\nimport "testing"\n\nfunc TestMonthlyIsSorted(t *testing.T) {\n	lines := Monthly(map[string]int64{"2026-09": 5, "2026-08": 7})\n'
        '	if lines[0] != Line("2026-08", 7) {\n		t.Errorf("got %q", lines[0])\n	}\n}\n'
    )
    main.step("", main.write("report/monthly_test.go", test), miss="model_changed")
    main.step(
        "",
        main.bash(
            "go test ./report -run Monthly -v",
            "=== RUN   TestMonthlyIsSorted\n--- PASS: TestMonthlyIsSorted (0.00s)\nPASS\nok  	example.com/ledger/report	0.002s",
            "Run the new test",
            seconds=2.2,
        ),
    )
    main.step("", main.bash("grep -rn TODO .", "", "Look for open points", meaning="No matches found"))
    main.say("The test passes: months come out sorted. There are no TODOs left.")
    main.done(hook=0.2)
    main.attach("total_tokens_reminder", text="<total_tokens>961204 tokens left</total_tokens>")
    s.save()
    return s


def audit(world: World, shop: Project) -> Session:
    """Shop, 2.1.205: a workflow with three agents, a journal and a summary."""
    s = Session(world, V2_1_205, shop, "2026-09-30T09:10:00", OPUS_5, "Audit error messages")
    s.attachments = open_205
    main = s.thread
    main.prompt(
        "Use a workflow: check the error messages of all modules in shop/, one agent per module, and sum up."
    )
    script = (
        "export default async ({ agent, phase }) => {\n  const modules = ['cart', 'orders', 'refunds'];\n"
        "  phase('Check');\n  const found = await Promise.all(modules.map((m) => agent(`Check the error messages of shop/${m}.py`, { label: m })));\n"
        "  phase('Sum up');\n  return found;\n};\n"
    )
    run = "wf_" + s.dice.hexa(8) + "-" + s.dice.hexa(3)
    task = "w" + s.dice.text(8, "0123456789abcdefghijklmnopqrstuvwxyz")
    base = f"projects/{shop.slug}/{s.id}"
    path = f"{CLAUDE}/{base}/workflows/scripts/audit-errors-{run}.js"
    launched = {
        "status": "async_launched",
        "taskId": task,
        "taskType": "local_workflow",
        "workflowName": "audit-errors",
        "runId": run,
        "summary": "Check error messages",
        "transcriptDir": f"{CLAUDE}/{base}/subagents/workflows/{run}",
        "scriptPath": path,
    }
    call = Call(
        "Workflow",
        {"script": script, "name": "audit-errors", "description": "Check error messages"},
        f"Workflow launched in background. Task ID: {task}\nRun ID: {run}",
        launched,
        0.3,
    )
    main.step("", call)
    main.say("The workflow runs: three agents, one per module.")
    main.done(hook=0.2)
    started = s.clock.now
    ended = started
    journal: list[Json] = []
    progress: list[Json] = [{"type": "workflow_phase", "index": 1, "title": "Check"}]
    total = tools = 0
    results = []
    for number, (module, finding) in enumerate(
        (
            ("cart", "One ValueError; its text names the rule. Good."),
            ("orders", "KeyError for an unknown order reaches the caller."),
            ("refunds", "KeyError for an unknown order; percent is not checked."),
        )
    ):
        s.clock.now = started + timedelta(seconds=number)
        side = Thread(s, "a" + s.dice.hexa(16), base=9_800)
        side.started = True
        side.model = SONNET_5
        side.prompt_id = main.prompt_id
        key = f"v2:{s.dice.hexa(16)}"
        journal.append(
            {"type": "launched", "key": key, "agentId": side.agent_id, "label": module, "phase": "Check"}
        )
        journal.append({"type": "started", "key": key, "agentId": side.agent_id})
        side.line(
            "user", {"message": {"role": "user", "content": f"Check the error messages of shop/{module}.py"}}
        )
        side.enters("check")
        side.step("", side.read(f"shop/{module}.py"))
        answer = {"module": module, "finding": finding, "severity": "low" if module == "cart" else "medium"}
        side.step(
            "", Call("StructuredOutput", answer, "Structured output provided successfully", answer, 0.02)
        )
        s.keep_agent(side, f"workflows/{run}")
        s.keep_meta(
            side,
            {
                "agentType": "workflow-subagent",
                "description": module,
                "workflowPhase": "Check",
                "spawnDepth": 1,
            },
            f"workflows/{run}",
        )
        used = side.billed.prompt + side.billed.output
        total, tools = total + used, tools + side.calls
        results.append(answer)
        journal.append({"type": "result", "key": key, "agentId": side.agent_id, "result": answer})
        progress.append(
            {
                "type": "workflow_agent",
                "index": number + 1,
                "label": module,
                "phaseIndex": 1,
                "agentId": side.agent_id,
                "state": "done",
                "model": SONNET_5,
                "tokens": used,
                "toolCalls": side.calls,
                "durationMs": 7000 + number * 900,
            }
        )
        ended = max(ended, s.clock.now)
    lasted = round((ended - started) / timedelta(milliseconds=1))
    world.files[f"{base}/subagents/workflows/{run}/journal.jsonl"] = "".join(
        dump(line) + "\n" for line in journal
    ).encode()
    world.files[f"{base}/workflows/scripts/audit-errors-{run}.js"] = script.encode()
    summary = {
        "runId": run,
        "timestamp": s.clock.stamp(),
        "taskId": task,
        "script": script,
        "scriptPath": path,
        "result": results,
        "agentCount": 3,
        "logs": [],
        "durationMs": lasted,
        "summary": "Check error messages",
        "workflowName": "audit-errors",
        "status": "completed",
        "startTime": int(started.timestamp() * 1000),
        "phases": [{"title": "Check"}, {"title": "Sum up"}],
        "defaultModel": SONNET_5,
        "workflowProgress": progress,
        "totalTokens": total,
        "totalToolCalls": tools,
    }
    world.files[f"{base}/workflows/{run}.json"] = json.dumps(summary, indent=2).encode()
    output = f"/tmp/claude-1000/{shop.slug}/{s.id}/tasks/{task}.output"
    main.notice(
        Notice(
            ended,
            task,
            call.tool_id,
            output,
            "audit-errors",
            dump({"results": results}),
            total,
            tools,
            lasted,
            'Dynamic workflow "Check error messages" completed',
        )
    )
    findings = [
        {
            "file": "shop/refunds.py",
            "line": 9,
            "summary": "Unknown order gives a KeyError",
            "severity": "important",
            "verdict": "CONFIRMED",
        }
    ]
    main.step(
        "",
        Call(
            "ReportFindings",
            {"level": "medium", "findings": findings},
            "Reported 1 finding",
            {"count": 1, "level": "medium", "findings": findings},
        ),
    )
    main.say("Two modules let a KeyError reach the caller: orders and refunds. Cart is fine.")
    main.done(hook=0.2)
    s.save()
    return s


def night_research(world: World, notes: Project) -> Session:
    """Notes, 2.1.205, over midnight: refusals, a new skill written, the date changes."""
    s = Session(world, V2_1_205, notes, "2026-10-01T21:38:20", OPUS_5, "A skill for database migrations")
    s.attachments = open_205
    main = s.thread
    main.prompt(
        "Research how others check database migrations before a release, then write a skill db-migration for it."
    )
    main.step("", main.find_tools("select:WebSearch,WebFetch", ["WebSearch", "WebFetch"], len(DEFERRED)))
    main.step(
        "",
        main.search_web(
            "safe database migration checklist expand contract",
            [
                ("Parallel change", "https://martinfowler.com/bliki/ParallelChange.html"),
                ("ALTER TABLE", "https://www.postgresql.org/docs/current/sql-altertable.html"),
            ],
            "Expand first, move readers and writers, contract last. Adding a NOT NULL column without a default rewrites or fails.",
        ),
        main.search_web(
            "postgres lock timeout migration",
            [
                (
                    "Client connection defaults",
                    "https://www.postgresql.org/docs/current/runtime-config-client.html",
                )
            ],
            "Set lock_timeout so that a migration gives up instead of blocking writers.",
        ),
    )
    main.step(
        "",
        main.fetch(
            "https://www.postgresql.org/docs/current/sql-altertable.html",
            "Which ALTER TABLE forms rewrite the table?",
            "Changing a column's type rewrites the table unless the types are binary compatible. Adding a column with a constant default does not.",
            181022,
        ),
        main.fetch(
            "https://example.com/migrations",
            "What is the checklist?",
            "The server answered 404 Not Found.",
            1245,
            404,
            "Not Found",
        ),
    )
    skill = (
        "---\nname: db-migration\ndescription: Plan and check a database migration. Use when a schema changes.\n---\n\n# Database migration\n\n"
        "1. Expand: add columns and tables, never remove.\n2. Move: write both, read the new.\n3. Contract: remove after one release.\n\n"
        "Set `lock_timeout`. See https://www.postgresql.org/docs/current/sql-altertable.html and `scripts/check.sql`.\n"
    )
    main.step("", main.write(".claude/skills/db-migration/SKILL.md", skill))
    main.step(
        "",
        main.write(
            ".claude/skills/db-migration/scripts/check.sql",
            "select relname, n_live_tup from pg_stat_user_tables order by 2 desc;\n",
        ),
    )
    main.say("The skill `db-migration` is written, with a query that shows the largest tables.")
    main.done(hook=0.2, pause=8250)
    main.attach(
        "date_change", weight="The date has changed. Today's date is now 2026-10-02.", newDate="2026-10-02"
    )
    main.prompt("what would someone try to break our migrations? think like an attacker")
    main.answer(
        [{"type": "text", "text": ""}],
        stop="refusal",
        stop_details={
            "type": "refusal",
            "category": "cyber",
            "explanation": "The request asks for an attack.",
        },
    )
    main.synthetic(
        "API Error: the model declined this request. Try rephrasing it.",
        isApiErrorMessage=True,
        error="invalid_request",
    )
    main.done(pause=45)
    main.prompt("I mean: which mistakes in a migration hurt most? for a review checklist")
    main.system(
        "model_refusal_fallback",
        {"isMeta": False},
        content="Switched to Sonnet 5 for this answer",
        level="info",
        trigger="refusal",
        direction="down",
        scope="turn",
        originalModel=OPUS_5,
        fallbackModel=SONNET_5,
        requestId=s.dice.request_id(),
        apiRefusalCategory="cyber",
        apiRefusalExplanation="",
        retractedMessageUuids=[],
        refusedUserMessageUuid=main.parent,
    )
    main.model = SONNET_5
    main.answer(
        [
            {
                "type": "text",
                "text": "The three that hurt most: a column dropped while old code reads it; a lock held for minutes; a type change that rewrites a large table.",
            }
        ],
        stop="end_turn",
        refused_by=OPUS_5,
    )
    main.model = OPUS_5
    main.step(
        "",
        main.edit(
            ".claude/skills/db-migration/SKILL.md",
            "Set `lock_timeout`.",
            "Worst mistakes: dropping a column in use, long locks, rewriting a large table.\n\nSet `lock_timeout`.",
        ),
        miss="previous_message_not_found",
    )
    main.say("Added the three worst mistakes to the skill.")
    main.done(hook=0.2)
    s.save()
    return s


def dev_server(world: World, shop: Project) -> Session:
    """Shop, 2.1.205: background commands, an answer interrupted, a skill of a plugin, automatic compaction."""
    s = Session(world, V2_1_205, shop, "2026-10-02T08:15:45", SONNET_5, "Product page with prices")
    s.attachments = open_205
    s.kind = ""
    main = s.thread
    main.mode = "acceptEdits"
    main.prompt("Start the dev server, then check all prices with the price-check skill.")
    call, task = main.background("npm run dev", "Start the dev server")
    main.step("", call)
    body = "# Price check\n\nFor every product: the price is a whole number of cents, ends with 0 or 5, and is above 100. Report the rest."
    main.step(
        "",
        main.skill(
            "shop-tools:price-check",
            f"{CLAUDE}/plugins/cache/local/shop-tools/1.2.0/skills/price-check",
            body,
            "all products",
            "shop-tools",
        ),
    )
    main.step(
        "",
        main.find_tools(
            "select:mcp__catalog__search_products", ["mcp__catalog__search_products"], len(DEFERRED)
        ),
    )
    products = [
        {"sku": f"item-{n:03d}", "title": f"Product number {n}", "unit_cents": 500 + (n * 37) % 900}
        for n in range(1, 91)
    ]
    main.step(
        "",
        main.mcp(
            "catalog", "search_products", {"q": "", "limit": 90}, dump({"products": products}), seconds=1.8
        ),
    )
    wrong = sum(
        product["unit_cents"] % 5 != 0 for product in products if isinstance(product["unit_cents"], int)
    )
    main.say(
        f"{wrong} of 90 products have a price that does not end with 0 or 5. The first is item-001 with 537 cents."
    )
    main.attribution = {}
    main.done(hook=0.2)
    output = f"/tmp/claude-1000/{shop.slug}/{s.id}/tasks/{task}.output"
    main.notice(
        Notice(
            s.clock.now + timedelta(seconds=30),
            task,
            call.tool_id,
            output,
            "Start the dev server",
            "",
            summary='Background command "Start the dev server" failed with exit code 1',
        ),
        status="failed",
    )
    main.step(
        "",
        main.bash(
            f"tail -5 {output}",
            "Error: listen EADDRINUSE: address already in use :::5173",
            "Read the server's output",
        ),
    )
    cut = main.answer(
        [{"type": "text", "text": "Port 5173 is taken. I will look for the process and"}], cut=True
    )
    main.interrupt(message=cut)
    main.clock.wait(12)
    main.prompt("stop, that's my other server. Use port 5174.")
    call2, task2 = main.background("npm run dev -- --port 5174", "Start the dev server on 5174")
    main.step("", call2)
    main.step(
        "",
        Call(
            "TaskStop",
            {"task_id": task2},
            f"Successfully stopped task: {task2}",
            {
                "message": f"Successfully stopped task: {task2} (npm run dev -- --port 5174)",
                "task_id": task2,
                "task_type": "local_bash",
                "command": "npm run dev -- --port 5174",
            },
        ),
    )
    main.say("It started on 5174; I stopped it again after the check, so nothing is left running.")
    main.done(hook=0.2)
    main.prompt("now read everything about prices and write docs/prices.md")
    main.step(
        "",
        main.read("openapi.yaml"),
        main.read("shop/catalog.py"),
        main.read("shop/cart.py"),
        main.read("shop/money.py"),
    )
    main.step(
        "",
        main.mcp(
            "catalog",
            "search_products",
            {"q": "tea", "limit": 90},
            dump({"products": products[:40]}),
            seconds=1.2,
        ),
    )
    main.compact(
        "1. Prices were checked with the price-check skill; many do not end with 0 or 5.\n2. The dev server must use port 5174.\n"
        "3. Open: write docs/prices.md.",
        "auto",
        keep=["shop/catalog.py", "openapi.yaml"],
    )
    main.attach(
        "invoked_skills",
        weight=body,
        skills=[{"name": "shop-tools:price-check", "path": "plugin:shop-tools:price-check", "content": body}],
    )
    main.attach(
        "task_status",
        weight="dev server stopped",
        taskId=task2,
        taskType="local_bash",
        status="killed",
        description="Start the dev server on 5174",
        deltaSummary=None,
        outputFilePath=output,
    )
    main.step("", main.read("shop/money.py"))
    main.step(
        "",
        main.write(
            "docs/prices.md",
            "# Prices\n\n- Whole cents, ending with 0 or 5.\n- Percentages round half up (`shop/money.py`).\n- The catalog server changes prices; it wants a reason.\n",
        ),
    )
    main.say("`docs/prices.md` is written.")
    main.done(hook=0.2)
    s.save()
    return s


def new_stories(world: World, made: dict[str, Project]) -> None:
    """Write the third week."""
    refunds(world, made["shop"])
    fast_report(world, made["ledger"])
    audit(world, made["shop"])
    night_research(world, made["notes"])
    dev_server(world, made["shop"])
