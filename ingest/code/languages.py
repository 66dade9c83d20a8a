"""Classifies files by name: language, type of document, and files that are not worth opening."""

from __future__ import annotations

import re
from typing import Final

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
# Written by programs for programs: searching them finds noise.
_LOCK_FILE_NAMES: Final = (
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock uv.lock poetry.lock pdm.lock pipfile.lock "
    "cargo.lock go.sum composer.lock gemfile.lock flake.lock mix.lock podfile.lock"
)
_LOCK_FILES: Final = frozenset(_LOCK_FILE_NAMES.split())
# Configurations that hold tokens or passwords. The component scan keeps only names from them; the code scan keeps
# nothing.
_SECRET_NAME: Final = re.compile(
    r"(?i)^(?:\.env(?:\..+)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials"
    r"|\.?credentials(?:\.json)?|\.?mcp\.json(?:\..+)?|\.claude\.json(?:\..+)?|claude_desktop_config\.json|secrets?(?:\..+)?"
    r"|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|tfvars|tfvars\.json|tfstate|tfstate\.backup))$"
)
# Configurations recognised by their folder.
_SECRET_PLACE: Final = re.compile(
    r"(?i)(?:^|/)(?:\.claude/(?:.*/)?(?:managed-)?settings(?:\.[^/]*)?\.json|\.claude-plugin/[^/]*\.json)$"
)
_SECRET_EXAMPLE: Final = re.compile(r"(?i)\.(?:example|sample|template|dist)$")


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
    """Why a file is not worth opening, judged by its path; None if it is worth opening."""
    path = path.replace("\\", "/")
    name = path.rpartition("/")[2].lower()
    if name in _LOCK_FILES:
        return "lock file, written by a program"
    if _SECRET_PLACE.search(path) or (_SECRET_NAME.match(name) and not _SECRET_EXAMPLE.search(name)):
        return "may hold secrets, judging by its name"
    return None
