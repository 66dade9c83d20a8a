"""Makes true secrets, random but of the right format, and texts and lines of transcripts that hold them.

The formats are written down from what the vendors document and from what their tools print, not from the rules of
`seeds/secret_kinds.csv`, which this is there to test. No whole secret stands in this file.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

ALPHABETS: Final = {
    "alnum": string.ascii_letters + string.digits,
    "letter": string.ascii_letters,
    "lower": string.ascii_lowercase + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "digit": string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "base32": string.ascii_uppercase + "234567",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
}
_TEMPLATE: Final = re.compile(r"\{(\w+)(?::(\d+))?\}")


def expand(template: str, chance: random.Random) -> str:
    """A template such as `ghp_{alnum:36}` with random characters, `\\n` as a line break."""

    def filled(found: re.Match[str]) -> str:
        name, count = found[1], int(found[2] or 0)
        if name in ALPHABETS:
            # It ends and begins with a letter or digit, as tokens that are shown to people do.
            text = "".join(chance.choices(ALPHABETS[name], k=count))
            return re.sub(r"^[-_]|[-_]$", "q", text) if name == "url" else text
        return _MADE[name](chance) if name in _MADE else found[0]

    return _TEMPLATE.sub(filled, template).replace("\\n", "\n")


def _card(chance: random.Random) -> str:
    """A number with the checksum of ISO/IEC 7812."""
    prefix, length = chance.choice(
        [("4", 16), ("51", 16), ("55", 16), ("2223", 16), ("34", 15), ("37", 15), ("6011", 16)]
    )
    digits = [int(digit) for digit in prefix] + [
        chance.randrange(10) for _ in range(length - len(prefix) - 1)
    ]
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return "".join(map(str, digits)) + str(-total % 10)


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _jwt(chance: random.Random) -> str:
    """Three parts as RFC 7519 has them."""
    payload = {"sub": str(chance.randrange(10**9)), "name": "Ann Lee", "iat": chance.randrange(10**9)}
    return f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(payload)}.{expand('{url:43}', chance)}"


def _basic(chance: random.Random) -> str:
    """Name and password as RFC 7617 has them."""
    return base64.b64encode(f"ann:{expand('{alnum:14}', chance)}".encode()).decode()


def _password(chance: random.Random) -> str:
    """What a password manager makes: all kinds of characters, a special one and a digit among them."""
    special = "!@#$%^&*-_+=?~"
    some = [chance.choice(special), chance.choice(string.digits), chance.choice(string.ascii_lowercase)]
    some += [
        chance.choice(string.ascii_letters + string.digits + special) for _ in range(chance.randrange(9, 18))
    ]
    chance.shuffle(some)
    # Characters that mean something to a shell, a template or a flag do not come first.
    return expand("{letter:1}", chance) + "".join(some)


def _pem(chance: random.Random) -> str:
    """A private key: lines of 64 characters between two marks."""
    label = chance.choice(
        ["RSA PRIVATE", "EC PRIVATE", "OPENSSH PRIVATE", "PRIVATE", "ENCRYPTED PRIVATE", "DSA PRIVATE"]
    )
    lines = [expand("{b64:64}", chance) for _ in range(chance.randrange(2, 24))] + [
        expand("{b64:38}==", chance)
    ]
    return "\n".join([f"-----BEGIN {label} KEY-----", *lines, f"-----END {label} KEY-----", ""])


def _pgp(chance: random.Random) -> str:
    """A private key of OpenPGP, with its headers and checksum."""
    lines = [expand("{b64:64}", chance) for _ in range(12)]
    head = ["-----BEGIN PGP PRIVATE KEY BLOCK-----", "Version: GnuPG v2", ""]
    return "\n".join([*head, *lines, expand("={b64:4}", chance), "-----END PGP PRIVATE KEY BLOCK-----", ""])


_MADE: Final[dict[str, Callable[[random.Random], str]]] = {
    "card": _card, "jwt": _jwt, "basic": _basic, "password": _password, "pem": _pem, "pgp": _pgp,
}  # fmt: skip
_UUID: Final = "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of secret is written, and what holds it where it is not found without."""

    kind: str
    template: str
    # Around the secret where it says nothing by itself; None where it may stand in any context.
    holder: str | None = None


# Secrets that are known by their own form.
FORMATS: Final = (
    Format("aws_access_key_id", "AKIA{base32:16}"),
    Format("aws_access_key_id", "ASIA{base32:16}"),
    Format("google_api_key", "AIzaSy{url:33}"),
    Format("google_oauth_secret", "GOCSPX-{url:28}"),
    Format("google_oauth_token", "ya29.a0{url:160}"),
    Format("azure_client_secret", "{alnum:3}8Q~{alnum:34}"),
    Format("github_token", "ghp_{alnum:36}"),
    Format("github_token", "gho_{alnum:36}"),
    Format("github_token", "ghs_{alnum:36}"),
    Format("github_token", "ghr_{alnum:76}"),
    Format("github_fine_grained_token", "github_pat_11{upper:20}_{alnum:59}"),
    Format("gitlab_token", "glpat-{url:20}"),
    Format("gitlab_token", "glptt-{hex:40}"),
    Format("slack_token", "xoxb-{digit:12}-{digit:13}-{alnum:24}"),
    Format("slack_token", "xoxp-{digit:12}-{digit:12}-{digit:13}-{hex:32}"),
    Format("slack_token", "xapp-1-A{upper:10}-{digit:13}-{hex:64}"),
    Format("slack_webhook", "T{upper:8}/B{upper:10}/{alnum:24}", "https://hooks.slack.com/services/{}"),
    Format("stripe_key", "sk_live_51{alnum:97}"),
    Format("stripe_key", "rk_test_{alnum:24}"),
    Format("webhook_secret", "whsec_{alnum:32}"),
    Format("twilio_api_key", "SK{hex:32}"),
    Format("sendgrid_key", "SG.{url:22}.{url:43}"),
    Format("mailgun_key", "key-{hex:32}"),
    Format("mailchimp_key", "{hex:32}-us21"),
    Format("npm_token", "npm_{alnum:36}"),
    Format("pypi_token", "pypi-AgEIcHlwaS5vcmcCJ{url:150}"),
    Format("rubygems_key", "rubygems_{hex:48}"),
    Format("nuget_key", "oy2{lower:43}"),
    Format("docker_hub_token", "dckr_pat_{url:27}"),
    Format("hugging_face_token", "hf_{letter:34}"),
    Format("openai_key", "sk-{alnum:20}T3BlbkFJ{alnum:20}"),
    Format("openai_key", "sk-proj-{url:74}T3BlbkFJ{url:74}"),
    Format("anthropic_key", "sk-ant-api03-{url:93}AA"),
    Format("anthropic_key", "sk-ant-oat01-{url:93}AA"),
    Format("openrouter_key", "sk-or-v1-{hex:64}"),
    Format("groq_key", "gsk_{alnum:52}"),
    Format("digitalocean_token", "dop_v1_{hex:64}"),
    Format("heroku_key", "HRKU-AA{url:58}"),
    Format("shopify_token", "shpat_{hex:32}"),
    Format("square_token", "sq0atp-{url:22}"),
    Format("telegram_bot_token", "{digit:10}:AA{url:33}"),
    Format("discord_bot_token", "MTA{alnum:23}.G{alnum:5}.{url:38}"),
    Format("atlassian_token", "ATATT3xFfGF0{url:171}={HEX:8}"),
    Format("linear_key", "lin_api_{alnum:40}"),
    Format("notion_token", "ntn_{digit:11}{alnum:35}"),
    Format("databricks_token", "dapi{hex:32}"),
    Format("vault_token", "hvs.CAESI{url:90}"),
    Format("terraform_token", "{alnum:14}.atlasv1.{alnum:67}"),
    Format("new_relic_key", "NRAK-{upper:27}"),
    Format("sentry_token", "sntryu_{hex:64}"),
    Format("grafana_token", "glsa_{alnum:32}_{hex:8}"),
    Format("figma_token", "figd_{url:40}"),
    Format("postman_key", "PMAK-{hex:24}-{hex:34}"),
    Format("airtable_token", "pat{alnum:14}.{hex:64}"),
    Format("pulumi_token", "pul-{hex:40}"),
    Format("age_secret_key", "AGE-SECRET-KEY-1{bech32:58}"),
    Format("jwt", "{jwt}"),
    Format("card_number", "{card}"),
    Format("private_key", "{pem}"),
    Format("private_key", "{pgp}"),
    # Secrets that are known only by what holds them.
    Format("aws_secret_access_key", "{b64:40}", "aws_secret_access_key = {}"),
    Format("aws_secret_access_key", "{b64:40}", "export AWS_SECRET_ACCESS_KEY={}"),
    Format("azure_storage_key", "{b64:86}==", "AccountName=shop;AccountKey={};EndpointSuffix=core.windows.net"),
    Format("azure_sas_signature", "{alnum:43}%3D", "https://shop.blob.core.windows.net/c/f.csv?sv=2023-11-03&sr=b&sig={}&sp=r"),
    Format("datadog_key", "{hex:32}", "DD_API_KEY={}"),
    Format("heroku_key", _UUID, "HEROKU_API_KEY={}"),
    Format("twilio_auth_token", "{hex:32}", "TWILIO_AUTH_TOKEN={}"),
    Format("token", "{hex:64}", "SECRET_KEY={}"),
    Format("token", "{alnum:32}", "api_key: {}"),
    Format("token", "{alnum:40}", "Authorization: Bearer {}"),
    Format("token", "{url:43}", "X-Api-Key: {}"),
    Format("token", "{alnum:24}", "clientSecret = '{}'"),
    Format("token", "{alnum:40}", "deploy --token {} --yes"),
    Format("basic_credentials", "{basic}", "Authorization: Basic {}"),
    Format("session_cookie", "{lower:32}", "Set-Cookie: sessionid={}; Path=/; HttpOnly"),
    Format("password", "{alnum:16}", "postgres://shop:{}@db.internal:5432/shop"),
    Format("password", "{alnum:20}", "https://ann:{}@git.shop.org/shop.git"),
    Format("password", "{alnum:20}", "redis://:{}@cache.internal:6379/0"),
    Format("password", "{password}", "DB_PASSWORD={}"),
    Format("password", "{password}", "password: {}"),
    Format("password", "{password}", "password = '{}'"),
    Format("password", "{password}", '"password": "{}"'),
    Format("password", "{alnum:14}", "mysql -h db --user shop --password {} shop"),
    Format("password", "{alnum:14}", "curl -u ann:{} https://api.shop.org/v1/orders"),
    Format("password", "{alnum:14}", "Server=db;Database=shop;User Id=sa;Password={};Encrypt=True"),
    Format("password", "{alnum:18}", "machine api.shop.org login ann password {}"),
    Format("password", "{alnum:12}", "the password for the staging server is {}."),
)  # fmt: skip

Context = Callable[[str], str]


def _in_json(text: str) -> str:
    return json.dumps({"name": "deploy", "value": text, "retries": 3})


def _before(start: str, text: str) -> str:
    """The lines of a text behind something."""
    return "".join(f"{start}{line}\n" for line in text.splitlines())


def _numbered(text: str) -> str:
    """A text as the client's tool for reading files shows it."""
    return "".join(f"{number:>6}→{line}\n" for number, line in enumerate(text.splitlines(), 1))


def _in_url(text: str) -> str:
    """A text as a parameter of a URL, if it is a single word."""
    if "//" in text or len(text.split()) > 1:
        return text
    return f"https://api.shop.org/v1/orders?via={quote(text, safe=':+/=~')}&page=2"


# Where a text that holds a secret may stand. Each takes it as it is, which may be several lines.
CONTEXTS: Final[dict[str, Context]] = {
    "prose": lambda text: f"I have set it up, please use {text} for now and tell me whether it works",
    "sentence_end": lambda text: f"We got this from them:\n{text}\nIt is valid until May.",
    "env_file": lambda text: f"NODE_ENV=production\nVENDOR_SETTING={text}\nPORT=8080\n",
    "json": _in_json,
    "nested_json": lambda text: json.dumps({"body": _in_json(text), "status": 200}),
    "shell": lambda text: f"$ cat notes.txt | grep vendor\n{text}\n$ ",
    "yaml": lambda text: "vendor:\n  region: eu\n  setting: |\n" + _before("    ", text),
    "python": lambda text: f"import vendor\n\nclient = vendor.Client({text!r}, timeout=30)\n",
    "numbered": lambda text: _numbered(f"# notes\n{text}\nend"),
    "diff": lambda text: "@@ -1,2 +1,3 @@\n context\n" + _before("+", text) + " context\n",
    "header": lambda text: "> GET /v1/orders HTTP/1.1\r\n> Host: api.shop.org\r\n> X-Vendor: " + text + "\r\n>\r\n",
    "url": _in_url,
}  # fmt: skip

# Contexts thought of after the rules had been made, by another train of thought: what tools print, other languages.
OTHER_CONTEXTS: Final[dict[str, Context]] = {
    "html": lambda text: f"<tr><td>Vendor</td><td><code>{text}</code></td></tr>",
    "markdown_table": lambda text: "\n".join(f"| setting | {line} | see the wiki |" for line in text.splitlines()),
    "markdown_code": lambda text: f"Run this:\n\n```sh\n{text}\n```\n",
    "inline_code": lambda text: f"It is `{text}`, not the old one.",
    "go_debug": lambda text: 'level=debug msg="loaded" values="map[region:eu setting:' + json.dumps(text)[1:-1] + ']"',
    "heredoc": lambda text: f"cat > settings.txt <<'EOF'\n{text}\nEOF",
    "ssh_command": lambda text: "ssh db 'echo " + json.dumps(text) + " >> /etc/settings'",
    "traceback": lambda text: f"line 12, in call\n    raise VendorError({text!r})\nvendor.VendorError: {text}",
    "grep": lambda text: _before("config/settings.txt:3:", text),
    "colours": lambda text: f"\x1b[36msetting\x1b[0m \x1b[32m{text}\x1b[0m done",
    "three_times_json": lambda text: json.dumps({"a": json.dumps({"b": json.dumps({"c": text})})}),
    "javascript": lambda text: "const setting = " + json.dumps(text) + ";\nmodule.exports = { setting };",
    "csv": lambda text: "name,value\nvendor," + ('"' + text.replace('"', '""') + '"') + ",eu\n",
    "log": lambda text: _before("2025-05-02T09:11:12.345Z INFO [main] ", text),
    "toml": lambda text: "[vendor]\nsetting = \'\'\'" + text + "\'\'\'\n",
    "git_show": lambda text: "commit 9fceb02\n\n    Settings\n\n" + _before("-", text),
    "quoted_mail": lambda text: _before("> ", text),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """A secret in a line of a transcript."""

    kind: str
    context: str
    secret: str
    line: str


def lines_with(text: str, chance: random.Random) -> str:
    """A line as a client writes it, with the text as prompt, answer, input or output of a tool."""
    base = {
        "parentUuid": expand(_UUID, chance), "isSidechain": False, "userType": "external", "cwd": "/home/ann/shop",
        "sessionId": expand(_UUID, chance), "version": "2.1.4", "gitBranch": "main", "uuid": expand(_UUID, chance),
        "timestamp": "2025-05-02T09:11:12.345Z",
    }  # fmt: skip
    use = expand("toolu_01{alnum:22}", chance)
    shape = chance.randrange(4)
    if shape == 0:
        line = {**base, "type": "user", "message": {"role": "user", "content": text}}
    elif shape == 1:
        usage = {"input_tokens": 4, "cache_read_input_tokens": 18234, "output_tokens": 211}
        content = [
            {"type": "thinking", "thinking": "", "signature": expand("{b64:600}==", chance)},
            {"type": "text", "text": text},
        ]
        message = {
            "id": expand("msg_01{alnum:22}", chance),
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": content,
            "usage": usage,
        }
        line = {
            **base,
            "type": "assistant",
            "message": message,
            "requestId": expand("req_011{alnum:21}", chance),
        }
    elif shape == 2:
        content = [
            {
                "type": "tool_use",
                "id": use,
                "name": "Bash",
                "input": {"command": text, "description": "Run it"},
            }
        ]
        line = {**base, "type": "assistant", "message": {"role": "assistant", "content": content}}
    else:
        content = [{"type": "tool_result", "tool_use_id": use, "content": text, "is_error": False}]
        line = {
            **base,
            "type": "user",
            "message": {"role": "user", "content": content},
            "toolUseResult": {"stdout": text, "stderr": ""},
        }
    return json.dumps(
        line, ensure_ascii=chance.random() < 0.5, separators=(",", ":") if chance.random() < 0.8 else None
    )


def planted(
    seed: int, contexts: dict[str, Context] = CONTEXTS, formats: tuple[Format, ...] = FORMATS
) -> list[Planted]:
    """One secret of each format in each context, each in a line of its own."""
    chance = random.Random(seed)
    made = []
    for one in formats:
        for name, context in contexts.items():
            secret = expand(one.template, chance)
            text = one.holder.replace("{}", secret) if one.holder else secret
            made.append(Planted(one.kind, name, secret, lines_with(context(text), chance)))
    return made


def readings(line: str) -> list[str]:
    """A line as it stands and with its escapes undone, again and again: where a secret might still be read."""
    found = [line]
    for _ in range(6):
        undone = re.sub(r"\\u00([0-7][0-9a-f])", lambda code: chr(int(code[1], 16)), found[-1])
        undone = re.sub(
            r"\\(.)", lambda escape: {"n": "\n", "t": "\t", "r": "\r"}.get(escape[1], escape[1]), undone
        )
        if undone == found[-1]:
            break
        found.append(undone)
    return found


def leaked(secret: str, line: str) -> bool:
    """Whether a third of a secret can still be read in a line, in one piece."""
    pieces = [
        piece
        for part in secret.splitlines()
        if len(part) > 8 and "-----" not in part and ": " not in part
        for piece in _windows(part)
    ]
    texts = readings(line)
    return any(piece in text for piece in pieces for text in texts)


def _windows(part: str) -> list[str]:
    """All pieces of a third of a text, at least five characters long."""
    size = max(len(part) // 3, min(5, len(part)))
    return [part[at : at + size] for at in range(len(part) - size + 1)]
