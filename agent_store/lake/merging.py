"""The merge rule of each model, from its yml (`config.meta.merge`): how its rows of many hosts become one table.

`union`: the rows of all hosts, each session from one of them. `by_key`: one row per key, with an aggregate of each other
column. `global`: built again by dbt from merged parents. `local`: not shared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from agent_store.build import dbt
from agent_store.build.results import first_lines
from agent_store.build.state import fingerprint
from agent_store.build.warehouse import PUBLISHED_SCHEMA
from agent_store.errors import StoreError
from agent_store.paths import STAR, WAREHOUSE
from agent_store.replacing import replacing
from agent_store.sql import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from agent_store.paths import StorePaths

UNION: Final = "union"
BY_KEY: Final = "by_key"
GLOBAL: Final = "global"
LOCAL: Final = "local"
RULES: Final = (UNION, BY_KEY, GLOBAL, LOCAL)
# Of these, each host shares its rows; the others are built from them.
SHARED: Final = frozenset({UNION, BY_KEY})
# `first` and `latest` take the column from one row, by the rule's `order_by`.
AGGREGATES: Final = frozenset({"sum", "min", "max", "any", "first", "latest"})
_FILE: Final = "merge_rules.json"


@dataclass(frozen=True, slots=True)
class MergeRule:
    """The merge rule of one model."""

    name: str
    schema: str
    rule: str

    @property
    def is_published(self) -> bool:
        """Whether its rows are in the published store rather than in the warehouse."""
        return self.schema == PUBLISHED_SCHEMA

    @property
    def relation(self) -> str:
        """Its name in SQL, with the database that it is in during a build."""
        return f"{STAR if self.is_published else WAREHOUSE}.{quoted(self.schema)}.{quoted(self.name)}"


def of_manifest(manifest: Mapping[str, Any]) -> list[MergeRule]:
    """The merge rules of a manifest, by the name of the model."""
    found = []
    for node in manifest["nodes"].values():
        merge = node["config"].get("meta", {}).get("merge") if node["resource_type"] == "model" else None
        if merge:
            found.append(MergeRule(node["name"], node["schema"], merge["rule"]))
    return sorted(found, key=lambda rule: rule.name)


def read_rules(paths: StorePaths, project: Path) -> list[MergeRule]:
    """The merge rules of a project. dbt reads them once for each state of the code; they are stored in the home."""
    code = fingerprint(project).code
    file = paths.target / _FILE
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        if known["code"] == code:
            return [MergeRule(**rule) for rule in known["rules"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    outcome = dbt.invoke(["parse"], paths, project)
    if not outcome.success:
        raise StoreError(
            f"The models cannot be read: {first_lines(str(outcome.exception or 'dbt failed'))}",
            "dbt's message names the file. Install Agent Store again if you did not change its models.",
        )
    manifest = json.loads((paths.target / "manifest.json").read_text(encoding="utf-8"))
    rules = of_manifest(manifest)
    with replacing(file) as fresh:
        fresh.write_text(
            json.dumps({"code": code, "rules": [asdict(rule) for rule in rules]}), encoding="utf-8"
        )
    return rules
