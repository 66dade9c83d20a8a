"""A dbt project of four models and an ingester of ten lines: for tests of what happens around dbt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from agent_store.build.publish import Published, publish
from agent_store.build.results import BuildResult
from agent_store.build.state import Fingerprint
from agent_store.build.warehouse import RawSummary, connect, star_cursor
from agent_store.paths import StorePaths
from ingest.warehouse import borrow, make_tables

REPOSITORY = Path(__file__).resolve().parents[1]

MEASURES = """
    count(distinct session_id) as session_count,
    count(*) as response_count,
    cast(sum(input_tokens) as bigint) as uncached_input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(cache_read_tokens) as bigint) as cache_read_tokens,
    cast(0 as bigint) as cache_write_5m_tokens,
    cast(sum(cache_write_tokens) as bigint) as cache_write_1h_tokens,
    cast(sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens) as bigint) as total_tokens,
    cast(0 as bigint) as web_search_count,
    count(*) filter (where cost_usd is null) as unpriced_response_count,
    sum(cost_usd) as cost_usd
"""

# What the macro cost_by reads, over calls without branches and tasks.
_MEASURES_OF_COST = (
    "min(called_at) as first_called_at, count(*) as request_count, cast(null as bigint) as invocation_count, "
    + MEASURES.replace("count(distinct session_id) as session_count,", "").replace(
        "count(*) as response_count,", ""
    )
    + ", cast(1 as bigint) as cache_miss_count, cast(10 as bigint) as missed_tokens, 0.5 as rebilled_cost_usd, "
    "0.25 as miss_extra_cost_usd, 0.5 as cache_saved_usd, cast(null as double) as work_cost_usd from {calls} group by all"
)
_KINDS = {
    "session": ("session_id", "'Title of [b]' || session_id"),
    "model": ("model_name", "'anthropic'"),
    "agent": ("'main agent'", "'main'"),
    "task-type": ("'unknown'", "cast(null as varchar)"),
    "component": ("'system_prompt'", "'system_prompt'"),
}
COST = " union all ".join(
    f"select '{kind}' as kind, {name} as name, {detail} as detail, cast(called_at as date) as usage_date, session_id, "
    f"project_name, '/home/x/' || project_name as project_path, {_MEASURES_OF_COST}"
    for kind, (name, detail) in _KINDS.items()
)

FILES = {
    "dbt_project.yml": """
name: agent_store
version: 0.1.0
config-version: 2
profile: agent_store
model-paths: [models]
test-paths: [tests/generic, tests/invariants]
macro-paths: [macros]
flags: {send_anonymous_usage_stats: false, skip_nodes_if_on_run_start_fails: true}
on-run-start: "{{ start_build() }}"
on-run-end: "{{ finish_build(results) }}"
models: {agent_store: {+materialized: table, +database: agent_store, +schema: main}}
""",
    "macros/generate_schema_name.sql": """
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
""",
    "models/_sources.yml": """
sources:
  - name: raw
    schema: raw
    tables: [{name: call}, {name: set_aside_session}]
""",
    "models/fact_api_call.sql": """
{{ config(materialized='incremental', incremental_strategy='append') }}
select call_id, session_id, model_name, project_name, called_at, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, cost_usd, _batch_id
from {{ source('raw', 'call') }}
where session_id not in (select session_id from {{ source('raw', 'set_aside_session') }})
{% if is_incremental() %} and _batch_id > (select coalesce(max(_batch_id), 0) from {{ this }}) {% endif %}
""",
    "models/fact_api_call.yml": """
models:
  - name: fact_api_call
    description: One row per response. It's "quoted".
    columns:
      - {name: call_id, description: "The key; doesn't change.", data_tests: [unique, not_null]}
      - {name: cost_usd, description: API-equivalent dollars.}
""",
    "models/dim_session.sql": "select session_id, min(called_at) as started_at from {{ ref('fact_api_call') }} group by all",
    "models/dim_session.yml": """
models:
  - name: dim_session
    columns:
      - {name: session_id, data_type: varchar, constraints: [{type: not_null}]}
      - {name: started_at, data_type: timestamp}
""",
    "models/v_set_aside_session.sql": "select session_id, test_name from {{ source('raw', 'set_aside_session') }}",
    "models/v_cost_daily.sql": (
        "{{ config(materialized='view') }}\nselect cast(called_at as date) as usage_date,"
        + MEASURES
        + "from {{ ref('fact_api_call') }} group by all"
    ),
    "models/v_cost_by_model.sql": (
        "{{ config(materialized='view') }}\nselect model_name, 'anthropic' as provider,"
        + MEASURES
        + "from {{ ref('fact_api_call') }} group by all"
    ),
    "models/v_cost_by_project.sql": (
        "{{ config(materialized='view') }}\nselect project_name, '/home/x/' || project_name as project_path,"
        + MEASURES
        + "from {{ ref('fact_api_call') }} group by all"
    ),
    "models/v_session_report.sql": (
        "{{ config(materialized='view') }}\nselect session_id, 'Session ' || session_id as title, "
        "any_value(project_name) as project_name, "
        "min(called_at) as started_at, cast(1 as bigint) as prompt_count, cast(2 as bigint) as tool_call_count,"
        + MEASURES.replace("count(distinct session_id) as session_count,", "")
        + "from {{ ref('fact_api_call') }} group by session_id"
    ),
    "models/v_cache_health.sql": (
        "{{ config(materialized='view') }}\nselect cast(called_at as date) as usage_date, model_name, "
        "count(*) as response_count, "
        "sum(input_tokens) as uncached_input_tokens, sum(cache_read_tokens) as cache_read_tokens, "
        "sum(cache_write_tokens) as cache_write_tokens, 1 as cache_miss_count, 0.5 as saved_usd "
        "from {{ ref('fact_api_call') }} group by all"
    ),
    "models/v_cost.sql": "{{ config(materialized='view') }}\n"
    + COST.format(calls="{{ ref('fact_api_call') }}"),
    # Each of these lists findings: the macro findings counts them all.
    **{
        f"models/{name}.sql": "{{ config(materialized='view') }}\nselect 1 as finding where false"
        for name in (
            "v_unknown_line_type",
            "v_set_aside_line",
            "v_set_aside_value",
            "v_unfinished_output",
            "v_vanished_session",
        )
    },
    # A view that reads a view whose name sorts after its own: the order of publishing has to be found.
    "models/v_unpriced_model.sql": (
        "{{ config(materialized='view') }}\n"
        "select model_name, unpriced_response_count as response_count, 'unknown_model' as unpriced_reason, "
        "'standard' as speed from {{ ref('v_cost_by_model') }} where unpriced_response_count > 0"
    ),
}


@contextmanager
def star(paths: StorePaths) -> Iterator[duckdb.DuckDBPyConnection]:
    """The star of a home, to write what a test wants to find there."""
    with connect(paths) as connection, star_cursor(connection) as cursor:
        yield cursor


def published(
    paths: StorePaths, result: BuildResult, code: Fingerprint, raw: RawSummary, **options: Any
) -> Published:
    """Publish what lies in the star of a home."""
    with connect(paths) as connection:
        return publish(paths, result, code, raw, connection, **options)


def write_project(folder: Path) -> Path:
    """Write the project; the profile is the real one."""
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.strip() + "\n", encoding="utf-8")
    (folder / "profiles.yml").write_text(
        (REPOSITORY / "profiles.yml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    shutil.copytree(REPOSITORY / "macros" / "hooks", folder / "macros" / "hooks")
    for folder_name in ("tests/generic", "tests/invariants"):
        (folder / folder_name).mkdir(parents=True, exist_ok=True)
    sample = folder / "sample" / "home" / "projects" / "-sample"
    sample.mkdir(parents=True, exist_ok=True)
    (sample / "session.jsonl").write_text("{}\n", encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Landed:
    """What the ingester returns."""

    lines_landed: int
    last_batch_id: int
    summary: str
    problems: tuple[str, ...] = ()


class MiniIngest:
    """Lands the calls it is given, one batch per call of `land`."""

    def __init__(self) -> None:
        """Nothing to land yet."""
        self.waiting: list[tuple[object, ...]] = []
        self.roots: list[Path] = []

    def add(
        self, count: int = 1, *, session: str = "s1", model: str = "claude-opus-4-5", cost: float | None = 1.0,
        day: str = "2026-03-01", prefix: str = "c",
    ) -> None:  # fmt: skip
        """Have calls waiting to be landed."""
        for number in range(count):
            self.waiting.append(
                (
                    f"{prefix}-{session}-{day}-{number}",
                    session,
                    model,
                    "alpha",
                    f"{day} 10:00:00",
                    10,
                    20,
                    300,
                    40,
                    cost,
                )
            )

    def land(
        self,
        roots: Sequence[Path],
        warehouse: Path,
        host: str | None = None,
        progress: object = None,
        **_: object,
    ) -> Landed:
        """Land what waits; a batch only if something does."""
        self.roots = list(roots)
        connection = borrow(warehouse) or duckdb.connect(
            str(warehouse), config={"storage_compatibility_version": "v1.5.0"}
        )
        try:
            make_tables(connection)
            connection.execute(
                """
                create table if not exists raw.call (
                    call_id varchar, session_id varchar, model_name varchar, project_name varchar, called_at timestamp,
                    input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint,
                    cost_usd double, _batch_id bigint);
                """
            )
            found = connection.execute("select coalesce(max(batch_id), 0) from raw.batch").fetchone()
            last = int(found[0]) if found else 0
            landed = len(self.waiting)
            if landed:
                last += 1
                now = datetime.now(UTC).replace(tzinfo=None)
                connection.execute(
                    "insert into raw.batch values (?, ?, ?, 'test', 1, 1, ?, 0, 1000, 0, null, '', '')",
                    [last, now, now, landed],
                )
                for row in self.waiting:
                    connection.execute(
                        "insert into raw.call values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, last]
                    )
            self.waiting = []
        finally:
            connection.close()
        return Landed(landed, last, f"Landed {landed} lines.")
