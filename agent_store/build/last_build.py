"""The result of the last build, even if it published nothing: for report, doctor, and the message about a missing
store."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent_store.build.compiled import is_out_of_memory
from agent_store.paths import StorePaths
from agent_store.replacing import replacing

if TYPE_CHECKING:
    from agent_store.build.results import BuildResult
    from agent_store.errors import StoreError

GUARD_ADVICE = (
    "agent-store build --full-refresh builds everything again from the raw lines. If the guard fails again, it is a "
    "defect of Agent Store: please report its name and the rows shown."
)
MODEL_ADVICE = (
    "A model that fails is a defect of Agent Store: please report the message. The tables named keep the rows of the "
    "last build until a build with new lines, or with --full-refresh, succeeds."
)
MEMORY_ADVICE = (
    "Give the build more memory: AGENT_STORE_MEMORY=4GB agent-store build --full-refresh. Until then the tables named keep "
    "their rows of the last build."
)
PROJECT_ADVICE = (
    "The models of Agent Store cannot be read: install it again (make setup). If you have not changed them, please report "
    "the message."
)
_PROBLEMS_KEPT = 20


@dataclass(frozen=True, slots=True)
class LastBuild:
    """When the last build ended (UTC), whether it published, what went wrong, and what to do about it."""

    ended_at: datetime
    is_published: bool
    problems: tuple[str, ...] = ()
    advice: str = ""


def advice_after(result: BuildResult) -> str:
    """What to do about a build; empty if nothing failed."""
    if result.guards:
        return GUARD_ADVICE
    if not result.success:
        return PROJECT_ADVICE
    if result.failures and all(is_out_of_memory(failure.message) for failure in result.failures):
        return MEMORY_ADVICE
    return MODEL_ADVICE if result.failures else ""


def write(paths: StorePaths, result: BuildResult) -> None:
    """Record the result of a build."""
    problems = tuple(map(str, result.failures))[:_PROBLEMS_KEPT]
    _keep(paths, LastBuild(_now(), result.success, problems, advice_after(result)))


def write_error(paths: StorePaths, error: StoreError) -> None:
    """Record why a build stopped before it had a result."""
    _keep(paths, LastBuild(_now(), is_published=False, problems=(error.message,), advice=error.hint))


def read(paths: StorePaths) -> LastBuild | None:
    """The result of the last build; None if there is none or it cannot be read."""
    try:
        found = json.loads((paths.build_dir / "last_build.json").read_text(encoding="utf-8"))
        return LastBuild(
            ended_at=datetime.fromisoformat(found["ended_at"]),
            is_published=bool(found["is_published"]),
            problems=tuple(map(str, found["problems"])),
            advice=str(found["advice"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def _keep(paths: StorePaths, last: LastBuild) -> None:
    # If a full disk stopped the build, it also stops this note: that is not a second error.
    with suppress(OSError), replacing(paths.build_dir / "last_build.json") as fresh:
        fresh.write_text(
            json.dumps(
                {
                    "ended_at": last.ended_at.isoformat(),
                    "is_published": last.is_published,
                    "problems": last.problems,
                    "advice": last.advice,
                }
            ),
            encoding="utf-8",
        )
