"""A network that answers by itself: requests of HTTP clients are counted, and nothing goes out.

What comes back follows from the method, the address and the body alone, so that two versions of a program are told the
same; it is an object with all keys that the program names. What goes to this machine itself is counted and let through.
"""

import ast
import collections
import contextlib
import contextvars
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

OWN = ("127.0.0.1", "localhost", "::1")
LONGEST = 200  # characters of a body that are told whole
WITHIN: contextvars.ContextVar[bool] = contextvars.ContextVar("within", default=False)  # a request of a layer above
DEEPEST = 2  # objects in objects of an answer


class Network:
    """What is counted, how long an answer takes (seconds), and what hears of each request."""

    def __init__(self) -> None:
        self.wait = 0.0
        self.quick = False  # what is made for TLS is made once
        self.shape: dict[str, Any] = {}  # the keys of each answer, with a value for an example
        self.hear: Callable[..., None] = lambda *_: None
        self.lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        """Count from nothing."""
        self.requests = self.connections = self.under_way = self.most = 0
        self.idle: collections.Counter[Any] = collections.Counter()  # connections that are open and free
        self.clients: list[Any] = []  # alive, or another one takes its address

    @contextlib.contextmanager
    def asked(self, client: Any, method: Any, url: Any, body: Any) -> Iterator[None]:
        """Count a request of a client, which keeps its connections, and how many are under way."""
        if WITHIN.get():
            yield
            return
        token = WITHIN.set(True)
        parts = urlsplit(str(url))
        pool = (id(client), parts.scheme, parts.netloc)
        with self.lock:
            aside = threading.current_thread() is not threading.main_thread()
            self.hear("aside" if aside else "request", str(method).upper(), str(url), _text(body))
            self.clients.append(client)
            self.requests += 1
            self.connections += not self.idle[pool]
            self.idle[pool] -= bool(self.idle[pool])
            self._go(1)
        try:
            yield
        finally:
            WITHIN.reset(token)
            with self.lock:
                self.idle[pool] += 1
                self._go(-1)

    @contextlib.contextmanager
    def going(self) -> Iterator[None]:
        """Count something that is under way, and no request."""
        with self.lock:
            self._go(1)
        try:
            yield
        finally:
            with self.lock:
                self._go(-1)

    def _go(self, one: int) -> None:
        self.under_way += one
        self.most = max(self.most, self.under_way)

    def answer(self, method: Any, url: Any, body: Any) -> bytes:
        """Return what comes back for a request."""
        seed = hashlib.sha256(f"{str(method).upper()} {url} {_text(body)}".encode()).hexdigest()
        return json.dumps({key: _value(each, seed + key) for key, each in self.shape.items()}).encode()


NETWORK = Network()


def _value(example: Any, seed: str) -> Any:
    """Return a value like an example, that follows from a text."""
    number = int(hashlib.sha256(seed.encode()).hexdigest()[:4], 16)
    if isinstance(example, dict):
        return {key: _value(each, seed + key) for key, each in example.items()}
    if isinstance(example, list):
        return [_value(each, f"{seed}{place}") for place, each in enumerate(example)]
    if isinstance(example, bool) or example is None:
        return example
    if isinstance(example, str):
        return f"text {number}"
    return type(example)(number)


def _text(body: Any) -> str:
    """Return the body of a request as text, or of a long one its hash."""
    if body is None:
        return ""
    data = body if isinstance(body, bytes) else str(body).encode("utf8", "replace")
    return data.decode("utf8", "replace") if len(data) <= LONGEST else hashlib.sha256(data).hexdigest()


def is_own(url: Any) -> bool:
    """Tell whether an address is of this machine."""
    return (urlsplit(str(url)).hostname or "") in OWN


def shape(source: str) -> dict[str, Any]:
    """Return the keys that a source asks of what it is given, each with a value for an example.

    What it goes through is a list, what it gives another value for is of that kind, all else is a number.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    found: dict[str, Any] = {}
    walked: set[str] = set()
    for node in ast.walk(tree):
        key, other = _key(node)
        if key is not None:
            found.setdefault(key, 1)
            if isinstance(other, ast.Constant) and isinstance(other.value, (str, float, bool)):
                found[key] = other.value
            elif isinstance(other, (ast.List, ast.Dict)):
                found[key] = [] if isinstance(other, ast.List) else {}
        if isinstance(node, (ast.For, ast.comprehension, ast.AsyncFor)):
            key, _ = _key(node.iter)
            if key is not None:
                walked.add(key)
    plain = dict(found)
    for _ in range(DEEPEST):
        plain = {key: [plain] * 3 if key in walked or each == [] else each for key, each in found.items()}
    return plain


def _key(node: ast.AST) -> tuple[Any, Any]:
    """Return the key that an expression asks for, and the value where there is none; None where it asks for none."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value, None
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ):
        return node.args[0].value, node.args[1] if len(node.args) > 1 else None
    return None, None
