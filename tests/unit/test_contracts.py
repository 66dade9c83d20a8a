"""Contracts: what is read of them, and what each change between two versions means.

The table of changes runs through everything: documents are flattened, landed, compared in SQL by dbt and classified by
the seed. `oasdiff` is what `oasdiff breaking` (1.31, default severities) says of the same change, by its documentation
and its list of checks: True where it reports an error or a warning.
"""

from __future__ import annotations

import copy
import csv
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import clean_environment
from mini import REPOSITORY

from agent_store.build import dbt
from agent_store.paths import StorePaths
from ingest import contracts
from ingest.contracts import ContractError, Kind, Version, Watched
from ingest.git import head_of
from ingest.warehouse import Changes, write

Document = dict[str, Any]
Edit = Callable[[Document], None]

BREAKING, ADDITIVE, COSMETIC = "BREAKING", "ADDITIVE", "COSMETIC"
FEWEST_CASES = 60

# --- the table ------------------------------------------------------------------------------------------------


def shop() -> Document:
    """A small API with something of everything."""
    order = {
        "type": "object",
        "required": ["id", "state"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "state": {"type": "string", "enum": ["open", "paid"]},
            "note": {"type": "string", "maxLength": 100},
            "total": {"type": "number", "minimum": 0, "maximum": 1000},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "tags": {"type": "array", "minItems": 1, "maxItems": 5, "items": {"type": "string"}},
            "size": {"type": "integer", "format": "int32"},
            "gift": {"type": "boolean", "nullable": True},
            "secret": {"type": "string", "writeOnly": True},
            "way": {
                "oneOf": [{"$ref": "#/components/schemas/Post"}, {"$ref": "#/components/schemas/Pickup"}]
            },
        },
    }
    new_order = copy.deepcopy(order)
    new_order["required"] = ["state"]
    return {
        "openapi": "3.0.3",
        "info": {"title": "Shop", "version": "1.0.0", "description": "A shop."},
        "servers": [{"url": "https://shop.example/v1"}],
        "security": [{"key": []}, {"login": ["read"]}],
        "paths": {
            "/orders": {
                "get": {
                    "operationId": "listOrders",
                    "summary": "All orders",
                    "tags": ["orders"],
                    "parameters": [
                        {
                            "name": "limit",
                            "in": "query",
                            "schema": {"type": "integer", "maximum": 100, "default": 20},
                        },
                        {"name": "day", "in": "query", "schema": {"type": "string"}},
                        {
                            "name": "state",
                            "in": "query",
                            "schema": {"type": "string", "enum": ["open", "paid"]},
                        },
                        {"name": "X-Trace", "in": "header", "required": True, "schema": {"type": "string"}},
                    ],
                    "responses": {
                        "200": {
                            "description": "Orders",
                            "headers": {"X-Total": {"required": True, "schema": {"type": "integer"}}},
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/Order"}}
                            },
                        },
                        "404": {"description": "None"},
                    },
                },
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/NewOrder"}},
                            "text/csv": {"schema": {"type": "string"}},
                        }
                    },
                    "responses": {"201": {"description": "Made"}},
                },
            },
            "/orders/{id}": {
                "delete": {
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
                    ],
                    "responses": {"204": {"description": "Gone"}},
                }
            },
        },
        "components": {
            "schemas": {
                "Order": order,
                "NewOrder": new_order,
                "Post": {"type": "object", "properties": {"street": {"type": "string"}}},
                "Pickup": {"type": "object", "properties": {"shop": {"type": "string"}}},
            }
        },
    }


def get(document: Document) -> Document:
    """The operation that lists orders."""
    found: Document = document["paths"]["/orders"]["get"]
    return found


def post(document: Document) -> Document:
    """The operation that makes one."""
    found: Document = document["paths"]["/orders"]["post"]
    return found


def schema(document: Document, name: str) -> Document:
    """A schema of the API."""
    found: Document = document["components"]["schemas"][name]
    return found


def parameter(document: Document, name: str) -> Document:
    """A parameter of the list."""
    return next(one for one in get(document)["parameters"] if one["name"] == name)


@dataclass(frozen=True)
class Case:
    """A change, what it is called here, and whether oasdiff calls it breaking (None: it does not look)."""

    name: str
    kind: str
    old: str
    new: str
    expected: frozenset[tuple[str, str]]
    oasdiff: bool | None


CASES: list[Case] = []


def api(
    name: str, change: str, classification: str, edit: Edit, *, oasdiff: bool | None, base: Edit | None = None
) -> None:
    """A change of the API."""
    old = shop()
    if base is not None:
        base(old)
    new = copy.deepcopy(old)
    edit(new)
    CASES.append(
        Case(
            name,
            Kind.OPENAPI,
            json.dumps(old),
            json.dumps(new),
            frozenset({(change, classification)}),
            oasdiff,
        )
    )


def put(target: Callable[[Document], Document], **values: Any) -> Edit:
    """An edit that sets some keys."""
    return lambda document: target(document).update(values)


def drop(target: Callable[[Document], Document], *keys: str) -> Edit:
    """An edit that takes some keys away."""

    def edit(document: Document) -> None:
        for key in keys:
            target(document).pop(key)

    return edit


def both(first: Edit, second: Edit) -> Edit:
    """Two edits, one after the other."""

    def edit(document: Document) -> None:
        first(document)
        second(document)

    return edit


def order_property(name: str) -> Callable[[Document], Document]:
    """A property of what is answered."""
    return lambda document: schema(document, "Order")["properties"][name]


def new_property(name: str) -> Callable[[Document], Document]:
    """A property of what is sent."""
    return lambda document: schema(document, "NewOrder")["properties"][name]


def required(name: str, *names: str) -> Edit:
    """An edit that says what a schema requires."""
    return lambda document: schema(document, name).update(required=list(names))


def properties(name: str) -> Callable[[Document], Document]:
    """The properties of a schema."""
    return lambda document: schema(document, name)["properties"]


LIMIT = {"name": "page", "in": "query", "schema": {"type": "integer"}}

# endpoints
api("removed endpoint", "removed", BREAKING, drop(lambda d: d["paths"], "/orders/{id}"), oasdiff=True)
api("removed method", "removed", BREAKING, drop(lambda d: d["paths"]["/orders"], "post"), oasdiff=True)
api("removed deprecated endpoint", "removed", BREAKING, drop(lambda d: d["paths"], "/orders/{id}"), oasdiff=False,
    base=lambda d: d["paths"]["/orders/{id}"]["delete"].update(deprecated=True))  # fmt: skip
api("added endpoint", "added", ADDITIVE, 
    put(lambda d: d["paths"], **{"/returns": {"get": {"security": [], "responses": {}}}}), oasdiff=False)  # fmt: skip
api("deprecated endpoint", "deprecated", COSMETIC, put(get, deprecated=True), oasdiff=False)
api(
    "reactivated endpoint",
    "reactivated",
    COSMETIC,
    drop(get, "deprecated"),
    oasdiff=False,
    base=put(get, deprecated=True),
)
api("operation id", "value_changed", COSMETIC, put(get, operationId="orders"), oasdiff=False)
api("summary only", "description_changed", COSMETIC, put(get, summary="Every order"), oasdiff=False)
api(
    "description of the API only",
    "description_changed",
    COSMETIC,
    put(lambda d: d["info"], description="Shop!"),
    oasdiff=False,
)
api("version only", "value_changed", COSMETIC, put(lambda d: d["info"], version="1.0.1"), oasdiff=False)
api("added tag", "added", COSMETIC, put(get, tags=["orders", "lists"]), oasdiff=False)
api("removed tag", "removed", COSMETIC, put(get, tags=[]), oasdiff=False)
api(
    "added server",
    "added",
    ADDITIVE,
    lambda d: d["servers"].append({"url": "https://eu.shop.example"}),
    oasdiff=None,
)
api("removed server", "removed", BREAKING, put(lambda d: d, servers=[]), oasdiff=None)


def renamed_path_parameter() -> Document:
    """The name of a path parameter is only a label."""
    document = shop()
    item = document["paths"].pop("/orders/{id}")
    item["delete"]["parameters"][0]["name"] = "order"
    document["paths"]["/orders/{order}"] = item
    return document


CASES.append(Case("renamed path parameter", Kind.OPENAPI, json.dumps(shop()),
                  json.dumps(renamed_path_parameter()), frozenset(), False))  # fmt: skip

# parameters
api(
    "new required parameter",
    "added",
    BREAKING,
    lambda d: get(d)["parameters"].append({**LIMIT, "required": True}),
    oasdiff=True,
)
api("new required parameter with default", "added", BREAKING,
    lambda d: get(d)["parameters"].append({**LIMIT, "required": True, "schema": {"type": "integer", "default": 1}}),
    oasdiff=True)  # fmt: skip
api("new optional parameter", "added", ADDITIVE, lambda d: get(d)["parameters"].append(LIMIT), oasdiff=False)
api("removed parameter", "removed", BREAKING, lambda d: get(d)["parameters"].pop(1), oasdiff=True)
api(
    "parameter became required",
    "became_required",
    BREAKING,
    lambda d: parameter(d, "day").update(required=True),
    oasdiff=True,
)
api(
    "parameter became optional",
    "became_optional",
    ADDITIVE,
    lambda d: parameter(d, "X-Trace").update(required=False),
    oasdiff=False,
)
api(
    "parameter type changed",
    "type_changed",
    BREAKING,
    lambda d: parameter(d, "day").update(schema={"type": "integer"}),
    oasdiff=True,
)
api(
    "parameter type widened",
    "type_widened",
    ADDITIVE,
    lambda d: parameter(d, "limit")["schema"].update(type="number"),
    oasdiff=False,
)
api(
    "parameter default changed",
    "default_changed",
    COSMETIC,
    lambda d: parameter(d, "limit")["schema"].update(default=50),
    oasdiff=False,
)
api(
    "parameter maximum lowered",
    "decreased",
    BREAKING,
    lambda d: parameter(d, "limit")["schema"].update(maximum=50),
    oasdiff=True,
)
api(
    "parameter maximum raised",
    "increased",
    ADDITIVE,
    lambda d: parameter(d, "limit")["schema"].update(maximum=500),
    oasdiff=False,
)
api(
    "parameter maximum dropped",
    "removed",
    ADDITIVE,
    drop(lambda d: parameter(d, "limit")["schema"], "maximum"),
    oasdiff=False,
)
api(
    "parameter minimum set",
    "added",
    BREAKING,
    lambda d: parameter(d, "limit")["schema"].update(minimum=1),
    oasdiff=True,
)
api(
    "parameter pattern set",
    "added",
    BREAKING,
    lambda d: parameter(d, "day")["schema"].update(pattern="^2"),
    oasdiff=True,
)
api(
    "widened enum of a parameter",
    "added",
    ADDITIVE,
    lambda d: parameter(d, "state")["schema"]["enum"].append("sent"),
    oasdiff=False,
)
api(
    "narrowed enum of a parameter",
    "removed",
    BREAKING,
    lambda d: parameter(d, "state")["schema"]["enum"].pop(),
    oasdiff=True,
)
api(
    "parameter became an enum",
    "added",
    BREAKING,
    lambda d: parameter(d, "day")["schema"].update(enum=["today"]),
    oasdiff=True,
)
api(
    "parameter is no enum any more",
    "removed",
    ADDITIVE,
    drop(lambda d: parameter(d, "state")["schema"], "enum"),
    oasdiff=False,
)
api(
    "parameter format set",
    "format_set",
    BREAKING,
    lambda d: parameter(d, "day")["schema"].update(format="date"),
    oasdiff=True,
)
api(
    "description of a parameter only",
    "description_changed",
    COSMETIC,
    lambda d: parameter(d, "day").update(description="A day"),
    oasdiff=False,
)
api(
    "deprecated parameter",
    "deprecated",
    COSMETIC,
    lambda d: parameter(d, "day").update(deprecated=True),
    oasdiff=False,
)

# request bodies
api(
    "body became required",
    "became_required",
    BREAKING,
    lambda d: post(d)["requestBody"].update(required=True),
    oasdiff=True,
)
api("removed body", "removed", BREAKING, drop(post, "requestBody"), oasdiff=True)
api("added optional body", "added", ADDITIVE, put(get, requestBody={"content": {}}), oasdiff=False)
api(
    "added required body",
    "added",
    BREAKING,
    put(get, requestBody={"required": True, "content": {}}),
    oasdiff=True,
)
api(
    "removed media type of a request",
    "removed",
    BREAKING,
    drop(lambda d: post(d)["requestBody"]["content"], "text/csv"),
    oasdiff=True,
)
api("added media type of a request", "added", ADDITIVE,
    put(lambda d: post(d)["requestBody"]["content"], **{"text/plain": {"schema": {"type": "string"}}}),
    oasdiff=False)  # fmt: skip
api("new required property of a request", "added", BREAKING,
    both(put(properties("NewOrder"), shop={"type": "string"}), required("NewOrder", "state", "shop")),
    oasdiff=True)  # fmt: skip
api(
    "new optional property of a request",
    "added",
    ADDITIVE,
    put(properties("NewOrder"), shop={"type": "string"}),
    oasdiff=False,
)
api("removed property of a request", "removed", BREAKING, drop(properties("NewOrder"), "code"), oasdiff=True)
api(
    "property of a request became required",
    "became_required",
    BREAKING,
    required("NewOrder", "state", "note"),
    oasdiff=True,
)
api("property of a request became optional", "became_optional", ADDITIVE, required("NewOrder"), oasdiff=False)
api(
    "property of a request got another type",
    "type_changed",
    BREAKING,
    put(new_property("total"), type="string"),
    oasdiff=True,
)
api(
    "property of a request narrowed",
    "type_narrowed",
    BREAKING,
    put(new_property("total"), type="integer"),
    oasdiff=True,
)
api(
    "property of a request widened",
    "type_widened",
    ADDITIVE,
    put(new_property("size"), type="number"),
    oasdiff=False,
)
api(
    "format of a request widened",
    "format_widened",
    ADDITIVE,
    put(new_property("size"), format="int64"),
    oasdiff=False,
)
api(
    "request must not be null any more",
    "became_not_nullable",
    BREAKING,
    put(new_property("gift"), nullable=False),
    oasdiff=True,
)
api(
    "request may be null",
    "became_nullable",
    ADDITIVE,
    put(new_property("note"), nullable=True),
    oasdiff=False,
)
api("shorter text in a request", "decreased", BREAKING, put(new_property("note"), maxLength=50), oasdiff=True)
api("more items needed", "increased", BREAKING, put(new_property("tags"), minItems=2), oasdiff=True)
api("no items needed", "removed", ADDITIVE, put(new_property("tags"), minItems=0), oasdiff=False)
api(
    "other pattern in a request",
    "changed",
    BREAKING,
    put(new_property("code"), pattern="^[a-z0-9]+$"),
    oasdiff=True,
)
api("unique items in a request", "added", BREAKING, put(new_property("tags"), uniqueItems=True), oasdiff=True)
api(
    "request closed",
    "added",
    BREAKING,
    put(lambda d: schema(d, "NewOrder"), additionalProperties=False),
    oasdiff=True,
)
api(
    "enum value of a request removed",
    "removed",
    BREAKING,
    put(new_property("state"), enum=["open"]),
    oasdiff=True,
)
api(
    "read-only property of a request limited",
    "added",
    COSMETIC,
    put(new_property("id"), minimum=1),
    oasdiff=False,
)
api("alternative of a request removed", "removed", BREAKING,
    put(new_property("way"), oneOf=[{"title": name, "type": "object"} for name in ("Post", "Air")]), oasdiff=True,
    base=put(new_property("way"), oneOf=[{"title": name, "type": "object"} for name in ("Post", "Air", "Sea")]))  # fmt: skip

# responses
api("removed field of a response", "removed", BREAKING, drop(properties("Order"), "note"), oasdiff=False)
api("removed required field of a response", "removed", BREAKING,
    both(drop(properties("Order"), "state"), required("Order", "id")), oasdiff=True)  # fmt: skip
api(
    "new field of a response",
    "added",
    ADDITIVE,
    put(properties("Order"), shop={"type": "string"}),
    oasdiff=False,
)
api("field of a response became optional", "became_optional", BREAKING, required("Order", "id"), oasdiff=True)
api(
    "field of a response became required",
    "became_required",
    ADDITIVE,
    required("Order", "id", "state", "note"),
    oasdiff=False,
)
api(
    "field of a response got another type",
    "type_changed",
    BREAKING,
    put(order_property("total"), type="string"),
    oasdiff=True,
)
api(
    "field of a response widened",
    "type_widened",
    BREAKING,
    put(order_property("size"), type="number"),
    oasdiff=True,
)
api(
    "field of a response narrowed",
    "type_narrowed",
    ADDITIVE,
    put(order_property("total"), type="integer"),
    oasdiff=False,
)
api(
    "field of a response may be null",
    "became_nullable",
    BREAKING,
    put(order_property("note"), nullable=True),
    oasdiff=True,
)
api(
    "field of a response is never null",
    "became_not_nullable",
    ADDITIVE,
    put(order_property("gift"), nullable=False),
    oasdiff=False,
)
api(
    "longer text in a response",
    "increased",
    BREAKING,
    put(order_property("note"), maxLength=500),
    oasdiff=True,
)
api("no limit in a response", "removed", BREAKING, drop(order_property("note"), "maxLength"), oasdiff=True)
api("no items in a response", "removed", BREAKING, put(order_property("tags"), minItems=0), oasdiff=True)
api(
    "pattern of a response removed",
    "removed",
    BREAKING,
    drop(order_property("code"), "pattern"),
    oasdiff=True,
)
api(
    "enum value of a response added",
    "added",
    BREAKING,
    put(order_property("state"), enum=["open", "paid", "sent"]),
    oasdiff=True,
)
api(
    "enum value of a response removed",
    "removed",
    ADDITIVE,
    put(order_property("state"), enum=["open"]),
    oasdiff=False,
)
api(
    "write-only field of a response removed",
    "removed",
    COSMETIC,
    drop(properties("Order"), "secret"),
    oasdiff=False,
)
api("alternative of a response added", "added", BREAKING,
    lambda d: order_property("way")(d)["oneOf"].append({"title": "Air", "type": "object"}), oasdiff=True)  # fmt: skip
api("removed success", "removed", BREAKING, drop(lambda d: get(d)["responses"], "200"), oasdiff=True)
api("removed failure", "removed", COSMETIC, drop(lambda d: get(d)["responses"], "404"), oasdiff=False)
api(
    "added failure",
    "added",
    ADDITIVE,
    put(lambda d: get(d)["responses"], **{"500": {"description": "Oh"}}),
    oasdiff=False,
)
api("removed media type of a response", "removed", BREAKING,
    drop(lambda d: get(d)["responses"]["200"]["content"], "application/json"), oasdiff=True)  # fmt: skip
api(
    "removed header",
    "removed",
    BREAKING,
    drop(lambda d: get(d)["responses"]["200"]["headers"], "X-Total"),
    oasdiff=True,
)
api("header became optional", "became_optional", BREAKING,
    put(lambda d: get(d)["responses"]["200"]["headers"]["X-Total"], required=False), oasdiff=True)  # fmt: skip

# security
api("removed security", "removed", BREAKING, put(get, security=[{"key": []}]), oasdiff=True,
    base=put(get, security=[{"key": []}, {"login": ["read"]}]))  # fmt: skip
api("added scope", "added", BREAKING, put(get, security=[{"login": ["read", "list"]}]), oasdiff=True,
    base=put(get, security=[{"login": ["read"]}]))  # fmt: skip
api("removed scope", "removed", ADDITIVE, put(get, security=[{"login": ["read"]}]), oasdiff=False,
    base=put(get, security=[{"login": ["read", "list"]}]))  # fmt: skip


def document_case(name: str, kind: str, old: Document, new: Document, *expected: tuple[str, str]) -> None:
    """A change of a schema or of a list of tools: oasdiff does not read those."""
    CASES.append(Case(name, kind, json.dumps(old), json.dumps(new), frozenset(expected), None))


EVENT: Document = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "at": {"type": "string"}},
}
document_case(
    "schema: description only",
    Kind.JSON_SCHEMA,
    EVENT,
    {**EVENT, "description": "An event"},
    ("description_changed", COSMETIC),
)
document_case(
    "schema: field became required",
    Kind.JSON_SCHEMA,
    EVENT,
    {**EVENT, "required": ["id", "at"]},
    ("became_required", BREAKING),
)
document_case("schema: new optional field", Kind.JSON_SCHEMA, EVENT,
              {**EVENT, "properties": {**EVENT["properties"], "by": {"type": "string"}}}, ("added", ADDITIVE))  # fmt: skip
document_case("schema: null allowed by a list of types", Kind.JSON_SCHEMA, EVENT,
              {**EVENT, "properties": {**EVENT["properties"], "at": {"type": ["string", "null"]}}},
              ("became_nullable", ADDITIVE))  # fmt: skip
document_case("schema: one type more", Kind.JSON_SCHEMA, EVENT,
              {**EVENT, "properties": {**EVENT["properties"], "at": {"type": ["string", "integer"]}}},
              ("type_widened", ADDITIVE))  # fmt: skip

TOOLS: Document = {
    "tools": [
        {
            "name": "find",
            "description": "Find",
            "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
        }
    ]
}
document_case(
    "tools: one went, one came",
    Kind.MCP_TOOLS,
    TOOLS,
    {"tools": [{"name": "search"}]},
    ("removed", BREAKING),
    ("added", ADDITIVE),
)
document_case("tools: description only", Kind.MCP_TOOLS, TOOLS, {"tools": [{**TOOLS["tools"][0], "description": "Finds"}]},
              ("description_changed", COSMETIC))  # fmt: skip
document_case("tools: input required", Kind.MCP_TOOLS, TOOLS,
              {"tools": [{**TOOLS["tools"][0], "inputSchema": {**TOOLS["tools"][0]["inputSchema"], "required": ["text"]}}]},
              ("became_required", BREAKING))  # fmt: skip


def sql_case(name: str, old: str, new: str, *expected: tuple[str, str]) -> None:
    """A change of a database."""
    CASES.append(Case(name, Kind.SQL_DDL, old, new, frozenset(expected), None))


TABLE = "create table item (id bigint primary key, name varchar(20) not null, price integer, note text default '-')"
sql_case("renamed column", TABLE, TABLE.replace("price", "cents"), ("removed", BREAKING), ("added", ADDITIVE))
sql_case("dropped column", TABLE, TABLE.replace(" price integer,", ""), ("removed", BREAKING))
sql_case("added nullable column", TABLE, TABLE.replace("note", "size integer, note"), ("added", ADDITIVE))
sql_case(
    "added column with default",
    TABLE,
    TABLE.replace("note", "size integer not null default 0, note"),
    ("added", ADDITIVE),
)
sql_case(
    "added required column", TABLE, TABLE.replace("note", "size integer not null, note"), ("added", BREAKING)
)
sql_case(
    "column became required",
    TABLE,
    TABLE.replace("price integer", "price integer not null"),
    ("became_required", BREAKING),
)
sql_case(
    "column became nullable", TABLE, TABLE.replace("(20) not null", "(20)"), ("became_optional", ADDITIVE)
)
sql_case("wider column", TABLE, TABLE.replace("price integer", "price bigint"), ("type_widened", ADDITIVE))
sql_case("longer text", TABLE, TABLE.replace("(20)", "(40)"), ("increased", ADDITIVE))
sql_case("shorter text", TABLE, TABLE.replace("(20)", "(10)"), ("decreased", BREAKING))
sql_case("other type", TABLE, TABLE.replace("price integer", "price date"), ("type_changed", BREAKING))
sql_case("other default", TABLE, TABLE.replace("'-'", "''"), ("default_changed", COSMETIC))
sql_case("dropped table", TABLE + "; create table b (x int)", TABLE, ("removed", BREAKING))
sql_case("added table", TABLE, TABLE + "; create table b (x int)", ("added", ADDITIVE))
sql_case("added index", TABLE, TABLE + "; create index by_name on item (name)", ("added", COSMETIC))
sql_case("unique now", TABLE, TABLE.replace("not null,", "not null unique,", 1), ("added", BREAKING))
sql_case(
    "altered instead of written anew",
    TABLE,
    TABLE + "; alter table item add column size integer",
    ("added", ADDITIVE),
)
sql_case(
    "comment only", TABLE, TABLE + "; comment on table item is 'Things'", ("description_changed", COSMETIC)
)
sql_case("white space and case only", TABLE, TABLE.upper().replace(",", ",\n"))


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= FEWEST_CASES
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str, str, str]]]:
    """Land all cases as contracts of two versions, compare them with dbt; what is found by case."""
    paths = StorePaths(tmp_path_factory.mktemp("contracts") / "home").ensure()
    changes = Changes()
    known = contracts.Known()
    for case in CASES:
        watched = Watched(case.name, case.kind, ())
        for text in (case.old, case.new):
            contracts.add_version(changes, known, watched, Version((text,), "test", "file"))
    write(paths.warehouse, changes)
    selected = (
        "change_rules",
        "type_widenings",
        "stg_contracts__version",
        "stg_contracts__field",
        "int_contract_change",
    )
    outcome = dbt.invoke(["build", "--select", *selected], paths, REPOSITORY)
    assert outcome.success, [
        str(one.message) for one in getattr(outcome.result, "results", []) if one.status != "success"
    ]
    found: dict[str, set[tuple[str, str, str, str]]] = {case.name: set() for case in CASES}
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        assert connection.execute(
            "select count(*) from raw.contract_version where set_aside_reason is not null"
        ).fetchone() == (0,)
        for name, *row in connection.execute(
            "select contract_name, change, classification, rule_name, element_path from intermediate.int_contract_change"
        ).fetchall():
            found[name].add((row[0], row[1], row[2], row[3]))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_change_is_classified(case: Case, found: dict[str, set[tuple[str, str, str, str]]]) -> None:
    seen = {(change, classification) for change, classification, _, _ in found[case.name]}
    assert seen == case.expected, found[case.name]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.oasdiff is not None], ids=lambda case: case.name
)
def test_what_oasdiff_calls_breaking(case: Case, found: dict[str, set[tuple[str, str, str, str]]]) -> None:
    """Where we differ from oasdiff, the rule says so and why."""
    is_breaking = any(classification == BREAKING for _, classification, _, _ in found[case.name])
    if is_breaking != case.oasdiff:
        reasons = {row["rule_name"]: row["reason"] for row in _rules()}
        rules = {rule for _, _, rule, _ in found[case.name]}
        assert any(reasons[rule] for rule in rules), rules


def _rules() -> list[dict[str, str]]:
    with (REPOSITORY / "seeds" / "change_rules.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rules_follow_the_levels_of_oasdiff() -> None:
    """ERR and WARN are breaking, INFO is not – unless the rule gives a reason."""
    for rule in _rules():
        if rule["oasdiff_level"] and not rule["reason"]:
            is_reported = rule["oasdiff_level"] in {"ERR", "WARN"}
            assert (rule["classification"] == BREAKING) == is_reported, rule["rule_name"]


def test_rules_follow_from_effect_and_direction() -> None:
    """A narrower request and a wider response break; what is only metadata does not."""
    for rule in _rules():
        expected = {
            ("narrows", "request"): True, ("widens", "request"): False,
            ("narrows", "response"): False, ("widens", "response"): True,
        }.get((rule["effect"], rule["direction"]))  # fmt: skip
        is_negotiated = rule["element"] in {"media_type", "response", "header", "line_type"}
        if expected is not None and not rule["reason"] and not is_negotiated:
            assert (rule["classification"] == BREAKING) == expected, rule["rule_name"]


# --- reading --------------------------------------------------------------------------------------------------


def paths_of(flat: contracts.Flat) -> set[str]:
    """The paths of the elements."""
    return {field.path for field in flat.fields}


def test_recursive_schemas_end() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "value": {"type": "string"}}}
    flat = contracts.flatten(
        Kind.JSON_SCHEMA, [json.dumps({"$ref": "#/$defs/Node", "$defs": {"Node": node}})]
    )
    assert {"$", "$.value", "$.next"} <= paths_of(flat)
    assert len(flat.fields) < 10


def test_references_in_a_circle_end() -> None:
    document = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}
    assert paths_of(contracts.flatten(Kind.JSON_SCHEMA, [json.dumps(document)])) == {"$"}


def test_a_reference_may_be_written_as_an_address_is() -> None:
    schema = {"properties": {"a": {"$ref": "#/$defs/x%7By%7D~1z"}}, "$defs": {"x{y}/z": {"type": "integer"}}}
    flat = contracts.flatten(Kind.JSON_SCHEMA, [json.dumps(schema)])
    assert {field.path: field.data_type for field in flat.fields}["$.a"] == "integer"


def test_a_reference_that_leads_nowhere_is_anything() -> None:
    flat = contracts.flatten(Kind.JSON_SCHEMA, [json.dumps({"properties": {"a": {"$ref": "#/$defs/None"}}})])
    assert next(field for field in flat.fields if field.path == "$.a").data_type == "any"


def test_yaml_that_multiplies_itself_is_refused() -> None:
    lines = ["a0: &a0 {type: string}"]
    for level in range(1, 9):
        inner = ", ".join(f"p{number}: *a{level - 1}" for number in range(12))
        lines.append(f"a{level}: &a{level} {{type: object, properties: {{{inner}}}}}")
    text = "\n".join([*lines, "type: object", "properties: {x: *a8}"])
    with pytest.raises(ContractError, match="more than"):
        contracts.flatten(Kind.JSON_SCHEMA, [text])


def test_parts_are_merged() -> None:
    document = {
        "allOf": [
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
            {"required": ["b"], "properties": {"b": {"type": "integer"}}},
        ]
    }
    flat = contracts.flatten(Kind.JSON_SCHEMA, [json.dumps(document)])
    assert {(field.path, field.data_type, field.is_required) for field in flat.fields} == {
        ("$", "object", True), ("$.a", "string", True), ("$.b", "integer", True),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (Kind.OPENAPI, "openapi: 3.0.0\npaths: [", "neither JSON nor YAML"),
        (Kind.OPENAPI, '{"openapi": "3.0.0", "paths": {', "neither JSON nor YAML"),
        (Kind.OPENAPI, "swagger: '2.0'\npaths: {}", "Swagger 2.0"),
        (Kind.OPENAPI, "info: {}", "no `openapi`"),
        (Kind.OPENAPI, "openapi: 4.0.0\npaths: {}", "not 3.x"),
        (Kind.OPENAPI, "openapi: 3.1.0", "no paths"),
        (Kind.OPENAPI, "- a\n- b", "must be an object"),
        (Kind.OPENAPI, "", "must be an object"),
        (Kind.JSON_SCHEMA, '{"hello": 1}', "no keyword of a JSON Schema"),
        (Kind.MCP_TOOLS, '{"a": 1}', "contains no list of tools"),
        (Kind.MCP_TOOLS, '[{"description": "x"}]', "without a name"),
        (Kind.SQL_DDL, "create table (", "cannot be parsed"),
        (Kind.SQL_DDL, "select 1", "no table"),
        ("graphql", "type Query { a: Int }", "unknown kind of contract"),
    ],
)
def test_what_cannot_be_read_says_why(kind: str, text: str, reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        contracts.flatten(kind, [text])


@pytest.mark.parametrize(
    "text",
    ['{"openapi": "3.0.0", "paths": {"/a": {"get": {"parameters": [1, null, {"in": "query"}], "responses": []}}}}',
     '{"openapi": "3.0.0", "paths": {"/a": {"get": {"responses": {"200": null}, "security": 5, "requestBody": "x"}}}}',
     '{"openapi": "3.1.0", "paths": {"/a": null, "/b": {"get": {"responses": {"200": {"content": {"a/b": null}}}}}}}'],
)  # fmt: skip
def test_odd_shapes_are_passed_over(text: str) -> None:
    contracts.flatten(Kind.OPENAPI, [text])


def test_a_broken_version_is_set_aside_and_the_rest_goes_on() -> None:
    changes, known = Changes(), contracts.Known()
    watched = Watched("api", Kind.OPENAPI, ())
    for text in ("openapi: [", json.dumps(shop())):
        contracts.add_version(changes, known, watched, Version((text,), "file", "file"))
    versions = changes.rows["contract_version"]
    assert [version[15] is None for version in versions] == [False, True]
    assert changes.set_aside == 1
    assert changes.rows["contract_field"]


def test_the_same_version_is_landed_once() -> None:
    changes, known = Changes(), contracts.Known()
    watched = Watched("api", Kind.OPENAPI, ())
    for _ in range(3):
        contracts.add_version(changes, known, watched, Version((json.dumps(shop()),), "file", "file"))
    assert len(changes.rows["contract_version"]) == 1


def test_migrations_are_applied_in_order(tmp_path: Path) -> None:
    for name, text in (
        ("1.sql", "create table a (x int)"),
        ("2.sql", "alter table a add column y text"),
        ("3.sql", "drop table a"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = tuple(sorted(tmp_path.glob("*.sql")))
    watched = Watched("db", Kind.SQL_MIGRATIONS, files)
    versions = list(contracts.read_versions(watched))
    assert [len(version.texts) for version in versions] == [1, 2, 3]
    assert paths_of(contracts.flatten(Kind.SQL_MIGRATIONS, versions[1].texts)) == {"a", "a.x", "a.y"}


def test_git_keeps_the_versions_of_a_file(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    environment = {**clean_environment(tmp_path / "home"), "GIT_CONFIG_GLOBAL": "/dev/null"}

    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-C", str(repository), *arguments],
            check=True, capture_output=True, env=environment,
        )  # fmt: skip

    git("init", "-q")
    spec = repository / "api.json"
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        document = shop()
        document["info"]["version"] = version
        spec.write_text(json.dumps(document), encoding="utf-8")
        git("add", "api.json")
        git("commit", "-qm", f"Version {version}")
    spec.write_text(
        json.dumps({**shop(), "info": {"title": "Shop", "version": "3.0.0-draft"}}), encoding="utf-8"
    )
    changes, known = Changes(), contracts.Known()
    watched = Watched("api", Kind.OPENAPI, (spec,))
    for version in contracts.read_versions(watched):
        contracts.add_version(changes, known, watched, version)
    landed = changes.rows["contract_version"]
    assert [row[9] for row in landed] == ["1.0.0", "1.1.0", "2.0.0", "3.0.0-draft"]
    assert [row[8] is not None for row in landed] == [True, True, True, False]
    assert head_of(repository) == landed[2][8]


def test_tools_that_logs_show_are_contracts(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    line = {
        "type": "api-request-shape", "sessionId": "s1", "version": "2.1.330", "timestamp": "2026-11-22T08:00:00.000Z",
        "shape": {"tools": [{"name": "mcp__shop__find", "description": "Find", "input_schema": {"type": "object"}},
                            {"name": "Bash", "input_schema": {"properties": {"command": {"type": "string"}}}}]},
    }  # fmt: skip
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.transcript_line (file_id bigint, line_number bigint, line varchar, repaired_line varchar, "
            "set_aside_reason varchar, _batch_id bigint)"
        )
        connection.execute(
            "insert into raw.transcript_line values (1, 1, ?, null, null, 1)", [json.dumps(line)]
        )
        changes = Changes()
        contracts.land_tools(connection, changes, contracts.Known(), 0)
    assert {row[0] for row in changes.rows["contract_version"]} == {"mcp:shop/find", "claude_code/Bash"}
    assert any(row[1] == "Bash $in.command" for row in changes.rows["contract_field"])
