"""What sqlfluff's Jinja templater lacks of dbt: `adapter.dispatch`, here always DuckDB's branch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, name: str, package: str | None = None) -> Callable[..., str]:
    """The macro for DuckDB, else the default one; as dbt would choose it."""
    for prefix in ("duckdb__", "default__"):
        macro: Any = context.resolve(prefix + name)
        if callable(macro):
            return macro  # type: ignore[no-any-return]
    raise ValueError(f"There is no macro duckdb__{name} or default__{name} beside {name}.")
