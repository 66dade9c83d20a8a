"""The policy in force during landing: every text passes through it before it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from ingest.privacy.fields import DOCUMENTS, EVENT_TABLE, RESPONSE_TABLE, TOOL_RESULT_FILE
from ingest.privacy.kinds_file import kinds_file
from ingest.privacy.marks import PREFIX, is_mark, mark, with_lengths, without_lengths
from ingest.privacy.policy import DROP, Policy
from ingest.privacy.shape import Shape
from ingest.privacy.tombstones import parsed

if TYPE_CHECKING:
    from ingest.privacy.secrets import Redactor

_USER: Final = '"user_id"'
_FOLDER: Final = b'"cwd"'
_LITERAL_PREFIX: Final = re.escape(PREFIX)
_WITH_USERS: Final = frozenset({EVENT_TABLE, RESPONSE_TABLE})

# Columns of scanned tables that hold texts of others. For texts that are file contents: the columns that name the
# file.
SCANNED_TEXTS: Final[dict[str, dict[str, tuple[str, ...] | None]]] = {
    "component_version": {
        "content": ("root", "path"), "front_matter": None, "links": None, "entries": None, "errors": None, "warnings": None,
    },
    "component_commit": {"subject": None},
    "component_body": {"body_text": ("root", "path")},
    "source_entry": {"url": None},
    "source_check": {"content": ("target",), "redirected_to": None, "error": None},
    "contract_field": {"default_value": None, "value_text": None},
    "code_chunk": {"chunk_text": ()},
}  # fmt: skip


class Privacy:
    """Applies a policy to landed texts. The same text always gives the same result."""

    def __init__(self, load: Callable[[], Policy]) -> None:
        """Load nothing yet."""
        self._load = load
        self._redactor: Redactor | None = None

    @cached_property
    def policy(self) -> Policy:
        """The policy applied."""
        return self._load()

    @cached_property
    def _shape(self) -> Shape:
        return Shape(self.policy)

    @property
    def redactor(self) -> Redactor | None:
        """The finder of secrets; None where they are kept."""
        if self._redactor is None and self.policy.redacts_secrets:
            from ingest.privacy.secrets import Redactor, read_kinds

            kinds = [kind for kind in read_kinds(kinds_file()) if self.policy.redacts(kind)]
            also = [_LITERAL_PREFIX, *([_USER] if self.policy.hashes_users else [])]
            self._redactor = Redactor(kinds, self.policy.salt, also)
        return self._redactor

    # ------------------------------------------------------------------------------------ lines

    def learn(self, line: dict[str, Any] | None, session: str | None) -> None:
        """Pass to the rules what a line, in a file of a session, reveals about other lines."""
        if line is not None and self.policy.changes_texts:
            self._shape.learn(line, session)

    def line(self, text: str, table: str, *, session: str | None = None, is_landed: bool = False) -> str:
        """The landed form of a log line. `is_landed`: its marks are ours, not quoted ones.

        `session` is that of its file.
        """
        text = _as_logged(text, is_landed=is_landed)
        if self.policy.changes_texts:
            text = self._shape.line(text, table, session)
        if table in _WITH_USERS and self.policy.hashes_users and _USER in text:
            text = _with_users(text, self.policy.user)
        return self._redacted(text)

    def changed_lines(
        self, lines: Sequence[bytes], table: str, left_out: set[int], sessions: Sequence[str | None] = ()
    ) -> dict[int, bytes]:
        """The changed lines by position; those in `left_out` are skipped.

        Only lines that may change are examined closely. `sessions` are those of the lines' files.
        """
        if self.policy.projects:
            for position, line in enumerate(lines):
                if position not in left_out and _FOLDER in line:
                    self.learn(parsed(line.decode()), sessions[position] if sessions else None)
        positions = range(len(lines)) if self.policy.changes_texts else self._suspects(lines)
        changed: dict[int, bytes] = {}
        for position in positions:
            if position not in left_out:
                session = sessions[position] if sessions else None
                new = self.line(lines[position].decode(), table, session=session).encode()
                if new != lines[position]:
                    changed[position] = new
        return changed

    def is_forgotten(self, text: str, table: str, session: str | None = None) -> bool:
        """Whether an original log line was forgotten or has expired. `session` is that of its file."""
        forgotten = self.policy.forgotten
        return bool(forgotten) and forgotten.why_line(self.line(text, table), table, session) is not None

    def forgotten_lines(
        self, lines: Sequence[bytes], table: str, left_out: set[int], sessions: Sequence[str | None] = ()
    ) -> set[int]:
        """The positions of lines, in their landed form, that were forgotten or have expired.

        `sessions` are those of the lines' files.
        """
        forgotten = self.policy.forgotten
        if not forgotten:
            return set()
        return {
            position
            for position, line in enumerate(lines)
            if position not in left_out
            and forgotten.why_line(
                line.decode("utf-8", "replace"), table, sessions[position] if sessions else None
            )
        }

    def kept_row(self, text: str) -> str:
        """A JSON row kept from expired sessions."""
        if self.policy.hashes_users and _USER in text:
            text = _with_users(text, self.policy.user)
        return self._redacted(text)

    def data(self, raw: bytes) -> bytes:
        """Bytes that are not valid text, without secrets; where texts are dropped, nothing of them is kept."""
        if self.policy.changes_texts:
            text = raw.decode("latin-1")
            return raw if is_mark(text) else mark("line", text).encode()
        return self._redacted(raw.decode("latin-1")).encode("latin-1", "replace")

    # ------------------------------------------------------------------------------------ whole texts

    def content(
        self, text: str, path: str = "", *, session: str | None = None, is_landed: bool = False
    ) -> str:
        """The content of a file, or the output of a tool in a session."""
        texts = self.policy.texts_in(self._shape.folder_of(session))
        if texts.contents == DROP or (path and self.policy.drops_file(path)):
            return text if is_mark(text) else mark("content", text)
        return self.text(text, is_landed=is_landed)

    def document(
        self, text: str, kind: str, path: str = "", *, session: str | None = None, is_landed: bool = False
    ) -> str:
        """A session file that is landed whole, by kind."""
        if kind == TOOL_RESULT_FILE:
            return self.content(text, path, session=session, is_landed=is_landed)
        text = _as_logged(text, is_landed=is_landed)
        if kind in DOCUMENTS and self.policy.changes_texts:
            text = self._shape.document(text, DOCUMENTS[kind], session)
        return self._redacted(text)

    def text(self, text: str, *, is_landed: bool = False) -> str:
        """Any other text by somebody else. `is_landed`: its marks are ours, not quoted ones."""
        return self._redacted(_as_logged(text, is_landed=is_landed))

    def scanned(
        self, table: str, name: str, values: list[Any], row_value: Callable[[str], list[Any]]
    ) -> list[Any]:
        """The values of a column of a scanned table; `row_value` gives those of another column."""
        texts = SCANNED_TEXTS.get(table, {})
        if name not in texts:
            return values
        holder = texts[name]
        if holder is None:
            return [self.text(value) if isinstance(value, str) else value for value in values]
        named = zip(*map(row_value, holder), strict=True) if holder else [()] * len(values)
        return [
            self.content(value, "/".join(map(str, names))) if isinstance(value, str) else value
            for value, names in zip(values, named, strict=True)
        ]

    def scanned_column(self, table: str, name: str, column: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """The same for an Arrow column with very many rows."""
        import pyarrow as pa

        if name not in SCANNED_TEXTS.get(table, {}):
            return column
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if self.policy.texts.contents == DROP:
            return _replaced(column, range(len(column)), self.content)
        return _replaced(column, self._suspects(column), self.text)

    # ------------------------------------------------------------------------------------ secrets

    def _redacted(self, text: str) -> str:
        redactor = self.redactor
        if redactor is None:
            return text
        found = redactor.redact(text)
        return with_lengths(found.text, found.marks) if found.marks else text

    def _suspects(self, column: Any) -> Iterable[int]:  # noqa: ANN401 - pyarrow has no types
        """The positions of the texts that may change."""
        return range(len(column)) if self.redactor is None else self.redactor.suspects(column)


def _as_logged(text: str, *, is_landed: bool) -> str:
    """A text without the lengths of marks that a log merely quotes; if `is_landed`, the marks are ours and keep them.
    """
    return text if is_landed or PREFIX not in text else without_lengths(text)


def _replaced(column: Any, positions: Iterable[int], changed: Callable[[str], str]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """A column with some texts changed; the same column if none is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    made: dict[int, str] = {}
    for position in positions:
        text = column[position].as_py()
        if text is not None and (new := changed(text)) != text:
            made[position] = new
    if not made:
        return column
    is_changed = [position in made for position in range(len(column))]
    return pc.replace_with_mask(
        column, pa.array(is_changed), pa.array([made[one] for one in sorted(made)], column.type)
    )


def _with_users(text: str, user: Callable[[str], str]) -> str:
    """A JSON line in which each user id is hashed. Text that is not JSON is left unchanged: nothing parses it."""

    def walk(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        if isinstance(value, list):
            return [walk(one) for one in value]
        if isinstance(value, dict):
            return {
                key: user(one) if key == "user_id" and isinstance(one, str) and one else walk(one)
                for key, one in value.items()
            }
        return value

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return re.sub(r'("user_id"\s*:\s*")[^"]*', r"\g<1>unknown", text)
    try:
        return json.dumps(walk(value), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return text


_in_force: ContextVar[Privacy | None] = ContextVar("privacy", default=None)


@contextmanager
def in_force(load: Callable[[], Policy]) -> Iterator[None]:
    """Apply a policy to everything landed inside; it is loaded when the first text arrives."""
    token = _in_force.set(Privacy(load))
    try:
        yield
    finally:
        _in_force.reset(token)


def current() -> Privacy:
    """The policy in force. Without one, secrets are redacted anyway."""
    return _in_force.get() or _fallback()


@lru_cache(maxsize=1)
def _fallback() -> Privacy:
    return Privacy(lambda: Policy(hashes_users=False))
