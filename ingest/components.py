"""Scans what agents are made of: skills, agents, commands, rules, CLAUDE.md, hooks and MCP configurations.

A file is judged by its stamp; only one that has changed is read. Each new content is a row of raw.component_version.
Configurations may hold secrets: of them only names are kept, never their text.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ingest import git, yaml_text
from ingest.batches import Changes, from_timestamp, utc_now
from ingest.discover import Stamp, stamp_of
from ingest.files import read_beginning, read_regular

if TYPE_CHECKING:
    import duckdb

# Longer texts are not what an agent loads; their place and size are kept.
MOST_BYTES: Final = 4 * 1024 * 1024
# A header of names and descriptions.
MOST_FRONT_MATTER: Final = 64 * 1024
# The validator takes a time that grows with the square of what it is given.
MOST_VALIDATED: Final = 8 * 1024
MOST_FILES: Final = 50_000
MOST_PATH: Final = 4_096
DEEPEST: Final = 12
MOST_COMMITS: Final = 1_000
# Recommended by the client's documentation.
BODY_LINES: Final = 500
LISTING_CHARACTERS: Final = 1_536
_PROBE_BYTES: Final = 8_192
_SKIPPED: Final = frozenset({".git", "node_modules", "__pycache__", ".venv", ".mypy_cache", ".pytest_cache"})
_LONGEST_NUMBER: Final = 3_321  # in bits: a thousand digits
_TEXT_SUFFIXES: Final = frozenset({".md", ".markdown", ".mdc", ".txt", ".json", ".yaml", ".yml", ".toml"})
_SCRIPT_SUFFIXES: Final = frozenset(
    {".py", ".sh", ".bash", ".zsh", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".ps1", ".go", ".rs", ".sql"}
)
_MEMORY_NAMES: Final = ("CLAUDE.md", "CLAUDE.local.md", "AGENTS.md")
# Each takes a time that grows with the text, not with its square: no two of their beginnings read the same signs.
_LINK = re.compile(r"\[[^\[\]\n]*\]\(<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_IMPORT = re.compile(r"(?m)(?:^|(?<=\s))@((?:~/|\.{0,2}/)?[\w.-]+(?:/[\w.-]+)*\.\w+)")
_BARE = re.compile(
    r"(?<![\w/(\].-])((?:references?|scripts|assets|resources|templates|examples)/[\w.-]+(?:/[\w.-]+)*\.\w+)"
)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9(][^#\n\"'`{}\[\]&*!|>%@\\]*")
_PLAIN_LINE = re.compile(r"^([A-Za-z][\w-]*):[ \t]+([^ \t](?:.*[^ \t])?)[ \t]*$")
_HIDDEN_ARGUMENT = re.compile(r"(?i)(token|secret|password|passwd|api[_-]?key|authorization|bearer|=)")
_LEADS_OUT: Final = "a link that leads out of the project"
_PACKAGE = re.compile(r"^@?[\w.-]+(?:/[\w.-]+)*(?:@[\w.^~-]+)?$")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to look into, and what it is."""

    path: Path
    origin: str  # home | project | named


@dataclass(frozen=True, slots=True)
class Found:
    """A file that belongs to a component."""

    root: str
    path: str
    system_path: str
    scope: str
    component_type: str
    name: str
    plugin: str | None
    owner: str | None
    role: str
    stamp: Stamp
    problem: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Where it stands."""
        return self.root, self.path


@dataclass(slots=True)
class Parsed:
    """What a component's text says."""

    body: str
    front_matter: Mapping[str, Any] | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    validator: str | None = None
    validator_version: str | None = None
    problem: str | None = None
    entries: list[dict[str, str | None]] = field(default_factory=list)
    links: list[dict[str, object]] = field(default_factory=list)
    keeps_text: bool = True


# ------------------------------------------------------------------------------------------- finding


class Finder:
    """Walks folders for files that belong to components; a link that leads in a circle is followed once."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Found] = {}
        self.problems: list[tuple[str, str]] = []
        self._plugins: set[str] = set()
        self._within: str | None = None
        self._real: dict[Path, str] = {}

    def look(self, folder: Folder) -> None:
        """Find everything in a folder."""
        root = folder.path
        # Nobody asked to trust a project: its links are followed as far as its repository goes.
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

    def _leads_out(self, path: Path) -> bool:
        """Whether links lead from a path out of the project, which may name what is in it and nothing else."""
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
        """A `.claude` folder: of a home or of a project."""
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
        """What a `.claude` folder and a plugin have in common."""
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
        """Every folder with a SKILL.md is a skill; everything in it belongs to it."""
        files = list(self.walk(base))
        mains = {path.parent: path for path in files if path.name in {"SKILL.md", "skill.md"}}
        for path in files:
            owner = next((parent for parent in path.parents if parent in mains), None)
            if owner is None:
                continue
            name = owner.name
            if path is mains[owner]:
                self.file(path, root, scope, "skill", name, plugin=plugin, owner=name)
            else:
                role = (
                    "script" if path.suffix in _SCRIPT_SUFFIXES
                    else "reference" if path.suffix in _TEXT_SUFFIXES
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
        self.parts(base, root, "plugin", plugin)

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
        """Every file below a folder, in a fixed order; folders are linked, too, so circles are watched for."""
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
                self.problems.append((folder, f"cannot be listed: {error.strerror or error}"))
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
                            (str(base), f"more than {MOST_FILES:,} files: the rest is not looked at")
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
                    self.problems.append((entry.path, f"links nested more than {DEEPEST} deep"))
                    continue
                pending.append((entry.path, inner))

    def file(
        self, path: Path, root: Path, scope: str, kind: str, name: str, *, plugin: str | None = None,
        owner: str | None = None, role: str = "main",
    ) -> None:  # fmt: skip
        """Take a file, if it is there."""
        try:
            status = path.stat()
        except FileNotFoundError:
            if path.is_symlink():
                self.problems.append((str(path), "a link that leads nowhere"))
            return
        except OSError as error:
            self.problems.append((str(path), f"cannot be read: {error.strerror or error}"))
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
        base = _as_text(root.as_posix())
        found = Found(base, _as_text(shown), str(path), scope, kind, _as_text(name), plugin, owner, role,
                      stamp_of(status))  # fmt: skip
        self.found.setdefault(found.key, found)


def whole_of(root: Path) -> str:
    """What a project is: its repository, unless that is the user's home or more; else its folder."""
    real = Path(os.path.realpath(root))
    top = git.repository_of(real)
    home = Path(os.path.realpath(Path.home()))
    return str(real if top is None or top == home or top in home.parents else top)


def _folders(base: Path) -> list[Path]:
    try:
        return sorted(one for one in base.iterdir() if one.is_dir() and one.name not in _SKIPPED)
    except OSError:
        return []


def _as_text(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


# ------------------------------------------------------------------------------------------- reading


def split_front_matter(text: str) -> tuple[str | None, str]:
    """The front matter of a Markdown file, None if it has none, and the rest."""
    if not text.startswith("---"):
        return None, text
    match = re.match(r"---[ \t]*\r?\n(.*?)(?:^|\n)---[ \t]*(?:\r?\n|$)", text, re.DOTALL)
    return (match[1], text[match.end() :]) if match else (None, text)


def plain_front_matter(text: str) -> dict[str, str] | None:
    """Front matter of plain `key: value` lines, which need no YAML parser; None if it is anything else."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _PLAIN_LINE.match(line)
        if (
            match is None
            or not _PLAIN_VALUE.fullmatch(match[2])
            or ": " in match[2]
            or match[2].endswith(":")
        ):
            return None
        if match[1] in found:
            return None
        found[match[1]] = match[2]
    return found


def read_front_matter(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Front matter as a mapping, and why it is none. The client forgives what YAML does not, so lines are tried too."""
    plain = plain_front_matter(text)
    if plain is not None:
        return plain, None
    try:
        loaded = yaml_text.load(text, MOST_FRONT_MATTER)
    except yaml_text.YamlError as error:
        lines = [match for line in text.splitlines() if (match := _PLAIN_LINE.match(line))]
        loose = {match[1]: match[2].strip("\"'") for match in lines}
        return loose or None, f"front matter is not YAML: {error}"
    if loaded is None:
        return {}, None
    if not isinstance(loaded, dict):
        return None, "front matter is not a mapping"
    return {str(_simple(key)): _simple(value) for key, value in loaded.items()}, None


def _simple(value: object) -> Any:  # noqa: ANN401 - what JSON can hold
    """A value of YAML as JSON can hold it: its dates, sets and endless numbers as text."""
    if isinstance(value, dict):
        return {str(_simple(key)): _simple(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_simple(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        return "a number of more than 1,000 digits"
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _skill_errors(text: str, folder: Path) -> list[str]:
    """What the reference validator of the Agent Skills format says."""
    from skills_ref.errors import SkillError  # type: ignore[import-untyped]
    from skills_ref.parser import parse_frontmatter  # type: ignore[import-untyped]
    from skills_ref.validator import validate_metadata  # type: ignore[import-untyped]

    header, _ = split_front_matter(text)
    plain = plain_front_matter(header) if header is not None else None
    if plain is not None and "metadata" not in plain:
        return [str(error) for error in validate_metadata(plain, folder)]
    if header is not None and len(header) > MOST_VALIDATED:
        return [f"the front matter is longer than {MOST_VALIDATED:,} characters: not validated"]
    try:
        metadata, _ = parse_frontmatter(text)
    except (SkillError, ValueError, RecursionError) as error:
        return [" ".join(str(error).split())[:500]]
    return [str(error) for error in validate_metadata(metadata, folder)]


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def parse(found: Found, text: str) -> Parsed:
    """Take a component's text apart."""
    if found.component_type in {"settings", "mcp_config", "plugin"}:
        return _parse_config(found, text)
    header, body = split_front_matter(text)
    parsed = Parsed(body=body.strip())
    is_markdown = found.system_path.endswith((".md", ".markdown", ".mdc"))
    if is_markdown and found.role in {"main", "memory", "rule"}:
        if header is not None:
            parsed.front_matter, parsed.problem = read_front_matter(header)
        elif text.startswith("---"):
            parsed.problem = "front matter is not closed"
    if is_markdown:
        parsed.links = _links(Path(found.system_path), body)
        parsed.warnings += [
            f"link to a missing file: {link['target']}" for link in parsed.links if not link["exists"]
        ]
        parsed.warnings += _import_circles(Path(found.system_path), body)
    if found.role != "main":
        return parsed
    front = parsed.front_matter or {}
    if found.component_type == "skill":
        _check_skill(found, text, parsed, front)
    elif found.component_type == "agent":
        _check_agent(parsed, front)
    elif found.component_type == "command":
        parsed.validator, parsed.validator_version = "command-file", "1"
        if parsed.problem:
            parsed.errors.append(parsed.problem)
        if not parsed.body:
            parsed.warnings.append("the command has no text")
    for kind, key in (
        ("tool", "tools"),
        ("tool", "allowed-tools"),
        ("skill", "skills"),
        ("mcp_server", "mcpServers"),
    ):
        parsed.entries += [{"type": kind, "name": name} for name in _listed(front.get(key))]
    return parsed


def _check_skill(found: Found, text: str, parsed: Parsed, front: Mapping[str, Any]) -> None:
    parsed.validator, parsed.validator_version = "skills-ref", _version_of("skills-ref")
    parsed.errors += _skill_errors(text, Path(found.system_path).parent)
    if not parsed.body:
        parsed.warnings.append("the skill has no body")
    if parsed.body.count("\n") >= BODY_LINES:
        parsed.warnings.append(
            f"the body has {parsed.body.count(chr(10)) + 1} lines; {BODY_LINES} are recommended at most"
        )
    listed = f"{front.get('description') or ''}{front.get('when_to_use') or ''}"
    if len(listed) > LISTING_CHARACTERS:
        parsed.warnings.append(
            f"description and when_to_use are cut at {LISTING_CHARACTERS} characters in the listing"
        )


def _check_agent(parsed: Parsed, front: Mapping[str, Any]) -> None:
    parsed.validator, parsed.validator_version = "agent-file", "1"
    if parsed.problem:
        parsed.errors.append(parsed.problem)
    for key in ("name", "description"):
        if not str(front.get(key) or "").strip():
            parsed.errors.append(f"Missing required field in frontmatter: {key}")
    name = str(front.get("name") or "")
    if name and not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", name):
        parsed.errors.append(
            f"Agent name '{name}' may hold lower-case letters, digits and single hyphens only"
        )
    if not parsed.body:
        parsed.warnings.append("the agent has no system prompt")


def _listed(value: object) -> list[str]:
    """Names in a list, or in a text with commas; what stands in brackets belongs to the name before it."""
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    if isinstance(value, list):
        return [str(next(iter(one))) if isinstance(one, Mapping) and one else str(one) for one in value]
    if isinstance(value, str):
        return [part for part in re.split(r"[,\s]+", _without_brackets(value)) if part and part != "*"]
    return []


def _without_brackets(text: str) -> str:
    """A text without what stands in round brackets; as it is where one is not closed."""
    parts: list[str] = []
    depth = 0
    for part in re.split(r"([()])", text):
        depth = max(depth + {"(": 1, ")": -1}.get(part, 0), 0)
        if not depth and part != ")":
            parts.append(part)
    return text if depth else "".join(parts)


def _links(path: Path, body: str) -> list[dict[str, object]]:
    """The files that a text refers to, and whether they are there."""
    found: dict[str, dict[str, object]] = {}
    text = re.sub(r"(?ms)^(```|~~~).*?^\1", "", body)
    for kind, pattern in (("link", _LINK), ("import", _IMPORT), ("mention", _BARE)):
        for match in pattern.finditer(text):
            target = match[1].split("#", 1)[0].split("?", 1)[0]
            if not target or "://" in target or target.startswith(("mailto:", "$", "{", "<", "//")):
                continue
            if (
                kind == "import"
                and "/" not in target
                and not target.lower().endswith((".md", ".txt", ".json"))
            ):
                continue
            clean = target.replace("%20", " ")
            place = (
                Path(clean).expanduser() if clean.startswith("~") else path.parent / clean.removeprefix("/")
            )
            try:
                exists = place.exists()
            except (OSError, ValueError):
                exists = False
            if kind != "link" and not exists:  # an address or an example as likely as a file
                continue
            found.setdefault(target, {"kind": kind, "target": target, "exists": exists})
            if len(found) >= 500:  # noqa: PLR2004 - more than any text refers to
                break
    return list(found.values())


def _import_circles(path: Path, body: str) -> list[str]:
    """Imports (`@file`) that lead back to a file already being read."""
    circles: list[str] = []

    def follow(file: Path, text: str, above: tuple[Path, ...]) -> None:
        if len(above) > 5:  # noqa: PLR2004 - the client follows five
            return
        for match in _IMPORT.finditer(text):
            target = Path(match[1]).expanduser() if match[1].startswith("~") else file.parent / match[1]
            try:
                real = target.resolve()
                if real in above:
                    circles.append(f"imports itself through {match[1]}")
                    return
                if target.suffix == ".md" and target.is_file():
                    follow(real, read_regular(target, MOST_BYTES).decode("utf-8", "replace"), (*above, real))
            except (OSError, ValueError, RuntimeError):
                continue

    if "@" in body:
        follow(path, body, (path.resolve(),))
    return list(dict.fromkeys(circles))


# --- configurations: only names are kept


def _parse_config(found: Found, text: str) -> Parsed:
    parsed = Parsed(body="", keeps_text=False)
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        parsed.problem = f"not JSON: {' '.join(str(error).split())[:200]}"
        return parsed
    if not isinstance(loaded, dict):
        parsed.problem = "not a JSON object"
        return parsed
    parsed.entries = [*_servers(loaded), *_hooks(loaded), *_plugins(loaded)]
    if found.component_type == "plugin":
        kept = ("name", "version", "description", "homepage", "repository", "license", "dependencies")
        parsed.front_matter = {key: loaded[key] for key in kept if key in loaded}
        parsed.validator, parsed.validator_version = "plugin-manifest", "1"
        if not isinstance(loaded.get("name"), str):
            parsed.errors.append("Missing required field: name")
    return parsed


def _servers(loaded: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    servers = loaded.get("mcpServers")
    for name, server in servers.items() if isinstance(servers, dict) else ():
        entry: dict[str, str | None] = {"type": "mcp_server", "name": str(name)}
        if isinstance(server, dict):
            url = server.get("url")
            command = server.get("command")
            if isinstance(url, str):
                entry |= {"transport": str(server.get("type") or "http"), "target": _public_url(url)}
            elif isinstance(command, str):
                arguments = server.get("args")
                package = _package(arguments if isinstance(arguments, list) else [])
                entry |= {
                    "transport": "stdio",
                    "target": " ".join(filter(None, (PurePosixPath(command).name, package))),
                }
            environment = server.get("env")
            if isinstance(environment, dict) and environment:
                entry["environment"] = ",".join(sorted(str(key) for key in environment))
        yield entry


def _public_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if _port_of(parts) else ""
    return f"{parts.scheme}://{host}{port}" if host else ""


def _port_of(parts: Any) -> int | None:  # noqa: ANN401
    try:
        return int(parts.port) if parts.port else None
    except ValueError:
        return None


def _package(arguments: Sequence[object]) -> str | None:
    """The package that npx, uvx or the like are to run; never an argument that may be a secret."""
    for argument in arguments:
        text = str(argument)
        if text.startswith("-"):
            continue
        if _PACKAGE.fullmatch(text) and not _HIDDEN_ARGUMENT.search(text) and len(text) <= 80:  # noqa: PLR2004
            return text
        return None
    return None


def _listed_in(mapping: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key; an empty one where there is none."""
    value = mapping.get(key)
    return value if isinstance(value, list) else []


def _hooks(loaded: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    hooks = loaded.get("hooks")
    for event, matchers in hooks.items() if isinstance(hooks, dict) else ():
        for matcher in matchers if isinstance(matchers, list) else ():
            if not isinstance(matcher, dict):
                continue
            pattern = str(matcher.get("matcher") or "")
            for hook in _listed_in(matcher, "hooks"):
                command = str(hook.get("command") or hook.get("type") or "") if isinstance(hook, dict) else ""
                name = f"{event}:{pattern}" if pattern and pattern != "*" else str(event)
                yield {"type": "hook", "name": name, "event": str(event), "matcher": pattern or None,
                       "target": PurePosixPath(command.split(" ", 1)[0].strip("\"'")).name}  # fmt: skip


def _plugins(loaded: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    enabled = loaded.get("enabledPlugins")
    for name, value in enabled.items() if isinstance(enabled, dict) else ():
        yield {
            "type": "plugin",
            "name": str(name).split("@", 1)[0],
            "target": "enabled" if value else "disabled",
        }
    for entry in _listed_in(loaded, "dependencies"):
        name = entry.get("name") if isinstance(entry, dict) else entry
        if isinstance(name, str):
            yield {"type": "plugin", "name": name, "target": "dependency"}


# ------------------------------------------------------------------------------------------- scanning


Places = dict[tuple[str, str], tuple[Stamp, str | None, bool]]


def known_places(connection: duckdb.DuckDBPyConnection | None) -> Places:
    """The memory: where files stood, how they looked, what was in them, whether they are gone."""
    if connection is None:
        return {}
    return {
        (root, path): (Stamp(size, mtime_ns, inode), content_hash, vanished)
        for root, path, size, mtime_ns, inode, content_hash, vanished in connection.execute(
            "select root, path, size_bytes, mtime_ns, inode, content_hash, vanished_at is not null "
            "from raw.component_file"
        ).fetchall()
    }


def scan(
    folders: Sequence[Folder],
    places: Places,
    known_versions: Callable[[], set[tuple[str, str, str]]],
    host: str,
) -> Changes:
    """Look into the folders; returns the versions that are new and how the memory changes."""
    finder = Finder()
    for folder in folders:
        finder.look(folder)
    changes = Changes(files_seen=len(finder.found))
    changed = [
        found for key, found in finder.found.items()
        if key not in places or places[key][0] != found.stamp or places[key][2]
    ]  # fmt: skip
    versions = known_versions() if changed or finder.problems else set()
    for found in changed:
        content_hash = _land(found, changes, versions, host)
        changes.remember("component_file", ("root", "path"), (*found.key, *found.stamp, content_hash, None))
    for path, reason in finder.problems:
        _land_problem(path, reason, changes, versions, host)
    roots = {_as_text(folder.path.as_posix()) for folder in folders}
    for (root, path), (stamp, content_hash, vanished) in places.items():
        if root in roots and not vanished and (root, path) not in finder.found:
            row = (root, path, *stamp, content_hash, utc_now())
            changes.remember("component_file", ("root", "path"), row)
    return changes


def _land(found: Found, changes: Changes, versions: set[tuple[str, str, str]], host: str) -> str | None:
    """Read a file that has changed; returns the hash of what is in it."""
    try:
        status = Path(found.system_path).stat()
        data, size = read_beginning(found.system_path, MOST_BYTES)
        is_long = size > MOST_BYTES
        data = data[:_PROBE_BYTES] if is_long else data
    except OSError as error:
        return _land_problem(
            found.system_path, f"cannot be read: {error.strerror or error}", changes, versions, host
        )
    is_binary = b"\0" in data[:_PROBE_BYTES]
    should_be_text = found.role in {"main", "memory", "rule", "config", "manifest"} or (
        Path(found.system_path).suffix in _TEXT_SUFFIXES
    )
    problem: str | None = None
    parsed: Parsed | None = None
    text = ""
    if is_long:
        content_hash = _digest(data + b"\0%d" % size)
        problem = f"larger than {MOST_BYTES // 1024 // 1024} MiB" if should_be_text else None
    else:
        content_hash = _digest(data)
        if is_binary:
            problem = "binary" if should_be_text else None
        else:
            text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
            try:
                parsed = parse(found, text)
            except (
                RecursionError,
                ValueError,
                TypeError,
                AttributeError,
                LookupError,
                ArithmeticError,
            ) as error:
                parsed = Parsed(body="", problem=f"cannot be taken apart: {' '.join(str(error).split())[:200]}",
                                keeps_text=False)  # fmt: skip
            problem = parsed.problem
            if not parsed.keeps_text:  # the hash covers what is kept: other settings are nobody's business
                kept = json.dumps([parsed.front_matter, parsed.entries, problem], sort_keys=True, default=str)
                content_hash = _digest(kept.encode())
    if (*found.key, content_hash) in versions:
        return content_hash
    versions.add((*found.key, content_hash))
    name = found.name
    if found.component_type == "agent" and parsed and parsed.front_matter:
        name = str(parsed.front_matter.get("name") or name)
    if found.plugin and found.component_type in {"skill", "agent", "command"}:
        name = f"{found.plugin}:{name}"
    has_text = parsed is not None
    keeps_text = parsed is not None and parsed.keeps_text
    dumped = _dumped
    changes.add(
        "component_version",
        (host, found.scope, found.root, found.path, found.component_type, name, found.plugin, found.owner,
         found.role, content_hash,
         _digest(parsed.body.encode("utf-8", "replace")) if parsed is not None and parsed.body else None,
         text if keeps_text else None, size,
         text.count("\n") + (not text.endswith("\n")) if has_text and text else 0 if has_text else None,
         len(text.split()) if has_text else None, len(text) if has_text else None,
         dumped(parsed.front_matter if parsed else None), dumped(parsed.links if parsed else None),
         dumped(parsed.entries if parsed else None), parsed.validator if parsed else None,
         parsed.validator_version if parsed else None,
         json.dumps(parsed.errors, ensure_ascii=False) if parsed and parsed.validator else None,
         json.dumps(parsed.warnings, ensure_ascii=False) if parsed and parsed.validator else None,
         is_binary, problem, from_timestamp(status.st_mtime), utc_now()),
    )  # fmt: skip
    changes.files_grown += 1
    changes.set_aside += problem is not None
    changes.bytes_landed += len(data)
    return content_hash


def _land_problem(
    path: str, reason: str, changes: Changes, versions: set[tuple[str, str, str]], host: str
) -> str:
    """What could not be looked at is a row, too, once per reason."""
    content_hash = _digest(reason.encode())
    shown = _as_text(path)
    if ("", shown, content_hash) not in versions:
        versions.add(("", shown, content_hash))
        now = utc_now()
        changes.add(
            "component_version",
            (host, "unknown", "", shown, "other", PurePosixPath(shown).name or shown, None, None, "other",
             content_hash, None, None, 0, None, None, None, None, None, None, None, None, None, None, False,
             reason, now, now),
        )  # fmt: skip
        changes.set_aside += 1
    return content_hash


def _digest(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()


def _dumped(value: object) -> str | None:
    return json.dumps(value, ensure_ascii=False, default=str) if value else None


# ------------------------------------------------------------------------------------------- history


_COMPONENT_PLACES: Final = (
    ".claude/skills", ".claude/agents", ".claude/commands", ".claude/rules", "skills", "agents", "commands",
    "plugins", ":(glob)CLAUDE.md", ":(glob)AGENTS.md", ":(glob).mcp.json",
)  # fmt: skip
_COMPONENT_FILE = re.compile(
    r"(?:^|/)(?:skills/.+|agents/[^/]+\.md|commands/.+\.md|rules/.+\.md|CLAUDE\.md|AGENTS\.md|\.mcp\.json)$"
)


def commits(folder: Path, since: str | None) -> Iterator[tuple[str, str, int, str, int | None, int | None]]:
    """The commits that changed components: path, hash, seconds since 1970, subject, lines added and deleted."""
    places = [place for place in _COMPONENT_PLACES if place.startswith(":") or (folder / place).exists()]
    arguments = ["log", f"-n{MOST_COMMITS}", "--no-merges", "--numstat", "--no-renames", "--no-ext-diff",
                 "--no-textconv", "--format=%x1e%H%x1f%ct%x1f%s"]  # fmt: skip
    listed: bytes | None = None
    if since is not None and git.is_commit(since):
        listed = git.answer(folder, [*arguments, f"{since}..HEAD", "--", *places])
    if listed is None:
        listed = git.answer(folder, [*arguments, "--", *places])
    for commit in (listed or b"").decode("utf-8", "replace").split("\x1e")[1:]:
        header, _, changed = commit.partition("\n")
        commit_hash, seconds, subject = [*header.split("\x1f", 2), "", ""][:3]
        for line in changed.splitlines():
            added, _, rest = line.partition("\t")
            deleted, _, path = rest.partition("\t")
            if path and len(path) <= MOST_PATH and _COMPONENT_FILE.search(path):
                yield (path.strip('"'), commit_hash, int(seconds or 0), subject[:200],
                       int(added) if added.isdigit() else None, int(deleted) if deleted.isdigit() else None)  # fmt: skip


# The files whose text is loaded as a whole, and what the client fills in when it loads it.
_MAIN_FILE = re.compile(r"(?:^|/)(?:skills/(?:.+/)?(?:SKILL|skill)\.md|agents/[^/]+\.md|commands/.+\.md)$")
_FILLED_IN = re.compile(r"!`|```!|\$ARGUMENTS|\$\{CLAUDE_|\$[0-9]")


def committed_texts(folder: Path, wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """The texts of files as commits left them: path, commit, text. What a commit deleted has none."""
    asked = {f"{commit}:{path}": (path, commit) for path, commit in wanted}
    for name, data in git.blobs(folder, list(asked), MOST_BYTES):
        if b"\0" not in data:
            yield *asked[name], data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _land_bodies(folder: Path, root: str, written: Mapping[tuple[str, str], int], changes: Changes) -> None:
    for path, commit, text in committed_texts(folder, list(written)):
        body = split_front_matter(text)[1].strip()
        if body:
            changes.add(
                "component_body",
                (root, path, commit, from_timestamp(written[path, commit]), _digest(body.encode("utf-8", "replace")),
                 body if _FILLED_IN.search(body) else None),
            )  # fmt: skip


def scan_history(
    folders: Sequence[Folder], memory: Mapping[str, str], known: Callable[[], set[tuple[str, str, str]]],
    known_bodies: Callable[[], set[tuple[str, str, str]]] = set,
) -> Changes:  # fmt: skip
    """Land the commits of components, and the bodies they wrote, where HEAD has moved since the last scan."""
    changes = Changes()
    there: set[tuple[str, str, str]] | None = None
    bodies: set[tuple[str, str, str]] = set()
    for folder in folders:
        head = git.head_of(folder.path)
        name = f"git_history {folder.path}"
        if head is None or memory.get(name) == head:
            continue
        if there is None:
            there, bodies = known(), known_bodies()
        root = _as_text(folder.path.as_posix())
        written: dict[tuple[str, str], int] = {}
        for path, commit_hash, seconds, subject, added, deleted in commits(folder.path, memory.get(name)):
            if _MAIN_FILE.search(path) and (root, path, commit_hash) not in bodies:
                written[path, commit_hash] = seconds
            if (root, path, commit_hash) not in there:
                there.add((root, path, commit_hash))
                changes.add(
                    "component_commit",
                    (root, path, commit_hash, from_timestamp(seconds), subject, added, deleted),
                )
                changes.files_grown += 1
        _land_bodies(folder.path, root, written, changes)
        changes.remember("scan_memory", ("name",), (name, head))
    return changes
