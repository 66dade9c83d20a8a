"""The names in a file: where each is defined, imported, called or used. Lines are counted from 1, as in editors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ingest.code.headings import LONGEST_HEADING, heading_level, heading_text

MAX_NAME_CHARACTERS: Final = 200
_SHORTEST_USAGE: Final = 2
DEFINITION, IMPORT, CALL, USAGE = "definition", "import", "call", "usage"
# Where several captures share a name, the first of these wins.
DEFINITION_TYPES: Final = (
    "method", "function", "class", "interface", "enum", "type", "module", "macro", "table", "view", "endpoint", "heading",
    "variable",
)  # fmt: skip
_CLASS_LIKE: Final = frozenset({"class", "interface", "enum"})
_FUNCTION_LIKE: Final = frozenset({"function", "method"})
# A definition together with its wrapper: decorators, `export`, `const`, `template <…>`.
_WRAPPERS: Final = frozenset({
    "decorated_definition", "export_statement", "lexical_declaration", "variable_declaration", "type_declaration",
    "template_declaration", "ambient_declaration", "expression_statement", "create_table", "create_view",
    "create_materialized_view", "create_function", "create_type", "statement", "object_reference",
})  # fmt: skip
_COMMENT_LINE: Final = re.compile(r"\s*(?:#(?!include|define|if|endif|pragma)|//|/\*|\*|--|@\w)")
# Used as types, these reveal nothing about the code that names them.
_BUILT_IN_TYPE_NAMES: Final = (
    "str int float bool bytes object list dict set tuple type None string error byte rune any int8 int16 int32 int64 uint "
    "uint8 uint16 uint32 uint64 float32 float64 String Integer Long Boolean Double Object size_t uint8_t int32_t int64_t "
    "uint32_t uint64_t Self Option Vec property staticmethod classmethod"
)
_BUILT_IN_TYPES: Final = frozenset(_BUILT_IN_TYPE_NAMES.split())
_RECEIVER: Final = re.compile(r"(?<!\w)([A-Za-z_]\w*) ?(?:\[[^\[\]]*\] ?)?\)$")
_QUOTES: Final = "\"'`<>"


class Symbol(NamedTuple):
    """A name at a place: defined, imported, called or used there."""

    name: str
    container: str | None
    symbol_type: str | None
    reference_type: str
    line_number: int
    line_end: int


@dataclass(slots=True)
class Definition:
    name: str | None
    symbol_type: str
    start_byte: int
    end_byte: int
    line: int
    line_end: int
    first_line: int  # with decorators and the comment above
    name_byte: int
    container: str | None = None
    is_scope: bool = False
    level: int = 0
    body_line: int = 0  # of a heading: the line below it
    children: list[Definition] = field(default_factory=list)


def definitions_of(
    captures: dict[str, list[Any]], source: bytes, lines: list[str], language: str
) -> list[Definition]:
    """All definitions and scopes in file order; of several captures of one name the first type wins."""
    found: list[Definition] = []
    taken: set[int] = set()
    for symbol_type in DEFINITION_TYPES:
        for node in captures.get(f"def.{symbol_type}", ()):
            name_node = _name_node(node)
            if name_node is None or name_node.start_byte in taken:
                continue
            name = _text_of(name_node, source)
            if symbol_type == "heading":
                name = heading_text(name)
            if not name or len(name) > MAX_NAME_CHARACTERS:
                continue
            taken.add(name_node.start_byte)
            is_leaf = node.start_byte == name_node.start_byte and node.end_byte == name_node.end_byte
            outer = node.parent if is_leaf and symbol_type not in {"variable", "endpoint"} else node
            while outer.parent is not None and outer.parent.type in _WRAPPERS:
                outer = outer.parent
            first = outer.start_point.row + 1
            last_row, last_column = outer.end_point
            one = Definition(
                name=name, symbol_type=symbol_type, start_byte=(outer if is_leaf else node).start_byte,
                end_byte=outer.end_byte if symbol_type != "variable" else node.end_byte,
                line=name_node.start_point.row + 1, line_end=last_row + (last_column > 0) or first,
                first_line=_with_comment_above(lines, first), name_byte=name_node.start_byte,
            )  # fmt: skip
            if symbol_type == "heading":
                one.level = heading_level(node)
                one.body_line = one.line_end + 1
            elif symbol_type == "method" and language == "go":
                one.container = _receiver(node, source)
            elif language == "cpp" and symbol_type == "function":
                one.container = _qualifier(name_node, source)
            found.append(one)
    for scope_type in ("class", "function"):
        for node in captures.get(f"scope.{scope_type}", ()):
            owner = node.child_by_field_name("type") if scope_type == "class" else None
            found.append(
                Definition(
                    name=_bare(_text_of(owner, source)) if owner is not None else None,
                    symbol_type=scope_type,
                    start_byte=node.start_byte,
                    end_byte=node.end_byte,
                    line=node.start_point.row + 1,
                    line_end=node.end_point.row + 1,
                    first_line=_with_comment_above(lines, node.start_point.row + 1),
                    name_byte=node.start_byte,
                    is_scope=True,
                )
            )
    found.sort(key=lambda one: (one.start_byte, -one.end_byte, one.is_scope))
    return _in_scope(found)


def _in_scope(found: list[Definition]) -> list[Definition]:
    """Set the container of each definition; drop local variables of functions, and turn functions in classes into
    methods.
    """
    kept: list[Definition] = []
    stack: list[Definition] = []
    for one in found:
        while stack and stack[-1].end_byte <= one.start_byte:
            stack.pop()
        holder = stack[-1] if stack else None
        is_inside_function = holder is not None and holder.symbol_type in _FUNCTION_LIKE
        if one.symbol_type == "variable":
            if is_inside_function:
                continue
        else:
            stack.append(one)
        is_held = one.container is not None or (holder is not None and holder.symbol_type in _CLASS_LIKE)
        if one.symbol_type == "function" and not one.is_scope and is_held:
            one.symbol_type = "method"
        if one.container is None and one.symbol_type != "heading":
            holders = (
                outer.name for outer in reversed(stack) if outer is not one and outer.symbol_type != "type"
            )
            one.container = next((name for name in holders if name), None)
        kept.append(one)
    return kept


def _name_node(node: Any) -> Any:  # noqa: ANN401 - nodes of tree-sitter
    """The node that holds the name of a definition."""
    for name in ("name", "declarator", "left", "key", "property"):
        inner = node.child_by_field_name(name)
        if inner is None:
            continue
        if name == "declarator":
            return _declared(inner)
        if inner.type == "member_expression":
            return inner.child_by_field_name("property")
        if inner.type in {"scope_resolution", "qualified_identifier", "template_type"}:
            return inner.child_by_field_name("name") or inner
        return inner
    if node.type in {"atx_heading", "setext_heading"}:
        content = node.child_by_field_name("heading_content")
        return content if content is not None else node
    return node if node.named_child_count == 0 else None


def _declared(node: Any) -> Any:  # noqa: ANN401 - nodes of tree-sitter
    """Descend through C declarators to the declared name."""
    while node is not None:
        inner = node.child_by_field_name("declarator")
        if inner is None and node.type in {"parenthesized_declarator", "reference_declarator"}:
            inner = next(iter(node.named_children), None)
        if inner is None and node.type == "qualified_identifier":
            inner = node.child_by_field_name("name")
        if inner is None:
            return node
        node = inner
    return None


def _qualifier(name_node: Any, source: bytes) -> str | None:  # noqa: ANN401 - a node of tree-sitter
    parent = name_node.parent
    if parent is None or parent.type != "qualified_identifier":
        return None
    scope = parent.child_by_field_name("scope")
    return _bare(_text_of(scope, source)) if scope is not None else None


def _receiver(node: Any, source: bytes) -> str | None:  # noqa: ANN401 - a node of tree-sitter
    receiver = node.child_by_field_name("receiver")
    found = (
        _RECEIVER.search(" ".join(_text_of(receiver, source)[-LONGEST_HEADING:].split()))
        if receiver
        else None
    )
    return found[1] if found else None


def _bare(name: str) -> str:
    """A type's name without its arguments and path."""
    return re.split(r"[<\[({]", name, maxsplit=1)[0].strip().rpartition("::")[2]


def _text_of(node: Any, source: bytes) -> str:  # noqa: ANN401 - a node of tree-sitter
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _with_comment_above(lines: list[str], first: int) -> int:
    """The first line of the comment directly above a line, or that line."""
    while first > 1 and first - 2 < len(lines) and _COMMENT_LINE.match(lines[first - 2]):
        first -= 1
    return first


def references_in(
    captures: dict[str, list[Any]], source: bytes, definitions: Sequence[Definition]
) -> Iterator[Symbol]:
    """Imports, calls and usages, once per name, kind and line."""
    seen: set[tuple[str, str, int]] = set()
    taken = {one.name_byte for one in definitions} | {node.start_byte for node in captures.get("skip", ())}
    known = {one.name for one in definitions}
    for name in ("import", "import.whole", "alias"):
        for node in captures.get(name, ()):
            known.add(_text_of(node, source).split(".")[0])
    plans = (
        ("import", IMPORT, "import"), ("import.module", IMPORT, "module"), ("import.whole", IMPORT, "module"),
        ("call", CALL, None), ("usage", USAGE, None), ("alias", IMPORT, "alias"), ("id", USAGE, None),
    )  # fmt: skip
    for capture, reference_type, symbol_type in plans:
        is_open = capture == "id"
        for node in captures.get(capture, ()):
            start = node.start_byte
            if start in taken:
                continue
            raw = source[start : node.end_byte]
            if len(raw) > MAX_NAME_CHARACTERS:
                continue
            name = raw.decode("utf-8", "replace")
            if is_open and (name not in known or len(name) < _SHORTEST_USAGE):
                continue
            if reference_type == USAGE and name in _BUILT_IN_TYPES and name not in known:
                continue
            taken.add(start)
            if symbol_type == "alias":
                continue
            if reference_type == IMPORT:
                name = name.strip(_QUOTES)
            line = node.start_point.row + 1
            key = (name, reference_type, line)
            if not name or key in seen:
                continue
            seen.add(key)
            yield Symbol(name, None, symbol_type, reference_type, line, line)
