"""Finds the components of agents: skills, agents, commands, rules, CLAUDE.md, hooks and MCP configurations."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest import git
from ingest.components.component import MOST_BYTES, TEXT_SUFFIXES, Folder, Found
from ingest.files import read_regular, reason_of, stamp_of, valid_name

MOST_FILES: Final = 50_000
DEEPEST: Final = 12
_SKIPPED: Final = frozenset({".git", "node_modules", "__pycache__", ".venv", ".mypy_cache", ".pytest_cache"})
_SCRIPT_SUFFIXES: Final = frozenset(
    {".py", ".sh", ".bash", ".zsh", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".ps1", ".go", ".rs", ".sql"}
)
_MEMORY_NAMES: Final = ("CLAUDE.md", "CLAUDE.local.md", "AGENTS.md")
_EVAL_REPORT: Final = "aggregate-result.json"
_LEADS_OUT: Final = "a link that leads out of the project"


class Finder:
    """Walks folders for component files; a circular link is followed once."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Found] = {}
        self.problems: list[tuple[str, str]] = []
        self._plugins: set[str] = set()
        self._within: str | None = None
        self._real: dict[Path, str] = {}

    def look(self, folder: Folder) -> None:
        """Find everything in a folder."""
        root = folder.path
        # Nobody asked to trust a project: its links are followed only within its repository.
        self._within = whole_of(root) if folder.origin == "project" else None
        if folder.origin == "home":
            self.config_dir(root, root, "user")
            self.installed_plugins(root)
            return
        self.config_dir(root / ".claude", root, "project")
        for name in _MEMORY_NAMES:
            self.file(root / name, root, "project", "reference_file", name, role="memory")
        self.file(root / ".mcp.json", root, "project", "mcp_config", ".mcp.json", role="config")
        if (root / ".claude-plugin").is_dir():
            self.marketplace(root)
        if (root / ".claude-plugin" / "plugin.json").is_file():
            self.plugin(root, root, None)
        elif folder.origin == "named" or (root / "skills").is_dir():
            self.skills(root / "skills", root, "project", None)
            self.evals(root, root, None)

    def _leads_out(self, path: Path) -> bool:
        """Whether links lead from a path out of the project; a project may name only its own files."""
        if self._within is None:
            return False
        real = self._real.get(path.parent)
        if real is None:
            real = self._real[path.parent] = os.path.realpath(path.parent)
        if path.name == ".." or path.is_symlink():
            real = os.path.realpath(path)
        return real != self._within and not real.startswith(self._within.rstrip(os.sep) + os.sep)

    def _not_followed(self, link: Path, real: str, above: frozenset[str]) -> str | None:
        """Why a link to a folder is not followed."""
        if self._leads_out(link):
            return _LEADS_OUT
        if real in above or any(one.startswith(real + os.sep) for one in above):
            return "a link that leads back to a folder above it"
        return None

    def config_dir(self, config: Path, root: Path, scope: str) -> None:
        """A `.claude` folder: in a home or in a project."""
        if not config.is_dir():
            return
        for name in _MEMORY_NAMES:
            if config != root or scope == "user":
                self.file(config / name, root, scope, "reference_file", name, role="memory")
        for name in ("settings.json", "settings.local.json"):
            self.file(config / name, root, scope, "settings", name, role="config")
        self.file(config / ".mcp.json", root, scope, "mcp_config", ".mcp.json", role="config")
        self.parts(config, root, scope, None)
        for path in self.walk(config / "rules"):
            if path.suffix == ".md":
                self.file(path, root, scope, "reference_file", path.name, role="rule")

    def parts(self, config: Path, root: Path, scope: str, plugin: str | None) -> None:
        """The parts that a `.claude` folder and a plugin share."""
        self.skills(config / "skills", root, scope, plugin)
        for kind, folder in (("agent", "agents"), ("command", "commands"), ("output_style", "output-styles")):
            base = config / folder
            for path in self.walk(base):
                if path.suffix == ".md" and path.name.upper() != "README.MD":
                    inner = path.relative_to(base).with_suffix("").parts
                    name = path.stem if kind == "agent" else ":".join(inner)
                    self.file(path, root, scope, kind, name, plugin=plugin)
        for path in self.walk(config / "hooks"):
            if path.suffix in _SCRIPT_SUFFIXES:
                self.file(path, root, scope, "hook", path.name, plugin=plugin, role="script")
            elif path.name == "hooks.json":
                self.file(path, root, scope, "settings", path.name, plugin=plugin, role="config")

    def skills(self, base: Path, root: Path, scope: str, plugin: str | None) -> None:
        """Every folder with a SKILL.md is a skill, which includes all files in the folder."""
        files = list(self.walk(base))
        mains = {path.parent: path for path in files if path.name in {"SKILL.md", "skill.md"}}
        for path in files:
            owner = next((parent for parent in path.parents if parent in mains), None)
            if owner is None:
                continue
            name = owner.name
            if path.name == _EVAL_REPORT:
                self.file(path, root, scope, "eval_report", name, plugin=plugin, owner=name, role="report")
            elif path is mains[owner]:
                self.file(path, root, scope, "skill", name, plugin=plugin, owner=name)
            else:
                role = (
                    "script" if path.suffix in _SCRIPT_SUFFIXES
                    else "reference" if path.suffix in TEXT_SUFFIXES
                    else "asset"
                )  # fmt: skip
                self.file(path, root, scope, "skill", name, plugin=plugin, owner=name, role=role)

    def plugin(self, base: Path, root: Path, name: str | None) -> None:
        """A plugin's folder."""
        real = os.path.realpath(base)
        if real in self._plugins or self._leads_out(base / ".claude-plugin"):
            return
        self._plugins.add(real)
        manifest = base / ".claude-plugin" / "plugin.json"
        plugin = name or base.name
        if self._leads_out(manifest):
            return
        try:
            described = json.loads(read_regular(manifest, MOST_BYTES))
            if isinstance(described, dict) and isinstance(described.get("name"), str):
                plugin = described["name"]
        except (OSError, ValueError, RecursionError):
            pass
        self.file(manifest, root, "plugin", "plugin", plugin, plugin=plugin, role="manifest")
        self.file(
            base / ".mcp.json",
            root,
            "plugin",
            "mcp_config",
            f"{plugin}/.mcp.json",
            plugin=plugin,
            role="config",
        )
        self.evals(base, root, plugin)
        self.parts(base, root, "plugin", plugin)

    def evals(self, base: Path, root: Path, plugin: str | None) -> None:
        """The reports of `claude plugin eval` below a folder's `evals`."""
        for path in self.walk(base / "evals"):
            if path.name == _EVAL_REPORT:
                self.file(path, root, "plugin", "eval_report", plugin or base.name, plugin=plugin, role="report")

    def marketplace(self, root: Path) -> None:
        """The plugins that a marketplace file offers from the same repository."""
        path = root / ".claude-plugin" / "marketplace.json"
        if not path.is_file() or self._leads_out(path):
            return
        self.file(path, root, "project", "plugin", "marketplace.json", role="manifest")
        try:
            offered = json.loads(read_regular(path, MOST_BYTES)).get("plugins", [])
        except (OSError, ValueError, AttributeError, RecursionError):
            return
        for entry in offered if isinstance(offered, list) else []:
            source = entry.get("source") if isinstance(entry, dict) else None
            if isinstance(source, str) and source.startswith("./") and (root / source).is_dir():
                self.plugin(root / source, root, str(entry.get("name") or "") or None)

    def installed_plugins(self, home: Path) -> None:
        """Plugins in the home's cache: the newest version of each, and those of local marketplaces."""
        cache = home / "plugins" / "cache"
        for marketplace in _folders(cache):
            for plugin in _folders(marketplace):
                versions = [one for one in _folders(plugin) if (one / ".claude-plugin").is_dir()]
                if versions:
                    newest = max(versions, key=lambda one: (one.stat().st_mtime_ns, one.name))
                    self.plugin(newest, home, plugin.name)
                elif (plugin / ".claude-plugin").is_dir():
                    self.plugin(plugin, home, plugin.name)
        for marketplace in _folders(home / "plugins" / "marketplaces"):
            if (marketplace / ".claude-plugin" / "plugin.json").is_file():
                self.plugin(marketplace, home, marketplace.name)

    def walk(self, base: Path) -> Iterator[Path]:
        """Every file below a folder, in a fixed order; folders may be links, so circles are detected."""
        if not base.is_dir():
            return
        if self._leads_out(base):
            self.problems.append((str(base), _LEADS_OUT))
            return
        pending: list[tuple[str, frozenset[str]]] = [(str(base), frozenset({os.path.realpath(base)}))]
        count = 0
        while pending:
            folder, above = pending.pop()
            try:
                with os.scandir(folder) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name)
            except OSError as error:
                self.problems.append((folder, f"cannot be listed: {reason_of(error)}"))
                continue
            for entry in entries:
                try:
                    is_folder = entry.is_dir()
                except OSError:
                    is_folder = False
                if not is_folder:
                    count += 1
                    if count > MOST_FILES:
                        self.problems.append(
                            (str(base), f"more than {MOST_FILES:,} files: the rest is ignored")
                        )
                        return
                    yield Path(entry.path)
                    continue
                if entry.name in _SKIPPED:
                    continue
                inner = above
                if entry.is_symlink():
                    real = os.path.realpath(entry.path)
                    if reason := self._not_followed(Path(entry.path), real, above):
                        self.problems.append((entry.path, reason))
                        continue
                    inner = above | {real}
                if len(inner) > DEEPEST:
                    self.problems.append((entry.path, f"links nested more than {DEEPEST} levels deep"))
                    continue
                pending.append((entry.path, inner))

    def file(
        self, path: Path, root: Path, scope: str, kind: str, name: str, *, plugin: str | None = None,
        owner: str | None = None, role: str = "main",
    ) -> None:  # fmt: skip
        """Take a file, if it exists."""
        try:
            status = path.stat()
        except FileNotFoundError:
            if path.is_symlink():
                self.problems.append((str(path), "a broken link"))
            return
        except OSError as error:
            self.problems.append((str(path), f"cannot be read: {reason_of(error)}"))
            return
        if not stat.S_ISREG(status.st_mode):
            return
        if self._leads_out(path):
            self.problems.append((str(path), _LEADS_OUT))
            return
        try:
            shown = path.relative_to(root).as_posix()
        except ValueError:
            shown = path.as_posix()
        base = valid_name(root.as_posix())
        found = Found(base, valid_name(shown), str(path), scope, kind, valid_name(name), plugin, owner, role,
                      stamp_of(status))  # fmt: skip
        self.found.setdefault(found.key, found)


def whole_of(root: Path) -> str:
    """The boundary of a project: its repository, unless that is the user's home or contains it; else its folder."""
    real = Path(os.path.realpath(root))
    top = git.repository_of(real)
    home = Path(os.path.realpath(Path.home()))
    return str(real if top is None or top == home or top in home.parents else top)


def _folders(base: Path) -> list[Path]:
    try:
        return sorted(one for one in base.iterdir() if one.is_dir() and one.name not in _SKIPPED)
    except OSError:
        return []
