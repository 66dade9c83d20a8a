"""A repository that nobody asked to trust: nothing that it names is run, and nothing outside of it is read."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import components, contracts, git, sources
from ingest.code.scan import _Run
from ingest.components import Folder
from ingest.contracts import Kind, Watched
from ingest.sources import Limits, Source, Target

PROJECT = Path(__file__).resolve().parents[2]
AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false")
SIGNATURE = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aGVsbG8=\n -----END PGP SIGNATURE-----\n"
SSH_SIGNATURE = "gpgsig -----BEGIN SSH SIGNATURE-----\n aGVsbG8=\n -----END SSH SIGNATURE-----\n"
X509_SIGNATURE = "gpgsig -----BEGIN SIGNED MESSAGE-----\n aGVsbG8=\n -----END SIGNED MESSAGE-----\n"


def plain(folder: Path, *arguments: str, given: str = "") -> str:
    """Git as a developer runs it, for making repositories and for showing that a trap is one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *AUTHOR, *arguments], cwd=folder, env=environment, input=given, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, files: dict[str, str], signature: str = "") -> str:
    """Commit files, with a signature that nobody has made."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    plain(folder, "add", "-A")
    plain(folder, "commit", "-qm", "Change")
    if signature:
        header, _, message = plain(folder, "cat-file", "commit", "HEAD").partition("\n\n")
        signed = plain(
            folder,
            "hash-object",
            "-t",
            "commit",
            "-w",
            "--stdin",
            given=f"{header}\n{signature}\n{message}\n",
        )
        plain(folder, "reset", "-q", "--hard", signed)
    return plain(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def _signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("git") / "project"
    folder.mkdir()
    plain(folder, "init", "-q", "-b", "main")
    skill = "---\nname: x\ndescription: Count\n---\nCount the drawers.\n"
    commit(
        folder,
        {
            ".claude/skills/x/SKILL.md": skill,
            "api.json": "{}",
            ".gitattributes": "* diff=x filter=x merge=x\n",
        },
    )
    for number, signature in enumerate((SIGNATURE, SSH_SIGNATURE, X509_SIGNATURE)):
        text = f"{skill}Then count {number} again.\n"
        commit(folder, {".claude/skills/x/SKILL.md": text, "api.json": f'{{"n": {number}}}'}, signature)
    plain(folder, "tag", "v1.0")
    # An entry whose look in the index is stale makes git compare the content, and so run a filter.
    os.utime(folder / "api.json", (1, 1))
    return folder


@pytest.fixture
def project(_signed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_signed, tmp_path / "project", symlinks=True))


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A program that leaves a trace when it is run; the test fails if there is one."""
    program = tmp_path / "trap.sh"
    trace = tmp_path / "was-run"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {trace}\nexit 1\n', encoding="utf-8")
    program.chmod(0o755)
    yield program
    assert not trace.exists(), f"a program was run: {trace.read_text(encoding='utf-8')}"


def look_at_everything(folder: Path, *, remote: bool = True) -> dict[str, int]:
    """All that a build, a scan of code and a check ask of a repository."""
    addresses = [str(folder), folder.as_uri()] if remote else [str(folder)]
    history = components.scan_history([Folder(folder, "project")], {}, set, set)
    versions = list(contracts.read_versions(Watched("api", Kind.JSON_SCHEMA, (folder / "api.json",))))
    run = _Run("here", 1)
    run.add_repository(folder, is_named=True)
    seen = sources.check(
        [Source("project", "git", "test", targets=tuple(Target("git", one) for one in addresses))],
        {}, limits=Limits(seconds=20, seconds_per_target=10),
    )  # fmt: skip
    return {
        "commits": len(history.rows.get("component_commit", ())),
        "bodies": len(history.rows.get("component_body", ())),
        "versions": sum(version.origin == "git" for version in versions),
        "files": len(run.todo),
        "changes": len(run.changes.rows.get("code_change", ())),
        "checked": sum(one.is_available and one.version == "v1.0" for one in seen),
    }


EVERYTHING = {"commits": 4, "bodies": 4, "versions": 4, "files": 3, "changes": 9, "checked": 2}

# Each names a program in a repository's own configuration; the other lines switch it on.
TRAPS = {
    "gpg.program": "[log]\n showSignature = true\n[gpg]\n program = {trap}",
    "gpg.openpgp.program": '[log]\n showSignature = true\n[gpg "openpgp"]\n program = {trap}',
    "gpg.ssh.program": '[log]\n showSignature = true\n[gpg "ssh"]\n program = {trap}\n allowedSignersFile = {trap}',
    "gpg.ssh.defaultKeyCommand": '[log]\n showSignature = true\n[gpg]\n format = ssh\n'
                                  '[gpg "ssh"]\n defaultKeyCommand = {trap}',
    "gpg.x509.program": '[log]\n showSignature = true\n[gpg "x509"]\n program = {trap}',
    "format.pretty": "[format]\n pretty = format:%GG%G?\n[gpg]\n program = {trap}",
    "core.fsmonitor": "[core]\n fsmonitor = {trap}",
    "core.fsmonitorHookVersion": "[core]\n fsmonitor = {trap}\n fsmonitorHookVersion = 2\n untrackedCache = true",
    "core.pager": "[core]\n pager = {trap}",
    "pager.log": "[pager]\n log = {trap}\n ls-files = {trap}\n cat-file = {trap}\n describe = {trap}\n ls-remote = {trap}",
    "color.pager": "[color]\n ui = always\n pager = true\n[core]\n pager = {trap}",
    "diff.external": "[diff]\n external = {trap}",
    "diff.x.textconv": '[diff "x"]\n textconv = {trap}\n cachetextconv = true',
    "diff.x.command": '[diff "x"]\n command = {trap}',
    "filter.x.process": '[filter "x"]\n process = {trap}\n required = true',
    "filter.x.clean": '[filter "x"]\n clean = {trap}\n smudge = {trap}\n required = true',
    "merge.x.driver": '[merge "x"]\n driver = {trap}',
    "core.sshCommand": "[core]\n sshCommand = {trap}\n gitProxy = {trap}",
    "core.askPass": "[core]\n askPass = {trap}",
    "core.editor": "[core]\n editor = {trap}\n[sequence]\n editor = {trap}",
    "core.alternateRefsCommand": "[core]\n alternateRefsCommand = {trap}",
    "core.hooksPath": "[core]\n hooksPath = {hooks}",
    "credential.helper": '[credential]\n helper = {trap}\n[credential "https://example.invalid"]\n helper = !{trap}',
    "alias": "[alias]\n log = !{trap}\n ls-files = !{trap}\n cat-file = !{trap}\n describe = !{trap}\n ls-remote = !{trap}",
    "trailer": '[trailer "sign"]\n key = Sign\n command = {trap}\n cmd = {trap}\n ifmissing = add',
    "interactive.diffFilter": "[interactive]\n diffFilter = {trap}",
    "uploadpack.packObjectsHook": "[uploadpack]\n packObjectsHook = {trap}",
    "promisor": '[core]\n repositoryformatversion = 1\n[extensions]\n partialClone = origin\n[remote "origin"]\n'
                ' url = {folder}\n promisor = true\n uploadpack = {trap}',
    "promisor ext": '[core]\n repositoryformatversion = 1\n[extensions]\n partialClone = origin\n[protocol "ext"]\n'
                    ' allow = always\n[remote "origin"]\n url = ext::{trap}\n promisor = true',
    "url.insteadOf": '[protocol "ext"]\n allow = always\n[url "ext::{trap} "]\n insteadOf = file://',
    "include.path": "[include]\n path = {included}",
    "includeIf.path": '[includeIf "gitdir:/**"]\n path = {included}',
    "extensions.worktreeConfig": "[core]\n repositoryformatversion = 1\n[extensions]\n worktreeConfig = true",
    "submodule": '[submodule]\n recurse = true\n[submodule "x"]\n update = !{trap}\n active = true',
    "browser and tools": '[diff]\n tool = x\n[difftool "x"]\n cmd = {trap}\n[mergetool "x"]\n cmd = {trap}',
    "gc and maintenance": "[gc]\n auto = 1\n autoDetach = false\n[maintenance]\n auto = true\n[core]\n hooksPath = {hooks}",
    "tar and bundle": '[tar "x"]\n command = {trap}\n[remote "origin"]\n vcs = {trap}\n receivepack = {trap}',
}  # fmt: skip


def set_trap(project: Path, trap: Path, text: str) -> None:
    hooks = trap.parent / "hooks"
    hooks.mkdir()
    for folder in (hooks, project / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in (
            "post-index-change",
            "fsmonitor-watchman",
            "reference-transaction",
            "post-checkout",
            "pre-auto-gc",
        ):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(trap)
    signature = f"[log]\n showSignature = true\n[gpg]\n program = {trap}\n[core]\n fsmonitor = {trap}\n"
    included = trap.parent / "included"
    included.write_text(signature, encoding="utf-8")
    (project / ".git" / "config.worktree").write_text(signature, encoding="utf-8")
    said = text.format(trap=trap, hooks=hooks, folder=project, included=included)
    with (project / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(said + "\n")


@pytest.mark.parametrize("name", TRAPS)
def test_a_program_that_a_repository_names_is_never_run(name: str, project: Path, trap: Path) -> None:
    set_trap(project, trap, TRAPS[name])
    assert look_at_everything(project) == EVERYTHING


@pytest.mark.parametrize("name", ["promisor", "promisor ext"])
def test_an_object_that_is_missing_is_fetched_from_nowhere(name: str, project: Path, trap: Path) -> None:
    """Git fetches what a partial clone lacks by itself, with the program that the remote names."""
    set_trap(project, trap, TRAPS[name])
    blob = plain(project, "rev-parse", "HEAD~1:.claude/skills/x/SKILL.md")
    (project / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    found = look_at_everything(project)
    assert (found["files"], found["changes"], found["versions"]) == (3, 9, 4)


def test_an_attribute_or_an_index_of_the_repository_runs_nothing(project: Path, trap: Path) -> None:
    plain(project, "update-index", "--split-index")
    set_trap(project, trap, TRAPS["filter.x.process"] + "\n" + TRAPS["diff.x.textconv"])
    (project / ".git" / "info").mkdir(exist_ok=True)
    (project / ".git" / "info" / "attributes").write_text("* diff=x filter=x\n", encoding="utf-8")
    assert look_at_everything(project) == EVERYTHING


@pytest.mark.parametrize(
    "name", ["gpg.program", "gpg.x509.program", "core.fsmonitor", "filter.x.clean", "alias"]
)
def test_the_traps_are_traps(name: str, project: Path, tmp_path: Path) -> None:
    """Git as a developer runs it falls into them: the tests above can fail."""
    program, trace = tmp_path / "trap.sh", tmp_path / "was-run"
    program.write_text(f"#!/bin/sh\ntouch {trace}\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    set_trap(project, program, TRAPS[name])
    (project / ".git" / "hooks" / "post-index-change").unlink()
    plain(project, "config", "alias.x", f"!{program} || true") if name == "alias" else None
    for arguments in (
        ["log", "-n1", "--format=%H"],
        ["status", "--porcelain"],
        ["x"] if name == "alias" else ["log"],
    ):
        subprocess.run(["git", *arguments], cwd=project, capture_output=True, check=False)
    assert trace.exists()


def test_no_other_module_starts_a_program() -> None:
    """One place calls git, so one place has to be right; what else starts a program does what the user has asked for."""
    starters = {
        path.relative_to(PROJECT).as_posix()
        for folder in ("ingest", "agent_store")
        for path in (PROJECT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(one.name == "subprocess" for one in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "subprocess")
        or (
            isinstance(node, ast.Attribute)
            and node.attr in {"system", "popen", "posix_spawn", "execv", "execve", "execvp"}
        )
    }
    assert starters == {
        "ingest/git.py",
        # The client, to install the plugin; cron, systemd and launchd.
        "agent_store/plugin_install.py",
        "agent_store/schedule.py",
        # macOS, whether its disk is encrypted.
        "agent_store/at_rest.py",
        # A build in a process of its own.
        "agent_store/library/building.py",
        "agent_store/serve/mcp/background.py",
        # The builds of shards, each the program itself.
        "agent_store/lake/run.py",
        # What answers models, and a query that anyone may have written.
        "agent_store/serve/mcp/child.py",
        "agent_store/serve/sandbox/parent.py",
        # The test command that the user has set for a project.
        "agent_store/record/hooks/task_completed.py",
        "agent_store/record/hooks/test_run.py",
    }


# --- what is read


def test_a_configuration_cannot_move_the_working_files(project: Path, tmp_path: Path) -> None:
    """With core.worktree git would list, and a scan would land, the files of another folder."""
    private = tmp_path / "private"
    private.mkdir()
    (private / "secret.py").write_text("KEY = 1\n", encoding="utf-8")
    plain(project, "config", "core.worktree", str(private))
    run = _Run("here", 1)
    run.add_repository(project, is_named=True)
    assert {file.repository for file in run.todo} == {str(project)}
    assert not [file for file in run.todo if "secret" in file.path]


@pytest.mark.parametrize(
    "head",
    [
        "ref: ../../../secret", "ref: refs/../../../secret", "ref: refs/heads/../../../../secret", "--output=/x",
        "ref: /etc/hostname", "not a commit", "ref: refs/heads/loop", "",
    ],
)  # fmt: skip
def test_head_is_a_commit_and_nothing_else(head: str, project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password\n", encoding="utf-8")
    (project / ".git" / "refs" / "heads" / "loop").write_text("ref: refs/heads/loop\n", encoding="utf-8")
    (project / ".git" / "HEAD").write_text(f"{head}\n", encoding="utf-8")
    assert git.head_of(project) is None
    assert not components.scan_history([Folder(project, "project")], {}, set, set)


@pytest.mark.parametrize("broken", ["HEAD", ".git"])
@pytest.mark.parametrize("kind", ["pipe", "nul", "latin", "device", "folder"])
def test_a_git_folder_that_is_none_neither_blocks_nor_fails(broken: str, kind: str, project: Path) -> None:
    place = project / ".git" / "HEAD" if broken == "HEAD" else project / ".git"
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    elif kind == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"gitdir: /tmp/a\0b" if kind == "nul" else b"ref: refs/heads/\xe9\xff\n")
    started = time.monotonic()
    found = look_at_everything(project, remote=False)
    assert found["commits"] == found["changes"] == 0
    assert time.monotonic() - started < 5


def test_git_that_waits_is_stopped(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = project / ".git" / "objects"
    head = git.head_of(project)
    assert head is not None
    loose = objects / head[:2] / head[2:]
    loose.unlink()
    os.mkfifo(loose)
    started = time.monotonic()
    with pytest.raises(git.GitError, match="did not answer in time"):
        git.run(project, ["log", "-n1"], seconds=0.3)
    assert time.monotonic() - started < 3
    (project / ".git" / "index").unlink()
    os.mkfifo(project / ".git" / "index")
    with pytest.raises(git.GitError, match="index is not a regular file"):
        git.run(project, ["ls-files"])


def test_what_git_prints_has_a_limit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "MOST_OUTPUT", 100)
    with pytest.raises(git.GitError, match="printed more than"):
        git.run(project, ["log"])


def test_a_content_that_is_too_large_is_never_unpacked(project: Path) -> None:
    commit(project, {"api.json": "0" * 300_000})
    names = [f"HEAD:{name}" for name in ("api.json", "no such file", ".claude", ".claude/skills/x/SKILL.md")]
    assert [name for name, _ in git.blobs(project, names, 100_000)] == ["HEAD:.claude/skills/x/SKILL.md"]
    assert [len(data) for _, data in git.blobs(project, names[:1], 300_000)] == [300_000]


def test_a_repository_of_another_user_is_read_only_where_git_would(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text("", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    git._user_settings.cache_clear()
    assert git.head_of(project) is None
    with pytest.raises(git.GitError, match="belongs to another user"):
        git.run(project, ["log", "-n1"])
    for said, is_read in (
        (f"[safe]\n directory = {project}\n", True),
        ("[safe]\n directory = *\n", True),
        ("[safe]\n directory = *\n directory =\n", False),
        (f"[safe]\n directory = {project.parent}/*\n", True),
        ("[safe]\n directory = /elsewhere\n", False),
    ):
        settings.write_text(said, encoding="utf-8")
        git._user_settings.cache_clear()
        assert (git.head_of(project) is not None) == is_read, said
    git._user_settings.cache_clear()


def test_what_the_user_ignores_everywhere_stays_ignored(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the user's own settings this one counts: what it names was never meant to be seen."""
    (tmp_path / "ignored").write_text("*.private\n", encoding="utf-8")
    (tmp_path / "gitconfig").write_text(f"[core]\n excludesFile = {tmp_path / 'ignored'}\n", encoding="utf-8")
    (project / ".git" / "info").mkdir(exist_ok=True)
    (project / ".git" / "info" / "exclude").write_text("*.here\n", encoding="utf-8")
    for name in ("a.private", "b.here", "c.py", ".gitignore"):
        (project / name).write_text("*.log\n" if name == ".gitignore" else "", encoding="utf-8")
    (project / "d.log").write_text("", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    git._user_settings.cache_clear()
    found = git.untracked(project).decode().split("\0")
    git._user_settings.cache_clear()
    assert sorted(filter(None, found)) == [".gitignore", "c.py"]


def test_worktrees_submodules_and_shallow_clones_are_read(project: Path, tmp_path: Path) -> None:
    plain(project, "worktree", "add", "-q", str(tmp_path / "second"), "HEAD~1")
    assert git.head_of(tmp_path / "second") == plain(project, "rev-parse", "HEAD~1")
    assert look_at_everything(tmp_path / "second")["commits"] == 3
    plain(tmp_path, "clone", "-q", "--depth=2", project.as_uri(), "shallow")
    assert look_at_everything(tmp_path / "shallow")["commits"] == 2
    plain(project, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./", "inner")
    assert look_at_everything(project / "inner") == EVERYTHING


def test_long_ids_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    plain(tmp_path, "init", "-q", "--object-format=sha256", str(folder))
    (folder / "new.py").write_text("A = 1\n", encoding="utf-8")
    assert git.untracked(folder) == b"new.py\0"
    assert git.run(folder, ["ls-files", "-s"]) == b""
    commit(folder, {".claude/skills/x/SKILL.md": "Count.\n"})
    assert (
        len(components.scan_history([Folder(folder, "project")], {}, set, set).rows["component_commit"]) == 1
    )


def test_a_program_called_git_in_the_folder_is_not_git(
    project: Path, trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(trap, project / "git")
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(project)
    assert look_at_everything(project)["commits"] == 4


@pytest.mark.parametrize(
    "address",
    [
        "ext::{trap}", "ext::sh -c {trap}", "fd::7", "--upload-pack={trap}", "-u{trap}", "ssh://-oProxyCommand={trap}/x",
        "git://127.0.0.1:9/x", "ftp://127.0.0.1:9/x", "file:///no/such/place",
    ],
)  # fmt: skip
def test_an_address_is_no_way_to_run_a_program(address: str, trap: Path) -> None:
    assert git.remote_references(address.format(trap=trap), 5) is None


def test_objects_that_lie_elsewhere_are_found(project: Path, tmp_path: Path) -> None:
    """A clone may borrow the objects of another by a path that is relative to its own."""
    plain(tmp_path, "clone", "-q", "--shared", str(project), "borrower")
    alternates = tmp_path / "borrower" / ".git" / "objects" / "info" / "alternates"
    alternates.write_text("../../../project/.git/objects\n", encoding="utf-8")
    assert look_at_everything(tmp_path / "borrower") == EVERYTHING


# --- names and places that mean something else


ODD_NAMES = (
    "--output=was-run", "-", "-Oetc", "a'b", 'a"b', "a\nb", "a\tb", "a\\b", "$(touch was-run)", "`touch was-run`",
    ":(exclude)x", ":!x", "HEAD", "@{u}", "\u202ea", "{{ x }}", "a;b|c&d", " ",
)  # fmt: skip


def test_names_of_files_are_data(project: Path, trap: Path) -> None:
    """Names that are options, revisions, pathspecs or commands to whoever does not take care."""
    for name in ODD_NAMES:
        folder = project / ".claude" / "skills" / name
        folder.mkdir()
        (folder / "SKILL.md").write_text("---\nname: x\n---\nText.\n", encoding="utf-8")
        (project / f"{name}.py").write_text("A = 1\n", encoding="utf-8")
    plain(project, "--literal-pathspecs", "add", "-A")
    plain(project, "commit", "-qm", "Names")
    listed = git.run(project, ["ls-files", "-z"]).decode().split("\0")
    assert {f".claude/skills/{name}/SKILL.md" for name in ODD_NAMES} <= set(listed)
    history = components.scan_history([Folder(project, "project")], {}, set, set)
    told = {value for row in history.rows["component_commit"] for value in row}
    assert {f".claude/skills/{name}/SKILL.md" for name in ODD_NAMES} <= told
    run = _Run("here", 1)
    run.add_repository(project, is_named=True)
    assert not run.problems
    assert not list(project.rglob("was-run"))


@pytest.mark.parametrize(
    "name", ["--output=was-run", "--upload-pack=x", "-x", "a;touch was-run", "$(touch was-run)", "x{{ 1 }}"]
)
def test_names_of_branches_and_tags_are_data(name: str, project: Path) -> None:
    head = plain(project, "rev-parse", "HEAD")
    # Git makes no such branch; a repository that somebody sends can hold it.
    for kind in ("heads", "tags"):
        (project / ".git" / "refs" / kind / name).write_text(f"{head}\n", encoding="utf-8")
    (project / ".git" / "HEAD").write_text(f"ref: refs/heads/{name}\n", encoding="utf-8")
    found = look_at_everything(project, remote=False)
    assert (found["commits"], found["versions"]) in {(4, 4), (0, 0)}
    assert not list(project.rglob("was-run"))


def test_a_git_file_that_names_another_repository_shows_only_what_git_would(
    project: Path, tmp_path: Path
) -> None:
    """`.git` may be a file that names the folder: the working files stay those beside it."""
    sent = tmp_path / "sent"
    sent.mkdir()
    (sent / "own.py").write_text("A = 1\n", encoding="utf-8")
    (sent / ".git").write_text(f"gitdir: {project}/.git\n", encoding="utf-8")
    run = _Run("here", 1)
    run.add_repository(sent, is_named=True)
    assert {file.repository for file in run.todo} <= {str(sent), str(project)}
    (sent / ".git").write_text("gitdir: ../../../../../../etc\n", encoding="utf-8")
    assert git.head_of(sent) is None
    (sent / ".git").write_text("gitdir: \\\\evil.example\\share\\x\n", encoding="utf-8")
    assert git.head_of(sent) is None


def test_a_bare_repository_that_lies_in_a_folder_is_not_a_repository(
    project: Path, tmp_path: Path, trap: Path
) -> None:
    """As files of another repository it can be sent with a configuration of its own."""
    inner = project / "docs" / "x.git"
    plain(tmp_path, "clone", "-q", "--bare", str(project), str(inner))
    with (inner / "config").open("a", encoding="utf-8") as config:
        config.write(f"[core]\n fsmonitor = {trap}\n worktree = {inner.parent}\n pager = {trap}\n")
    assert git.is_bare(inner)
    assert git.head_of(inner) is None
    assert git.repository_of(inner) == project
    assert look_at_everything(project) | {"files": 0} == EVERYTHING | {"files": 0}


@pytest.mark.parametrize(
    "said", ["/proc/self/root", "/dev", "{pipe}", "../../../../..", "/nowhere\n/dev/zero", "#\n\n", "{self}"]
)
def test_objects_that_are_said_to_lie_anywhere_neither_block_nor_fail(
    said: str, project: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    pipe.mkdir()
    os.mkfifo(pipe / "pack")
    alternates = project / ".git" / "objects" / "info" / "alternates"
    text = said.format(pipe=pipe, self=project / ".git" / "objects") + "\n"
    alternates.write_text(text, encoding="utf-8")
    started = time.monotonic()
    assert look_at_everything(project, remote=False)["commits"] == 4
    assert time.monotonic() - started < 10


def test_attributes_and_modules_of_a_repository_run_nothing(project: Path, trap: Path) -> None:
    set_trap(
        project, trap, TRAPS["filter.x.process"] + "\n" + TRAPS["diff.x.textconv"] + "\n" + TRAPS["submodule"]
    )
    commit_files = {
        ".gitattributes": "* filter=x diff=x merge=x ident text eol=crlf working-tree-encoding=UTF-16 export-subst\n",
        ".gitmodules": f'[submodule "x"]\n path = sub\n url = ext::{trap}\n update = !{trap}\n',
    }
    for name, text in commit_files.items():
        (project / name).write_text(text, encoding="utf-8")
    (project / "sub").mkdir()
    look_at_everything(project)


def test_the_message_of_a_commit_cannot_make_up_another(project: Path) -> None:
    head, forged = plain(project, "rev-parse", "HEAD"), "f" * 40
    separators = f"Change\x1e{forged}\x1f1\x1fForged\x02{forged}\x1f1\x1fForged\x85\u2028 1\t1\t.claude/agents/forged.md"
    (project / ".claude" / "agents").mkdir()
    (project / ".claude" / "agents" / "real.md").write_text("Text.\n", encoding="utf-8")
    plain(project, "add", "-A")
    tree = plain(project, "write-tree")
    made = plain(project, "commit-tree", tree, "-p", head, given=separators)
    plain(project, "reset", "-q", "--hard", made)
    rows = components.scan_history([Folder(project, "project")], {}, set, set).rows["component_commit"]
    assert len(rows) == 5
    told = {value for row in rows for value in row}
    assert forged not in told
    assert ".claude/agents/forged.md" not in told
    assert ".claude/agents/real.md" in told
