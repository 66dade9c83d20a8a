"""`agent-store forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_store.cli.output import echo_json, new_console, say, tell
from agent_store.errors import StoreError
from agent_store.record import query_log

if TYPE_CHECKING:
    from collections.abc import Sequence

_OVER = 1


@click.command()
@click.option(
    "--plan", type=click.Path(path_type=Path), metavar="FILE",
    help="A file of YAML or JSON: a list of groups of agents, each with agents, agent_type, model, task_type, project.",
)  # fmt: skip
@click.option("--agents", type=click.IntRange(min=1), metavar="N", help="That many subagents.")
@click.option("--type", "agent_type", metavar="NAME", help="Subagents of this type, such as Explore.")
@click.option("--model", metavar="NAME", help="Subagents with this model; a part of its name is enough.")
@click.option("--task-type", metavar="NAME", help="A session that begins with such a task: debug, implement, review …")
@click.option("--project", metavar="NAME", help="In this project.")
@click.option("--limit", type=click.FloatRange(min=0), metavar="USD", help="Exit with 1 if the upper end may exceed this.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def forecast(
    plan: Path | None, agents: int | None, agent_type: str | None, model: str | None, task_type: str | None,
    project: str | None, limit: float | None, as_json: bool,
) -> int:  # fmt: skip
    """What subagents, a session, or the rest of the month will cost.

    A band holds four of five pieces of such work; it comes from what they cost before. Without --plan, --agents, --type
    or --model, it is about the next session and this month.
    """
    from agent_store.library import AgentStore
    from agent_store.show import forecast as shown
    from agent_store.show import tables

    entries = None if plan is None else read_plan(plan)
    with AgentStore(interface=query_log.CLI) as store:
        answer = store.predict_cost(
            entries, agents=agents, agent_type=agent_type, model=model, task_type=task_type, project=project, limit=None
        )  # fmt: skip
        calibration = list(store.get_forecast_calibration())
    is_over = limit is not None and any((row["high_usd"] or 0) > limit for row in answer if row["work_kind"] != "month")
    if as_json:
        found = {"rows": list(answer), "calibration": calibration, "estimated": answer.estimated}
        echo_json(found | ({} if limit is None else {"is_over_limit": is_over}), None)
    elif not answer:
        tell("There is no store yet, and so no past work to forecast from: agent-store build")
    else:
        tables.show(shown.sheet(answer.rows), new_console())
        for note in shown.notes(answer.rows, calibration):
            say(note)
        if is_over:
            say(f"The upper end is above ${limit:,.2f}.")
    return _OVER if is_over else 0


def read_plan(path: Path) -> Sequence[dict[str, Any]]:
    """The groups of agents in a file. Raises StoreError with file and line if it is not such a list."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise StoreError(f"{path} is not UTF-8 text.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise StoreError(f"{path}{place}: {getattr(error, 'problem', None) or 'not YAML'}.") from error
    if isinstance(found, dict) and isinstance(found.get("plan"), list):
        found = found["plan"]
    if not isinstance(found, list) or not found or not all(isinstance(entry, dict) for entry in found):
        raise StoreError(
            f"{path} is no list of groups of agents.", "Such as: [{agents: 5, agent_type: Explore, model: haiku}]"
        )
    return found
