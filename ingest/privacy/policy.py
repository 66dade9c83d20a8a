"""The policy that landing applies: which parts of a log are kept. `agent_store.privacy` reads it from the user's
file.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, fields
from fnmatch import translate
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from ingest.privacy.kinds_file import kinds_file
from ingest.privacy.tombstones import NOTHING_FORGOTTEN, Tombstones

if TYPE_CHECKING:
    from ingest.privacy.secrets import SecretKind

KEEP: Final = "keep"
HASH: Final = "hash"
DROP: Final = "drop"
# Hex digits of the salted hash in a mark.
MARK_DIGITS: Final = 8
USER_PREFIX: Final = "user_"
USER_DIGITS: Final = 12
_FINGERPRINT_DIGITS: Final = 16
_USER: Final = re.compile(rf"{USER_PREFIX}[0-9a-f]{{{USER_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Texts:
    """The treatment of each kind of text; None: as set elsewhere in the policy."""

    # Text that people typed.
    prompts: str | None = None
    # Text that models wrote: answers, thinking, titles, plans, prompts for subagents.
    answers: str | None = None
    # Contents of files, and output of commands and tools.
    contents: str | None = None

    def over(self, other: Texts) -> Texts:
        """These settings, completed by the others where nothing is set here."""
        return Texts(*(getattr(self, one.name) or getattr(other, one.name) for one in fields(Texts)))

    @property
    def keeps_all(self) -> bool:
        """Whether every text stays as it is."""
        return not ({self.prompts, self.answers, self.contents} & {HASH, DROP})


ALL_KEPT: Final = Texts(KEEP, KEEP, KEEP)


@dataclass(frozen=True)
class Policy:
    """The treatment of lines and files before they are landed."""

    salt: bytes = b""
    redacts_secrets: bool = True
    # Kinds of seeds/secret_kinds.csv added to the default, and kinds that are not searched.
    more_kinds: frozenset[str] = frozenset()
    fewer_kinds: frozenset[str] = frozenset()
    hashes_users: bool = True
    texts: Texts = ALL_KEPT
    # Patterns of project folders, and their different settings. The last match wins.
    projects: tuple[tuple[str, Texts], ...] = ()
    # Patterns of files whose contents are dropped wherever they were read or written.
    dropped_files: tuple[str, ...] = ()
    # Forgotten items, which are not landed again.
    forgotten: Tombstones = NOTHING_FORGOTTEN

    @cached_property
    def fingerprint(self) -> str:
        """Identifies the policy and the secret rules: a different fingerprint leads to different rows. Forgotten
        items are not part of it.
        """
        said = repr(
            [getattr(self, one.name) for one in fields(self) if one.name not in {"salt", "forgotten"}]
        )
        said = said.replace(repr(self.more_kinds), repr(sorted(self.more_kinds)))
        said = said.replace(repr(self.fewer_kinds), repr(sorted(self.fewer_kinds)))
        rules = kinds_file().read_bytes() if self.redacts_secrets else b""
        return sha256(said.encode() + b"\0" + rules).hexdigest()[:_FINGERPRINT_DIGITS]

    @cached_property
    def changes_texts(self) -> bool:
        """Whether lines must be parsed: content other than secrets is removed."""
        return (
            not self.texts.keeps_all
            or bool(self.dropped_files)
            or any(not texts.keeps_all for _, texts in self.projects)
        )

    def redacts(self, kind: SecretKind) -> bool:
        """Whether secrets of a kind are redacted."""
        if not self.redacts_secrets or kind.kind in self.fewer_kinds:
            return False
        return kind.is_default or kind.kind in self.more_kinds

    def texts_in(self, project: str | None) -> Texts:
        """The treatment of texts in sessions of a folder."""
        found = self.texts
        for pattern, texts in self.projects:
            if project and is_below(project, pattern):
                found = texts.over(found)
        return found

    def drops_file(self, path: str) -> bool:
        """Whether the contents of a file are removed."""
        return any(is_below(path, pattern) for pattern in self.dropped_files)

    def hashed(self, text: str, purpose: str = "text") -> str:
        """A salted hash in hex: equal texts give equal hashes in this home, and reveal nothing elsewhere."""
        return hmac.new(self.salt, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), sha256).hexdigest()

    @cached_property
    def user_salt(self) -> str:
        """The salt for user names, here and in SQL."""
        return self.hashed("", "user")

    def user(self, name: str) -> str:
        """The id of a user in the store."""
        return user_id(name, self.user_salt) if self.hashes_users else name


def user_id(name: str, salt: str) -> str:
    """The id of a user of that name; an id stays unchanged. The macro `user_identity` does the same in SQL."""
    if _USER.fullmatch(name):
        return name
    return USER_PREFIX + sha256((salt + name).encode("utf-8", "replace")).hexdigest()[:USER_DIGITS]


@lru_cache(maxsize=4096)
def is_below(path: str, pattern: str) -> bool:
    """Whether a path, or a folder above it, matches a pattern; a pattern without a slash matches a name anywhere in
    the path.
    """
    path = path.replace("\\", "/").rstrip("/")
    pattern = pattern.replace("\\", "/").rstrip("/")
    compiled = _compiled(pattern)
    if "/" not in pattern:
        return any(compiled.fullmatch(name) for name in path.split("/"))
    parts = path.split("/")
    return any(compiled.fullmatch("/".join(parts[:end])) for end in range(1, len(parts) + 1))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
