"""The content of a source file: its chunks and its symbols. A file with syntax errors still yields everything outside
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.code.chunks import (
    CodeChunk,
    chunks_of,
    end_sections,
    merged_pieces,
    nested_definitions,
    pieces_of,
    plain_pieces,
    section_pieces,
)
from ingest.code.grammars import PARSED_LANGUAGES, captures_of, problem_of, tools_of
from ingest.code.symbols import DEFINITION, Symbol, definitions_of, references_in
from ingest.code.templates import TEMPLATE, template_references, without_template

# Increase it when the same content yields different chunks or symbols: everything is then parsed again.
EXTRACTOR_VERSION: Final = 2
_SHORTEST_TEMPLATE: Final = 5


@dataclass(frozen=True, slots=True)
class Parsed:
    """Chunks and symbols of one content."""

    chunks: tuple[CodeChunk, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    line_count: int = 0
    problem: str | None = None


def parse(text: str, language: str | None) -> Parsed:
    """Cut a text into chunks and find its symbols; a language without a parser gets chunks only."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        return Parsed()
    if language not in PARSED_LANGUAGES:
        return Parsed(tuple(chunks_of(lines, plain_pieces(lines))), (), len(lines))
    is_template = language == "sql" and TEMPLATE.search(text) is not None
    source = (without_template(text) if is_template else text).encode("utf-8", "replace")
    captures, problem = captures_of(source, str(language))
    if captures is None:
        return Parsed(tuple(chunks_of(lines, plain_pieces(lines))), (), len(lines), problem)
    definitions = definitions_of(captures, source, lines, str(language))
    top = nested_definitions(definitions)
    if language == "markdown":
        end_sections(definitions, len(lines))
        pieces = section_pieces(definitions, len(lines), lines)
    else:
        pieces = merged_pieces(pieces_of(top, 1, len(lines), lines))
    chunks = tuple(chunks_of(lines, pieces or plain_pieces(lines)))
    kept = [one for one in definitions if one.name and not one.is_scope]
    symbols = [
        Symbol(one.name or "", one.container, one.symbol_type, DEFINITION, one.line, one.line_end)
        for one in kept
    ]
    symbols += references_in(captures, source, kept)
    if is_template:  # a template may leave constructs open
        symbols = [one for one in symbols if one.name.strip("x") or len(one.name) < _SHORTEST_TEMPLATE]
        return Parsed(chunks, tuple([*symbols, *template_references(text)]), len(lines))
    return Parsed(chunks, tuple(symbols), len(lines), problem)


def syntax_problem(text: str, language: str | None) -> str | None:
    """The first syntax problem in a text; looks for nothing else."""
    if language not in PARSED_LANGUAGES or (language == "sql" and TEMPLATE.search(text)):
        return None
    root = tools_of(str(language))[0].parse(text.encode("utf-8", "replace")).root_node
    return problem_of(root)
