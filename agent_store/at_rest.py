"""Whether a folder lies on an encrypted file system, as far as this machine says.

The store holds what people typed and what commands printed. While the machine runs, the rights of its files protect
it; once the disk is in other hands, only encryption does. Nothing is asked here that needs the rights of root.
"""

from __future__ import annotations

import array
import errno
import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
# File systems that encrypt by themselves; of ZFS it depends on the data set.
_ENCRYPTING: Final = frozenset(
    {"ecryptfs", "fuse.cryfs", "fuse.encfs", "fuse.gocryptfs", "fuse.securefs", "fuse.veracrypt"}
)
# In memory: gone with the power, unless it is swapped out.
_IN_MEMORY: Final = frozenset({"ramfs", "tmpfs"})
# FS_IOC_GET_ENCRYPTION_POLICY_EX of <linux/fscrypt.h>: eight bytes of size, then the policy.
_GET_POLICY: Final = 0xC0096616
_POLICY_BYTES: Final = 64
_NO_POLICY: Final = frozenset({errno.ENODATA, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_DEEPEST: Final = 12
_SECONDS: Final = 5
_ADVICE: Final = (
    "docs/at_rest.md says how to encrypt it on this system; or keep the store elsewhere: AGENT_STORE_HOME."
)


# What to tell who asks for files that encrypt themselves.
NOT_BY_ITSELF: Final = (
    "Agent Store does not encrypt its files itself: temporary files, spool, briefs and transcripts would stay as they "
    "are, and most readers could not open the store.",
    "Encrypt the file system instead: docs/at_rest.md says how, and why.",
)


class Answer(StrEnum):
    """What can be said."""

    ENCRYPTED = "encrypted"
    NOT_ENCRYPTED = "not encrypted"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class AtRest:
    """What can be said of a folder, why, and what to do about it."""

    answer: Answer
    reason: str
    advice: str = ""


def encryption_at_rest(home: Path, *, root: Path = _ROOT, platform: str = sys.platform) -> AtRest:
    """Whether the file system of a home, or of what will hold it, is encrypted.

    `root` is where `proc` and `sys` of the system lie.
    """
    folder = next((one for one in (home, *home.parents) if one.exists()), _ROOT)
    if platform == "darwin":
        return _by_file_vault(folder)
    if platform.startswith("linux"):
        return _on_linux(folder, root)
    return _unknown(f"{platform} has no way that is known here")


def _unknown(why: str) -> AtRest:
    return AtRest(Answer.UNKNOWN, why, "Find out how the disk is kept, or see docs/at_rest.md.")


# ------------------------------------------------------------------------------------------- Linux


@dataclass(frozen=True, slots=True)
class _Mount:
    """A line of mountinfo: the device as major:minor, the type of the file system, and its source."""

    device: str
    kind: str
    source: str


def _on_linux(folder: Path, root: Path) -> AtRest:
    mount = _mount_of(folder, root)
    if mount is None:
        return _unknown("the system does not say where the folder is mounted")
    if mount.kind in _ENCRYPTING:
        return AtRest(Answer.ENCRYPTED, f"{mount.kind} encrypts what it holds")
    if mount.kind in _IN_MEMORY:
        return AtRest(
            Answer.NOT_ENCRYPTED,
            f"{mount.kind} keeps it in memory: it is gone when the machine is, and can be swapped out to a disk",
            "Keep a store that is to last on a disk: AGENT_STORE_HOME.",
        )
    if _has_policy(folder):
        return AtRest(Answer.ENCRYPTED, f"a policy of fscrypt holds on {folder}")
    if why := _no_disk(mount, root):
        return _unknown(why)
    device = root / "sys" / "dev" / "block" / mount.device
    if not device.exists():
        device = _by_name(mount.source, root) or device
    if not device.exists():
        return _unknown(f"{mount.kind} on {mount.source} is not a disk of this machine")
    found = _encrypted_layers(device.resolve(), root, _DEEPEST)
    if found is None:
        return _unknown(f"the layers under {mount.source} cannot be read")
    if found:
        return AtRest(Answer.ENCRYPTED, f"{mount.source} lies on dm-crypt (LUKS)")
    return AtRest(
        Answer.NOT_ENCRYPTED,
        f"no layer under {mount.source} ({mount.kind}) is encrypted, unless the disk itself does it",
        _ADVICE,
    )


def _no_disk(mount: _Mount, root: Path) -> str:
    """Why nothing is known of what lies under a mount; empty where it is a disk of this system."""
    with suppress(OSError):
        if "microsoft" in (root / "proc" / "version").read_text(encoding="utf-8", errors="replace").lower():
            return "in WSL the disk is a file of Windows: BitLocker may encrypt it"
    if mount.kind == "overlay" or _is_container(root):
        return "in a container the disk is the host's"
    if mount.kind == "zfs":
        return "of ZFS `zfs get encryption` says it"
    return ""


def _is_container(root: Path) -> bool:
    return any((root / name).exists() for name in (".dockerenv", "run/.containerenv"))


def _mount_of(folder: Path, root: Path) -> _Mount | None:
    try:
        listed = (root / "proc" / "self" / "mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    place = Path(os.path.realpath(folder))
    longest, found = -1, None
    for line in listed.splitlines():
        head, _, tail = line.partition(" - ")
        fields, types = head.split(" "), tail.split(" ")
        if len(fields) < 5 or len(types) < 2:  # noqa: PLR2004 - id, parent, device, root, place; type, source
            continue
        mounted = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4])
        # Of two at one place the later one covers the earlier.
        if len(mounted) >= longest and place.is_relative_to(mounted):
            longest, found = len(mounted), _Mount(fields[2], types[0], types[1])
    return found


def _by_name(source: str, root: Path) -> Path | None:
    """A device by its name: btrfs mounts have a number that no device has."""
    name = source.rpartition("/")[2]
    if not source.startswith("/dev/") or not name:
        return None
    block = root / "sys" / "class" / "block"
    if (block / name).exists():
        return block / name
    with suppress(OSError):
        for device in block.iterdir():
            if _text(device / "dm" / "name") == name:
                return device
    return None


def _encrypted_layers(device: Path, root: Path, left: int) -> bool | None:
    """Whether every way down from a device goes through dm-crypt; None where a layer cannot be read."""
    if _text(device / "dm" / "uuid").startswith("CRYPT-"):
        return True
    if not left:
        return None
    try:
        below = (
            [one.resolve() for one in (device / "slaves").iterdir()] if (device / "slaves").is_dir() else []
        )
    except OSError:
        return None
    if below:
        answers = [_encrypted_layers(one, root, left - 1) for one in below]
        return False if False in answers else None if None in answers else True
    backing = _text(device / "loop" / "backing_file")
    if backing:
        held = _mount_of(Path(backing), root)
        lies_on = root / "sys" / "dev" / "block" / held.device if held else None
        return _encrypted_layers(lies_on.resolve(), root, left - 1) if lies_on and lies_on.exists() else None
    # A part of a disk has no layers of its own: the disk that it is of may have.
    if (device / "partition").exists() and (device.parent / "slaves").is_dir():
        return _encrypted_layers(device.parent, root, left - 1)
    return False


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _has_policy(folder: Path) -> bool:
    """Whether fscrypt encrypts the folder: the kernel says so of an open folder."""
    try:
        import fcntl

        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (ImportError, OSError):
        return False
    try:
        asked = array.array("B", (_POLICY_BYTES - 8).to_bytes(8, sys.byteorder) + bytes(_POLICY_BYTES - 8))
        fcntl.ioctl(opened, _GET_POLICY, asked)
    except OSError as error:
        return error.errno not in _NO_POLICY and error.errno == errno.EOVERFLOW  # a policy of a newer kind
    finally:
        os.close(opened)
    return True


# ------------------------------------------------------------------------------------------- macOS


def _by_file_vault(folder: Path) -> AtRest:
    if folder.resolve().is_relative_to("/Volumes"):
        return _unknown("it lies on a volume of its own: `diskutil info` says whether that is encrypted")
    try:
        done = subprocess.run(
            ["/usr/bin/fdesetup", "status"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return _unknown("FileVault does not answer")
    if "FileVault is On" in done.stdout:
        return AtRest(Answer.ENCRYPTED, "FileVault is on")
    if "FileVault is Off" in done.stdout:
        return AtRest(Answer.NOT_ENCRYPTED, "FileVault is off", _ADVICE)
    return _unknown("FileVault does not say whether it is on")
