"""SQL DDL, flattened: the tables after every CREATE, ALTER and DROP."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.contracts.elements import ContractError, Direction, Field, Flat, text_digest
from ingest.text import one_line


def flatten_sql(texts: Sequence[str], dialect: str = "") -> Flat:
    """Flatten the tables that DDL creates: CREATE, ALTER and DROP are applied in order."""
    import sqlglot
    from sqlglot import errors

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    database = _Database()
    for text in texts:
        try:
            statements = sqlglot.parse(text, read=dialect or None)
        except (errors.SqlglotError, RecursionError, ValueError) as error:
            raise ContractError(f"SQL that cannot be parsed: {one_line(error)}") from error
        for statement in statements:
            if statement is not None:
                database.apply(statement)
    if not database.tables and not database.types:
        raise ContractError("it creates no table, view or type")
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
    """The tables after some statements."""

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
        names = ", ".join(one_line(one.sql()).lower() for one in covered or [])
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
            table.constraints["check", one_line(element.this.sql(), 500)] = None
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
                column.default = one_line(inner.this.sql(), 500) if inner.this is not None else None
            elif isinstance(inner, exp.CheckColumnConstraint):
                table.constraints["check", one_line(inner.this.sql(), 500)] = None
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
                        description_hash=text_digest(table.comment))  # fmt: skip
            for column in table.columns.values():
                path = f"{name}.{column.name}"
                has_value = column.default is not None or column.is_generated
                yield Field(path, name, "column", way, name=column.name, data_type=column.data_type,
                            is_required=column.is_not_null and not has_value,
                            is_nullable=not column.is_not_null, default=column.default,
                            description_hash=text_digest(column.comment))  # fmt: skip
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
        column.default = one_line(action.args["default"].sql(), 500)
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
    """The name of a column's type, and its numbers: varchar(20) gives varchar and 20."""
    from sqlglot import exp

    if kind is None:
        return "any", ()
    if not isinstance(kind, exp.DataType):
        return one_line(kind.sql()).lower(), ()
    numbers: list[float] = []
    for parameter in kind.expressions:
        inner = parameter.this if isinstance(parameter, exp.DataTypeParam) else parameter
        if isinstance(inner, exp.Literal) and not inner.is_string:
            numbers.append(float(inner.name))
        else:
            return one_line(kind.sql()).lower(), ()
    if isinstance(kind.this, exp.DataType.Type):
        name = "user" if kind.this == exp.DataType.Type.USERDEFINED else kind.this.value
        if kind.this == exp.DataType.Type.USERDEFINED:
            name = str(kind.args.get("kind") or "user")
    else:
        name = str(kind.this)
    return name.lower(), tuple(numbers)
