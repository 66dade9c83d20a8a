"""Spools that several machines write to: on a network drive appending is not atomic, so each process has its own file."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent_store.record.spool import SHARED_MARKER, SHARED_VARIABLE, is_set

_MOUNTS: Final = Path("/proc/self/mounts")
_NETWORK: Final = frozenset(
    {
        "9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "lustre",
        "nfs", "nfs4", "smb3", "smbfs",
    }
)  # fmt: skip
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def mark(spool: Path, mounts: Path = _MOUNTS) -> None:
    """Put the marker into a spool that is on a network drive, or is declared as shared. Recorders look for it.

    An existing marker stays, because another machine may have made it. If it cannot be written, nothing happens.
    """
    if is_set(SHARED_VARIABLE) or is_on_network(spool, mounts):
        with suppress(OSError):
            spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            (spool / SHARED_MARKER).touch(mode=0o600)


def is_on_network(folder: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether a folder, or its future parent, is on a network drive; False if the system does not tell (macOS)."""
    return kind_of_drive(folder, mounts) in _NETWORK


def kind_of_drive(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The type of the file system that a folder is on, or will be on; empty if the system does not tell (macOS)."""
    try:
        listed = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place = os.path.realpath(folder)
    longest, kind = -1, ""
    for line in listed:
        fields = line.split(" ")
        if len(fields) > 2:  # noqa: PLR2004 - device, place, kind
            mounted = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[1])
            # Of two mounts at one place, the later one hides the earlier.
            if len(mounted) >= longest and Path(place).is_relative_to(mounted):
                longest, kind = len(mounted), fields[2]
    return kind
