"""The plugin that dbt loads (profiles.yml): it adds what dbt itself cannot do, so that plain `dbt build` does the whole
job.

It makes folders, takes the lock and makes the empty raw tables when dbt connects; the hooks of the project (macros/hooks)
land and publish through it; models read the rows of rule seeds through it, which a compilation needs before any seed is
loaded. dbt calls `store` for all of these, with the task in `config`; results are put into its dictionary `answer`.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import dbt.adapters.duckdb.plugins as duckdb_plugins
import yaml
from dbt.flags import get_flags
from dbt.task.runnable import GraphRunnableTask
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note
from dbt_common.exceptions import DbtRuntimeError

from agent_store.build import lock, pipeline, tested, warehouse
from agent_store.errors import StoreError
from agent_store.lake import reading as lake
from agent_store.paths import StorePaths
from agent_store.privacy import retention
from ingest.warehouse import lend, make_tables

if TYPE_CHECKING:
    import duckdb
    from filelock import BaseFileLock

# True while a program of this package runs dbt: it lands and publishes itself (see `dbt.invoke`).
is_led = False
_held: list[BaseFileLock] = []


def let_go() -> None:
    """Release the locks taken by dbt commands in this process."""
    while _held:
        _held.pop().release()


class Plugin(duckdb_plugins.BasePlugin):  # type: ignore[misc]
    """One dbt command at work on one home."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Before the database is opened: wait for any other build, make the folders."""
        self.paths = StorePaths(Path(plugin_config["home"]).expanduser().absolute())
        self.lake = (str(plugin_config.get("lake", "")), str(plugin_config.get("lake_data", "")))
        self.build: pipeline.Build | None = None
        self.is_rebuild = False
        self.seeds: dict[str, list[dict[str, str | int | float | None]]] = {}
        os.umask(0o077)
        if is_led:
            return
        try:
            held, _ = lock.take(self.paths, on_wait=_say)
            _held.append(held)
            if _builds_all():
                retention.carry_out(self.paths, _say)
            warehouse.check_writable(self.paths)
        except StoreError as error:
            let_go()
            raise _for_dbt(error) from error

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """When the database is open: attach the star, create missing raw tables."""
        self.connection = conn
        make_tables(conn)
        try:
            warehouse.attach_star(conn, self.paths)
            if self.lake[0]:
                lake.attach(conn, *self.lake)
        except StoreError as error:
            conn.close()
            raise _for_dbt(error) from error

    def store(self, target_config: Any) -> None:  # noqa: ANN401 - dbt-duckdb's own type
        """Do what a macro asks for: config = {task: start | mode | seed_rows | lake_columns |
        finish, answer: {}, …}."""
        task: Mapping[str, Any] = target_config.config
        match task["task"]:
            case "start":
                self._start(task)
            case "mode":
                task["answer"]["is_rebuild"] = self.is_rebuild
            case "lake_columns":
                task["answer"]["columns"] = lake.columns(self.connection, task["table"])
            case "seed_rows":
                task["answer"]["rows"] = self._seed_rows(task["seed"])
            case "finish":
                self._finish(task["results"])

    def _start(self, task: Mapping[str, Any]) -> None:
        """Land, if the whole project is built; determine what has to be built."""
        if is_led:
            return
        flags = get_flags()
        project, variables = Path(flags.PROJECT_DIR), getattr(flags, "VARS", None) or {}
        nodes, selected = task["graph"]["nodes"], set(task["selected"])
        models = {name for name, node in nodes.items() if node["resource_type"] == "model"}
        is_thin = bool(getattr(flags, "EMPTY", False) or getattr(flags, "SAMPLE", None))
        if is_thin or task["command"] == "seed" or not models <= selected:
            pipeline.note_part(self.paths, project, variables, is_thin=is_thin)
            if is_thin:
                _say(
                    "Nothing is landed or published: with --empty and --sample, tables do not have all of their rows. "
                    "The next `dbt build` builds everything from raw again."
                )
            return
        tests = {name: node for name, node in nodes.items() if node["resource_type"] == "test"}
        guards = {name for name, node in tests.items() if str(node["config"]["severity"]).lower() == "error"}
        self.tests = {node["name"] for node in tests.values()}
        self.is_tested = task["command"] == "build" and guards <= selected
        options = pipeline.Options(
            full_refresh=bool(task["full_refresh"]),
            tests=self.is_tested and tests.keys() <= selected,
            variables=variables,
        )
        self.build = pipeline.Build(self.paths, project, options, _say)
        try:
            with lend(self.paths.warehouse, self.connection):
                self.build.land()
                plan = self.build.plan()
        except StoreError as error:
            self.build.failed(error)
            raise _for_dbt(error) from error
        if self.build.outcome.landing is not None:
            _say(self.build.outcome.landing.summary)
        if self.build.outcome.scan is not None:
            _say(self.build.outcome.scan.summary)
        self.is_rebuild = plan.full_refresh
        if plan.reason:
            tested.forget(self.paths)
            _say(f"Building: {plan.reason} …")
        else:
            _say(f"Nothing new: {self.paths.store} is up to date.")
            self.build = None
            _take_nodes_off_the_queue()

    def _finish(self, results: list[Any]) -> None:
        """Publish the result if everything was built and no guard failed."""
        if self.build is None:
            return
        if not self.is_tested:
            _say(
                "Not published: the guards did not run. `dbt build` without a selection tests and publishes."
            )
            return
        try:
            with lend(self.paths.warehouse, self.connection):
                outcome = self.build.finish_dbt(results, self.tests, self.connection)
        except StoreError as error:
            self.build.failed(error)
            raise _for_dbt(error) from error
        if outcome.set_aside:
            _say(
                f"Not published: guards failed, and the sessions they name are set "
                f"aside (sessions: {outcome.set_aside:,}). "
                "The next `dbt build` builds the rest from raw and publishes it."
            )
        elif outcome.published is not None:
            _say(outcome.published.summary)
        else:
            _say("Not published: a guard failed. The store of the last build is still in place.")

    def _seed_rows(self, seed: str) -> list[dict[str, str | int | float | None]]:
        """The rows of a seed file: empty fields are None, and values of numeric columns are numbers."""
        if seed not in self.seeds:
            folder = Path(get_flags().PROJECT_DIR) / "seeds"
            (described,) = yaml.safe_load((folder / f"{seed}.yml").read_text(encoding="utf-8"))["seeds"]
            types = described["config"]["column_types"]
            with (folder / f"{seed}.csv").open(encoding="utf-8-sig", newline="") as file:
                self.seeds[seed] = [
                    {name: _typed(text, types[name]) for name, text in row.items()}
                    for row in csv.DictReader(file)
                ]
        return self.seeds[seed]


def _builds_all() -> bool:
    """Whether the command builds the whole project: once sessions have expired, part of it cannot be built alone."""
    flags = get_flags()
    is_part = any(getattr(flags, name, None) for name in ("SELECT", "EXCLUDE", "SELECTOR", "EMPTY", "SAMPLE"))
    return flags.WHICH == "build" and not is_part


def _typed(text: str, data_type: str) -> str | int | float | None:
    if text == "":
        return None
    match data_type.lower():
        case "integer" | "bigint":
            return int(text)
        case "double":
            return float(text)
    return text


def _take_nodes_off_the_queue() -> None:
    """Empty the queue of the dbt command whose `on-run-start` hook has called, because nothing is new.

    dbt offers no handle on its task, so it is looked up in the call stack. If it is not found, every node runs: the
    result is the same, but it takes longer.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None and not isinstance(frame.f_locals.get("self"), GraphRunnableTask):
        frame = frame.f_back
    queue = frame.f_locals["self"].job_queue if frame is not None else None
    while queue is not None and not queue.empty():
        queue.mark_done(queue.get().unique_id)


def _say(text: str) -> None:
    for line in text.splitlines():
        fire_event(Note(msg=line))


def _for_dbt(error: StoreError) -> DbtRuntimeError:
    return DbtRuntimeError(f"{error.message} {error.hint}".strip())
