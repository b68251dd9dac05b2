"""What in a program's text is a secret: by its form, by the name it goes by, and by how random it is."""

import itertools
import re
from collections.abc import Iterator

# The forms in which services hand out keys and tokens.
FORMS = re.compile(
    r"""
      -----BEGIN[ ][A-Z0-9 ]*(?:PRIVATE[ ]KEY|CERTIFICATE|PGP[A-Z ]*)[A-Z ]*-----.*?(?:-----END[ ][A-Z0-9 ]*-----|\Z)
    | \b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b
    | \bgh[pousr]_[A-Za-z0-9]{20,}\b | \bgithub_pat_\w{20,}\b | \bgl(?:pat|dt|rt|cbt|ptt)-[\w-]{16,}
    | \bxox[a-z]-[\w-]{10,} | \bxapp-[\w-]{10,} | https://hooks\.slack\.com/services/[\w/]+
    | \b[srp]k_(?:live|test)_\w{10,} | \bwhsec_[\w+/=]{16,} | \bAIza[\w-]{30,} | \bya29\.[\w-]{20,}
    | \bsk-[A-Za-z0-9_-]{16,} | \bSG\.[\w-]{16,}\.[\w-]{16,} | \bnpm_\w{30,} | \bpypi-\w[\w-]{30,} | \bhf_\w{20,}
    | \bdop_v1_\w{32,} | \bdckr_pat_[\w-]{20,} | \bshp(?:at|ca|pa|ss)_\w{20,} | \bAC[0-9a-f]{32}\b
    | \b\d{8,10}:[\w-]{35}\b | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*
    """,
    re.VERBOSE | re.DOTALL,
)
URL = re.compile(r"\b[A-Za-z][\w+.-]*://[^\s:/@'\"]*:([^\s'\"/]+)@")
HEADER = re.compile(r"\b(?:bearer|basic|token)\s+((?=[^\s]*\d)[\w+/=.~-]{16,})", re.IGNORECASE)
SAID = re.compile(
    r"\b(?:\w*(?:password|passwd|passphrase|pwd|secret|api[_-]?key|account[_-]?key|access[_-]?key|access[_-]?token))"
    # After a colon, or with space, a word may be prose.
    r"(?:=|\s*[=:]\s*(?=\w*[\d!#$%*+/@^~-]))([^\s;&,'\"`)}\]]{4,})",
    re.IGNORECASE,
)
CHUNK = re.compile(r"[A-Za-z0-9+/=_-]{20,}")

STRONG = re.compile(
    r"password|passwd|passphrase|\bpwd\b|\bpw\b|secret|api key|apikey|private key|access key|signing key|encryption key"
    r"|account key|auth key|auth token|access token|refresh token|bearer token|api token|credential|webhook key"
)
WEAK = re.compile(r"\b(token|key|auth|salt|nonce|cookie|session|signature|dsn|authorization)\b")
# A name that ends so speaks of a secret, and is none: PASSWORD_FIELD, token_url.
ABOUT = re.compile(
    r"\b(field|fields|name|names|url|uri|path|file|header|headers|type|types|prompt|label|length|len|size|min|max|help"
    r"|message|error|errors|regex|pattern|hasher|hashers|validators|column|placeholder|env|var|scheme|class|backend"
    r"|format|title|text|template|prefix|suffix|hint|policy|strength|required|version|algorithm)$"
)
# What stands where a secret would: a name, a template, nothing.
NO_SECRET = re.compile(
    r"[\W_]*|none|null|true|false|required|optional|string|str|text|bearer|basic|unknown|default|(?:[x*.-])+"
    r"|[<{%$].*|.*\{[^}]*\}.*|:\w+",
    re.IGNORECASE | re.DOTALL,
)
NAMED = re.compile(r"\w+(?:\.\w+)*")
SHORTEST, RANDOM, HEX = 4, 16, 32  # letters of a secret: by its name, of a weak name, of hexadecimal digits alone
# Letters between dashes; of a word or a number within, on average; neighbours in a row; different letters.
WORD, PIECE, RUNNING, DISTINCT = 8, 3.2, 0.3, 10


def in_text(text: str) -> Iterator[tuple[int, int]]:
    """Give where secrets begin and end in a text that is no code: a literal, a comment, a message."""
    for found in FORMS.finditer(text):
        yield found.span()
    for pattern in (URL, HEADER, SAID):
        for found in pattern.finditer(text):
            if not NO_SECRET.fullmatch(found[1]) and not is_name(found[1]):
                yield found.span(1)
    for found in CHUNK.finditer(text):
        if is_random(found[0]):
            yield found.span()


def is_secret(name: str, value: str) -> bool:
    """Tell whether the value that goes by a name is a secret: `password = "hunter2"`, not `token_type = "bearer"`."""
    said = words(name)
    if len(value) < SHORTEST or ABOUT.search(said) or NO_SECRET.fullmatch(value):
        return False
    if words(value) == said or is_name(value) or (" " in value and STRONG.search(value.lower())):
        return False  # a name, or a sentence about it
    return bool(STRONG.search(said)) or (bool(WEAK.search(said)) and len(value) >= RANDOM and is_random(value, RANDOM))


def is_name(value: str) -> bool:
    """Tell whether a text names a secret and is none: `DB_PASSWORD`, `access_token`, `secret`."""
    said = words(value).rstrip("0123456789 ")
    if not NAMED.fullmatch(value) or any(each.isdigit() for each in said):
        return False
    return said in ("token", "auth", "key") or bool(re.search(rf"(?:^|\s)(?:{STRONG.pattern})s?(?:\s|$)", said))


def is_random(text: str, least: int = 20) -> bool:
    """Tell whether a text looks drawn, as keys are, and is no word, path, alphabet or version."""
    letters = text.strip("=")
    if len(letters) < least or not any(each.isdigit() for each in letters):
        return False
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", letters):
        return len(letters) >= max(HEX, least) and len(set(letters)) >= DISTINCT and not _runs(letters)
    if max(map(len, re.split(r"[_-]", letters))) < WORD:
        return False
    pieces = len(re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", letters))
    return len(set(letters)) >= DISTINCT and len(letters) <= PIECE * pieces and not _runs(letters)


def _runs(text: str) -> bool:
    """Tell whether many letters follow their neighbours, as in an alphabet."""
    steps = sum(ord(other) - ord(one) in (0, 1) for one, other in itertools.pairwise(text))
    return steps >= RUNNING * (len(text) - 1)


def words(name: str) -> str:
    """Return a name as words: `dbPassword`, `DB_PASSWORD` and `db-password` are `db password`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", spaced).strip().lower()
