"""Where everything is: the store's home, the project, and the folders with transcripts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_store.errors import StoreError, explain
from agent_store.record import shared
from ingest.files import private_files as private_files  # noqa: PLC0414 - the store makes its files so too
from ingest.transcripts.discover import named_roots, transcripts, usual_roots

HOME_VARIABLE = "AGENT_STORE_HOME"
PROJECT_VARIABLE = "AGENT_STORE_PROJECT_DIR"
CLAUDE_VARIABLE = "CLAUDE_CONFIG_DIR"
# The database name that published views use for their tables: the stem of the file, or the name it is attached under.
STAR = "agent_store"
STORE_NAME = f"{STAR}.duckdb"
WAREHOUSE = "warehouse"
FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class StorePaths:
    """The layout of the store's home."""

    home: Path

    @property
    def build_dir(self) -> Path:
        """The folder of the warehouse, which only builds open."""
        return self.home / "build"

    @property
    def warehouse(self) -> Path:
        """The warehouse: raw lines, staging and intermediate tables."""
        return self.build_dir / f"{WAREHOUSE}.duckdb"

    @property
    def star(self) -> Path:
        """The star and the answers, as the last build left them; publishing copies this file."""
        return self.build_dir / STORE_NAME

    @property
    def store(self) -> Path:
        """The published store, replaced whole by a build."""
        return self.home / STORE_NAME

    @property
    def spool(self) -> Path:
        """The folder that hooks and programs append their events to."""
        return self.home / "spool"

    @property
    def settings(self) -> Path:
        """The user's settings."""
        return self.home / "settings.json"

    @property
    def privacy(self) -> Path:
        """The privacy policy: what to keep from logs."""
        return self.home / "privacy.yml"

    @property
    def exports(self) -> Path:
        """The list of places that exports were written to."""
        return self.home / "exports.json"

    @property
    def keys(self) -> Path:
        """The folder of files that must never leave the home."""
        return self.home / "keys"

    @property
    def salt(self) -> Path:
        """The salt for hashes of ids and secrets."""
        return self.keys / "salt"

    @property
    def forgotten(self) -> Path:
        """The list of what was forgotten, as hashes of ids."""
        return self.keys / "forgotten.jsonl"

    @property
    def purge_journal(self) -> Path:
        """The journal of a removal: what to remove before the next build, and where else after it."""
        return self.build_dir / "purge.json"

    @property
    def expiring(self) -> Path:
        """The data kept of sessions that are about to expire."""
        return self.build_dir / "expiring.jsonl"

    @property
    def archive(self) -> Path:
        """Expired sessions as Parquet, in a folder for each time."""
        return self.home / "archive"

    @property
    def lock(self) -> Path:
        """The lock file of the build."""
        return self.build_dir / "lock"

    @property
    def lock_holder(self) -> Path:
        """The holder of the lock, in words."""
        return self.build_dir / "lock_holder"

    @property
    def state(self) -> Path:
        """The state of the warehouse after the last build."""
        return self.build_dir / "state.json"

    @property
    def lake_mark(self) -> Path:
        """A file that says of which lake this home has the store; absent in the home of a host's own logs."""
        return self.build_dir / "lake.json"

    @property
    def target(self) -> Path:
        """dbt's target folder, one per home so that partial parsing keeps working."""
        return self.home / "target"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.home / "logs"

    @property
    def docs(self) -> Path:
        """The generated documentation site."""
        return self.home / "docs"

    @property
    def dashboard(self) -> Path:
        """The dashboard, written with each published store."""
        return self.home / "dashboard.html"

    def ensure(self) -> StorePaths:
        """Make the folders, closed to everyone else. Raises StoreError if they belong to someone else."""
        from agent_store import access

        try:
            access.refuse(self.home)
            for folder in (self.home, self.build_dir, self.target, self.logs):
                folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            access.secure(self)
            shared.mark(self.spool)
        except OSError as error:
            raise (
                explain(error, f"Making the store's folder {self.home}")
                or StoreError(f"The store's folder {self.home} cannot be created: {error}.")
            ) from error
        return self


def store_paths(environ: Mapping[str, str] | None = None) -> StorePaths:
    """The home named by AGENT_STORE_HOME, or ~/.agent-store."""
    named = (os.environ if environ is None else environ).get(HOME_VARIABLE, "").strip()
    return StorePaths((Path(named).expanduser() if named else Path.home() / ".agent-store").absolute())


def importing_environment() -> dict[str, str]:
    """The environment for a Python subprocess that imports these packages, wherever they are installed."""
    packages = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path}


def project_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder with dbt_project.yml: AGENT_STORE_PROJECT_DIR, the clone that contains this package, or the package's
    own copy."""
    named = (os.environ if environ is None else environ).get(PROJECT_VARIABLE, "").strip()
    package = Path(__file__).resolve().parent
    folders = [Path(named).expanduser().absolute()] if named else [package.parent, package / "project"]
    for folder in folders:
        if (folder / "dbt_project.yml").is_file():
            return folder
    raise StoreError(
        f"There is no dbt_project.yml in {' or '.join(map(str, folders))}.",
        f"Install Agent Store again, or name the folder of a clone with {PROJECT_VARIABLE}.",
    )


@dataclass(frozen=True, slots=True)
class Roots:
    """The folders to land transcripts from, and the source of that choice."""

    paths: tuple[Path, ...]
    origin: str
    is_sample: bool = False
    notes: tuple[str, ...] = ()


def has_transcripts(root: Path) -> bool:
    """Whether there is any transcript below a folder (it stops at the first one)."""
    return root.is_file() or any(True for _ in transcripts(root))


def sample_root(project: Path) -> Path:
    """The home of transcripts that ships with the project."""
    return project / "sample" / "home"


def resolve_roots(
    given: Sequence[Path],
    project: Path,
    environ: Mapping[str, str] | None = None,
    *,
    allow_sample: bool = True,
) -> Roots:
    """Choose the roots: those given, else CLAUDE_CONFIG_DIR, else the usual places, else the sample.

    The sample is used only if nothing was named, and never if `allow_sample` is off: real transcripts must not be mixed
    with it.
    """
    environment = os.environ if environ is None else environ
    if given:
        roots = [path.expanduser().absolute() for path in given]
        for root in roots:
            if not root.exists():
                raise StoreError(
                    f"The root {root} does not exist.",
                    "Name a folder that contains transcripts: agent-store build --root FOLDER",
                )
        empty = [root for root in roots if not has_transcripts(root)]
        return Roots(
            _distinct(roots), "--root", notes=tuple(f"No transcripts below {root}." for root in empty)
        )

    named = named_roots(environment.get(CLAUDE_VARIABLE, ""))
    if named:
        return _configured(named)
    candidates = usual_roots(environment, Path(environment.get("HOME") or Path.home()))
    notes: list[str] = []
    found = [root.absolute() for root in candidates if root.exists() and has_transcripts(root)]
    if found:
        return Roots(_distinct(found), "usual places")

    looked = f"{candidates[0]}, {candidates[1]} or the desktop client's folder"
    sample = sample_root(project)
    if allow_sample and has_transcripts(sample):
        notes.append(
            f"No transcripts found in {looked}: using the sample that ships with the project ({sample})."
        )
        return Roots((sample,), "sample", is_sample=True, notes=tuple(notes))
    notes.append(f"No transcripts found in {looked}: nothing to land.")
    return Roots((), "usual places", notes=tuple(notes))


def _configured(named: Sequence[Path]) -> Roots:
    """Choose the roots named in CLAUDE_CONFIG_DIR. Nothing replaces them, not even the sample."""
    there = [root.absolute() for root in named if root.is_dir()]
    missing = [root for root in named if not root.is_dir()]
    if not there:
        names = ", ".join(str(root) for root in missing)
        raise StoreError(
            f"{CLAUDE_VARIABLE} names {names}, but there is no such folder.",
            f"Set {CLAUDE_VARIABLE} to the folder that contains `projects` (separate several with commas), unset it to "
            "use ~/.claude, or name a folder for this run: --root FOLDER",
        )
    notes = [f"{CLAUDE_VARIABLE} names {root}, which does not exist." for root in missing]
    notes += [
        f"No transcripts below {root} ({CLAUDE_VARIABLE})." for root in there if not has_transcripts(root)
    ]
    return Roots(_distinct(there), CLAUDE_VARIABLE, notes=tuple(notes))


def _distinct(roots: Sequence[Path]) -> tuple[Path, ...]:
    """Each folder once, even if several names (links, relative paths) lead to it."""
    kept: dict[Path, Path] = {}
    for root in roots:
        kept.setdefault(root.resolve(), root)
    return tuple(kept.values())
