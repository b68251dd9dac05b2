"""aiohttp's client: requests as a session makes them; where nothing may go out, its connections go nowhere."""

import sys
from collections.abc import Callable
from typing import Any

from ..patches import Patches
from ._requests import BODY, HEADERS, Asked

LIBRARY = "aiohttp.client"
PATCHES = Patches()
HEAD = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
ANSWER = f"HTTP/1.1 200 OK\r\n{HEAD}Connection: close\r\n\r\n".encode() + BODY


def install(capture: Any) -> None:
    """Watch sessions, and their connections by TCP."""
    PATCHES.wrap(sys.modules[LIBRARY].ClientSession, "_request", lambda original: _requesting(original, capture))
    if capture.stub_requests:
        PATCHES.wrap(sys.modules["aiohttp.connector"].TCPConnector, "_create_connection", _connecting)


remove = PATCHES.undo


class Nowhere:
    """A connection that takes a request and answers it."""

    def __init__(self, protocol: Any) -> None:
        self.protocol, self.asked, self.closing = protocol, False, False

    def write(self, data: Any) -> None:
        """Take a part of the request; the first is answered."""
        if not self.asked:
            self.asked = True
            _soon(self._answer)

    def writelines(self, list_of_data: Any) -> None:
        """Take parts of the request."""
        self.write(b"")

    def get_extra_info(self, name: Any, default: Any = None) -> Any:
        """Know nothing."""
        return default

    def is_closing(self) -> bool:
        """Say whether it is done."""
        return self.closing

    def get_write_buffer_size(self) -> int:
        """Return that all has been sent."""
        return 0

    def pause_reading(self) -> None:
        """Have nothing more to read."""

    def resume_reading(self) -> None:
        """Have nothing more to read."""

    def close(self) -> None:
        """Be done."""
        if not self.closing:
            self.closing = True
            _soon(self.protocol.connection_lost, None)

    abort = close

    def _answer(self) -> None:
        if not self.closing:
            self.protocol.data_received(ANSWER)


def _soon(function: Callable[..., Any], *given: Any) -> None:
    sys.modules["asyncio"].get_running_loop().call_soon(function, *given)


def _requesting(original: Callable[..., Any], capture: Any) -> Callable[..., Any]:
    async def _request(self: Any, method: Any, str_or_url: Any, **named: Any) -> Any:
        base = getattr(self, "_base_url", None)
        url = str(str_or_url) if base is None else str(base).rstrip("/") + "/" + str(str_or_url).lstrip("/")
        asked = Asked(method, url, stubbed=capture.stub_requests)
        try:
            return await original(self, method, str_or_url, **named)
        finally:
            asked.end()

    return _request


def _connecting(original: Callable[..., Any]) -> Callable[..., Any]:
    async def create_connection(self: Any, *given: Any, **named: Any) -> Any:
        protocol = self._factory()
        protocol.connection_made(Nowhere(protocol))
        return protocol

    return create_connection
