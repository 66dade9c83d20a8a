"""The warehouse: the only place that calls dbt, and the one lock that keeps builds apart.

dbt runs inside this process (`dbtRunner`), quiet and without a log file: importing it costs two seconds,
so nothing here imports it before it is known that there is something to do (see `pipeline`).
"""

from __future__ import annotations

import gc
import hashlib
import importlib.metadata
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.build import compiled, damage, tested
from agent_store.errors import StoreError, explain
from agent_store.paths import HOME_VARIABLE, STORE_NAME, StorePaths, private_files
from ingest.words import shorten

if TYPE_CHECKING:
    import duckdb

THREADS = 2
THREADS_ALONE = "1"
STORAGE_VERSION = "v1.5.0"
PUBLISHED_SCHEMA = "main"
_WAIT_STEP_SECONDS = 0.1
_SAY_AFTER_SECONDS = 1.0
_EXAMPLE_ROWS = 5
# Failing rows of one test that are read, to name their sessions.
_GROUPS_READ = 10_000
_MEASURES = frozenset({"check_name", "failing_rows", "session_ids", "examples"})
_GREEN = frozenset({"success", "pass", "warn", "no-op", "partial success", "reused"})
_VARIABLES_OUTSIDE_THE_CODE = frozenset({HOME_VARIABLE})
_ENV_VAR = re.compile(r"env_var\(\s*['\"]([A-Za-z_][A-Za-z0-9_]*)['\"]")


# --- one build at a time ------------------------------------------------------------------------------------


@contextmanager
def build_lock(paths: StorePaths, on_wait: Callable[[str], None] | None = None) -> Iterator[float]:
    """Hold the lock of the build; yields the seconds waited for another build.

    The lock is the kernel's: it goes with the process that holds it, however that ends.
    """
    import fcntl

    paths.ensure()
    started = time.monotonic()
    said = False
    try:
        descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise StoreError(
            f"The lock {paths.lock} cannot be opened: {error.strerror or error}.",
            "No program of this store makes it so: move what is there away, then try again.",
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StoreError(f"The lock {paths.lock} is not a regular file.", "Move it away, then try again.")
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said and time.monotonic() - started >= _SAY_AFTER_SECONDS:
                    said = True
                    if on_wait is not None:
                        holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
                        on_wait(f"Another build is running ({holder or 'unknown process'}): waiting for it …")
                time.sleep(_WAIT_STEP_SECONDS)
        note = f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode(), 0)
        damage.refuse(paths)
        yield time.monotonic() - started
    finally:
        os.close(descriptor)


# --- what the code is: fingerprints -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the store depends on besides the raw lines.

    `tables` covers what decides the rows: models, macros, seeds, the project file, the versions. When it
    changes, everything is built from raw again. `code` covers the tests too: when only it changes, dbt
    runs as usual.
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
    """The versions that decide what is built."""
    found = {}
    for name in ("agent-store", "dbt-core", "dbt-duckdb", "duckdb"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def fingerprint(project: Path, environ: Mapping[str, str] | None = None) -> Fingerprint:
    """The fingerprint of the code, with the values of the environment variables that its SQL reads."""
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
    tables = _digest(deciding, project, extra)
    return Fingerprint(tables=tables, code=_digest(tests, project, [tables]))


def timezone(project: Path, environ: Mapping[str, str] | None = None) -> str:
    """The zone whose days the marts follow: AGENT_STORE_TIMEZONE, else the project's var."""
    import yaml

    named = (os.environ if environ is None else environ).get("AGENT_STORE_TIMEZONE", "")
    settings = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    return named or str((settings.get("vars") or {}).get("timezone", "UTC"))


# --- what the last build left -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BuildState:
    """What is in the warehouse's tables: by which code they were made, and whether that was finished.

    `green_fingerprint` is that of the last build of this warehouse that was published: its seeds are loaded.
    `is_incomplete` says that models failed in the last rebuild: their tables are those of older code.
    """

    tables_fingerprint: str = ""
    green_fingerprint: str = ""
    rebuilding: bool = False
    holds_sample: bool = False
    is_incomplete: bool = False


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
        )
    except (OSError, ValueError, AttributeError):
        return BuildState()


def write_state(paths: StorePaths, state: BuildState) -> None:
    """Write the state in one rename."""
    temporary = paths.state.with_suffix(f".tmp-{os.getpid()}")
    with private_files():
        temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
        temporary.replace(paths.state)


@dataclass(frozen=True, slots=True)
class RawSummary:
    """What has been landed so far."""

    last_batch_id: int = 0
    last_batch_at: datetime | None = None
    file_count: int = 0
    line_count: int = 0
    set_aside_count: int = 0
    landed_bytes: int = 0
    has_models: bool = False
    last_vanished_at: datetime | None = None
    vanished_count: int = 0

    @property
    def batch_key(self) -> str:
        """Names what has been landed; a warehouse made anew has batches of the same numbers, but other times.

        Files that have vanished are no batch, but a finding: they count.
        """
        if self.last_batch_at is None:
            return "0"
        key = f"{self.last_batch_id}@{self.last_batch_at:%Y-%m-%dT%H:%M:%S.%f}"
        if self.last_vanished_at is not None:
            key += f" {self.vanished_count} vanished@{self.last_vanished_at:%Y-%m-%dT%H:%M:%S.%f}"
        return key


def connect_warehouse(paths: StorePaths) -> duckdb.DuckDBPyConnection:
    """The warehouse, read-only."""
    import duckdb

    try:
        return duckdb.connect(str(paths.warehouse), read_only=True)
    except duckdb.Error as error:
        raise (
            explain(error, f"Opening the warehouse {paths.warehouse}")
            or StoreError(f"The warehouse {paths.warehouse} cannot be opened: {str(error).splitlines()[0]}")
        ) from error


def raw_summary(paths: StorePaths) -> RawSummary:
    """Read what has been landed; zeros where there is no warehouse yet."""
    if not paths.warehouse.is_file():
        return RawSummary()
    connection = connect_warehouse(paths)
    try:
        known = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'raw' and table_name = 'batch'"
        ).fetchone()
        if known is None or not known[0]:
            return RawSummary()
        row = connection.execute(
            """
            select
                coalesce(max(batch_id), 0),
                arg_max(started_at, batch_id),
                coalesce((select count(*) from raw.source_file), 0),
                coalesce(sum(lines_landed), 0)::bigint,
                coalesce(sum(lines_set_aside), 0)::bigint,
                coalesce(sum(bytes_landed), 0)::bigint,
                (select count(*) > 0 from duckdb_tables() where schema_name = 'main')
            from raw.batch
            """
        ).fetchone()
        places = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'raw' and table_name = 'file_location'"
        ).fetchone()
        vanished: tuple[datetime | None, int] | None = None
        if places is not None and places[0]:
            vanished = connection.execute(
                "select max(vanished_at), count(vanished_at) from raw.file_location"
            ).fetchone()
    finally:
        connection.close()
    return RawSummary(*row, *(vanished or ())) if row else RawSummary()


# --- dbt ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """What one check of a data test found: how many rows, of which sessions, and one of them by its line."""

    name: str
    failing_rows: int
    description: str = ""
    session_ids: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    session_id: str | None = None
    source_path: str | None = None
    source_line: int | None = None


@dataclass(frozen=True, slots=True)
class NodeFailure:
    """A model or a test that did not pass."""

    name: str
    kind: str
    status: str
    message: str
    failing_rows: int | None = None
    path: str = ""
    table: str = ""
    description: str = ""
    is_guard: bool = False
    checks: tuple[FailedCheck, ...] = ()

    @property
    def examples(self) -> tuple[str, ...]:
        """A few failing rows, a line each."""
        return tuple(
            f"{check.name + ': ' if check.name else ''}{example}"
            for check in self.checks
            for example in check.examples or (f"{check.failing_rows:,} rows",)
        )[:_EXAMPLE_ROWS]

    @property
    def session_ids(self) -> frozenset[str]:
        """The sessions of the failing rows, as far as the test names them."""
        return frozenset(session for check in self.checks for session in check.session_ids)

    def __str__(self) -> str:
        """One line: what failed, on how many rows."""
        if self.failing_rows is not None and self.kind.endswith("test"):
            return (
                f"{self.kind} {self.name}: {self.failing_rows:,} row{'' if self.failing_rows == 1 else 's'}"
            )
        return f"{self.kind} {self.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class Description:
    """What dbt's yml says about a published relation."""

    text: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a run of dbt did.

    `success` says that it may be published: no guard failed. `failures` are the guards and models that failed,
    `warnings` the findings of all other tests. `stale` maps each model that kept its rows of an earlier build to
    the reason.
    """

    success: bool
    failures: tuple[NodeFailure, ...] = ()
    warnings: tuple[NodeFailure, ...] = ()
    stale: Mapping[str, str] = field(default_factory=dict)
    model_count: int = 0
    test_count: int = 0
    passed_count: int = 0
    seconds: float = 0.0
    descriptions: Mapping[str, Description] = field(default_factory=dict)

    @property
    def guards(self) -> tuple[NodeFailure, ...]:
        """The guards that failed."""
        return tuple(failure for failure in self.failures if failure.is_guard)


@contextmanager
def _dbt_environment(paths: StorePaths) -> Iterator[None]:
    """What dbt and the profile read from the environment; folder and umask are put back afterwards."""
    wanted = {
        HOME_VARIABLE: str(paths.home),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
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
def _without_garbage_collection() -> Iterator[None]:
    """dbt makes very many small objects that live to the end: collecting costs a tenth of the run."""
    was_on = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


def invoke(
    arguments: Sequence[str],
    paths: StorePaths,
    project: Path,
    on_event: Callable[[Any], None] | None = None,
) -> Any:  # noqa: ANN401 - dbt's own type
    """Run one dbt command in this process; quiet, without log file or telemetry."""
    paths.ensure()
    _forget_another_project(paths, project)
    from dbt.cli.main import dbtRunner  # two seconds of imports

    command = [
        *arguments,
        "--project-dir", str(project),
        "--profiles-dir", str(project),
        "--target-path", str(paths.target),
        "--log-path", str(paths.logs),
        "--log-level", "none",
        "--log-level-file", "none",
        "--quiet",
        "--no-use-colors",
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
    ]  # fmt: skip
    try:
        with _dbt_environment(paths), _without_garbage_collection():
            result = dbtRunner(callbacks=[on_event] if on_event else []).invoke(command)
    finally:
        _release_database()
    if isinstance(result.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    return result


def _forget_another_project(paths: StorePaths, project: Path) -> None:
    """dbt's partial parse remembers where seeds lie: what another (or a moved) clone left is of no use."""
    note, here = paths.target / "project", str(project.resolve())
    if not note.is_file() or note.read_text(encoding="utf-8") != here:
        (paths.target / "partial_parse.msgpack").unlink(missing_ok=True)
        (paths.target / "compiled.json").unlink(missing_ok=True)
        with private_files():
            note.write_text(here, encoding="utf-8")


def _release_database() -> None:
    """dbt keeps its connection, and with it DuckDB's lock, after a command has ended."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def build(
    paths: StorePaths,
    project: Path,
    *,
    tests: bool = True,
    full_refresh: bool = False,
    seeds: bool = True,
    code: str = "",
    all_tests: bool = False,
    on_node: Callable[[str, int, int], None] | None = None,
) -> BuildResult:
    """Build the models, in order, then run their tests; what fails is named with its rows.

    Where only rows are new the tests look at the sessions that were touched since the last test, unless `all_tests`
    is asked for (see `tested`).

    With `seeds` false the code is that of the last complete build, by its fingerprint `code`: the seeds are
    loaded, the views are valid and everything is compiled, so that dbt is not needed (see `compiled`). The tests are
    dbt's, run as it compiled them: dbt itself needs some eighty milliseconds of Python for each.
    """
    from ingest.batches import ensure_schema

    started = time.monotonic()
    ensure_schema(
        paths.warehouse
    )  # the tables of scans, which the models read also where nothing was scanned
    known = compiled.load(paths, code) if code and not seeds and not full_refresh else None
    if known is not None:
        return _build_rows(paths, known, tests=tests, all_tests=all_tests, on_node=on_node, started=started)
    tested.forget(paths)
    arguments = [
        "build",
        "--threads",
        str(THREADS),
        "--no-write-json",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
    ]
    if not seeds:
        arguments += ["--exclude-resource-type", "seed"]
    if full_refresh:
        arguments.append("--full-refresh")
    outcome = invoke(arguments, paths, project, _node_listener(on_node) if on_node else None)
    if outcome.result is None or not hasattr(outcome.result, "results"):
        return BuildResult(success=False, failures=(_stopped(outcome),), seconds=time.monotonic() - started)
    results = _with_second_try(outcome.result.results, arguments, paths, project, on_node)
    result = _read_results(results, seconds=time.monotonic() - started)
    if not result.success:
        return result
    if result.stale:
        _fill_gaps(paths, project, results)
    found = _compile(paths, project, code, [built.node for built in results])
    if isinstance(found, NodeFailure):
        result = replace(result, success=False, failures=(*result.failures, found))
    elif code and found.is_whole and not result.stale:
        compiled.save(paths, found)
    if tests and isinstance(found, compiled.Compiled):
        connection = _open_warehouse(paths)
        try:
            result = _test(result, connection, found.tests, on_node)
            tested.write(paths, connection, code, _unpassed(result, found.tests))
        finally:
            connection.close()
    return replace(result, seconds=time.monotonic() - started)


def _stopped(outcome: Any) -> NodeFailure:  # noqa: ANN401 - dbt's own type
    message = _first_lines(str(outcome.exception or "dbt stopped without saying why"))
    return NodeFailure("dbt", "project", "error", message)


def _with_second_try(
    results: Sequence[Any],
    arguments: Sequence[str],
    paths: StorePaths,
    project: Path,
    on_node: Callable[[str, int, int], None] | None,
) -> list[Any]:
    """The results, where memory was too little after one more try, in which a model has all of it to itself."""
    broken = [
        found
        for found in results
        if _kind(found.node) == "model" and str(getattr(found.status, "value", found.status)) not in _GREEN
    ]
    if not any(compiled.is_out_of_memory(found.message) for found in broken):
        return list(results)
    alone = [THREADS_ALONE if part == str(THREADS) else part for part in arguments]
    second = invoke(
        [*alone, "--select", *(found.node.name for found in broken)],
        paths,
        project,
        _node_listener(on_node) if on_node else None,
    )
    tried = second.result.results if second.result is not None and hasattr(second.result, "results") else []
    return list({found.node.unique_id: found for found in (*results, *tried)}.values())


def _compile(
    paths: StorePaths, project: Path, code: str, built: Sequence[Any]
) -> compiled.Compiled | NodeFailure:
    """The SQL of the tests, and of the builds in which only rows are new: what was built, and the rest compiled now.

    An incremental model reads differently once its table is there.
    """
    arguments = ["compile", "--threads", str(THREADS), "--no-write-json"]
    arguments += ["--select", "config.materialized:incremental", "resource_type:test"]
    outcome = invoke(arguments, paths, project)
    if outcome.result is None or not hasattr(outcome.result, "results"):
        return _stopped(outcome)
    nodes = {node.unique_id: node for node in built}
    nodes |= {found.node.unique_id: found.node for found in outcome.result.results}
    return compiled.from_nodes(nodes.values(), code)


def _open_warehouse(paths: StorePaths) -> duckdb.DuckDBPyConnection:
    """The warehouse, to write."""
    import duckdb

    try:
        return duckdb.connect(
            str(paths.warehouse),
            config={
                "storage_compatibility_version": STORAGE_VERSION,
                "memory_limit": os.environ.get("AGENT_STORE_MEMORY", "1GB"),
                "threads": "1",  # for each query: queries run side by side, and small ones gain nothing from a second
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
    except duckdb.Error as error:
        raise (
            explain(error, f"Opening the warehouse {paths.warehouse}")
            or StoreError(f"The warehouse {paths.warehouse} cannot be opened: {str(error).splitlines()[0]}")
        ) from error


def _test(
    result: BuildResult,
    connection: duckdb.DuckDBPyConnection,
    tests: Sequence[compiled.CompiledTest],
    on_node: Callable[[str, int, int], None] | None,
) -> BuildResult:
    """Run the tests of what was built, and add what they found. What reads a stale table is not tested."""
    able = [test for test in tests if not result.stale.keys() & set(test.reads)]
    total = result.model_count + len(able)
    outcomes = compiled.run_tests(
        connection,
        able,
        THREADS,
        lambda test, count: on_node(test.name, result.model_count + count, total) if on_node else None,
    )
    notes = [_test_failure(outcome, connection) for outcome in outcomes if outcome.status != "pass"]
    guards = tuple(note for note in notes if note.is_guard)
    return replace(
        result,
        success=result.success and not guards,
        failures=result.failures + guards,
        warnings=tuple(note for note in notes if not note.is_guard),
        test_count=len(outcomes),
        passed_count=len(outcomes) - len(notes),
    )


def _unpassed(result: BuildResult, tests: Sequence[compiled.CompiledTest]) -> set[str]:
    """The tests that did not pass, and those that were not run because a table that they read is stale."""
    noted = {note.name for note in (*result.failures, *result.warnings)}
    return {test.name for test in tests if test.name in noted or result.stale.keys() & set(test.reads)}


def _build_rows(
    paths: StorePaths,
    known: compiled.Compiled,
    *,
    tests: bool,
    all_tests: bool,
    on_node: Callable[[str, int, int], None] | None,
    started: float,
) -> BuildResult:
    """Build with code that is known, without dbt: its compiled models in its order, then its compiled tests."""
    count_of_all = len(known.models) + (len(known.tests) if tests else 0)
    connection = _open_warehouse(paths)
    try:
        run = compiled.run_models(
            connection,
            known.models,
            THREADS,
            lambda model, count: on_node(model.name, count, count_of_all) if on_node else None,
        )
        if any(compiled.is_out_of_memory(message) for _, message in run.failed):
            missing = {model.name for model, _ in run.failed} | run.left_out.keys()
            alone = compiled.run_models(
                connection, [model for model in known.models if model.name in missing], threads=1
            )
            run = replace(alone, done_count=run.done_count + alone.done_count)
        stale = {model.name: shorten(message) for model, message in run.failed}
        stale |= {name: f"it reads {cause}, which failed" for name, cause in run.left_out.items()}
        result = BuildResult(
            success=True,
            failures=tuple(
                NodeFailure(
                    model.name, "model", "error", _first_lines(message), path=model.path, table=model.name
                )
                for model, message in run.failed
            ),
            stale=stale,
            model_count=run.done_count,
            descriptions={
                name: Description(text, columns) for name, (text, columns) in known.descriptions.items()
            },
        )
        if tests:
            since = None if all_tests else tested.read(paths, connection, known.code)
            chosen = known.tests if since is None else tested.narrowed(known.tests, since, connection)
            result = _test(result, connection, chosen, on_node)
            tested.write(paths, connection, known.code, _unpassed(result, chosen))
    finally:
        connection.close()
    return replace(result, seconds=time.monotonic() - started)


def _test_failure(outcome: compiled.TestOutcome, connection: duckdb.DuckDBPyConnection) -> NodeFailure:
    test = outcome.test
    could_run = outcome.status != "error"
    return NodeFailure(
        name=test.name,
        kind="data test",
        status=outcome.status,
        message=_first_lines(outcome.message or outcome.status),
        path=test.path,
        table=test.table,
        description=test.description,
        is_guard=test.severity == "error",
        **(_failing(test, outcome.failures, connection) if could_run else {}),
    )


def _node_listener(on_node: Callable[[str, int, int], None]) -> Callable[[Any], None]:
    """Turn dbt's events into: this node has ended, so many are done of so many."""
    done = total = 0

    def listen(event: Any) -> None:  # noqa: ANN401 - dbt's own type
        nonlocal done, total
        if event.info.name == "ConcurrencyLine":
            total = int(event.data.node_count)
        elif event.info.name == "NodeFinished":
            done += 1
            on_node(str(event.data.node_info.node_name), done, max(total, done))

    return listen


def _kind(node: Any) -> str:  # noqa: ANN401 - dbt's own type
    kind = str(getattr(node.resource_type, "value", node.resource_type))
    return "data test" if kind == "test" else kind.replace("_", " ")


def _read_results(results: Sequence[Any], *, seconds: float) -> BuildResult:
    failures: list[NodeFailure] = []
    skipped: dict[str, Any] = {}
    broken: dict[str, str] = {}
    descriptions: dict[str, Description] = {}
    model_count = 0
    has_seeds = True
    for result in results:
        node, status = result.node, str(getattr(result.status, "value", result.status))
        kind = _kind(node)
        if kind == "model":
            columns = {
                column.name: column.description for column in node.columns.values() if column.description
            }
            descriptions[node.alias or node.name] = Description(node.description, columns)
        if status == "skipped":
            if kind == "model":
                skipped[node.unique_id] = node
            continue
        model_count += kind == "model" and status in _GREEN
        if status in _GREEN:
            continue
        failures.append(
            NodeFailure(
                name=node.name,
                kind=kind,
                status=status,
                message=_first_lines(str(result.message or status)),
                path=str(getattr(node, "original_file_path", "")),
                table=node.name,
            )
        )
        if kind == "model":
            broken[node.unique_id] = node.name
        has_seeds &= kind != "seed"
    stale = {failure.name: shorten(failure.message) for failure in failures if failure.kind == "model"}
    return BuildResult(
        success=has_seeds,
        failures=tuple(failures),
        stale=stale | _left_out(skipped, broken),
        model_count=model_count,
        seconds=seconds,
        descriptions=descriptions,
    )


def _left_out(skipped: Mapping[str, Any], broken: Mapping[str, str]) -> dict[str, str]:
    """Why models were skipped: by name, the failed model behind each."""
    behind = dict(broken)
    waiting = dict(skipped)
    while waiting:
        found = {
            name: behind[next(parent for parent in node.depends_on.nodes if parent in behind)]
            for name, node in waiting.items()
            if any(parent in behind for parent in node.depends_on.nodes)
        }
        if not found:
            break
        behind |= found
        waiting = {name: node for name, node in waiting.items() if name not in found}
    return {
        node.name: f"it reads {behind[name]}, which failed" if name in behind else "a guard failed before it"
        for name, node in skipped.items()
    }


def _fill_gaps(paths: StorePaths, project: Path, results: Sequence[Any]) -> None:
    """Make what a failed first build left out, so that a store has every table (empty) and view.

    What is there already keeps its rows.
    """
    import duckdb

    missing = [
        result.node
        for result in results
        if _kind(result.node) == "model"
        and str(getattr(result.status, "value", result.status)) not in _GREEN
        and result.node.schema == PUBLISHED_SCHEMA
    ]
    views = [node for node in missing if node.config.materialized == "view"]
    sql: dict[str, str] = {}
    if views:
        outcome = invoke(
            ["compile", "--no-write-json", "--select", *[node.name for node in views]], paths, project
        )
        if outcome.success and hasattr(outcome.result, "results"):
            sql = {found.node.unique_id: str(found.node.compiled_code) for found in outcome.result.results}
    with duckdb.connect(str(paths.warehouse)) as connection:
        for node in missing:
            if node.config.materialized == "view":
                continue
            columns = ", ".join(
                f'"{column.name}" {column.data_type}'
                + (
                    " not null"
                    if any(str(rule.type.value) == "not_null" for rule in column.constraints)
                    else ""
                )
                for column in node.columns.values()
            )
            if columns:
                connection.execute(f'create schema if not exists "{node.schema}"')
                connection.execute(f"create table if not exists {node.relation_name} ({columns})")
        for node in views:
            with suppress(duckdb.Error):
                connection.execute(
                    f"create view if not exists {node.relation_name} as ({sql[node.unique_id]}\n)"
                )


def _failing(
    test: compiled.CompiledTest, failures: int | None, connection: duckdb.DuckDBPyConnection
) -> dict[str, Any]:
    """The number of failing rows, and what they are, check by check.

    A generic test returns groups of rows: a name, a count, the sessions and three of the rows. Any other test returns the
    failing rows themselves.
    """
    import duckdb

    try:
        cursor = connection.execute(test.sql)
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(_GROUPS_READ)]
    except (duckdb.Error, ValueError):
        return {"failing_rows": failures}
    grouped = "failing_rows" in names
    checks: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        checks.setdefault(str(row.get("check_name", "")), []).append(row)
    found = tuple(
        _check(name, test.checks.get(name, test.description), group, is_grouped=grouped)
        for name, group in checks.items()
    )
    if grouped:
        return {"failing_rows": sum(check.failing_rows for check in found), "checks": found}
    return {"failing_rows": failures, "checks": found}


def _check(
    name: str, description: str, rows: Sequence[Mapping[str, Any]], *, is_grouped: bool
) -> FailedCheck:
    shown: list[dict[str, Any]] = []
    sessions = set()
    for row in rows:
        if not is_grouped:
            shown.append(dict(row))
            sessions.add(row.get("session_id"))
            continue
        named = {key: value for key, value in row.items() if key not in _MEASURES}
        examples: Sequence[Mapping[str, Any]] = row.get("examples") or ({},)
        shown += [{**named, **example} for example in examples]
        sessions |= set(row.get("session_ids") or ())
    first = shown[0] if shown else {}
    line = first.get("_source_line")
    texts = [", ".join(f"{key}={value}" for key, value in row.items() if value is not None) for row in shown]
    return FailedCheck(
        name=name,
        description=description,
        failing_rows=sum(int(row["failing_rows"]) for row in rows) if is_grouped else len(rows),
        session_ids=tuple(sorted(session for session in sessions if session)),
        examples=tuple(shorten(text) for text in texts[:_EXAMPLE_ROWS] if text),
        session_id=first.get("session_id"),
        source_path=first.get("_source_path"),
        source_line=int(line) if line is not None else None,
    )


def _first_lines(message: str, count: int = 6) -> str:
    """The part of a message of dbt that says something; DuckDB's advice about memory is for who writes the SQL."""
    said = message.partition("Possible solutions:")[0]
    lines = [line.rstrip() for line in said.strip().splitlines() if line.strip()]
    kept = lines[:count]
    return "\n".join(kept + ([f"… {len(lines) - count} more lines"] if len(lines) > count else []))


def generate_docs(paths: StorePaths, project: Path) -> Path:
    """Write the documentation site as one HTML file; returns its path."""
    outcome = invoke(["docs", "generate", "--static"], paths, project)
    page = paths.target / "static_index.html"
    if not outcome.success or not page.is_file():
        raise StoreError(
            f"The documentation was not made: {_first_lines(str(outcome.exception or 'dbt failed'))}"
        )
    paths.docs.mkdir(mode=0o700, parents=True, exist_ok=True)
    index = paths.docs / "index.html"
    with private_files():
        index.write_bytes(page.read_bytes())
    return index


def discard(paths: StorePaths) -> None:
    """Remove the warehouse (used when it holds only the sample and real transcripts have appeared)."""
    for path in (paths.warehouse, paths.build_dir / f"{STORE_NAME}.wal", paths.state):
        path.unlink(missing_ok=True)
