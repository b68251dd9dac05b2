"""The HTTP clients that are led to the network which answers by itself, and how they and their answers are written."""

import asyncio
import contextlib
import functools
import http.client
import io
import sys
import time
from collections.abc import Callable
from typing import Any

from .network import NETWORK, OWN, is_own  # type: ignore[import-not-found,unused-ignore]

DONE = "_perfwright_network"
LIBRARIES = ("httpx", "httpx2", "requests", "aiohttp", "urllib3", "openai")
CLIENTS = ("Client", "AsyncClient", "Session", "ClientSession", "PoolManager", "OpenAI", "AsyncOpenAI")


def opaque(value: Any) -> list[Any] | None:
    """Return what there is to say of a client or an answer of a known library; None of anything else."""
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library not in LIBRARIES:
        return None
    if any(each.__name__ in CLIENTS for each in kind.__mro__):
        closed = getattr(value, "is_closed", getattr(value, "closed", None))
        return [f"{library}.{kind.__name__}", closed if isinstance(closed, bool) else None]
    status = getattr(value, "status_code", getattr(value, "status", None))
    if not kind.__name__.endswith("Response") or not isinstance(status, int):
        return None
    held = getattr(value, "_content", getattr(value, "_body", None))
    return [f"{library}.{kind.__name__}", status, held.decode("utf8", "replace") if isinstance(held, bytes) else None]


def install() -> None:
    """Lead the clients that are imported by now to this network; those that are led already stay so."""
    led_by = {
        "ssl": _ssl, "httpx": _httpx, "httpx2": _httpx, "requests.sessions": _requests, "aiohttp": _aiohttp,
        "urllib3.connectionpool": _urllib3, "http.client": _http,
    }  # fmt: skip
    for name, led in led_by.items():
        module = sys.modules.get(name)
        if module is not None and not vars(module).get(DONE) and hasattr(module, "__spec__"):
            with contextlib.suppress(AttributeError):  # it is being imported, or unlike what we know
                led(module)
                setattr(module, DONE, True)


def _wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(make(original)))


# ------------------------------------------------------------------------------ libraries
def _ssl(module: Any) -> None:
    """While nobody looks at the time, a context for TLS is made once: it takes longer than all that a client does."""
    known: dict[str, Any] = {}

    def creating(original: Any) -> Any:
        def create_default_context(*given: Any, **named: Any) -> Any:
            if not NETWORK.quick:
                return original(*given, **named)
            key = repr((given, sorted(named.items())))
            return known.get(key) or known.setdefault(key, original(*given, **named))

        return create_default_context

    _wrap(module, "create_default_context", creating)


def _httpx(module: Any) -> None:
    def sending(original: Any) -> Any:
        def send(self: Any, request: Any, **named: Any) -> Any:
            with NETWORK.asked(self, request.method, request.url, _read(request)):
                time.sleep(NETWORK.wait)
                return original(self, request, **named)

        return send

    def sending_later(original: Any) -> Any:
        async def send(self: Any, request: Any, **named: Any) -> Any:
            with NETWORK.asked(self, request.method, request.url, _read(request)):
                await asyncio.sleep(NETWORK.wait)
                return await original(self, request, **named)

        return send

    def answered(request: Any) -> Any:
        content = NETWORK.answer(request.method, request.url, _read(request))
        return module.Response(200, headers={"Content-Type": "application/json"}, content=content)

    def handling(original: Any) -> Any:
        def handle_request(self: Any, request: Any) -> Any:
            if is_own(request.url):
                return original(self, request)
            return answered(request)

        return handle_request

    def handling_later(original: Any) -> Any:
        async def handle_async_request(self: Any, request: Any) -> Any:
            if is_own(request.url):
                return await original(self, request)
            return answered(request)

        return handle_async_request

    module.create_ssl_context()  # the first one registers what is done at the end of the process
    _wrap(module.HTTPTransport, "handle_request", handling)
    _wrap(module.AsyncHTTPTransport, "handle_async_request", handling_later)
    _wrap(module.Client, "send", sending)
    _wrap(module.AsyncClient, "send", sending_later)


def _read(request: Any) -> Any:
    """Return the body of a request of httpx, as far as it is there."""
    try:
        return request.content
    except Exception:  # it is sent in pieces
        return None


def _requests(module: Any) -> None:
    def sending(original: Any) -> Any:
        def send(self: Any, request: Any, **named: Any) -> Any:
            with NETWORK.asked(self, request.method, request.url, request.body):
                time.sleep(NETWORK.wait)
                return original(self, request, **named)

        return send

    def adapting(original: Any) -> Any:
        def send(self: Any, request: Any, *given: Any, **named: Any) -> Any:
            if is_own(request.url):
                return original(self, request, *given, **named)
            body = io.BytesIO(NETWORK.answer(request.method, request.url, request.body))
            headers = {"Content-Type": "application/json"}
            raw = sys.modules["urllib3"].HTTPResponse(
                body=body, headers=headers, status=200, reason="OK", preload_content=False
            )
            return self.build_response(request, raw)

        return send

    _wrap(module.HTTPAdapter, "send", adapting)
    _wrap(module.Session, "send", sending)


def _urllib3(module: Any) -> None:
    def opening(original: Any) -> Any:
        def urlopen(self: Any, method: Any, url: Any, body: Any = None, *given: Any, **named: Any) -> Any:
            whole = url if "://" in url else f"{self.scheme}://{self.host}:{self.port}/{url.lstrip('/')}"
            with NETWORK.asked(self, method, whole, body):
                if is_own(whole):
                    return original(self, method, url, body, *given, **named)
                time.sleep(NETWORK.wait)
                return sys.modules["urllib3"].HTTPResponse(
                    body=io.BytesIO(NETWORK.answer(method, whole, body)), headers={"Content-Type": "application/json"},
                    status=200, reason="OK", preload_content=named.get("preload_content", True), request_method=method,
                )  # fmt: skip

        return urlopen

    _wrap(module.HTTPConnectionPool, "urlopen", opening)


def _nothing(*_: Any) -> None:
    """Do what need not be done."""


class _Nowhere:
    """A socket that takes a request and answers it; `host` is whom it is for."""

    def __init__(self, host: str) -> None:
        self.host, self.sent = host, b""

    def sendall(self, data: Any) -> None:
        """Take it."""
        self.sent += bytes(data)

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        """Return the answer."""
        time.sleep(NETWORK.wait)
        return io.BytesIO(_whole(self.host, self.sent))

    def close(self) -> None:
        """Be done."""

    settimeout = setsockopt = shutdown = _nothing


def _whole(host: str, sent: bytes) -> bytes:
    """Return the whole answer to a whole request."""
    head, _, body = sent.partition(b"\r\n\r\n")
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    found = NETWORK.answer(method, f"http://{host}{rest.partition(' ')[0]}", body)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(found), found)


def _http(_: Any) -> None:
    def connecting(original: Any) -> Any:
        def connect(self: Any) -> Any:
            if self.host in OWN:
                return original(self)
            self.sock = _Nowhere(self.host)
            return None

        return connect

    def requesting(original: Any) -> Any:
        def request(self: Any, method: Any, url: Any, body: Any = None, *given: Any, **named: Any) -> Any:
            whole = url if "://" in url else f"http://{self.host}:{self.port}/{url.lstrip('/')}"
            with NETWORK.asked(self, method, whole, body):
                return original(self, method, url, body, *given, **named)

        return request

    _wrap(http.client.HTTPConnection, "connect", connecting)
    _wrap(http.client.HTTPSConnection, "connect", connecting)
    _wrap(http.client.HTTPConnection, "request", requesting)


class _Line:
    """A connection of aiohttp that takes a request and answers it."""

    def __init__(self, protocol: Any, host: str) -> None:
        self.protocol, self.host, self.sent, self.closing = protocol, host, b"", False

    def write(self, data: Any) -> None:
        """Take a part of the request; the first is answered."""
        if not self.sent:
            asyncio.get_running_loop().call_later(NETWORK.wait, self._answer)
        self.sent += bytes(data)

    def writelines(self, parts: Any) -> None:
        """Take parts of the request."""
        self.write(b"".join(map(bytes, parts)))

    def get_extra_info(self, _: Any, default: Any = None) -> Any:
        """Know nothing."""
        return default

    def is_closing(self) -> bool:
        """Tell whether it is done."""
        return self.closing

    def get_write_buffer_size(self) -> int:
        """Return that all has been sent."""
        return 0

    pause_reading = resume_reading = _nothing

    def close(self) -> None:
        """Be done."""
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def _answer(self) -> None:
        if not self.closing:
            sent, self.sent = self.sent, b""
            self.protocol.data_received(_whole(self.host, sent))


def _aiohttp(module: Any) -> None:
    def requesting(original: Any) -> Any:
        async def _request(self: Any, method: Any, str_or_url: Any, **named: Any) -> Any:
            base = getattr(self, "_base_url", None)
            url = str(str_or_url) if base is None else str(base).rstrip("/") + "/" + str(str_or_url).lstrip("/")
            with NETWORK.asked(self, method, url, named.get("json", named.get("data"))):
                return await original(self, method, str_or_url, **named)

        return _request

    def connecting(original: Any) -> Any:
        async def _create_connection(self: Any, req: Any, *given: Any, **named: Any) -> Any:
            if is_own(req.url):
                return await original(self, req, *given, **named)
            protocol = self._factory()
            protocol.connection_made(_Line(protocol, req.url.host))
            return protocol

        return _create_connection

    _wrap(module.ClientSession, "_request", requesting)
    _wrap(module.TCPConnector, "_create_connection", connecting)
