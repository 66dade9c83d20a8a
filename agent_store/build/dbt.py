"""dbt inside this process (`dbtRunner`): quiet, without a log file.

Importing it takes two seconds, so nothing here imports it before there is work to do.
"""

from __future__ import annotations

import gc
import json
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

from agent_store.build.results import first_lines
from agent_store.errors import StoreError
from agent_store.paths import HOME_VARIABLE, StorePaths, private_files
from agent_store.replacing import replacing

# The models whose SQL the documentation also shows as the last build ran it.
_READ_BY_USERS = ("models/marts", "models/health")


@contextmanager
def _dbt_environment(paths: StorePaths, more: Mapping[str, str]) -> Iterator[None]:
    """Set the environment that dbt and the profile read; folder and umask are restored afterwards."""
    wanted = {
        HOME_VARIABLE: str(paths.home),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        **more,
    }
    before = {name: os.environ.get(name) for name in wanted}
    folder = Path.cwd()
    os.environ.update(wanted)
    try:
        with private_files():
            yield
    finally:
        os.chdir(folder)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """dbt makes very many small objects that live to the end: the usual garbage collection costs a tenth of the run."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def invoke(
    arguments: Sequence[str],
    paths: StorePaths,
    project: Path,
    on_event: Callable[[Any], None] | None = None,
    *,
    quiet: bool = True,
    led: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - dbt's own type
    """Run one dbt command in this process; without log file or telemetry, and without output if `quiet`.

    If `led`, the caller lands and publishes, and the hooks of the project do neither. `environment` has variables of the
    profile to set.
    """
    paths.ensure()
    _forget_another_project(paths, project)
    from dbt.cli.main import dbtRunner  # two seconds of imports

    from agent_store.build import dbt_plugin

    command = [
        *arguments,
        "--project-dir", str(project),
        "--profiles-dir", str(project),
        "--target-path", str(paths.target),
        "--log-path", str(paths.logs),
        "--log-level-file", "none",
        *(("--log-level", "none", "--quiet", "--no-use-colors") if quiet else ()),
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
    ]  # fmt: skip
    dbt_plugin.is_led = led
    try:
        with _dbt_environment(paths, environment or {}), rare_garbage_collection():
            result = dbtRunner(callbacks=[on_event] if on_event else []).invoke(command)
            _end_threads(result.exception)
    finally:
        dbt_plugin.is_led = False
        _release_database()
    if isinstance(result.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    return result


def _end_threads(error: BaseException | None) -> None:
    """End the threads that dbt left behind when it raised an error.

    `dbt compile` stops at the first node that it cannot compile and neither waits for its thread pool nor closes it:
    the threads would use a closed database, and Python prints a traceback about the pool at exit. Only the frames of
    the error still refer to the pool.
    """
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for pool in frame.f_locals.values():
                if isinstance(pool, ThreadPool):
                    pool.terminate()
                    pool.join()
        error = error.__cause__ or error.__context__


def _forget_another_project(paths: StorePaths, project: Path) -> None:
    """dbt's partial parse stores the paths of seeds: remove it if it is from another clone, or from one that has
    moved."""
    note, here = paths.target / "project", str(project.resolve())
    if not note.is_file() or note.read_text(encoding="utf-8") != here:
        (paths.target / "partial_parse.msgpack").unlink(missing_ok=True)
        (paths.target / "compiled.json").unlink(missing_ok=True)
        with private_files():
            note.write_text(here, encoding="utf-8")


def _release_database() -> None:
    """After a command dbt keeps its connection, and with it DuckDB's lock; the plugin keeps the build lock."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    from agent_store.build import dbt_plugin

    with suppress(Exception):  # raised if dbt stopped before it opened anything
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()
    dbt_plugin.let_go()


def node_listener(on_node: Callable[[str, int, int], None]) -> Callable[[Any], None]:
    """Turn dbt's events into progress: the node that finished, how many are done, and of how many."""
    done = total = 0

    def listen(event: Any) -> None:  # noqa: ANN401 - dbt's own type
        nonlocal done, total
        if event.info.name == "ConcurrencyLine":
            total = int(event.data.node_count)
        elif event.info.name == "NodeFinished":
            done += 1
            on_node(str(event.data.node_info.node_name), done, max(total, done))

    return listen


def generate_docs(paths: StorePaths, project: Path, page: Path) -> None:
    """Write the documentation site as one HTML file. It needs the project only: no store, and no warehouse."""
    outcome = invoke(["parse"], paths, project)
    if not outcome.success:
        raise StoreError(
            f"The documentation could not be generated: {first_lines(str(outcome.exception or 'dbt failed'))}"
        )
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    from agent_store.show.docs import page_of

    manifest = json.loads((paths.target / "manifest.json").read_text(encoding="utf-8"))
    template = Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")
    compiled = paths.target / "compiled" / manifest["metadata"]["project_name"]
    sql = {
        path.relative_to(compiled).as_posix(): path.read_text(encoding="utf-8")
        for folder in _READ_BY_USERS
        for path in (compiled / folder).rglob("*.sql")
    }
    with replacing(page) as fresh:
        fresh.write_text(page_of(manifest, template, sql), encoding="utf-8")
