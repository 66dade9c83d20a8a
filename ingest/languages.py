"""What a source file holds: its language, its chunks, and the symbols in it, found by tree-sitter.

One query per language captures the nodes that matter in one pass of the C library; Python only sees those. Lines are
counted from 1, as editors do. A file with syntax errors still gives what stands outside them.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import tree_sitter

# Raised when chunks or symbols of the same content come out differently: everything is parsed again.
EXTRACTOR_VERSION: Final = 2

MAX_CHUNK_LINES: Final = 100
MAX_CHUNK_CHARACTERS: Final = 12_000
SMALL_CHUNK_LINES: Final = 6
MERGED_CHUNK_LINES: Final = 20
PLAIN_CHUNK_LINES: Final = 60
MAX_NAME_CHARACTERS: Final = 200
PARSE_SECONDS: Final = 10.0
_WATCHED_BYTES: Final = 65_536
_FEED_BYTES: Final = 65_536
_SHORTEST_USAGE: Final = 2
_SHORTEST_TEMPLATE: Final = 5

DEFINITION, IMPORT, CALL, USAGE = "definition", "import", "call", "usage"


# ---------------------------------------------------------------------------------------- kinds of files

_EXTENSIONS: Final = {
    "python": "py pyi pyw", "javascript": "js mjs cjs jsx", "typescript": "ts mts cts", "tsx": "tsx",
    "go": "go", "rust": "rs", "java": "java", "c": "c h", "cpp": "cpp cc cxx hpp hh hxx ipp", "ruby": "rb rake gemspec",
    "sql": "sql ddl", "markdown": "md markdown mdx",
    "csharp": "cs", "kotlin": "kt kts", "swift": "swift", "php": "php", "scala": "scala", "shell": "sh bash zsh fish",
    "powershell": "ps1", "lua": "lua", "perl": "pl pm", "r": "r", "dart": "dart", "elixir": "ex exs", "haskell": "hs",
    "ocaml": "ml mli", "zig": "zig", "vue": "vue", "svelte": "svelte", "css": "css scss sass less", "html": "html htm",
    "protobuf": "proto", "graphql": "graphql gql", "terraform": "tf hcl", "jinja": "j2 jinja jinja2", "nix": "nix",
    "restructuredtext": "rst", "text": "txt adoc org", "notebook": "ipynb",
    "json": "json jsonc json5", "yaml": "yaml yml", "toml": "toml", "ini": "ini cfg conf properties editorconfig",
    "xml": "xml xsd", "env": "env", "csv": "csv tsv", "jsonl": "jsonl ndjson", "log": "log",
}  # fmt: skip
_LANGUAGE_BY_EXTENSION: Final = {
    extension: language for language, extensions in _EXTENSIONS.items() for extension in extensions.split()
}
_LANGUAGE_BY_NAME: Final = {
    "dockerfile": "dockerfile", "makefile": "make", "gemfile": "ruby", "rakefile": "ruby", "cmakelists.txt": "cmake",
    "jenkinsfile": "groovy", ".gitignore": "ini", ".dockerignore": "ini", "license": "text", "readme": "text",
    "changelog": "text", "notice": "text", "authors": "text", "go.mod": "text",
}  # fmt: skip
_LANGUAGE_BY_SHEBANG: Final = (
    ("python", "python"), ("node", "javascript"), ("ruby", "ruby"), ("bash", "shell"), ("/sh", "shell"),
    ("zsh", "shell"), ("perl", "perl"),
)  # fmt: skip
_DOCUMENT_TYPES: Final = {
    "documentation": {"markdown", "restructuredtext", "text"},
    "config": {
        "json",
        "yaml",
        "toml",
        "ini",
        "xml",
        "env",
        "dockerfile",
        "make",
        "cmake",
        "terraform",
        "nix",
    },
    "data": {"csv", "jsonl"},
    "log": {"log"},
}
# Written by programs for programs: searching in them finds noise.
_LOCK_FILE_NAMES: Final = (
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock uv.lock poetry.lock pdm.lock pipfile.lock "
    "cargo.lock go.sum composer.lock gemfile.lock flake.lock mix.lock podfile.lock"
)
_LOCK_FILES: Final = frozenset(_LOCK_FILE_NAMES.split())
# Configurations that hold tokens or passwords. The component scan keeps names of them only; the code scan keeps nothing.
_SECRET_NAME: Final = re.compile(
    r"(?i)^(?:\.env(?:\..+)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials"
    r"|\.?credentials(?:\.json)?|\.?mcp\.json(?:\..+)?|\.claude\.json(?:\..+)?|claude_desktop_config\.json|secrets?(?:\..+)?"
    r"|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|tfvars|tfvars\.json|tfstate|tfstate\.backup))$"
)
# Of these the folder tells that they are such configurations.
_SECRET_PLACE: Final = re.compile(
    r"(?i)(?:^|/)(?:\.claude/(?:.*/)?(?:managed-)?settings(?:\.[^/]*)?\.json|\.claude-plugin/[^/]*\.json)$"
)
_SECRET_EXAMPLE: Final = re.compile(r"(?i)\.(?:example|sample|template|dist)$")
_GRAMMARS: Final = {
    "python": ("tree_sitter_python", "language"), "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"), "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"), "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"), "cpp": ("tree_sitter_cpp", "language"),
    "ruby": ("tree_sitter_ruby", "language"), "sql": ("tree_sitter_sql", "language"),
    "markdown": ("tree_sitter_markdown", "language"),
}  # fmt: skip
PARSED_LANGUAGES: Final = frozenset(_GRAMMARS)


def language_of(path: str, head: str = "") -> str | None:
    """The language of a file by its name, else by its first line; None if neither says."""
    name = re.split(r"[/\\]", path)[-1].lower()
    if name in _LANGUAGE_BY_NAME:
        return _LANGUAGE_BY_NAME[name]
    if name.startswith("dockerfile"):
        return "dockerfile"
    stem, _, extension = name.rpartition(".")
    if (stem or name.startswith(".")) and extension in _LANGUAGE_BY_EXTENSION:
        return _LANGUAGE_BY_EXTENSION[extension]
    if head.startswith("#!"):
        first = head.split("\n", 1)[0]
        return next((language for word, language in _LANGUAGE_BY_SHEBANG if word in first), None)
    return None


def document_type_of(language: str | None) -> str:
    """`code`, `documentation`, `config`, `data`, `log` or `other`."""
    if language is None:
        return "other"
    return next((kind for kind, languages in _DOCUMENT_TYPES.items() if language in languages), "code")


def reason_to_skip(path: str) -> str | None:
    """Why a file is not worth opening, by its path; None if it is."""
    path = path.replace("\\", "/")
    name = path.rpartition("/")[2].lower()
    if name in _LOCK_FILES:
        return "lock file, written by a program"
    if _SECRET_PLACE.search(path) or (_SECRET_NAME.match(name) and not _SECRET_EXAMPLE.search(name)):
        return "may hold secrets, by its name"
    return None


# ---------------------------------------------------------------------------------------- the queries

# `def.<type>` captures what is defined (its name is a field of the node, or the node itself), `scope.<type>` what holds
# definitions without being one, `import`, `import.module` (something comes out of it) and `import.whole` (it is itself
# what the file then names), `alias`, `call`, `usage`; `id` is a usage if the file defines or imports that name.

_PYTHON: Final = """
(function_definition) @def.function
(class_definition) @def.class
(lambda) @scope.function
(assignment left: (identifier) @def.variable)
(assignment left: (pattern_list (identifier) @def.variable))
(assignment left: (tuple_pattern (identifier) @def.variable))
(type_alias_statement left: (type (identifier) @def.type))
(import_statement name: (dotted_name) @import.whole)
(import_statement name: (aliased_import name: (dotted_name) @import.whole))
(import_from_statement module_name: (_) @import.module)
(import_from_statement name: (dotted_name) @import)
(import_from_statement name: (aliased_import name: (dotted_name) @import))
(aliased_import alias: (identifier) @alias)
(call function: (identifier) @call)
(call function: (attribute attribute: (identifier) @call))
(decorator (identifier) @usage)
(decorator (attribute attribute: (identifier) @usage))
(class_definition superclasses: (argument_list (identifier) @usage))
(class_definition superclasses: (argument_list (attribute attribute: (identifier) @usage)))
(type (identifier) @usage)
(decorator (call function: (attribute attribute: (identifier) @_verb)
    arguments: (argument_list . (string (string_content) @def.endpoint)))
    (#any-of? @_verb "get" "post" "put" "patch" "delete" "route" "websocket") (#match? @def.endpoint "^/"))
(identifier) @id
"""

_JAVASCRIPT: Final = """
(function_declaration) @def.function
(generator_function_declaration) @def.function
(variable_declarator name: (identifier) value: [(arrow_function) (function_expression) (generator_function)])
    @def.function
(assignment_expression left: (member_expression) right: [(arrow_function) (function_expression)]) @def.function
(pair key: (property_identifier) value: [(arrow_function) (function_expression)]) @def.function
(class_declaration) @def.class
(variable_declarator name: (identifier) value: (class)) @def.class
(method_definition) @def.method
[(arrow_function) (function_expression) (generator_function)] @scope.function
(variable_declarator name: (identifier)) @def.variable
(import_specifier name: (identifier) @import)
(import_specifier alias: (identifier) @alias)
(import_clause (identifier) @import)
(namespace_import (identifier) @import)
(import_statement source: (string (string_fragment) @import.module))
(export_statement source: (string (string_fragment) @import.module))
(call_expression function: (identifier) @_require arguments: (arguments . (string (string_fragment) @import.module))
    (#eq? @_require "require"))
(call_expression function: (identifier) @call)
(call_expression function: (member_expression property: (property_identifier) @call))
(new_expression constructor: (identifier) @call)
(new_expression constructor: (member_expression property: (property_identifier) @call))
(call_expression function: (member_expression property: (property_identifier) @_verb)
    arguments: (arguments . (string (string_fragment) @def.endpoint) . (_))
    (#any-of? @_verb "get" "post" "put" "patch" "delete") (#match? @def.endpoint "^/"))
(identifier) @id
(shorthand_property_identifier) @id
"""
_JSX: Final = """
((jsx_opening_element name: (identifier) @usage) (#match? @usage "^[A-Z]"))
((jsx_self_closing_element name: (identifier) @usage) (#match? @usage "^[A-Z]"))
"""
_JAVASCRIPT_ONLY: Final = """
(field_definition property: (property_identifier) value: [(arrow_function) (function_expression)]) @def.method
(class_heritage (identifier) @usage)
"""
_TYPESCRIPT: Final = """
(abstract_class_declaration) @def.class
(interface_declaration) @def.interface
(type_alias_declaration) @def.type
(enum_declaration) @def.enum
(internal_module) @def.module
(method_signature) @def.method
(abstract_method_signature) @def.method
(public_field_definition name: (property_identifier) value: [(arrow_function) (function_expression)]) @def.method
(extends_clause value: (identifier) @usage)
(type_identifier) @usage
"""

_GO: Final = """
(function_declaration) @def.function
(method_declaration) @def.method
(func_literal) @scope.function
(type_spec type: (struct_type)) @def.class
(type_spec type: (interface_type)) @def.interface
(type_spec) @def.type
(type_alias) @def.type
(var_spec name: (identifier) @def.variable)
(const_spec name: (identifier) @def.variable)
(import_spec path: (interpreted_string_literal) @import.module)
(import_spec name: (package_identifier) @alias)
(call_expression function: (identifier) @call)
(call_expression function: (selector_expression field: (field_identifier) @call))
(type_identifier) @usage
(identifier) @id
"""

_RUST: Final = """
(function_item) @def.function
(function_signature_item) @def.function
(struct_item) @def.class
(union_item) @def.class
(enum_item) @def.enum
(trait_item) @def.interface
(type_item) @def.type
(mod_item body: (_)) @def.module
(macro_definition) @def.macro
(const_item) @def.variable
(static_item) @def.variable
(impl_item) @scope.class
(closure_expression) @scope.function
(use_declaration argument: (identifier) @import)
(use_declaration argument: (scoped_identifier name: (identifier) @import))
(use_list (identifier) @import)
(use_list (scoped_identifier name: (identifier) @import))
(use_as_clause path: (identifier) @import)
(use_as_clause path: (scoped_identifier name: (identifier) @import))
(use_as_clause alias: (identifier) @alias)
(extern_crate_declaration name: (identifier) @import.whole)
(call_expression function: (identifier) @call)
(call_expression function: (field_expression field: (field_identifier) @call))
(call_expression function: (scoped_identifier name: (identifier) @call))
(call_expression function: (generic_function function: (identifier) @call))
(call_expression function: (generic_function function: (scoped_identifier name: (identifier) @call)))
(macro_invocation macro: (identifier) @call)
(type_identifier) @usage
(identifier) @id
"""

_JAVA: Final = """
(class_declaration) @def.class
(record_declaration) @def.class
(interface_declaration) @def.interface
(annotation_type_declaration) @def.interface
(enum_declaration) @def.enum
(method_declaration) @def.method
(constructor_declaration) @def.method
(lambda_expression) @scope.function
(field_declaration declarator: (variable_declarator) @def.variable)
(constant_declaration declarator: (variable_declarator) @def.variable)
(import_declaration (scoped_identifier name: (identifier) @import))
(import_declaration (identifier) @import)
(method_invocation name: (identifier) @call)
(object_creation_expression type: (type_identifier) @call)
(annotation name: (identifier) @usage)
(marker_annotation name: (identifier) @usage)
(type_identifier) @usage
(identifier) @id
"""

_C: Final = """
(function_definition) @def.function
(struct_specifier name: (_) body: (_)) @def.class
(union_specifier name: (_) body: (_)) @def.class
(enum_specifier name: (_) body: (_)) @def.enum
(type_definition) @def.type
(preproc_def) @def.macro
(preproc_function_def) @def.macro
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @def.variable)))
(preproc_include path: (_) @import.module)
(call_expression function: (identifier) @call)
(call_expression function: (field_expression field: (field_identifier) @call))
(type_identifier) @usage
(identifier) @id
"""
_CPP: Final = """
(class_specifier name: (_) body: (_)) @def.class
(namespace_definition name: (_)) @def.module
(alias_declaration) @def.type
(lambda_expression) @scope.function
(declaration_list (declaration declarator: (init_declarator declarator: (identifier) @def.variable)))
(call_expression function: (qualified_identifier name: (identifier) @call))
(call_expression function: (template_function name: (identifier) @call))
(base_class_clause (type_identifier) @usage)
"""

_RUBY: Final = """
(method) @def.function
(singleton_method) @def.method
(class) @def.class
(module) @def.module
(assignment left: (constant) @def.variable)
(call method: (identifier) @_require arguments: (argument_list . (string (string_content) @import.module))
    (#any-of? @_require "require" "require_relative" "load"))
(call method: (identifier) @call)
(call receiver: (constant) @usage)
(constant) @usage
(identifier) @id
"""

_SQL: Final = """
(create_table (object_reference name: (identifier) @def.table))
(create_view (object_reference name: (identifier) @def.view))
(create_materialized_view (object_reference name: (identifier) @def.view))
(create_function (object_reference name: (identifier) @def.function))
(create_type (object_reference name: (identifier) @def.type))
(invocation (object_reference name: (identifier) @call))
(field (object_reference name: (identifier) @skip))
(all_fields (object_reference name: (identifier) @skip))
(object_reference name: (identifier) @usage)
"""

_MARKDOWN: Final = """
(atx_heading) @def.heading
(setext_heading) @def.heading
"""

_QUERIES: Final = {
    "python": _PYTHON, "javascript": _JAVASCRIPT + _JSX + _JAVASCRIPT_ONLY, "typescript": _JAVASCRIPT + _TYPESCRIPT,
    "tsx": _JAVASCRIPT + _JSX + _TYPESCRIPT, "go": _GO, "rust": _RUST, "java": _JAVA, "c": _C, "cpp": _C + _CPP,
    "ruby": _RUBY, "sql": _SQL, "markdown": _MARKDOWN,
}  # fmt: skip
# Where several captures take one name, the first of these wins.
_DEFINITION_TYPES: Final = (
    "method", "function", "class", "interface", "enum", "type", "module", "macro", "table", "view", "endpoint", "heading",
    "variable",
)  # fmt: skip
_CHUNK_TYPES: Final = frozenset(_DEFINITION_TYPES) - {"variable", "endpoint", "macro"}
_CLASS_LIKE: Final = frozenset({"class", "interface", "enum"})
_FUNCTION_LIKE: Final = frozenset({"function", "method"})
# A definition together with what belongs to it: decorators, `export`, `const`, `template <…>`.
_WRAPPERS: Final = frozenset({
    "decorated_definition", "export_statement", "lexical_declaration", "variable_declaration", "type_declaration",
    "template_declaration", "ambient_declaration", "expression_statement", "create_table", "create_view",
    "create_materialized_view", "create_function", "create_type", "statement", "object_reference",
})  # fmt: skip
_COMMENT_LINE: Final = re.compile(r"\s*(?:#(?!include|define|if|endif|pragma)|//|/\*|\*|--|@\w)")
# As types these say nothing about the code that names them.
_BUILT_IN_TYPE_NAMES: Final = (
    "str int float bool bytes object list dict set tuple type None string error byte rune any int8 int16 int32 int64 uint "
    "uint8 uint16 uint32 uint64 float32 float64 String Integer Long Boolean Double Object size_t uint8_t int32_t int64_t "
    "uint32_t uint64_t Self Option Vec property staticmethod classmethod"
)
_BUILT_IN_TYPES: Final = frozenset(_BUILT_IN_TYPE_NAMES.split())
_TEMPLATE: Final = re.compile(r"\{[{%#]")
_TEMPLATE_STATEMENTS: Final = {"{%": "%}", "{#": "#}"}
_TEMPLATE_EXPRESSIONS: Final = {"{{": "}}"}
_TEMPLATE_NAME: Final = re.compile(r"\b(?:ref|source)\(\s*(?:['\"]\w+['\"]\s*,\s*)?['\"](\w+)['\"]")
# A heading is a line to be read: of a longer one the rest is no part of the name. The patterns below need that limit.
_LONGEST_HEADING: Final = 240
_RECEIVER: Final = re.compile(r"(?<!\w)([A-Za-z_]\w*) ?(?:\[[^\[\]]*\] ?)?\)$")
_HEADING_ANCHOR: Final = re.compile(r"\s*\{#[^}]*\}\s*$")
_HEADING_LINK: Final = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_HEADING_TAG: Final = re.compile(r"</?[a-zA-Z][^>`]*>")
_HEADING_STRESS: Final = re.compile(r"(\*\*\*|\*\*|\*|(?<!\w)___?|(?<!\w)_|~~)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_HEADING_ESCAPE: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_QUOTES: Final = "\"'`<>"


# ---------------------------------------------------------------------------------------- what comes out


@dataclass(frozen=True, slots=True)
class CodeChunk:
    """A piece of a file that belongs together."""

    line_start: int
    line_end: int
    char_start: int
    char_end: int
    kind: str
    name: str | None
    text: str


class Symbol(NamedTuple):
    """A name at a place: defined, imported, called or used there."""

    name: str
    container: str | None
    symbol_type: str | None
    reference_type: str
    line_number: int
    line_end: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one content holds."""

    chunks: tuple[CodeChunk, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    line_count: int = 0
    problem: str | None = None


@dataclass(slots=True)
class _Definition:
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
    children: list[_Definition] = field(default_factory=list)


# ---------------------------------------------------------------------------------------- parsing


@cache
def _tools(language: str) -> tuple[tree_sitter.Parser, tree_sitter.Query]:
    from tree_sitter import Language, Parser, Query

    module, function = _GRAMMARS[language]
    grammar = Language(getattr(import_module(module), function)())
    return Parser(grammar), Query(grammar, _QUERIES[language])


def parse(text: str, language: str | None) -> Parsed:
    """Cut a text into chunks and find its symbols; a language that is not parsed gets chunks only."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        return Parsed()
    if language not in PARSED_LANGUAGES:
        return Parsed(tuple(_cut(lines, _plain_pieces(lines))), (), len(lines))
    is_template = language == "sql" and _TEMPLATE.search(text) is not None
    source = (_without_template(text) if is_template else text).encode("utf-8", "replace")
    captures, problem = _captures(source, str(language))
    if captures is None:
        return Parsed(tuple(_cut(lines, _plain_pieces(lines))), (), len(lines), problem)
    definitions = _definitions(captures, source, lines, str(language))
    top = _nested(definitions)
    if language == "markdown":
        _end_sections(definitions, len(lines))
        pieces = _section_pieces(definitions, len(lines), lines)
    else:
        pieces = _merged(_pieces(top, 1, len(lines), lines))
    chunks = tuple(_cut(lines, pieces or _plain_pieces(lines)))
    kept = [one for one in definitions if one.name and not one.is_scope]
    symbols = [
        Symbol(one.name or "", one.container, one.symbol_type, DEFINITION, one.line, one.line_end)
        for one in kept
    ]
    symbols += _references(captures, source, kept)
    if is_template:  # what a template leaves open is no mistake
        symbols = [one for one in symbols if one.name.strip("x") or len(one.name) < _SHORTEST_TEMPLATE]
        return Parsed(chunks, tuple([*symbols, *_template_references(text)]), len(lines))
    return Parsed(chunks, tuple(symbols), len(lines), problem)


def _without_template(text: str) -> str:
    """SQL with a name in the place of each expression of a template, and nothing in the place of each statement.

    Every byte keeps its place, so that lines and columns stay true.
    """

    def name(part: str) -> str:
        return re.sub(r"[^\n]", " " if "\n" in part else "x", part)

    without_statements = _with_parts_replaced(
        text, _TEMPLATE_STATEMENTS, lambda part: re.sub(r"[^\n]", " ", part)
    )
    return _with_parts_replaced(without_statements, _TEMPLATE_EXPRESSIONS, name)


def _with_parts_replaced(text: str, pairs: Mapping[str, str], replace: Callable[[str], str]) -> str:
    """A text with what stands between two signs replaced, the signs included; one that is not closed stays.

    Each sign is looked for once: a pattern would look for the end of every beginning that has none.
    """
    opening = re.compile("|".join(map(re.escape, pairs)))
    parts: list[str] = []
    unclosed: set[str] = set()
    done = position = 0
    while found := opening.search(text, position):
        position = found.end()
        if found[0] in unclosed:
            continue
        end = text.find(pairs[found[0]], position)
        if end < 0:
            unclosed.add(found[0])
            continue
        position = end + len(pairs[found[0]])
        parts += (text[done : found.start()], replace(text[found.start() : position]))
        done = position
    return "".join([*parts, text[done:]])


def _template_references(text: str) -> Iterator[Symbol]:
    """The models and sources that a template of dbt names."""
    seen: set[tuple[str, int]] = set()
    line, counted = 1, 0
    for found in _TEMPLATE_NAME.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        if (found[1], line) not in seen:
            seen.add((found[1], line))
            yield Symbol(found[1], None, None, USAGE, line, line)


def syntax_problem(text: str, language: str | None) -> str | None:
    """What is wrong with a text's syntax, without looking for anything else in it."""
    if language not in PARSED_LANGUAGES or (language == "sql" and _TEMPLATE.search(text)):
        return None
    root = _tools(str(language))[0].parse(text.encode("utf-8", "replace")).root_node
    return _problem_of(root)


def _problem_of(root: Any) -> str | None:  # noqa: ANN401 - a node of tree-sitter
    if not root.has_error:
        return None
    line = _first_error_line(root)
    return f"syntax error in line {line}" if line else "syntax error"


def _captures(source: bytes, language: str) -> tuple[dict[str, list[Any]] | None, str | None]:
    """The captured nodes by name; None where the parser gave up in the time it has."""
    from tree_sitter import QueryCursor

    parser, query = _tools(language)
    deadline = time.monotonic() + PARSE_SECONDS
    if len(source) < _WATCHED_BYTES:
        tree = parser.parse(source)
    else:  # only a parse that is fed by a function can be stopped; it stops when told True
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
    return captures, _problem_of(root)


def _first_error_line(root: Any) -> int | None:  # noqa: ANN401 - a node of tree-sitter
    node = root
    while True:
        if node.is_error or node.is_missing:
            return int(node.start_point.row) + 1
        node = next((child for child in node.children if child.has_error or child.is_missing), None)
        if node is None:
            return None


def _definitions(
    captures: dict[str, list[Any]], source: bytes, lines: list[str], language: str
) -> list[_Definition]:
    """All definitions and scopes in the order of the file; of several captures of one name the first type wins."""
    found: list[_Definition] = []
    taken: set[int] = set()
    for symbol_type in _DEFINITION_TYPES:
        for node in captures.get(f"def.{symbol_type}", ()):
            name_node = _name_node(node)
            if name_node is None or name_node.start_byte in taken:
                continue
            name = _text_of(name_node, source)
            if symbol_type == "heading":
                name = _heading_text(name)
            if not name or len(name) > MAX_NAME_CHARACTERS:
                continue
            taken.add(name_node.start_byte)
            is_leaf = node.start_byte == name_node.start_byte and node.end_byte == name_node.end_byte
            outer = node.parent if is_leaf and symbol_type not in {"variable", "endpoint"} else node
            while outer.parent is not None and outer.parent.type in _WRAPPERS:
                outer = outer.parent
            first = outer.start_point.row + 1
            last_row, last_column = outer.end_point
            one = _Definition(
                name=name, symbol_type=symbol_type, start_byte=(outer if is_leaf else node).start_byte,
                end_byte=outer.end_byte if symbol_type != "variable" else node.end_byte,
                line=name_node.start_point.row + 1, line_end=last_row + (last_column > 0) or first,
                first_line=_with_comment_above(lines, first), name_byte=name_node.start_byte,
            )  # fmt: skip
            if symbol_type == "heading":
                one.level = _heading_level(node)
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
                _Definition(
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


def _in_scope(found: list[_Definition]) -> list[_Definition]:
    """Say what holds each definition; leave out variables of functions, and call functions in classes methods."""
    kept: list[_Definition] = []
    stack: list[_Definition] = []
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


def _nested(definitions: list[_Definition]) -> list[_Definition]:
    """The definitions that make chunks, each with those inside it; returns the outermost."""
    top: list[_Definition] = []
    stack: list[_Definition] = []
    for one in definitions:
        if one.symbol_type not in _CHUNK_TYPES or (one.is_scope and one.symbol_type == "function"):
            continue
        while stack and stack[-1].end_byte <= one.start_byte:
            stack.pop()
        (stack[-1].children if stack else top).append(one)
        stack.append(one)
    return top


def _name_node(node: Any) -> Any:  # noqa: ANN401 - nodes of tree-sitter
    """The node of the name of what a node defines."""
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
    """Go down the declarators of C to the name that is declared."""
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
        _RECEIVER.search(" ".join(_text_of(receiver, source)[-_LONGEST_HEADING:].split()))
        if receiver
        else None
    )
    return found[1] if found else None


def _heading_level(node: Any) -> int:  # noqa: ANN401 - a node of tree-sitter
    for child in node.children:
        found = re.fullmatch(r"(?:atx|setext)_h([1-6])_(?:marker|underline)", child.type)
        if found:
            return int(found[1])
    return 1


def _heading_text(heading: str) -> str:
    """A heading as a reader sees it, without marks of Markdown; as it is written where nothing else would be left."""
    written = heading.strip().strip("#").strip()[:_LONGEST_HEADING].rstrip()
    name = _HEADING_ANCHOR.sub("", written)
    name = _HEADING_LINK.sub(r"\1", name)
    name = _HEADING_TAG.sub("", name)
    codes = name.split("`")
    for number in range(0, len(codes), 2):  # what stands between backticks is code, not markup
        codes[number] = _HEADING_STRESS.sub(r"\2", codes[number])
        codes[number] = _HEADING_ESCAPE.sub(r"\1", codes[number])
    name = _HEADING_STRESS.sub(r"\2", "".join(codes)) if len(codes) > 1 else codes[0]
    return " ".join(name.split()) or written


def _bare(name: str) -> str:
    """A type's name without its arguments and path."""
    return re.split(r"[<\[({]", name, maxsplit=1)[0].strip().rpartition("::")[2]


def _text_of(node: Any, source: bytes) -> str:  # noqa: ANN401 - a node of tree-sitter
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _with_comment_above(lines: list[str], first: int) -> int:
    """The first line of the comment that stands directly above a line, or that line."""
    while first > 1 and first - 2 < len(lines) and _COMMENT_LINE.match(lines[first - 2]):
        first -= 1
    return first


def _references(
    captures: dict[str, list[Any]], source: bytes, definitions: Sequence[_Definition]
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


# ---------------------------------------------------------------------------------------- chunks

# A piece: first line, last line, kind, name.
_Piece = tuple[int, int, str, str | None]


def _plain_pieces(lines: list[str]) -> list[_Piece]:
    return [(1, len(lines), "text", None)]


def _pieces(definitions: list[_Definition], first: int, last: int, lines: list[str]) -> list[_Piece]:
    """Cut a stretch of lines at its definitions; long ones are cut again at those inside them."""
    pieces: list[_Piece] = []
    line = first
    for one in definitions:
        start, end = max(one.first_line, line), min(one.line_end, last)
        if start > end:
            continue
        if start > line:
            pieces.append((line, start - 1, "block", None))
        if end - start >= MAX_CHUNK_LINES and one.children:
            inner = _pieces(one.children, start, end, lines)
            head = inner[0]
            if head[2] == "block":
                inner[0] = (head[0], head[1], one.symbol_type, one.name)
            pieces += inner
        else:
            pieces.append((start, end, one.symbol_type, one.name))
        line = end + 1
    if line <= last:
        pieces.append((line, last, "block", None))
    return [piece for piece in pieces if any(text.strip() for text in lines[piece[0] - 1 : piece[1]])]


def _merged(pieces: list[_Piece]) -> list[_Piece]:
    """Put small neighbours together, so that ten constants and three one-liners are one chunk."""
    merged: list[_Piece] = []
    for piece in pieces:
        if merged:
            before = merged[-1]
            is_small = piece[1] - piece[0] < SMALL_CHUNK_LINES and before[1] - before[0] < MERGED_CHUNK_LINES
            was_small = before[2] == "block" or before[1] - before[0] < SMALL_CHUNK_LINES
            if is_small and was_small and piece[1] - before[0] < MERGED_CHUNK_LINES:
                names = (
                    ", ".join(name for name in (before[3], piece[3]) if name)[:MAX_NAME_CHARACTERS] or None
                )
                kind = before[2] if before[2] == piece[2] or piece[3] is None else "block"
                kind = piece[2] if before[3] is None and piece[3] is not None else kind
                merged[-1] = (before[0], piece[1], kind, names)
                continue
        merged.append(piece)
    return merged


def _end_sections(headings: list[_Definition], last: int) -> None:
    """A heading's section goes to the next heading of its level or above; the headings above it hold it."""
    open_headings: list[_Definition] = []
    for one in headings:
        while open_headings and open_headings[-1].level >= one.level:
            open_headings.pop().line_end = one.line - 1
        one.container = open_headings[-1].name if open_headings else None
        open_headings.append(one)
    for one in open_headings:
        one.line_end = last


def _section_pieces(headings: list[_Definition], last: int, lines: list[str]) -> list[_Piece]:
    starts = [one.line for one in headings]
    pieces: list[_Piece] = []
    if not starts:
        return [(1, last, "text", None)]
    if starts[0] > 1:
        pieces.append((1, starts[0] - 1, "text", None))
    first, names = 0, ""
    for one, following in zip(headings, [*starts[1:], last + 1], strict=True):
        if one.line >= following:
            continue
        # A heading directly above another one stands with it.
        first = first or one.line
        names = f"{names}, {one.name}" if names else str(one.name)
        if following <= last and not any(line.strip() for line in lines[one.body_line - 1 : following - 1]):
            continue
        pieces.append((first, following - 1, "section", names[:MAX_NAME_CHARACTERS]))
        first, names = 0, ""
    return pieces


def _cut(lines: list[str], pieces: list[_Piece]) -> Iterator[CodeChunk]:
    """Make the chunks; what is too long is cut at a blank line where there is one."""
    offsets = list(accumulate((len(line) + 1 for line in lines), initial=0))
    for first, last, kind, name in pieces:
        limit = PLAIN_CHUNK_LINES if kind in {"text", "section"} else MAX_CHUNK_LINES
        for start, end in _windows(lines, offsets, first, last, limit):
            text = "\n".join(lines[start - 1 : end])
            if not text.strip():
                continue
            yield CodeChunk(
                start, end, offsets[start - 1], offsets[end] - 1, kind, name, text[:MAX_CHUNK_CHARACTERS]
            )


def _windows(
    lines: list[str], offsets: list[int], first: int, last: int, limit: int
) -> Iterator[tuple[int, int]]:
    longest = limit + limit // 2
    start = first
    while start <= last:
        end = last if last - start < longest else start + limit - 1
        if offsets[end] - offsets[start - 1] > MAX_CHUNK_CHARACTERS:
            end = max(start, bisect_right(offsets, offsets[start - 1] + MAX_CHUNK_CHARACTERS) - 1)
        if end < last:
            lowest = start + (end - start) // 2
            end = next((line for line in range(end, lowest, -1) if not lines[line - 1].strip()), end)
        yield start, end
        start = end + 1


Parse = Callable[[str, str | None], Parsed]
