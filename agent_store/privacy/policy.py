"""`privacy.yml` in the home: what to keep from logs, per project and file, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent_store.at_rest import NOT_BY_ITSELF
from agent_store.errors import StoreError, explain
from agent_store.paths import StorePaths, project_dir
from agent_store.replacing import replacing
from agent_store.validated import explained
from ingest.privacy.kinds_file import kinds_file
from ingest.privacy.policy import Policy, Texts
from ingest.privacy.secrets import read_kinds
from ingest.privacy.tombstones import Tombstones
from ingest.text import YamlError, load_yaml, meant

_MOST_CHARACTERS: Final = 256 * 1024
_EXAMPLE: Final = "prompts: keep"
# The kind of secret that `emails` controls.
EMAIL_KIND: Final = "email_address"

KeepHashDrop = Literal["keep", "hash", "drop"]
KeepDrop = Literal["keep", "drop"]


def _below_home(pattern: str) -> str:
    return f"{Path.home()}{pattern[1:]}" if pattern.startswith(("~/", "~\\")) else pattern


# A pattern of paths: * matches any text. One without a slash matches a name anywhere; one may begin with ~/.
Pattern = Annotated[str, AfterValidator(_below_home)]
# Up to a hundred years, so that every such moment is a valid date.
Days = Annotated[int, Field(gt=0, le=36_500)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectRule(_Model):
    """Different rules for the projects below a folder."""

    path: Pattern
    prompts: KeepHashDrop | None = None
    answers: KeepHashDrop | None = None
    contents: KeepDrop | None = None

    def texts(self) -> Texts:
        """The rule without its pattern."""
        return Texts(self.prompts, self.answers, self.contents)


class SecretKinds(_Model):
    """Kinds of secrets to look for in addition to the usual ones, and kinds to skip."""

    add: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _are_known(self) -> Self:
        known = {kind.kind for kind in read_kinds(kinds_file())}
        for name in (*self.add, *self.skip):
            if name not in known:
                similar = meant(name, known)
                raise ValueError(
                    f"there is no kind of secret {name!r}"
                    + (f"; did you mean {similar!r}?" if similar else "")
                )
        return self


class Retention(_Model):
    """For how many days things are kept; None: forever."""

    # Whole sessions since their last line, with everything landed from them.
    sessions: Days | None = None
    # Rows of published facts, by the name of the table.
    facts: dict[str, Days] = {}
    # What happens to older sessions.
    expired: Literal["archive", "drop"] = "archive"

    @model_validator(mode="after")
    def _facts_are_known(self) -> Self:
        known = fact_names()
        for name in self.facts:
            if known and name not in known:
                similar = meant(name, known)
                raise ValueError(
                    f"there is no fact {name!r}" + (f"; did you mean {similar!r}?" if similar else "")
                )
        return self


def fact_names() -> frozenset[str]:
    """The facts of the project, by the files of their models."""
    return frozenset(file.stem for file in (project_dir() / "models").rglob("fact_*.sql"))


class Sharing(_Model):
    """What agent-store share keeps on this machine."""

    # Patterns of folders: sessions of projects below them, and rows about files below them.
    leave_out: tuple[Pattern, ...] = ()


class PrivacyPolicy(_Model):
    """The policy of a home."""

    secrets: Literal["redact", "keep"] = "redact"
    secret_kinds: SecretKinds = SecretKinds()
    # Addresses in texts. Addresses that identify a user are hashed with `user_ids`.
    emails: Literal["redact", "keep"] = "keep"
    user_ids: Literal["hash", "keep"] = "hash"
    prompts: KeepHashDrop = "keep"
    answers: KeepHashDrop = "keep"
    # The contents of files and the output of commands and other tools.
    contents: KeepDrop = "keep"
    projects: tuple[ProjectRule, ...] = ()
    # Patterns of files whose contents are dropped.
    files: tuple[Pattern, ...] = ()
    retention: Retention = Retention()
    sharing: Sharing = Sharing()
    # A file kept elsewhere, to which the head of the audit chain is appended at each publish.
    witness: str | None = None
    encrypt: bool = False

    @model_validator(mode="after")
    def _does_not_encrypt(self) -> Self:
        if self.encrypt:
            raise ValueError(" ".join(NOT_BY_ITSELF))
        return self

    def landing(self, salt: bytes, forgotten: Tombstones, files: Iterable[str] = ()) -> Policy:
        """The policy as landing applies it; `files` are patterns in addition to the policy's."""
        return Policy(
            salt=salt,
            redacts_secrets=self.secrets == "redact",
            more_kinds=frozenset(self.secret_kinds.add)
            | ({EMAIL_KIND} if self.emails == "redact" else frozenset()),
            fewer_kinds=frozenset(self.secret_kinds.skip),
            hashes_users=self.user_ids == "hash",
            texts=Texts(self.prompts, self.answers, self.contents),
            projects=tuple((rule.path, rule.texts()) for rule in self.projects),
            dropped_files=(*self.files, *files),
            forgotten=forgotten,
        )


def read_policy(paths: StorePaths) -> PrivacyPolicy:
    """The policy of a home; the default if there is no file. Raises StoreError if the file is invalid."""
    file = paths.privacy
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return PrivacyPolicy()
    except (OSError, UnicodeDecodeError) as error:
        raise explain(error, f"Reading {file}") or StoreError(
            f"The rules {file} cannot be read: {error}."
        ) from error
    try:
        value = load_yaml(text, _MOST_CHARACTERS)
    except YamlError as error:
        raise StoreError(
            f"The rules {file} are not YAML: {error}.", "Fix the file: nothing is landed until then."
        ) from error
    try:
        return PrivacyPolicy.model_validate({} if value is None else value)
    except ValidationError as error:
        message, hint = explained("The rules", file, PrivacyPolicy, error, _EXAMPLE)
        raise StoreError(message, f"{hint} Nothing is landed until then.") from error


def write_default(paths: StorePaths) -> Path:
    """Write the default policy with comments. Raises StoreError if there is one already."""
    if paths.privacy.exists():
        raise StoreError(f"{paths.privacy} exists already.", "Edit it, then run agent-store privacy apply.")
    paths.ensure()
    with replacing(paths.privacy) as fresh:
        fresh.write_text(_DEFAULT, encoding="utf-8")
    return paths.privacy


_DEFAULT: Final = """\
# What Agent Store keeps from logs. It is applied before anything is written; data left out cannot be restored, except by
# landing the logs again. Every text left out is replaced by a mark with its length, so tokens and costs stay correct.
# After a change: agent-store privacy apply

# Keys, tokens and passwords in any text: redact | keep
secrets: redact
# Kinds of secrets to add to the usual ones, and kinds to skip (agent-store privacy kinds lists them).
secret_kinds: {add: [], skip: []}
# E-mail addresses in texts: redact | keep
emails: keep
# Names of users, and addresses that identify users: hash | keep
user_ids: hash

# What people typed: keep | hash | drop. With hash, equal prompts can still be recognised as equal.
prompts: keep
# What models wrote: keep | hash | drop
answers: keep
# What files contained and what commands and other tools printed: keep | drop
contents: keep

# Different rules for some projects, by the folder that the session ran in. The last match wins.
projects: []
#  - path: "/home/me/clients/*"
#    prompts: drop
#    contents: drop

# Files whose contents are dropped wherever an agent read or wrote them.
files: []
#  - ".env*"
#  - "/home/me/taxes/*"

# For how many days things are kept; null: forever.
retention:
  # Sessions, since their last line: their landed lines and all rows made from them are removed. Daily costs stay.
  sessions: null
  # Rows of a published fact. The landed lines stay, so with a longer retention the next build restores them.
  facts: {}
#   fact_context_segment: 90
  # What happens to older sessions: archive (as Parquet, in the folder archive of the home) | drop
  expired: archive

# Projects that agent-store share keeps on this machine, by folder.
sharing:
  leave_out: []
#   - "/home/me/clients/*"

# A file on another disk, to which each publish appends the head of the audit chain; agent-store verify --witness FILE
# compares it. A relative path starts at the home of the store.
witness: null
"""
