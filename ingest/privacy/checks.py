"""Checks on a secret that a pattern cannot express: checksums, and whether a value is real, invented or a
placeholder.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

# Words of placeholder values.
_STAND_IN: Final = re.compile(
    rb"(?i)x{4,}|\*{3,}|\.{3}|example|placeholder|your|change[_-]?(?:me|it|this)|dummy|redacted|replace|to-?do\b|"
    rb"1234567|abcdefg|deadbeef|0{8,}|[<>]"
)
# Further placeholder words in values that a person typed.
_MADE_UP: Final = re.compile(
    rb"(?i)fake|mock|sample|insert|invalid|wrong|secret|passw|passphrase|token|(?:^|[_.:/-])(?:my|test|foo|bar|baz|some|the|"
    rb"demo|user|admin|root|key|none|null|undefined|string|value)(?:[_.:/-]|$)|^(?:test|admin|root|user|pass|pwd|qwerty|abc)\d*$"
)
# A computed value: a template, a variable, a configuration entry, a path, a vault reference.
_COMPUTED: Final = re.compile(
    rb"[$%#@]\{|\{\{|^\{.*\}$|\$\(|^[$%@]|%[sd]$|%\(\w|^[~.]{0,2}/|^(?:process|os|self|this|env|config|settings|secrets|vault)\b[.\[]|"
    rb"^[\w$]+(?:\.[A-Za-z_$]\w*)+$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^(?:file|https?|arn|op|ssm|vault|env):"
)
# Without quotes it may be code: a call, an index, a shell variable.
_CODE: Final = re.compile(rb"[()\[\]{}\\]|::|->|=>|\$[A-Z_]{3}|\$[{(]")
_UUID: Final = re.compile(rb"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME: Final = re.compile(rb"[A-Za-z][a-z]*(?:[A-Z][a-z]+)*|[a-z]+(?:[_-][a-z]+)*[_-]?\d?")
_IDENTIFIER: Final = re.compile(rb"[A-Za-z][a-z]*(?:[A-Z][a-z]+)*\d{0,2}|[a-z]+(?:[_-][a-z]+)*[_-]?\d{0,4}")
_WORD: Final = re.compile(
    rb"[a-z_-]{1,12}|[A-Z_]+|(?i:test|admin|root|user|pass(?:word)?|pwd|secret|qwerty|abc)\d*"
)
# A class name: words that begin with a capital.
_CLASS: Final = re.compile(rb"(?:[A-Z][A-Z0-9]{0,5})?(?:[A-Z][a-z]{2,}){2,}\d?")
# Names that end like a secret's but hold a position, a count or a kind.
_HARMLESS_NAME: Final = re.compile(
    rb"(?i)(?:next|prev(?:ious)?|page|paging|pagination|continuation|cursor|sync|start|end|stop|pad|eos|bos|unk|mask|sep|cls|"
    rb"special|image|idempotency|cancell?(?:ation)?|max|min|num|per|total|public|cache|partition|sort|lock|design|color|theme|"
    rb"syntax|semantic|trace|span|shape)[_.-]?tokens?$|(?:public|cache|sort|partition|primary|foreign)[_.-]?key$"
)
_LEAST_ENTROPY: Final = 3.0
_LEAST_CHANGES: Final = 0.15
_FEW_CHANGES: Final = 2
_FEWEST_DIFFERENT: Final = 5
_SHORTEST_PASSWORD: Final = 6
_SHORTEST_BARE_PASSWORD: Final = 8
_SPECIAL: Final = re.compile(rb"[^A-Za-z0-9_.\-/:=,]")

Groups = Mapping[str, bytes]


def holds(check_name: str, groups: Groups) -> bool:
    """Whether a rule's match passes its further check."""
    secret = groups["secret"]
    return len(set(secret)) >= min(_FEWEST_DIFFERENT, len(secret)) and _CHECKS[check_name](groups)


def _given(groups: Groups) -> bool:
    """Not a placeholder such as `xxxx` or `your-key`."""
    return not _STAND_IN.search(groups["secret"])


def _luhn(groups: Groups) -> bool:
    """The card number's checksum is valid."""
    digits = [digit - 48 for digit in groups["secret"] if 48 <= digit <= 57]  # noqa: PLR2004 - the digits of ASCII
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _jwt(groups: Groups) -> bool:
    """The first part of a token is a header that names its algorithm."""
    header = groups["secret"].split(b".", 1)[0]
    try:
        return "alg" in json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, TypeError):
        return False


def _basic(groups: Groups) -> bool:
    """The base64 of a name, a colon and a password."""
    secret = groups["secret"]
    try:
        plain = base64.b64decode(secret + b"=" * (-len(secret) % 4))
    except binascii.Error:
        return False
    name, colon, password = plain.partition(b":")
    return bool(colon and name.isascii() and len(password) > 0) and not _STAND_IN.search(plain)


def _random(groups: Groups) -> bool:
    """A value of many different characters that alternates between digits, lower-case and upper-case letters."""
    secret = groups["secret"]
    if not _given(groups) or _UUID.fullmatch(secret) or _HARMLESS_NAME.search(groups.get("name", b"")):
        return False
    if (
        _COMPUTED.search(secret)
        or _CODE.search(secret)
        or _MADE_UP.search(secret)
        or _CLASS.fullmatch(secret)
        or _entropy(secret) < _LEAST_ENTROPY
    ):
        return False
    has_digit = any(48 <= byte <= 57 for byte in secret)  # noqa: PLR2004 - the digits of ASCII
    least = _LEAST_CHANGES if has_digit else 2 * _LEAST_CHANGES
    return _changes(secret) >= least * (len(secret) - 1)


def _password(groups: Groups) -> bool:
    """A value typed as a password: not a word or a name, and not computed."""
    secret = groups["secret"]
    is_quoted = bool(groups.get("quote"))
    if len(secret) < (_SHORTEST_PASSWORD if is_quoted else _SHORTEST_BARE_PASSWORD) or not _given(groups):
        return False
    if _COMPUTED.search(secret) or _MADE_UP.search(secret) or _UUID.fullmatch(secret):
        return False
    is_name = _NAME if is_quoted else _IDENTIFIER
    if is_name.fullmatch(secret) or (not is_quoted and _CODE.search(secret)):
        return False
    has_letter = any(chr(byte).isalpha() for byte in secret)
    has_digit = any(48 <= byte <= 57 for byte in secret)  # noqa: PLR2004 - the digits of ASCII
    return has_letter and (has_digit or bool(_SPECIAL.search(secret)) or _changes(secret) > _FEW_CHANGES)


def _url_password(groups: Groups) -> bool:
    """A password in a URL or a command: anything but a word, a placeholder or a variable."""
    secret = groups["secret"]
    return _given(groups) and not _COMPUTED.search(secret) and not _WORD.fullmatch(secret)


def _entropy(secret: bytes) -> float:
    """Bits per character."""
    counts = Counter(secret).values()
    return -sum(count / len(secret) * math.log2(count / len(secret)) for count in counts)


def _changes(secret: bytes) -> int:
    """How often the kind of character changes (digit, lower case, upper case); a capital at the start of a word does
    not count.
    """
    kinds = [
        "d" if chr(byte).isdigit() else "u" if chr(byte).isupper() else "l" if chr(byte).islower() else ""
        for byte in secret
    ]
    pairs = pairwise(kinds)
    return sum(1 for one, other in pairs if one and other and one != other and (one, other) != ("u", "l"))


_CHECKS: Final[Mapping[str, Callable[[Groups], bool]]] = {
    "none": lambda groups: True,
    "key": lambda groups: True,
    "key_lines": lambda groups: True,
    "given": _given,
    "luhn": _luhn,
    "jwt": _jwt,
    "basic": _basic,
    "random": _random,
    "password": _password,
    "url_password": _url_password,
}
CHECK_NAMES: Final = tuple(_CHECKS)
