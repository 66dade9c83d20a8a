"""The brief of a project in words: the rows of `v_resume_brief`, for a person and for the model at the start of a
session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.record.hooks.hook import checkout_of_worktree
from agent_store.show.text import visible

if TYPE_CHECKING:
    import duckdb

MOST_LINE = 260
# Lines are taken in this order while there is room: open work and failures before completed work.
SECTIONS = {
    "last_session": "Last session",
    "last_prompt": "Last prompt",
    "open_task": "Open",
    "still_failing": "Still failing",
    "last_failure": "Went wrong",
    "last_decision": "Decided by the user",
    "rejected": "Rejected by the user",
    "last_edit": "Work",
}
_SQL = """
select
    line_number, section, strftime(happened_at, '%Y-%m-%d %H:%M') as "at", session_id, brief, file_path, task_id,
    project_name, project_path
from v_resume_brief
where $project_path is null or project_path = $project_path
order by project_path, line_number
"""


def lines(connection: duckdb.DuckDBPyConnection, project_path: str | None = None) -> list[dict[str, Any]]:
    """The lines of the brief of a project, of all projects for None."""
    found = connection.execute(_SQL, {"project_path": project_path})
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines in the order of `SECTIONS`."""
    return [row for section in SECTIONS for row in rows if row["section"] == section]


def text(row: Mapping[str, Any]) -> str:
    """A line with its evidence."""
    words = " ".join(visible(row["brief"]).split())
    said = words if len(words) <= MOST_LINE else f"{words[: MOST_LINE - 1]}…"
    return f"{SECTIONS[row['section']]}: {said} ({row['at']}, session {str(row['session_id'])[:8]})"


def project_of(connection: duckdb.DuckDBPyConnection, given: str | None, here: Path) -> tuple[str, str]:
    """Path and name of a project, given by name or path, or by a folder or its git checkout.

    The name is empty if the store does not know the project. Raises StoreError if a name matches none or several.
    """
    known = dict(
        connection.execute(
            "select project_path, min(project_name) from dim_session where project_path is not null group by 1"
        ).fetchall()
    )
    if given is not None and "/" not in given and "\\" not in given and not (here / given).is_dir():
        return _named(known, given)
    folder = here / Path(given).expanduser() if given is not None else here
    candidates = [str(path) for path in _folders(folder)]
    for path in candidates:
        if path in known:
            return path, known[path] or path
    if given is not None and not folder.is_dir() and (found := _called(known, given)):
        return _only(known, found, given)
    return candidates[0], ""


def _named(known: Mapping[str, str], given: str) -> tuple[str, str]:
    wanted = given.strip().lower()
    names = {path: (name or path).lower() for path, name in known.items()}
    found = _called(known, given)
    found = found or [path for path, name in names.items() if name.rsplit("/", 1)[-1] == wanted]
    found = found or [path for path, name in names.items() if wanted and wanted in name]
    if not found:
        raise StoreError(
            f"No project is called {given!r}.", "List the projects: agent-store report --by project"
        )
    return _only(known, found, given)


def _called(known: Mapping[str, str], given: str) -> list[str]:
    """The projects with exactly this name, in any case; the name may have a slash."""
    wanted = given.strip().lower()
    return [path for path, name in known.items() if (name or path).lower() == wanted]


def _only(known: Mapping[str, str], found: Sequence[str], given: str) -> tuple[str, str]:
    if len(found) == 1:
        return found[0], known[found[0]] or found[0]
    raise StoreError(
        f"{len(found):,} projects match {given!r}.",
        f"Name one by its path: {', '.join(sorted(found)[:5])}",
    )


def _folders(folder: Path) -> list[Path]:
    """A folder and its parents up to the root of its git checkout, then the checkout that a worktree was made from."""
    absolute, resolved = folder.absolute(), folder.resolve()
    found = [absolute, resolved]
    checkout = next((path for path in (resolved, *resolved.parents) if (path / ".git").exists()), resolved)
    found += [parent for parent in resolved.parents if parent.is_relative_to(checkout)]
    if made_from := checkout_of_worktree(str(checkout)):
        found.append(Path(made_from))
    return list(dict.fromkeys(found))
