"""The questions a program can ask: one method for each question in `answers.py`.

Each returns an `Answer`: the rows as dicts, their count without the limit, their tables, which parts are estimated, and
the time of the store. It is empty if the store has nothing about the question. A method raises StoreError if its module
is not selected, if an argument is invalid, or if there is no store.

`limit` is the maximum number of rows, None for all. Times are UTC. A `since` is a date, a datetime, ISO text, or words
such as `7 days`, `2 hours` or `last week`; that moment is included. Paths may be absolute, or relative to the project.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from agent_store.errors import SEE_MODELS, StoreError, no_priced_model, no_project
from agent_store.library import live
from agent_store.library.answer import Answer
from agent_store.library.answers import FILES_OF_PATH, QUESTIONS
from agent_store.library.moments import Moment, days_of, moment_of, range_of
from agent_store.record import query_log
from agent_store.show import catalog
from agent_store.show import coverage as coverages
from agent_store.validated import text_or_none

if TYPE_CHECKING:
    from agent_store.library.answers import Question
    from agent_store.library.reader import Reader
    from agent_store.library.recording import Id
    from agent_store.paths import StorePaths
    from agent_store.show.coverage import Coverage

_TODAY = "select cast(timezone(timezone, now()) as date) from store_build"
# The breakdowns of costs: the kinds of v_cost rows that are added up. Named as in the store's macro `cost_by`, with a
# space for a dash.
BREAKDOWNS = (
    "day", "week", "month", "project", "session", "model", "branch", "agent", "task type", "tool", "mcp", "skill",
    "plugin", "file", "component",
)  # fmt: skip
# Other names that people and models use for them; each also has a plural.
_ALSO_CALLED = {
    "daily": "day", "date": "day", "weekly": "week", "monthly": "month", "task": "task type", "subagent": "agent",
    "mcp server": "mcp", "server": "mcp", "git branch": "branch", "branche": "branch",
}  # fmt: skip
# More than any store has; DuckDB does not accept arbitrarily large numbers.
_MOST_ROWS = 2**62
_MOST_DAYS = 1_000_000
_SWAPS = "select from_name, to_name, model_names, other_model_name from model_swaps(cast($models as varchar[]))"
_FILTERS = ("language", "document_type", "path", "since")


def path_parameters(path: str | None) -> dict[str, object]:
    """A path as a query parameter: unchanged, and as the end of a longer path if it is relative."""
    if not path:
        return {"path": None, "path_end": None}
    plain = posixpath.normpath(path.replace("\\", "/")) if not path.startswith("\\\\") else path
    is_whole = plain.startswith(("/", "~")) or plain[1:2] == ":"
    return {
        "path": path.rstrip("/") or path if is_whole else plain,
        "path_end": None if is_whole else f"/{plain}",
    }


def breakdown_of(name: str) -> str | None:
    """The breakdown of costs: `Task_Types` and `tasks` mean `task type`; None for an unknown one."""
    plain = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    for called in (plain, plain.removesuffix("s")):
        known = _ALSO_CALLED.get(called, called)
        if known in BREAKDOWNS:
            return known
    return None


class Reading:
    """The `get_*`, `recall_*`, `check_*`, `suggest_*` … methods of a store."""

    _paths: StorePaths
    _reader: Reader
    _user_id: str | None
    # The interface that questions come from, recorded in the query log.
    _interface: str
    _check_module: Callable[[Question], None]
    # True for a home other than the user's own: it has no transcripts.
    _is_local: bool
    _make_readable: Callable[[], bool]

    # ---------------------------------------------------------------------------------- how a question is asked

    def _ask(
        self,
        name: str,
        limit: int | None = None,
        parameters: Mapping[str, object] | None = None,
        told: Mapping[str, object] | None = None,
    ) -> Answer:
        """Answer a question of the table. `told` is recorded in the query log instead of the parameters."""
        question = QUESTIONS[name]
        self._check_module(question)
        given = dict(parameters or {})
        if limit is not None:
            limit = _count("limit", limit, _MOST_ROWS)
        if "days" in given:
            given["days"] = _count("days", given["days"], _MOST_DAYS)
        return self._logged(
            name,
            question.sql,
            given if told is None else told,
            lambda: self._reader.ask(question, given, limit),
        )

    def _ask_of_file(
        self, name: str, limit: int | None, path: str, parameters: Mapping[str, object] | None = None
    ) -> Answer:
        """Answer a question about a file; empty for a file that the store has not seen."""
        self._check_module(QUESTIONS[name])
        is_readable = self._make_readable()
        ids = self._reader.value(FILES_OF_PATH, path_parameters(path)) if is_readable else None
        given = dict(parameters or {})
        return self._ask(name, limit, {**given, "file_ids": ids or []}, told={**given, "path": path})

    def _logged(self, tool: str, sql: str, parameters: object, ask: Callable[[], Answer]) -> Answer:
        if not self._make_readable():
            return Answer([], [], 0)
        with query_log.logged(
            self._paths, self._interface, tool, sql, parameters=parameters, user_id=self._user_id
        ) as running:
            answer = ask()
            running.row_count = len(answer)
        return answer

    def _today(self) -> date:
        """Today's date in the time zone of the store's reports."""
        found = self._reader.value(_TODAY) if self._make_readable() else None
        return found if isinstance(found, date) else date.today()  # noqa: DTZ011 - the user's own day

    # ---------------------------------------------------------------------------------- the store itself

    def query(
        self,
        sql: str,
        params: Sequence[object] | Mapping[str, object] | None = None,
        limit: int | None = None,
    ) -> Answer:
        """Run one query of your own, read-only, with values as `?` or `$name` from `params`. Raises StoreError if it
        fails.

        It runs in this process, without limits on time and memory. For SQL that someone else wrote, use
        `agent_store.serve.sandbox.ask`, which runs it in a separate process with limits. If there are more rows than
        `limit`, `total_count` is only one more than it.
        """
        self._check_module(QUESTIONS["query"])
        return self._logged("query", sql, params, lambda: self._reader.query(sql, params, limit))

    def describe(self, table: str | None = None, word: str | None = None, *, columns: bool = False) -> Answer:
        """The tables, views and functions of the store; for a single one, or with `columns`, their columns too.

        A row has `kind` (table, view, function, column, parameter), `name`, `data_type`, `meaning`, `row_count`,
        `example` (an example query) and `table_name`. With a `word`, only those that match it, best first, with the
        matching columns in `matched_columns`. `show.catalog` formats it as text.
        """
        given = {"table": table, "in_detail": bool(table or word or columns)}
        answer = self._ask("describe", None, given, told={"table": table, "word": word})
        if word:
            found = catalog.search(catalog.relations(answer), word)
            rows = [
                {**row, "matched_columns": list(one.matched)}
                for one in found.relations
                for row in answer
                if row["table_name"] == one.name and row["place"] == 0
            ]
            return replace(
                answer, rows=rows, columns=[*answer.columns, "matched_columns"], total_count=len(rows)
            )
        head = answer[0] if answer else {}
        if table and head.get("kind") == "function" and head["example"]:
            # The columns of a function are known only when it is called.
            given_by = self._reader.query(f"describe {head['example']}", None, None)
            rows = [
                *answer,
                *({**dict.fromkeys(answer.columns), "kind": "column", "name": row["column_name"],
                   "data_type": row["column_type"], "table_name": head["name"], "place": 1000 + place}
                  for place, row in enumerate(given_by)),
            ]  # fmt: skip
            return replace(answer, rows=rows, total_count=len(rows))
        return answer

    # ---------------------------------------------------------------------------------- completeness

    def get_completeness(
        self, period: str = "all", project: str | None = None, limit: int | None = 50
    ) -> Answer:
        """Which days and projects the store has completely, incomplete ones first, then the newest.

        A day without a witness has no `is_complete`: it is unknown. `period` is as in `get_cost_report`.
        """
        given = self._days_and_projects(period, project)
        return self._with_coverage(self._ask("get_completeness", limit, given), given)

    def coverage(self, period: str = "all", project: str | None = None) -> Coverage | None:
        """How many days of a period the store has completely; None if it has no activity then."""
        given = self._days_and_projects(period, project)
        return self._coverage(given) if self._make_readable() else None

    def _coverage(self, given: Mapping[str, object]) -> Coverage | None:
        scope = {"since": given["first"], "until": given["last"], "projects": given.get("projects")}
        return self._reader.read_once(
            ("coverage", json.dumps(scope)), lambda connection: coverages.read(connection, scope)
        )

    def _days_and_projects(self, period: str, project: str | None) -> dict[str, object]:
        first, last = days_of(period, self._today())
        return {
            "first": first and first.isoformat(),
            "last": last and last.isoformat(),
            "projects": self._projects(project),
        }

    def _with_coverage(self, answer: Answer, given: Mapping[str, object]) -> Answer:
        """The answer, with how many of its days the store has completely among what is estimated."""
        if not answer:
            return answer
        found = self._coverage(given)
        if found is None or not found.covers:
            return answer
        return replace(answer, estimated="; ".join(filter(None, (answer.estimated, f"the store {found.says}"))))

    # ---------------------------------------------------------------------------------- memory

    def get_recent_actions(self, session_id: Id = None, limit: int | None = 20) -> Answer:
        """Actions in a session (in all sessions if none is given), newest first."""
        return self._ask("get_recent_actions", limit, {"session_id": text_or_none(session_id)})

    def recall_previous_attempts(
        self, file_path: str, task_type: str | None = None, limit: int | None = 10
    ) -> Answer:
        """Attempts on a file, newest first: one row per task that named it, and whether and why it failed."""
        return self._ask_of_file("recall_previous_attempts", limit, file_path, {"task_type": task_type})

    def recall_memory(self, file_path: str, limit: int | None = 10) -> Answer:
        """The same in fewer columns."""
        return self._ask_of_file("recall_memory", limit, file_path)

    def get_successful_approaches(self, task_type: str | None = None, limit: int | None = 5) -> Answer:
        """How often tasks of a type succeeded with an approach, and without it; those that are more than chance
        first."""
        return self._ask("get_successful_approaches", limit, {"task_type": task_type})

    def check_decision_history(
        self, decision_type: str | None = None, context_hash: str | None = None, limit: int | None = 20
    ) -> Answer:
        """Decisions of a type, or in the same context, newest first: the choice, the reason, and the outcome."""
        return self._ask(
            "check_decision_history", limit, {"decision_type": decision_type, "context_hash": context_hash}
        )

    def get_resume_brief(self, project: str | None = None, limit: int | None = 30) -> Answer:
        """What a new session in a project (name or folder) should know, one line per row."""
        return self._ask("get_resume_brief", limit, {"project": project})

    # ---------------------------------------------------------------------------------- token_budget

    def get_token_budget(self, component_name: str, limit: int | None = 20) -> Answer:
        """The size of a component (skill, agent, tool, file …) in tokens, its budget, and its use so far."""
        return self._ask("get_token_budget", limit, {"component_name": component_name})

    def check_token_budget(self, component_name: str, limit: int | None = 20) -> Answer:
        """The same as `get_token_budget`."""
        return self._ask("check_token_budget", limit, {"component_name": component_name})

    def suggest_token_optimizations(self, limit: int | None = 20) -> Answer:
        """What to trim, with dollars per month and the evidence."""
        return self._ask("suggest_token_optimizations", limit)

    def get_context_diet(
        self, project: str | None = None, period: str = "all", limit: int | None = 50
    ) -> Answer:
        """What each thing carried in the context costs, most expensive first, and what dropping it would save.

        `period` is as in `get_cost_report`; a thing counts for the day on which it entered. Things carried in too few
        sessions to say anything about them are one row, `rare`, at the end.
        """
        first, last = days_of(period, self._today())
        return self._ask(
            "get_context_diet",
            limit,
            {
                "first": first and first.isoformat(),
                "last": last and last.isoformat(),
                "projects": self._projects(project),
            },
        )

    def predict_context_overflow(
        self,
        planned_actions: str | Sequence[str],
        session_id: Id = None,
        context_tokens: int | None = None,
        context_window: int | None = None,
        project_path: str | None = None,
        limit: int | None = 50,
    ) -> Answer:
        """Whether planned actions still fit into the context, based on earlier sizes of their files, commands and
        tools.

        An action is a text, such as "read src/app.py" or "run make test". The first row is the total with the verdict;
        then a row for each action and what it names, with kind `unknown` and no tokens if the store does not know it.
        With a session, relative paths are in its project, and context and window are those of its last response (in its
        transcript, or else in the store), unless `context_tokens` and `context_window` are given. `project_path` is the
        folder of a session that the store does not know yet.
        """
        now = None
        if session_id is not None and context_tokens is None and not self._is_local:
            now = live.context_of(str(session_id))
        planned = [planned_actions] if isinstance(planned_actions, str) else list(planned_actions)
        given = {
            "session_id": text_or_none(session_id),
            "context_tokens": now.tokens if now else context_tokens,
            "context_window": context_window,
            "model_name": now.model_name if now else None,
            "project_path": project_path,
        }
        return self._ask(
            "predict_context_overflow",
            limit,
            # As JSON: DuckDB takes half a millisecond per member of a Python list.
            {**given, "planned_actions": json.dumps(planned)},
            told={**given, "planned_actions": planned},
        )

    # ---------------------------------------------------------------------------------- quality

    def get_quality_trend(self, component_name: str, days: int = 30, limit: int | None = 50) -> Answer:
        """Checks of a component, a file or a project in the last days of the store, newest first."""
        return self._ask("get_quality_trend", limit, {"component_name": component_name, "days": days})

    def check_quality_trend(self, component_name: str, days: int = 30, limit: int | None = 50) -> Answer:
        """The same as `get_quality_trend`."""
        return self._ask("check_quality_trend", limit, {"component_name": component_name, "days": days})

    def check_for_regressions(self, since_date: Moment | None = None, limit: int | None = 20) -> Answer:
        """Checks that failed after they had passed, newest first."""
        return self._ask("check_for_regressions", limit, {"since": moment_of(since_date, self._today())})

    def suggest_tests_for_artifact(self, artifact_path: str, limit: int | None = 20) -> Answer:
        """Tests to run for a file that has changed since its last test, or whose test failed."""
        return self._ask_of_file("suggest_tests_for_artifact", limit, artifact_path)

    # ---------------------------------------------------------------------------------- workflow

    def get_usage_stats(self, days: int = 30, limit: int | None = 50) -> Answer:
        """The tools, skills, agents and files used most in the last days of the store; the top of each kind first."""
        return self._ask("get_usage_stats", limit, {"days": days})

    def analyze_workflow(self, task_type: str | None = None, limit: int | None = 20) -> Answer:
        """The sequences of three tools that tasks of a type go through, and how long such tasks take."""
        return self._ask("analyze_workflow", limit, {"task_type": task_type})

    def suggest_optimizations(self, limit: int | None = 20) -> Answer:
        """Everything that could have been cheaper or faster, with dollars and minutes per month and the evidence."""
        return self._ask("suggest_optimizations", limit)

    # ---------------------------------------------------------------------------------- dependencies

    def check_dependency_health(self, dependency_name: str | None = None, limit: int | None = 20) -> Answer:
        """Whether a dependency (or each of them) is up, its version, and its response time."""
        return self._ask("check_dependency_health", limit, {"dependency_name": dependency_name})

    def get_breaking_changes(self, since_date: Moment | None = None, limit: int | None = 20) -> Answer:
        """Breaking changes of contracts, schemas and pages, newest first."""
        return self._ask("get_breaking_changes", limit, {"since": moment_of(since_date, self._today())})

    def analyze_impact(self, dependency_name: str, limit: int | None = 50) -> Answer:
        """Components that fail with a dependency, directly (depth 1) or through others."""
        return self._ask("analyze_impact", limit, {"dependency_name": dependency_name})

    # ---------------------------------------------------------------------------------- retrieval

    def search_code(
        self, query: str, filters: Mapping[str, object] | None = None, limit: int | None = 10
    ) -> Answer:
        """Code and documents by words and names, best first, with the matching lines.

        `filters` narrows by `language`, `document_type`, `path` (a part of it) and `since`.
        """
        wanted = dict(filters or {})
        if unknown := sorted(set(wanted) - {*_FILTERS, "file_type"}):
            raise StoreError(
                f"There is no filter {', '.join(unknown)}.", f"There are: {', '.join(_FILTERS)}, file_type"
            )
        path = wanted.get("path")
        file_type = wanted.get("file_type")
        if path is None and file_type is not None:
            path = f".{str(file_type).lstrip('.')}"
        since: Any = wanted.get("since")
        return self._ask(
            "search_code",
            limit,
            {
                "query": query,
                "language": text_or_none(wanted.get("language")),
                "document_type": text_or_none(wanted.get("document_type")),
                "path": text_or_none(path),
                "since": moment_of(since, self._today()),
            },
        )

    def get_entity_references(self, entity_name: str, limit: int | None = 50) -> Answer:
        """Where a function, a class, a table … is defined, imported, called and used."""
        return self._ask("get_entity_references", limit, {"entity_name": entity_name})

    def get_recent_changes(
        self, since: Moment | None = None, file_type: str | None = None, limit: int | None = 50
    ) -> Answer:
        """Documents that changed, newest first, with how often in a session or commit; by default in the store's last
        week. `file_type`: `py` or `python`."""
        return self._ask(
            "get_recent_changes",
            limit,
            {"since": moment_of(since, self._today()), "file_type": file_type or None},
        )

    # ---------------------------------------------------------------------------------- audit

    def search_prompts(
        self, query: str, date_range: object = None, user_id: Id = None, limit: int | None = 20
    ) -> Answer:
        """Prompts that contain all words of the query, newest first, each with its last answer.

        `date_range` is a text such as "2026-02-01..2026-02-14" or "2026-02", or a pair of times. `user_id` is the name of a
        user or the id in the store.
        """
        from agent_store.privacy import landing_policy

        first, end = range_of(date_range, self._today())
        user = text_or_none(user_id)
        users = None if user is None else [user, landing_policy(self._paths).user(user)]
        return self._ask("search_prompts", limit, {"query": query, "first": first, "end": end, "users": users})

    def analyze_template_performance(self, template_id: Id = None, limit: int | None = 20) -> Answer:
        """How prompts of a command or skill performed: by the id of a version, the name, or all."""
        return self._ask("analyze_template_performance", limit, {"template_id": text_or_none(template_id)})

    # ---------------------------------------------------------------------------------- cost

    def get_cost_report(
        self, period: str = "month", breakdown_by: str = "day", limit: int | None = 50
    ) -> Answer:
        """US dollars at list prices, and tokens, of a period.

        `period` is `day`, `week`, `month`, `year` (the current one), `all`, "7 days", a day, a month, or a range
        ("2026-02-01..2026-02-14"). `breakdown_by` is day, week, month, project, session, model, branch, agent, task type,
        tool, mcp, skill, plugin, file or component. Days, weeks and months come newest first, the rest most expensive
        first.
        """
        by = breakdown_of(breakdown_by)
        if by is None:
            raise StoreError(
                f"Costs have no breakdown by {breakdown_by!r}.", f"There are: {', '.join(BREAKDOWNS)}"
            )
        first, last = days_of(period, self._today())
        given = {
            "breakdown": by.replace(" ", "-"),
            "first": first and first.isoformat(),
            "last": last and last.isoformat(),
        }
        return self._with_coverage(self._ask("get_cost_report", limit, given), given)

    def what_if(
        self,
        models: str | Sequence[str] = (),
        *,
        cache_lifetime: str | None = None,
        speed: str | None = None,
        tier: str | None = None,
        prices: str = "then",
        period: str = "all",
        project: str | None = None,
        limit: int | None = 50,
    ) -> Answer:
        """What the work of a period would have cost under other assumptions: a row per model, and one for all of them.

        `models` is one or more texts "A=B": work of A with B ("opus=sonnet", "all=claude-haiku-5-5"). `cache_lifetime` is
        `5m`, `1h` or `none`, `speed` is `fast` or `standard`, `tier` is `batch` or `standard`, `prices` is `then` (those of
        the day of the work), `today` or a day. `period` is as in `get_cost_report`. Without assumptions, the cost is what
        it was.
        """
        today = self._today()
        swaps = [models] if isinstance(models, str) else list(models)
        for name, value, known in (
            ("cache_lifetime", cache_lifetime, ("5m", "1h", "none")),
            ("speed", speed, ("fast", "standard")),
            ("tier", tier, ("batch", "standard")),
        ):
            if value is not None and value not in known:
                raise StoreError(f"{value!r} is no {name}.", f"There are: {', '.join(known)}")
        if speed == "fast" and tier == "batch":
            raise StoreError("There is no fast mode in the batch tier.", "Ask for one of them.")
        self._check_swaps(swaps)
        day = None if prices == "then" else days_of(prices, today)[1]
        given = {
            **self._days_and_projects(period, project),
            "models": swaps,
            "cache_lifetime": cache_lifetime,
            "speed": speed,
            "tier": tier,
            "priced_on": day and day.isoformat(),
        }
        return self._with_coverage(self._ask("what_if", limit, given), given)

    def _check_swaps(self, swaps: Sequence[str]) -> None:
        """Raise StoreError for a text that is not "A=B", or that names a model that the store does not know."""
        if not swaps or not self._make_readable():
            return
        for text, row in zip(swaps, self._reader.query(_SWAPS, {"models": swaps}, None), strict=True):
            if text.count("=") != 1:
                raise StoreError(f"{text!r} is not A=B.", "Write the model that ran, then its replacement: opus=sonnet")
            if row["model_names"] is None:
                raise StoreError(f"No model is called {row['from_name']!r}.", SEE_MODELS)
            if row["other_model_name"] is None:
                raise no_priced_model(row["to_name"])

    def _projects(self, project: str | None) -> list[str] | None:
        """The projects that a name names; None for none. Raises StoreError if there are none."""
        if project is None or not self._make_readable():
            return None
        found = self._reader.value("from projects_named($name)", {"name": project})
        if not isinstance(found, list):
            raise no_project(project)
        return found

    def get_reconciliation(self, period: str = "all", limit: int | None = 50) -> Answer:
        """The provider's report beside the store, by day (UTC), model and billing pool, newest first.

        It is empty until `agent-store reconcile` has read a report. `period` is as in `get_cost_report`.
        """
        first, last = days_of(period, self._today())
        return self._ask(
            "get_reconciliation", limit, {"first": first and first.isoformat(), "last": last and last.isoformat()}
        )

    def get_reconciliation_causes(self, period: str = "all", limit: int | None = None) -> Answer:
        """The whole difference between the provider's report and the store, by cause."""
        first, last = days_of(period, self._today())
        return self._ask(
            "get_reconciliation_causes", limit, {"first": first and first.isoformat(), "last": last and last.isoformat()}
        )

    def get_change_effect(
        self, component_name: str | None = None, *, period: str = "all", limit: int | None = 20
    ) -> Answer:
        """Whether changes of components helped: a row per change and measure, those that tell something first.

        A component is a skill, command, agent, memory file, rule, MCP server or plugin; None means all. A name without its
        plugin will do, and the end of a path. `period` is when it changed, as in `get_cost_report`. `verdict` is `helped`,
        `hurt` or `not enough to tell`.
        """
        first, last = days_of(period, self._today())
        return self._ask(
            "get_change_effect",
            limit,
            {
                "component_name": component_name,
                "first": first and first.isoformat(),
                "last": last and last.isoformat(),
            },
        )

    def suggest_cost_optimizations(self, limit: int | None = 20) -> Answer:
        """What could have been cheaper, most expensive first, with the evidence."""
        return self._ask("suggest_cost_optimizations", limit)

    # ---------------------------------------------------------------------------------- improvement

    def suggest_strategy(
        self, task_type: str | None = None, context: object = None, limit: int | None = 5
    ) -> Answer:
        """Advice for a type of task, supported by enough attempts: strategies to prefer or avoid, failures to watch
        for.

        If there is none, the best strategy so far (`best_known`), with `evidence_strength`.

        `context` is recorded with the query; it does not filter the answer.
        """
        given = {"task_type": task_type}
        return self._ask("suggest_strategy", limit, given, told={**given, "context": context})

    def analyze_performance(self, agent_id: Id, days: int = 30, limit: int | None = 20) -> Answer:
        """How the tasks of an agent (id or name) went in the last days of the store, by type, with advice."""
        return self._ask("analyze_performance", limit, {"agent_id": text_or_none(agent_id), "days": days})


def _count(name: str, value: object, most: int) -> int:
    """A number of rows or days, at most as many as any store has."""
    if not isinstance(value, int) or value < 0:
        raise StoreError(f"{name} is a number of at least 0, not {str(value)[:80]!r}.")
    return min(value, most)
