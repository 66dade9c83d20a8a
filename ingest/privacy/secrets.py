"""Secrets in texts: found by rules from a seed, and replaced by marks; the same secret gets the same mark.

Most lines contain none. `suspects` scans whole columns with one cheap expression, the keywords of all rules; `redact`
examines only the text near a keyword.
"""

from __future__ import annotations

import csv
import hmac
import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from ingest.privacy.checks import holds
from ingest.privacy.plain import MARK, MARK_BYTE, Plain

if TYPE_CHECKING:
    import pyarrow as pa

# How far around a keyword a rule searches, extended to the end of a word or token.
_BEFORE: Final = 192
_AFTER: Final = 512
_WORD: Final = re.compile(rb"[A-Za-z0-9_+/=.%~\\\x80-\xff-]*")
_KEY_TEXT: Final = re.compile(rb"[A-Za-z0-9+/]{4,}={0,2}")
_KEY_LINE: Final = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}|[A-Za-z0-9+/]{16,}={1,2}")
_QUOTE: Final = re.compile(rb'\\.|(")', re.DOTALL)
_PERCENT: Final = re.compile(rb"%[0-9a-fA-F]{2}")
_NAMED_NUMBER: Final = re.compile(rb'"\s*:[\s\[\d,.eE+-]*$')
# What follows a number in JSON, or nothing; and what precedes a quote that opens a string, or nothing.
_AFTER_NUMBER: Final = b",}] \t\r\n"
_BEFORE_STRING: Final = b"[,:{("
_KEY_BLOCK: Final = re.compile(rb"-----BEGIN|Private-Lines")
_KEY_BLOCK_ENDS: Final = (b"-----END", b"Private-MAC")
_LONGEST_KEY_BLOCK: Final = 64 * 1024
_LONGEST_QUOTED: Final = 256
# A longer run of letters and digits is an image or a signature, not a token.
_LONGEST_TOKEN: Final = 16 * 1024
_DFA_BYTES: Final = 64 * 1024 * 1024
_SALTED_HEX: Final = 8
_MOST_ROUNDS: Final = 50
_LONGEST_MARK: Final = 80
_LONGEST_ESCAPE: Final = 8
_BACKSLASH: Final = ord("\\")
_DOUBLE_QUOTE: Final = ord('"')
_ENDS_QUOTED: Final = b" \t\r\n\x00"


@dataclass(frozen=True, slots=True)
class SecretKind:
    """A rule for the format of one kind of secret."""

    rule_name: str
    kind: str
    description: str
    pattern: str
    keyword: str
    check_name: str
    is_default: bool
    example: str
    counter_example: str


class Lengths(NamedTuple):
    """The length of a secret: characters and bytes of the decoded text, and bytes in the original."""

    characters: int
    bytes: int
    json_bytes: int


class Redacted(NamedTuple):
    """A text without secrets, and the lengths of the replaced secrets."""

    text: str
    marks: dict[str, Lengths]


class _Found(NamedTuple):
    """A secret in a text."""

    start: int
    end: int
    kind: str
    secret: bytes
    quote: bytes  # around a number that becomes a text


def read_kinds(file: Path) -> tuple[SecretKind, ...]:
    """Read the rules, in order of precedence."""
    with file.open(newline="", encoding="utf-8") as handle:
        rows = sorted(csv.DictReader(handle), key=lambda row: int(row["rule_order"]))
    return tuple(
        SecretKind(
            row["rule_name"], row["kind"], row["description"], row["pattern"], row["keyword"], row["check_name"],
            row["is_default"] == "true", row["example"], row["counter_example"],
        )
        for row in rows
    )  # fmt: skip


class Redactor:
    """Replaces secrets of some kinds in texts by marks, salted with a secret of the home."""

    def __init__(self, kinds: Sequence[SecretKind], salt: bytes, also: Sequence[str] = ()) -> None:
        """Compile the keywords; a pattern is compiled when it is first needed.

        `also` holds further expressions that make a text a suspect: for callers that examine suspects for other
        content too.
        """
        self._salt = salt
        self._kinds = tuple(kinds)
        # Rules for the same names share a keyword, and each keyword is searched once.
        self._keywords = tuple(dict.fromkeys(kind.keyword for kind in kinds))
        self._rules = [
            [place for place, kind in enumerate(kinds) if kind.keyword == keyword]
            for keyword in self._keywords
        ]
        self._any = _compiled_set((*self._keywords, *also))

    def suspects(self, column: pa.Array | Sequence[bytes]) -> list[int]:
        """Return the positions of the texts in a column that may contain a secret; all others contain none.

        A list of bytes is read in place; from an Arrow array each text is copied once.
        """
        texts = column if isinstance(column, list | tuple) else _bytes_of(column)
        match = self._any.Match
        return [place for place, text in enumerate(texts) if text and match(text)]

    def redact(self, text: str) -> Redacted:
        """Replace each secret in a text by `[redacted:KIND:xxxxxxxx]`.

        Raises ValueError if a pattern is not valid RE2. A second pass changes nothing. JSON keeps its structure; only
        a number becomes a string.
        """
        marks: dict[str, Lengths] = {}
        data = text.encode("utf-8", "surrogatepass")
        is_json: bool | None = None
        for _ in range(_MOST_ROUNDS if self._kinds else 0):
            found = self._found(data)
            if not found:
                break
            if is_json is None:
                is_json = _is_json(data)
            data = self._replaced(data, found, marks, is_json=is_json)
        return Redacted(data.decode("utf-8", "surrogatepass"), marks) if marks else Redacted(text, marks)

    def _replaced(
        self, data: bytes, found: list[_Found], marks: dict[str, Lengths], *, is_json: bool
    ) -> bytes:
        pieces, at = [], 0
        is_inside, seen = False, 0
        for one in found:
            mark = f"[redacted:{one.kind}:{self._digest(one.secret)}]"
            stood = data[one.start : one.end]
            marks.setdefault(mark, _lengths(stood, is_json=is_json))
            quote = one.quote
            if is_json and stood.isdigit():
                is_inside ^= _quotes(data[seen : one.start]) % 2 == 1
                seen = one.start
                quote = quote if is_inside else b'"'
            pieces += [data[at : one.start], quote, mark.encode(), quote]
            at = one.end
        return b"".join([*pieces, data[at:]])

    def _digest(self, secret: bytes) -> str:
        return hmac.digest(self._salt, secret, "sha256").hex()[:_SALTED_HEX]

    def _found(self, data: bytes) -> list[_Found]:
        """Return the secrets of a text in order. If two overlap, the one whose rule comes first is taken."""
        claims = []
        keywords = [number for number in self._any.Match(data) or () if number < len(self._keywords)]
        for keyword in keywords:
            for start, end in _windows(data, _compiled(self._keywords[keyword])):
                rules = self._rules[keyword]
                claims += [(False, *claim) for claim in self._claims(Plain(data, start, end), rules)]
                if _PERCENT.search(data, start, end):
                    # Only text that no other rule claims: a password keeps the escapes that its URL needs.
                    plain = Plain(data, start, end, percent=True)
                    claims += [(True, *claim) for claim in self._claims(plain, rules)]
        taken: list[_Found] = []
        for _, _, one in sorted(claims, key=lambda claim: (*claim[:2], claim[2].start)):
            place = bisect_left(taken, one.start, key=lambda other: other.start)
            is_free_before = place == 0 or taken[place - 1].end <= one.start
            if is_free_before and (place == len(taken) or one.end <= taken[place].start):
                taken.insert(place, one)
        return taken

    def _claims(self, plain: Plain, rules: list[int]) -> Iterator[tuple[int, _Found]]:
        """Yield the matches of rules in a piece of a text, with the number of the rule."""
        for number in rules:
            rule = self._kinds[number]
            names = _groups(rule.pattern)
            for match in _compiled(rule.pattern, has_groups=True).finditer(plain.text):
                groups = {name: match.group(place) or b"" for name, place in names.items()}
                is_quoted = bool(groups.get("quote"))
                for start, end in _parts(plain, rule, *match.span(names["secret"]), is_quoted=is_quoted):
                    secret = groups["secret"] = plain.text[start:end]
                    if MARK_BYTE not in secret and holds(rule.check_name, groups):
                        quote = _number_quote(plain, start, end)
                        yield (
                            number,
                            _Found(*plain.span(start, end), rule.kind, _canonical(secret, rule), quote),
                        )


def _bytes_of(column: pa.Array) -> list[bytes | None]:
    """Return the texts of an Arrow array without decoding them."""
    import pyarrow as pa

    is_large = pa.types.is_large_string(column.type)
    texts: list[bytes | None] = column.view(pa.large_binary() if is_large else pa.binary()).to_pylist()
    return texts


@cache
def _compiled(pattern: str, *, has_groups: bool = False) -> Any:  # noqa: ANN401 - google-re2 has no types
    import re2

    try:
        return re2.compile(pattern.encode(), options=_options(has_groups=has_groups))
    except re2.error as error:
        raise ValueError(f"{pattern!r} is not a valid RE2 regular expression: {error}.") from error


@cache
def _groups(pattern: str) -> dict[str, int]:
    """Return the named groups of a pattern."""
    groups = _compiled(pattern, has_groups=True).groupindex
    return {name.decode(): place for name, place in groups.items()}


def _compiled_set(patterns: Sequence[str]) -> Any:  # noqa: ANN401 - google-re2 has no types
    import re2

    compiled = re2.Set.SearchSet(_options(has_groups=False))
    for pattern in patterns:
        compiled.Add(pattern.encode())
    compiled.Compile()
    return compiled


def _options(*, has_groups: bool) -> Any:  # noqa: ANN401 - google-re2 has no types
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _DFA_BYTES
    options.never_capture = not has_groups
    options.log_errors = False
    return options


def _windows(data: bytes, keyword: Any) -> Iterator[tuple[int, int]]:  # noqa: ANN401 - google-re2 has no types
    """Yield the pieces of a text around each keyword, without cutting an escape or a word."""
    start, end = -1, -1
    for near in keyword.finditer(data):
        is_block = _KEY_BLOCK.match(data, near.start()) is not None
        if near.end() + _AFTER <= end and not is_block:
            continue
        first, last = _window(data, near.start(), near.end(), is_block=is_block)
        if start >= 0 and first > end:
            yield start, end
            start = -1
        start = first if start < 0 else start
        end = max(end, last)
    if start >= 0:
        yield start, end


def _window(data: bytes, first: int, last: int, *, is_block: bool) -> tuple[int, int]:
    """Return the piece around a keyword: its ends cut no mark, escape or word."""
    start, end = max(0, first - _BEFORE), min(len(data), last + _AFTER)
    if is_block:
        limit = min(len(data), last + _LONGEST_KEY_BLOCK)
        ends = [at for mark in _KEY_BLOCK_ENDS if (at := data.find(mark, last, limit)) >= 0]
        end = max(end, min(min(ends, default=limit) + _BEFORE, len(data)))
    mark = data.rfind(b"[redacted:", max(0, start - _LONGEST_MARK), start)
    start = mark if mark >= 0 else start
    escape = data.rfind(b"\\", max(0, start - _LONGEST_ESCAPE), start)
    start = escape if escape >= 0 else start
    while start and data[start - 1] == _BACKSLASH:
        start -= 1
    while end < len(data) and data[end - 1] == _BACKSLASH:
        end += 1
    word = _WORD.match(data, end, end + _LONGEST_TOKEN)
    end = word.end() if word else end
    while end < len(data) and data[end - 1] == _BACKSLASH:
        end += 1
    mark = data.rfind(b"[redacted:", max(0, end - _LONGEST_MARK), end)
    if mark >= 0 and (found := MARK.match(data, mark)):
        end = max(end, found.end())
    return start, end


def _parts(
    plain: Plain, rule: SecretKind, start: int, end: int, *, is_quoted: bool
) -> Iterator[tuple[int, int]]:
    """Return the secret part of a match: up to the closing quote, or for a key the text between quotes."""
    text = plain.text
    if is_quoted:
        yield start, _closing(plain, start, end)
    elif rule.check_name == "key" and b'"' in text[start:end]:
        yield from (found.span() for found in _KEY_TEXT.finditer(text, start, end))
    elif rule.check_name == "key_lines":
        yield from (found.span() for found in _KEY_LINE.finditer(text, start, end))
    else:
        while end < len(text) and text[end] & 0xC0 == 0x80:  # noqa: PLR2004 - inside a character of UTF-8
            end += 1
        yield start, end


def _closing(plain: Plain, start: int, end: int) -> int:
    """Return where the quote that opens a secret is closed: a quote that is escaped deeper is part of the secret.

    A quote in a text that is quoted `depth` times is preceded by 2^depth - 1 backslashes.
    """
    text = plain.text
    quote, run = text[start - 1], plain.run(start - 1)
    at = start
    for at in range(start, min(len(text), start + _LONGEST_QUOTED)):
        if text[at] in _ENDS_QUOTED:
            break
        if text[at] in (quote, _DOUBLE_QUOTE):
            is_deeper = text[at] == quote and plain.run(at) % (2 * run + 2) == 2 * run + 1
            if not is_deeper:
                return at if text[at] == quote else end
    return end


def _number_quote(plain: Plain, start: int, end: int) -> bytes:
    """Return the quotes that a number in nested JSON needs when it becomes a string."""
    if not plain.text[start:end].isdigit():
        return b""
    named = _NAMED_NUMBER.search(plain.text, max(0, start - _BEFORE), start)
    if not named or plain.text[end : end + 1] not in _AFTER_NUMBER:
        return b""
    # A quote that opens a string, which begins with a colon, is no end of a name.
    quote = named.start()
    is_opening = plain.text[max(0, quote - _BEFORE) : quote].rstrip()[-1:] in _BEFORE_STRING
    return b"" if is_opening else plain.stood(quote)


def _canonical(secret: bytes, rule: SecretKind) -> bytes:
    """Return the canonical form of a secret: line breaks in a key and URL escapes are ignored."""
    secret = unquote_to_bytes(secret)
    return b"".join(secret.split()) if rule.check_name == "key" else secret


def _quotes(data: bytes) -> int:
    """The number of quotes that open or close JSON strings in a text."""
    return sum(1 for found in _QUOTE.finditer(data) if found[1])


def _is_json(data: bytes) -> bool:
    if data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _lengths(stood: bytes, *, is_json: bool) -> Lengths:
    """The length of a secret in the decoded text, and in the original."""
    read = stood.decode("utf-8", "surrogatepass")
    if is_json:
        with suppress(ValueError):
            read = json.loads(f'"{read}"', strict=False)
    return Lengths(len(read), len(read.encode("utf-8", "surrogatepass")), len(stood))
