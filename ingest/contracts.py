"""Contracts as rows: OpenAPI 3, JSON Schema, SQL DDL and lists of MCP tools, flattened to one row per element.

An element has a path that is the same in every version of its contract, a parent, and what can be compared: type,
whether it is required, bounds, … Nothing is compared here: that is done in SQL, between any two versions.
A document that cannot be read becomes a version without elements, with the reason.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest import git, yaml_text
from ingest.batches import Changes, Row, from_timestamp, utc_now
from ingest.files import read_beginning

if TYPE_CHECKING:
    import duckdb

MOST_BYTES: Final = 16 * 1024 * 1024
MOST_FIELDS: Final = 60_000
DEEPEST: Final = 80
MOST_COMMITS: Final = 300
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_BOUNDS: Final = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
    "maxItems", "minProperties", "maxProperties", "minContains", "maxContains", "multipleOf",
)  # fmt: skip
_TEMPLATE = re.compile(r"\{[^{}/]*\}")


class Kind(StrEnum):
    """What a contract is written in."""

    OPENAPI = "openapi"
    JSON_SCHEMA = "json_schema"
    SQL_DDL = "sql_ddl"
    SQL_MIGRATIONS = "sql_migrations"
    MCP_TOOLS = "mcp_tools"


class Direction(StrEnum):
    """Who writes what an element describes: the caller (request), the other side (response), or both."""

    REQUEST = "request"
    RESPONSE = "response"
    STORAGE = "storage"


DEPENDENCY_TYPES: Final[dict[str, str]] = {
    Kind.OPENAPI: "api_endpoint",
    Kind.JSON_SCHEMA: "json_schema",
    Kind.SQL_DDL: "db_schema",
    Kind.SQL_MIGRATIONS: "db_schema",
    Kind.MCP_TOOLS: "mcp_server",
}


class ContractError(ValueError):
    """A document is not what it was said to be; the message is the reason that health shows."""


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a contract."""

    path: str
    parent: str | None
    kind: str
    direction: str
    name: str | None = None
    endpoint: str | None = None
    method: str | None = None
    data_type: str | None = None
    data_format: str | None = None
    is_required: bool = False
    is_nullable: bool = False
    is_deprecated: bool = False
    is_read_only: bool = False
    is_write_only: bool = False
    default: str | None = None
    value: str | None = None
    number: float | None = None
    description_hash: str | None = None

    def row(self, content_hash: str) -> Row:
        """The values of raw.contract_field."""
        return (
            content_hash, self.path, self.parent, self.kind, self.direction, self.endpoint, self.method,
            self.name, self.data_type, self.data_format, self.is_required, self.is_nullable, self.is_deprecated,
            self.is_read_only, self.is_write_only, self.default, self.value, self.number, self.description_hash,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flat:
    """A contract document as rows."""

    fields: tuple[Field, ...]
    version_label: str | None = None


def flatten(kind: str, texts: Sequence[str], *, direction: str = "", dialect: str = "") -> Flat:
    """Flatten a contract. Migrations are several texts, applied in order; every other kind is one."""
    if not texts:
        raise ContractError("there is nothing to read")
    if kind in (Kind.SQL_DDL, Kind.SQL_MIGRATIONS):
        return flatten_sql(texts, dialect)
    document = load_document(texts[0])
    if kind == Kind.OPENAPI:
        return flatten_openapi(document)
    if kind == Kind.JSON_SCHEMA:
        return flatten_json_schema(document, direction or Direction.REQUEST)
    if kind == Kind.MCP_TOOLS:
        return flatten_tools(document)
    raise ContractError(f"there is no kind of contract called {kind!r}")


def content_hash_of(kind: str, direction: str, texts: Iterable[str]) -> str:
    """The hash under which the elements of a document are kept."""
    digest = md5(f"{kind}\x1f{direction}".encode(), usedforsecurity=False)
    for text in texts:
        digest.update(b"\x1e" + text.encode("utf-8", "replace"))
    return digest.hexdigest()


def load_document(text: str) -> Any:  # noqa: ANN401 - whatever JSON or YAML holds
    """Read JSON or YAML; times and dates stay text."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith(("{", "[")):
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError) as error:
            first_error = error
    else:
        first_error = None
    try:
        return yaml_text.load(text, MOST_BYTES, most_added=MOST_BYTES, loader=_yaml_loader())
    except yaml_text.YamlError as error:
        problem = first_error or error
        raise ContractError(f"neither JSON nor YAML: {_one_line(problem)}") from error


def _yaml_loader() -> Any:  # noqa: ANN401 - yaml has no types for it
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = type("ContractLoader", (base,), {})
    loader.yaml_implicit_resolvers = {  # type: ignore[attr-defined]
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    return loader


def _one_line(error: object, width: int = 200) -> str:
    return " ".join(str(error).split())[:width]


def _hash_text(*texts: object) -> str | None:
    joined = "\x1f".join(" ".join(str(text).split()) for text in texts if text)
    return md5(joined.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:16] if joined else None


def _as_text(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


# ------------------------------------------------------------------------------------------- JSON Schema


@dataclass(slots=True)
class _Place:
    """Where a schema stands: everything an element inherits from what is around it."""

    path: str
    parent: str | None
    kind: str
    name: str | None
    direction: str
    is_required: bool = False
    endpoint: str | None = None
    method: str | None = None
    is_read_only: bool = False
    is_write_only: bool = False
    is_deprecated: bool = False
    description: object = None
    stack: tuple[object, ...] = ()


class _Schemas:
    """Flattens the schemas of one document."""

    def __init__(self, document: object) -> None:
        self.document = document
        self.fields: list[Field] = []
        self.paths: set[str] = set()

    def emit(self, element: Field) -> bool:
        """Keep an element, once per path."""
        if element.path in self.paths:
            return False
        if len(self.fields) >= MOST_FIELDS:
            raise ContractError(f"more than {MOST_FIELDS:,} elements")
        self.paths.add(element.path)
        self.fields.append(element)
        return True

    def resolved(self, schema: object) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Follow references; returns the schema and the references followed."""
        followed: list[str] = []
        current = schema
        siblings: dict[str, Any] = {}
        while isinstance(current, Mapping) and isinstance(current.get("$ref"), str):
            reference = current["$ref"]
            siblings = {**{key: value for key, value in current.items() if key != "$ref"}, **siblings}
            if reference in followed:
                return {"type": "recursive"}, tuple(followed)
            followed.append(reference)
            if not reference.startswith("#"):
                return {"type": f"ref {reference}", **siblings}, tuple(followed)
            current = self.pointed(reference)
        if current is False:
            return {"type": "never"}, tuple(followed)
        return {**_mapping(current), **siblings}, tuple(followed)

    def pointed(self, reference: str) -> object:
        """What a JSON pointer within the document points to; an empty schema where it points nowhere."""
        target: Any = self.document
        for part in reference.lstrip("#").strip("/").split("/") if reference.strip("#/") else ():
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping):
                target = target.get(key)
            elif isinstance(target, list) and key.isdigit() and int(key) < len(target):
                target = target[int(key)]
            else:
                return {}
        return {} if target is None else target

    def merged(self, schema: Mapping[str, Any], depth: int = 0) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """A schema with its allOf parts folded in."""
        parts = _sequence(schema.get("allOf"))
        if not parts or depth > DEEPEST:
            return schema, ()
        whole: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        followed: list[str] = []
        for part in parts:
            inner, references = self.resolved(part)
            inner, deeper = self.merged(inner, depth + 1)
            followed += [*references, *deeper]
            for key, value in inner.items():
                if key == "properties":
                    whole["properties"] = {**_mapping(value), **_mapping(whole.get("properties"))}
                elif key == "required":
                    names = [*_sequence(whole.get("required")), *_sequence(value)]
                    whole["required"] = list(dict.fromkeys(str(name) for name in names))
                else:
                    whole.setdefault(key, value)
        return whole, tuple(followed)

    def walk(self, given: object, place: _Place) -> None:
        """Emit an element for a schema and go on with what is below it."""
        marker = id(given) if isinstance(given, Mapping) else None
        schema, references = self.resolved(given)
        is_recursive = (
            len(place.stack) > DEEPEST
            or any(reference in place.stack for reference in references)
            or (marker is not None and marker in place.stack and "$ref" not in _mapping(given))
        )
        schema, folded = self.merged(schema)
        schema, is_nullable, variants = _without_null(schema, self)
        types, type_nullable = _types_of(schema)
        below = replace_place(
            place,
            is_read_only=place.is_read_only or schema.get("readOnly") is True,
            is_write_only=place.is_write_only or schema.get("writeOnly") is True,
            stack=(*place.stack, *references, *folded, marker),
        )
        element = Field(
            path=place.path, parent=place.parent, kind=place.kind, direction=place.direction, name=place.name,
            endpoint=place.endpoint, method=place.method,
            data_type=f"recursive {references[-1].rsplit('/', 1)[-1]}" if is_recursive and references else types,
            data_format=_as_text(schema["format"]) if schema.get("format") else None,
            is_required=place.is_required,
            is_nullable=is_nullable or type_nullable or schema.get("nullable") is True,
            is_deprecated=place.is_deprecated or schema.get("deprecated") is True,
            is_read_only=below.is_read_only, is_write_only=below.is_write_only,
            default=_as_text(schema["default"]) if "default" in schema else None,
            description_hash=_hash_text(place.description, schema.get("title"), schema.get("description"),
                                        _as_text(schema["example"]) if "example" in schema else ""),
        )  # fmt: skip
        if not self.emit(element) or is_recursive:
            return
        self.constraints(schema, below)
        self.children(schema, variants, below)

    def constraints(self, schema: Mapping[str, Any], place: _Place) -> None:
        """Emit what limits the values: bounds, patterns, enumerations."""

        def constraint(name: str, value: object, number: float | None = None, suffix: str = "") -> Field:
            return Field(
                path=f"{place.path}#{name}{suffix}", parent=place.path, kind="constraint", name=name,
                direction=place.direction, endpoint=place.endpoint, method=place.method,
                is_read_only=place.is_read_only, is_write_only=place.is_write_only,
                value=None if value is None else _as_text(value), number=number,
            )  # fmt: skip

        for name in _BOUNDS:
            value = schema.get(name)
            if isinstance(value, bool):  # OpenAPI 3.0: the bound itself stands in minimum or maximum
                continue
            exclusive = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}.get(name, "")
            if value is not None and not (name in {"minLength", "minItems", "minProperties"} and value == 0):
                shown = exclusive if exclusive and schema.get(exclusive) is True else name
                self.emit(constraint(shown, value, _number(value)))
        for name in ("pattern", "const", "contentEncoding", "contentMediaType"):
            if name in schema:
                self.emit(constraint(name, schema[name]))
        if schema.get("uniqueItems") is True:
            self.emit(constraint("uniqueItems", "true"))
        if schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False:
            self.emit(constraint("closed", "true"))
        values = schema.get("enum")
        if isinstance(values, list):
            self.emit(constraint("enum", None))
            for value in values:
                text = "null" if value is None else _as_text(value)
                owner = f"{place.path}#enum"
                self.emit(replace(constraint("enum", text), path=f"{owner}={text}", parent=owner,
                                  kind="enum_value", name=text))  # fmt: skip

    def children(self, schema: Mapping[str, Any], variants: Sequence[object], place: _Place) -> None:
        """Go on with properties, items and alternatives."""
        required = {str(name) for name in _sequence(schema.get("required"))}

        def child(suffix: str, name: str, *, is_required: bool, kind: str = "property") -> _Place:
            return replace_place(place, path=f"{place.path}{suffix}", parent=place.path, kind=kind, name=name,
                                 is_required=is_required, is_deprecated=False, description=None)  # fmt: skip

        for name, inner in _mapping(schema.get("properties")).items():
            if inner is not False:
                self.walk(inner, child(f".{name}", str(name), is_required=str(name) in required))
        for number, inner in enumerate(_sequence(schema.get("prefixItems"))):
            self.walk(inner, child(f"[{number}]", f"[{number}]", is_required=True))
        items = schema.get("items")
        if isinstance(items, Mapping):
            self.walk(items, child("[]", "[]", is_required=True))
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping) and more:
            self.walk(more, child("{}", "{}", is_required=True))
        for number, variant in enumerate(variants):
            name = _variant_name(variant, number)
            self.walk(variant, child(f"|{name}", name, is_required=False, kind="variant"))


def replace_place(place: _Place, **changes: Any) -> _Place:  # noqa: ANN401 - the fields of a place
    """A place with some fields changed."""
    return replace(place, **changes)


def _types_of(schema: Mapping[str, Any]) -> tuple[str, bool]:
    given = schema.get("type")
    names = [str(name) for name in given] if isinstance(given, list) else [str(given)] if given else []
    is_nullable = "null" in names
    names = sorted({name for name in names if name != "null"})
    if not names:
        if "properties" in schema or "additionalProperties" in schema:
            names = ["object"]
        elif "items" in schema or "prefixItems" in schema:
            names = ["array"]
        elif isinstance(schema.get("enum"), list) and all(isinstance(v, str) for v in schema["enum"]):
            names = ["string"]
    return "|".join(names) or "any", is_nullable


def _without_null(
    schema: Mapping[str, Any], schemas: _Schemas
) -> tuple[Mapping[str, Any], bool, Sequence[object]]:
    """Take the alternative `null` out of oneOf and anyOf; a single one that is left is the schema itself."""
    alternatives = [*_sequence(schema.get("oneOf")), *_sequence(schema.get("anyOf"))]
    if not alternatives:
        return schema, False, ()
    kept = [one for one in alternatives if _mapping(one).get("type") != "null"]
    is_nullable = len(kept) < len(alternatives)
    rest = {key: value for key, value in schema.items() if key not in {"oneOf", "anyOf"}}
    if len(kept) == 1:
        inner, _ = schemas.resolved(kept[0])
        inner, _ = schemas.merged(inner)
        if not (inner.get("oneOf") or inner.get("anyOf")):
            return {**inner, **rest}, is_nullable, ()
    return rest, is_nullable, kept


def _variant_name(variant: object, number: int) -> str:
    inner = _mapping(variant)
    if isinstance(inner.get("$ref"), str):
        return str(inner["$ref"]).rsplit("/", 1)[-1]
    if inner.get("title"):
        return str(inner["title"])
    for shape in _mapping(inner.get("properties")).values():
        if "const" in _mapping(shape):
            return _as_text(_mapping(shape)["const"])
    return str(inner["type"]) if isinstance(inner.get("type"), str) else str(number)


def flatten_json_schema(document: object, direction: str) -> Flat:
    """Flatten a JSON Schema; its root is the element `$`."""
    if not isinstance(document, Mapping):
        raise ContractError("a JSON Schema has to be an object")
    if not {"type", "properties", "$ref", "$defs", "definitions", "allOf", "anyOf", "oneOf", "items", "enum",
            "$schema", "const", "additionalProperties"} & set(document):  # fmt: skip
        raise ContractError("nothing in it says that it is a JSON Schema")
    schemas = _Schemas(document)
    schemas.walk(document, _Place("$", None, "property", "$", direction, is_required=True))
    label = document.get("version") or document.get("$id")
    return Flat(tuple(schemas.fields), str(label) if label else None)


def flatten_tools(document: object) -> Flat:
    """Flatten a list of MCP tools as `tools/list` answers it: a list, or an object with `tools`."""
    listed = document if isinstance(document, list) else _mapping(document).get("tools")
    if listed is None:
        listed = _mapping(_mapping(document).get("result")).get("tools")
    if not isinstance(listed, list):
        raise ContractError("there is no list of tools in it")
    fields: list[Field] = []
    for tool in listed:
        name = _mapping(tool).get("name")
        if not isinstance(name, str):
            raise ContractError("a tool without a name")
        fields += tool_fields(tool, name)
    version = _mapping(_mapping(document).get("serverInfo")).get("version")
    return Flat(tuple(fields), str(version) if version else None)


def tool_fields(tool: Mapping[str, Any], name: str) -> list[Field]:
    """The elements of one tool: itself, what it takes and what it gives."""
    fields = [
        Field(path=name, parent=None, kind="tool", direction=Direction.REQUEST, name=name, endpoint=name,
              method="CALL", description_hash=_hash_text(tool.get("title"), tool.get("description")))
    ]  # fmt: skip
    for keys, suffix, direction in (
        (("inputSchema", "input_schema"), "$in", Direction.REQUEST),
        (("outputSchema", "output_schema"), "$out", Direction.RESPONSE),
    ):
        schema = next((tool[key] for key in keys if isinstance(tool.get(key), Mapping)), None)
        if schema is not None:
            schemas = _Schemas(schema)
            schemas.walk(schema, _Place(f"{name} {suffix}", name, "property", "$", direction, is_required=True,
                                        endpoint=name, method="CALL"))  # fmt: skip
            fields += schemas.fields
    return fields


# ------------------------------------------------------------------------------------------- OpenAPI


def flatten_openapi(document: object) -> Flat:
    """Flatten an OpenAPI 3 description."""
    if not isinstance(document, Mapping):
        raise ContractError("an OpenAPI description has to be an object")
    if "swagger" in document:
        raise ContractError(f"Swagger {document['swagger']} is not read, only OpenAPI 3")
    version = document.get("openapi")
    if not str(version or "").startswith("3."):
        raise ContractError(f"openapi is {version!r}, not 3.x" if version else "there is no `openapi` in it")
    if not isinstance(document.get("paths"), Mapping) and not isinstance(document.get("webhooks"), Mapping):
        raise ContractError("there are no paths in it")
    return _OpenApi(document).flat()


class _OpenApi(_Schemas):
    """Flattens one OpenAPI description."""

    def flat(self) -> Flat:
        document = _mapping(self.document)
        info = _mapping(document.get("info"))
        label = info.get("version")
        self.emit(Field("", None, "api", "response", name=_as_text(info.get("title") or ""),
                        value=None if label is None else str(label),
                        description_hash=_hash_text(info.get("title"), info.get("description"))))  # fmt: skip
        for server in _sequence(document.get("servers")):
            url = _mapping(server).get("url")
            if isinstance(url, str):
                self.emit(Field(f"server {url}", None, "server", "request", name=url))
        for template, item in _mapping(document.get("paths")).items():
            resolved, _ = self.resolved(item)
            for method in _METHODS:
                if isinstance(resolved.get(method), Mapping):
                    self.operation(str(template), method.upper(), resolved[method], resolved)
        for name, item in _mapping(document.get("webhooks")).items():
            resolved, _ = self.resolved(item)
            for method in _METHODS:
                if isinstance(resolved.get(method), Mapping):
                    self.webhook(str(name), method.upper(), resolved[method])
        return Flat(tuple(self.fields), None if label is None else str(label))

    def operation(
        self, template: str, method: str, operation: Mapping[str, Any], item: Mapping[str, Any]
    ) -> None:
        path = f"{method} {_TEMPLATE.sub('{}', template)}"
        operation_id = operation.get("operationId")
        self.emit(
            Field(path, None, "endpoint", "request", name=template, endpoint=template, method=method,
                  is_deprecated=operation.get("deprecated") is True,
                  value=str(operation_id) if operation_id else None,
                  description_hash=_hash_text(operation.get("summary"), operation.get("description")))
        )  # fmt: skip
        here = _Place(path, path, "parameter", None, "request", endpoint=template, method=method)
        for tag in _sequence(operation.get("tags")):
            self.emit(Field(f"{path} tag:{tag}", path, "tag", "request", name=str(tag), endpoint=template,
                            method=method))  # fmt: skip
        self.security(path, operation, here)
        for parameter in self.parameters(operation, item):
            self.parameter(template, parameter, here)
        body, _ = self.resolved(operation.get("requestBody"))
        if body:
            self.body(f"{path} > body", body, here)
        for status, response in _mapping(operation.get("responses")).items():
            resolved, _ = self.resolved(response)
            self.response(f"{path} < {status}", str(status), resolved, here)

    def webhook(self, name: str, method: str, operation: Mapping[str, Any]) -> None:
        """What the other side calls: its body is what we receive."""
        path = f"WEBHOOK {method} {name}"
        self.emit(
            Field(
                path,
                None,
                "endpoint",
                "response",
                name=name,
                endpoint=name,
                method=method,
                description_hash=_hash_text(operation.get("summary"), operation.get("description")),
            )
        )
        body, _ = self.resolved(operation.get("requestBody"))
        here = _Place(path, path, "parameter", None, "response", endpoint=name, method=method)
        self.media(f"{path} > body", path, body.get("content"), here)

    def parameters(self, operation: Mapping[str, Any], item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The parameters of an operation; its own go before those of the path."""
        found: dict[tuple[object, object], Mapping[str, Any]] = {}
        for given in (*_sequence(item.get("parameters")), *_sequence(operation.get("parameters"))):
            resolved, _ = self.resolved(given)
            if isinstance(resolved.get("name"), str):
                found[resolved.get("in"), resolved["name"]] = resolved
        return list(found.values())

    def parameter(self, template: str, parameter: Mapping[str, Any], here: _Place) -> None:
        place = str(parameter.get("in") or "query")
        name = str(parameter["name"])
        shown = name.lower() if place == "header" else name
        if place == "path":  # its name is only a label: its place counts
            order = [part[1:-1] for part in _TEMPLATE.findall(template)]
            shown = str(order.index(name)) if name in order else name
        schema = parameter.get("schema")
        if schema is None:
            contents = _mapping(parameter.get("content")).values()
            schema = next((_mapping(one).get("schema") for one in contents), None)
        self.walk(
            schema if schema is not None else {},
            replace_place(here, path=f"{here.path} > {place}:{shown}", kind="parameter", name=name,
                          is_required=parameter.get("required") is True or place == "path",
                          is_deprecated=parameter.get("deprecated") is True,
                          description=parameter.get("description")),
        )  # fmt: skip

    def body(self, path: str, body: Mapping[str, Any], here: _Place) -> None:
        self.emit(Field(path, here.path, "request_body", "request", name="body", endpoint=here.endpoint,
                        method=here.method, is_required=body.get("required") is True,
                        description_hash=_hash_text(body.get("description"))))  # fmt: skip
        self.media(path, path, body.get("content"), here)

    def media(self, path: str, parent: str, content: object, here: _Place) -> None:
        for media_type, described in _mapping(content).items():
            inner = f"{path} {media_type}"
            self.emit(Field(inner, parent, "media_type", here.direction, name=str(media_type),
                            endpoint=here.endpoint, method=here.method))  # fmt: skip
            schema = _mapping(described).get("schema")
            if schema is not None:
                self.walk(schema, replace_place(here, path=f"{inner} $", parent=inner, kind="property", name="$",
                                                is_required=True))  # fmt: skip

    def response(self, path: str, status: str, response: Mapping[str, Any], here: _Place) -> None:
        outward = replace_place(here, direction="response")
        self.emit(
            Field(
                path,
                here.path,
                "response",
                "response",
                name=status,
                endpoint=here.endpoint,
                method=here.method,
                description_hash=_hash_text(response.get("description")),
            )
        )
        for name, header in _mapping(response.get("headers")).items():
            resolved, _ = self.resolved(header)
            self.walk(
                resolved.get("schema", {}),
                replace_place(outward, path=f"{path} header:{str(name).lower()}", parent=path, kind="header",
                              name=str(name), is_required=resolved.get("required") is True,
                              is_deprecated=resolved.get("deprecated") is True,
                              description=resolved.get("description")),
            )  # fmt: skip
        self.media(path, path, response.get("content"), outward)

    def security(self, path: str, operation: Mapping[str, Any], here: _Place) -> None:
        """Requirements are alternatives, the scopes within one go together. None is an alternative too."""
        given = operation.get("security", _mapping(self.document).get("security"))
        wanted = [_mapping(one) for one in _sequence(given)] or [{}]
        for requirement in wanted:
            name = " and ".join(sorted(str(scheme) for scheme in requirement)) or "none"
            inner = f"{path} security:{name}"
            self.emit(Field(inner, path, "security", "request", name=name, endpoint=here.endpoint,
                            method=here.method))  # fmt: skip
            for scheme, scopes in requirement.items():
                for scope in _sequence(scopes):
                    self.emit(Field(f"{inner} {scheme}:{scope}", inner, "security_scope", "request",
                                    name=str(scope), endpoint=here.endpoint, method=here.method))  # fmt: skip


# ------------------------------------------------------------------------------------------- SQL DDL


def flatten_sql(texts: Sequence[str], dialect: str = "") -> Flat:
    """Flatten the tables that DDL makes: CREATE, ALTER and DROP are applied in order."""
    import sqlglot
    from sqlglot import errors

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    database = _Database()
    for text in texts:
        try:
            statements = sqlglot.parse(text, read=dialect or None)
        except (errors.SqlglotError, RecursionError, ValueError) as error:
            raise ContractError(f"not SQL that can be read: {_one_line(error)}") from error
        for statement in statements:
            if statement is not None:
                database.apply(statement)
    if not database.tables and not database.types:
        raise ContractError("no table, view or type is made in it")
    return Flat(tuple(database.fields()))


@dataclass(slots=True)
class _Column:
    name: str
    data_type: str
    numbers: tuple[float, ...] = ()
    is_not_null: bool = False
    is_generated: bool = False
    default: str | None = None
    comment: str | None = None


@dataclass(slots=True)
class _Table:
    name: str
    is_view: bool = False
    columns: dict[str, _Column] = field(default_factory=dict)
    # (kind, what it covers or says)
    constraints: dict[tuple[str, str], None] = field(default_factory=dict)
    comment: str | None = None
    definition: str | None = None


class _Database:
    """The tables as they are after some statements."""

    def __init__(self) -> None:
        self.tables: dict[str, _Table] = {}
        self.types: dict[str, list[str]] = {}

    def apply(self, statement: Any) -> None:  # noqa: ANN401 - sqlglot's expressions
        from sqlglot import exp

        if isinstance(statement, exp.Create):
            self.create(statement)
        elif isinstance(statement, exp.Drop):
            self.drop(statement)
        elif isinstance(statement, exp.Alter):
            self.alter(statement)
        elif isinstance(statement, exp.Comment):
            self.comment(statement)

    def create(self, statement: Any) -> None:  # noqa: ANN401
        from sqlglot import exp

        kind = str(statement.args.get("kind") or "").upper()
        schema = statement.this
        named = schema.find(exp.Table) if schema is not None else None
        if kind in {"TABLE", "VIEW", "MATERIALIZED VIEW"} and named is not None:
            table = _Table(_table_name(named), is_view=kind != "TABLE")
            if isinstance(schema, exp.Schema):
                for element in schema.expressions:
                    self.add_element(table, element)
            query = statement.args.get("expression")
            if query is not None and isinstance(query, exp.Query):
                table.definition = query.sql(comments=False)
                for projection in [] if table.columns else query.selects:
                    name = projection.alias_or_name
                    if name and name != "*":
                        cast = projection.find(exp.Cast)
                        data_type = str(cast.to.sql()).lower() if cast is not None else "any"
                        table.columns[name.lower()] = _Column(name.lower(), data_type)
            self.tables[table.name] = table
        elif kind == "INDEX":
            self.create_index(statement)
        elif kind == "TYPE":
            values = [literal.name for literal in statement.find_all(exp.Literal) if literal.is_string]
            name = named or schema
            self.types[str(getattr(name, "name", name)).lower()] = values

    def create_index(self, statement: Any) -> None:  # noqa: ANN401
        from sqlglot import exp

        table = statement.find(exp.Table)
        index = statement.this
        if table is None or _table_name(table) not in self.tables:
            return
        parameters = index.args.get("params") if hasattr(index, "args") else None
        covered = parameters.args.get("columns") if parameters is not None else None
        names = ", ".join(_one_line(one.sql()).lower() for one in covered or [])
        kind = "unique" if statement.args.get("unique") else "index"
        self.tables[_table_name(table)].constraints[kind, names or str(index.name).lower()] = None

    def add_element(self, table: _Table, element: Any) -> None:  # noqa: ANN401
        from sqlglot import exp

        if isinstance(element, exp.ColumnDef):
            self.add_column(table, element)
        elif isinstance(element, exp.Constraint):
            for inner in element.expressions:
                self.add_element(table, inner)
        elif isinstance(element, exp.PrimaryKey):
            names = _names(element.expressions)
            table.constraints["primary_key", ", ".join(names)] = None
            for name in names:
                if name in table.columns:
                    table.columns[name].is_not_null = True
        elif isinstance(element, exp.UniqueColumnConstraint):
            inside = element.this.expressions if element.this is not None else []
            table.constraints["unique", ", ".join(_names(inside))] = None
        elif isinstance(element, exp.ForeignKey):
            reference = element.args.get("reference")
            target = reference.find(exp.Table) if reference is not None else None
            shown = f"{', '.join(_names(element.expressions))} -> {_table_name(target) if target else '?'}"
            table.constraints["foreign_key", shown] = None
        elif isinstance(element, exp.CheckColumnConstraint):
            table.constraints["check", _one_line(element.this.sql(), 500)] = None
        elif isinstance(element, exp.Identifier | exp.Column):
            table.columns[element.name.lower()] = _Column(element.name.lower(), "any")

    def add_column(self, table: _Table, definition: Any) -> None:  # noqa: ANN401
        from sqlglot import exp

        name = definition.name.lower()
        kind = definition.args.get("kind")
        data_type, numbers = _sql_type(kind)
        column = _Column(name, data_type, numbers)
        if data_type.endswith("serial"):
            column.is_generated = True
        for constraint in definition.args.get("constraints") or []:
            inner = constraint.kind
            if isinstance(inner, exp.NotNullColumnConstraint):
                column.is_not_null = not inner.args.get("allow_null")
            elif isinstance(inner, exp.PrimaryKeyColumnConstraint):
                column.is_not_null = True
                table.constraints["primary_key", name] = None
            elif isinstance(inner, exp.UniqueColumnConstraint):
                table.constraints["unique", name] = None
            elif isinstance(inner, exp.DefaultColumnConstraint):
                column.default = _one_line(inner.this.sql(), 500) if inner.this is not None else None
            elif isinstance(inner, exp.CheckColumnConstraint):
                table.constraints["check", _one_line(inner.this.sql(), 500)] = None
            elif isinstance(inner, exp.CommentColumnConstraint):
                column.comment = inner.this.name
            elif isinstance(inner, exp.Reference):
                target = inner.find(exp.Table)
                table.constraints["foreign_key", f"{name} -> {_table_name(target) if target else '?'}"] = None
            elif isinstance(inner, exp.AutoIncrementColumnConstraint | exp.GeneratedAsIdentityColumnConstraint
                            | exp.ComputedColumnConstraint | exp.GeneratedAsRowColumnConstraint):  # fmt: skip
                column.is_generated = True
        table.columns[name] = column

    def drop(self, statement: Any) -> None:  # noqa: ANN401
        from sqlglot import exp

        kind = str(statement.args.get("kind") or "").upper()
        named = statement.find(exp.Table)
        if named is not None and kind in {"TABLE", "VIEW", "MATERIALIZED VIEW"}:
            self.tables.pop(_table_name(named), None)
        elif named is not None and kind == "TYPE":
            self.types.pop(named.name.lower(), None)

    def alter(self, statement: Any) -> None:  # noqa: ANN401
        from sqlglot import exp

        table = self.tables.get(_table_name(statement.this)) if statement.this is not None else None
        if table is None:
            return
        for action in statement.args.get("actions") or []:
            if isinstance(action, exp.ColumnDef):
                self.add_column(table, action)
            elif isinstance(action, exp.Drop):
                table.columns.pop(action.this.name.lower() if action.this is not None else "", None)
            elif isinstance(action, exp.RenameColumn):
                column = table.columns.pop(action.this.name.lower(), None)
                if column is not None:
                    column.name = action.args["to"].name.lower()
                    table.columns[column.name] = column
            elif isinstance(action, exp.AlterRename):
                self.tables.pop(table.name, None)
                table.name = _table_name(action.this)
                self.tables[table.name] = table
            elif isinstance(action, exp.AlterColumn):
                column = table.columns.get(action.this.name.lower())
                if column is not None:
                    _alter_column(column, action)
            elif isinstance(action, exp.AddConstraint):
                for inner in action.expressions:
                    self.add_element(table, inner)

    def comment(self, statement: Any) -> None:  # noqa: ANN401
        from sqlglot import exp

        text = statement.args.get("expression")
        target = statement.this
        kind = str(statement.args.get("kind") or "").upper()
        said = text.name if text is not None else None
        if kind == "COLUMN" and isinstance(target, exp.Column):
            table = self.tables.get(str(target.table).lower())
            if table is not None and target.name.lower() in table.columns:
                table.columns[target.name.lower()].comment = said
        elif isinstance(target, exp.Table) and _table_name(target) in self.tables:
            self.tables[_table_name(target)].comment = said

    def fields(self) -> Iterator[Field]:
        """The elements, tables in alphabetical order."""
        way = Direction.STORAGE
        for name, values in sorted(self.types.items()):
            yield Field(f"type {name}", None, "enum_type", way, name=name, data_type="enum")
            for value in values:
                yield Field(
                    f"type {name}={value}", f"type {name}", "enum_value", way, name=value, value=value
                )
        for name, table in sorted(self.tables.items()):
            kind = "view" if table.is_view else "table"
            yield Field(name, None, kind, way, name=name, data_type=kind, value=table.definition,
                        description_hash=_hash_text(table.comment))  # fmt: skip
            for column in table.columns.values():
                path = f"{name}.{column.name}"
                has_value = column.default is not None or column.is_generated
                yield Field(path, name, "column", way, name=column.name, data_type=column.data_type,
                            is_required=column.is_not_null and not has_value,
                            is_nullable=not column.is_not_null, default=column.default,
                            description_hash=_hash_text(column.comment))  # fmt: skip
                for label, number in zip(("size", "scale"), column.numbers, strict=False):
                    yield Field(f"{path}#{label}", path, "constraint", way, name=label, value=f"{number:g}",
                                number=number)  # fmt: skip
            for constraint, shown in table.constraints:
                yield Field(f"{name}#{constraint} {shown}", name, "constraint", way, name=constraint,
                            value=shown)  # fmt: skip


def _alter_column(column: _Column, action: Any) -> None:  # noqa: ANN401
    if action.args.get("dtype") is not None:
        column.data_type, column.numbers = _sql_type(action.args["dtype"])
    if action.args.get("default") is not None:
        column.default = _one_line(action.args["default"].sql(), 500)
    elif action.args.get("drop") and action.args.get("allow_null") is None:
        column.default = None
    if action.args.get("allow_null") is not None:
        column.is_not_null = not action.args["allow_null"]


def _table_name(table: Any) -> str:  # noqa: ANN401
    parts = [table.args.get("catalog"), table.args.get("db"), table.this]
    return ".".join(str(getattr(part, "name", part)) for part in parts if part is not None).lower()


def _names(expressions: Iterable[Any]) -> list[str]:
    return [str(one.name or one.sql()).lower() for one in expressions]


def _sql_type(kind: Any) -> tuple[str, tuple[float, ...]]:  # noqa: ANN401
    """The name of a column's type, and its numbers: varchar(20) is varchar with 20."""
    from sqlglot import exp

    if kind is None:
        return "any", ()
    if not isinstance(kind, exp.DataType):
        return _one_line(kind.sql()).lower(), ()
    numbers: list[float] = []
    for parameter in kind.expressions:
        inner = parameter.this if isinstance(parameter, exp.DataTypeParam) else parameter
        if isinstance(inner, exp.Literal) and not inner.is_string:
            numbers.append(float(inner.name))
        else:
            return _one_line(kind.sql()).lower(), ()
    if isinstance(kind.this, exp.DataType.Type):
        name = "user" if kind.this == exp.DataType.Type.USERDEFINED else kind.this.value
        if kind.this == exp.DataType.Type.USERDEFINED:
            name = str(kind.args.get("kind") or "user")
    else:
        name = str(kind.this)
    return name.lower(), tuple(numbers)


# ------------------------------------------------------------------------------------------- versions


@dataclass(frozen=True, slots=True)
class Watched:
    """A contract that a list of sources names, with the files that hold it, oldest version first."""

    name: str
    kind: str
    files: tuple[Path, ...]
    direction: str = ""
    dialect: str = ""
    dependency_type: str = ""
    use_git: bool = True


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a contract, with its text."""

    texts: tuple[str, ...]
    source_path: str
    origin: str
    released_at: datetime | None = None
    git_commit: str | None = None
    label: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class Known:
    """What of the contracts is in the warehouse."""

    versions: dict[str, list[tuple[int, str, str | None]]] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)

    @staticmethod
    def load(connection: duckdb.DuckDBPyConnection | None) -> Known:
        """Read it; empty where there is no warehouse yet."""
        known = Known()
        if connection is None:
            return known
        rows = connection.execute(
            "select contract_name, version_order, content_hash, git_commit from raw.contract_version "
            "order by contract_name, version_order"
        ).fetchall()
        for name, order, content_hash, commit in rows:
            known.versions.setdefault(name, []).append((order, content_hash, commit))
            known.hashes.add(content_hash)
        return known


def add_version(changes: Changes, known: Known, watched: Watched, version: Version) -> bool:
    """Add a version where it is not the one that is there already; returns whether it was added."""
    direction = watched.direction or _direction_of(watched.kind)
    content_hash = content_hash_of(watched.kind, direction, version.texts)
    there = known.versions.setdefault(watched.name, [])
    if there and there[-1][1] == content_hash:
        return False
    if version.git_commit is not None and any(commit == version.git_commit for _, _, commit in there):
        return False
    reason, label = version.problem, version.label
    fields: tuple[Field, ...] = ()
    if reason is None:
        try:
            flat = flatten(watched.kind, version.texts, direction=watched.direction, dialect=watched.dialect)
        except ContractError as error:
            reason = str(error)
        except (RecursionError, TypeError, ValueError, AttributeError, KeyError) as error:
            reason = f"cannot be taken apart: {_one_line(error)}"
        else:
            fields, label = flat.fields, version.label or flat.version_label
    order = there[-1][0] + 1 if there else 1
    size = sum(len(text.encode("utf-8", "replace")) for text in version.texts)
    changes.add(
        "contract_version",
        (watched.name, watched.kind, watched.dependency_type or DEPENDENCY_TYPES.get(watched.kind, "external_service"),
         direction, version.origin, version.source_path, None, None, version.git_commit, label, order,
         content_hash, size, len(fields), version.released_at, reason, utc_now()),
    )  # fmt: skip
    if content_hash not in known.hashes:
        for element in fields:
            changes.add("contract_field", element.row(content_hash))
    known.hashes.add(content_hash)
    there.append((order, content_hash, version.git_commit))
    changes.files_grown += 1
    changes.set_aside += reason is not None
    changes.bytes_landed += size
    return True


def _direction_of(kind: str) -> str:
    return Direction.STORAGE if kind in (Kind.SQL_DDL, Kind.SQL_MIGRATIONS) else Direction.REQUEST


def read_versions(watched: Watched) -> Iterator[Version]:
    """The versions that the files of a contract hold: their past in git, then the files as they are."""
    if watched.kind == Kind.SQL_MIGRATIONS:
        texts: list[str] = []
        for file in watched.files:
            version = _from_file(file)
            texts += version.texts
            yield replace(version, texts=tuple(texts), label=file.stem)
        return
    is_single = len(watched.files) == 1
    for file in watched.files:
        if watched.use_git and is_single:
            yield from git_versions(file)
        version = _from_file(file)
        yield version if is_single or version.problem else replace(version, released_at=None)


def _from_file(file: Path) -> Version:
    try:
        status = file.stat()
        data, size = read_beginning(file, MOST_BYTES)
    except OSError as error:
        return Version((), str(file), "file", problem=f"cannot be read: {error.strerror or error}")
    if size > MOST_BYTES:
        return Version(
            (f"{size}",), str(file), "file", problem=f"larger than {MOST_BYTES // 1024 // 1024} MiB"
        )
    text, problem = decoded(data)
    return Version((text,), str(file), "file", from_timestamp(status.st_mtime), problem=problem)


def decoded(data: bytes) -> tuple[str, str | None]:
    """Bytes as text, and why they are none."""
    if b"\0" in data[:8192]:
        return f"{len(data)} bytes", "binary"
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), None


def git_versions(file: Path) -> Iterator[Version]:
    """What git keeps of a file, oldest first. Nothing where it is not in a repository."""
    folder = git.repository_of(file)
    if folder is None:
        return
    try:
        name = file.resolve().relative_to(folder).as_posix()
    except ValueError:
        return
    listed = git.answer(folder, ["log", f"-n{MOST_COMMITS}", "--reverse", "--format=%H %ct", "--no-renames",
                                 "--no-ext-diff", "--no-textconv", "--", f":(literal){name}"])  # fmt: skip
    times: dict[str, tuple[str, int]] = {}
    for line in (listed or b"").decode("ascii", "replace").splitlines():
        commit, _, seconds = line.partition(" ")
        times[f"{commit}:{name}"] = commit, int(seconds or 0)
    for asked, data in git.blobs(folder, list(times), MOST_BYTES):
        text, problem = decoded(data)
        commit, written = times[asked]
        yield Version((text,), str(file), "git", from_timestamp(written), commit, problem=problem)


# ------------------------------------------------------------------------------------------- tools seen in logs


def tools_in_shape(line: str) -> tuple[datetime | None, list[tuple[str, Mapping[str, Any]]]]:
    """The tools in a line that shows the beginning of a request, with the time of the line."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None, []
    body = _mapping(parsed).get("body") or _mapping(parsed).get("shape") or parsed
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return None, []
    tools = _find_tools(body)
    when: datetime | None = None
    stamp = _mapping(parsed).get("timestamp")
    if isinstance(stamp, str):
        try:
            when = datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)
        except ValueError:
            when = None
    return when, [
        (str(tool["name"]), tool)
        for tool in tools
        if isinstance(tool, Mapping) and isinstance(tool.get("name"), str) and "input_schema" in tool
    ]


def _find_tools(body: object, depth: int = 0) -> Sequence[object]:
    inner = _mapping(body)
    if isinstance(inner.get("tools"), list):
        return list(inner["tools"])
    if depth < 3:  # noqa: PLR2004 - a body within a body
        for value in inner.values():
            if isinstance(value, Mapping) and (found := _find_tools(value, depth + 1)):
                return found
    return ()


def tool_contract(tool: str) -> tuple[str, str]:
    """The name of the contract that a tool is, and the type of the dependency behind it."""
    if tool.startswith("mcp__"):
        server, _, inner = tool.removeprefix("mcp__").partition("__")
        return f"mcp:{server}/{inner}", "mcp_server"
    return f"claude_code/{tool}", "external_service"


def land_tools(
    connection: duckdb.DuckDBPyConnection, changes: Changes, known: Known, after_batch: int
) -> None:
    """Add the definitions of tools that new lines of transcripts show, once per definition and batch."""
    rows = connection.execute(
        "select coalesce(repaired_line, line), file_id, line_number, "
        "json_extract_string(coalesce(repaired_line, line), '$.sessionId'), "
        "json_extract_string(coalesce(repaired_line, line), '$.version') from raw.transcript_line "
        "where _batch_id > ? and set_aside_reason is null and contains(line, '\"api-request-shape\"') "
        "order by file_id, line_number",
        [after_batch],
    ).fetchall()
    first: dict[tuple[str, str], tuple[datetime, Row]] = {}
    seen: dict[str, tuple[str, tuple[Field, ...]]] = {}
    for line, file_id, line_number, session_id, client_version in rows:
        when, tools = tools_in_shape(line)
        if when is None:
            continue
        for name, tool in tools:
            text = json.dumps(tool, sort_keys=True, ensure_ascii=False)
            if text not in seen:
                try:
                    fields = tuple(tool_fields(tool, name))
                except ContractError:
                    continue
                seen[text] = content_hash_of("tool", Direction.REQUEST, [text]), fields
            content_hash, fields = seen[text]
            contract, dependency_type = tool_contract(name)
            row: Row = (
                contract, Kind.MCP_TOOLS, dependency_type, Direction.REQUEST, "transcript", str(file_id),
                line_number, session_id, None, client_version, 0, content_hash, len(text), len(fields), when, None,
                utc_now(),
            )  # fmt: skip
            key = (contract, content_hash)
            if key not in first or (when, session_id or "") < (first[key][0], str(first[key][1][7] or "")):
                first[key] = (when, row)
            if content_hash not in known.hashes:
                known.hashes.add(content_hash)
                for element in fields:
                    changes.add("contract_field", element.row(content_hash))
    for _, row in first.values():
        changes.add("contract_version", row)
