"""What the scenarios of rule pages are played with: callers at once, servers on loopback that answer as one wishes.

A scenario says `from scene import ...`. All of it is real: threads, sockets, HTTP, an application under uvicorn. The
address of a server is also a proxy: a client with `proxy=address` reaches it by whatever name it asks for.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 2.0  # seconds after which who waits is said to hang
MEETS = 1.0  # seconds in which all who can meet have met

Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What a server was asked."""

    path: str
    body: Any


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make each call in a thread of its own, all begun together; return what they give, or raise as one of them did."""
    ready = threading.Barrier(len(calls))

    def together(call: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: (ready.wait(), call())[1]

    callers = [Caller(together(call)) for call in calls]
    return [caller.result() for caller in callers]


def ends(call: Callable[[], Any], seconds: float = PATIENCE) -> bool:
    """Tell whether a call ends while one has patience, by its own timeout too. Any other exception of it is raised."""
    caller = Caller(call)
    caller.thread.join(seconds)
    if caller.thread.is_alive():
        return False
    with contextlib.suppress(TimeoutError):
        caller.result()
    return True


class Caller:
    """A call in a thread that nobody waits for when the program ends."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.found: Any = None
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            self.found = self.call()
        except Exception as error:
            self.error = error

    def result(self) -> Any:
        """Wait for what the call gives, or raise what it raised."""
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self.found


class Meeting:
    """Where callers wait for each other; those who are kept from coming are not waited for long."""

    def __init__(self, callers: int) -> None:
        self.barrier = threading.Barrier(callers)

    def wait(self, *_: Any, **__: Any) -> bool:
        """Tell whether all have come; afterwards nobody is waited for."""
        try:
            self.barrier.wait(MEETS)
        except threading.BrokenBarrierError:
            return False
        return True


@contextlib.contextmanager
def service(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """Give the address of a server that answers each request, in a thread of its own, with a status and JSON."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.respond()

        def do_POST(self) -> None:
            self.respond()

        def respond(self) -> None:
            parts = urlsplit(self.path)  # the whole address where we are the proxy
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, value = answer(Request(parts.path, json.loads(sent) if sent else None))
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """Give the address of a server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def served(application: Any) -> Iterator[str]:
    """Give the address of an ASGI application under uvicorn."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while thread.is_alive() and not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(PATIENCE)
