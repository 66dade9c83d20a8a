"""Whether a folder is on an encrypted file system, as far as this machine can tell.

The store contains what people typed and what commands printed. While the machine runs, file permissions protect it;
once the disk is in other hands, only encryption does. None of these checks needs root.
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
# File systems that always encrypt; on ZFS it depends on the dataset.
_ENCRYPTING: Final = frozenset(
    {"ecryptfs", "fuse.cryfs", "fuse.encfs", "fuse.gocryptfs", "fuse.securefs", "fuse.veracrypt"}
)
# In memory: lost at power-off, unless swapped out.
_IN_MEMORY: Final = frozenset({"ramfs", "tmpfs"})
# FS_IOC_GET_ENCRYPTION_POLICY_EX of <linux/fscrypt.h>: eight bytes for the size, then the policy.
_GET_POLICY: Final = 0xC0096616
_POLICY_BYTES: Final = 64
_NO_POLICY: Final = frozenset({errno.ENODATA, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_DEEPEST: Final = 12
_SECONDS: Final = 5
_ADVICE: Final = (
    "docs/at_rest.md explains how to encrypt it on this system. Or move the store with AGENT_STORE_HOME."
)


# The answer to anyone who asks for encrypted store files.
NOT_BY_ITSELF: Final = (
    "Agent Store does not encrypt its own files: temporary files, spool, briefs and transcripts would stay "
    "unencrypted, and most readers could not open the store.",
    "Encrypt the file system instead: docs/at_rest.md explains how and why.",
)


class Answer(StrEnum):
    """The possible answers."""

    ENCRYPTED = "encrypted"
    NOT_ENCRYPTED = "not encrypted"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class AtRest:
    """The answer for a folder, the reason, and what to do about it."""

    answer: Answer
    reason: str
    advice: str = ""


def encryption_at_rest(home: Path, *, root: Path = _ROOT, platform: str = sys.platform) -> AtRest:
    """Whether the file system of a home, or of the folder it will be made in, is encrypted.

    `root` is the folder that contains `proc` and `sys`.
    """
    folder = next((one for one in (home, *home.parents) if one.exists()), _ROOT)
    if platform == "darwin":
        return _by_file_vault(folder)
    if platform.startswith("linux"):
        return _on_linux(folder, root)
    return _unknown(f"this check does not support {platform}")


def _unknown(why: str) -> AtRest:
    return AtRest(Answer.UNKNOWN, why, "Check how the disk is encrypted, or see docs/at_rest.md.")


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
        return _unknown("the mount of the folder cannot be determined")
    if mount.kind in _ENCRYPTING:
        return AtRest(Answer.ENCRYPTED, f"{mount.kind} is an encrypting file system")
    if mount.kind in _IN_MEMORY:
        return AtRest(
            Answer.NOT_ENCRYPTED,
            f"{mount.kind} is in memory: it is lost at shutdown, and can be swapped out to disk",
            "To keep the store, put it on a disk with AGENT_STORE_HOME.",
        )
    if _has_policy(folder):
        return AtRest(Answer.ENCRYPTED, f"fscrypt encrypts {folder}")
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
        return AtRest(Answer.ENCRYPTED, f"{mount.source} is on dm-crypt (LUKS)")
    return AtRest(
        Answer.NOT_ENCRYPTED,
        f"no layer under {mount.source} ({mount.kind}) is encrypted; the disk may encrypt itself",
        _ADVICE,
    )


def _no_disk(mount: _Mount, root: Path) -> str:
    """Why the device under a mount cannot be examined; empty if it is a disk of this system."""
    with suppress(OSError):
        if "microsoft" in (root / "proc" / "version").read_text(encoding="utf-8", errors="replace").lower():
            return "in WSL the disk is a Windows file, which BitLocker may encrypt"
    if mount.kind == "overlay" or _is_container(root):
        return "in a container the disk belongs to the host"
    if mount.kind == "zfs":
        return "on ZFS it depends on the dataset: `zfs get encryption` shows it"
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
        # Of two mounts at one place, the later one hides the earlier.
        if len(mounted) >= longest and place.is_relative_to(mounted):
            longest, found = len(mounted), _Mount(fields[2], types[0], types[1])
    return found


def _by_name(source: str, root: Path) -> Path | None:
    """Find a device by name: the device number of a btrfs mount belongs to no device."""
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
    """Whether every path down from a device goes through dm-crypt; None if a layer cannot be read."""
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
        under = root / "sys" / "dev" / "block" / held.device if held else None
        return _encrypted_layers(under.resolve(), root, left - 1) if under and under.exists() else None
    # A partition has no layers of its own; its disk may have.
    if (device / "partition").exists() and (device.parent / "slaves").is_dir():
        return _encrypted_layers(device.parent, root, left - 1)
    return False


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _has_policy(folder: Path) -> bool:
    """Whether fscrypt encrypts the folder: an ioctl on the open folder answers it."""
    try:
        import fcntl

        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (ImportError, OSError):
        return False
    try:
        asked = array.array("B", (_POLICY_BYTES - 8).to_bytes(8, sys.byteorder) + bytes(_POLICY_BYTES - 8))
        fcntl.ioctl(opened, _GET_POLICY, asked)
    except OSError as error:
        return error.errno not in _NO_POLICY and error.errno == errno.EOVERFLOW  # a newer kind of policy
    finally:
        os.close(opened)
    return True


# ------------------------------------------------------------------------------------------- macOS


def _by_file_vault(folder: Path) -> AtRest:
    if folder.resolve().is_relative_to("/Volumes"):
        return _unknown("it is on a separate volume: `diskutil info` shows whether that is encrypted")
    try:
        done = subprocess.run(
            ["/usr/bin/fdesetup", "status"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return _unknown("`fdesetup status` did not answer")
    if "FileVault is On" in done.stdout:
        return AtRest(Answer.ENCRYPTED, "FileVault is on")
    if "FileVault is Off" in done.stdout:
        return AtRest(Answer.NOT_ENCRYPTED, "FileVault is off", _ADVICE)
    return _unknown("`fdesetup status` does not show whether FileVault is on")
