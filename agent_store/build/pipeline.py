"""One build from start to finish: lock, land, determine what is new, build models, run tests, publish.

`run` is `agent-store build`. Plain dbt takes the same steps through the hooks of the project (see `dbt_plugin`): `land`
and `plan` at the start, `finish_dbt` at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store import zones
from agent_store.build import fact_retention, last_build, tested, warehouse
from agent_store.build.lock import build_lock
from agent_store.build.results import BuildResult, read_results, sessions_of_guards, status_of, with_tests
from agent_store.build.state import BuildState, Fingerprint, fingerprint, read_state, timezone, write_state
from agent_store.build.warehouse import RawSummary
from agent_store.errors import StoreError, explain
from agent_store.paths import Roots, StorePaths, private_files, resolve_roots
from agent_store.record.spool import QUERIES
from ingest import set_aside

if TYPE_CHECKING:
    import duckdb

    from agent_store.build.publish import Published
    from agent_store.build.scan import ScanResult
    from ingest.landing.landing import LandingResult

Say = Callable[[str], None]
# Leaving out one session may expose another; if a guard still fails after this many rounds, the cause is not single
# sessions.
_SET_ASIDE_ROUNDS = 3
# Stored instead of a fingerprint: the tables were not all made by the same code.
_MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Options:
    """The user's options."""

    roots: Sequence[Path] = ()
    # Folders and files with API responses, in addition to those in the settings.
    responses: Sequence[Path] = ()
    host: str | None = None
    ingest: bool = True
    tests: bool = True
    full_refresh: bool = False
    all_tests: bool = False
    # No transcripts and nothing found in folders: the home of a program contains only what it recorded.
    only_recorded: bool = False
    # The `--vars` given to dbt.
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a build."""

    landing: LandingResult | None = None
    scan: ScanResult | None = None
    build: BuildResult | None = None
    published: Published | None = None
    is_current: bool = False
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    set_aside: int = 0

    @property
    def success(self) -> bool:
        """True if it published, or if there was nothing to do."""
        return self.build is None or self.build.success


@dataclass(frozen=True, slots=True)
class _Places:
    """The places to land from."""

    roots: Roots
    responses: tuple[Path, ...]


def _places(paths: StorePaths, project: Path, options: Options, say: Say) -> _Places:
    """The places to land from. The build lock must be held: a sample store is discarded when real transcripts
    appear."""
    responses = _responses(paths, options, say)
    if options.only_recorded:
        return _Places(Roots((), "what was recorded"), responses)
    state = read_state(paths)
    # After a first build something has been landed: no need to open the warehouse to know that.
    has_landed = bool(state.tables_fingerprint) or warehouse.raw_summary(paths).last_batch_id > 0
    # The query log in the spool is not a sign of real sessions: after querying the sample one may go on querying it.
    is_recorded_to = any(not file.name.startswith(QUERIES) for file in paths.spool.glob("*.jsonl"))
    allow_sample = not responses and not is_recorded_to and (state.holds_sample or not has_landed)
    roots = resolve_roots(options.roots, project, allow_sample=allow_sample)
    for note in roots.notes:
        say(note)
    if (
        state.holds_sample
        and not roots.is_sample
        and (roots.paths or responses or is_recorded_to)
        and has_landed
    ):
        found = "Transcripts" if roots.paths else "API responses" if responses else "Recorded events"
        say(f"{found} were found: the sample store is removed and rebuilt from them.")
        state = warehouse.discard(paths)
    if roots.is_sample != state.holds_sample:
        write_state(paths, replace(state, holds_sample=roots.is_sample))
    return _Places(roots, responses)


def _responses(paths: StorePaths, options: Options, say: Say) -> tuple[Path, ...]:
    """The folders and files with API responses: those that were named, and those in the settings that exist."""
    named = [path.expanduser().absolute() for path in options.responses]
    for path in named:
        if not path.exists():
            raise StoreError(
                f"There is no file or folder {path}.",
                "Name a file with API responses, or a folder of such files: agent-store build --responses PATH",
            )
    if not paths.settings.exists():
        return tuple(dict.fromkeys(named))
    from agent_store.settings import response_paths  # pydantic would take a tenth of a build with nothing new

    of_settings = response_paths(paths)
    for path in of_settings:
        if not path.exists():
            say(f"The settings name {path} for API responses, which does not exist.")
    return tuple(dict.fromkeys([*named, *(path for path in of_settings if path.exists())]))


def land(
    paths: StorePaths,
    project: Path,
    options: Options,
    *,
    say: Say,
    progress: Any = None,  # noqa: ANN401 - defined by the ingester
) -> LandingResult:
    """Land what is new below the roots, in API responses and in the spool. The build lock must be held."""
    return _land(_places(paths, project, options, say), paths, options.host, progress)


@contextmanager
def _opened_once(paths: StorePaths) -> Iterator[None]:
    """One connection for everything that lands or scans inside: if nothing is new, opening the warehouse takes the most
    time."""
    from ingest.warehouse import LandingError, lend, writing

    if not paths.warehouse.exists():
        yield
        return
    try:
        with writing(paths.warehouse) as connection, lend(paths.warehouse, connection):
            yield
    except LandingError as error:
        raise StoreError(str(error)) from error


def _spool_seconds(paths: StorePaths) -> float:
    """How long the spool keeps landed lines: not at all while something is being removed permanently."""
    from ingest.events.spool import KEPT_SECONDS

    return -1.0 if paths.purge_journal.exists() else KEPT_SECONDS


def _land(places: _Places, paths: StorePaths, host: str | None, progress: Any) -> LandingResult:  # noqa: ANN401
    import duckdb

    from agent_store.privacy import landing_policy
    from ingest.land import land
    from ingest.privacy.privacy import in_force
    from ingest.warehouse import LandingError

    try:
        with private_files(), in_force(lambda: landing_policy(paths)):
            result = land(
                list(places.roots.paths), paths.warehouse, host, progress,
                spool=paths.spool, responses=places.responses, spool_seconds=_spool_seconds(paths),
            )  # fmt: skip
    except LandingError as error:
        raise StoreError(str(error)) from error
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, "Landing the transcripts")
            or StoreError(
                f"Landing the transcripts failed: {str(error).strip().splitlines()[0]}",
                "Nothing was landed halfway: the next run continues where this one ended.",
            )
        ) from error
    if paths.warehouse.exists():
        paths.warehouse.chmod(0o600)
    return result


def _scan(paths: StorePaths, project: Path, options: Options) -> ScanResult | None:
    """Land new components, contracts and alerts, after the transcripts have been landed.

    The home of a program has only alerts. After a permanent removal, scans run again over the remaining lines.
    """
    import duckdb

    from agent_store.build import scan as scans
    from ingest.warehouse import LandingError

    state = read_state(paths)
    roots = (
        ()
        if options.only_recorded
        else resolve_roots(options.roots, project, allow_sample=state.holds_sample).paths
    )
    try:
        if options.only_recorded and not paths.purge_journal.exists():
            scans.land_alerts(paths)
            return None
        return scans.scan(paths, roots, host=options.host)
    except LandingError as error:
        raise StoreError(str(error)) from error
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, "Scanning the components")
            or StoreError(f"Scanning the components failed: {str(error).strip().splitlines()[0]}")
        ) from error


@dataclass(frozen=True, slots=True)
class _Published:
    """Metadata of the published store."""

    batch_key: str
    code: str
    is_tested: bool
    retention: str


def _published(paths: StorePaths) -> _Published | None:
    import duckdb

    from agent_store.build.publish import STORE_BUILD
    from agent_store.store import open_store

    if not paths.store.exists():
        return None
    try:
        with open_store(paths) as connection:
            columns = {name for name, *_ in connection.execute("describe store_build").fetchall()}
            if columns != STORE_BUILD.columns.keys():
                raise StoreError(f"{paths.store} was published by another version of Agent Store.")
            row = connection.execute(
                "select last_batch_key, code_fingerprint, is_tested, retention from store_build"
            ).fetchone()
    except duckdb.Error:
        row = None
    if row is None:
        raise StoreError(f"The file {paths.store} does not say which build made it.")
    return _Published(*row)


_ANOTHER_WAREHOUSE = "the store was made from another warehouse"


def why_build(
    paths: StorePaths, code: Fingerprint, raw: RawSummary, state: BuildState, options: Options
) -> tuple[str, bool]:
    """Why dbt has to run (empty: it does not), and whether everything must be built from raw again."""
    if options.full_refresh:
        return "a full refresh was requested", True
    if state.has_set_aside:
        return "sessions have been set aside: the rest is built again", True
    if state.rebuilding:
        why = (
            "landed rows were removed or changed: everything is built again"
            if paths.purge_journal.exists()
            else "the last rebuild did not finish"
        )
        return why, True
    if (raw.has_models or state.tables_fingerprint) and state.tables_fingerprint != code.tables:
        return "the models have changed: everything is built again", True
    reason = _what_is_new(paths, code, raw, options)
    if not reason and paths.purge_journal.exists():
        reason = "the last build did not finish a removal"
    if reason == _ANOTHER_WAREHOUSE and (raw.has_models or state.tables_fingerprint):
        return f"{reason}: everything is built again", True
    if reason and state.is_incomplete:
        return f"{reason}, and the last rebuild left out models that failed: everything is built again", True
    return reason, False


def _what_is_new(paths: StorePaths, code: Fingerprint, raw: RawSummary, options: Options) -> str:
    try:
        published = _published(paths)
    except StoreError as error:
        return f"{error.message.rstrip('.')} (it is rebuilt)"
    if published is None:
        return "there is no published store yet"
    # The warehouse file was replaced. The star refers to batch numbers, which now mean other lines.
    if not raw.holds(published.batch_key):
        return _ANOTHER_WAREHOUSE
    if published.batch_key != raw.batch_key:
        return "there are new lines"
    if published.code != code.code:
        return "the tests have changed"
    if options.tests and not published.is_tested:
        return "the published store has not been tested"
    if options.all_tests:
        return "all tests were requested"
    if published.retention != fact_retention.in_force(paths).key:
        return "the retention of facts has changed, or a day has passed"
    return ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build: the reason (empty: nothing), whether everything from raw again, whether seeds have to be
    loaded."""

    reason: str
    full_refresh: bool = False
    seeds: bool = True


@dataclass(slots=True)
class Build:
    """One build under its lock."""

    paths: StorePaths
    project: Path
    options: Options
    say: Say
    progress: Any = None
    on_stage: Callable[[str, Outcome], None] | None = None
    on_node: Callable[[str, int, int], None] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    code: Fingerprint = field(default_factory=lambda: Fingerprint("", ""))
    raw: RawSummary = field(default_factory=RawSummary)
    state: BuildState = field(default_factory=BuildState)
    planned_at: float = 0.0

    def stage(self, name: str, **known: Any) -> None:  # noqa: ANN401 - fields of Outcome
        """Add results to the outcome, and report the stage."""
        self.outcome = replace(self.outcome, seconds=self.seconds, **known)
        if self.on_stage is not None:
            self.on_stage(name, self.outcome)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the seconds inside to those of a stage."""
        started = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    def land(self) -> None:
        """Land what is new, if requested."""
        zones.check(timezone(self.project))
        if not self.options.ingest:
            if not self.paths.warehouse.exists():
                raise StoreError("Nothing has been landed yet.", "Run agent-store build without --no-ingest.")
            return
        places = _places(self.paths, self.project, self.options, self.say)
        with _opened_once(self.paths):
            with self.timed("landing"):
                landed = _land(places, self.paths, self.options.host, self.progress)
            self.stage("landed", landing=landed)
            if landed.last_batch_id:
                with self.timed("scanning"):
                    scanned = _scan(self.paths, self.project, self.options)
                self.stage("scanned", scan=scanned)
            self.raw = warehouse.raw_summary(self.paths)
            if landed.lines_landed or (self.raw.last_batch_id and not self.raw.privacy_fingerprint):
                self._say_policy()

    def _say_policy(self) -> None:
        """Report that these lines were landed under a different policy than earlier ones."""
        from agent_store.privacy.applied import is_applied

        if not self.paths.purge_journal.exists() and is_applied(self.paths) is False:
            self.say("The current privacy rules have not been applied to lines landed earlier: agent-store privacy "
                "apply")

    def plan(self) -> Plan:
        """Determine what has to be built, and record that the build has started."""
        self.planned_at = time.monotonic()
        self.code = fingerprint(self.project, variables=self.options.variables)
        if not self.options.ingest:
            self.raw = warehouse.raw_summary(self.paths)
        if self.raw.last_batch_id == 0:
            raise StoreError(
                "There are no transcripts to build from.",
                "Name the folder that contains them: agent-store build --root FOLDER",
            )
        self.state = read_state(self.paths)
        reason, full_refresh = why_build(self.paths, self.code, self.raw, self.state, self.options)
        self.outcome = replace(self.outcome, reason=reason, is_current=not reason)
        if not reason:
            return Plan("")
        self.stage("building")
        # Written before dbt starts: after a rebuild is killed, the next build starts it over.
        self._note(
            tables_fingerprint=self.code.tables,
            green_fingerprint="" if full_refresh else self.state.green_fingerprint,
            rebuilding=full_refresh,
        )
        if full_refresh and not self.state.has_set_aside:
            set_aside.try_again(self.paths.warehouse)
        return Plan(reason, full_refresh, seeds=self.state.green_fingerprint != self.code.tables)

    def build(self) -> Outcome:
        """Build what is new and publish it."""
        plan = self.plan()
        if not plan.reason:
            return self.outcome
        result = self._models(full_refresh=plan.full_refresh, seeds=plan.seeds)
        for _ in range(_SET_ASIDE_ROUNDS):
            if not self._set_aside(result):
                break
            result = self._models(full_refresh=True, seeds=False)
        self._ended(result)
        if not result.success:
            return self.outcome
        with warehouse.connect(self.paths) as connection:
            self._publish(result, connection)
        return self.outcome

    def finish_dbt(
        self, results: Sequence[Any], tests: Collection[str], connection: duckdb.DuckDBPyConnection
    ) -> Outcome:
        """Finish a build whose models and tests dbt itself has run: set aside the sessions that guards name, or
        publish.

        `tests` are the names of all data tests of the project: dbt may have been told to leave some out.
        """
        from agent_store.build.models import fill_gaps

        result = with_tests(
            read_results(results, seconds=time.monotonic() - self.planned_at), results, connection
        )
        if self._set_aside(result):
            last_build.write(self.paths, result)
            return self.outcome
        if result.stale:
            fill_gaps(connection, results, {})
        self._ended(result)
        passed = {found.node.name for found in results if status_of(found) == "pass"}
        tested.write(self.paths, connection, self.code.code, set(tests) - passed)
        if result.success:
            self._publish(result, connection)
        return self.outcome

    def failed(self, error: StoreError) -> None:
        """Record why a build stopped."""
        last_build.write_error(self.paths, error)

    def _note(self, **known: Any) -> None:  # noqa: ANN401 - fields of BuildState
        self.state = replace(self.state, **known)
        write_state(self.paths, self.state)

    def _set_aside(self, result: BuildResult) -> bool:
        """Set aside the sessions that failed guards name; the rest has to be built from raw again."""
        named = sessions_of_guards(result)
        if not named or not (count := set_aside.set_aside(self.paths.warehouse, named)):
            return False
        self.stage("set aside", build=result, set_aside=self.outcome.set_aside + count)
        self._note(rebuilding=True, has_set_aside=True)
        return True

    def _ended(self, result: BuildResult) -> None:
        self.outcome = replace(self.outcome, build=result)
        was_rebuilt = self.state.rebuilding
        self._note(
            green_fingerprint=self.code.tables if result.success and not result.stale else "",
            rebuilding=False,
            has_set_aside=False,
            is_incomplete=bool(result.stale) and was_rebuilt,
        )
        last_build.write(self.paths, result)

    def _models(self, *, full_refresh: bool, seeds: bool) -> BuildResult:
        from agent_store.build import models

        with self.timed("dbt"):
            return models.build(
                self.paths,
                self.project,
                tests=self.options.tests,
                full_refresh=full_refresh,
                seeds=seeds,
                code=self.code.code,
                all_tests=self.options.all_tests,
                on_node=self.on_node,
            )

    def _publish(self, result: BuildResult, connection: duckdb.DuckDBPyConnection) -> None:
        from agent_store.build.publish import publish

        with self.timed("publishing"):
            published = publish(
                self.paths,
                result,
                self.code,
                self.raw,
                connection,
                timezone=timezone(self.project),
                is_sample=self.state.holds_sample,
                is_tested=self.options.tests,
            )
        self.outcome = replace(self.outcome, published=published)
        self._write_briefs()
        self._write_dashboard()
        if self.paths.privacy.exists():
            self._write_witness(connection)
        if self.paths.purge_journal.exists():
            from agent_store.privacy import purge

            purge.finish(self.paths, self.say)

    def _write_witness(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Append the head of the audit chain to the witness named in privacy.yml."""
        from agent_store.audit.witness import witness
        from agent_store.privacy.policy import read_policy
        from ingest import chain

        named = read_policy(self.paths).witness
        if named is None:
            return
        try:
            seen = witness(self.paths, self.paths.home / Path(named).expanduser(), chain.batches(connection))
        except StoreError as error:
            self.say(f"The witness of the audit chain was not written: {error.message} {error.hint}".strip())
            return
        for finding in seen.findings:
            self.say(finding)

    def _write_briefs(self) -> None:
        """Write the briefs that hooks answer from. They are a by-product: a build does not fail if they do."""
        from agent_store.build import briefs

        try:
            with self.timed("briefs"):
                briefs.write(self.paths, self.project)
        except Exception as error:
            self.say(f"The briefs for hooks are from an earlier build: {error}")

    def _write_dashboard(self) -> None:
        """Write the dashboard of the new store; like the briefs it is a by-product."""
        from agent_store.show.dashboard import page

        try:
            with self.timed("dashboard"):
                page.write(self.paths)
        except Exception as error:
            self.say(f"The dashboard is from an earlier build: {error}")


def run(
    paths: StorePaths,
    project: Path,
    options: Options,
    *,
    say: Say,
    progress: Any = None,  # noqa: ANN401 - defined by the ingester
    on_stage: Callable[[str, Outcome], None] | None = None,
    on_node: Callable[[str, int, int], None] | None = None,
) -> Outcome:
    """Land, build, test and publish; a second build waits for the first.

    Sessions that a guard names are set aside, and the rest is built again and published. Nothing is published only if a
    guard fails without naming a session.
    """
    with build_lock(paths, on_wait=say) as waited:
        if waited > 1:
            say(f"The other build has finished; waited {waited:.0f} s.")
        one = Build(paths, project, options, say, progress, on_stage, on_node)
        try:
            if paths.privacy.exists() or paths.forgotten.exists():
                from agent_store.privacy import retention

                retention.carry_out(paths, say)
            one.land()
            return one.build()
        except StoreError as error:
            one.failed(error)
            raise


def note_part(paths: StorePaths, project: Path, variables: Mapping[str, object], *, is_thin: bool) -> None:
    """Before a part of the project is built: if it will not match the rest, make the next full build start from raw.

    It does not match if the code differs from that of the last build, or if the tables are `is_thin`: without all rows.
    """
    state = read_state(paths)
    code = fingerprint(project, variables=variables).tables
    if is_thin or state.tables_fingerprint not in {"", code}:
        write_state(paths, replace(state, tables_fingerprint=_MIXED))
