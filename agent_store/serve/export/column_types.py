"""The type of a column in an export, in BigQuery and in Athena: one table for all three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_store.sql import quoted

if TYPE_CHECKING:
    from duckdb import sqltypes

_NUMERIC_DIGITS = 29
_NUMERIC_SCALE = 9
_NESTED = frozenset({"list", "array", "struct", "map"})


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of a column in the written file (DuckDB's name), and where it is loaded; "" if there is none."""

    written: str
    bigquery: str
    athena: str


# DuckDB's name, in lower case. All other types are written as text: UUID, ENUM, INTERVAL, TIME, BIT, UNION. Integer
# types that Parquet or its readers do not support are written as the next wider type, or as decimals.
TYPES = {
    "boolean": ColumnType("BOOLEAN", "BOOL", "boolean"),
    "tinyint": ColumnType("TINYINT", "INT64", "tinyint"),
    "smallint": ColumnType("SMALLINT", "INT64", "smallint"),
    "integer": ColumnType("INTEGER", "INT64", "int"),
    "bigint": ColumnType("BIGINT", "INT64", "bigint"),
    "utinyint": ColumnType("SMALLINT", "INT64", "smallint"),
    "usmallint": ColumnType("INTEGER", "INT64", "int"),
    "uinteger": ColumnType("BIGINT", "INT64", "bigint"),
    "ubigint": ColumnType("DECIMAL(20,0)", "NUMERIC(20)", "decimal(20,0)"),
    "hugeint": ColumnType("DECIMAL(38,0)", "BIGNUMERIC(38)", "decimal(38,0)"),
    "uhugeint": ColumnType("DECIMAL(38,0)", "BIGNUMERIC(38)", "decimal(38,0)"),
    "float": ColumnType("FLOAT", "FLOAT64", "float"),
    "double": ColumnType("DOUBLE", "FLOAT64", "double"),
    "varchar": ColumnType("VARCHAR", "STRING", "string"),
    "blob": ColumnType("BLOB", "BYTES", "binary"),
    "date": ColumnType("DATE", "DATE", "date"),
    # Without a zone, always UTC: Parquet says isAdjustedToUTC = false, which BigQuery calls DATETIME.
    "timestamp": ColumnType("TIMESTAMP", "DATETIME", "timestamp"),
    "timestamp_s": ColumnType("TIMESTAMP", "DATETIME", "timestamp"),
    "timestamp_ms": ColumnType("TIMESTAMP", "DATETIME", "timestamp"),
    "timestamp with time zone": ColumnType("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "timestamp"),
}
TEXT = TYPES["varchar"]


def documented() -> str:
    """The rows of `docs/export.md` that describe these types."""
    return "".join(
        f"| `{name.upper()}` | {'the same' if kind.written == name.upper() else f'`{kind.written}`'} | `{kind.bigquery}` | "
        f"`{kind.athena}` |\n"
        for name, kind in TYPES.items()
    )


def column_type(duckdb_type: str) -> ColumnType:
    """The types of a column of the store."""
    return _mapped(_parsed(duckdb_type))


def is_nested(duckdb_type: str) -> bool:
    """Whether it is a list, a struct or a map."""
    return _parsed(duckdb_type).id in _NESTED


def _parsed(duckdb_type: str) -> sqltypes.DuckDBPyType:
    import duckdb

    return duckdb.sqltype(duckdb_type)


def _mapped(kind: sqltypes.DuckDBPyType) -> ColumnType:
    if kind.id == "decimal":
        (_, precision), (_, scale) = _children(kind)
        fits = precision - scale <= _NUMERIC_DIGITS and scale <= _NUMERIC_SCALE
        return ColumnType(
            f"DECIMAL({precision},{scale})",
            f"{'NUMERIC' if fits else 'BIGNUMERIC'}({precision}{f', {scale}' if scale else ''})",
            f"decimal({precision},{scale})",
        )
    if kind.id in {"list", "array"}:
        item_kind = _children(kind)[0][1]
        item = _mapped(item_kind)
        # BigQuery has no arrays of arrays.
        bigquery = (
            f"ARRAY<{item.bigquery}>" if item.bigquery and not item.bigquery.startswith("ARRAY") else ""
        )
        return ColumnType(f"{item.written}[]", bigquery, f"array<{item.athena}>")
    if kind.id == "struct":
        fields = [(name, _mapped(field)) for name, field in _children(kind)]
        bigquery = ", ".join(f"{name} {field.bigquery}" for name, field in fields)
        return ColumnType(
            f"STRUCT({', '.join(f'{quoted(name)} {field.written}' for name, field in fields)})",
            f"STRUCT<{bigquery}>" if all(field.bigquery for _, field in fields) else "",
            f"struct<{','.join(f'{name}:{field.athena}' for name, field in fields)}>",
        )
    if kind.id == "map":
        key, value = (_mapped(child) for _, child in _children(kind))
        return ColumnType(
            f"MAP({key.written}, {value.written})",
            f"ARRAY<STRUCT<key {key.bigquery}, value {value.bigquery}>>" if value.bigquery else "",
            f"map<{key.athena},{value.athena}>",
        )
    return TYPES.get(kind.id, TEXT)


def finite(expression: str, duckdb_type: str) -> str:
    """An expression without values that JSON does not support: NaN and infinity become NULL, in lists, structs and maps
    too."""
    return _finite(expression, _parsed(duckdb_type), 0)


def _finite(expression: str, kind: sqltypes.DuckDBPyType, depth: int) -> str:
    if kind.id in {"float", "double"}:
        return f"case when isfinite({expression}) then {expression} end"
    if kind.id not in _NESTED or not _holds_fractions(kind):
        return expression
    one = f"_{depth}"
    if kind.id in {"list", "array"}:
        return f"list_transform({expression}, lambda {one}: {_finite(one, _children(kind)[0][1], depth + 1)})"
    if kind.id == "struct":
        fields = ", ".join(
            f"{quoted(name)} := {_finite(f'struct_extract({expression}, {_text(name)})', field, depth)}"
            for name, field in _children(kind)
        )
        return f"case when {expression} is not null then struct_pack({fields}) end"
    value = _finite(f"{one}.value", _children(kind)[1][1], depth + 1)
    return (
        f"map_from_entries(list_transform(map_entries({expression}), "
        f"lambda {one}: struct_pack(key := {one}.key, value := {value})))"
    )


def _holds_fractions(kind: sqltypes.DuckDBPyType) -> bool:
    if kind.id in {"float", "double"}:
        return True
    return kind.id in _NESTED and any(
        _holds_fractions(child) for _, child in _children(kind) if not isinstance(child, int)
    )


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _children(kind: sqltypes.DuckDBPyType) -> list[tuple[str, Any]]:
    return list(kind.children)
