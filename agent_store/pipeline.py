"""One build from beginning to end: lock, land, skip or run dbt, publish."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store import warehouse, zones
from agent_store.errors import StoreError, explain
from agent_store.paths import Roots, StorePaths, private_files, resolve_roots
from agent_store.warehouse import BuildResult, BuildState, Fingerprint, RawSummary

if TYPE_CHECKING:
    from agent_store.publish import Published
    from agent_store.scan import ScanResult
    from ingest.landing import LandingResult

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    roots: Sequence[Path] = ()
    host: str | None = None
    ingest: bool = True
    tests: bool = True
    full_refresh: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build did."""

    landing: LandingResult | None = None
    scan: ScanResult | None = None
    build: BuildResult | None = None
    published: Published | None = None
    is_current: bool = False
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Green, or nothing to do."""
        return self.build is None or self.build.success


def land(
    paths: StorePaths,
    project: Path,
    options: Options,
    *,
    say: Say,
    progress: Any = None,  # noqa: ANN401 - defined by the ingester
) -> LandingResult:
    """Land what is new below the roots. The lock of the build must be held."""
    state = warehouse.read_state(paths)
    has_warehouse = paths.warehouse.exists()
    roots = resolve_roots(options.roots, project, allow_sample=state.holds_sample or not has_warehouse)
    for note in roots.notes:
        say(note)
    if state.holds_sample and not roots.is_sample and roots.paths and has_warehouse:
        say("Transcripts were found: the warehouse of the sample is removed and made anew from them.")
        warehouse.discard(paths)
        state = BuildState()
    if roots.is_sample != state.holds_sample:
        warehouse.write_state(paths, replace(state, holds_sample=roots.is_sample))
    return _land(roots, paths, options.host, progress)


def _land(roots: Roots, paths: StorePaths, host: str | None, progress: Any) -> LandingResult:  # noqa: ANN401
    import duckdb

    from ingest import landing

    try:
        with private_files():
            result = landing.land(list(roots.paths), paths.warehouse, host=host, progress=progress)
    except landing.LandingError as error:
        raise StoreError(str(error)) from error
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, "Landing the transcripts")
            or StoreError(
                f"Landing the transcripts failed: {str(error).strip().splitlines()[0]}",
                "Nothing is half landed: the next run goes on where this one ended.",
            )
        ) from error
    if paths.warehouse.exists():
        paths.warehouse.chmod(0o600)
    return result


def _scan(paths: StorePaths, project: Path, options: Options) -> ScanResult:
    """Land what is new of components and contracts, beside the transcripts that have been landed."""
    import duckdb

    from agent_store import scan as scans
    from ingest.landing import LandingError

    state = warehouse.read_state(paths)
    roots = resolve_roots(options.roots, project, allow_sample=state.holds_sample)
    try:
        return scans.scan(paths, roots.paths, host=options.host)
    except LandingError as error:
        raise StoreError(str(error)) from error
    except (OSError, duckdb.Error) as error:
        raise (
            explain(error, "Scanning the components")
            or StoreError(f"Scanning the components failed: {str(error).strip().splitlines()[0]}")
        ) from error


@dataclass(frozen=True, slots=True)
class _Published:
    """What the published store says about itself."""

    batch_key: str
    code: str
    is_tested: bool


def _published(paths: StorePaths) -> _Published | None:
    import duckdb

    from agent_store.store import open_store

    if not paths.store.exists():
        return None
    try:
        with open_store(paths) as connection:
            row = connection.execute(
                "select last_batch_key, code_fingerprint, is_tested from store_build"
            ).fetchone()
    except duckdb.Error:
        row = None
    if row is None:
        raise StoreError(f"The file {paths.store} does not say which build it is of.")
    return _Published(*row)


def why_build(
    paths: StorePaths, code: Fingerprint, raw: RawSummary, state: BuildState, options: Options
) -> tuple[str, bool]:
    """Why dbt has to run (empty: it does not), and whether everything is to be built from raw again."""
    if options.full_refresh:
        return "a full refresh was asked for", True
    if state.rebuilding:
        return "the last rebuild did not end", True
    if raw.has_models and state.tables_fingerprint != code.tables:
        return "the models have changed: everything is built again", True
    try:
        published = _published(paths)
    except StoreError as error:
        return f"{error.message.rstrip('.')} (it is made anew)", False
    if published is None:
        return "there is no published store yet", False
    if published.batch_key != raw.batch_key:
        return "there are new lines", False
    if published.code != code.code:
        return "the tests have changed", False
    if options.tests and not published.is_tested:
        return "the published store has not been tested", False
    return "", False


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
    """Land, build, test and publish; a second build waits for the first."""
    zones.check(warehouse.timezone(project))
    seconds: dict[str, float] = {}
    outcome = Outcome(seconds=seconds)

    def stage(name: str) -> None:
        if on_stage is not None:
            on_stage(name, outcome)

    with warehouse.build_lock(paths, on_wait=say) as waited:
        if waited > 1:
            say(f"The other build has ended; waited {waited:.0f} s.")
        if options.ingest:
            started = time.monotonic()
            landed = land(paths, project, options, say=say, progress=progress)
            seconds["landing"] = time.monotonic() - started
            outcome = replace(outcome, landing=landed)
            stage("landed")
            if landed.last_batch_id:
                started = time.monotonic()
                outcome = replace(outcome, scan=_scan(paths, project, options))
                seconds["scanning"] = time.monotonic() - started
                stage("scanned")
        elif not paths.warehouse.exists():
            raise StoreError("Nothing has been landed yet.", "Run agent-store build without --no-ingest.")
        code = warehouse.fingerprint(project)
        raw = warehouse.raw_summary(paths)
        if raw.last_batch_id == 0:
            raise StoreError(
                "There are no transcripts to build from.",
                "Name the folder that holds them: agent-store build --root FOLDER",
            )
        state = warehouse.read_state(paths)
        reason, full_refresh = why_build(paths, code, raw, state, options)
        outcome = replace(outcome, reason=reason)
        if not reason:
            return replace(outcome, is_current=True)
        stage("building")
        # Written before dbt starts: who is killed during a rebuild rebuilds again, not half of it.
        starts_anew = full_refresh or not raw.has_models
        building = replace(
            state,
            tables_fingerprint=code.tables,
            green_fingerprint="" if starts_anew else state.green_fingerprint,
            rebuilding=full_refresh,
        )
        warehouse.write_state(paths, building)
        result = warehouse.build(
            paths,
            project,
            tests=options.tests,
            full_refresh=full_refresh,
            seeds=building.green_fingerprint != code.tables,
            code=code.code,
            on_node=on_node,
        )
        seconds["dbt"] = result.seconds
        outcome = replace(outcome, build=result)
        if not result.success:
            return outcome
        warehouse.write_state(paths, replace(building, green_fingerprint=code.tables, rebuilding=False))
        from agent_store.publish import publish

        published = publish(
            paths,
            result,
            code,
            raw,
            timezone=warehouse.timezone(project),
            is_sample=state.holds_sample,
            is_tested=options.tests,
        )
        seconds["publishing"] = published.seconds
        return replace(outcome, published=published)
