"""Forecasts: what planned work will cost. Each is recorded, and scored when its outcome is in the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from agent_store.errors import StoreError, no_priced_model
from agent_store.library.reading import Reading

if TYPE_CHECKING:
    from agent_store.library.answer import Answer
    from agent_store.library.recording import Id
    from agent_store.record.writer import Writer

# What an entry of a plan may say, by the names that people and models use.
_NAMES: Final = {
    "agents": "work_count", "count": "work_count", "n": "work_count",
    "agent_type": "agent_name", "agent": "agent_name", "type": "agent_name", "subagent_type": "agent_name",
    "model": "model_name", "task_type": "task_type", "task": "task_type", "project": "project_name",
}  # fmt: skip
_KNOWN: Final = "agents, agent_type, model, task_type, project"
_MOST_AGENTS: Final = 1_000_000
# The columns of an answer that are recorded under the same name.
_RECORDED: Final = (
    "work_kind", "work_count", "task_type", "project_name", "spent_usd", "low_usd", "median_usd", "high_usd",
    "low_tokens", "median_tokens", "high_tokens", "past_count", "similar_count",
)  # fmt: skip
_NAME_OF_MODEL = "select other_model_name from model_swaps(['all=' || $model])"


class Forecasting(Reading):
    """The questions about forecasts."""

    _writer: Writer

    def predict_cost(
        self,
        plan: Sequence[Mapping[str, object]] | None = None,
        *,
        agents: int | None = None,
        agent_type: str | None = None,
        model: str | None = None,
        task_type: str | None = None,
        project: str | None = None,
        session_id: Id = None,
        limit: int | None = 50,
    ) -> Answer:
        """What work will cost, as an 80 % band: a row per part of the work, and their total.

        `agents` are runs of subagents, all of `agent_type` and with `model` where these are given. `plan` is a list of
        such groups: mappings of `agents`, `agent_type`, `model`, `task_type` and `project`. Without either, it is about
        a session, of `session_id` if it is running, and the rest of the month. Each forecast is recorded; the view
        `v_forecast_calibration` tells how many of them were right. Raises StoreError for an unknown model or project.
        """
        given = {"agents": agents, "agent_type": agent_type, "model": model}
        session = None if session_id is None else str(session_id)
        if plan is not None:
            entries = [self._entry(entry, number) for number, entry in enumerate(plan, 1)]
            if not entries:
                raise StoreError("The plan is empty.", f"Each part of it may have: {_KNOWN}")
        elif any(value is not None for value in given.values()):
            entries = [self._entry({**given, "task_type": task_type, "project": project}, 1)]
        else:
            entry = self._entry({"task_type": task_type, "project": project}, 1)
            entries = [{**entry, "work_kind": "session", "session_id": session}]
        is_of_agents = entries[0]["work_kind"] == "agent_run"
        answer = self._ask(
            "predict_cost",
            limit,
            {
                "requests": json.dumps(entries),
                "today": None if is_of_agents else self._today().isoformat(),
                "projects": None if is_of_agents else self._projects(project),
            },
        )
        for row in answer:
            if row["work_kind"] != "all" and row["low_usd"] is not None:
                self._record_forecast(row, session)
        return answer

    def get_forecast_calibration(self, limit: int | None = 20) -> Answer:
        """How many of the last forecasts were right, by kind of work and for all."""
        return self._ask("get_forecast_calibration", limit)

    def _entry(self, given: Mapping[str, object], number: int) -> dict[str, Any]:
        """A part of a plan, as the macro `forecast` takes it."""
        if not isinstance(given, Mapping):
            raise StoreError(f"Part {number} of the plan is no object.", f"It may have: {_KNOWN}")
        entry: dict[str, Any] = {"work_kind": "agent_run", "work_count": 1}
        for name, value in given.items():
            column = _NAMES.get(name)
            if column is None:
                raise StoreError(f"Part {number} of the plan has an unknown {name!r}.", f"It may have: {_KNOWN}")
            if value is None:
                continue
            if column == "work_count":
                if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_AGENTS:
                    raise StoreError(f"Part {number} of the plan has {value!r} agents.", "Name a number of 1 or more.")
                entry[column] = value
            elif not isinstance(value, str):
                raise StoreError(f"Part {number} of the plan: {name} is no text, but {value!r}.")
            else:
                entry[column] = value.strip()
        if entry.get("model_name"):
            entry["model_name"] = self._model(entry["model_name"])
        if entry.get("task_type"):
            entry["task_type"] = entry["task_type"].lower()
        if found := self._projects(entry.get("project_name")):
            if len(found) > 1:
                raise StoreError(f"Several projects are called {entry['project_name']!r}.", f"Name one: {', '.join(found)}")
            entry["project_name"] = found[0]
        return entry

    def _model(self, name: str) -> str:
        """The priced model that a name or a part of one means."""
        if not self._make_readable():
            return name
        found = self._reader.value(_NAME_OF_MODEL, {"model": name})
        if not isinstance(found, str):
            raise no_priced_model(name)
        return found

    def _record_forecast(self, row: Mapping[str, Any], session_id: str | None) -> None:
        self._writer.write(
            "forecast",
            {
                **{name: row[name] for name in _RECORDED},
                "agent_type": row["agent_name"],
                "model": row["model_name"],
                "ends_on": row["ends_on"] and row["ends_on"].isoformat(),
                "interface": self._interface,
                "session_id": session_id,
            },
        )
