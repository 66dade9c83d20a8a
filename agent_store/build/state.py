"""The fingerprints of the code, and the state left by the last build."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from agent_store.paths import HOME_VARIABLE, StorePaths
from agent_store.replacing import replacing
from ingest.text import load_yaml

_VARIABLES_OUTSIDE_THE_CODE = frozenset({HOME_VARIABLE})
_ENV_VAR = re.compile(r"env_var\(\s*['\"]([A-Za-z_][A-Za-z0-9_]*)['\"]")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything the store depends on besides the raw lines.

    `tables` covers everything that determines the rows: models, macros, seeds, the project file, the versions. When it
    changes, everything is built from raw again. `code` covers the tests too: when only it changes, dbt runs as usual.
    """

    tables: str
    code: str


def _digest(files: Sequence[Path], project: Path, extra: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for line in extra:
        digest.update(line.encode() + b"\0")
    for file in files:
        digest.update(str(file.relative_to(project)).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _files(project: Path, folders: Sequence[str], suffixes: frozenset[str]) -> list[Path]:
    found = [
        path
        for folder in folders
        for path in (project / folder).rglob("*")
        if path.suffix in suffixes and path.is_file() and not path.name.startswith(".")
    ]
    return sorted(found)


def versions() -> dict[str, str]:
    """The versions that determine the result of a build."""
    found = {}
    for name in ("agent-store", "dbt-core", "dbt-duckdb", "duckdb"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def fingerprint(
    project: Path, environ: Mapping[str, str] | None = None, variables: Mapping[str, object] | None = None
) -> Fingerprint:
    """The fingerprint of the code, with the environment variables that its SQL reads and the `variables` given to dbt."""
    environment = os.environ if environ is None else environ
    sources = frozenset({".sql", ".py", ".yml", ".yaml", ".csv"})
    deciding = [
        project / "dbt_project.yml",
        *_files(project, ("models", "macros", "seeds", "functions"), sources),
    ]
    tests = [
        *_files(project, ("models",), frozenset({".md"})),
        *_files(project, ("tests/generic", "tests/invariants", "agent_store/build/sql_macros"), sources),
        *sorted(path for path in (project / "tests").glob("*.sql") if path.is_file()),
    ]
    named = {
        name
        for file in deciding
        if file.suffix != ".csv"
        for name in _ENV_VAR.findall(file.read_text(encoding="utf-8", errors="replace"))
    }
    extra = [f"{name}={version}" for name, version in sorted(versions().items())]
    extra += [f"{name}={environment.get(name, '')}" for name in sorted(named - _VARIABLES_OUTSIDE_THE_CODE)]
    extra += [f"{name}={value!r}" for name, value in sorted((variables or {}).items())]
    tables = _digest(deciding, project, extra)
    return Fingerprint(tables=tables, code=_digest(tests, project, [tables]))


def timezone(project: Path, environ: Mapping[str, str] | None = None) -> str:
    """The time zone of days in the marts: AGENT_STORE_TIMEZONE, else the project's var."""
    if named := (os.environ if environ is None else environ).get("AGENT_STORE_TIMEZONE", ""):
        return named
    return str(project_variable(project, "timezone") or "UTC")


def project_variable(project: Path, name: str) -> object:
    """A var of dbt_project.yml."""
    text = (project / "dbt_project.yml").read_text(encoding="utf-8")
    settings = load_yaml(text, len(text))
    return (settings.get("vars") or {}).get(name)


@dataclass(frozen=True, slots=True)
class BuildState:
    """The state of the warehouse's tables: which code made them, and whether that finished.

    `green_fingerprint` is that of the last build of this warehouse that was published: its seeds are loaded.
    `is_incomplete` means that models failed in the last rebuild: their tables are from older code.
    `has_set_aside` means that the next rebuild leaves out the sessions that guards have just named.
    """

    tables_fingerprint: str = ""
    green_fingerprint: str = ""
    rebuilding: bool = False
    holds_sample: bool = False
    is_incomplete: bool = False
    has_set_aside: bool = False


def read_state(paths: StorePaths) -> BuildState:
    """The state that the last build wrote; an empty one if there is none or it cannot be read."""
    try:
        found = json.loads(paths.state.read_text(encoding="utf-8"))
        return BuildState(
            tables_fingerprint=str(found.get("tables_fingerprint", "")),
            green_fingerprint=str(found.get("green_fingerprint", "")),
            rebuilding=bool(found.get("rebuilding", False)),
            holds_sample=bool(found.get("holds_sample", False)),
            is_incomplete=bool(found.get("is_incomplete", False)),
            has_set_aside=bool(found.get("has_set_aside", False)),
        )
    except (OSError, ValueError, AttributeError):
        return BuildState()


def write_state(paths: StorePaths, state: BuildState) -> None:
    """Write the state, with one atomic rename."""
    with replacing(paths.state) as fresh:
        fresh.write_text(json.dumps(asdict(state)), encoding="utf-8")
