"""Secrets that do not leave: replaced by placeholders in what is sent, and put back in what comes."""

import ast
import io
import itertools
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator

from perfwright.fix.ai import sensitive
from perfwright.fix.source import Source, UnplacedError

STEM = "HIDDEN_SECRET_"
LONG = 8  # letters from which a secret is looked for within words, too
LITERALS = frozenset({tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)})
SIGN_IN = ("HTTPBasicAuth", "HTTPDigestAuth", "BasicAuth", "HTTPProxyAuth", "login")
QUOTES = re.compile(r"""^([A-Za-z]*)('''|\"""|'|")""")


class Redaction:
    """The secrets of some texts, each with the placeholder that stands for it wherever it is sent."""

    def __init__(self) -> None:
        self.placeholders: dict[str, str] = {}  # by the secret, as it is written and as it is meant
        self.written: dict[str, str] = {}  # by the placeholder
        self.stem = STEM

    def count(self, text: str) -> int:
        """Return how many secrets are hidden in a text."""
        return len({found[0] for found in re.finditer(rf"{self.stem}\d+", text)} & set(self.written))

    def code(self, text: str) -> str:
        """Return Python with its secrets hidden: those in literals and comments; names and the rest stay."""
        self._apart(text)
        try:
            literals = list(_literals(text))
        except (SyntaxError, tokenize.TokenError):
            return self.text(text)
        spans = [
            (start + one, start + two) for start, end in literals for one, two in sensitive.in_text(text[start:end])
        ]
        spans += _named(text, literals)
        self._learn(text, spans)
        for start, end in literals:
            spans += [(start + one, start + two) for one, two in self._known(text[start:end])]
            spans += [(start, end)] if text[start:end] in self.placeholders else []
        return self._hidden(text, spans)

    def text(self, text: str) -> str:
        """Return a text that is no Python, such as a message, with its secrets hidden, those known from code too."""
        self._apart(text)
        spans = list(sensitive.in_text(text))
        self._learn(text, spans)
        return self._hidden(text, [*spans, *self._known(text)])

    def restored(self, text: str) -> str:
        """Return Python with the secrets where their placeholders stand.

        Raises ValueError where a placeholder is no part of a literal or a comment, or stands for nothing.
        """
        if self.stem not in text:
            return text
        within = list(_literals(text))
        for found in re.finditer(rf"{self.stem}(\d*)", text):
            if found[0] not in self.written:
                raise ValueError(f"`{found[0]}` stands for nothing")
            if not any(start <= found.start() and found.end() <= end for start, end in within):
                raise ValueError(f"`{found[0]}` stands for a part of a text, and is used as a name")
        return re.sub(rf"{self.stem}\d+", lambda found: self.written[found[0]], text)

    def _apart(self, text: str) -> None:
        """Choose a placeholder that the text does not hold by itself."""
        while not self.placeholders and self.stem in text:
            self.stem = f"X{self.stem}"

    def _learn(self, text: str, spans: Iterable[tuple[int, int]]) -> None:
        for start, end in _joined(spans):
            secret = text[start:end]
            if secret not in self.placeholders:
                placeholder = f"{self.stem}{len(self.written) + 1}"
                self.written[placeholder] = secret
                self.placeholders |= {secret: placeholder, _meant(secret): placeholder}

    def _known(self, text: str) -> Iterator[tuple[int, int]]:
        """Give where secrets that are known stand in a text."""
        for secret in self.placeholders:
            pattern = re.escape(secret)
            if len(secret) < LONG:
                pattern = rf"(?<=['\"`]){pattern}(?=['\"`])" if secret.isalpha() else rf"(?<!\w){pattern}(?!\w)"
            yield from (found.span() for found in re.finditer(pattern, text))

    def _hidden(self, text: str, spans: Iterable[tuple[int, int]]) -> str:
        spans = _joined(spans)
        self._learn(text, spans)
        for start, end in reversed(spans):
            text = text[:start] + self.placeholders[text[start:end]] + text[end:]
        return text


def _meant(secret: str) -> str:
    """Return what a part of a literal means: its escapes resolved."""
    if "\\" not in secret:
        return secret
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(ast.literal_eval(f"'{secret}'"))
    except (SyntaxError, ValueError):
        return secret


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted({each for each in spans if each[0] < each[1]}):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _literals(text: str) -> Iterator[tuple[int, int]]:
    """Give where literal texts and comments begin and end in Python, without their quotes.

    Raises SyntaxError or tokenize.TokenError where it is none.
    """
    starts = [0]
    for line in io.StringIO(text):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LITERALS:
            continue
        start, end = starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
        quotes = QUOTES.match(text[start:end]) if token.type == tokenize.STRING else None
        yield (start + len(quotes[0]), end - len(quotes[2])) if quotes else (start, end)


def _named(text: str, literals: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Give where the literals stand that are secrets by the name they go by."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = Source("", text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for name, node in _pairs(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value if isinstance(node.value, str) else node.value.decode("latin1")
            if name is None or sensitive.is_secret(name, value):
                try:
                    first, last = source.span(node)
                except UnplacedError:
                    continue
                yield from ((start, end) for start, end in literals if first <= start and end <= last)


def _pairs(tree: ast.AST) -> Iterator[tuple[str | None, ast.expr]]:
    """Give values with the names they go by; None where it is a secret by its place, as the second of `auth=(a, b)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((name, value) for each in targets if (name := _name(each)))
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                yield from ((name, value) for name in [_name(target)] if name)
            case ast.keyword(arg="auth" | "basic_auth", value=ast.Tuple(elts=[_, password])):
                yield None, password
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.Dict(keys=keys, values=values):
                yield from ((name, value) for key, value in zip(keys, values, strict=True) if (name := _text(key)))
            case ast.Compare(left=left, comparators=[right]):
                yield from ((name, value) for one, value in ((left, right), (right, left)) if (name := _name(one)))
            case ast.Tuple(elts=[first, second]):
                yield from ((name, second) for name in [_text(first)] if name)
            case ast.Call(func=called, args=args):
                if _name(called) in SIGN_IN and len(args) > 1:
                    yield None, args[1]
                yield from ((name, two) for one, two in itertools.pairwise(args) if (name := _text(one)))
            case (
                ast.FunctionDef(name=name, args=args, body=body) | ast.AsyncFunctionDef(name=name, args=args, body=body)
            ):
                positional = [*args.posonlyargs, *args.args]
                defaulted = positional[len(positional) - len(args.defaults) :]
                yield from ((each.arg, value) for each, value in zip(defaulted, args.defaults, strict=True))
                pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
                yield from ((each.arg, value) for each, value in pairs if value is not None)
                yield from ((name, each.value) for each in body if isinstance(each, ast.Return) and each.value)


def _name(node: ast.expr) -> str:
    """Return the name that an expression goes by: of a variable, an attribute, a key."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=key):
            return _text(key)
    return ""


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
