"""The documentation site of dbt as one HTML file, and the server that shows it to this machine only.

The page is dbt's own. dbt would put into it all that it knows of the project, three times as much as the page shows, and
would first compile every model and look up every table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from agent_store.show.local_server import ADDRESS, LocalServer, is_asked_for

_SECONDS: Final = 30
# Tests would be most dots of the lineage graph, and unit tests a fifth of the page.
_SHOWN_TYPES: Final = ("model", "seed", "analysis")
# What the page does not read of a node: half of the manifest.
_UNUSED: Final = frozenset(
    {
        "build_path", "checksum", "compiled_path", "contract", "created_at", "doc_blocks", "file_key_name",
        "loaded_at_field", "loaded_at_query", "patch_path", "quoting", "refs", "relation_name", "root_path",
        "unrendered_config", "unrendered_database", "unrendered_schema",
    }
)  # fmt: skip
# The page makes no request, whatever a description says.
_POLICY: Final = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:\">"
)
# The browser would ask for addresses that the page has yet to fill in: hundreds of times, and in vain.
_REPAIRS: Final = (
    (' xlink:href="{{', ' ng-attr-href="{{'),
    ("${require('./assets/favicons/favicon.ico')}", "data:,"),
)
_PLACES: Final = ('"MANIFEST.JSON INLINE DATA"', '"CATALOG.JSON INLINE DATA"')


def page_of(manifest: Mapping[str, Any], template: str, compiled: Mapping[str, str]) -> str:
    """The page: dbt's `template` with the parts of the manifest that it shows.

    `compiled` is the SQL of models as the last build ran it, by their files.
    """
    project = manifest["metadata"]["project_name"]
    nodes = {
        name: _shown(node, compiled)
        for name, node in manifest["nodes"].items()
        if node["resource_type"] in _SHOWN_TYPES
    }
    sources = {name: _shown(source, {}) for name, source in manifest["sources"].items()}
    others = {
        part: {name: _without_unused(one) for name, one in manifest.get(part, {}).items()}
        for part in ("exposures", "metrics", "semantic_models", "saved_queries", "functions")
    }
    known = nodes.keys() | sources.keys() | {name for part in others.values() for name in part}
    shown = {
        "metadata": {"project_name": project, "adapter_type": manifest["metadata"]["adapter_type"]},
        "nodes": nodes,
        "sources": sources,
        **others,
        "unit_tests": {},
        "groups": manifest["groups"],
        "docs": {name: doc for name, doc in manifest["docs"].items() if doc["name"] == "__overview__"},
        "macros": {
            name: _without_unused(macro)
            for name, macro in manifest["macros"].items()
            if macro["package_name"] == project
        },
        "parent_map": {
            name: [parent for parent in parents if parent in known]
            for name, parents in manifest["parent_map"].items()
            if name in known
        },
    }
    page = template.replace("<head>", f"<head>{_POLICY}", 1)
    for broken, sound in _REPAIRS:
        page = page.replace(broken, sound)
    for place, data in zip(_PLACES, (shown, {"nodes": {}, "sources": {}}), strict=True):
        # A text that ends the script would be run as a page.
        page = page.replace(
            place, json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/"), 1
        )
    return page


def _without_unused(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in _UNUSED}


def _shown(node: Mapping[str, Any], compiled: Mapping[str, str]) -> dict[str, Any]:
    config = node.get("config") or {}
    shown = {
        **_without_unused(node),
        "config": {key: config[key] for key in ("contract", "materialized", "meta") if config.get(key)},
        "columns": {
            name: {
                "name": column["name"],
                "description": column["description"],
                # As the page calls it, which would look it up in dbt's catalog.
                "type": column.get("data_type") or "",
                "constraints": [{"type": one["type"]} for one in column.get("constraints") or ()],
            }
            for name, column in node.get("columns", {}).items()
        },
    }
    if sql := compiled.get(node["original_file_path"]):
        shown["compiled_code"] = sql
    return shown


def server_of(page: Path, port: int) -> LocalServer:
    """A server of this one page, which is read once."""
    content = page.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS

        def do_GET(self) -> None:
            self._answer(with_content=True)

        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def _answer(self, *, with_content: bool) -> None:
            if not is_asked_for(self.headers.get_all("Host", []), server.server_port):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return
            if self.path.partition("?")[0] not in {"/", "/index.html"}:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if with_content:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Every request in the terminal helps nobody who reads a page."""

    server = LocalServer((ADDRESS, port), Handler)
    return server
