"""Limits against accidents of measured code, set from inside: memory, files, cores, processes' network."""

import sys
from typing import Any

CLOSED = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


def close(memory: int) -> None:
    """Limit address space to `memory` bytes, one file to 1 GiB, and refuse the network; none can be undone."""
    try:
        import resource
    except ImportError:  # Windows: the time limits of the other side are all there is
        pass
    else:
        for limit, most in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_FSIZE, 1 << 30),
            (resource.RLIMIT_CORE, 0),
        ):
            hard = resource.getrlimit(limit)[1]
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (least, least))
    sys.addaudithook(_refuse)


def _refuse(event: str, given: tuple[Any, ...]) -> None:
    if event in CLOSED and not _is_local(given):
        raise PermissionError(f"perfwright measures without a network: {event} is refused")


def _is_local(given: tuple[Any, ...]) -> bool:
    """Tell whether it is a socket of this machine's file system, as event loops and databases use."""
    return len(given) > 1 and isinstance(given[1], (str, bytes)) and str(given[1])[:1] in ("/", "\0")
