"""Who may import whom: the house of Python."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PROJECT

ROOMS = {folder.name for folder in (PROJECT / "ingest").iterdir() if (folder / "__init__.py").is_file()}
# Rooms that are made of another: a source may be a contract.
MADE_OF = {("sources", "contracts")}
# The mechanism that lands what the sources find, what everything goes through on its way, and what puts all together.
SHARED = {"landing", "privacy"}
LAND = "land.py"
FILES = sorted(path for package in ("ingest", "agent_store") for path in (PROJECT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """The modules and names that a file imports from this project."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, one.name) for one in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names)


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(PROJECT).as_posix() for path in FILES])
def test_a_module_imports_what_it_may(path: Path) -> None:
    package, *folders = path.relative_to(PROJECT).parts
    for module, name in imported(path):
        is_ours = module.split(".")[0] in {"ingest", "agent_store"}
        assert not (is_ours and name.startswith("_") and not name.endswith("__")), (
            f"{name} is private to {module}"
        )
        if package == "ingest":
            assert not module.startswith("agent_store"), "ingest knows nothing of agent_store"
            room = f"{module}.{name}".split(".")[1] if module.startswith("ingest") else ""
            if room in ROOMS - SHARED and folders[0] not in {room, LAND}:
                assert (folders[0], room) in MADE_OF, f"{folders[0]} reads {module}"


def test_a_table_of_raw_is_made_in_one_place() -> None:
    makers = [
        path.name
        for path in FILES
        if path.is_relative_to(PROJECT / "ingest") and "create table" in path.read_text(encoding="utf-8")
    ]
    assert makers == ["raw_schema.py"]


def test_no_function_is_written_twice() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                places["".join(map(ast.dump, body))].append(f"{path.relative_to(PROJECT)}:{node.name}")
    assert [same for same in places.values() if len(same) > 1] == []
