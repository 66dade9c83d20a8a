"""Build the home of a program in a separate process: the agent's loop continues, without importing dbt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.errors import StoreError
from agent_store.paths import HOME_VARIABLE, importing_environment, project_dir, store_paths
from agent_store.visible import visible

if TYPE_CHECKING:
    from agent_store.paths import StorePaths


def build(
    paths: StorePaths,
    *,
    roots: Sequence[Path] = (),
    only_recorded: bool = False,
    database: Path | None = None,
) -> None:
    """Land what is new, build, publish, and wait until it is done. Raises StoreError if nothing could be published.

    If a `database` is named, a copy of the published store is also put there.
    """
    asked = {
        "roots": [str(root) for root in roots],
        "only_recorded": only_recorded,
        "database": str(database) if database else None,
    }
    done = subprocess.run(
        # -P: files in the program's folder are not imported.
        [sys.executable, "-P", "-m", "agent_store.library.building", json.dumps(asked)],
        env={**importing_environment(), HOME_VARIABLE: str(paths.home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    try:
        error = json.loads(done.stdout.splitlines()[-1])
        raise StoreError(error["message"], error["hint"], error["exit_code"])
    except (IndexError, ValueError, KeyError, TypeError):
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise StoreError(
            f"The build of {paths.home} failed: {last}", "Run agent-store doctor."
        ) from None


def main(text: str) -> int:
    """The process of the build: its last line is the error, as JSON."""
    from agent_store.build import pipeline
    from agent_store.errors import explain

    asked = json.loads(text)
    paths = store_paths()
    try:
        options = pipeline.Options(
            roots=[Path(root) for root in asked["roots"]], only_recorded=asked["only_recorded"]
        )
        outcome = pipeline.run(paths.ensure(), project_dir(), options, say=_say)
        if not outcome.success:
            failed = outcome.build.failures if outcome.build else ()
            raise StoreError(  # noqa: TRY301 - told like the others
                f"Nothing was published: {'; '.join(map(str, failed)) or 'a check failed'}",
                "The store of the last build is unchanged.",
            )
        if asked["database"]:
            from agent_store.library.database import put

            put(paths, Path(asked["database"]))
    except Exception as error:
        known = explain(error, "The build")
        if known is None:
            raise
        told = {"message": known.message, "hint": known.hint, "exit_code": known.exit_code}
        sys.stdout.write(f"\n{json.dumps(told)}\n")
        return 1
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{visible(text)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
