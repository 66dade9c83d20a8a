"""The files that a text refers to, and circular imports."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.components.component import MOST_BYTES
from ingest.files import read_regular

# Each runs in time linear in the text: no two of their beginnings match the same characters.
_LINK = re.compile(r"\[[^\[\]\n]*\]\(<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_IMPORT = re.compile(r"(?m)(?:^|(?<=\s))@((?:~/|\.{0,2}/)?[\w.-]+(?:/[\w.-]+)*\.\w+)")
_BARE = re.compile(
    r"(?<![\w/(\].-])((?:references?|scripts|assets|resources|templates|examples)/[\w.-]+(?:/[\w.-]+)*\.\w+)"
)


def links_of(path: Path, body: str) -> list[dict[str, object]]:
    """The files that a text refers to, and whether they exist."""
    found: dict[str, dict[str, object]] = {}
    text = re.sub(r"(?ms)^(```|~~~).*?^\1", "", body)
    for kind, pattern in (("link", _LINK), ("import", _IMPORT), ("mention", _BARE)):
        for match in pattern.finditer(text):
            target = match[1].split("#", 1)[0].split("?", 1)[0]
            if not target or "://" in target or target.startswith(("mailto:", "$", "{", "<", "//")):
                continue
            if (
                kind == "import"
                and "/" not in target
                and not target.lower().endswith((".md", ".txt", ".json"))
            ):
                continue
            clean = target.replace("%20", " ")
            place = (
                Path(clean).expanduser() if clean.startswith("~") else path.parent / clean.removeprefix("/")
            )
            try:
                exists = place.exists()
            except (OSError, ValueError):
                exists = False
            if kind != "link" and not exists:  # just as likely an address or an example as a file
                continue
            found.setdefault(target, {"kind": kind, "target": target, "exists": exists})
            if len(found) >= 500:  # noqa: PLR2004 - more than any text refers to
                break
    return list(found.values())


def import_circles(path: Path, body: str) -> list[str]:
    """Imports (`@file`) that lead back to a file that is already being read."""
    circles: list[str] = []

    def follow(file: Path, text: str, above: tuple[Path, ...]) -> None:
        if len(above) > 5:  # noqa: PLR2004 - the client follows five
            return
        for match in _IMPORT.finditer(text):
            target = Path(match[1]).expanduser() if match[1].startswith("~") else file.parent / match[1]
            try:
                real = target.resolve()
                if real in above:
                    circles.append(f"imports itself through {match[1]}")
                    return
                if target.suffix == ".md" and target.is_file():
                    follow(real, read_regular(target, MOST_BYTES).decode("utf-8", "replace"), (*above, real))
            except (OSError, ValueError, RuntimeError):
                continue

    if "@" in body:
        follow(path, body, (path.resolve(),))
    return list(dict.fromkeys(circles))
