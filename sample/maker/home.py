"""Puts the stories together and adds the files that belong to no session."""

# The configuration files are written as they are.
# ruff: noqa: E501

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from maker.basics import Dice, Json, Usage
from maker.projects import projects
from maker.stories_last import last_stories
from maker.stories_mid import mid_stories
from maker.stories_new import new_stories
from maker.stories_old import old_stories
from maker.writer import HOME, World, dump

CONFIGURATION = {
    "CLAUDE.md": "# About me\n\n- Plain English, short answers.\n- Money is an integer.\n- Run the tests before you say that something works.\n",
    "settings.json": json.dumps(
        {
            "cleanupPeriodDays": 30,
            "permissions": {
                "allow": ["Bash(git log:*)", "Bash(npx jest:*)"],
                "deny": ["mcp__catalog__update_price"],
            },
            "hooks": {
                "SessionStart": [
                    {"hooks": [{"type": "command", "command": f"{HOME}/.claude/hooks/on-start.sh"}]}
                ],
                "PostToolUse": [
                    {
                        "matcher": "Write|Edit",
                        "hooks": [{"type": "command", "command": f"{HOME}/.claude/hooks/check-changelog.sh"}],
                    }
                ],
                "Stop": [{"hooks": [{"type": "command", "command": f"{HOME}/.claude/hooks/on-stop.sh"}]}],
            },
        },
        indent=2,
    )
    + "\n",
    "skills/release-notes/SKILL.md": """---
name: release-notes
description: Write release notes from merged pull requests. Use before a release.
allowed-tools: Bash(gh pr list:*)
---

# Release notes

1. List merged pull requests of $ARGUMENTS.
2. Group them by project.
3. One line each, for readers.

The style is that of https://keepachangelog.com/en/1.1.0/.
""",
    "skills/weekly-review/SKILL.md": """---
name: weekly-review
description: Write the review of the week from the commits of all projects.
---

# Weekly review

Read the commits of the last seven days. Ten lines at most, the most important first.
""",
    "agents/reviewer.md": """---
name: reviewer
description: Reviews a diff and reports findings, most important first.
tools: Read, Grep, Bash
model: inherit
---

Read the diff of the branch. Report at most five findings, each with file, line and what can go wrong. Change nothing.
""",
    "commands/standup.md": """---
description: Three lines for the standup
argument-hint: [day]
---

Write three lines for the standup on $ARGUMENTS: done, next, blocked. Use the newest file in weekly/.
""",
}
VANISHED = (
    ("2026-08-19T07:41:12", "ledger", "start a double-entry ledger in Go, accounts and journal first"),
    ("2026-08-19T09:02:55", "ledger", "add a test that an unbalanced entry changes nothing"),
    ("2026-08-26T14:20:31", "shop", "search products by words, all words must match"),
    ("2026-09-04T08:10:07", "notes", "make a skill for the weekly review"),
    ("2026-09-09T16:33:48", "shop", "format cents for people, always two digits"),
)
"""Prompts whose transcripts were swept away; history.jsonl and stats-cache.json still know them."""
VANISHED_MODEL = "claude-sonnet-4-6"


def history(world: World) -> bytes:
    """Write history.jsonl: typed prompts, those of vanished sessions first."""
    entries = list(world.history)
    for stamp, project, text in VANISHED:
        moment = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
        session = Dice(stamp[:10] + project).uuid()
        entries.append(
            (
                moment,
                {
                    "display": text,
                    "pastedContents": {},
                    "timestamp": int(moment.timestamp() * 1000),
                    "project": f"{HOME}/{project}",
                    "sessionId": session,
                },
            )
        )
    entries.sort(key=lambda item: item[0])
    return "".join(dump(entry) + "\n" for _, entry in entries).encode()


def stats_cache(world: World) -> bytes:
    """Write stats-cache.json: computed until the day before the last, with days whose transcripts are gone."""
    dice = Dice("stats-cache")
    activity = {day: list(counts) for day, counts in world.activity.items()}
    totals = {
        day: {model: usage.prompt + usage.output for model, usage in models.items()}
        for day, models in world.totals.items()
    }
    models: dict[str, Usage] = {}
    for of_day in world.totals.values():
        for model, usage in of_day.items():
            models.setdefault(model, Usage()).add(usage)
    hours = dict(world.hours)
    for day in sorted({stamp[:10] for stamp, _, _ in VANISHED}):
        activity[day] = [dice.number(40, 160), 1, dice.number(12, 60)]
        used = Usage(
            fresh=dice.number(90, 400),
            read=dice.number(400_000, 900_000),
            write_5m=dice.number(50_000, 90_000),
            output=dice.number(9_000, 20_000),
        )
        models.setdefault(VANISHED_MODEL, Usage()).add(used)
        totals[day] = {VANISHED_MODEL: used.prompt + used.output}
    last = (max(datetime.fromisoformat(day) for day in activity) - timedelta(days=1)).strftime("%Y-%m-%d")
    days = [day for day in sorted(activity) if day <= last]
    for stamp, _, _ in VANISHED:
        hour = str(int(stamp[11:13]))
        hours[hour] = hours.get(hour, 0) + 1
    cache: Json = {
        "version": 5,
        "lastComputedDate": last,
        "dailyActivity": [
            {
                "date": day,
                "messageCount": activity[day][0],
                "sessionCount": activity[day][1],
                "toolCallCount": activity[day][2],
            }
            for day in days
        ],
        "dailyModelTokens": [{"date": day, "tokensByModel": totals[day]} for day in days if day in totals],
        "modelUsage": {
            model: {
                "inputTokens": usage.fresh,
                "outputTokens": usage.output,
                "cacheReadInputTokens": usage.read,
                "cacheCreationInputTokens": usage.write_5m + usage.write_1h,
                "webSearchRequests": 0,
                "costUSD": 0,
                "contextWindow": 0,
                "maxOutputTokens": 0,
            }
            for model, usage in models.items()
        },
        "totalSessions": sum(activity[day][1] for day in days),
        "totalMessages": sum(activity[day][0] for day in days),
        "longestSession": None,
        "firstSessionDate": f"{days[0]}T07:41:12.000Z",
        "hourCounts": {hour: hours[hour] for hour in sorted(hours, key=int)},
    }
    return json.dumps(cache, indent=2).encode()


def home_files() -> dict[str, bytes]:
    """Play all stories and give every file they leave."""
    world = World()
    made = projects()
    old_stories(world, made)
    mid_stories(world, made)
    new_stories(world, made)
    last_stories(world, made)
    world.files["history.jsonl"] = history(world)
    world.files["stats-cache.json"] = stats_cache(world)
    for name, text in CONFIGURATION.items():
        world.files[name] = text.encode()
    return world.files
