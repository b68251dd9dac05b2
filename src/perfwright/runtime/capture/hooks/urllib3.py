"""urllib3: what its pools of connections send, and what stands on them: botocore, older clients of services."""

import io
import sys
from collections.abc import Callable
from typing import Any

from ..patches import Patches
from ._requests import BODY, HEADERS, Asked, answered

LIBRARY = "urllib3.connectionpool"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch the pools."""
    PATCHES.wrap(sys.modules[LIBRARY].HTTPConnectionPool, "urlopen", lambda original: _opening(original, capture))


remove = PATCHES.undo


def _opening(original: Callable[..., Any], capture: Any) -> Callable[..., Any]:
    def urlopen(self: Any, method: Any, url: Any, *given: Any, **named: Any) -> Any:
        whole = url if "://" in url else f"{self.scheme}://{self.host}/{url.lstrip('/')}"
        asked = Asked(method, whole, stubbed=capture.stub_requests)
        try:
            preload = named.get("preload_content", True)
            answer = answered(lambda: _answer(method, preload), capture.fault) if asked.stubbed else None
            return original(self, method, url, *given, **named) if answer is None else answer
        finally:
            asked.end()

    return urlopen


def _answer(method: Any, preload: Any) -> Any:
    return sys.modules["urllib3"].HTTPResponse(
        body=io.BytesIO(BODY), headers=HEADERS, status=200, reason="OK", preload_content=preload, request_method=method
    )
