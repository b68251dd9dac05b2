"""requests: what its adapters send."""

import io
import sys
from collections.abc import Callable
from typing import Any

from ..patches import Patches
from ._requests import BODY, HEADERS, Asked, answered

LIBRARY = "requests.adapters"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch the adapter to the network; one of the program's own is left alone."""
    PATCHES.wrap(sys.modules[LIBRARY].HTTPAdapter, "send", lambda original: _sending(original, capture))


remove = PATCHES.undo


def _sending(original: Callable[..., Any], capture: Any) -> Callable[..., Any]:
    def send(self: Any, request: Any, *given: Any, **named: Any) -> Any:
        asked = Asked(request.method, request.url, stubbed=capture.stub_requests)
        try:
            answer = answered(lambda: _answer(self, request), capture.fault) if asked.stubbed else None
            return original(self, request, *given, **named) if answer is None else answer
        finally:
            asked.end()

    return send


def _answer(adapter: Any, request: Any) -> Any:
    raw = sys.modules["urllib3"].HTTPResponse(
        body=io.BytesIO(BODY), headers=HEADERS, status=200, reason="OK", preload_content=False
    )
    return adapter.build_response(request, raw)
