"""A server on loopback that speaks the chat protocol, and answers as it is told: well, badly, late or without end."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Handler"], None]


class ChatServer(ThreadingHTTPServer):
    """Answers with its replies in turn, the last one for good, and keeps what it was sent."""

    daemon_threads = True
    replies: Sequence[Reply]
    stopped: threading.Event

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, Any]] = []
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked has hung up."""


class Handler(BaseHTTPRequestHandler):
    server: ChatServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length))
        number = len(self.server.requests)
        self.server.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
        replies = self.server.replies
        replies[min(number, len(replies) - 1)](self)

    def answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(*replies: Reply) -> Iterator[ChatServer]:
    """Give a server that answers with some replies, in turn."""
    server = ChatServer()
    server.replies = replies
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()


def says(*texts: str, tokens: tuple[int, int] | None = (1_000, 200)) -> Reply:
    """Answer with texts, one choice each."""
    said: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": text}} for text in texts]}
    if tokens is not None:
        said["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return lambda handler: handler.answer(200, json.dumps(said).encode(), content_type="application/json")


def code(*blocks: str) -> str:
    """Return an answer as assistants write it, with code blocks."""
    return "Here they are.\n\n" + "\n\n".join(f"```python\n{each}```" for each in blocks) + "\n\nHope it helps!"


def refuses(status: int, message: str = "no", **headers: str) -> Reply:
    data = json.dumps({"error": {"message": message}}).encode()
    return lambda handler: handler.answer(status, data, **headers)


def raw(data: bytes) -> Reply:
    return lambda handler: handler.answer(200, data)


def redirects(to: str, status: int = 307) -> Reply:
    return lambda handler: handler.answer(status, b"", location=to)


def endless(seconds: float) -> Reply:
    """Answer without end: a little every so many seconds, or as much as there is room for with 0."""

    def reply(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        handler.close_connection = True
        handler.wfile.write(b'{"choices": [{"message": {"content": "')
        while not handler.server.stopped.is_set():
            handler.wfile.write(b"x" * (1 if seconds else 1 << 16))
            time.sleep(seconds)

    return reply


def silent(handler: Handler) -> None:
    """Do not answer."""
    handler.close_connection = True
    handler.server.stopped.wait(60)
