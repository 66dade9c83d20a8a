"""The home that a file or folder named by a program stands for: `AgentStore(db_path=…)`,
`InstrumentedClient(store_path=…)`."""

from __future__ import annotations

from pathlib import Path

from agent_store import access
from agent_store.paths import FOLDER_MODE, STORE_NAME, StorePaths, store_paths
from agent_store.record import shared

# The home of `x.duckdb` is the folder `x.agent-store` next to it.
LOCAL_HOME_SUFFIX = ".agent-store"
_FILE_SUFFIXES = frozenset({".duckdb", ".ddb", ".db"})
# Some contents of a home, by which it is recognised. Not `build`: many projects have a folder of that name.
_HOME_NAMES = (STORE_NAME, "build/warehouse.duckdb", "spool", "settings.json")


def home_for(path: str | Path | None) -> StorePaths:
    """The home for a path; nothing is created here.

    None: the user's own (AGENT_STORE_HOME, else ~/.agent-store). A folder: that folder. A published store: its folder.
    Any other database: a local home next to it, so that a program that names its own file in its own folder fills
    neither the user's home nor that folder.
    """
    if path is None or not str(path).strip():
        return store_paths()
    named = Path(path).expanduser().absolute()
    if named.is_dir() or not (named.is_file() or named.suffix.lower() in _FILE_SUFFIXES):
        return StorePaths(named)
    beside = named.with_name(named.stem + LOCAL_HOME_SUFFIX)
    # If it exists, the file is a copy of its store, regardless of its name.
    if named.name == STORE_NAME and not beside.is_dir() and _is_home(named.parent):
        return StorePaths(named.parent)
    return StorePaths(beside)


def _is_home(folder: Path) -> bool:
    """Whether a folder is a home, or can become one: it contains only files of a home."""
    if folder == store_paths().home or not folder.exists():
        return True
    return any((folder / name).exists() for name in _HOME_NAMES) or not any(folder.iterdir())


def spool_for(paths: StorePaths) -> str:
    """The spool of a home, which is created if missing, closed to everyone else."""
    access.refuse(paths.home)
    paths.home.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    access.secure(paths)
    shared.mark(paths.spool)
    return str(paths.spool)
