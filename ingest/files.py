"""Files: paths named by others are opened only if they are regular files, without blocking, and read up to a limit.

Changes are detected by stamps. Files created here are private to their owner.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

_INODE_MASK: Final = (1 << 63) - 1  # some file systems use all 64 bits


class NotRegularError(OSError):
    """A path is not a regular file: it is a pipe, a device, a socket or a folder."""


class TooLargeError(OSError):
    """A file exceeds the size limit."""


def read_regular(path: Path | str, most_bytes: int) -> bytes:
    """The bytes of a regular file. A pipe does not block, a device is not read, a large file is refused."""
    data, size = read_beginning(path, most_bytes)
    if size > most_bytes:
        raise TooLargeError(errno.EFBIG, f"larger than {most_bytes:,} bytes")
    return data


def read_beginning(path: Path | str, most_bytes: int) -> tuple[bytes, int]:
    """The first bytes of a regular file, and its total size."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = b""
        while len(data) <= most_bytes and (part := file.read(most_bytes + 1 - len(data))):
            data += part
    return data[:most_bytes], max(size, len(data))


def open_regular(path: Path | str) -> FileIO:
    """A regular file, open for reading. If it has become a pipe since it was found, opening it does not block."""
    try:
        file = FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))
    except ValueError as error:  # a NUL in the path
        raise OSError(errno.EINVAL, str(error)) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NotRegularError(errno.EINVAL, "not a regular file")
    return file


def is_regular(path: Path | str) -> bool:
    """Whether a path leads to a regular file."""
    with suppress(OSError, ValueError):
        return Path(path).is_file()
    return False


class Stamp(NamedTuple):
    """Detects that a file has changed without opening it."""

    size: int
    mtime_ns: int
    inode: int


def stamp_of(status: os.stat_result, *, has_inode: bool = True) -> Stamp:
    """Return the stamp of a file; some systems report the inode only for an open file."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino & _INODE_MASK if has_inode else 0)


def valid_name(name: str) -> str:
    """Return a file name as valid text: names that are not UTF-8 are escaped."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode()
    return name


def reason_of(error: OSError) -> str:
    """Why a file cannot be read, as reported by the system."""
    return error.strerror or str(error)


@contextmanager
def private_files() -> Iterator[None]:
    """Make every file created in here, also by DuckDB, readable by the owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
