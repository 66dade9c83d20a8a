"""`agent-store build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_store.build import last_build
from agent_store.cli.bars import build_progress, landing_progress
from agent_store.cli.ingest import ingest_options, show_landing
from agent_store.cli.interrupts import interrupts
from agent_store.cli.output import PROBLEMS_SHOWN, say, tell
from agent_store.cli.report import show_report
from agent_store.errors import UNCLEAN, advice_for
from agent_store.paths import project_dir, store_paths

if TYPE_CHECKING:
    from agent_store.build.pipeline import Outcome
    from agent_store.build.results import BuildResult, NodeFailure


@click.command()
@ingest_options
@click.option("--no-tests", is_flag=True, help="Publish without running the data tests.")
@click.option(
    "--all-tests", is_flag=True, help="Test all rows, not only those of new and changed sessions."
)
@click.option("--full-refresh", is_flag=True, help="Build every table again from the raw lines.")
@click.option("--no-ingest", is_flag=True, help="Build from lines that have already been landed.")
@click.option(
    "--strict", is_flag=True, help="Exit with 4 if any check found something; the store is still published."
)
@click.option("-q", "--quiet", is_flag=True, help="Only the summary lines, without the report.")
def build(
    roots: tuple[Path, ...],
    responses: tuple[Path, ...],
    host: str | None,
    no_tests: bool,
    all_tests: bool,
    full_refresh: bool,
    no_ingest: bool,
    strict: bool,
    quiet: bool,
) -> int:
    """Land, build, test and publish the store, then show the report.

    If nothing is new, this only takes the time to look. Rows that fail a check are still published, and listed in
    v_failed_check. Sessions that fail one of the few guards are set aside, and listed in v_set_aside_session. Only a
    guard that cannot name a session prevents publishing.

    Exit codes: 0 published or nothing new; 1 nothing was published; 4 published, but a model failed and its tables are
    from an earlier build, or --strict and a check found something.
    """
    from agent_store.build import pipeline

    paths = store_paths().ensure()
    options = pipeline.Options(
        roots=roots,
        responses=responses,
        host=host,
        ingest=not no_ingest,
        tests=not no_tests,
        full_refresh=full_refresh,
        all_tests=all_tests,
    )

    with landing_progress() as progress:

        def on_stage(name: str, outcome: Outcome) -> None:
            interrupts.check()
            if progress is not None:
                progress.stop()
            if name == "landed" and outcome.landing is not None:
                show_landing(outcome.landing)
            elif name == "scanned" and outcome.scan is not None and outcome.scan.batch_id:
                tell(outcome.scan.summary)
            elif name == "building":
                tell(f"Building: {outcome.reason} …")
            elif name == "set aside" and outcome.build is not None:
                for guard in outcome.build.guards:
                    show_failure("guard", guard)
                count = outcome.set_aside
                tell(
                    f"{count:,} session{' is' if count == 1 else 's are'} set aside because of that; building without …"
                )

        with build_progress() as on_node:
            outcome = pipeline.run(
                paths, project_dir(), options, say=say, progress=progress, on_stage=on_stage, on_node=on_node
            )
    if outcome.build is not None:
        show_build(outcome.build, tested=options.tests)
    if not outcome.success:
        return 1
    if outcome.published is not None:
        tell(outcome.published.summary)
        tell(f"Dashboard: {paths.dashboard} (agent-store dashboard opens it).")
    elif outcome.is_current:
        tell(f"Nothing new: {paths.store} is up to date.")
    if not quiet:
        show_report()
    return _verdict(strict=strict)


def _verdict(*, strict: bool) -> int:
    """The exit code of a build, read from the store, so that it also applies if nothing new was built."""
    from agent_store.store import open_store

    with open_store(store_paths()) as connection:
        row = connection.execute(
            "select stale_table_count, warned_test_count + set_aside_session_count from store_build"
        ).fetchone()
    stale, found = row or (0, 0)
    if strict and found:
        say("Strict: a check found something (exit code 4). See v_failed_check and v_set_aside_session.")
    return UNCLEAN if stale or (strict and found) else 0


def show_build(result: BuildResult, *, tested: bool) -> None:
    tests = f"{result.passed_count:,} of {result.test_count:,} tests passed" if tested else "tests not run"
    tell(f"dbt: {result.model_count:,} models, {tests} in {result.seconds:.1f} s.")
    for warning in result.warnings[:PROBLEMS_SHOWN]:
        show_failure("finding", warning)
    if result.warnings:
        more = len(result.warnings) - PROBLEMS_SHOWN
        say(
            f"  {f'… {more:,} more; ' if more > 0 else ''}v_failed_check lists all of them; the rest of the store is "
            f"valid."
        )
    for failure in result.failures:
        show_failure("guard FAILED" if failure.is_guard else "FAILED", failure)
    hint = next((hint for failure in result.failures if (hint := advice_for(failure.message))), "")
    if result.stale:
        say(
            f"  {len(result.stale):,} tables and views keep the rows of the last build: v_store_table lists them."
        )
    if not result.success:
        say("Nothing was published; the store of the last build is unchanged.")
    if hint := hint or last_build.advice_after(result):
        say(f"  → {hint}")


def show_failure(word: str, failure: NodeFailure) -> None:
    say(f"  {word}: {failure}" + (f"  [{failure.path}]" if failure.path else ""))
    for example in failure.examples:
        say(f"      {example}")
