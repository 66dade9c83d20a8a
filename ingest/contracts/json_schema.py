"""JSON Schema, flattened; OpenAPI and MCP also use it for their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from ingest.contracts.elements import (
    DEEPEST,
    MOST_FIELDS,
    ContractError,
    Field,
    Flat,
    json_text,
    mapping_of,
    sequence_of,
    text_digest,
)

_BOUNDS: Final = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
    "maxItems", "minProperties", "maxProperties", "minContains", "maxContains", "multipleOf",
)  # fmt: skip


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(slots=True)
class Place:
    """Position of a schema: everything that an element inherits from its surroundings."""

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


class Schemas:
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
        return {**mapping_of(current), **siblings}, tuple(followed)

    def pointed(self, reference: str) -> object:
        """The target of a JSON pointer within the document; an empty schema if there is none.

        The library `referencing` also follows anchors, but walks the whole document for each missing one: two
        thousand of them take it a minute.
        """
        target: Any = self.document
        for part in reference.lstrip("#").strip("/").split("/") if reference.strip("#/") else ():
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping):
                target = target.get(key)
            elif isinstance(target, list) and key.isdigit() and int(key) < len(target):
                target = target[int(key)]
            else:
                return {}
        return {} if target is None else target

    def merged(self, schema: Mapping[str, Any], depth: int = 0) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """A schema with its allOf parts folded in."""
        parts = sequence_of(schema.get("allOf"))
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
                    whole["properties"] = {**mapping_of(value), **mapping_of(whole.get("properties"))}
                elif key == "required":
                    names = [*sequence_of(whole.get("required")), *sequence_of(value)]
                    whole["required"] = list(dict.fromkeys(str(name) for name in names))
                else:
                    whole.setdefault(key, value)
        return whole, tuple(followed)

    def walk(self, given: object, place: Place) -> None:
        """Emit an element for a schema and continue with its children."""
        marker = id(given) if isinstance(given, Mapping) else None
        schema, references = self.resolved(given)
        is_recursive = (
            len(place.stack) > DEEPEST
            or any(reference in place.stack for reference in references)
            or (marker is not None and marker in place.stack and "$ref" not in mapping_of(given))
        )
        schema, folded = self.merged(schema)
        schema, is_nullable, variants = _without_null(schema, self)
        types, type_nullable = _types_of(schema)
        below = replace(
            place,
            is_read_only=place.is_read_only or schema.get("readOnly") is True,
            is_write_only=place.is_write_only or schema.get("writeOnly") is True,
            stack=(*place.stack, *references, *folded, marker),
        )
        element = Field(
            path=place.path, parent=place.parent, kind=place.kind, direction=place.direction, name=place.name,
            endpoint=place.endpoint, method=place.method,
            data_type=f"recursive {references[-1].rsplit('/', 1)[-1]}" if is_recursive and references else types,
            data_format=json_text(schema["format"]) if schema.get("format") else None,
            is_required=place.is_required,
            is_nullable=is_nullable or type_nullable or schema.get("nullable") is True,
            is_deprecated=place.is_deprecated or schema.get("deprecated") is True,
            is_read_only=below.is_read_only, is_write_only=below.is_write_only,
            default=json_text(schema["default"]) if "default" in schema else None,
            description_hash=text_digest(place.description, schema.get("title"), schema.get("description"),
                                        json_text(schema["example"]) if "example" in schema else ""),
        )  # fmt: skip
        if not self.emit(element) or is_recursive:
            return
        self.constraints(schema, below)
        self.children(schema, variants, below)

    def constraints(self, schema: Mapping[str, Any], place: Place) -> None:
        """Emit the constraints on values: bounds, patterns, enumerations."""

        def constraint(name: str, value: object, number: float | None = None, suffix: str = "") -> Field:
            return Field(
                path=f"{place.path}#{name}{suffix}", parent=place.path, kind="constraint", name=name,
                direction=place.direction, endpoint=place.endpoint, method=place.method,
                is_read_only=place.is_read_only, is_write_only=place.is_write_only,
                value=None if value is None else json_text(value), number=number,
            )  # fmt: skip

        for name in _BOUNDS:
            value = schema.get(name)
            if isinstance(value, bool):  # OpenAPI 3.0: the bound itself is in minimum or maximum
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
                text = "null" if value is None else json_text(value)
                owner = f"{place.path}#enum"
                self.emit(replace(constraint("enum", text), path=f"{owner}={text}", parent=owner,
                                  kind="enum_value", name=text))  # fmt: skip

    def children(self, schema: Mapping[str, Any], variants: Sequence[object], place: Place) -> None:
        """Continue with properties, items and alternatives."""
        required = {str(name) for name in sequence_of(schema.get("required"))}

        def child(suffix: str, name: str, *, is_required: bool, kind: str = "property") -> Place:
            return replace(place, path=f"{place.path}{suffix}", parent=place.path, kind=kind, name=name,
                                 is_required=is_required, is_deprecated=False, description=None)  # fmt: skip

        for name, inner in mapping_of(schema.get("properties")).items():
            if inner is not False:
                self.walk(inner, child(f".{name}", str(name), is_required=str(name) in required))
        for number, inner in enumerate(sequence_of(schema.get("prefixItems"))):
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
    schema: Mapping[str, Any], schemas: Schemas
) -> tuple[Mapping[str, Any], bool, Sequence[object]]:
    """Remove the alternative `null` from oneOf and anyOf; a single remaining one is the schema itself."""
    alternatives = [*sequence_of(schema.get("oneOf")), *sequence_of(schema.get("anyOf"))]
    if not alternatives:
        return schema, False, ()
    kept = [one for one in alternatives if mapping_of(one).get("type") != "null"]
    is_nullable = len(kept) < len(alternatives)
    rest = {key: value for key, value in schema.items() if key not in {"oneOf", "anyOf"}}
    if len(kept) == 1:
        inner, _ = schemas.resolved(kept[0])
        inner, _ = schemas.merged(inner)
        if not (inner.get("oneOf") or inner.get("anyOf")):
            return {**inner, **rest}, is_nullable, ()
    return rest, is_nullable, kept


def _variant_name(variant: object, number: int) -> str:
    inner = mapping_of(variant)
    if isinstance(inner.get("$ref"), str):
        return str(inner["$ref"]).rsplit("/", 1)[-1]
    if inner.get("title"):
        return str(inner["title"])
    for shape in mapping_of(inner.get("properties")).values():
        if "const" in mapping_of(shape):
            return json_text(mapping_of(shape)["const"])
    return str(inner["type"]) if isinstance(inner.get("type"), str) else str(number)


def flatten_json_schema(document: object, direction: str) -> Flat:
    """Flatten a JSON Schema; its root is the element `$`."""
    if not isinstance(document, Mapping):
        raise ContractError("a JSON Schema must be an object")
    if not {"type", "properties", "$ref", "$defs", "definitions", "allOf", "anyOf", "oneOf", "items", "enum",
            "$schema", "const", "additionalProperties"} & set(document):  # fmt: skip
        raise ContractError("it has no keyword of a JSON Schema")
    schemas = Schemas(document)
    schemas.walk(document, Place("$", None, "property", "$", direction, is_required=True))
    label = document.get("version") or document.get("$id")
    return Flat(tuple(schemas.fields), str(label) if label else None)
