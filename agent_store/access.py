"""Who may read a home and change it: its owner alone.

The file system decides it. So each time a home is opened, what others could read is closed to them, and what others could
have put there, or could swap, is refused.
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

# Folders of a home whose content is looked at one by one; in the others the folder itself decides.
_LOOKED_INTO: Final = ("", "build", "briefs", "spool")
_FOREIGN_BITS: Final = 0o077
_BITS_OF_ALL: Final = 0o007
_MOST_LINKS: Final = 40
_NAMED: Final = 3
# File systems on which every file has the same owner and rights, whoever made it.
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
    """The mode of a file that is meant for all who may read the home."""
    return 0o640 if is_shared() else 0o600


def secure(paths: StorePaths) -> None:
    """Close a home to others before it is opened. StoreError where someone else could have put there what is opened."""
    refuse(paths.home)
    if closed := [loose for loose in list(open_to_others(paths.home)) if _tightened(loose)]:
        _tell(paths, closed)


def refuse(home: Path) -> None:
    """Raise StoreError where a home, or anything in it, belongs to someone else or can be swapped by everyone."""
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
    """What others can read or write of a home, and this user can close."""
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
    """Close it; False where the file system keeps no rights, or refuses."""
    try:
        loose.path.chmod(loose.wanted)
        return stat.S_IMODE(loose.path.stat().st_mode) == loose.wanted
    except OSError:
        return False


def _places(home: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """What is in a home, as it is there: links are not followed."""
    for name in _LOOKED_INTO:
        folder = home / name if name else home
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    yield folder / entry.name, entry.stat(follow_symlinks=False)


# ------------------------------------------------------------------------------------------- the way to a home


def _refuse_way(path: Path) -> None:
    """Raise StoreError where a path leads through a link of someone else, or a folder in which everyone may swap things."""
    for place, status in _way(path):
        if stat.S_ISLNK(status.st_mode):
            if is_foreign(status) and not _is_unmapped(status):
                raise StoreError(
                    f"{place} is a link that belongs to {_name_of(status.st_uid)}: it is not followed.",
                    "Remove it, or name the folder that is meant with AGENT_STORE_HOME.",
                )
        elif place != path and _is_swapped_by_all(place, status):
            raise StoreError(
                f"Everyone on this machine can replace {path}: the folder {place} is open to all for writing.",
                f"Close it (chmod o-w {place}), let only owners rename in it (chmod +t {place}), or keep the store "
                "elsewhere: AGENT_STORE_HOME.",
            )


def _is_swapped_by_all(folder: Path, status: os.stat_result) -> bool:
    is_open = bool(status.st_mode & stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
    return is_open and stat.S_ISDIR(status.st_mode) and kind_of_drive(folder) not in _WITHOUT_RIGHTS


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder and link that a path leads through, as far as it is there."""
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
    """In a container of an ordinary user, what belongs to the real root appears as nobody's."""
    try:
        mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
        nobody = int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
    return mapped != ["0", "0", "4294967295"] and status.st_uid == nobody


def _foreign(path: Path, status: os.stat_result) -> StoreError:
    return StoreError(
        f"{path} belongs to {_name_of(status.st_uid)}, not to you: the store is not opened.",
        "Remove what is not yours, or choose another home with AGENT_STORE_HOME. A home that a group shares on purpose "
        f"is opened with {SHARED_HOME_VARIABLE}=1, a spool that several users write to with {SHARED_VARIABLE}=1.",
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
    """Say it once, and keep it for `doctor`: it was open until now."""
    names = ", ".join(str(loose.path) for loose in closed[:_NAMED])
    more = f" and {len(closed) - _NAMED:,} more" if len(closed) > _NAMED else ""
    logger.warning("Others on this machine could read %s%s: closed to them now.", visible(names), more)
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
    """How many things were found open and closed, the last of them, and the file that lists them."""
    try:
        lines = _file(paths).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return len(lines), lines[-1] if lines else "", _file(paths)
