"""Who may read and change a home: only its owner.

The file system enforces this. Each time a home is opened, files that others could read are closed to them, and files
that others could have put there or could swap are refused.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError
from agent_store.record.shared import kind_of_drive
from agent_store.record.spool import SHARED_HOME_VARIABLE, SHARED_VARIABLE, is_foreign, is_set
from agent_store.visible import visible

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

logger = logging.getLogger(__name__)

# Folders of a home whose files are checked one by one; of other folders only the folder itself is checked.
_LOOKED_INTO: Final = ("", "build", "briefs", "spool")
_FOREIGN_BITS: Final = 0o077
_BITS_OF_ALL: Final = 0o007
_MOST_LINKS: Final = 40
_NAMED: Final = 3
# File systems on which every file has the same owner and permissions, regardless of who made it.
_WITHOUT_RIGHTS: Final = frozenset(
    {
        "9p", "cifs", "drvfs", "exfat", "fuse.grpcfuse", "fuse.osxfs", "fuseblk", "msdos", "ntfs", "ntfs3", "prl_fs",
        "smb3", "smbfs", "vboxsf", "vfat", "virtiofs",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loose:
    """A folder or a file of a home that others can read or write."""

    path: Path
    mode: int
    wanted: int


def is_shared() -> bool:
    """Whether the user has said that homes are shared with a group: AGENT_STORE_SHARED_HOME=1."""
    return is_set(SHARED_HOME_VARIABLE)


def file_mode() -> int:
    """The mode of a file that everyone who may read the home should be able to read."""
    return 0o640 if is_shared() else 0o600


def secure(paths: StorePaths) -> None:
    """Close a home to others before it is opened. Raises StoreError if someone else could have put files there."""
    refuse(paths.home)
    if closed := [loose for loose in list(open_to_others(paths.home)) if _tightened(loose)]:
        _tell(paths, closed)


def refuse(home: Path) -> None:
    """Raise StoreError if a home, or anything in it, belongs to someone else or can be swapped by anyone."""
    _refuse_way(home)
    with suppress(OSError):
        status = home.lstat()
        if is_foreign(status) and not is_shared():
            raise _foreign(home, status)
    for place, status in _places(home):
        is_spool = place == home / "spool" or place.parent == home / "spool"
        if stat.S_ISLNK(status.st_mode):
            _refuse_way(place)
        elif is_foreign(status) and not (is_shared() or (is_spool and is_set(SHARED_VARIABLE))):
            raise _foreign(place, status)


def open_to_others(home: Path) -> Iterator[Loose]:
    """The files and folders of a home that others can read or write and that this user can close."""
    others = _BITS_OF_ALL if is_shared() else _FOREIGN_BITS
    is_common = is_set(SHARED_VARIABLE)
    with suppress(OSError):
        yield from _loose(home, home.stat(), others)
    for place, status in _places(home):
        if is_common and (place.name == "spool" or place.parent.name == "spool"):
            continue
        yield from _loose(place, status, others)


def _loose(path: Path, status: os.stat_result, others: int) -> Iterator[Loose]:
    is_ours = os.geteuid() in {0, status.st_uid}
    if is_ours and status.st_mode & others and (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
        mode = stat.S_IMODE(status.st_mode)
        yield Loose(path, mode, mode & ~others)


def _tightened(loose: Loose) -> bool:
    """Close it; False if the file system has no permissions, or refuses."""
    try:
        loose.path.chmod(loose.wanted)
        return stat.S_IMODE(loose.path.stat().st_mode) == loose.wanted
    except OSError:
        return False


def _places(home: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything in a home. Links are not followed."""
    for name in _LOOKED_INTO:
        folder = home / name if name else home
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    yield folder / entry.name, entry.stat(follow_symlinks=False)


# ------------------------------------------------------------------------------------------- the way to a home


def _refuse_way(path: Path) -> None:
    """Raise StoreError if a path leads through someone else's link, or through a folder in which anyone may swap
    files."""
    for place, status in _way(path):
        if stat.S_ISLNK(status.st_mode):
            if is_foreign(status) and not _is_unmapped(status):
                raise StoreError(
                    f"{place} is a symbolic link that belongs to {_name_of(status.st_uid)}, so it is not followed.",
                    "Remove it, or set AGENT_STORE_HOME to the real folder.",
                )
        elif place != path and _is_swapped_by_all(place, status):
            raise StoreError(
                f"Everyone on this machine can replace {path}: the folder {place} is world-writable.",
                f"Take write access from others (chmod o-w {place}), set the sticky bit (chmod +t {place}), or move "
                "the store with AGENT_STORE_HOME.",
            )


def _is_swapped_by_all(folder: Path, status: os.stat_result) -> bool:
    is_open = bool(status.st_mode & stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
    return is_open and stat.S_ISDIR(status.st_mode) and kind_of_drive(folder) not in _WITHOUT_RIGHTS


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every existing folder and link that a path leads through."""
    waiting = list(reversed(path.absolute().parts[1:]))
    here, links = Path(path.absolute().anchor), 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            here = here.parent
            continue
        try:
            status = (here / part).lstat()
            yield here / part, status
            if not stat.S_ISLNK(status.st_mode):
                here = here / part
                continue
            target = Path(os.readlink(here / part))  # noqa: PTH115 - as the system says it
        except OSError:
            return
        links += 1
        if links > _MOST_LINKS:
            return
        if target.is_absolute():
            here = Path(target.anchor)
        waiting += reversed([one for one in target.parts if one != target.anchor])


def _is_unmapped(status: os.stat_result) -> bool:
    """In a rootless container, files of the real root appear to belong to `nobody`."""
    try:
        mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
        nobody = int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    return mapped != ["0", "0", "4294967295"] and status.st_uid == nobody


def _foreign(path: Path, status: os.stat_result) -> StoreError:
    return StoreError(
        f"{path} belongs to {_name_of(status.st_uid)}, not to you, so the store was not opened.",
        "Remove what is not yours, or choose another home with AGENT_STORE_HOME. If a group shares this home on "
        f"purpose, set {SHARED_HOME_VARIABLE}=1; if several users write to its spool, set {SHARED_VARIABLE}=1.",
    )


def _name_of(uid: int) -> str:
    with suppress(ImportError, KeyError):
        import pwd

        return f"the user {pwd.getpwuid(uid).pw_name}"
    return f"the user {uid}"


# ------------------------------------------------------------------------------------------- what was closed


def _file(paths: StorePaths) -> Path:
    return paths.logs / "access.log"


def _tell(paths: StorePaths, closed: list[Loose]) -> None:
    """Report it once, and record it for `doctor`."""
    names = ", ".join(str(loose.path) for loose in closed[:_NAMED])
    more = f" and {len(closed) - _NAMED:,} more" if len(closed) > _NAMED else ""
    logger.warning("Other users of this machine could read %s%s; they no longer can.", visible(names), more)
    lines = "".join(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {loose.mode:04o} → {loose.wanted:04o} {visible(str(loose.path))!r}\n"
        for loose in closed
    )
    with suppress(OSError):
        paths.logs.mkdir(mode=0o700, exist_ok=True)
        file = os.open(_file(paths), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(lines)


def was_closed(paths: StorePaths) -> tuple[int, str, Path]:
    """How many files and folders were found open and then closed, the last of them, and the file that lists them."""
    try:
        lines = _file(paths).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return len(lines), lines[-1] if lines else "", _file(paths)
