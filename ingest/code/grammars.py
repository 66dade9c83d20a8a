"""The tree-sitter grammars, each with a query that captures the relevant nodes in one pass of the C library."""

from __future__ import annotations

import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import tree_sitter


PARSE_SECONDS: Final = 10.0
_WATCHED_BYTES: Final = 65_536
_FEED_BYTES: Final = 65_536
GRAMMARS: Final = {
    "python": ("tree_sitter_python", "language"), "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"), "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"), "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"), "cpp": ("tree_sitter_cpp", "language"),
    "ruby": ("tree_sitter_ruby", "language"), "sql": ("tree_sitter_sql", "language"),
    "markdown": ("tree_sitter_markdown", "language"),
}  # fmt: skip
PARSED_LANGUAGES: Final = frozenset(GRAMMARS)
# `def.<type>` captures a definition (its name is a field of the node, or the node itself), `scope.<type>` a scope
# that contains definitions without being one, `import`, `import.module` (something is imported from it) and
# `import.whole` (the file then uses it by name), `alias`, `call`, `usage`; `id` is a usage if the file defines or
# imports that name.
_QUERIES: Final = Path(__file__).with_name("queries")
# Languages whose query combines several files.
_QUERY_PARTS: Final = {
    "javascript": ("javascript", "jsx", "javascript_only"), "typescript": ("javascript", "typescript"),
    "tsx": ("javascript", "jsx", "typescript"), "cpp": ("c", "cpp"),
}  # fmt: skip


@cache
def tools_of(language: str) -> tuple[tree_sitter.Parser, tree_sitter.Query]:
    from tree_sitter import Language, Parser, Query

    module, function = GRAMMARS[language]
    grammar = Language(getattr(import_module(module), function)())
    parts = (_QUERIES / f"{part}.scm" for part in _QUERY_PARTS.get(language, (language,)))
    return Parser(grammar), Query(grammar, "\n".join(part.read_text(encoding="utf-8") for part in parts))


def problem_of(root: Any) -> str | None:  # noqa: ANN401 - a node of tree-sitter
    if not root.has_error:
        return None
    line = _first_error_line(root)
    return f"syntax error in line {line}" if line else "syntax error"


def captures_of(source: bytes, language: str) -> tuple[dict[str, list[Any]] | None, str | None]:
    """The captured nodes by name; None if parsing timed out."""
    from tree_sitter import QueryCursor

    parser, query = tools_of(language)
    deadline = time.monotonic() + PARSE_SECONDS
    if len(source) < _WATCHED_BYTES:
        tree = parser.parse(source)
    else:  # only a parse that a function feeds can be stopped; it stops when told True
        try:
            tree = parser.parse(
                lambda offset, _point: source[offset : offset + _FEED_BYTES],
                progress_callback=lambda _offset, _has_error: time.monotonic() > deadline,
            )
        except ValueError:
            parser.reset()
            return None, f"not parsed within {PARSE_SECONDS:.0f} s"
    root = tree.root_node
    captures = QueryCursor(query).captures(root)
    return captures, problem_of(root)


def _first_error_line(root: Any) -> int | None:  # noqa: ANN401 - a node of tree-sitter
    node = root
    while True:
        if node.is_error or node.is_missing:
            return int(node.start_point.row) + 1
        node = next((child for child in node.children if child.has_error or child.is_missing), None)
        if node is None:
            return None
