"""Configurations may hold secrets: for settings, MCP servers and plugins only names are kept, never their text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ingest.components.component import Found, Parsed
from ingest.text import one_line

_HIDDEN_ARGUMENT = re.compile(r"(?i)(token|secret|password|passwd|api[_-]?key|authorization|bearer|=)")
_PACKAGE = re.compile(r"^@?[\w.-]+(?:/[\w.-]+)*(?:@[\w.^~-]+)?$")


def parse_configuration(found: Found, text: str) -> Parsed:
    parsed = Parsed(body="", keeps_text=False)
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        parsed.problem = f"not JSON: {one_line(error)}"
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
    """The package that npx, uvx or the like run; never an argument that may be a secret."""
    for argument in arguments:
        text = str(argument)
        if text.startswith("-"):
            continue
        if _PACKAGE.fullmatch(text) and not _HIDDEN_ARGUMENT.search(text) and len(text) <= 80:  # noqa: PLR2004
            return text
        return None
    return None


def _listed_in(mapping: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key; empty if there is none."""
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
