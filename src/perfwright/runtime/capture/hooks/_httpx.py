"""httpx and its successor httpx2: their transports to the network; those inside the process are others."""

import sys
from collections.abc import Callable
from typing import Any

from ..patches import Patches
from ._requests import BODY, HEADERS, Asked, answered


def watch(patches: Patches, name: str, capture: Any) -> None:
    """Watch the transports of one of the two."""
    module = sys.modules[name]
    patches.wrap(module.HTTPTransport, "handle_request", lambda original: _handling(original, module, capture))
    patches.wrap(
        module.AsyncHTTPTransport, "handle_async_request", lambda original: _awaiting(original, module, capture)
    )


def _handling(original: Callable[..., Any], module: Any, capture: Any) -> Callable[..., Any]:
    def handle_request(self: Any, request: Any) -> Any:
        asked = Asked(request.method, request.url, stubbed=capture.stub_requests)
        try:
            answer = answered(lambda: _answer(module), capture.fault) if asked.stubbed else None
            return original(self, request) if answer is None else answer
        finally:
            asked.end()

    return handle_request


def _awaiting(original: Callable[..., Any], module: Any, capture: Any) -> Callable[..., Any]:
    async def handle_async_request(self: Any, request: Any) -> Any:
        asked = Asked(request.method, request.url, stubbed=capture.stub_requests)
        try:
            answer = answered(lambda: _answer(module), capture.fault) if asked.stubbed else None
            return await original(self, request) if answer is None else answer
        finally:
            asked.end()

    return handle_async_request


def _answer(module: Any) -> Any:
    return module.Response(200, headers=HEADERS, content=BODY)
