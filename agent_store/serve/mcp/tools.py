"""The tools: one row here for each, with the method of the library that answers it.

A tool has the name of its method unless the row names another, and the description of the method's question in
`answers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agent_store.errors import StoreError
from agent_store.library.answers import QUESTIONS

Schema = Mapping[str, Any]

# Of a longer answer the client shows the model only a preview.
MOST_CHARACTERS: Final = 40_000
# More rows or days than any store has; DuckDB does not accept arbitrarily large numbers.
_MOST: Final = 1_000_000
_TEXT: Final[Schema] = {"type": "string"}
_ID: Final[Schema] = {"type": "string"}
_DAYS: Final[Schema] = {
    "type": "integer",
    "minimum": 1,
    "default": 30,
    "description": "Back from the newest data in the store",
}
_DATE: Final[Schema] = {"type": "string", "description": "2026-02-01, or 7 days"}
_PERIOD: Final[Schema] = {"type": "string", "description": "day, week, month, all, 7 days, 2026-02-01..2026-02-14"}
_OBJECT: Final[Schema] = {"type": "object"}
_ITEMS: Final = {"string": str, "object": dict}
_FILE: Final[Schema] = {"type": "string", "description": "Path, absolute or from the project root"}
_TASK_TYPE: Final[Schema] = {
    "type": "string",
    "description": "implement, debug, refactor, test, document, review, git …",
}
_COMPONENT: Final[Schema] = {"type": "string", "description": "Name of a skill, agent, command or rule file"}
_PROJECT: Final[Schema] = {"type": "string", "description": "Name or folder, or a part of it"}


def _about(*values: str) -> Schema:
    """The argument that chooses another answer."""
    return {"type": "string", "enum": list(values)}


# The arguments of every tool that reads.
_WIDER: Final[Mapping[str, Schema]] = {
    "limit": {"type": "integer", "minimum": 1, "description": "Most rows"},
    "detail": {"type": "boolean", "description": "Longer texts, whole ids"},
}


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool."""

    name: str
    # The words by which the client finds it while only its name is loaded.
    search_hint: str
    parameters: Mapping[str, Schema]
    required: tuple[str, ...] = ()
    # The method of `AgentStore` that answers.
    method: str = ""
    # Whether its schema is in the first request of each session.
    is_always_loaded: bool = False
    # The facts about the caller that its method receives, by the names of `session.Asking`.
    told: tuple[str, ...] = ()
    # Methods that answer in place of `method`, by the value of its argument `about`.
    forms: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> str:
        """The method of the library."""
        return self.method or self.name

    def asked_about(self, about: str | None) -> str:
        """The method that answers about something else. Raises StoreError if there is none."""
        if about is None:
            return self.asks
        if about.lower() not in self.forms:
            raise StoreError(f"{self.name} says nothing about {about!r}.", f"There is: {', '.join(self.forms)}")
        return self.forms[about.lower()]

    @property
    def path_parameter(self) -> str | None:
        """The argument that is the path of a file."""
        return next((name for name, schema in self.parameters.items() if schema is _FILE), None)

    @property
    def takes(self) -> dict[str, Schema]:
        """Its arguments."""
        return {**self.parameters, **(_WIDER if QUESTIONS[self.asks].reads_only else {})}

    @property
    def schema(self) -> dict[str, Any]:
        """Its arguments, as JSON Schema."""
        return {
            "type": "object",
            "properties": {name: dict(schema) for name, schema in self.takes.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }

    def listed(self) -> dict[str, Any]:
        """The tool in the format of `tools/list`."""
        question = QUESTIONS[self.asks]
        return {
            "name": self.name,
            "description": question.description,
            "inputSchema": self.schema,
            "annotations": {
                "readOnlyHint": question.reads_only,
                **({} if question.reads_only else {"destructiveHint": False}),
                "openWorldHint": False,
            },
            "_meta": {
                "anthropic/maxResultSizeChars": MOST_CHARACTERS,
                **(
                    {"anthropic/alwaysLoad": True}
                    if self.is_always_loaded
                    else {"anthropic/searchHint": self.search_hint}
                ),
            },
        }


_TOOLS = (
    Tool(
        "recall_previous_attempts",
        "earlier attempts on a file, what failed",
        {"file_path": _FILE, "task_type": _TASK_TYPE},
        ("file_path",),
        is_always_loaded=True,
    ),
    Tool("get_successful_approaches", "what worked for a kind of task", {"task_type": _TASK_TYPE}),
    Tool(
        "check_decision_history",
        "decisions taken before, rejected options",
        {"decision_type": _TEXT, "context_hash": _ID},
    ),
    Tool(
        "check_token_budget",
        "tokens of a skill or rule file against its budget",
        {"component_name": _COMPONENT},
        ("component_name",),
    ),
    Tool(
        "suggest_token_optimizations",
        "save tokens, trim context, diet: what each part of the context costs and saves",
        {"about": _about("diet"), "project": _PROJECT, "period": _PERIOD},
        forms={"diet": "get_context_diet"},
    ),
    Tool(
        "predict_context_overflow",
        "will planned reads and commands fit into the context window",
        {
            "planned_actions": {
                "type": "array",
                "items": _TEXT,
                "description": "Such as: read src/app.py, run make test",
            }
        },
        ("planned_actions",),
        told=("session_id", "project_path"),
    ),
    Tool(
        "get_quality_trend",
        "validation, test, lint results over time; whether changes of a component helped",
        {"component_name": _COMPONENT, "days": _DAYS, "about": _about("changes"), "period": _PERIOD},
        ("component_name",),
        forms={"changes": "get_change_effect"},
    ),
    Tool("check_for_regressions", "tests that passed and now fail", {"since_date": _DATE}, ("since_date",)),
    Tool(
        "suggest_tests_for_artifact",
        "which tests to run for a file",
        {"artifact_path": _FILE},
        ("artifact_path",),
    ),
    Tool(
        "claim_work",
        "claim a piece of work among several agents",
        {"work_id": _ID, "agent_id": _ID, "target_path": _FILE},
        ("work_id", "agent_id"),
        told=("session_id",),
    ),
    Tool(
        "handoff_work",
        "hand work to another agent",
        {"work_id": _ID, "to_agent_id": _ID, "reason": _TEXT, "context": _TEXT, "from_agent_id": _ID},
        ("work_id", "to_agent_id", "reason"),
        told=("session_id",),
    ),
    Tool(
        "check_conflicts",
        "who else edits this file now",
        {"target_path": _FILE},
        ("target_path",),
        told=("session_id", "agent_id"),
    ),
    Tool("suggest_work_for_agent", "open work for an agent", {"agent_id": _ID}, ("agent_id",)),
    Tool(
        "get_usage_stats",
        "most used tools, skills, files; which days the store covers; the provider's invoice",
        {"days": _DAYS, "about": _about("completeness", "invoice"), "project": _PROJECT, "period": _PERIOD},
        forms={"completeness": "get_completeness", "invoice": "get_reconciliation"},
    ),
    Tool("analyze_workflow", "usual order of tools for a kind of task", {"task_type": _TASK_TYPE}),
    Tool("suggest_optimizations", "unused skills and servers, oversized results, cache misses", {}),
    Tool(
        "check_dependency_health",
        "is an MCP server or program up, how fast",
        {"dependency_name": _TEXT},
        ("dependency_name",),
    ),
    Tool("get_breaking_changes", "breaking API and contract changes", {"since_date": _DATE}, ("since_date",)),
    Tool(
        "analyze_impact",
        "what a change to a dependency would break",
        {"dependency_name": _TEXT},
        ("dependency_name",),
    ),
    Tool(
        "search_code",
        "search code by words and names",
        {
            "query": _TEXT,
            "filters": {**_OBJECT, "description": "language, document_type, path, file_type, since"},
        },
        ("query",),
    ),
    Tool(
        "get_entity_references",
        "where a function, class or table is used",
        {"entity_name": _TEXT},
        ("entity_name",),
    ),
    Tool(
        "get_recent_changes", "files changed since a time", {"since": _DATE, "file_type": _TEXT}, ("since",)
    ),
    Tool(
        "search_prompts",
        "what people asked before",
        {"query": _TEXT, "date_range": {**_TEXT, "description": "2026-02-01..2026-02-14"}, "user_id": _ID},
        ("query",),
    ),
    Tool(
        "analyze_template_performance",
        "how well a prompt template or command works",
        {"template_id": _ID},
        ("template_id",),
    ),
    Tool(
        "export_audit_log",
        "write the audit log to a file",
        {"start_date": _DATE, "end_date": _DATE},
        ("start_date", "end_date"),
    ),
    Tool(
        "get_cost_report",
        "dollars and tokens spent",
        {
            "period": _PERIOD,
            "breakdown_by": {
                **_TEXT,
                "description": "day, week, month, model, project, branch, skill, tool, mcp, agent, task type, session",
            },
        },
        ("period", "breakdown_by"),
        is_always_loaded=True,
    ),
    Tool(
        "what_if",
        "what it would have cost with another model, cache lifetime, fast or batch",
        {
            "models": {"type": "array", "items": _TEXT, "description": "A=B: work of A with B, such as opus=sonnet"},
            "cache_lifetime": {"type": "string", "enum": ["5m", "1h", "none"]},
            "speed": {"type": "string", "enum": ["fast", "standard"]},
            "tier": {"type": "string", "enum": ["batch", "standard"]},
            "prices": {"type": "string", "description": "then, today, or a day", "default": "then"},
            "period": _PERIOD,
            "project": _PROJECT,
        },
    ),
    Tool(
        "predict_cost",
        "what subagents, a session or the month will cost",
        {
            "agents": {"type": "integer", "minimum": 1, "description": "How many subagents"},
            "agent_type": _TEXT,
            "model": _TEXT,
            "project": _TEXT,
            "plan": {"type": "array", "items": _OBJECT, "description": "Groups of agents, agent_type, model, project"},
        },
        is_always_loaded=True,
        told=("session_id",),
    ),
    Tool("suggest_cost_optimizations", "save money, reduce cost", {}),
    Tool(
        "set_cost_alert",
        "warn when a day costs more",
        {"threshold_usd": {"type": "number", "exclusiveMinimum": 0}},
        ("threshold_usd",),
    ),
    Tool("suggest_strategy", "best strategy for a kind of task", {"task_type": _TASK_TYPE, "context": _TEXT}),
    Tool(
        "record_outcome",
        "record whether a strategy worked",
        {"strategy_name": _TEXT, "success": {"type": "boolean"}, "metrics": _OBJECT, "task_type": _TASK_TYPE},
        ("strategy_name", "success"),
        told=("session_id",),
    ),
    Tool(
        "analyze_performance",
        "how an agent has performed lately",
        {"agent_id": _ID, "days": _DAYS},
        ("agent_id",),
    ),
    Tool("recall_memory", "earlier attempts on a file, in short", {"file_path": _FILE}, ("file_path",)),
    Tool("get_token_budget", "token use of a component", {"component_name": _COMPONENT}, ("component_name",)),
    Tool(
        "check_quality_trend",
        "quality of a component over time",
        {"component_name": _COMPONENT, "days": _DAYS},
        ("component_name",),
    ),
    Tool(
        "query_store",
        "SQL on the store",
        {"sql": {**_TEXT, "description": "One SELECT, in DuckDB's SQL"}},
        ("sql",),
        method="query",
        is_always_loaded=True,
    ),
    Tool(
        "describe_store",
        "tables, views and columns of the store",
        {"table": {**_TEXT, "description": "A name, or a word to look for"}},
        method="describe",
    ),
)
TOOLS: Final = {tool.name: tool for tool in _TOOLS}


def checked(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call, converted for the tool. Raises StoreError for an unknown or missing one.

    Models sometimes write numbers, booleans and lists as text: unambiguous values are converted. An empty text is an
    argument left out.
    """
    schemas = tool.takes
    given = {
        name: value
        for name, value in arguments.items()
        if value is not None and not (isinstance(value, str) and not value.strip())
    }
    if unknown := [name for name in given if name not in schemas]:
        raise StoreError(f"{tool.name} takes no {', '.join(unknown)}.", f"It takes: {', '.join(schemas)}")
    if missing := [name for name in tool.required if name not in given]:
        raise StoreError(f"{tool.name} needs {', '.join(missing)}.", f"It takes: {', '.join(schemas)}")
    return {name: _value(tool, name, value, schemas[name]) for name, value in given.items()}


def _value(tool: Tool, name: str, value: object, schema: Schema) -> object:
    """One argument, converted to the type in its schema."""
    wanted = schema["type"]
    found = _read(value) if isinstance(value, str) and wanted != "string" else value
    if wanted == "string" and isinstance(found, int | float) and not isinstance(found, bool):
        found = str(found)
    elif wanted == "array" and not isinstance(found, list):
        found = [value]
    elif wanted == "integer" and isinstance(found, float) and found.is_integer():
        found = int(found)
    of_items = _ITEMS[schema.get("items", _TEXT)["type"]]
    fits = {
        "string": isinstance(found, str),
        "integer": isinstance(found, int) and not isinstance(found, bool),
        "number": isinstance(found, int | float) and not isinstance(found, bool),
        "boolean": isinstance(found, bool),
        "array": isinstance(found, list) and all(isinstance(item, of_items) for item in found),
        "object": isinstance(found, dict),
    }[wanted]
    if not fits:
        raise StoreError(f"{tool.name} takes {name} as {wanted}, not {str(value)[:80]!r}.")
    if isinstance(found, int | float) and found < schema.get("minimum", found):
        raise StoreError(f"{tool.name} takes {name} of at least {schema['minimum']}, not {found}.")
    return min(found, _MOST) if wanted == "integer" and isinstance(found, int) else found


def _read(text: str) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text
