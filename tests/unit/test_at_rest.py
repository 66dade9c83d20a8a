"""What `doctor` can say of the disk: encrypted, not encrypted, or that it cannot tell. Over made-up systems."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agent_store import at_rest, doctor
from agent_store.at_rest import Answer, encryption_at_rest
from agent_store.paths import StorePaths


class System:
    """The folders `proc` and `sys` of a machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc" / "self").mkdir(parents=True)
        (root / "sys" / "dev" / "block").mkdir(parents=True)
        (root / "sys" / "class" / "block").mkdir(parents=True)
        self.mounts: list[str] = []
        self.folder = root / "home"
        self.folder.mkdir()

    def mount(self, device: str, place: str, kind: str = "ext4", source: str = "/dev/sda2") -> None:
        self.mounts.append(f"29 1 {device} / {place} rw,relatime shared:1 - {kind} {source} rw")
        (self.root / "proc" / "self" / "mountinfo").write_text(
            "\n".join(self.mounts) + "\n", encoding="utf-8"
        )

    def device(
        self,
        number: str,
        name: str,
        *,
        uuid: str = "",
        below: tuple[str, ...] = (),
        of: str = "",
        file: str = "",
    ) -> Path:
        folder = self.root / "sys" / "devices" / of / name
        (folder / "slaves").mkdir(parents=True)
        if of:
            (folder / "slaves").rmdir()
            (folder / "partition").write_text("2\n", encoding="utf-8")
        if uuid:
            (folder / "dm").mkdir()
            (folder / "dm" / "uuid").write_text(f"{uuid}\n", encoding="utf-8")
            (folder / "dm" / "name").write_text("vg-root\n", encoding="utf-8")
        if file:
            (folder / "loop").mkdir()
            (folder / "loop" / "backing_file").write_text(f"{file}\n", encoding="utf-8")
        for one in below:
            found = next((self.root / "sys" / "devices").rglob(one))
            (folder / "slaves" / one).symlink_to(found)
        (self.root / "sys" / "dev" / "block" / number).symlink_to(folder)
        (self.root / "sys" / "class" / "block" / name).symlink_to(folder)
        return folder

    def asked(self) -> at_rest.AtRest:
        return encryption_at_rest(self.folder / "not there yet", root=self.root, platform="linux")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr(at_rest, "_has_policy", lambda _folder: False)
    return System(tmp_path)


def disk(system: System) -> None:
    system.device("8:0", "sda")
    system.device("8:2", "sda2", of="sda")


def test_a_plain_disk_is_not_encrypted_and_the_advice_says_what_to_do(system: System) -> None:
    disk(system)
    system.mount("8:2", "/")
    found = system.asked()
    assert found.answer == Answer.NOT_ENCRYPTED
    assert "docs/at_rest.md" in found.advice
    assert "the disk may encrypt itself" in found.reason


def test_luks_on_a_part_of_a_disk_is_encrypted(system: System) -> None:
    disk(system)
    system.device("253:0", "dm-0", uuid="CRYPT-LUKS2-abc-luks", below=("sda2",))
    system.mount("253:0", "/", source="/dev/mapper/luks")
    assert system.asked().answer == Answer.ENCRYPTED


def test_lvm_on_luks_is_encrypted_and_lvm_on_a_plain_disk_is_not(system: System) -> None:
    disk(system)
    system.device("253:0", "dm-0", uuid="CRYPT-LUKS2-abc-luks", below=("sda2",))
    system.device("253:1", "dm-1", uuid="LVM-x", below=("dm-0",))
    system.device("253:2", "dm-2", uuid="LVM-y", below=("sda2",))
    system.mount("253:1", "/", source="/dev/mapper/vg-root")
    assert system.asked().answer == Answer.ENCRYPTED
    system.mount("253:2", str(system.folder), source="/dev/mapper/vg-home")
    assert system.asked().answer == Answer.NOT_ENCRYPTED, "the mount nearest to the folder counts"


def test_a_mirror_of_which_one_half_is_plain_is_not_encrypted(system: System) -> None:
    disk(system)
    system.device("253:0", "dm-0", uuid="CRYPT-PLAIN-x", below=("sda2",))
    system.device("9:0", "md0", below=("dm-0", "sda2"))
    system.mount("9:0", "/", source="/dev/md0")
    assert system.asked().answer == Answer.NOT_ENCRYPTED


def test_btrfs_is_found_by_the_name_of_its_device(system: System) -> None:
    disk(system)
    system.device("253:0", "dm-0", uuid="CRYPT-LUKS2-abc", below=("sda2",))
    system.mount("0:35", "/", kind="btrfs", source="/dev/mapper/vg-root")
    assert system.asked().answer == Answer.ENCRYPTED


def test_a_file_that_is_a_disk_is_as_safe_as_what_it_lies_on(system: System) -> None:
    disk(system)
    system.device("253:0", "dm-0", uuid="CRYPT-LUKS2-abc", below=("sda2",))
    system.mount("253:0", "/", source="/dev/mapper/luks")
    system.device("7:0", "loop0", file="/images/home.img")
    system.mount("7:0", str(system.folder), source="/dev/loop0")
    assert system.asked().answer == Answer.ENCRYPTED


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("ecryptfs", Answer.ENCRYPTED), ("fuse.gocryptfs", Answer.ENCRYPTED), ("tmpfs", Answer.NOT_ENCRYPTED),
        ("zfs", Answer.UNKNOWN), ("overlay", Answer.UNKNOWN), ("nfs4", Answer.UNKNOWN), ("9p", Answer.UNKNOWN),
    ],
)  # fmt: skip
def test_some_file_systems_say_it_themselves(kind: str, answer: Answer, system: System) -> None:
    system.mount("0:99", "/", kind=kind, source="server:/home")
    found = system.asked()
    assert found.answer == answer
    assert found.reason
    assert found.advice or answer == Answer.ENCRYPTED


def test_fscrypt_says_it_of_the_folder(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    disk(system)
    system.mount("8:2", "/")
    monkeypatch.setattr(at_rest, "_has_policy", lambda folder: folder == system.folder)
    found = system.asked()
    assert (found.answer, "fscrypt" in found.reason) == (Answer.ENCRYPTED, True)


@pytest.mark.parametrize("where", ["wsl", "docker", "podman"])
def test_what_only_the_host_knows_is_not_guessed(where: str, system: System) -> None:
    disk(system)
    system.mount("8:2", "/")
    if where == "wsl":
        text = "Linux version 5.15.90.1-microsoft-standard-WSL2"
        (system.root / "proc" / "version").write_text(text, encoding="utf-8")
    elif where == "docker":
        (system.root / ".dockerenv").touch()
    else:
        (system.root / "run").mkdir()
        (system.root / "run" / ".containerenv").touch()
    assert system.asked().answer == Answer.UNKNOWN


@pytest.mark.parametrize("broken", ["no mounts", "rubbish", "no such device", "circle"])
def test_a_system_that_does_not_say_is_not_guessed(broken: str, system: System) -> None:
    if broken == "rubbish":
        (system.root / "proc" / "self" / "mountinfo").write_bytes(b"\xff\n - \n1 2\n")
    elif broken == "no such device":
        system.mount("8:2", "/")
    elif broken == "circle":
        folder = system.device("253:0", "dm-0")
        (folder / "slaves" / "dm-0").symlink_to(folder)
        system.mount("253:0", "/")
    assert system.asked().answer == Answer.UNKNOWN


def test_a_place_with_a_space_is_found(system: System) -> None:
    disk(system)
    folder = system.root / "my home"
    folder.mkdir()
    system.folder = folder
    system.mount("0:1", "/", kind="overlay")
    system.mount("8:2", str(folder).replace(" ", "\\040"))
    assert system.asked().answer == Answer.NOT_ENCRYPTED


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("FileVault is On.\n", Answer.ENCRYPTED), ("FileVault is Off.\n", Answer.NOT_ENCRYPTED), ("", Answer.UNKNOWN),
        ("Deferred enablement appears to be active", Answer.UNKNOWN), (None, Answer.UNKNOWN),
    ],
)  # fmt: skip
def test_on_macos_file_vault_says_it(
    said: str | None, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if said is None:
            raise FileNotFoundError(command[0])
        return subprocess.CompletedProcess(command, 0, said, "")

    monkeypatch.setattr(subprocess, "run", run)
    assert encryption_at_rest(tmp_path, platform="darwin").answer == answer
    assert encryption_at_rest(Path("/Volumes"), platform="darwin").answer in {Answer.UNKNOWN, answer}


def test_another_system_is_not_guessed(tmp_path: Path) -> None:
    assert encryption_at_rest(tmp_path, platform="freebsd14").answer == Answer.UNKNOWN


def test_this_machine_has_an_answer_and_doctor_gives_it(tmp_path: Path) -> None:
    found = encryption_at_rest(tmp_path)
    assert found.reason
    check = next(one for one in doctor.examine(StorePaths(tmp_path)) if one.name == "at rest")
    assert found.answer in check.message
    assert check.status in {doctor.OK, doctor.WARN}
